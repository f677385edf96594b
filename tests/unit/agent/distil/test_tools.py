"""What each tool prints when it fails, as it prints it, and what must be read from it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.distil import distil
from patchpilot.failures import Category, DistilledFailure


@dataclass(frozen=True)
class Case:
    name: str
    log: str
    category: Category
    tool: str
    keeps: tuple[str, ...]
    tests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


CASES = (
    Case(
        "pytest",
        """\
============================= test session starts ==============================
collected 3 items

tests/test_cart.py .F.                                                   [100%]

=================================== FAILURES ===================================
__________________________ test_total_includes_taxes ___________________________

    def test_total_includes_taxes():
        cart = Cart([Item(100)])
>       assert cart.total() == 119
E       assert 100 == 119
E        +  where 100 = total()

tests/test_cart.py:14: AssertionError
=========================== short test summary info ============================
FAILED tests/test_cart.py::test_total_includes_taxes - assert 100 == 119
========================= 1 failed, 2 passed in 0.31s ==========================
""",
        Category.TEST,
        "pytest",
        ("E       assert 100 == 119", "tests/test_cart.py:14: AssertionError"),
        ("tests/test_cart.py::test_total_includes_taxes",),
        ("tests/test_cart.py:14",),
    ),
    Case(
        "unittest",
        """\
..F
======================================================================
FAIL: test_area (shapes.tests.test_square.SquareTest)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "shapes/tests/test_square.py", line 9, in test_area
    self.assertEqual(Square(3).area(), 9)
AssertionError: 6 != 9

----------------------------------------------------------------------
Ran 3 tests in 0.002s

FAILED (failures=1)
""",
        Category.TEST,
        "unittest",
        ("AssertionError: 6 != 9",),
        ("test_area (shapes.tests.test_square.SquareTest)",),
        ("shapes/tests/test_square.py:9",),
    ),
    Case(
        "go test",
        """\
=== RUN   TestParse
    parse_test.go:11: error as expected: bad input
--- PASS: TestParse (0.00s)
=== RUN   TestFormat
    format_test.go:22: got "a-b", want "a_b"
--- FAIL: TestFormat (0.00s)
FAIL
FAIL\tgithub.com/acme/names\t0.003s
FAIL
""",
        Category.TEST,
        "go test",
        ('format_test.go:22: got "a-b", want "a_b"', "--- FAIL: TestFormat"),
        ("TestFormat",),
        ("format_test.go:22",),
    ),
    Case(
        "cargo test",
        """\
running 2 tests
test tests::adds ... ok
test tests::divides ... FAILED

failures:

---- tests::divides stdout ----
thread 'tests::divides' panicked at src/lib.rs:31:9:
assertion `left == right` failed
  left: 2
 right: 3

