"""Large logs: what failed is kept, wherever it stands and however alarming the names of what passed are."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import pytest

from agent.distil import alarms, distil
from agent.distil.alarms import HITS_PER_BLOCK, READINGS, READINGS_PER_BLOCK, Alarms
from agent.distil.skim import WHOLE, skim
from patchpilot.failures import Category, DistilledFailure

CALM = (
    "Parse",
    "Page",
    "Merge",
    "Price",
    "Mail",
    "Token",
    "Stock",
    "Split",
    "Order",
    "Plan",
    "Query",
    "Save",
)
ALARMING = ("Error", "Invalid", "Fails", "NotFound", "Timeout", "Denied", "Refused", "Exception", "Conflict")
VERDICT = "##[error]Process completed with exit code 1.\nPost job cleanup.\n"


def names(count: int, *, alarming: int) -> Iterator[str]:
    """So many names, of which ``alarming`` per cent hold a word of failure."""
    chance = random.Random(7)
    for _ in range(count):
        words = chance.choices(CALM, k=4)
        if chance.randrange(100) < alarming:
            words[chance.randrange(4)] = chance.choice(ALARMING)
        yield "".join(words)


def go_tests(count: int, *, alarming: int) -> str:
    return "".join(
        f"=== RUN   Test{name}\n--- PASS: Test{name} (0.00s)\n" for name in names(count, alarming=alarming)
    )


def pytest_tests(count: int, *, alarming: int) -> str:
    return "".join(
        f"tests/test_{name.lower()}.py::test_{name} PASSED [ 42%]\n"
        for name in names(count, alarming=alarming)
    )


def maven_tests(count: int, *, alarming: int) -> str:
    return "".join(
        f"[INFO] Running com.acme.{name}\n"
        f"2024-05-01 12:00:00 ERROR [main] c.a.{name} - expected failure of {name} logged\n"
        "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.05 s\n"
        for name in names(count, alarming=alarming)
    )


def gcc_commands(count: int, *, alarming: int) -> str:
    return "".join(
        f"gcc -c -Werror src/{name}_error.c -o build/{name}_error.o\n"
        for name in names(count, alarming=alarming)
    )


def stamped(log: str) -> str:
    return "".join(f"2024-05-01T12:00:00.1234567Z {line}\n" for line in log.splitlines())


def read(log: str) -> DistilledFailure:
    data = log.encode()
    assert len(data) > 2 * WHOLE
    return distil(data[start : start + 5000] for start in range(0, len(data), 5000))


@pytest.mark.parametrize(
    ("prefix", "count", "alarming"),
    [(str, 8_000, 20), (str, 10_000, 100), (stamped, 5_000, 5), (stamped, 10_000, 20)],
)
def test_one_failed_test_amid_thousands_that_passed(prefix, count, alarming):
    failure = read(
        prefix(
            "##[group]Run go test -v ./...\n##[endgroup]\n"
            + go_tests(count, alarming=alarming)
            + "=== RUN   TestLedgerBalance\n    ledger_test.go:91: got 3, want 4\n"
            + "--- FAIL: TestLedgerBalance (0.00s)\nFAIL\nFAIL\tacme/ledger\t0.2s\n"
            + go_tests(count, alarming=alarming)
            + "ok  \tacme/z\t0.1s\nFAIL\n"
            + VERDICT
        )
    )

    assert failure.cause == "TestLedgerBalance: ledger_test.go:91: got 3, want 4"
    assert failure.tests == ("TestLedgerBalance",)
    assert [str(place) for place in failure.files] == ["ledger_test.go:91"]


def test_a_compilers_error_amid_commands_that_name_errors():
    failure = read(
        gcc_commands(9_000, alarming=60)
        + "src/ledger.c:5:3: error: 'foo' undeclared (first use in this function)\n    5 |   foo();\n"
        + gcc_commands(9_000, alarming=60)
        + "make: *** [Makefile:9: build/ledger.o] Error 1\n"
        + VERDICT
    )

    assert failure.cause == "src/ledger.c:5:3: error: 'foo' undeclared (first use in this function)"
    assert failure.category is Category.BUILD


def test_a_failed_test_amid_errors_that_passing_tests_log():
    failure = read(
        maven_tests(6_000, alarming=60)
        + "[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE!"
        " -- in com.acme.LedgerTest\n"
        + "[ERROR] com.acme.LedgerTest.balance -- Time elapsed: 0.010 s <<< FAILURE!\n"
        + "org.opentest4j.AssertionFailedError: ledger must balance to zero\n"
        + "\tat com.acme.LedgerTest.balance(LedgerTest.java:22)\n"
        + maven_tests(6_000, alarming=60)
        + "[INFO] BUILD FAILURE\n"
        + VERDICT
    )

    assert failure.tests == ("com.acme.LedgerTest.balance",)
    assert "AssertionFailedError: ledger must balance to zero" in failure.text


def test_a_traceback_amid_passing_tests_of_errors():
    failure = read(
        pytest_tests(9_000, alarming=30)
        + "Traceback (most recent call last):\n"
        + '  File "src/ledger.py", line 7, in balance\n    return total / count\n'
        + "ZeroDivisionError: division by zero\n"
        + pytest_tests(9_000, alarming=30)
        + VERDICT
    )

    assert "ZeroDivisionError: division by zero" in failure.text
    assert 'File "src/ledger.py", line 7' in failure.text


LINTERS = {
    "ruff": "src/app/core.py:14:1: F401 [*] `os` imported but unused",
    "ruff in full": "F401 [*] `os` imported but unused\n --> src/app/core.py:14:8",
    "flake8": "./src/app/core.py:33:80: E501 line too long (88 > 79 characters)",
    "pylint": "************* Module app.core\nsrc/app/core.py:1:0: W0611: Unused import os (unused-import)",
    "golangci-lint": "cmd/main.go:14:2: ineffectual assignment to err (ineffassign)\n\terr = run()\n\t^",
    "shellcheck": "In ci.sh line 3:\necho $x\n     ^-- SC2086 (info): Double quote to prevent globbing.",
    "prettier": "[warn] src/a.ts\n[warn] Code style issues found in the above file. Run Prettier to fix.",
    "black": "would reformat src/a.py",
    "tsc": "src/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
    "isort": "ERROR: /src/a.py Imports are incorrectly sorted and/or formatted.",
    "rustfmt": "Diff in /src/main.rs:3:\n-fn main(){}\n+fn main() {}",
    "ruff in colours": "\x1b[1msrc/a.py\x1b[0m\x1b[36m:\x1b[0m3\x1b[36m:\x1b[0m1\x1b[36m:\x1b[0m"
    " \x1b[1;31mF401\x1b[0m `os` imported but unused",
}


@pytest.mark.parametrize("finding", LINTERS.values(), ids=LINTERS)
def test_a_linters_finding_amid_a_verbose_build(finding):
    noise = "".join(f"step {n} compiled module alpha in {n} ms; wrote chunk to dist\n" for n in range(4_000))

    failure = read(stamped(f"{noise}{finding}\n{noise}make: *** [Makefile:3: lint] Error 1\n{VERDICT}"))
    brief = distil([stamped(f"{finding}\nmake: *** [Makefile:3: lint] Error 1\n{VERDICT}").encode()])

    assert (failure.category, failure.tool, failure.files) == (brief.category, brief.tool, brief.files)
    # Lines that follow the finding may count as part of it.
    assert failure.cause[:40] == brief.cause[:40]


def test_an_unknown_tools_complaint_amid_names_that_alarm():
    failure = read(
        go_tests(9_000, alarming=20) + "FATAL: shard 7 lost its lease\n" + go_tests(9_000, alarming=20)
    )

    assert "FATAL: shard 7 lost its lease" in failure.text


def test_lines_before_an_alarm_are_kept_across_a_blocks_end():
    """Wherever blocks end, the line above the alarm is there."""
    for shift in range(0, 120, 17):
        noise = go_tests(9_000, alarming=0)
        log = (
            "x" * shift
            + "\n"
            + noise
            + "    ledger_test.go:91: got 3, want 4\n--- FAIL: TestLedger (0.00s)\n"
        )
        cut = [log.encode(), noise.encode()]

        assert any(line.data.endswith(b"got 3, want 4") for line in skim(cut).lines)


def test_memory_is_bounded_when_every_line_is_an_alarm_of_its_own(monkeypatch):
    monkeypatch.setattr(alarms, "TEMPLATES", 2_000)  # soon full, so that short logs show it

    def flood(count: int) -> Iterator[bytes]:
        for name in names(count, alarming=100):
            yield f"src/{name}.c:3:7: error: {name} is not defined\n".encode()

    def peak(count: int) -> int:
        tracemalloc.start()
        skim(flood(count))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2_000)
    assert peak(20_000) < peak(10_000) * 1.3 + WHOLE


def test_how_many_lines_the_rules_read_grows_with_the_log_alone(monkeypatch):
    """Counted work: one reading is dear, so lines of one kind are read a few times."""
    done = 0

    def counted(lines: list[bytes]) -> list[object]:
        nonlocal done
        done += len(lines)
        return genuine(lines)

    genuine = alarms._read_by_rules
    monkeypatch.setattr(alarms, "_read_by_rules", counted)
    blocks = 10
    chance = random.Random(7)
    finder = Alarms()
    for _ in range(blocks):
        lines = [
            "".join(chance.choices("error: fail(x.c:1:1: )[]{}<>;", k=60)).encode() for _ in range(2_000)
        ]
        found = finder.of(b"\n".join(lines) + b"\n", [*lines, b""])
        assert len(found) <= 2 * HITS_PER_BLOCK

    assert done <= READINGS + blocks * READINGS_PER_BLOCK


def test_a_flood_of_like_lines_is_hardly_searched(monkeypatch):
    """Counted work: what came often is passed over before the search, whose cost is in what it finds."""
    searched = 0

    def counted(block: bytes) -> dict[int, int]:
        nonlocal searched
        searched += len(block)
        return genuine(block)

    genuine = alarms._hits
    monkeypatch.setattr(alarms, "_hits", counted)
    chance = random.Random(7)
    flood = [
        f"ERROR request {chance.getrandbits(128):032x} of 10.0.0.{n % 250}: connection refused, attempt {n}\n"
        for n in range(60_000)
    ]
    flood[31_000] = "ledger_test.go:91: got 3, want 4\n"

    kept = skim(line.encode() for line in flood)

    assert searched < sum(map(len, flood)) / 4
    assert any(line.data.endswith(b"got 3, want 4") for line in kept.lines)
    assert kept.total_lines == len(flood)
