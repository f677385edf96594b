"""What a pull request shows, whatever is in the incident. To renew the snapshots after a wanted change:

``RENEW_SNAPSHOTS=1 pytest tests/unit/jobs/test_pr_views.py``, then read the diff as carefully as code.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from jobs import pr_views
from jobs.markdown import block, said, say
from patchpilot.commands import Ruling
from patchpilot.failures import Blame, Category, Diagnosis, DistilledFailure, Location, LogLine
from patchpilot.fixes import (
    CommandResult,
    Ending,
    Fix,
    GuardFinding,
    PartialResult,
    Patch,
    Proof,
    ShellCommand,
)
from patchpilot.grammar import Way
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import FailureRecord, HealSnapshot, IncidentId, IncidentSnapshot, ProgressStep
from patchpilot.pull_thread import (
    DESCRIPTION_CHARACTERS,
    IDENTIFIER_CHARACTERS,
    LABEL_CHARACTERS,
    MOST_ACTIONS,
    AskState,
    PullAsk,
)
from patchpilot.source import Delivery, HostUser, Repo, RunRef, Sha
from providers.hosts.github_pulls import MAX_BODY

AT = datetime(2026, 3, 2, 9, 12, tzinfo=UTC)
FOLDER = Path(__file__).parent / "snapshots"
HOSTILE = (
    "@acme/everyone <img src=x onerror=alert(1)> </details> ```\n# title [click](javascript:alert(1)) "
    "\u202egnp.exe ![x](https://evil.test/x.png) <!-- patchpilot:pull --> |a|b| `@ana` fixes #12 ~~~ https://evil.test"
)
DIFF = """\
diff --git a/ledger/money.py b/ledger/money.py
--- a/ledger/money.py
+++ b/ledger/money.py
@@ -1,2 +1 @@
-import os
 import decimal
