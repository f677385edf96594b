"""Slack's client with the linter in front: nothing leaves that Slack would refuse, cut or split.

Everything that this process sends goes through here, including what bolt's handlers send: bolt makes a client
of its own for each request, so a middleware puts ours in its place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from slack_bolt import Ack, App, BoltContext
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.slack.findings import Findings
from bot.slack.linting import lint_message, lint_view
from patchpilot.errors import PermanentError
from patchpilot.metrics import Metrics

log = logging.getLogger(__name__)

ARRIVED: Final = "arrived"
"""Key in bolt's context: when the request came in, by the monotonic clock."""
RESPOND_AT: Final = "respond_at"
"""Key in bolt's context: answers at a ``response_url`` that an earlier request brought."""
_MESSAGES: Final = frozenset(
    {"chat.postMessage", "chat.update", "chat.postEphemeral", "chat.scheduleMessage"}
)
_VIEWS: Final = frozenset({"views.open", "views.push", "views.update", "views.publish"})


class UnfitPayloadError(PermanentError):
    """A payload that breaks a rule of Slack's in a way that can't be mended; a defect of ours."""


class Linter:
    """Lints payloads, and makes each finding visible as a log line and in a metric."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def message(self, arguments: Mapping[str, Any], *, where: str) -> dict[str, Any]:
        """The message as it may be sent. Raises :class:`UnfitPayloadError`."""
        made, found = lint_message(arguments)
        self._judge(found, where)
        return made

    def view(self, view: object, *, where: str) -> dict[str, Any]:
        """The view as it may be sent. Raises :class:`UnfitPayloadError`."""
        made, found = lint_view(view)
        self._judge(found, where)
        return made

    def _judge(self, found: Findings, where: str) -> None:
        for findings, result in ((found.mended, "mended"), (found.broken, "refused")):
            for finding in findings:
                self._metrics.slack_lint.labels(finding.rule, result).inc()
                log.log(
                    logging.WARNING if result == "mended" else logging.ERROR,
                    "payload breaks a limit of Slack's",
                    extra={"action": f"slack_payload_{result}", "method": where, "finding": str(finding)},
                )
        if found.broken:
            raise UnfitPayloadError(f"{where} is not sent: {'; '.join(map(str, found.broken[:3]))}")


class LintedClient(WebClient):
    """A ``WebClient`` whose messages and views are linted first."""

    def __init__(self, *arguments: Any, linter: Linter, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._linter = linter

    def api_call(self, api_method: str, **options: Any) -> Any:
        """See :meth:`slack_sdk.WebClient.api_call`."""
        if api_method in _MESSAGES or api_method in _VIEWS:
            for carrier in ("json", "params", "data"):
                given = options.get(carrier)
                if isinstance(given, Mapping):
                    options[carrier] = self._linted(api_method, given)
        return super().api_call(api_method, **options)

    def _linted(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if method in _VIEWS:
            return {**arguments, "view": self._linter.view(arguments.get("view"), where=method)}
        return self._linter.message(arguments, where=method)


class _LintedWebhook(WebhookClient):
    """Answers through a ``response_url``, linted."""

    def __init__(self, url: str, linter: Linter) -> None:
        super().__init__(url)
        self._linter = linter

    def send_dict(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        """See :meth:`slack_sdk.webhook.WebhookClient.send_dict`."""
        if not body.get("delete_original"):
            body = self._linter.message(body, where="response_url")
        return super().send_dict(body, headers)


class _LintedAck(Ack):
    """Acknowledges with a linted view or message, where it does with one."""

    def __init__(self, linter: Linter) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._linter = linter

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """See :class:`slack_bolt.Ack`."""
        if arguments:
            options["text"] = arguments[0]
        if isinstance(options.get("view"), Mapping):
            options["view"] = self._linter.view(options["view"], where="ack")
        elif isinstance(options.get("text"), str) and options["text"]:
            options = self._linter.message(options, where="ack")
        return super().__call__(**options)


def install(app: App, linter: Linter) -> None:
    """Have everything that the app's handlers send go through ``linter``."""

    def respond_at(url: str, **body: Any) -> Any:
        return _LintedWebhook(url, linter).send_dict(body)

    def replace(context: BoltContext, next: Callable[[], None]) -> None:  # noqa: A002 - bolt's own name
        context[ARRIVED] = time.monotonic()
        client = context.client
        context["client"] = LintedClient(
            token=client.token,
            base_url=client.base_url,
            timeout=client.timeout,
            ssl=client.ssl,
            proxy=client.proxy,
            headers=client.headers,
            retry_handlers=list(client.retry_handlers),
            linter=linter,
        )
        context["ack"] = _LintedAck(linter)
        context[RESPOND_AT] = respond_at
        url = context.response_url
        if url:

            def respond(text: str | dict[str, Any] = "", **options: Any) -> Any:
                body = dict(text) if isinstance(text, dict) else {"text": text, **options}
                body = {name: value for name, value in body.items() if value is not None}
                return _LintedWebhook(url, linter).send_dict(body)

            context["respond"] = respond
        next()

    app.use(replace)
