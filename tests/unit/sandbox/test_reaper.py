from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from patchpilot.fixes import Limits
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import cgroups, folders, reap, trees

NO_DOCKER = SandboxSettings(engine=SandboxEngine.BUBBLEWRAP)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_of_a_killed_owner_is_removed_and_a_living_ones_stays(temporary: Path) -> None:
    script = (
        f"import tempfile, time; tempfile.tempdir = {str(temporary)!r}\n"
        "from sandbox.folders import OwnedFolder\nfolder = OwnedFolder()\n"
        "print(folder.path, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        orphan = Path(owner.stdout.readline().strip())
        with folders.OwnedFolder() as own:
            assert reap(NO_DOCKER, older_than_seconds=0) == 0
            owner.send_signal(signal.SIGKILL)
            owner.wait()
            assert reap(NO_DOCKER, older_than_seconds=3600) == 0
            assert reap(NO_DOCKER, older_than_seconds=0) == 1
            assert own.path.exists()
    assert not orphan.exists()
    assert not own.path.exists()


def test_a_folder_with_read_only_parts_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").write_text("x")
    (folder / "deep").chmod(0o500)

    trees.remove(folder)

    assert not folder.exists()


def test_a_control_group_of_a_dead_owner_is_removed() -> None:
    found = cgroups.find()
    if found is None:
        pytest.skip("no control group can be made here")
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    left = {parent / f"{cgroups.PREFIX}{dead.pid}-test" for parent in found.parents.values()}
    for folder in left:
        folder.mkdir()
    with found.group(Limits(memory_mb=64)) as own, subprocess.Popen(["sleep", "60"]) as stray:
        Path(own.doors[0]).write_text(str(stray.pid))
        reap(NO_DOCKER, older_than_seconds=0)
        assert not any(folder.exists() for folder in left)
        assert all(folder.exists() for folder in own.folders.values())
        own.remove()
        assert stray.wait(60) == -signal.SIGKILL
    assert not any(folder.exists() for folder in own.folders.values())


def test_an_engine_that_is_away_has_nothing_removed(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{temporary}/none.sock")

    assert reap(SandboxSettings(), older_than_seconds=0) >= 0
    assert os.environ["DOCKER_HOST"].endswith("none.sock")
