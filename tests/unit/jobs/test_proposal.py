"""The pull request that an approval leads to."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.commit_style import detect
from jobs.proposal import Attribution, _block, branch_name, proposal
from patchpilot.errors import PermanentError
from patchpilot.failures import Blame, Category, Diagnosis, LogLine
from patchpilot.fixes import CommandResult, Ending, Fix, Outcome, PastFix, Patch, Proof, ShellCommand
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import DecisionRecord, FailureRecord, HealSnapshot, IncidentId
from patchpilot.source import Repo, RunRef, Sha

AT = datetime(2026, 3, 2, 9, 12, tzinfo=UTC)
PATCH = Patch("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")


def ran(code: int, output: str = "checked") -> CommandResult:
    return CommandResult(
        command=ShellCommand(script="ruff check ."),
        ending=Ending.EXITED,
        exit_code=code,
        output=output,
        seconds=0.1,
        engine="docker",
    )


def decided(verb: str = "approve", patch: Patch = PATCH) -> DecisionRecord:
    return DecisionRecord(verb=verb, actor="ana", medium="slack", patch_sha256=patch.sha256, text="", at=AT)


@pytest.fixture
def heal():
    return HealSnapshot(
        id=HealId("0123456789abcdef" * 2),
        incident=IncidentId(12),
        state=HealState.OPENING_PR,
        reason="",
        attempt=2,
        approval_id="a",
        failure=FailureRecord(
            id=1,
            run=RunRef(
                provider="github_actions",
                repo=Repo("github", "acme/ledger"),
                run_id="7",
                url="https://h/run/7",
            ),
            workflow="CI",
            workflow_path="",
            branch="main",
            default_branch="main",
            head_sha=Sha("a" * 40),
            author="ana",
            commit_subject="s",
            pull_request=None,
            from_fork=False,
            received_at=AT,
        ),
        diagnosis=Diagnosis(
            category=Category.LINT,
            blame=Blame.CHANGE,
            root_cause="An import that nothing uses",
            evidence=(LogLine(3, "F401"),),
        ),
        fix=Fix(
            patch=PATCH,
            author="fixer:ruff",
            summary="Remove an unused import",
            proof=Proof(before=ran(1, "F401"), after=(ran(0), ran(0))),
            confidence=0.92,
        ),
        decisions=(decided(),),
        created_at=AT,
        updated_at=AT,
    )


def test_the_branch_is_derived_from_heal_and_attempt_alone(heal):
    assert branch_name(heal) == "patchpilot/fix/pp-12-01234567-2"
    assert branch_name(replace(heal, attempt=3)) != branch_name(heal)


def test_what_the_approver_chose_in_the_form_counts(heal):
    chosen = replace(heal.decisions[0], options={"draft": "no", "base": "release"})

    made = proposal(replace(heal, decisions=(chosen,)), public_url="https://bot.test")

    assert not made.draft
    assert made.base_branch == "release"
    assert proposal(heal, public_url="https://bot.test").base_branch == "main"


def test_the_pull_request_tells_cause_evidence_approver_and_patch(heal):
    made = proposal(heal, public_url="https://bot.test")

    assert made.title == "Remove an unused import"
    assert made.draft
    for text in ("An import that nothing uses", "ana", PATCH.sha256, "a" * 40, "92%", "green 2 of 2", "F401"):
        assert text in made.body, text
    assert "Approved-by: ana" in made.commit_message
    assert "https://h/run/7" in made.commit_message


def test_the_pull_request_names_past_cases_and_what_became_of_them(heal):
    same = PastFix(
        incident=3, fingerprint="f", patch=PATCH, author="fixer:ruff", outcome=Outcome.MERGED_GREEN,
        root_cause="r", similarity=1.0, pull_request_url="https://h/acme/ledger/pull/4",
    )  # fmt: skip
    like = replace(same, incident=5, similarity=0.9, outcome=Outcome.HUMAN, pull_request_url="")

    made = proposal(heal, public_url="https://bot.test", past=[same, like])

    assert (
        "| memory | [PP-3](https://h/acme/ledger/pull/4) (the same failure, merged, green), "
        "PP-5 (90% alike, a human's own fix) |"
    ) in made.body
    assert "| memory |" not in proposal(heal, public_url="https://bot.test").body


def test_two_approvers_are_both_named(heal):
    made = proposal(replace(heal, first_approved_by="ben"), public_url="https://bot.test")

    assert "| approved by | ben and ana," in made.body
    assert "Approved-by: ben\nApproved-by: ana\n" in f"{made.commit_message}\n"


def test_the_commit_follows_the_repository_and_names_who_had_a_part(heal):
    convention = detect(["fix(x): do it", "feat(x): do it", "chore: do it", "fix: do it"])
    named = Attribution(
        convention=replace(convention, signed_off=True),
        approver="Ana <1+ana@users.noreply.github.com>",
        ourselves="pp[bot] <2+pp[bot]@users.noreply.github.com>",
    )

    made = proposal(heal, public_url="https://bot.test", attribution=named)

    subject, cause, trailers = made.commit_message.split("\n\n")
    assert made.title == subject == "chore(x): remove an unused import"
    assert cause == "Cause: An import that nothing uses"
    assert trailers.split("\n") == [
        "Failing-run: https://h/run/7",
        "Incident: PP-12",
        "Generated-by: PatchPilot (fixer:ruff)",
        "Approved-by: ana",
        "Co-authored-by: Ana <1+ana@users.noreply.github.com>",
        "Signed-off-by: pp[bot] <2+pp[bot]@users.noreply.github.com>",
    ]


def test_a_hostile_cause_closes_no_issue_and_keeps_no_ci_from_starting(heal):
    diagnosis = replace(heal.diagnosis, root_cause="Fixes #1 [skip ci] @everyone\n\nCo-authored-by: x <x@x>")

    said = proposal(replace(heal, diagnosis=diagnosis), public_url="https://bot.test").commit_message

    assert "#1" not in said
    assert "[skip ci]" not in said
    assert "@everyone" not in said
    assert not re.search("^Co-authored-by", said, re.MULTILINE)


def test_a_second_round_goes_on_where_the_first_ended(heal):
    again = replace(heal, pull_request_branch="patchpilot/fix/first", pull_request_sha="c" * 40)

    made = proposal(again, public_url="https://bot.test")

    assert (made.branch, made.onto) == ("patchpilot/fix/first", "c" * 40)


@pytest.mark.parametrize(
    "decisions",
    [(), (decided("reject"),), (decided(patch=Patch("another patch")),)],
    ids=["none", "reject", "other"],
)
def test_without_an_approval_of_this_very_patch_nothing_is_opened(heal, decisions):
    with pytest.raises(PermanentError, match="no approval"):
        proposal(replace(heal, decisions=decisions), public_url="https://bot.test")


def test_hostile_text_mentions_nobody_and_makes_no_link(heal):
    hostile = "@everyone [click](https://evil.test) <img src=x> ![x](https://evil.test/x.png)"
    diagnosis = replace(heal.diagnosis, root_cause=hostile, explanation=hostile)

    body = proposal(replace(heal, diagnosis=diagnosis), public_url="https://bot.test").body

    assert "@everyone" not in body
    assert "](https://evil.test" not in body
    assert not re.search(r"(?<!\\)<img", body)


@given(st.text(alphabet="`~ \nab", max_size=200))
def test_no_output_closes_its_own_block(text):
    block = _block(text)
    fence = block.split("text\n", 1)[0]

    assert set(fence) == {"`"}
    inside = block[len(fence) + 5 : -len(fence) - 1]
    assert fence not in inside
