from __future__ import annotations

from pathlib import Path

import pytest

from patchpilot.errors import ConfigurationError, SandboxUnavailableError
from patchpilot.fixes import Limits, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, escapes, limits_of, open_workbenches, toolbox
from sandbox.bench import Benches
from sandbox.bubblewrap import BubblewrapEngine
from sandbox.docker_engine import connect


def test_none_diagnoses_only_and_says_so(tmp_path: Path) -> None:
    benches = open_workbenches(SandboxSettings(engine=SandboxEngine.NONE))

    assert benches.engine == "none"
    assert "diagnosed" in benches.reason
    with pytest.raises(SandboxUnavailableError, match="no sandbox here"):
        benches.open(WorkbenchSpec(tree=tmp_path, job_id="x"))
    benches.close()


def test_an_engine_that_is_away_is_a_reason_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    benches = open_workbenches(SandboxSettings(engine=SandboxEngine.DOCKER))

    assert isinstance(benches, NoWorkbenches)
    assert "Docker" in benches.reason


def test_an_engine_that_is_away_is_told_in_the_systems_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    with pytest.raises(SandboxUnavailableError) as caught:
        connect()

    assert str(caught.value) == (
        "no Docker engine answers at tcp://127.0.0.1:1 (Connection refused): start it, or correct DOCKER_HOST"
    )


def test_without_docker_auto_takes_bubblewrap_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    benches = open_workbenches(SandboxSettings())

    assert benches.engine in {"bubblewrap", "none"}
    assert "Docker" in benches.reason
    benches.close()


def test_an_image_that_was_named_is_not_replaced_by_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    benches = open_workbenches(SandboxSettings(image="ci-python:3.12"))

    assert benches.engine == "none"
    assert "SANDBOX_IMAGE names an image" in benches.reason
    assert ".." not in benches.reason.replace(str(tmp_path), "")


def test_without_any_engine_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr("sandbox.inside.PATH", str(tmp_path))
    benches = open_workbenches(SandboxSettings())

    assert benches.engine == "none"
    assert "Install Docker or bubblewrap" in benches.reason


def test_a_toolbox_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SANDBOX_TOOLBOX"):
        toolbox.adopt(tmp_path / "none", tmp_path / "into")


def test_a_toolbox_has_the_tools_and_runs_on_any_python(tmp_path: Path) -> None:
    found = toolbox.assemble(tmp_path / "box")
    toolbox.adopt(tmp_path / "box", tmp_path / "copy")

    assert {name.split()[0] for name in found} == {"pytest", "ruff"}
    for box in (tmp_path / "box", tmp_path / "copy"):
        assert (box / "pytest/__init__.py").exists()
        assert (box / "bin/pytest").read_text().startswith("#!/usr/bin/env python3\n")
        assert (box / "bin/ruff").stat().st_mode & 0o111


def test_the_operators_limits_come_from_the_settings() -> None:
    settings = SandboxSettings(memory_mb=1024, timeout_seconds=60, processes=64, cpus=2)

    assert limits_of(settings) == Limits(memory_mb=1024, seconds=60, processes=64, cpus=2)


def test_probes_notice_what_an_open_machine_lets_through() -> None:
    """A probe that could not fail would prove nothing."""
    with pytest.raises(escapes.LetThroughError, match="family 16"):
        escapes._socket(16, 3)
    with pytest.raises(escapes.LetThroughError, match="can be read"):
        escapes._read("/none", "/etc/passwd")
    with pytest.raises(escapes.LetThroughError, match="interfaces"):
        escapes._nothing_but(["lo", "eth0"], {"lo"}, "interfaces")


@pytest.mark.bubblewrap
def test_limits_hold_without_control_groups_and_the_reason_says_how(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sandbox.cgroups.find", lambda: None)
    settings = SandboxSettings(engine=SandboxEngine.BUBBLEWRAP)
    try:
        engine = BubblewrapEngine(settings)
    except SandboxUnavailableError as error:
        pytest.skip(str(error))
    benches = Benches(engine, settings)
    tree = tmp_path / "tree"
    tree.mkdir()

    with benches.open(WorkbenchSpec(tree=tree, job_id="weak")) as bench:
        memory = bench.run(
            ShellCommand(script="b = bytearray(900 << 20)", shell="python3"), limits=Limits(memory_mb=128)
        )
        forks = bench.run(
            ShellCommand(
                script="import os\nwhile True:\n    os.fork() or __import__('time').sleep(30)",
                shell="python3",
            ),
            limits=Limits(processes=30, seconds=20),
        )
    benches.close()

    assert "No control group" in benches.reason
    assert memory.failed
    assert "MemoryError" in memory.output
    assert not forks.passed
    assert "BlockingIOError" in forks.output
