"""Which kind of failure it is, where another kind is close at hand."""

from __future__ import annotations

import pytest

from agent.distil import distil
from patchpilot.failures import Category

RETRIED = """\
##[group]Run pip install -r requirements.txt
##[endgroup]
WARNING: Retrying (Retry(total=4, read=None)) after connection broken by 'ReadTimeoutError("Read timed out.")'
Successfully installed sphinx-7.3.7
"""
GITLAB_END = (
    "section_end:1772359210:step_script\r\x1b[0K\n"
    "section_start:1772359211:after_script\r\x1b[0KRunning after_script\n"
    "$ ./notify\n"
    "section_end:1772359212:after_script\r\x1b[0K\n"
    "section_start:1772359213:cleanup_file_variables\r\x1b[0KCleaning up project directory\n"
    "ERROR: Job failed: exit code 1\n"
)

ONE_LINE = (
    # Dependencies and their lock files.
    ("The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.", Category.DEPENDENCY),
    (
        "The gemfile changed, but the lockfile can't be updated because frozen mode is set",
        Category.DEPENDENCY,
    ),
    ("go: updates to go.mod needed; to update it:", Category.DEPENDENCY),
    ("ERROR: unable to select packages:", Category.DEPENDENCY),
    ("Found 1 known vulnerability in 1 package", Category.DEPENDENCY),
    (
        "ImportError: cannot import name 'Old' from 'lib' (/py/site-packages/lib/__init__.py)",
        Category.DEPENDENCY,
    ),
    # Linters whose lines look like a compiler's.
    ("store/store.go:41:2: fmt.Printf format %d has arg name of wrong type string", Category.LINT),
    ("/src/net.cpp:41:7: error: use nullptr [modernize-use-nullptr,-warnings-as-errors]", Category.LINT),
    ("src/net.cpp:14:9: error: Null pointer dereference: c [nullPointer]", Category.LINT),
    ("/src/Net.swift:14:1: error: Line Length Violation: 131 characters (line_length)", Category.LINT),
    ("[ERROR] src/main/java/acme/Net.java:[14] (sizes) LineLength: Line is too long.", Category.LINT),
    ("/src/docs/usage.rst:12: Warning, treated as error:", Category.LINT),
    ("Error: Type 'number' is not assignable to type 'string'. (ts)", Category.TYPE),
    # What a tool says of its own settings.
    ("error TS5058: The specified path does not exist: 'tsconfig.ci.json'.", Category.CONFIG),
    ("ESLint couldn't find an eslint.config.(js|mjs|cjs) file.", Category.CONFIG),
    ("django.core.exceptions.ImproperlyConfigured: SECRET_KEY must not be empty.", Category.CONFIG),
    ("##[error]Invalid format 'second line of a message'", Category.CONFIG),
    ("> Could not find method implementatoin() for arguments [base:1.0] on object", Category.CONFIG),
    ("WorkflowScript: 14: Expected a step @ line 14, column 9.", Category.CONFIG),
    ('  token = os.environ["DEPLOY_TOKEN"]', Category.CONFIG),
    ("/usr/bin/node: bad option: --enable-source-map", Category.CONFIG),
    ("error[invalid-argument-type]: Argument to function `connect` is incorrect", Category.TYPE),
    ("  error - lib/net.dart:20:12 - The getter 'ok' isn't defined. - undefined_getter", Category.LINT),
    ("README.md:9:14 - Unknown word (retriable)", Category.LINT),
    ("Found 1 not formatted file.", Category.FORMAT),
    ('meson.build:12:10: ERROR: Dependency "glib-2.0" not found, tried pkgconfig', Category.DEPENDENCY),
    # Rights, limits, and what lies outside the project.
    ("fatal: unable to access 'https://host/a/': The requested URL returned error: 403", Category.PERMISSION),
    ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 298. GiB", Category.RESOURCE),
    ("Error: timed out waiting for the condition", Category.TIMEOUT),
    ("The agent was lost: exit status -1 (agent lost)", Category.INFRASTRUCTURE),
    ("denied: requested access to the resource is denied", Category.PERMISSION),
    ("Error from server (Forbidden): deployments.apps is forbidden: no rights", Category.PERMISSION),
    ("##[error]Failed to CreateArtifact: Artifact storage quota has been hit.", Category.RESOURCE),
    ("sha256sum: WARNING: 1 computed checksum did NOT match", Category.INFRASTRUCTURE),
    ("ERROR [launcher]: Cannot start ChromeHeadless", Category.INFRASTRUCTURE),
    ("##[error]One or more containers failed to start.", Category.INFRASTRUCTURE),
    # What used to be told by an exit code only.
    ("The gemspecs changed, or the Gemfile and Gemfile.lock are out of sync.", Category.DEPENDENCY),
    ("Your bundle is locked to mimemagic (0.3.5), but that is gone.", Category.DEPENDENCY),
    ('Your bundle only supports platforms ["x86_64-darwin-22"]', Category.DEPENDENCY),
    ("  Hash for idna (3.4) from archive idna.whl not found in known hashes", Category.DEPENDENCY),
    ("The currently activated Python version 3.7 is not supported by the project (^3.9).", Category.CONFIG),
    ("error: The requested interpreter resolved to Python 3.9, incompatible with it", Category.CONFIG),
    ('level=error msg="Running error: context loading failed: no go files to analyze"', Category.CONFIG),
    (" ERR_PNPM_NO_SCRIPT  Missing script: lint", Category.CONFIG),
    ("============================ no tests ran in 0.01s =============================", Category.CONFIG),
    ("ERROR: Step ‘Publish JUnit’ failed: No test report files were found.", Category.CONFIG),
    ("Error: fatal: No url found for submodule path 'lib/x' in .gitmodules", Category.CONFIG),
    ("     | The term 'Invoke-Thing' is not recognized as a name of a cmdlet", Category.CONFIG),
    ("/src/A.cs(3,1): error WHITESPACE: Fix whitespace formatting. [/src/A.csproj]", Category.FORMAT),
    ("Could not reach host gems.example. Check your network connection.", Category.INFRASTRUCTURE),
    ("Authentication is required for gems.example.", Category.PERMISSION),
    ("java.io.IOException: Unexpected termination of the channel", Category.INFRASTRUCTURE),
    ("CircleCI was unable to run the job runner", Category.INFRASTRUCTURE),
    ("##[error]No hosted parallelism has been purchased or granted.", Category.INFRASTRUCTURE),
)


