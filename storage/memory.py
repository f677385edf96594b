"""Past cases: the same fingerprint first, then similar ones by vector and by words.

Nothing is recalled for another repository than the one it was learnt in, unless the two were put into one
group (:mod:`patchpilot.sharing`). The vectors of a row may be another embedder's, or missing because none
could be reached: such rows are found by fingerprint and words, and get a vector while they are in the way of
a recall.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.errors import PermanentError, TemporaryError
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.sharing import Sharing
from patchpilot.source import Repo
from patchpilot.text import sentence
from storage.database import Database
from storage.embedders.hashing import HashingEmbedder
from storage.embedding import Embedder
from storage.rare_words import RareWords
from storage.remembered import Remembered
from storage.retrieval import USEFUL, Found, Scope, Wanted, cases, search, searched

log = logging.getLogger(__name__)

_FUSION = 10
"""Constant of reciprocal rank fusion (https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf). With the
paper's 60, a case that is middling in both of our short rankings would beat the first of one."""
_WEIGHTS = (1.0, 0.3)
"""Of the ranking by vector and the one by words: ``bench/memory.py`` finds the first the better."""
_SOURCE_MAX = 20_000
"""Characters that are kept to make a row's vector again."""
_PAUSE_SECONDS = 60.0
"""After an embedder could not be reached it is left alone for so long: each try may take its full timeout."""
_SAME, _ALMOST = 1.0, 0.99


