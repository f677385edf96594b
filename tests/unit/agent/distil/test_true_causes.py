"""What a log holds beside the cause, and what came of it, is not taken for the cause."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.distil import distil
from agent.distil.diffs import differences
from agent.distil.lines import Line
from patchpilot.failures import Category, DistilledFailure


def _read(text: str) -> DistilledFailure:
    return distil([text.encode()])


def _formatted_otherwise(command: str, path: str = "shop/db.py") -> str:
    return f"""\
##[group]Run {command}
##[endgroup]
--- {path}
+++ {path}
@@ -7,3 +7,3 @@
 def connect():
-    raise ConnectionRefusedError(111,"Connection refused")
+    raise ConnectionRefusedError(111, "Connection refused")
     # FATAL: out of memory

1 file would be reformatted
##[error]Process completed with exit code 1.
"""


def test_the_text_of_a_difference_is_no_message_of_an_error() -> None:
    failure = _read(_formatted_otherwise("ruff format --check --diff ."))

    assert (failure.category, failure.tool) == (Category.FORMAT, "ruff")
    assert failure.cause == "shop/db.py: ruff would format it otherwise"
    assert [place.path for place in failure.files] == ["shop/db.py"]


def test_differences_of_other_files_are_other_failures() -> None:
    here, there = (_formatted_otherwise("yapf --diff -r .", path) for path in ("shop/db.py", "shop/web.py"))

    assert _read(here).tool == "yapf"
    assert _read(here).fingerprint != _read(there).fingerprint


def _stale(path: str) -> str:
    return f"""\
$ git diff --exit-code
diff --git a/{path} b/{path}
index 3f2a9c1..b7e10aa 100644
--- a/{path}
+++ b/{path}
@@ -4 +4 @@ paths:
-  message: Killed
+  message: "OSError: No space left on device"
The client is stale: run make client.
ERROR: Job failed: exit code 1
"""


def test_what_git_shows_of_a_file_does_not_decide_the_category() -> None:
    failure = _read(_stale("api/client.yaml"))

    assert (failure.category, failure.tool) == (Category.LINT, "git")
    assert [place.path for place in failure.files] == ["api/client.yaml"]
    assert not failure.cause.endswith("make client.")
    assert failure.fingerprint != _read(_stale("api/server.yaml")).fingerprint


def test_a_difference_ends_where_its_head_says() -> None:
    log = _stale("api/client.yaml").replace(
        "The client is stale: run make client.", "+ pytest\nE   KeyError: 'sku'"
    )

    assert "E   KeyError: 'sku'" in [line.text for line in _read(log).evidence]


def _chained(sentence: str, last: str, *, first: str = "KeyError: 'DATABASE_URL'") -> str:
    return f"""\
$ python manage.py migrate
Traceback (most recent call last):
  File "shop/settings.py", line 9, in load
    return env["DATABASE_URL"]
{first}

{sentence}

Traceback (most recent call last):
  File "manage.py", line 5, in <module>
    load()
{last}
ERROR: Job failed: exit code 1
"""


DIRECT = "The above exception was the direct cause of the following exception:"
HANDLED = "During handling of the above exception, another exception occurred:"


def test_of_chained_exceptions_the_last_is_told_with_the_first_as_its_reason() -> None:
    failure = _read(_chained(DIRECT, "shop.SetupError: no database"))

    assert failure.cause == "shop.SetupError: no database Caused by: KeyError: 'DATABASE_URL'"


def test_what_was_being_handled_is_not_called_the_cause() -> None:
    failure = _read(_chained(HANDLED, "OSError: settings.ini is not readable"))

    assert failure.cause == "OSError: settings.ini is not readable While handling: KeyError: 'DATABASE_URL'"


def test_another_exception_at_either_end_of_a_chain_is_another_failure() -> None:
    logs = (
        _chained(DIRECT, "RuntimeError: no database"),
        _chained(DIRECT, "RuntimeError: no cache"),
        _chained(DIRECT, "RuntimeError: no database", first="KeyError: 'CACHE_URL'"),
    )

    assert len({_read(log).fingerprint for log in logs}) == len(logs)


def test_an_exception_is_told_by_its_place_not_by_the_look_of_a_line() -> None:
    missing = "DATABASE_URL\n  Field required [type=missing]"
    settings = f"pydantic_core.ValidationError: 1 validation error for Settings\n{missing}"
    known = _read(_chained(DIRECT, "shop.ConfigError: settings are incomplete", first=settings))
    small = _read(_chained(HANDLED, "socket.timeout: timed out\nretry\nPermissionError: [Errno 13] /data"))
    logged = _read(_chained(HANDLED, "INFO: another thread goes on"))

    assert known.cause.endswith(
        "incomplete Caused by: pydantic_core.ValidationError: 1 validation error for Settings"
    )
    assert small.cause == "socket.timeout: timed out While handling: KeyError: 'DATABASE_URL'"
    assert "While handling" not in logged.cause


def test_a_chain_ends_with_its_test() -> None:
    log = f"""\
