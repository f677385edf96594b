"""Slack's limits and codes, one row each, through the real client."""

import time

import pytest
from slack_sdk.errors import SlackApiError

from playground.slack.pace import Pace


def text(length, kind="mrkdwn"):
    return {"type": kind, "text": "x" * length}


def plain(length):
    return text(length, "plain_text")


def button(**fields):
    return {"type": "button", "action_id": "a", "text": plain(1), **fields}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def section(length=1, **fields):
    return {"type": "section", "text": text(length), **fields}


def select(**fields):
    return {"type": "static_select", "action_id": "s", **fields}


def option(text_length=1, value="v"):
    return {"text": plain(text_length), "value": value}


def image(alt=1):
    return {"type": "image", "image_url": "https://example.org/a.png", "alt_text": "x" * alt}


def confirm(title=1, body=1, label=1):
    return {"title": plain(title), "text": plain(body), "confirm": plain(label), "deny": plain(1)}


TAKEN = {
    "50 blocks": [{"type": "divider"}] * 50,
    "a section of 3,000": [section(3000)],
    "10 fields of 1,000": [{"type": "section", "fields": [text(1000)] * 10}],
    "a field of 2,000": [{"type": "section", "fields": [text(2000)]}],
    "a header of 150": [{"type": "header", "text": plain(150)}],
    "10 context elements": [{"type": "context", "elements": [text(1)] * 10}],
    "25 actions": [actions(*[button(action_id=f"a{n}") for n in range(25)])],
    "button of 75, value of 2,000": [actions(button(text=plain(75), value="v" * 2000))],
    "action id of 255": [actions(button(action_id="a" * 255))],
    "block id of 255": [section(block_id="b" * 255)],
    "confirm of 100, 300, 30": [actions(button(confirm=confirm(100, 300, 30)))],
    "100 options of 75": [section(accessory=select(options=[option(75, str(n)) for n in range(100)]))],
    "alt text of 2,000": [image(2000)],
    "markdown of 12,000": [{"type": "markdown", "text": "x" * 12000}],
    "the same action id in two blocks": [actions(button()), actions(button())],
    "5 overflow options": [section(accessory={"type": "overflow", "options": [option()] * 5})],
    "rich text": [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [{"type": "text", "text": "a", "style": {"bold": True}}],
                },
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "b"}], "border": 0},
            ],
        }
    ],
}
REFUSED = {
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "a section of 3,001": (
        [section(3001)],
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ),
    "an empty section": ([section(0)], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "11 fields": ([{"type": "section", "fields": [text(1)] * 11}], "no more than 10 items allowed"),
    "a field of 2,001": ([{"type": "section", "fields": [text(2001)]}], "less than 2001"),
    "a header of 151": ([{"type": "header", "text": plain(151)}], "less than 151"),
    "a header in mrkdwn": ([{"type": "header", "text": text(1)}], "unsupported type: mrkdwn"),
    "11 context elements": ([{"type": "context", "elements": [text(1)] * 11}], "no more than 10"),
    "26 actions": ([actions(*[button(action_id=f"a{n}") for n in range(26)])], "no more than 25"),
    "no actions": ([actions()], "no fewer than 1"),
    "a button of 76": ([actions(button(text=plain(76)))], "less than 76"),
    "a value of 2,001": ([actions(button(value="v" * 2001))], "less than 2001"),
    "an action id of 256": ([actions(button(action_id="a" * 256))], "less than 256"),
    "a block id of 256": ([section(block_id="b" * 256)], "less than 256"),
    "a confirm title of 101": ([actions(button(confirm=confirm(title=101)))], "less than 101"),
    "a confirm text of 301": ([actions(button(confirm=confirm(body=301)))], "less than 301"),
    "a confirm label of 31": ([actions(button(confirm=confirm(label=31)))], "less than 31"),
    "101 options": (
        [section(accessory=select(options=[option(1, str(n)) for n in range(101)]))],
        "no more than 100",
    ),
    "an option of 76": ([section(accessory=select(options=[option(76)]))], "less than 76"),
    "a select without options": ([section(accessory=select())], "missing required field: options"),
    "6 overflow options": (
        [section(accessory={"type": "overflow", "options": [option()] * 6})],
        "no more than 5",
    ),
    "an alt text of 2,001": ([image(2001)], "less than 2001"),
    "no alt text": (
        [{"type": "image", "image_url": "https://example.org/a.png"}],
        "missing required field: alt_text",
    ),
    "a script as link": ([actions(button(url="javascript:alert(1)"))], "must be a valid URL"),
    "a link of 3,001": ([actions(button(url="https://e.org/" + "x" * 3001))], "must be a valid URL"),
    "markdown of 12,001": ([{"type": "markdown", "text": "x" * 12001}], "less than 12001"),
    "markdown of 12,001 in two": ([{"type": "markdown", "text": "x" * 6001}] * 2, "together"),
    "an unknown block": ([{"type": "carousel-of-doom"}], "unsupported type: carousel-of-doom"),
    "an unknown style": ([actions(button(style="secondary"))], "must be a valid enum value"),
    "a stray field": ([section(colour="red")], "invalid additional property: colour"),
    "a block id twice": ([section(block_id="b")] * 2, '`block_id` "b" already exists'),
    "an action id twice in a block": ([actions(button(), button())], '`action_id` "a" already exists'),
    "a picture in actions": ([actions(image())], "unsupported type: image"),
    "a word for a block": (["section"], "must provide an object"),
    "an unknown file": (
        [{"type": "image", "slack_file": {"id": "F404"}, "alt_text": "chart"}],
        "invalid slack file [json-pointer:/blocks/0/slack_file]",
    ),
}
MODAL = {"type": "modal", "title": plain(5), "blocks": []}
ASKING = {
    "type": "input",
    "label": plain(4),
    "element": {"type": "plain_text_input", "action_id": "note"},
}
VIEWS_REFUSED = {
    "a title of 25": ({**MODAL, "title": plain(25)}, "less than 25"),
    "a submit of 25": ({**MODAL, "submit": plain(25)}, "less than 25"),
    "private metadata of 3,001": ({**MODAL, "private_metadata": "m" * 3001}, "less than 3001"),
    "101 blocks": ({**MODAL, "blocks": [{"type": "divider"}] * 101}, "no more than 100"),
    "an input without submit": ({**MODAL, "blocks": [ASKING]}, "submit button is required"),
    "a home in a modal's place": ({"type": "home", "blocks": []}, "must be of type modal"),
    "markdown in a modal": ({**MODAL, "blocks": [{"type": "markdown", "text": "x"}]}, "unsupported type"),
    "no title": ({"type": "modal", "blocks": []}, "missing required field: title"),
}


@pytest.fixture(scope="module")
def shared(module_stage):
    return module_stage


@pytest.mark.parametrize("blocks", TAKEN.values(), ids=TAKEN.keys())
def test_slack_takes(shared, blocks):
    assert shared.client.chat_postMessage(channel=shared.ci, text="t", blocks=blocks)["ok"]


@pytest.mark.parametrize(("blocks", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_slack_refuses(shared, blocks, problem):
    with pytest.raises(SlackApiError) as refused:
        shared.client.chat_postMessage(channel=shared.ci, text="t", blocks=blocks)

    assert refused.value.response["error"] == "invalid_blocks"
    assert problem in "\n".join(refused.value.response["response_metadata"]["messages"])


@pytest.mark.parametrize(("view", "problem"), VIEWS_REFUSED.values(), ids=VIEWS_REFUSED.keys())
def test_slack_refuses_a_view(shared, view, problem):
    with pytest.raises(SlackApiError) as refused:
        shared.client.views_open(trigger_id=trigger(shared), view=view)

    assert refused.value.response["error"] == "invalid_arguments"
    assert problem in "\n".join(refused.value.response["response_metadata"]["messages"])


def trigger(stage, seconds=3.0):
    return stage.slack.workspace.new_trigger(
        stage.slack.workspace.apps["A0PATCH"], stage.ana, seconds=seconds
    )


def code(call, **arguments):
    """The error code of a call that fails."""
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return refused.value.response["error"]


def test_blocks_whose_texts_are_too_long_together_are_refused(shared):
    blocks = [section(2600) for _ in range(5)]

    assert (
        code(shared.client.chat_postMessage, channel=shared.ci, text="t", blocks=blocks)
        == "msg_blocks_too_long"
    )


def test_a_view_above_250_kb_is_too_large(shared):
    blocks = [section(2900) for _ in range(90)]

    assert (
        code(shared.client.views_open, trigger_id=trigger(shared), view={**MODAL, "blocks": blocks})
        == "view_too_large"
    )


def test_a_trigger_is_good_once_and_for_a_moment(shared):
    used = trigger(shared)
    shared.client.views_open(trigger_id=used, view=MODAL)

    assert code(shared.client.views_open, trigger_id=used, view=MODAL) == "exchanged_trigger_id"
    assert code(shared.client.views_open, trigger_id=trigger(shared, -1), view=MODAL) == "expired_trigger_id"
    assert code(shared.client.views_open, trigger_id="1.2.3", view=MODAL) == "invalid_arguments"


def test_a_stale_hash_is_a_conflict(shared):
    home = {"type": "home", "blocks": []}
    first = shared.client.views_publish(user_id=shared.ana, view=home)["view"]
    shared.client.views_publish(user_id=shared.ana, view=home, hash=first["hash"])

    assert (
        code(shared.client.views_publish, user_id=shared.ana, view=home, hash=first["hash"])
        == "hash_conflict"
    )


def test_modals_stack_to_three(shared):
    opened = shared.client.views_open(trigger_id=trigger(shared), view=MODAL)["view"]
    app = shared.slack.workspace.apps["A0PATCH"]

    def inside():
        return shared.slack.workspace.new_trigger(app, shared.ana, seconds=3, view_id=opened["id"])

    shared.client.views_push(trigger_id=inside(), view=MODAL)
    third = shared.client.views_push(trigger_id=inside(), view=MODAL)["view"]

    assert code(shared.client.views_push, trigger_id=inside(), view=MODAL) == "push_limit_reached"
    assert third["root_view_id"] == opened["id"]


def test_long_texts_are_split_very_long_ones_cut_and_long_updates_refused(stage):
    stage.client.chat_postMessage(channel=stage.ci, text="x" * 4040)
    stage.client.chat_postMessage(channel=stage.ci, text="y" * 4100)
    cut = stage.client.chat_postMessage(channel=stage.ci, text="z" * 41_000, blocks=[section()])

    assert [len(message.text) for message in stage.slack.messages("ci")] == [4040, 4000, 100, 40_000]
    assert cut["warning"] == "message_truncated"
    assert code(stage.client.chat_update, channel=stage.ci, ts=cut["ts"], text="u" * 4001) == "msg_too_long"


def test_tokens_and_scopes_are_checked(stage_at):
    stage = stage_at(scopes=["chat:write"])
    client = stage.client

    assert code(client.auth_test, token="xoxb-nobody") == "invalid_auth"
    assert code(client.apps_connections_open, app_token="xoxb-playground") == "not_allowed_token_type"
    with pytest.raises(SlackApiError) as missing:
        client.users_info(user=stage.ana)
    assert missing.value.response["error"] == "missing_scope"
    assert missing.value.response["needed"] == "users:read"
    assert missing.value.response["provided"] == "chat:write"
    assert client.auth_test().headers["x-oauth-scopes"] == "chat:write"
    client.auth_revoke()
    assert code(client.auth_test) == "token_revoked"


def test_a_call_without_a_token_is_not_authed(stage):
    stage.client.token = None

    assert code(stage.client.auth_test) == "not_authed"


def test_channels_and_messages_are_checked(stage):
    client, slack = stage.client, stage.slack
    private = slack.add_channel("secret", members=[stage.ana], private=True)
    old = slack.add_channel("old", members=[stage.ana, stage.bot])
    slack.archive(old)
    person = slack.say("ana", "ci", "mine")
    whisper = client.chat_postEphemeral(channel=stage.ci, user=stage.ana, text="psst")

    assert code(client.chat_postMessage, channel=stage.dev, text="t") == "not_in_channel"
    assert code(client.chat_postMessage, channel="C404", text="t") == "channel_not_found"
    assert code(client.chat_postMessage, channel=private, text="t") == "channel_not_found"
    assert code(client.chat_postMessage, channel=old, text="t") == "is_archived"
    assert code(client.api_call, api_method="chat.postMessage", params={"channel": stage.ci}) == "no_text"
    assert (
        code(client.chat_postMessage, channel=stage.ci, text="t", thread_ts="1.000000") == "thread_not_found"
    )
    assert code(client.chat_update, channel=stage.ci, ts=person.ts, text="t") == "cant_update_message"
    assert code(client.chat_delete, channel=stage.ci, ts=person.ts) == "cant_delete_message"
    assert (
        code(client.chat_update, channel=stage.ci, ts=whisper["message_ts"], text="t") == "message_not_found"
    )
    assert code(client.chat_postEphemeral, channel=stage.ci, user="U404", text="t") == "user_not_found"
    assert (
        code(client.chat_postEphemeral, channel=stage.ci, user="USLACKBOT", text="t") == "user_not_in_channel"
    )
    assert code(client.conversations_history, channel=stage.dev) == "not_in_channel"
    assert code(client.conversations_replies, channel=stage.ci, ts="1.0") == "thread_not_found"
    assert code(client.api_call, api_method="chat.doesNotExist") == "unknown_method"


def test_history_keeps_metadata_and_hides_ephemerals(stage):
    metadata = {"event_type": "heal", "event_payload": {"id": "h1"}}
    stage.client.chat_postEphemeral(channel=stage.ci, user=stage.ana, text="psst")
    first = stage.client.chat_postMessage(channel=stage.ci, text="one", metadata=metadata)
    stage.client.chat_postMessage(channel=stage.ci, text="reply", thread_ts=first["ts"])
    stage.client.chat_postMessage(channel=stage.ci, text="two")

    plain_ones = stage.client.conversations_history(channel=stage.ci)["messages"]
    full = stage.client.conversations_history(channel=stage.ci, include_all_metadata=True)["messages"]
    thread = stage.client.conversations_replies(channel=stage.ci, ts=first["ts"])["messages"]

    assert [message["text"] for message in plain_ones] == ["two", "one"]
    assert "metadata" not in plain_ones[1]
    assert full[1]["metadata"] == metadata
    assert (full[1]["reply_count"], [message["text"] for message in thread]) == (1, ["one", "reply"])


def test_lists_come_in_pages(stage):
    for number in range(5):
        stage.slack.add_channel(f"room-{number}", members=[stage.ana])

    names = [
        channel["name"] for page in stage.client.conversations_list(limit=2) for channel in page["channels"]
    ]

    assert names == ["ci", "dev", *(f"room-{number}" for number in range(5))]
    assert code(stage.client.conversations_list, cursor="rubbish") == "invalid_cursor"


def test_people_can_be_looked_up(stage):
    client = stage.client

    assert client.users_lookupByEmail(email="BEN@acme.example")["user"]["tz"] == "Europe/Berlin"
    assert code(client.users_lookupByEmail, email="nobody@acme.example") == "users_not_found"
    assert client.users_info(user=stage.bot)["user"]["is_bot"]
    group = stage.slack.add_usergroup("oncall", "On call", members=["ben"])
    assert client.usergroups_users_list(usergroup=group)["users"] == [stage.ben]
    opened = client.conversations_open(users=stage.ana)["channel"]["id"]
    assert client.chat_postMessage(channel=stage.ana, text="hi")["channel"] == opened


def test_reactions_are_added_once(stage):
    posted = stage.client.chat_postMessage(channel=stage.ci, text="t")
    place = {"channel": stage.ci, "timestamp": posted["ts"], "name": "eyes"}

    stage.client.reactions_add(**place)
    assert code(stage.client.reactions_add, **place) == "already_reacted"
    stage.client.reactions_remove(**place)
    assert code(stage.client.reactions_remove, **place) == "no_reaction"


def test_files_upload_v2_works_and_an_image_shows_once_it_is_processed(stage_at):
    stage = stage_at(Pace(rate=0, file_processing=3_600.0))
    picture = stage.client.files_upload_v2(filename="chart.png", content=b"\x89PNG fake", title="Chart")[
        "file"
    ]
    blocks = [{"type": "image", "slack_file": {"id": picture["id"]}, "alt_text": "3 fixed"}]

    assert code(stage.client.chat_postMessage, channel=stage.ci, text="t", blocks=blocks) == "invalid_blocks"
    stage.slack.workspace.files[picture["id"]].ready_at = 0.0
    assert stage.client.chat_postMessage(channel=stage.ci, text="t", blocks=blocks)["ok"]
    stage.client.files_upload_v2(
        filename="fix.patch", content="--- a\n+++ b\n", channel=stage.ci, initial_comment="the fix"
    )
    assert stage.slack.messages("ci")[-1].text == "the fix"


def test_a_scheduled_message_comes_at_its_time(stage, eventually):
    stage.client.chat_scheduleMessage(channel=stage.ci, text="later", post_at=int(time.time()) + 3)

    assert code(stage.client.chat_scheduleMessage, channel=stage.ci, text="t", post_at=1) == "time_in_past"
    assert eventually(lambda: stage.slack.messages("ci"))[0].text == "later"


def time_stands_still(stage):
    """No share comes back while the test is at work."""
    stage.slack._web_api._limits._clock = lambda: 0.0


def test_one_channel_takes_a_burst_and_then_one_message_a_second(stage_at):
    stage = stage_at(Pace(message_burst=3))
    time_stands_still(stage)
    stage.slack.invite("dev", stage.bot)
    for number in range(3):
        stage.client.chat_postMessage(channel="#ci", text=str(number))

    with pytest.raises(SlackApiError) as limited:
        stage.client.chat_postMessage(channel=stage.ci, text="too many")

    assert limited.value.response.status_code == 429
    assert limited.value.response.headers["Retry-After"] == "1"
    assert limited.value.response["error"] == "ratelimited"
    assert stage.client.chat_postMessage(channel=stage.dev, text="another channel")["ok"]


def test_a_tier_3_method_takes_fifty_calls_a_minute(stage_at):
    stage = stage_at(Pace())
    time_stands_still(stage)
    posted = stage.client.chat_postMessage(channel=stage.ci, text="t")

    for number in range(50):
        stage.client.chat_update(channel=stage.ci, ts=posted["ts"], text=str(number))

    assert code(stage.client.chat_update, channel=stage.ci, ts=posted["ts"], text="t") == "ratelimited"


def test_faults_happen_as_often_as_planned(stage):
    client, slack = stage.client, stage.slack
    slack.inject("chat.postMessage", "ratelimited", retry_after=7)
    slack.inject("chat.postMessage", "500")
    slack.inject("chat.postMessage", "post_then_500")

    with pytest.raises(SlackApiError) as limited:
        client.chat_postMessage(channel=stage.ci, text="one")
    assert limited.value.response.headers["Retry-After"] == "7"
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel=stage.ci, text="two")
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel=stage.ci, text="three")
    client.chat_postMessage(channel=stage.ci, text="four")

    assert [message.text for message in slack.messages("ci")] == ["three", "four"]
    assert [call.status for call in slack.calls("chat.postMessage")] == [429, 500, 500, 200]


def test_a_timeout_posts_and_never_answers(stage):
    stage.client.timeout = 1
    stage.slack.inject("chat.postMessage", "timeout")

    with pytest.raises(TimeoutError):
        stage.client.chat_postMessage(channel=stage.ci, text="lost answer")

    assert [message.text for message in stage.slack.messages("ci")] == ["lost answer"]


@pytest.mark.parametrize(
    ("method", "fault", "times"),
    [("chat.fly", "500", 1), ("chat.update", "fire", 1), ("chat.update", "500", 0)],
)
def test_a_fault_that_makes_no_sense_is_refused(stage, method, fault, times):
    with pytest.raises(ValueError, match=r"unknown|at least once"):
        stage.slack.inject(method, fault, times=times)
