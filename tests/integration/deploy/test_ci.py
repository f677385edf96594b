"""CI runs everything: a test that skips there fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RUNS = "def test_runs(): pass\n"
SKIPS = "import pytest\ndef test_skips(): pytest.skip('no engine')\n"
MARKED = "import pytest\n@pytest.mark.skip(reason='no browser')\ndef test_marked(): pass\n"
FIXTURE = """
import pytest
@pytest.fixture
def engine(): pytest.skip('no engine')
def test_asks(engine): pass
"""
WHOLE_FILE = "import pytest\npytest.importorskip('no_such_library')\n"
EXPECTED = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_known(): assert False\n"


@pytest.fixture
def tested(root: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(text: str, *, ci: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(text)
        # Its own folder's settings, as if it were another project.
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "CI"))}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no_skips", "-p", "no:cacheprovider", "--color=no"],
            check=False,
            cwd=tmp_path,
            env=clean | {"PYTHONPATH": str(root / "tests"), "CI": ci},
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SKIPS, "no engine"),
        (MARKED, "no browser"),
        (FIXTURE, "no engine"),
        (WHOLE_FILE, "could not import 'no_such_library'"),
    ],
)
def test_in_ci_a_skip_is_a_failure_that_says_why(tested, text, reason):
    done = tested(RUNS + text, ci="true")

    assert done.returncode != 0
    assert reason in done.stdout
    assert "no test may be skipped in CI" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_elsewhere_a_skip_is_a_skip(tested):
    done = tested(RUNS + SKIPS, ci="")

    assert done.returncode == 0
    assert "1 passed, 1 skipped" in done.stdout.splitlines()[-1]


def test_what_runs_is_reported_as_ever(tested):
    done = tested(RUNS + EXPECTED, ci="true")

    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 xfailed" in done.stdout.splitlines()[-1]


def test_ci_loads_the_rule(root):
    text = (root / ".ci/run").read_text()

    assert "-p no_skips" in text
    assert "export CI=true" in text
