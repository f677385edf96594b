"""Blame and reruns on real PostgreSQL, in a real sandbox, on two commits."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from jobs.effects import rerun
from jobs.roles import Role
from patchpilot.errors import NotFoundError, TemporaryError
from patchpilot.failures import BASE_COMMIT, SAME_COMMIT, SUSPECT_CHANGE, Blame, CheckVerdict
from patchpilot.fixes import ReplayPlan, ShellCommand
from patchpilot.heals import HealState
from patchpilot.settings import EffectsSettings
from patchpilot.source import RunRef

TEST = {"test_price.py": "from price import net\n\n\ndef test_net():\n    assert net(200, 10) == 180\n"}
GOOD = {"price.py": "def net(price, percent):\n    return price - price * percent / 100\n", **TEST}
BAD = {"price.py": "def net(price, percent):\n    return price - price * percent / 10\n", **TEST}
DIFF = """diff --git a/price.py b/price.py
--- a/price.py
+++ b/price.py
@@ -1,2 +1,2 @@
 def net(price, percent):
-    return price - price * percent / 100
+    return price - price * percent / 10
"""
LOG = """##[group]Run python -m pytest -q
python -m pytest -q
##[endgroup]
F                                                                        [100%]
=================================== FAILURES ===================================
___________________________________ test_net ___________________________________

    def test_net():
>       assert net(200, 10) == 180
E       assert 0.0 == 180
E        +  where 0.0 = net(200, 10)

test_price.py:5: AssertionError
=========================== short test summary info ============================
FAILED test_price.py::test_net - assert 0.0 == 180
1 failed in 0.03s
##[error]Process completed with exit code 1.
"""
NETWORK = "npm ERR! Connection reset by peer\nError: read ECONNRESET\n"
PYTEST = ReplayPlan(failing=ShellCommand(script="python -m pytest -q"))


def found(heal):
    return {check.name: check.verdict for check in heal.diagnosis.checks}


@pytest.mark.bubblewrap
@pytest.mark.parametrize(
    ("parent", "base", "blame"),
    [(GOOD, CheckVerdict.GREEN, Blame.CHANGE), (BAD, CheckVerdict.RED, Blame.UPSTREAM)],
    ids=["green-base", "red-base"],
)
def test_the_base_commit_tells_whose_fault_it_is(case, one_run, parent, base, blame):
    made = case(one_run(LOG, PYTEST, BAD, diff=DIFF, parent=parent))

    heal = made.advance()

    assert heal.diagnosis.blame is blame
    assert found(heal) == {
        SAME_COMMIT: CheckVerdict.RED,
        BASE_COMMIT: base,
        SUSPECT_CHANGE: CheckVerdict.TOUCHED,
    }
    assert "in the sandbox at c0dec0d" in heal.diagnosis.explanation
    assert "its parent beefbee" in heal.diagnosis.explanation
    assert [step.name for step in heal.steps][3:5] == ["reproduce", "blame"]
    assert all(step.done for step in heal.steps)


@pytest.mark.bubblewrap
@pytest.mark.parametrize(("point", "time"), [("checkout", 2), ("open", 2)])
def test_a_worker_killed_while_blaming_is_followed_by_one_with_the_same_verdict(case, one_run, point, time):
    class KilledError(BaseException):
        """No handler of ours catches it."""

    made, count = case(one_run(LOG, PYTEST, BAD, diff=DIFF, parent=GOOD)), 0

    def die_once(name):
        nonlocal count
        count += name == point
        if name == point and count == time:
            raise KilledError

    made.run.before = die_once
    with pytest.raises(KilledError):
        made.advance()
    heal = made.advance()

    assert heal.diagnosis.blame is Blame.CHANGE
    assert heal.diagnosis.explanation.count("passed at its parent") == 1
    assert [step.name for step in heal.steps].count("blame") == 1


@dataclass
class Reruns:
    """A CI provider that is asked for nothing but reruns."""

    troubles: list[Exception] = field(default_factory=list)
    asked: list[RunRef] = field(default_factory=list)

    def rerun(self, run):
        if self.troubles:
            raise self.troubles.pop()
        self.asked.append(run)


@pytest.fixture
def ci():
    return Reruns()


@pytest.fixture
def effects(database, database_url, ci, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = EffectsSettings(
        database_url=SecretStr(database_url), redis_url=SecretStr("redis://localhost"), rerun_flaky=True
    )
    role = Role(name="effects", settings=settings, parts={"ci": ci})
    yield role
    role.db.close()


@pytest.fixture
def broken_network(case, one_run):
    made = case(one_run(NETWORK, PYTEST, BAD))
    made.settings = made.settings.model_copy(update={"rerun_flaky": True})
    return made


def tasks(case):
    with case.db.transaction() as session:
        rows = session.execute(text("SELECT name, args FROM tasks WHERE queue = 'effects'"))
        return [(row.name, row.args) for row in rows]


def test_an_infrastructure_failure_is_run_again_once(broken_network, effects, ci):
    heal = broken_network.advance()
    broken_network.advance()

    assert heal.state is HealState.INFRASTRUCTURE
    assert heal.diagnosis.blame is Blame.INFRASTRUCTURE
    assert heal.reason.endswith("PatchPilot asked GitHub to run the failed jobs again.")
    assert tasks(broken_network) == [("jobs.effects.rerun", {"heal": heal.id})]

    for _ in range(3):
        rerun(effects, {"heal": heal.id})

    assert [run.run_id for run in ci.asked] == ["1"]


def test_what_is_red_again_after_a_rerun_is_left_to_people(broken_network):
    broken_network.advance()
    broken_network.record(attempt=2)

    heal = broken_network.advance()

    assert heal.failure.run.attempt == 2
    assert "only once per run" in heal.reason
    assert len(tasks(broken_network)) == 1


def test_a_rerun_that_ci_was_too_busy_for_is_asked_for_again(broken_network, effects, ci):
    ci.troubles = [TemporaryError("GitHub is away")]
    heal = broken_network.advance()

    with pytest.raises(TemporaryError):
        rerun(effects, {"heal": heal.id})
    rerun(effects, {"heal": heal.id})

    assert len(ci.asked) == 1


def test_a_refused_rerun_is_told_on_the_card(broken_network, effects, ci):
    ci.troubles = [NotFoundError("the run is older than a month")]
    heal = broken_network.advance()

    rerun(effects, {"heal": heal.id})
    rerun(effects, {"heal": heal.id})

    heal = broken_network.snapshot()
    assert heal.state is HealState.INFRASTRUCTURE
    assert heal.reason.endswith("But that did not happen: the run is older than a month.")
    assert ci.asked == []


def test_an_effects_role_without_the_setting_says_so_on_the_card(broken_network, effects):
    heal = broken_network.advance()
    plain = Role(name="effects", settings=effects.settings.model_copy(update={"rerun_flaky": False}))

    rerun(plain, {"heal": heal.id})
    plain.db.close()

    assert "RERUN_FLAKY is not set for the effects role" in broken_network.snapshot().reason
