"""What people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchpilot.commands import Verb
from patchpilot.grammar import Decide, Help, Misunderstood, Status, parse


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", Help()),
        ("help", Help()),
        ("HELP", Help()),
        ("status", Status()),
        ("status PP-12", Status(12)),
        ("status pp-12", Status(12)),
        ("status 12", Status(12)),
        ("approve PP-142", Decide(Verb.APPROVE, 142)),
        ('retry PP-3 "use py3.12"', Decide(Verb.RETRY, 3, "use py3.12")),
        ("retry PP-3 “use py3.12”", Decide(Verb.RETRY, 3, "use py3.12")),
        ("retry PP-3 don't touch the test", Decide(Verb.RETRY, 3, "don't touch the test")),
        ("  reject   PP-3   wrong file ", Decide(Verb.REJECT, 3, "wrong file")),
        ("escalate PP-3", Decide(Verb.ESCALATE, 3)),
    ],
)
def test_known_commands_are_read(text, meaning):
    assert parse(text) == meaning


def test_in_a_thread_the_incident_need_not_be_named():
    assert parse("retry use py3.12", incident=7) == Decide(Verb.RETRY, 7, "use py3.12")
    assert parse("status", incident=7) == Status(7)
    assert parse("approve PP-8", incident=7) == Decide(Verb.APPROVE, 8)


def test_outside_a_thread_the_missing_number_is_asked_for():
    answer = parse("approve")

    assert isinstance(answer, Misunderstood)
    assert "approve PP-12" in answer.text


def test_a_slip_is_answered_with_what_was_probably_meant():
    answer = parse("aprove PP-12")

    assert isinstance(answer, Misunderstood)
    assert "`approve`" in answer.text


@given(st.text(max_size=300))
def test_no_text_breaks_the_grammar(text):
    assert isinstance(parse(text), Help | Status | Decide | Misunderstood)
