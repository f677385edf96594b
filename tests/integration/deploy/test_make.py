"""``make setup`` where Python will not do says what to install. That it works, every CI run shows."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def setup(root: Path, tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """``make setup`` in a fresh folder, with a stand-in for Python."""

    def run(python: str) -> subprocess.CompletedProcess[str]:
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(root / name, tmp_path)
        shutil.copytree(root / "requirements", tmp_path / "requirements")
        stub = tmp_path / "python"
        stub.write_text(f"#!/bin/sh\n{python}\n")
        stub.chmod(0o755)
        return subprocess.run(
            ["make", "setup", f"PYTHON={stub}"], check=False, cwd=tmp_path, capture_output=True, text=True
        )

    return run


def test_a_python_that_is_too_old_is_named_and_a_way_out_given(setup, tmp_path):
    done = setup('case "$1" in --version) echo Python 3.9.18 ;; *) exit 1 ;; esac')

    assert done.returncode != 0
    assert f"needs Python 3.11 or newer, and {tmp_path}/python is Python 3.9.18" in done.stderr
    assert "make PYTHON=python3.12 setup" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_python_that_is_not_there_is_said(setup):
    done = setup("exit 127")

    assert done.returncode != 0
    assert "is not there; say which with" in done.stderr


def test_a_python_without_venv_names_the_package_and_leaves_nothing_half_made(setup, tmp_path):
    done = setup('case "$*" in "-m venv .venv") mkdir .venv; echo No module named ensurepip; exit 1 ;; esac')

    assert done.returncode != 0
    assert "No module named ensurepip" in done.stderr
    assert "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("target", ["help", "setup", "demo", "test", "check", "lock", "clean"])
def test_the_targets_are_listed(root, target):
    listed = subprocess.run(["make", "help"], check=True, cwd=root, capture_output=True, text=True).stdout

    assert target in [line.split()[0] for line in listed.splitlines()]
