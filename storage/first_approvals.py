"""The first of two approvals, where a repository wants two people."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from storage.database import Database
from storage.wishes import FirstApproval


def first_to_approve(db: Database, approval_id: str) -> str:
    """Login of who has approved this proposal as the first of two; empty for nobody."""
    with db.transaction() as session:
        row = session.get(FirstApproval, approval_id)
        return "" if row is None else row.login


def approve_first(db: Database, approval_id: str, login: str) -> str:
    """Record ``login`` as the first to approve this proposal, or return who was: possibly the same person."""
    with db.transaction() as session:
        session.execute(
            insert(FirstApproval)
            .values(approval_id=approval_id, login=login)
            .on_conflict_do_nothing(index_elements=[FirstApproval.approval_id])
        )
        return session.get_one(FirstApproval, approval_id).login
