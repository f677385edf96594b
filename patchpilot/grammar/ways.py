"""The ways in, and what is to be known of a verb that can be said there."""

from __future__ import annotations

import enum
from dataclasses import KW_ONLY, dataclass
from typing import Final

from patchpilot.commands import Medium
from patchpilot.source import Permission


class Way(enum.StrEnum):
    """The ways in. Each belongs to a medium, in which it is answered."""

    SLASH = "slash command"
    MENTION = "mention"
    BUTTON = "button"
    COMMENT = "pull request comment"
    CHECK = "check-run action"
    API = "REST call"
    DASHBOARD = "dashboard click"

    @property
    def medium(self) -> Medium:
        """Where the answer goes."""
        return _MEDIA[self]

    @property
    def conversational(self) -> bool:
        """People write sentences there, so what is no command is taken for a question."""
        return self in {Way.MENTION, Way.COMMENT}


_MEDIA: Final = {
    Way.SLASH: Medium.SLACK,
    Way.MENTION: Medium.SLACK,
    Way.BUTTON: Medium.SLACK,
    Way.COMMENT: Medium.PULL_REQUEST,
    Way.CHECK: Medium.PULL_REQUEST,
    Way.API: Medium.API,
    Way.DASHBOARD: Medium.DASHBOARD,
}


@dataclass(frozen=True, slots=True)
class Option:
    """One ``key:value`` of a verb."""

    key: str
    _: KW_ONLY
    example: str
    meaning: str


@dataclass(frozen=True, slots=True)
class VerbEntry:
    """All that is to be known of one verb."""

    usage: str
    """Its name and what follows, for people: ``retry PP-142 [hint]``."""
    meaning: str
    """One line for ``help``."""
    _: KW_ONLY
    ways: frozenset[Way]
    need: Permission
    """Least permission on the repository, asked for live of a linked account; guests and outsiders may not.
    ``NONE`` for whoever can read the channel."""
    needs_more: str = ""
    """When more is needed than ``need`` says, for people."""
    budgeted: bool = False
    """It makes work that costs, so each person has a daily number of it."""
    options: tuple[Option, ...] = ()
    example: str = ""
    act: str = ""
    """What somebody may or may not, where the name is no verb; see :attr:`doing`."""

    @property
    def doing(self) -> str:
        """What follows ``may`` in a refusal."""
        return self.act or self.name

    @property
    def name(self) -> str:
        """The word by which it is called."""
        return self.usage.partition(" ")[0]
