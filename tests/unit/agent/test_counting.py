"""What test runners say of their own runs."""

from __future__ import annotations

import pytest

from agent.counting import counts_in
from patchpilot.counts import Counts, lost

CARGO = (
    "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n"
    "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured"
)
MAVEN = (
    "[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 1 s - in A\n[INFO] \n"
    "[ERROR] Tests run: 9, Failures: 1, Errors: 1, Skipped: 2"
)


@pytest.mark.parametrize(
    ("output", "runner", "passed", "failed", "skipped"),
    [
        ("==== 1 failed, 3 passed, 2 skipped, 1 xfailed, 4 warnings in 0.12s ====", "pytest", 3, 1, 3),
        ("213 passed in 61.02s (0:01:01)", "pytest", 213, 0, 0),
        ("\x1b[32m==== \x1b[1m2 passed\x1b[0m\x1b[32m in 0.01s ====\x1b[0m", "pytest", 2, 0, 0),
        ("2 passed in 0.1s\n1 passed, 1 error in 0.2s", "pytest", 3, 1, 0),
        ("Ran 5 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)", "unittest", 2, 2, 1),
        ("Ran 1 test in 0.000s\n\nOK", "unittest", 1, 0, 0),
        ("Tests:       1 failed, 2 skipped, 10 passed, 13 total", "jest", 10, 1, 2),
        (" Test Files  1 failed | 3 passed (4)\n      Tests  1 failed | 10 passed (11)", "vitest", 10, 1, 0),
        ("  12 passing (20ms)\n  1 pending\n  2 failing\n", "mocha", 12, 2, 1),
        ("ok  \tx/a\t0.1s\nFAIL\tx/b\t0.2s\nFAIL", "go test", 1, 1, 0),
        ("--- PASS: TestA (0.0s)\n    --- FAIL: TestB/c (0.0s)\n--- SKIP: D (0s)", "go test", 1, 1, 1),
        (CARGO, "cargo test", 4, 2, 1),
        (MAVEN, "maven", 5, 2, 2),
        ("5 tests completed, 1 failed, 2 skipped", "gradle", 2, 1, 2),
        ("12 examples, 1 failure, 2 pending", "rspec", 9, 1, 2),
        ("OK (12 tests, 34 assertions)", "phpunit", 12, 0, 0),
        ("Tests: 12, Assertions: 34, Failures: 1, Skipped: 2.", "phpunit", 9, 1, 2),
    ],
)  # fmt: skip
def test_each_runners_own_totals_are_read(
    output: str, runner: str, passed: int, failed: int, skipped: int
) -> None:
    found = counts_in(f"before\n{output}\nafter\n")
    assert found is not None
    assert (found.runner, found.passed, found.failed, found.skipped) == (runner, passed, failed, skipped)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "all checks passed!",
        "E   assert '3 passed in 1s please' == ''",
        "AssertionError: 1 passed",
        "x OK (12)",
    ],
)
def test_what_only_looks_like_totals_is_none(output: str) -> None:
    assert counts_in(output) is None


def of(passed: int, failed: int = 0, skipped: int = 0, runner: str = "pytest") -> Counts:
    return Counts(runner=runner, passed=passed, failed=failed, skipped=skipped)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (of(2, 1), of(2), "only 2 of 3 tests were collected"),
        (of(2, 1), of(2, skipped=1), "more tests were skipped"),
        (of(9, 1), of(1, skipped=9), "fewer tests passed"),
        (of(2, 1), of(0), "no tests ran any more"),
        (of(2, 1), None, "nothing says that tests ran"),
        (of(2, 1), of(3, runner="jest"), "jest ran"),
    ],
)
def test_a_green_run_with_less_in_it_is_not_a_cure(before: Counts, after: Counts | None, said: str) -> None:
    assert said in lost(before, after, green=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (of(2, 1), of(3)),
        (of(0, 1), of(30, skipped=2)),
        (of(2, 1), of(5)),
        (None, of(1)),
        (of(2, 1, runner="gradle"), None),
        (of(2, 2), of(3, 1)),
    ],
)
def test_a_run_with_all_of_it_is(before: Counts | None, after: Counts | None) -> None:
    assert lost(before, after, green=True) == ""


def test_a_red_run_that_tells_no_counts_any_more_is_no_better_whoever_ran_it() -> None:
    for runner in ("pytest", "gradle"):
        assert "nothing says that tests ran" in lost(of(40, 1, runner=runner), None, green=False)
