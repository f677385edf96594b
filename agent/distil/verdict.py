"""From a story to its meaning: category, tool, cause, tests, evidence."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from agent.distil.linear import compiled
from agent.distil.rules import Role, Rule
from agent.distil.story import QUIET, Story
from patchpilot.failures import Category

EVIDENCE = 8
TESTS = 200
_ROLE_WEIGHT = {Role.CAUSE: 1.0, Role.LIST: 0.9, Role.OUTCOME: 0.7, Role.DETAIL: 0.6, Role.SIGN: 0.35}
# Where two readings are as likely: what ends a step from outside explains it before what happened inside.
_PRECEDENCE = (
    Category.TIMEOUT,
    Category.RESOURCE,
    Category.PERMISSION,
    Category.SYNTAX,
    Category.TYPE,
    Category.FORMAT,
    Category.LINT,
    Category.BUILD,
    Category.DEPENDENCY,
    Category.TEST,
    Category.CONFIG,
    Category.INFRASTRUCTURE,
    Category.FLAKY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the log says, in typed form; rows point into the story's lines."""

    category: Category
    tool: str
    cause: str
    cause_row: int | None
    tests: tuple[str, ...]
    evidence: tuple[int, ...]
    messages: tuple[str, ...]
    """Texts of the lines that state the cause, for the fingerprint."""


def judge(story: Story) -> Verdict:
    """Read the story."""
    category = _category(story)
    causes = _causes(story, category)
    cause_row = causes[0] if causes else _fallback(story)
    return Verdict(
        category=category,
        tool=_tool(story, category),
        cause=_clean(story.lines[cause_row].core) if cause_row is not None else "",
        cause_row=cause_row,
        tests=_tests(story),
        evidence=_evidence(story, causes),
        messages=tuple(story.lines[row].core for row in causes) or _one(story, cause_row),
    )


def _category(story: Story) -> Category:
    best: dict[Category, float] = defaultdict(float)
    count: dict[Category, int] = defaultdict(int)
    for row, rules in story.by_row.items():
        for rule in rules:
            if rule.category is None or _is_noise(story, row, rule):
                continue
            weight = (
                min(rule.worth, story.worth[row]) * _ROLE_WEIGHT.get(rule.role, 0.3) * _nearness(story, row)
            )
            best[rule.category] = max(best[rule.category], weight)
            count[rule.category] += 1
    if not best:
        return Category.UNKNOWN
    score = {category: weight + 3 * math.log1p(min(count[category], 20)) for category, weight in best.items()}
    return max(score, key=lambda category: (score[category], -_PRECEDENCE.index(category)))


def _is_noise(story: Story, row: int, rule: Rule) -> bool:
    return rule.role in QUIET or any(other.role is Role.MUTE for other in story.by_row[row])


def _nearness(story: Story, row: int) -> float:
    """The failing step counts fully, other steps less, clean-ups after the verdict least."""
    if row > story.end:
        return 0.6
    if row < story.start:
        return 0.8
    return 1.0


def _causes(story: Story, category: Category) -> list[int]:
    """Rows that state the cause, best first."""
    rows = [
        row
        for row, rules in story.by_row.items()
        if any(
            rule.role is Role.CAUSE and rule.category is category and not _is_noise(story, row, rule)
            for rule in rules
        )
    ]
    return sorted(rows, key=lambda row: (-round(story.worth[row] * _nearness(story, row) / 8), row))


def _fallback(story: Story) -> int | None:
    rows = [row for row in story.by_row if story.worth[row] > 0]
    if rows:
        return max(rows, key=lambda row: (story.worth[row] * _nearness(story, row), -row))
    return story.end if story.lines else None


def _tool(story: Story, category: Category) -> str:
    weights: dict[str, float] = defaultdict(float)
    for row, rules in story.by_row.items():
        for rule in rules:
            if rule.tool and rule.role not in QUIET:
                match = 1.0 if rule.category is category else 0.3
                weights[rule.tool] = max(
                    weights[rule.tool],
                    story.worth[row] * match * _nearness(story, row) * _ROLE_WEIGHT.get(rule.role, 0.3),
                )
    return max(weights, key=lambda tool: (weights[tool], tool), default="")


def _tests(story: Story) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for row, rules in sorted(story.by_row.items()):
        for rule in rules:
            if rule.test and (match := compiled(rule.test).search(story.lines[row].core.encode())):
                found.setdefault(match.group(1).decode("utf-8", "replace").strip(), None)
        if len(found) >= TESTS:
            break
    return tuple(found)


def _evidence(story: Story, causes: Sequence[int]) -> tuple[int, ...]:
    """The few rows without which the failure can't be understood, most telling first."""
    telling = [
        row
        for row, rules in story.by_row.items()
        if any(rule.role in {Role.CAUSE, Role.LIST} for rule in rules)
    ]
    ranked = sorted(telling or story.by_row, key=lambda row: (-story.worth[row], row))
    picked = dict.fromkeys([*causes[:4], *ranked])
    return tuple(row for row in picked if story.worth[row] > 0)[:EVIDENCE]


_DECORATION = re.compile(r"^(?:\#\#\[error\]|E {3}|\[ERROR\]|\s|[*>✕✗✖×●-](?= ))+")


def _clean(text: str) -> str:
    return (_DECORATION.sub("", text).strip() or text.strip())[:300]


def _one(story: Story, row: int | None) -> tuple[str, ...]:
    return () if row is None else (story.lines[row].core,)
