"""What is done without asking."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchpilot.failures import Category
from patchpilot.fixes import (
    CommandResult,
    Ending,
    Fix,
    GuardFinding,
    Patch,
    Proof,
    Severity,
    ShellCommand,
)
from patchpilot.policy import Mode, Policy, sensitive, why_ask

RED = CommandResult(command=ShellCommand(script="x"), ending=Ending.EXITED, exit_code=1, output="", seconds=1)
POLICY = Policy(mode=Mode.DRAFT, categories=frozenset({Category.LINT}), confidence=0.8)


def fix(path: str = "src/a.py", confidence: float = 0.9) -> Fix:
    diff = f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"
    return Fix(
        patch=Patch(diff), author="fixer:ruff", summary="x", proof=Proof(before=RED), confidence=confidence
    )


def test_a_chosen_kind_of_failure_with_enough_confidence_is_not_asked_for() -> None:
    assert why_ask(POLICY, fix(), Category.LINT) == ""


@pytest.mark.parametrize(
    ("policy", "proposed", "category", "says"),
    [
        (Policy(), fix(), Category.LINT, "to ask"),
        (Policy(mode=Mode.DIAGNOSE), fix(), Category.LINT, "to diagnose"),
        (POLICY, fix(), Category.TEST, "test failures"),
        (POLICY, fix(confidence=0.79), Category.LINT, "below 80%"),
        (POLICY, fix("pyproject.toml"), Category.LINT, "dependencies (pyproject.toml)"),
        (POLICY, fix("web/package-lock.json"), Category.LINT, "dependencies"),
        (POLICY, fix(".github/workflows/ci.yml"), Category.LINT, "CI"),
        (POLICY, fix(".patchpilot.yml"), Category.LINT, "CI"),
        (POLICY, fix("src/auth/login.py"), Category.LINT, "authorisation"),
    ],
)
def test_everything_else_is_asked_for(policy: Policy, proposed: Fix, category: Category, says: str) -> None:
    assert says in why_ask(policy, proposed, category)


def test_what_the_guard_remarks_on_is_asked_for() -> None:
    note = GuardFinding(rule="r", path="a", line=1, message="m", severity=Severity.NOTE)
    assert "guard" in why_ask(POLICY, replace(fix(), findings=(note,)), Category.LINT)


def test_the_operator_sets_the_bound() -> None:
    assert POLICY.within(Mode.DRAFT) == POLICY
    assert POLICY.within(Mode.ASK).mode is Mode.ASK
    assert Policy(mode=Mode.DIAGNOSE).within(Mode.DRAFT).mode is Mode.DIAGNOSE


@pytest.mark.parametrize(
    "path", ["src/author.py", "docs/tokenizer.md", "README.md", "src/sessional.py", "makefiles.txt"]
)
def test_ordinary_paths_are_ordinary(path: str) -> None:
    assert sensitive(path) == ""
