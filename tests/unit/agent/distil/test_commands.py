"""``patchpilot distil`` and ``patchpilot diagnose``, as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LOG = """\
$ npm test
FAIL src/sum.test.js
  ● sum › adds
    Expected: 3
    Received: 4
      at Object.toBe (src/sum.test.js:5:10)
Tests: 1 failed, 2 passed
The command "npm test" exited with 1.
"""


def patchpilot(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *words], input=given, capture_output=True, check=False
    )


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "failed.log"
    path.write_text(LOG)
    return str(path)


def test_distil_prints_the_lines_that_matter(log: str) -> None:
    done = patchpilot("distil", log)

    assert done.returncode == 0
    assert "● sum › adds" in done.stdout.decode()


def test_the_size_of_the_answer_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("".join(f"ERROR: part {n} is broken\n" for n in range(5000)))

    assert len(patchpilot("distil", str(path), "--max-bytes", "500").stdout) <= 501


def test_diagnose_prints_one_json_object_also_from_a_pipe() -> None:
    done = patchpilot("diagnose", "-", "--json", given=LOG.encode())

    told = json.loads(done.stdout)
    assert told["category"] == "test"
    assert told["tool"] == "jest"
    assert told["tests"] == ["sum › adds"]
    assert told["files"] == [{"path": "src/sum.test.js", "line": 5}]
    assert {"fingerprint", "text", "evidence", "cause"} <= told.keys()


def test_diagnose_without_json_is_a_summary(log: str) -> None:
    told = patchpilot("diagnose", log).stdout.decode()

    assert "category:    test" in told
    assert "src/sum.test.js:5" in told


def test_what_may_be_no_failure_is_not_called_its_cause() -> None:
    told = patchpilot("diagnose", "-", given=b"all fine\n").stdout.decode()

    assert "cause:       no failure that is known; the likeliest line is: all fine\n" in told
    assert "log:         1 line, 9 bytes\n" in told


def test_secrets_are_not_printed() -> None:
    token = "ghp_" + "a1B2" * 9
    told = patchpilot("diagnose", "-", "--json", given=f"error: bad token {token}\n".encode()).stdout.decode()

    assert token not in told


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing", None, "there is no file"),
        ("folder", Ellipsis, "is a folder"),
        ("empty", b"", "is empty"),
        ("binary", bytes(range(256)) * 20, "holds binary data"),
        ("zip", b"PK\x03\x04" + b"words " * 40, "holds binary data"),
    ],
)
def test_what_is_no_log_is_refused_in_one_line(tmp_path: Path, name: str, content: object, said: str) -> None:
    path = tmp_path / name
    if content is Ellipsis:
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)

    for command in ("distil", "diagnose"):
        done = patchpilot(command, str(path))
        lines = done.stderr.decode().strip().splitlines()
        assert done.returncode == 2
        assert len(lines) == 1
        assert said in lines[0]


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("".join(f"ERROR: part {n} is broken\n" for n in range(5000)))
    command = [sys.executable, "-m", "cli", "distil", str(path), "--max-bytes", "400000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()

    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)
