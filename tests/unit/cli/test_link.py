"""``patchpilot link`` and ``stats`` on a database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def patchpilot(*words: str, database: str) -> tuple[int, str]:
    """Exit code, and all that was said."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_another_account_of_the_same_person_is_told(database_url):
    link = ("link", "U024BE7LH")
    team = ("--team", "T024BE7LD")

    assert patchpilot(*link, "octocat", *team, database=database_url) == (
        0,
        "U024BE7LH in T024BE7LD is octocat on GitHub\n",
    )
    assert patchpilot(*link, "@ana_acme", *team, database=database_url) == (
        0,
        "U024BE7LH in T024BE7LD is ana_acme on GitHub, no longer octocat\n",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bad", "octocat", "--team", "T024BE7LD"), "'bad' is no Slack member id: copy it (U…)"),
        (("U024BE7LH", "not a login!", "--team", "T024BE7LD"), "'not a login!' is no login on GitHub"),
        (("U024BE7LH", "octocat", "--team", "acme"), "'acme' is no Slack workspace id: copy it (T…)"),
    ],
)
def test_a_name_that_can_not_be_one_is_refused(words, said):
    code, text = patchpilot("link", *words, database="postgresql://nobody@127.0.0.1:1/none")

    assert code == 2
    assert said in text


@pytest.mark.parametrize("words", [("stats",), ("link", "U024BE7LH", "octocat", "--team", "T024BE7LD")])
def test_a_database_without_tables_is_to_be_migrated(words, empty_database_url):
    code, text = patchpilot(*words, database=empty_database_url)

    assert code == 2
    assert "patchpilot migrate" in text
    assert text.count("\n") == 1


def test_who_has_to_correct_the_address_is_not_told_to_try_again():
    code, text = patchpilot("stats", database="postgresql://nobody@127.0.0.1:1/none")

    assert code == 2
    assert "no PostgreSQL listens at 127.0.0.1:1: start the server, or correct DATABASE_URL" in text
    assert "try again" not in text