"""


def ran(code: int, output: str) -> CommandResult:
    return CommandResult(
        command=ShellCommand(script="ruff check ."),
        ending=Ending.EXITED,
        exit_code=code,
        output=output,
        seconds=0.4,
        engine="docker",
    )


def made(
    text: str = "", *, state: HealState = HealState.AWAITING_APPROVAL, times: int = 1
) -> IncidentSnapshot:
    """An incident of a pull request; ``text`` takes the place of every text that comes from outside."""
    long = text * times
    cause = long or "F401 `os` imported but unused"
    failure = FailureRecord(
        id=1,
        run=RunRef(
            provider="github_actions",
            repo=Repo("github", "acme/ledger"),
            run_id="77",
            url="https://github.test/acme/ledger/actions/runs/77",
        ),
        workflow=long or "CI",
        workflow_path=".github/workflows/ci.yml",
        branch="rounding",
        default_branch="main",
        base_branch="main",
        head_sha=Sha("a" * 40),
        author="ana",
        commit_subject="Round at the end",
        pull_request=7,
        from_fork=False,
        received_at=AT,
    )
    evidence = tuple(
        LogLine(14 + n, long or f"money.py:{n}:8: F401 unused") for n in range(2 if not text else 50)
    )
    distilled = DistilledFailure(
        text="F401",
        category=Category.LINT,
        cause=cause,
        fingerprint="f" * 16,
        files=(Location("ledger/money.py", 1), Location("/usr/lib/python3/x.py", 3), Location("a.py", 0)),
        evidence=evidence,
    )
    diagnosis = Diagnosis(
        category=Category.LINT,
        blame=Blame.CHANGE,
        root_cause=long or "An import that nothing uses",
        explanation=long or "Nothing reads os. It would be wrong if something did.",
        evidence=evidence,
        suspect_files=(Location(long or "ledger/money.py", 1),),
    )
    fix = Fix(
        patch=Patch(DIFF + "".join(f"+{line}\n" for line in long.split("\n")) if text else DIFF),
        author=long or "fixer:ruff",
        summary=long or "Remove an unused import",
        proof=Proof(
            before=ran(1, long or "F401 `os` imported but unused"),
            after=(ran(0, long or "All checks passed!"),) * 2,
            suite_after=ran(0, long or "12 passed"),
        ),
        findings=(
            GuardFinding(rule="reach", path=long or "ledger/money.py", line=1, message=long or "note"),
        ),
        confidence=0.93,
    )
    heal = HealSnapshot(
        id=HealId("0" * 32),
        incident=IncidentId(12),
        state=state,
        reason=long,
        attempt=1,
        approval_id="opaque",
        failure=failure,
        distilled=distilled,
        diagnosis=diagnosis,
        fix=fix,
        steps=(ProgressStep(name="ingest", text=long or "read the log", done=False, at=AT),),
        created_at=AT,
        updated_at=AT,
    )
    return IncidentSnapshot(
        id=IncidentId(12),
        repo=Repo("github", "acme/ledger"),
        branch="rounding",
        workflow="CI",
        title=cause,
        fingerprint="f" * 16,
        failures=2,
        first_seen=AT,
        last_seen=AT,
        heal=heal,
    )


def asked(text: str, answer: str, *, state: AskState = AskState.DONE, by: str = "ana") -> PullAsk:
    return PullAsk(
        id=3,
        key="comment:github:9",
        way=Way.COMMENT,
        repo=Repo("github", "acme/ledger"),
        number=7,
        comment_id=9,
        incident=12,
        by=HostUser(host="github", login=by),
        text=text,
        at=AT,
        state=state,
        ruling=Ruling.ANSWERED,
        answer=answer,
    )


REFUSAL = "@ben may not approve on acme/ledger. People with write access to acme/ledger may approve."
EXPLANATION = (
    "PP-12 · acme/ledger rounding · awaiting approval: F401\nCause: An import (lint; this change)\n"
    "Evidence from the log:\n  14: money.py:1:8: F401 `os`\nNext: Somebody decides: `approve` or `reject`."
)
SHOWN = {
    "waits": lambda: pr_views.comment(pr_views.Thread(incidents=[made()])),
    "working": lambda: pr_views.comment(
        pr_views.Thread(incidents=[changed(made(state=HealState.DIAGNOSING), fix=None, diagnosis=None)])
    ),
    "left_to_people": lambda: pr_views.comment(
        pr_views.Thread(incidents=[unproven(made(state=HealState.ESCALATED)), made(state=HealState.FLAKY)])
    ),
    "paused_and_asked": lambda: pr_views.comment(
        pr_views.Thread(
            incidents=[made(state=HealState.EXPIRED)],
            paused_by="ben",
            asks=[
                asked("approve", REFUSAL, state=AskState.REFUSED, by="ben"),
                asked("retry use py3.12", "PP-12 goes back to repair.", state=AskState.ACCEPTED),
            ],
        )
    ),
    "hostile": lambda: pr_views.comment(
        pr_views.Thread(incidents=[made(HOSTILE)], asks=[asked(HOSTILE, HOSTILE, by=HOSTILE)])
    ),
    "explained": lambda: pr_views.reply(asked("explain", EXPLANATION)),
    "helped": lambda: pr_views.reply(asked("help", "help [verb]  this list\nstatus       what is going on")),
}


def test_an_answer_links_what_is_ours_to_name_and_nothing_else():
    ours = "https://github.test/acme/ledger/actions/runs/77"
    shown = pr_views.reply(asked("why", f"Run: {ours}\nNot {ours}8, not https://evil.test"), links=[ours])

    assert f"Run: {ours}\\\nNot https:\u2060//" in shown
    assert "https:\u2060//evil.test" in shown


@pytest.mark.parametrize(
    ("delivery", "word"),
    [
        (Delivery.SUGGESTIONS, "Fix suggested"),
        (Delivery.PUSH, "Fix pushed"),
        (Delivery.STACKED, "Pull request opened"),
    ],
)
def test_a_fix_that_goes_to_somebodys_pull_request_is_no_pull_request(delivery, word):
    incident = changed(made(state=HealState.PR_OPEN), delivery=delivery.value)

    assert pr_views.comment(pr_views.Thread(incidents=[incident])).startswith(f"### 🟢 {word} · PP-12")
    assert pr_views.check(incident).title == f"🟢 {word} · PP-12"


def changed(incident: IncidentSnapshot, **changes: object) -> IncidentSnapshot:
    return replace(incident, heal=replace(incident.heal, **changes))


def unproven(incident: IncidentSnapshot) -> IncidentSnapshot:
    partial = PartialResult(patch=Patch(DIFF), author="claude:opus", why="The suite got worse.")
    return changed(incident, fix=None, partial=partial, reason="No patch was proven.")


@pytest.mark.parametrize("name", SHOWN)
def test_it_looks_as_before(name):
    file, text = FOLDER / f"{name}.md", SHOWN[name]() + "\n"
    if os.environ.get("RENEW_SNAPSHOTS") == "1":
        file.write_text(text, encoding="utf-8")

    assert file.read_text(encoding="utf-8") == text


def test_no_snapshot_is_left_over():
    assert {file.stem for file in FOLDER.glob("*.md")} == set(SHOWN)


@pytest.mark.parametrize("state", HealState)
def test_hostile_text_calls_nobody_and_makes_no_markup_of_its_own(state):
    incident = made(HOSTILE, state=state)
    thread = pr_views.Thread(incidents=[incident, incident], asks=[asked(HOSTILE, HOSTILE, by=HOSTILE)])
    shown = pr_views.comment(thread)
    report = pr_views.check(incident)

    for text in (shown, report.summary, report.text, pr_views.reply(asked(HOSTILE, HOSTILE, by=HOSTILE))):
        read = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
        flat = [one for token in read for one in [token, *(token.children or [])]]
        html = "".join(one.content for one in flat if one.type.startswith("html"))
        prose = "".join(one.content for one in flat if one.type in {"text", "text_special"})
        links = {one.attrs.get("href") for one in flat if one.type == "link_open"}
        assert not [one for one in flat if one.type in {"image", "table_open", "s_open", "em_open"}]
        assert links <= {incident.heal.failure.run.url}
        assert "<img" not in html
        assert "<!--" not in html
        assert html.count("<details>") == html.count("</details>")
        assert "@acme" not in prose
        assert "@ana" not in prose
        assert "\u202e" not in text


@pytest.mark.parametrize("piece", [HOSTILE + "\n", "`" * 50_000, "<" * 50_000, "\\" * 50_000, "x\n"])
def test_the_longest_incident_fits_into_a_comment_and_a_check_run(piece):
    incident = made(piece, times=60_000 // len(piece) + 1)
    asks = [asked(incident.title, incident.title, by="a" * 39)] * 5
    shown = pr_views.comment(pr_views.Thread(incidents=[incident] * 10, asks=asks))
    report = pr_views.check(incident)

    assert len(shown) < MAX_BODY
    assert len(report.summary) < MAX_BODY
    assert len(report.text) < MAX_BODY


@pytest.mark.parametrize("state", HealState)
def test_a_check_run_never_blocks_and_its_buttons_keep_githubs_limits(state):
    report = pr_views.check(made(state=state))

    assert len(report.actions) <= MOST_ACTIONS
    for action in report.actions:
        assert len(action.label) <= LABEL_CHARACTERS
        assert len(action.description) <= DESCRIPTION_CHARACTERS
        assert len(action.identifier) <= IDENTIFIER_CHARACTERS


def test_a_button_is_there_only_while_it_can_do_something():
    def buttons(state: HealState) -> list[str]:
        return [action.identifier for action in pr_views.check(made(state=state)).actions]

    assert buttons(HealState.REPAIRING) == ["escalate"]
    assert buttons(HealState.AWAITING_APPROVAL) == ["retry", "escalate"]
    assert buttons(HealState.ESCALATED) == ["fix", "retry"]
    assert buttons(HealState.RESOLVED) == []


def test_a_failure_from_a_fork_offers_no_fix():
    incident = made(state=HealState.ESCALATED)
    forked = changed(incident, failure=replace(incident.heal.failure, from_fork=True))

    assert pr_views.check(forked).actions == ()
    assert "comes from a fork" in pr_views.comment(pr_views.Thread(incidents=[forked]))
    assert "@patchpilot fix" not in pr_views.comment(pr_views.Thread(incidents=[forked]))


def test_only_places_in_the_repository_are_annotated():
    assert [(one.path, one.line) for one in pr_views.check(made()).annotations] == [("ledger/money.py", 1)]


def test_names_in_backticks_stay_code_and_a_lone_backtick_opens_nothing():
    assert said("use `retry` on a_b") == "use `retry` on a\\_b"
    assert "`" not in said("a ` b @ana").replace("\\`", "")
    assert say("a*b") == "a\\*b"
    assert block("a\n```\nb").startswith("````text\n")
