"""What happened, from findings: where the failing steps begin and end, and what each line is worth.

A line's worth runs from 0 to about 120. Rules say what a line is worth by itself; a message lends worth to
the lines that belong to it; repetition takes worth away, so that the first of a thousand like errors is kept
and room is left for another cause; standing shortly before the verdict of the CI system adds some.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cache

from agent.distil.afterwards import afterwards
from agent.distil.chains import Chain, chains
from agent.distil.diffs import Difference, differences
from agent.distil.findings import Finding
from agent.distil.lines import Line
from agent.distil.passed import printed_by_passed
from agent.distil.places import relative, stated_roots
from agent.distil.rules import Role, Rule
from patchpilot.failures import Category

NEAR_END = 45
"""How many lines before the verdict gain worth by standing there."""
END_BONUS = 26.0
ELSEWHERE = 0.8
"""What is left of a weak line's worth outside the failing steps."""
BRIDGE = 0.7
QUIET = frozenset({Role.NOISE, Role.MUTE, Role.CLEARED})
"""Roles of lines that are no failure."""

_HEADING_REACH = 150
_ECHO_REACH = 80
_ATTEMPT_REACH = 400
"""How far above the word of a new attempt the one before is looked for, in lines."""
_CLEARED = 3.0
"""What a passing test printed is worth, less than is ever shown; the end of a step may add to it."""
VERDICTS = 5
"""With more verdicts than this, not every step that failed is known by its first line."""
_CERTAIN = 92
_REPEATS = 60
"""From here on a repeated message lends no worth to the lines around it."""
_KEY_LINES = 120
_BLOB = re.compile(r"[A-Za-z0-9+/=_-]{48,}")
_POSITION = re.compile(r"\s*\d{1,6}:\d{1,6}\s")
_FILE = re.compile(r"[^\s:](?::[\\/])?[^\s:]*\.\w{1,10}")
_STRONG = 80.0
"""From here on a line counts as much before the failing step as in it."""
_CONTINUED = 14
"""Lines indented below a message that are taken to belong to it."""
_STARTS = (
    *("##[group]Run ", "##[section]Starting", "travis_fold:start", "section_start", "$ "),
    # Jenkins closes and cleans up in lines of the same form before it says that the step failed.
    *("[Pipeline] sh", "[Pipeline] bat", "[Pipeline] powershell", "[Pipeline] pwsh", "[Pipeline] Start"),
)
_SHELL = "#!/bin/bash -eo pipefail"
_CONSOLE = re.compile(r"\s{2,4}console\.(?:log|info|warn|error|debug|trace)(?: \S+:\d+)?")
_HEADED = re.compile(r"=+ .+ =+")
_PASSES = re.compile(r"=+ PASSES =+")
# nick-fields/retry, which calls the last attempt final, and Travis, which tells how often it tried.
_RETRIED = re.compile(
    r"(?:##\[warning\]|::warning::)Attempt \d{1,3} failed\b"
    r"|The command \".*\" failed(?: and exited with \d{1,3})?\. Retrying, \d"
)
_PRINTED = 0.5
_SCRIPT_END = re.compile(r"section_end:\d+:(?:step|build)_script\b")
_AFTERWARDS = 400
"""So many lines are searched for the end of GitLab's script, above the verdict on it."""
_CLOSINGS = ("##[group]Run ", "##[section]", "Post job cleanup.", "Cleaning up orphan", "##[error]")

_DIFFERS = Rule(r"^\s{0,12}[-+]", 20, role=Role.DETAIL)
"""A line of a file's text that a difference shows, whatever it looks like."""

# What makes two messages different only in their particulars: quoted names, paths, numbers.
_PARTICULARS = re.compile(r"`[^`]{0,80}`|'[^']{0,80}'|\"[^\"]{0,80}\"|[\w.~-]*/[\w./@~:-]*|\d+")
# How far repetition may take a line's worth down. Lists of failed tests are read as a whole.
_LEAST = {Role.LIST: 0.6, Role.CAUSE: 0.45}
_SPEAKING = frozenset({Role.CAUSE, Role.LIST, Role.OUTCOME, Role.DETAIL})


