"""No line that a patch can hold keeps the guard busy."""

from __future__ import annotations

import time

import pytest

from agent.guard.inspection import inspect
from patchpilot.fixes import Patch

EQUALS = "class A:\n    def __eq__(self, other):\n        "
LINES = {
    "types without commas": ("a.py", EQUALS + f"return isinstance(other, ({'str ' * 26}x))"),
    "letters behind many downloads": ("run.sh", ("curl " * 60 + "-" + "k" * 3600 + "!\n") * 2),
    "loops in a loop": (
        "tests/test_a.py",
        "".join(f"for a in {'for a in ' * 430}b:\n    assert f(a) == {n}\n" for n in range(40)),
    ),
    "the same error many times": (
        "a.py",
        "def f():\n    try:\n        g()\n    except " + "Exception " * 390 + "x\n        return 1\n",
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
