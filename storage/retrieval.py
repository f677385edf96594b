"""The searches behind :mod:`storage.memory`: by fingerprint, by vector and by words, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    Cast,
    ColumnElement,
    CompoundSelect,
    Select,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Outcome
from patchpilot.source import Repo
from storage.embedders.hashing import words
from storage.remembered import INDEXED_WIDTHS, Remembered

USEFUL: Final = (Outcome.MERGED_GREEN, Outcome.HUMAN)
"""Outcomes worth repeating; the others are kept for the record."""

_DEPTH = 40
"""How many hits of each search are fused."""
_TERMS = 24
"""Rare words of a failure that text search asks for."""
_WORDS_MAX = 200
"""Distinct words of a failure that text search knows."""
_RANKED_MAX = 400
"""Rows that text search ranks; reading and ranking one costs about 10 µs."""
_SHORT = 2
"""Words of so many letters ("is", "in", "at") are no names."""

# An index over all repositories may find only others' first; then the scan goes on until it has enough.
# https://github.com/pgvector/pgvector#iterative-index-scans
_KEEP_ON = text("SET LOCAL hnsw.iterative_scan = 'relaxed_order'")

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


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cases may be found: those of ``repo``, and of what ``shared`` says on the same code host."""

    repo: Repo
    shared: tuple[str, ...] = ()
    """Patterns of full names, as in :class:`patchpilot.sharing.Sharing`."""

    def useful(self) -> tuple[ColumnElement[bool], ...]:
        """Cases in scope with an outcome worth repeating."""
        own = Remembered.repo == self.repo.full_name
        within = or_(own, *(Remembered.repo.ilike(_like(pattern)) for pattern in self.shared))
        return (
            Remembered.host == self.repo.host,
            within if self.shared else own,
            Remembered.outcome.in_([outcome.value for outcome in USEFUL]),
        )


@dataclass(slots=True, kw_only=True)
class Found:
    """Ids of cases by each way of looking, best first."""

    same: list[int] = field(default_factory=list)
    near: list[int] = field(default_factory=list)
    worded: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    """Cases that another embedder, or none, has made a vector for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A failure's vector and the embedder that made it."""

    vector: list[float]
    embedder: str

    def comparable(self) -> tuple[ColumnElement[bool], ...]:
        """Rows whose vector can be compared with this one."""
        # Written out, not bound: PostgreSQL then sees that the partial index of this width fits.
        width: ColumnElement[int] = literal_column(str(len(self.vector)))
        return (Remembered.embedder == self.embedder, func.vector_dims(Remembered.embedding) == width)

    def away(self) -> ColumnElement[float]:
        """Cosine distance, as the index has it where there is one."""
        width = len(self.vector)
        if width not in INDEXED_WIDTHS:
            return self.exactly_away()
        near: ColumnElement[float] = cast(Remembered.embedding, HALFVEC(width)).cosine_distance(self.vector)
        return near

    def exactly_away(self) -> ColumnElement[float]:
        """Cosine distance in full precision."""
        exact: ColumnElement[float] = Remembered.embedding.cosine_distance(self.vector)
        return exact


def search(
    session: Session, scope: Scope, failure: DistilledFailure, *, wanted: Wanted | None, k: int, stale: int
) -> Found:
    """All that fingerprint, vector and words find, in one round trip after what words are rare.

    At most ``k`` cases of the same fingerprint, own before shared ones; ``stale`` bounds those to be given
    a vector again. Without ``wanted`` there is no search by vector and nothing is stale.
    """
    parts = [part for part in (_same(scope, failure, k), worded(session, scope, failure)) if part is not None]
    if wanted is not None:
        session.execute(_KEEP_ON)
        parts += [_nearest(scope, wanted), _stale(scope, wanted.embedder, stale)]
    found = Found()
    if not parts:
        return found
    for way, number, _ in session.execute(_ranked(parts)):
        getattr(found, way).append(number)
    return found


def _ranked(parts: Sequence[Select[Any]]) -> CompoundSelect[Any]:
    numbered = [part.subquery() for part in parts]
    # UNION ALL promises no order, hence the numbers.
    whole = union_all(*(select(part.c.way, part.c.id, part.c.place) for part in numbered))
    return whole.order_by("place")


def searched(failure: DistilledFailure) -> str:
    """The words that text search finds a failure by: names say what failed, prose does not."""
    names = [failure.tool, *failure.tests, *(place.path for place in failure.files)]
    quoted = [entry.text for entry in failure.evidence]
    found = dict.fromkeys(words("\n".join([failure.cause, *names, *quoted])))
    return " ".join(list(found)[:_WORDS_MAX])


def _same(scope: Scope, failure: DistilledFailure, k: int) -> Select[Any] | None:
    if not failure.fingerprint:
        return None
    own_first = (
        (Remembered.repo == scope.repo.full_name).desc(),
        Remembered.updated_at.desc(),
        Remembered.id.desc(),
    )
    hits = (
        select(Remembered.id, func.row_number().over(order_by=own_first).label("place"))
        .where(*scope.useful(), Remembered.fingerprint == failure.fingerprint)
        .order_by("place")
        .limit(k)
        .subquery()
    )
    return select(_way("same"), hits.c.id, hits.c.place)


def _nearest(scope: Scope, wanted: Wanted) -> Select[Any]:
    away = wanted.away()
    hits = (
        select(Remembered.id, away.label("away"))
        .where(*scope.useful(), *wanted.comparable())
        .order_by(away)
        .limit(_DEPTH)
        .subquery()
    )
    # A scan in relaxed order may hand them out slightly out of order.
    place = func.row_number().over(order_by=(hits.c.away, hits.c.id))
    return select(_way("near"), hits.c.id, place.label("place"))


def _stale(scope: Scope, embedder: str, limit: int) -> Select[Any]:
    # Two ranges instead of "is another": an index finds out in two looks that there are none.
    other = or_(Remembered.embedder < embedder, Remembered.embedder > embedder)
    hits = select(Remembered.id).where(*scope.useful(), other).limit(limit).subquery()
    return select(_way("stale"), hits.c.id, literal_column("0").label("place"))


def worded(session: Session, scope: Scope, failure: DistilledFailure) -> Select[Any] | None:
    """Finds the cases that share rare words with ``failure``, those that share most words first."""
    terms = searched(failure).split()
    rare = _rarest(session, terms)
    if not rare:
        return None
    hits = (
        select(Remembered.id, Remembered.search)
        .where(*scope.useful(), Remembered.search.bool_op("@@")(_any_of(rare)))
        # Ranking reads every hit, so there must not be many; rare words see to that, this makes sure.
        .limit(_RANKED_MAX)
        .subquery()
    )
    rank = func.ts_rank(hits.c.search, _any_of(terms))
    place = func.row_number().over(order_by=(rank.desc(), hits.c.id.desc()))
    best = select(hits.c.id, place.label("place")).order_by("place").limit(_DEPTH).subquery()
    return select(_way("worded"), best.c.id, best.c.place)


def _any_of(terms: list[str]) -> Cast[Any]:
    # Words are letters, digits and underscores only, so quotes hold them.
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


def _way(name: str) -> ColumnElement[str]:
    return literal_column(f"'{name}'").label("way")


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return escaped.replace("*", "%").replace("?", "_")
