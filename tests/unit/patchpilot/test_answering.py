"""Questions answered from the evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchpilot.answering import answer, explain
from patchpilot.failures import SAME_COMMIT, BlameCheck, CheckVerdict
from patchpilot.fixes import CommandResult, Ending, Fix, Outcome, PastFix, Patch, Proof, ShellCommand
from patchpilot.heals import HealState
from patchpilot.sensitive import sensitive_kinds

PAST = PastFix(
    incident=3,
    fingerprint="f",
    patch=Patch(""),
    author="ben",
    outcome=Outcome.MERGED_GREEN,
    root_cause="Rounded twice then, too",
    similarity=1.0,
)


@pytest.mark.parametrize(
    ("question", "parts", "absent"),
    [
        ("why did this start?", ["Cause: Rounds twice", "9: 1 != 2", "by ana"], ["Next:"]),
        ("who broke it?", ["by ana"], ["Next:"]),
        ("what should we do next?", ["Next:"], ["Cause:"]),
        ("which tests fail?", ["tests/test_a"], ["Next:"]),
        ("have we seen this before?", ["PP-3", "Rounded twice then, too"], ["Cause:"]),
        ("what did it cost?", ["cost nothing"], ["Cause:"]),
        ("when was it first seen?", ["Seen 1×"], ["Cause:"]),
        ("can you approve it?", ["Next:"], ["Cause:"]),
        ("how sure are you?", ["the log alone", "No fix is proposed"], ["Cause:", "`explain` tells all"]),
        ("hm?", ["Cause: Rounds twice", "Next:", "`explain` tells all"], ["Evidence", "What was tried"]),
    ],
)
def test_a_question_is_answered_by_what_it_is_about(incident, question, parts, absent):
    told = answer(question, incident(diagnosed=True, tests=("tests/test_a",)), [PAST])

    assert [part for part in parts if part not in told] == []
    assert [part for part in absent if part in told] == []


def ran(code: int) -> CommandResult:
    command = ShellCommand(script="pytest")
    return CommandResult(command=command, ending=Ending.EXITED, exit_code=code, output="", seconds=1)


def test_how_sure_it_is_is_told_by_the_facts_it_rests_on(incident):
    found = incident(diagnosed=True)
    seen = BlameCheck(name=SAME_COMMIT, verdict=CheckVerdict.RED, detail="It failed once in the sandbox")
    red, green = ran(1), ran(0)
    proof = Proof(before=red, after=(green, green), suite_before=green, suite_after=green)
    fix = Fix(patch=Patch(""), author="fixer:ruff", summary="Round once", proof=proof, confidence=0.92)
    heal = replace(found.heal, diagnosis=replace(found.heal.diagnosis, checks=(seen,)), fix=fix)

    told = answer("Is that certain? Is it reproduced?", replace(found, heal=heal))

    assert "It failed once in the sandbox" in told
    assert "confidence 92%" in told
    assert "Failure seen before the patch: yes; green with it: 2 of 2 runs" in told
    assert "wider suite: no worse than before" in told


def test_what_is_not_known_yet_is_said(incident):
    told = explain(incident())

    assert "Not diagnosed yet" in told
    assert "Nothing was tried yet" in told


def test_every_state_has_a_next_step(incident):
    for state in HealState:
        assert "Next: " in explain(incident(state=state))


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("src/money.py", ()),
        ("pyproject.toml", ("dependency",)),
        ("web/package-lock.json", ("dependency",)),
        ("requirements/dev.txt", ("dependency",)),
        ("go.sum", ("dependency",)),
        (".github/workflows/ci.yml", ("CI",)),
        ("Dockerfile", ("CI",)),
        ("app/auth/views.py", ("authentication",)),
        ("app/oauth_client.py", ("authentication",)),
        ("src/Login.tsx", ("authentication",)),
        ("src/author.py", ()),
        ("docs/authors.md", ()),
    ],
)
def test_paths_that_ask_for_maintain_access(path, kinds):
    assert sensitive_kinds([path]) == kinds
