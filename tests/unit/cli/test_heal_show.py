"""The words in which the end of a heal is told."""

from __future__ import annotations

import pytest

from cli import heal_session
from cli.heal_outcome import HealOutcome, Status
from cli.heal_show import show
from patchpilot.failures import Blame, Category, Diagnosis
from patchpilot.fixes import CommandResult, Ending, Fix, Patch, Proof, ShellCommand

COMMAND = ShellCommand(script="ruff check .")
DIFF = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n"


def ended(code: int) -> CommandResult:
    return CommandResult(command=COMMAND, ending=Ending.EXITED, exit_code=code, output="", seconds=1.0)


def told(capsys: pytest.CaptureFixture[str], author: str = "fixer:ruff", **more: object) -> str:
    suite = more.pop("suite", (None, None))
    proof = Proof(before=ended(1), after=(ended(0),), suite_before=suite[0], suite_after=suite[1])  # type: ignore[index]
    fix = Fix(patch=Patch(DIFF), author=author, summary="Mend it", proof=proof, confidence=0.77)
    show(HealOutcome(status=Status.FIXED, command=COMMAND, fix=fix, **more))  # type: ignore[arg-type]
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("author", "said"),
    [
        ("fixer:ruff check --fix", "Patch by ruff check --fix: Mend it"),
        ("claude:claude-x", "Patch by claude-x: Mend it"),
        ("memory:PP-2", "Patch from memory: what cured the same failure before, in PP-2: Mend it"),
    ],
)
def test_who_made_the_patch_is_said_in_words(capsys, author, said):
    assert said in told(capsys, author)


def test_the_confidence_is_told_as_in_slack(capsys):
    assert "\nConfidence: medium (77%)\n" in told(capsys)


@pytest.mark.parametrize(("before", "after", "explained"), [(1, 1, True), (1, 0, False), (0, 0, False)])
def test_a_suite_that_is_red_both_times_is_said_to_be_no_worse(capsys, before, after, explained):
    shown = told(capsys, suite=(ended(before), ended(after)))

    assert ("no worse: it is red without the patch too" in shown) is explained


@pytest.mark.parametrize(
    ("changed", "said"),
    [(True, "blame: what was committed before"), (False, "blame: upstream or base branch")],
)
def test_what_failed_before_uncommitted_changes_is_blamed_on_what_was_committed(capsys, changed, said):
    diagnosis = Diagnosis(category=Category.TEST, blame=Blame.UPSTREAM, root_cause="x")

    assert said in told(capsys, changed=changed, diagnosis=diagnosis)


@pytest.mark.parametrize(
    ("there", "tool"),
    [
        ({"bwrap": "/usr/bin/bwrap", "npm": "/usr/bin/npm"}, "npm"),
        ({"bwrap": "/usr/bin/bwrap", "npm": "/home/ana/.nvm/npm"}, ""),  # bubblewrap shows /usr only
        ({"npm": "/usr/bin/npm"}, ""),
        ({"bwrap": "/usr/bin/bwrap"}, ""),
    ],
)
def test_bubblewrap_is_named_where_it_and_the_tool_are_here(monkeypatch, there, tool):
    monkeypatch.setattr(heal_session, "which", there.get)

    assert heal_session._here("(sh: npm: not found): its image has no npm. Name an image") == tool
    assert heal_session._here("the command ran out of memory") == ""
