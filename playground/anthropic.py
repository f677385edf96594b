"""An Anthropic on this machine: the Messages API's wire format, answering from a script.

The real client talks to it unchanged by its base URL, streaming included, so every stop reason, overload
and broken answer can be had on demand. It has no model: a script is a list of turns, or a function from the
request to the next turn.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self, cast

from playground.anthropic_cache import PromptCache
from playground.anthropic_thinking import signature, stale

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Error types by status: https://platform.claude.com/docs/en/api/errors"""

PIECE = 40
"""Characters per delta of a streamed answer, few enough that every answer comes in several."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call of an answer."""

    name: str
    input: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer with status 200."""

    text: str = ""
    thinking: str = ""
    signature: str = ""
    """Of the thinking block; empty for the one that binds it to the conversation."""
    calls: Sequence[ToolCall] = ()
    stop_reason: str | None = None
    """``None`` for what fits: ``tool_use`` with calls, else ``end_turn``."""
    policy: str = ""
    """What a refusal is about."""
    input_tokens: int = 1_000
    output_tokens: int = 100
    cache_read: int = 0
    cache_write: int = 0
    cut_after: int | None = None
    """End the connection after that many stream events, as if the answer were whole."""
    reset_after: int | None = None
    """Reset the connection after that many stream events, as a dying proxy does."""
    raw_input: str | None = None
    """Text sent as the last tool call's input instead of JSON: a malformed or truncated call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An answer with another status than 200, or an error event inside a stream."""

    status: int
    kind: str = ""
    """The error's type; empty for the one that belongs to the status."""
    message: str = "scripted fault"
    retry_after: str | None = None
    in_stream: bool = False
    """Status 200 and then an ``error`` event, as an overload in the middle of an answer comes."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Accept the request and never answer; the connection is held until the server stops."""

    after: int = 0
    """Send that many stream events of an answer first, and hang in the body then."""


@dataclass(frozen=True, slots=True)
class Drip:
    """An answer that begins and then sends ``piece`` again and again, until the client leaves."""

    piece: bytes = b'event: ping\ndata: {"type": "ping"}\n\n'
    seconds: float = 0.01
    """Between two pieces."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Status 200 and this as the stream's body, whatever it is."""

    body: bytes


Turn = Reply | Fault | Silence | Drip | Garbage
Script = Iterable[Turn] | Callable[[Mapping[str, Any]], Turn]


def says(text: str) -> Reply:
    """A plain last answer."""
    return Reply(text=text)


def uses(*calls: ToolCall, text: str = "") -> Reply:
    """An answer that calls tools, several at once if several are given."""
    return Reply(calls=calls, text=text)


