"""What a channel is told in place of many messages, once its quiet hours are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.slack.blocks import Message, quiet, section
from bot.telling import status_line
from patchpilot.incidents import IncidentSnapshot

_MOST_LISTED: Final = 20


def summary(incidents: Sequence[IncidentSnapshot]) -> Message:
    """One message for all that was held back."""
    lines = [f"• {status_line(one)}" for one in incidents[:_MOST_LISTED]]
    more = len(incidents) - _MOST_LISTED
    if more > 0:
        lines.append(f"… and {more} more: /patchpilot status")
    title = f"While it was quiet here: {len(incidents)} failure{'' if len(incidents) == 1 else 's'}"
    shown = "\n".join([f"*{title}*", *map(quiet, lines)])
    return Message.of("\n".join([title, *lines]), [section(shown)])
