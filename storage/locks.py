"""Keys of advisory locks."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from patchpilot.source import Repo


def lock_key(*parts: str) -> int:
    """A signed 64-bit key, the same in every process (Python's own ``hash`` is not)."""
    # A separator that no name holds, so that ("a", "bc") and ("ab", "c") differ.
    digest = hashlib.blake2b("\x1f".join(parts).encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def lock_branch(session: Session, repo: Repo, branch: str) -> None:
    """Let one transaction at a time decide which incident a run of this branch belongs to.

    Whoever takes it takes it before any row lock, which keeps the order of locks the same everywhere.
    """
    session.execute(select(func.pg_advisory_xact_lock(lock_key("branch", repo.host, repo.full_name, branch))))
