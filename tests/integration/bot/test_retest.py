"""The branch goes on while a proposal waits: nobody approves what was proved elsewhere; Re-test mends it."""

from __future__ import annotations

import httpx
import pytest

from patchpilot.failures import Category, DistilledFailure
from patchpilot.heals import HealState
from patchpilot.source import Permission
from storage.budget import BudgetLimits
from storage.heals import take_heal
from storage.incidents import snapshot


@pytest.fixture
def waiting(world):
    """The incident's number and its heal, which waits for a decision."""
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    return incident, heal


def move_on(world) -> None:
    """The branch is red again, in the same way, at its next commit."""
    _, later = world.fail()
    limits = BudgetLimits(
        heal_max_dollars=1, heal_max_tokens=1000, repo_day_max_dollars=1, repo_day_max_tokens=100_000
    )
    journal = take_heal(world.db, later, owner="test", seconds=30, budget=limits)
    journal.move(HealState.INGESTING)
    journal.settle(DistilledFailure(text="F401", category=Category.LINT, cause="F401", fingerprint="f" * 16))
    journal.release()


def heal_of(world, incident):
    return snapshot(world.db, incident).heal


def whispered(world, who, text) -> object:
    world.until(lambda: any(text in one.text for one in world.slack.ephemerals(who)))
    return next(one for one in reversed(world.slack.ephemerals(who)) if text in one.text)


def test_an_approve_that_comes_too_late_offers_to_test_anew(world, waiting):
    incident, _ = waiting
    stale = world.slack.prepare_press("ana", world.channel, world.items()["approval"].ts, "approve")
    move_on(world)

    world.slack.send(stale)

    offer = whispered(world, "ana", "Outdated: main moved to 0000000 and is red there too")
    [button] = [one for block in offer.blocks if block["type"] == "actions" for one in block["elements"]]
    assert (button["action_id"], button["value"]) == ("retest", heal_of(world, incident).approval_id)
    assert heal_of(world, incident).state is HealState.AWAITING_APPROVAL
    assert heal_of(world, incident).decisions == ()


def test_the_card_offers_re_test_instead_of_approve_and_the_old_approval_is_dead(world, waiting):
    incident, heal = waiting
    first = world.items()["approval"]
    stale = world.slack.prepare_press("ana", world.channel, first.ts, "approve")
    move_on(world)
    world.show()
    assert "Outdated: main moved to" in world.items()["approval"].text
    assert world.buttons(world.items()["approval"]) == ["retest", "retry", "reject", "escalate"]

    # As retry: triage is enough.
    world.slack.press("ben", world.channel, first.ts, "retest")
    world.until(lambda: heal_of(world, incident).state is HealState.REPAIRING)
    world.show()
    card = next(m for m in world.slack.thread(world.channel, world.card().ts) if m.ts == first.ts)
    assert "sent to be tested anew by @ben" in card.text
    assert not world.buttons(card)

    world.propose(heal)
    world.show()
    world.slack.send(stale)
    whispered(world, "ana", "This proposal for PP-1 is outdated: a newer one takes its place")
    second = world.items()["approval"]
    assert second.ts != first.ts
    assert world.buttons(second) == ["approve", "retry", "reject", "escalate"]

    world.slack.press("ana", world.channel, second.ts, "approve")
    world.until(lambda: heal_of(world, incident).state is HealState.OPENING_PR)
    assert [one.verb for one in heal_of(world, incident).decisions] == ["retest", "approve"]


def test_who_may_not_retry_may_not_re_test(world, waiting):
    incident, _ = waiting
    move_on(world)
    world.show()

    world.slack.press("cleo", world.channel, world.items()["approval"].ts, "retest")

    whispered(world, "cleo", "People with triage access to acme/ledger may retest")
    assert heal_of(world, incident).state is HealState.AWAITING_APPROVAL


def test_it_can_be_typed_and_says_when_there_is_nothing_to_test_anew(world, waiting):
    incident, _ = waiting
    world.slack.slash("ben", world.channel, f"/patchpilot retest PP-{incident}")
    whispered(world, "ben", "there is nothing to test anew")
    assert heal_of(world, incident).state is HealState.AWAITING_APPROVAL

    move_on(world)
    world.slack.slash("ana", world.channel, f"/patchpilot approve PP-{incident}")
    whispered(world, "ana", "`retest PP-1` proves the same patch there")
    world.slack.say("ben", world.channel, "@patchpilot retest", thread_ts=world.card().ts)
    world.until(lambda: heal_of(world, incident).state is HealState.REPAIRING)
    assert heal_of(world, incident).base.head_sha != heal_of(world, incident).failure.head_sha


def test_scripts_see_that_it_is_outdated_and_test_it_anew(world, waiting):
    incident, heal = waiting
    move_on(world)
    jobs, token = f"{world.url}/api/jobs/{heal}", {"Authorization": "Bearer api-token"}
    shown = httpx.get(jobs, headers=token).json()
    assert shown["moved_to"] == f"{2:040x}"
    assert shown["base"] == shown["commit"] == f"{1:040x}"

    approve = {"verb": "approve", "login": "ana", "patch_sha256": shown["patch_sha256"]}
    refused = httpx.post(f"{jobs}/decisions", json=approve, headers=token)
    assert (refused.status_code, "Outdated: main moved to" in refused.text) == (409, True)
    done = httpx.post(f"{jobs}/decisions", json={"verb": "retest", "login": "ben"}, headers=token)

    assert done.json()["ruling"] == "applied"
    assert httpx.get(jobs, headers=token).json()["base"] == f"{2:040x}"
    assert heal_of(world, incident).state is HealState.REPAIRING


def test_two_people_approve_nothing_that_is_outdated(world, waiting):
    world.permissions.of["ana"] = Permission.ADMIN
    world.slack.slash("ana", world.channel, "/patchpilot settings acme/ledger two-person:two")
    whispered(world, "ana", "two")
    stale = world.slack.prepare_press("ana", world.channel, world.items()["approval"].ts, "approve")
    move_on(world)

    world.slack.send(stale)

    whispered(world, "ana", "Outdated")
    assert not any("Noted" in one.text for one in world.slack.ephemerals("ana"))
