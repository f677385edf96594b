from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from patchpilot.errors import BudgetExceededError, PermanentError
from patchpilot.fixes import Spend
from storage.budget import BudgetLimits
from storage.figures import figures
from storage.incidents import snapshot_of_heal


def _spend(dollars: str, tokens: int = 10) -> Spend:
    return Spend(dollars=Decimal(dollars), input_tokens=tokens, output_tokens=1, calls=1)


def test_what_was_spent_is_shown(world: Any) -> None:
    journal = world.take(world.red().heal)
    journal.budget().record(_spend("0.25"))
    journal.budget().record(_spend("0.25"))

    spent = snapshot_of_heal(world.db, journal.heal_id).heal.spend
    assert spent == Spend(dollars=Decimal("0.50"), input_tokens=20, output_tokens=2, calls=2)
    assert figures(world.db).dollars_today == Decimal("0.50")
    assert figures(world.db).tokens_total == 22


def test_a_heals_dollars_end(world: Any) -> None:
    budget = world.take(world.red().heal).budget()
    budget.check(expected_dollars=0.9)
    budget.record(_spend("0.90"))

    with pytest.raises(BudgetExceededError, match="HEAL_MAX_DOLLARS"):
        budget.check(expected_dollars=0.2)


def test_a_heals_tokens_end(world: Any) -> None:
    budget = world.take(world.red().heal).budget()
    budget.record(_spend("0", tokens=1000))

    with pytest.raises(BudgetExceededError, match="HEAL_MAX_TOKENS"):
        budget.check(expected_dollars=0)


def test_a_call_that_could_pass_the_tokens_is_not_made(world: Any) -> None:
    budget = world.take(world.red().heal).budget()
    budget.record(_spend("0", tokens=599))
    budget.check(expected_dollars=0, expected_tokens=400)

    with pytest.raises(BudgetExceededError, match="HEAL_MAX_TOKENS"):
        budget.check(expected_dollars=0, expected_tokens=401)


def test_a_repositorys_tokens_of_the_day_end_for_all_its_heals(world: Any) -> None:
    for branch in ("a", "b"):
        world.take(world.red(branch=branch).heal).budget().record(_spend("0", tokens=899))
    third, fourth = (world.take(world.red(branch=branch).heal).budget() for branch in ("c", "d"))
    third.check(expected_dollars=0, expected_tokens=500)

    # 1,800 are used, 500 set aside, and 2,500 are the limit.
    with pytest.raises(BudgetExceededError, match="2,300 used or set aside; REPO_DAY_MAX_TOKENS"):
        fourth.check(expected_dollars=0, expected_tokens=201)
    third.record(_spend("0", tokens=99))
    fourth.check(expected_dollars=0, expected_tokens=201)


def test_a_repositorys_day_ends_for_all_its_heals(world: Any) -> None:
    world.take(world.red(branch="a").heal).budget().record(_spend("0.80"))
    other = world.take(world.red(branch="b").heal).budget()
    other.check(expected_dollars=0.6)

    with pytest.raises(BudgetExceededError, match="REPO_DAY_MAX_DOLLARS"):
        other.check(expected_dollars=0.75)


def test_a_limit_of_nothing_allows_nothing(world: Any) -> None:
    limits = BudgetLimits(
        heal_max_dollars=Decimal(0),
        heal_max_tokens=100,
        repo_day_max_dollars=Decimal(1),
        repo_day_max_tokens=100_000,
    )
    budget = world.take(world.red().heal, limits=limits).budget()

    with pytest.raises(BudgetExceededError):
        budget.check(expected_dollars=0)


def test_heals_at_the_same_time_can_not_spend_the_same_dollar(world: Any) -> None:
    budgets = [world.take(world.red(branch=f"b{number}").heal).budget() for number in range(6)]

    def allowed(number: int) -> bool:
        try:
            budgets[number].check(expected_dollars=0.5)
        except BudgetExceededError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(allowed, range(6))) == 3


def test_money_set_aside_is_given_back_by_what_was_really_spent(world: Any) -> None:
    first = world.take(world.red(branch="a").heal).budget()
    second = world.take(world.red(branch="b").heal).budget()
    first.check(expected_dollars=0.9)
    with pytest.raises(BudgetExceededError):
        second.check(expected_dollars=0.9)
    first.record(_spend("0.10"))

    second.check(expected_dollars=0.9)


@pytest.mark.parametrize("dollars", [float("nan"), float("inf"), -1.0])
def test_a_price_that_is_none_is_refused(world, dollars: float) -> None:
    budget = world.take(world.red().heal).budget()

    with pytest.raises(PermanentError):
        budget.check(expected_dollars=dollars)


def test_money_spent_after_the_lease_was_lost_is_booked(world: Any) -> None:
    lost = world.take(world.red().heal, seconds=0)
    world.take(lost.heal_id)
    lost.budget().record(_spend("0.30"))

    assert snapshot_of_heal(world.db, lost.heal_id).heal.spend.dollars == Decimal("0.30")


def test_figures_count_everything(world: Any) -> None:
    from patchpilot.commands import Verb

    empty = figures(world.db)
    assert (empty.heals_by_state, empty.median_seconds_to_diagnosis) == ({}, None)
    journal = world.awaiting(branch="a")
    world.red(branch="b")
    world.decide(Verb.REJECT, approval_id=world.approval(journal))

    found = figures(world.db)
    assert found.heals_by_state == {"queued": 1, "rejected": 1}
    assert (found.failures, found.incidents, found.incidents_open) == (2, 2, 2)
    assert found.decisions_by_verb == {"reject": 1}
    assert found.tasks_waiting == {"heal": 3}
    assert found.median_seconds_to_proposal >= 0
