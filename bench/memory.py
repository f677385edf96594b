"""How fast and how well the memory recalls: ``python -m bench.memory [--full] [--sizes 1000,10000]``.

Made-up failures of one repository, as many as each size says, are loaded into an embedded PostgreSQL. Then
near-duplicates of some of them (other numbers, paths, line order, a renamed test, lines lost; never the same
fingerprint) ask for the five closest. Beside what PatchPilot does (``hybrid``) stand the exact vector scan
without index and text search alone, on the same rows and questions in the same run.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import text

from patchpilot.failures import Category, DistilledFailure, Location, LogLine
from patchpilot.fixes import Outcome
from patchpilot.source import Repo
from playground.servers import embedded_postgres
from storage import memory
from storage.database import Database
from storage.embedders.hashing import HashingEmbedder
from storage.retrieval import searched

REPO = Repo("github", "acme/monolith")
QUESTIONS = 200
K = 5
_CHUNK = 500

_NOUNS = """
account address agent archive asset balance basket batch billing booking branch bucket budget cache
campaign cart catalog channel charge checkout client cluster column config contract coupon course
credit currency customer dataset deal delivery device digest discount document domain driver email
engine entry event export feature feed file filter folder gateway grant group handler header history
image import index invoice item journal label lead ledger license limit listing location login
market media member message metric migration model module network notice offer order package page
parser partner patch payment period permission plan player point policy price product profile
project proxy quota quote rating receipt record refund region renderer report request resource
review reward role route rule schedule schema scope search section segment session shipment signal
source stage stock storage stream subscription supplier survey tag target task tax team template
tenant thread ticket token topic tracker trade transfer trigger upload user vendor version view
voucher wallet webhook widget window worker workspace zone
""".split()  # noqa: SIM905  # a list of so many strings is hard to read
_VERBS = """
accept add apply archive assign attach build calculate cancel check clone close collect compare
convert copy count create decode delete deliver detect draw drop encode export fetch filter format
group hash import index insert join list load lock map mark merge migrate move normalise notify open
order parse patch print publish purge push query rank read refresh refund reject release remove
rename render replace reserve reset resolve restore retry revoke rotate round save scan schedule
send sign sort start stop store submit sync trim update upload validate verify write
""".split()  # noqa: SIM905  # a list of so many strings is hard to read
_ERRORS = """
AssertionError TypeError ValueError KeyError AttributeError IndexError ImportError TimeoutError
PermissionError ZeroDivisionError UnicodeDecodeError RecursionError LookupError OverflowError
""".split()  # noqa: SIM905  # a list of so many strings is hard to read


def made_up(number: int) -> DistilledFailure:
    """Failure ``number``: a test of some function in some module, with a traceback and a cause."""
    chance = random.Random(number)
    noun, other, third = chance.sample(_NOUNS, 3)
    verb, error = chance.choice(_VERBS), chance.choice(_ERRORS)
    path = f"src/{noun}/{chance.choice(_NOUNS)}_{other}.py"
    test = f"tests/{noun}/test_{other}.py::test_{verb}_{third}_{chance.choice(_NOUNS)}"
    cause = f"{error}: {verb}_{other}() got {chance.randrange(1000)} for {third}_{chance.choice(_NOUNS)}"
    lines = [
        f"FAILED {test} - {cause}",
        f"{path}:{chance.randrange(400)}: in {verb}_{other}",
        f"    return self.{chance.choice(_NOUNS)}.{chance.choice(_VERBS)}({third})",
        f"{path}:{chance.randrange(400)}: {error}",
        f"1 failed, {chance.randrange(900)} passed in {chance.random() * 90:.2f}s",
    ]
    return _failure(cause, test, path, lines, fingerprint=f"m{number}")


def near_duplicate(failure: DistilledFailure, chance: random.Random) -> DistilledFailure:
    """The same cause met on another day, as a log shows it: never the same fingerprint."""

    def renumbered(line: str) -> str:
        return "".join(chance.choice("0123456789") if mark.isdigit() else mark for mark in line)

    lines = [renumbered(line) for line in failure.text.splitlines()]
    chance.shuffle(lines)
    del lines[: chance.randrange(3)]
    test = failure.tests[0] + chance.choice(["", "_again", "[utf-8]", "_for_guests"])
    path = failure.files[0].path
    if chance.random() < 0.5:
        path = path.replace("src/", "lib/")
    cause = renumbered(failure.cause)
    if chance.random() < 0.3:
        cause = cause.replace("got", "received")
    return _failure(cause, test, path, lines, fingerprint=f"q{chance.random()}")


def _failure(cause: str, test: str, path: str, lines: list[str], *, fingerprint: str) -> DistilledFailure:
    return DistilledFailure(
        text="\n".join(lines),
        category=Category.TEST,
        tool="pytest",
        cause=cause,
        fingerprint=fingerprint,
        tests=(test,),
        files=(Location(path),),
        evidence=(LogLine(1, lines[0] if lines else cause),),
    )


@dataclass(frozen=True)
class Result:
    """One way of asking at one size."""

    size: int
    way: str
    p50: float
    p95: float
    """Milliseconds, from the failure to the past cases, embedding included."""
    recall: float


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    console = Console()
    sizes = [int(size) for size in arguments.sizes.split(",")] + ([1_000_000] if arguments.full else [])
    table = Table("memories", "way", "p50 ms", "p95 ms", f"recall@{K}", title=f"{QUESTIONS} questions each")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="patchpilot-bench-") as folder:
            results, note = _measured(size, Path(folder))
        for result in results:
            figures = (f"{result.p50:.1f}", f"{result.p95:.1f}", f"{result.recall:.1%}")
            table.add_row(f"{result.size:,}", result.way, *figures)
        table.add_section()
        console.print(note)
    console.print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of memories, with commas")
    parser.add_argument("--full", action="store_true", help="1,000,000 memories as well (takes long)")
    return parser.parse_args()


def _measured(size: int, folder: Path) -> tuple[list[Result], str]:
    with embedded_postgres(folder / "pg", durable=False) as url:
        database = Database(url)
        database.migrate()
        begun = time.monotonic()
        _load(url, size)
        loaded = time.monotonic() - begun
        with database.transaction() as session:
            index = session.scalar(text("SELECT pg_size_pretty(pg_relation_size('memories_nearest'))"))
            whole = session.scalar(text("SELECT pg_size_pretty(pg_total_relation_size('memories'))"))
        chance = random.Random(size)
        asked = [
            (number, near_duplicate(made_up(number), chance))
            for number in (chance.randrange(size) for _ in range(QUESTIONS))
        ]
        ways: dict[str, Callable[[DistilledFailure], list[int]]] = {
            "hybrid": _hybrid(database),
            "exact scan": _exact(database),
            "text only": _words(database),
        }
        results = [_asked(size, way, ask, asked) for way, ask in ways.items()]
        database.close()
    return results, f"{size:,} memories: loaded in {loaded:.0f} s, {whole} of which {index} vector index"


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
            for rows in track(_rows(size), total=-(-size // _CHUNK), description=f"{size:,} memories"):
                for row in rows:
                    copy.write_row(row)
        connection.execute("SET maintenance_work_mem = '2GB'")
        connection.execute("SET max_parallel_maintenance_workers = 1")
        for _, made in indexes:
            connection.execute(made.encode())
        connection.execute("VACUUM ANALYZE memories")


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


def _rows(size: int) -> Iterator[list[tuple[object, ...]]]:
    starts = range(0, size, _CHUNK)
    with ProcessPoolExecutor(2) as pool:
        yield from pool.map(_made_rows, [range(start, min(start + _CHUNK, size)) for start in starts])


def _made_rows(numbers: range) -> list[tuple[object, ...]]:
    embedder = HashingEmbedder()
    failures = [made_up(number) for number in numbers]
    sources = [memory.embedded(failure) for failure in failures]
    return [
        (
            REPO.host,
            REPO.full_name,
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


def _hybrid(database: Database) -> Callable[[DistilledFailure], list[int]]:
    store = memory.PostgresMemory(database)
    return lambda failure: [past.incident for past in store.recall(REPO, failure, k=K)]


def _exact(database: Database) -> Callable[[DistilledFailure], list[int]]:
    embedder = HashingEmbedder()

    def ask(failure: DistilledFailure) -> list[int]:
        vector = str(embedder.embed([memory.embedded(failure)])[0])
        with database.transaction() as session:
            session.execute(text("SET LOCAL enable_indexscan = off"))
            return list(
                session.scalars(
                    text(
                        "SELECT incident FROM memories WHERE host = :host AND repo = :repo "
                        "ORDER BY embedding <=> CAST(:vector AS vector) LIMIT :k"
                    ),
                    {"host": REPO.host, "repo": REPO.full_name, "vector": vector, "k": K},
                )
            )

    return ask


def _words(database: Database) -> Callable[[DistilledFailure], list[int]]:
    def ask(failure: DistilledFailure) -> list[int]:
        with database.transaction() as session:
            numbers = memory.worded(session, REPO, failure)[:K]
            rows = session.execute(
                text("SELECT id, incident FROM memories WHERE id = ANY(:numbers)"), {"numbers": numbers}
            )
            return [row.incident for row in rows]

    return ask


def _asked(
    size: int,
    way: str,
    ask: Callable[[DistilledFailure], list[int]],
    questions: list[tuple[int, DistilledFailure]],
) -> Result:
    for _, failure in questions[:5]:
        ask(failure)  # Connections and caches: the first calls measure those.
    found, spent = 0, []
    for number, failure in questions:
        begun = time.perf_counter()
        incidents = ask(failure)
        spent.append((time.perf_counter() - begun) * 1000)
        found += number + 1 in incidents
    p95 = statistics.quantiles(spent, n=20)[-1]
    return Result(size, way, statistics.median(spent), p95, found / len(questions))


if __name__ == "__main__":
    main()
