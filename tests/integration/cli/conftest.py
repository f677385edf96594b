"""The real ``patchpilot heal`` process on repositories that a test makes, in a real sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, open_workbenches

IDENTITY = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgSign=false"]


@pytest.fixture(scope="session")
def sandbox_is_here() -> None:
    opened = open_workbenches(SandboxSettings(engine=SandboxEngine.BUBBLEWRAP))
    opened.close()
    if isinstance(opened, NoWorkbenches):
        message = f"no sandbox here: {opened.reason}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@dataclass(frozen=True)
class Checkout:
    """A git repository of a test."""

    path: Path

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")

    def commit(self, subject: str, files: Mapping[str, str]) -> str:
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject)
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *IDENTITY, *words], cwd=self.path, capture_output=True, text=True, check=True
        )
        return done.stdout

    def state(self) -> dict[str, tuple[bytes, int, int]]:
        """Everything in it, .git included: content, mode and time of change."""
        found = {}
        for place in sorted(self.path.rglob("*")):
            if place.is_file() and not place.is_symlink():
                status = place.stat()
                found[str(place.relative_to(self.path))] = (
                    place.read_bytes(),
                    status.st_mode,
                    status.st_mtime_ns,
                )
        return found


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[..., Checkout]:
    def make(*commits: Mapping[str, str], name: str = "work") -> Checkout:
        path = tmp_path / name
        path.mkdir()
        made = Checkout(path)
        made.git("init", "--quiet", "--initial-branch=main")
        for number, files in enumerate(commits):
            made.commit(f"Commit {number}", files)
        return made

    return make


@dataclass(frozen=True)
class Ran:
    """What the process said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def heal(sandbox_is_here: None, tmp_path: Path) -> Callable[..., Ran]:
    """Run ``patchpilot heal`` with these arguments."""

    def run(*words: object, stdin: bytes = b"", **env: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "cli", "heal", *map(str, words)],
            cwd=tmp_path,
            env=environment(tmp_path) | env,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=300,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def environment(folder: Path) -> dict[str, str]:
    """Nothing of whoever runs the tests."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "SANDBOX_ENGINE": "bubblewrap",
        "FLAKY_RUNS": "2",
    }
