"""Whose past cases are recalled: this repository's, and its group's if there is one."""

from __future__ import annotations

import pytest

from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.sharing import Sharing
from patchpilot.source import Repo
from storage.memory import PostgresMemory

WIDGET, GADGET = Repo("github", "acme/widget"), Repo("github", "Acme/gadget")
STRANGERS = (Repo("github", "acme-evil/widget"), Repo("gitlab", "acme/gadget"), Repo("github", "beta/web"))
SHARED = Sharing.parse("acme/*, beta/web beta/api")


def _failure(cause: str, fingerprint: str) -> DistilledFailure:
    return DistilledFailure(text=cause, category=Category.TEST, cause=cause, fingerprint=fingerprint)


ROUNDING = _failure("AssertionError: discount rounds half_up", "f1")
ALIKE = _failure("AssertionError: discount rounds half_up too", "f2")


def _learn(memory: PostgresMemory, repo: Repo, incident: int, failure: DistilledFailure = ROUNDING) -> None:
    past = PastFix(
        incident=incident,
        fingerprint=failure.fingerprint,
        patch=Patch(f"+fixed {incident}\n"),
        author="a human",
        outcome=Outcome.HUMAN,
        root_cause="rounding",
        similarity=1.0,
    )
    memory.learn(repo, failure, past=past, outcome=Outcome.HUMAN)


def test_without_configuration_nothing_is_recalled_from_elsewhere(database) -> None:
    memory = PostgresMemory(database)
    for number, repo in enumerate((GADGET, *STRANGERS), start=1):
        _learn(memory, repo, number)

    assert memory.recall(WIDGET, ROUNDING) == []
    assert memory.recall(WIDGET, ALIKE) == []


def test_a_group_shares_and_nobody_else(database) -> None:
    memory = PostgresMemory(database, sharing=SHARED)
    for number, repo in enumerate((GADGET, *STRANGERS), start=1):
        _learn(memory, repo, number)

    assert [past.incident for past in memory.recall(WIDGET, ALIKE)] == [1]
    assert [past.incident for past in memory.recall(Repo("github", "beta/api"), ALIKE)] == [4]
    assert memory.recall(Repo("github", "gamma/one"), ROUNDING) == []


def test_a_case_from_elsewhere_says_where_from_and_never_counts_as_the_same(database) -> None:
    memory = PostgresMemory(database, sharing=SHARED)
    _learn(memory, GADGET, 1)

    (found,) = memory.recall(WIDGET, ROUNDING)

    assert found.author == "a human in Acme/gadget"
    assert found.root_cause == "in Acme/gadget: rounding"
    assert found.similarity == 0.99


def test_the_repositorys_own_case_comes_before_a_newer_one_from_elsewhere(database) -> None:
    memory = PostgresMemory(database, sharing=SHARED)
    _learn(memory, WIDGET, 1)
    for number in range(2, 9):
        _learn(memory, GADGET, number)

    found = memory.recall(WIDGET, ROUNDING, k=3)

    assert (found[0].incident, found[0].similarity) == (1, 1.0)
    assert [past.similarity for past in found[1:]] == [0.99, 0.99]
    assert [past.incident for past in memory.recall(WIDGET, ROUNDING, k=1)] == [1]


@pytest.mark.parametrize(
    ("groups", "partners"),
    [
        ("", ()),
        ("acme/*", ("acme/*",)),
        ("ACME/*", ("ACME/*",)),
        ("acme/widget beta/web, acme/w?dget gamma/*", ("acme/widget", "beta/web", "acme/w?dget", "gamma/*")),
        ("acme/wid", ()),
        ("acm_/widget", ()),
    ],
)
def test_a_repository_is_in_every_group_that_a_pattern_puts_it_in(groups: str, partners) -> None:
    assert Sharing.parse(groups).partners(WIDGET) == partners


@pytest.mark.parametrize("text", ["acme", "*", "acme/[a]", "acme/a;beta/b", "acme/%", "é/x"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no pattern of repositories"):
        Sharing.parse(text)


def test_signs_that_sql_patterns_know_are_plain_letters(database) -> None:
    memory = PostgresMemory(database, sharing=Sharing.parse("acme/my_app acme/widget"))
    _learn(memory, Repo("github", "acme/myXapp"), 1)
    _learn(memory, Repo("github", "acme/my_app"), 2)

    assert [past.incident for past in memory.recall(WIDGET, ALIKE)] == [2]
