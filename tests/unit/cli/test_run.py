"""What ``patchpilot run`` says where a role can't start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(role: str, **settings: str) -> tuple[int, str]:
    """Exit code and errors of a role that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "run", role],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "GITHUB_TOKEN": "token",
            "GITHUB_READER_TOKEN": "token",
            "SANDBOX_ENGINE": "none",
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("role", ["worker", "effects"])
def test_a_redis_that_is_away_is_told_in_a_sentence(role):
    code, said = run(role)

    assert code == 2
    assert said == ("patchpilot: Redis does not answer: start it, or correct REDIS_URL\n")


def test_a_model_without_a_price_is_refused_at_the_start():
    code, said = run("worker", ANTHROPIC_MODEL="gpt")

    assert code == 2
    assert "ANTHROPIC_MODEL is 'gpt'" in said
    assert "Traceback" not in said
