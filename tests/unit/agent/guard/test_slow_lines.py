"""No line that a patch can hold keeps the guard busy."""

from __future__ import annotations

import time

import pytest

from agent.guard.case import open_case
from agent.guard.collection import narrowed
from agent.guard.diff import read_diff
from agent.guard.inspection import inspect
from patchpilot.fixes import Patch

EQUALS = "class A:\n    def __eq__(self, other):\n        "
LINES = {
    "types without commas": ("a.py", EQUALS + f"return isinstance(other, ({'str ' * 26}x))"),
    "letters behind many downloads": ("run.sh", ("curl " * 60 + "-" + "k" * 3600 + "!\n") * 2),
    "the same error many times": (
        "a.py",
        "def f():\n"
        + ("    try:\n        g()\n    except " + "Exception " * 390 + "x\n        return 1\n") * 12,
    ),
    "distances without an end": ("a.py", EQUALS + f"return {'abs(' * 400}{'-)' * 1000}"),
}


def written(path: str, text: str) -> str:
    """A patch that puts each line in the place of another one."""
    lines = text.splitlines()
    old = [
        f"-x = {number}" if "test" not in path else f"-for x in y{number}:" for number in range(len(lines))
    ]
    head = (
        f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,{len(lines)} +1,{len(lines)} @@\n"
    )
    return head + "\n".join((*old, *(f"+{line}" for line in lines))) + "\n"


@pytest.mark.parametrize("name", LINES)
def test_the_guard_answers_at_once(name: str) -> None:
    patch = Patch(written(*LINES[name]))
    start = time.process_time()

    inspect(patch, read_base=lambda _: None)

    assert time.process_time() - start < 1


def test_loops_in_loops_are_told_from_a_choice_of_rows_at_once() -> None:
    lines = f"for a in {'for a in ' * 430}b:\n" * 100
    case = open_case(read_diff(written("tests/test_a.py", lines)), lambda _: None)
    start = time.process_time()

    assert not [*narrowed(case)]

    assert time.process_time() - start < 1
