"""What a sandboxed run costs: beside a bare container of the same image, cold, and many at once.

Run: ``python -m bench.sandbox [--runs N] [--files N]``. All figures come from one session on one machine, so
the ratios can be compared across machines; the seconds can't. Ours and the bare run take turns, so that what
else the machine does weighs on both alike. A bare run copies the same files in and works on them too:
``docker run -i`` with a tar on standard input. The rows of the prepared layer are of a project without
dependencies: the cost of the step itself (:mod:`sandbox.layers`), once really, once as it is found again.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from patchpilot.fixes import Preparation, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, open_workbenches, probe
from sandbox.bench import Benches
from sandbox.images import LOCAL_IMAGE

COMMANDS = {
    "true": "true",
    "python": "python3 -c 'import json'",
    "work": "python3 -c 'sum(number * number for number in range(20_000_000))'",
}
"""From nothing at all to the couple of seconds that a small test suite takes."""


def main() -> None:
    """Measure each engine that this machine has and print one table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="runs for each figure")
    parser.add_argument("--files", type=int, default=200, help="files in the checkout, 2 kB each")
    parser.add_argument("--image", default=LOCAL_IMAGE)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        tree = _checkout(Path(folder, "tree"), options.files)
        for engine in (SandboxEngine.DOCKER, SandboxEngine.BUBBLEWRAP):
            image = options.image if engine is SandboxEngine.DOCKER else ""
            settings = SandboxSettings(engine=engine, image=image, layers=Path(folder, "layers"))
            _measure(console, settings, tree, runs=options.runs)


def _checkout(tree: Path, files: int) -> Path:
    for number in range(files):
        place = tree / f"package{number % 20}" / f"module{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"value = {number}\n" * 150)
    return tree


def _measure(console: Console, settings: SandboxSettings, tree: Path, *, runs: int) -> None:
    started = time.perf_counter()
    benches = open_workbenches(settings)
    if isinstance(benches, NoWorkbenches):
        console.print(f"[yellow]{settings.engine} is left out: {benches.reason}")
        return
    with benches.open(WorkbenchSpec(tree=tree, job_id="bench")) as bench:
        bench.run(ShellCommand(script="true"))
    cold = time.perf_counter() - started
    bare_cold = _once(_bare(settings, tree, "true"))
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    table = Table(
        "measure", "median s", "worst s", "beside bare", title=benches.reason, caption=f"load average {load}"
    )
    table.add_row("cold: engine, checkout, first run", f"{cold:.3f}", "", f"{cold - bare_cold:+.2f} s")
    for name, script in COMMANDS.items():
        ours, bare = _in_turns(benches, _bare(settings, tree, script), tree, script, runs)
        pairs = [one / other for one, other in zip(ours, bare, strict=True)]
        table.add_row(f"workbench run: {name}", *_figures(ours), f"{statistics.median(pairs):.2f} ×")
        table.add_row(f"bare run: {name}", *_figures(bare), "1")
    first, again = _prepared(benches, tree)
    table.add_row("prepared layer: made, first open", f"{first:.3f}", "", "")
    table.add_row("prepared layer: found again", f"{again:.3f}", "", "")
    for width in (1, 2, 4, 8):
        table.add_row(
            f"starts each second, {width} at once", f"{_rate(benches, tree, width, runs):.1f}", "", ""
        )
    probes = probe(benches)
    blocked = sum(one.blocked for one in probes)
    table.add_row("ways out that are shut", f"{blocked} of {len(probes)}", "", "")
    benches.close()
    console.print(table)


def _figures(times: list[float]) -> tuple[str, str]:
    return f"{statistics.median(times):.3f}", f"{max(times):.3f}"


def _in_turns(
    benches: Benches, bare: Callable[[], object], tree: Path, script: str, runs: int
) -> tuple[list[float], list[float]]:
    """Seconds of ours and of the bare run, one after the other each time; the first pair is not counted."""
    ours, others = [], []
    with benches.open(WorkbenchSpec(tree=tree, job_id="bench")) as bench:
        command = ShellCommand(script=script, shell="sh -e")
        for _ in range(runs + 1):
            ours.append(_once(lambda: _green(benches.engine, bench.run(command).passed)))
            others.append(_once(bare))
    return ours[1:], others[1:]


def _prepared(benches: Benches, tree: Path) -> tuple[float, float]:
    """Seconds until a workbench with an installed project is open: made, and found again."""
    project = (
        '[project]\nname = "bench"\nversion = "1"\n[project.scripts]\nbench-it = "package0.module0:value"\n'
    )
    (tree / "pyproject.toml").write_text(project)
    installs = Preparation(manager="pip", manifests=("pyproject.toml",))
    spec = WorkbenchSpec(tree=tree, job_id="bench", preparations=(installs,))

    def opened() -> None:
        with benches.open(spec) as bench:
            if bench.unprepared:
                raise SystemExit(bench.unprepared)

    before = {one.key for one in benches.stored_layers()}
    seconds = _once(opened), _once(opened)
    for one in benches.stored_layers():
        if one.key not in before:
            benches.drop_layer(one.key)
    return seconds


def _green(engine: str, passed: bool) -> None:  # noqa: FBT001 - the one thing it checks
    if not passed:
        raise SystemExit(f"{engine}: a run that must be green was not; the figures would mean nothing")


def _once(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _bare(settings: SandboxSettings, tree: Path, script: str) -> Callable[[], object]:
    """The same command on the same files with the engine's own client, without any of our limits."""
    step = f"mkdir /tmp/src && cd /tmp/src && tar -x && {script}"
    command = ["docker", "run", "--rm", "-i", settings.image, "sh", "-c", step]
    if settings.engine is SandboxEngine.BUBBLEWRAP:
        root = ["--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp", "--unshare-all"]
        command = ["bwrap", *root, "sh", "-c", step]
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    archive = subprocess.run(["tar", "-c", "-C", tree, "."], check=True, capture_output=True).stdout
    return lambda: subprocess.run(command, check=True, capture_output=True, env=path, input=archive)


def _rate(benches: Benches, tree: Path, width: int, runs: int) -> float:
    with benches.open(WorkbenchSpec(tree=tree, job_id="bench")) as bench, ThreadPoolExecutor(width) as pool:
        command = ShellCommand(script="true")
        started = time.perf_counter()
        for result in pool.map(lambda _: bench.run(command), range(runs)):
            _green(benches.engine, result.passed)
        return runs / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
