"""What happened, from findings: where the failing step begins and ends, and what each line is worth.

A line's worth runs from 0 to about 120. Rules say what a line is worth by itself; a message lends worth to
the lines that belong to it; repetition takes worth away, so that the first of a thousand like errors is kept and
room is left for another cause; standing shortly before the verdict of the CI system adds some.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.distil.findings import Finding
from agent.distil.lines import Line
from agent.distil.rules import Role, Rule

NEAR_END = 45
"""How many lines before the verdict gain worth by standing there."""
END_BONUS = 26.0
_HEADING_REACH = 150
_ECHO_REACH = 80
_STRONG = 80.0
"""From here on a line counts as much before the failing step as in it."""
_DIGITS = re.compile(r"\d+")
QUIET = frozenset({Role.NOISE, Role.MUTE})
_SPEAKING = frozenset({Role.CAUSE, Role.LIST, Role.OUTCOME, Role.DETAIL})


@dataclass(slots=True)
class Story:
    """The log's lines with what is known of each."""

    lines: Sequence[Line]
    findings: Sequence[Finding]
    worth: list[float]
    start: int = 0
    """Row where the failing step begins."""
    end: int = 0
    """Row of the CI system's verdict, or of the last line."""
    has_verdict: bool = False
    by_row: dict[int, list[Rule]] = field(default_factory=dict)


def tell(lines: Sequence[Line], findings: Sequence[Finding]) -> Story:
    """Give every line its worth."""
    by_row: dict[int, list[Rule]] = defaultdict(list)
    for finding in findings:
        by_row[finding.row].append(finding.rule)
    story = Story(lines, findings, [0.0] * len(lines), by_row=dict(by_row))
    _bound(story)
    _weigh(story)
    _reward_the_end(story)
    _mute_echoes(story)
    _prefer_failing_step(story)
    return story


def _bound(story: Story) -> None:
    """Find the failing step: from the last start of a step before the verdict to the verdict."""
    ends = _rows(story, Role.END)
    story.has_verdict = bool(ends)
    story.end = ends[-1] if ends else _last_filled(story.lines)
    starts = [
        row for row in _rows(story, Role.SECTION) if row < story.end and _is_step(story.lines[row].core)
    ]
    story.start = starts[-1] if starts else 0


def _is_step(text: str) -> bool:
    return text.startswith(
        ("##[group]Run ", "##[section]Starting", "travis_fold:start", "section_start", "$ ", "[Pipeline]")
    )


def _weigh(story: Story) -> None:
    seen: Counter[tuple[int, str]] = Counter()
    by_rule: Counter[int] = Counter()
    for row, rules in sorted(story.by_row.items()):
        quiet = [rule.worth for rule in rules if rule.role in QUIET]
        mute = any(rule.role is Role.MUTE for rule in rules)
        text = story.lines[row].core
        template = _DIGITS.sub("#", text[:200])
        for rule in rules:
            if mute or (quiet and rule.role is Role.SIGN):
                continue
            key = id(rule)
            fading = max(0.5, 0.99 ** by_rule[key]) * max(0.35, 0.85 ** seen[key, template])
            by_rule[key] += 1
            seen[key, template] += 1
            _spread(story, row, rule, rule.worth * fading)
        if quiet:
            story.worth[row] = float(min(quiet)) if mute else max(story.worth[row], float(min(quiet)))


def _spread(story: Story, row: int, rule: Rule, worth: float) -> None:
    """Give the line its worth, and a falling share of it to the lines of the same message."""
    raise_to(story, row, worth)
    first, last = (0.9, 0.6) if rule.role in _SPEAKING else (0.5, 0.25)
    stop = _compiled(rule.stop) if rule.stop else None
    for distance in range(1, rule.after + 1):
        other = row + distance
        if other >= len(story.lines):
            break
        text = story.lines[other].core
        if stop and stop.search(text):
            break
        if text.strip():
            raise_to(story, other, worth * (first - (first - last) * distance / rule.after))
    for distance in range(1, rule.before + 1):
        other = row - distance
        if other < 0:
            break
        if story.lines[other].core.strip():
            raise_to(story, other, worth * (first - 0.1 - (first - last) * distance / rule.before))
    if rule.heading:
        heading = _heading(story.lines, row)
        if heading is not None:
            raise_to(story, heading, worth)


def raise_to(story: Story, row: int, worth: float) -> None:
    """A line keeps the best reason for which it was chosen."""
    story.worth[row] = max(story.worth[row], worth)


def _heading(lines: Sequence[Line], row: int) -> int | None:
    depth = _indent(lines[row].core)
    for other in range(row - 1, max(-1, row - _HEADING_REACH), -1):
        text = lines[other].core
        if text.strip() and _indent(text) < depth:
            return other
    return None


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _reward_the_end(story: Story) -> None:
    """What stands shortly before a verdict is often the message, whatever tool wrote it."""
    ends = _rows(story, Role.END) or [story.end]
    for rank, end in enumerate([ends[-1], *ends[:1], *ends[1:-1][:4]]):
        bonus = END_BONUS if rank == 0 else END_BONUS * 0.7
        place = 0
        for row in range(end, -1, -1):
            if place >= NEAR_END:
                break
            if story.lines[row].core.strip():
                gain = bonus * (1 - place / NEAR_END)
                if rank == 0 or story.worth[row] < gain:
                    story.worth[row] += gain
                place += 1


def _mute_echoes(story: Story) -> None:
    """A step's script, printed before it runs, mentions errors without having met any."""
    echo = -1
    for row, line in enumerate(story.lines):
        if line.core.startswith("##[group]Run "):
            echo = row
        elif line.core.startswith("##[endgroup]") or (echo >= 0 and row - echo > _ECHO_REACH):
            echo = -1
        elif echo >= 0:
            story.worth[row] = min(story.worth[row], 12.0 - min(row - echo, 10))


def _prefer_failing_step(story: Story) -> None:
    """After the verdict come clean-ups; before the failing step came steps that passed."""
    for row in range(story.end + 1, len(story.lines)):
        story.worth[row] *= 0.75
    if story.has_verdict and story.lines[story.start].core.startswith("##[group]Run "):
        raise_to(story, story.start, 50.0)
        for row in range(story.start):
            if story.worth[row] < _STRONG:
                story.worth[row] *= 0.85


def _rows(story: Story, role: Role) -> list[int]:
    return [row for row, rules in sorted(story.by_row.items()) if any(rule.role is role for rule in rules)]


def _last_filled(lines: Sequence[Line]) -> int:
    return next((row for row in range(len(lines) - 1, -1, -1) if lines[row].core.strip()), 0)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def speaking(rules: Iterable[Rule]) -> list[Rule]:
    """The rules that say something about the failure, signs and noise aside."""
    return [rule for rule in rules if rule.role in _SPEAKING]
