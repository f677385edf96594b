"""What of a comment is a command."""

from __future__ import annotations

import pytest

from bot.pulls.reading import commands_in


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("@patchpilot explain", "explain"),
        ("@PatchPilot: retry use py3.12", "retry use py3.12"),
        ("@patchpilot[bot] status", "status"),
        ("@patchpilot", ""),
        ("Thanks.\r\n\r\n@patchpilot approve\r\n", "approve"),
        ("Thanks.\n@patchpilot approve", "approve"),
        ("   @patchpilot   fix   keep the API  ", "fix   keep the API"),
        ("@patchpilot retry with `PYTHON=3.12`", "retry with `PYTHON=3.12`"),
        ("> What do you think?\n\n@patchpilot approve", "approve"),
        ("<!-- a template -->\n\n@patchpilot approve", "approve"),
        ("<details>\n\nlog\n\n</details>\n\n@patchpilot approve", "approve"),
    ],
)
def test_a_visible_line_that_starts_with_the_name_is_a_command(body, command):
    assert commands_in(body) == (command,)


@pytest.mark.parametrize(
    "body",
    [
        "> @patchpilot approve",
        "> quoted\n@patchpilot approve",  # a lazy continuation line belongs to the quote
        ">> deep\n> less\n@patchpilot approve",
        "```\n@patchpilot approve\n```",
        "~~~\n@patchpilot approve",
        "    @patchpilot approve",
        "`@patchpilot approve`",
        "`` ` ``\n`@patchpilot\napprove`",
        "<!-- @patchpilot approve -->",
        "<!--\n\n@patchpilot approve\n\n-->",
        "<!--\n@patchpilot approve",
        "text <!-- \n@patchpilot approve\n --> text",
        "<details>\n\n@patchpilot approve\n\n</details>",
        "<div hidden>\n@patchpilot approve\n</div>",
        "**@patchpilot approve**",
        "[@patchpilot approve](https://example.test)",
        "<b>@patchpilot approve</b>",
        "~~@patchpilot approve~~",
        "# @patchpilot approve",
        "@patchpilot approve\n===",
        "- @patchpilot approve",
        "1. @patchpilot approve",
        "| @patchpilot approve | b |\n|---|---|\n| @patchpilot approve | c |",
        "[@patchpilot approve]: https://example.test",
        "please @patchpilot approve",
        "mail@patchpilot approve",
        "@patchpilot-dev approve",
        "@patchpilot/team approve",
        "@patchpilots approve",
        "@pаtchpilot approve",
        "patchpilot approve",
        "",
        "@patchpilot approve\n\n<!-- patchpilot:pull -->",
    ],
)
def test_everything_else_is_left_alone(body):
    assert commands_in(body) == ()


def test_more_than_one_command_is_seen_as_more_than_one():
    assert commands_in("@patchpilot approve\n\n@patchpilot reject\nno") == ("approve", "reject")


@pytest.mark.parametrize(
    "piece", ["[", "![[]()", "a\n", "*a **a ", "~a~~", "<!--", "> ", "`a``", "@patchpilot "]
)
def test_a_comment_made_to_be_slow_is_read_like_any_other(piece):
    body = "@patchpilot status\n\n" + piece * (65_000 // len(piece))

    assert commands_in(body)[0] == "status"