failures:
    tests::divides

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--lib`
""",
        Category.TEST,
        "cargo test",
        ("assertion `left == right` failed", "panicked at src/lib.rs:31:9"),
        ("tests::divides",),
        ("src/lib.rs:31",),
    ),
    Case(
        "rustc",
        """\
   Compiling shop v0.1.0 (/builds/acme/shop)
error[E0308]: mismatched types
  --> src/main.rs:4:18
   |
4  |     let n: u32 = "five";
   |            ---   ^^^^^^ expected `u32`, found `&str`
   |            |
   |            expected due to this

error: could not compile `shop` (bin "shop") due to 1 previous error
""",
        Category.BUILD,
        "cargo",
        ("error[E0308]: mismatched types", "--> src/main.rs:4:18"),
        (),
        ("src/main.rs:4",),
    ),
    Case(
        "jest",
        """\
PASS src/list.test.js
FAIL src/sum.test.js
  sum
    ✓ adds (2 ms)
    ✕ subtracts (4 ms)

  ● sum › subtracts

    expect(received).toBe(expected) // Object.is equality

    Expected: 1
    Received: 5

      at Object.toBe (src/sum.test.js:9:27)

Test Suites: 1 failed, 1 passed, 2 total
Tests:       1 failed, 5 passed, 6 total
""",
        Category.TEST,
        "jest",
        ("● sum › subtracts", "Expected: 1", "Received: 5"),
        ("sum › subtracts",),
        ("src/sum.test.js:9",),
    ),
    Case(
        "tsc",
        "src/api/user.ts(12,7): error TS2322: Type 'string' is not assignable to type 'number'.\n",
        Category.TYPE,
        "tsc",
        ("TS2322",),
        (),
        ("src/api/user.ts:12",),
    ),
    Case(
        "eslint",
        """\

/home/runner/work/web/web/src/App.jsx
   3:8   warning  'React' is defined but never used  no-unused-vars
  17:21  error    Missing semicolon                  semi

✖ 2 problems (1 error, 1 warning)
""",
        Category.LINT,
        "eslint",
        ("/src/App.jsx", "17:21  error    Missing semicolon"),
        (),
        ("src/App.jsx:17",),
    ),
    Case(
        "prettier",
        "Checking formatting...\n[warn] src/index.ts\n"
        "[warn] Code style issues found in the above file. Run Prettier with --write to fix.\n",
        Category.FORMAT,
        "prettier",
        ("[warn] src/index.ts",),
    ),
    Case(
        "black",
        "would reformat src/shop/cart.py\n\nOh no! 💥 💔 💥\n"
        "1 file would be reformatted, 12 files would be left unchanged.\n",
        Category.FORMAT,
        "black",
        ("would reformat src/shop/cart.py",),
        (),
        ("src/shop/cart.py",),
    ),
    Case(
        "ruff",
        "src/shop/cart.py:3:8: F401 [*] `os` imported but unused\nFound 1 error.\n"
        "[*] 1 fixable with the `--fix` option.\n",
        Category.LINT,
        "ruff",
        ("F401",),
        (),
        ("src/shop/cart.py:3",),
    ),
    Case(
        "ruff in full, which it can't mend itself",
        "F821 Undefined name `tax`\n --> src/shop/cart.py:3:8\n  |\n3 | total = tax + 1\n"
        "  |         ^^^\n  |\n\n"
        "Found 1 error.\n##[error]Process completed with exit code 1.\n",
        Category.LINT,
        "ruff",
        ("F821 Undefined name `tax`", " --> src/shop/cart.py:3:8"),
        (),
        ("src/shop/cart.py:3",),
    ),
    Case(
        "ruff on a file that is no Python",
        "invalid-syntax: Expected `)`, found newline\n --> src/shop/cart.py:1:8\n  |\n1 | def f(:\n  |\n\n"
        "Found 1 error.\n",
        Category.SYNTAX,
        "ruff",
        ("invalid-syntax: Expected `)`, found newline",),
        (),
        ("src/shop/cart.py:1",),
    ),
    Case(
        "mypy",
        'shop/cart.py:22: error: Incompatible return value type (got "str", expected "int")  [return-value]\n'
        "Found 1 error in 1 file (checked 9 source files)\n",
        Category.TYPE,
        "mypy",
        ("Incompatible return value type",),
        (),
        ("shop/cart.py:22",),
    ),
    Case(
        "maven",
        """\
[INFO] -------------------------------------------------------
[INFO]  T E S T S
[INFO] -------------------------------------------------------
[ERROR] Tests run: 4, Failures: 1, Errors: 0, Skipped: 0, Time: 5 s <<< FAILURE! - in com.acme.CartTest
[ERROR] com.acme.CartTest.totals -- Time elapsed: 0.01 s <<< FAILURE!
org.opentest4j.AssertionFailedError: expected: <119> but was: <100>
\tat com.acme.CartTest.totals(CartTest.java:18)

[ERROR] Failures:
[ERROR]   CartTest.totals:18 expected: <119> but was: <100>
[INFO] BUILD FAILURE
""",
        Category.TEST,
        "maven",
        ("expected: <119> but was: <100>",),
        ("com.acme.CartTest.totals",),
    ),
    Case(
        "javac through maven",
        """\
[INFO] Compiling 12 source files
[ERROR] COMPILATION ERROR :
[ERROR] /builds/acme/shop/src/main/java/com/acme/Cart.java:[8,13] cannot find symbol
  symbol:   class Money
[INFO] BUILD FAILURE
""",
        Category.BUILD,
        "maven",
        ("cannot find symbol", "symbol:   class Money"),
        (),
        ("src/main/java/com/acme/Cart.java:8",),
    ),
    Case(
        "gradle",
        """\
> Task :compileJava
> Task :test FAILED

CartTest > totals() FAILED
    org.opentest4j.AssertionFailedError at CartTest.java:18

4 tests completed, 1 failed

FAILURE: Build failed with an exception.

* What went wrong:
Execution failed for task ':test'.
> There were failing tests. See the report at: file:///builds/acme/shop/build/reports/tests/test/index.html

* Try:
> Run with --stacktrace option to get the stack trace.
""",
        Category.TEST,
        "gradle",
        ("CartTest > totals() FAILED", "Execution failed for task ':test'."),
        ("CartTest > totals()",),
    ),
    Case(
        "gcc",
        """\
[ 12%] Building C object src/CMakeFiles/core.dir/list.c.o
/builds/acme/core/src/list.c: In function 'push':
/builds/acme/core/src/list.c:41:5: error: 'node' undeclared (first use in this function)
   41 |     node->next = 0;
      |     ^~~~
make[2]: *** [src/CMakeFiles/core.dir/build.make:76: src/CMakeFiles/core.dir/list.c.o] Error 1
""",
        Category.BUILD,
        "gcc",
        ("'node' undeclared",),
        (),
        ("src/list.c:41",),
    ),
    Case(
        "rspec",
        """\
Failures:

  1) Cart#total includes taxes
     Failure/Error: expect(cart.total).to eq(119)

       expected: 119
            got: 100

     # ./spec/cart_spec.rb:9:in `block (3 levels) in <top (required)>'

