"""What RQ's scheduler has done by the clock; each may be done twice, late, or by two processes at once.

These are called by RQ without arguments: what is to be done is in Postgres, and Redis can't say otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from jobs.roles import Role, current_role
from patchpilot.errors import ConfigurationError, PatchPilotError
from patchpilot.settings import EffectsSettings
from storage.due_digests import mark_due_digests
from storage.heals import expire_proposals
from storage.retention import Retention
from storage.retention import clean_up as remove_old

log = logging.getLogger(__name__)


def mark_digests() -> None:
    """Mark the weekly digests whose time has come; the bot sends them."""
    _attempt("mark_digests", lambda role: len(mark_due_digests(role.db)))


def expire() -> None:
    """End proposals that nobody decided in time."""
    _attempt("expire", lambda role: expire_proposals(role.db))


def clean_up() -> None:
    """Remove what is too old to matter."""
    _attempt("clean_up", lambda role: sum(remove_old(role.db, _retention(role)).values()))


def _retention(role: Role) -> Retention:
    settings = role.settings
    if not isinstance(settings, EffectsSettings):
        raise ConfigurationError(f"the {role.name} role does not know how long things are kept")
    return Retention(
        deliveries=settings.keep_deliveries_days,
        tasks=settings.keep_tasks_days,
        events=settings.keep_events_days,
    )


def _attempt(name: str, work: Callable[[Role], int]) -> None:
    """Do it, and tell how much was done. What can't be done now is done when its time comes again."""
    role = current_role()
    try:
        done = work(role)
    except PatchPilotError as error:
        log.warning("%s waits", name, extra={"action": f"{name}_waits", "cause": str(error)})
    except Exception:
        # A defect of ours: the log has the whole story, and RQ is not to keep it in Redis.
        log.exception("%s failed", name, extra={"action": f"{name}_failed"})
    else:
        if done:
            log.info("%s done", name, extra={"action": f"{name}_done", "number": done})
