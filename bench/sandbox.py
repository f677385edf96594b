"""What a sandboxed run costs: beside a bare container of the same image, cold, and many at once.

Run: ``python -m bench.sandbox [--runs N] [--files N]``. All figures come from one session on one machine, so
the ratios can be compared across machines; the seconds can't.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from patchpilot.fixes import ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, open_workbenches, probe
from sandbox.bench import Benches
from sandbox.images import LOCAL_IMAGE

COMMANDS = {"true": "true", "python": "python3 -c 'import json'"}


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
            _measure(console, SandboxSettings(engine=engine, image=image), tree, runs=options.runs)


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
    table = Table("measure", "median s", "worst s", "beside bare", title=benches.reason)
    table.add_row("cold: engine, checkout, first run", f"{cold:.3f}", "", "")
    for name, script in COMMANDS.items():
        ours = _runs(benches, tree, script, runs)
        bare = _times(_bare(settings, script), runs)
        ratio = statistics.median(ours) / statistics.median(bare)
        table.add_row(f"workbench run: {name}", *_figures(ours), f"{ratio:.2f} ×")
        table.add_row(f"bare run: {name}", *_figures(bare), "1")
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


def _runs(benches: Benches, tree: Path, script: str, runs: int) -> list[float]:
    with benches.open(WorkbenchSpec(tree=tree, job_id="bench")) as bench:
        return _times(lambda: _green(benches.engine, bench.run(ShellCommand(script=script)).passed), runs)


def _green(engine: str, passed: bool) -> None:  # noqa: FBT001 - the one thing it checks
    if not passed:
        raise SystemExit(f"{engine}: a run that must be green was not; the figures would mean nothing")


def _times(action: Callable[[], object], runs: int) -> list[float]:
    action()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return times


def _bare(settings: SandboxSettings, script: str) -> Callable[[], object]:
    """The same command with the engine's own client, without a limit or a checkout."""
    command = ["docker", "run", "--rm", settings.image, "sh", "-c", script]
    if settings.engine is SandboxEngine.BUBBLEWRAP:
        command = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--unshare-all", "sh", "-c", script]
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return lambda: subprocess.run(command, check=True, capture_output=True, env=path)


def _rate(benches: Benches, tree: Path, width: int, runs: int) -> float:
    with benches.open(WorkbenchSpec(tree=tree, job_id="bench")) as bench, ThreadPoolExecutor(width) as pool:
        command = ShellCommand(script="true")
        started = time.perf_counter()
        for result in pool.map(lambda _: bench.run(command), range(runs)):
            _green(benches.engine, result.passed)
        return runs / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
