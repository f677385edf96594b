"""An embedder behind OpenAI's ``/v1/embeddings``: hosted, or local (Ollama, vLLM, text-embeddings-inference).

https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import httpx
from pydantic import BaseModel, ValidationError

from patchpilot.errors import PatchPilotError, PermanentError, TemporaryError
from patchpilot.text import one_line

_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_DEADLINE_SECONDS = 60.0
"""Of one request, however slowly its answer drips in."""
_BATCH = 32
"""Texts of one request: the least that a common server takes by default (text-embeddings-inference)."""
_ANSWER_MAX = 64_000_000
"""Bytes; 32 vectors of 16,000 numbers, written out, are about 12 MB."""
_LENGTHS = (6_000, 1_500, 400)
"""Characters sent of a text. Models read 512 tokens to 8,192, and not every server cuts what is too long; a
refusal for that leads to the next length. What tells failures apart comes first (storage.memory)."""
_WIDTH_MAX = 16_000
"""Of pgvector's ``vector``."""
_TOO_LONG = frozenset({400, 413, 422})
_KEY_REFUSED = frozenset({401, 403})
_NO_SUCH = frozenset({404, 405, 410})
_BUSY = frozenset({408, 409, 425, 429})
_OK, _SERVER_ERROR = 200, 500


class _One(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_One]


class _TooLongError(Exception):
    """The service refuses the input as it is."""


class HttpEmbedder:
    """One model of one service. Nothing is sent before the first :meth:`embed`.

    ``url`` may be the server's, its ``/v1`` or the endpoint itself. ``dimensions`` is asked for and insisted
    on, unless it is 0. Every text is redacted and then cut before it leaves.
    """

    def __init__(
        self,
        *,
        url: str,
        model: str,
        key: str = "",
        dimensions: int = 0,
        redact: Callable[[str], str],
        deadline_seconds: float = _DEADLINE_SECONDS,
    ) -> None:
        self._url = _endpoint(url)
        self._model = model
        self._dimensions = dimensions
        self._redact = redact
        self._deadline_seconds = deadline_seconds
        self._length = _LENGTHS[0]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(timeout=_TIMEOUT, headers=headers, follow_redirects=False)

    @property
    def name(self) -> str:
        """The model's: the same model served elsewhere makes the same vectors."""
        return f"http:{self._model}"

    @property
    def batch(self) -> int:
        """Texts of one request."""
        return _BATCH

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text, in order.

        Raises :class:`~patchpilot.errors.TemporaryError` while the service is away or busy, and
        :class:`~patchpilot.errors.PermanentError` naming the setting to mend when it refuses.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            vectors += self._embedded([self._clean(text) for text in texts[start : start + _BATCH]])
        if len({len(vector) for vector in vectors}) > 1:
            raise PermanentError(f"the embedder {self._model!r} gave vectors of different lengths")
        return vectors

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _clean(self, text: str) -> str:
        # Before the cut: of a secret cut in two, neither half would be known. JSON takes no lone surrogates.
        return self._redact(text).encode(errors="replace").decode()

    def _embedded(self, texts: list[str]) -> list[list[float]]:
        for length in (length for length in _LENGTHS if length <= self._length):
            self._length = length
            try:
                # A server may refuse an empty text; a space says as little.
                return self._asked([text[:length].strip() or " " for text in texts])
            except _TooLongError as error:
                refusal = str(error)
        # Perhaps it was not the length: the next text is sent whole again.
        self._length = _LENGTHS[0]
        raise PermanentError(
            f"the embedder at {self._url} refuses the texts, short ones too ({refusal}): "
            "check MEMORY_EMBEDDER_MODEL and MEMORY_EMBEDDER_DIMENSIONS"
        )

    def _asked(self, texts: list[str]) -> list[list[float]]:
        wanted: dict[str, object] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._dimensions:
            wanted["dimensions"] = self._dimensions
        with self._translated(), self._client.stream("POST", self._url, json=wanted) as answer:
            body = self._read(answer)
            if answer.status_code != _OK:
                raise self._refusal(answer, body)
        return self._vectors(body, len(texts))

    def _read(self, answer: httpx.Response) -> bytes:
        deadline = time.monotonic() + self._deadline_seconds
        body = bytearray()
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > _ANSWER_MAX:
                raise PermanentError(f"the embedder at {self._url} answers with more than 64 MB")
            if time.monotonic() > deadline:
                raise TemporaryError(f"the embedder at {self._url} took too long to answer")
        return bytes(body)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise PermanentError(f"MEMORY_EMBEDDER_URL is no address: {self._url!r}") from error
        except httpx.TimeoutException as error:
            raise TemporaryError(f"the embedder at {self._url} does not answer in time") from error
        except httpx.HTTPError as error:
            raise TemporaryError(f"the embedder at {self._url} can't be reached") from error

    def _refusal(self, answer: httpx.Response, body: bytes) -> Exception:
        status = answer.status_code
        said = one_line(self._redact(body[:2_000].decode(errors="replace")), 200)
        if status in _TOO_LONG:
            return _TooLongError(f"HTTP {status}: {said}")
        return _refused(status, answer.headers.get("retry-after", ""), f"the embedder at {self._url}", said)

    def _vectors(self, body: bytes, count: int) -> list[list[float]]:
        try:
            found = _Answer.model_validate_json(body).data
        except ValidationError:
            # Without a cause: it would quote the answer.
            raise PermanentError(
                f"the embedder at {self._url} does not answer as OpenAI's /v1/embeddings does: "
                "check MEMORY_EMBEDDER_URL"
            ) from None
        ordered = sorted(found, key=lambda one: one.index)
        if [one.index for one in ordered] != list(range(count)):
            raise PermanentError(
                f"the embedder at {self._url} answers {len(found)} vectors for {count} texts"
            )
        return [self._unit(one.embedding) for one in ordered]

    def _unit(self, vector: list[float]) -> list[float]:
        width = len(vector)
        if not 1 < width <= _WIDTH_MAX or (self._dimensions and width != self._dimensions):
            raise PermanentError(
                f"the embedder {self._model!r} gives vectors of {width} numbers, "
                f"not {self._dimensions or f'2 to {_WIDTH_MAX}'}: check MEMORY_EMBEDDER_DIMENSIONS"
            )
        length = math.hypot(*vector)
        if not math.isfinite(length) or length == 0.0:
            raise PermanentError(f"the embedder {self._model!r} gives a vector without a direction")
        return [number / length for number in vector]


def _refused(status: int, retry_after: str, who: str, said: str) -> PatchPilotError:
    if status in _BUSY or status >= _SERVER_ERROR:
        seconds = min(float(retry_after), 600.0) if retry_after.isdecimal() else 30.0
        return TemporaryError(f"{who} is away or busy (HTTP {status})", retry_after=seconds)
    if status in _KEY_REFUSED:
        return PermanentError(f"{who} refuses the key (HTTP {status}): check MEMORY_EMBEDDER_KEY")
    if status in _NO_SUCH:
        return PermanentError(
            f"{who} knows no such model or address (HTTP {status}: {said}): "
            "check MEMORY_EMBEDDER_URL and MEMORY_EMBEDDER_MODEL"
        )
    return PermanentError(f"{who} answers HTTP {status}: {said}")


def _endpoint(url: str) -> str:
    address = url.strip().rstrip("/")
    if address.endswith("/embeddings"):
        return address
    return f"{address}/embeddings" if address.endswith("/v1") else f"{address}/v1/embeddings"
