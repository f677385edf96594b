"""The states of a heal and the one table of moves between them.

Every move is one conditional ``UPDATE ... WHERE state = ...`` in :mod:`storage`; a move that this table
does not have is refused there, whoever asks.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NewType

HealId = NewType("HealId", str)
"""Opaque id of a heal: 32 hexadecimal characters. It is also the graph's thread id."""


class HealState(enum.StrEnum):
    """Where a heal stands. The values are stored and shown, so they never change."""

    QUEUED = "queued"
    INGESTING = "ingesting"
    DIAGNOSING = "diagnosing"
    REPAIRING = "repairing"
    VALIDATING = "validating"
    AWAITING_APPROVAL = "awaiting_approval"
    OPENING_PR = "opening_pr"
    PR_OPEN = "pr_open"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    REJECTED = "rejected"
    FLAKY = "flaky"
    INFRASTRUCTURE = "infrastructure"
    RECOVERED = "recovered"
    """The branch went green by itself, or by a human's commit."""
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


S = HealState
_BY_PEOPLE = frozenset({S.RESOLVED, S.REJECTED})
"""While a second round goes on, or after PatchPilot gave up, people may merge or close the pull request."""
_EXITS = frozenset({S.ESCALATED, S.RECOVERED, S.SUPERSEDED})
_VERDICTS = frozenset({S.FLAKY, S.INFRASTRUCTURE})

MOVES: Mapping[HealState, frozenset[HealState]] = {
    S.QUEUED: frozenset({S.INGESTING}) | _EXITS,
    S.INGESTING: frozenset({S.DIAGNOSING}) | _EXITS,
    S.DIAGNOSING: frozenset({S.REPAIRING}) | _EXITS | _VERDICTS,
    S.REPAIRING: frozenset({S.VALIDATING}) | _EXITS | _VERDICTS | _BY_PEOPLE,
    S.VALIDATING: frozenset({S.AWAITING_APPROVAL, S.REPAIRING}) | _EXITS | _VERDICTS | _BY_PEOPLE,
    S.AWAITING_APPROVAL: frozenset({S.OPENING_PR, S.REPAIRING, S.EXPIRED}) | _EXITS | _BY_PEOPLE,
    S.OPENING_PR: frozenset({S.PR_OPEN}) | _EXITS | _BY_PEOPLE,
    S.PR_OPEN: frozenset({S.RESOLVED, S.REJECTED, S.REPAIRING}) | _EXITS,
    # A person may ask for another try at what a heal left to people; a retry there is a move, not a new heal.
    S.ESCALATED: frozenset({S.REPAIRING, S.RECOVERED, S.SUPERSEDED}) | _BY_PEOPLE,
    S.RESOLVED: frozenset(),
    S.REJECTED: frozenset({S.RECOVERED}),
    S.FLAKY: frozenset(),
    S.INFRASTRUCTURE: frozenset(),
    S.RECOVERED: frozenset(),
    S.SUPERSEDED: frozenset(),
    S.EXPIRED: frozenset({S.REPAIRING, S.RECOVERED, S.SUPERSEDED}) | _BY_PEOPLE,
}

WORKING = frozenset({S.QUEUED, S.INGESTING, S.DIAGNOSING, S.REPAIRING, S.VALIDATING})
"""A worker is, or should be, at it: without a live lease the dispatcher puts it back on the queue."""

ENDED = frozenset(
    {S.RESOLVED, S.ESCALATED, S.REJECTED, S.FLAKY, S.INFRASTRUCTURE, S.RECOVERED, S.SUPERSEDED, S.EXPIRED}
)
"""Nothing of ours goes on by itself from here."""

FINAL = frozenset(state for state in ENDED if MOVES[state] <= ENDED)
"""No move leads back to work from here: where it stood in the graph is never asked again."""

OPEN = frozenset(HealState) - frozenset({S.RESOLVED, S.FLAKY, S.INFRASTRUCTURE, S.RECOVERED, S.SUPERSEDED})
"""The incident is not over: a repeat of the failure joins it rather than opening another."""


def allowed(current: HealState, target: HealState) -> bool:
    """Whether the table has this move."""
    return target in MOVES[current]


def sources(target: HealState) -> frozenset[HealState]:
    """All states from which ``target`` may be reached in one move."""
    return frozenset(state for state, targets in MOVES.items() if target in targets)
