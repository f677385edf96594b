"""What people see in Slack."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack import approval_views, modal_views, views
from bot.slack.blocks import escape, link, person, quiet
from bot.slack.digest_views import spoken
from patchpilot.digests import Digest, FlakyTest, WeekFigures
from patchpilot.failures import BASE_COMMIT, RULES, SAME_COMMIT, Blame, BlameCheck, CheckVerdict, LogLine
from patchpilot.fixes import PartialResult, Patch
from patchpilot.heals import HealState
from patchpilot.source import Repo, Sha
from patchpilot.states import STATES
from playground.web import mrkdwn


def texts(node):
    """Every mrkdwn or plain text in a payload."""
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from texts(value)


@pytest.mark.parametrize("state", list(HealState))
def test_every_state_has_an_emoji_and_a_word_on_the_card(in_state, state):
    card = views.card(in_state(state, reason="because"))

    emoji, word = STATES[state]
    assert word in card.text
    assert any(emoji in text and word in text for text in texts(card.blocks))


def test_the_proposal_has_four_buttons_that_carry_only_the_opaque_id(incident, fix):
    row = approval_views.approval(incident, fix).blocks[-2]

    assert [button["action_id"] for button in row["elements"]] == ["approve", "retry", "reject", "escalate"]
    assert {button["value"] for button in row["elements"]} == {"opaque"}
    assert row["elements"][0]["accessibility_label"] == "Approve fix PP-12"


def test_once_decided_the_buttons_give_way_to_the_name_of_who_decided(in_state, fix, decided):
    incident = in_state(
        HealState.PR_OPEN,
        decisions=(decided("approve"),),
        pull_request_number=7,
        pull_request_url="https://github.test/acme/ledger/pull/7",
    )

    message = approval_views.approval(incident, fix)

    assert not any(block["type"] == "actions" for block in message.blocks)
    assert "Approved by @ana" in message.text
    assert any("PR #7" in text for text in texts(message.blocks))


def test_a_solved_incident_has_no_buttons(in_state):
    for state in (HealState.RESOLVED, HealState.RECOVERED):
        assert not any(block["type"] == "actions" for block in views.card(in_state(state)).blocks)


def test_the_sandbox_message_tells_before_and_after(incident, fix):
    assert (
        "before: red (exit 1) / after: 2 of 2 green / wider suite: green" in views.sandbox(incident, fix).text
    )


def test_an_earlier_proposal_says_who_sent_it_back(in_state, decided):
    incident = in_state(HealState.AWAITING_APPROVAL, attempt=2, decisions=(decided("retry", actor="ben"),))

    message = approval_views.outdated(incident, 1)

    assert "sent back by @ben" in message.text
    assert len(message.blocks) == 1


def test_only_what_needs_a_human_is_shown_in_the_channel_too(incident, in_state):
    assert [item.key.split(":")[0] for item in views.thread(incident) if item.broadcast] == ["approval"]
    left = in_state(HealState.ESCALATED, reason="no fixer knows this")
    assert [item.key.split(":")[0] for item in views.thread(left) if item.broadcast] == ["escalated"]
    assert not [item for item in views.thread(in_state(HealState.PR_OPEN)) if item.broadcast]


def test_a_card_says_who_is_on_it_and_lets_them_hand_back(incident, aside):
    card = views.card(incident, aside)

    assert "@ana is on it" in card.text
    assert "<@U0ANA> is on it since" in json.dumps(card.blocks, ensure_ascii=False)
    ids = [element["action_id"] for element in card.blocks[-1]["elements"]]
    assert ids == ["open_run", "hand_back", "more"]


def test_a_card_quotes_job_test_and_first_error_line(incident):
    distilled = replace(incident.heal.distilled, tests=("tests/test_money.py::test_rounding",))
    shown = views.card(replace(incident, heal=replace(incident.heal, distilled=distilled)))

    assert "CI failed: acme/ledger main, tests/test_money.py::test_rounding, F401" in shown.text
    assert "CI › tests/test" in shown.blocks[1]["text"]["text"]


def test_a_card_names_a_test_once_although_its_error_begins_with_it(incident):
    test = "tests/test_money.py::test_rounding"
    heal = replace(incident.heal, distilled=replace(incident.heal.distilled, tests=(test,)))
    shown = views.card(replace(incident, heal=heal, title=f"{test}: assert 1 == 2"))

    assert f"CI failed: acme/ledger main, {test}, assert 1 == 2. " in shown.text
    assert shown.blocks[1]["text"]["text"].count("rounding") == 1


def test_who_asks_for_a_hint_says_where_nobody_reads_it(incident, in_state):
    def told(author, state):
        found = replace(incident.heal.diagnosis, author=author)
        shown = replace(incident, heal=replace(incident.heal, diagnosis=found, state=state))
        return " ".join(texts(modal_views.retry_modal(modal_views.About("id"), shown)))

    assert "can't read a hint" in told(RULES, HealState.ESCALATED)
    assert "asked about again" not in told(RULES, HealState.ESCALATED)
    assert "the patch that waits now is asked about again" in told(RULES, HealState.AWAITING_APPROVAL)
    assert "hint." not in told("claude-sonnet-5-5", HealState.AWAITING_APPROVAL)


def test_evidence_is_quoted_in_the_order_of_the_log(incident, aside):
    evidence = (
        LogLine(48, "E assert 5 == 10"),
        LogLine(44, "> assert f() == 10"),
        LogLine(0, "def f(): ..."),
    )
    found = replace(incident.heal.diagnosis, evidence=evidence)
    shown = views.diagnosis(replace(incident, heal=replace(incident.heal, diagnosis=found)), aside)

    quoted = json.dumps(shown.blocks)
    assert quoted.index("> assert".replace(">", "&gt;")) < quoted.index("E assert") < quoted.index("def f()")


@pytest.mark.parametrize(("failures", "said"), [(4, None), (5, 5), (19, 5), (20, 20), (250, 100)])
def test_the_thread_notes_milestones_once_each(incident, failures, said):
    keys = [item.key for item in views.thread(replace(incident, failures=failures))]

    assert [key for key in keys if "milestone" in key] == ([f"milestone:12:{said}"] if said else [])


def test_a_long_diff_is_a_file_and_a_short_one_is_quoted(incident, fix):
    long = views.patch(incident, replace(fix, patch=Patch(fix.patch.diff + "+x\n" * 80)))
    short = views.patch(incident, fix)

    assert [upload.name for upload in long.uploads] == ["fix.patch"]
    assert long.uploads[0].content.endswith("+x\n")
    assert "```" not in json.dumps(long.blocks)
    assert not short.uploads
    assert "-import os" in json.dumps(short.blocks)


def test_the_suspect_is_called_only_for_a_change_of_theirs(incident, aside):
    assert "cc <@U0BEN>" in json.dumps(views.diagnosis(incident, aside).blocks)
    upstream = replace(incident.heal.diagnosis, blame=Blame.UPSTREAM)
    other = replace(incident, heal=replace(incident.heal, diagnosis=upstream))
    assert "U0BEN" not in json.dumps(views.diagnosis(other, aside).blocks)


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        ((), "low (from the log alone)"),
        (((SAME_COMMIT, CheckVerdict.RED),), "medium"),
        (((SAME_COMMIT, CheckVerdict.RED), (BASE_COMMIT, CheckVerdict.GREEN)), "high"),
        (((SAME_COMMIT, CheckVerdict.GREEN),), "low (not seen again)"),
    ],
)
def test_how_sure_a_diagnosis_is_comes_from_what_was_looked_at(incident, checks, word):
    made = tuple(BlameCheck(name=name, verdict=verdict, detail="") for name, verdict in checks)
    diagnosis = replace(incident.heal.diagnosis, checks=made)
    shown = views.diagnosis(
        replace(incident, heal=replace(incident.heal, diagnosis=diagnosis)), views.NOTHING
    )

    assert f"confidence {word}" in shown.text


def test_a_proposal_shows_every_input_of_its_confidence(incident, fix):
    shown = json.dumps(approval_views.approval(incident, fix).blocks, ensure_ascii=False)

    facts = [
        *("reproduced before the patch: yes", "2 of 2 runs", "wider suite: green", "made by: ruff"),
        *("changed lines: 1", "patch guard: nothing found", "cost $0.12", "base `aaaaaaa`", "high (93%)"),
    ]
    for fact in facts:
        assert fact in shown


def test_a_risky_proposal_asks_for_a_second_look(messages):
    row = next(block for block in messages["approval of a risk"].blocks if block["type"] == "actions")

    assert row["elements"][0]["action_id"] == "approve_carefully"
    assert "confirm" not in row["elements"][0]


def test_a_proposal_whose_branch_has_moved_on_is_tested_anew_before_it_can_be_approved(in_state, fix):
    shown = approval_views.approval(in_state(HealState.AWAITING_APPROVAL, moved_to=Sha("b" * 40)), fix)

    [row] = [block for block in shown.blocks if block["type"] == "actions"]
    assert [one["action_id"] for one in row["elements"]] == ["retest", "retry", "reject", "escalate"]
    assert "*Outdated*: main moved to `bbbbbbb`" in json.dumps(shown.blocks)
    assert "Outdated: main moved to bbbbbbb" in shown.text
    assert "/patchpilot retest PP-12" in shown.text


def test_after_a_re_test_the_card_names_the_commit_that_it_was_proved_on(in_state, incident, fix):
    later = replace(incident.heal.failure, head_sha=Sha("b" * 40))

    shown = json.dumps(
        approval_views.approval(in_state(HealState.AWAITING_APPROVAL, retested=later), fix).blocks
    )

    assert "base `bbbbbbb`" in shown
    assert "Outdated" not in shown


def test_only_an_account_can_be_called():
    assert person("U0ANA", "ana") == "<@U0ANA>"
    assert person("S0TEAM", "") == "<!subteam^S0TEAM>"
    assert person("U1> <!channel", "x") == "@x"
    assert person("", "<!here>") == "@&lt;!here&gt;"


@given(st.text(max_size=400))
def test_escaped_text_has_no_live_signs(text):
    assert not set(escape(text)) & {"<", ">"}


@given(st.text("ab*_~`: \n", max_size=60))
def test_hostile_signs_format_nothing(text):
    shown = mrkdwn.nodes(quiet(text), mrkdwn.Names())

    assert {node[0] for node in shown if isinstance(node, list)} <= {"br"}


def test_a_name_copied_from_a_message_is_still_the_name():
    for kept in ("tests/test_money.py::test_rounding", "money.py:3:8: F401", "22:00-07:00 or 12:30:45"):
        assert quiet(kept) == kept
    assert quiet(":100: and ::a_b:c:") == ":100\u2060: and ::a_b\u2060:c\u2060:"
    assert quiet("_a_ 2*3*4 ~b~") == "\u2060_\u2060a\u2060_\u2060 2*3*4 \u2060~\u2060b\u2060~\u2060"


def test_links_are_only_made_of_web_addresses():
    assert link("javascript:alert(1)", "x") == "x"
    assert link("https://a.test/?q=<x>|y", "a|b") == "<https://a.test/?q=%3Cx%3E%7Cy|a¦b>"


def test_a_secret_beside_a_change_is_not_shown_in_the_channel(incident):
    token = "ghp_" + "a1B2" * 9
    hunk = f"@@ -1,2 +1,2 @@\n TOKEN = '{token}'\n-a = 1\n+a = 2\n"
    diff = f"diff --git a/c.py b/c.py\n--- a/c.py\n+++ b/c.py\n{hunk}"
    fix = replace(incident.heal.fix, patch=Patch(diff))
    left = PartialResult(patch=Patch(diff), author="claude:x", why="the money ran out")
    shown = json.dumps(
        [
            item.message.blocks
            for item in views.thread(replace(incident, heal=replace(incident.heal, fix=fix, partial=left)))
        ]
    )
    assert "+a = 2" in shown
    assert token not in shown


def test_an_unproven_change_is_labelled_and_has_no_button(messages):
    message = messages["partial"]

    assert "not proven" in message.blocks[0]["text"]["text"]
    assert not any(block["type"] == "actions" for block in message.blocks)


def test_a_running_step_shows_what_it_is_doing_and_a_finished_one_does_not(incident):
    step = replace(incident.heal.steps[0], done=False, doing="reading src/cart.py", seconds=None)
    running = views.progress(replace(incident, heal=replace(incident.heal, steps=(step,))))
    assert "_reading src/cart.py_" in running.blocks[0]["text"]["text"]
    done = views.progress(replace(incident, heal=replace(incident.heal, steps=(replace(step, done=True),))))
    assert "reading src" not in done.blocks[0]["text"]["text"]


def test_a_diagnosis_says_what_would_prove_it_wrong(incident, aside):
    found = replace(incident.heal.diagnosis, disproof="With >= the *test* stays red.")
    changed = replace(incident, heal=replace(incident.heal, diagnosis=found))
    shown = views.diagnosis(changed, aside)

    assert any("Would prove it wrong: With &gt;= the" in str(block) for block in shown.blocks)


def test_steps_of_a_second_try_stand_below_a_heading(incident):
    (first,) = incident.heal.steps
    again = replace(first, name="ingest", attempt=2)
    steps = (first, replace(first, name="retrieve", text="Looking for past fixes"), again)
    shown = views.progress(replace(incident, heal=replace(incident.heal, steps=steps))).blocks[0]["text"][
        "text"
    ]

    assert [line.split(" · ")[1 if " · " in line else 0] for line in shown.split("\n")] == [
        first.text,
        "Looking for past fixes",
        "*Attempt 2*",
        first.text,
    ]
    assert "ingest" not in shown


@pytest.mark.parametrize(
    ("state", "reason", "spoken"),
    [
        (HealState.REJECTED, "rejected by ana: not wanted", "PP-12: Rejected by ana: not wanted."),
        (HealState.ESCALATED, "left to people by ana", "PP-12: Needs a human: left to people by ana."),
        (HealState.FLAKY, "It passed 3 of 8 times.", "PP-12: Flaky. It passed 3 of 8 times."),
        (HealState.QUEUED, "", "PP-12: New."),
    ],
)
def test_a_card_read_aloud_is_made_of_sentences(in_state, state, reason, spoken):
    assert spoken in views.card(in_state(state, reason=reason)).text


def test_a_digest_says_how_often_a_test_was_flaky_in_words():
    start = datetime(2026, 3, 2, tzinfo=UTC)
    flaky = tuple(FlakyTest(repo=Repo("github", "acme/a"), name=f"t{times}", times=times) for times in (3, 1))
    figures = WeekFigures(failures=1)
    week = Digest(
        start=start, end=start + timedelta(days=7), zone="UTC", figures=figures, before=figures, flaky=flaky
    )

    said = list(spoken(week))

    assert "Flaky: acme/a t3, 3 times." in said
    assert "Flaky: acme/a t1, once." in said


@pytest.mark.parametrize(
    ("choices", "states"),
    [
        (["mute", "escalate", "not_a_bug"], [HealState.DIAGNOSING, HealState.AWAITING_APPROVAL]),
        (["mute", "not_a_bug"], [HealState.ESCALATED]),
        (["mute"], [HealState.EXPIRED, HealState.REJECTED, HealState.OPENING_PR, HealState.PR_OPEN]),
    ],
)
def test_the_cards_menu_offers_nothing_that_is_only_refused(in_state, choices, states):
    for state in states:
        rows = [block for block in views.card(in_state(state)).blocks if block["type"] == "actions"]
        (menu,) = [one for row in rows for one in row["elements"] if one["action_id"] == "more"]
        assert [option["value"].partition(":")[0] for option in menu["options"]] == choices, state


def test_one_more_round_asks_for_the_pull_request_that_is_there(in_state, fix):
    pull = {"pull_request_url": "https://x.test/4", "pull_request_number": 4}
    shown = approval_views.approval(in_state(HealState.AWAITING_APPROVAL, **pull), fix)

    assert "Put this patch on pull request #4 of acme/ledger?" in shown.text


def test_a_card_of_a_fix_that_was_taken_back_says_so(in_state):
    pull = {"pull_request_url": "https://x.test/1", "pull_request_number": 1, "pull_request_ci": "green"}
    shown = views.card(in_state(HealState.RESOLVED, outcome="reverted", **pull))

    blocks = json.dumps(shown.blocks, ensure_ascii=False)
    assert "↩️ *Fixed, then reverted* · <https://x.test/1|PR #1>" in blocks
    assert "green" not in blocks
    assert shown.text.startswith("CI failed: ")


def test_a_card_tells_the_first_sentences_of_a_long_reason(in_state):
    first, second = "PatchPilot found no fix that it can prove.", f"Tried: {'ruff, ' * 40}nothing helped."
    shown = views.card(in_state(HealState.ESCALATED, reason=f"{first} {second}"))

    assert views.state_line(in_state(HealState.ESCALATED, reason=first)).endswith(f"· {first}")
    assert first in shown.text
    assert "Tried" not in json.dumps(shown.blocks) + shown.text


def test_the_first_of_two_approvals_stands_on_the_card_and_in_the_decision(in_state, decided, fix):
    waiting = in_state(HealState.AWAITING_APPROVAL, first_approved_by="ana")
    shown = approval_views.approval(waiting, fix)
    assert "*Approved once* by @ana; a second person has to" in json.dumps(shown.blocks, ensure_ascii=False)
    assert "@ana has approved; a second person has to." in shown.text

    opening = in_state(
        HealState.OPENING_PR, first_approved_by="ana", decisions=(decided("approve", actor="ben"),)
    )
    assert "Approved by @ana and @ben at" in approval_views.approval(opening, fix).text
    alone = in_state(HealState.OPENING_PR, decisions=(decided("approve", actor="ben"),))
    assert "Approved by @ben at" in approval_views.approval(alone, fix).text


def test_what_a_policy_approves_is_ascribed_to_nobody(in_state, decided, fix):
    policy = replace(decided("approve", actor="the repository's policy"), medium="policy")
    opening = in_state(HealState.OPENING_PR, decisions=(policy,))

    assert "Approved by the repository's policy at" in approval_views.approval(opening, fix).text


@pytest.mark.parametrize(
    ("title", "error"),
    [
        ("tests/test_a.py::test_b: assert 5 == 10", "assert 5 == 10"),
        ("tests/test_a.py::test_b - assert 5 == 10", "assert 5 == 10"),
        ("tests/test_a.py::test_bc - assert 5 == 10", "tests/test_a.py::test_bc - assert 5 == 10"),
        ("assert 5 == 10", "assert 5 == 10"),
    ],
)
def test_a_card_says_a_tests_name_once(incident, title, error):
    distilled = replace(incident.heal.distilled, tests=("tests/test_a.py::test_b",))
    shown = views.card(replace(incident, title=title, heal=replace(incident.heal, distilled=distilled)))

    assert f", tests/test_a.py::test_b, {error}. PP-12" in shown.text
