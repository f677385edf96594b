"""Where an incident is told. Pure: the announcer asks, with the subscriptions that storage has.

Rules are tried from the most particular kind to the most general: those for tests, for a workflow, for the
repository, for all of an owner's repositories. The first kind that has one for the incident decides, and all
of that kind count. Where nobody has subscribed, the operator's channel is told.

A branch that no subscription names is told only if it is the default branch. A pull request's failures are
told on the pull request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from patchpilot.grammar.values import DigestTime, Level, TwoPersonRule
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot
from patchpilot.source import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a channel wants to be told."""

    id: int = 0
    team: str
    channel: str
    private: bool
    """The channel is private."""
    host: str
    repo: str
    """``owner/name``, or ``owner/*`` for all of an owner's."""
    branches: tuple[str, ...] = ()
    """Patterns; empty for the default branch only."""
    workflow: str = ""
    test: str = ""
    level: Level = Level.ALL
    digest: DigestTime | None = None
    zone: str = "UTC"
    author: str = ""
    """Login of who subscribed."""

    @property
    def of_owner(self) -> bool:
        """It is for all repositories of an owner."""
        return self.repo.endswith("/*")

    def covers(self, repo: Repo) -> bool:
        """Whether the repository is one that it names."""
        name = repo.full_name.lower()
        wanted = self.repo.lower()
        if self.host != repo.host:
            return False
        return name.startswith(wanted[:-1]) if self.of_owner else name == wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoRules:
    """What a repository's admins have decided."""

    two_person: TwoPersonRule = TwoPersonRule.OFF
    public: bool = False
    """A private repository may be shown in public channels."""


USUAL_RULES: Final = RepoRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A channel that is told, and from when on."""

    channel: str
    team: str = ""
    """Empty for the operator's own workspace."""
    level: Level = Level.ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """The operator's channel, for what nobody has subscribed to."""

    channel: str
    branches: tuple[str, ...] = field(default=())
    """Patterns, as of a subscription."""


def route(
    incident: IncidentSnapshot,
    subscriptions: Sequence[Subscription],
    *,
    fallback: Fallback,
    rules: RepoRules = USUAL_RULES,
) -> tuple[Destination, ...]:
    """The channels that are told of ``incident``, in the order of their subscriptions; none is an answer."""
    ours = [one for one in subscriptions if one.covers(incident.repo) and _may_show(one, incident, rules)]
    for kind in (_by_test, _by_workflow, _by_repo, _by_owner):
        matching = [one for one in ours if kind(one, incident)]
        if matching:
            return _destinations(one for one in matching if _wants_branch(one.branches, incident))
    if not _wants_branch(fallback.branches, incident):
        return ()
    return (Destination(channel=fallback.channel),)


def is_told(incident: IncidentSnapshot, level: Level) -> bool:
    """Whether an incident has come far enough for a channel of that level to see its card."""
    heal = incident.heal
    match level:
        case Level.ALL:
            return True
        case Level.DIAGNOSED:
            return heal.diagnosis is not None or heal.state in _FAR
        case Level.APPROVAL:
            return bool(heal.approval_id) or heal.state in _FAR


_FAR: Final = frozenset(
    {HealState.AWAITING_APPROVAL, HealState.OPENING_PR, HealState.PR_OPEN, HealState.ESCALATED}
)
"""People are asked for something, so that nobody who wants approvals may miss it."""


def _by_test(one: Subscription, incident: IncidentSnapshot) -> bool:
    distilled = incident.heal.distilled
    tests = distilled.tests if distilled else ()
    return (
        bool(one.test)
        and _fits_workflow(one, incident)
        and any(fnmatchcase(test, one.test) for test in tests)
    )


def _by_workflow(one: Subscription, incident: IncidentSnapshot) -> bool:
    return bool(one.workflow) and not one.test and _fits_workflow(one, incident)


def _by_repo(one: Subscription, incident: IncidentSnapshot) -> bool:
    del incident
    return not one.of_owner and not one.workflow and not one.test


def _by_owner(one: Subscription, incident: IncidentSnapshot) -> bool:
    del incident
    return one.of_owner and not one.workflow and not one.test


def _fits_workflow(one: Subscription, incident: IncidentSnapshot) -> bool:
    return not one.workflow or fnmatchcase(incident.workflow.lower(), one.workflow.lower())


def _wants_branch(patterns: tuple[str, ...], incident: IncidentSnapshot) -> bool:
    if patterns:
        return any(fnmatchcase(incident.branch, pattern) for pattern in patterns)
    return on_default_branch(incident)


def on_default_branch(incident: IncidentSnapshot) -> bool:
    """Whether it is red where everybody builds from."""
    failure = incident.heal.failure
    return incident.branch == failure.default_branch and failure.pull_request is None


def _may_show(one: Subscription, incident: IncidentSnapshot, rules: RepoRules) -> bool:
    # An owner's rule was made by somebody who need not see all of the owner's repositories.
    return not incident.heal.failure.private or rules.public or (one.private and not one.of_owner)


def _destinations(found: Iterable[Subscription]) -> tuple[Destination, ...]:
    """One per channel, with the level that tells it most."""
    by_channel: dict[tuple[str, str], Destination] = {}
    order = list(Level)
    for one in found:
        key = (one.team, one.channel)
        known = by_channel.get(key)
        if known is None or order.index(one.level) < order.index(known.level):
            by_channel[key] = Destination(channel=one.channel, team=one.team, level=one.level)
    return tuple(by_channel.values())
