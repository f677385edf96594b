"""What stands beside the failure: clean-ups and notices after it, steps that passed before it.

Such lines complain in familiar words, and would be taken for the cause. They count as long as the part that
failed says nothing of its own: then it may be they that tell, and nothing of them is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.distil.linear import compiled
from agent.distil.rules import Role, Rule
from agent.distil.story import QUIET, VERDICTS, Story
from patchpilot.failures import Category

_SPEAKS, _SMELLS = 2, 1
"""How plainly a line speaks of a failure: a rule knows what it says, or it holds a word of failure."""
_TELLING_SIGN = 44
_LAST_SIGN, _LAST = 40, 13.0
"""In the last lines before the verdict, which gain so much by it, lesser signs tell, too."""
_ANYBODY = frozenset({"", "shell", "git", "docker", "docker compose"})
"""Tools that run in many a step; their complaints are familiar words, whatever the step was for."""
_WORD = re.compile(r"(?:^|\s)[^\[\]\s]*[A-Za-z]{2}")
_LOGGED = re.compile(
    r"\W?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d.{1,40}?\b(?:error|warn|warning|crit|critical|fatal)\b",
    re.IGNORECASE,
)
"""A program that gives date, time and level logs, and goes on: nginx, a worker, a database."""
_FAMILIAR = 80
"""Rules of less worth know a familiar word, not a message."""


def asides(story: Story) -> set[int]:
    """Rows that are not why the job failed, given that the part that failed says something of its own.

    What complains by the way in the failing step is no cause beside an error. What stands elsewhere counts
    less the plainer the step speaks: beside a mere word of failure, a tool that said in another step what is
    wrong may still be the one to read.
    """
    if not story.lines:
        return set()
    verdict = _is_verdict(story, story.end)
    failing = [row for row in story.by_row if not verdict or story.in_failing_step(row)]
    plain = {row: strength for row in failing if (strength := _strength(story, row))}
    mild = _mild(story, plain)
    own = max((strength for row, strength in plain.items() if row not in mild), default=0)
    if not own:
        return set()
    if own < _SPEAKS:
        # A mere word of failure does not outweigh the complaint behind it, with which the step ended.
        said = max(row for row in plain if row not in mild)
        mild = {row for row in mild if row < said}
    passed = _steps_are_known(story)
    outside = [
        row
        for row in story.by_row
        if verdict and (row > story.end or (passed and not story.in_failing_step(row)))
    ]
    return {
        *story.afterwards,
        *mild,
        *(row for row in outside if own == _SPEAKS or _is_anybodys(story.by_row[row])),
    }


def _is_verdict(story: Story, row: int) -> bool:
    """Whether the CI system says there that the step failed; a tool's own limit is followed by its report."""
    ended = any(rule.role is Role.END for rule in story.by_row.get(row, ()))
    return ended or story.lines[row].core.startswith("##[error]")


def _steps_are_known(story: Story) -> bool:
    """Whether what stands above the failing steps stands in steps that passed.

    Of jobs that ran at once, what stands above belongs to another one. Jenkins gives its verdict at the end
    of all, so the step that failed is the last before ``post``, or, in a pipeline that is a script of its
    own, any step.
    """
    ends = [row for row, rules in story.by_row.items() if any(rule.role is Role.END for rule in rules)]
    pipeline = any(line.core.startswith("[Pipeline] ") for line in story.lines)
    declared = any(line.core.startswith("[Pipeline] { (Declarative: ") for line in story.lines)
    at_once = any(line.job for line in story.lines)
    return len(ends) <= VERDICTS and not at_once and declared >= pipeline


def _is_anybodys(rules: Sequence[Rule]) -> bool:
    return all(rule.tool in _ANYBODY for rule in rules if rule.role in {Role.CAUSE, Role.LIST})


def _strength(story: Story, row: int) -> int:
    """How plainly the row speaks of a failure, if it does."""
    rules = story.by_row[row]
    if row in story.cleared or row in story.afterwards or any(rule.role is Role.MUTE for rule in rules):
        return 0
    if any(_speaks(rule) for rule in rules):
        return _SPEAKS
    # That something before it failed says a report, too.
    if any(rule.role in {*QUIET, Role.END, Role.OUTCOME} for rule in rules):
        return 0
    least = _LAST_SIGN if story.gain[row] > _LAST else _TELLING_SIGN
    smells = any(
        rule.role in {Role.SIGN, Role.DETAIL, Role.CAUSE, Role.LIST} and rule.worth >= least for rule in rules
    )
    return _SMELLS if smells and _WORD.search(story.lines[row].core) else 0


def _speaks(rule: Rule) -> bool:
    if rule.role in {Role.CAUSE, Role.LIST}:
        return bool(rule.category or rule.tool)
    return rule.role is Role.OUTCOME and rule.category is Category.TEST and bool(rule.tool)


def _mild(story: Story, plain: dict[int, int]) -> set[int]:
    """Rows of the failing step that complain by the way."""
    mild = set(_passed_over(story))
    said = max((row for row in plain if row not in mild and not _is_logged(story, row)), default=-1)
    mild |= {row for row in plain if row < said and _is_logged(story, row)}
    return mild | _later(story, {row for row in plain if row not in mild and plain[row] == _SPEAKS})


def _later(story: Story, speaking: set[int]) -> set[int]:
    """Rows of steps that failed after one that said why, and only complain in familiar words.

    After a failure GitHub and Azure run those steps alone that ask for it, to tell of it and to clean up:
    https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions.
    """
    said = False
    found: set[int] = set()
    # A step may end in several verdicts.
    for start, end in sorted(dict(sorted(story.steps)).items()):
        rows = {row for row in speaking if start <= row <= end}
        asked = story.lines[start].core.startswith(("##[group]Run ", "##[section]Starting"))
        if said and asked and all(_is_anybodys(story.by_row[row]) for row in rows):
            found |= rows
        said = said or bool(rows)
    return found


def _passed_over(story: Story) -> Iterator[int]:
    """Rows of which a rule says that it fails no job, with the lines above that belong to the same."""
    for row, rules in story.by_row.items():
        for rule in rules:
            if rule.role is Role.ASIDE:
                yield row
                yield from _block(story, row, rule)


def _block(story: Story, row: int, rule: Rule) -> range:
    """The rows above that belong to it; where it is told how they began, all but the last are indented."""
    if not rule.since:
        return range(max(0, row - rule.before), row)
    since = compiled(rule.since)
    for above in range(row - 2, max(-1, row - 1 - rule.before), -1):
        text = story.lines[above].core
        if since.search(text.encode()):
            return range(above, row)
        if not text.startswith(" "):
            break
    return range(row, row)


def _is_logged(story: Story, row: int) -> bool:
    rules = story.by_row[row]
    familiar = _is_anybodys(rules) and all(rule.worth < _FAMILIAR for rule in rules if rule.category)
    return familiar and _LOGGED.match(story.lines[row].core) is not None
