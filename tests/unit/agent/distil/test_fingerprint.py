"""What must, and must not, change a fingerprint."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.distil import distil
from agent.distil.fingerprint import normalised, step_class

FAILURES = (
    ("tests/test_cart.py", "test_total", "AssertionError: total is wrong"),
    ("tests/test_user.py", "test_login", "PermissionError: access for guests"),
    ("tests/api/test_order.py", "test_refund", "KeyError: 'amount'"),
)


def log(
    failures: tuple[tuple[str, str, str], ...] = FAILURES,
    *,
    root: str = "/home/runner/work/shop/shop",
    seconds: str = "0.31",
    extra: str = "",
    colour: bool = False,
    stamp: str = "",
) -> bytes:
    lines = ["=================================== FAILURES ==================================="]
    for path, test, message in failures:
        lines += [
            f"______________ {test} ______________",
            f"E       {message}{extra}",
            f"{root}/{path}:14: AssertionError",
        ]
    lines += [f"FAILED {path}::{test} - {message}" for path, test, message in failures]
    lines.append(f"========== {len(failures)} failed, 4 passed in {seconds}s ==========")
    if colour:
        lines = [f"\x1b[1m\x1b[31m{line}\x1b[0m" for line in lines]
    return "".join(f"{stamp}{line}\n" for line in lines).encode()


def of(data: bytes, step: str = "unit tests") -> str:
    return distil([data], step=step).fingerprint


HEX = st.text("0123456789abcdef", min_size=8, max_size=40).filter(
    lambda text: not text.isdigit() and not text.isalpha()
)


@settings(deadline=None, max_examples=60)
@given(
    order=st.permutations(FAILURES),
    root=st.sampled_from(
        [
            "/builds/acme/shop",
            "/builds/k3x_TqZ9/0/acme/shop",
            "/opt/agent/_work/7/s",
            "/srv/ci/somewhere/else",
            "/home/circleci/project",
            "/__w/shop/shop",
            "/home/travis/build/a/b",
        ]
    ),
    seconds=st.decimals(min_value=0, max_value=9999, places=2, allow_nan=False).map(str),
    colour=st.booleans(),
    stamp=st.sampled_from(["", "2026-01-02T03:04:05.1234567Z ", "2027-11-12T13:14:15.7654321Z "]),
)
def test_another_run_of_the_same_cause_keeps_it(
    order: list[tuple[str, str, str]], root: str, seconds: str, colour: bool, stamp: str
) -> None:
    assert of(log(tuple(order), root=root, seconds=seconds, colour=colour, stamp=stamp)) == of(log())


@settings(deadline=None, max_examples=60)
@given(
    port=st.integers(1024, 65535),
    pid=st.integers(2, 99999),
    name=st.text("abcdefghij0123456789_", min_size=4, max_size=12),
    digest=HEX,
    uuid=st.uuids(),
    day=st.dates().map(str),
    spent=st.integers(1, 900),
)
def test_what_differs_from_run_to_run_keeps_it(
    port: int, pid: int, name: str, digest: str, uuid: object, day: str, spent: int
) -> None:
    def extra(port: int, pid: int, name: str, digest: str, uuid: object, day: str, spent: int) -> str:
        place = f"at localhost:{port} pid {pid} in /tmp/{name}/x"
        return f" {place} object 0x{digest} id {uuid} on {day} after {spent} ms"

    one = of(log(extra=extra(port, pid, name, digest, uuid, day, spent)))
    two = of(
        log(
            extra=extra(
                8080, 77, "abcd", "deadbeef1", "123e4567-e89b-12d3-a456-426614174000", "2020-02-02", 5
            )
        )
    )
    assert one == two


@settings(deadline=None, max_examples=40)
@given(index=st.integers(0, 2), part=st.integers(0, 2), word=st.text("klmnopq", min_size=4, max_size=9))
def test_another_file_test_or_message_changes_it(index: int, part: int, word: str) -> None:
    mutated = list(FAILURES)
    path, test, message = mutated[index]
    mutated[index] = (
        (f"tests/{word}.py", test, message),
        (path, f"test_{word}", message),
        (path, test, f"{message} {word}"),
    )[part]

    assert of(log(tuple(mutated))) != of(log())


def test_one_failed_test_more_changes_it() -> None:
    assert of(log(FAILURES[:2])) != of(log())


def test_shards_and_matrix_values_keep_it() -> None:
    steps = [
        "tests (3.11, ubuntu-latest)",
        "tests (3.12, macos-14)",
        "Tests [2/8]",
        "tests shard 3",
        "tests 7/9",
    ]

    assert len({of(log(), step) for step in steps}) == 1
    assert step_class("lint (18)") != step_class("tests (18)")


def test_the_order_of_parallel_workers_keeps_it() -> None:
    lines = [
        f"src/file{letter}.ts({n},3): error TS2322: Type '{letter}' is wrong."
        for n, letter in enumerate("abcdefgh", 1)
    ]
    shuffled = list(lines)
    random.Random(5).shuffle(shuffled)

    assert of("\n".join(lines).encode()) == of("\n".join(shuffled).encode())


def test_numbers_that_name_the_error_stay() -> None:
    assert normalised("HTTP 404 after 31 ms") != normalised("HTTP 500 after 31 ms")
    assert normalised("exit code 137") != normalised("exit code 1")
    assert normalised("error TS2322: no") != normalised("error TS2304: no")


def test_paths_of_a_tool_s_own_installation_do_not_matter() -> None:
    one = normalised(
        "/opt/hostedtoolcache/Python/3.11.4/x64/lib/python3.11/json/decoder.py:355: JSONDecodeError"
    )
    two = normalised("/usr/lib/python3.12/json/decoder.py:353: JSONDecodeError")

    assert one == two


def test_a_checkout_in_a_place_that_nobody_knows_does_not_matter() -> None:
    known = normalised("/home/runner/work/shop/shop/src/cart/total.py:14: KeyError: 'amount'")
    unknown = normalised("/mnt/disk7/somewhere/shop/src/cart/total.py:15: KeyError: 'amount'")

    assert known == unknown == normalised("src/cart/total.py:16: KeyError: 'amount'")
    assert known != normalised("src/order/total.py:14: KeyError: 'amount'")
    assert normalised("src/v1/total.py: KeyError") != normalised("src/v2/total.py: KeyError")


def step(*printed: str, command: str = "./check", code: int = 1) -> bytes:
    """A failed step of GitHub's, as its runner prints it around what the command says."""
    lines = [f"##[group]Run {command}", "shell: /usr/bin/bash -e {0}", "##[endgroup]", *printed]
    return "".join(
        f"{line}\n" for line in [*lines, f"##[error]Process completed with exit code {code}."]
    ).encode()


