"""The cause is a sentence that tells a person which test fails, what is wrong and where."""

from __future__ import annotations

import pytest

from agent.distil import distil
from patchpilot.failures import Category

GO = """\
--- FAIL: TestTable (0.00s)
    --- FAIL: TestTable/n=2 (0.00s)
        shop_test.go:25: looking it up
        shop_test.go:27: n is 2; want 1
FAIL
FAIL\texample.com/shop\t0.005s
FAIL
"""
GO_VERBOSE = """\
=== RUN   TestTable
=== RUN   TestTable/n=1
    shop_test.go:25: want of a better name
=== RUN   TestTable/n=2
    shop_test.go:25: looking it up
    shop_test.go:27: n is 2; want 1
--- FAIL: TestTable (0.00s)
    --- PASS: TestTable/n=1 (0.00s)
    --- FAIL: TestTable/n=2 (0.00s)
FAIL
FAIL\texample.com/shop\t0.022s
FAIL
"""
TESTIFY = """\
--- FAIL: TestTotal (0.00s)
    shop_test.go:33:
        \tError Trace:\tshop_test.go:33
        \tError:      \tNot equal:
        \t            \texpected: 3
        \t            \tactual  : 2
        \tTest:       \tTestTotal
FAIL
"""
RACE = """\
==================
WARNING: DATA RACE
Read at 0x00c0000b21a8 by goroutine 8:
  example.com/shop.TestRace.func1()
      /home/runner/work/shop/shop/race_test.go:8 +0x39

Previous write at 0x00c0000b21a8 by goroutine 7:
  example.com/shop.TestRace()
      /home/runner/work/shop/shop/race_test.go:9 +0x124
==================
--- FAIL: TestRace (0.01s)
    testing.go:1319: race detected during execution of test
FAIL
"""
NODE_SPEC = """\
✖ includes taxes (9.093111ms)
ℹ tests 1
ℹ pass 0
ℹ fail 1

✖ failing tests:

test at one.test.js:3:1
✖ includes taxes (9.093111ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

  100 !== 119

      at TestContext.<anonymous> (/home/runner/work/shop/shop/one.test.js:3:39)
      at Test.run (node:internal/test_runner/test:1382:25) {
    generatedMessage: true,
    code: 'ERR_ASSERTION',
    actual: 100,
    expected: 119,
  }
"""
NODE_TAP = """\
TAP version 13
# Subtest: cart
    # Subtest: includes taxes
    not ok 1 - includes taxes
      ---
      duration_ms: 11.924039
      location: '/home/runner/work/shop/shop/one.test.js:3:1'
      failureType: 'testCodeFailure'
      error: |-
        Expected values to be strictly equal:

        100 !== 119

      code: 'ERR_ASSERTION'
      name: 'AssertionError'
      expected: 119
      actual: 100
      ...
    1..1
not ok 1 - cart
  ---
  duration_ms: 14.5
  failureType: 'subtestsFailed'
  error: '1 subtest failed'
  code: 'ERR_TEST_FAILURE'
  ...
1..1
# fail 1
"""
JEST = """\
FAIL src/cart.test.js
  ● cart › deep

    expect(received).toEqual(expected) // deep equality

    - Expected  - 1
    + Received  + 1

      Object {
    -   "a": 2,
    +   "a": 1,
      }

      1 | describe('cart', () => {
      at Object.toEqual (src/cart.test.js:3:41)
"""
VITEST = """\
 FAIL  src/cart.test.ts > cart > includes taxes
AssertionError: expected 100 to be 119 // Object.is equality

- Expected
+ Received

- 119
+ 100

 ❯ src/cart.test.ts:3:44
"""
RUST = """\
---- tests::taxes stdout ----

thread 'tests::taxes' (31543) panicked at src/lib.rs:8:18:
assertion `left == right` failed
  left: 100
 right: 119
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""
RESULT = '---- tests::results stdout ----\nError: "no such user"\n\n\nfailures:\n    tests::results\n'


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        pytest.param(GO, "TestTable/n=2: shop_test.go:27: n is 2; want 1", id="go"),
        pytest.param(GO_VERBOSE, "TestTable/n=2: shop_test.go:27: n is 2; want 1", id="go -v"),
        pytest.param(TESTIFY, "TestTotal: Not equal: expected: 3 actual : 2 (shop_test.go:33)", id="testify"),
        pytest.param(
            NODE_SPEC,
            "includes taxes: AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:"
            " 100 !== 119 (one.test.js:3)",
            id="node, spec",
        ),
        pytest.param(
            NODE_TAP,
            "includes taxes: Expected values to be strictly equal: 100 !== 119 (one.test.js:3)",
            id="node, tap",
        ),
        pytest.param(
            JEST,
            "cart › deep: expect(received).toEqual(expected) // deep equality - Expected - 1 + Received + 1"
            ' Object { - "a": 2, + "a": 1, } (src/cart.test.js:3)',
            id="jest",
        ),
        pytest.param(
            VITEST,
            "src/cart.test.ts > cart > includes taxes: AssertionError: expected 100 to be 119"
            " // Object.is equality (src/cart.test.ts:3)",
            id="vitest",
        ),
        pytest.param(
            RUST,
            "tests::taxes: assertion `left == right` failed left: 100 right: 119 (src/lib.rs:8)",
            id="rust",
        ),
        pytest.param(RESULT, 'tests::results: "no such user"', id="rust, result"),
    ],
)
def test_the_cause_says_what_is_wrong_with_which_test(log: str, cause: str) -> None:
    failure = distil([log.encode()])

    assert failure.cause == cause
    assert failure.category is Category.TEST


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        pytest.param(
            "/home/runner/work/web/web/src/App.jsx\n"
            "  3:7  error  Unexpected \\d in a string  no-useless-escape\n\n✖ 1 problem (1 error)\n",
            "src/App.jsx:3:7 error Unexpected \\d in a string no-useless-escape",
            id="eslint",
        ),
        pytest.param(
            "Checking formatting...\n[warn] src/index.ts\n"
            "[warn] Code style issues found in the above file. Run Prettier with --write to fix.\n",
            "src/index.ts: Prettier would format it otherwise",
            id="prettier",
        ),
        pytest.param(
            "F821 Undefined name `tax`\n --> src/cart.py:3:8\n  |\n3 | total = tax\n  |         ^^^\n",
            "F821 Undefined name `tax` (src/cart.py:3)",
            id="ruff, full",
        ),
        pytest.param(
            "error[E0308]: mismatched types\n  --> src/main.rs:4:18\n   |\n",
            "error[E0308]: mismatched types (src/main.rs:4)",
            id="cargo",
        ),
    ],
)
def test_the_cause_says_in_which_file(log: str, cause: str) -> None:
    assert distil([log.encode()]).cause == cause


@pytest.mark.parametrize("log", [NODE_SPEC, NODE_TAP])
def test_the_evidence_holds_the_values(log: str) -> None:
    evidence = [line.text.strip() for line in distil([log.encode()]).evidence]

    assert "100 !== 119" in evidence
    assert any("includes taxes" in line for line in evidence)


def test_a_race_names_both_places() -> None:
    cause = distil([RACE.encode()]).cause

    assert cause.startswith("WARNING: DATA RACE: Read: ")
    assert "race_test.go:8" in cause
    assert "race_test.go:9" in cause


def test_another_message_of_the_same_test_is_another_failure() -> None:
    other = GO.replace("n is 2; want 1", "no answer from the shop")

    assert distil([GO.encode()]).fingerprint != distil([other.encode()]).fingerprint
    assert distil([GO.encode()]).fingerprint == distil([GO_VERBOSE.encode()]).fingerprint


@pytest.mark.parametrize(
    ("error", "category"),
    [
        ("Error: Cannot find module './nowhere'", Category.DEPENDENCY),
        ("SyntaxError: missing ) after argument list", Category.SYNTAX),
    ],
)
@pytest.mark.parametrize(
    ("before", "report"), [("", "✖ one.test.js (435.2ms)"), ("# ", "not ok 1 - one.test.js")]
)
def test_a_file_that_could_not_be_run_is_no_failed_test(
    error: str, category: Category, before: str, report: str
) -> None:
    failure = distil([f"{before}{error}\n{before}Require stack:\n{report}\n  'test failed'\n".encode()])

    assert failure.cause == error
    assert failure.category is category


def test_files_that_are_not_as_committed_are_no_build_that_failed() -> None:
    log = """\
