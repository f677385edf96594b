"""Help, written from the table of verbs."""

from __future__ import annotations

from typing import Final

from patchpilot.grammar.verbs import VERBS
from patchpilot.grammar.ways import VerbEntry, Way
from patchpilot.source import Permission

_HELP_WIDTH: Final = 38


def help_text(way: Way, about: str = "") -> str:
    """The verbs that can be used that way, one a line, or all about one of them."""
    if about in VERBS:
        return _about(VERBS[about])
    lines = []
    for entry in VERBS.values():
        if way in entry.ways:
            usage = entry.usage if len(entry.usage) <= _HELP_WIDTH else f"{entry.name} …"
            lines.append(f"{usage:<{_HELP_WIDTH}}  {entry.meaning}")
    return "\n".join([*lines, "", "help VERB tells more about one of them."])


def who_may(entry: VerbEntry) -> str:
    """For people: who may use the verb."""
    who = (
        "anybody here"
        if entry.need is Permission.NONE
        else f"people with {entry.need.name.lower()} access to the repository"
    )
    return f"{who} ({entry.needs_more})" if entry.needs_more else who


def _about(entry: VerbEntry) -> str:
    lines = [entry.usage, f"  {entry.meaning}"]
    width = max((len(option.example) for option in entry.options), default=0)
    lines += [f"  {option.example:<{width}}  {option.meaning}" for option in entry.options]
    lines += [f"Who may: {who_may(entry)}.", f"Where: {', '.join(way for way in Way if way in entry.ways)}."]
    if entry.example:
        lines.append(f"Example: {entry.example}")
    return "\n".join(lines)
