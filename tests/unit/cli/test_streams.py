"""What the commands end with when nobody reads on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHEAT = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a = 1\n+a = 1  # noqa\n"
LOG = "FAILED tests/test_a.py::test_b - assert 1 == 2\n"


def unread(*words: str, text: str = "", errors_too: bool = False) -> tuple[int, str]:
    """Exit code and errors of a command into a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=ROOT,
            input=text,
            stdout=writer,
            stderr=subprocess.STDOUT if errors_too else subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr or ""


@pytest.mark.parametrize(
    ("words", "text", "code"),
    [
        (("guard", "--rules"), "", 0),
        (("guard", "-"), CHEAT, 1),
        (("guard", "-", "--json"), CHEAT, 1),
        (("guard", "-", "--json"), "no diff", 2),
        (("guard", "-"), "", 0),
        (("settings",), "", 0),
        (("chatops",), "", 0),
        (("diagnose", "-"), LOG, 0),
        (("distil", "-"), LOG, 0),
        (("heal", "/nonexistent", "--json", "--", "true"), "", 2),
        (("heal", "--help"), "", 0),
    ],
)
def test_a_closed_pipe_changes_no_exit_code_and_says_nothing(words, text, code):
    assert unread(*words, text=text) == (code, "")


def test_closed_errors_change_no_exit_code_either():
    assert unread("guard", "missing.diff", errors_too=True) == (2, "")


def test_a_full_disk_is_told():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cli", "settings"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert (done.returncode, done.stderr) == (2, b"patchpilot: No space left on device\n")


def with_closed(number: int, *words: str) -> subprocess.CompletedProcess[str]:
    """The command started without the stream of this number."""
    start = f"import os, sys; os.close({number}); os.execv(sys.executable, sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", start, sys.executable, "-m", "cli", *words],
        cwd=ROOT,
        input=LOG,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["distil", "diagnose", "guard"])
def test_a_closed_input_is_told(command):
    done = with_closed(0, command, "-")

    assert done.returncode == 2
    assert "standard input is closed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"), [(("distil", "-"), 0), (("diagnose", "-"), 0), (("guard", "-"), 2)]
)
def test_a_closed_output_is_nobodys(words, code):
    done = with_closed(1, *words)

    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_closed_errors_are_nobodys():
    assert with_closed(2, "distil", "missing.log").returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("demo", "--port", "99999"), "99999 is not in the range"),
        (("run", "bot", "--port", "99999"), "99999 is not in the range"),
        (("setup", "github", "x.env", "--url", "https://h", "--port", "99999"), "99999 is not in the range"),
        (("setup", "github", "/nope/g.env", "--url", "https://h.test"), "'/nope/g.env' can't be written"),
        (("demo", "--logs", "/proc/x"), "--logs '/proc/x' can't be made"),
    ],
)
def test_what_can_not_be_used_is_named(words, said):
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_sandbox_is_no_way_out_of_one():
    done = subprocess.run(
        [sys.executable, "-m", "cli", "sandbox", "probe"],
        cwd=ROOT,
        env={**os.environ, "SANDBOX_ENGINE": "none"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "nothing is run" in done.stdout
