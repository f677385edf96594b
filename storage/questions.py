"""Questions that the evidence alone does not answer, put to the worker."""

from __future__ import annotations

from patchpilot.heals import HealId
from storage.database import Database
from storage.tasks import add_task


def put_question(db: Database, heal_id: HealId, *, question: str, by: str, key: str) -> None:
    """Have the worker's model answer in the heal's thread; the same ``key`` again changes nothing."""
    with db.transaction() as session:
        add_task(
            session,
            queue="heal",
            name="jobs.answers.answer",
            args={"heal": heal_id, "question": question, "by": by, "key": key},
            key=f"answer:{key}",
        )