class PostgresMemory:
    """Implements ``patchpilot.ports.Memory``.

    ``say`` is told, once, in a sentence for people, when the embedder is away and search goes by fingerprint
    and words alone. With ``reads_only`` cases keep the vectors that they have: which embedder is in use is
    known to those who learn, and who only looks would make theirs again each time.
    """

    def __init__(
        self,
        db: Database,
        *,
        embedder: Embedder | None = None,
        sharing: Sharing | None = None,
        say: Callable[[str], None] | None = None,
        reads_only: bool = False,
    ) -> None:
        self._db = db
        self._embedder: Embedder = embedder or HashingEmbedder()
        self._sharing = sharing or Sharing()
        self._say = say
        self._reads_only = reads_only
        self._rare_words = RareWords()
        self._latest: tuple[str, Wanted] | None = None
        self._away_until = 0.0

    def recall(self, repo: Repo, failure: DistilledFailure, *, k: int = 5) -> list[PastFix]:
        """The closest past cases that turned out well, best first, at most ``k``.

        Those of ``repo`` with the same fingerprint come first with similarity 1.0; nothing else has that. A
        case of another repository of its group names it in ``author`` and ``root_cause``.
        """
        if k < 1:
            return []
        scope = Scope(repo, self._sharing.partners(repo))
        text = embedded(failure)
        wanted = self._wanted(text)
        pasts, stale = self._recalled(scope, failure, wanted, k)
        if wanted is not None and stale and not self._reads_only and self._embed_again(stale):
            pasts, _ = self._recalled(scope, failure, wanted, k)
        return pasts

    def learn(self, repo: Repo, failure: DistilledFailure, *, past: PastFix, outcome: Outcome) -> None:
        """Remember a fix and what became of it, without a vector while the embedder is away.

        The same fingerprint and patch again changes nothing but an outcome that is another now (merged,
        then reverted).
        """
        source = embedded(failure)
        wanted = self._wanted(source)
        with self._db.transaction() as session:
            session.execute(
                insert(Remembered)
                .values(
                    host=repo.host,
                    repo=repo.full_name,
                    fingerprint=failure.fingerprint,
                    text=searched(failure),
                    source=source,
                    embedding=wanted.vector if wanted else None,
                    embedder=wanted.embedder if wanted else "",
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

    def refresh(self, *, limit: int) -> int:
        """Give up to ``limit`` cases, of any repository, a vector of this embedder; how many got one.

        Fewer than ``limit`` means that none is left or that the embedder is away.
        """
        other = or_(Remembered.embedder < self._embedder.name, Remembered.embedder > self._embedder.name)
        useful = Remembered.outcome.in_([outcome.value for outcome in USEFUL])
        with self._db.transaction() as session:
            numbers = list(session.scalars(select(Remembered.id).where(other, useful).limit(limit)))
        done = 0
        for start in range(0, len(numbers), self._embedder.batch):
            batch = self._embed_again(numbers[start : start + self._embedder.batch])
            if not batch:
                break
            done += batch
        return done

    def close(self) -> None:
        """Let go of the embedder's connections."""
        self._embedder.close()

    def _recalled(
        self, scope: Scope, failure: DistilledFailure, wanted: Wanted | None, k: int
    ) -> tuple[list[PastFix], list[int]]:
        with self._db.transaction() as session:
            found = search(
                session,
                scope,
                failure,
                rare_words=self._rare_words,
                wanted=wanted,
                k=k,
                stale=self._embedder.batch,
            )
            chosen = _best(found, k)
            return _told(session, chosen, scope.repo, failure, wanted), found.stale

    def _wanted(self, text: str) -> Wanted | None:
        if self._latest is None or self._latest[0] != text:
            vectors = self._vectors([text])
            if vectors is None:
                return None
            self._latest = text, Wanted(vectors[0], self._embedder.name)
        return self._latest[1]

    def _vectors(self, texts: list[str]) -> list[list[float]] | None:
        """``None`` while the embedder can't be reached or refuses; the memory works without."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return self._embedder.embed(texts)
        except (TemporaryError, PermanentError) as error:
            first = self._away_until == 0.0
            self._away_until = time.monotonic() + _PAUSE_SECONDS
            log.warning("embedder away", extra={"action": "embedder_away", "cause": str(error)})
            if first and self._say is not None:
                self._say(f"Past fixes are looked up by fingerprint and words alone: {sentence(error)}")
            return None

    def _embed_again(self, numbers: list[int]) -> int:
        """Give these rows a vector of the embedder in use; rows that somebody else did first stay theirs."""
        with self._db.transaction() as session:
            query = select(Remembered.id, Remembered.embedder, Remembered.source, Remembered.text)
            rows = session.execute(query.where(Remembered.id.in_(numbers))).all()
        # Not in a transaction: a service may take its time. Rows of old versions have their words only.
        vectors = self._vectors([row.source or row.text for row in rows])
        if vectors is None:
            return 0
        with self._db.transaction() as session:
            for row, vector in sorted(zip(rows, vectors, strict=True), key=lambda pair: pair[0].id):
                session.execute(
                    update(Remembered)
                    .where(Remembered.id == row.id, Remembered.embedder == row.embedder)
                    .values(embedding=vector, embedder=self._embedder.name)
                )
        return len(rows)


def embedded(failure: DistilledFailure) -> str:
    """The text that is turned into a failure's vector."""
    # What tells failures apart comes first and more than once; the log around it is the same for many.
    names = " ".join([*failure.tests, *(place.path for place in failure.files)])
    quoted = "\n".join(entry.text for entry in failure.evidence)
    text = f"{failure.cause}\n{failure.cause}\n{names}\n{failure.tool}\n{quoted}\n{failure.text}"
    return text[:_SOURCE_MAX]


def _best(found: Found, k: int) -> list[int]:
    """The same fingerprint first, the others by weighted reciprocal rank fusion."""
    scores: dict[int, float] = {}
    for weight, ranking in zip(_WEIGHTS, (found.near, found.worded), strict=True):
        for place, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + weight / (_FUSION + place)
    fused = sorted(scores, key=lambda number: (-scores[number], number))
    return list(dict.fromkeys([*found.same, *fused]))[:k]


def _told(
    session: Session, numbers: list[int], repo: Repo, failure: DistilledFailure, wanted: Wanted | None
) -> list[PastFix]:
    """The cases with these numbers, in this order, each with how close it is.

    Fusion only ranks: the best of nothing similar ranks first too. So what is told is the cosine, or the
    share of words in common where there is no vector to compare, kept below the 1.0 that means the same
    fingerprint in the same repository.
    """
    rows = cases(session, numbers, wanted)
    return [_past(rows[number], repo, failure) for number in numbers if number in rows]


def _overlap(failure: DistilledFailure, remembered: str) -> float:
    """Words in common of all words."""
    some, others = set(searched(failure).split()), set(remembered.split())
    return len(some & others) / max(len(some | others), 1)


def _past(row: Any, repo: Repo, failure: DistilledFailure) -> PastFix:
    own = row.repo == repo.full_name
    if failure.fingerprint and row.fingerprint == failure.fingerprint:
        similarity = _SAME if own else _ALMOST
    else:
        close = _overlap(failure, row.text) if row.cosine is None else row.cosine
        similarity = min(max(close, 0.0), _ALMOST)
    return PastFix(
        incident=row.incident,
        fingerprint=row.fingerprint,
        patch=Patch(row.patch),
        author=row.author if own else f"{row.author} in {row.repo}",
        outcome=Outcome(row.outcome),
        root_cause=row.root_cause if own else f"in {row.repo}: {row.root_cause}",
        similarity=similarity,
        pull_request_url=row.pull_request_url,
    )