@pytest.mark.parametrize(("line", "category"), ONE_LINE, ids=[line[:50] for line, _ in ONE_LINE])
def test_one_line_tells_the_kind(line: str, category: Category) -> None:
    log = f"##[group]Run ./ci\n##[endgroup]\n{line}\n##[error]Process completed with exit code 1.\n"

    assert distil([log.encode()]).category is category


def test_a_test_that_speaks_of_rights_is_a_failed_test() -> None:
    log = """\
________________ test_reader_gets_permission_denied _________________
>       assert r.status_code == 403
E       assert 200 == 403
ERROR    acl:acl.py:17 Permission denied: reader may not delete
FAILED tests/test_acl.py::test_reader_gets_permission_denied - assert 200 == 403
"""
    assert distil([log.encode()]).category is Category.TEST


def test_a_build_script_that_panics_is_no_failed_test() -> None:
    log = """\
error: failed to run custom build command for `openssl-sys v0.9.102`
  --- stderr
  thread 'main' panicked at build/find_normal.rs:190:5:
  Could not find directory of OpenSSL installation
"""
    assert distil([log.encode()]).category is Category.BUILD


def test_an_attempt_that_was_made_again_is_no_cause() -> None:
    log = (
        RETRIED
        + "##[group]Run ./publish\n##[endgroup]\nstep 2 of 3\n##[error]Process completed with exit code 3.\n"
    )

    assert distil([log.encode()]).category is Category.UNKNOWN


def test_the_last_of_all_attempts_is_a_cause() -> None:
    log = RETRIED.replace("total=4", "total=0") + "##[error]Process completed with exit code 1.\n"

    assert distil([log.encode()]).category is Category.INFRASTRUCTURE


def test_gitlab_s_clean_up_is_not_the_step_that_failed() -> None:
    log = (
        f"$ pip install .\ncurl: (6) Could not resolve host: mirror\n$ make lint\nline 3 is bad\n{GITLAB_END}"
    )

    failure = distil([log.encode()])

    assert failure.step == "make lint"


def test_a_warning_of_sudo_s_is_no_lack_of_rights() -> None:
    log = "sudo: setrlimit(RLIMIT_STACK): Operation not permitted\nOSError: We couldn't connect to 'https://models'\n"

    assert distil([log.encode()]).category is Category.INFRASTRUCTURE


