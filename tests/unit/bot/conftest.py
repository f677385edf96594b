"""Incidents to render, without a database."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from bot.gate import suggestion
from bot.slack import approval_views, digest_views, direct_views, home_views, modal_views, storm_views, views
from bot.slack.modal_views import About
from patchpilot.commands import Actor, Medium
from patchpilot.conversation import Aside, Assignee, EarlierCase
from patchpilot.digests import DayFigures, Digest, EndingMute, FlakyTest, Pending, WeekFigures
from patchpilot.failures import Blame, Category, Diagnosis, DistilledFailure, Location, LogLine
from patchpilot.fixes import (
    CommandResult,
    Ending,
    Fix,
    GuardFinding,
    PartialResult,
    Patch,
    Proof,
    Severity,
    ShellCommand,
    Spend,
)
from patchpilot.grammar.values import DirectLevel, Window
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import (
    DecisionRecord,
    FailureRecord,
    HealSnapshot,
    IncidentId,
    IncidentSnapshot,
    ProgressStep,
    StormId,
    StormKind,
    StormMember,
    StormSnapshot,
    ThreadNote,
)
from patchpilot.noise import Mute
from patchpilot.routing import Subscription
from patchpilot.source import HostUser, Repo, RunRef, Sha
from storage.direct import Direct
from storage.homes import Quiet, Wishes

AT = datetime(2026, 3, 2, 9, 12, tzinfo=UTC)
DIFF = """\
diff --git a/ledger/money.py b/ledger/money.py
--- a/ledger/money.py
+++ b/ledger/money.py
@@ -1,2 +1 @@
-import os
 import decimal
