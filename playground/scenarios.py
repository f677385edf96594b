"""The three stories of the demo, from a red run to its end, on the real processes.

Each checks what it must come to: red and green are facts of the playground's CI, a pull request exists only
after an approval, one incident has one card. A story that goes another way raises
:class:`~playground.stage.StuckError`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from patchpilot.heals import HealState
from playground.samples import CHECKOUT, LEDGER, NOTIFIER, Sample
from playground.stage import Stage, StuckError

S = HealState
APPROVER: Final = "ana"
VISIT_SECONDS: Final = 120.0
"""How long a person may try what an escalated incident offers, before a colleague mends it."""
OPEN_LEDGER: Final = replace(LEDGER, private=False)
"""Open source, so that a visitor may subscribe a public channel to it at once."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One story."""

    name: str
    title: str
    sample: Sample
    play: Callable[[Stage], None]


def ledger(stage: Stage) -> None:
    """Lint and formatting, cured by the repository's own tool."""
    red = _break(stage, OPEN_LEDGER)
    job = stage.reach(red, S.AWAITING_APPROVAL)
    _expect(job["author"].startswith("fixer:"), f"a fixer was to cure it, not {job['author']}")
    _told(stage, job)
    _approve_and_merge(stage, OPEN_LEDGER, job)


def checkout(stage: Stage) -> None:
    """A bug in the logic: left to a human without a model key, then cured from memory when it comes back."""
    red = _break(stage, CHECKOUT)
    job = stage.reach(red, S.ESCALATED, S.AWAITING_APPROVAL)
    _told(stage, job)
    if job["state"] == S.ESCALATED and not stage.auto:
        job = leave_to_visitor(stage, CHECKOUT, job)
    if job["state"] == S.ESCALATED:
        fixed = CHECKOUT.fix(stage.town.github)
        stage.say(f"{_healer(CHECKOUT)} pushes the fix to main")
        _ci(stage, CHECKOUT, fixed, "success")
        stage.reach(red, S.RECOVERED)
        stage.wait(stage.idle, "PatchPilot to learn the human's fix")
        stage.say(f"{job['incident']} is green again; the human's fix is remembered")
    else:
        _approve_and_merge(stage, CHECKOUT, job)
        stage.wait(stage.idle, "PatchPilot to learn from the merge")
    again = CHECKOUT.regress(stage.town.github)
    stage.say("an old branch brings the same bug back")
    _ci(stage, CHECKOUT, again, "failure")
    second = stage.reach(again, S.AWAITING_APPROVAL)
    _expect(second["author"].startswith("memory:"), f"memory was to cure it, not {second['author']}")
    _expect(second["incident"] != job["incident"], "a bug that came back is a new incident")
    _told(stage, second)
    _approve_and_merge(stage, CHECKOUT, second)


def leave_to_visitor(
    stage: Stage, sample: Sample, job: dict[str, Any], *, seconds: float = VISIT_SECONDS
) -> dict[str, Any]:
    """Wait until a person has tried again and that has ended, or for ``seconds``; returns the heal then."""
    stage.say(
        f"{job['incident']} waits for you: press “I'm on it” or “Retry with a hint…” in its thread. In "
        f"{seconds:.0f} seconds, or once a retry has ended, {_healer(sample)} pushes a fix"
    )
    end = time.monotonic() + seconds

    def tried() -> bool:
        found = stage.job(job["commit"]) or job
        decided = len(found["decisions"]) > len(job["decisions"])
        return found["state"] != S.ESCALATED or decided or time.monotonic() > end

    stage.wait(tried, "a person to try again", for_person=True)
    return stage.reach(job["commit"], S.ESCALATED, S.AWAITING_APPROVAL, for_person=True)


def notifier(stage: Stage) -> None:
    """A flaky test: recognised by running it again, never patched."""
    red = _break(stage, NOTIFIER)
    job = stage.reach(red, S.FLAKY)
    _told(stage, job)
    _expect(job["patch"] is None, "a flaky test is never patched")
    _expect(not stage.town.github.pull_requests(NOTIFIER.full_name), "no pull request is opened for it")


