"""What people see in Slack."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack import views
from bot.slack.blocks import TEXT_CHARACTERS, escape, link, quiet
from patchpilot.fixes import Patch
from patchpilot.heals import HealState
from playground.slack.blocks import message_problems

HOSTILE = (
    "<!channel> <@U123> <https://evil.test|click> *bold* `code` ``` fence ```"
    " \x1b[31mred\x1b[0m \u202egpj.exe & " + "x" * 40_000
)


def everything(incident):
    return [views.card(incident), *(item.message for item in views.thread(incident))]


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


def mrkdwn(node):
    """What Slack would parse for mentions and links; plain text it does not."""
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            yield node["text"]
        for value in node.values():
            yield from mrkdwn(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from mrkdwn(value)


@pytest.mark.parametrize("state", list(HealState))
def test_every_state_has_an_emoji_and_a_word_on_the_card(in_state, state):
    card = views.card(in_state(state, reason="because"))

    emoji, word = views.STATES[state]
    assert word in card.text
    assert any(emoji in text and word in text for text in texts(card.blocks))


def test_the_proposal_has_four_buttons_that_carry_only_the_opaque_id(incident, fix):
    row = views.approval(incident, fix).blocks[-1]

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

    message = views.approval(incident, fix)

    assert not any(block["type"] == "actions" for block in message.blocks)
    assert "Approved by ana" in message.text
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

    message = views.outdated(incident, 1)

    assert "sent back by ben" in message.text
    assert len(message.blocks) == 1


def test_only_what_needs_a_human_is_shown_in_the_channel_too(incident, in_state):
    assert [item.key.split(":")[0] for item in views.thread(incident) if item.broadcast] == ["approval"]
    left = in_state(HealState.ESCALATED, reason="no fixer knows this")
    assert [item.key.split(":")[0] for item in views.thread(left) if item.broadcast] == ["escalated"]
    assert not [item for item in views.thread(in_state(HealState.PR_OPEN)) if item.broadcast]


def test_hostile_text_can_neither_mention_nor_link_nor_break_out(incident, fix):
    heal = incident.heal
    hostile = replace(
        incident,
        title=HOSTILE,
        workflow=HOSTILE[:80],
        branch=HOSTILE[:200],
        heal=replace(
            heal,
            reason=HOSTILE,
            failure=replace(heal.failure, author=HOSTILE[:90], commit_subject=HOSTILE, branch=HOSTILE[:200]),
            diagnosis=replace(
                heal.diagnosis,
                root_cause=HOSTILE,
                explanation=HOSTILE,
                notes=(HOSTILE,) * 9,
                evidence=tuple(replace(line, text=HOSTILE) for line in heal.diagnosis.evidence * 20),
            ),
            fix=replace(fix, summary=HOSTILE, patch=Patch(HOSTILE + "\n" * 300)),
            steps=tuple(replace(step, name=HOSTILE[:60], text=HOSTILE) for step in heal.steps * 40),
        ),
    )

    for message in everything(hostile):
        assert len(message.text) <= TEXT_CHARACTERS
        payload = json.dumps(message.blocks, ensure_ascii=False)
        assert "\x1b" not in payload
        assert "\u202e" not in payload
        for text in [message.text, *mrkdwn(message.blocks)]:
            assert "<!channel>" not in text
            assert "<@U123>" not in text
            assert "<https://evil.test" not in text
        assert not message_problems(list(message.blocks))
        for text in texts(message.blocks):
            assert text.count("```") in {0, 2}, text[:200]


@given(st.text(max_size=400))
def test_escaped_text_has_no_live_signs(text):
    assert not set(escape(text)) & {"<", ">"}
    assert "\u2060*" in quiet(text) or "*" not in quiet(text)


def test_links_are_only_made_of_web_addresses():
    assert link("javascript:alert(1)", "x") == "x"
    assert link("https://a.test/?q=<x>|y", "a|b") == "<https://a.test/?q=%3Cx%3E%7Cy|a¦b>"
