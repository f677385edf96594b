"""Slack's markup, Markdown, rich text and diffs become trees that hold text, never HTML."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.web import diffs, markdown, mrkdwn, rich_text
from playground.web.mrkdwn import Names
from playground.web.nodes import text_of

NAMES = Names(users={"U1": "ana"}, channels={"C1": "ci"}, usergroups={"S1": "oncall"})
TAGS = {
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "details",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "time",
    "tr",
    "ul",
}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("*bold* and _italic_", [["b", {}, "bold"], " and ", ["i", {}, "italic"]]),
        ("~gone~ `code *not bold*`", [["s", {}, "gone"], " ", ["code", {}, "code *not bold*"]]),
        ("*a _b_ c*", [["b", {}, "a ", ["i", {}, "b"], " c"]]),
        ("2*3*4 snake_case_name", ["2*3*4 snake_case_name"]),
        ("```a < b\n*x*```", [["pre", {}, "a < b\n*x*"]]),
        ("&lt;b&gt; &amp;amp;", ["<b> &amp;"]),
        (
            "<@U1> in <#C1|old>",
            [["span", {"kind": "mention"}, "@ana"], " in ", ["span", {"kind": "mention"}, "#ci"]],
        ),
        ("<!here>", [["span", {"kind": "broadcast"}, "@here"]]),
        ("<!subteam^S1>", [["span", {"kind": "mention"}, "@oncall"]]),
        ("<https://e.org/?a=1&amp;b=2|here>", [["a", {"href": "https://e.org/?a=1&b=2"}, "here"]]),
        ("<javascript:alert(1)|here>", [["span", {}, "here"]]),
        ("<!date^1392734382^{date_num}|Feb>", [["time", {"ts": 1392734382, "format": "{date_num}"}, "Feb"]]),
        ("<!date^soon^{date_num}|Feb>", ["Feb"]),
        (":eyes: :unknown_one:", ["👀", " ", ":unknown_one:"]),
        ("&gt; one\n> two\nthree", [["blockquote", {}, "one", ["br", {}], "two"], "three"]),
        ("*\u2060_\u2060a\u2060_\u2060b \u2060*\u2060c*", [["b", {}, "_a_b *c"]]),
        ("* not bold * nor _ this _", ["* not bold * nor _ this _"]),
        ("one\ntwo", ["one", ["br", {}], "two"]),
    ],
)
def test_mrkdwn_reads_as_in_slack(text, tree):
    assert mrkdwn.nodes(text, NAMES) == tree


def tags_of(nodes):
    for node in nodes:
        if not isinstance(node, str):
            yield node[0]
            yield from tags_of(node[2:])


@given(st.text(alphabet="<>&*_~`:|!@#^\n ab'\"/-[]()=", max_size=200))
def test_no_text_makes_a_tag_the_page_does_not_know(text):
    assert set(tags_of(mrkdwn.nodes(text, NAMES))) <= TAGS
    assert set(tags_of(markdown.nodes(text))) <= TAGS


@pytest.mark.parametrize("text", ["*" * 20_000, "<" * 20_000, "_a" * 10_000, "`" * 20_001, ":a" * 10_000])
def test_hostile_runs_take_no_time(text):
    before = time.process_time()
    mrkdwn.nodes(text, NAMES)

    assert time.process_time() - before < 2


def test_markdown_folds_and_drops_comments_and_shows_other_tags_as_text():
    tree = markdown.nodes(
        "<details><summary>Log</summary>\n\n```\nx\n```\n\n</details>\n\n<!-- hidden -->\n\n"
        "<script>alert(1)</script>"
    )

    assert tree[0][0] == "details"
    assert ["pre", {"language": ""}, "x"] in tree[0]
    assert "hidden" not in text_of(tree)
    assert "<script>" in text_of(tree)
    assert "script" not in set(tags_of(tree))


def test_markdown_links_lead_to_the_web_only():
    assert markdown.nodes("[a](https://e.org)")[0][2] == ["a", {"href": "https://e.org"}, "a"]
    assert "javascript" not in str([node[1] for node in markdown.nodes("[a](javascript:alert(1))")])
    assert "img" not in set(tags_of(markdown.nodes("![track](https://e.org/pixel.png)")))


def test_an_unclosed_fold_and_a_stray_end_are_harmless():
    assert text_of(markdown.nodes("</details>\n\n<details><summary>a\n\nb")).split() == ["a", "b"]


def test_rich_text_keeps_styles_and_names():
    block = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "text", "text": "x", "style": {"bold": True, "code": True}},
                    {"type": "user", "user_id": "U1"},
                    {"type": "link", "url": "javascript:alert(1)", "text": "y"},
                ],
            },
            {
                "type": "rich_text_list",
                "style": "ordered",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]}],
            },
        ],
    }

    assert rich_text.nodes(block, NAMES) == [
        ["div", {}, ["b", {}, ["code", {}, "x"]], ["span", {"kind": "mention"}, "@ana"], ["span", {}, "y"]],
        ["ol", {}, ["li", {}, "one"]],
    ]


def test_a_diff_has_numbered_lines_and_counts():
    [changed, added] = diffs.files(
        "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -3,2 +3,2 @@ def f():\n a\n-b\n+c\n"
        "\\ No newline at end of file\ndiff --git a/y b/y\nnew file mode 100644\n"
        "--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+z\n"
    )

    assert (changed["path"], changed["added"], changed["removed"]) == ("x.py", 1, 1)
    assert changed["lines"][1:] == [[" ", 3, 3, "a"], ["-", 4, None, "b"], ["+", None, 4, "c"]]
    assert (added["note"], added["lines"][-1]) == ("new file", ["+", None, 1, "z"])
