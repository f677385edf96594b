"""Past cases of a repository: the same fingerprint first, then similar ones by vector and by words.

Nothing is ever recalled for another repository than the one it was learnt in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Cast, ColumnElement, cast, func, select, text
from sqlalchemy.dialects.postgresql import TSQUERY, insert
from sqlalchemy.orm import Session

from patchpilot.errors import ConfigurationError
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.source import Repo
from storage.database import Database
from storage.embedding import Embedder, HashingEmbedder, words
from storage.remembered import DIMENSIONS, Remembered

USEFUL = (Outcome.MERGED_GREEN, Outcome.HUMAN)
"""Outcomes worth repeating; the others are kept for the record."""

_DEPTH = 40
"""How many hits of each search are fused."""
_FUSION = 10
"""Constant of reciprocal rank fusion (https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf). With the
paper's 60, a case that is middling in both of our short rankings would beat the first of one."""
_WEIGHTS = (1.0, 0.5)
"""Of the ranking by vector and the one by words: ``bench/memory.py`` finds the first the better."""
_TERMS = 24
"""Rare words of a failure that text search asks for."""
_WORDS_MAX = 200
"""Distinct words of a failure that text search knows."""
_RANKED_MAX = 400
"""Rows that text search ranks; reading and ranking one costs about 10 µs."""
_SHORT = 2
"""Words of so many letters ("is", "in", "at") are no names."""


# https://www.postgresql.org/docs/current/view-pg-stats.html; more frequencies follow than there are words.
_COMMON_WORDS = text(
    """
    SELECT word, share * greatest(total, 0) AS rows FROM (
        SELECT unnest(s.most_common_elems::text::text[]) AS word,
               unnest(s.most_common_elem_freqs[1:array_length(s.most_common_elems, 1)]) AS share,
               c.reltuples AS total
        FROM pg_stats s
        JOIN pg_class c ON c.oid = to_regclass('memories')
        WHERE s.schemaname = current_schema() AND s.tablename = 'memories' AND s.attname = 'search'
    ) common
    WHERE word = ANY(:terms)
    """
)


class PostgresMemory:
    """Implements ``patchpilot.ports.Memory``."""

    def __init__(self, db: Database, *, embedder: Embedder | None = None) -> None:
        self._db = db
        self._embedder: Embedder = embedder or HashingEmbedder()
        if self._embedder.dimensions != DIMENSIONS:
            raise ConfigurationError(
                f"embedder {self._embedder.name!r} makes vectors of {self._embedder.dimensions} numbers; "
                f"the memory holds {DIMENSIONS}"
            )

    def recall(self, repo: Repo, failure: DistilledFailure, *, k: int = 5) -> list[PastFix]:
        """The closest past cases of ``repo`` that turned out well, best first, at most ``k``."""
        if k < 1:
            return []
        vector = self._embedder.embed([embedded(failure)])[0]
        with self._db.transaction() as session:
            same = _same(session, repo, failure.fingerprint, k)
            found = [_past(row, 1.0) for row in same]
            if len(found) >= k:
                return found
            seen = {row.id for row in same}
            ranked = _fused(
                _nearest(session, repo, vector, self._embedder.name),
                worded(session, repo, failure),
            )
            chosen = [number for number in ranked if number not in seen][: k - len(found)]
            return found + _closeness(session, chosen, vector)

    def learn(self, repo: Repo, failure: DistilledFailure, *, past: PastFix, outcome: Outcome) -> None:
        """Remember a fix and what became of it.

        The same fingerprint and patch again changes nothing but an outcome that is another now (merged,
        then reverted).
        """
        vector = self._embedder.embed([embedded(failure)])[0]
        with self._db.transaction() as session:
            session.execute(
                insert(Remembered)
                .values(
                    host=repo.host,
                    repo=repo.full_name,
                    fingerprint=failure.fingerprint,
                    text=searched(failure),
                    embedding=vector,
                    embedder=self._embedder.name,
                    patch=past.patch.diff,
                    patch_sha256=past.patch.sha256,
                    author=past.author,
                    outcome=outcome.value,
                    root_cause=past.root_cause,
                    incident=past.incident,
                    pull_request_url=past.pull_request_url,
                )
                .on_conflict_do_update(
                    constraint="memories_once",
                    set_={"outcome": outcome.value, "updated_at": func.now()},
                    where=Remembered.outcome != outcome.value,
                )
            )


def searched(failure: DistilledFailure) -> str:
    """The words that text search finds a failure by: names say what failed, prose does not."""
    names = [failure.tool, *failure.tests, *(place.path for place in failure.files)]
    quoted = [entry.text for entry in failure.evidence]
    found = dict.fromkeys(words("\n".join([failure.cause, *names, *quoted])))
    return " ".join(list(found)[:_WORDS_MAX])