4 examples, 1 failure

Failed examples:

rspec ./spec/cart_spec.rb:7 # Cart#total includes taxes
""",
        Category.TEST,
        "rspec",
        ("Failure/Error: expect(cart.total).to eq(119)", "got: 100"),
        ("./spec/cart_spec.rb:7 # Cart#total includes taxes",),
        ("spec/cart_spec.rb:9",),
    ),
    Case(
        "phpunit",
        """\
There was 1 failure:

1) App\\CartTest::testTotal
Failed asserting that 100 matches expected 119.

/home/circleci/project/tests/CartTest.php:21

FAILURES!
Tests: 4, Assertions: 7, Failures: 1.
""",
        Category.TEST,
        "phpunit",
        ("Failed asserting that 100 matches expected 119.",),
        ("App\\CartTest::testTotal",),
        ("tests/CartTest.php:21",),
    ),
    Case(
        "dotnet",
        "/home/vsts/work/1/s/Shop/Cart.cs(14,20): error CS0103: The name 'tax' does not exist\n"
        "Build FAILED.\n",
        Category.BUILD,
        "dotnet",
        ("error CS0103",),
        (),
        ("Shop/Cart.cs:14",),
    ),
    Case(
        "pip",
        """\
Collecting requests==99.1
ERROR: Could not find a version that satisfies the requirement requests==99.1 (from versions: 2.30.0, 2.31.0)
ERROR: No matching distribution found for requests==99.1
""",
        Category.DEPENDENCY,
        "pip",
        ("Could not find a version", "No matching distribution found"),
    ),
    Case(
        "npm",
        """\
npm error code ERESOLVE
npm error ERESOLVE unable to resolve dependency tree
npm error
npm error Found: react@19.0.0
npm error Could not resolve dependency:
npm error peer react@"^18" from react-tabs@6.0.2
""",
        Category.DEPENDENCY,
        "npm",
        ("unable to resolve dependency tree", "react-tabs@6.0.2"),
    ),
    Case(
        "docker",
        """\
#9 [build 4/6] RUN make all
#9 0.311 make: *** No rule to make target 'all'.  Stop.
#9 ERROR: process "/bin/sh -c make all" did not complete successfully: exit code: 2
------
 > [build 4/6] RUN make all:
0.311 make: *** No rule to make target 'all'.  Stop.
------
Dockerfile:12
--------------------
  10 |     COPY . .
  12 | >>> RUN make all