@dataclass(slots=True)
class Story:
    """The log's lines with what is known of each."""

    lines: Sequence[Line]
    worth: list[float]
    gain: list[float]
    """The part of the worth that comes from standing near a verdict."""
    by_row: dict[int, list[Rule]]
    steps: list[tuple[int, int]] = field(default_factory=list)
    """First and last row of each failing step."""
    roots: tuple[str, ...] = ()
    """Folders that the log says the repository was checked out to."""
    cleared: set[int] = field(default_factory=set)
    """Rows of what a passing test printed."""
    afterwards: set[int] = field(default_factory=set)
    """Rows of what ran once the job had failed, by the CI system's own marks."""
    aside: set[int] = field(default_factory=set)
    """Rows that complain, but are not why the job failed (:mod:`agent.distil.asides`)."""
    heads: dict[int, int] = field(default_factory=dict)
    """Row of the line above that names the file, by the row of a message that gives line and column only."""
    differences: tuple[Difference, ...] = ()
    """What formatters and git show of files."""
    chains: Mapping[int, Chain] = field(default_factory=dict)
    """Exceptions of Python that led to one another, by the row of each."""

    def placed(self, row: int) -> str:
        """The line's text, with the file in front where a line above names it: ``src/a.js:3:7 error ...``."""
        text = self.lines[row].core
        if row not in self.heads or not _POSITION.match(text):
            return text
        name = self.lines[self.heads[row]].core.strip().rstrip(":")
        return f"{relative(name)}:{text.lstrip()}" if _FILE.fullmatch(name) else text

    @property
    def end(self) -> int:
        """Row of the last verdict, or of the last line."""
        return self.steps[-1][1] if self.steps else 0

    def in_failing_step(self, row: int) -> bool:
        """Whether the row stands in a step that failed."""
        return any(first <= row <= last for first, last in self.steps)


def tell(lines: Sequence[Line], findings: Sequence[Finding]) -> Story:
    """Give every line its worth."""
    by_row: dict[int, list[Rule]] = defaultdict(list)
    for finding in findings:
        by_row[finding.row].append(finding.rule)
    story = Story(lines, [0.0] * len(lines), [0.0] * len(lines), dict(sorted(by_row.items())))
    if not lines:
        return story
    story.roots = stated_roots(line.core for line in lines)
    story.differences = differences(lines)
    _mute_differences(story)
    story.chains = chains(lines)
    story.afterwards = afterwards(lines)
    ends = _verdicts(story)
    story.steps = [(_start(story, end), end) for end in ends]
    _weigh(story)
    muted = _mute(story)
    _clear(story)
    _clear_passes(story)
    _clear_attempts(story)
    _turn_consoles_down(story)
    _name_build_steps(story)
    _bridge(story)
    _reward_the_end(story, muted)
    _mute_echoes(story)
    _prefer_failing_steps(story, verdict=bool(_rows(story, Role.END)))
    _drop_blobs(story)
    return story


def _mute_differences(story: Story) -> None:
    """The text of a file tells nothing of what went wrong, though it may hold every word of it."""
    for row in (row for each in story.differences for row in each.body):
        story.by_row.pop(row, None)
        if story.lines[row].core.lstrip()[:1] in {"-", "+"}:
            story.by_row[row] = [_DIFFERS]
    story.by_row = dict(sorted(story.by_row.items()))


