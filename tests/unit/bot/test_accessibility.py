"""What people get who don't see blocks, colours or pictures, or who type rather than press."""

from __future__ import annotations

import re

import pytest

from patchpilot.states import STATES

EMOJI_ONLY = re.compile(r"[^\w]+")
TYPED = {
    "approve": "approve",
    "approve_carefully": "approve",
    "retry": "retry",
    "retest": "retest",
    "retry_incident": "retry",
    "reject": "reject",
    "escalate": "escalate",
}
"""Decisions, and the words that ask for them."""
LINKS = re.compile(r"open_\w+")
HERE = {"take", "hand_back", "more", "review"}


def nodes(value, kind):
    if isinstance(value, dict):
        if value.get("type") == kind:
            yield value
        for item in value.values():
            yield from nodes(item, kind)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from nodes(item, kind)


def test_the_text_alone_names_the_incident_and_its_state(messages):
    for name, message in messages.items():
        assert len(message.text) > 20, name
        assert "PP-" in message.text or name in {"hint", "digest of a quiet week"}, name


@pytest.mark.parametrize("state", list(STATES))
def test_no_state_is_an_emoji_alone(messages, state):
    word = STATES[state][1]

    assert word in messages[f"card {state.value}"].text


def test_no_line_has_its_meaning_in_an_emoji_alone(messages):
    for name, message in messages.items():
        for text in nodes(list(message.blocks), "mrkdwn"):
            for line in text["text"].replace("```", "").splitlines():
                assert not line.strip() or not EMOJI_ONLY.fullmatch(line.strip()), (name, line)


def test_every_button_says_what_it_does_to_what(messages):
    for name, message in messages.items():
        for button in nodes(list(message.blocks), "button"):
            label = button["accessibility_label"]
            assert "PP-" in label, (name, label)
            assert label.lower().startswith(button["text"]["text"].lower().rstrip("…")[:8]), (name, label)
            assert not re.search(r"click here", label, re.IGNORECASE)


def test_every_decision_can_be_typed_and_the_card_says_how(messages):
    for name, message in messages.items():
        for button in nodes(list(message.blocks), "button"):
            action = button["action_id"]
            if action in TYPED and name.startswith("approval"):
                assert TYPED[action] in message.text.lower(), (name, action)
            else:
                assert action in TYPED or action in HERE or LINKS.fullmatch(action), action


def test_every_date_has_words_for_clients_without_dates(messages):
    for name, message in messages.items():
        for text in nodes(list(message.blocks), "mrkdwn"):
            for date in re.findall(r"<!date[^>]*>", text["text"]):
                assert re.fullmatch(r"<!date\^\d+\^[^|]+\|\d{4}-\d\d-\d\d \d\d:\d\d UTC>", date), (name, date)


def test_every_input_has_a_label_and_every_picture_words(messages, forms):
    for view in forms.values():
        for block in nodes(view, "input"):
            assert block["label"]["text"].strip()
    for message in messages.values():
        for picture in nodes(list(message.blocks), "image"):
            assert len(picture["alt_text"]) > 20
