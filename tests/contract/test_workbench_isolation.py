"""What hostile code of a repository can reach: nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import docker
import pytest

from patchpilot.errors import SandboxUnavailableError
from patchpilot.fixes import Ending, Limits, ShellCommand
from patchpilot.ports import Workbench, WorkbenchSpec
from sandbox import probe
from sandbox.bench import Benches


def sh(script: str) -> ShellCommand:
    return ShellCommand(script=script)


def test_every_known_way_out_is_shut(workbench_engine: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary")
    probes = probe(workbench_engine)

    assert len(probes) >= 40
    assert [found for found in probes if not found.blocked] == []


def test_a_self_test_that_cannot_run_proves_nothing(
    workbench_engine: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SandboxUnavailableError, match="did not run"):
        probe(workbench_engine, private=["x" * 140_000])


def test_the_workers_secrets_are_nowhere_inside(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary-7f3a")
    result = workbench.run(
        sh("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; env")
    )

    assert "canary" not in result.output.lower()


def test_it_is_nobody_without_rights_behind_a_filter(workbench: Workbench) -> None:
    result = workbench.run(sh("id -u; id -g; id -G; cat /proc/self/status"))
    lines = result.output.splitlines()
    status = dict(line.split(":\t", 1) for line in lines[3:] if ":\t" in line)

    assert lines[:3] == ["65534", "65534", "65534"]
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_only_three_places_can_be_written(workbench: Workbench) -> None:
    script = "find / -xdev -writable -type d 2>/dev/null; find /src /tmp /dev/shm -maxdepth 0 -writable"
    result = workbench.run(sh(f"{script} || true"))

    places = {line for line in result.output.split() if not line.startswith(("/proc/", "/tmp/"))}
    assert places <= {"/src", "/src/pkg", "/tmp", "/dev/shm", "/dev/mqueue"}
    assert {"/src", "/tmp"} <= places


def test_a_server_of_the_host_is_out_of_reach(workbench: Workbench, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0patchpilot-canary")
        abstract.listen()
        script = f"""
import socket
tcp = (socket.AF_INET, ("127.0.0.1", {tcp.getsockname()[1]}))
for family, place in (tcp, (socket.AF_UNIX, "\\0patchpilot-canary")):
    try:
        socket.socket(family).connect(place)
        print("reached")
    except OSError as error:
        print("refused")
"""
        result = workbench.run(ShellCommand(script=script, shell="python3"))

    assert result.output.split() == ["refused", "refused"]


def test_its_own_loopback_works(workbench: Workbench) -> None:
    script = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
print("works")
"""
    assert workbench.run(ShellCommand(script=script, shell="python3")).output == "works\n"


def test_threads_and_processes_work_under_the_filter(workbench: Workbench) -> None:
    script = """
import asyncio, concurrent.futures as cf, multiprocessing, subprocess, sqlite3, tempfile
with cf.ThreadPoolExecutor(4) as pool:
    assert sum(pool.map(int, "1234")) == 10
async def main():
    done = await asyncio.create_subprocess_exec("true")
    return await done.wait()
assert asyncio.run(main()) == 0
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
with tempfile.NamedTemporaryFile() as file:
    sqlite3.connect(file.name).execute("create table t (x)")
print("works")
"""
    result = workbench.run(ShellCommand(script=script, shell="python3"))

    assert result.output == "works\n"


def test_a_planted_fsmonitor_is_never_run_on_this_side(
    workbench_engine: Benches, workbench_tree: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "ran"
    attack = (
        f"[core]\n\tfsmonitor = touch {canary}; false\n"
        f'[diff "x"]\n\ttextconv = touch {canary}\n'
        f'[filter "x"]\n\tclean = touch {canary}\n'
    )
    (workbench_tree / ".git").mkdir()
    for name in (".git/config", ".gitconfig", "config"):
        (workbench_tree / name).write_text(attack)
    (workbench_tree / ".gitattributes").write_text("* diff=x filter=x\n")
    with workbench_engine.open(WorkbenchSpec(tree=workbench_tree, job_id="fsmonitor")) as bench:
        _, patch = bench.capture(
            sh(f"mkdir -p .git; printf '{attack.splitlines()[0]}' >> .git/config; echo x >> notes.txt")
        )
        bench.apply(patch)
        bench.write_text("notes.txt", "three\n")
        assert bench.diff().files == ("notes.txt",)
        bench.reset()

    assert patch.files == ("notes.txt",)
    assert not canary.exists()


def test_a_symlink_made_inside_reads_no_host_file(
    workbench_engine: Benches, workbench_tree: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary-host")
    (workbench_tree / "link").symlink_to(secret)
    with workbench_engine.open(WorkbenchSpec(tree=workbench_tree, job_id="symlink")) as bench:
        result, patch = bench.capture(
            sh(f"cat link; ln -sf {secret} notes.txt; ln -s {secret} other.txt; cat notes.txt")
        )

        assert "canary-host" not in result.output + patch.diff
        assert "link" not in bench.files()


def test_environment_of_the_image_ends_at_where_tools_are(workbench: Workbench) -> None:
    result = workbench.run(sh("hostname 2>/dev/null || cat /proc/sys/kernel/hostname; cat /etc/hosts"))

    assert socket.gethostname() not in result.output.split() or socket.gethostname() == "sandbox"


@pytest.mark.bubblewrap
@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run without root already")
def test_bubblewrap_holds_for_an_ordinary_user_too() -> None:
    """As root we drop rights ourselves; without, a user namespace has to do it. Same probes."""
    script = (
        "from sandbox import open_workbenches, probe\n"
        "from patchpilot.settings import SandboxSettings\n"
        "benches = open_workbenches(SandboxSettings(engine='bubblewrap'))\n"
        "print(benches.engine, [one for one in probe(benches) if not one.blocked])\n"
        "benches.close()\n"
    )
    # This Python may lie in root's home; the system's runs the same code if it has the same version.
    system = Path("/usr/bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    if not system.exists():
        pytest.skip(f"{system} is needed to run as another user")
    done = subprocess.run(
        [system, "-c", script],
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "bubblewrap does not work" in done.stdout or "Permission denied" in done.stderr:
        pytest.skip(f"not possible for an ordinary user here: {done.stdout}{done.stderr[-200:]}")

    assert done.stdout == "bubblewrap []\n", done.stderr


def test_an_engine_cut_off_mid_run_is_no_verdict(workbench_engine: Benches, workbench_tree: Path) -> None:
    """The bwrap process or container is killed from outside: neither red nor green."""

    def cut() -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if workbench_engine.engine == "docker":
                client = docker.from_env()
                found = client.containers.list(filters={"label": "patchpilot.job=cut"})
                for one in found:
                    one.kill()
                client.close()
                if found:
                    return
            else:
                done = subprocess.run(
                    ["pgrep", "-f", "^sleep 7131$"], capture_output=True, text=True, check=False
                )
                for pid in done.stdout.split():
                    subprocess.run(["kill", "-9", _outermost(pid)], check=False)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=cut)
    with workbench_engine.open(WorkbenchSpec(tree=workbench_tree, job_id="cut")) as bench:
        thread.start()
        result = bench.run(sh("sleep 7131"), limits=Limits(seconds=120))
        thread.join()

    assert result.ending is Ending.SANDBOX_ERROR
    assert not result.failed
    assert not result.passed


def _outermost(pid: str) -> str:
    """The outermost bwrap above a process: the last ancestor with that name."""
    found = pid
    while pid not in {"0", "1"}:
        status = Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if fields["Name"] == "bwrap":
            found = pid
        pid = fields["PPid"].strip()
    return found
