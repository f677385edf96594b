"""``patchpilot heal`` on repositories that it has never seen."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.bubblewrap

TEST = "from shop.price import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
GREEN = {
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = "."\n[tool.ruff.lint]\nselect = ["E", "F"]\n',
    "shop/__init__.py": "",
    "shop/price.py": "def total(prices):\n    return sum(prices)\n",
    "tests/test_price.py": TEST,
}
LINT = {"shop/price.py": "import os\n\n\ndef total(prices):\n    return sum(prices)\n"}
MISSPELT = {
    "shop/cart.py": "from shop.prices import total\n\n\ndef due(cart):\n    return total(cart)\n",
    "tests/test_cart.py": "from shop.cart import due\n\n\ndef test_due():\n    assert due([2, 2]) == 4\n",
}
WRONG = {"shop/price.py": "def total(prices):\n    return sum(prices) + 1\n"}
FLAKY = {"tests/test_luck.py": "import os\n\n\ndef test_luck():\n    assert os.urandom(1)[0] % 2\n"}


def test_a_lint_error_is_fixed_and_applied_after_yes(checkout, heal):
    work = checkout(GREEN, LINT)

    ran = heal(work.path, "--yes", "--", "ruff", "check", ".")

    assert ran.code == 0, ran.err
    assert work.git("diff", "--stat").split()[0] == "shop/price.py"
    assert "import os" not in (work.path / "shop/price.py").read_text()
    assert "unused" in ran.out
    assert "Applied to 1 file" in ran.out


def test_nothing_of_the_checkout_changes_without_a_yes(checkout, heal):
    work = checkout(GREEN, LINT)
    before = work.state()

    ran = heal(work.path, "--", "ruff", "check", ".")

    assert ran.code == 3
    assert work.state() == before
    assert "-import os" in ran.out
    assert "--yes" in ran.out


def test_a_patch_that_was_written_is_applied_by_the_command_that_is_told(checkout, heal):
    work = checkout(GREEN, LINT, name="my work")

    ran = heal(work.path, "--json", "--patch-out", "z.diff", "--", "ruff", "check", ".")

    assert ran.code == 3, ran.out + ran.err
    _, told = ran.json["reason"].split("By hand: ")
    subprocess.run(shlex.split(told), cwd="/", check=True)
    assert "import os" not in (work.path / "shop/price.py").read_text()


def test_a_misspelt_import_is_proven_and_written_as_a_patch_that_git_applies(checkout, heal, tmp_path):
    work = checkout(GREEN, MISSPELT)
    patch = tmp_path / "fix.patch"

    ran = heal(work.path, "--no-apply", "--patch-out", patch, "--", "python", "-m", "pytest", "-q")

    assert ran.code == 0, ran.out + ran.err
    assert f"The patch is in {patch}" in ran.out
    work.git("apply", str(patch))
    assert "from shop.price import total" in (work.path / "shop/cart.py").read_text()


def test_json_tells_the_whole_story_in_one_object(checkout, heal):
    work = checkout(GREEN, LINT)
    head = work.git("rev-parse", "HEAD").strip()

    ran = heal(work.path, "--json", "--no-apply", "--", "ruff check .")

    told = ran.json
    assert ran.code == told["exit_code"] == 0
    assert told["status"] == "fixed"
    assert told["seconds"] > told["sandbox_seconds"] > told["fix"]["proof"]["before"]["seconds"]
    assert told["head"] == head
    assert told["uncommitted_changes"] is False
    assert told["diagnosis"]["category"] == "lint"
    assert told["diagnosis"]["blame"] == "this change"
    assert told["fix"]["files"] == ["shop/price.py"]
    assert told["fix"]["proof"]["before"]["exit_code"] == 1
    assert [run["exit_code"] for run in told["fix"]["proof"]["after"]] == [0, 0]
    assert told["cost"]["dollars"] == 0
    assert told["applied"] is False


def test_a_bug_that_no_tool_mends_ends_in_a_diagnosis(checkout, heal):
    work = checkout(GREEN, WRONG)
    before = work.state()

    ran = heal(work.path, "--json", "--yes", "--", "python -m pytest -q")

    assert ran.code == 1
    assert ran.json["status"] == "not_fixed"
    assert "test_total" in ran.json["diagnosis"]["cause"]
    assert ran.json["fix"] is None
    assert "ANTHROPIC_API_KEY" in ran.json["reason"]
    assert work.state() == before


def test_a_flaky_test_is_called_flaky_and_never_patched(checkout, heal):
    work = checkout(GREEN, FLAKY)

    ran = heal(work.path, "--json", "--yes", "--", "python -m pytest -q tests/test_luck.py", FLAKY_RUNS="15")

    assert ran.code == 4, ran.out
    assert re.search(r"passed \d+ of \d+ times", ran.json["reason"])


def test_a_linter_inside_a_script_of_the_repository_is_found(checkout, heal):
    script = {
        "scripts/lint.sh": '#!/bin/sh\nset -eu\ncd "$(dirname "$0")/.."\nPATHS=shop\nruff check $PATHS\n'
    }
    work = checkout(GREEN | script, LINT)

    ran = heal(work.path, "--json", "--yes", "--", "sh scripts/lint.sh")

    assert ran.code == 0, ran.out + ran.err
    assert ran.json["fix"]["files"] == ["shop/price.py"]


def test_a_slip_in_the_command_is_told_and_one_in_the_repository_is_healed_or_diagnosed(checkout, heal):
    work = checkout(GREEN | {"Makefile": "lint:\n\truff chek .\n"})

    typed = heal(work.path, "--json", "--", "ruff", "chek", ".", ANTHROPIC_API_KEY="")
    written = heal(work.path, "--json", "--", "make", "lint")

    assert typed.code == 2
    assert "The command itself is wrong" in typed.json["reason"]
    assert "unrecognized subcommand 'chek'" in typed.json["reason"]
    assert written.code == 1, written.out


def test_a_green_command_is_not_reproduced(checkout, heal):
    work = checkout(GREEN)

    ran = heal(work.path, "--json", "--", "ruff check .")

    assert ran.code == 5
    assert ran.json["status"] == "not_reproduced"
    assert "green" in ran.json["reason"]


def test_changes_that_are_not_committed_are_what_is_healed(checkout, heal):
    work = checkout(GREEN)
    work.write({**LINT, "notes/new.py": "import sys\n"})

    ran = heal(work.path, "--json", "--yes", "--", "ruff check .")

    assert ran.code == 0
    assert ran.json["uncommitted_changes"] is True
    assert ran.json["diagnosis"]["blame"] == "this change"
    assert sorted(ran.json["fix"]["files"]) == ["notes/new.py", "shop/price.py"]
    assert (work.path / "notes/new.py").read_text() == ""


def test_a_log_from_elsewhere_that_the_command_does_not_repeat_is_not_reproduced(checkout, heal, tmp_path):
    work = checkout(GREEN)
    log = tmp_path / "ci.log"
    log.write_text("tests/test_price.py F\nFAILED tests/test_price.py::test_total - assert 4 == 3\n")

    ran = heal(work.path, "--json", "--log", log, "--", "python -m pytest -q")

    assert ran.code == 5
    assert "test_total" in ran.json["diagnosis"]["cause"]


def test_a_folder_without_git_is_healed_too(heal, tmp_path):
    folder = tmp_path / "no git"
    folder.mkdir()
    (folder / "a.py").write_text("import os\n")

    ran = heal(folder, "--yes", "--json", "--", "ruff check .")

    assert ran.code == 0
    assert (folder / "a.py").read_text() == ""
    assert not (folder / ".git").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("/nonexistent/checkout", "--", "true"), "there is no folder"),
        ((".", "--", ""), "the command is empty"),
        ((".",), "Give the failing command"),
        ((".", "--log", "/nonexistent/log", "--", "true"), "there is no file"),
        ((".", "--memory", "mysql://x/y", "--", "true"), "--memory: the address can't be read"),
        ((".", "--patch-out", "/nonexistent/x.patch", "--", "true"), "there is no such folder"),
        ((".", "--patch-out", "/", "--", "true"), "is a folder; give the path of a file"),
        ((".", "--", "no-such-command --now"), "(no-such-command: command not found)"),
        ((".", "--job", "test", "--", "true"), "--job says which command of the CI to take"),
    ],
)
def test_what_cannot_be_used_ends_in_a_sentence_and_exit_code_2(heal, tmp_path, words, said):
    (tmp_path / "a.txt").write_text("a\n")

    ran = heal("--json", *words)

    assert ran.code == 2
    assert said in ran.json["reason"]
    assert "Traceback" not in ran.err


def test_files_that_nobody_has_committed_are_called_so(checkout, heal):
    work = checkout()
    work.write({**GREEN, **MISSPELT})

    ran = heal(work.path, "--json", "--no-apply", "--", "python -m pytest -q")

    told = ran.json["diagnosis"]
    assert ran.code == 0, ran.out + ran.err
    assert "on the files as they are" in told["explanation"]
    assert "there is no commit yet to compare with" in told["explanation"]
    assert told["category"] == "build"


def test_modules_of_a_project_in_a_subfolder_are_named_from_there(checkout, heal):
    work = checkout({f"services/shop/{path}": text for path, text in (GREEN | MISSPELT).items()})

    ran = heal(work.path / "services/shop", "--json", "--no-apply", "--", "python -m pytest -q")

    assert ran.code == 0, ran.out + ran.err
    assert ran.json["fix"]["files"] == ["services/shop/shop/cart.py"]


def test_an_undeclared_package_is_shown_unproven_with_what_is_missing_for_a_proof(checkout, heal):
    work = checkout(
        {
            "pyproject.toml": '[project]\nname = "a"\ndependencies = ["packaging>=23"]\n'
            '[dependency-groups]\ntest = ["nowhere-to-be-had>=2"]\n',
            "a.py": "from nowhere_to_be_had import x\n",
            "test_a.py": "from a import x\n\n\ndef test_x():\n    assert x\n",
        }
    )

    ran = heal(work.path, "--json", "--yes", "--", "python -m pytest -q", SANDBOX_PREPARE="off")

    assert ran.code == 1, ran.out
    assert "can't be proven: the sandbox does not have it" in ran.json["reason"]
    assert ran.json["partial"]["author"] == "fixer:dependency"
    assert '+dependencies = ["packaging>=23", "nowhere-to-be-had>=2"]' in ran.json["partial"]["patch"]
    assert ran.json["applied"] is False


def test_without_a_sandbox_nothing_is_run(checkout, heal):
    work = checkout(GREEN, LINT)

    ran = heal(work.path, "--", "ruff check .", SANDBOX_ENGINE="none")

    assert ran.code == 2
    assert "no sandbox here" in ran.err
    assert "Unset SANDBOX_ENGINE" in ran.err


def test_without_a_sandbox_a_log_is_diagnosed(checkout, heal, tmp_path):
    work = checkout(GREEN, LINT)
    log = tmp_path / "log"
    log.write_text("price.py:1:8: F401 [*] `os` imported but unused\nFound 1 error.\n")

    ran = heal(work.path, "--log", log, "--", "ruff check .", SANDBOX_ENGINE="none")

    assert "imported but unused" in ran.out, ran.err


def test_a_patch_is_not_applied_to_files_that_changed_meanwhile(checkout, heal, tmp_path):
    """The command itself can't reach the work tree, so the change comes from a process beside it."""
    work = checkout(GREEN, LINT)
    from cli.applying import ChangedMeanwhileError, apply
    from patchpilot.fixes import Patch

    ran = heal(work.path, "--json", "--no-apply", "--", "ruff check .")
    copy = tmp_path / "copy"
    work.git("worktree", "add", "--quiet", str(copy))
    (work.path / "shop/price.py").write_text("# edited since\n")
    with pytest.raises(ChangedMeanwhileError, match=r"price\.py"):
        apply(Patch(ran.json["fix"]["patch"]), root=work.path, proven_on=copy)

    assert (work.path / "shop/price.py").read_text() == "# edited since\n"
    assert not list(Path(work.path).rglob(".patchpilot-*"))
