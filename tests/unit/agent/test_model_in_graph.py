"""The model's part in the graph: it proposes, evidence decides, and the heal survives whatever it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from patchpilot.errors import BudgetExceededError, ModelRefusedError, PatchPilotError, TemporaryError
from patchpilot.failures import Blame, Category, Diagnosis, LogLine
from patchpilot.fixes import Candidate, GaveUp, Patch, Reading
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

    def repair(self, brief: Brief, tools: RepairTools, *, budget: Budget) -> Candidate | GaveUp:
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
    assert any("still fails" in reason for reason in model.briefs[1].refused)
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


def test_tools_and_memory_come_before_the_model(world, asked, remembered):
    world.memory.cases.append(remembered)
    model = asked(cure)

    world.advance()

    assert model.briefs == []
