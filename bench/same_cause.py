"""Whether real failures come back: the labelled logs, each remembered once and asked for in another form.

*Another day* is the same log with other paths, times, durations, addresses, hashes, shards and order of what
passed, and with a different passing part around the failure. *Alike* are logs of the same project, tool and
category, which often but not always have the same cause, so no way of looking finds them all. Fingerprints
are left out of both, except where the table says so: the question is what is found without them.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import track
from rich.table import Table

from agent.distil import distil
from bench.corpus import Labelled, load
from bench.recalling import Ask, K, by_vectors, by_words, exactly, hybrid
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.source import Repo
from playground.servers import embedded_postgres
from storage.database import Database
from storage.memory import PostgresMemory

REPO = Repo("github", "acme/corpus")
_AROUND = 15
"""Lines on each side of a labelled one that belong to the failure."""
_NEEDLE = 60
_ALARMING = re.compile(rb"(?i)error|fail|fatal|exception|panic|abort|denied|cannot|killed|unable|warn")
_TESTED = 40


@dataclass(frozen=True, kw_only=True)
class Question:
    """A failure to ask for, and the incidents that are right."""

    asked: DistilledFailure
    right: frozenset[int]
    itself: int = 0
    """An incident that does not count: the one that is asked with."""


def table(folder: Path) -> Table:
    """Ask all ways for all logs below ``folder``."""
    logs = load(folder)
    texts = [log.read() for log in logs]
    failures = [distil([data]) for data in track(texts, description="logs read")]
    chance = random.Random(7)
    others = [
        distil([another_day(log, data, texts, chance)])
        for log, data in track(list(zip(logs, texts, strict=True)), description="logs of another day")
    ]
    days = [Question(asked=other, right=frozenset({n})) for n, other in enumerate(others, start=1)]
    bare = [replace(one, asked=replace(one.asked, fingerprint="")) for one in days]
    kinds = {
        "another day": bare,
        "alike": list(alike(logs, failures)),
        "another day, with fingerprint": days,
    }
    shown = Table(title=f"recall@{K} among {len(logs)} real failures in one repository")
    for name in ("questions", "asked", "hybrid", "vectors, exact scan", "vectors, by index", "text alone"):
        shown.add_column(name, justify="left" if name == "questions" else "right")
    with (
        tempfile.TemporaryDirectory(prefix="patchpilot-bench-") as place,
        embedded_postgres(Path(place) / "pg", durable=False) as url,
    ):
        database = Database(url)
        database.migrate()
        _remember(database, failures)
        ways = [way(database, REPO, k=K + 1) for way in (hybrid, exactly, by_vectors, by_words)]
        for kind, questions in kinds.items():
            figures = (f"{100 * recall(ask, questions):.1f} %" for ask in ways)
            shown.add_row(kind, str(len(questions)), *figures)
        database.close()
    same = sum(one.fingerprint == other.fingerprint for one, other in zip(failures, others, strict=True))
    shown.caption = f"{same} of {len(logs)} logs keep their fingerprint on another day"
    return shown


def recall(ask: Ask, questions: Sequence[Question]) -> float:
    """Mean share of the right incidents, of at most K, among the first K."""
    shares = []
    for question in questions:
        found = [incident for incident in ask(question.asked) if incident != question.itself][:K]
        shares.append(len(question.right & set(found)) / min(len(question.right), K))
    return sum(shares) / len(shares)


def alike(logs: Sequence[Labelled], failures: Sequence[DistilledFailure]) -> Iterable[Question]:
    """One question for each log that has others of its project, tool and category."""
    groups: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    keys = [(log.project, failure.tool, log.category) for log, failure in zip(logs, failures, strict=True)]
    for number, key in enumerate(keys, start=1):
        groups[key].add(number)
    for number, (key, failure) in enumerate(zip(keys, failures, strict=True), start=1):
        if right := groups[key] - {number}:
            yield Question(asked=replace(failure, fingerprint=""), right=frozenset(right), itself=number)


def another_day(log: Labelled, data: bytes, texts: Sequence[bytes], chance: random.Random) -> bytes:
    """The log as the same failure would have written it in another run."""
    lines = data.splitlines()
    failing = _failing(log, lines)
    passing = _passing(chance.choice(texts), chance)
    shuffled: list[bytes] = []
    waiting: list[bytes] = []
    for number, line in enumerate(lines):
        if number in failing:
            chance.shuffle(waiting)
            shuffled += [*waiting, line]
            waiting = []
        elif _ALARMING.search(line):
            waiting.append(line)
        elif chance.random() < 0.6:
            waiting.append(line)
            if passing and chance.random() < 0.2:
                waiting.append(passing.pop())
            if len(waiting) >= _TESTED:
                chance.shuffle(waiting)
                shuffled += waiting
                waiting = []
    shuffled += waiting
    moved = _Moved(chance)
    return b"\n".join(moved(line) for line in shuffled) + b"\n"


def _failing(log: Labelled, lines: Sequence[bytes]) -> set[int]:
    """Numbers of the lines that say what failed; all alarming ones where the labels are not found."""
    needles = [" ".join(line.split())[:_NEEDLE].encode() for line in (*log.expected, *log.key)]
    plain = [b" ".join(line.split()) for line in lines]
    marked = [number for number, line in enumerate(plain) if any(needle in line for needle in needles)]
    marked = marked or [number for number, line in enumerate(lines) if _ALARMING.search(line)]
    return {near for number in marked for near in range(number - _AROUND, number + _AROUND + 1)}


def _passing(data: bytes, chance: random.Random) -> list[bytes]:
    """Harmless lines of another log."""
    lines = [line for line in data.splitlines()[:3_000] if line and not _ALARMING.search(line)]
    chance.shuffle(lines)
    return lines


class _Moved:
    """Another machine on another day: the same change wherever the same text stands."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._home = chance.choice([b"/builds/runner/0/", b"/opt/agent/_work/7/", b"/var/lib/ci/workspace/"])

    def __call__(self, line: bytes) -> bytes:
        line = re.sub(rb"/home/(?:travis/build|runner/work)/", self._home, line)
        line = re.sub(rb"/tmp/[\w.-]+", lambda _: b"/tmp/tmp" + self._digits(6), line)
        line = re.sub(rb"\b[0-9a-f]{40}\b", lambda _: b"%040x" % self._chance.getrandbits(160), line)
        line = re.sub(rb"0x[0-9a-f]{4,}", lambda _: b"0x%012x" % self._chance.getrandbits(48), line)
        line = re.sub(rb"\b20\d\d-\d\d-\d\d", b"2031-04-17", line)
        line = re.sub(rb"\b\d\d:\d\d:\d\d(?:[.,]\d+)?", self._time, line)
        line = re.sub(rb"\d+(?:\.\d+)?(?= ?(?:ms|s|sec|secs|seconds|min|minutes)\b)", self._number, line)
        line = re.sub(rb"(?i)((?:shard|worker|node|gw|thread|pid|port|job)[ #:=-]?)\d+", self._named, line)
        return re.sub(rb"(127\.0\.0\.1:|localhost:)\d+", self._named, line)

    def _time(self, found: re.Match[bytes]) -> bytes:
        clock = b"%02d:%02d:%02d" % tuple(self._chance.randrange(most) for most in (24, 60, 60))
        return clock + (b"." + self._digits(3) if len(found[0]) > len(clock) else b"")

    def _number(self, found: re.Match[bytes]) -> bytes:
        return re.sub(rb"\d", lambda _: self._digits(1), found[0])

    def _named(self, found: re.Match[bytes]) -> bytes:
        return found[1] + self._digits(2)

    def _digits(self, count: int) -> bytes:
        return "".join(self._chance.choice("123456789") for _ in range(count)).encode()


def _remember(database: Database, failures: Sequence[DistilledFailure]) -> None:
    memory = PostgresMemory(database)
    for number, failure in enumerate(failures, start=1):
        past = PastFix(
            incident=number,
            fingerprint=failure.fingerprint,
            patch=Patch(f"+fix {number}\n"),
            author="a human",
            outcome=Outcome.HUMAN,
            root_cause=failure.cause,
            similarity=1.0,
        )
        memory.learn(REPO, failure, past=past, outcome=Outcome.HUMAN)
