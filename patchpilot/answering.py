"""Questions about an incident, answered from its evidence alone: nothing is guessed, no model is asked.

The question's words choose the topics; a question that names none gets the cause, what comes next, and what
may be asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from patchpilot.failures import Diagnosis, in_log_order
from patchpilot.fixes import PastFix, made_by
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot, incident_name
from patchpilot.source import Delivery
from patchpilot.states import state_word
from patchpilot.text import capital, one_line, sentence, shorten

_MOST_LINES: Final = 8
_LINE_CHARACTERS: Final = 200
_NEXT: Final = {
    HealState.AWAITING_APPROVAL: "Somebody with write access decides: `approve`, `retry` with a hint, "
    "`reject` or `escalate`.",
    HealState.ESCALATED: "People take over; `retry` with a hint lets me try again.",
    HealState.EXPIRED: "Nobody decided in time; `retry` makes a new proposal.",
    HealState.REJECTED: "The patch was turned down. A green run of the branch closes the incident.",
    HealState.OPENING_PR: "The pull request is on its way.",
    HealState.PR_OPEN: "Review and merge the pull request.",
    HealState.FLAKY: "It was red and green at the same commit; no patch would prove anything. Run it again.",
    HealState.INFRASTRUCTURE: "The environment failed, not the code. Run it again.",
    HealState.RESOLVED: "Nothing: it is resolved.",
    HealState.RECOVERED: "Nothing: the branch is green again.",
    HealState.SUPERSEDED: "Nothing here: another incident has taken it over.",
}
_ON_THEIRS: Final = {
    "": "The fix is on its way to the pull request.",
    Delivery.SUGGESTIONS: "Apply the suggestions on the pull request.",
    Delivery.PUSH: "The fix is on the branch of the pull request; its CI tells.",
}
"""What comes next where the fix goes to somebody's pull request, by how it was handed over."""
_WORKING: Final = "Nothing yet: I am at it."
_ASKABLE: Final = (
    "I answer from this evidence: ask why, who, when, which tests, how sure that is, what was tried, what "
    "comes next or what it cost; `explain` tells all of it."
)

Teller = Callable[[IncidentSnapshot, Sequence[PastFix]], list[str]]


def explain(incident: IncidentSnapshot, similar: Sequence[PastFix] = ()) -> str:
    """The whole story: state, cause, evidence, suspects, what was tried, what comes next."""
    topics = (_cause, _evidence, _suspects, _tried, _similar, _next)
    return _told(incident, similar, topics)


def answer(question: str, incident: IncidentSnapshot, similar: Sequence[PastFix] = ()) -> str:
    """What is known of what was asked."""
    topics = _topics(question)
    return _told(incident, similar, topics or (_cause, _next, _askable))


def is_about_evidence(question: str) -> bool:
    """Whether the question asks for something that is on record; else a model may know more."""
    return bool(_topics(question))


def _topics(question: str) -> list[Teller]:
    return [teller for pattern, teller in _TOPICS if pattern.search(question)]


def _told(incident: IncidentSnapshot, similar: Sequence[PastFix], topics: Sequence[Teller]) -> str:
    state = state_word(incident).lower()
    title = one_line(incident.title, 150)
    lines = [f"{incident.name} · {incident.repo} {incident.branch} · {state}: {title}"]
    for teller in dict.fromkeys(topics):
        lines += teller(incident, similar)
    return "\n".join(lines)