SCENARIOS: Final = (
    Scenario(
        name="ledger", title="Lint and formatting: the repository's own tool", sample=OPEN_LEDGER, play=ledger
    ),
    Scenario(
        name="checkout", title="A bug in the logic: humans first, memory next", sample=CHECKOUT, play=checkout
    ),
    Scenario(
        name="notifier", title="A flaky test: recognised, never patched", sample=NOTIFIER, play=notifier
    ),
)


def _break(stage: Stage, sample: Sample) -> str:
    green = sample.create(stage.town.github)
    _ci(stage, sample, green, "success")
    red = sample.break_it(stage.town.github)
    stage.say(f"{sample.breakage.author} pushes “{sample.breakage.message.splitlines()[0]}”")
    run = stage.town.github.runs(sample.full_name, sha=red)[0]
    if run.title != sample.breakage.message.splitlines()[0]:
        stage.say(f"it turns red by chance on {run.actor}'s “{run.title}”")
    _ci(stage, sample, red, "failure")
    return red


def _ci(stage: Stage, sample: Sample, sha: str, wanted: str) -> None:
    conclusion = stage.town.github.wait_for_ci(sample.full_name, sha)
    _expect(
        conclusion == wanted, f"CI of {sample.full_name}@{sha[:7]} was to end in {wanted}, not {conclusion}"
    )
    stage.say(f"CI of {sample.full_name}@{sha[:7]} is {'green' if wanted == 'success' else 'red'}")


def _told(stage: Stage, job: dict[str, Any]) -> None:
    state = job["state"].replace("_", " ")
    cards = stage.wait(lambda: stage.cards(job["incident"]), f"the card of {job['incident']}")
    _expect(len(cards) == 1, f"{job['incident']} has {len(cards)} cards")
    stage.say(f"{job['incident']} {state}: {job['diagnosis'] or job['cause'] or job['reason']}")
    if job["patch"]:
        verdict = "red before, green after" if job["reproduced"] and job["cured"] else "not proved"
        stage.say(f"patch by {job['author']}, {verdict} in the sandbox, confidence {job['confidence']:.0%}")
    elif job["reason"]:
        stage.say(job["reason"])


def _approve_and_merge(stage: Stage, sample: Sample, job: dict[str, Any]) -> None:
    github, slack = stage.town.github, stage.town.slack
    before = len(github.pull_requests(sample.full_name))
    card = stage.approval(job)
    if stage.auto:
        slack.press(APPROVER, stage.town.channel, card.ts, "approve")
    else:
        stage.say(f"{job['incident']} waits for you: press Approve in the thread")
    approved = stage.reach(job["commit"], S.OPENING_PR, S.PR_OPEN, S.RESOLVED, for_person=True)
    decision = approved["decisions"][-1]
    stage.say(f"{decision['actor']} approves patch {decision['patch_sha256'][:12]}")
    opened = stage.reach(job["commit"], S.PR_OPEN, S.RESOLVED)
    number = int(opened["pull_request_url"].rsplit("/", 1)[1])
    _expect(len(github.pull_requests(sample.full_name)) == before + 1, "one approval is one pull request")
    stage.say(f"pull request #{number} is open: {opened['pull_request_url']}")
    head = github.pull_request(sample.full_name, number).head_sha
    _ci(stage, sample, head, "success")
    if stage.auto:
        github.merge(sample.full_name, number, by=APPROVER)
    else:
        stage.say(f"#{number} waits for you: its CI is green, so it leaves draft; merge it on the GitHub tab")
    stage.reach(job["commit"], S.RESOLVED, for_person=True)
    stage.say(f"#{number} is merged, {job['incident']} is resolved")


def _healer(sample: Sample) -> str:
    return sample.cure.author if sample.cure else "a colleague"


def _expect(true: object, otherwise: str) -> None:
    if not true:
        raise StuckError(otherwise)
