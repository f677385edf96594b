"""The kept table of what to scan for is of the rules as they are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from agent.distil import needle_table
from agent.distil.needle_table import keys_of, table_of
from agent.distil.needles import needles
from agent.distil.rules import RULES

PATTERNS = [rule.pattern for rule in RULES]
KEPT = Path(needle_table.__file__).with_name("rules") / needle_table.TABLE


def test_the_kept_table_is_of_these_rules():
    """Renew it after a change of rules with ``RENEW_SNAPSHOTS=1``."""
    table = table_of(PATTERNS)
    if os.environ.get("RENEW_SNAPSHOTS"):
        KEPT.write_text(table, encoding="utf-8")

    assert KEPT.read_text(encoding="utf-8") == table, "run this test with RENEW_SNAPSHOTS=1"


def test_the_kept_table_saves_taking_patterns_apart(monkeypatch):
    def not_again(pattern: str) -> frozenset[str]:
        raise AssertionError(pattern)

    monkeypatch.setattr(needle_table, "needles", not_again)

    assert len(keys_of(PATTERNS)) == len(PATTERNS)


def test_edited_rules_are_worked_out_again():
    edited = [r"^a wholly new line \d+", *PATTERNS[1:]]

    assert keys_of(edited)[0] == [re.escape("\na wholly new line ")]
    assert keys_of(edited)[1:] == keys_of(PATTERNS)[1:]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^error: \w+", {"\nerror: "}),
        (r"(?:cat|horse)s? gone", {" gone"}),
        (r"\d+ (?:failed|broken)", {"failed", "broken"}),
        (r"[Ff]atal", {"fatal"}),
        (r"\S+:\d+", set()),
    ],
)
def test_every_text_that_matches_holds_one_of_the_literals(pattern, expected):
    assert needles(pattern) == expected