$ pytest
_______ test_a _______
E           KeyError: 'a'

{HANDLED}

E       assert 1 == 3
_______ test_b _______
E       OSError: disk full
ERROR: Job failed: exit code 1
"""
    within = log.replace("E       assert 1 == 3", "E           shop.SetupError: no table")

    assert "While handling" not in _read(log).cause
    assert "shop.SetupError: no table While handling: KeyError: 'a'" in _read(within).cause


def test_the_whole_of_a_longer_chain_is_one_failure() -> None:
    log = _chained(
        DIRECT, f"ValueError: bad\n\n{HANDLED}\n\nTraceback (most recent call last):\nRuntimeError: worse"
    )

    assert _read(log).cause == "RuntimeError: worse While handling: KeyError: 'DATABASE_URL'"


JEST_FAILS = """\
FAIL src/cart.test.js
  ● cart › adds tax

    expect(received).toBe(expected)

    Expected: 12
    Received: 10

      at Object.toBe (src/cart.test.js:7:19)
Tests:       1 failed, 4 passed, 5 total"""


def _behind(prefix: str, text: str) -> str:
    return "".join(f"{prefix}{line}\n" for line in text.splitlines())


BRAIDED = {
    "pnpm, the beginning of one package lost": (
        "$ pnpm -r test\n"
        "packages/web test$ vitest run\n"
        + _behind("packages/api test: ", JEST_FAILS)
        + "packages/web test: Error: Uncaught [Error: boom (as expected)]\n"
        "packages/web test:  Test Files  16 passed (16)\n"
        "packages/api test: Failed\n"
        " ERR_PNPM_RECURSIVE_RUN_FIRST_FAIL  @acme/api@1.0.0 test: `jest`\n"
    ),
    "turbo": (
        "$ turbo run test\n"
        "web:test: > vitest run\n"
        + _behind("api:test: ", JEST_FAILS)
        + "web:test:  Test Files  16 passed (16)\nERROR  api#test: command exited (1)\n"
    ),
    "docker compose": (
        "$ docker compose up\n"
        "web-1  | listening on 8080\n" + _behind("api-1  | ", JEST_FAILS) + "api-1 exited with code 1\n"
    ),
    "nx": (
        "$ npx nx affected -t test\n"
        "✔  nx run core:test (4s)\n"
        "✖  nx run api:test\n"
        "   > nx run api:test\n" + _behind("   ", JEST_FAILS) + "✔  nx run ui:test (11s)\n"
        "✖  1/3 targets failed, including the following:\n- nx run api:test\n"
    ),
}


@pytest.mark.parametrize("runner", BRAIDED)
def test_a_test_is_read_behind_what_a_runner_of_several_puts_before_its_lines(runner: str) -> None:
    failure = _read(f"{BRAIDED[runner]}ERROR: Job failed: exit code 1\n")

    assert (failure.category, failure.tool, failure.tests) == (Category.TEST, "jest", ("cart › adds tax",))
    assert failure.cause.startswith("cart › adds tax: expect(received).toBe(expected) Expected: 12")


def test_jest_names_a_project_before_the_file() -> None:
    failure = _read("$ npx jest\nFAIL api libs/api/src/auth.spec.ts\nERROR: Job failed: exit code 1\n")

    assert (failure.category, failure.tool) == (Category.TEST, "jest")


@dataclass(frozen=True, kw_only=True)
class Reading:
    command: str
    log: str
    category: Category
    tool: str
    cause: str


READINGS = {
    "ansible goes on after what it was told to ignore": Reading(
        command="ansible-playbook site.yml",
        log="""\
