"""A line that a patch can hold does not keep the guard busy for ever."""

from __future__ import annotations

import pytest

from agent.guard.inspection import inspect
from patchpilot.fixes import Patch

HEAD = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1,4 @@\n x = 1\n"


@pytest.mark.parametrize("types", ["(str, int)", f"({'str ' * 60}x)"])
def test_types_are_read_in_one_way_however_many_there_are(types: str) -> None:
    # Of the second there were two to the power of 60 ways.
    lines = f"+class A(str):\n+    def __eq__(self, other):\n+        return isinstance(other, {types})\n"

    findings = inspect(Patch(HEAD + lines), read_base=lambda _: None)

    assert "always-equal" in {finding.rule for finding in findings}
