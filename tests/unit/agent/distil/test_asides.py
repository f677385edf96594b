"""What complains beside the failure, after it, before it or by the way, is not taken for its cause."""

from __future__ import annotations

import pytest

from agent.distil import distil
from patchpilot.failures import Category, DistilledFailure

PYTEST = """\
=================================== FAILURES ===================================
_________________________________ test_refund __________________________________
>       assert refund(order) == 30
E       assert 20 == 30
tests/test_refund.py:8: AssertionError
=========================== short test summary info ============================
FAILED tests/test_refund.py::test_refund - assert 20 == 30
========================= 1 failed, 4 passed in 0.21s ==========================
"""
REFUND = "tests/test_refund.py::test_refund - assert 20 == 30"
NODE = """\
/srv/app/start.js:2
const zones = config.zones.map(name)
                           ^

TypeError: Cannot read properties of undefined (reading 'map')
    at Object.<anonymous> (/srv/app/start.js:2:28)
"""
CAUGHT = """\
Traceback (most recent call last):
  File "/app/job.py", line 3, in run
    go()
PermissionError: Permission denied
tests/test_job.py::test_shows_traceback PASSED
"""
CLEAN_UP = "rm: cannot remove '/var/cache/app': Permission denied\n"
MISSING = "curl: (22) The requested URL returned error: 404\n"


def read(log: str) -> DistilledFailure:
    return distil([log.encode()])


def gitlab(output: str, after: str = "") -> str:
    script = (
        "section_start:1772359200:step_script\r\x1b[0K\x1b[0;m\x1b[36;1mExecuting the job script\x1b[0;m\n"
        f"\x1b[32;1m$ ./ci/test.sh\x1b[0;m\n{output}"
        "section_end:1772359210:step_script\r\x1b[0K"
    )
    if after:
        script += (
            "section_start:1772359210:after_script\r\x1b[0K\x1b[0K\x1b[36;1mRunning after_script\x1b[0;m\n"
            f"\x1b[32;1mRunning after script...\x1b[0;m\n\x1b[32;1m$ ./ci/tidy.sh\x1b[0;m\n{after}"
            "section_end:1772359211:after_script\r\x1b[0K"
        )
    return script + (
        "section_start:1772359212:cleanup_file_variables\r\x1b[0K\x1b[36;1mCleaning up project directory\n"
        "section_end:1772359213:cleanup_file_variables\r\x1b[0K\n"
        "\x1b[31;1mERROR: Job failed: exit code 1\x1b[0;m\n"
    )


def jenkins(output: str, post: str = "") -> str:
    return (
        "[Pipeline] Start of Pipeline\n[Pipeline] stage\n[Pipeline] { (Declarative: Checkout SCM)\n"
        "[Pipeline] }\n[Pipeline] // stage\n[Pipeline] stage\n[Pipeline] { (Test)\n"
        f"[Pipeline] sh\n+ ./ci/test.sh\n{output}[Pipeline] }}\n[Pipeline] // stage\n"
        f"[Pipeline] stage\n[Pipeline] {{ (Declarative: Post Actions)\n[Pipeline] sh\n+ ./ci/tidy.sh\n{post}"
        "[Pipeline] }\n[Pipeline] // stage\n[Pipeline] End of Pipeline\n"
        "ERROR: script returned exit code 1\nFinished: FAILURE\n"
    )


def travis(output: str, after: str = "") -> str:
    return (
        f"travis_time:start:0a1b\r\x1b[0K$ ./ci/test.sh\n{output}"
        'travis_time:end:0a1b:start=1,finish=2\r\x1b[0KThe command "./ci/test.sh" exited with 1.\n'
        f"travis_fold:start:after_failure.1\r\x1b[0K$ ./ci/tidy.sh\n{after}"
        "travis_fold:end:after_failure.1\r\x1b[0K\n"
        "Done. Your build exited with 1.\n"
    )


def step(command: str, output: str, *, fails: bool = False) -> str:
    end = "##[error]Process completed with exit code 1.\n" if fails else ""
    return f"##[group]Run {command}\n{command}\nshell: /usr/bin/bash -e {{0}}\n##[endgroup]\n{output}{end}"


def github(output: str, after: str = "") -> str:
    return step("./ci/test.sh", output, fails=True) + step("./ci/tidy.sh", after) + "Post job cleanup.\n"


