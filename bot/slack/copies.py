"""What one person alone was shown of a proposal: the answer to **Review**, the offer to test anew.

Whoever presses there is told what came of it, and the copy shows the outcome in place of its buttons: the
announcer, which edits everything else, does not know of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from slack_sdk.errors import SlackClientError

from bot.slack.approval_views import settled
from bot.slack.presses import Body, where
from patchpilot.errors import PatchPilotError
from patchpilot.heals import HealState
from storage.database import Database
from storage.decisions import find_target

log = logging.getLogger(__name__)


def is_copy(body: Body) -> bool:
    """Whether what was pressed is seen by one person alone: whispered, or in a direct message."""
    whispered = (body.get("container") or {}).get("is_ephemeral")
    return bool(whispered) or where(body)[0].startswith("D")


def settle_copy(db: Database, approval_id: str, respond: Callable[..., Any]) -> None:
    """Put the outcome in the copy's place, unless the proposal still waits. ``respond`` answers at the copy's
    ``response_url``. What was decided stays so whether or not this can be shown."""
    try:
        target = find_target(db, incident=None, approval_id=approval_id)
        if target is None:
            return
        heal = target.heal
        if heal.state is HealState.AWAITING_APPROVAL and heal.approval_id == approval_id:
            return
        message = settled(target)
        respond(replace_original=True, text=message.text, blocks=list(message.blocks))
    except (PatchPilotError, SlackClientError, OSError) as error:
        log.warning("copy not edited", extra={"action": "copy_not_edited", "cause": str(error)})
