"""Tables of a pull request's conversation: what was asked there, and how often we have written of late."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Empty, Now, Serial, Table


class PullAskRow(Table):
    """A command in a comment, or a click on a button of our check run."""

    __tablename__ = "pull_asks"
    __table_args__ = (
        Index("pull_asks_of_pull", "host", "repo", "number", "id"),
        Index("pull_asks_open", "state", "id"),
    )

    id: Mapped[Serial]
    key: Mapped[str] = mapped_column(unique=True)
    """The comment's or the click's, whichever delivery tells of it."""
    way: Mapped[str]
    host: Mapped[str]
    repo: Mapped[str]
    number: Mapped[int]
    comment_id: Mapped[int | None]
    incident_id: Mapped[int | None]
    login: Mapped[str]
    user_id: Mapped[int | None]
    text: Mapped[str]
    approval_id: Mapped[Empty]
    at: Mapped[Now]
    state: Mapped[str]
    ruling: Mapped[Empty]
    answer: Mapped[Empty]
    reply: Mapped[bool] = mapped_column(Boolean, server_default=false())
    settled_at: Mapped[datetime | None]


class ContentCall(Table):
    """One request that made or changed content on a code host; kept for an hour."""

    __tablename__ = "content_calls"
    __table_args__ = (Index("content_calls_of_host", "host", "at"),)

    id: Mapped[Serial]
    host: Mapped[str]
    at: Mapped[Now]


class PullHead(Table):
    """Which pull request a fork's commit is the head of; kept for a while."""

    __tablename__ = "pull_heads"

    host: Mapped[str] = mapped_column(primary_key=True)
    repo: Mapped[str] = mapped_column(primary_key=True)
    head_sha: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    base_branch: Mapped[Empty]
    at: Mapped[Now]
