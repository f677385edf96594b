"""``patchpilot guard`` on real files and repositories."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.guard import guard_command

Run = Callable[..., Result]
CLEAN = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n"
CHEAT = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a = 1\n+a = 1  # noqa\n"

PLAIN = (
    "--- old/x.py\t2026-01-01 10:00:00.000000000 +0000\n+++ new/x.py\t2026-01-01 10:00:01.000000000 +0000\n"
    "@@ -1 +1 @@\n-a = 1\n+a = 2\n"
)


@pytest.fixture
def run() -> Run:
    app = typer.Typer()
    app.command()(guard_command)
    runner = CliRunner()
    return lambda *arguments, text="": runner.invoke(app, [str(part) for part in arguments], input=text)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        subprocess.run(("git", "-C", str(tmp_path), *arguments), check=True, capture_output=True)

    git("init", "-q")
    git("config", "user.name", "a")
    git("config", "user.email", "a@b.invalid")
    (tmp_path / "x.py").write_text("a = 1\n")
    git("add", "-A")
    git("commit", "-qm", "base")
    return tmp_path


def test_a_clean_diff_exits_with_0(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "clean.diff"
    file.write_text(CLEAN)

    result = run(file)

    assert (result.exit_code, result.output) == (0, "clean\n")


def test_a_refused_diff_exits_with_1_and_names_rule_file_and_line(run: Run) -> None:
    result = run("-", text=CHEAT)

    assert result.exit_code == 1
    assert "x.py:1: a check is switched off here" in result.output
    assert "[suppression, override]" in result.output
    assert result.output.endswith("needs a person's override\n")


def test_json_has_every_finding(run: Run) -> None:
    result = run("-", "--json", text=CHEAT)

    answer = json.loads(result.output)
    assert result.exit_code == 1
    assert answer["refused"] is True
    assert answer["findings"][0].keys() == {"rule", "severity", "path", "line", "message"}


@pytest.mark.parametrize(
    ("arguments", "text", "told"),
    [
        (("-",), "no diff at all\n", "no file header"),
        (("-",), "\x1b[1mdiff --git a/x.py b/x.py\x1b[m\n", "--no-color"),
        (("-",), CLEAN.replace("\n", "\r\n"), "CR LF"),
        (("-",), "diff --cc x.py\nindex 1,2..3\n--- a/x.py\n+++ b/x.py\n@@@ -1 -1 +1 @@@\n", "combined diff"),
        (("-",), f"commit {'a' * 40}\n\n{CLEAN}\ncommit {'b' * 40}\n\n{CLEAN}", "several commits"),
        (("-",), f"From {'a' * 40} x\n\n{CLEAN}-- \n2.39\n\nFrom {'b' * 40} x\n\n{CLEAN}", "several commits"),
        (("-",), " x.py | 2 +-\n 1 file changed\n", "--stat"),
        (("-",), PLAIN, "`diff -u`"),
        (("-",), "\x7fELF\x02\x01\x00\x00\x01\x03", "binary data"),
        (("missing.diff",), "", "can't read the diff"),
        (("-", "--repo", "/nowhere"), CLEAN, "--repo takes"),
        ((), "", "give either"),
        (("-", "--staged"), CLEAN, "give either"),
        (("-", "--staged", "--repo", "/nowhere"), CLEAN, "give either"),
    ],
)
def test_unusable_input_exits_with_2_and_says_what_to_do(
    run: Run, arguments: tuple[str, ...], text: str, told: str
) -> None:
    result = run(*arguments, text=text)

    assert result.exit_code == 2
    assert told in result.output
    assert "Traceback" not in result.output


def test_a_repository_gives_the_text_before(run: Run, repository: Path) -> None:
    assert run("-", "--repo", repository, text=CLEAN).exit_code == 0

    stale = CLEAN.replace("-a = 1", "-a = 7")
    result = run("-", "--repo", repository, text=stale)

    assert result.exit_code == 2
    assert "does not apply" in result.output


def test_a_folder_that_is_no_repository_is_told(run: Run, tmp_path: Path) -> None:
    result = run("-", "--repo", tmp_path, text=CLEAN)

    assert result.exit_code == 2
    assert "not a git repository" in result.output


def test_a_base_that_is_no_commit_is_told(run: Run, repository: Path) -> None:
    result = run("-", "--repo", repository, "--base", "--output=x", text=CLEAN)

    assert result.exit_code == 2
    assert "is not a commit" in result.output


def test_what_is_staged_is_judged_before_a_commit(run: Run, repository: Path) -> None:
    assert run("--staged", "--repo", repository).exit_code == 0

    (repository / "x.py").write_text("a = 1  # type: ignore\n")
    subprocess.run(("git", "-C", str(repository), "add", "-A"), check=True)

    assert run("--staged", "--repo", repository).exit_code == 1


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_diff_is_not_refused_and_one_sentence_says_that_it_is_empty(
    run: Run, repository: Path, text: str
) -> None:
    given, staged = run("-", text=text), run("--staged", "--repo", repository)

    assert (given.exit_code, given.output) == (0, "the diff is empty, so there is nothing to refuse\n")
    assert (staged.exit_code, staged.output) == (0, "nothing is staged, so there is nothing to refuse\n")
    assert json.loads(run("-", "--json", text=text).stdout) == {"refused": False, "findings": []}


@pytest.mark.parametrize("setting", ["diff.mnemonicPrefix", "diff.noprefix"])
def test_a_diff_with_other_prefixes_is_no_input_and_the_options_that_help_are_told(
    run: Run, repository: Path, setting: str
) -> None:
    (repository / "x.py").write_text("a = 2\n")
    git = ("git", "-C", str(repository), "-c", f"{setting}=true")
    told = subprocess.run((*git, "diff"), check=True, capture_output=True, text=True)
    options = ("-c", "diff.mnemonicPrefix=false", "-c", "diff.noprefix=false", "diff")

    refused = run("-", text=told.stdout)
    done = subprocess.run((*git, *options), check=True, capture_output=True, text=True)

    assert refused.exit_code == 2
    assert f"git {' '.join(options)}" in refused.output
    assert run("-", text=done.stdout).exit_code == 0


def test_a_mailed_patch_is_read_with_its_message(run: Run, repository: Path) -> None:
    head = f"From {'a' * 40} Mon Sep 17 00:00:00 2001\nSubject: [PATCH] a\n\n---\n x.py | 2 +-\n\n"
    mail = f"{head}{CLEAN}-- \n2.39.5\n\n"

    assert run("-", "--repo", repository, text=mail).exit_code == 0


def test_a_diff_that_nobody_can_review_is_no_input(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "huge.diff"
    file.write_bytes(b"+" * 20_000_001)

    result = run(file)

    assert result.exit_code == 2
    assert "longer than 20 MB" in result.output


def test_hostile_names_reach_the_terminal_harmless(run: Run) -> None:
    diff = 'diff --git "a/\\033[2J.py" "b/\\033[2J.py"\nold mode 100644\nnew mode 100755\n'

    result = run("-", text=diff)

    assert result.exit_code == 1
    assert "\x1b" not in result.output


def test_bytes_that_are_no_text_are_no_crash(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "latin.diff"
    file.write_bytes(CLEAN.encode().replace(b"a = 2", b"a = '\xe4'"))

    assert run(file, "--json").exit_code == 0


def test_the_guard_loads_nothing_heavy() -> None:
    heavy = ("langgraph", "anthropic", "pydantic", "docker", "httpx")
    code = f"import sys, cli.guard; print([m for m in {heavy} if m in sys.modules])"

    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
