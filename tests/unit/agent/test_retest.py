"""A proposal whose branch has moved on is tested anew there, before anything else is tried."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchpilot.failures import SAME_COMMIT
from patchpilot.fixes import GuardFinding, Patch, Severity
from patchpilot.heals import HealState
from patchpilot.source import CIJob, CIStep, Sha

LATER = Sha("b" * 40)
STEP = CIStep(number=3, name="Run tests", failed=True)


@pytest.fixture
def proposed(world, remembered):
    """A heal with a proposal from memory; the later run has its own failed job."""
    world.memory.cases.append(remembered)
    world.advance()
    assert world.journal.state() is HealState.AWAITING_APPROVAL, world.journal.reason
    world.ci.all_jobs = (CIJob(id="88", name="test", failed=True, steps=(STEP,)),)
    # What is remembered must not be what cures it again.
    world.memory.cases.clear()
    return world


def moved(world, **changed):
    """The branch moves to a later commit, which is red as well."""
    world.host.older[LATER] = {**world.host.files, **changed}
    world.journal.retest(LATER)
    world.advance()


def test_the_same_patch_is_reproduced_and_proved_at_the_later_commit(proposed):
    [first] = proposed.journal.proposals
    blamed = proposed.journal.diagnosis().checks

    moved(proposed, **{"new.py": "x = 1\n"})

    assert proposed.journal.state() is HealState.AWAITING_APPROVAL, proposed.journal.reason
    _, second = proposed.journal.proposals
    assert second.patch == first.patch
    assert (second.author, second.score) == (first.author, first.score)
    assert second.proof.cured
    assert {spec.tree.name for spec in proposed.benches.specs[-2:]} == {f"tree-{LATER}"}
    assert proposed.journal.steps.count("reproduce") == 2
    assert proposed.journal.said == []
    after = proposed.journal.diagnosis().checks
    assert [one for one in after if one.name != SAME_COMMIT] == [
        one for one in blamed if one.name != SAME_COMMIT
    ]


def test_where_lines_have_moved_the_patch_says_where_they_are_now(proposed):
    moved(proposed, **{"price.py": "# A notice.\n" * 9 + proposed.host.files["price.py"]})

    first, second = proposed.journal.proposals
    assert "@@ -1,2 +1,2 @@" in first.patch.diff
    assert "@@ -8,4 +8,4 @@" in second.patch.diff


def test_a_patch_that_no_longer_applies_is_told_and_another_one_is_looked_for(proposed, remembered):
    rewritten = proposed.host.files["price.py"].replace("price * percent", "price*percent")
    other = remembered.patch.diff.replace("price * percent / 10\n", "price*percent / 10\n")
    assert other != remembered.patch.diff
    proposed.memory.cases.append(replace(remembered, incident=13, patch=Patch(other)))

    moved(proposed, **{"price.py": rewritten})

    [told] = proposed.journal.said
    assert "no fix any more at bbbbbbb: it does not apply there" in told
    assert "Another one is looked for" in told
    assert [fix.author for fix in proposed.journal.proposals] == ["memory:PP-12", "memory:PP-13"]


def test_a_patch_that_no_longer_cures_goes_to_people_with_what_was_tried(proposed):
    broken = {"check.sh": proposed.host.files["check.sh"].replace("&& exit 0", "&& false")}

    moved(proposed, **broken)

    assert proposed.journal.state() is HealState.ESCALATED
    assert "the failing command still fails" in proposed.journal.said[0]
    assert "the failing command still fails" in proposed.journal.reason
    assert len(proposed.journal.proposals) == 1


def test_what_is_green_by_now_is_not_proposed_again(proposed):
    moved(proposed, **{"price.py": "def net(price, percent):\n    return price * (1 - percent / 100)\n"})

    assert proposed.journal.state() is HealState.ESCALATED
    assert "Not reproduced" in proposed.journal.reason


def test_a_risk_that_people_were_asked_about_needs_no_second_turn(proposed, monkeypatch):
    risk = GuardFinding(rule="lockfile", path="x", line=1, message="pins", severity=Severity.OVERRIDE)
    monkeypatch.setattr("agent.nodes.validate.inspect", lambda *_, **__: (risk,))

    moved(proposed)

    _, second = proposed.journal.proposals
    assert second.findings == (risk,)
    assert proposed.journal.steps.count("validate: memory:PP-12") == 2


def test_a_killed_re_test_goes_on_and_proposes_once(proposed, killed):
    def kill(where):
        if where == "proposed":
            proposed.journal.before = lambda _: None
            raise killed

    proposed.journal.before = kill
    with pytest.raises(killed):
        moved(proposed)

    proposed.advance()

    assert proposed.journal.state() is HealState.AWAITING_APPROVAL
    assert len(proposed.journal.proposals) == 2


def test_a_retry_after_a_re_test_stays_on_the_later_commit_and_finds_its_job(proposed):
    moved(proposed)

    proposed.journal.decide(HealState.REPAIRING, hint="another way")
    proposed.advance()

    assert proposed.journal.state() is HealState.AWAITING_APPROVAL
    assert len(proposed.journal.proposals) == 3
    assert proposed.journal.steps.count("ingest") == 1
    assert proposed.benches.specs[-1].tree.name == f"tree-{LATER}"