def _verdicts(story: Story) -> list[int]:
    """Rows where the CI system says that a step failed; the last line where it never does."""
    # What a clean-up comes to is no verdict, unless nothing else is.
    rows = set(_rows(story, Role.END))
    rows = rows - story.afterwards or rows
    # The runner's last word on a step, whatever it says, is its verdict.
    rows |= {
        row
        for row, rules in story.by_row.items()
        if story.lines[row].core.startswith("##[error]")
        and _next_text(story.lines, row).startswith(_CLOSINGS)
    }
    # A limit of the CI system's own ends the job, and nothing may follow it.
    rows |= {
        row
        for row, rules in story.by_row.items()
        if any(rule.category is Category.TIMEOUT and rule.worth >= _CERTAIN for rule in rules)
    }
    found = sorted(rows)
    if len(found) > VERDICTS:
        found = [*found[: VERDICTS // 2], *found[-(VERDICTS - VERDICTS // 2) :]]
    return found or [_last_filled(story.lines)]


def _next_text(lines: Sequence[Line], row: int) -> str:
    following = (line.core for line in lines[row + 1 : row + 6])
    return next((text for text in following if text.strip()), "##[group]Run ")


def _start(story: Story, end: int) -> int:
    for row in range(script_end(story, end) - 1, -1, -1):
        if row in story.afterwards:
            continue
        if story.lines[row].core.startswith(_STARTS):
            return row
        # CircleCI prints the shell, and below it the command.
        if story.lines[row].core.startswith(_SHELL) and row + 1 < end:
            return row + 1
    return 0


def script_end(story: Story, end: int) -> int:
    """Row where the script ended: GitLab cleans up, uploads and runs ``after_script`` before its verdict.

    Jenkins does what stands in ``post`` before it.
    """
    for row in range(end - 1, max(-1, end - _AFTERWARDS), -1):
        if _SCRIPT_END.match(story.lines[row].core) or row in story.afterwards:
            return next((above for above in range(row, -1, -1) if above not in story.afterwards), row)
    return end


def _weigh(story: Story) -> None:
    templates: Counter[tuple[str, int]] = Counter()
    by_rule: Counter[int] = Counter()
    for row, rules in story.by_row.items():
        quiet = [rule.worth for rule in rules if rule.role in QUIET]
        mute = any(rule.role is Role.MUTE for rule in rules)
        text = story.lines[row].core
        # Frames of a library do not make one of the project less worth, which a rule of its own knows.
        template = _PARTICULARS.sub("#", text[:300]), id(max(rules, key=lambda rule: rule.worth))
        repeated = templates[template]
        templates[template] += 1
        for rule in rules:
            if mute or (quiet and rule.role is Role.SIGN):
                continue
            fading = max(_LEAST.get(rule.role, 0.35), 0.99 ** by_rule[id(rule)] * 0.85**repeated)
            by_rule[id(rule)] += 1
            if repeated < _REPEATS:
                _spread(story, row, rule, rule.worth * fading)
            else:
                _raise(story, row, rule.worth * fading)
        if quiet:
            story.worth[row] = float(min(quiet)) if mute else max(story.worth[row], float(min(quiet)))


def _spread(story: Story, row: int, rule: Rule, worth: float) -> None:
    """Give the line its worth, and a falling share of it to the lines of the same message."""
    _raise(story, row, worth)
    first, last = (0.9, 0.6) if rule.role in _SPEAKING else (0.5, 0.25)
    stop = _compiled(rule.stop) if rule.stop else None
    reached = row
    for other in range(row + 1, min(row + rule.after + 1, len(story.lines))):
        text = story.lines[other].core
        if stop and stop.search(text):
            break
        reached = other
        if text.strip():
            _raise(story, other, worth * (first - (first - last) * (other - row) / rule.after))
    for distance in range(1, min(rule.before, row) + 1):
        if story.lines[row - distance].core.strip():
            share = first - 0.1 - (first - last) * distance / rule.before
            _raise(story, row - distance, worth * share)
    if rule.role in {Role.CAUSE, Role.SIGN}:
        _continue(story, row, reached, worth * (last - 0.1))
    if rule.heading:
        _head(story, row, worth)


def _continue(story: Story, row: int, reached: int, worth: float) -> None:
    """Lines indented deeper than the message, such as frames of a stack, carry it on."""
    depth = _indent(story.lines[row].core)
    for other in range(row + 1, min(row + _CONTINUED + 1, len(story.lines))):
        text = story.lines[other].core
        if not text.strip() or _indent(text) <= depth:
            break
        if other > reached:
            _raise(story, other, worth)


def _head(story: Story, row: int, worth: float) -> None:
    depth = _indent(story.lines[row].core)
    for other in range(row - 1, max(-1, row - _HEADING_REACH), -1):
        text = story.lines[other].core
        if text.strip() and _indent(text) < depth:
            _raise(story, other, worth)
            story.heads[row] = other
            return


def _raise(story: Story, row: int, worth: float) -> None:
    """A line keeps the best reason for which it was chosen."""
    story.worth[row] = max(story.worth[row], worth)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _mute(story: Story) -> set[int]:
    """What says that something passed is worth nothing beside a failure either; the rows of such lines."""
    muted = set(_rows(story, Role.MUTE))
    for row in muted:
        worth = min(rule.worth for rule in story.by_row[row] if rule.role in QUIET)
        story.worth[row] = min(story.worth[row], float(worth))
    return muted


def _clear(story: Story) -> None:
    """What a passing test printed looks like failures at times, and is none."""
    ends = {end for _, end in story.steps}
    for row in printed_by_passed(story.lines, story.by_row, ends=ends):
        story.worth[row] = min(story.worth[row], _CLEARED)
        story.cleared.add(row)


def _clear_passes(story: Story) -> None:
    """What tests that passed printed pytest shows if it is asked to, below a heading of its own."""
    inside = False
    for row, line in enumerate(story.lines):
        if _HEADED.fullmatch(line.core):
            inside = _PASSES.fullmatch(line.core) is not None
        elif inside:
            story.worth[row] = min(story.worth[row], _CLEARED)
            story.cleared.add(row)


def _clear_attempts(story: Story) -> None:
    """What an attempt printed that was made again is not why the step failed: the last attempt is."""
    begun = 0
    for row, line in enumerate(story.lines):
        if line.core.startswith(_STARTS):
            begun = row + 1
        elif _RETRIED.match(line.core):
            for before in range(max(begun, row - _ATTEMPT_REACH), row + 1):
                story.worth[before] = min(story.worth[before], _CLEARED)
                story.cleared.add(before)
            begun = row + 1


def _turn_consoles_down(story: Story) -> None:
    """What tests print, passing ones too, looks like failures; Jest and Vitest say where it begins."""
    depth = -1
    for row, line in enumerate(story.lines):
        text = line.core
        if _CONSOLE.fullmatch(text):
            depth = _indent(text)
        elif depth >= 0 and text.strip() and _indent(text) <= depth:
            depth = -1
        if depth >= 0:
            story.worth[row] *= _PRINTED


def _name_build_steps(story: Story) -> None:
    """BuildKit numbers its steps and prints them interleaved: ``#7 ERROR`` belongs to ``#7 [stage]``."""
    first: dict[str, int] = {}
    for row, line in enumerate(story.lines):
        if not line.text.startswith("#"):
            continue
        number, _, rest = line.text.partition(" ")
        if rest.startswith("["):
            first.setdefault(number, row)
        elif rest.startswith("ERROR") and number in first:
            _raise(story, first[number], story.worth[row])


def _bridge(story: Story) -> None:
    """A line between two of one message belongs to it, and costs less than the mark of a gap."""
    worth = story.worth
    for row in range(1, len(worth) - 1):
        if story.lines[row].core.strip():
            below = max(worth[row + 1 : row + 3])
            worth[row] = max(worth[row], BRIDGE * min(worth[row - 1], below))


def _drop_blobs(story: Story) -> None:
    """Encoded data tells nobody anything, and a key must not be quoted without the line that marks it."""
    inside = 0
    for row, line in enumerate(story.lines):
        if "PRIVATE KEY-----" in line.text:
            inside = _KEY_LINES if "-----BEGIN" in line.text else 0
            story.worth[row] = 0.0
        elif inside or _BLOB.fullmatch(line.text.strip()):
            story.worth[row] = 0.0
            inside = max(inside - 1, 0)


def _reward_the_end(story: Story, muted: AbstractSet[int]) -> None:
    """What stands shortly before a verdict is often the message, whatever tool wrote it."""
    for start, end in story.steps:
        # Each of several jobs that ran at once has an end of its own.
        places: Counter[str] = Counter()
        for row in range(end, -1, -1):
            line = story.lines[row]
            if row in story.afterwards:
                continue
            place = places[line.job]
            if place >= NEAR_END or (row < start and place > NEAR_END // 3):
                if not line.job:
                    break
            elif line.core.strip():
                bonus = 0.0 if row in muted else END_BONUS * (1 - place / NEAR_END)
                story.gain[row] = max(story.gain[row], bonus)
                places[line.job] += 1
    for row, gain in enumerate(story.gain):
        story.worth[row] += gain


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


def _prefer_failing_steps(story: Story, *, verdict: bool) -> None:
    """After the verdict come clean-ups; before the failing step came steps that passed."""
    for row in range(story.end + 1, len(story.lines)):
        story.worth[row] *= 0.75
    if not verdict:
        return
    for start, _ in story.steps:
        if story.lines[start].core.startswith("##[group]Run "):
            _raise(story, start, 50.0)
    if any(start > 0 for start, _ in story.steps):
        for row, worth in enumerate(story.worth):
            if worth < _STRONG and not story.in_failing_step(row):
                story.worth[row] = worth * ELSEWHERE


def _rows(story: Story, role: Role) -> list[int]:
    return [row for row, rules in story.by_row.items() if any(rule.role is role for rule in rules)]


def _last_filled(lines: Sequence[Line]) -> int:
    return next((row for row in range(len(lines) - 1, -1, -1) if lines[row].core.strip()), 0)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """For patterns of the tables that hold no repeat inside a repeat, on lines of at most 4 kB."""
    return re.compile(pattern)
