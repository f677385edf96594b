"""What tools print by another of their reporters, or below another program, names the same things."""

from __future__ import annotations

import pytest

from agent.distil import distil
from patchpilot.failures import Category

MOCHA = """

  !.

  1 passing (12ms)
  2 failing

  1) cart
       total()
         adds the quantities:

      AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

2 !== 6

      + expected - actual

      -2
      +6

      at Context.<anonymous> (test/cart.test.js:4:52)

  2) cart
       finds an item:
     TypeError: Cannot read properties of undefined (reading 'price')
      at find (src/cart.js:2:67)
"""

MOCHA_TREE = """
  cart
    total()
      1) adds the quantities
    2) finds an item
"""

CATCH2 = f"""
{"-" * 79}
Factorials are computed
  of small numbers
{"-" * 79}
/home/runner/work/shop/shop/tests/test_math.cpp:9
{"." * 79}

/home/runner/work/shop/shop/tests/test_math.cpp:12: FAILED:
  REQUIRE( factorial(3) == 6 )
with expansion:
  3 == 6

/home/runner/work/shop/shop/tests/test_math.cpp:13: FAILED:
  REQUIRE( factorial(4) == 24 )
with expansion:
  12 == 24

{"=" * 79}
test cases: 3 | 2 passed | 1 failed
"""

BEHAVE = """
  Scenario: total              # features/cart.feature:2
    Given a cart with 3 apples # features/steps/cart.py:2
    Then the total is 6        # features/steps/cart.py:4
      ASSERT FAILED: total is 2


Failing scenarios:
  features/cart.feature:2  total

Errored scenarios:
  features/cart.feature:5  missing

0 scenarios passed, 1 failed, 1 error, 0 skipped
"""

BEHAT = """
  Scenario: Buying a single product # features/basket.feature:9
    Then the overall price should be 9 # FeatureContext::theOverallPriceShouldBe()
      Failed asserting that 8 matches expected 9.

--- Failed scenarios:

    features/basket.feature:9

1 scenario (1 failed)
3 steps (2 passed, 1 failed)
"""

CUCUMBER = """
Failures:

1) Scenario: Greeting # features/greet.feature:3
   ✔ Given a greeter # features/support/steps.js:4
   ✖ Then it says "hi" # features/support/steps.js:8
       Error: it says "ho"
           at World.<anonymous> (/home/runner/work/shop/shop/features/support/steps.js:9:10)

1 scenario (1 failed)
"""

CTEST = """
    Start 1: adds
1/2 Test #1: adds .............................***Failed    0.01 sec
t.c:3: expected 3, got -1

    Start 2: rounds
2/2 Test #2: rounds ...........................   Passed    0.00 sec

50% tests passed, 1 tests failed out of 2

The following tests FAILED:
\t  1 - adds (Failed)
Errors while running CTest
"""

DOTNET = """
[xUnit.net 00:00:00.12]     Shop.CartTests.Total [FAIL]
[xUnit.net 00:00:00.12]       Assert.Equal() Failure: Values differ
[xUnit.net 00:00:00.12]       Expected: 119
[xUnit.net 00:00:00.12]       Actual:   100
[xUnit.net 00:00:00.12]       Stack Trace:
[xUnit.net 00:00:00.12]         /home/runner/work/shop/shop/tests/Cart.cs(14,0): at Shop.CartTests.Total()
"""

VITEST_TAP = """
TAP version 13
1..1
not ok 1 - tests/cart.test.js # time=137.23ms {
    1..1
    not ok 1 - cart # time=134.26ms {
        1..1
        not ok 1 - adds the quantities # time=12.01ms
            ---
            error:
                name: "AssertionError"
                message: "expected 2 to be 6 // Object.is equality"
            ...
    }
}
"""

JEST = """
FAIL tests/cart.test.js
  ● cart › adds the quantities

    assert.strictEqual(received, expected)

    Expected value to strictly be equal to:
      6
    Received:
      2

    > 4 |   assert.strictEqual(total(items), 6);
        |          ^

      at Object.strictEqual (tests/cart.test.js:4:12)

Tests:       1 failed, 1 total
"""