UNKNOWN = (
    ("Reading plan", "The frobnicator has no blade", "License of the gizmo expired, renew it", ""),
    ("gen plan.json", "the plan is old, renew it", "column price has no unit", "make: *** [gen] Error 1"),
    (
        "#9 [4/4] RUN make",
        "#9 0.5 cc: widget lost",
        "#9 0.5 generator: out of widgets",
        'ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2',
    ),
    (
        "* What went wrong:\nExecution failed for task ':app:jar'.",
        "> Archive is sealed",
        "> Key is nowhere",
        "BUILD FAILED in 3s",
    ),
)


@pytest.mark.parametrize(("before", "one", "two", "after"), UNKNOWN)
def test_what_an_unknown_tool_said_last_tells_its_failures_apart(
    before: str, one: str, two: str, after: str
) -> None:
    first, second = (distil([step(before, said, after)]) for said in (one, two))

    assert first.fingerprint != second.fingerprint
    assert first.cause in one
    assert all("exit code" not in line.text for line in first.evidence)
    again = step(before, one, after.replace("3s", "12s"))
    assert distil([again]).fingerprint == first.fingerprint


def test_steps_that_said_nothing_differ_in_their_command() -> None:
    assert of(step(command="./check"), "") != of(step(command="./deploy"), "")
    assert of(step(command="./check"), "") == of(step(command="./check"), "")


def test_the_last_words_before_gitlab_s_verdict_are_the_script_s() -> None:
    log = (
        "$ ./check\n{}\nsection_end:1700000100:step_script\nCleaning up project directory\n"
        "ERROR: Job failed: exit code 2\n"
    )
    one, two = (
        distil([log.format(said).encode()]) for said in ("The lamp has no oil", "The oven stays cold")
    )

    assert one.cause == "The lamp has no oil"
    assert one.fingerprint != two.fingerprint


def test_names_that_kubernetes_gives_pods_do_not_matter() -> None:
    one = normalised('pods "api-6d4cf56db6-x7k2p" not found')

    assert one == normalised('pods "api-7b9df77f4c-q9zzm" not found')
    assert one != normalised('pods "web-7b9df77f4c-q9zzm" not found')
    assert normalised("the app-backend-tests fail") != normalised("the app-frontend-tests fail")


def test_folders_for_what_is_temporary_do_not_matter_on_windows() -> None:
    there = r"No such file: 'C:\Users\RUNNER~1\AppData\Local\Temp\pytest-0\x.json'"

    assert normalised(there) == normalised(there.replace("\\", "\\\\"))
    assert normalised(there) == normalised("No such file: '/tmp/pytest-3/x.json'")
