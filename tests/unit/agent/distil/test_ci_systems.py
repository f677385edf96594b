"""The same failure, as each CI system writes it, reads the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.distil import distil
from agent.distil.lines import Line, RawLine
from agent.distil.lines import read as lines_of
from patchpilot.failures import Category, DistilledFailure

OUTPUT = """\
============================= test session starts ==============================
tests/test_cart.py .F.                                                   [100%]
=================================== FAILURES ===================================
__________________________ test_total_includes_taxes ___________________________
>       assert cart.total() == 119
E       assert 100 == 119
{root}/tests/test_cart.py:14: AssertionError
FAILED tests/test_cart.py::test_total_includes_taxes - assert 100 == 119
========================= 1 failed, 2 passed in {seconds}s =====================
"""


def output(root: str, seconds: str) -> list[str]:
    return OUTPUT.format(root=root, seconds=seconds).splitlines()


def stamped(lines: list[str], stamp: str) -> str:
    return "".join(f"{stamp.format(n % 60)}{line}\n" for n, line in enumerate(lines))


def github() -> str:
    lines = [
        "##[group]Run pytest",
        "pytest",
        "shell: /usr/bin/bash -e {0}",
        "env:",
        "  ON_ERROR: fail",
        "##[endgroup]",
    ]
    lines += [*output("/home/runner/work/shop/shop", "0.31"), "##[error]Process completed with exit code 1."]
    lines += ["Post job cleanup.", "[command]/usr/bin/git version", "Cleaning up orphan processes"]
    return stamped(lines, "2026-03-01T10:00:{:02d}.1234567Z ")


def gitlab() -> str:
    lines = [
        "Running with gitlab-runner 17.0.0",
        "section_start:1772359200:step_script\r\x1b[0K\x1b[0;mExecuting script",
    ]
    lines += ["\x1b[32;1m$ pytest\x1b[0;m", *output("/builds/acme/shop", "1.02")]
    lines += [
        "section_end:1772359210:step_script\r\x1b[0K",
        "\x1b[31;1mERROR: Job failed: exit code 1\x1b[0;m",
    ]
    return stamped(lines, "2026-03-02T11:00:{:02d}.123456Z 00O ")


def gitlab_plain() -> str:
    return "\n".join(
        [
            "\x1b[32;1m$ pytest\x1b[0;m",
            *output("/builds/acme/shop", "3.4"),
            "ERROR: Job failed: exit code 1",
            "",
        ]
    )


def jenkins() -> str:
    lines = ["Started by user ana", "[Pipeline] { (Test)", "[Pipeline] sh", "+ pytest"]
    lines += [
        *output("/var/jenkins_home/workspace/shop", "0.9"),
        "[Pipeline] }",
        "ERROR: script returned exit code 1",
        "Finished: FAILURE",
    ]
    return stamped(lines, "[2026-03-03T12:00:{:02d}.123Z] ")


def jenkins_short() -> str:
    lines = ["Started by timer", "+ pytest", *output("/var/lib/jenkins/workspace/shop", "0.9")]
    return stamped(
        [*lines, "Build step 'Execute shell' marked build as failure", "Finished: FAILURE"], "12:00:{:02d} "
    )


def circleci() -> str:
    return "\r\n".join(
        [
            "#!/bin/bash -eo pipefail",
            "pytest",
            *output("/home/circleci/project", "2.0"),
            "",
            "Exited with code exit status 1",
            "",
        ]
    )


def travis() -> str:
    lines = [
        "travis_fold:start:install\r\x1b[0Ktravis_time:start:1f\r\x1b[0K$ pip install .",
        "travis_fold:end:install\r\x1b[0K",
    ]
    lines += ["travis_time:start:2e\r\x1b[0K$ pytest", *output("/home/travis/build/acme/shop", "0.4")]
    lines += [
        'travis_time:end:2e:start=1,finish=2\r\x1b[0K\x1b[31;1mThe command "pytest" exited with 1.\x1b[0m'
    ]
    return "\n".join([*lines, "", "Done. Your build exited with 1.", ""])


def azure() -> str:
    lines = [
        "##[section]Starting: Run tests",
        "Generating script.",
        "pytest",
        *output("/home/vsts/work/1/s", "0.7"),
    ]
    lines += ["##[error]Bash exited with code '1'.", "##[section]Finishing: Run tests"]
    return stamped(lines, "2026-03-04T09:00:{:02d}.1234567Z ")


def plain() -> str:
    return "\n".join(output("/work/shop", "0.2"))


SYSTEMS = (github, gitlab, gitlab_plain, jenkins, jenkins_short, circleci, travis, azure, plain)


def read(system: Callable[[], str]) -> DistilledFailure:
    return distil([system().encode()], step="tests")


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_failure_reads_the_same_everywhere(system: Callable[[], str]) -> None:
    failure = read(system)

    assert failure.category is Category.TEST
    assert failure.tool == "pytest"
    assert failure.tests == ("tests/test_cart.py::test_total_includes_taxes",)
    assert "E       assert 100 == 119" in failure.text.splitlines()
    assert "\x1b" not in failure.text


def test_the_fingerprint_is_the_same_everywhere() -> None:
    assert len({read(system).fingerprint for system in SYSTEMS[:-1]}) == 1


def test_evidence_carries_the_line_numbers_of_the_raw_log() -> None:
    for system in SYSTEMS:
        raw = system().split("\n")
        for line in read(system).evidence:
            assert line.text.strip() in raw[line.number - 1]


def test_a_script_echoed_before_it_runs_is_no_evidence() -> None:
    assert all("ON_ERROR" not in line.text for line in read(github).evidence)
    assert "ON_ERROR" not in read(github).cause


JEST = """
FAIL tests/cart.test.js
  ● cart › adds

    expect(received).toBe(expected)

    Expected: 6
    Received: 2

      at Object.toBe (tests/cart.test.js:4:12)
