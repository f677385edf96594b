"""The conversation in Slack, on real bolt, real storage and a Slack that enforces Slack's limits."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from patchpilot.fixes import GuardFinding, Severity
from patchpilot.heals import HealState
from storage.heals import expire_proposals
from storage.incidents import snapshot

RISK = GuardFinding(
    rule="lockfile-changed", path="uv.lock", line=3, message="pins move", severity=Severity.OVERRIDE
)


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
    assert "Approved by @ana" in world.items()["approval"].text
    assert not world.buttons(world.items()["approval"])


def test_twenty_approves_at_once_are_one_decision(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    message = world.items()["approval"]

    with ThreadPoolExecutor(20) as pool:
        receipts = list(pool.map(lambda _: approve(world, "ana", message=message), range(20)))

    assert all(receipt.ok for receipt in receipts)
    world.until(lambda: sum(message.is_reply for message in world.slack.ephemerals("ana")) == 19)
    decisions = snapshot(world.db, incident).heal.decisions
    assert [decision.verb for decision in decisions] == ["approve"]
    assert "already approved by @ana" in whispered(world, "ana")


def test_a_press_on_what_the_channel_was_shown_is_answered_there_and_in_the_thread(world):
    _, heal = world.fail()
    world.propose(heal)
    world.show()

    approve(world, "ben")
    world.until(lambda: len(world.slack.ephemerals("ben")) == 2)
    in_thread, in_channel = world.slack.ephemerals("ben")
    assert (in_thread.is_reply, in_channel.is_reply) == (True, False)
    assert "may approve" in in_thread.text
    assert in_channel.text == in_thread.text


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
    world.slack.submit_view("ben", world.slack.modal("ben").id, {"hint": "keep *os* <!channel>"})
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

    receipt = world.slack.submit_view("ben", world.slack.modal("ben").id, {"hint": "too late"})

    assert receipt.body["response_action"] == "errors"
    assert "already approved by @ana" in receipt.body["errors"]["hint"]


def proposal(world, incident):
    """The approval card of an incident."""
    key = f"slack:approval:{snapshot(world.db, incident).heal.id}:1"
    ours = [m for m in world.slack.messages(world.channel) if m.metadata]
    found = [m for m in ours if m.metadata["event_payload"]["key"] == key]
    return found[0]


def press_and_send(world, who, message, action, entered):
    world.slack.press(who, world.channel, message.ts, action)
    world.until(lambda: world.slack.modal(who) is not None)
    return world.slack.submit_view(who, world.slack.modal(who).id, entered)


def test_reject_asks_why_and_says_so_on_the_card(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()

    press_and_send(
        world,
        "ben",
        world.items()["approval"],
        "reject",
        {"reason": "hides_failure", "note": "<!here> look"},
    )

    world.until(lambda: state(world, incident) is HealState.REJECTED)
    world.show()
    shown = json.dumps(world.items()["approval"].blocks, ensure_ascii=False)
    assert "It hides the failure: &lt;!here&gt; look" in shown
    assert "Rejected" in world.items()["approval"].text


def test_escalate_calls_the_person_that_was_chosen(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()

    press_and_send(
        world,
        "ben",
        world.items()["approval"],
        "escalate",
        {"whom": "person", "person": world.users["cleo"], "note": "odd"},
    )

    world.until(lambda: state(world, incident) is HealState.ESCALATED)
    world.show()
    assert f"Called: <@{world.users['cleo']}>" in json.dumps(world.items()["escalated"].blocks)


def test_a_typed_escalate_calls_the_person_that_it_mentions(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()

    world.slack.say("ben", world.channel, "@patchpilot escalate @cleo odd", thread_ts=world.card().ts)

    world.until(lambda: state(world, incident) is HealState.ESCALATED)
    world.show()
    assert f"Called: <@{world.users['cleo']}>" in json.dumps(world.items()["escalated"].blocks)
    assert snapshot(world.db, incident).heal.decisions[-1].text == "odd"


def test_escalate_calls_the_team_if_asked(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()

    press_and_send(world, "ben", world.items()["approval"], "escalate", {"whom": "group"})

    world.until(lambda: state(world, incident) is HealState.ESCALATED)
    world.show()
    assert "Called: <!subteam^S" in json.dumps(world.items()["escalated"].blocks)


def test_a_risky_patch_needs_a_form_and_what_was_chosen_is_kept(world):
    incident, heal = world.fail()
    world.propose(heal, findings=(RISK,))
    world.show()
    assert world.buttons(world.items()["approval"])[0] == "approve_carefully"

    approval = world.items()["approval"]
    receipt = press_and_send(world, "ana", approval, "approve_carefully", {"draft": [], "base": "relaese"})
    assert "no branch 'relaese'" in receipt.body["errors"]["base"]
    assert state(world, incident) is HealState.AWAITING_APPROVAL

    form = world.slack.modal("ana").id
    receipt = world.slack.submit_view("ana", form, {"draft": [], "base": "release"})

    assert receipt.ok
    world.until(lambda: state(world, incident) is HealState.OPENING_PR)
    assert snapshot(world.db, incident).heal.decisions[0].options == {"draft": "no", "base": "release"}


def test_a_careful_approval_names_reviewers_and_a_form_with_a_wrong_one_stays_open(world):
    incident, heal = world.fail()
    world.propose(heal, findings=(RISK,))
    world.show()
    approval = world.items()["approval"]
    ana, ben, dan = (world.users[name] for name in ("ana", "ben", "dan"))

    def refused(**entered):
        world.slack.press("ana", world.channel, approval.ts, "approve_carefully")
        world.until(lambda: world.slack.modal("ana") is not None)
        form = world.slack.modal("ana")
        receipt = world.slack.submit_view("ana", form.id, entered)
        world.slack.close_view("ana", form.id)
        assert receipt.body["response_action"] == "errors"
        return receipt.body["errors"]

    assert "not linked" in refused(people=[ben, dan])["people"]
    assert "“-rf” is no login" in refused(reviewers="cleo, -rf")["reviewers"]
    assert "@stranger has no access" in refused(reviewers="@stranger")["reviewers"]
    assert "too many" in refused(reviewers=" ".join(f"a{number}" for number in range(16)))["reviewers"]
    assert state(world, incident) is HealState.AWAITING_APPROVAL

    entered = {"people": [ben], "reviewers": "@cleo, Ben"}
    press_and_send(world, "ana", approval, "approve_carefully", entered)

    world.until(lambda: state(world, incident) is HealState.OPENING_PR)
    options = snapshot(world.db, incident).heal.decisions[0].options
    assert options["reviewers"].lower() == "ben,cleo"
    assert options["draft"] == "yes"
    assert ana not in options["reviewers"]


def test_what_the_careful_form_asks_can_be_typed(world):
    incident, heal = world.fail()
    world.propose(heal, findings=(RISK,))
    world.show()

    world.slack.slash("ana", world.channel, f"/patchpilot approve PP-{incident} reviewers:@ben,stranger")
    assert "@stranger has no access to acme/ledger" in whispered(world, "ana")
    world.slack.slash("ana", world.channel, f"/patchpilot approve PP-{incident} base:relaese")
    world.until(lambda: "acme/ledger has no branch 'relaese'" in whispered(world, "ana"))
    assert state(world, incident) is HealState.AWAITING_APPROVAL

    typed = f"approve PP-{incident} reviewers:@ben,cleo base:release draft:no"
    world.slack.slash("ana", world.channel, f"/patchpilot {typed}")

    world.until(lambda: state(world, incident) is HealState.OPENING_PR)
    options = snapshot(world.db, incident).heal.decisions[0].options
    assert options == {"reviewers": "ben,cleo", "base": "release", "draft": "no"}

    # Who comes too late hears who was first, whatever else is wrong with it.
    world.slack.slash("ana", world.channel, f"/patchpilot approve PP-{incident} reviewers:stranger base:x")
    world.until(lambda: "was already approved by" in whispered(world, "ana"))


def test_the_cards_menu_leaves_it_to_people_while_nothing_is_proposed(world):
    incident, _ = world.fail()
    world.show()

    world.slack.press("ben", world.channel, world.card().ts, "more", value=f"not_a_bug:{incident}")
    world.until(lambda: world.slack.modal("ben") is not None)
    world.slack.submit_view("ben", world.slack.modal("ben").id, {"note": "meant to fail"})

    world.until(lambda: state(world, incident) is HealState.ESCALATED)


def test_who_is_on_it_is_on_the_card_and_can_hand_it_back(world):
    world.fail()
    world.show()

    world.slack.press("dan", world.channel, world.card().ts, "take")
    world.until(lambda: bool(world.show() or "is on it" in world.card().text))
    assert "hand_back" in world.buttons(world.card())
    stale = world.slack.prepare_press("ana", world.channel, world.card().ts, "hand_back")
    world.slack.press("dan", world.channel, world.card().ts, "hand_back")
    world.until(lambda: bool(world.show() or "is on it" not in world.card().text))

    world.slack.send(stale)
    assert "Nobody was on it" in whispered(world, "ana")


def test_taking_and_handing_back_can_be_typed(world):
    world.fail()
    world.show()

    world.slack.say("ben", world.channel, "@patchpilot take", thread_ts=world.card().ts)
    world.until(lambda: bool(world.show() or "@ben is on it" in world.card().text))
    world.slack.slash("ana", world.channel, "/patchpilot drop PP-1")

    world.until(lambda: bool(world.show() or "is on it" not in world.card().text))
    assert "handed back" in whispered(world, "ana")


def test_two_people_cannot_both_be_on_it(world):
    world.fail()
    world.show()
    second = world.slack.prepare_press("ben", world.channel, world.card().ts, "take")
    world.slack.press("ana", world.channel, world.card().ts, "take")
    world.until(lambda: bool(world.show() or "@ana is on it" in world.card().text))

    world.slack.send(second)

    assert "@ana is on it already" in whispered(world, "ben")


def test_a_long_patch_is_a_file_that_the_message_shares(world):
    _, heal = world.fail()
    long = "".join(f"+line {number}\n" for number in range(100))
    world.propose(heal, diff=f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,101 @@\n a\n{long}")
    world.show()

    patch = world.items()["patch"]
    files = [world.slack.workspace.files[file] for file in patch.files]
    assert [file.name for file in files] == ["fix.patch"]
    assert b"+line 99" in files[0].content
    assert files[0].shared_in == [world.channel]
    log = world.slack.workspace.files[world.items()["sandbox"].files[0]]
    assert "before the patch: red" in log.content.decode()


def test_the_author_of_a_suspect_commit_is_called_once(world):
    _, heal = world.fail()
    world.propose(heal)
    world.show()

    assert f"cc <@{world.users['ana']}>" in json.dumps(world.items()["diagnosis"].blocks)
    messages = world.slack.thread(world.channel, world.card().ts)
    called = [m for m in messages if f"<@{world.users['ana']}>" in json.dumps(m.blocks)]
    assert len(called) == 1


def test_a_call_for_a_human_loses_its_button_once_it_is_answered(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    press_and_send(world, "ben", world.items()["approval"], "escalate", {"whom": "group"})
    world.until(lambda: state(world, incident) is HealState.ESCALATED)
    world.show()
    assert world.buttons(world.items()["escalated"]) == ["retry_incident", "take"]

    world.succeed()
    world.show()

    assert not world.buttons(world.items()["escalated"])
    assert "Green again" in world.items()["escalated"].text


def test_a_proposal_that_expired_can_be_asked_for_anew_where_it_stands(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    with world.db.transaction() as session:
        session.execute(text("UPDATE heals SET approval_expires_at = now() - interval '1 minute'"))
    assert expire_proposals(world.db) == 1
    world.show()
    assert world.buttons(world.items()["approval"]) == ["retry_incident"]
    assert approve_typed(world, incident).endswith("expired. `retry` makes a new proposal.")

    press_and_send(world, "ben", world.items()["approval"], "retry_incident", {"hint": "keep the API"})

    world.until(lambda: state(world, incident) is HealState.REPAIRING)
    assert snapshot(world.db, incident).heal.decisions[-1].text == "keep the API"


def approve_typed(world, incident):
    world.slack.slash("ana", world.channel, f"/patchpilot approve PP-{incident}")
    world.until(lambda: bool(world.slack.ephemerals("ana")))
    return world.slack.ephemerals("ana")[-1].text


def test_a_typed_hint_arrives_as_it_was_typed(world):
    _, heal = world.fail()
    world.propose(heal)
    world.show()

    hint = 'keep a < b && "c" > d'
    world.slack.say("ben", world.channel, f"@patchpilot retry {hint}", thread_ts=world.card().ts)
    world.until(lambda: bool(snapshot(world.db, 1).heal.decisions))
    world.show()

    assert snapshot(world.db, 1).heal.decisions[0].text == hint
    shown = json.dumps(world.items()["hint"].blocks)
    assert "keep a &lt; b &amp;&amp;" in shown
    assert "&amp;lt;" not in shown


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


@pytest.mark.parametrize("form", ["retry", "reject", "escalate"])
def test_no_form_is_opened_for_what_is_decided_already(world, form):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    stale = world.slack.prepare_press("ben", world.channel, world.items()["approval"].ts, form)
    assert approve(world, "ana").ok
    world.until(lambda: state(world, incident) is HealState.OPENING_PR)

    world.slack.send(stale)

    world.until(lambda: "was already approved by @ana" in whispered(world, "ben"))
    assert world.slack.modal("ben") is None
