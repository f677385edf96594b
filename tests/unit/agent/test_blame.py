"""Whose fault it is: what was looked at, what follows from it, and what it leads to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.blame import judged, nothing_run, verdict
from agent.chance import in_percent, interval
from patchpilot.errors import TemporaryError
from patchpilot.failures import (
    BASE_COMMIT,
    SAME_COMMIT,
    SUSPECT_CHANGE,
    Blame,
    BlameCheck,
    Category,
    CheckVerdict,
    Diagnosis,
)
from patchpilot.fixes import CommandResult, Ending, Patch
from patchpilot.heals import HealState
from patchpilot.source import CIJob, Commit, Sha
from storage.codec import decode, encode

HEAD = Sha("ab12" * 10)
PARENT = Sha("cd34" * 10)
DIFF = "diff --git a/price.py b/price.py\n--- a/price.py\n+++ b/price.py\n@@ -1 +1 @@\n-a\n+b\n"
CHECK = (
    "grep -q 'percent / 100' price.py && exit 0\n"
    "echo 'AssertionError: net(200, 10) is 0.0, not 180'\n"
    "exit 1\n"
)
GOOD = {"price.py": "return price - price * percent / 100\n", "check.sh": CHECK}
BAD = {"price.py": "return price - price * percent / 10\n", "check.sh": CHECK}
NAMED = b'$ sh check.sh\n  File "price.py", line 2, in net\nAssertionError: net(200, 10) is 0.0, not 180\n'


def look(name, found) -> BlameCheck:
    return BlameCheck(name=name, verdict=found, detail=f"{name}: {found}.")


@pytest.fixture
def parent(world):
    """A parent commit with these files; the head touched ``price.py``."""

    def have(files):
        world.host.head = Commit(sha=HEAD, author="Ana", message="Round", parents=(PARENT,), diff=DIFF)
        if files is not None:
            world.host.older[PARENT] = files

    return have


def found(world) -> dict[str, CheckVerdict]:
    return {check.name: check.verdict for check in world.journal.diagnosis().checks}


def said(world, name) -> str:
    return next(check.detail for check in world.journal.diagnosis().checks if check.name == name)


def test_red_here_and_green_at_the_base_is_this_change(world, parent):
    parent(GOOD)
    world.ci.log = NAMED

    world.advance()

    diagnosis = world.journal.diagnosis()
    assert diagnosis.blame is Blame.CHANGE
    assert found(world) == {
        SAME_COMMIT: CheckVerdict.RED,
        BASE_COMMIT: CheckVerdict.GREEN,
        SUSPECT_CHANGE: CheckVerdict.TOUCHED,
    }
    assert "failed 6 of 6 times in the sandbox at ab12ab1" in diagnosis.explanation
    assert "passed at its parent cd34cd3" in diagnosis.explanation
    assert "touched price.py" in said(world, SUSPECT_CHANGE)
    assert "blame" in world.journal.steps


def test_red_at_the_base_too_is_not_this_change_and_still_gets_a_patch(world, parent, remembered):
    parent({**world.host.files})
    world.memory.cases.append(remembered)

    world.advance()

    assert world.journal.diagnosis().blame is Blame.UPSTREAM
    assert "fails at its parent cd34cd3 too" in said(world, BASE_COMMIT)
    assert world.journal.state() is HealState.AWAITING_APPROVAL


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (None, "can't be checked out"),
        ({**GOOD, "check.sh": "no-such-tool\n"}, "lacks a command"),
    ],
)
def test_a_base_that_cannot_be_looked_at_leaves_it_open_and_says_why(world, parent, remembered, files, why):
    parent(files)
    world.memory.cases.append(remembered)

    world.advance()

    assert world.journal.diagnosis().blame is Blame.INCONCLUSIVE
    assert why in said(world, BASE_COMMIT)
    assert world.journal.state() is HealState.AWAITING_APPROVAL


def test_a_first_commit_has_no_base(world):
    world.host.head = Commit(sha=HEAD, author="Ana", message="Begin", diff=DIFF)

    world.advance()

    assert world.journal.diagnosis().blame is Blame.INCONCLUSIVE
    assert "no parent to compare with" in said(world, BASE_COMMIT)


def test_a_base_that_is_red_in_another_way_clears_nobody(world, parent):
    world.ci.log = NAMED
    world.host.files = {
        **BAD,
        "check.sh": CHECK.replace("echo", "echo 'File \"price.py\", line 2, in net'; echo"),
    }
    parent({"check.sh": "echo 'File \"other.py\", line 7, in boot'\necho 'ImportError: no boot'\nexit 1\n"})

    world.advance()

    assert found(world)[BASE_COMMIT] is CheckVerdict.OTHERWISE
    assert world.journal.diagnosis().blame is Blame.INCONCLUSIVE


def lints(*lines) -> str:
    return "".join(f"echo '{line}'\n" for line in (*lines, "Found 1 error.")) + "exit 1\n"


UNUSED = "price.py:1:8: F401 [*] `os` imported but unused"
UNDEFINED = "price.py:3:5: F821 Undefined name `Decimal`"


@pytest.mark.parametrize(
    ("base", "blamed", "verdict"),
    [
        ([UNDEFINED], Blame.INCONCLUSIVE, CheckVerdict.OTHERWISE),
        ([UNUSED], Blame.UPSTREAM, CheckVerdict.RED),
        ([UNDEFINED, UNUSED], Blame.UPSTREAM, CheckVerdict.RED),
    ],
)
def test_a_base_that_is_red_in_the_same_file_for_another_reason_is_not_blamed(
    world, parent, base, blamed, verdict
):
    world.ci.log = f"{UNUSED}\nFound 1 error.\n".encode()
    world.host.files = {**BAD, "check.sh": lints(UNUSED)}
    parent({**BAD, "check.sh": lints(*base)})

    world.advance()

    assert found(world)[BASE_COMMIT] is verdict
    assert world.journal.diagnosis().blame is blamed
    if verdict is CheckVerdict.OTHERWISE:
        assert "fails at its parent cd34cd3 too, but for another reason" in said(world, BASE_COMMIT)
        assert "F821" in said(world, BASE_COMMIT)


def test_a_place_alone_is_no_common_reason(world, parent):
    here = ["F811 Redefinition of `net`", " --> price.py:3:5", "  |", ""]
    base = ["F821 Undefined name `Decimal`", " --> price.py:2:12", "  |", ""]
    world.ci.log = "\n".join([*here, "Found 1 error.", ""]).encode()
    world.host.files = {**BAD, "check.sh": lints(*here)}
    parent({**BAD, "check.sh": lints(*base)})

    world.advance()

    assert found(world)[BASE_COMMIT] is CheckVerdict.OTHERWISE
    assert "for another reason (F821 Undefined name `Decimal`" in said(world, BASE_COMMIT)


def test_what_fails_only_here_is_this_change_although_the_base_is_red(world, parent):
    fails = "echo 'FAILED test_{0}.py::test_{0} - assert 1 == 2'\n"
    world.ci.log = b"FAILED test_a.py::test_a - assert 1 == 2\nFAILED test_b.py::test_b - assert 1 == 2\n"
    world.host.files = {**BAD, "check.sh": fails.format("a") + fails.format("b") + "exit 1\n"}
    parent({**BAD, "check.sh": fails.format("a") + "exit 1\n"})

    world.advance()

    assert found(world)[BASE_COMMIT] is CheckVerdict.PARTLY
    assert "test_b.py::test_b" in said(world, BASE_COMMIT)
    assert world.journal.diagnosis().blame is Blame.CHANGE


def test_a_branch_is_compared_with_where_it_left_the_default_branch(world, parent):
    fork = Sha("ef56" * 10)
    parent(BAD)
    world.host.older[fork], world.host.left_at, world.host.since = GOOD, fork, Patch(DIFF)
    world.journal.record = replace(world.journal.record, branch="feature", pull_request=7)
    world.ci.log = NAMED

    world.advance()

    assert world.journal.diagnosis().blame is Blame.CHANGE
    assert "ef56ef5, where it left main" in said(world, BASE_COMMIT)
    assert found(world)[SUSPECT_CHANGE] is CheckVerdict.TOUCHED


@pytest.mark.parametrize("left_at", [None, HEAD])
def test_a_branch_without_a_commit_of_its_own_is_compared_with_its_parent(world, parent, left_at):
    parent(GOOD)
    world.host.left_at = left_at
    world.journal.record = replace(world.journal.record, branch="release")

    world.advance()

    assert "its parent cd34cd3" in said(world, BASE_COMMIT)


def test_a_flaky_test_is_blamed_on_chance_with_its_interval_and_the_base_is_left_alone(world, parent):
    parent(GOOD)
    results = iter([1, 0, 1, 1])
    world.benches.script = lambda command: CommandResult(
        command=command, ending=Ending.EXITED, exit_code=next(results), output="FAIL: test_x", seconds=0.1
    )
    world.equip(settings=world.tools.settings.model_copy(update={"flaky_runs": 4}))

    world.advance()

    assert world.journal.state() is HealState.FLAKY
    assert world.journal.diagnosis().blame is Blame.FLAKY
    assert world.journal.diagnosis().category is Category.FLAKY
    assert "3 of 4 times" in said(world, SAME_COMMIT)
    assert "30 to 95 %" in said(world, SAME_COMMIT)
    assert "30 to 95 %" in world.journal.reason
    assert BASE_COMMIT not in found(world)


def test_what_is_green_here_is_nobodys_fault(world, parent):
    parent(GOOD)
    world.host.files = GOOD

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert world.journal.diagnosis().blame is Blame.INCONCLUSIVE
    assert found(world)[SAME_COMMIT] is CheckVerdict.GREEN
    assert "0 to 39 %" in said(world, SAME_COMMIT)


def test_without_a_sandbox_nobody_is_blamed(world, parent):
    parent(GOOD)
    world.ci.log = NAMED
    world.benches.engine, world.benches.reason = "none", "install bubblewrap"

    world.advance()

    assert world.journal.diagnosis().blame is Blame.INCONCLUSIVE
    assert "install bubblewrap" in said(world, SAME_COMMIT)


def test_a_retry_does_not_look_at_the_base_again(world, parent):
    parent(GOOD)
    world.advance()
    opened = world.benches.opened

    world.journal.decide(HealState.REPAIRING)
    world.advance()

    # Once to reproduce it, once for the candidates.
    assert world.benches.opened == opened + 2
    assert world.journal.diagnosis().blame is Blame.CHANGE
    assert world.journal.diagnosis().explanation.count("passed at its parent") == 1


@pytest.mark.parametrize("point", ["step blame", "diagnosed"])
def test_killed_while_blaming_it_ends_in_the_same_record(world, parent, killed, point):
    parent(GOOD)
    calls = []

    def die(name):
        calls.append(name)
        if name == point and calls.count(point) == (2 if point == "diagnosed" else 1):
            raise killed

    world.journal.before = die
    with pytest.raises(killed):
        world.advance()
    world.advance()

    explanation = world.journal.diagnosis().explanation
    assert world.journal.diagnosis().blame is Blame.CHANGE
    assert explanation.count("failed 6 of 6 times") == 1


def test_an_outage_while_blaming_leaves_the_heal_where_it_was(world, parent):
    parent(GOOD)
    real, asked = world.host.checkout, []

    def away_once(repo, commit, into):
        asked.append(commit)
        if asked == [HEAD, PARENT]:
            raise TemporaryError("GitHub is away")
        real(repo, commit, into)

    world.host.checkout = away_once
    with pytest.raises(TemporaryError):
        world.advance()
    world.advance()

    assert world.journal.diagnosis().blame is Blame.CHANGE


def test_the_looks_survive_storage_and_older_records_have_none():
    diagnosis = judged(
        Diagnosis(category=Category.TEST, blame=Blame.INCONCLUSIVE, root_cause="x", explanation="Because."),
        (look(SAME_COMMIT, CheckVerdict.RED), look(BASE_COMMIT, CheckVerdict.GREEN)),
    )
    stored = encode(diagnosis)

    assert decode(Diagnosis, stored) == diagnosis
    del stored["checks"]
    assert decode(Diagnosis, stored).checks == ()


V = CheckVerdict


@pytest.mark.parametrize(
    ("same", "base", "blame"),
    [
        (V.RED, V.GREEN, Blame.CHANGE),
        (V.RED, V.PARTLY, Blame.CHANGE),
        (V.RED, V.RED, Blame.UPSTREAM),
        (V.RED, V.OTHERWISE, Blame.INCONCLUSIVE),
        (V.RED, V.UNKNOWN, Blame.INCONCLUSIVE),
        (V.MIXED, V.GREEN, Blame.FLAKY),
        (V.GREEN, V.GREEN, Blame.INCONCLUSIVE),
        (V.UNKNOWN, V.RED, Blame.INCONCLUSIVE),
    ],
)
def test_the_verdict_follows_from_the_looks(same, base, blame):
    assert verdict((look(SAME_COMMIT, same), look(BASE_COMMIT, base))) is blame


def test_what_touched_what_fails_without_it_as_well_is_not_said_to_have_broken_it():
    explained = "A test differs. What is not committed yet touched what failed."
    before = Diagnosis(category=Category.TEST, blame=Blame.CHANGE, root_cause="x", explanation=explained)

    red = judged(before, (look(SAME_COMMIT, V.RED), look(BASE_COMMIT, V.RED)))
    green = judged(red, (look(SAME_COMMIT, V.RED), look(BASE_COMMIT, V.GREEN)))

    assert "touched what failed, which was red without it as well." in red.explanation
    assert green.explanation.startswith(explained)


def test_a_verdict_replaces_the_one_before_it():
    before = Diagnosis(category=Category.TEST, blame=Blame.CHANGE, root_cause="x", explanation="Because.")
    once = nothing_run(before, "No sandbox.")

    assert once.blame is Blame.INCONCLUSIVE
    assert judged(once, once.checks) == once
    assert nothing_run(once, "It is a fork.").explanation == "Because. It is a fork."


def test_a_few_runs_of_one_colour_are_no_certainty():
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(0, 10)[1] == pytest.approx(0.278, abs=0.001)
    assert interval(10, 10)[0] == pytest.approx(0.722, abs=0.001)
    low, high = interval(3, 8)
    assert (low, high) == (pytest.approx(0.137, abs=0.001), pytest.approx(0.694, abs=0.001))
    assert in_percent(1, 2) == "9 to 91 %"


def rerun_on(world) -> None:
    world.equip(settings=world.tools.settings.model_copy(update={"rerun_flaky": True}))


NETWORK = b"npm ERR! Connection reset by peer\nError: read ECONNRESET\n"


def test_infrastructure_leads_to_a_rerun_where_the_policy_says_so(world):
    rerun_on(world)
    world.ci.log = NETWORK

    world.advance()
    world.advance()

    assert world.journal.state() is HealState.INFRASTRUCTURE
    assert world.journal.diagnosis().blame is Blame.INFRASTRUCTURE
    assert "asked GitHub to run the failed jobs again" in world.journal.reason
    assert world.journal.reruns == 1


def test_nothing_is_run_again_without_the_setting(world):
    world.ci.log = NETWORK

    world.advance()

    assert world.journal.reruns == 0
    assert "asked GitHub" not in world.journal.reason


def test_nothing_of_a_fork_is_run_again(world):
    rerun_on(world)
    world.ci.log = NETWORK
    world.journal.record = replace(world.journal.record, from_fork=True)

    world.advance()

    assert world.journal.reruns == 0


def test_a_run_that_was_run_again_once_is_left_to_people(world):
    rerun_on(world)
    world.ci.log = NETWORK
    world.journal.reruns = 1

    world.advance()

    assert world.journal.reruns == 1
    assert "only once per run" in world.journal.reason


def test_a_missing_permission_is_not_cured_by_a_rerun(world):
    rerun_on(world)
    world.ci.log = b"npm ERR! code E401\nnpm ERR! Unable to authenticate, your token seems to be invalid.\n"

    world.advance()

    assert world.journal.state() is HealState.INFRASTRUCTURE, world.journal.diagnosis()
    assert world.journal.reruns == 0


def test_a_flaky_test_leads_to_a_rerun_where_the_policy_says_so(world):
    rerun_on(world)
    results = iter([1, 0])
    world.benches.script = lambda command: CommandResult(
        command=command, ending=Ending.EXITED, exit_code=next(results), output="FAIL: test_x", seconds=0.1
    )

    world.advance()

    assert world.journal.state() is HealState.FLAKY
    assert world.journal.reruns == 1
    assert "asked GitHub to run the failed jobs again" in world.journal.reason


def test_other_failed_jobs_are_named(world):
    names = [f"shard {number}" for number in range(8)]
    world.ci.all_jobs = (
        CIJob(id="0", name="docs", failed=False),
        *(CIJob(id=name, name=name, failed=True) for name in names),
    )

    world.advance()

    assert (
        "Other jobs failed too: shard 1, shard 2, shard 3, shard 4, shard 5 and 2 more. "
        "This is about the first one." in world.journal.diagnosis().notes
    )
