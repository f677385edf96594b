"""The searches behind :mod:`storage.memory`: by fingerprint, by vector and by words, in one statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

from pgvector.sqlalchemy import HALFVEC
from psycopg import Connection
from psycopg.rows import TupleRow, namedtuple_row
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Float,
    Numeric,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    make_url,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Outcome
from patchpilot.source import Repo
from storage.embedders.hashing import words
from storage.rare_words import RANKED_MAX, RareWords
from storage.remembered import INDEXED_WIDTHS, Remembered

USEFUL: Final = (Outcome.MERGED_GREEN, Outcome.HUMAN)
"""Outcomes worth repeating; the others are kept for the record."""

_DEPTH = 40
"""How many hits of each search are fused."""
_WORDS_MAX = 200
"""Distinct words of a failure that text search knows."""

_DIALECT: Final = make_url("postgresql+psycopg://").get_dialect()()
_M: Final = Remembered.__table__.c
_TOLD: Final = (
    "id",
    "repo",
    "fingerprint",
    "text",
    "patch",
    "author",
    "outcome",
    "root_cause",
    "incident",
    "pull_request_url",
)

# An index over all repositories may find only others' first; then the scan goes on until it has enough
# (https://github.com/pgvector/pgvector#iterative-index-scans). And each question is planned by itself: what
# is best for a repository with most of the rows finds nothing for one with a few. Reading all rows is never
# best, but looks so: the planner takes comparing a vector or a few hundred words for as cheap as a number.
# For the same reason it would rather compare all of a repository than look into an index if it took reading a
# page at random for four times as dear as the next one, which it is not in memory.
_FOR_EACH: Final = (
    b"SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), "
    b"set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true), "
    b"set_config('random_page_cost', '1.1', true), "
    # Candidates kept while walking the graph: with pgvector's 40, one near-duplicate of 100 among 100,000 is
    # missed that comparing all finds.
    b"set_config('hnsw.ef_search', '64', true)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cases may be found: those of ``repo``, and of what ``shared`` says on the same code host."""

    repo: Repo
    shared: tuple[str, ...] = ()
    """Patterns of full names, as in :class:`patchpilot.sharing.Sharing`."""


@dataclass(frozen=True)
class Wanted:
    """A failure's vector and the embedder that made it."""

    vector: list[float]
    embedder: str

    @cached_property
    def written(self) -> str:
        """The vector as pgvector reads it. Writing out so many numbers takes time, so it is done once."""
        return f"[{','.join([f'{number:.7g}' for number in self.vector])}]"


@dataclass(slots=True, kw_only=True)
class Found:
    """Ids of cases by each way of looking, best first."""

    same: list[int] = field(default_factory=list)
    near: list[int] = field(default_factory=list)
    worded: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    """Cases that another embedder, or none, has made a vector for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What a search asks for, apart from the values: one statement is built per shape, and prepared."""

    shared: int
    same: bool
    worded: bool
    width: int | None
    """Numbers of the vector, ``None`` for a search without."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement as the driver takes it."""

    sql: bytes
    fixed: dict[str, Any]
    """Values that are the same whatever is asked."""


def search(
    session: Session,
    scope: Scope,
    failure: DistilledFailure,
    *,
    rare_words: RareWords,
    wanted: Wanted | None,
    k: int,
    stale: int,
) -> Found:
    """All that fingerprint, vector and words find, in one statement.

    At most ``k`` cases of the same fingerprint, own before shared ones; ``stale`` bounds those to be given
    a vector again. Without ``wanted`` there is no search by vector and nothing is stale.
    """
    terms = searched(failure).split()
    rare = rare_words.among(session, terms)
    shape = _Shape(
        shared=len(scope.shared),
        same=bool(failure.fingerprint),
        worded=bool(rare),
        width=len(wanted.vector) if wanted else None,
    )
    statement = _statement(shape)
    found = Found()
    if statement is None:
        return found
    values: dict[str, Any] = {
        "host": scope.repo.host,
        "repo": scope.repo.full_name,
        **{f"shared_{number}": _like(pattern) for number, pattern in enumerate(scope.shared)},
        "fingerprint": failure.fingerprint,
        "most_same": k,
        "rare": _any_of(rare),
    }
    if wanted is not None:
        values |= {"vector": wanted.written, "embedder": wanted.embedder, "most_stale": stale}
    driver = _driver(session)
    driver.execute(_FOR_EACH)
    for way, number, _ in driver.execute(statement.sql, statement.fixed | values).fetchall():
        getattr(found, way).append(number)
    return found


def cases(session: Session, numbers: list[int], wanted: Wanted | None) -> dict[int, Any]:
    """What is told of these cases, by id, each with its ``cosine`` to ``wanted`` where it can be compared."""
    if not numbers:
        return {}
    values: dict[str, Any] = {"numbers": numbers}
    if wanted is not None:
        values |= {"vector": wanted.written, "embedder": wanted.embedder}
    statement = _telling(len(wanted.vector) if wanted else None)
    with _driver(session).cursor(row_factory=namedtuple_row) as cursor:
        rows: list[Any] = cursor.execute(statement.sql, statement.fixed | values).fetchall()
    return {row.id: row for row in rows}


def searched(failure: DistilledFailure) -> str:
    """The words that text search finds a failure by: names say what failed, prose does not."""
    names = [failure.tool, *failure.tests, *(place.path for place in failure.files)]
    quoted = [entry.text for entry in failure.evidence]
    found = dict.fromkeys(words("\n".join([failure.cause, *names, *quoted])))
    return " ".join(list(found)[:_WORDS_MAX])


