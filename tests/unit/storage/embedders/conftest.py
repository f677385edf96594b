"""An embeddings service on loopback, and failures to remember."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from patchpilot.failures import Category, DistilledFailure, LogLine
from patchpilot.fixes import Outcome, PastFix, Patch


@dataclass
class Service:
    """Answers as OpenAI's ``/v1/embeddings`` does: one place of the vector per word."""

    url: str = ""
    width: int = 16
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    longest: int = 1_000_000
    """Texts with more characters are refused, as a model with a short window does."""
    body: bytes | None = None
    """Sent instead of a true answer."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [text for request in self.asked for text in request["input"]]

    def answer(self, request: dict[str, Any]) -> tuple[int, bytes]:
        if self.status != 200:
            return self.status, b'{"error": {"message": "no"}}'
        if any(len(text) > self.longest for text in request["input"]):
            return 413, b'{"error": "input is too long"}'
        if self.body is not None:
            return 200, self.body
        width = request.get("dimensions", self.width)
        rows = [{"index": n, "embedding": _vector(t, width)} for n, t in enumerate(request["input"])]
        return 200, json.dumps({"object": "list", "data": rows[::-1], "model": request["model"]}).encode()


def _vector(text: str, width: int) -> list[float]:
    vector = [0.001] * width
    for word in text.lower().split():
        vector[zlib.crc32(word.encode()) % width] += 2.0
    return vector


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append(request)
            told.keys.append(self.headers.get("Authorization", ""))
            told.paths.append(self.path)
            status, body = told.answer(request)
            self.send_response(status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


@pytest.fixture
def failure() -> Callable[..., DistilledFailure]:
    def made(cause: str, *, fingerprint: str = "") -> DistilledFailure:
        return DistilledFailure(
            text=f"=== FAILURES ===\n{cause}\n",
            category=Category.TEST,
            tool="pytest",
            cause=cause,
            fingerprint=fingerprint or cause,
            evidence=(LogLine(3, cause),),
        )

    return made


@pytest.fixture
def past() -> Callable[[int], PastFix]:
    def made(incident: int) -> PastFix:
        return PastFix(
            incident=incident,
            fingerprint="",
            patch=Patch(f"+fixed {incident}\n"),
            author="a human",
            outcome=Outcome.HUMAN,
            root_cause="rounding",
            similarity=0.0,
        )

    return made
