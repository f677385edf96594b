"""What RQ calls: claim one task row, do it, and book how it ended.

The row, not the RQ job, decides: without a claim nothing happens, so a wake-up that comes twice, late or
after the work is done has no effect. A :class:`TemporaryError` puts the row back with a delay; that delay
lives in Postgres and not in ``rq.Retry``, because Redis may be wiped in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from jobs.leases import kept_alive, owner
from jobs.roles import DECISIVE, Role, current_role
from patchpilot.errors import LeaseLostError, PatchPilotError, TemporaryError
from patchpilot.heals import HealId
from storage.heals import escalate
from storage.tasks import Task, claim_task, finish_task, postpone_task, renew_task

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 12
"""A task that could not be done this often ends its heal as escalated, so that a person sees it."""
MAX_DELAY_SECONDS: Final = 300.0

Handler = Callable[[Role, Mapping[str, str]], None]


def perform(task_id: int) -> None:
    """Do the task with this id, if it is still to be done and nobody else is at it."""
    role = current_role()
    seconds = role.settings.lease_seconds
    task = claim_task(role.db, task_id, owner=owner(), seconds=seconds)
    if task is None:
        return
    renew = lambda: renew_task(role.db, task, seconds=seconds)  # noqa: E731 - bound here to one claimed task
    with kept_alive(renew, every=seconds / 4, deadline=role.settings.task_deadline_seconds):
        _attempt(role, task)


def _attempt(role: Role, task: Task) -> None:
    try:
        _handler(role, task.name)(role, task.args)
    except LeaseLostError:
        # Whoever holds the heal now goes on with it; ask again later whether anything is left to do.
        postpone_task(role.db, task, seconds=role.settings.lease_seconds, error="the heal's lease was lost")
    except TemporaryError as error:
        _again(role, task, str(error), error.retry_after)
    except PatchPilotError as error:
        _give_up(role, task, str(error))
    except Exception as error:
        # A defect of ours: nothing is lost, a person sees it, and the log has the whole story.
        log.exception("task failed", extra={"action": "task_failed", "task": task.name, "id": task.id})
        _again(role, task, f"internal error ({type(error).__name__}); see the {role.name} log", 10.0)
    else:
        finish_task(role.db, task)


def _handler(role: Role, name: str) -> Handler:
    if name not in role.tasks:
        raise PatchPilotError(f"task {name!r} is not one that the {role.name} role does")
    module, function = name.rsplit(".", 1)
    handler: Handler = getattr(import_module(module), function)
    return handler


def _again(role: Role, task: Task, error: str, delay: float) -> None:
    if task.attempts >= MAX_ATTEMPTS:
        _give_up(role, task, f"gave up after {task.attempts} attempts: {error}")
        return
    seconds = min(delay * max(1.0, 1.5 ** (task.attempts - 1)), MAX_DELAY_SECONDS)
    log.warning("task postponed", extra={"action": "task_postponed", "task": task.name, "cause": error})
    postpone_task(role.db, task, seconds=seconds, error=error)


def _give_up(role: Role, task: Task, reason: str) -> None:
    log.error("task given up", extra={"action": "task_given_up", "task": task.name, "cause": reason})
    if (heal := task.args.get("heal")) and task.name in DECISIVE:
        escalate(role.db, HealId(heal), reason=reason, storms=role.storms)
    finish_task(role.db, task)
