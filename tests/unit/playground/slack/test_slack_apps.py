"""Real Bolt apps against the playground's Slack, over HTTP and over Socket Mode."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.webhook import WebhookClient

CARD = [
    {"type": "header", "text": {"type": "plain_text", "text": "CI failing · acme/widget · main"}},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": "ap-1",
                "style": "primary",
            },
            {
                "type": "overflow",
                "action_id": "more",
                "options": [
                    {"text": {"type": "plain_text", "text": "Mute"}, "value": "mute"},
                    {"text": {"type": "plain_text", "text": "Escalate"}, "value": "escalate"},
                ],
            },
        ],
    },
]
MODAL = {
    "type": "modal",
    "callback_id": "reject",
    "title": {"type": "plain_text", "text": "Reject"},
    "submit": {"type": "plain_text", "text": "Send"},
    "private_metadata": "ap-1",
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Why?"},
            "element": {"type": "plain_text_input", "action_id": "note", "multiline": True},
        }
    ],
}


def test_bolt_accepts_the_signature_and_answers_a_mention_in_the_thread(bolt_stage, eventually):
    @bolt_stage.bolt.event("app_mention")
    def answer(event, say):
        say(text=f"hello <@{event['user']}>", thread_ts=event["ts"])

    asked = bolt_stage.slack.say("ana", "#ci", "@patchpilot help")

    replies = eventually(lambda: bolt_stage.slack.thread("#ci", asked.ts))
    assert asked.text == f"<@{bolt_stage.bot}> help"
    assert [reply.text for reply in replies] == [f"hello <@{bolt_stage.ana}>"]


def test_bolt_refuses_a_request_with_another_secret(bolt_stage):
    bolt_stage.slack.deliveries._secret = "someone-elses"

    receipt = bolt_stage.slack.slash("ana", "#ci", "/patchpilot help")

    assert receipt.status == 401
    assert "dispatch_failed" in bolt_stage.slack.ephemerals("ana")[-1].text


def test_a_slash_command_is_answered_for_the_asker_only(bolt_stage):
    @bolt_stage.bolt.command("/patchpilot")
    def command(ack, command):
        ack(f"you asked for {command['text']!r} in {command['channel_name']}")

    bolt_stage.slack.slash("ana", "#ci", "/patchpilot status PP-1")

    assert bolt_stage.slack.ephemerals("ana")[-1].text == "you asked for 'status PP-1' in ci"
    assert bolt_stage.slack.ephemerals("ben") == []


def test_an_unknown_command_is_answered_by_slackbot(stage):
    receipt = stage.slack.slash("ana", "#ci", "/nothing here")

    assert receipt.error == "unknown_command"
    assert "not a valid command" in stage.slack.ephemerals("ana")[-1].text


def test_a_press_reaches_bolt_and_updates_the_card(bolt_stage, eventually):
    @bolt_stage.bolt.action("approve")
    def approve(ack, body, client):
        ack()
        client.chat_update(
            channel=body["channel"]["id"],
            ts=body["container"]["message_ts"],
            text=f"approved {body['actions'][0]['value']}",
            blocks=[],
        )

    posted = bolt_stage.client.chat_postMessage(channel="#ci", text="card", blocks=CARD)
    receipt = bolt_stage.slack.press("ana", "#ci", posted["ts"], "approve")

    [message] = bolt_stage.slack.messages("#ci")
    assert receipt.ok
    eventually(lambda: message.text == "approved ap-1")
    assert message.blocks == []


def test_an_overflow_choice_carries_the_option(bolt_stage, eventually):
    chosen = []

    @bolt_stage.bolt.action("more")
    def more(ack, action):
        ack()
        chosen.append(action["selected_option"]["value"])

    posted = bolt_stage.client.chat_postMessage(channel="#ci", text="card", blocks=CARD)
    bolt_stage.slack.press("ana", "#ci", posted["ts"], "more", value="escalate")

    eventually(lambda: chosen == ["escalate"])


def test_a_modal_is_opened_filled_refused_and_sent(bolt_stage, eventually):
    sent = []

    @bolt_stage.bolt.action("approve")
    def press(ack, body, client):
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @bolt_stage.bolt.view("reject")
    def submitted(ack, view):
        note = view["state"]["values"]["why"]["note"]["value"]
        if note == "no":
            ack(response_action="errors", errors={"why": "Say more."})
            return
        ack()
        sent.append((note, view["private_metadata"]))

    posted = bolt_stage.client.chat_postMessage(channel="#ci", text="card", blocks=CARD)
    bolt_stage.slack.press("ana", "#ci", posted["ts"], "approve")
    view = eventually(lambda: bolt_stage.slack.modal("ana"))

    bolt_stage.slack.submit_view("ana", view.id, {"why": "no"})
    assert bolt_stage.slack.modal("ana").errors == {"why": "Say more."}

    bolt_stage.slack.submit_view("ana", view.id, {"why": "wrong file"})
    eventually(lambda: sent == [("wrong file", "ap-1")])
    assert bolt_stage.slack.modal("ana") is None


def test_closing_a_modal_tells_the_app_that_asked_for_it(bolt_stage, eventually):
    closed = []

    @bolt_stage.bolt.command("/patchpilot")
    def command(ack, body, client):
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @bolt_stage.bolt.view_closed("reject")
    def gone(ack, view):
        ack()
        closed.append(view["callback_id"])

    bolt_stage.slack.slash("ana", "#ci", "/patchpilot reject PP-1")
    bolt_stage.slack.close_view("ana", eventually(lambda: bolt_stage.slack.modal("ana")).id)

    eventually(lambda: closed == ["reject"])
    assert bolt_stage.slack.modal("ana") is None


def test_app_home_is_published_when_it_is_opened(bolt_stage, eventually):
    @bolt_stage.bolt.event("app_home_opened")
    def opened(event, client):
        client.views_publish(
            user_id=event["user"],
            view={
                "type": "home",
                "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*Hi*"}}],
            },
        )

    bolt_stage.slack.open_home("ana")

    home = eventually(lambda: bolt_stage.slack.home("ana"))
    assert home.definition["blocks"][0]["text"]["text"] == "*Hi*"


def test_a_response_url_replaces_the_card_five_times_and_no_more(bolt_stage, eventually):
    addresses = []

    @bolt_stage.bolt.action("approve")
    def press(ack, body):
        ack()
        addresses.append(body["response_url"])

    posted = bolt_stage.client.chat_postMessage(channel="#ci", text="card", blocks=CARD)
    bolt_stage.slack.press("ana", "#ci", posted["ts"], "approve")
    webhook = WebhookClient(eventually(lambda: addresses and addresses[0]))

    answers = [webhook.send(text=f"edit {n}", replace_original=True) for n in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert bolt_stage.slack.messages("#ci")[0].text == "edit 4"
    assert "used_url" in answers[-1].body


def test_an_unanswered_event_is_sent_three_times_more_with_retry_headers(stage_at, eventually):
    stage = stage_at(events_url="http://127.0.0.1:9/closed")

    stage.slack.say("ana", "#ci", "@patchpilot hello")

    eventually(lambda: len(stage.slack.sent()) == 8)  # message.channels and app_mention, four times each
    mentions = [r for r in stage.slack.sent() if r.delivery.payload["event"]["type"] == "app_mention"]
    assert [record.attempt for record in mentions] == [0, 1, 2, 3]
    assert {record.receipt.error for record in mentions} == {"connection_failed"}
    assert len({record.delivery.payload["event_id"] for record in mentions}) == 1


def test_a_duplicate_event_has_the_same_event_id(bolt_stage, eventually):
    seen = []
    bolt_stage.bolt.event("app_mention")(lambda body: seen.append(body["event_id"]))
    bolt_stage.bolt.event("message")(lambda: None)
    bolt_stage.slack.inject("events", "duplicate", times=2)

    bolt_stage.slack.say("ana", "#ci", "@patchpilot hello")

    eventually(lambda: len(seen) == 2)
    assert len(set(seen)) == 1


def test_a_duplicate_press_and_a_prepared_press_send_the_same_payload(bolt_stage, eventually):
    seen = []

    @bolt_stage.bolt.action("approve")
    def press(ack, body):
        ack()
        seen.append((body["user"]["id"], body["actions"][0]["action_ts"]))

    posted = bolt_stage.client.chat_postMessage(channel="#ci", text="card", blocks=CARD)
    bolt_stage.slack.inject("interactions", "duplicate")
    bolt_stage.slack.press("ana", "#ci", posted["ts"], "approve")
    stale = bolt_stage.slack.prepare_press("ben", "#ci", posted["ts"], "approve")
    bolt_stage.client.chat_delete(channel=bolt_stage.ci, ts=posted["ts"])
    bolt_stage.slack.send(stale)

    eventually(lambda: len(seen) == 3)
    assert sorted(user for user, _ in seen) == sorted([bolt_stage.ana, bolt_stage.ana, bolt_stage.ben])
    assert len(set(seen)) == 2


def test_what_an_edit_has_removed_can_still_be_pressed_by_who_had_it_before_them(bolt_stage, eventually):
    seen = []

    @bolt_stage.bolt.action("approve")
    def press(ack, body):
        ack()
        seen.append((body["actions"][0]["value"], body["message"]["text"]))

    posted = bolt_stage.client.chat_postMessage(channel="#ci", text="card", blocks=CARD)
    value = next(one["value"] for block in CARD for one in block.get("elements", ()) if "value" in one)
    for text in ("decided", "decided and opened"):
        bolt_stage.client.chat_update(channel=bolt_stage.ci, ts=posted["ts"], text=text, blocks=[])

    bolt_stage.slack.press("ben", "#ci", posted["ts"], "approve")

    assert eventually(lambda: seen) == [(value, "decided and opened")]


def test_everything_works_over_socket_mode_too(stage, eventually):
    bolt = stage.app()
    said = []

    @bolt.event("app_mention")
    def mention(event, say):
        say(text="over the socket", thread_ts=event["ts"])

    @bolt.event("message")
    def message(event):
        said.append(event["text"])

    @bolt.command("/patchpilot")
    def command(ack, body, client):
        client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        ack("opened")

    @bolt.view("reject")
    def submitted(ack):
        ack(response_action="errors", errors={"why": "no"})

    handler = SocketModeHandler(bolt, app_token="xapp-playground")
    handler.connect()
    try:
        eventually(lambda: stage.slack.sockets.connected("A0PATCH"))
        asked = stage.slack.say("ana", "#ci", "@patchpilot help")
        assert eventually(lambda: stage.slack.thread("#ci", asked.ts))[0].text == "over the socket"
        assert stage.slack.slash("ana", "#ci", "/patchpilot reject").ok
        assert stage.slack.ephemerals("ana")[-1].text == "opened"
        stage.slack.submit_view("ana", stage.slack.modal("ana").id, {"why": "x"})
        assert stage.slack.modal("ana").errors == {"why": "no"}

        stage.slack.sockets.disconnect("A0PATCH", reason="refresh_requested")
        again = eventually(lambda: _try(lambda: stage.slack.slash("ana", "#ci", "/patchpilot again")))
        assert again.ok
    finally:
        handler.close()


def _try(act):
    receipt = act()
    return receipt if receipt.ok else None


def test_without_a_socket_an_interaction_fails_at_once_and_says_so(stage):
    receipt = stage.slack.slash("ana", "#ci", "/patchpilot help")

    assert not receipt.ok
    assert "failed with the error" in stage.slack.ephemerals("ana")[-1].text


def test_a_slow_app_is_told_off_like_in_slack(stage_at):
    from playground.slack.pace import Pace

    released = threading.Event()
    import http.server

    class Slow(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            released.wait(5)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    stage = stage_at(Pace(acknowledge=0.2, rate=0), interactivity_url=url, commands={"/patchpilot": url})
    try:
        receipt = stage.slack.slash("ana", "#ci", "/patchpilot help")
    finally:
        released.set()
        server.shutdown()
        server.server_close()

    assert receipt.error == "http_timeout"
    assert "operation_timeout" in stage.slack.ephemerals("ana")[-1].text


def test_oauth_exchanges_a_code_once(stage):
    code = stage.slack.oauth_code("A0PATCH")

    granted = stage.client.oauth_v2_access(client_id="playground-client", client_secret="", code=code)

    assert granted["access_token"] == "xoxb-playground"
    with pytest.raises(Exception, match="invalid_code"):
        stage.client.oauth_v2_access(client_id="playground-client", client_secret="", code=code)


def test_an_uninstalled_app_hears_of_it_and_loses_its_token(bolt_stage, eventually):
    heard = []
    bolt_stage.bolt.event("app_uninstalled")(lambda event: heard.append(event["type"]))
    bolt_stage.bolt.event("tokens_revoked")(lambda event: heard.append(event["type"]))

    bolt_stage.slack.uninstall_app("A0PATCH")

    eventually(lambda: "tokens_revoked" in heard or "app_uninstalled" in heard)
    with pytest.raises(Exception, match="account_inactive"):
        bolt_stage.client.auth_test()


def test_a_malformed_answer_to_a_response_url_is_refused(stage):
    address = stage.slack._payloads.reply_address(
        stage.slack.workspace.apps["A0PATCH"],
        stage.slack.workspace.users[stage.ana],
        stage.slack.workspace.channels[stage.ci],
    )
    request = urllib.request.Request(address, data=json.dumps([1]).encode(), method="POST")

    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        urllib.request.urlopen(request)
    refused.value.close()