TASK [stop the old service] ****
fatal: [db1]: FAILED! => {"msg": "service not found"}
...ignoring

TASK [copy the key] ****
fatal: [db1]: FAILED! => {"msg": "no file key.pem"}
""",
        category=Category.CONFIG,
        tool="ansible",
        cause='fatal: [db1]: FAILED! => {"msg": "no file key.pem"}',
    ),
    "bazel passes on what the compiler says": Reading(
        command="bazel build //...",
        log="""\
ERROR: /src/app/BUILD:3:8: Compiling app/main.cc failed: (Exit 1): gcc failed: error executing command gcc -c
app/main.cc:4:3: error: 'Start' was not declared in this scope
FAILED: Build did NOT complete successfully
""",
        category=Category.BUILD,
        tool="gcc",
        cause="app/main.cc:4:3: error: 'Start' was not declared in this scope",
    ),
    "scalac says below what it found": Reading(
        command="sbt compile",
        log="""\
[error] src/main/scala/Shop.scala:8:5: type mismatch;
[error]  found   : Double
[error]  required: Long
[error] one error found
""",
        category=Category.BUILD,
        tool="sbt",
        cause="src/main/scala/Shop.scala:8:5: type mismatch; found : Double required: Long",
    ),
    "next passes on what the type checker says": Reading(
        command="npm run build",
        log="""\
Failed to compile.

./app/cart.tsx:3:9
Type error: Property 'prise' does not exist on type 'Item'.
""",
        category=Category.TYPE,
        tool="tsc",
        cause="Type error: Property 'prise' does not exist on type 'Item'.",
    ),
    "pre-commit names the hook, the hook the file": Reading(
        command="pre-commit run -a",
        log="""\
fix end of files.........................................................Failed
- hook id: end-of-file-fixer
- exit code: 1
- files were modified by this hook

Fixing docs/index.md

check yaml...............................................................Passed
""",
        category=Category.FORMAT,
        tool="pre-commit",
        cause="end-of-file-fixer: Fixing docs/index.md",
    ),
    "a hook that names no file": Reading(
        command="pre-commit run -a",
        log="""\
gen docs.................................................................Failed
- hook id: gen-docs
- files were modified by this hook
""",
        category=Category.FORMAT,
        tool="pre-commit",
        cause="gen-docs: files were modified by this hook",
    ),
    "mypy that fell over": Reading(
        command="mypy shop",
        log="""\
shop/cart.py:3: error: INTERNAL ERROR -- Please try using mypy master on GitHub:
https://mypy.readthedocs.io/en/stable/common_issues.html
version: 1.11.0
Traceback (most recent call last):
  File "mypy/semanal.py", line 7087, in accept
RecursionError: maximum recursion depth exceeded
shop/cart.py:3: : note: use --pdb to drop into pdb
""",
        category=Category.TYPE,
        tool="mypy",
        cause="shop/cart.py:3: error: INTERNAL ERROR -- Please try using mypy master on GitHub: "
        "RecursionError: maximum recursion depth exceeded",
    ),
    "bundler names the gems": Reading(
        command="bundle install",
        log="""\
Could not find compatible versions

Because rspec-rails >= 7.0 depends on railties >= 7.0
  and Gemfile depends on railties = 6.1, version solving has failed.
""",
        category=Category.DEPENDENCY,
        tool="bundler",
        cause="Could not find compatible versions: Because rspec-rails >= 7.0 depends on railties >= 7.0",
    ),
    "what GitHub's commands escape": Reading(
        command="ruff check --output-format=github",
        log="##[error]shop/tax.py:2:8: F401 `os` imported but unused%0A  help: Remove it (100%25 safe)\n",
        category=Category.LINT,
        tool="ruff",
        cause="shop/tax.py:2:8: F401 `os` imported but unused help: Remove it (100% safe)",
    ),
    "what packages say while they are installed": Reading(
        command="node --version",
        log="""\
