"""How well and how fast the memory recalls: ``python -m bench.memory [--corpus DIR] [--full]``.

Two tables. The first asks for failures of real logs that are there in another form (bench/same_cause.py). The
second asks near-duplicates of made-up failures (other numbers, paths, line order, a renamed test, lines lost;
never the same fingerprint) among as many as each size says, all of one repository, and of a small repository
beside it. Next to what PatchPilot does stand the exact scan without an index and text search alone, on the
same rows and questions in the same run, in an embedded PostgreSQL with 1 GB of shared buffers.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import text

from bench import same_cause
from bench.corpus import DEFAULT
from bench.made_up import made_up, near_duplicate
from bench.recalling import Ask, K, by_vectors, by_words, exactly, hybrid
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Outcome
from patchpilot.source import Repo
from playground.servers import embedded_postgres
from storage import memory
from storage.database import Database
from storage.embedders.hashing import HashingEmbedder
from storage.retrieval import searched

REPO = Repo("github", "acme/monolith")
SMALL = Repo("github", "acme/small")
SMALL_SIZE = 200
QUESTIONS = 200
CALM = 1.5
"""Load average (1 minute) above which latencies say more about the neighbours than about the memory."""
_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class Result:
    """One way of asking at one size."""

    way: str
    p50: float
    p95: float
    """Milliseconds of wall time, from the failure to the past cases, embedding included."""
    cpu: float
    """Of these at the 95th percentile, those in which this process or the server's was computing."""
    recall: float


def main() -> None:
    """Print both tables."""
    arguments = _arguments()
    console = Console(width=130)
    if arguments.corpus.is_dir():
        console.print(same_cause.table(arguments.corpus))
    else:
        console.print(f"no corpus at {arguments.corpus}: name one with --corpus to measure on real logs")
    sizes = [int(size) for size in arguments.sizes.split(",") if size] + (
        [1_000_000] if arguments.full else []
    )
    table = Table(title=f"{QUESTIONS} questions each, made-up failures")
    for name in ("memories", "way", "p50 ms", "p95 ms", "p95 ms computing", f"recall@{K}"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="patchpilot-bench-", dir=arguments.folder) as folder:
            results, note = _measured(size, Path(folder), wait=arguments.wait)
        for result in results:
            figures = (f"{figure:.1f}" for figure in (result.p50, result.p95, result.cpu))
            table.add_row(f"{size:,}", result.way, *figures, f"{result.recall:.1%}")
        table.add_section()
        console.print(note)
    if sizes:
        console.print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=DEFAULT, help="labelled logs")
    parser.add_argument(
        "--sizes", default="1000,10000,100000", help="numbers of memories, with commas; may be empty"
    )
    parser.add_argument("--full", action="store_true", help="1,000,000 memories as well (takes long)")
    parser.add_argument(
        "--wait", type=float, default=60, help="wait at most so many seconds for a calm machine"
    )
    parser.add_argument("--folder", type=Path, default=None, help="where the database goes for a while")
    return parser.parse_args()


def _measured(size: int, folder: Path, *, wait: float) -> tuple[list[Result], str]:
    with embedded_postgres(folder / "pg", durable=False, shared_buffers="1GB") as url:
        database = Database(url, pool_size=1)
        database.migrate()
        begun = time.monotonic()
        _load(url, size)
        loaded = time.monotonic() - begun
        with database.transaction() as session:
            server = session.scalar(text("SELECT pg_backend_pid()"))
            index = session.scalar(text("SELECT pg_size_pretty(pg_relation_size('memories_nearest_384'))"))
            whole = session.scalar(text("SELECT pg_size_pretty(pg_total_relation_size('memories'))"))
        chance = random.Random(size)
        large = _questions(range(size), chance)
        small = _questions(range(size, size + SMALL_SIZE), chance)
        ways: list[tuple[str, Ask, Sequence[Question]]] = [
            ("hybrid", hybrid(database, REPO), large),
            (f"hybrid, repository of {SMALL_SIZE} beside it", hybrid(database, SMALL), small),
            ("vectors alone, by index", by_vectors(database, REPO), large),
            ("text alone", by_words(database, REPO), large),
            ("vectors, exact scan", exactly(database, REPO), large),
        ]
        load = _calm(wait)
        results = [_asked(way, ask, asked, server=server or 0) for way, ask, asked in ways]
        database.close()
    note = f"{size:,} memories: loaded in {loaded:.0f} s, {whole} of which {index} vector index; "
    return results, f"{note}load average {load:.1f} before, {os.getloadavg()[0]:.1f} after"


