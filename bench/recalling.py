"""The ways of asking the memory that the benchmark compares."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from patchpilot.failures import DistilledFailure
from patchpilot.source import Repo
from storage.database import Database
from storage.embedders.hashing import HashingEmbedder
from storage.memory import PostgresMemory, embedded
from storage.rare_words import RareWords
from storage.retrieval import Scope, Wanted, search

K = 5
Ask = Callable[[DistilledFailure], list[int]]
"""Numbers of the incidents found for a failure, best first, at most ``K``."""


def hybrid(database: Database, repo: Repo, *, k: int = K) -> Ask:
    """What PatchPilot does."""
    memory = PostgresMemory(database)
    return lambda failure: [past.incident for past in memory.recall(repo, failure, k=k)]


def by_vectors(database: Database, repo: Repo, *, k: int = K) -> Ask:
    """The nearest vectors by the index."""
    return _nearest(database, repo, k, "SET LOCAL hnsw.iterative_scan = 'relaxed_order'")


def exactly(database: Database, repo: Repo, *, k: int = K) -> Ask:
    """The nearest vectors by comparing each."""
    return _nearest(database, repo, k, "SET LOCAL enable_indexscan = off")


def by_words(database: Database, repo: Repo, *, k: int = K) -> Ask:
    """Text search alone."""
    rare = RareWords()

    def ask(failure: DistilledFailure) -> list[int]:
        with database.transaction() as session:
            found = search(session, Scope(repo), failure, rare_words=rare, wanted=None, k=k, stale=0)
            numbers = found.worded[:k]
            rows = session.execute(
                text("SELECT id, incident FROM memories WHERE id = ANY(:numbers)"), {"numbers": numbers}
            )
            incidents = {row.id: row.incident for row in rows}
        return [incidents[number] for number in numbers]

    return ask


def _nearest(database: Database, repo: Repo, k: int, before: str) -> Ask:
    embedder = HashingEmbedder()
    query = text(
        "SELECT incident FROM memories WHERE host = :host AND repo = :repo AND vector_dims(embedding) = 384 "
        "ORDER BY embedding::halfvec(384) <=> CAST(:vector AS halfvec(384)) LIMIT :k"
    )

    def ask(failure: DistilledFailure) -> list[int]:
        wanted = Wanted(embedder.embed([embedded(failure)])[0], embedder.name)
        values = {"host": repo.host, "repo": repo.full_name, "vector": wanted.written, "k": k}
        with database.transaction() as session:
            session.execute(text(before))
            return list(session.scalars(query, values))

    return ask
