"""What a repository's policy does, read from its default branch on the code host."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.policies import ACTOR, decide_by_policy, policy_for, tell_problem
from jobs.proposal import proposal
from patchpilot.failures import Category
from patchpilot.grammar import TwoPersonRule
from patchpilot.heals import HealState
from patchpilot.policy import Mode, Policy
from patchpilot.routing import RepoRules
from patchpilot.settings import WorkerSettings
from patchpilot.source import Repo
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import reader_access
from storage.subscriptions import set_repo_rules

DRAFTS = "policy: {mode: draft, categories: [test], confidence: 0.7}\n"
POLICY = Policy(mode=Mode.DRAFT, categories=frozenset({Category.TEST}), confidence=0.7)


@pytest.fixture
def settings(life: Any) -> WorkerSettings:
    found: WorkerSettings = life.roles["heal"].settings
    return found


@pytest.fixture
def read(life: Any, settings: WorkerSettings, tmp_path: Any) -> Any:
    host = GitHubHost(reader_access(settings), cache=tmp_path / "cache")
    return lambda heal, with_settings=settings: policy_for(host, life.see(heal).failure, with_settings)


def test_the_default_branch_says_what_holds_and_the_failing_change_does_not(life: Any, read: Any) -> None:
    life.push({".patchpilot.yml": DRAFTS}, branch="topic")
    heal = life.break_it(branch="topic")
    assert read(heal).mode is Mode.ASK
    life.push({".patchpilot.yml": DRAFTS}, branch="main")
    found = read(heal)
    assert (found.mode, found.confidence, found.source) == (Mode.DRAFT, 0.7, ".patchpilot.yml on main")


def test_the_operator_may_allow_less(life: Any, read: Any, settings: WorkerSettings) -> None:
    life.push({".patchpilot.yml": DRAFTS})
    heal = life.break_it()
    cut = settings.model_copy(update={"policy_at_most": Mode.ASK})
    assert read(heal, cut).mode is Mode.ASK


def test_a_bad_file_is_told(life: Any, read: Any) -> None:
    life.push({".patchpilot.yml": "policy: never\n"})
    heal = life.break_it()
    tell_problem(life.db, heal, read(heal))
    assert ".patchpilot.yml on main: `policy.mode` can't be 'never'" in life.notes(heal)["policy"]


def test_a_policy_opens_a_draft_that_stays_one_and_says_so(life: Any) -> None:
    heal = life.break_it()
    life.propose(heal)
    assert decide_by_policy(life.db, heal, POLICY)
    assert not decide_by_policy(life.db, heal, POLICY)
    proposed = proposal(life.see(heal), public_url="http://localhost")
    assert (proposed.draft, proposed.draft_only) == (True, True)
    journal = life.journal(heal)
    journal.approve_effects()
    journal.release()
    life.work()
    life.hear()
    life.work()

    found = life.see(heal)
    assert [(one.actor, one.medium) for one in found.decisions] == [(ACTOR, "policy")]
    pull = life.pull(found.pull_request_number)
    assert found.pull_request_ci == "green"
    assert pull.draft
    assert "approved by | the repository's policy" in pull.body
    assert "Co-authored-by" not in life.repo().git.commit(found.pull_request_sha).message


def test_what_is_not_sure_enough_is_asked_for_and_says_why(life: Any) -> None:
    heal = life.break_it()
    life.propose(heal, confidence=0.69)
    assert not decide_by_policy(life.db, heal, POLICY)
    assert life.see(heal).state is HealState.AWAITING_APPROVAL
    assert "its confidence is below 70%" in life.notes(heal)["policy"]


def test_a_second_round_is_always_asked_for(life: Any, make_patch: Any) -> None:
    heal = life.break_it()
    life.open(heal, make_patch("worse"))
    life.hear()
    life.work()
    life.propose(heal)
    assert not decide_by_policy(life.db, heal, POLICY)


def test_on_somebodys_pull_request_a_person_is_asked(life: Any) -> None:
    sha = life.push({"value.txt": "bad\n"}, branch="feature", message="Break it")
    number = life.github.open_pull_request(life.name, head="feature", base="main", title="Mine", by="ben")
    life.hear()
    heal = life.heal_at(sha)
    life.propose(heal)
    assert not decide_by_policy(life.db, heal, POLICY)
    assert life.see(heal).state is HealState.AWAITING_APPROVAL
    assert f"pull request #{number} is somebody's own" in life.notes(heal)["policy"]


@pytest.mark.parametrize("rule", [TwoPersonRule.TWO, TwoPersonRule.OTHER])
def test_a_policy_does_not_stand_in_for_the_people_of_a_two_person_rule(
    life: Any, rule: TwoPersonRule
) -> None:
    repo = Repo(host="github", full_name=life.name)
    set_repo_rules(life.db, repo, RepoRules(two_person=rule), author="ana")
    heal = life.break_it()
    life.propose(heal)
    assert not decide_by_policy(life.db, heal, POLICY)
    assert life.see(heal).state is HealState.AWAITING_APPROVAL
    assert "two-person rule" in life.notes(heal)["policy"]