def embedded(failure: DistilledFailure) -> str:
    """The text that is turned into a failure's vector."""
    # What tells failures apart comes first and more than once; the log around it is the same for many.
    names = " ".join([*failure.tests, *(place.path for place in failure.files)])
    quoted = "\n".join(entry.text for entry in failure.evidence)
    return f"{failure.cause}\n{failure.cause}\n{names}\n{failure.tool}\n{quoted}\n{failure.text}"


def _same(session: Session, repo: Repo, fingerprint: str, k: int) -> Sequence[Remembered]:
    if not fingerprint:
        return []
    query = (
        select(Remembered)
        .where(*_within(repo), Remembered.fingerprint == fingerprint)
        .order_by(Remembered.updated_at.desc(), Remembered.id.desc())
        .limit(k)
    )
    return session.scalars(query).all()


def _nearest(session: Session, repo: Repo, vector: list[float], embedder: str) -> list[int]:
    # An index over all repositories may find only others' first; then the scan goes on until it has enough.
    # https://github.com/pgvector/pgvector#iterative-index-scans
    session.execute(text("SET LOCAL hnsw.iterative_scan = 'relaxed_order'"))
    query = (
        select(Remembered.id)
        .where(*_within(repo), Remembered.embedder == embedder)
        .order_by(Remembered.embedding.cosine_distance(vector))
        .limit(_DEPTH)
    )
    return list(session.scalars(query))


def worded(session: Session, repo: Repo, failure: DistilledFailure) -> list[int]:
    """Ids of the cases that share rare words with ``failure``, those that share most words first."""
    terms = searched(failure).split()
    rare = _rarest(session, terms)
    if not rare:
        return []
    hits = (
        select(Remembered.id, Remembered.search)
        .where(*_within(repo), Remembered.search.bool_op("@@")(_any_of(rare)))
        # Ranking reads every hit, so there must not be many; rare words see to that, this makes sure.
        .limit(_RANKED_MAX)
        .subquery()
    )
    rank = func.ts_rank(hits.c.search, _any_of(terms))
    return list(session.scalars(select(hits.c.id).order_by(rank.desc(), hits.c.id.desc()).limit(_DEPTH)))


def _any_of(terms: list[str]) -> Cast[Any]:
    # Words are letters, digits and underscores only (storage.embedding.words), so quotes hold them.
    return cast(" | ".join(f"'{term}'" for term in terms), TSQUERY)


def _rarest(session: Session, terms: list[str]) -> list[str]:
    """As many of the rarest words as may match ``_RANKED_MAX`` rows together, by the planner's statistics.

    They list the words that are in many rows with their share; a word that is not listed is rare. Before a
    first ANALYZE every word counts as rare, and the table is small. Among equals the longest goes first.
    """
    distinct = sorted((term for term in terms if len(term) > _SHORT), key=lambda term: (-len(term), term))
    common = session.execute(_COMMON_WORDS, {"terms": distinct})
    matches: dict[str, float] = {row.word: row.rows for row in common}
    chosen: list[str] = []
    rows = 0.0
    for term in sorted(distinct, key=lambda term: matches.get(term, 0.0)):
        rows += matches.get(term, 0.0)
        if rows > _RANKED_MAX or len(chosen) == _TERMS:
            break
        chosen.append(term)
    return chosen


def _fused(*rankings: list[int]) -> list[int]:
    """All that any ranking names, best first by weighted reciprocal rank fusion."""
    scores: dict[int, float] = {}
    for weight, ranking in zip(_WEIGHTS, rankings, strict=True):
        for place, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + weight / (_FUSION + place)
    return sorted(scores, key=lambda number: (-scores[number], number))


def _within(repo: Repo) -> tuple[ColumnElement[bool], ...]:
    """Cases of this very repository with an outcome worth repeating."""
    return (
        Remembered.host == repo.host,
        Remembered.repo == repo.full_name,
        Remembered.outcome.in_([outcome.value for outcome in USEFUL]),
    )


def _closeness(session: Session, numbers: list[int], vector: list[float]) -> list[PastFix]:
    """The cases with these numbers, in this order, each with how close it is.

    Fusion only ranks: the best of nothing similar ranks first too. So what is told is the cosine, kept
    below the 1.0 that means the same fingerprint.
    """
    if not numbers:
        return []
    distance = Remembered.embedding.cosine_distance(vector)
    rows = session.execute(select(Remembered, distance).where(Remembered.id.in_(numbers)))
    found = {row.id: _past(row, min(max(1.0 - away, 0.0), 0.99)) for row, away in rows}
    return [found[number] for number in numbers]


def _past(row: Remembered, similarity: float) -> PastFix:
    return PastFix(
        incident=row.incident,
        fingerprint=row.fingerprint,
        patch=Patch(row.patch),
        author=row.author,
        outcome=Outcome(row.outcome),
        root_cause=row.root_cause,
        similarity=similarity,
        pull_request_url=row.pull_request_url,
    )
