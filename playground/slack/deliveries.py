"""How requests reach an app: signed HTTP or Socket Mode envelopes; unanswered events are sent again.

Sources: https://docs.slack.dev/authentication/verifying-requests-from-slack (signature),
https://docs.slack.dev/apis/events-api (three retries, ``X-Slack-Retry-Num``/``-Reason``),
https://docs.slack.dev/apis/events-api/using-socket-mode (envelopes).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

import httpx

from playground.slack.faults import Faults
from playground.slack.model import App
from playground.slack.pace import Pace
from playground.slack.schema import Json
from playground.slack.sockets import Sockets
from playground.slack.timers import Timers

DeliveryKind = Literal["events_api", "interactive", "slash_commands"]
_KEPT = 2_000


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One request to an app. Sending the same one twice is what a duplicate is."""

    app_id: str
    kind: DeliveryKind
    payload: Json


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the app said. ``ok`` means it answered with 200 within the time it has."""

    ok: bool
    status: int = 0
    """HTTP status; 200 for an acknowledged envelope, 0 when nobody answered."""
    body: Json | str = ""
    error: str = ""
    """``http_timeout``, ``http_error`` or ``connection_failed``, as in ``X-Slack-Retry-Reason``."""


@dataclass(frozen=True, kw_only=True)
class DeliveryRecord:
    """A delivery that was made, for tests and the page."""

    delivery: Delivery
    attempt: int
    receipt: Receipt


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The ``X-Slack-Signature`` of a request: ``v0=`` and HMAC-SHA256 of ``v0:timestamp:body``."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Deliveries:
    """Sends requests to apps. :meth:`send` waits for the answer, :meth:`event` does not."""

    def __init__(
        self, *, signing_secret: str, pace: Pace, faults: Faults, sockets: Sockets, timers: Timers
    ) -> None:
        self._secret = signing_secret
        self._pace = pace
        self._faults = faults
        self._sockets = sockets
        # Proxies of the surroundings have no part in traffic on this machine.
        self._http = httpx.Client(timeout=pace.acknowledge, trust_env=False)
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="slack-delivery")
        self._timers = timers
        self._lock = threading.Lock()
        self._closed = False
        self.log: deque[DeliveryRecord] = deque(maxlen=_KEPT)

    def send(self, app: App, delivery: Delivery, *, attempt: int = 0, reason: str = "") -> Receipt:
        """Make one delivery and wait for the answer, at most as long as Slack would."""
        if app.by_socket:
            receipt = self._by_socket(app, delivery, attempt, reason)
        else:
            receipt = self._by_http(app, delivery, attempt, reason)
        self.log.append(DeliveryRecord(delivery=delivery, attempt=attempt, receipt=receipt))
        return receipt

    def event(self, app: App, delivery: Delivery) -> None:
        """Deliver an event in the background, with Slack's retries."""
        self._submit(app, delivery, 0, "")
        if self._faults.take("events", "duplicate"):
            self._submit(app, delivery, 0, "")

    def close(self) -> None:
        """Start nothing more and wait for what is under way."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def _submit(self, app: App, delivery: Delivery, attempt: int, reason: str) -> None:
        with self._lock:
            if not self._closed:
                self._pool.submit(self._attempt, app, delivery, attempt, reason)

    def _attempt(self, app: App, delivery: Delivery, attempt: int, reason: str) -> None:
        receipt = self.send(app, delivery, attempt=attempt, reason=reason)
        if receipt.ok or attempt >= len(self._pace.event_retries):
            return
        self._timers.later(
            self._pace.event_retries[attempt],
            lambda: self._submit(app, delivery, attempt + 1, receipt.error),
        )

    def _by_socket(self, app: App, delivery: Delivery, attempt: int, reason: str) -> Receipt:
        if self._faults.take(_fault_name(delivery), "disconnect"):
            self._sockets.disconnect(app.id, reason="refresh_requested")
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason.removeprefix("http_")}
        answer = self._sockets.ask(app.id, envelope, seconds=self._pace.acknowledge)
        if answer is None:
            return Receipt(ok=False, error="http_timeout")
        return Receipt(ok=True, status=200, body=answer)

    def _by_http(self, app: App, delivery: Delivery, attempt: int, reason: str) -> Receipt:
        url = _address(app, delivery)
        if not url:
            return Receipt(ok=False, error="connection_failed")
        body, content_type = _encoded(delivery)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._secret, timestamp, body),
        }
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        try:
            response = self._http.post(url, content=body, headers=headers)
        except httpx.TimeoutException:
            return Receipt(ok=False, error="http_timeout")
        except httpx.HTTPError:
            return Receipt(ok=False, error="connection_failed")
        return Receipt(
            ok=response.status_code == httpx.codes.OK,
            status=response.status_code,
            body=_answer(response),
            error="" if response.status_code == httpx.codes.OK else "http_error",
        )


def _fault_name(delivery: Delivery) -> str:
    return "events" if delivery.kind == "events_api" else "interactions"


def _address(app: App, delivery: Delivery) -> str:
    if delivery.kind == "slash_commands":
        return app.commands.get(delivery.payload["command"], "") or app.interactivity_url
    return app.events_url if delivery.kind == "events_api" else app.interactivity_url


def _encoded(delivery: Delivery) -> tuple[bytes, str]:
    form = "application/x-www-form-urlencoded"
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload).encode(), "application/json"
    if delivery.kind == "interactive":
        return urlencode({"payload": json.dumps(delivery.payload)}).encode(), form
    return urlencode(delivery.payload).encode(), form


def _answer(response: httpx.Response) -> Json | str:
    if response.headers.get("content-type", "").startswith("application/json"):
        try:
            body = response.json()
        except ValueError:
            return response.text
        return body if isinstance(body, dict) else response.text
    return response.text
