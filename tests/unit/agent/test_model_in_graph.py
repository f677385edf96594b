"""The model's part in the graph: it proposes, evidence decides, and the heal survives whatever it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from agent.nodes.validate import burden
from patchpilot.errors import BudgetExceededError, ModelRefusedError, PatchPilotError, TemporaryError
from patchpilot.failures import Blame, Category, Diagnosis, LogLine
from patchpilot.fixes import Candidate, GaveUp, GuardFinding, Patch, Reading, Severity
from patchpilot.heals import HealState
from patchpilot.ports import Brief, Budget, RepairTools

QUOTE = LogLine(2, "AssertionError: net(200, 10) is 0.0, not 180")
DIAGNOSIS = Diagnosis(
    category=Category.TEST,
    blame=Blame.CHANGE,
    root_cause="net() divides by 10",
    evidence=(QUOTE,),
    author="fake",
)


@dataclass
class FakeModel:
    """Answers as told; remembers what it was asked."""

    reading: Diagnosis | PatchPilotError = DIAGNOSIS
    repairs: list[Callable[[RepairTools], str] | GaveUp | PatchPilotError] = field(default_factory=list)
    briefs: list[Brief] = field(default_factory=list)
    name: str = "fake"

    def diagnose(self, brief: Brief, *, budget: Budget) -> Reading:
        if isinstance(self.reading, PatchPilotError):
            raise self.reading
        return Reading(diagnosis=self.reading)

    def repair(
        self, brief: Brief, tools: RepairTools, *, budget: Budget, tell: Callable[[str], None] = print
    ) -> Candidate | GaveUp:
        tell("reading price.py")
        self.briefs.append(brief)
        step = self.repairs.pop(0)
        if isinstance(step, PatchPilotError):
            raise step
        if isinstance(step, GaveUp):
            return step
        step(tools)
        return Candidate(patch=Patch(tools.diff()), author="claude:fake", summary="Divide by 100")


def cure(tools: RepairTools) -> str:
    return tools.edit("price.py", "percent / 10", "percent / 100")


def miss(tools: RepairTools) -> str:
    return tools.edit("price.py", "percent / 10", "percent / 11")


def edit_workflow(tools: RepairTools) -> str:
    cure(tools)
    return tools.edit(".github/workflows/ci.yml", "", "on: push\n")


@pytest.fixture
def asked(world):
    def give(*repairs, reading=DIAGNOSIS) -> FakeModel:
        model = FakeModel(reading=reading, repairs=list(repairs))
        world.equip(model=model)
        return model

    return give


def test_a_models_fix_is_proven_like_any_other(world, asked):
    asked(cure)

    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL, world.journal.reason
    [fix] = world.journal.proposals
    assert fix.author == "claude:fake"
    assert fix.proof.cured
    assert world.journal.diagnosis().author == "fake"


def test_a_fix_that_does_not_cure_is_refused_and_the_model_is_told_why(world, asked):
    model = asked(miss, cure)

    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL
    assert any(reason.startswith("fake: ") and "still fails" in reason for reason in model.briefs[1].refused)
    assert model.briefs[0].earlier == ()
    assert "+    return price - price * percent / 11" in model.briefs[1].earlier[0].diff
    assert len(world.journal.proposals) == 1


def test_a_workflow_edit_is_refused_although_it_cures(world, asked):
    model = asked(edit_workflow, edit_workflow)

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert world.journal.proposals == []
    assert any("guard" in reason for reason in model.briefs[1].refused)


def test_the_budgets_end_still_gives_the_best_diagnosis(world, asked):
    asked(*[BudgetExceededError("the next call could pass the limit of $1.00 for this heal")] * 2)

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert "limit of $1.00" in world.journal.reason
    assert "net() divides by 10" in world.journal.reason


def test_giving_up_reaches_people_in_the_models_words(world, asked):
    asked(GaveUp("The tax rate comes from a service that is switched off."), GaveUp("Same."))

    world.advance()

    assert "a service that is switched off" in world.journal.reason


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (TemporaryError("overloaded"), "could not be reached"),
        (ModelRefusedError("fake declined to read this failure"), "declined"),
        (BudgetExceededError("no dollars left today"), "no dollars left"),
        (replace(DIAGNOSIS, evidence=(LogLine(1, "IndexError: invented"),)), "not there"),
    ],
)
def test_without_the_models_diagnosis_that_of_the_rules_stands(world, asked, trouble, said):
    asked(cure, reading=trouble)

    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL
    assert world.journal.diagnosis().author == "rules"
    assert said in world.journal.diagnosis().notes[-1]


def test_an_outage_while_repairing_leaves_the_heal_to_be_tried_later(world, asked):
    asked(TemporaryError("overloaded", retry_after=60), cure)

    with pytest.raises(TemporaryError):
        world.advance()
    assert world.journal.state() is HealState.REPAIRING
    assert world.journal.doing[-1] == "waiting to ask fake again: overloaded"
    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL


def test_a_model_cannot_talk_a_failing_test_into_infrastructure(world, asked):
    asked(cure, reading=replace(DIAGNOSIS, category=Category.INFRASTRUCTURE))

    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL


def test_a_hint_of_a_retry_reaches_the_model_and_the_old_proposal_is_not_repeated(world, asked, remembered):
    world.memory.cases.append(remembered)
    model = asked(cure)
    world.advance()
    assert world.journal.proposals[0].author == "memory:PP-12"

    world.journal.decide(HealState.REPAIRING, hint="name the constant")
    world.advance()

    assert world.journal.proposals[1].author == "claude:fake"
    assert model.briefs[0].hints == ("name the constant",)
    assert "asked for another" in model.briefs[0].refused[0]
    assert model.briefs[0].earlier == (world.journal.proposals[0].patch,)


def cure_at_length(tools: RepairTools) -> str:
    cure(tools)
    return tools.edit("table.py", "", "".join(f"RATE_{number} = {number}\n" for number in range(60)))


def test_a_large_proven_patch_competes_and_the_smallest_proven_one_wins(world, asked):
    model = asked(cure_at_length, cure)

    world.advance()

    [fix] = world.journal.proposals
    assert fix.patch.added + fix.patch.removed == 2
    assert fix.proof.cured
    assert any("changes 62 lines" in reason for reason in model.briefs[1].refused)


@pytest.mark.parametrize(
    "second",
    [
        miss,
        GaveUp("It needs the table.", final=True),
        BudgetExceededError("the next call could pass the limit of $1.00 for this heal"),
        TemporaryError("overloaded", retry_after=60),
    ],
)
def test_a_large_proven_patch_is_proposed_when_nothing_smaller_is_proven(world, asked, second):
    asked(cure_at_length, second)

    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL, world.journal.reason
    [fix] = world.journal.proposals
    assert fix.patch.added == 61
    assert world.journal.partials == []


def test_fewer_findings_of_the_guard_weigh_more_than_fewer_lines(world, asked):
    asked(cure)
    world.advance()
    [clean] = world.journal.proposals
    note = GuardFinding(rule="x", path="price.py", line=1, message="look", severity=Severity.NOTE)
    ask = replace(note, severity=Severity.OVERRIDE)
    long = replace(
        clean, patch=Patch(clean.patch.diff.replace("@@ -1,2 +1,2 @@", "@@ -1,2 +1,9 @@") + "+x\n" * 7)
    )

    assert burden(clean) < burden(long) < burden(replace(clean, findings=(note,)))
    assert burden(replace(clean, findings=(note, note))) < burden(replace(clean, findings=(ask,)))


def test_a_competition_goes_on_after_a_kill_with_what_was_proven(world, asked, killed):
    model = asked(cure_at_length, cure)

    def kill(what: str) -> None:
        if what == "step model 2":
            world.journal.before = lambda _: None
            raise killed

    world.journal.before = kill
    with pytest.raises(killed):
        world.advance()
    world.advance()

    [fix] = world.journal.proposals
    assert fix.patch.added == 1
    assert len(model.briefs) == 2


def test_a_person_who_wants_another_than_the_winner_does_not_get_it_again(world, asked):
    model = asked(cure_at_length, miss, cure)
    world.advance()
    assert world.journal.proposals[0].patch.added == 61

    world.journal.decide(HealState.REPAIRING, hint="without the table")
    world.advance()

    assert world.journal.proposals[1].patch.added == 1
    assert "asked for another" in model.briefs[2].refused[0]


def test_who_gives_up_is_not_asked_the_same_again(world, asked):
    model = asked(GaveUp("The token has expired; have it renewed.", final=True))

    world.advance()

    assert len(model.briefs) == 1
    assert "have it renewed" in world.journal.reason


def half(after: object) -> Callable[[RepairTools], str]:
    def work(tools: RepairTools) -> str:
        miss(tools)
        raise after

    return work


def test_the_budgets_end_leaves_the_unproven_change_for_people_to_see(world, asked):
    asked(half(BudgetExceededError("the next call could pass the limit of $1.00 for this heal")))

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert world.journal.proposals == []
    [left] = world.journal.partials
    assert "percent / 11" in left.patch.diff
    assert "limit of $1.00" in left.why
    assert "still fails" in left.why
    assert left.author == "claude:fake"


@pytest.mark.parametrize(
    "end",
    [
        BudgetExceededError("the next call could pass the limit of $1.00 for this heal"),
        ModelRefusedError("fake declined to work on this failure"),
    ],
)
def test_a_cure_that_the_model_could_not_propose_any_more_is_proven_all_the_same(world, asked, end):
    def work(tools: RepairTools) -> str:
        cure(tools)
        raise end

    model = asked(work)

    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL, world.journal.reason
    [fix] = world.journal.proposals
    assert fix.proof.cured
    assert fix.summary == "Repair by fake, which was stopped before it could say more"
    assert len(model.briefs) == 1
    assert world.journal.partials == []


def test_a_change_that_did_not_cure_is_shown_as_unproven(world, asked):
    asked(miss, GaveUp("No more ideas.", final=True))

    world.advance()

    [left] = world.journal.partials
    assert "percent / 11" in left.patch.diff
    assert "still fails" in left.why


def test_a_change_that_the_guard_refuses_is_not_even_shown(world, asked):
    def cheat(tools: RepairTools) -> str:
        edit_workflow(tools)
        raise BudgetExceededError("no dollars left")

    asked(cheat)

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert world.journal.partials == []


def test_people_see_what_the_model_is_doing(world, asked):
    asked(cure)
    world.advance()
    assert world.journal.doing == ["reading price.py"]


def test_tools_and_memory_come_before_the_model(world, asked, remembered):
    world.memory.cases.append(remembered)
    model = asked(cure)

    world.advance()

    assert model.briefs == []
