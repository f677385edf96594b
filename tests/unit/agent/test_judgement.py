"""The parts that judge: quotes, rules, confidence, prices, and whether two failures are one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from agent.confidence import confidence
from agent.prices import Tokens, cost, price_of, worst_case
from agent.quotes import invented, with_line_numbers
from agent.rules import by_rules
from patchpilot.errors import ConfigurationError
from patchpilot.failures import Blame, Category, DistilledFailure, Location, LogLine
from patchpilot.fixes import CommandResult, Ending, GuardFinding, Patch, Proof, Severity, ShellCommand
from patchpilot.source import Commit, Sha

DIFF = "diff --git a/{0} b/{0}\n--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-a\n+b\n"


def failure(**changes) -> DistilledFailure:
    return replace(DistilledFailure(text="x", category=Category.TEST), **changes)


def commit(*paths: str) -> Commit:
    diff = "".join(DIFF.format(path) for path in paths)
    return Commit(sha=Sha("a" * 40), author="Ana", message="Round prices", diff=diff)


def test_a_quote_counts_however_its_white_space_was_copied():
    source = "E       assert 0.0 == 180\nE   +  where 0.0 = net(200,  10)"
    assert invented(["assert 0.0 == 180", "where 0.0 = net(200, 10)"], source) == []
    assert invented(["assert 0.0 == 181"], source) == ["assert 0.0 == 181"]


@pytest.mark.parametrize("quote", ["", "E", "assert", "  = =  "])
def test_a_quote_that_is_found_anywhere_proves_nothing(quote):
    assert invented([quote], "E assert == 1") == [quote]


def test_a_quote_gets_the_number_of_its_line_in_the_raw_log():
    known = [LogLine(42, "E   assert 0.0 == 180")]
    assert with_line_numbers(["assert 0.0 == 180", "something else"], known) == (
        known[0],
        LogLine(0, "something else"),
    )


@pytest.mark.parametrize(
    ("given", "head", "blame"),
    [
        (failure(files=(Location("price.py", 2),)), commit("price.py"), Blame.CHANGE),
        (failure(tests=("tests/test_price.py::test_net",)), commit("shop/price.py"), Blame.CHANGE),
        (failure(files=(Location("price.spec.ts"),)), commit("src/price.ts"), Blame.CHANGE),
        (failure(files=(Location("price.py", 2),)), commit("README.md"), Blame.UPSTREAM),
        (failure(files=(Location("price.py", 2),)), None, Blame.INCONCLUSIVE),
        # Nothing is named that the commit could have touched.
        (failure(), commit("README.md"), Blame.INCONCLUSIVE),
        (failure(tests=("TestTotal", "tests::taxes")), commit("README.md"), Blame.INCONCLUSIVE),
        (failure(tests=("tests/test_price.py::test_net",)), commit("README.md"), Blame.UPSTREAM),
        # A checkout, or a package's folder, that nobody knows.
        (failure(cause="/mnt/disk7/shop/src/price.py:3: boom"), commit("src/price.py"), Blame.CHANGE),
        (failure(cause="/mnt/disk7/shop/src/price.pyc: boom"), commit("src/price.py"), Blame.INCONCLUSIVE),
        (failure(files=(Location("src/index.ts", 2),)), commit("packages/web/src/index.ts"), Blame.CHANGE),
        (failure(category=Category.TIMEOUT), commit("price.py"), Blame.INFRASTRUCTURE),
        (failure(category=Category.FLAKY), commit("price.py"), Blame.FLAKY),
        (failure(category=Category.UNKNOWN), commit("price.py"), Blame.INCONCLUSIVE),
    ],
)
def test_blame_asks_whether_the_commit_touched_what_failed(given, head, blame):
    assert by_rules(given, head).blame is blame


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("E       assert 0.0 == 180", "test_price.py::test_net: assert 0.0 == 180"),
        ("FAILED test_price.py::test_net - boom", "FAILED test_price.py::test_net - boom"),
        ("______ test_net ______", "test_price.py::test_net: from the evidence"),
        ("##[error]Process completed with exit code 1.", "test_price.py::test_net: from the evidence"),
        ("", "test_price.py::test_net: from the evidence"),
    ],
)
def test_the_root_cause_is_what_the_tool_said_not_its_decoration(cause, expected):
    given = failure(
        cause=cause, tests=("test_price.py::test_net",), evidence=(LogLine(1, "E   from the evidence"),)
    )
    assert by_rules(given, None).root_cause == expected


@pytest.mark.parametrize(
    "cause", ["pytest found no tests to run (collected 0 items)", "No test files found, exiting with code 1"]
)
def test_no_tests_are_no_wrong_configuration(cause):
    explained = by_rules(failure(category=Category.CONFIG, cause=cause, tests=()), None).explanation
    assert explained.startswith("The test runner found nothing to run")


def test_a_log_that_says_nothing_is_said_to():
    assert "without naming a cause" in by_rules(failure(step="Build"), None).root_cause


def result(ok: bool, ending: Ending = Ending.EXITED) -> CommandResult:
    return CommandResult(
        command=ShellCommand(script="x"), ending=ending, exit_code=0 if ok else 1, output="", seconds=1
    )


def proof(runs: int = 2, **changes) -> Proof:
    return replace(Proof(before=result(False), after=(result(True),) * runs), **changes)


SMALL = Patch(DIFF.format("a.py"))


def test_confidence_follows_the_documented_table():
    assert confidence(patch=SMALL, key="fixer:tools", proof=proof(suite_after=result(True))) == 0.92
    assert confidence(patch=SMALL, key="memory:1:a", proof=proof()) == 0.72
    assert confidence(patch=SMALL, key="model:1", proof=proof(runs=4)) == 0.68


def test_a_fix_without_its_proof_has_no_confidence():
    assert confidence(patch=SMALL, key="fixer:tools", proof=proof(runs=0)) == 0
    assert confidence(patch=SMALL, key="fixer:tools", proof=proof(before=result(True))) == 0
    cut = result(True, Ending.TIMEOUT)
    assert confidence(patch=SMALL, key="fixer:tools", proof=proof(after=(result(True), cut))) == 0


def test_more_evidence_never_lowers_confidence_and_findings_do():
    by_runs = [confidence(patch=SMALL, key="model:1", proof=proof(runs=runs)) for runs in range(1, 8)]
    assert by_runs == sorted(by_runs)
    finding = GuardFinding(
        rule="expected", path="t.py", line=1, message="changed", severity=Severity.OVERRIDE
    )
    with_finding = confidence(patch=SMALL, key="model:1", proof=proof(), findings=(finding,))
    assert with_finding < by_runs[1]
    large = Patch(SMALL.diff.replace("@@ -1 +1 @@", "@@ -1 +1,501 @@") + "+x\n" * 500)
    assert confidence(patch=large, key="model:1", proof=proof()) < by_runs[1]


def test_a_price_is_found_for_a_dated_name_and_no_other():
    assert price_of("claude-haiku-4-5-20251001") == price_of("claude-haiku-4-5")
    with pytest.raises(ConfigurationError, match="ANTHROPIC_MODEL"):
        price_of("claude-haiku-9")


def test_cost_counts_the_cache_apart():
    price = price_of("claude-sonnet-5-5")
    tokens = Tokens(fresh=1_000_000, cache_write=1_000_000, cache_read=1_000_000, output=1_000_000)
    spend = cost(price, tokens)
    assert spend.dollars == Decimal(2) + Decimal("2.5") + Decimal("0.1") + Decimal(10)
    assert spend.input_tokens == 3_000_000


def test_the_worst_case_is_never_below_the_real_cost():
    price = price_of("claude-sonnet-5-5")
    worst = worst_case(price, characters=30_000, max_tokens=1_000)
    real = cost(price, Tokens(fresh=10_000, output=1_000))
    assert worst.dollars >= real.dollars
    assert worst.input_tokens + worst.output_tokens >= real.input_tokens + real.output_tokens


def test_a_patch_is_taken_apart_by_file():
    whole = Patch(DIFF.format("a.py") + DIFF.format("b.py"))
    assert [part.files for part in whole.by_file()] == [("a.py",), ("b.py",)]
    assert "".join(part.diff for part in whole.by_file()) == whole.diff
