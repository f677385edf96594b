"""``deploy/ensure-sandbox`` on machines of every kind, each a PATH of stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

LOCAL_IMAGE = 'test "$*" = "image inspect patchpilot-sandbox:latest"'
ENGINE_ONLY = 'test "$*" = info'
ORDINARY = {"id": "echo 1000"}
ROOT = {"id": "echo 0"}


@dataclass
class Ran:
    """What the script said, and what it called."""

    code: int
    out: str
    err: str
    calls: list[str] = field(default_factory=list)


@pytest.fixture
def on_a_machine_with(root: Path, tmp_path: Path) -> Callable[..., Ran]:
    def run(programs: dict[str, str], **environment: str) -> Ran:
        binaries, log = tmp_path / "bin", tmp_path / "calls"
        binaries.mkdir()
        log.touch()
        for name in ("env", "timeout", "sh"):
            (binaries / name).symlink_to(str(shutil.which(name)))
        for name, does in programs.items():
            stub = binaries / name
            stub.write_text(f'#!/bin/sh\necho "{name} $*" >> "{log}"\n{does}\n')
            stub.chmod(0o755)
        bash = str(shutil.which("bash"))
        done = subprocess.run(
            [bash, root / "deploy/ensure-sandbox"],
            check=False,
            env={"PATH": str(binaries)} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return Ran(done.returncode, done.stdout, done.stderr, log.read_text().splitlines())

    return run


def installs(ran: Ran) -> list[str]:
    return [call for call in ran.calls if "install" in call or " add " in call]


def test_an_engine_with_the_sandbox_image_is_enough(on_a_machine_with):
    ran = on_a_machine_with({"docker": LOCAL_IMAGE, "apt-get": "", **ROOT})

    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert not installs(ran)


def test_an_engine_is_enough_where_an_image_is_named(on_a_machine_with):
    ran = on_a_machine_with({"docker": ENGINE_ONLY, "apt-get": "", **ROOT}, SANDBOX_IMAGE="ours:1")

    assert not installs(ran)


def test_an_engine_without_the_image_gets_bubblewrap(on_a_machine_with):
    ran = on_a_machine_with({"docker": ENGINE_ONLY, "apt-get": "", **ROOT})

    assert installs(ran) == ["apt-get install -y bubblewrap"]


def test_bubblewrap_is_enough(on_a_machine_with):
    ran = on_a_machine_with({"docker": "exit 1", "bwrap": "", "apt-get": "", **ROOT})

    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert not installs(ran)


def test_root_with_apt_gets_bubblewrap_without_questions(on_a_machine_with):
    ran = on_a_machine_with({"apt-get": 'echo "frontend=$DEBIAN_FRONTEND"', **ROOT})

    assert ran.code == 0
    assert ran.calls[-2:] == ["apt-get update -qq", "apt-get install -y bubblewrap"]
    assert ran.out == "installing bubblewrap (the sandbox for machines without a Docker engine) ...\n"


def test_the_package_manager_is_told_not_to_ask_through_sudo_too(on_a_machine_with, tmp_path):
    # As sudo does by default, the environment is not handed on.
    passes_on = 'shift; exec env -i PATH="$PATH" "$@"'
    ran = on_a_machine_with(
        {
            "sudo": passes_on,
            "true": "",
            "apt-get": f'echo "$1=$DEBIAN_FRONTEND" >> {tmp_path}/asked',
            **ORDINARY,
        }
    )

    assert "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -y bubblewrap" in ran.calls
    assert "install=noninteractive" in (tmp_path / "asked").read_text()
    assert ran.code == 0


def test_without_a_right_to_install_the_one_command_is_said(on_a_machine_with):
    ran = on_a_machine_with({"sudo": "exit 1", "apt-get": "", **ORDINARY})

    assert ran.code == 0
    assert ran.err.endswith("run: sudo apt-get install -y bubblewrap\n")
    assert not [call for call in ran.calls if call.startswith("apt-get")]


def test_without_sudo_the_one_command_is_said(on_a_machine_with):
    ran = on_a_machine_with({"apt-get": "", **ORDINARY})

    assert ran.code == 0
    assert "sudo apt-get install -y bubblewrap" in ran.err


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("dnf", "dnf install -y bubblewrap"),
        ("apk", "apk add bubblewrap"),
        ("pacman", "pacman -S --noconfirm bubblewrap"),
        ("zypper", "zypper --non-interactive install bubblewrap"),
    ],
)
def test_other_systems_are_served_by_their_own_package_manager(on_a_machine_with, manager, command):
    ran = on_a_machine_with({manager: "", **ROOT})

    assert ran.calls[-1] == command


def test_without_any_package_manager_it_says_what_is_missing(on_a_machine_with):
    ran = on_a_machine_with(ROOT)

    assert ran.code == 0
    assert "neither bubblewrap nor a Docker engine" in ran.err
    assert "Install bubblewrap" in ran.err


@pytest.mark.parametrize(("who", "command"), [(ROOT, "run: apt-get"), (ORDINARY, "run: sudo apt-get")])
def test_an_installation_that_fails_is_no_end(on_a_machine_with, who, command):
    ran = on_a_machine_with({"apt-get": "exit 100", "sudo": 'shift; exec "$@"', "true": "", **who})

    assert ran.code == 0
    assert f"could not be installed; {command} install -y bubblewrap" in ran.err


def test_the_script_can_be_started_and_has_no_syntax_error(root):
    for name in ("deploy/ensure-sandbox", ".ci/run", ".ci/images"):
        assert os.access(root / name, os.X_OK), name
        assert not subprocess.run(["bash", "-n", root / name], check=False).returncode, name