"""


def ran(*, exit_code: int, output: str) -> CommandResult:
    command = ShellCommand(script="ruff check .")
    return CommandResult(
        command=command,
        ending=Ending.EXITED,
        exit_code=exit_code,
        output=output,
        seconds=0.4,
        engine="docker",
        image="sha256:1234",
    )


@pytest.fixture
def fix():
    return Fix(
        patch=Patch(DIFF),
        author="fixer:ruff",
        summary="Remove an unused import",
        proof=Proof(
            before=ran(exit_code=1, output="F401 `os` imported but unused"),
            after=(ran(exit_code=0, output="All checks passed!"),) * 2,
            suite_after=ran(exit_code=0, output="12 passed"),
        ),
        confidence=0.93,
        left_out=(
            "The job's services are missing in the sandbox: postgres.",
            "Secrets are left empty: TOKEN.",
        ),
    )


@pytest.fixture
def incident(fix):
    """An incident that waits for approval."""
    failure = FailureRecord(
        id=1,
        run=RunRef(
            provider="github_actions",
            repo=Repo("github", "acme/ledger"),
            run_id="77",
            url="https://github.test/acme/ledger/actions/runs/77",
        ),
        workflow="CI",
        workflow_path=".github/workflows/ci.yml",
        branch="main",
        default_branch="main",
        head_sha=Sha("a" * 40),
        author="ana",
        commit_subject="Round at the end",
        pull_request=None,
        from_fork=False,
        received_at=AT,
    )
    distilled = DistilledFailure(
        text="F401 `os` imported but unused",
        category=Category.LINT,
        tool="ruff",
        cause="F401 `os` imported but unused",
        fingerprint="f" * 16,
        evidence=(LogLine(14, "ledger/money.py:1:8: F401 `os` imported but unused"),),
    )
    diagnosis = Diagnosis(
        category=Category.LINT,
        blame=Blame.CHANGE,
        root_cause="An import that nothing uses",
        evidence=distilled.evidence,
        suspect_files=(Location("ledger/money.py", 1),),
        notes=("no model key is set",),
    )
    heal = HealSnapshot(
        id=HealId("0" * 32),
        incident=IncidentId(12),
        state=HealState.AWAITING_APPROVAL,
        reason="",
        attempt=1,
        approval_id="opaque",
        failure=failure,
        distilled=distilled,
        diagnosis=diagnosis,
        fix=fix,
        spend=Spend(dollars=Decimal("0.12"), input_tokens=1000, output_tokens=10, calls=1),
        steps=(ProgressStep(name="ingest", text="read the log", done=True, at=AT, seconds=0.4),),
        approval_expires_at=AT,
        created_at=AT,
        updated_at=AT,
    )
    return IncidentSnapshot(
        id=IncidentId(12),
        repo=Repo("github", "acme/ledger"),
        branch="main",
        workflow="CI",
        title="F401 `os` imported but unused",
        fingerprint="f" * 16,
        failures=4,
        first_seen=AT,
        last_seen=AT,
        heal=heal,
    )


@pytest.fixture
def in_state(incident):
    """The same incident in another state."""

    def make(state: HealState, **changes: object) -> IncidentSnapshot:
        return replace(incident, heal=replace(incident.heal, state=state, **changes))

    return make


@pytest.fixture
def decided():
    def make(verb: str, *, text: str = "", actor: str = "ana") -> DecisionRecord:
        return DecisionRecord(
            verb=verb, actor=actor, medium="slack", patch_sha256=Patch(DIFF).sha256, text=text, at=AT
        )

    return make


@pytest.fixture
def aside():
    """Everything that can be known around an incident."""
    return Aside(
        assignee=Assignee(medium="slack", account="U0ANA", name="ana", at=AT),
        earlier=EarlierCase(
            incident=7,
            outcome="merged, green",
            root_cause="An import that nothing uses",
            pull_request_url="https://github.test/acme/ledger/pull/3",
        ),
        suspect="U0BEN",
    )


@pytest.fixture
def storm():
    members = tuple(
        StormMember(
            incident=IncidentId(number),
            repo=Repo("github", f"acme/r{number}"),
            branch="main",
            title="F401 unused import",
            state=state,
            url=f"https://github.test/acme/r{number}/actions/runs/1",
        )
        for number, state in enumerate([HealState.QUEUED, HealState.AWAITING_APPROVAL], start=1)
    )
    return StormSnapshot(
        id=StormId(3), kind=StormKind.SAME_FAILURE, title="F401 unused import", opened_at=AT, members=members
    )


REPO = Repo("github", "acme/ledger")
DIGEST = Digest(
    start=AT - timedelta(days=7),
    end=AT,
    zone="Europe/Berlin",
    figures=WeekFigures(failures=12, signatures=5, landed=2, dollars=Decimal("1.20"), seconds_to_green=5_400),
    before=WeekFigures(failures=9),
    days=tuple(
        DayFigures(day=(AT - timedelta(days=7 - number)).date(), new=number, fixed=1) for number in range(7)
    ),
    pending=(
        Pending(
            incident=12,
            repo=REPO,
            title="F401",
            summary="Remove an unused import",
            approval_id="opaque",
            confidence=0.93,
            expires_at=AT,
        ),
    ),
    more_pending=3,
    flaky=(FlakyTest(repo=REPO, name="tests/test_money.py::test_rounding", times=4),),
    mutes=(EndingMute(what="acme/ledger test_*", author="ana", until=AT),),
)
WISHES = Wishes(
    subscriptions=(
        Subscription(team="T1", channel="C0CI", private=False, host="github", repo="acme/ledger"),
    ),
    mutes=(Mute(repo=REPO, test="test_*", author="ana", until=AT),),
    quiet=(Quiet(channel="C0CI", hours="22:00-07:00", zone="Europe/Berlin"),),
)
RISK = GuardFinding(
    rule="lockfile-changed", path="uv.lock", line=3, message="pins move", severity=Severity.OVERRIDE
)


DIRECT = Direct(
    team="T1",
    account="U1",
    level=DirectLevel.MINE,
    window=Window(time(22, 0), time(7, 0)),
    zone="Europe/Vienna",
    since=AT,
)


def risky(incident: IncidentSnapshot) -> IncidentSnapshot:
    fix = incident.heal.fix
    assert fix is not None
    return replace(incident, heal=replace(incident.heal, fix=replace(fix, findings=(RISK,), confidence=0.6)))


def all_messages(incident: IncidentSnapshot, aside: Aside, storm: StormSnapshot, decided):
    """Every message that PatchPilot can send about an incident, by a name for people."""

    def at(state: HealState, **changes: object) -> IncidentSnapshot:
        return replace(incident, heal=replace(incident.heal, state=state, **changes))

    made = {f"card {state.value}": views.card(at(state, reason="because")) for state in HealState}
    made["card in somebody's hands"] = views.card(incident, aside)
    made["card with pull request"] = views.card(
        at(
            HealState.PR_OPEN,
            pull_request_number=7,
            pull_request_url="https://github.test/acme/ledger/pull/7",
            pull_request_ci="green",
        )
    )
    left = PartialResult(patch=Patch(DIFF), author="claude:x", why="the money ran out", attempt=1)
    notes = (ThreadNote(key="ci", text="CI has not started", at=AT, url="https://github.test/acme/ledger"),)
    heal = replace(incident.heal, partial=incident.heal.partial or left, notes=incident.heal.notes or notes)
    many = replace(incident, failures=120, storm=StormId(3), heal=heal)
    for item in views.thread(many, aside):
        made[item.key.split(":")[0]] = item.message
    made["diagnosis alone"] = views.diagnosis(incident, Aside())
    long = replace(incident.heal.fix, patch=Patch(DIFF + "+x\n" * 80))
    made["patch as a file"] = views.patch(incident, long)
    made["approval of a risk"] = approval_views.approval(risky(incident), risky(incident).heal.fix)
    made["approval of an older commit"] = approval_views.approval(
        at(HealState.AWAITING_APPROVAL, moved_to=Sha("b" * 40)), incident.heal.fix
    )
    for verb in ("approve", "retry", "retest", "reject", "escalate"):
        decision = decided(verb, text="because of that")
        one = at(HealState.OPENING_PR, decisions=(decision,))
        made[f"approval after {verb}"] = approval_views.approval(one, one.heal.fix)
    made["approval expired"] = approval_views.approval(at(HealState.EXPIRED), incident.heal.fix)
    made["outdated"] = approval_views.outdated(
        at(HealState.AWAITING_APPROVAL, decisions=(decided("retry"),)), 1
    )
    made["outdated by a re-test"] = approval_views.outdated(
        at(HealState.AWAITING_APPROVAL, decisions=(decided("retest"),)), 1
    )
    hinted = at(HealState.REPAIRING, decisions=(decided("retry", text="keep the rounding"),))
    made["hint"] = next(item.message for item in views.thread(hinted) if item.key.startswith("hint"))
    called = replace(decided("escalate", text="needs a look"), options={"to": "S0TEAM"})
    made["escalated"] = approval_views.escalated(
        at(HealState.ESCALATED, reason="no fixer knows this", decisions=(called,))
    )
    made["no longer escalated"] = approval_views.no_longer_escalated(at(HealState.RECOVERED))
    made["digest"] = digest_views.digest_message(DIGEST)
    quiet_week = replace(DIGEST, figures=WeekFigures(), days=(), pending=(), flaky=(), mutes=())
    made["digest of a quiet week"] = digest_views.digest_message(quiet_week)
    made["storm"] = storm_views.storm_card(storm)
    made["direct of a fix"] = direct_views.waits(incident)
    made["direct to a suspect"] = direct_views.suspected(incident)
    made["direct when over"] = direct_views.over(at(HealState.REJECTED))
    made["within a storm"] = storm_views.within_storm(incident, views.diagnosis(incident, aside))
    return made


def all_views(incident: IncidentSnapshot):
    """Every form and page."""
    about = About("opaque")
    return {
        "retry form": modal_views.retry_modal(about, incident),
        "reject form": modal_views.reject_modal(about, incident.name),
        "not a bug form": modal_views.reject_modal(about, incident.name, reason="not_a_bug"),
        "escalate form": modal_views.escalate_modal(about, incident.name, group="S0TEAM"),
        "home": home_views.home_view(
            HostUser(host="github", login="ana"), DIGEST.pending, WISHES, direct=DIRECT
        ),
        "home unlinked": home_views.home_view(
            None, (), Wishes(), suggestion=suggestion(Actor(medium=Medium.SLACK, name="U1", suggested="ana"))
        ),
        "mute form": modal_views.mute_modal(About(incident=12), incident.name),
        "approve form": modal_views.approve_modal(about, risky(incident)),
    }


@pytest.fixture
def messages(incident, aside, storm, decided):
    return all_messages(incident, aside, storm, decided)


@pytest.fixture
def forms(incident):
    return all_views(incident)


OURS = {
    "id", "full_name", "approval_id", "state", "verb", "medium", "provider", "host", "pull_request_ci", "url",
    "pull_request_url", "account", "suspect", "patch_sha256", "fingerprint", "options", "to",
    "zone", "hours", "team", "channel",
}  # fmt: skip
"""Fields that hold values of our own making, or addresses, which are tried by themselves."""


def poison(value, text, name=""):
    """A copy of a snapshot in which everything that comes from outside is ``text``."""
    if isinstance(value, Patch):
        # A patch that is no text is never proposed.
        return Patch(value.diff + text.encode("utf-8", "ignore").decode())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: poison(getattr(value, field.name), text, field.name)
            for field in dataclasses.fields(value)
            if field.init
        }
        return type(value)(**fields)
    if isinstance(value, tuple):
        return tuple(poison(item, text, name) for item in value)
    if isinstance(value, str) and not isinstance(value, enum.Enum) and name not in OURS:
        return text
    return value


@pytest.fixture
def poisoned(incident, aside, storm, decided):
    """All messages and forms about an incident whose every text from outside is hostile."""

    def make(text: str):
        def evil(verb: str, *, text: str = text, actor: str = text) -> DecisionRecord:
            return replace(decided(verb), text=text, actor=actor)

        bad = poison(incident, text)
        fix = replace(bad.heal.fix, findings=(poison(RISK, text),) * 3)
        diff = DIFF + text.encode("utf-8", "ignore").decode()
        left = PartialResult(patch=Patch(diff), author=text, why=text)
        note = ThreadNote(key="note", text=text, at=AT, url="https://github.test/x")
        failure = replace(bad.heal.failure, author=text)
        bad = replace(bad, heal=replace(bad.heal, fix=fix, failure=failure, partial=left, notes=(note,)))
        messages = all_messages(bad, poison(aside, text), poison(storm, text), evil)
        digest = poison(replace(DIGEST, pending=DIGEST.pending * 10, mutes=DIGEST.mutes * 10), text)
        messages["digest"] = digest_views.digest_message(digest)
        forms = all_views(bad)
        wishes = replace(poison(WISHES, text), mutes=poison(WISHES.mutes * 50, text))
        user = HostUser(host="github", login=text)
        forms["home"] = home_views.home_view(user, digest.pending * 3, wishes, direct=DIRECT)
        return messages, forms

    return make
