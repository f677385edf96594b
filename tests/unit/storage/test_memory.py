import subprocess
import sys

import numpy as np
import pytest
from sqlalchemy import text

from patchpilot.failures import Category, DistilledFailure, Location, LogLine
from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.source import Repo
from storage.embedders.hashing import DIMENSIONS, HashingEmbedder
from storage.memory import PostgresMemory

REPO = Repo("github", "acme/widget")


def _failure(cause: str, *, fingerprint: str = "", test: str = "", path: str = "") -> DistilledFailure:
    return DistilledFailure(
        text=f"=== FAILURES ===\n{cause}\n",
        category=Category.TEST,
        tool="pytest",
        cause=cause,
        fingerprint=fingerprint or cause,
        tests=(test,) if test else (),
        files=(Location(path, 3),) if path else (),
        evidence=(LogLine(3, cause),),
    )


def _past(diff: str = "+fixed\n", incident: int = 1) -> PastFix:
    return PastFix(
        incident=incident,
        fingerprint="",
        patch=Patch(diff),
        author="a human",
        outcome=Outcome.HUMAN,
        root_cause="rounding",
        similarity=0.0,
        pull_request_url="https://host/1",
    )


ROUNDING = _failure(
    "AssertionError: expected 12.35, got 12.34",
    test="tests/test_discount.py::test_half_up",
    path="discount.py",
)
NETWORK = _failure(
    "ConnectionError: registry timed out", test="tests/test_fetch.py::test_get", path="fetch.py"
)
IMPORT = _failure("ModuleNotFoundError: No module named 'yaml'", path="settings/loader.py")


def test_the_same_fingerprint_comes_first(database) -> None:
    memory = PostgresMemory(database)
    for number, failure in enumerate((NETWORK, ROUNDING, IMPORT), start=1):
        memory.learn(REPO, failure, past=_past(incident=number), outcome=Outcome.HUMAN)

    found = memory.recall(REPO, ROUNDING)

    assert (found[0].incident, found[0].similarity, found[0].patch.diff) == (2, 1.0, "+fixed\n")
    assert len(found) == 3
    assert all(past.similarity < 1.0 for past in found[1:])


def test_a_similar_failure_is_found_without_its_fingerprint(database) -> None:
    memory = PostgresMemory(database)
    for number, failure in enumerate((NETWORK, ROUNDING, IMPORT), start=1):
        memory.learn(REPO, failure, past=_past(incident=number), outcome=Outcome.MERGED_GREEN)
    alike = _failure(
        "AssertionError: expected 99.05, got 99.04",
        fingerprint="other",
        test="tests/test_discount.py::test_half_up_large",
        path="discount.py",
    )

    found = memory.recall(REPO, alike, k=2)

    assert found[0].incident == 2
    assert found[0].similarity > 2 * found[1].similarity


@pytest.mark.parametrize("outcome", [Outcome.MERGED_RED, Outcome.CLOSED, Outcome.REVERTED])
def test_what_did_not_work_is_not_recalled(database, outcome: Outcome) -> None:
    memory = PostgresMemory(database)
    memory.learn(REPO, ROUNDING, past=_past(), outcome=outcome)

    assert memory.recall(REPO, ROUNDING) == []


def test_learning_again_changes_only_the_outcome(database) -> None:
    memory = PostgresMemory(database)
    memory.learn(REPO, ROUNDING, past=_past(), outcome=Outcome.HUMAN)
    memory.learn(REPO, ROUNDING, past=_past(), outcome=Outcome.HUMAN)
    assert len(memory.recall(REPO, ROUNDING)) == 1

    memory.learn(REPO, ROUNDING, past=_past(), outcome=Outcome.REVERTED)

    assert memory.recall(REPO, ROUNDING) == []
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM memories")) == 1


def test_another_repository_is_never_recalled(database) -> None:
    memory = PostgresMemory(database)
    memory.learn(Repo("github", "acme/other"), ROUNDING, past=_past(), outcome=Outcome.HUMAN)
    memory.learn(Repo("gitlab", "acme/widget"), ROUNDING, past=_past(), outcome=Outcome.HUMAN)

    assert memory.recall(REPO, ROUNDING) == []


def test_a_small_repository_is_found_among_large_ones(database) -> None:
    memory = PostgresMemory(database)
    memory.learn(REPO, ROUNDING, past=_past(incident=7), outcome=Outcome.HUMAN)
    crowd = np.tile(np.array(HashingEmbedder().embed([ROUNDING.cause])[0]), (600, 1))
    with database.transaction() as session:
        for vector in crowd:
            session.execute(
                text(
                    "INSERT INTO memories (host, repo, fingerprint, text, embedding, embedder, patch,"
                    " patch_sha256, author, outcome, root_cause, incident) VALUES ('github', 'big/one',"
                    " md5(random()::text), 'x', cast(:v AS vector), 'hashing-1', '', '', '', :o, '', 1)"
                ),
                {"v": str(vector.tolist()), "o": Outcome.HUMAN.value},
            )
        session.execute(text("SET LOCAL enable_seqscan = off"))

    found = memory.recall(REPO, _failure("AssertionError: expected 1.35", fingerprint="z"))

    assert [past.incident for past in found] == [7]


@pytest.mark.parametrize("cause", ["", "' | & ! ( ) :* \\ <->", "\x00\udc80", "é中文", "a" * 100_000])
def test_any_text_can_be_learnt_and_recalled(database, cause: str) -> None:
    memory = PostgresMemory(database)
    memory.learn(REPO, _failure(cause, fingerprint="a"), past=_past(), outcome=Outcome.HUMAN)

    assert len(memory.recall(REPO, _failure(cause, fingerprint="b"), k=1)) == 1
    assert memory.recall(REPO, _failure(cause), k=0) == []


def test_vectors_have_length_one_and_one_width() -> None:
    embedder = HashingEmbedder()

    vectors = np.array(embedder.embed(["AssertionError in parse_html", "", "123 0xdeadbeef"]))

    assert vectors.shape == (3, DIMENSIONS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0)


def test_what_changes_from_run_to_run_does_not_count() -> None:
    first, second = HashingEmbedder().embed(
        [
            "worker 17 died at 0x7f3a after 12.5 s in commit 1f2e3d4c5b",
            "worker 3 died at 0x99 after 0.1 s in commit abcdef0123",
        ]
    )

    assert np.dot(first, second) == pytest.approx(1.0)


def test_the_parts_of_a_name_count() -> None:
    embedder = HashingEmbedder()
    name, parts, other = (
        np.array(vector)
        for vector in embedder.embed(["parseHtmlPage", "parse_html_page", "connection_refused"])
    )

    assert name @ parts > 3 * abs(name @ other)


def test_vectors_are_those_that_are_stored_under_the_same_name() -> None:
    embedder = HashingEmbedder()

    vector = np.array(embedder.embed(["TypeError in parseHtmlPage at src/page_tree.py"])[0])

    largest = sorted(np.argsort(-np.abs(vector))[:8].tolist())
    assert (embedder.name, largest) == ("hashing-1", [121, 147, 164, 204, 276, 291, 316, 360])
    assert 100 * vector[largest] == pytest.approx(
        [25.7, -25.7, 25.7, -25.7, -25.7, -25.7, -24.7, 25.7], abs=0.1
    )


def test_vectors_are_the_same_in_every_process() -> None:
    program = (
        "from storage.embedders.hashing import HashingEmbedder as H\n"
        "print(H().embed(['TypeError in a.b'])[0][:40])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(runs) == 1
