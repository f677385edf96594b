"""Help in Slack: a list, because the columns of a table break where the window is narrow."""

from __future__ import annotations

from bot.slack.blocks import escape, literal
from patchpilot.grammar import VERBS, Help, Way, help_text


def helped(request: Help, way: Way) -> str:
    """The verbs that can be used that way, one a line, or all about one of them; mrkdwn."""
    if request.about in VERBS:
        return f"```{escape(help_text(way, request.about))}```"
    verbs = [entry for entry in VERBS.values() if way in entry.ways]
    lines = [f"• `{literal(entry.usage)}` {escape(entry.meaning)}" for entry in verbs]
    return "\n".join([*lines, "`help retry` tells more about one of them; so for each."])
