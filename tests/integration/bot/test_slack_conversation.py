"""The conversation in Slack, on real bolt, real storage and a Slack that enforces Slack's limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from patchpilot.heals import HealState
from storage.incidents import snapshot


def state(world, incident) -> HealState:
    return snapshot(world.db, incident).heal.state


def approve(world, who, *, message=None):
    message = message or world.items()["approval"]
    return world.slack.press(who, world.channel, message.ts, "approve")


def whispered(world, who) -> str:
    world.until(lambda: bool(world.slack.ephemerals(who)))
    return world.slack.ephemerals(who)[-1].text


def test_a_red_run_is_one_card_that_follows_its_state(world):
    _, heal = world.fail()
    world.show()
    assert "New" in world.card().text

    world.propose(heal)
    world.show()

    assert "Needs approval" in world.card().text
    assert set(world.items()) == {"progress", "diagnosis", "patch", "sandbox", "approval"}
    assert world.buttons(world.items()["approval"]) == ["approve", "retry", "reject", "escalate"]


def test_looking_again_changes_nothing(world):
    _, heal = world.fail()
    world.propose(heal)
    world.show()
    calls = len(world.slack.calls("chat.postMessage")) + len(world.slack.calls("chat.update"))

    world.announcer.show(1)

    assert len(world.slack.calls("chat.postMessage")) + len(world.slack.calls("chat.update")) == calls


def test_approve_decides_and_names_who_did(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()

    assert approve(world, "ana").ok

    world.until(lambda: state(world, incident) is HealState.OPENING_PR)
    world.show()
    assert "Approved by ana" in world.items()["approval"].text
    assert not world.buttons(world.items()["approval"])


def test_twenty_approves_at_once_are_one_decision(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    message = world.items()["approval"]

    with ThreadPoolExecutor(20) as pool:
        receipts = list(pool.map(lambda _: approve(world, "ana", message=message), range(20)))

    assert all(receipt.ok for receipt in receipts)
    world.until(lambda: len(world.slack.ephemerals("ana")) == 19)
    decisions = snapshot(world.db, incident).heal.decisions
    assert [decision.verb for decision in decisions] == ["approve"]
    assert "already approved by @ana" in whispered(world, "ana")


def test_who_may_not_is_told_who_may(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()

    approve(world, "ben")
    assert "People with write access to acme/ledger may approve" in whispered(world, "ben")
    approve(world, "dan")
    assert "not linked" in whispered(world, "dan")

    assert state(world, incident) is HealState.AWAITING_APPROVAL


def test_a_permission_lost_since_counts_at_the_click(world):
    from patchpilot.source import Permission

    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    world.permissions.of["ana"] = Permission.READ

    approve(world, "ana")

    assert "may not approve" in whispered(world, "ana")
    assert state(world, incident) is HealState.AWAITING_APPROVAL


def test_retry_asks_for_a_hint_and_the_old_card_says_it_is_outdated(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    first = world.items()["approval"]

    world.slack.press("ben", world.channel, first.ts, "retry")
    world.until(lambda: world.slack.modal("ben") is not None)
    world.slack.submit_view("ben", world.slack.modal("ben").id, {"hint": {"text": "keep *os* <!channel>"}})
    world.until(lambda: state(world, incident) is HealState.REPAIRING)
    world.propose(heal, diff="diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    world.show()

    thread = world.slack.thread(world.channel, world.card().ts)
    assert not world.buttons(next(m for m in thread if m.ts == first.ts))
    assert any("hint" in m.text and "&lt;!channel&gt;" in m.text for m in thread)
    assert snapshot(world.db, incident).heal.attempt == 2

    assert approve(world, "ana").ok
    world.until(lambda: state(world, incident) is HealState.OPENING_PR)


def test_a_button_of_an_older_proposal_is_outdated(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    stale = world.slack.prepare_press("ana", world.channel, world.items()["approval"].ts, "approve")
    world.slack.slash("ben", world.channel, f"/patchpilot retry PP-{incident} smaller")
    world.until(lambda: state(world, incident) is HealState.REPAIRING)
    world.propose(heal, diff="diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")

    world.slack.send(stale)

    world.until(lambda: "outdated" in whispered(world, "ana"))
    assert state(world, incident) is HealState.AWAITING_APPROVAL


def test_a_modal_sent_too_late_keeps_what_was_typed(world):
    _, heal = world.fail()
    world.propose(heal)
    world.show()
    message = world.items()["approval"]
    world.slack.press("ben", world.channel, message.ts, "retry")
    world.until(lambda: world.slack.modal("ben") is not None)
    approve(world, "ana", message=message)
    world.until(lambda: state(world, 1) is HealState.OPENING_PR)

    receipt = world.slack.submit_view("ben", world.slack.modal("ben").id, {"hint": {"text": "too late"}})

    assert receipt.body["response_action"] == "errors"
    assert "already approved by @ana" in receipt.body["errors"]["hint"]


def test_reject_and_escalate_end_the_proposal(world):
    for verb, end in (("reject", HealState.REJECTED), ("escalate", HealState.ESCALATED)):
        incident, heal = world.fail(branch=f"branch-{verb}")
        world.propose(heal, fingerprint=verb)
        world.show()
        ours = [m for m in world.slack.messages(world.channel) if not m.is_reply][-1]
        thread = world.slack.thread(world.channel, ours.ts)
        message = next(m for m in thread if m.metadata["event_payload"]["key"].startswith("slack:approval"))

        world.slack.press("ben", world.channel, message.ts, verb)

        world.until(lambda incident=incident, end=end: state(world, incident) is end)


def test_a_call_for_a_human_loses_its_button_once_it_is_answered(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    world.slack.press("ben", world.channel, world.items()["approval"].ts, "escalate")
    world.until(lambda: state(world, incident) is HealState.ESCALATED)
    world.show()
    assert world.buttons(world.items()["escalated"]) == ["retry_incident"]

    world.succeed()
    world.show()

    assert not world.buttons(world.items()["escalated"])
    assert "Green again" in world.items()["escalated"].text


def test_commands_can_be_typed(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()

    world.slack.slash("ana", world.channel, "/patchpilot status")
    assert "PP-1" in whispered(world, "ana")
    world.slack.slash("ana", world.channel, "/patchpilot aprove PP-1")
    world.until(lambda: "approve" in world.slack.ephemerals("ana")[-1].text)
    world.slack.slash("ana", world.channel, f"/patchpilot approve PP-{incident}")

    world.until(lambda: state(world, incident) is HealState.OPENING_PR)


def test_a_mention_in_the_thread_needs_no_number(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()

    world.slack.say("ben", world.channel, "@patchpilot reject wrong file", thread_ts=world.card().ts)

    world.until(lambda: state(world, incident) is HealState.REJECTED)
    assert snapshot(world.db, incident).heal.decisions[0].text == "wrong file"