--------------------
ERROR: failed to solve: process "/bin/sh -c make all" did not complete successfully: exit code: 2
""",
        Category.BUILD,
        "make",
        ("No rule to make target 'all'", "Dockerfile:12", ">>> RUN make all"),
    ),
    Case(
        "clippy",
        """\
error: this expression creates a reference which is immediately dereferenced by the compiler
 --> src/lib.rs:5:9
  |
5 |     foo(&x);
  |         ^^ help: change this to: `x`
  |
  = note: `-D clippy::needless-borrow` implied by `-D warnings`

error: could not compile `shop` (lib) due to 1 previous error
""",
        Category.LINT,
        "clippy",
        ("--> src/lib.rs:5:9", "immediately dereferenced"),
        (),
        ("src/lib.rs:5",),
    ),
    Case(
        "kotlin",
        "e: file:///builds/acme/shop/src/Main.kt:3:5 Unresolved reference: tax\n> Task :compileKotlin FAILED",
        Category.BUILD,
        "kotlin",
        ("Unresolved reference: tax",),
        (),
        ("src/Main.kt:3",),
    ),
    Case(
        "ctest",
        "The following tests FAILED:\n\t  3 - parse_test (Failed)\nErrors while running CTest\n",
        Category.TEST,
        "ctest",
        ("parse_test (Failed)",),
        ("parse_test",),
    ),
    Case(
        "vitest",
        """\
 FAIL  src/sum.test.ts > sum > adds
AssertionError: expected 4 to be 3 // Object.is equality

- Expected
+ Received

- 3
+ 4

 ❯ src/sum.test.ts:6:17

 Test Files  1 failed (1)
      Tests  1 failed (1)
""",
        Category.TEST,
        "vitest",
        ("expected 4 to be 3",),
        ("src/sum.test.ts > sum > adds",),
        ("src/sum.test.ts:6",),
    ),
    Case(
        "xctest through xcpretty",
        """\
Shop_Tests.CartTests
  testTotal, XCTAssertEqual failed: ("100") is not equal to ("119")
  /Users/travis/build/acme/shop/Tests/CartTests.swift:18
  ```
        XCTAssertEqual(cart.total, 119)
  ```
\t Executed 12 tests, with 1 failure (0 unexpected) in 0.2 (0.3) seconds
""",
        Category.TEST,
        "xctest",
        ("Shop_Tests.CartTests", "XCTAssertEqual(cart.total, 119)"),
        ("testTotal",),
        ("Tests/CartTests.swift:18",),
    ),
    Case(
        "uv",
        """\
  × No solution found when resolving dependencies:
  ╰─▶ Because only tax<=1.0 is available and shop depends on tax>=2, we can conclude that shop's
      requirements are unsatisfiable.
""",
        Category.DEPENDENCY,
        "uv",
        ("Because only tax<=1.0 is available",),
    ),
    Case(
        "an agent that went away",
        "hudson.remoting.ChannelClosedException: Channel closed down\nFinished: FAILURE\n",
        Category.INFRASTRUCTURE,
        "jenkins",
        ("ChannelClosedException",),
    ),
    Case(
        "memory",
        'npm run build\nReceived "killed" signal\n\nExited with code exit status 137\n',
        Category.RESOURCE,
        "",
        ("137",),
    ),
    Case(
        "disk full",
        "cp: error writing 'dist/app.tar': No space left on device\n",
        Category.RESOURCE,
        "",
        ("No space left on device",),
    ),
    Case(
        "time limit",
        "running suite 3 of 9\nERROR: Job failed: execution took longer than 1h0m0s seconds\n",
        Category.TIMEOUT,
        "",
        ("execution took longer than",),
    ),
    Case(
        "network",
        "curl: (6) Could not resolve host: files.example.org\n",
        Category.INFRASTRUCTURE,
        "",
        ("Could not resolve host",),
    ),
    Case(
        "rights",
        "remote: Resource not accessible by integration\n",
        Category.PERMISSION,
        "",
        ("Resource not accessible by integration",),
    ),
    Case(
        "shell syntax",
        "./ci.sh: line 12: syntax error near unexpected token `fi'\n",
        Category.SYNTAX,
        "shell",
        ("syntax error near unexpected token",),
    ),
)


def test_what_failed_inside_an_image_s_build_is_the_cause() -> None:
    log = """\