invoke-rc.d: policy-rc.d denied execution of start.
node: /lib/x86_64-linux-gnu/libm.so.6: version `GLIBC_2.35' not found (required by node)
""",
        category=Category.CONFIG,
        tool="shell",
        cause="node: /lib/x86_64-linux-gnu/libm.so.6: version `GLIBC_2.35' not found (required by node)",
    ),
    "an index that asks who is there": Reading(
        command="pip install acme-core",
        log="ERROR: HTTP error 403 while getting https://pypi.acme.dev/simple/acme-core/\n",
        category=Category.PERMISSION,
        tool="pip",
        cause="ERROR: HTTP error 403 while getting https://pypi.acme.dev/simple/acme-core/",
    ),
    "a cluster that asks who is there": Reading(
        command="kubectl get pods",
        log="error: You must be logged in to the server (Unauthorized)\n",
        category=Category.PERMISSION,
        tool="kubectl",
        cause="error: You must be logged in to the server (Unauthorized)",
    ),
    "a rollout that took too long": Reading(
        command="kubectl rollout status deploy/web",
        log='error: deployment "web" exceeded its progress deadline\n',
        category=Category.TIMEOUT,
        tool="kubectl",
        cause='error: deployment "web" exceeded its progress deadline',
    ),
    "a release that took too long": Reading(
        command="helm upgrade web ./chart",
        log="Error: INSTALLATION FAILED: timed out waiting for the condition\n",
        category=Category.TIMEOUT,
        tool="helm",
        cause="Error: INSTALLATION FAILED: timed out waiting for the condition",
    ),
    "a token that the registry does not take": Reading(
        command="npx semantic-release",
        log="[9:12:46 AM] [semantic-release] › ✘  EINVALIDNPMTOKEN Invalid npm token.\n",
        category=Category.PERMISSION,
        tool="semantic-release",
        cause="[9:12:46 AM] [semantic-release] › ✘ EINVALIDNPMTOKEN Invalid npm token.",
    ),
    "a module of PowerShell": Reading(
        command="./deploy.ps1",
        log="""\
Import-Module: /work/deploy.ps1:3
Line |
   3 |  Import-Module Acme
     | The specified module 'Acme' was not loaded because no valid module file was found.
""",
        category=Category.CONFIG,
        tool="powershell",
        cause="The specified module 'Acme' was not loaded because no valid module file was found.",
    ),
    "a warning of rustc that clippy was told to deny": Reading(
        command="cargo clippy -- -D warnings",
        log="""\
error: unused import: `std::fs`
 --> src/lib.rs:1:5
  |
1 | use std::fs;
  |     ^^^^^^^
  |
  = note: `-D unused-imports` implied by `-D warnings`

error: could not compile `shop` (lib) due to 1 previous error
""",
        category=Category.LINT,
        tool="clippy",
        cause="error: unused import: `std::fs` (src/lib.rs:1)",
    ),
    "sphinx that takes warnings for errors": Reading(
        command="sphinx-build -W docs out",
        log="""\
docs/index.rst:4: WARNING: toctree contains reference to nonexisting document 'faq' [toc.not_readable]
WARNING: autodoc: failed to import module 'shop'; the following exception was raised:
ModuleNotFoundError: No module named 'shop'
build finished with problems, 2 warnings (with warnings treated as errors).
""",
        category=Category.LINT,
        tool="sphinx",
        cause="docs/index.rst:4: WARNING: toctree contains reference to nonexisting document 'faq' "
        "[toc.not_readable]",
    ),
    "no ninja": Reading(
        command="alembic upgrade head",
        log="FAILED: Multiple head revisions are present for given argument 'head'\n",
        category=Category.CONFIG,
        tool="alembic",
        cause="FAILED: Multiple head revisions are present for given argument 'head'",
    ),
    "swift, not gcc": Reading(
        command="xcodebuild build",
        log="App/Login.swift:7:9: error: cannot find 'sesion' in scope\n** BUILD FAILED **\n",
        category=Category.BUILD,
        tool="swift",
        cause="App/Login.swift:7:9: error: cannot find 'sesion' in scope",
    ),
    "a program that no rule knows, by the command": Reading(
        command="docker push ghcr.io/acme/web",
        log="denied: permission_denied: write_package\n",
        category=Category.PERMISSION,
        tool="docker",
        cause="denied: permission_denied: write_package",
    ),
    "what kind of script npm runs stands above its command": Reading(
        command="npm run build",
        log="""\
> shop@1.0.0 build
> node b.js

TypeError: Cannot read properties of undefined (reading 'split')
    at Object.<anonymous> (/home/ci/b.js:1:33)

Node.js v20.11.0
""",
        category=Category.BUILD,
        tool="node",
        cause="TypeError: Cannot read properties of undefined (reading 'split')",
    ),
}


