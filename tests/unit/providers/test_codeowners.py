"""Whom CODEOWNERS names for a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.hosts.codeowners import Owners, owners

FILE = """\
# Everybody's
*       @ana @acme/core  # who else
*.js    @ben  ben@example.com
/build/logs/ @carl
docs/*  @dora
apps/   @acme/apps
/apps/github
**/logs @eve
/scripts/**/run.sh @finn
with\\ space.txt @gus
!src/ @nobody
src/[ab].py @nobody
"""


@pytest.mark.parametrize(
    ("path", "users", "teams"),
    [
        ("README.md", ("ana",), ("core",)),
        ("src/deep/x.py", ("ana",), ("core",)),
        ("src/a.py", ("ana",), ("core",)),
        ("web/x.js", ("ben",), ()),
        ("build/logs/today/x", ("eve",), ()),
        ("docs/page.md", ("dora",), ()),
        ("docs/more/page.md", ("ana",), ("core",)),
        ("web/apps/x.py", (), ("apps",)),
        ("apps/github/x.py", (), ()),
        ("scripts/run.sh", ("finn",), ()),
        ("scripts/a/b/run.sh", ("finn",), ()),
        ("with space.txt", ("gus",), ()),
    ],
)
def test_the_last_pattern_that_matches_decides(
    path: str, users: tuple[str, ...], teams: tuple[str, ...]
) -> None:
    assert owners(FILE, [path], organisation="acme") == Owners(users, teams)


def test_owners_of_several_files_are_named_once() -> None:
    found = owners(FILE, ["a.py", "b.py", "x.js"], organisation="acme")

    assert found == Owners(("ana", "ben"), ("core",))


def test_another_organisations_team_and_addresses_are_left_out() -> None:
    assert owners("* @other/team mail@example.com not-a-name @-", ["a"], organisation="acme") == Owners()


@given(st.text(max_size=200), st.text(min_size=1, max_size=60))
def test_any_file_is_read(text: str, path: str) -> None:
    owners(text, [path], organisation="acme")
