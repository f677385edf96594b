"""What a person does on the page, in a real browser, against a real Bolt app."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("PLAYGROUND_SHOTS", "")
"""A folder for pictures of the page, to look at."""

REJECT = {
    "type": "modal",
    "callback_id": "reject",
    "title": {"type": "plain_text", "text": "Reject this fix"},
    "submit": {"type": "plain_text", "text": "Reject"},
    "close": {"type": "plain_text", "text": "Keep it"},
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*PP-142* · `acme/checkout` · attempt 1"}},
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {
                "type": "radio_buttons",
                "action_id": "reason",
                "options": [
                    {"text": {"type": "plain_text", "text": "Wrong cause"}, "value": "cause"},
                    {
                        "text": {"type": "plain_text", "text": "Right cause, wrong fix"},
                        "value": "fix",
                        "description": {
                            "type": "plain_text",
                            "text": "The patch goes too far or not far enough",
                        },
                    },
                ],
            },
        },
        {
            "type": "input",
            "block_id": "who",
            "optional": True,
            "label": {"type": "plain_text", "text": "Hand over to"},
            "element": {
                "type": "users_select",
                "action_id": "who",
                "placeholder": {"type": "plain_text", "text": "Nobody"},
            },
        },
        {
            "type": "input",
            "block_id": "note",
            "label": {"type": "plain_text", "text": "Note"},
            "hint": {"type": "plain_text", "text": "Goes into the thread and into the memory."},
            "element": {"type": "plain_text_input", "action_id": "note", "multiline": True, "min_length": 3},
        },
    ],
}


def shot(page, name):
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")


def button(label, action, **more):
    return {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": label, "emoji": True},
        **more,
    }


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def card(state=":large_yellow_circle: *Needs approval*"):
    return [
        {"type": "header", "text": {"type": "plain_text", "text": "CI failing · acme/checkout · main"}},
        {
            "type": "section",
            "text": mrkdwn(
                "*test* › `tests/test_discount.py::test_half_price_is_capped`\n"
                "> AssertionError: assert Decimal('50.00') == Decimal('60.00')"
            ),
        },
        {
            "type": "context",
            "elements": [
                mrkdwn("<https://example.org/c|3333333> _Simplify the discount bound_ by Ben"),
                mrkdwn("seen 4× since <!date^1795415407^{time}|06:30>"),
            ],
        },
        {"type": "section", "text": mrkdwn(state)},
        {
            "type": "actions",
            "block_id": "card",
            "elements": [
                button("View run", "view", url="https://example.org/run"),
                button("I'm on it", "claim", value="PP-142"),
                {
                    "type": "overflow",
                    "action_id": "more",
                    "options": [
                        {"text": {"type": "plain_text", "text": "Mute"}, "value": "mute"},
                        {"text": {"type": "plain_text", "text": "Escalate"}, "value": "escalate"},
                        {"text": {"type": "plain_text", "text": "Not a bug"}, "value": "ignore"},
                    ],
                },
            ],
        },
    ]


APPROVAL = [
    {"type": "section", "text": mrkdwn("*A fix is ready.* 1 file, +1 −1, cost $0.04")},
    {
        "type": "section",
        "fields": [
            mrkdwn("*Reproduced*\n:white_check_mark: 3 of 3"),
            mrkdwn("*After the patch*\n:white_check_mark: 8 passed"),
            mrkdwn("*Guard*\n:white_check_mark: clean"),
            mrkdwn("*Confidence*\nhigh (0.91)"),
        ],
    },
    {
        "type": "markdown",
        "text": "```diff\n@@ -8,7 +8,7 @@\n-    if percent > 50:\n+    if percent >= 50:\n```",
    },
    {"type": "divider"},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            button(
                "Approve",
                "approve",
                value="ap-1",
                style="primary",
                accessibility_label="Approve fix PP-142",
                confirm={
                    "title": {"type": "plain_text", "text": "Open a pull request?"},
                    "text": {
                        "type": "plain_text",
                        "text": "PatchPilot opens it as a draft on acme/checkout.",
                    },
                    "confirm": {"type": "plain_text", "text": "Open it"},
                    "deny": {"type": "plain_text", "text": "Not yet"},
                },
            ),
            button("Retry…", "retry", value="ap-1"),
            button("Reject…", "reject", value="ap-1", style="danger"),
            button("Escalate…", "escalate", value="ap-1"),
        ],
    },
    {"type": "context", "elements": [mrkdwn("Base `3333333` · expires in 72 h · patch `9f2c…`")]},
]
HOME = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "Waiting for you"}},
        {
            "type": "section",
            "text": mrkdwn("*PP-142* acme/checkout: cap discounts at exactly 50 % too"),
            "accessory": button("Review", "review", value="PP-142"),
        },
        {"type": "divider"},
        {"type": "header", "text": {"type": "plain_text", "text": "Digest"}},
        {
            "type": "section",
            "text": mrkdwn("When do you want the weekly digest?"),
            "accessory": {
                "type": "static_select",
                "action_id": "digest",
                "placeholder": {"type": "plain_text", "text": "Choose a day"},
                "options": [
                    {"text": {"type": "plain_text", "text": day}, "value": day[:3].lower()}
                    for day in ("Monday", "Friday")
                ],
            },
        },
    ],
}


@pytest.fixture
def story(playground):  # noqa: C901 - a flat list of answers
    """A card with a thread, and a Bolt app that answers everything a person can press."""
    client, bolt = playground.client, playground.bolt
    seen = []
    playground.slack.say("ben", "#ci", "The discount job looks odd since my push, can somebody look?")
    posted = client.chat_postMessage(
        channel="#ci", text="CI failed: acme/checkout main, test_half_price_is_capped", blocks=card()
    )
    thread = {"channel": posted["channel"], "thread_ts": posted["ts"]}
    client.chat_postMessage(
        **thread,
        text="Diagnosis",
        blocks=[
            {
                "type": "section",
                "text": mrkdwn(
                    "*Diagnosis:* the bound excludes exactly 50 %. _High confidence._\n"
                    "```E  AssertionError: assert Decimal('50.00') == Decimal('60.00')```"
                ),
            }
        ],
    )
    client.files_upload_v2(
        channel=posted["channel"],
        thread_ts=posted["ts"],
        filename="fix.patch",
        content="--- a/discount.py\n+++ b/discount.py\n-    if percent > 50:\n+    if percent >= 50:\n",
        initial_comment="The whole patch:",
    )
    approval = client.chat_postMessage(**thread, text="A fix is ready", blocks=APPROVAL)

    @bolt.action("approve")
    def approve(ack, body, client):
        ack()
        seen.append(("approve", body["user"]["id"]))
        done = [
            *APPROVAL[:3],
            {
                "type": "context",
                "elements": [
                    mrkdwn(f":white_check_mark: Approved by <@{body['user']['id']}> → <https://e.org|PR #3>")
                ],
            },
        ]
        client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="Approved", blocks=done
        )
        client.chat_update(
            channel=posted["channel"],
            ts=posted["ts"],
            text="PR #3 opened",
            blocks=card(":large_green_circle: *PR #3 opened*")[:4],
        )

    @bolt.action("reject")
    def reject(ack, body, client):
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=REJECT)

    @bolt.view("reject")
    def rejected(ack, view):
        values = view["state"]["values"]
        note = values["note"]["note"]["value"]
        if "?" in note:
            ack(response_action="errors", errors={"note": "Say it without a question."})
            return
        ack()
        seen.append(
            (
                "rejected",
                values["reason"]["reason"]["selected_option"]["value"],
                values["who"]["who"]["selected_user"],
                note,
            )
        )

    @bolt.action("more")
    def more(ack, action):
        ack()
        seen.append(("more", action["selected_option"]["value"]))

    @bolt.action("digest")
    def digest(ack, action):
        ack()
        seen.append(("digest", action["selected_option"]["value"]))

    @bolt.action(re.compile("view|claim|review|retry|escalate"))
    def other(ack, action):
        ack()
        seen.append((action["action_id"],))

    @bolt.command("/patchpilot")
    def command(ack, command):
        ack(f"*PatchPilot* heard `{command['text']}` in <#{command['channel_id']}>")

    @bolt.event("app_mention")
    def mention(event, say):
        say(text=f"On it, <@{event['user']}> :eyes:", thread_ts=event.get("thread_ts", event["ts"]))

    @bolt.event("app_home_opened")
    def opened(event, client):
        client.views_publish(user_id=event["user"], view=HOME)

    return seen, posted, approval


def test_a_card_is_read_approved_with_a_confirmation_and_updated(page, playground, story, eventually):
    seen, *_ = story
    channel = page.get_by_role("region", name="Channel")
    message = channel.get_by_role("article").filter(has_text="CI failing · acme/checkout · main")
    expect(message.get_by_text("Needs approval")).to_be_visible()
    expect(message.get_by_text("seen 4× since")).to_be_visible()
    message.hover()
    shot(page, "channel")

    message.get_by_role("link", name=re.compile("3 replies")).click()
    thread = page.get_by_role("complementary", name="Thread")
    expect(thread.get_by_text("the bound excludes exactly 50 %.")).to_be_visible()
    thread.get_by_role("button", name="Approve fix PP-142").scroll_into_view_if_needed()
    shot(page, "thread")

    thread.get_by_role("button", name="Approve fix PP-142").click()
    expect(page.get_by_role("dialog").get_by_text("Open a pull request?")).to_be_visible()
    shot(page, "confirm")
    page.get_by_role("button", name="Not yet").click()
    assert seen == []
    thread.get_by_role("button", name="Approve fix PP-142").click()
    page.get_by_role("button", name="Open it").click()

    expect(thread.get_by_text("Approved by")).to_be_visible()
    expect(message.get_by_text("PR #3 opened")).to_be_visible()
    assert seen == [("approve", playground.ana)]
    shot(page, "approved")


def test_a_modal_is_filled_refused_and_sent_by_keyboard(page, playground, story, eventually):
    seen, *_ = story
    page.get_by_role("link", name=re.compile("3 replies")).click()
    page.get_by_role("button", name="Reject…").click()
    modal = page.get_by_role("dialog", name="Reject this fix")
    expect(modal).to_be_visible()
    shot(page, "modal")

    modal.get_by_role("button", name="Reject", exact=True).click()
    expect(modal.get_by_text("Please complete this required field.").first).to_be_visible()
    modal.get_by_label("Right cause, wrong fix").check()
    modal.get_by_label("Hand over to").select_option(label="Ben Okafor (@ben)")
    modal.get_by_label("Note").fill("Why not Decimal?")
    modal.get_by_role("button", name="Reject", exact=True).click()
    expect(modal.get_by_text("Say it without a question.")).to_be_visible()
    shot(page, "modal-errors")
    assert modal.get_by_label("Note").input_value() == "Why not Decimal?"

    modal.get_by_label("Note").fill("Too narrow")
    modal.get_by_label("Note").press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(modal).to_be_hidden()
    eventually(lambda: seen == [("rejected", "fix", playground.ben, "Too narrow")])


def test_escape_closes_a_modal(page, playground, story, eventually):
    page.get_by_role("link", name=re.compile("3 replies")).click()
    page.get_by_role("button", name="Reject…").click()
    expect(page.get_by_role("dialog", name="Reject this fix")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog", name="Reject this fix")).to_be_hidden()
    eventually(lambda: playground.slack.modal("ana") is None)


def test_typing_speaks_commands_answer_privately_and_mentions_get_a_reply(page, playground, story):
    box = page.get_by_role("textbox", name="Message ci")
    box.fill("/pat")
    expect(page.get_by_role("listbox").get_by_text("/patchpilot")).to_be_visible()
    box.press("Tab")
    box.press_sequentially("status PP-142")
    box.press("Enter")
    whisper = page.get_by_role("article").filter(has_text="Only visible to you")
    expect(whisper.get_by_text("status PP-142")).to_be_visible()

    box.fill("@patchpilot retry use <b>py3.12</b>")
    box.press("Enter")
    mine = page.get_by_role("article").filter(has_text="retry use")
    expect(mine.get_by_text("retry use <b>py3.12</b>")).to_be_visible()
    mine.get_by_role("link", name=re.compile("1 reply")).click()
    thread = page.get_by_role("complementary", name="Thread")
    expect(thread.get_by_text("On it,")).to_be_visible()
    shot(page, "typing")

    thread.get_by_role("textbox").fill("thank you")
    thread.get_by_role("textbox").press("Enter")
    expect(thread.get_by_role("article").filter(has_text="thank you")).to_be_visible()
    page.get_by_label("Acting as").select_option(label="Ben Okafor")
    expect(page.get_by_text("Only visible to you")).to_have_count(0)


def at_end(timeline):
    return timeline.evaluate("one => one.scrollHeight - one.scrollTop - one.clientHeight < 2")


def scrolled_up(page, timeline):
    timeline.hover()
    page.mouse.wheel(0, -5000)
    expect(timeline).to_have_js_property("scrollTop", 0)


def test_what_i_send_is_seen_though_i_had_scrolled_up(page, playground, story, eventually):
    for number in range(30):
        playground.slack.say("ben", "#ci", f"line {number}\n" * 4)
    timeline = page.get_by_role("log", name="Messages")
    expect(timeline.get_by_text("line 29").first).to_be_in_viewport()
    box = page.get_by_role("textbox", name="Message ci")

    scrolled_up(page, timeline)
    playground.slack.say("ben", "#ci", "somebody else's")
    expect(timeline.get_by_text("somebody else's")).to_be_attached()
    assert timeline.evaluate("one => one.scrollTop") == 0

    box.fill("and this is mine")
    box.press("Enter")
    expect(timeline.get_by_text("and this is mine")).to_be_in_viewport()

    scrolled_up(page, timeline)
    box.fill("/patchpilot status PP-142")
    box.press("Enter")
    expect(timeline.get_by_text("status PP-142")).to_be_in_viewport()
    eventually(lambda: at_end(timeline))


TALL = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="260"><rect width="300" height="260"/></svg>'
)


def test_the_channel_opens_at_its_end_though_pictures_come_late(page, playground, story, eventually):
    for number in range(30):
        playground.slack.say("ben", "#ci", f"line {number}\n" * 4)
    channel = story[1]["channel"]
    playground.client.files_upload_v2(channel=channel, filename="chart.svg", content=TALL, title="Chart")
    timeline = page.get_by_role("log", name="Messages")
    expect(timeline.get_by_role("img", name="Chart")).to_be_in_viewport()
    held = []

    def hold(route):
        held.append(route)

    page.route("**/playground/files/*", hold)

    page.reload()
    expect(timeline.get_by_role("img", name="Chart")).to_be_attached()
    eventually(lambda: held)
    before = timeline.evaluate("one => one.scrollHeight")
    for request in held:
        request.continue_()

    eventually(lambda: timeline.evaluate("one => one.scrollHeight") > before + 200)
    eventually(lambda: at_end(timeline))


def test_an_overflow_menu_works_by_keyboard(page, story, eventually):
    seen, *_ = story
    expect(page.get_by_role("link", name=re.compile("3 replies"))).to_be_visible()
    page.get_by_role("button", name="More actions").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Mute")).to_be_focused()
    shot(page, "overflow")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    eventually(lambda: seen == [("more", "escalate")])


def test_an_open_menu_stays_open_while_its_card_is_edited(page, playground, story, eventually):
    seen, posted, _ = story
    expect(page.get_by_role("link", name=re.compile("3 replies"))).to_be_visible()
    page.get_by_role("button", name="More actions").click()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Escalate")).to_be_focused()
    playground.client.chat_update(
        channel=posted["channel"], ts=posted["ts"], text="Repairing", blocks=card(":gear: *Repairing*")
    )
    expect(page.get_by_text("Repairing")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Escalate")).to_be_focused()
    page.keyboard.press("Enter")
    eventually(lambda: seen == [("more", "escalate")])


def test_app_home_is_shown_and_its_select_works(page, playground, story, eventually):
    seen, *_ = story
    page.get_by_role("link", name="PatchPilot").click()
    expect(page.get_by_role("heading", name="Waiting for you")).to_be_visible()
    shot(page, "home")
    page.get_by_label("Choose a day").select_option(label="Friday")
    eventually(lambda: seen == [("digest", "fri")])
    page.get_by_role("button", name="Review").click()
    eventually(lambda: ("review",) in seen)


HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<javascript:alert(1)|click me>",
    '<https://example.org/"onmouseover=alert(1)|x>',
    "*<b>bold?</b>* &lt;i&gt;no&lt;/i&gt;",
    "</textarea><svg onload=alert(1)>",
]


def test_hostile_text_is_never_html(page, playground):
    for text in HOSTILE:
        playground.client.chat_postMessage(channel="#ci", text=text)
        playground.client.chat_postMessage(
            channel="#ci", text="m", blocks=[{"type": "markdown", "text": text}]
        )
    expect(page.get_by_role("article")).to_have_count(2 * len(HOSTILE))

    assert (
        page.locator(
            ".timeline script, .timeline svg, .timeline img, .timeline [onerror], .timeline [onmouseover]"
        ).count()
        == 0
    )
    links = page.locator(".timeline .body a").evaluate_all("all => all.map(a => a.protocol)")
    assert set(links) <= {"http:", "https:"}


def test_the_page_shows_repositories_runs_and_their_logs(page, playground):
    page.get_by_role("navigation", name="Where").get_by_role("link", name="GitHub").click()
    page.get_by_role("navigation", name="Repository").get_by_role("link", name="Actions").click()
    shot(page, "runs")
    page.get_by_role("link", name=re.compile("Simplify the discount bound")).click()
    expect(page.get_by_text("1 failed, 7 passed in 0.41s")).to_be_visible()
    expect(page.get_by_text('<script>alert("not a script")</script>')).to_be_visible()
    shot(page, "run")
    page.get_by_role("button", name="Re-run jobs").click()
    expect(page.get_by_role("button", name="Re-run jobs")).to_be_visible()
    page.get_by_role("navigation", name="Repository").get_by_role("link", name="Commits").click()
    expect(page.get_by_text("Round half up")).to_be_visible()


def test_a_pull_request_is_read_commented_on_and_merged(page, playground, eventually):
    page.get_by_role("navigation", name="Where").get_by_role("link", name="GitHub").click()
    page.get_by_role("link", name=re.compile("Cap discounts")).click()
    expect(page.get_by_role("heading", name="What was wrong")).to_be_visible()
    shot(page, "pull")
    page.get_by_role("link", name="Files changed").click()
    expect(page.get_by_text("+    if percent >= 50:")).to_be_visible()
    shot(page, "diff")
    page.get_by_role("link", name="Conversation", exact=True).click()
    page.get_by_role("textbox", name="Comment").fill("@patchpilot status")
    page.get_by_role("button", name="Comment").click()
    expect(page.get_by_text("@patchpilot status")).to_be_visible()
    page.get_by_role("button", name="Retry").click()
    page.get_by_label("Acting as").select_option(label="Cleo Lindt")
    page.get_by_role("button", name="Merge pull request").click()
    expect(page.get_by_text("cleo may not merge here")).to_be_visible()
    page.get_by_label("Acting as").select_option(label="Ben Okafor")
    page.get_by_role("button", name="Merge pull request").click()
    expect(page.get_by_text("✓ Merged into")).to_be_visible()
    assert playground.github.acts == [
        ("comment", 3, "@patchpilot status", "ana"),
        ("check", 5, "retry", "ana"),
        ("merge", 3, "ben"),
    ]


def test_a_narrow_table_breaks_between_words_only(page, playground):
    table = (
        "| check | what was run | result |\n|---|---|---|\n"
        f"| reproduced | {'several words that need their room ' * 6} | 1 failed, 7 passed |"
    )
    playground.client.chat_postMessage(channel="#ci", text="t", blocks=[{"type": "markdown", "text": table}])
    cell = page.get_by_role("cell", name="reproduced")
    page.set_viewport_size({"width": 390, "height": 900})
    expect(cell).to_be_visible()

    lines = cell.evaluate(
        "one => { const all = document.createRange(); all.selectNodeContents(one);"
        " return all.getClientRects().length }"
    )
    assert lines == 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_links_to_messages_and_pull_requests_open_on_the_page(page, playground, story):
    _, posted, approval = story
    link = playground.client.chat_getPermalink(channel=posted["channel"], message_ts=approval["ts"])[
        "permalink"
    ]

    page.goto(link)
    expect(page.get_by_role("complementary", name="Thread").get_by_text("A fix is ready.")).to_be_visible()
    page.goto(f"{playground.url}/acme/checkout/pull/3")
    expect(page.get_by_role("heading", name=re.compile("Cap discounts"))).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 820, 390])
def test_nothing_sticks_out_at_any_width(page, playground, story, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for place, name in (
        ("#/slack", "slack"),
        (f"#/slack/{story[1]['channel']}/{story[1]['ts']}", "thread"),
        ("#/github/acme/checkout/pull/3", "pull"),
    ):
        page.evaluate("place => { location.hash = place }", place)
        page.locator(".message:visible, .pull:visible").first.wait_for()
        shot(page, f"{name}-{scheme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
