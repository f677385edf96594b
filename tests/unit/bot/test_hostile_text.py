# ruff: noqa: E501 - tables of hostile strings read better in wide rows
"""What comes from a repository, a log or a person is data: through every view it calls nobody, links nothing,
breaks out of nothing and stays within Slack's limits."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from bot.slack.linting import lint_message, lint_view
from bot.slack.presses import said
from patchpilot.commands import Answer, Ruling
from playground.slack.blocks import message_problems, message_too_long, view_problems

PINGS = [
    "<!channel>", "<!here>", "<!everyone>", "<!channel|x>", "<!here|here>", "<@U012ABC>", "<@W012ABC>", "<@U1|ana>",
    "<#C012ABC>", "<#C1|general>", "<!subteam^S012ABC>", "<!subteam^S1|@team>", "<!date^0^{date}|x>",
    "&lt;!channel&gt;", "&#60;!channel&#62;", "&amp;lt;!channel&amp;gt;", "< !channel>", "<\u200b!channel>",
    "<!chan\u00adnel>", "\u2060<!channel>\u2060", "<\x00!channel>", "<!channel\n>", "<<!channel>>", "<!channel",
    "@channel", "@here", "@everyone", "`<!channel>`", "```<!channel>```", "*<!channel>*", "<\x1b[0m!channel>",
]  # fmt: skip
LINKS = [
    "<https://evil.test|click>", "<https://evil.test>", "https://evil.test", "<mailto:a@evil.test|mail>",
    "<javascript:alert(1)|x>", "<slack://open|x>", "<tel:+1|x>", "[click](https://evil.test)",
    "<http://evil.test|https://github.com>", "<https://evil.test|\u202e/moc.buhtig>", "www.evil.test",
    "<data:text/html;base64,AAAA|x>", "|https://evil.test>", "x|y>z", "<file:///etc/passwd|x>", "<ftp://evil.test|x>",
    "//evil.test", "<//evil.test|x>", "<https://evil.test", "<https://evil.test|", "https://file.invalid/x",
]  # fmt: skip
BREAKS = [
    "```", "``` ```", "`", "``", "``````", "```js\nx\n```", "`` ` ``", "\n```\n", "*", "**", "_", "__", "~", "~~",
    "*bold*", "_it_", "~gone~", "`code`", "> quote", ">>> quote", "\n> quote", "- list\n- list", "1. one", "# head",
    "*_~`all`~_*", "\\`\\`\\`", "*\u2060bold*", "a*b_c~d`e", "'''", '"""', '{"type":"divider"}', "]}]}",
    "\\n\\n", "${x}", "%s %d %n", "{0} {x}", "</section>", "<script>alert(1)</script>", "<b>x</b>",
    ":white_check_mark: Fixed", ":x:", ":slack:", ":+1:", "✅ Fixed", "🟢 PR #12 opened",
]  # fmt: skip
CHARACTERS = [
    "\x1b[31mred\x1b[0m", "\x1b]8;;https://evil.test\x07x\x1b]8;;\x07", "\x1b]0;title\x07", "\x1bc", "\x9b31m",
    "\x00", "a\x00b", "\x08\x08\x08", "\x7f", "\r", "a\rb", "\r\n", "\x0b\x0c", "\t\t", "\x1a", "\x85",
    "\u202egpj.exe", "\u202dx", "\u2066x\u2069", "\u2067x", "\u200fx", "\u200ex", "\u061cx", "\u200b", "\u200d",
    "\u2060", "\ufeffx", "\u00ad", "\u034f", "\u180e", "\u2028x", "\u2029x", "\u115f", "\u3164", "\uffa0", "\ufff9x",
    "\U000e0041\U000e0042", "\ud800", "\udfff x", "\uffff", "\U0010ffff", "👩‍👩‍👧‍👦" * 50, "e" + "\u0301" * 500,
    "שלום", "مرحبا", "日本語" * 400, "𝕳𝖊𝖑𝖑𝖔", "ﷺ" * 300, "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "Ⓐ", "ǅ", "İ", "ß" * 100, "\u1e9e",
]  # fmt: skip
SIZES = [
    "", " ", "\n", "\n" * 5_000, "x" * 40_000, "<" * 4_000, "&" * 40_000, "`" * 40_000, "*" * 9_000, "x\n" * 20_000,
    "😀" * 20_000, "<!channel>" * 4_000, "```\n" * 10_000, "\u202e" * 40_000, "x" * 3_000 + "<!channel>",
    "x" * 2_995 + "<!channel>", "x" * 2_990 + "&amp;" * 5, "y" * 149 + "<@U1>", " " * 40_000 + "end",
]  # fmt: skip
ALL = [*PINGS, *LINKS, *BREAKS, *CHARACTERS, *SIZES]

LIVE = re.compile(r"<([^>|]*)")
OURS = re.compile(
    r"!date\^\d+\^[^<>|]*|#C0CI|@U0ANA|@U0BEN|!subteam\^S0TEAM|https://github\.test/[\w./-]*|https://file\.invalid/[\w.:%-]*"
)
HIDDEN = {"Cf", "Cc", "Cs", "Co", "Zl", "Zp"}


