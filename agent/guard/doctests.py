"""Examples in the docstrings of Python, which may be tests: what they ask and what they expect."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Line

_PROMPT = re.compile(r"^\s*>>> ?(?P<asked>.*)$")
_MORE = re.compile(r"^\s*\.\.\.(?: (?P<asked>.*))?$")
_ENDS = re.compile(r"^\s*$|\"\"\"|'''")
_DIRECTIVE = re.compile(r"\s*#\s*doctest:(?P<options>.*)$")


@dataclass(frozen=True)
class _Example:
    asked: str
    expected: str
    has_options: bool
    is_skipped: bool
    number: int
    keeps_answer: bool
    """What is expected is there, and no line of it changed."""


def changed(case: Case) -> Iterator[Remark]:
    """Examples that expect something else of the same call, are skipped or asked no more."""
    for change in case.changes:
        if change.language == "python" and not change.is_new and not change.is_deleted:
            yield from _of_file(change)


def _of_file(change: Change) -> Iterator[Remark]:
    if not any(_PROMPT.match(line.text) for line in change.before):
        return
    old, new = (_by_place(side) for side in (change.before, change.after))
    for place in sorted(old.kept.keys() & new.kept.keys()):
        # What is only put in may be another example, of which a line happens to be like one of this.
        if not old.kept[place].keeps_answer:
            yield from _compared(change, old.kept[place], new.kept[place])
    now: dict[str, list[_Example]] = defaultdict(list)
    for example in new.changed:
        now[example.asked].append(example)
    lost: list[_Example] = []
    for example in old.changed:
        if now[example.asked]:
            one = now[example.asked].pop(0)
            # Of others that are written anew, nobody knows which was which.
            yield from _compared(change, example, one) if one.has_options else ()
        elif example.keeps_answer:
            lost.append(example)
    # An example may go with its answer: it documents something else, or is a test elsewhere now.
    if len(lost) > sum(len(left) for left in now.values()):
        yield Remark(change.path, lost[0].number, f"an example is asked no more: {lost[0].asked[:80]}")


def _compared(change: Change, old: _Example, new: _Example) -> Iterator[Remark]:
    if new.is_skipped and not old.is_skipped:
        yield Remark(change.path, new.number, f"an example is skipped: {new.asked[:80]}")
    elif old.expected and old.asked == new.asked and old.expected != new.expected:
        yield Remark(change.path, new.number, f"an example expects something else: {new.asked[:80]}")


@dataclass(frozen=True)
class _Examples:
    kept: dict[int, _Example]
    """Those whose first line is not changed, by how many such lines stand before it on either side."""
    changed: list[_Example]


def _by_place(side: Sequence[Line]) -> _Examples:
    places = {line.number: at for at, line in enumerate(line for line in side if not line.changed)}
    found = _examples(side)
    kept = {places[one.number]: one for one in found if one.number in places}
    return _Examples(kept, [one for one in found if one.number not in places])


def _examples(side: Sequence[Line]) -> list[_Example]:
    found: list[_Example] = []
    held: list[Line] = []
    for line in side:
        is_prompt = _PROMPT.match(line.text) is not None
        if held and (is_prompt or line.first or _ENDS.search(line.text)):
            found.append(_example(held))
            held = []
        if is_prompt or held:
            held.append(line)
    return [*found, _example(held)] if held else found


def _example(lines: Sequence[Line]) -> _Example:
    asked, expected = [lines[0].text.partition(">>>")[2]], list[Line]()
    for line in lines[1:]:
        more = _MORE.match(line.text) if not expected else None
        if more:
            asked.append(more["asked"] or "")
        else:
            expected.append(line)
    options = [match["options"] for text in asked if (match := _DIRECTIVE.search(text))]
    return _Example(
        asked=" ".join(" ".join(_DIRECTIVE.sub("", text) for text in asked).split()),
        expected=" ".join(" ".join(line.text for line in expected).split()),
        has_options=bool(options),
        is_skipped=any("+SKIP" in option for option in options),
        number=lines[0].number,
        keeps_answer=bool(expected) and not any(line.changed for line in expected),
    )
