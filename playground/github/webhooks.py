"""Signed deliveries to Apps, from a thread of their own: in order, never repeated by itself.

GitHub does not retry; a person, or the App through the API, asks for a redelivery, which carries the same
delivery id. https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from playground.github.model import App, Ids, now

TIMEOUT_SECONDS = 10.0
_LOG_LENGTH = 500


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver one event."""

    id: int
    guid: str
    """The same for all attempts; ``X-GitHub-Delivery``."""
    app: App
    event: str
    action: str
    body: bytes
    repository_id: int | None
    installation_id: int | None
    redelivery: bool = False
    delivered_at: datetime = field(default_factory=now)
    seconds: float = 0.0
    status_code: int | None = None
    """``None`` until it was answered, 0 when nobody answered."""
    status: str = "pending"
    response: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": f"GitHub-Hookshot/{self.guid[:7]}",
            "X-GitHub-Delivery": self.guid,
            "X-GitHub-Event": self.event,
            "X-GitHub-Hook-ID": str(self.app.id),
            "X-GitHub-Hook-Installation-Target-ID": str(self.app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
        }
        if self.app.webhook_secret:
            secret = self.app.webhook_secret.encode()
            headers["X-Hub-Signature"] = "sha1=" + hmac.new(secret, self.body, hashlib.sha1).hexdigest()
            headers["X-Hub-Signature-256"] = (
                "sha256=" + hmac.new(secret, self.body, hashlib.sha256).hexdigest()
            )
        return headers


class Webhooks:
    """The queue of deliveries and their log."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._lock = threading.Lock()
        self._log: list[Delivery] = []
        self._queue: queue.Queue[Delivery | None] = queue.Queue()
        self._copies = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._deliver_all, name="playground-webhooks", daemon=True)
        self._thread.start()

    def send(self, app: App, event: str, payload: Mapping[str, object]) -> Delivery:
        """Queue an event for an App; with no webhook address it is only logged."""
        repository, installation = payload.get("repository"), payload.get("installation")
        delivery = Delivery(
            id=self._ids.next(),
            guid=str(uuid.uuid4()),
            app=app,
            event=event,
            action=str(payload.get("action", "")),
            body=json.dumps(payload, separators=(",", ":")).encode(),
            repository_id=_id(repository),
            installation_id=_id(installation),
        )
        with self._lock:
            copies, self._copies = 1 + self._copies, 0
        for _ in range(copies):
            self._enqueue(delivery)
        return delivery

    def redeliver(self, delivery: str | int) -> Delivery:
        """Send a delivery again, found by its number or its GUID; raises :class:`LookupError`."""
        known = self.find(delivery)
        again = Delivery(
            id=self._ids.next(),
            guid=known.guid,
            app=known.app,
            event=known.event,
            action=known.action,
            body=known.body,
            repository_id=known.repository_id,
            installation_id=known.installation_id,
            redelivery=True,
        )
        self._enqueue(again)
        return again

    def duplicate_next(self, copies: int) -> None:
        """Send the next event ``copies`` times more than once."""
        with self._lock:
            self._copies += copies

    def log(self, app: App | None = None) -> list[Delivery]:
        """Deliveries, newest first."""
        with self._lock:
            return [one for one in reversed(self._log) if app is None or one.app is app]

    def find(self, delivery: str | int) -> Delivery:
        """The newest delivery of that number or GUID; raises :class:`LookupError`."""
        for one in self.log():
            if str(delivery) in {str(one.id), one.guid}:
                return one
        raise LookupError(f"there is no delivery {delivery!r}")

    def drain(self) -> None:
        """Wait until everything queued so far was sent."""
        self._queue.join()

    def close(self) -> None:
        """Stop after what is being sent now; what waits is dropped."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join(timeout=2 * TIMEOUT_SECONDS)

    def _enqueue(self, delivery: Delivery) -> None:
        with self._lock:
            self._log.append(delivery)
            del self._log[:-_LOG_LENGTH]
        if delivery.app.webhook_url:
            self._queue.put(delivery)

    def _deliver_all(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            while (delivery := self._queue.get()) is not None:
                try:
                    if not self._closing.is_set():
                        _deliver(client, delivery)
                finally:
                    self._queue.task_done()
            self._queue.task_done()


def _deliver(client: httpx.Client, delivery: Delivery) -> None:
    started = time.monotonic()
    try:
        answer = client.post(delivery.app.webhook_url, content=delivery.body, headers=delivery.headers)
        code, status, text = answer.status_code, answer.reason_phrase or "OK", answer.text[:10_000]
    except httpx.TimeoutException:
        code, status, text = 0, "timed out", ""
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        code, status, text = 0, "failed to connect to host", str(error)
    delivery.seconds = time.monotonic() - started
    delivery.status, delivery.response, delivery.status_code = status, text, code


def _id(thing: object) -> int | None:
    number = thing.get("id") if isinstance(thing, Mapping) else None
    return number if isinstance(number, int) else None