def circleci(output: str, after: str = "") -> str:
    shell = "#!/bin/bash -eo pipefail\n"
    return f"{shell}./ci/test.sh\n{output}\nExited with code exit status 1\n{shell}./ci/tidy.sh\n{after}"


@pytest.mark.parametrize("ci", [gitlab, jenkins, travis, github, circleci])
@pytest.mark.parametrize("after", [CLEAN_UP, MISSING, "no configuration file provided: not found\n"])
@pytest.mark.parametrize("output", [PYTEST, NODE])
def test_what_runs_after_the_failure_changes_nothing_of_it(ci, after, output):
    alone, followed = read(ci(output)), read(ci(output, after))

    assert (followed.category, followed.tool, followed.cause) == (alone.category, alone.tool, alone.cause)
    assert followed.fingerprint == alone.fingerprint


def test_what_gitlab_says_of_a_failing_after_script_is_no_cause():
    warning = "WARNING: after_script failed, but job will continue unaffected: exit code 14\n"

    failure = read(gitlab(PYTEST, "no configuration file provided: not found\n" + warning))

    assert (failure.category, failure.tool, failure.cause) == (Category.TEST, "pytest", REFUND)


def test_a_stage_of_jenkins_has_a_post_of_its_own():
    log = jenkins(PYTEST + "Post stage\n[Pipeline] sh\n+ ./ci/tidy.sh\n" + CLEAN_UP)

    assert read(log).cause == REFUND


def test_clean_ups_count_where_nothing_else_is_said():
    assert read(github(CLEAN_UP)).cause == CLEAN_UP.strip()


def test_a_step_that_passed_is_not_where_the_cause_stands():
    noisy = step(
        "./ci/serve.sh", "curl: (7) Failed to connect to localhost port 80: Connection refused\n" * 3
    )

    failure = read(noisy + github(NODE))

    assert failure.cause.startswith("TypeError: Cannot read properties of undefined (reading 'map')")
    assert failure.fingerprint == read(github(NODE)).fingerprint


def test_beside_a_mere_word_of_failure_a_tool_may_have_told_it_in_another_step():
    checked = step("./ci/report.sh", "Error: see the step before\n", fails=True)

    failure = read(step("pytest | tee report.txt", PYTEST) + checked)

    assert failure.tests == ("tests/test_refund.py::test_refund",)


def test_a_step_that_fails_when_it_should_tell_of_a_failure_is_not_the_failure():
    failure = read(step("./ci/test.sh", PYTEST, fails=True) + step("./ci/notify.sh", MISSING, fails=True))

    assert (failure.category, failure.cause) == (Category.TEST, REFUND)


@pytest.mark.parametrize(
    "aside",
    [
        "2026/03/04 09:12:05 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting\n",
        "fatal: No names found, cannot describe anything.\n",
        "fatal: not a git repository (or any of the parent directories): .git\n",
        CAUGHT,
        "Error response from daemon: No such container: app-db-1\n",
    ],
)
def test_what_complains_by_the_way_is_no_cause_beside_an_error(aside):
    failure = read(github(aside + NODE))

    assert failure.cause.startswith("TypeError: Cannot read properties of undefined (reading 'map')")
    assert failure.fingerprint == read(github(NODE)).fingerprint


@pytest.mark.parametrize(
    "aside",
    [
        MISSING + "notification failed, ignoring\n",
        "rm: cannot remove 'out': Permission denied\nmake: [Makefile:9: clean] Error 1 (ignored)\n",
        "Error response from daemon: No such container: app-db-1\n",
    ],
)
def test_what_is_passed_over_after_the_error_is_no_cause(aside):
    failure = read(github(PYTEST + aside))

    assert (failure.category, failure.tool, failure.cause) == (Category.TEST, "pytest", REFUND)


def test_a_tool_of_a_line_by_the_way_is_not_the_tool_of_the_failure():
    limit = "##[error]The job running on runner A has exceeded the maximum execution time of 60 minutes.\n"
    aside = "fatal: No names found, cannot describe anything.\n"

    quiet, noisy = (read(step("./ci/test.sh", output) + limit) for output in ("", aside))

    assert (noisy.tool, noisy.fingerprint) == (quiet.tool, quiet.fingerprint)


def test_a_program_that_only_logs_is_the_cause_where_nothing_else_is():
    logged = "2026-03-04 09:12:05 ERROR worker: could not connect to db: Connection refused\n"

    assert "Connection refused" in read(github(logged)).cause
