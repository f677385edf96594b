"""What Slack makes of typed text, read back."""

from __future__ import annotations

import pytest

from bot.slack.blocks import dated
from bot.slack.help_views import helped
from bot.slack.typed import called, typed
from patchpilot.grammar import VERBS, Help, Way


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("<@U0BOT> retry use a &lt; b &amp;&amp; c &gt; d", " retry use a < b && c > d"),
        ("retry write &amp;lt; as it is", "retry write &lt; as it is"),
        (
            'mute acme/x test:"tests/<http://test_a.py|test_a.py>" for:1d',
            'mute acme/x test:"tests/test_a.py" for:1d',
        ),
        ("retry ask <mailto:ana@acme.test|ana@acme.test>", "retry ask ana@acme.test"),
        (
            "diagnose <https://github.com/a/b/actions/runs/1>",
            "diagnose https://github.com/a/b/actions/runs/1",
        ),
        (
            "diagnose <https://github.com/a/b/actions/runs/1|github.com/a/b/actions/runs/1>",
            "diagnose https://github.com/a/b/actions/runs/1",
        ),
        (
            "diagnose <https://github.com/a/b/actions/runs/1|the run>",
            "diagnose https://github.com/a/b/actions/runs/1",
        ),
        ("retry see <https://x.test/?a=1&amp;b=2>", "retry see https://x.test/?a=1&b=2"),
        ("escalate <!subteam^S01|@db-team> and <!here> in <#C01|ci>", "escalate @db-team and @here in #ci"),
    ],
)
def test_text_is_read_as_it_was_typed(sent, meant):
    assert typed(sent) == meant


@pytest.mark.parametrize(
    ("sent", "who"),
    [
        ("<@U0BOT> escalate PP-1 <@U0ANA> please look", "U0ANA"),
        ("<@U0BOT> escalate <@U0ANA|ana> and <@U0BEN>", "U0ANA"),
        ("<@U0BOT> escalate", ""),
        ("<@U0BEN> <@U0BOT> escalate", ""),
    ],
)
def test_who_is_mentioned_in_a_command_is_known(sent, who):
    assert called(sent) == who


def test_moments_are_told_in_the_readers_own_time():
    assert dated("Muted: PP-1 until 2026-12-02 14:44 UTC, by @ana") == (
        "Muted: PP-1 until <!date^1796222640^{date_short_pretty} {time}|2026-12-02 14:44 UTC>, by @ana"
    )


def test_what_only_looks_like_a_moment_stays():
    assert dated("2026-19-39 29:44 UTC") == "2026-19-39 29:44 UTC"


def test_help_lists_every_verb_in_one_message_without_columns():
    shown = helped(Help(), Way.SLASH)

    assert len(shown) < 3_900
    assert "• `retry PP-142 [hint]` try again" in shown
    assert "`diagnose &lt;run-url&gt;`" in shown
    assert "   " not in shown
    assert all(f"`{name}" in shown for name, entry in VERBS.items() if Way.SLASH in entry.ways)
