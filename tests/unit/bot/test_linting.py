"""The linter in front of Slack: each limit is mended or refused, and the playground's own rules agree."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult

from bot.slack.client import LintedClient, Linter, UnfitPayloadError, install
from bot.slack.linting import lint_message, lint_view
from patchpilot.metrics import Metrics
from playground.slack.blocks import message_problems, message_too_long, view_problems, view_too_large


def plain(text="x"):
    return {"type": "plain_text", "text": text}


def mrkdwn(text="x"):
    return {"type": "mrkdwn", "text": text}


def section(text="x", **more):
    return {"type": "section", "text": mrkdwn(text), **more}


def button(action_id="go", **more):
    return {"type": "button", "text": plain("Go"), "action_id": action_id, **more}


def actions(*elements, **more):
    return {"type": "actions", "elements": list(elements), **more}


def context(*elements):
    return {"type": "context", "elements": list(elements)}


def picture(**more):
    return {"type": "image", "alt_text": "a chart", "image_url": "https://a.test/x.png", **more}


def asks(element, **more):
    return {"type": "input", "label": plain("Why?"), "element": element, **more}


def options(count, text="x"):
    return [{"text": plain(text), "value": str(number)} for number in range(count)]


def select(**more):
    return {"type": "static_select", "action_id": "s", "options": options(2), **more}


def boxes(count, kind="checkboxes", **more):
    return {"type": kind, "action_id": "b", "options": options(count), **more}


CONFIRM = {"title": plain(), "text": mrkdwn(), "confirm": plain("Yes"), "deny": plain("No")}

MENDED = [
    ("block_count", [section() for _ in range(60)]),
    ("text_length", [section("x" * 3_001)]),
    ("field_length", [{"type": "section", "fields": [mrkdwn("x" * 2_001)]}]),
    ("field_count", [{"type": "section", "fields": [mrkdwn()] * 11}]),
    ("text_length", [{"type": "header", "text": plain("x" * 151)}]),
    ("context_length", [context(mrkdwn("x" * 2_001))]),
    ("element_count", [context(*[mrkdwn()] * 11)]),
    ("element_count", [actions(*[button(f"b{number}") for number in range(26)])]),
    ("text_length", [actions({**button(), "text": plain("x" * 76)})]),
    ("accessibility_label_length", [actions(button(accessibility_label="x" * 76))]),
    ("title_length", [actions(button(confirm={**CONFIRM, "title": plain("x" * 101)}))]),
    ("text_length", [actions(button(confirm={**CONFIRM, "text": mrkdwn("x" * 301)}))]),
    ("confirm_length", [actions(button(confirm={**CONFIRM, "confirm": plain("x" * 31)}))]),
    ("deny_length", [actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)}))]),
    ("style", [actions(button(style="rainbow"))]),
    ("alt_text_length", [picture(alt_text="x" * 2_001)]),
    ("title_length", [picture(title=plain("x" * 2_001))]),
    ("option_count", [actions(select(options=options(101)))]),
    ("option_count", [actions({"type": "overflow", "action_id": "o", "options": options(6)})]),
    ("option_count", [actions(boxes(11))]),
    ("option_count", [actions(boxes(11, "radio_buttons"))]),
    ("option_length", [actions(select(options=options(2, "x" * 76)))]),
    ("placeholder_length", [actions(select(placeholder=plain("x" * 151)))]),
    ("duplicate_block_id", [section(block_id="a"), section(block_id="a")]),
    ("empty", [context(), section()]),
    ("empty", [actions(), section()]),
    ("open_fence", [section("```never closed")]),
    ("message_total", [section("x" * 2_900) for _ in range(6)]),
    ("text_length", [{"type": "markdown", "text": "x" * 12_001}]),
]
REFUSED = [
    ("unknown_type", [{"type": "carousel"}]),
    ("unknown_type", [{}]),
    ("unknown_type", ["not a block"]),
    ("unknown_type", [actions({"type": "slider"})]),
    ("unknown_type", [actions({"type": "plain_text_input", "action_id": "a"})]),
    ("unknown_type", [asks({"type": "plain_text_input", "action_id": "a"})]),
    ("malformed", {"type": "section"}),
    ("malformed", [{"type": "section", "text": "bare"}]),
    ("malformed", [{"type": "header", "text": mrkdwn()}]),
    ("malformed", [{"type": "context", "elements": "x"}]),
    ("missing", [{"type": "section"}]),
    ("missing", [{"type": "header"}]),
    ("missing", [actions({"type": "button", "action_id": "a"})]),
    ("missing", [actions(select(options=[]))]),
    ("missing", [actions(button(confirm={"title": plain()}))]),
    ("missing", [{"type": "image", "alt_text": "x"}]),
    ("no_alt_text", [picture(alt_text=" ")]),
    ("malformed", [{"type": "image", "alt_text": "x", "slack_file": {"name": "x"}}]),
    ("empty", [section("  ")]),
    ("url", [actions(button(url="javascript:alert(1)"))]),
    ("url_length", [actions(button(url="https://a.test/" + "x" * 3_000))]),
    ("value_length", [actions(button(value="x" * 2_001))]),
    ("value_length", [actions(select(options=[{"text": plain(), "value": "x" * 151}]))]),
    ("identifier_length", [actions(button("x" * 256))]),
    ("identifier_length", [section(block_id="x" * 256)]),
    ("duplicate_action_id", [actions(button("a"), button("a"))]),
    ("initial_option", [actions(select(initial_option={"text": plain(), "value": "none"}))]),
    ("initial_option", [actions(boxes(2, initial_options=options(3)[1:]))]),
    ("markdown_total", [{"type": "markdown", "text": "x" * 7_000}] * 2),
    ("message_total", [context(*[mrkdwn("x" * 1_900)] * 7)]),
]


@pytest.mark.parametrize(("rule", "blocks"), MENDED)
def test_what_is_too_much_is_cut_so_that_slack_takes_it(rule, blocks):
    made, found = lint_message({"text": "said", "blocks": blocks})

    assert not found.broken
    assert rule in {finding.rule for finding in found.mended}
    assert not message_problems(made["blocks"])
    assert not message_too_long(made["blocks"])


@pytest.mark.parametrize(("rule", "blocks"), REFUSED)
def test_what_is_malformed_is_refused_by_name(rule, blocks):
    _, found = lint_message({"text": "said", "blocks": blocks})

    assert rule in {finding.rule for finding in found.broken}


def modal(*blocks, **more):
    return {"type": "modal", "title": plain("Title"), "submit": plain("Go"), "blocks": list(blocks), **more}


INPUT = {"type": "plain_text_input", "action_id": "a"}
VIEWS_MENDED = [
    ("title_length", modal(section(), title=plain("x" * 25))),
    ("submit_length", modal(section(), submit=plain("x" * 25))),
    ("close_length", modal(section(), close=plain("x" * 25))),
    ("block_count", modal(*[section() for _ in range(101)])),
    ("label_length", modal(asks(INPUT, label=plain("x" * 2_001)))),
    ("hint_length", modal(asks(INPUT, hint=plain("x" * 2_001)))),
    ("input_length", modal(asks({**INPUT, "max_length": 3_001}))),
    ("input_length", modal(asks({**INPUT, "initial_value": "x" * 3_001}))),
    ("input_length", modal(asks({**INPUT, "max_length": 5, "initial_value": "longer"}))),
    ("view_size", modal(*[section("😀" * 2_900) for _ in range(40)])),
]
VIEWS_REFUSED = [
    ("malformed", None),
    ("unknown_type", {"type": "workflow_step", "blocks": []}),
    ("missing", {"type": "modal", "blocks": []}),
    ("malformed", {"type": "home"}),
    ("metadata_size", modal(section(), private_metadata="x" * 3_001)),
    ("callback_id_length", modal(section(), callback_id="x" * 256)),
    ("no_submit", {"type": "modal", "title": plain(), "blocks": [asks(INPUT)]}),
    ("unknown_type", modal(asks(button()))),
    ("unknown_type", modal({"type": "markdown", "text": "x"})),
]


@pytest.mark.parametrize(("rule", "view"), VIEWS_MENDED)
def test_a_view_that_is_too_much_is_cut_so_that_slack_takes_it(rule, view):
    made, found = lint_view(view)

    assert not found.broken
    assert rule in {finding.rule for finding in found.mended}
    assert not view_problems(made)
    assert not view_too_large(made)


@pytest.mark.parametrize(("rule", "view"), VIEWS_REFUSED)
def test_a_malformed_view_is_refused_by_name(rule, view):
    _, found = lint_view(view)

    assert rule in {finding.rule for finding in found.broken}


def test_a_message_without_text_is_refused():
    _, found = lint_message({"text": " ", "blocks": [section()]})

    assert [finding.rule for finding in found.broken] == ["no_text"]


def test_a_text_that_slack_would_split_is_cut():
    made, found = lint_message({"text": "x" * 4_041})

    assert len(made["text"]) == 4_000
    assert [finding.rule for finding in found.mended] == ["text_length"]


def test_metadata_has_a_limit():
    _, found = lint_message(
        {"text": "x", "metadata": {"event_type": "t", "event_payload": {"a": "x" * 16_000}}}
    )

    assert [finding.rule for finding in found.broken] == ["metadata_size"]


def test_the_buttons_outlive_a_message_of_too_many_blocks():
    made, _ = lint_message({"text": "x", "blocks": [*[section()] * 60, actions(button())]})

    assert made["blocks"][-1]["type"] == "actions"
    assert len(made["blocks"]) == 50


def test_a_cut_leaves_no_half_link_and_no_half_entity():
    link = "<https://a.test/" + "y" * 50 + "|label>"
    made, _ = lint_message(
        {"text": "x", "blocks": [section("x" * 2_980 + link), section("x" * 2_996 + "&amp;more")]}
    )

    assert "<" not in made["blocks"][0]["text"]["text"]
    assert "&" not in made["blocks"][1]["text"]["text"]


def test_a_cut_fence_is_closed_again():
    made, _ = lint_message({"text": "x", "blocks": [section("```" + "x" * 4_000 + "```")]})

    text = made["blocks"][0]["text"]["text"]
    assert len(text) <= 3_000
    assert text.count("```") == 2


def test_what_is_within_the_limits_is_sent_as_it_is():
    blocks = [section("a", accessory=button()), context(mrkdwn()), actions(button(confirm=CONFIRM), select())]

    made, found = lint_message({"text": "x", "blocks": blocks, "channel": "C1"})

    assert made == {"text": "x", "blocks": blocks, "channel": "C1"}
    assert not found.mended
    assert not found.broken


FIELDS = ["type", "text", "elements", "accessory", "fields", "options", "confirm", "blocks", "label"]
TYPES = ["section", "actions", "context", "button", "image", "overflow", "mrkdwn", "plain_text"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(TYPES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@given(ANYTHING)
def test_whatever_passes_is_taken_by_slack_and_nothing_makes_the_linter_fail(blocks):
    made, found = lint_message({"text": "x", "blocks": blocks})

    if blocks is not None and not found.broken:
        assert not message_problems(made["blocks"])
    lint_view({"type": "home", "blocks": blocks})


def test_a_refused_payload_is_never_sent_and_counted():
    metrics = Metrics()
    client = LintedClient(token="xoxb-1", base_url="http://127.0.0.1:9/", linter=Linter(metrics))

    with pytest.raises(UnfitPayloadError, match="unknown_type"):
        client.chat_postMessage(channel="C1", text="x", blocks=[{"type": "carousel"}])
    with pytest.raises(UnfitPayloadError, match="malformed"):
        client.views_open(trigger_id="t", view=json.loads("[]"))

    assert metrics.slack_lint.labels("unknown_type", "refused")._value.get() == 1


def bolted(handler):
    """What Slack gets as the answer to a form that ``handler`` acknowledges."""
    metrics = Metrics()
    linter = Linter(metrics)
    client = LintedClient(token="xoxb-1", base_url="http://127.0.0.1:9/", linter=linter)
    who = AuthorizeResult(enterprise_id=None, team_id="T1", bot_user_id="U0", bot_token="xoxb-1")
    app = App(client=client, signing_secret="secret", authorize=lambda: who)
    install(app, linter)
    app.view("form")(handler)
    body = {
        "type": "view_submission",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "view": {"id": "V1", "callback_id": "form", "type": "modal", "state": {"values": {}}},
    }
    return app.dispatch(BoltRequest(mode="socket_mode", body=body)), metrics


def test_a_view_that_answers_a_form_is_linted_too():
    view = modal(section(), title=plain("x" * 30))

    answer, metrics = bolted(lambda ack: ack(response_action="update", view=view))

    assert len(json.loads(answer.body)["view"]["title"]["text"]) == 24
    assert metrics.slack_lint.labels("title_length", "mended")._value.get() == 1


def test_errors_of_a_form_are_answered_as_they_are():
    answer, _ = bolted(lambda ack: ack(response_action="errors", errors={"hint": "no"}))

    assert json.loads(answer.body) == {"response_action": "errors", "errors": {"hint": "no"}}
