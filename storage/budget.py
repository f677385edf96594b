"""What a heal may still spend. Every limit fails closed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Date, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.errors import BudgetExceededError, LeaseLostError, PermanentError
from patchpilot.fixes import Spend
from storage.database import Database
from storage.leases import from_now
from storage.models import Failure, Heal, RepoDay, Reservation

_RESERVED_SECONDS = 1_800
"""Longer than any model call: money set aside by a worker that died comes back after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """Most that may be spent on model calls."""

    heal_max_dollars: Decimal
    heal_max_tokens: int
    """Input and output together."""
    repo_day_max_dollars: Decimal
    """All heals of one repository on one day (UTC)."""
    repo_day_max_tokens: int
    """The same, in tokens."""


class HealBudget:
    """The budget of one heal under one lease; implements ``patchpilot.ports.Budget``."""

    def __init__(self, db: Database, heal_id: str, *, token: int, limits: BudgetLimits) -> None:
        self._db = db
        self._heal_id = heal_id
        self._token = token
        self._limits = limits

    def check(self, *, expected_dollars: float, expected_tokens: int = 0) -> None:
        """Set so much aside for one call, or raise ``BudgetExceededError``.

        Checks of one repository run one after the other, so two heals can't both take the last dollar.
        A call replaces what the call before it set aside; :meth:`record` ends it.
        """
        if not math.isfinite(expected_dollars) or expected_dollars < 0:
            raise PermanentError(f"a model call can't be expected to cost {expected_dollars} dollars")
        expected = _Amount(Decimal(str(expected_dollars)), max(expected_tokens, 0))
        with self._db.transaction() as session:
            repo = _repo(session, self._heal_id)
            day = _locked_day(session, repo)
            heal = session.scalar(
                select(Heal)
                .where(Heal.id == self._heal_id, Heal.lease_token == self._token)
                .with_for_update()
            )
            if heal is None:
                raise LeaseLostError(f"heal {self._heal_id} is in another worker's hands")
            _refuse_heal(heal, expected, self._limits)
            others = _reserved(session, repo, self._heal_id)
            used = _Amount(day.dollars + others.dollars, day.tokens + others.tokens)
            _refuse_day(used, expected, self._limits)
            _reserve(session, self._heal_id, repo, expected)

    def record(self, spend: Spend) -> None:
        """Book what a call really cost. Booked even if the lease was lost: the money is gone either way."""
        tokens = spend.input_tokens + spend.output_tokens
        with self._db.transaction() as session:
            day = _locked_day(session, _repo(session, self._heal_id))
            day.dollars += spend.dollars
            day.tokens += tokens
            session.execute(
                update(Heal)
                .where(Heal.id == self._heal_id)
                .values(
                    dollars=Heal.dollars + spend.dollars,
                    input_tokens=Heal.input_tokens + spend.input_tokens,
                    output_tokens=Heal.output_tokens + spend.output_tokens,
                    model_calls=Heal.model_calls + spend.calls,
                )
            )
            session.execute(delete(Reservation).where(Reservation.heal_id == self._heal_id))


@dataclass(frozen=True, slots=True)
class _Amount:
    dollars: Decimal
    tokens: int


def _repo(session: Session, heal_id: str) -> tuple[str, str]:
    row = session.execute(
        select(Failure.host, Failure.repo).join(Heal, Heal.failure_id == Failure.id).where(Heal.id == heal_id)
    ).one_or_none()
    if row is None:
        raise PermanentError(f"there is no heal {heal_id}")
    return row[0], row[1]


def _locked_day(session: Session, repo: tuple[str, str]) -> RepoDay:
    today = session.execute(select(cast(func.timezone("UTC", func.clock_timestamp()), Date))).scalar_one()
    key: tuple[str, str, date] = (*repo, today)
    session.execute(insert(RepoDay).values(host=repo[0], repo=repo[1], day=today).on_conflict_do_nothing())
    return session.get_one(RepoDay, key, with_for_update=True)


def _refuse_heal(heal: Heal, expected: _Amount, limits: BudgetLimits) -> None:
    most = limits.heal_max_dollars
    if heal.dollars + expected.dollars > most or heal.dollars >= most:
        raise BudgetExceededError(
            f"the next model call could pass this heal's limit of ${most:.2f} (spent ${heal.dollars:.2f}); "
            "HEAL_MAX_DOLLARS sets it"
        )
    tokens = heal.input_tokens + heal.output_tokens
    if tokens + expected.tokens > limits.heal_max_tokens or tokens >= limits.heal_max_tokens:
        raise BudgetExceededError(
            f"the next model call could pass this heal's limit of {limits.heal_max_tokens:,} tokens "
            f"(used {tokens:,}); HEAL_MAX_TOKENS sets it"
        )


def _refuse_day(used: _Amount, expected: _Amount, limits: BudgetLimits) -> None:
    most, spent = limits.repo_day_max_dollars, used.dollars
    if spent + expected.dollars > most or spent >= most:
        raise BudgetExceededError(
            f"the next model call could pass this repository's limit of ${most:.2f} for today (UTC), with "
            f"${spent:.2f} spent or set aside; REPO_DAY_MAX_DOLLARS sets it"
        )
    if (
        used.tokens + expected.tokens > limits.repo_day_max_tokens
        or used.tokens >= limits.repo_day_max_tokens
    ):
        raise BudgetExceededError(
            "the next model call could pass this repository's limit of "
            f"{limits.repo_day_max_tokens:,} tokens for today (UTC), with {used.tokens:,} used or set aside; "
            "REPO_DAY_MAX_TOKENS sets it"
        )


def _reserved(session: Session, repo: tuple[str, str], but: str) -> _Amount:
    dollars, tokens = session.execute(
        select(func.sum(Reservation.dollars), func.sum(Reservation.tokens)).where(
            Reservation.host == repo[0],
            Reservation.repo == repo[1],
            Reservation.heal_id != but,
            Reservation.until > func.clock_timestamp(),
        )
    ).one()
    return _Amount(dollars or Decimal(0), int(tokens or 0))


def _reserve(session: Session, heal_id: str, repo: tuple[str, str], amount: _Amount) -> None:
    aside = {"dollars": amount.dollars, "tokens": amount.tokens, "until": from_now(_RESERVED_SECONDS)}
    session.execute(
        insert(Reservation)
        .values(heal_id=heal_id, host=repo[0], repo=repo[1], **aside)
        .on_conflict_do_update(index_elements=[Reservation.heal_id], set_=aside)
    )
