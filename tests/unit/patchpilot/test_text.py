"""Hostile text is made harmless without losing what matters."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchpilot.text import capital, fence, middle, middle_lines, one_line, plain, sentence, shorten


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;5;196;1mbold\x1b[K", "bold"),
        ("\x1b]0;window title\x07text", "text"),
        ("\x1b]8;;https://evil.invalid\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x00b\x08c\x7fd\x9be", "abcde"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("dos\r\nline", "dos\nline"),
        ("over\rwritten", "overwritten"),
        ("access\u202e\u2066 // admin\u2069\u2066", "access // admin"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("äöü 漢字 🙂", "äöü 漢字 🙂"),
    ],
)
def test_terminal_escapes_controls_and_direction_marks_vanish(hostile: str, harmless: str) -> None:
    assert plain(hostile) == harmless


@given(st.text())
def test_plain_text_is_plain_at_once(text: str) -> None:
    once = plain(text)

    assert "\x1b" not in once or plain(once) != text
    assert not set(once) & set("\x00\x07\x08\x7f\u202e\u200b")


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_one_line_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)

    assert "\n" not in line
    assert len(line) <= limit


def test_shortening_tells_that_it_shortened() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"


def test_the_middle_keeps_head_and_tail_and_counts_the_gap() -> None:
    text = "HEAD" + "x" * 10_000 + "TAIL"

    short = middle(text, 400)

    assert short.startswith("HEAD")
    assert short.endswith("TAIL")
    assert "characters left out" in short
    assert len(short) <= 400
    assert middle("short", 400) == "short"


def test_fenced_text_cannot_close_its_block() -> None:
    assert "```" not in fence("a ``` b ```` c")


def test_a_sentence_has_one_full_stop_whoever_wrote_it() -> None:
    assert sentence("no engine answers") == sentence("no engine answers.") == "no engine answers."
    assert sentence("cut off…") == "cut off…"
    assert sentence(ValueError("why?")) == "why?"


def test_the_middle_of_long_output_is_cut_in_whole_lines() -> None:
    text = "\n".join(f"line {number} of the output" for number in range(100))
    shown = middle_lines(text, 500)

    assert len(shown) <= 500
    head, tail = re.split(r"\n… [0-9]+ lines left out …\n", shown)
    assert text.startswith(f"{head}\n")
    assert text.endswith(f"\n{tail}")
    assert len(tail) > len(head)
    assert middle_lines("short", 500) == "short"


def test_one_very_long_line_is_cut_within() -> None:
    shown = middle_lines("x" * 900 + "\nend", 500)

    assert len(shown) <= 500
    assert "characters left out" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a proven fix waits", "A proven fix waits"),
        ("same commit", "Same commit"),
        ("tests/test_a.py fails", "tests/test_a.py fails"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_a_name_stands_there(text: str, shown: str) -> None:
    assert capital(text) == shown
