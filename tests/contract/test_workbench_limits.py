"""One bomb per limit: each is ended, told by its name, and never green."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from pathlib import Path

import docker
import pytest

from patchpilot.fixes import Ending, Limits, ShellCommand
from patchpilot.ports import Workbench, WorkbenchSpec
from sandbox import cgroups
from sandbox.bench import Benches
from sandbox.docker_engine import LABEL


def python(script: str) -> ShellCommand:
    return ShellCommand(script=script, shell="python3")


def sh(script: str) -> ShellCommand:
    return ShellCommand(script=script)


def test_a_hang_is_a_timeout(workbench: Workbench) -> None:
    result = workbench.run(sh("trap '' TERM INT; while :; do sleep 1; done"), limits=Limits(seconds=1))

    assert result.ending is Ending.TIMEOUT
    assert result.exit_code is None
    assert not result.passed
    assert not result.failed
    assert result.seconds < 10


def test_a_hang_that_closed_its_streams_is_a_timeout(workbench: Workbench) -> None:
    result = workbench.run(sh("exec >/dev/null 2>&1; sleep 60"), limits=Limits(seconds=1))

    assert result.ending is Ending.TIMEOUT


def test_eating_memory_is_out_of_memory(workbench: Workbench) -> None:
    result = workbench.run(python("b = bytearray(900 << 20)"), limits=Limits(memory_mb=128))

    assert result.ending is Ending.OUT_OF_MEMORY
    assert not result.failed


def test_a_child_killed_for_memory_outranks_its_parents_success(workbench: Workbench) -> None:
    script = "python3 -c 'b = bytearray(900 << 20)' || true; echo PASSED; exit 0"
    result = workbench.run(sh(script), limits=Limits(memory_mb=128))

    assert "PASSED" in result.output
    assert result.ending is Ending.OUT_OF_MEMORY
    assert not result.passed


def test_memory_is_counted_over_all_processes(workbench: Workbench) -> None:
    script = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        b = bytearray(60 << 20)
        time.sleep(20)
os.wait()
"""
    result = workbench.run(python(script), limits=Limits(memory_mb=128, seconds=60))

    assert result.ending is Ending.OUT_OF_MEMORY or result.exit_code not in {0, None}


def test_a_fork_bomb_meets_its_limit(workbench: Workbench) -> None:
    script = """
import os, time
made = 0
try:
    for _ in range(500):
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
except OSError as error:
    print(f"stopped {error.errno} after {made};")
"""
    result = workbench.run(python(script), limits=Limits(processes=40, seconds=20))

    assert (stopped := re.search(r"stopped 11 after (\d+);", result.output))
    assert int(stopped[1]) <= 46


@pytest.mark.parametrize("place", ["/src", "/tmp", "/dev/shm"])
def test_a_disk_bomb_meets_its_limit(workbench: Workbench, place: str) -> None:
    script = f"i=0; while head -c 20000000 /dev/zero > {place}/fill$i; do i=$((i+1)); done; echo full $i"
    result = workbench.run(ShellCommand(script=script, shell="sh"), limits=Limits(memory_mb=256, seconds=30))

    if result.ending is Ending.EXITED:
        assert "No space left" in result.output
        assert int(result.output.split()[-1]) < 16
    else:
        assert result.ending is Ending.OUT_OF_MEMORY


def test_one_file_may_not_pass_100_mib(workbench: Workbench) -> None:
    script = "head -c 150000000 /dev/zero > big || echo size $(stat -c %s big)"
    result = workbench.run(ShellCommand(script=script, shell="sh"))

    assert (size := re.search(r"size (\d+)", result.output))
    assert int(size[1]) <= 100 * 2**20


def test_flooding_output_is_cut_and_never_green(workbench: Workbench) -> None:
    result = workbench.run(sh("yes"), limits=Limits(output_bytes=100_000, seconds=30))

    assert result.ending is Ending.OUTPUT_LIMIT
    assert result.truncated
    assert len(result.output) == 100_000
    assert not result.passed


def test_a_little_too_much_output_is_not_green_either(workbench: Workbench) -> None:
    result = workbench.run(sh("head -c 1001 /dev/zero | tr '\\0' x"), limits=Limits(output_bytes=1_000))

    assert result.ending is Ending.OUTPUT_LIMIT
    assert not result.passed


def test_killing_everything_around_it_is_no_verdict(workbench: Workbench) -> None:
    result = workbench.run(sh("kill -9 -1"))

    assert result.ending is Ending.SANDBOX_ERROR
    assert not result.failed


def test_an_operators_limit_is_never_passed(workbench_engine: Benches, workbench_tree: Path) -> None:
    spec = WorkbenchSpec(tree=workbench_tree, job_id="limit", limits=Limits(memory_mb=4_000))
    with workbench_engine.open(spec) as bench:
        result = bench.run(python("b = bytearray(900 << 20)"), limits=Limits(memory_mb=8_000))

    assert result.ending is Ending.OUT_OF_MEMORY


def test_several_run_side_by_side(workbench_engine: Benches, workbench_tree: Path) -> None:
    outputs: list[str] = []

    def one(number: int) -> None:
        spec = WorkbenchSpec(tree=workbench_tree, job_id=f"side-{number}")
        with workbench_engine.open(spec) as bench:
            outputs.append(bench.run(sh(f"echo {number}")).output)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outputs) == [f"{number}\n" for number in range(6)]


def test_nothing_is_left_afterwards(
    workbench_engine: Benches,
    workbench_tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
    before = _left_on_this_machine()

    def fail_midway() -> None:
        with workbench_engine.open(WorkbenchSpec(tree=workbench_tree, job_id="tidy")) as bench:
            bench.run(sh("echo x > /tmp/x"))
            bench.run(sh("sleep 60"), limits=Limits(seconds=1))
            bench.run(sh("yes"), limits=Limits(output_bytes=1_000))
            bench.capture(sh("echo x > y"))
            raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        fail_midway()

    assert _left_on_this_machine() == before
    if workbench_engine.engine == "docker":
        client = docker.from_env()
        assert client.containers.list(all=True, filters={"label": f"{LABEL}=tidy"}) == []
        client.close()


def _left_on_this_machine() -> set[str]:
    found = {str(path) for path in Path(tempfile.gettempdir()).iterdir()}
    groups = cgroups.find()
    for parent in groups.parents.values() if groups else ():
        found |= {str(path) for path in parent.glob(f"{cgroups.PREFIX}{os.getpid()}-*")}
    return found


def test_git_is_the_only_program_needed_on_this_side() -> None:
    assert shutil.which("git")
