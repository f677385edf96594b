"""Failures whose first line says the same, and what is the same though it looks otherwise."""

from __future__ import annotations

import pytest

from agent.distil import distil
from agent.distil.fingerprint import normalised


def of(log: str) -> str:
    return distil([log.encode()]).fingerprint


SYNTAX = (
    'Traceback (most recent call last):\n  File "{}", line 4\n    total = = 3\n            ^\n'
    "SyntaxError: invalid syntax\n"
)
CRASH = (
    "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f1 (most recent call first):\n"
    '  File "/builds/acme/shop/native/wrap.py", line 41 in {}\n  File "/usr/lib/x.py", line 5 in run\n'
)
PNPM = (
    'ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with "frozen-lockfile" because pnpm-lock.yaml is not up to'
    " date with package.json\n\n  Failure reason:\n  specifiers in the lockfile don't match specifiers in"
    " package.json:\n* 1 dependencies were added: {}@^3.22.0\n"
)
HOOK = (
    "black....................................................................Failed\n- hook id: black\n"
    "- files were modified by this hook\n\nreformatted {}\n\nAll done!\n1 file reformatted.\n"
)
WARNINGS = (
    "/builds/acme/shop/src/cart.js\n  3:5  warning  Something about the line  {}\n\n"
    "✖ 1 problem (0 errors, 1 warning)\n\nESLint found too many warnings (maximum: 0).\n"
)
UNPARSED = (
    "/builds/acme/shop/src/index.js\n  1:61  error  Parsing error: Unexpected token <\n\n"
    "/builds/acme/shop/src/cart.js\n  1:69  error  '{}' is not defined  no-undef\n\n"
    "✖ 2 problems (2 errors, 0 warnings)\n"
)
GO = (
    "# example.com/shop/api\napi/api.go:2:26: undefined: {}\n--- FAIL: TestGet (0.00s)\n"
    "    stock_test.go:4: got 1, want 2\nFAIL\nFAIL\texample.com/shop/stock\t0.003s\n"
    "FAIL\texample.com/shop/api [build failed]\nFAIL\n"
)
PINS = (
    "ERROR: Cannot install flask==2.0 and flask=={} because these package versions have conflicting"
    " dependencies.\n"
)
SETUP = "##[error]The version '{}' with architecture 'x64' was not found for Ubuntu 22.04.\n"


@pytest.mark.parametrize(
    ("log", "one", "other"),
    [
        (SYNTAX, "/builds/acme/shop/src/cart.py", "/builds/acme/shop/src/stock.py"),
        (CRASH, "call", "release"),
        (PNPM, "zod", "yup"),
        (HOOK, "src/cart.py", "src/stock.py"),
        (WARNINGS, "no-console", "@typescript-eslint/no-explicit-any"),
        (UNPARSED, "one", "other"),
        (GO, "one", "other"),
        (PINS, "2.1", "2.3"),
        (SETUP, "3.15", "3.99"),
    ],
    ids=[
        "file that does not parse",
        "frame of a crash",
        "dependency that the lock file lacks",
        "file that a hook changed",
        "rule of too many warnings",
        "finding beside a file that does not parse",
        "compile error beside a failed test",
        "pinned version",
        "version that was asked for",
    ],
)
def test_the_cause_is_another_with_another(log: str, one: str, other: str) -> None:
    assert of(log.format(one)) != of(log.format(other))


def test_the_same_finding_in_another_file_is_another() -> None:
    log = UNPARSED.format("x")

    assert of(log) != of(log.replace("src/cart.js", "src/stock.js"))


def test_a_file_outside_every_known_checkout_is_told_by_its_name() -> None:
    assert of(SYNTAX.format("/srv/ci/b77/cart.py")) == of(SYNTAX.format("/opt/ci/c81/cart.py"))


def test_the_order_of_what_make_runs_at_once_keeps_it() -> None:
    compiler = "a.c:2:10: fatal error: words.h: No such file or directory\ncompilation terminated.\n"
    linker = (
        "/usr/bin/ld: /tmp/ccSv1jMw.o: in function `main':\nm.c:(.text+0x5): undefined reference to `zz'\n"
    )
    ends = "make: *** [Makefile:3: a] Error 1\n", "collect2: error: ld returned 1 exit status\n"
    last = "make: Target 'all' not remade because of errors.\n"

    one = of(compiler + ends[0] + linker + ends[1] + last)
    other = of(linker + compiler + ends[0] + ends[1] + last)

    assert one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("fv-az1234-567", "fv-az998-12"),
        ("runner-zxwgkjap-project-1234-concurrent-0", "runner-tqhbxyz1-project-77-concurrent-3"),
        ("ip-10-0-1-23.eu-west-1.compute.internal", "ip-10-2-44-5.eu-west-1.compute.internal"),
        ("Mac-1700000000123.local", "Mac-1700000777321.local"),
    ],
)
def test_the_machine_s_name_is_no_part_of_a_message(one: str, other: str) -> None:
    assert normalised(f"RuntimeError: {one} is offline") == normalised(f"RuntimeError: {other} is offline")


def test_other_numbers_of_a_message_still_are_none() -> None:
    assert normalised("assert total==2.5, took 31 rows") == normalised("assert total==3.5, took 32 rows")