#8 [4/7] RUN npm ci
#8 1.234 npm ERR! code ERESOLVE
#8 1.235 npm ERR! ERESOLVE could not resolve
#8 1.237 npm ERR! peer react@">= 16" from react-scripts@4.0.3
#8 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
"""
    failure = distil([log.encode()])

    assert (failure.category, failure.tool) == (Category.DEPENDENCY, "npm")


def test_the_text_below_gradle_s_heading_is_the_cause() -> None:
    def of(what: str) -> DistilledFailure:
        text = (
            f"FAILURE: Build failed with an exception.\n\n* What went wrong:\n{what}\n\n* Try:\n> Run with\n"
        )
        return distil([text.encode()])

    one = of("Execution failed for task ':jar'.\n> Entry META-INF/a is a duplicate")
    two = of("Execution failed for task ':jar'.\n> Cannot expand ZIP 'lib.zip'")

    assert one.cause == "Entry META-INF/a is a duplicate"
    assert one.fingerprint != two.fingerprint
    assert of("Gradle build daemon disappeared unexpectedly (killed)").category is Category.RESOURCE


def test_surefire_s_totals_are_no_test() -> None:
    log = """\
[ERROR] Tests run: 3, Failures: 1, Errors: 0, Time elapsed: 0.05 s <<< FAILURE! - in com.acme.Cart
[ERROR] com.acme.CartTest.addsTax -- Time elapsed: 0.01 s <<< FAILURE!
org.opentest4j.AssertionFailedError: expected: <121> but was: <120>
"""

    assert distil([log.encode()]).tests == ("com.acme.CartTest.addsTax",)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_tool_s_failure_is_read_from_its_output(case: Case) -> None:
    failure = distil([case.log.encode()])

    assert failure.category is case.category
    assert failure.tool == case.tool
    assert [line for line in case.keeps if line not in failure.text] == []
    assert set(case.tests) <= set(failure.tests)
    assert set(case.files) <= {str(place) for place in failure.files}
    assert failure.evidence
    assert all(line.text in case.log for line in failure.evidence)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_failure_is_found_in_the_middle_of_a_long_log(case: Case) -> None:
    before = "".join(f"   Unpacking package-{n} (1.{n}) over (1.{n - 1}) ...\n" for n in range(3000))
    after = "".join(f"removing intermediate file {n}\n" for n in range(300))

    failure = distil([(before + case.log + after).encode()])

    assert [line for line in case.keeps if line not in failure.text] == []
    assert failure.category is case.category
    assert "lines left out …" in failure.text


def test_what_a_passing_go_test_printed_is_no_evidence() -> None:
    log = next(case.log for case in CASES if case.name == "go test")

    assert all("as expected" not in line.text for line in distil([log.encode()]).evidence)


def test_a_log_that_says_nothing_is_unknown_and_still_answered() -> None:
    failure = distil([b"one\ntwo\nthree\n"])

    assert failure.category is Category.UNKNOWN
    assert failure.text == "one\ntwo\nthree"
    assert failure.total_lines == 3


def test_an_empty_log_is_answered() -> None:
    failure = distil([])

    assert (failure.text, failure.total_lines, failure.category) == ("", 0, Category.UNKNOWN)


def test_a_module_of_unittests_that_can_t_be_imported_is_named_with_its_cause() -> None:
    log = """\
ERROR: tests.test_report (unittest.loader._FailedTest.tests.test_report)
----------------------------------------------------------------------
ImportError: Failed to import test module: tests.test_report
Traceback (most recent call last):
  File "/src/tests/test_report.py", line 3, in <module>
    from weather.convrt import to_f
ModuleNotFoundError: No module named 'weather.convrt'

Ran 1 test in 0.000s

FAILED (errors=1)
"""
    failure = distil([log.encode()])

    assert failure.tests == ("tests.test_report",)
    assert failure.cause == "ModuleNotFoundError: No module named 'weather.convrt'"


def test_a_unittest_is_counted_once_and_the_totals_are_none() -> None:
    log = """\