Question = tuple[int, DistilledFailure]
"""The number of the failure that should come back, and what is asked."""


def _questions(numbers: range, chance: random.Random) -> list[Question]:
    chosen = [chance.choice(numbers) for _ in range(QUESTIONS)]
    return [(number, near_duplicate(made_up(number), chance)) for number in chosen]


def _calm(wait: float) -> float:
    """Wait for others to be done, but not for ever; the load average then."""
    deadline = time.monotonic() + wait
    while os.getloadavg()[0] > CALM and time.monotonic() < deadline:
        time.sleep(2)
    return os.getloadavg()[0]


def _load(url: str, size: int) -> None:
    """All rows by COPY, and the indexes after them: that is how a restore does it too."""
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = [
            (str(name), str(made))
            for name, made in connection.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'memories' "
                "AND (indexdef LIKE '%USING hnsw%' OR indexdef LIKE '%USING gin%')"
            )
        ]
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        columns = ", ".join(_COLUMNS)
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY memories ({columns}) FROM STDIN".encode()) as copy,
        ):
            for rows in track(
                _rows(size + SMALL_SIZE, size), total=-(-size // _CHUNK), description=f"{size:,} memories"
            ):
                for row in rows:
                    copy.write_row(row)
        connection.execute("SET maintenance_work_mem = '2GB'")
        connection.execute("SET max_parallel_maintenance_workers = 1")
        for _, made in indexes:
            connection.execute(made.encode())
        connection.execute("VACUUM ANALYZE memories")
        connection.execute("CHECKPOINT")  # Else it is written out while questions are asked.


_COLUMNS = (
    "host",
    "repo",
    "fingerprint",
    "text",
    "source",
    "embedding",
    "embedder",
    "patch",
    "patch_sha256",
    "author",
    "outcome",
    "root_cause",
    "incident",
)


def _rows(count: int, large: int) -> Iterator[list[tuple[object, ...]]]:
    starts = range(0, count, _CHUNK)
    with ProcessPoolExecutor(2) as pool:
        yield from pool.map(
            _made_rows, [range(start, min(start + _CHUNK, count)) for start in starts], repeat(large)
        )


def _made_rows(numbers: range, large: int) -> list[tuple[object, ...]]:
    embedder = HashingEmbedder()
    failures = [made_up(number) for number in numbers]
    sources = [memory.embedded(failure) for failure in failures]
    return [
        (
            REPO.host,
            (REPO if number < large else SMALL).full_name,
            failure.fingerprint,
            searched(failure),
            source,
            str(vector),
            embedder.name,
            "+x\n",
            "0",
            "a human",
            Outcome.HUMAN.value,
            failure.cause,
            number + 1,
        )
        for number, failure, source, vector in zip(
            numbers, failures, sources, embedder.embed(sources), strict=True
        )
    ]


def _asked(way: str, ask: Ask, questions: Sequence[Question], *, server: int) -> Result:
    for _, failure in questions[:10]:
        ask(failure)  # Connections and caches: the first calls measure those.
    found, spent, computed = 0, [], []
    for number, failure in questions:
        begun, busy = time.perf_counter(), _computing(server)
        incidents = ask(failure)
        spent.append((time.perf_counter() - begun) * 1000)
        computed.append(_computing(server) - busy)
        found += number + 1 in incidents
    return Result(
        way=way,
        p50=statistics.median(spent),
        p95=statistics.quantiles(spent, n=20)[-1],
        cpu=statistics.quantiles(computed, n=20)[-1],
        recall=found / len(questions),
    )


def _computing(server: int) -> float:
    """Milliseconds that this process and the one that serves it have spent on a core."""
    # https://docs.kernel.org/scheduler/sched-stats.html: nanoseconds on a core come first.
    ran = int(Path(f"/proc/{server}/schedstat").read_text().split()[0])
    return time.process_time() * 1000 + ran / 1_000_000


if __name__ == "__main__":
    main()