@pytest.mark.parametrize(
    ("log", "tool", "tests", "cause"),
    [
        (MOCHA, "mocha", ("cart total() adds the quantities", "cart finds an item"), "cart total() adds"),
        (
            CATCH2,
            "catch2",
            ("Factorials are computed",),
            "tests/test_math.cpp:12: FAILED: REQUIRE( factorial(3) == 6 ) with expansion: 3 == 6",
        ),
        (
            BEHAVE,
            "behave",
            ("features/cart.feature:2", "features/cart.feature:5"),
            "ASSERT FAILED: total is 2",
        ),
        (BEHAT, "behat", ("features/basket.feature:9",), "Failed asserting that 8 matches expected 9."),
        (CUCUMBER, "cucumber", ("features/greet.feature:3",), 'features/greet.feature:3: it says "ho"'),
        (CTEST, "ctest", ("adds",), "adds: t.c:3: expected 3, got -1"),
        (CTEST.replace("t.c:3: expected 3, got -1\n", ""), "ctest", ("adds",), "adds: Failed"),
        (
            DOTNET,
            "xunit",
            ("Shop.CartTests.Total",),
            "Shop.CartTests.Total: Assert.Equal() Failure: Values differ Expected: 119 Actual: 100 (tests/",
        ),
        (VITEST_TAP, "tap", ("adds the quantities",), 'adds the quantities: "expected 2 to be 6'),
        (
            JEST,
            "jest",
            ("cart › adds the quantities",),
            (
                "cart › adds the quantities: assert.strictEqual(received, expected)"
                " Expected value to strictly be equal to: 6 Received: 2 (tests/cart.test.js:4)"
            ),
        ),
    ],
)
def test_the_failed_tests_are_named_and_what_is_wrong_with_the_first(log, tool, tests, cause):
    failure = distil([log.encode()])

    assert (failure.category, failure.tool, failure.tests) == (Category.TEST, tool, tests)
    assert failure.cause.startswith(cause)


def test_of_mocha_s_failures_the_first_is_told_whatever_is_known_of_the_others():
    slow = "  3) cart\n       waits:\n     Error: Timeout of 100ms exceeded. For async tests, use done.\n"

    failure = distil([(MOCHA.replace("2 failing", "3 failing") + "\n" + slow).encode()])

    assert failure.cause.startswith("cart total() adds the quantities: AssertionError")
    assert failure.tests[-1] == "cart waits"


def test_a_reporter_of_mocha_changes_no_fingerprint():
    assert distil([MOCHA.encode()]).fingerprint == distil([(MOCHA_TREE + MOCHA).encode()]).fingerprint