def test_the_name_of_a_weakness_that_was_mended_beforehand_is_no_finding() -> None:
    fold = "travis_fold:{}:fix.CVE-2015-7547\n"
    log = fold.format("start") + "installing libc6\n" + fold.format("end") + "rake aborted!\n"

    assert distil([log.encode()]).category is Category.UNKNOWN


UNREACHABLE = """\
WARNING: Retrying (Retry(total=1, connect=None)) after connection broken by 'NewConnectionError(...)'
WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError(...)'
ERROR: Could not find a version that satisfies the requirement flask (from versions: none)
ERROR: No matching distribution found for flask
"""
UNFETCHED = """\
error: Failed to fetch: `https://index.example/simple/flask/`
  Caused by: error sending request for url (https://index.example/simple/flask/)
  Caused by: operation timed out
"""


@pytest.mark.parametrize(
    ("command", "output"), [("pip install -r requirements.txt", UNREACHABLE), ("uv sync", UNFETCHED)]
)
def test_a_package_that_could_not_be_asked_for_is_no_wrong_dependency(command: str, output: str) -> None:
    log = f"##[group]Run {command}\n##[endgroup]\n{output}##[error]Process completed with exit code 1.\n"

    assert distil([log.encode()]).category is Category.INFRASTRUCTURE


def test_a_canceled_job_of_gitlab_is_no_failed_build() -> None:
    assert distil([b"$ make\nERROR: Job failed: canceled\n"]).category is Category.INFRASTRUCTURE


def test_an_agent_that_was_deleted_is_named() -> None:
    log = "+ make\nAgent a-1 was deleted; cancelling node body\nCould not connect to a-1 to send a signal\n"

    assert distil([log.encode()]).cause == "Agent a-1 was deleted; cancelling node body"


PASSED_AT_LAST = """\
  1) [chromium] › cart.spec.ts:3:5 › adds to cart ───────────────

    Error: expect(received).toBe(expected)

{failed}  1 flaky
    [chromium] › cart.spec.ts:3:5 › adds to cart
  3 passed (12s)
"""
FLAKES = """\
[WARNING] Flakes:
[WARNING] com.acme.CartTest.adds
[ERROR]   Run 1: CartTest.adds:12 expected: <1> but was: <2>
[INFO]   Run 2: PASS
[ERROR] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Flakes: 1
"""


@pytest.mark.parametrize(
    ("command", "output", "category"),
    [
        ("npx playwright test", PASSED_AT_LAST.format(failed=""), Category.FLAKY),
        ("npx playwright test", PASSED_AT_LAST.format(failed="  1 failed\n    › b.spec.ts\n"), Category.TEST),
        ("mvn test", FLAKES, Category.FLAKY),
    ],
)
def test_what_passed_when_run_again_is_flaky_unless_something_failed(
    command: str, output: str, category: Category
) -> None:
    log = f"##[group]Run {command}\n##[endgroup]\n{output}##[error]Process completed with exit code 1.\n"

    assert distil([log.encode()]).category is category


SERVER = "2026-03-04 09:12:0{} [error] 3{}#0: connect() failed (111: Connection refused) while connecting\n"


def test_what_a_server_logged_is_no_cause_beside_what_the_tool_says() -> None:
    logged = "".join(SERVER.format(n % 10, n) for n in range(40))
    told = "error: unused variable: `tax`\n --> src/lib.rs:1:35\nerror: could not compile `shop` (lib)\n"

    failure = distil([f"$ ./check\n{logged}{told}{logged}ERROR: Job failed: exit code 1\n".encode()])

    assert failure.category is Category.BUILD
    assert failure.cause.startswith("error: unused variable: `tax`")


def test_what_a_server_logged_does_not_change_the_fingerprint_of_a_failed_download() -> None:
    failed = "curl: (7) Failed to connect to files.example.com port 443: Connection refused\n"
    quiet = f"$ ./fetch\n{failed}ERROR: Job failed: exit code 1\n"
    loud = f"$ ./fetch\n{SERVER.format(1, 1)}{SERVER.format(2, 2)}{failed}ERROR: Job failed: exit code 1\n"

    assert distil([loud.encode()]).fingerprint == distil([quiet.encode()]).fingerprint


def test_what_a_server_logged_is_the_cause_where_nothing_else_is_said() -> None:
    failure = distil([f"$ ./check\n{SERVER.format(1, 1)}ERROR: Job failed: exit code 1\n".encode()])

    assert failure.category is Category.INFRASTRUCTURE
    assert "Connection refused" in failure.cause