def _cause(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del similar
    heal = incident.heal
    diagnosis, distilled = heal.diagnosis, heal.distilled
    if diagnosis is not None:
        lines = [f"Cause: {one_line(diagnosis.root_cause, 300)} ({diagnosis.kind})"]
        if diagnosis.explanation:
            lines.append(one_line(diagnosis.explanation, 600))
        if diagnosis.disproof:
            lines.append(f"Would prove it wrong: {one_line(diagnosis.disproof, 400)}")
        return lines
    if distilled is not None and distilled.cause:
        return [f"The log says: {one_line(distilled.cause, 300)} ({distilled.category}). Not diagnosed yet."]
    return ["The cause is not known yet: the log has not been read."]


def _evidence(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del similar
    heal = incident.heal
    found = (heal.diagnosis.evidence if heal.diagnosis else ()) or (
        heal.distilled.evidence if heal.distilled else ()
    )
    if not found:
        return ["No line of the log is quoted yet."]
    shown = in_log_order(found, _MOST_LINES)
    quoted = [f"  {line.number}: {one_line(line.text, _LINE_CHARACTERS)}" for line in shown]
    return ["Evidence from the log:", *quoted, f"Run: {heal.failure.run.url}" if heal.failure.run.url else ""]


def _suspects(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del similar
    heal = incident.heal
    failure = heal.failure
    author = f" by {failure.author}" if failure.author else ""
    subject = f" ({one_line(failure.commit_subject, 100)})" if failure.commit_subject else ""
    lines = [f"Seen first at {failure.head_sha[:7]}{author}{subject}."]
    if heal.diagnosis is not None:
        if heal.diagnosis.suspect_files:
            files = ", ".join(str(place) for place in heal.diagnosis.suspect_files[:_MOST_LINES])
            lines.append(f"Suspect files: {shorten(files, 500)}")
        lines += _checks(heal.diagnosis)
    return lines


def _checks(found: Diagnosis) -> list[str]:
    """What was looked at to find whose fault it is, and what it showed."""
    return [
        f"{capital(check.name)}: {check.verdict}. {one_line(check.detail, 200)}" for check in found.checks
    ]


def _sureness(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    """The facts that diagnosis and fix rest on; a number only where it is computed from them."""
    del similar
    found, fix = incident.heal.diagnosis, incident.heal.fix
    if found is None:
        return ["Nothing is diagnosed yet, so there is nothing to be sure of."]
    lines = _checks(found) or ["The diagnosis rests on the log alone: nothing was run again."]
    if fix is None:
        return [*lines, "No fix is proposed."]
    proof = fix.proof
    suite = "not run"
    if proof.suite_after is not None:
        suite = "no worse than before" if proof.suite_held else "worse than before"
    green = sum(run.passed for run in proof.after)
    rests_on = (
        f"The fix: confidence {fix.confidence:.0%}. Failure seen before the patch: "
        f"{'yes' if proof.reproduced else 'no'}; green with it: {green} of {len(proof.after)} runs; "
        f"wider suite: {suite}; remarks of the patch guard: {len(fix.findings)}."
    )
    return [*lines, rests_on]


def _tried(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del similar
    heal = incident.heal
    now = [step for step in heal.steps if step.attempt == heal.attempt] or heal.steps
    lines = [f"  {'✓' if step.done else '…'} {one_line(step.text, 150)}" for step in now[-_MOST_LINES:]]
    for decision in heal.decisions[-3:]:
        note = f": {one_line(decision.text, 120)}" if decision.text else ""
        lines.append(f"  {decision.verb} by {decision.by}{note}")
    fix = heal.fix
    if fix is not None:
        proof = fix.proof
        shown = "the failing command was red before and green after" if proof.cured else "not proved"
        files = ", ".join(fix.patch.files[:5])
        lines.append(f"Proposed by {made_by(fix.author)}: {one_line(fix.summary, 200)} ({files}); {shown}.")
    attempt = f" (attempt {heal.attempt})" if heal.attempt > 1 else ""
    return [f"What was tried{attempt}:", *lines] if lines else ["Nothing was tried yet."]


def _askable(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del incident, similar
    return [_ASKABLE]


def _similar(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del incident
    if not similar:
        return []
    lines = ["Similar before:"]
    for past in similar[:3]:
        where = f" {past.pull_request_url}" if past.pull_request_url else ""
        cause = one_line(past.root_cause, 120)
        lines.append(
            f"• {incident_name(past.incident)}: {cause} → {past.outcome} by {made_by(past.author)}{where}"
        )
    return lines


def _similar_or_not(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    return _similar(incident, similar) or ["I remember no similar case with a known outcome."]


def _next(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del similar
    heal = incident.heal
    lines = [sentence(capital(one_line(heal.reason, 300)))] if heal.reason else []
    if heal.pull_request_url:
        lines.append(f"Pull request: {heal.pull_request_url}")
    ahead = _NEXT.get(heal.state, _WORKING)
    if heal.state in {HealState.OPENING_PR, HealState.PR_OPEN} and heal.failure.on_somebodys_pull_request:
        ahead = _ON_THEIRS.get(heal.delivery, ahead)
    return [*lines, f"Next: {ahead}"]


def _times(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del similar
    seen = f"Seen {incident.failures}× from {incident.first_seen:%Y-%m-%d %H:%M} to "
    return [f"{seen}{incident.last_seen:%Y-%m-%d %H:%M} UTC."]


def _cost(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del similar
    spend = incident.heal.spend
    if not spend.calls:
        return ["No model was asked, so it has cost nothing."]
    tokens = spend.input_tokens + spend.output_tokens
    return [f"It has cost ${spend.dollars:.2f}: {spend.calls} model calls, {tokens:,} tokens."]


def _tests(incident: IncidentSnapshot, similar: Sequence[PastFix]) -> list[str]:
    del similar
    distilled = incident.heal.distilled
    if distilled is None or not distilled.tests:
        return ["The log names no failing test."]
    more = len(distilled.tests) - _MOST_LINES
    lines = [f"  {one_line(test, _LINE_CHARACTERS)}" for test in distilled.tests[:_MOST_LINES]]
    return ["Failing tests:", *lines, *([f"  … and {more} more"] if more > 0 else [])]


def _words(*words: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(words) + r")\b", re.IGNORECASE)


_TOPICS: Final[tuple[tuple[re.Pattern[str], Teller], ...]] = (
    (_words("why", "cause", "caused", "reason", "root", "what (?:happened|broke|failed|is wrong)"), _cause),
    (_words("why", "how do you know", "evidence", "logs?", "lines?", "proof", "prove", "show"), _evidence),
    (
        _words(
            "who",
            "whose",
            "commits?",
            "blame",
            "author",
            "suspects?",
            "since when",
            "start(?:ed)?",
            "introduced",
            "broke",
            "which (?:change|file|files|commit)",
            "flaky",
        ),
        _suspects,
    ),
    (_words("sure", "certain", "confiden\\w+", "trust", "reproduc\\w+", "verified"), _sureness),
    (_words("tests?", "which failed"), _tests),
    (_words("when", "how (?:long|often|many)", "times", "again", "since"), _times),
    (_words("tried", "try", "did you", "attempts?", "fix(?:ed|es)?", "patch", "diff", "propos\\w+"), _tried),
    (
        _words("similar", "before", "seen", "previous(?:ly)?", "last time", "happened again", "history"),
        _similar_or_not,
    ),
    (
        _words(
            *("status", "state", "next", "now", "should", "todo", "do i", "do we", "waiting", "stuck"),
            *("done", "approv\\w+", "merged?"),
        ),
        _next,
    ),
    (_words("cost", "costs", "dollars?", "tokens?", "expensive", "spent"), _cost),
)
