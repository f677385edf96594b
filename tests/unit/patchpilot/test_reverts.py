"""What a message takes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchpilot.reverts import Reverts, reverts
from patchpilot.source import Repo, Sha

REPO = Repo("github", "acme/widget")
SHA = Sha("ab" * 20)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (f'Revert "Fix it"\n\nThis reverts commit {SHA}.', Reverts((SHA,))),
        (f'Revert "Fix it"\r\n\r\nThis reverts commit {SHA}, reversing\r\nchanges', Reverts((SHA,))),
        ("Reverts acme/widget#12", Reverts((), (12,))),
        ("Why.\n\nReverts ACME/Widget#12\nReverts #13", Reverts((), (12, 13))),
        ("Reverts other/widget#12", Reverts()),
        (f"He said: This reverts commit {SHA}", Reverts()),
        ("This reverts commit abcdef1.", Reverts()),
        (f"This reverts commit {'AB' * 20}.", Reverts()),
        ("", Reverts()),
    ],
)
def test_commits_and_pull_requests_are_read(message: str, found: Reverts) -> None:
    assert reverts([message], REPO) == found


def test_no_push_is_read_without_end() -> None:
    many = "\n".join(f"Reverts #{number}" for number in range(1, 10_000))
    assert len(reverts([many], REPO).pulls) == 50


@given(st.lists(st.text(max_size=300), max_size=4))
def test_any_text_is_read(messages: list[str]) -> None:
    reverts(messages, REPO)
