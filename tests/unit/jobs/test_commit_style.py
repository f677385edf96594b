"""Commit subjects in the repository's own way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.commit_style import WIDTH, Convention, Kind, detect, never_skips, subject
from patchpilot.failures import Category

CONVENTIONAL = [
    "feat(parser): read tables",
    "fix(parser): keep the last line",
    "Merge pull request #7 from acme/parser",
    "chore: release 1.2",
    "style(cli): sort imports",
    "fix(cli)!: refuse an empty name",
]
COMPONENT = [
    "net/http: keep the last line",
    "cmd/go: say what is missing",
    "net: close idle connections",
    "runtime: fix a race",
    'Revert "net: be quick"',
]
GITMOJI = ["🐛 Keep the last line", "✨ Read tables", "🎨 Sort imports", "♻️ Move the parser", "📝 Say why"]
SHORTCODES = [":bug: keep the last line", ":sparkles: read tables", ":art: sort", ":memo: say why"]
TICKETS = ["ABC-12: Keep the last line", "ABC-13: Read tables", "ABC-9: Say why", "XY-1: Begin"]
BRACKETS = ["[ABC-12] Keep the last line", "[ABC-13] Read tables", "[ABC-9] Say why", "[XY-1] Begin"]
PLAIN = ["Keep the last line", "Read tables", "Say why", "Begin", "Sort imports"]
LOWER = ["keep the last line", "read tables", "say why", "begin", "sort imports"]


@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        (CONVENTIONAL, Kind.CONVENTIONAL),
        (COMPONENT, Kind.COMPONENT),
        (GITMOJI, Kind.GITMOJI),
        (SHORTCODES, Kind.GITMOJI),
        (TICKETS, Kind.TICKET),
        (BRACKETS, Kind.TICKET),
        (PLAIN, Kind.PLAIN),
        (LOWER, Kind.PLAIN),
        (PLAIN + CONVENTIONAL[:3], Kind.PLAIN),
        (CONVENTIONAL[:3], Kind.PLAIN),
        ([], Kind.PLAIN),
        (["", "\n\n", "Merge branch 'x'"], Kind.PLAIN),
    ],
    ids=lambda value: str(value)[:24],
)
def test_most_of_the_last_subjects_tell_the_convention(messages: list[str], kind: Kind) -> None:
    assert detect(messages).kind is kind


@pytest.mark.parametrize(
    ("messages", "category", "files", "wanted"),
    [
        (CONVENTIONAL, Category.LINT, ("src/cli/main.py",), "style(cli): remove an unused import"),
        (CONVENTIONAL, Category.TEST, ("src/parser.py",), "fix(parser): remove an unused import"),
        (CONVENTIONAL, Category.TEST, ("docs/x.md",), "fix: remove an unused import"),
        (COMPONENT, Category.TEST, ("net/http/server.go",), "net/http: remove an unused import"),
        (COMPONENT, Category.TEST, ("os/file.go",), "os: remove an unused import"),
        (COMPONENT, Category.TEST, ("main.go",), "main: remove an unused import"),
        (GITMOJI, Category.LINT, (), "🚨 Remove an unused import"),
        (GITMOJI, Category.TEST, (), "🐛 Remove an unused import"),
        (SHORTCODES, Category.FORMAT, (), ":art: remove an unused import"),
        (TICKETS, Category.TEST, (), "ABC-77: Remove an unused import"),
        (BRACKETS, Category.TEST, (), "[ABC-77] Remove an unused import"),
        (PLAIN, Category.TEST, (), "Remove an unused import"),
        (LOWER, Category.TEST, (), "remove an unused import"),
    ],
)
def test_a_subject_follows_the_convention(
    messages: list[str], category: Category, files: tuple[str, ...], wanted: str
) -> None:
    made = subject(
        detect(messages),
        "Remove an unused import.",
        category=category,
        files=files,
        broken_by="ABC-77: Break it" if messages is TICKETS else "[ABC-77] Break it",
    )

    assert made == wanted


def test_a_ticket_that_nobody_named_is_not_made_up() -> None:
    made = subject(detect(TICKETS), "Sort imports", category=Category.LINT, broken_by="Break it")

    assert made == "Sort imports"


def test_a_name_in_capitals_keeps_them() -> None:
    assert subject(detect(LOWER), "JSON is read again", category=Category.TEST) == "JSON is read again"


def test_sign_off_is_required_where_nearly_all_commits_have_it() -> None:
    signed = [f"{text}\n\nSigned-off-by: Ana <ana@example.com>" for text in PLAIN]

    assert detect(signed).signed_off
    assert not detect(signed[:3] + PLAIN).signed_off
    assert not detect(signed[:2]).signed_off


@pytest.mark.parametrize(
    "token", ["[skip ci]", "[CI skip]", "[no ci]", "[skip actions]", "[actions skip]", "skip-checks: true"]
)
def test_no_text_keeps_ci_from_starting(token: str) -> None:
    said = never_skips(f"Cured {token} it")

    assert token.lower() not in said.lower()
    made = subject(Convention(), f"Cured {token} it", category=Category.TEST)
    assert token.lower() not in made.lower()


@given(st.lists(st.text(max_size=120), max_size=60), st.text(max_size=300), st.text(max_size=60))
def test_any_history_gives_one_line_of_bearable_length(history: list[str], summary: str, path: str) -> None:
    made = subject(detect(history), summary, category=Category.UNKNOWN, files=(path,), broken_by=path)

    assert "\n" not in made
    assert len(made) <= WIDTH
