"""Which words are rare among the past cases, by the statistics that PostgreSQL keeps for its planner."""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

RANKED_MAX: Final = 400
"""Rows that text search ranks; reading and ranking one costs about 5 µs."""
_TERMS = 24
"""Rare words of a failure that text search asks for."""
_SHORT = 2
"""Words of so many letters ("is", "in", "at") are no names."""
_FRESH_SECONDS = 60.0
"""Statistics change with each ANALYZE, which comes after a tenth of the rows have changed."""

# https://www.postgresql.org/docs/current/view-pg-stats.html; more frequencies follow than there are words.
_COMMON = text(
    """
    SELECT s.most_common_elems::text::text[] AS words, s.most_common_elem_freqs AS shares,
           greatest(c.reltuples, 0) AS total
    FROM pg_stats s
    JOIN pg_class c ON c.oid = to_regclass('memories')
    WHERE s.schemaname = current_schema() AND s.tablename = 'memories' AND s.attname = 'search'
    """
)


class RareWords:
    """Asks once a minute which words are common."""

    def __init__(self) -> None:
        self._rows: dict[str, float] = {}
        self._until = 0.0

    def among(self, session: Session, terms: list[str]) -> list[str]:
        """As many of the rarest of ``terms`` as may match ``RANKED_MAX`` rows together.

        A word that the statistics don't list is rare. Before a first ANALYZE every word counts as rare, and
        the table is small. Among equals the longest goes first.
        """
        self._refresh(session)
        distinct = sorted((term for term in terms if len(term) > _SHORT), key=lambda term: (-len(term), term))
        chosen: list[str] = []
        rows = 0.0
        for term in sorted(distinct, key=lambda term: self._rows.get(term, 0.0)):
            rows += self._rows.get(term, 0.0)
            if rows > RANKED_MAX or len(chosen) == _TERMS:
                break
            chosen.append(term)
        return chosen

    def _refresh(self, session: Session) -> None:
        if time.monotonic() < self._until:
            return
        found = session.execute(_COMMON).one_or_none()
        listed = zip(found.words or [], found.shares or [], strict=False) if found else ()
        self._rows = {word: share * found.total for word, share in listed} if found else {}
        self._until = time.monotonic() + _FRESH_SECONDS
