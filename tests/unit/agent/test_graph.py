"""The graph as a whole, on fakes: every way through it, and being killed anywhere on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchpilot.commands import Medium
from patchpilot.errors import NotFoundError, TemporaryError
from patchpilot.fixes import CommandResult, Ending, GaveUp, Patch, Severity
from patchpilot.heals import HealState


def passed(command, ok=True):
    return CommandResult(
        command=command, ending=Ending.EXITED, exit_code=0 if ok else 1, output="FAIL: test_x", seconds=0.1
    )


def test_a_remembered_fix_is_proven_and_proposed(world, remembered):
    world.memory.cases.append(remembered)

    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL, world.journal.reason
    [fix] = world.journal.proposals
    assert fix.author == "memory:PP-12"
    assert "percent / 100" in fix.patch.diff
    assert fix.proof.cured
    assert len(fix.proof.after) == world.tools.settings.proof_runs
    assert 0.5 < fix.confidence < 0.95


def test_a_remembered_fix_fits_where_a_notice_has_come_above_it_since(world, remembered):
    world.memory.cases.append(remembered)
    files = dict(world.host.files)
    world.host.files = {name: f"# A notice.\n{text}" for name, text in files.items()}

    world.advance()

    [fix] = world.journal.proposals
    assert fix.author == "memory:PP-12"
    assert "percent / 100" in fix.patch.diff


def test_what_cured_only_a_similar_failure_is_called_so(world, remembered):
    world.memory.cases.append(replace(remembered, similarity=0.95))

    world.advance()

    [fix] = world.journal.proposals
    assert fix.author == "similar:PP-12"


NEW_LOCK = """diff --git a/uv.lock b/uv.lock
new file mode 100644
--- /dev/null
+++ b/uv.lock
@@ -0,0 +1 @@
+version = 1
"""


def test_what_needs_a_persons_word_is_proposed_when_nothing_else_turns_up(world, remembered):
    world.memory.cases.append(replace(remembered, patch=Patch(remembered.patch.diff + NEW_LOCK)))

    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL, world.journal.reason
    [fix] = world.journal.proposals
    assert {finding.severity for finding in fix.findings} == {Severity.OVERRIDE}


def test_nothing_goes_on_until_a_person_decides(world, remembered):
    world.memory.cases.append(remembered)
    world.advance()
    runs = len(world.benches.runs)

    world.advance()
    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL
    assert len(world.benches.runs) == runs
    assert world.journal.effects == set()


def test_an_approval_hands_the_proposal_to_the_effects_role(world, remembered):
    world.memory.cases.append(remembered)
    world.advance()

    world.journal.decide(HealState.OPENING_PR)
    world.advance()
    world.advance()

    assert world.journal.effect_calls == 1
    assert world.journal.state() is HealState.OPENING_PR


@pytest.mark.parametrize("verdict", [HealState.REJECTED, HealState.ESCALATED, HealState.EXPIRED])
def test_any_other_end_of_a_proposal_ends_the_graph(world, remembered, verdict):
    world.memory.cases.append(remembered)
    world.advance()

    world.journal.decide(verdict)
    world.advance()

    assert world.journal.state() is verdict
    assert world.journal.effects == set()


def test_a_proven_fix_is_not_lost_with_the_wish_for_a_better_one(world, remembered):
    world.memory.cases.append(remembered)
    world.advance()

    world.journal.decide(HealState.REPAIRING, hint="look at the rounding")
    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL
    first, second = world.journal.proposals
    assert second.patch == first.patch
    assert world.journal.steps.count("validate: memory:PP-12") == 2
    [said] = [text for text in world.journal.said if "No other fix proves itself" in text]
    assert "asked for another" not in said

    world.journal.decide(HealState.REPAIRING)
    world.advance()
    assert len(world.journal.proposals) == 3


def test_what_its_own_ci_found_red_is_not_proposed_again(world, remembered):
    world.memory.cases.append(remembered)
    world.advance()

    world.journal.decide(HealState.REPAIRING, hint="the log of its run", medium=Medium.CI)
    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert len(world.journal.proposals) == 1
    assert "its pull request was red on CI" in world.journal.reason
    assert "found no other fix" in world.journal.reason


def test_without_model_and_memory_people_get_the_diagnosis(world):
    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert "no fix that it can prove" in world.journal.reason
    assert "ANTHROPIC_API_KEY" in world.journal.reason
    assert "net(200, 10) is 0.0, not 180" in world.journal.reason
    assert world.journal.diagnosis().author == "rules"
    assert "No model key" in world.journal.diagnosis().notes[0]


def test_a_retry_after_escalation_looks_for_a_fix_again_without_reading_the_log_again(world, remembered):
    world.advance()
    assert world.journal.state() is HealState.ESCALATED

    world.memory.cases.append(remembered)
    world.journal.decide(HealState.REPAIRING)
    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL
    assert world.journal.steps.count("ingest") == 1
    assert world.journal.steps.count("reproduce") == 2


def test_a_failure_that_joins_an_older_incident_ends_there(world):
    world.journal.joins = 4

    world.advance()

    assert world.journal.state() is HealState.SUPERSEDED
    assert "diagnose" not in world.journal.steps
    world.advance()


def test_infrastructure_gets_an_explanation_and_no_patch(world):
    world.ci.log = b"npm ERR! Connection reset by peer\nError: read ECONNRESET\n"

    world.advance()

    assert world.journal.state() is HealState.INFRASTRUCTURE
    assert "No patch can cure this" in world.journal.reason
    assert world.benches.opened == 0


def test_a_fork_is_diagnosed_and_nothing_of_it_runs(world):
    from dataclasses import replace

    world.journal.record = replace(world.journal.record, from_fork=True)

    world.advance()
    assert world.journal.state() is HealState.ESCALATED
    assert "fork" in world.journal.reason

    world.journal.decide(HealState.REPAIRING)
    world.advance()
    assert world.journal.state() is HealState.ESCALATED
    assert world.benches.opened == 0


def test_without_a_sandbox_it_diagnoses_and_says_why(world):
    world.benches.engine, world.benches.reason = "none", "install bubblewrap"

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert "install bubblewrap" in world.journal.reason
    assert world.journal.diagnosis() is not None


def test_a_flaky_test_is_recognised_by_running_it_again_and_never_patched(world, remembered):
    world.memory.cases.append(remembered)
    results = iter([False, True])
    world.benches.script = lambda command: passed(command, next(results))

    world.advance()

    assert world.journal.state() is HealState.FLAKY
    assert "1 of 2" in world.journal.reason
    assert world.journal.proposals == []
    assert world.journal.diagnosis().category == "flaky"


def test_a_failure_that_is_green_here_is_not_reproduced(world):
    world.benches.script = passed

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert "6 of 6 times" in world.journal.reason


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (Ending.TIMEOUT, "longer than"),
        (Ending.OUT_OF_MEMORY, "SANDBOX_MEMORY_MB"),
        (Ending.OUTPUT_LIMIT, "printed more"),
    ],
)
def test_a_limit_is_not_a_reproduction(world, remembered, ending, said):
    world.memory.cases.append(remembered)
    world.benches.script = lambda command: CommandResult(
        command=command, ending=ending, exit_code=None, output="", seconds=300
    )

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert said in world.journal.reason


def test_a_command_that_the_sandbox_lacks_is_named(world):
    from dataclasses import replace

    plan = world.ci.plan
    world.ci.plan = replace(plan, failing=replace(plan.failing, script="no-such-tool --check"))

    world.advance()

    assert "no-such-tool" in world.journal.reason
    assert "SANDBOX_IMAGE" in world.journal.reason


@pytest.mark.parametrize("ending", [Ending.TIMEOUT, Ending.OUT_OF_MEMORY, Ending.OUTPUT_LIMIT])
def test_a_patched_run_that_hits_a_limit_is_never_green(world, remembered, ending):
    world.memory.cases.append(remembered)
    count = iter(range(100))

    def script(command):
        # Reproducing takes six runs and the fixers none; what follows is the proof.
        if next(count) < 6:
            return None
        return CommandResult(command=command, ending=ending, exit_code=0, output="ok", seconds=1)

    world.benches.script = script
    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert ending.value in world.journal.reason
    assert world.journal.proposals == []


def test_a_patch_that_breaks_the_suite_is_sent_back(world, remembered):
    from dataclasses import replace

    from patchpilot.fixes import ShellCommand

    world.memory.cases.append(remembered)
    world.ci.plan = replace(world.ci.plan, suite=ShellCommand(script="grep -q '/ 10$' price.py"))

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert "breaks the wider suite" in world.journal.reason


def test_a_log_that_is_gone_ends_in_what_to_do(world):
    world.ci.trouble = NotFoundError("410")

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert "Run the job again" in world.journal.reason
    assert "https://ci.example/runs/77" in world.journal.reason


def test_a_retry_after_a_missing_log_reads_the_log(world, remembered):
    world.memory.cases.append(remembered)
    world.ci.trouble = NotFoundError("410")
    world.advance()

    world.ci.trouble = None
    world.journal.decide(HealState.REPAIRING)
    world.advance()

    assert world.journal.state() is HealState.AWAITING_APPROVAL, world.journal.reason


def test_a_binary_log_is_said_to_be_one(world):
    world.ci.log = bytes(range(256)) * 100

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert "binary" in world.journal.reason


def test_an_empty_log_is_said_to_be_one(world):
    world.ci.log = b""

    world.advance()

    assert "is empty" in world.journal.reason


def test_a_log_over_the_limit_is_cut_and_people_are_told(world, worker_settings):
    world.equip(settings=worker_settings.model_copy(update={"log_max_bytes": 2_000}))
    world.ci.log = b"AssertionError: first\n" + b"x" * 79 + b"\n" * 10_000

    world.advance()

    assert world.journal.distilled().truncated
    assert any("longer than PatchPilot reads" in note for note in world.journal.diagnosis().notes)


def test_a_run_without_a_failed_job_points_at_the_workflow_file(world):
    world.ci.all_jobs = ()

    world.advance()

    assert "workflow file" in world.journal.reason


def test_a_step_that_cannot_be_replayed_says_why(world):
    world.ci.plan = GaveUp("the workflow has no commands; set `replay` in .patchpilot.yml")

    world.advance()

    assert "set `replay`" in world.journal.reason


def test_a_commit_that_is_gone_ends_in_what_to_do(world):
    world.host.trouble = NotFoundError("no such commit")

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert "push it again" in world.journal.reason


def test_an_outage_leaves_the_heal_where_it_was(world, remembered):
    world.memory.cases.append(remembered)
    world.host.trouble = TemporaryError("GitHub is away", retry_after=5)

    with pytest.raises(TemporaryError, match="away"):
        world.advance()
    assert world.journal.state() is HealState.REPAIRING

    world.host.trouble = None
    world.advance()
    assert world.journal.state() is HealState.AWAITING_APPROVAL
    assert world.journal.steps.count("ingest") == 1


def test_a_heal_that_somebody_ended_meanwhile_stops_quietly(world, remembered):
    world.memory.cases.append(remembered)
    moves = []

    def recovered(name):
        moves.append(name)
        if name == "step retrieve":
            world.journal.current = HealState.RECOVERED

    world.journal.before = recovered
    world.advance()

    assert world.journal.state() is HealState.RECOVERED
    assert "step reproduce" not in moves


POINTS = [
    "move ingesting",
    "step ingest",
    "settle",
    "move diagnosing",
    "step diagnose",
    "diagnosed",
    "step retrieve",
    "move repairing",
    "step reproduce",
    "move validating",
    "step validate: memory:PP-12",
    "propose",
    "proposed",
]


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_it_goes_on_and_proposes_once(world, remembered, killed, point):
    world.memory.cases.append(remembered)
    deaths = []

    def die_once(name):
        if name == point and not deaths:
            deaths.append(name)
            raise killed

    world.journal.before = die_once
    with pytest.raises(killed):
        world.advance()
    world.advance()

    assert deaths == [point]
    assert world.journal.state() is HealState.AWAITING_APPROVAL, world.journal.reason
    assert len(world.journal.proposals) == 1


def test_killed_before_handing_over_it_hands_over_on_the_next_run(world, remembered, killed):
    world.memory.cases.append(remembered)
    world.advance()
    world.journal.decide(HealState.OPENING_PR)
    deaths = []

    def die_once(name):
        if name == "approve_effects" and not deaths:
            deaths.append(name)
            raise killed

    world.journal.before = die_once
    with pytest.raises(killed):
        world.advance()
    assert world.journal.effects == set()
    world.advance()

    assert world.journal.effect_calls == 1


def test_approved_before_the_checkpoint_of_the_proposal_was_written(world, remembered, killed):
    world.memory.cases.append(remembered)

    def die(name):
        if name == "proposed":
            raise killed

    world.journal.before = die
    with pytest.raises(killed):
        world.advance()
    world.journal.before = lambda _: None
    world.journal.decide(HealState.OPENING_PR)
    world.advance()

    assert world.journal.effect_calls == 1
    assert len(world.journal.proposals) == 1


def test_an_ended_heal_without_a_thread_is_left_alone(world):
    world.journal.current = HealState.SUPERSEDED

    world.advance()

    assert world.journal.steps == []


def test_the_state_between_nodes_is_plain_data(world, remembered):
    world.memory.cases.append(remembered)
    world.advance()

    def plain(value):
        match value:
            case str() | int() | None:
                return True
            case dict():
                return all(plain(key) and plain(item) for key, item in value.items())
            case list():
                return all(plain(item) for item in value)
        return False

    config = {"configurable": {"thread_id": str(world.journal.heal_id)}}
    values = world.checkpoints.get_tuple(config).checkpoint["channel_values"]
    own = {name: value for name, value in values.items() if not name.startswith(("__", "branch:"))}
    assert own["candidate"]["author"] == "memory:PP-12"
    assert all(plain(value) for value in own.values())


def test_a_fork_gets_what_cured_the_same_failure_as_a_file_and_nothing_of_it_runs(world, remembered):
    world.journal.record = replace(world.journal.record, from_fork=True)
    world.memory.cases = [remembered]

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    (left,) = world.journal.partials
    assert left.patch == remembered.patch
    assert left.author == "memory:PP-12"
    assert "nothing of a fork is run" in left.why
    assert world.benches.runs == []


def test_a_fork_whose_code_the_remembered_fix_does_not_fit_gets_the_diagnosis_alone(world, remembered):
    world.journal.record = replace(world.journal.record, from_fork=True)
    other = remembered.patch.diff.replace("percent / 10\n", "percent / 11\n")
    world.memory.cases = [replace(remembered, patch=Patch(other))]

    world.advance()

    assert world.journal.state() is HealState.ESCALATED
    assert world.journal.partials == []
