"""What a person is told when a press, a command or a mention fails where nobody has a word for it.

The door answers for itself; what fails before and after it (the database is away while it is looked up who
acts, Slack takes no form any more) ends here, in one place.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any, Final

from slack_bolt import App, BoltContext, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.slack.presses import Body, said, tell, where
from patchpilot.errors import PatchPilotError, TemporaryError
from patchpilot.text import sentence

log = logging.getLogger(__name__)

_TOO_LATE: Final = frozenset({"expired_trigger_id", "exchanged_trigger_id"})
_TOO_SLOW: Final = (
    "Slack opens a form only within three seconds of a press, and that took me longer. Please press again"
)
_DOCTOR: Final = "if it stays so, `patchpilot doctor` says what is wrong"


def register(app: App) -> None:
    """Have the app answer whatever its handlers let fall."""
    app.error(_answer)


def _answer(
    error: Exception,
    body: Body,
    client: WebClient,
    respond: Callable[..., Any],
    context: BoltContext,
    response: BoltResponse | None,
) -> BoltResponse | None:
    reference = secrets.token_hex(4)
    extra = {"action": "slack_request_failed", "reference": reference, "cause": str(error)}
    if isinstance(error, PatchPilotError):
        log.warning("request not done", extra=extra)
    else:
        log.error("request not done", extra=extra, exc_info=error)
    text = f"{_what(error)} (reference {reference})."
    try:
        if context.response_url:
            # It needs no token, which can't be looked up either while the database is away.
            respond(
                response_type="ephemeral",
                replace_original=False,
                thread_ts=where(body)[1] or None,
                **said(text),
            )
            # Unacknowledged, it would get Slack's own words for trouble besides.
            return None if response is None else BoltResponse(status=200)
        _tell(client, body, text)
    except (PatchPilotError, SlackClientError, OSError) as away:
        log.warning("answer not sent", extra={"action": "answer_not_sent", "cause": str(away)})
    return None


def _what(error: Exception) -> str:
    """What happened and what to do, without the last full stop."""
    if isinstance(error, SlackApiError):
        code = str(error.response.get("error"))
        if code in _TOO_LATE:
            return _TOO_SLOW
        return f"That did not work: Slack refused it with {code!r}. Please try again in a minute; {_DOCTOR}"
    if isinstance(error, SlackClientError | OSError):
        return f"That did not work: Slack gave no answer. Please try again in a minute; {_DOCTOR}"
    if isinstance(error, TemporaryError):
        return f"That did not work: {sentence(error)} Please try again in a minute; {_DOCTOR}"
    if isinstance(error, PatchPilotError):
        return f"That did not work: {sentence(error)} Once that is mended, ask again; {_DOCTOR}"
    return (
        "That did not work, by a fault of mine. Please try again; if it stays so, tell whoever runs "
        "PatchPilot, whose log has more about it"
    )


def _tell(client: WebClient, body: Body, text: str) -> None:
    """Where there is no ``response_url``: a mention, a form, the Home tab."""
    event = body.get("event")
    if event is None:
        tell(client, body, *where(body), text)
    elif event.get("type") == "app_mention" and event.get("user") and not event.get("bot_id"):
        who = {"user_id": event["user"]}
        tell(client, who, str(event["channel"]), str(event.get("thread_ts") or event["ts"]), text)