# Building a statement takes longer than running it, so each shape is built once.
@lru_cache(maxsize=64)
def _statement(shape: _Shape) -> _Written | None:
    parts: list[Select[Any]] = []
    if shape.same:
        parts.append(_same(shape.shared, shape.width))
    if shape.worded:
        parts.append(_worded(shape.shared))
    if shape.width is not None:
        parts += [_nearest(shape.shared, shape.width), _stale(shape.shared)]
    if not parts:
        return None
    numbered = [part.subquery() for part in parts]
    # UNION ALL promises no order, hence the numbers.
    whole = union_all(*(select(part.c.way, part.c.id, part.c.place) for part in numbered))
    return _written(whole.order_by("place"))


@lru_cache(maxsize=16)
def _telling(width: int | None) -> _Written:
    told = [_M[name] for name in _TOLD]
    cosine = null() if width is None else case((and_(*_comparable(width)), 1.0 - _away(width)))
    chosen = _M.id == func.any(bindparam("numbers", type_=ARRAY(BigInteger)))
    return _written(select(*told, cosine.label("cosine")).where(chosen))


def _written(statement: CompoundSelect[Any] | Select[Any]) -> _Written:
    made = statement.compile(dialect=_DIALECT)
    fixed = {name: value for name, value in made.params.items() if value is not None}
    return _Written(str(made).encode(), fixed)


def _driver(session: Session) -> Connection[TupleRow]:
    """The connection of ``session``'s transaction, without SQLAlchemy around it.

    Its part of running a statement takes about as long as what the server does for it.
    """
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    return driver


def _useful(shared: int) -> tuple[ColumnElement[bool], ...]:
    """Cases in scope with an outcome worth repeating."""
    own = _M.repo == bindparam("repo")
    others = (_M.repo.ilike(bindparam(f"shared_{number}")) for number in range(shared))
    return (
        _M.host == bindparam("host"),
        or_(own, *others) if shared else own,
        or_(*(_M.outcome == outcome.value for outcome in USEFUL)),
    )


def _comparable(width: int) -> tuple[ColumnElement[bool], ...]:
    """Rows whose vector can be compared with one of this width."""
    # Written out, not bound: PostgreSQL then sees that the partial index of this width fits.
    number: ColumnElement[int] = literal_column(str(width))
    return (_M.embedder == bindparam("embedder"), func.vector_dims(_M.embedding) == number)


def _away(width: int) -> ColumnElement[float]:
    """Cosine distance, as the index has it where there is one."""
    kind = HALFVEC(width) if width in INDEXED_WIDTHS else HALFVEC()
    wanted = cast(bindparam("vector", type_=Text()), kind)
    return cast(_M.embedding, kind).op("<=>", return_type=Float())(wanted)


def _same(shared: int, width: int | None) -> Select[Any]:
    order = [(_M.repo == bindparam("repo")).desc()]
    if width is not None:
        # Some fingerprints are common, of failures that say little: then the closest first, roughly, so that
        # of those that are as close the newest comes first.
        close = case((and_(*_comparable(width)), func.round(cast(1.0 - _away(width), Numeric), 1)))
        order.append(close.desc().nulls_last())
    order += [_M.updated_at.desc(), _M.id.desc()]
    hits = (
        select(_M.id, func.row_number().over(order_by=order).label("place"))
        .where(*_useful(shared), _M.fingerprint == bindparam("fingerprint"))
        .order_by("place")
        .limit(bindparam("most_same"))
        .subquery()
    )
    return select(_way("same"), hits.c.id, hits.c.place)


def _nearest(shared: int, width: int) -> Select[Any]:
    away = _away(width)
    hits = (
        select(_M.id, away.label("away"))
        .where(*_useful(shared), *_comparable(width))
        .order_by(away)
        .limit(_literal(_DEPTH))
        .subquery()
    )
    # A scan in relaxed order may hand them out slightly out of order.
    place = func.row_number().over(order_by=(hits.c.away, hits.c.id))
    return select(_way("near"), hits.c.id, place.label("place"))


def _stale(shared: int) -> Select[Any]:
    # Two ranges instead of "is another": an index finds out in two looks that there are none.
    embedder: ColumnElement[str] = bindparam("embedder")
    other = or_(_M.embedder < embedder, _M.embedder > embedder)
    hits = select(_M.id).where(*_useful(shared), other).limit(bindparam("most_stale")).subquery()
    return select(_way("stale"), hits.c.id, _literal(0).label("place"))


def _worded(shared: int) -> Select[Any]:
    """Finds the cases that share rare words with a failure, those that share most of them first."""
    hits = (
        select(_M.id, _M.search)
        .where(*_useful(shared), _M.search.bool_op("@@")(cast(bindparam("rare"), TSQUERY)))
        # Ranking reads every hit, so there must not be many; rare words see to that, this makes sure.
        .limit(_literal(RANKED_MAX))
        .subquery()
    )
    rank = func.ts_rank(hits.c.search, cast(bindparam("rare"), TSQUERY))
    place = func.row_number().over(order_by=(rank.desc(), hits.c.id.desc()))
    best = select(hits.c.id, place.label("place")).order_by("place").limit(_literal(_DEPTH)).subquery()
    return select(_way("worded"), best.c.id, best.c.place)


def _any_of(terms: list[str]) -> str:
    # Words are letters, digits and underscores only, so quotes hold them.
    return " | ".join(f"'{term}'" for term in terms)


def _way(name: str) -> ColumnElement[str]:
    return literal_column(f"'{name}'").label("way")


def _literal(number: int) -> ColumnElement[int]:
    """A number that the planner sees."""
    return literal_column(str(number))


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return escaped.replace("*", "%").replace("?", "_")
