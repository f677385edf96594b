"""What an expert would say at one glance of what compilers, their tests, shells and machines print."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.distil import distil
from patchpilot.failures import Category


@dataclass(frozen=True, kw_only=True)
class Reading:
    command: str
    log: str
    category: Category
    tool: str
    cause: str
    tests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def event(action: str, output: str = "", test: str = "TestTotal") -> str:
    said = f',"Output":"{output}"' if output else ""
    return f'{{"Time":"2026-03-01T10:00:00.1Z","Action":"{action}","Package":"shop","Test":"{test}"{said}}}\n'


GO_EVENTS = "".join(
    [
        event("run", test="TestOk"),
        event("output", "=== RUN   TestOk\\n", "TestOk"),
        event("output", "    shop_test.go:9: error: as expected\\n", "TestOk"),
        event("output", "--- PASS: TestOk (0.00s)\\n", "TestOk"),
        event("pass", test="TestOk"),
        event("run"),
        event("output", "=== RUN   TestTotal\\n"),
        event("output", "    shop_test.go:14: got 2, want 3\\n"),
        event("output", "--- FAIL: TestTotal (0.00s)\\n"),
        event("fail"),
        event("output", "FAIL\\n"),
    ]
)
READINGS = {
    "go test -json": Reading(
        command="go test -json ./...",
        log=GO_EVENTS,
        category=Category.TEST,
        tool="go test",
        cause="TestTotal: shop_test.go:14: got 2, want 3",
        tests=("TestTotal",),
        files=("shop_test.go:14",),
    ),
    "gofmt -l": Reading(
        command='test -z "$(gofmt -l . | tee /dev/stderr)"',
        log="store/store.go\nprice.go\n",
        category=Category.FORMAT,
        tool="gofmt",
        cause="store/store.go, price.go: gofmt would format them otherwise",
        files=("price.go:0", "store/store.go:0"),
    ),
    "gofmt -d": Reading(
        command="gofmt -d .",
        log="diff price.go.orig price.go\n--- price.go.orig\n+++ price.go\n@@ -1,3 +1,3 @@\n-\tName"
        " string\n+\tName  string\n",
        category=Category.FORMAT,
        tool="gofmt",
        cause="price.go: gofmt would format it otherwise",
        files=("price.go:0",),
    ),
    "terraform fmt": Reading(
        command="terraform fmt -check -recursive",
        log="main.tf\n",
        category=Category.FORMAT,
        tool="terraform fmt",
        cause="main.tf: terraform fmt would format it otherwise",
        files=("main.tf:0",),
    ),
    "go example": Reading(
        command="go test ./...",
        log="--- FAIL: ExampleHello (0.00s)\ngot:\nhello"
        " world\nwant:\nhello\nFAIL\nFAIL\tacme/shop\t0.002s\n",
        category=Category.TEST,
        tool="go test",
        cause="ExampleHello: got: hello world want: hello",
        tests=("ExampleHello",),
    ),
    "go panic": Reading(
        command="go test ./...",
        log=(
            "--- FAIL: TestPick (0.00s)\npanic: runtime error: index out of range [3] with length 0"
            " [recovered]\n"
            "\tpanic: runtime error: index out of range [3] with length 0\n\ngoroutine 34 [running]:\n"
            "testing.tRunner.func1.2({0x511de0, 0xc0000b0018})\n\t/usr/lib/go/src/testing/testing.go:1396"
            " +0x24e\n"
            "testing.tRunner.func1()\n\t/usr/lib/go/src/testing/testing.go:1399 +0x39f\n"
            "panic({0x511de0, 0xc0000b0018})\n\t/usr/lib/go/src/runtime/panic.go:884 +0x212\n"
            "acme/shop.TestPick(0x0?)\n\t/home/runner/work/shop/shop/pick_test.go:24 +0x1d\n"
            "FAIL\tacme/shop\t0.004s\nFAIL\n"
        ),
        category=Category.TEST,
        tool="go test",
        cause="TestPick: panic: runtime error: index out of range [3] with length 0 [recovered]"
        " (pick_test.go:24)",
        tests=("TestPick",),
        files=("pick_test.go:24",),
    ),
    "go timeout": Reading(
        command="go test ./...",
        log="panic: test timed out after 2s\n\trunning tests:\n\t\tTestSlow (2s)\n\ngoroutine 33"
        " [running]:\nFAIL\tacme/shop\t2.01s\n",
        category=Category.TIMEOUT,
        tool="go test",
        cause="panic: test timed out after 2s: TestSlow (2s)",
        tests=("TestSlow",),
    ),
    "go syntax": Reading(
        command="go build ./...",
        log="# acme/shop/cmd\ncmd/main.go:5:32: syntax error: unexpected } in argument list; possibly"
        " missing comma or )\n",
        category=Category.SYNTAX,
        tool="go build",
        cause="cmd/main.go:5:32: syntax error: unexpected } in argument list; possibly missing comma or )",
        files=("cmd/main.go:5",),
    ),
    "go private module": Reading(
        command="go mod download",
        log=(
            "go: github.com/acme/secret@v1.2.0: reading github.com/acme/secret/go.mod at revision v1.2.0:\n"
            "\tfatal: could not read Username for 'https://github.com': terminal prompts disabled\n"
        ),
        category=Category.PERMISSION,
        tool="git",
        cause="fatal: could not read Username for 'https://github.com': terminal prompts disabled",
    ),
    "cargo in short": Reading(
        command="cargo build --message-format short",
        log="src/lib.rs:14:5: error[E0425]: cannot find function `f` in this scope: not found in this"
        " scope\n",
        category=Category.BUILD,
        tool="cargo",
        cause="src/lib.rs:14:5: error[E0425]: cannot find function `f` in this scope: not found in this"
        " scope",
        files=("src/lib.rs:14",),
    ),
    "clippy": Reading(
        command="cargo clippy -- -D warnings",
        log=(
            "error: unneeded `return` statement\n  --> src/lib.rs:12:23\n   |\n12 |     return true;\n"
            "   = help: for further information visit"
            " https://rust-lang.github.io/rust-clippy/index.html#needless_return\n"
            "   = note: `-D clippy::needless-return` implied by `-D warnings`\n\n"
            "error: could not compile `shop` (lib) due to 1 previous error\n"
        ),
        category=Category.LINT,
        tool="clippy",
        cause="error: unneeded `return` statement (src/lib.rs:12)",
        files=("src/lib.rs:12",),
    ),
    "rustfmt": Reading(
        command="cargo fmt --check",
        log="Diff in \x1b(B\x1b[m/home/runner/work/shop/shop/src/lib.rs:3:\n pub mod price;\n-fn a() {"
        " }\n+fn a() {}\n",
        category=Category.FORMAT,
        tool="rustfmt",
        cause="src/lib.rs:3: rustfmt would format it otherwise",
        files=("src/lib.rs:3",),
    ),
    "doc test": Reading(
        command="cargo test --doc",
        log=(
            "test src/lib.rs - double (line 6) ... FAILED\n\nfailures:\n\n---- src/lib.rs - double (line"
            " 6) stdout ----\n"
            "Test executable failed (exit status: 101).\n\nstderr:\n\nthread 'main' (164) panicked at"
            " src/lib.rs:5:1:\n"
            "assertion `left == right` failed\n  left: 4\n right: 5\n\ntest result: FAILED. 0 passed; 1"
            " failed\n"
        ),
        category=Category.TEST,
        tool="cargo test",
        cause="assertion `left == right` failed left: 4 right: 5 (src/lib.rs:5)",
        tests=("src/lib.rs - double (line 6)",),
        files=("src/lib.rs:5",),
    ),
    "build script": Reading(
        command="cargo build",
        log=(
            "error: failed to run custom build command for `shop v0.1.0"
            " (/home/runner/work/shop/shop)`\n\nCaused by:\n"
            "  process didn't exit successfully: `target/debug/build/shop-d0b4/build-script-build` (exit"
            " status: 101)\n"
            "  --- stderr\n  thread 'main' panicked at build.rs:1:59:\n  libfoo not found: install"
            " libfoo-dev\n"
        ),
        category=Category.BUILD,
        tool="cargo",
        cause=(
            "error: failed to run custom build command for `shop v0.1.0`:"
            " libfoo not found: install libfoo-dev (build.rs:1)"
        ),
        files=("build.rs:1",),
    ),
    "cargo's network": Reading(
        command="cargo build",
        log=(
            "warning: spurious network error (1 try remaining): [6] Could not resolve hostname"
            " (index.crates.invalid)\n"
            "error: failed to get `serde` as a dependency of package `shop v0.1.0`\n\nCaused by:\n"
            "  [6] Could not resolve hostname (Could not resolve host: index.crates.invalid)\n"
        ),
        category=Category.INFRASTRUCTURE,
        tool="cargo",
        cause="[6] Could not resolve hostname (Could not resolve host: index.crates.invalid)",
    ),
    "javac": Reading(
        command="javac Price.java",
        log=(
            "src/Price.java:9: error: cannot find symbol\n        return s.trimm();\n                ^\n"
            "  symbol:   method trimm()\n  location: variable s of type String\n1 error\n"
        ),
        category=Category.BUILD,
        tool="javac",
        cause="src/Price.java:9: error: cannot find symbol: method trimm()",
        files=("src/Price.java:9",),
    ),
    "maven's JUnit 4": Reading(
        command="mvn -B test",
        log=(
            "[ERROR] adds(com.acme.PriceTest)  Time elapsed: 0.01 s  <<< FAILURE!\n"
            "java.lang.AssertionError: expected:<121> but was:<120>\n"
            "\tat org.junit.Assert.fail(Assert.java:89)\n\tat com.acme.PriceTest.adds(PriceTest.java:10)\n\n"
            "[ERROR] Failures: \n[ERROR]   PriceTest.adds:10 expected:<121> but was:<120>\n"
            "[ERROR] Tests run: 7, Failures: 1, Errors: 0, Skipped: 0\n"
        ),
        category=Category.TEST,
        tool="maven",
        cause="PriceTest.adds:10 expected:<121> but was:<120>",
        tests=("com.acme.PriceTest.adds",),
        files=("PriceTest.java:10",),
    ),
    "maven's own file": Reading(
        command="mvn -B test",
        log=(
            "[ERROR] [ERROR] Some problems were encountered while processing the POMs:\n"
            "[FATAL] Non-parseable POM /builds/acme/shop/pom.xml: Unrecognised tag: 'build' @ line 6,"
            " column 8\n @ \n"
            "[ERROR] The build could not read 1 project -> [Help 1]\n"
        ),
        category=Category.CONFIG,
        tool="maven",
        cause="[FATAL] Non-parseable POM pom.xml: Unrecognised tag: 'build' @ line 6, column 8",
        files=("pom.xml:0",),
    ),
    "maven's Java": Reading(
        command="mvn -B verify",
        log=(
            "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.11.0:compile"
            " (default-compile) on project shop: Fatal error compiling: error: release version 21 not"
            " supported"
            " -> [Help 1]\n[ERROR] \n[ERROR] To see the full stack trace of the errors, re-run Maven with"
            " the -e switch.\n"
        ),
        category=Category.CONFIG,
        tool="maven",
        cause="Fatal error compiling: error: release version 21 not supported",
    ),
    "gradle's dependencies": Reading(
        command="./gradlew build",
        log=(
            "FAILURE: Build failed with an exception.\n\n* What went wrong:\nExecution failed for task"
            " ':compileJava'.\n"
            "> Could not resolve all files for configuration ':compileClasspath'.\n"
            "   > Could not find com.acme:internal:1.2.3.\n     Searched in the following locations:\n"
        ),
        category=Category.DEPENDENCY,
        tool="gradle",
        cause="Could not find com.acme:internal:1.2.3.",
    ),
    "detekt": Reading(
        command="./gradlew detekt",
        log="/builds/acme/shop/src/Price.kt:12:9: The function total is too long (80). [LongMethod]\n",
        category=Category.LINT,
        tool="detekt",
        cause="src/Price.kt:12:9: The function total is too long (80). [LongMethod]",
        files=("src/Price.kt:12",),
    ),
    "googletest's parameters": Reading(
        command="./price_test",
        log=(
            "[ RUN      ] All/P.Positive/1\n/builds/acme/shop/price_test.cpp:10: Failure\n"
            "Expected: (GetParam()) > (0), actual: -1 vs 0\n\n"
            "[  FAILED  ] All/P.Positive/1, where GetParam() = -1 (0 ms)\n"
        ),
        category=Category.TEST,
        tool="googletest",
        cause="All/P.Positive/1: Expected: (GetParam()) > (0), actual: -1 vs 0 (price_test.cpp:10)",
        tests=("All/P.Positive/1",),
        files=("price_test.cpp:10",),
    ),
    "rspec": Reading(
        command="bundle exec rspec",
        log=(
            "Failures:\n\n  1) Price names takes nil\n     Failure/Error: s.strip\n\n     NoMethodError:\n"
            "       undefined method `strip' for nil:NilClass\n     # ./lib/price.rb:4:in `name'\n\n"
            "3 examples, 1 failure\n\nrspec ./spec/price_spec.rb:11 # Price names takes nil\n"
        ),
        category=Category.TEST,
        tool="rspec",
        cause="Price names takes nil: NoMethodError: undefined method `strip' for nil:NilClass"
        " (lib/price.rb:4)",
        tests=("./spec/price_spec.rb:11 # Price names takes nil",),
        files=("lib/price.rb:4", "spec/price_spec.rb:11"),
    ),
    "phpunit --testdox": Reading(
        command="phpunit --testdox",
        log="Price\n ✘ Sums\n   ┐\n   ├ Failed asserting that 120 is identical to 121.\n   │\n   ╵"
        " /builds/acme/shop/tests/PriceTest.php:7\n   ┴\n\nFAILURES!\n",
        category=Category.TEST,
        tool="phpunit",
        cause="Sums: Failed asserting that 120 is identical to 121. (tests/PriceTest.php:7)",
        tests=("Sums",),
        files=("tests/PriceTest.php:7",),
    ),
    "pest": Reading(
        command="vendor/bin/pest",
        log="   FAILED  Tests\\Unit\\PriceTest > it sums\n  Failed asserting that 120 is identical to"
        " 121.\n\n  at tests/Unit/PriceTest.php:6\n\n  Tests:    1 failed, 1 passed\n",
        category=Category.TEST,
        tool="pest",
        cause="Tests\\Unit\\PriceTest > it sums: Failed asserting that 120 is identical to 121."
        " (tests/Unit/PriceTest.php:6)",
        tests=("Tests\\Unit\\PriceTest > it sums",),
        files=("tests/Unit/PriceTest.php:6",),
    ),
    "phpcs": Reading(
        command="vendor/bin/phpcs",
        log="FILE: /builds/acme/shop/src/Price.php\n--------\nFOUND 1 ERROR AFFECTING 1 LINE\n--------\n"
        " 3 | ERROR | [x] There must be one blank line\n--------\n",
        category=Category.LINT,
        tool="phpcs",
        cause="src/Price.php:3: There must be one blank line",
        files=("src/Price.php:3",),
    ),
    "composer.json": Reading(
        command="composer install",
        log='\nIn JsonFile.php line 347:\n\n  "./composer.json" does not contain valid JSON\n  Error\n\n',
        category=Category.CONFIG,
        tool="composer",
        cause='"./composer.json" does not contain valid JSON',
        files=("composer.json:0", "JsonFile.php:347"),
    ),
    "a theory of xUnit": Reading(
        command="dotnet test",
        log=(
            "  Failed Shop.PriceTests.Sums(a: 100, b: 20) [7 ms]\n  Error Message:\n"
            "   Assert.Equal() Failure: Values differ\nExpected: 121\nActual:   120\n  Stack Trace:\n"
            "     at Shop.PriceTests.Sums(Int32 a, Int32 b) in /builds/acme/shop/test/PriceTests.cs:line"
            " 14\n\n"
            "Failed!  - Failed:     1, Passed:    31, Skipped:     0, Total:    32\n"
        ),
        category=Category.TEST,
        tool="dotnet test",
        cause=(
            "Shop.PriceTests.Sums(a: 100, b: 20): Assert.Equal() Failure: Values differ Expected: 121"
            " Actual: 120"
            " (test/PriceTests.cs:14)"
        ),
        tests=("Shop.PriceTests.Sums(a: 100, b: 20)",),
        files=("test/PriceTests.cs:14",),
    ),
    "bash": Reading(
        command="./deploy.sh",
        log="building\n./deploy.sh: line 8: terrafrom: command not found\n",
        category=Category.CONFIG,
        tool="shell",
        cause="./deploy.sh: line 8: terrafrom: command not found",
        files=("deploy.sh:8",),
    ),
    "shellcheck": Reading(
        command="shellcheck a.sh",
        log="\nIn a.sh line 4:\nfor f in $(ls *.txt); do\n         ^---------^ SC2045 (error): Iterating"
        " over ls output is fragile. Use globs.\n\n",
        category=Category.LINT,
        tool="shellcheck",
        cause="In a.sh line 4: SC2045 (error): Iterating over ls output is fragile. Use globs.",
        files=("a.sh:4",),
    ),
    "a command of Docker's first builder": Reading(
        command="docker build .",
        log=(
            "Step 4/5 : RUN pyton setup.py\n ---> Running in 60534075f244\n\x1b[91m/bin/sh: 1: pyton: not"
            " found\n\x1b[0m"
            "The command '/bin/sh -c pyton setup.py' returned a non-zero code: 127\n"
        ),
        category=Category.CONFIG,
        tool="shell",
        cause="/bin/sh: 1: pyton: not found",
    ),
    "hadolint": Reading(
        command="hadolint Dockerfile",
        log="Dockerfile:3 DL3008 warning: Pin versions in apt get install.\n",
        category=Category.LINT,
        tool="hadolint",
        cause="Dockerfile:3 DL3008 warning: Pin versions in apt get install.",
        files=("Dockerfile:3",),
    ),
    "golangci's neighbours": Reading(
        command="staticcheck ./...",
        log="price/price.go:12:2: this value of err is never used (SA4006)\n",
        category=Category.LINT,
        tool="staticcheck",
        cause="price/price.go:12:2: this value of err is never used (SA4006)",
        files=("price/price.go:12",),
    ),
    "govulncheck": Reading(
        command="govulncheck ./...",
        log=(
            "Vulnerability #1: GO-2024-2687\n    HTTP/2 CONTINUATION flood in net/http\n"
            "    Fixed in: net/http@go1.22.2\n\nYour code is affected by 1 vulnerability from the Go"
            " standard library.\n"
        ),
        category=Category.DEPENDENCY,
        tool="govulncheck",
        cause="Vulnerability #1: GO-2024-2687: HTTP/2 CONTINUATION flood in net/http",
    ),
    "ginkgo": Reading(
        command="ginkgo -r",
        log=(
            "------------------------------\n• [FAILED] [0.002 seconds]\nPrice [It]"
            " sums\n/builds/acme/shop/price_test.go:14\n\n"
            "  [FAILED] Expected\n      <int>: 120\n  to equal\n      <int>: 121\n"
            "  In [It] at: /builds/acme/shop/price_test.go:16 @ 01/01/26"
            " 10:00:00.1\n------------------------------\n"
            "Summarizing 1 Failure:\n  [FAIL] Price [It] sums\n  /builds/acme/shop/price_test.go:16\n"
        ),
        category=Category.TEST,
        tool="ginkgo",
        cause=(
            "[FAILED] Expected <int>: 120 to equal <int>: 121"
            " In [It] at: price_test.go:16 @ 01/01/26 10:00:00.1"
        ),
        tests=("Price [It] sums",),
        files=("price_test.go:16",),
    ),
    "rustc's linker": Reading(
        command="cargo build",
        log=(
            'error: linking with `cc` failed: exit status: 1\n  |\n  = note: "cc" "-m64"\n'
            "  = note: /usr/bin/ld: cannot find -lssl: No such file or directory\n\n"
            "error: could not compile `shop` (bin) due to 1 previous error\n"
        ),
        category=Category.BUILD,
        tool="cargo",
        cause=(
            "error: linking with `cc` failed: exit status: 1:"
            " = note: /usr/bin/ld: cannot find -lssl: No such file or directory"
        ),
    ),
    "meson's tests": Reading(
        command="meson test -C build",
        log=(
            " 1/2 price            OK              0.02s\n 2/2 cart             FAIL            0.01s  "
            " exit status 1\n\n"
            "Ok:                 1   \nExpected Fail:      0   \nFail:               1   \n"
        ),
        category=Category.TEST,
        tool="meson",
        cause="2/2 cart FAIL 0.01s exit status 1",
        tests=("cart",),
    ),
    "bats": Reading(
        command="bats test",
        log=(
            "1..2\nok 1 starts\nnot ok 2 deploys\n# (in test file test/deploy.bats, line 12)\n"
            "#   `[ $status -eq 0 ]' failed\n"
        ),
        category=Category.TEST,
        tool="bats",
        cause="(in test file test/deploy.bats, line 12): # `[ $status -eq 0 ]' failed",
        tests=("deploys",),
        files=("test/deploy.bats:12",),
    ),
    "scalatest": Reading(
        command="sbt test",
        log=(
            "[info] PriceSpec:\n[info] - sums items *** FAILED ***\n[info]   120 did not equal 121"
            " (PriceSpec.scala:9)\n"
            "[info] - trims\n[error] Failed tests:\n[error] \tcom.acme.PriceSpec\n"
        ),
        category=Category.TEST,
        tool="scalatest",
        cause="sums items: 120 did not equal 121 (PriceSpec.scala:9)",
        tests=("sums items",),
        files=("PriceSpec.scala:9",),
    ),
    "gradle's script": Reading(
        command="./gradlew build",
        log=(
            "* What went wrong:\nA problem occurred evaluating root project 'shop'.\n"
            "> Could not find method implementatoin() for arguments [com.acme:lib:1.0].\n\n* Try:\n"
        ),
        category=Category.CONFIG,
        tool="gradle",
        cause="Could not find method implementatoin() for arguments [com.acme:lib:1.0].",
    ),
    "maven's repository": Reading(
        command="mvn -B verify",
        log=(
            "[ERROR] Failed to execute goal on project shop: Could not resolve dependencies for project"
            " com.acme:shop:jar:1.0: Could not transfer artifact com.acme:lib:pom:2.0 from/to nexus"
            " (https://nexus.invalid): status: 502 Bad Gateway -> [Help 1]\n"
        ),
        category=Category.INFRASTRUCTURE,
        tool="maven",
        cause=(
            "Could not resolve dependencies for project com.acme:shop:jar:1.0: Could not transfer artifact"
            " com.acme:lib:pom:2.0 from/to nexus (https://nexus.invalid): status: 502 Bad Gateway"
        ),
    ),
    "maven's enforcer": Reading(
        command="mvn -B verify",
        log=(
            "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-enforcer-plugin:3.4.1:enforce"
            " (e) on project shop: \n"
            "[ERROR] Rule 0: org.apache.maven.RequireJavaVersion failed with message:\n"
            "[ERROR] Detected JDK version 11.0.2 is not in the allowed range [17,).\n[ERROR] -> [Help 1]\n"
        ),
        category=Category.CONFIG,
        tool="maven",
        cause=(
            "Rule 0: org.apache.maven.RequireJavaVersion failed with message:"
            " Detected JDK version 11.0.2 is not in the allowed range [17,)."
        ),
    ),
    "Windows": Reading(
        command="msbuild Shop.sln",
        log="D:\\a\\shop\\shop\\src\\Price.cpp(12,5): error C2065: 'x': undeclared identifier\n",
        category=Category.BUILD,
        tool="msbuild",
        cause="src\\Price.cpp(12,5): error C2065: 'x': undeclared identifier",
        files=("src/Price.cpp:12",),
    ),
    "LFS": Reading(
        command="git lfs pull",
        log=(
            "batch response: This repository is over its data quota.\n"
            "error: failed to fetch some objects from 'https://git.invalid/acme/shop.git/info/lfs'\n"
        ),
        category=Category.RESOURCE,
        tool="git lfs",
        cause="batch response: This repository is over its data quota.",
    ),
    "a cancelled job": Reading(
        command="make test",
        log="running tests\ntest 1 ok\n##[error]The operation was canceled.\n",
        category=Category.INFRASTRUCTURE,
        tool="",
        cause="The operation was canceled.",
    ),
    "a version that is not there": Reading(
        command="actions/setup-java@v4",
        log="##[error]Could not find satisfied version for SemVer '99'.\nAvailable versions: 23.0.1,"
        " 22.0.2\n",
        category=Category.CONFIG,
        tool="",
        cause="Could not find satisfied version for SemVer '99'.",
    ),
    "Spring": Reading(
        command="mvn -B test",
        log=(
            "[ERROR] com.acme.AppTests.loads -- Time elapsed: 0.003 s <<< ERROR!\n"
            "java.lang.IllegalStateException: Failed to load ApplicationContext for [Context@1b11]\n"
            "\tat org.springframework.test.Loader.loadContext(Loader.java:180)\n"
            "Caused by: org.springframework.beans.UnsatisfiedDependencyException: Error creating bean"
            " 'price'\n"
            "\tat org.springframework.beans.Resolver.create(Resolver.java:798)\n\t... 12 more\n"
            "Caused by: org.springframework.beans.NoSuchBeanException: No bean of type 'com.acme.Prices'\n"
            "\tat org.springframework.beans.Factory.raise(Factory.java:1880)\n\n"
            "[ERROR] Tests run: 1, Failures: 0, Errors: 1, Skipped: 0\n"
        ),
        category=Category.TEST,
        tool="maven",
        cause=(
            "com.acme.AppTests.loads: java.lang.IllegalStateException: Failed to load ApplicationContext for"
            " [Context@1b11] Caused by: org.springframework.beans.NoSuchBeanException:"
            " No bean of type 'com.acme.Prices'"
        ),
        tests=("com.acme.AppTests.loads",),
    ),
    "gradle's checkstyle": Reading(
        command="./gradlew check",
        log=(
            "> Task :checkstyleMain FAILED\n"
            "[ant:checkstyle] [ERROR] /builds/acme/shop/src/Price.java:7:5: No Javadoc."
            " [MissingDoc]\n\n"
            "FAILURE: Build failed with an exception.\n\n* What went wrong:\n"
            "Execution failed for task ':checkstyleMain'.\n> Checkstyle rule violations were found.\n"
        ),
        category=Category.LINT,
        tool="checkstyle",
        cause="src/Price.java:7:5: No Javadoc. [MissingDoc]",
        files=("src/Price.java:7",),
    ),
    "a JDK that is too new": Reading(
        command="./gradlew build",
        log="* What went wrong:\n> BUG! exception in phase 'x' Unsupported class file major version 65\n",
        category=Category.CONFIG,
        tool="java",
        cause="BUG! exception in phase 'x' Unsupported class file major version 65",
    ),
    "doctest": Reading(
        command="./tests",
        log=(
            "/builds/acme/shop/t.cpp:5:\nTEST CASE:  sums\n\n"
            "/builds/acme/shop/t.cpp:6: ERROR: CHECK( total(100, 20) == 121 ) is NOT correct!\n"
            "  values: CHECK( 120 == 121 )\n"
        ),
        category=Category.TEST,
        tool="doctest",
        cause="t.cpp:6: ERROR: CHECK( total(100, 20) == 121 ) is NOT correct!",
        tests=("sums",),
        files=("t.cpp:6",),
    ),
    "boost.test": Reading(
        command="./tests",
        log='/builds/acme/shop/t.cpp(12): error: in "price/sums": check a == 1 has failed [0 != 1]\n',
        category=Category.TEST,
        tool="boost.test",
        cause='t.cpp(12): error: in "price/sums": check a == 1 has failed [0 != 1]',
        tests=("price/sums",),
        files=("t.cpp:12",),
    ),
    "swift testing": Reading(
        command="swift test",
        log=(
            "✘ Test sums() recorded an issue at PriceTests.swift:9:5: Expectation failed: (120) == 121\n"
            "✘ Test sums() failed after 0.001 seconds with 1 issue.\n"
        ),
        category=Category.TEST,
        tool="swift testing",
        cause="✘ Test sums() recorded an issue at PriceTests.swift:9:5: Expectation failed: (120) == 121",
        tests=("sums()",),
        files=("PriceTests.swift:9",),
    ),
    "dart test": Reading(
        command="dart test",
        log=(
            "00:00 +1 -1: test/price_test.dart: sums [E]\n  Expected: <121>\n    Actual: <120>\n"
            "  test/price_test.dart 9:5  main.<fn>\n00:01 +1 -1: Some tests failed.\n"
        ),
        category=Category.TEST,
        tool="dart test",
        cause="sums: Expected: <121> Actual: <120> (test/price_test.dart:9)",
        tests=("sums",),
    ),
    "a lock file of bundler": Reading(
        command="bundle install",
        log=(
            "The dependencies in your gemfile changed, but the lockfile can't be updated because frozen"
            " mode is set\n\n"
            "You have added to the Gemfile:\n* rack-test\n"
        ),
        category=Category.DEPENDENCY,
        tool="bundler",
        cause=(
            "The dependencies in your gemfile changed, but the lockfile can't be updated because frozen"
            " mode is"
            " set: rack-test"
        ),
    ),
    "a Jenkinsfile": Reading(
        command="x",
        log=(
            "groovy.lang.MissingPropertyException: No such property: vrsion for class: groovy.lang.Binding\n"
            "\tat groovy.lang.Binding.getVariable(Binding.java:63)\n\tat"
            " WorkflowScript.run(WorkflowScript:14)\n"
        ),
        category=Category.CONFIG,
        tool="jenkins",
        cause="groovy.lang.MissingPropertyException: No such property: vrsion for class: groovy.lang.Binding",
    ),
    "nothing": Reading(
        command="wget -q https://files.invalid/x",
        log="\n",
        category=Category.UNKNOWN,
        tool="",
        cause="wget -q https://files.invalid/x: Process completed with exit code 1.",
    ),
}


def github(reading: Reading) -> bytes:
    lines = [f"##[group]Run {reading.command}", "shell: /usr/bin/bash -e {0}", "##[endgroup]"]
    lines += [*reading.log.splitlines(), "##[error]Process completed with exit code 1.", "Post job cleanup."]
    return "".join(
        f"2026-03-01T10:00:{n % 60:02d}.1234567Z {line}\n" for n, line in enumerate(lines)
    ).encode()


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
def test_the_card_says_what_an_expert_would(reading: Reading) -> None:
    failure = distil([github(reading)])

    assert (failure.category, failure.tool, failure.cause) == (reading.category, reading.tool, reading.cause)
    assert failure.tests == reading.tests
    assert set(reading.files) <= {f"{file.path}:{file.line}" for file in failure.files}


def test_of_errors_of_one_kind_the_first_is_the_cause_wherever_the_log_ends() -> None:
    errors = "src/a.c:1:1: error: 'x' undeclared\nsrc/b.c:9:9: error: expected ';'\n"
    for tail in ("", "make: *** [Makefile:3: all] Error 1\n" * 9):
        assert distil([(errors + tail).encode()]).cause == "src/a.c:1:1: error: 'x' undeclared"


def test_the_folder_of_the_checkout_is_no_part_of_the_fingerprint() -> None:
    log = "error: failed to run custom build command for `shop v0.1.0 ({})`\n"

    one = distil([log.format("/home/runner/work/shop/shop").encode()])
    two = distil([log.format("/builds/acme/shop").encode()])

    assert one.fingerprint == two.fingerprint


def test_gitlab_keeps_the_indentation_of_a_line() -> None:
    log = "".join(f"2026-03-02T11:00:{n:02d}.123456Z 00O   indented {n}: error\n" for n in range(9))

    assert "\n  indented 3: error\n" in distil([log.encode()]).text


def test_what_passing_tests_printed_is_neither_shown_nor_evidence_however_it_reads() -> None:
    passing = "".join(
        f"=== RUN   TestOk{n}\n    ok_test.go:{n}: error: connection refused\n--- PASS: TestOk{n} (0.00s)\n"
        for n in range(400)
    )
    failing = "=== RUN   TestTotal\n    price_test.go:33: got 2, want 3\n--- FAIL: TestTotal (0.00s)\n"

    failure = distil([(passing + failing + passing).encode()])

    assert failure.category is Category.TEST
    assert failure.tests == ("TestTotal",)
    assert [f"{file.path}:{file.line}" for file in failure.files] == ["price_test.go:33"]
    assert failure.text.count("connection refused") < 30


def test_a_test_that_passed_beside_one_that_failed_does_not_hide_it() -> None:
    log = (
        "=== RUN   TestA\n=== PAUSE TestA\n=== RUN   TestB\n=== PAUSE TestB\n=== CONT  TestA\n"
        "    a_test.go:7: got 2, want 3\n=== CONT  TestB\n    b_test.go:9: looked up\n"
        "--- PASS: TestB (0.00s)\n--- FAIL: TestA (0.00s)\nFAIL\n"
    )

    failure = distil([log.encode()], max_bytes=200)

    assert failure.cause == "TestA: a_test.go:7: got 2, want 3"
    assert "a_test.go:7: got 2, want 3" in failure.text


@pytest.mark.parametrize(
    "log",
    [
        "src/Price.java:9: error: cannot find symbol\n    x\n    ^\n  symbol:   method {}()\n1 error\n",
        (
            "java.lang.IllegalStateException: Failed to load [Context@1b{}]\n\tat a.B.c(B.java:1)\nCaused by:"
            " a.Missing: {}\n"
        ),
    ],
    ids=["symbol", "chain"],
)
def test_what_stands_below_tells_failures_apart(log: str) -> None:
    one, two = (distil([log.replace("{}", name).encode()]) for name in ("trim", "total"))

    assert one.fingerprint != two.fingerprint


def test_an_address_of_an_object_does_not() -> None:
    log = "java.lang.IllegalStateException: Failed to load [Context@{}]\n\tat a.B.c(B.java:1)\n"
    one, two = (distil([log.format(address).encode()]) for address in ("1b11", "6d06d69c"))

    assert one.fingerprint == two.fingerprint


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        (
            "rootdir: /src\ncollected 0 items\n\n============ no tests ran in 0.01s ============\n",
            "pytest found no tests to run (collected 0 items)",
        ),
        (
            "-----------------------------------\nRan 0 tests in 0.000s\n\nNO TESTS RAN\n",
            "unittest found no tests to run (NO TESTS RAN)",
        ),
    ],
)
def test_a_runner_without_tests_is_said_to_have_found_none(log, cause):
    assert distil([log.encode()]).cause == cause