##[group]Run make generate && git diff --exit-code
##[endgroup]
diff --git a/api.gen.ts b/api.gen.ts
index 422c2b7..0e7e7b9 100644
--- a/api.gen.ts
+++ b/api.gen.ts
@@ -1,2 +1,2 @@
 a
-b
+c
##[error]Process completed with exit code 1.
"""
    failure = distil([log.encode()])

    assert failure.category is Category.LINT
    assert failure.cause == "diff --git a/api.gen.ts b/api.gen.ts: @@ -1,2 +1,2 @@ a -b +c"


def test_headings_and_the_end_of_the_step_are_no_evidence():
    log = (
        "=================================== FAILURES ===================================\n"
        "___________________________________ test_tax ___________________________________\n"
        "    def test_tax():\n>       assert tax(100) == 19\nE       assert 20 == 19\n\n"
        "tests/test_tax.py:4: AssertionError\n"
        "=========================== short test summary info ============================\n"
        "FAILED tests/test_tax.py::test_tax - assert 20 == 19\n"
        "============================== 1 failed in 0.03s ===============================\n"
        "##[error]Process completed with exit code 1.\n"
    )
    quoted = [line.text for line in distil([log.encode()]).evidence]

    assert "E       assert 20 == 19" in quoted
    assert not [
        text for text in quoted if "FAILURES" in text or "summary info" in text or "##[error]" in text
    ]
    assert [line.text for line in distil([b"##[error]Process completed with exit code 1.\n"]).evidence]
