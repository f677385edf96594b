from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from patchpilot.errors import PermanentError, TemporaryError
from patchpilot.redaction import Redactor
from storage.embedders.http import HttpEmbedder

KEY = "sk-a-very-private-key"


@pytest.fixture
def embedder(service) -> Iterator[HttpEmbedder]:
    made = HttpEmbedder(url=service.url, model="m", key=KEY, redact=Redactor([KEY]))
    yield made
    made.close()


def test_vectors_come_in_order_and_with_length_one(service, embedder) -> None:
    first, second = embedder.embed(["alpha alpha", "beta"])

    assert len(first) == len(second) == service.width
    assert math.hypot(*first) == pytest.approx(1.0)
    assert embedder.embed(["beta"])[0] == pytest.approx(second)
    assert embedder.embed(["alpha alpha"])[0] == pytest.approx(first)


def test_many_texts_are_sent_in_batches(service, embedder) -> None:
    assert len(embedder.embed([f"text {number}" for number in range(70)])) == 70
    assert [len(request["input"]) for request in service.asked] == [32, 32, 6]
    assert embedder.embed([]) == []


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v1/embeddings"])
def test_any_usual_form_of_the_address_will_do(service, suffix) -> None:
    embedder = HttpEmbedder(url=service.url + suffix, model="m", redact=str)
    embedder.embed(["text"])
    embedder.close()

    assert service.paths == ["/v1/embeddings"]
    assert service.keys == [""]


def test_texts_are_redacted_and_cut_before_they_leave(service, embedder) -> None:
    embedder.embed([f"the key is {KEY} " + "and so on " * 5_000, "\udc80 \x00", ""])

    assert service.keys == [f"Bearer {KEY}"]
    assert len(service.texts[0]) <= 6_000
    assert KEY not in service.texts[0]
    assert service.texts[0].startswith("the key is [redacted")
    assert all(service.texts)


def test_a_short_window_gets_shorter_texts_from_then_on(service, embedder) -> None:
    service.longest = 2_000

    embedder.embed(["word " * 5_000])
    embedder.embed(["word " * 5_000])

    assert [len(text) > 2_000 for text in service.texts] == [True, False, False]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_at_any_length_names_the_settings(service, embedder, status) -> None:
    service.status = status

    with pytest.raises(PermanentError, match="MEMORY_EMBEDDER_MODEL"):
        embedder.embed(["text"])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_temporary(service, embedder, status) -> None:
    service.status, service.headers = status, {"Retry-After": "7"}

    with pytest.raises(TemporaryError) as caught:
        embedder.embed(["text"])
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ("status", "setting"),
    [
        (401, "MEMORY_EMBEDDER_KEY"),
        (403, "MEMORY_EMBEDDER_KEY"),
        (404, "MEMORY_EMBEDDER_URL"),
        (302, "HTTP 302"),
    ],
)
def test_a_refusal_names_what_to_mend_and_no_key(service, embedder, status, setting) -> None:
    service.status = status

    with pytest.raises(PermanentError, match=setting) as caught:
        embedder.embed(["text"])
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"data": []}',
        b'{"data": [{"index": 1, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 0, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": "AAAA"}]}',
        b'{"data": [{"index": 0, "embedding": [0, 0, 0]}]}',
        b'{"data": [{"index": 0, "embedding": [1e999, 1]}]}',
        b'{"data": [{"index": 0, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": []}]}',
    ],
)
def test_an_answer_of_another_form_is_refused(service, embedder, body) -> None:
    service.body = body

    with pytest.raises(PermanentError):
        embedder.embed(["text"])


def test_the_wanted_length_is_asked_for_and_insisted_on(service) -> None:
    embedder = HttpEmbedder(url=service.url, model="m", dimensions=8, redact=str)
    assert len(embedder.embed(["text"])[0]) == 8
    assert service.asked[0]["dimensions"] == 8

    service.body = b'{"data": [{"index": 0, "embedding": [1, 2, 3]}]}'
    with pytest.raises(PermanentError, match="MEMORY_EMBEDDER_DIMENSIONS"):
        embedder.embed(["text"])
    embedder.close()


def test_a_service_that_is_gone_is_temporary(service) -> None:
    embedder = HttpEmbedder(url="http://127.0.0.1:9", model="m", redact=str)

    with pytest.raises(TemporaryError, match="can't be reached"):
        embedder.embed(["text"])
    embedder.close()


def test_an_answer_that_takes_too_long_is_given_up(service) -> None:
    embedder = HttpEmbedder(url=service.url, model="m", redact=str, deadline_seconds=0.0)

    with pytest.raises(TemporaryError, match="took too long"):
        embedder.embed(["text"])
    embedder.close()