def mrkdwn(node):
    """What Slack would parse for mentions and links, and how."""
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            yield node
        for value in node.values():
            yield from mrkdwn(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from mrkdwn(value)


def strings(node):
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from strings(value)


def harmless(text: str) -> None:
    for target in LIVE.findall(text):
        assert OURS.fullmatch(target), f"live: {target!r} in {text[:300]!r}"
    assert text.count("```") in {0, 2}, text[:300]
    visible = text.replace("\u2060", "")
    hidden = {
        f"U+{ord(sign):04X}"
        for sign in visible
        if unicodedata.category(sign) in HIDDEN and sign not in "\n\t"
    }
    assert not hidden - {"U+FFFF", "U+10FFFF"}, hidden


def test_there_are_more_than_a_hundred_ways_tried():
    assert len(set(ALL)) > 150


@pytest.mark.parametrize("text", ALL, ids=lambda text: ascii(text[:24]))
def test_hostile_text_stays_text(poisoned, text):
    messages, forms = poisoned(text)

    for name, message in messages.items():
        blocks = list(message.blocks)
        harmless(message.text)
        assert len(message.text) <= 4_000
        for node in mrkdwn(blocks):
            assert node["verbatim"] is True, f"{name}: Slack would look for links and names by itself"
            harmless(node["text"])
        for one in strings(blocks):
            assert "\x1b" not in one
            assert "\u202e" not in one
        assert not message_problems(blocks), name
        assert not message_too_long(blocks), name
        made, found = lint_message({"text": message.text, "blocks": blocks})
        assert not found.broken, (name, found.broken)
        assert not found.mended, (name, found.mended)
        assert made["blocks"] == json.loads(json.dumps(blocks))
    for name, view in forms.items():
        for node in mrkdwn(view):
            harmless(node["text"])
        assert not view_problems(view), name
        _, found = lint_view(view)
        assert not found.broken, (name, found.broken)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "https://evil.test/>|<!channel>", "https://a.test/ <!here>", "https://a.test/`x`", "x" * 9_000,
     "https://a.test/" + "&" * 3_500, "https://a.test/\u202e\n\x00|", ""],
)  # fmt: skip
def test_an_address_from_outside_leads_only_to_itself(incident, url):
    from dataclasses import replace

    from bot.slack import views

    run = replace(incident.heal.failure.run, url=url)
    failure = replace(incident.heal.failure, run=run)
    bad = replace(
        incident, heal=replace(incident.heal, failure=failure, pull_request_url=url, pull_request_number=1)
    )

    for message in (views.card(bad), *(item.message for item in views.thread(bad))):
        payload = json.dumps(message.blocks, ensure_ascii=False)
        assert "<!channel>" not in payload
        assert "<!here>" not in payload
        assert "javascript" not in payload
        _, found = lint_message({"text": message.text, "blocks": list(message.blocks)})
        assert not found.broken, found.broken


@pytest.mark.parametrize("text", ALL, ids=lambda text: ascii(text[:24]))
def test_hostile_text_stays_text_in_an_answer_too(text):
    pull = "https://github.test/acme/ledger/pull/7"
    told = f"Cause: {text} · {pull}\nNext: `approve PP-12` or {text}"
    message = said(Answer(ruling=Ruling.ANSWERED, text=told, links=(pull,)))

    harmless(message["text"])
    for node in mrkdwn(message["blocks"]):
        assert node["verbatim"] is True
        harmless(node["text"])
    assert not message_problems(message["blocks"])
    _, found = lint_message(message)
    assert not found.broken, found.broken


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*Approved* by _ana_", "\u2060*\u2060Approved\u2060*\u2060 by \u2060_\u2060ana\u2060_\u2060"),
        (":white_check_mark: ```x```", ":white_check_mark\u2060: " + "\u2060`\u2060" * 3 + "x" + "\u2060`\u2060" * 3),
        ("a`*b*`c", "a\u2060`\u2060\u2060*\u2060b\u2060*\u2060\u2060`\u2060c"),
        ("`mute PP-1 for:1d` or (`retest`)", "`mute PP-1 for:1d` or (`retest`)"),
        ("`settings acme/a<b public:on`", "`settings acme/a&lt;b public:on`"),
        ("test_money", "test_money"),
    ],
)  # fmt: skip
def test_an_answer_formats_our_commands_and_nothing_else(text, shown):
    assert said(text)["text"].replace("\u2060\u2060", "\u2060") == shown.replace("\u2060\u2060", "\u2060")


def test_an_answer_links_only_what_is_ours():
    ours = "https://github.test/acme/ledger/pull/7"
    message = said(Answer(ruling=Ruling.ANSWERED, text=f"{ours} https://evil.test", links=("", ours)))

    assert message["blocks"][0]["text"]["text"] == f"<{ours}|PR #7> https://evil.test"


def test_what_an_answer_quotes_keeps_its_columns_in_a_block():
    text = "Evidence from the log:\n  14: ___ test_a ___\n  15: ```x *b* <!here>\nNext: `retry`."
    blocks = [one["text"]["text"] for one in said(text)["blocks"]]

    assert blocks[0] == "Evidence from the log:"
    assert blocks[1].startswith("```14: ___ test_a ___\n15: ")
    assert blocks[1].count("```") == 2
    assert "<!here>" not in blocks[1]
    assert blocks[2] == "Next: `retry`."
    many = said("\n".join(f"{'  ' * (number % 2)}line" for number in range(90)))["blocks"]
    assert len(many) == 1
