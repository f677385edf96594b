"""How little a command waits for: libraries and commands that it does not need stay unread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = (
    "langgraph",
    "anthropic",
    "docker",
    "httpx",
    "sqlalchemy",
    "bot",
    "agent",
    "sandbox",
    "patchpilot.settings",
    "pydantic",
)


@pytest.mark.parametrize(
    "words",
    [
        ("heal", "--help"),
        ("heal", ".", "--no-such-option"),
        ("heal", "/nonexistent", "--", "true"),
        ("heal", ".", "--job", "test", "--", "true"),
        ("heal", ".", "--log", "/nonexistent", "--", "true"),
    ],
)
def test_arguments_that_cannot_be_used_wait_for_no_library(words, tmp_path):
    told = tmp_path / "loaded"
    code = (
        "import atexit, pathlib, sys\n"
        f"atexit.register(lambda: pathlib.Path({str(told)!r}).write_text("
        f"' '.join(name for name in {HEAVY} if name in sys.modules)))\n"
        f"sys.argv = ['patchpilot', *{words!r}]\n"
        "from cli.main import run\nrun()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)

    assert done.returncode == (0 if "--help" in words else 2), done.stderr
    assert told.read_text() == ""


@pytest.mark.parametrize("command", ["distil", "diagnose"])
def test_reading_a_log_waits_for_no_library_and_no_other_command(command, tmp_path):
    log = tmp_path / "log"
    log.write_text("E   AssertionError: 1 != 2\n")
    unneeded = (*(name for name in HEAVY if name != "agent"), "cli.heal", "cli.doctor", "cli.guard", "rich")
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: sys.stderr.write(repr([n for n in {unneeded} if n in sys.modules])))\n"
        f"sys.argv = ['patchpilot', {command!r}, {str(log)!r}]\n"
        "from cli.main import run\nrun()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "[]")
    assert "1 != 2" in done.stdout


def test_a_checkout_without_a_command_does_not_wait_for_the_agent(tmp_path):
    (tmp_path / "a.txt").write_text("a\n")
    code = (
        "import atexit, sys\n"
        "heavy = ('langgraph', 'sqlalchemy')\n"
        "atexit.register(lambda: print([name for name in heavy if name in sys.modules]))\n"
        f"sys.argv = ['patchpilot', 'heal', {str(tmp_path)!r}]\n"
        "from cli.main import run\nrun()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "[]\n")
    assert "Give the failing command" in done.stderr


def test_wall_time_counts_from_the_start_of_the_process():
    script = "import time; time.sleep(0.5); from cli.age import age; print(age() >= 0.5)"

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout == "True\n"