@dataclass
class Recorded:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class ScriptedAnthropic:
    """The server; a context manager that serves on a free port of the loopback.

    When a script of turns is used up, further requests get status 500, so that a test which asks more often
    than it should fails rather than hangs.
    """

    script: Script
    host: str = "127.0.0.1"
    port: int = 0
    requests: list[Recorded] = field(default_factory=list)
    cache: PromptCache | None = None
    """With it, the prompt tokens of answers are counted from the requests and their cache marks."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._turns: Iterator[Turn] | None = None if callable(self.script) else iter(self.script)
        self._server = _Server((self.host, self.port), _Handler)
        self._server.scripted = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def base_url(self) -> str:
        """For the client's ``base_url``."""
        return f"http://{self.host}:{self._server.server_address[1]}"

    @property
    def sent(self) -> str:
        """All request bodies as one text, to look for what must never be in them."""
        return "\n".join(json.dumps(request.body, ensure_ascii=False) for request in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_turn(self, request: Recorded) -> Turn:
        """Record the request and take the script's next turn."""
        with self._lock:
            self.requests.append(request)
            if callable(self.script):
                return self.script(request.body)
            exhausted = Fault(status=500, message="the script has no further turn")
            return next(self._turns, exhausted) if self._turns is not None else exhausted

    def hold(self) -> None:
        """Wait until the server stops."""
        self._stopped.wait()

    def stopped(self, seconds: float) -> bool:
        """Wait so long, or until the server stops; whether it did."""
        return self._stopped.wait(seconds)


class _Write(Protocol):
    def __call__(self, data: bytes, /) -> object: ...


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    scripted: ScriptedAnthropic


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _script(self) -> ScriptedAnthropic:
        return cast("_Server", self.server).scripted

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            self._error(Fault(status=400, kind="invalid_request_error", message="not JSON"))
            return
        problem = _problem(
            self.path, self.headers.get("authorization", "") or self.headers.get("x-api-key", ""), body
        )
        if problem is not None:
            self._error(problem)
            return
        turn = self._script.next_turn(Recorded(self.path, dict(self.headers.items()), body))
        if isinstance(turn, Reply):
            turn = replace(turn, signature=turn.signature or signature(body))
        self._play(turn, body)

    def _play(self, turn: Turn, body: dict[str, Any]) -> None:
        match turn:
            case Silence(after=0):
                self._script.hold()
                self.close_connection = True
            case Fault(in_stream=False):
                self._error(turn)
            case _ if body.get("stream"):
                self._stream(turn, body)
            case Reply():
                self._json(200, _message(turn, body["model"]))
            case Fault():
                self._error(turn)
            case _:
                self._error(Fault(status=400, message="this turn is a stream's"))

    def _stream(self, turn: Turn, body: dict[str, Any]) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("request-id", "req_scripted")
        self.send_header("connection", "close")
        self.end_headers()
        try:
            self._write(turn, body)
        except OSError:  # the client left, which a test of deadlines does on purpose
            return

    def _write(self, turn: Turn, body: dict[str, Any]) -> None:
        write, model = self.wfile.write, body["model"]
        match turn:
            case Reply():
                counted = None if self._script.cache is None else self._script.cache.usage(body)
                _write_events(write, _reply_events(turn, model, counted), turn.cut_after, turn.reset_after)
                if turn.reset_after is not None:
                    # A socket closed with a linger of 0 sends RST instead of FIN.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
            case Fault():
                _write_events(write, _fault_events(turn, model))
            case Silence(after=after):
                _write_events(write, _reply_events(says("on my way"), model), after)
                self._script.hold()
            case Drip(piece=piece, seconds=seconds):
                _write_events(write, _reply_events(says("on my way"), model), 2)
                while not self._script.stopped(seconds):
                    write(piece)
            case Garbage(body=garbage):
                write(garbage)

    def _error(self, fault: Fault) -> None:
        headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
        self._json(fault.status, _error_body(fault), headers)

    def _json(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "content-type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("request-id", "req_scripted")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Nothing is printed: what was asked is in ``requests``."""


def _problem(path: str, key: str, body: Any) -> Fault | None:
    """What the real API would refuse, as far as this project could get it wrong."""
    if path.split("?", maxsplit=1)[0] != "/v1/messages":
        return Fault(status=404, kind="not_found_error", message=f"no such path: {path}")
    if not key:
        return Fault(status=401, kind="authentication_error", message="no API key")
    needed = ("model", "max_tokens", "messages")
    missing = [name for name in needed if not isinstance(body, dict) or name not in body]
    if missing:
        return Fault(status=400, kind="invalid_request_error", message=f"{missing[0]}: Field required")
    unanswered = _unanswered(body["messages"])
    if unanswered:
        text = f"messages: `tool_use` ids without `tool_result` blocks immediately after: {unanswered}"
        return Fault(status=400, kind="invalid_request_error", message=text)
    if _blank(body["messages"]):
        wrong = "messages: text content blocks must be non-empty"
    elif _marks(body) > 4:  # noqa: PLR2004 - the API's limit of cache breakpoints
        wrong = "a maximum of 4 blocks with cache_control"
    else:
        wrong = stale(body)
    return Fault(status=400, kind="invalid_request_error", message=wrong) if wrong else None


def _blank(messages: list[dict[str, Any]]) -> bool:
    """A text that the API would not take, though it may have come from it."""
    texts = [
        block["text"] if isinstance(block, dict) else block
        for message in messages
        for block in (message["content"] if isinstance(message["content"], list) else [message["content"]])
        if not isinstance(block, dict) or block.get("type") == "text"
    ]
    return not all(text.strip() for text in texts) or any(message["content"] == [] for message in messages)


def _unanswered(messages: list[dict[str, Any]]) -> list[str]:
    """Tool calls that the next message has no result for."""
    missing: list[str] = []
    for index, message in enumerate(messages):
        asked = _ids(message, "tool_use", "id") if message["role"] == "assistant" else []
        after = messages[index + 1] if index + 1 < len(messages) else {"content": []}
        missing += [use for use in asked if use not in _ids(after, "tool_result", "tool_use_id")]
    return missing


def _ids(message: Mapping[str, Any], kind: str, name: str) -> list[str]:
    content = message["content"]
    return [block[name] for block in content if isinstance(block, dict) and block.get("type") == kind]


def _marks(body: Any) -> int:
    return json.dumps(body).count('"cache_control"')


def _message(reply: Reply, model: str) -> dict[str, Any]:
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": _content(reply),
        "stop_reason": _stop_reason(reply),
        "stop_sequence": None,
        "usage": _usage(reply),
    }


def _content(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.thinking:
        blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": reply.signature})
    if reply.text:
        blocks.append({"type": "text", "text": reply.text})
    for number, call in enumerate(reply.calls):
        blocks.append(
            {"type": "tool_use", "id": f"toolu_{number:02d}", "name": call.name, "input": dict(call.input)}
        )
    return blocks


def _stop_reason(reply: Reply) -> str:
    return reply.stop_reason or ("tool_use" if reply.calls else "end_turn")


def _usage(reply: Reply) -> dict[str, int]:
    return {
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "cache_creation_input_tokens": reply.cache_write,
        "cache_read_input_tokens": reply.cache_read,
    }


def _error_body(fault: Fault) -> dict[str, Any]:
    return {
        "type": "error",
        "error": {"type": fault.kind or _KINDS.get(fault.status, "api_error"), "message": fault.message},
        "request_id": "req_scripted",
    }


def _write_events(write: _Write, events: Iterable[tuple[str, dict[str, Any]]], *ends: int | None) -> None:
    """Send the events, stopping before the first whose number is among ``ends``."""
    for number, (name, data) in enumerate(events):
        if number in ends:
            return
        write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())


def _fault_events(fault: Fault, model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield _start(Reply(), model)
    yield "error", _error_body(fault)


def _start(reply: Reply, model: str, counted: dict[str, int] | None = None) -> tuple[str, dict[str, Any]]:
    message = {**_message(reply, model), "content": [], "stop_reason": None}
    message["usage"] = {**_usage(reply), **(counted or {}), "output_tokens": 1}
    return "message_start", {"type": "message_start", "message": message}


def _reply_events(
    reply: Reply, model: str, counted: dict[str, int] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """https://platform.claude.com/docs/en/build-with-claude/streaming has the order of events."""
    yield _start(reply, model, counted)
    yield "ping", {"type": "ping"}
    blocks = _content(reply)
    for index, block in enumerate(blocks):
        raw = reply.raw_input if index == len(blocks) - 1 else None
        yield from _block_events(index, block, raw)
    delta: dict[str, Any] = {"stop_reason": _stop_reason(reply), "stop_sequence": None}
    if reply.policy:
        delta["stop_details"] = {"type": "refusal", "category": reply.policy, "explanation": None}
    yield (
        "message_delta",
        {"type": "message_delta", "delta": delta, "usage": {**_usage(reply), **(counted or {})}},
    )
    yield "message_stop", {"type": "message_stop"}


def _block_events(index: int, block: dict[str, Any], raw: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    empty: dict[str, dict[str, Any]] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    start = {**block, **empty[block["type"]]}
    yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": start}
    for delta in _deltas(block, raw):
        yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": index}


def _deltas(block: dict[str, Any], raw: str | None) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in _pieces(block["text"]))
        case "thinking":
            for piece in _pieces(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case _:
            text = json.dumps(block["input"]) if raw is None else raw
            for piece in _pieces(text):
                yield {"type": "input_json_delta", "partial_json": piece}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]
