"""What people see of a storm: one card for many incidents, whose threads hang under it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from bot.slack.blocks import Block, Message, context, header, link, quiet, section, when
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot, StormKind, StormMember, StormSnapshot, incident_name
from patchpilot.states import STATES
from patchpilot.text import one_line, sentence, shorten

_LISTED: Final = 10
_PER_SECTION: Final = 5
"""With names and addresses cut as below, so many lines fit into one section."""
_URL_CHARACTERS: Final = 300
_HERE: Final = "Steps and approvals are in the thread, each with its PP number; not each is called out here"
_ELSEWHERE: Final = "Steps and approvals are in the thread of each one's own card"
_ASKING: Final = (HealState.AWAITING_APPROVAL, HealState.ESCALATED)


def storm_card(storm: StormSnapshot, *, threads: bool = True) -> Message:
    """The storm's one message in the channel. Without ``threads`` each incident has a card of its own, as it
    had before there was a storm."""
    title = _title(storm)
    # Only the same failure has one cause that can be quoted.
    cause = one_line(storm.title, 300) if storm.kind is StormKind.SAME_FAILURE else ""
    listed = _most_pressing_first(storm.members)[:_LISTED]
    more = len(storm.members) - len(listed)
    counts = _counts(storm.members)
    told = "; ".join(
        f"{incident_name(member.incident)} {one_line(str(member.repo), 60)}: {STATES[member.state][1]}"
        for member in listed
    )
    return Message.of(
        " ".join(sentence(part) for part in (title, cause, counts, told) if part)
        + (f" And {more} more." if more else ""),
        [
            header(title),
            section(f"*{quiet(cause)}*") if cause else None,
            section(f"✅ *All over* · {counts}" if storm.over else counts),
            *_places(storm, listed),
            context(
                f"and {more} more" if more else "",
                f"storm {storm.name} since {when(storm.opened_at)}",
                "" if storm.over else _ELSEWHERE if not threads else _HERE,
            ),
        ],
    )


def within_storm(incident: IncidentSnapshot, message: Message) -> Message:
    """A message of an incident whose thread hangs under a storm's card: it says whose it is."""
    text = message.text
    if not text.startswith(f"{incident.name} ") and not text.startswith(f"{incident.name}:"):
        text = f"{incident.name}: {text}"
    whose = f"*{incident.name}* · {_where(str(incident.repo), incident.branch)}"
    return Message(text, (context(whose), *message.blocks), message.uploads)


def _title(storm: StormSnapshot) -> str:
    word = "CI storm over" if storm.over else "CI storm"
    places = f"{storm.places} {'place' if storm.places == 1 else 'places'}"
    match storm.kind:
        case StormKind.SAME_FAILURE:
            return f"{word} · same failure in {places}"
        case StormKind.INFRASTRUCTURE:
            return f"{word} · infrastructure trouble in {places}"
        case StormKind.REPOSITORY:
            return f"{word} · {len(storm.members)} failures in {storm.members[0].repo}"


def _counts(members: Sequence[StormMember]) -> str:
    """How many stand where, in the order in which a heal goes."""
    found = Counter(member.state for member in members)
    return " · ".join(
        f"{STATES[state][0]} {found[state]} {STATES[state][1]}" for state in HealState if found[state]
    )


def _most_pressing_first(members: Sequence[StormMember]) -> list[StormMember]:
    def pressing(member: StormMember) -> tuple[bool, bool, int]:
        return (member.state not in _ASKING, not member.open, member.incident)

    return sorted(members, key=pressing)


def _places(storm: StormSnapshot, members: Sequence[StormMember]) -> list[Block]:
    lines = [_line(member, with_title=storm.kind is not StormKind.SAME_FAILURE) for member in members]
    parts = (lines[start : start + _PER_SECTION] for start in range(0, len(lines), _PER_SECTION))
    return [section("\n".join(part)) for part in parts]


def _line(member: StormMember, *, with_title: bool) -> str:
    name = incident_name(member.incident)
    # A link that is cut in the middle is none; a longer address is left out.
    named = link(member.url, name) if len(member.url) <= _URL_CHARACTERS else name
    emoji, word = STATES[member.state]
    title = f" · {quiet(one_line(member.title, 60))}" if with_title else ""
    return f"{named} · {_where(str(member.repo), member.branch)} · {emoji} {word}{title}"


def _where(repo: str, branch: str) -> str:
    return f"{quiet(shorten(repo, 60))} · {quiet(one_line(branch, 40))}"
