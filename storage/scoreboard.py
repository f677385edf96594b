"""The honest scoreboard: what was proposed, what became of it, what it cost and how long it took."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import Row, func, select

from patchpilot.calibration import Bin, Known, brier, calibrated, reliability
from patchpilot.commands import Medium, Verb
from patchpilot.fixes import Outcome
from patchpilot.heals import HealState
from patchpilot.source import Repo
from storage.database import Database
from storage.models import Decision, Failure, Heal, Incident, ProposedFix

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoreboard:
    """Counts of heals that began in the time that was asked for."""

    repository: str
    """Empty for all."""
    days: int | None
    """``None`` for all time."""
    heals: int
    proposed: int
    """Heals that proposed at least one patch."""
    approved: int
    approved_by_policy: int
    turned_down: int
    """Proposals that a person sent back or rejected."""
    pull_requests: int
    landed: int
    """Merged, and the branch was green with it."""
    merged_red: int
    merged_unknown: int
    """Merged, and no run has told yet."""
    reverted: int
    closed: int
    pull_requests_open: int
    escalated: int
    recovered: int
    """The branch went green by itself or by a human's commit."""
    dollars: float
    """A number, like all money that leaves as JSON."""
    dollars_per_landed: float | None
    """All that was spent, failures included, for each fix that landed."""
    seconds_to_diagnosis: float | None
    """Medians; each from the heal's start, except where said."""
    seconds_to_proposal: float | None
    seconds_to_pull_request: float | None
    seconds_from_pull_request_to_merge: float | None
    known: int
    """Proposals whose outcome says whether they kept their promise."""
    brier_of_formula: float | None
    brier_of_shown: float | None
    brier_of_base_rate: float | None
    """What always saying the share of those that held would have scored: a forecast has to beat it."""
    reliability: tuple[Bin, ...]
    """By the confidence that was shown."""
    recalibration: tuple[tuple[float, float], ...]
    """Over all repositories: scores and what is shown for them now; empty while too little is known."""


def scoreboard(
    db: Database, *, repo: Repo | None = None, days: int | None = None, private: bool = True
) -> Scoreboard:
    """Count in one transaction; without ``private`` only what was open to everybody when it failed."""
    with db.transaction() as session:
        heals = session.execute(_of(_HEALS, repo, days, private=private)).all()
        proposals = session.execute(
            _of(_PROPOSALS.join(Heal, Heal.id == ProposedFix.heal_id), repo, days, private=private)
        ).all()
        decisions = session.execute(
            _of(_DECISIONS.join(Heal, Heal.id == Decision.heal_id), repo, days, private=private)
        ).all()
        everything = _forecasts(session.execute(_PROPOSALS).all())
    outcomes = Counter(heal.outcome for heal in heals)
    states = Counter(heal.state for heal in heals)
    forecasts = _forecasts(proposals)
    dollars = sum((heal.dollars for heal in heals), Decimal(0))
    landed = outcomes[Outcome.MERGED_GREEN.value]
    approvals = {row.heal_id: row.medium for row in decisions if row.verb == Verb.APPROVE.value}
    shown = [Known(one.shown, one.held) for one in forecasts]
    return Scoreboard(
        repository=repo.full_name if repo else "",
        days=days,
        heals=len(heals),
        proposed=len({row.heal_id for row in proposals}),
        approved=len(approvals),
        approved_by_policy=sum(medium == Medium.POLICY.value for medium in approvals.values()),
        turned_down=sum(row.outcome == Outcome.TURNED_DOWN.value for row in proposals),
        pull_requests=sum(heal.pull_request_number is not None for heal in heals),
        landed=landed,
        merged_red=outcomes[Outcome.MERGED_RED.value],
        merged_unknown=sum(bool(heal.merge_sha) and not heal.outcome for heal in heals),
        reverted=outcomes[Outcome.REVERTED.value],
        closed=outcomes[Outcome.CLOSED.value],
        pull_requests_open=states[HealState.PR_OPEN.value],
        escalated=states[HealState.ESCALATED.value],
        recovered=states[HealState.RECOVERED.value],
        dollars=float(dollars),
        dollars_per_landed=float(dollars / landed) if landed else None,
        seconds_to_diagnosis=_median((heal.created_at, heal.diagnosed_at) for heal in heals),
        seconds_to_proposal=_median((heal.created_at, heal.proposed_at) for heal in heals),
        seconds_to_pull_request=_median((heal.created_at, heal.pull_request_at) for heal in heals),
        seconds_from_pull_request_to_merge=_median(
            (heal.pull_request_at, heal.resolved_at) for heal in heals if heal.merge_sha
        ),
        known=len(forecasts),
        brier_of_formula=brier([Known(one.score, one.held) for one in forecasts]),
        brier_of_shown=brier(shown),
        brier_of_base_rate=_base_rate(shown),
        reliability=reliability(shown),
        recalibration=calibrated([Known(one.score, one.held) for one in everything]).points,
    )


@dataclass(frozen=True, slots=True)
class _Forecast:
    score: float
    shown: float
    held: bool


# Without the logs and diagnoses that a heal's row holds too.
_HEALS = select(
    Heal.state,
    Heal.outcome,
    Heal.merge_sha,
    Heal.dollars,
    Heal.pull_request_number,
    Heal.created_at,
    Heal.diagnosed_at,
    Heal.proposed_at,
    Heal.pull_request_at,
    Heal.resolved_at,
)
_SHOWN = ProposedFix.fix["confidence"].astext
_PROPOSALS = select(
    ProposedFix.heal_id,
    ProposedFix.outcome,
    func.coalesce(ProposedFix.fix["score"].astext, _SHOWN).label("score"),
    _SHOWN.label("shown"),
).select_from(ProposedFix)
_DECISIONS = select(Decision.heal_id, Decision.verb, Decision.medium).select_from(Decision)


def _of(query: Any, repo: Repo | None, days: int | None, *, private: bool) -> Any:
    if repo is not None:
        query = query.join(Incident, Incident.id == Heal.incident_id).where(
            Incident.host == repo.host, Incident.repo == repo.full_name
        )
    if not private:
        query = query.join(Failure, Failure.id == Heal.failure_id).where(Failure.private.is_(False))
    if days is not None:
        query = query.where(Heal.created_at >= func.now() - func.make_interval(0, 0, 0, days))
    return query


def _forecasts(rows: Any) -> list[_Forecast]:
    return [made for row in rows if (made := _forecast(row)) is not None]


def _forecast(row: Row[Any]) -> _Forecast | None:
    outcome = _OUTCOMES.get(row.outcome)
    held = outcome.held if outcome else None
    if held is None or row.score is None:
        return None
    return _Forecast(float(row.score), float(row.shown), held)


def _base_rate(known: list[Known]) -> float | None:
    if not known:
        return None
    rate = sum(one.held for one in known) / len(known)
    return brier([Known(rate, one.held) for one in known])


def _median(spans: Any) -> float | None:
    seconds: list[float] = [
        (end - start).total_seconds()
        for start, end in spans
        if isinstance(start, datetime) and isinstance(end, datetime)
    ]
    return median(seconds) if seconds else None