""".splitlines()


@pytest.mark.parametrize("stamp", ["[10:00:{:02d}] ", "10:00:{:02d} ", "2026-03-01T10:00:{:02d}.1234567Z "])
def test_a_stamp_before_an_empty_line_is_no_message(stamp: str) -> None:
    stamped_log = "\n".join(f"{stamp.format(n)}{line}".rstrip() for n, line in enumerate(JEST))

    failure = distil([stamped_log.encode()])

    assert failure.cause == distil(["\n".join(JEST).encode()]).cause
    assert failure.fingerprint == distil(["\n".join(JEST).encode()]).fingerprint


def test_lines_that_are_redrawn_do_not_hide_the_stamps() -> None:
    bar = "\r".join(f"Downloading {percent}%" for percent in range(0, 100, 5))
    log = stamped([bar, bar, bar, *JEST], "2026-03-01T10:00:{:02d}.1234567Z ")

    assert distil([log.encode()]).tests == ("cart › adds",)


def test_the_failing_step_is_named_from_the_log_where_nobody_says_it() -> None:
    assert distil([github().encode()]).step == "pytest"
    assert distil([azure().encode()]).step == "Run tests"
    assert distil([travis().encode()]).step == "pytest"


LINT = ("> eslint src", "done in 2 s", "0 problems")
"""What another job prints meanwhile."""


def mixed(test: str, lint: str) -> str:
    """Two jobs at once; each line stands behind what the program that runs them puts there."""
    lines = [f"{test}{line}" for line in ["+ pytest", *output("/home/runner/work/shop/shop", "0.3")]]
    for place, line in enumerate(LINT):
        lines.insert(3 * place, f"{lint}{line}")
    return "\n".join([*(line.rstrip() for line in lines), "ERROR: script returned exit code 1", ""])


@pytest.mark.parametrize(
    ("test", "lint"),
    [
        ("[unit tests] ", "[lint] "),  # branches of Jenkins
        ("[1] ", "[0] "),  # concurrently
        ("[@acme/cart]: ", "[@acme/ui]: "),  # workspaces of yarn
        ("cart\t", "ui\t"),  # GNU parallel
    ],
)
def test_the_name_of_a_job_before_each_line_hides_nothing(test: str, lint: str) -> None:
    failure = distil([mixed(test, lint).encode()])

    assert failure.category is Category.TEST
    assert failure.tool == "pytest"
    assert failure.tests == ("tests/test_cart.py::test_total_includes_taxes",)


ESLINT = """
/home/runner/work/shop/shop/src/cart.js
  1:7   error  'tax' is assigned a value but never used  no-unused-vars
  3:12  error  Missing semicolon                         semi

