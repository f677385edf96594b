"""A person's question that the evidence alone does not answer: the model says what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping

from agent.claude import Claude
from jobs.leases import kept_alive, owner
from jobs.parts import model_of
from jobs.roles import Role
from jobs.tasks import budget_limits, worker_settings
from patchpilot.errors import BudgetExceededError, LeaseLostError, ModelRefusedError
from patchpilot.heals import HealId
from patchpilot.ports import Brief
from patchpilot.text import one_line, sentence
from storage.heals import HealJournal, take_heal
from storage.notes import note


def answer(role: Role, args: Mapping[str, str]) -> None:
    """Answer in the heal's thread, within the heal's budget.

    Without a model key there is nothing to add to the answer from the evidence, which was given at once.
    """
    settings = worker_settings(role)
    model = model_of(settings)
    if model is None:
        return
    heal_id = HealId(args["heal"])
    try:
        journal = take_heal(
            role.db, heal_id, owner=owner(), seconds=settings.lease_seconds, budget=budget_limits(settings)
        )
        if journal is None:
            raise LeaseLostError(f"heal {heal_id} is in another worker's hands")
        try:
            with kept_alive(
                lambda: journal.renew(settings.lease_seconds),
                every=settings.lease_seconds / 4,
                deadline=settings.task_deadline_seconds,
            ):
                said = _reply(model, journal, args["question"])
        finally:
            journal.release()
    finally:
        model.close()
    asked = f"@{args['by']} asked: {one_line(args['question'], 200)}"
    note(role.db, heal_id, f"answer:{args['key']}", f"{asked}\n{said}\n({model.name}, from the log)")


def _reply(model: Claude, journal: HealJournal, question: str) -> str:
    failure, distilled = journal.failure(), journal.distilled()
    if distilled is None:
        return "The log has not been read yet, so there is nothing to answer from."
    brief = Brief(
        repo=failure.run.repo,
        branch=failure.branch,
        failure=distilled,
        hints=journal.hints(),
        diagnosis=journal.diagnosis(),
    )
    try:
        return model.reply(question, brief, budget=journal.budget())
    except (BudgetExceededError, ModelRefusedError) as error:
        return f"I can't say more than the evidence does: {sentence(error)}"