@pytest.mark.parametrize(
    ("log", "category", "tool", "cause"),
    [
        (
            (
                "CMake Error at CMakeLists.txt:9 (find_package):\n"
                '  By not providing "FindFoo.cmake" in CMAKE_MODULE_PATH this project has\n'
                '  asked CMake to find a package configuration file provided by "Foo", but\n'
                "  CMake did not find one.\n\n  Could not find a package configuration file\n\n\n"
                "-- Configuring incomplete, errors occurred!\n"
            ),
            Category.BUILD,
            "cmake",
            (
                "CMake Error at CMakeLists.txt:9 (find_package): By not providing"
                ' "FindFoo.cmake" in CMAKE_MODULE_PATH this project has asked CMake to find a package'
                ' configuration file provided by "Foo", but CMake did not find one.'
            ),
        ),
        (
            (
                "fatal: '/srv/git/shop.git' does not appear to be a git repository\n"
                "fatal: Could not read from remote repository.\n\n"
                "Please make sure you have the correct access rights\nand the repository exists.\n"
            ),
            Category.INFRASTRUCTURE,
            "git",
            "fatal: '/srv/git/shop.git' does not appear to be a git repository",
        ),
        (
            (
                "  Error: calc/calc.go:20:10: Error return value of `f.Close` is not checked (errcheck)\n"
                "  Error: issues found\n  Ran golangci-lint in 3120ms\n"
            ),
            Category.LINT,
            "golangci-lint",
            "Error: calc/calc.go:20:10: Error return value of `f.Close` is not checked (errcheck)",
        ),
        (
            (
                "> Compilation failed; see the compiler output below.\n"
                "  /builds/acme/shop/src/Cart.java:9: error: ';' expected\n          return tax\n"
            ),
            Category.BUILD,
            "javac",
            "src/Cart.java:9: error: ';' expected",
        ),
        (
            (
                "/builds/acme/shop/src/lint.js:2:5: 'b' is defined but never used. [Error/no-unused-vars]\n\n"
                "1 problem\n"
            ),
            Category.LINT,
            "eslint",
            "src/lint.js:2:5: 'b' is defined but never used. [Error/no-unused-vars]",
        ),
        (
            (
                "#7 [3/4] COPY missing.txt /app/\n"
                '#7 ERROR: failed to calculate checksum of ref a1::c3: "/missing.txt": not found\n'
                '------\n > [3/4] COPY missing.txt /app/:\n------\nERROR: failed to solve: "/missing.txt"\n'
            ),
            Category.CONFIG,
            "docker",
            'failed to calculate checksum of ref a1::c3: "/missing.txt": not found',
        ),
        (
            (
                "npm error code E401\n"
                'npm error Unable to authenticate, need: Basic realm="Artifactory Realm"\n'
                "npm error A complete log of this run can be found in: /home/runner/.npm/_logs/1.log\n"
            ),
            Category.PERMISSION,
            "npm",
            'npm error code E401: Unable to authenticate, need: Basic realm="Artifactory Realm"',
        ),
        (
            (
                "npm error code EACCES\nnpm error syscall mkdir\nnpm error path /usr/lib/x\n"
                "npm error errno -13\nnpm error Error: EACCES: permission denied, mkdir '/usr/lib/x'\n"
            ),
            Category.PERMISSION,
            "npm",
            "npm error code EACCES: EACCES: permission denied, mkdir '/usr/lib/x'",
        ),
        (
            (
                "npm error code ENOTFOUND\nnpm error syscall getaddrinfo\n"
                "npm error network request to https://packages.acme.dev/react failed, reason: getaddrinfo\n"
            ),
            Category.INFRASTRUCTURE,
            "npm",
            (
                "npm error code ENOTFOUND: network request to https://packages.acme.dev/react failed,"
                " reason: getaddrinfo"
            ),
        ),
        (
            (
                "  1 flaky\n    [chromium] › a.spec.ts:9:5 › clicks ────────\n  3 passed (9.1s)\n"
                "##[error]Process completed with exit code 1.\n"
            ),
            Category.FLAKY,
            "playwright",
            "1 flaky: [chromium] › a.spec.ts:9:5 › clicks",
        ),
        (
            "➤ YN0000: ┌ Resolution step\n➤ YN0028: │ The lockfile would have been modified.\n",
            Category.DEPENDENCY,
            "yarn",
            "The lockfile would have been modified.",
        ),
        (
            (
                "WARNING: Retrying (Retry(total=0, connect=None, read=None)) after connection broken by"
                " 'NewConnectionError('<pip._vendor.urllib3.Connection object at 0x7f>: Failed to establish a"
                " new connection: [Errno -3] Temporary failure in name resolution')': /simple/flask/\n"
                "ERROR: No matching distribution found for flask\n"
            ),
            Category.INFRASTRUCTURE,
            "pip",
            (
                "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')':"
                " /simple/flask/"
            ),
        ),
    ],
)
def test_the_card_says_what_an_expert_would(log, category, tool, cause):
    failure = distil([log.encode()])

    assert (failure.category, failure.tool, failure.cause) == (category, tool, cause)


def test_a_diff_of_a_formatter_names_the_files():
    log = "".join(f"--- {name}.py\n+++ {name}.py\n@@ -1 +1 @@\n-a=1\n+a = 1\n\n" for name in ("shop", "tax"))

    failure = distil([f"{log}2 files would be reformatted, 1 file already formatted\n".encode()])

    assert failure.cause == "shop.py, tax.py: ruff would format them otherwise"
    assert [file.path for file in failure.files] == ["shop.py", "tax.py"]


def test_a_report_of_a_build_is_no_file_of_the_repository():
    log = (
        "* What went wrong:\nExecution failed for task ':test'.\n> There were failing tests."
        " See the report at: file:///builds/acme/shop/build/reports/tests/test/index.html\n"
    )

    assert distil([log.encode()]).files == ()


PYTEST = """\
=================================== FAILURES ===================================
_________________________________ test_total ___________________________________
>       assert total() == 6
E       assert 2 == 6
{passes}=========================== short test summary info ============================
FAILED tests/test_cart.py::test_total - assert 2 == 6
========================= 1 failed, 1 passed in 0.12s ==========================
"""


def test_what_tests_that_passed_printed_tells_pytest_s_failures_not_apart():
    """As ``pytest -rA`` shows it."""
    passes = (
        "==================================== PASSES ====================================\n"
        "__________________________________ test_other __________________________________\n"
        "----------------------------- Captured stdout call -----------------------------\n"
        "E       ValueError: as it should be\n"
    )

    with_passes = distil([PYTEST.format(passes=passes).encode()])

    assert with_passes.fingerprint == distil([PYTEST.format(passes="").encode()]).fingerprint
    assert not any("test_other" in line.text or "ValueError" in line.text for line in with_passes.evidence)
