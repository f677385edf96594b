"""What PatchPilot relies on in Slack, on two Slacks."""

from __future__ import annotations

import queue
import urllib.request
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk.errors import SlackApiError

from bot.slack.blocks import Message, actions, button, header, section
from bot.slack.delivery import Delivery, Place, Post
from patchpilot.failures import RunFinished
from patchpilot.metrics import Metrics
from patchpilot.source import Repo, RunRef, Sha
from storage.database import Database
from storage.effects import begin_effect, effect
from storage.intake import record_failure


def code_of(caught: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(caught.value.response["error"])


def test_a_message_keeps_its_blocks_and_the_key_in_its_metadata(slack_side) -> None:
    metadata = {"event_type": "patchpilot_message", "event_payload": {"key": "slack:card:7"}}
    blocks = [header("CI failing"), section("*acme/widget*"), actions("a", button("View", "open_run", "v"))]
    posted = slack_side.client.chat_postMessage(
        channel=slack_side.channel, text="CI failed", blocks=blocks, metadata=metadata
    )

    found = slack_side.client.conversations_history(
        channel=slack_side.channel, oldest=str(float(posted["ts"]) - 1), include_all_metadata=True
    )["messages"]

    mine = next(message for message in found if message["ts"] == posted["ts"])
    assert mine["text"] == "CI failed"
    assert mine["metadata"]["event_payload"] == {"key": "slack:card:7"}
    assert [block["type"] for block in mine["blocks"]] == ["header", "section", "actions"]


def test_a_reply_hangs_in_its_thread_and_not_in_the_channel(slack_side) -> None:
    client, channel = slack_side.client, slack_side.channel
    card = client.chat_postMessage(channel=channel, text="card")
    reply = client.chat_postMessage(channel=channel, text="reply", thread_ts=card["ts"])

    thread = client.conversations_replies(channel=channel, ts=card["ts"])["messages"]
    history = client.conversations_history(channel=channel)["messages"]

    assert [message["ts"] for message in thread] == [card["ts"], reply["ts"]]
    assert thread[1]["thread_ts"] == card["ts"]
    assert reply["ts"] not in [message["ts"] for message in history]


def test_only_ones_own_messages_can_be_edited(slack_side) -> None:
    client, channel = slack_side.client, slack_side.channel
    card = client.chat_postMessage(channel=channel, text="before", blocks=[section("before")])

    client.chat_update(channel=channel, ts=card["ts"], text="after", blocks=[section("after")])
    with pytest.raises(SlackApiError) as theirs:
        slack_side.other.chat_update(channel=channel, ts=card["ts"], text="theirs")
    with pytest.raises(SlackApiError) as gone:
        client.chat_update(channel=channel, ts="1.000001", text="nothing there")

    found = client.conversations_replies(channel=channel, ts=card["ts"])["messages"][0]
    assert (found["text"], found["blocks"][0]["text"]["text"]) == ("after", "after")
    assert code_of(theirs) == "cant_update_message"
    assert code_of(gone) == "message_not_found"


def test_empty_blocks_clear_a_message_s_buttons(slack_side) -> None:
    client, channel = slack_side.client, slack_side.channel
    card = client.chat_postMessage(
        channel=channel, text="decide", blocks=[actions("a", button("Approve", "approve", "id"))]
    )

    client.chat_update(channel=channel, ts=card["ts"], text="decided", blocks=[])

    found = client.conversations_replies(channel=channel, ts=card["ts"])["messages"][0]
    assert not [block for block in found.get("blocks", []) if block["type"] == "actions"]


def test_an_ephemeral_answer_is_in_nobody_s_history(slack_side) -> None:
    slack_side.client.chat_postEphemeral(
        channel=slack_side.channel, user=slack_side.user, text="only you can see this"
    )

    history = slack_side.client.conversations_history(channel=slack_side.channel)["messages"]
    assert "only you can see this" not in [message["text"] for message in history]


def test_a_channel_that_is_not_there_is_said(slack_side) -> None:
    with pytest.raises(SlackApiError) as caught:
        slack_side.client.chat_postMessage(channel="C0NOTHERE", text="hello")

    assert code_of(caught) == "channel_not_found"


def test_a_second_reaction_of_the_same_kind_is_refused(slack_side) -> None:
    client, channel = slack_side.client, slack_side.channel
    card = client.chat_postMessage(channel=channel, text="card")
    client.reactions_add(channel=channel, timestamp=card["ts"], name="eyes")

    with pytest.raises(SlackApiError) as caught:
        client.reactions_add(channel=channel, timestamp=card["ts"], name="eyes")

    assert code_of(caught) == "already_reacted"


def test_a_file_can_be_put_into_a_thread_and_fetched(slack_side) -> None:
    client, channel = slack_side.client, slack_side.channel
    card = client.chat_postMessage(channel=channel, text="card")

    uploaded = client.files_upload_v2(
        channel=channel, thread_ts=card["ts"], filename="fix.patch", content="-old\n+new\n"
    )

    info = client.files_info(file=uploaded["file"]["id"])["file"]
    request = urllib.request.Request(
        info["url_private_download"], headers={"Authorization": f"Bearer {client.token}"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"-old\n+new\n"
    thread = client.conversations_replies(channel=channel, ts=card["ts"])["messages"]
    assert [file["name"] for message in thread for file in message.get("files", [])] == ["fix.patch"]


def test_people_are_known_by_id_and_by_address(slack_side) -> None:
    user = slack_side.client.users_info(user=slack_side.user)["user"]
    same = slack_side.client.users_lookupByEmail(email="ana@acme.test")["user"]

    assert user["id"] == same["id"] == slack_side.user
    assert not user["is_bot"]
    with pytest.raises(SlackApiError) as caught:
        slack_side.client.users_lookupByEmail(email="nobody@acme.test")
    assert code_of(caught) == "users_not_found"


def _modal(text: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "retry_hint",
        "private_metadata": "approval|7",
        "title": {"type": "plain_text", "text": text},
        "submit": {"type": "plain_text", "text": "Retry"},
        "blocks": [
            {
                "type": "input",
                "block_id": "hint",
                "label": {"type": "plain_text", "text": "Hint"},
                "element": {"type": "plain_text_input", "action_id": "text"},
            }
        ],
    }


def test_a_trigger_opens_one_modal_which_can_be_updated(slack_side) -> None:
    client, trigger = slack_side.client, slack_side.trigger()
    view = client.views_open(trigger_id=trigger, view=_modal("Loading"))["view"]

    changed = client.views_update(view_id=view["id"], hash=view["hash"], view=_modal("Retry PP-7"))["view"]
    with pytest.raises(SlackApiError) as stale:
        client.views_update(view_id=view["id"], hash=view["hash"], view=_modal("Too late"))
    with pytest.raises(SlackApiError) as used:
        client.views_open(trigger_id=trigger, view=_modal("Again"))

    assert changed["title"]["text"] == "Retry PP-7"
    assert changed["private_metadata"] == "approval|7"
    assert code_of(stale) == "hash_conflict"
    assert code_of(used) == "exchanged_trigger_id"


def test_a_home_view_is_published_and_a_stale_one_refused(slack_side) -> None:
    client = slack_side.client
    first = client.views_publish(user_id=slack_side.user, view={"type": "home", "blocks": [section("one")]})[
        "view"
    ]
    client.views_publish(
        user_id=slack_side.user, hash=first["hash"], view={"type": "home", "blocks": [section("two")]}
    )

    with pytest.raises(SlackApiError) as caught:
        client.views_publish(
            user_id=slack_side.user, hash=first["hash"], view={"type": "home", "blocks": [section("three")]}
        )

    assert code_of(caught) == "hash_conflict"


def test_a_mention_reaches_a_real_bolt_app_signed(slack_side, bolt) -> None:
    seen: queue.Queue[dict[str, Any]] = queue.Queue()
    _on_mention(bolt.app, seen)
    slack_side.listen(bolt.url)

    slack_side.mention("status")

    event = seen.get(timeout=90)
    assert event["user"] == slack_side.user
    assert event["channel"] == slack_side.channel
    assert event["text"].endswith("status")


def _on_mention(app: App, seen: queue.Queue[dict[str, Any]]) -> None:
    # The emulator tells of every message; real Slack sends app_mention, as the playground does.
    @app.event("app_mention")
    def mention(event: dict[str, Any]) -> None:
        seen.put(event)

    @app.event("message")
    def message(event: dict[str, Any]) -> None:
        if "<@" in event.get("text", ""):
            seen.put(event)


@pytest.fixture
def recorded_incident(database: Database) -> int:
    recorded = record_failure(
        database,
        RunFinished(
            delivery_id="one",
            run=RunRef(provider="github_actions", repo=Repo("github", "ana/shop"), run_id="1"),
            workflow="CI",
            branch="main",
            head_sha=Sha("1" * 40),
            succeeded=False,
        ),
    )
    assert recorded.incident is not None
    return recorded.incident


@pytest.fixture
def delivery(database: Database, slack_side) -> Delivery:
    return Delivery(database, slack_side.client, Metrics(), per_second=1000)


def test_our_delivery_posts_once_edits_in_place_and_finds_what_was_posted(
    slack_side, delivery: Delivery, database: Database, recorded_incident: int
) -> None:
    place = Place(slack_side.channel)

    def say(key: str, text: str) -> dict[str, str]:
        message = Message.of(text, [section(text)])
        return delivery.put(
            Post(key, message, place, incident=recorded_incident, known=effect(database, key))
        )

    posted = say("slack:card:once", "Diagnosing")
    edited = say("slack:card:once", "Fixed")
    history = slack_side.client.conversations_history(channel=slack_side.channel)["messages"]

    assert posted == edited
    assert [m["text"] for m in history if m["ts"] == posted["ts"]] == ["Fixed"]

    # A post whose answer was lost: the row is there without a ts, and old enough to look.
    begin_effect(database, "slack:card:lost", kind="slack", incident=recorded_incident)
    lost = slack_side.client.chat_postMessage(
        channel=slack_side.channel,
        text="Lost",
        metadata={"event_type": "patchpilot_message", "event_payload": {"key": "slack:card:lost"}},
    )
    with database.transaction() as session:
        session.connection().exec_driver_sql(
            "UPDATE effects SET begun_at = now() - interval '30 seconds' WHERE key = 'slack:card:lost'"
        )
    assert say("slack:card:lost", "Found")["ts"] == lost["ts"]
