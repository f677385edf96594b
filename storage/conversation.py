"""What the conversation in Slack keeps besides incidents and heals."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Key, Now, Table


class Assignment(Table):
    """Who has said that they look after an incident."""

    __tablename__ = "assignments"

    incident_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("incidents.id"), primary_key=True)
    medium: Mapped[str]
    account: Mapped[str]
    """The medium's own id for the person (Slack: ``U…``)."""
    name: Mapped[str]
    """For people: the linked login, else the account."""
    at: Mapped[Now]


class BrokenDestination(Table):
    """A place that messages can't reach at the moment, so that an admin sees it and what to do."""

    __tablename__ = "broken_destinations"

    place: Mapped[Key]
    """Channel id or ``#name``; empty for the whole workspace (its token does not work)."""
    code: Mapped[str]
    """Slack's own word, for instance ``is_archived``."""
    advice: Mapped[str]
    since: Mapped[Now]
    last_tried: Mapped[Now]


class OpenedHome(Table):
    """A person's Home tab, once they have opened it."""

    __tablename__ = "opened_homes"

    team: Mapped[Key]
    account: Mapped[Key]
    view_hash: Mapped[str]
    digest: Mapped[str]
    opened_at: Mapped[Now]
