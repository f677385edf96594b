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
