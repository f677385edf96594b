"""A pull request's conversation: what people ask there, and the check run with its buttons.

GitHub's limits for check runs: https://docs.github.com/en/rest/checks/runs
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from patchpilot.commands import Ruling
from patchpilot.grammar import Way
from patchpilot.source import HostUser, Repo, Sha

CHECK_NAME = "PatchPilot"
MOST_ACTIONS = 3
LABEL_CHARACTERS = 20
DESCRIPTION_CHARACTERS = 40
IDENTIFIER_CHARACTERS = 20
MOST_ANNOTATIONS = 50
"""Per request; more go in several requests."""


class AskState(enum.StrEnum):
    """How far a request on a pull request is. The values are stored."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    """Taken on, and at work."""
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullAsk:
    """One thing that somebody asked for on a pull request: a comment's command or a check run's button."""

    id: int
    key: str
    """Names the comment or the delivery, so that repeats do nothing."""
    way: Way
    repo: Repo
    number: int
    """Of the pull request."""
    comment_id: int | None
    """``None`` for a button."""
    incident: int | None
    by: HostUser
    text: str
    """The command without the mention."""
    approval_id: str = ""
    """For an approve: the proposal that was current when it was recorded; empty for none."""
    at: datetime
    state: AskState = AskState.WAITING
    ruling: Ruling | None = None
    answer: str = ""
    """Empty also for a request that was heard, but is answered by a reaction alone."""
    reply: bool = False
    """The answer is told in a comment of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAction:
    """A button of a check run; its click comes back with the identifier."""

    identifier: str
    label: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnnotation:
    """A remark on a line of the commit."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Our check run on a commit. It is never red: it ends neutral, so that it blocks no merge."""

    head_sha: Sha
    external_id: str
    """``PP-12``: comes back with a click on a button."""
    completed: bool
    title: str
    summary: str
    """Markdown."""
    text: str = ""
    """Markdown, shown below the summary."""
    details_url: str = ""
    actions: tuple[CheckAction, ...] = ()
    annotations: tuple[CheckAnnotation, ...] = ()


class Reaction(enum.StrEnum):
    """What we answer a comment with. The values are GitHub's: https://docs.github.com/en/rest/reactions"""

    EYES = "eyes"
    ROCKET = "rocket"
    DOWN = "-1"


REACTION_OF = {
    AskState.ACCEPTED: Reaction.EYES,
    AskState.DONE: Reaction.ROCKET,
    AskState.REFUSED: Reaction.DOWN,
}
"""How the state of a request is shown on the comment that asked."""
