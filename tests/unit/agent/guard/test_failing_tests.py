"""The literals of failing tests are known also where the tests' ids name no file."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from agent.nodes.validate import inspected
from patchpilot.errors import PermanentError
from patchpilot.failures import Category, DistilledFailure, Location
from patchpilot.fixes import Candidate, Patch

SOURCE = "package app\n\nfunc Total(xs []int) int {\n\ts := len(xs)\n\treturn s\n}\n"
TEST = (
    "package app\n\nfunc TestTotal(t *testing.T) {\n\tif Total([]int{17, 25}) != 42 {\n\t\tt.Fail()\n\t}\n}\n"
)


@pytest.mark.parametrize("tests", [("TestTotal",), ()], ids=["a test without a path", "no test at all"])
def test_tests_are_read_from_the_files_that_the_log_names(
    tests: tuple[str, ...], make_diff: Callable[..., str]
) -> None:
    files = {"app.go": SOURCE, "app_test.go": TEST}
    failure = DistilledFailure(
        text="",
        category=Category.TEST,
        tests=tests,
        files=(Location("app.go", 4), Location("app_test.go", 4)),
    )

    def read_text(path: str) -> str:
        if path not in files:
            raise PermanentError(f"{path} is not there")
        return files[path]

    tools: Any = SimpleNamespace(journal=SimpleNamespace(distilled=lambda: failure))
    bench: Any = SimpleNamespace(read_text=read_text)
    patch = Patch(make_diff("app.go", SOURCE, SOURCE.replace("return s", "return 42")))
    candidate = Candidate(patch=patch, author="a model", summary="")

    findings = inspected(tools, "model", candidate, bench)

    assert "input-special-cased" in {finding.rule for finding in findings}