FAIL: test_discount (test_cart.CartTest.test_discount)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/src/test_cart.py", line 9, in test_discount
AssertionError: 5 != 10

Ran 2 tests in 0.000s

FAILED (failures=1)
"""
    assert distil([log.encode()]).tests == ("test_discount (test_cart.CartTest.test_discount)",)


@pytest.mark.parametrize(
    ("log", "tool", "tests"),
    [
        (
            (
                "  Array\n    ✓ works\n    1) breaks\n\n  1 passing (5ms)\n  1 failing\n\n"
                "  1) Array\n       breaks:\n     TypeError: x is not a function\n"
            ),
            "mocha",
            ("Array breaks",),
        ),
        (
            "  1) [chromium] › cart.spec.ts:3:5 › adds ────\n\n    Error: no\n",
            "playwright",
            ("[chromium] › cart.spec.ts:3:5 › adds",),
        ),
        ("        FAIL [   0.005s] shop tests::adds\n", "nextest", ("tests::adds",)),
        (
            "  1) Failure:\nCartTest#test_total [test/cart_test.rb:12]:\nExpected: 3\n  Actual: 2\n",
            "minitest",
            ("CartTest#test_total",),
        ),
        ("panic: test timed out after 10m0s\nrunning tests:\n\tTestSlow (9m58s)\n", "go test", ("TestSlow",)),
        (
            "✖  pkg/a (12ms)\n\n=== FAIL: pkg/a TestAdd (0.00s)\n    a_test.go:9: got 3, want 4\n",
            "go test",
            ("TestAdd",),
        ),
        (
            "[  FAILED  ] 1 test, listed below:\n[  FAILED  ] Parser.Nested\n",
            "googletest",
            ("Parser.Nested",),
        ),
        ("Gem::Ext::BuildError: ERROR: Failed to build gem native extension.\n", "bundler", ()),
        ("FAIL src/a.test.ts\n  ● Test suite failed to run\n\n    Cannot find module 'zod'\n", None, ()),
        (
            (
                "[ERROR] com.acme.PriceTest.rounds -- Time elapsed: 0.010 s <<< FAILURE!\n"
                "[ERROR] Failures: \n[ERROR]   PriceTest.rounds:22 expected: <1> but was: <2>\n"
            ),
            "maven",
            ("com.acme.PriceTest.rounds",),
        ),
        (
            '1) App\\PriceTest::testRounding with data set "half up" (1.005, 1.01)\nFailed asserting.\n',
            "phpunit",
            ('App\\PriceTest::testRounding with data set "half up"',),
        ),
    ],
)
def test_failed_tests_are_named_once_and_nothing_else_is(
    log: str, tool: str | None, tests: tuple[str, ...]
) -> None:
    failure = distil([log.encode()])

    assert failure.tool == (tool or failure.tool)
    assert failure.tests == tests


@pytest.mark.parametrize(
    ("line", "tool"),
    [
        ('ERROR: failed to solve: failed to calculate checksum of ref a::b: "/x.txt": not found', "docker"),
        ("Because app depends on requests (^3.0) which is not there, version solving failed.", "poetry"),
        ("ERROR: /s/pkg/BUILD:3:10: no such target '//lib:foo': not declared in package 'lib'", "bazel"),
        ("Error: can't load config: unsupported version of the configuration", "golangci-lint"),
        ("Error: fatal: No url found for submodule path 'lib/x' in .gitmodules", "git"),
        ("FAIL  tests/cart.test.ts [ tests/cart.test.ts ]", "vitest"),
    ],
)
def test_a_line_that_several_tools_could_have_written_is_the_right_ones(line: str, tool: str) -> None:
    assert distil([f"{line}\n".encode()]).tool == tool


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: Job failed (system failure): cannot link to a container (exec.go:78:0s)",
        "java.lang.OutOfMemoryError: no heap\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:35)",
        " ERR_PNPM_UNSUPPORTED_ENGINE  Unsupported environment (bad pnpm and/or Node.js version)",
    ],
)
def test_sources_of_the_runner_and_of_java_are_no_files_of_the_repository(line: str) -> None:
    assert distil([f"{line}\n".encode()]).files == ()