@pytest.mark.parametrize("name", READINGS)
def test_the_cause_is_what_went_wrong(name: str) -> None:
    reading = READINGS[name]

    failure = _read(f"$ {reading.command}\n{reading.log}ERROR: Job failed: exit code 1\n")

    assert (failure.category, failure.tool, failure.cause) == (reading.category, reading.tool, reading.cause)


def test_what_scalac_found_tells_one_mismatch_from_another() -> None:
    log = "[error] src/Shop.scala:8:5: type mismatch;\n[error]  found   : {}\n"

    assert _read(log.format("Double")).fingerprint != _read(log.format("String")).fingerprint


def test_playwright_without_projects_names_the_test_after_its_place() -> None:
    failure = _read("""\
$ npx playwright test
  1) e2e/cart.spec.ts:4:5 › adds an item ──────────────────────────────

    Error: expect(locator).toBeVisible() failed

  1 failed
    e2e/cart.spec.ts:4:5 › adds an item ───────────────────────────────
ERROR: Job failed: exit code 1
""")

    assert (failure.tool, failure.tests) == ("playwright", ("e2e/cart.spec.ts:4:5 › adds an item",))


def test_cypress_runs_tests_as_mocha_prints_them() -> None:
    failure = _read("""\
$ npx cypress run
  (Run Starting)

  cart
    1) pays

  0 passing (9s)
  1 failing

  1) cart
       pays:
     AssertionError: Timed out retrying after 4000ms: Expected to find element: `#pay`, but never found it.
ERROR: Job failed: exit code 1
""")

    assert (failure.tool, failure.tests) == ("cypress", ("cart pays",))


ATTEMPTS = """\
##[group]Run nick-fields/retry@v3
##[endgroup]
FAILED tests/test_slow.py::test_hang - Failed: Timeout (>1.0s) from pytest-timeout.
1 failed in 1.02s
{retried}
FAILED tests/test_tax.py::test_total - AssertionError: 12 != 10
1 failed in 0.07s
##[error]Final attempt failed. Child_process exited with error code 1
"""


@pytest.mark.parametrize(
    "retried",
    [
        "##[warning]Attempt 1 failed. Reason: Child_process exited with error code 1",
        'The command "pytest" failed. Retrying, 2 of 3.',
    ],
)
def test_the_last_of_several_attempts_counts(retried: str) -> None:
    failure = _read(ATTEMPTS.format(retried=retried))

    assert (failure.category, failure.tests) == (Category.TEST, ("tests/test_tax.py::test_total",))
    assert failure.cause == "tests/test_tax.py::test_total - AssertionError: 12 != 10"


def _hanging(frame: str) -> str:
    return f"""\
$ pytest
tests/test_slow.py +++++++++++++++++ Timeout +++++++++++++++++
~~~~~~~~~~~~ Stack of MainThread (140001) ~~~~~~~~~~~~
  File "/usr/lib/python3.12/site-packages/_pytest/python.py", line 187, in pytest_pyfunc_call
    result = testfunction(**testargs)
{frame}
+++++++++++++++++ Timeout +++++++++++++++++
ERROR: Job failed: exit code 1
"""


