"""How much of what matters is kept, in how many bytes, how fast: ``python -m bench.distil``.

Two tables: accuracy on the labelled logs beside simple baselines within the same budget, on the projects that
were looked at while rules were tuned and on the held-out ones; and speed on one large log made of them.
"""

from __future__ import annotations

import argparse
import re
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agent.distil import distil
from bench.corpus import DEFAULT, Labelled, kept, load

Distiller = Callable[[bytes], str]
_GREP = re.compile(r"(?i)error|fail")
_CONTEXT = 3


@dataclass(slots=True)
class Score:
    """Sums over logs."""

    logs: int = 0
    all_kept: int = 0
    key_kept: int = 0
    lines: int = 0
    lines_kept: int = 0
    printed: int = 0
    read: int = 0
    seconds: float = 0.0
    missed: list[str] = field(default_factory=list)

    def add(self, log: Labelled, text: str, seconds: float) -> None:
        """Count one log."""
        expected, key = kept(log.expected, text), kept(log.key, text)
        self.logs += 1
        self.all_kept += all(expected)
        self.key_kept += all(key)
        self.lines += len(expected)
        self.lines_kept += sum(expected)
        self.printed += len(text.encode())
        self.read += log.size
        self.seconds += seconds
        if not all(expected):
            self.missed.append(log.id)

    def row(self) -> list[str]:
        """Cells of the table."""
        return [
            str(self.logs),
            f"{100 * self.all_kept / self.logs:.1f} %",
            f"{100 * self.key_kept / self.logs:.1f} %",
            f"{100 * self.lines_kept / max(self.lines, 1):.1f} %",
            f"{self.printed / self.logs:,.0f}",
            f"{100 * self.printed / self.read:.1f} %",
            f"{1000 * self.seconds / self.logs:.0f}",
        ]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=DEFAULT)
    parser.add_argument("--max-bytes", type=int, default=8000)
    parser.add_argument("--megabytes", type=int, default=300, help="size of the large log for the speed test")
    parser.add_argument(
        "--missed", action="store_true", help="name the logs of the tuned part that miss a line"
    )
    options = parser.parse_args()
    logs = load(options.corpus)
    console = Console(width=140)
    accuracy(console, logs, options.max_bytes, missed=options.missed)
    speed(console, logs, options.megabytes)


def accuracy(console: Console, logs: list[Labelled], max_bytes: int, *, missed: bool) -> None:
    """The labelled lines within the budget, by method, part and CI system."""
    table = Table(title=f"labelled lines kept within {max_bytes:,} bytes")
    for name in ("", "logs", "all lines", "key lines", "lines", "bytes", "of the log", "ms a log"):
        table.add_column(name, justify="left" if not name else "right")
    ours: dict[str, Score] = {}
    for name, distiller in methods(max_bytes).items():
        scores: dict[str, Score] = {}
        for log in logs:
            data = log.read()
            started = time.perf_counter()
            text = distiller(data)
            seconds = time.perf_counter() - started
            for group in groups(log) if name == "patchpilot" else ("all", part(log)):
                scores.setdefault(group, Score()).add(log, text, seconds)
        for group in sorted(scores, key=lambda group: (group.startswith(("ci ", "category ")), group)):
            table.add_row(f"{name}: {group}", *scores[group].row(), style="bold" if group == "all" else "")
        table.add_section()
        ours = ours or scores
    console.print(table)
    if missed:
        console.print("missed in the tuned part:", *ours["tuned part"].missed)


def part(log: Labelled) -> str:
    """Which part of the projects a log belongs to."""
    return "tuned part" if log.tuned_on else "held-out part"


def groups(log: Labelled) -> Iterator[str]:
    """Under which names a log counts."""
    yield "all"
    yield part(log)
    yield f"ci {log.ci}"
    if log.category:
        yield f"category {log.category}"


def methods(max_bytes: int) -> dict[str, Distiller]:
    """PatchPilot first, then what people do without it."""
    found: dict[str, Distiller] = {
        "patchpilot": lambda data: distil([data], max_bytes=max_bytes).text,
        "last 100 lines": lambda data: _cut(_tail(data, 100), max_bytes),
        "last 200 lines": lambda data: _cut(_tail(data, 200), max_bytes),
        "grep -C3 error|fail": lambda data: _cut(_grep(data), max_bytes),
    }
    if drain := _drain():
        found["drain3, rarest templates"] = lambda data: _cut(drain(data, max_bytes), max_bytes)
    return found


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _tail(data: bytes, count: int) -> str:
    return "\n".join(_lines(data.rstrip(b"\n"))[-count:])


def _grep(data: bytes) -> str:
    lines = _lines(data)
    hits: set[int] = set()
    for index, line in enumerate(lines):
        if _GREP.search(line):
            hits.update(range(max(0, index - _CONTEXT), min(len(lines), index + _CONTEXT + 1)))
    return "\n".join(lines[index] for index in sorted(hits))


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode("utf-8", "ignore")


def _drain() -> Callable[[bytes, int], str] | None:
    """Drain3 finds templates; lines of the rarest ones are kept. Optional: ``pip install drain3``."""
    try:
        from drain3 import TemplateMiner  # noqa: PLC0415 - an optional baseline
        from drain3.template_miner_config import TemplateMinerConfig  # noqa: PLC0415 - the same
    except ImportError:
        return None

    def distiller(data: bytes, max_bytes: int) -> str:
        miner = TemplateMiner(config=TemplateMinerConfig())
        lines = _lines(data)
        clusters = [miner.add_log_message(line)["cluster_id"] for line in lines]
        size = {cluster.cluster_id: cluster.size for cluster in miner.drain.clusters}
        chosen: set[int] = set()
        left = max_bytes
        for index in sorted(range(len(lines)), key=lambda index: (size.get(clusters[index], 0), -index)):
            left -= len(lines[index].encode()) + 1
            if left < 0:
                break
            chosen.add(index)
        return "\n".join(lines[index] for index in sorted(chosen))

    return distiller


def speed(console: Console, logs: list[Labelled], megabytes: int) -> None:
    """Bytes a second and memory on one large log, made by repeating the corpus."""
    blob = b"".join(log.read() for log in logs)
    table = Table(title="speed on one core, one log made of all others")
    for name in ("size", "seconds", "MB/s", "peak memory of the process", "kept"):
        table.add_column(name, justify="right")
    for size in (megabytes // 10, megabytes):
        before = time.process_time()
        failure = distil(_repeated(blob, size * 1_000_000))
        seconds = time.process_time() - before
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        share = len(failure.text) / failure.total_bytes
        table.add_row(
            f"{size} MB",
            f"{seconds:.2f}",
            f"{size / seconds:.0f}",
            f"{memory:.0f} MB",
            f"{100 * share:.4f} %",
        )
    console.print(table)


def _repeated(blob: bytes, size: int) -> Iterator[bytes]:
    step = 1 << 16
    done = 0
    while done < size:
        start = done % len(blob)
        chunk = blob[start : start + step]
        done += len(chunk)
        yield chunk


if __name__ == "__main__":
    main()
