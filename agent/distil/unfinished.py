"""Tests that ran when their process died or was stopped, so that no line says of them that they failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from agent.distil.rules import Role
from agent.distil.story import Story

REACH = 400
"""So many lines after a test began its process must have died, or something else is told there."""
DUMP = 6000
"""So many lines of Go's stacks are read at most."""
_BETWEEN = 10
_TURNS = (
    # https://google.github.io/googletest/advanced.html#temporarily-disabling-tests shows its output.
    (
        re.compile(r"(?:\d{1,5}: )?\[ RUN {6}\] (\S+)$"),
        re.compile(r"(?:\d{1,5}: )?\[ {1,7}(?:OK|FAILED|SKIPPED) {1,2}\] "),
    ),
    # XCTest, with Objective-C's names of methods on a Mac and Swift's elsewhere.
    (
        re.compile(r"Test Case '(?:-\[)?([^'\n]{1,300}?)\]?' started"),
        re.compile(r"Test Case '[^'\n]{1,300}' (?:passed|failed|skipped)"),
    ),
)
"""How a runner says that a test begins, and that it came to an end."""
_DIED = ("panic: ", "fatal error: ")
_TIMED_OUT = "panic: test timed out"
_GOROUTINE = re.compile(r"goroutine \d{1,12} ")
_TEST_FRAME = re.compile(
    r"[^\s()]{1,300}\.((?:Test|Fuzz|Example|Benchmark)(?:[A-Z_\d]\w*)?)(?:\.func[\d.]{1,12})?\("
)
_TEST_PLACE = re.compile(r"\s\S+_test\.go:\d")


def unfinished(story: Story) -> Mapping[int, str]:
    """The tests by the row of the line that says which ran."""
    return MappingProxyType({**_begun(story), **_of_go(story)})


def _begun(story: Story) -> dict[int, str]:
    """The last test that began and did not end, where something went wrong below."""
    begun: dict[int, str] = {}
    turns = [(row, line.core) for row, line in enumerate(story.lines) if _is_turn(line.core)]
    for starts, ends in _TURNS:
        last: tuple[int, str] | None = None
        for row, text in turns:
            if match := starts.match(text):
                last = row, match[1]
            elif last and ends.match(text):
                last = None
        if last and _goes_wrong(story, last[0]):
            begun[last[0]] = last[1]
    return begun


def _is_turn(text: str) -> bool:
    """Whether the line may be one of these; most are not, which costs little to see."""
    return text.startswith(("[ ", "Test Case '")) or ": [ " in text[:10]


def _goes_wrong(story: Story, begun: int) -> bool:
    return any(
        begun < row <= begun + REACH and any(rule.role in {Role.CAUSE, Role.END} for rule in rules)
        for row, rules in story.by_row.items()
    )


def _of_go(story: Story) -> dict[int, str]:
    """Tests in the stacks that Go prints as it dies: https://pkg.go.dev/runtime#hdr-Environment_Variables.

    Since Go 1.20 it lists the tests that run when their time is over, and before it only the stacks tell. A
    test that panics itself is named, one that a goroutine of its own takes along is not.
    """
    died = next((row for row in story.by_row if story.lines[row].core.startswith(_DIED)), None)
    if died is None or _is_told(story, died):
        return {}
    timed_out = story.lines[died].core.startswith(_TIMED_OUT)
    found: dict[int, str] = {}
    for stack in _stacks(story, died):
        # What waits for its turn did not run.
        if any("testing.(*T).Parallel(" in story.lines[row].core for row in stack):
            continue
        frame = next((row for row in stack if _is_of_test(story, row)), None)
        if frame is not None and (match := _TEST_FRAME.match(story.lines[frame].core)):
            found[frame] = match[1]
            if not timed_out:
                break
    return found


def _is_told(story: Story, died: int) -> bool:
    """Whether Go itself names the test, shortly above or below."""
    near = (line.core for line in story.lines[max(0, died - _BETWEEN) : died + _BETWEEN])
    return any(text.lstrip().startswith(("--- FAIL: ", "running tests:")) for text in near)


def _stacks(story: Story, died: int) -> Iterator[range]:
    """The rows of each goroutine's stack."""
    first: int | None = None
    for row in range(died + 1, min(died + DUMP, len(story.lines))):
        text = story.lines[row].core
        if _GOROUTINE.match(text):
            first = row
        elif first is not None and not text.strip():
            yield range(first, row)
            first = None
    if first is not None:
        yield range(first, min(died + DUMP, len(story.lines)))


def _is_of_test(story: Story, row: int) -> bool:
    """Whether the frame is that of a test function, which stands in a file of tests."""
    following = story.lines[row + 1].core if row + 1 < len(story.lines) else ""
    return bool(_TEST_FRAME.match(story.lines[row].core) and _TEST_PLACE.match(following))
