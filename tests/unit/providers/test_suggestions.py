"""A patch as suggestions on somebody's pull request."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.hosts.suggestions import MOST, Suggestion, applied, suggestions

HEAD = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n"
PULL = HEAD + "@@ -10,3 +10,5 @@\n ten\n+eleven\n+twelve\n thirteen\n fourteen\n"


def patch(hunk: str, head: str = HEAD) -> str:
    return head + hunk


@pytest.mark.parametrize(
    ("hunk", "wanted"),
    [
        ("@@ -10,3 +10,3 @@\n ten\n-eleven\n+ELEVEN\n twelve\n", (11, 11, "ELEVEN")),
        ("@@ -10,4 +10,3 @@\n ten\n-eleven\n-twelve\n+both\n thirteen\n", (11, 12, "both")),
        ("@@ -10,3 +10,4 @@\n ten\n eleven\n+more\n twelve\n", (11, 11, "eleven\nmore")),
        ("@@ -11,2 +11,3 @@\n+more\n eleven\n twelve\n", (11, 11, "more\neleven")),
        ("@@ -10,3 +10,2 @@\n ten\n-eleven\n twelve\n", (11, 11, "")),
        (
            "@@ -10,5 +10,5 @@\n ten\n-eleven\n+E\n twelve\n-thirteen\n+T\n fourteen\n",
            (11, 13, "E\ntwelve\nT"),
        ),
    ],
)
def test_a_change_inside_the_diff_is_a_suggestion(hunk: str, wanted: tuple[int, int, str]) -> None:
    first, last, text = wanted
    assert suggestions(patch(hunk), PULL) == (Suggestion(path="a.py", first=first, last=last, text=text),)


@pytest.mark.parametrize(
    "text",
    [
        patch("@@ -30,1 +30,1 @@\n-x\n+y\n"),
        patch("@@ -14,2 +14,2 @@\n fourteen\n-fifteen\n+x\n"),
        patch("@@ -10,2 +10,2 @@\n ten\n-eleven\n+x\n").replace("a.py", "b.py"),
        patch("@@ -0,0 +1 @@\n+x\n", "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n"),
        patch("@@ -11,1 +11,1 @@\n-eleven\n\\ No newline at end of file\n+x\n"),
        patch("".join(f"@@ -{n},1 +{n},1 @@\n-x\n+y\n" for n in (10, 11, 12, 13, 14, 10))),
        "",
    ],
)
def test_a_change_that_can_not_be_suggested_whole_is_not_suggested(text: str) -> None:
    assert suggestions(text, PULL) == ()


def test_the_fence_is_longer_than_what_it_holds() -> None:
    one = Suggestion(path="a.md", first=1, last=1, text="```python\nx\n````")
    assert one.body == "`````suggestion\n```python\nx\n````\n`````"
    assert Suggestion(path="a", first=1, last=1, text="").body == "```suggestion\n```"


def test_what_was_applied_is_seen_among_other_changes() -> None:
    ours = patch("@@ -11 +11 @@\n-eleven\n+ELEVEN\n")
    both = patch("@@ -1 +1 @@\n-x\n+y\n@@ -11 +11 @@\n-eleven\n+ELEVEN\n")
    assert applied(ours, both)
    assert not applied(both, ours)
    assert not applied("", both)


@example("", "\\")
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_read(one: str, other: str) -> None:
    assert len(suggestions(one, other)) <= MOST
    suggestions(HEAD + "@@ -1,3 +1,3 @@\n" + one, PULL)
