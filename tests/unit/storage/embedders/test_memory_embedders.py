"""The memory with an embedder that can change, be away, or come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from patchpilot.fixes import Outcome
from patchpilot.source import Repo
from storage import schema
from storage.embedders.http import HttpEmbedder
from storage.memory import PostgresMemory

REPO = Repo("github", "acme/widget")
CAUSES = (
    "ConnectionError: registry timed out",
    "AssertionError: discount half_up expected",
    "ModuleNotFoundError: yaml in settings_loader",
)
ALIKE = "AssertionError: discount half_up large"


@pytest.fixture
def remote(database, service) -> Iterator[Callable[..., PostgresMemory]]:
    """A memory on the HTTP service; each call is a new process's."""
    opened: list[PostgresMemory] = []

    def made(model: str = "m", **facts: object) -> PostgresMemory:
        embedder = HttpEmbedder(url=service.url, model=model, redact=str)
        opened.append(PostgresMemory(database, embedder=embedder, **facts))  # type: ignore[arg-type]
        return opened[-1]

    yield made
    for memory in opened:
        memory.close()


@pytest.fixture
def taught(failure, past) -> Callable[[PostgresMemory], None]:
    def teach(memory: PostgresMemory) -> None:
        for number, cause in enumerate(CAUSES, start=1):
            memory.learn(REPO, failure(cause), past=past(number), outcome=Outcome.HUMAN)

    return teach


def _embedders(database) -> list[tuple[str, int | None]]:
    with database.transaction() as session:
        rows = session.execute(text("SELECT embedder, vector_dims(embedding) FROM memories ORDER BY id"))
        return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("width", [16, 768, 3072])
def test_any_width_is_stored_and_searched(database, service, remote, taught, failure, width) -> None:
    service.width = width
    taught(remote())

    found = remote().recall(REPO, failure(ALIKE, fingerprint="new"))

    assert found[0].incident == 2
    assert found[0].similarity > found[1].similarity
    assert set(_embedders(database)) == {("http:m", width)}


def test_after_a_change_of_embedder_old_cases_get_new_vectors(database, remote, taught, failure) -> None:
    taught(PostgresMemory(database))
    assert set(_embedders(database)) == {("hashing-1", 384)}

    found = remote().recall(REPO, failure(ALIKE, fingerprint="new"))

    assert found[0].incident == 2
    assert set(_embedders(database)) == {("http:m", 16)}


def test_vectors_made_again_are_those_of_learning(database, remote, taught, failure) -> None:
    taught(PostgresMemory(database))
    before = PostgresMemory(database).recall(REPO, failure(ALIKE, fingerprint="new"))
    remote().recall(REPO, failure(ALIKE, fingerprint="new"))

    after = PostgresMemory(database).recall(REPO, failure(ALIKE, fingerprint="new"))

    assert after == before
    assert set(_embedders(database)) == {("hashing-1", 384)}


def test_who_only_looks_leaves_the_vectors_of_another_embedder_alone(
    database, remote, taught, failure
) -> None:
    taught(remote())

    found = PostgresMemory(database, reads_only=True).recall(REPO, failure(ALIKE, fingerprint="new"))

    assert found[0].incident == 2
    assert set(_embedders(database)) == {("http:m", 16)}


def test_vectors_of_two_embedders_of_one_width_are_not_compared(remote, taught, failure) -> None:
    taught(remote("first"))
    second = remote("second")
    second._embed_again = lambda numbers: 0  # type: ignore[method-assign]

    found = second.recall(REPO, replace(failure("Unlike anything"), tool=""))

    assert found == []


def test_other_repositories_cases_are_renewed_in_passing(database, remote, taught) -> None:
    taught(PostgresMemory(database))

    assert remote().refresh(limit=2) == 2
    assert remote().refresh(limit=100) == 1
    assert remote().refresh(limit=100) == 0


def test_with_the_embedder_away_words_find_it_and_people_are_told_once(
    service, remote, taught, failure
) -> None:
    taught(remote())
    service.status = 503
    said: list[str] = []
    memory = remote(say=said.append)

    found = memory.recall(REPO, failure(ALIKE, fingerprint="new"))
    exact = memory.recall(REPO, failure(CAUSES[0]))

    assert found[0].incident == 2
    assert 0 < found[0].similarity < 1
    assert (exact[0].incident, exact[0].similarity) == (1, 1.0)
    assert len(said) == 1
    assert "fingerprint and words alone" in said[0]
    assert len(service.asked) == len(CAUSES) + 1


def test_what_is_learnt_while_the_embedder_is_away_gets_its_vector_later(
    database, service, remote, taught, failure
) -> None:
    service.status = 500
    taught(remote())
    assert set(_embedders(database)) == {("", None)}

    service.status = 200
    found = remote().recall(REPO, failure(ALIKE, fingerprint="new"))

    assert found[0].incident == 2
    assert set(_embedders(database)) == {("http:m", 16)}


def test_a_heals_repeated_questions_are_embedded_once(service, remote, failure) -> None:
    memory = remote()
    for _ in range(3):
        memory.recall(REPO, failure(ALIKE))

    assert len(service.asked) == 1


def test_cases_with_any_vector_outlive_a_migration_down_and_up(
    database, database_url, service, remote, failure, past
) -> None:
    PostgresMemory(database).learn(REPO, failure(CAUSES[0]), past=past(1), outcome=Outcome.HUMAN)
    remote().learn(REPO, failure(CAUSES[1]), past=past(2), outcome=Outcome.HUMAN)
    service.status = 500
    remote().learn(REPO, failure(CAUSES[2]), past=past(3), outcome=Outcome.HUMAN)

    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    schema.downgrade(engine, "0002")
    schema.upgrade(engine)
    engine.dispose()

    memory = PostgresMemory(database)
    for number, cause in enumerate(CAUSES, start=1):
        assert memory.recall(REPO, failure(cause), k=1)[0].incident == number


def test_of_a_common_fingerprint_the_closest_come_first(database, failure, past) -> None:
    memory = PostgresMemory(database)
    causes = ("rounding of discounts went wrong", *(f"job step{n} exited with code {n}" for n in range(8)))
    for number, cause in enumerate(causes, start=1):
        memory.learn(REPO, failure(cause, fingerprint="vague"), past=past(number), outcome=Outcome.HUMAN)

    found = memory.recall(REPO, failure("rounding of a discount went wrong", fingerprint="vague"))

    assert found[0].incident == 1
    assert [one.similarity for one in found] == [1.0] * 5
