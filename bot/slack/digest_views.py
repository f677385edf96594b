"""The weekly digest as a message."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from bot.slack.blocks import (
    Block,
    Message,
    Upload,
    button,
    context,
    header,
    image,
    quiet,
    section,
    when,
    within,
)
from bot.slack.chart import chart, described
from patchpilot.digests import Digest, Pending
from patchpilot.incidents import incident_name
from patchpilot.text import one_line, sentence

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_FORM: Final = "{date_short_pretty} {time}"


def digest_message(digest: Digest) -> Message:
    """The whole digest; one line where nothing happened."""
    if digest.nothing:
        text = f"PatchPilot, {digest.name}: all quiet. No failures, and nothing waits for anybody."
        return Message.of(text, [section(quiet(text))])
    picture = picture_of(digest)
    return Message.of(
        "\n".join(spoken(digest)),
        [
            header(f"PatchPilot · {digest.name}"),
            {"type": "section", "fields": [_field(name, value) for name, value in _headlines(digest)]},
            image(picture),
            section(f"*Scoreboard*\n{_lines(_scoreboard(digest))}"),
            *_pending(digest),
            _list("Flaky most often", [_flaky_line(name, times) for name, times in _flaky(digest)]),
            _list("Mutes that end this week", list(_mutes(digest))),
            context(
                f"Days are those of {quiet(digest.zone)}",
                _typed(digest),
            ),
        ],
        uploads=[picture],
    )


def _typed(digest: Digest) -> str:
    """What does the same as the buttons, if there are any."""
    if not digest.pending:
        return "Or type `/patchpilot digest preview`"
    name = incident_name(digest.pending[0].incident)
    return f"Or type `/patchpilot digest preview`, `status {name}` or `approve {name}`"


def spoken(digest: Digest) -> Iterator[str]:
    """The digest in plain lines: what notifications and screen readers say, and a preview shows."""
    if digest.nothing:
        yield f"PatchPilot, {digest.name}: all quiet. No failures, and nothing waits for anybody."
        return
    yield f"PatchPilot, {digest.name}."
    yield "; ".join(f"{name}: {value}" for name, value in _headlines(digest)) + "."
    yield "Scoreboard: " + "; ".join(_scoreboard(digest)) + "."
    for one in digest.pending:
        summary = sentence(one_line(one.summary, 120))
        yield f"Waits for approval: {incident_name(one.incident)} {one.repo}, {summary}"
    if digest.more_pending:
        yield f"And {digest.more_pending} more wait."
    for name, times in _flaky(digest):
        yield f"Flaky: {name}, {'once' if times == 1 else f'{times} times'}."
    for one_mute in digest.mutes:
        until = f"{one_mute.until:%Y-%m-%d %H:%M} UTC"
        yield f"Mute of {one_line(one_mute.what, 120)} by @{one_mute.author} ends {until}."


def _headlines(digest: Digest) -> list[tuple[str, str]]:
    now, before = digest.figures, digest.before
    pairs = {
        "Failures": (now.failures, before.failures),
        "Different causes": (now.signatures, before.signatures),
        "Diagnosed": (now.diagnosed, before.diagnosed),
        "Fixes verified": (now.verified, before.verified),
        "Approved / rejected": (f"{now.approved} / {now.rejected}", f"{before.approved} / {before.rejected}"),
        "Median to diagnosis": (_length(now.seconds_to_diagnosis), _length(before.seconds_to_diagnosis)),
        "Median to green": (_length(now.seconds_to_green), _length(before.seconds_to_green)),
        "Cost": (f"${now.dollars:.2f}", f"${before.dollars:.2f}"),
    }
    return [(name, f"{value} (was {earlier})") for name, (value, earlier) in pairs.items()]


def _scoreboard(digest: Digest) -> list[str]:
    figures = digest.figures
    each = digest.dollars_per_landed
    cost = (
        f"cost per landed fix ${each:.2f}, failures included"
        if each is not None
        else "no cost per landed fix: none landed"
    )
    saved = (
        f"hours saved {digest.hours_saved:.1f} = {digest.held} that held × {digest.minutes_per_fix} min "
        "(an estimate, set by DIGEST_MINUTES_PER_FIX)"
    )
    return [
        f"landed {figures.landed}, reverted {figures.reverted}, merged but red {figures.merged_red}",
        cost,
        saved,
    ]


def _pending(digest: Digest) -> Iterator[Block]:
    if not digest.pending:
        return
    yield section("*Waiting for a decision*")
    for one in digest.pending:
        yield review(one)
    if digest.more_pending:
        yield section(f"and {digest.more_pending} more, in PatchPilot's Home tab")


def review(one: Pending) -> Block:
    """A proposal that waits, with a button that shows it."""
    name = incident_name(one.incident)
    expires = f" · expires {when(one.expires_at, _FORM)}" if one.expires_at else ""
    said = within(quiet(one_line(one.summary or one.title, 160)), 400)
    made = section(f"*{name}* · {quiet(str(one.repo))} · confidence {one.confidence:.0%}{expires}\n{said}")
    made["accessory"] = button("Review", "review", one.approval_id, about=f"fix {name}")
    return made


def _flaky(digest: Digest) -> Iterator[tuple[str, int]]:
    for one in digest.flaky:
        yield f"{one.repo} {one_line(one.name, 160)}", one.times


def _flaky_line(name: str, times: int) -> str:
    return f"{within(quiet(name), 400)} · {times}×"


def _mutes(digest: Digest) -> Iterator[str]:
    for one in digest.mutes:
        what, author = within(quiet(one_line(one.what, 120)), 300), quiet(one_line(one.author, 60))
        yield f"{what} by @{author}, until {when(one.until, _FORM)}"


def _list(title: str, lines: list[str]) -> Block | None:
    return section(f"*{title}*\n{_lines(lines)}") if lines else None


def _lines(lines: list[str]) -> str:
    return "\n".join(f"• {line}" for line in lines)


def _field(name: str, value: str) -> Block:
    return {"type": "mrkdwn", "text": f"*{name}*\n{value}", "verbatim": True}


def picture_of(digest: Digest) -> Upload:
    """The bars of its days."""
    content = chart(digest.days)
    return Upload(
        key=f"chart:{hashlib.sha256(content).hexdigest()[:24]}",
        name="week.png",
        title=f"Incidents per day, {digest.name}",
        content=content,
        alt_text=described(digest.days),
    )


def _length(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.1f} days"