✖ 2 problems (2 errors, 0 warnings)
""".splitlines()


def braided(lint: str, web: str) -> list[str]:
    """A linter and a server at once: after each line of one stands a line of the other."""
    lines = (
        (f"{lint}{line}".rstrip(), f"{web}GET /health 200 in {place} ms") for place, line in enumerate(ESLINT)
    )
    return [line for pair in lines for line in pair]


@pytest.mark.parametrize(
    "log",
    [
        [*braided("lint-1  | ", "web-1   | "), "lint-1 exited with code 1"],  # docker compose
        braided("shop:check: ", "web:dev: "),  # turborepo
        ["lerna notice cli v8.1.2", *braided("@acme/shop: ", "@acme/web: ")],
        [*braided("[0] ", "[1] "), "[0] npm run lint exited with code 1"],  # concurrently
        [
            *braided("app-1  | [lint ] ", "app-1  | [web  ] "),
            "app-1  | [lint ] $ exit",
            "app-1 exited with code 1",
        ],
        ["#7 [lint 4/4] RUN npx eslint src", "#9 [web 3/3] RUN serve", *braided("#7 0.312 ", "#9 0.215 ")],
    ],
)
def test_lines_that_another_job_prints_meanwhile_do_not_part_a_message(log: list[str]) -> None:
    failure = distil(["\n".join(log).encode()])

    assert failure.cause == "src/cart.js:1:7 error 'tax' is assigned a value but never used no-unused-vars"
    assert [(file.path, file.line) for file in failure.files] == [("src/cart.js", 1), ("src/cart.js", 3)]


def test_of_two_jobs_that_failed_it_does_not_matter_which_ended_last() -> None:
    said = {
        "lint": ["> shop@1.0.0 lint", "> eslint src", *ESLINT, "npm run lint exited with code 1"],
        "unit": [
            "> shop@1.0.0 unit",
            "> pytest",
            *output("/builds/shop", "0.3"),
            "npm run unit exited with code 1",
        ],
    }
    logs = [
        "\n".join(f"[{job}] {line}".rstrip() for job in order for line in said[job])
        for order in (("lint", "unit"), ("unit", "lint"))
    ]

    one, other = (distil([log.encode()]) for log in logs)

    assert (one.category, one.fingerprint) == (other.category, other.fingerprint)


def test_the_lines_of_jobs_that_ran_at_once_are_kept_in_the_order_of_the_log() -> None:
    log = braided("lint-1  | ", "web-1   | ")

    kept = [line for line in distil(["\n".join(log).encode()]).text.splitlines() if line in log]

    assert kept == sorted(kept, key=log.index)
    assert {line.rstrip() for line in log if line.startswith("lint-1") and "error" in line} <= set(kept)


def test_levels_of_a_logger_and_frames_of_a_debugger_are_no_jobs() -> None:
    logged = [f"{level}:shop: item {place}" for place in range(9) for level in ("INFO", "ERROR")]
    frames = [f"#{frame}  0x00{frame} in f{frame} () at a.c:{frame}" for _ in range(2) for frame in range(9)]

    assert "ERROR:shop: item 0" in distil(["\n".join(logged).encode()]).cause
    assert [line.number for line in read_lines(frames)] == list(range(1, 19))
    assert not any(line.job for line in read_lines(frames))


def read_lines(lines: list[str]) -> list[Line]:
    return lines_of([RawLine(number, line.encode()) for number, line in enumerate(lines, 1)])


def test_pnpm_names_folder_and_script_before_each_line() -> None:
    log = "packages/cart test$ pytest\n" + mixed("packages/cart test: ", "packages/ui lint: ")

    assert distil([log.encode()]).tests == ("tests/test_cart.py::test_total_includes_taxes",)


@pytest.mark.parametrize(
    ("log", "tool"),
    [
        ("[warn] src/a.ts\n[warn] src/b.ts\n[info] > prettier\n[error] exited with code 1\n", "prettier"),
        ("[error] a/B.scala:3: not found\n[error] a/B.scala:4: not found\n[info] > compile\n", "sbt"),
        (
            "[gw0] [50%] FAILED tests/test_a.py::test_a\n[gw1] [60%] FAILED tests/test_a.py::test_b\n",
            "pytest",
        ),
    ],
)
def test_what_tools_write_in_brackets_themselves_is_read(log: str, tool: str) -> None:
    assert distil([log.encode()]).tool == tool


@pytest.mark.parametrize(
    "root",
    [
        "/opt/actions-runner/_work/shop/shop/",
        "/home/ana/actions-runner/_work/shop/shop/",
        "/opt/agent/_work/1/s/",
        "/var/jenkins/workspace/shop_main/",
        "/data/jenkins/workspace/shop_PR-12@2/",
        "/var/lib/buildkite-agent/builds/agent-1/acme/shop/",
        "/tmp/build/80754af9/shop/",
        "/usr/src/app/",
        "/go/src/github.com/acme/shop/",
        "C:\\Jenkins\\workspace\\shop\\",
        "C:\\ProgramData\\Jenkins\\.jenkins\\workspace\\shop\\",
        "C:\\actions-runner\\_work\\shop\\shop\\",
        "D:\\agent\\_work\\1\\s\\",
    ],
)
def test_files_are_named_below_the_checkout(root: str) -> None:
    log = f"{root}src/engine.c:12:5: error: unknown type name 'part'\n"

    assert [(file.path, file.line) for file in distil([log.encode()]).files] == [("src/engine.c", 12)]


@pytest.mark.parametrize(
    "stated",
    [
        "Initialized empty Git repository in /builds/acme/tools/shop/.git/",
        "Running on agent-1 in /builds/acme/tools/shop",
        "Building remotely on agent-1 in workspace /builds/acme/tools/shop",
        "Checking out main to /builds/acme/tools/shop",
    ],
)
def test_a_log_that_says_where_its_checkout_is_is_believed(stated: str) -> None:
    log = f"{stated}\n/builds/acme/tools/shop/src/engine.c:12:5: error: unknown type name 'part'\n"

    assert [file.path for file in distil([log.encode()]).files] == ["src/engine.c"]


def test_what_a_runner_keeps_beside_the_checkout_is_no_file_of_it() -> None:
    log = "/opt/actions-runner/_work/_temp/1a/run.sh:3:1: error: no\n"

    assert distil([log.encode()]).files == ()
