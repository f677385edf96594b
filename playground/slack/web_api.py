"""The Web API's front: faults, tokens, scopes, rate limits, then the method; every call is recorded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from playground.slack.answers import Answer, RateLimitedError, SlackError
from playground.slack.events import Announcer
from playground.slack.faults import Fault
from playground.slack.limits import Limits, Tier
from playground.slack.methods import METHODS
from playground.slack.methods.call import Access, Call, Method
from playground.slack.model import App, CallRecord
from playground.slack.pace import Pace
from playground.slack.sockets import Sockets
from playground.slack.timers import Timers
from playground.slack.workspace import Workspace


class WebApi:
    """Answers calls of ``/api/{method}``."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        announce: Announcer,
        pace: Pace,
        sockets: Sockets,
        timers: Timers,
        base_url: str,
    ) -> None:
        self._workspace = workspace
        self._announce = announce
        self._pace = pace
        self._limits = Limits(pace)
        self._sockets = sockets
        self._timers = timers
        self._base_url = base_url

    def call(self, method: str, args: Mapping[str, Any], token: str, fault: Fault | None = None) -> Answer:
        """Answer one call, with the part of ``fault`` that concerns what is done and said."""
        if fault and fault.kind == "ratelimited":
            answer = _rate_limited(int(fault.retry_after))
        elif fault and fault.kind == "500":
            answer = _internal_error()
        else:
            answer = self._answer(method, args, token)
            if fault and fault.kind == "post_then_500":
                answer = _internal_error()
        self._record(method, args, token, answer)
        return answer

    def _answer(self, name: str, args: Mapping[str, Any], token: str) -> Answer:
        method = METHODS.get(name)
        if method is None:
            return Answer(body={"ok": False, "error": "unknown_method", "req_method": name})
        try:
            with self._workspace.lock:
                app = self._authorised(method, args, token)
                call = self._call(app, args)
                call.needs_scope(*method.scopes)
                self._limits.spend(app.id, name, method.tier, self._target(method, args))
                body = method.handler(call)
                if name == "chat.scheduleMessage":
                    self._post_later(body["scheduled_message_id"])
        except RateLimitedError as error:
            return _rate_limited(error.retry_after)
        except SlackError as error:
            return Answer(body=error.body())
        self._workspace.changed()
        return Answer(headers=_scope_headers(app, method), body=body)

    def _target(self, method: Method, args: Mapping[str, Any]) -> str:
        """The channel whose own limit a message counts against, whichever way it was named."""
        if method.tier is not Tier.MESSAGES:
            return ""
        named = str(args.get("channel") or "")
        try:
            return self._workspace.channel(named).id
        except SlackError:
            return named

    def _call(self, app: App, args: Mapping[str, Any]) -> Call:
        return Call(
            workspace=self._workspace,
            app=app,
            args=args,
            announce=self._announce,
            pace=self._pace,
            sockets=self._sockets,
            base_url=self._base_url,
        )

    def _authorised(self, method: Method, args: Mapping[str, Any], token: str) -> App:
        if method.access is Access.CLIENT:
            return self._client(str(args.get("client_id", "")))
        if not token:
            raise SlackError("not_authed")
        found = self._workspace.app_by_token(token)
        if found is None:
            raise SlackError("invalid_auth")
        if found.revoked:
            raise SlackError("token_revoked")
        if not found.active:
            raise SlackError("account_inactive")
        if (token == found.app_token) != (method.access is Access.APP):
            raise SlackError("not_allowed_token_type")
        return found

    def _client(self, client_id: str) -> App:
        for app in self._workspace.apps.values():
            if app.client_id == client_id:
                return app
        raise SlackError("invalid_client_id")

    def _post_later(self, scheduled_id: str) -> None:
        planned = self._workspace.scheduled[scheduled_id]

        def due() -> None:
            with self._workspace.lock:
                app = self._workspace.apps.get(planned.app_id)
                if self._workspace.scheduled.pop(scheduled_id, None) is None or app is None or not app.active:
                    return
                token = app.bot_token
            self.call("chat.postMessage", planned.args, token)

        self._timers.later(planned.post_at - time.time(), due)

    def _record(self, method: str, args: Mapping[str, Any], token: str, answer: Answer) -> None:
        with self._workspace.lock:
            app = self._workspace.app_by_token(token) if token else None
            self._workspace.calls.append(
                CallRecord(
                    method=method,
                    args={name: value for name, value in args.items() if name != "token"},
                    status=answer.status,
                    answer=answer.body,
                    app_id=app.id if app else "",
                    at=time.time(),
                )
            )


def _scope_headers(app: App, method: Method) -> dict[str, str]:
    return {
        "X-OAuth-Scopes": ",".join(sorted(app.scopes)),
        "X-Accepted-OAuth-Scopes": ",".join(method.scopes),
    }


def _internal_error() -> Answer:
    return Answer(status=500, body={"ok": False, "error": "internal_error"})


def _rate_limited(seconds: int) -> Answer:
    return Answer(
        status=429, headers={"Retry-After": str(max(seconds, 1))}, body={"ok": False, "error": "ratelimited"}
    )
