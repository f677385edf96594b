"""The first of two approvals, where a repository wants two people."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from storage.database import Database
from storage.wishes import FirstApproval


def approve_first(db: Database, approval_id: str, login: str) -> str:
    """Record ``login`` as the first to approve this proposal, or return who was: possibly the same person."""
    with db.transaction() as session:
        session.execute(
            insert(FirstApproval)
            .values(approval_id=approval_id, login=login)
            .on_conflict_do_nothing(index_elements=[FirstApproval.approval_id])
        )
        return session.get_one(FirstApproval, approval_id).login
