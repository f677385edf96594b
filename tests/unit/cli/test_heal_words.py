"""The command line of ``heal`` runs what was typed, or says what to type."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from cli.main import application
from patchpilot.errors import PermanentError


@pytest.fixture(autouse=True)
def endings() -> Iterator[None]:
    """The command takes SIGTERM for its own process, which here is that of the tests."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def said(*words: str) -> str:
    result = CliRunner().invoke(application("heal"), ["heal", *words])
    assert isinstance(result.exception, PermanentError), result.output
    return str(result.exception)


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ((".", "pytest", "-q"), "heal . -- pytest -q"),
        ((".", "pytest", "-x", "--lf"), "heal . -- pytest -x --lf"),
        (("--json", ".", "pytest", "-q", "tests"), "heal --json . -- pytest -q tests"),
        ((".", "--job", "test", "pytest", "-q"), "heal . --job test -- pytest -q"),
        ((".", "ruff check .", "--yes"), "heal . -- 'ruff check .' --yes"),
        ((".", "pytest", "--", "-q"), "heal . -- pytest -q"),
        ((".", "-k", "foo", "pytest"), "heal . -- -k foo pytest"),
        ((".", "--maxfail=1"), "heal . -- --maxfail=1"),
        (("--", "pytest", "-q"), "heal . -- pytest -q"),
        (("-q", "--", "pytest", "-q"), "heal -q . -- pytest -q"),
        (("--job", "test", "--", "pytest"), "heal --job test . -- pytest"),
        (("pytest", "-q"), "heal . -- pytest -q"),
        (("ruff check .",), "heal . -- 'ruff check .'"),
        ((), "heal . -- pytest -q"),
    ],
)
def test_words_that_can_be_read_in_two_ways_are_refused_with_what_to_type(
    tmp_path, monkeypatch, words, instead
):
    monkeypatch.chdir(tmp_path)
    assert said(*words).endswith(f"patchpilot {instead}")


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (("/nonexistent/x", "--", "pytest", "-q"), 2, "there is no folder '/nonexistent/x'"),
        (("shpo", "--", "pytest"), 2, "there is no folder 'shpo'"),
        ((".", "-yq", "--log", "/nonexistent/log", "--", "pytest", "-q"), 2, "there is no file"),
        ((".", "--log=/nonexistent/log", "--hint", "-x", "pytest", "tests"), 2, "there is no file"),
        ((".", "--jbo", "test"), 2, "No such option: --jbo"),
        (("--help",), 0, "The failing command"),
        ((".", "pytest", "--help"), 0, "The failing command"),
    ],
)
def test_words_that_mean_one_thing_are_taken(tmp_path, monkeypatch, words, code, shown):
    monkeypatch.chdir(tmp_path)

    ran = CliRunner().invoke(application("heal"), ["heal", *words], env={"COLUMNS": "200"})

    assert ran.exit_code == code
    assert shown in ran.output
