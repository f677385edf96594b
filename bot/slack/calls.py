"""One call of Slack's Web API, and what its refusal means: wait, look again, give up, or tell an admin."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from patchpilot.errors import PermanentError, TemporaryError
from patchpilot.metrics import Metrics

CALL_SECONDS: Final = 10
_GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_OF_CHANNEL: Final = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
    }
)
_OF_WORKSPACE: Final = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "not_authed",
        "not_allowed_token_type",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
_LONGEST_WAIT: Final = 3_600.0


class NotDoneError(TemporaryError):
    """Slack surely did not act on the call."""


class FileNotReadyError(NotDoneError):
    """Slack is still looking at an uploaded picture, so that no message can show it yet."""


class GoneError(PermanentError):
    """The message can't be edited any more."""


class BrokenPlaceError(PermanentError):
    """A channel, or with an empty ``place`` the whole workspace, takes nothing until an admin mends it."""

    def __init__(self, place: str, code: str, advice: str) -> None:
        super().__init__(f"Slack takes nothing for {place or 'the workspace'}: {code}. {advice}".strip())
        self.place = place
        self.code = code
        self.advice = advice


class Calls:
    """Calls Slack. After a 429 it keeps away for as long as asked: from that channel where messages are
    posted, from that method else, and from nothing more. ``workspace`` names a workspace that takes nothing,
    and ``team`` whose channels these are; empty for the home workspace.

    https://docs.slack.dev/apis/web-api/rate-limits
    """

    def __init__(self, client: WebClient, metrics: Metrics, *, workspace: str = "", team: str = "") -> None:
        self._client = client
        self._metrics = metrics
        self._workspace = workspace
        self._team = team
        self._paused: dict[tuple[str, str], float] = {}

    def call(self, method: str, arguments: dict[str, Any], *, channel: str = "") -> Any:
        """The answer's data. Raises the errors above and in :mod:`patchpilot.errors`."""

        def send() -> Any:
            if method.startswith("chat."):
                return self._client.api_call(method, json=arguments)
            return self._client.api_call(method, params=arguments)

        return self.guarded(method, send, channel=channel).data

    def upload(self, **options: Any) -> Any:
        """``files_upload_v2`` without a channel: nobody sees the file before a message links it."""
        return self.guarded("files.uploadV2", lambda: self._client.files_upload_v2(**options))

    def guarded(self, method: str, call: Callable[[], Any], *, channel: str = "") -> Any:
        """Make a call whose errors become ours."""
        lane = (method, channel if method == "chat.postMessage" else "")
        wait = self._paused.get(lane, 0.0) - time.monotonic()
        if wait > 0:
            raise NotDoneError(f"Slack asked to wait with {method}", retry_after=wait)
        try:
            answer = call()
        except SlackApiError as error:
            raise self._translate(method, error, channel, lane) from error
        except (SlackClientError, OSError, TimeoutError) as error:
            self._count(method, "no_answer")
            raise TemporaryError(f"calling Slack's {method}: no answer", retry_after=CALL_SECONDS) from error
        self._count(method, "ok")
        return answer

    def _translate(self, method: str, error: SlackApiError, channel: str, lane: tuple[str, str]) -> Exception:
        response: Any = error.response
        data = response.data if isinstance(response.data, dict) else {}
        code = str(data.get("error", response.status_code))
        self._count(method, code)
        if response.status_code == 429 or code == "ratelimited":  # noqa: PLR2004 - Too Many Requests
            wait = _seconds(response.headers)
            self._paused[lane] = time.monotonic() + wait
            return NotDoneError(f"Slack asks to wait {wait:.0f} s with {method}", retry_after=wait)
        # A scope that is missing for something else keeps nobody from posting.
        everywhere = code in _OF_WORKSPACE and (code != "missing_scope" or method == "chat.postMessage")
        if everywhere or (code in _OF_CHANNEL and channel):
            place = self._workspace if everywhere else in_team(self._team, channel)
            return BrokenPlaceError(place, code, advice(code, data, team=self._team))
        if code in _GONE:
            return GoneError(f"{method}: {code}")
        if response.status_code >= 500 or code in {"internal_error", "fatal_error", "service_unavailable"}:  # noqa: PLR2004
            return TemporaryError(f"calling Slack's {method}: {code}", retry_after=CALL_SECONDS)
        details = " ".join(map(str, (data.get("response_metadata") or {}).get("messages") or ()))
        if code == "invalid_blocks" and "slack file" in details:
            return FileNotReadyError(f"{method}: {details}", retry_after=2)
        return PermanentError(
            f"Slack refuses {method}: {code}. {advice(code, data, team=self._team)} {details}".strip()
        )

    def _count(self, method: str, result: str) -> None:
        self._metrics.slack_calls.labels(method, result).inc()


def in_team(team: str, channel: str) -> str:
    """A channel as a broken place: with its workspace, unless that is the operator's own."""
    return f"{team}/{channel}" if team else channel


def _seconds(headers: Mapping[str, str]) -> float:
    given = {name.lower(): value for name, value in headers.items()}.get("retry-after", "1")
    try:
        return min(max(float(given), 1.0), _LONGEST_WAIT)
    except ValueError:
        return 1.0


def advice(code: str, data: Mapping[str, Any], *, team: str = "") -> str:
    """What an admin has to do about an error code of Slack's; ``team`` is a workspace that added the app."""
    # A subscribed channel is named by no setting.
    another = "" if team else " If it is SLACK_CHANNEL, that may name another one instead."
    match code:
        case "not_in_channel" | "channel_not_found":
            return f"Invite the bot to the channel.{another}"
        case "is_archived" | "is_inactive":
            return f"The channel is archived; unarchive it.{another}"
        case "restricted_action" | "restricted_action_read_only_channel":
            return f"The workspace does not let the bot post there; allow it.{another}"
        case "missing_scope":
            needed = data.get("needed", "")
            return f"Add the scope {needed} to the App (deploy/slack-manifest.yaml) and install it again."
        case _ if code in _OF_WORKSPACE:
            return (
                f"The token of workspace {team} does not work (any more); it has to add the App again."
                if team
                else "SLACK_BOT_TOKEN does not work (any more); install the App again and set the new token."
            )
        case _:
            return ""