def test_the_stack_tells_which_test_ran_out_of_time() -> None:
    failure = _read(_hanging('  File "/builds/acme/shop/tests/test_slow.py", line 3, in test_hang'))

    assert (failure.category, failure.cause) == (Category.TIMEOUT, "tests/test_slow.py::test_hang: timed out")
    assert failure.tests == ("tests/test_slow.py::test_hang",)


def test_a_stack_without_a_test_names_none() -> None:
    assert _read(_hanging('  File "/builds/acme/shop/shop/db.py", line 3, in wait')).tests == ()


def _called(raised: str) -> str:
    return f"""\
$ pytest
=================================== FAILURES ===================================
___________________________________ test_cli ___________________________________
>       subprocess.run(["shop"], check=True)
E       subprocess.CalledProcessError: Command '['shop']' returned non-zero exit status 1.
tests/test_cli.py:5: CalledProcessError
----------------------------- Captured stderr call -----------------------------
Traceback (most recent call last):
  File "shop/cli.py", line 40, in main
{raised}
=========================== short test summary info ============================
FAILED tests/test_cli.py::test_cli - subprocess.CalledProcessError: Command '['s...
ERROR: Job failed: exit code 1
"""


def test_what_a_program_raised_that_a_test_started_is_why_the_test_failed() -> None:
    failure = _read(_called("KeyError: 'out'"))

    assert failure.cause.endswith("returned non-zero exit status 1. Caused by: KeyError: 'out'")
    assert failure.fingerprint != _read(_called("KeyError: 'in'")).fingerprint


def test_a_run_that_only_passed_is_no_failed_test() -> None:
    assert _read("$ pytest\n============ 3 passed in 0.11s ============\n").category is Category.UNKNOWN


def test_a_difference_of_which_only_the_beginning_was_read_ends_there() -> None:
    texts = {3: "--- a/x.py", 4: "+++ b/x.py", 5: "@@ -1,90 +1,90 @@", 6: "-a", 7: "+b", 800: "  File 'y.py'"}
    lines = [Line(number, text, text) for number, text in texts.items()]

    (difference,) = differences(lines)

    assert (difference.path, difference.body) == ("x.py", (3, 4))


def test_what_the_ci_system_says_of_a_job_is_not_said_by_its_command() -> None:
    lost = "##[error]The hosted runner: ci-7 lost communication with the server."

    failure = _read(f"##[group]Run docker build .\n##[endgroup]\n{lost}\n")

    assert (failure.category, failure.tool) == (Category.INFRASTRUCTURE, "")


FRAGMENTS = {
    "a hunk that was cut short does not swallow the next program's words": (
        "@@ -1,40 +1,40 @@\n a\n-b\n+c\n--- FAIL: TestX (0.00s)\n    x_test.go:3: bad\nFAIL\tshop\t0.1s",
        "x_test.go:3: bad",
    ),
    "a warning that ignores something is about that, not about the line above": (
        "src/a.c:3:1: error: unknown type name 'foo'\nld: warning: ignoring -lz\nb.c:9:1: error: no",
        "src/a.c:3:1: error: unknown type name 'foo'",
    ),
    "a clean-up that ends the script is its failure beside a mere word": (
        "ERROR log level set\nrm: cannot remove '/opt/cache': Permission denied",
        "rm: cannot remove '/opt/cache': Permission denied",
    ),
    "ninja names targets that are no files": (
        "FAILED: install\ncp: cannot create regular file '/opt/x'\nninja: build stopped: subcommand failed.",
        "cp: cannot create regular file '/opt/x'",
    ),
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_what_stands_beside_it_hides_no_cause(name: str) -> None:
    said, cause = FRAGMENTS[name]
    log = f"##[group]Run ./x.sh\n##[endgroup]\n{said}\n##[error]Process completed with exit code 1.\n"

    assert cause in _read(log).cause


def test_only_the_last_of_what_an_unknown_step_said_tells_it_from_others() -> None:
    def log(early: str) -> str:
        last = "\n".join(f"word number {word} was said" for word in "abcdefghij")
        return f"##[group]Run x\n##[endgroup]\n{early}\n{last}\n##[error]Process completed with exit code 3."

    assert _read(log("peers of carol")).fingerprint == _read(log("peers of dave and eve")).fingerprint
