"""A person's Home tab: their link, what waits for them, and what they have asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot.channels import described_subscription
from bot.slack.blocks import Block, actions, button, context, header, quiet, section, when, within
from bot.slack.digest_views import review
from patchpilot.digests import Pending
from patchpilot.grammar.values import DirectLevel
from patchpilot.incidents import incident_name
from patchpilot.noise import Mute
from patchpilot.routing import Subscription
from patchpilot.source import HostUser
from patchpilot.text import one_line
from storage.direct import Direct
from storage.homes import Wishes

_LISTED: Final = 15
DIRECT_LABELS: Final = {
    DirectLevel.OFF: "None",
    DirectLevel.APPROVALS: "Approvals I may decide",
    DirectLevel.MINE: "Everything of mine",
}
_FORM: Final = "{date_short_pretty} {time}"


def home_view(
    user: HostUser | None,
    pending: Sequence[Pending],
    wishes: Wishes,
    *,
    direct: Direct | None = None,
    suggestion: str = "",
) -> Block:
    """The whole tab. ``pending`` are the proposals that this person may approve; ``direct`` is their choice
    of direct messages; ``suggestion`` says whom they may be on the code host."""
    blocks = [header("PatchPilot"), *_link(user, suggestion)]
    if user is not None:
        blocks += [*_pending(pending), *_wishes(wishes)]
    if user is not None and direct is not None:
        blocks += _direct(direct)
    blocks.append(context("Everything here can be typed: `/patchpilot help` lists how"))
    return {"type": "home", "blocks": blocks}


def _link(user: HostUser | None, suggestion: str) -> Iterator[Block]:
    if user is None:
        yield section(
            "*Your account is not linked*\nPatchPilot asks your code host what you may do, so it has to know "
            f"who you are there. Or type `/patchpilot link`.{quiet(suggestion)}"
        )
        press = button("Link my account", "home_link", "link", style="primary", about="with the code host")
        yield actions("home_link", press)
    else:
        login = quiet(one_line(user.login, 80))
        yield section(f"*Linked* as @{login} on {quiet(user.host_name)}. `/patchpilot unlink` ends that.")


def _pending(pending: Sequence[Pending]) -> Iterator[Block]:
    yield header("Waits for your approval")
    for one in pending[:_LISTED]:
        yield review(one)
    more = len(pending) - _LISTED
    if more > 0:
        yield section(f"and {more} more; `/patchpilot status` lists them")
    if not pending:
        yield section("Nothing waits for you.")


def _wishes(wishes: Wishes) -> Iterator[Block]:
    yield header("What you asked for")
    lines = [
        *(_subscription(one) for one in wishes.subscriptions),
        *(_mute(one) for one in wishes.mutes),
        *(
            f"Quiet hours in {_channel(one.channel)}: {quiet(one.hours)} ({quiet(one.zone)})"
            for one in wishes.quiet
        ),
    ]
    for start in range(0, min(len(lines), 3 * _LISTED), _LISTED):
        yield section("\n".join(f"• {line}" for line in lines[start : start + _LISTED]))
    if len(lines) > 3 * _LISTED:
        yield section(f"and {len(lines) - 3 * _LISTED} more; `/patchpilot list` in a channel shows its own")
    if not lines:
        yield section("Nothing yet. In a channel: `/patchpilot subscribe owner/repo digest:mon@09:00`")


def _direct(choice: Direct) -> Iterator[Block]:
    yield header("Direct messages")
    hours = f"\nNot from {choice.window} ({quiet(choice.zone)})." if choice.window else ""
    shown = section(
        f"What comes to you alone, beside what your channels hear.{hours}\nOr type `/patchpilot dm mine`; "
        "`quiet:22:00-07:00` behind it keeps hours free.",
        block_id="home_dm",
    )
    options = {level: _option(label, level) for level, label in DIRECT_LABELS.items()}
    shown["accessory"] = {
        "type": "static_select",
        "action_id": "home_dm",
        "options": list(options.values()),
        "initial_option": options[choice.level],
    }
    yield shown


def _option(label: str, level: DirectLevel) -> Block:
    return {"text": {"type": "plain_text", "text": label}, "value": level.value}


def _subscription(one: Subscription) -> str:
    return (
        f"{_channel(one.channel)} hears of {within(quiet(one_line(described_subscription(one), 130)), 160)}"
    )


def _mute(one: Mute) -> str:
    what = incident_name(one.incident) if one.incident is not None else str(one.repo)
    test = f" {one_line(one.test, 60)}" if one.test else ""
    return f"Muted: {within(quiet(one_line(what, 80) + test), 110)}, until {when(one.until, _FORM)}"


def _channel(channel: str) -> str:
    return f"<#{channel}>" if channel.isalnum() else quiet(channel)
