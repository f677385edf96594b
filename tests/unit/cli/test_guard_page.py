"""The documentation of the guard is that of the code, and its hook is one that pre-commit takes."""

from __future__ import annotations

import shlex
from pathlib import Path

import yaml
from typer.testing import CliRunner

from cli.guard import rules_table
from cli.main import application

ROOT = Path(__file__).parents[3]


def test_the_page_of_the_guard_has_exactly_the_rules_of_the_code() -> None:
    page = (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")

    assert page.endswith(f"\n{rules_table()}\n"), (
        "write the output of `patchpilot guard --rules` to docs/guard.md"
    )


def test_the_command_prints_its_rules() -> None:
    assert CliRunner().invoke(application(), ["guard", "--rules"]).output == f"{rules_table()}\n"


def test_the_pre_commit_hook_runs_a_command_that_is_there() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *arguments = shlex.split(hook["entry"])

    assert hook["id"] in (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")
    assert program == "patchpilot"
    assert CliRunner().invoke(application(), [*arguments, "--help"]).exit_code == 0
