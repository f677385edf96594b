"""Which red of the sandbox is the red of CI: what another reporter prints is, what a machine lacks is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.distil import distil
from agent.likeness import same_failure
from patchpilot.failures import Category, DistilledFailure, Location

PYTEST = """============ FAILURES ============
____ test_total ____
    def test_total():
>       assert total([1, 2]) == 3
E       assert -3 == 3
tests/test_app.py:5: AssertionError
======== short test summary info ========
FAILED tests/test_app.py::test_total - assert -3 == 3
==== 1 failed, 9 passed in 0.10s ====
"""
LINES = """F.........
    def test_total():
>       assert total([1, 2]) == 3
E       assert -3 == 3
/src/tests/test_app.py:5: AssertionError
"""
REFUSED = PYTEST.replace(
    "E       assert -3 == 3", "E   ConnectionRefusedError: [Errno 111] Connection refused"
).replace("assert -3 == 3", "ConnectionRefusedError: [Errno 111] Connection refused")
READ_ONLY = PYTEST.replace("assert -3 == 3", "OSError: [Errno 30] Read-only file system: '/cache'")


def read(log: str) -> DistilledFailure:
    return distil([log.encode()], redact=str)


def failure(**changes) -> DistilledFailure:
    return replace(DistilledFailure(text="x", category=Category.TEST), **changes)


@pytest.mark.parametrize(
    ("expected", "seen", "same"),
    [
        ({"fingerprint": "f"}, {"fingerprint": "f", "category": Category.DEPENDENCY}, True),
        ({"fingerprint": "f"}, {"fingerprint": "g", "category": Category.DEPENDENCY}, False),
        ({"tests": ("a.py::t[1]",)}, {"tests": ("/src/a.py::t",)}, True),
        ({"tests": ("a.py::t",)}, {"tests": ("a.py::other",)}, False),
        ({"files": (Location("src/a.c", 3),)}, {"files": (Location("a.c", 9),)}, True),
        ({"files": (Location("a.c"),)}, {"files": (Location("b.c"),)}, False),
        ({"tool": "ruff"}, {"tool": "mypy"}, False),
        ({"tool": "ruff"}, {"tool": "ruff"}, True),
        ({"tool": "ruff"}, {}, False),
        ({"tool": "ruff", "cause": "F821 Undefined name `x`"}, {"cause": "F821 Undefined name `x`"}, True),
        ({"tests": ("a.py::t",)}, {"category": Category.BUILD, "tool": "make"}, False),
    ],
)
def test_what_both_name_agrees_and_something_has_to(expected, seen, same):
    assert same_failure(failure(**expected), failure(**seen)) is same


@pytest.mark.parametrize(
    "seen",
    [
        "Segmentation fault (core dumped)\n",
        "error: no license file found at /etc/acme.lic\n",
        "pytest: error: unrecognized arguments: --cov\n",
        "psycopg2.OperationalError: could not connect to server: Connection refused\n",
        "OSError: [Errno 30] Read-only file system: '/cache'\n",
        "PermissionError: [Errno 13] Permission denied: '/root/.config'\n",
        "OSError: [Errno 28] No space left on device\n",
        "\n",
        REFUSED,
        READ_ONLY,
    ],
)
def test_what_the_sandbox_lacks_is_not_the_failure_of_a_test(seen):
    assert not same_failure(read(PYTEST), read(seen))


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        (PYTEST, LINES),
        (LINES, PYTEST),
        (PYTEST, "FAILED tests/test_app.py::test_total - assert -3 == 3\n1 failed, 9 passed in 9.10s\n"),
        (PYTEST, PYTEST + "FAILED tests/test_web.py::test_get - ConnectionRefusedError: [Errno 111]\n"),
        (REFUSED, REFUSED.replace("0.10s", "7.00s")),
        (
            "app.py:3:5: F821 Undefined name `total`\n##[error]Process completed with exit code 1.\n",
            "F821 Undefined name `total`\n --> app.py:3:5\n  |\n3 | total\n  | ^^^^^\n\nFound 1 error.\n",
        ),
        ("##[error]Process completed with exit code 1.\n", ""),
        ("Run test -f NOTES\n##[error]Process completed with exit code 1.\n", ""),
        (
            "FAILED tests/test_a.py::test_x - KeyError: 'a'\n1 failed in 0.1s\n",
            "    return d['a']\nE   KeyError: 'a'\n\nsrc/app.py:3: KeyError\n1 failed in 1s\n",
        ),
    ],
)
def test_other_words_for_one_failure_count(expected, seen):
    assert same_failure(read(expected), read(seen))
