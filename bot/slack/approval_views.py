"""The question that only a human answers, what it rests on, and what became of it."""

from __future__ import annotations

import re
from typing import Final

from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    link,
    literal,
    person,
    quiet,
    section,
    sha,
    when,
)
from patchpilot.commands import Verb
from patchpilot.fixes import Fix, Severity, confidence_word, made_by
from patchpilot.heals import HealState
from patchpilot.incidents import DecisionRecord, IncidentSnapshot
from patchpilot.redaction import Redactor
from patchpilot.states import PAST, STATES
from patchpilot.text import one_line, shorten

S = HealState
_redact = Redactor()
_CALLABLE: Final = re.compile(r"[USW][A-Z0-9]{2,20}")


def is_risky(fix: Fix) -> bool:
    """The guard has found something that a person has to override, so that one click is too little."""
    return any(finding.severity is not Severity.NOTE for finding in fix.findings)


def approval(incident: IncidentSnapshot, fix: Fix) -> Message:
    """The question, with everything it rests on; once decided, who decided."""
    heal = incident.heal
    waiting = heal.state is S.AWAITING_APPROVAL
    question = _question(incident)
    head = question if waiting else _decided(incident)
    shown = f"*{quiet(question)}*" if waiting else head
    size = fix.patch.size
    summary = quiet(one_line(fix.summary, 300))
    return Message.of(
        _spoken(incident, fix, size),
        [
            section(f"*{incident.name}* · {shown}" + (f"\n{summary}" if summary else "")),
            _first_of_two(incident) if waiting else None,
            _risks(fix),
            section(f"*Confidence: {confidence_word(fix)}*, from:\n{_inputs(fix)}") if waiting else None,
            _moved(incident) if waiting else None,
            context(
                f"{size}: {_files(fix)}",
                f"cost ${heal.spend.dollars:.2f}",
                f"base {sha(heal.base.head_sha)}",
                f"patch `{fix.patch.sha256[:12]}`",
                f"expires {when(heal.approval_expires_at, '{date_short_pretty} {time}')}"
                if waiting and heal.approval_expires_at is not None
                else "",
            ),
            approval_buttons(incident, fix) if waiting else None,
            context(
                f"Or type: `@patchpilot {_first_verb(incident)}`, `retry`, `reject` or `escalate`, here "
                f"or as `/patchpilot {_first_verb(incident)} {incident.name}`"
            )
            if waiting
            else None,
            *(_asks_anew(incident) if heal.state is S.EXPIRED else ()),
        ],
    )


def _asks_anew(incident: IncidentSnapshot) -> tuple[Block, Block]:
    again = button("Retry with a hint…", "retry_incident", str(incident.id), about=incident.name)
    return (
        actions(f"again:{incident.heal.attempt}", again),
        context(f"Or type: `@patchpilot retry` with a hint, here or as `/patchpilot retry {incident.name}`"),
    )


def _question(incident: IncidentSnapshot) -> str:
    failure = incident.heal.failure
    if failure.on_somebodys_pull_request:
        # As suggestions there, where they fit; see jobs.handing.
        return f"Hand this patch over on pull request #{failure.pull_request} of {incident.repo}?"
    if incident.heal.pull_request_number and incident.heal.pull_request_url:
        # One more round, as the first one's own CI was red: see jobs.rounds.
        return f"Put this patch on pull request #{incident.heal.pull_request_number} of {incident.repo}?"
    return f"Open a pull request on {incident.repo} with this patch?"


def _first_of_two(incident: IncidentSnapshot) -> Block | None:
    first = quiet(one_line(incident.heal.first_approved_by, 80))
    return (
        section(f"☑️ *Approved once* by @{first}; a second person has to approve as well.") if first else None
    )


def _spoken(incident: IncidentSnapshot, fix: Fix, size: str) -> str:
    if incident.heal.state is not S.AWAITING_APPROVAL:
        return f"{incident.name}: {_decided_plainly(incident)} {one_line(fix.summary, 300)}"
    risky = " The patch guard has found risks." if is_risky(fix) else ""
    moved = incident.heal.moved_to
    first = incident.heal.first_approved_by
    once = f" @{first} has approved; a second person has to." if first else ""
    outdated = f" Outdated: {incident.branch} moved to {moved[:7]} and is red there too." if moved else ""
    return (
        f"{incident.name} needs approval. {_question(incident)} "
        f"{one_line(fix.summary, 300)} ({size}, confidence {confidence_word(fix)}).{once}{risky}{outdated} "
        f"Type /patchpilot {_first_verb(incident)} {incident.name}, or retry, reject, escalate."
    )


def _first_verb(incident: IncidentSnapshot) -> Verb:
    """What is asked for first: an outdated proposal is tested anew before anybody may approve it."""
    return Verb.RETEST if incident.heal.moved_to else Verb.APPROVE


def _files(fix: Fix) -> str:
    names = [f"`{literal(name)}`" for name in fix.patch.files[:6]]
    more = len(fix.patch.files) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _risks(fix: Fix) -> Block | None:
    if not fix.findings:
        return None
    lines = []
    for finding in fix.findings[:8]:
        sign = "⚠️ Risk" if finding.severity is not Severity.NOTE else "📝 Note"
        where = f"{quiet(one_line(finding.path, 120))}:{finding.line}"
        rule = literal(finding.rule)
        lines.append(f"{sign} · `{rule}` {where} {quiet(one_line(finding.message, 160))}")
    more = len(fix.findings) - len(lines)
    return section("\n".join(lines) + (f"\nand {more} more" if more > 0 else ""))


def _inputs(fix: Fix) -> str:
    """Every fact that the confidence is computed from (docs/architecture.md, "Confidence")."""
    proof = fix.proof
    suite = "not run"
    if proof.suite_after is not None:
        suite = "green" if proof.suite_after.passed else "no worse than before"
        suite = suite if proof.suite_held else "worse than before"
        # Which it is decides what it says: a repository's checks may be tests or only a linter.
        suite += f" (`{literal(shorten(_redact(proof.suite_after.command.in_short), 80))}`)"
    overrides = sum(finding.severity is not Severity.NOTE for finding in fix.findings)
    facts = [
        f"reproduced before the patch: {'yes' if proof.reproduced else 'no'}",
        f"green with the patch: {sum(run.passed for run in proof.after)} of {len(proof.after)} runs",
        f"wider suite: {suite}",
        f"made by: {quiet(one_line(made_by(fix.author), 120))}",
        f"changed lines: {fix.patch.added + fix.patch.removed}",
        f"patch guard: {_guard_word(overrides, len(fix.findings) - overrides)}",
    ]
    return "\n".join(f"• {fact}" for fact in facts)


def _guard_word(overrides: int, notes: int) -> str:
    if not overrides and not notes:
        return "nothing found"
    return f"{overrides} to override, {notes} noted"


def _moved(incident: IncidentSnapshot) -> Block | None:
    """Honest about age: the proof is of one commit, and the branch may have gone on."""
    moved = incident.heal.moved_to
    if moved is None:
        return None
    branch = quiet(one_line(incident.branch, 60))
    return section(
        f"🕰️ *Outdated*: {branch} moved to {sha(moved)} and is red there too; this was proved at "
        f"{sha(incident.heal.base.head_sha)}. *Re-test* proves the same patch there and asks anew."
    )


def approval_buttons(incident: IncidentSnapshot, fix: Fix) -> Block:
    """The decisions. Each button carries the opaque id of this one proposal.

    Nobody may approve what is outdated, so testing it anew takes that place.
    """
    value = incident.heal.approval_id
    about = f"fix {incident.name}"
    theirs = incident.heal.failure.on_somebodys_pull_request
    sure = confirm(
        "Hand the patch over?" if theirs else "Open a draft pull request?",
        f"{incident.name}: {quiet(one_line(fix.summary, 140))}",
        "Approve",
    )
    first = (
        # What needs a second look gets a form of its own instead of a question.
        retest_button(value, incident.name)
        if incident.heal.moved_to
        else button("Approve…", "approve_carefully", value, style="primary", about=about)
        if is_risky(fix)
        else button("Approve", "approve", value, style="primary", about=about, confirm=sure)
    )
    return actions(
        f"decide:{incident.heal.attempt}",
        first,
        button("Retry…", "retry", value, about=about),
        button("Reject…", "reject", value, style="danger", about=about),
        button("Escalate…", "escalate", value, about=about),
    )


def retest_button(approval_id: str, name: str) -> Block:
    """Proves the same patch anew, where its branch is now."""
    about = f"fix {name} where its branch is now"
    return button("Re-test", "retest", approval_id, style="primary", about=about)


def _decided(incident: IncidentSnapshot) -> str:
    heal = incident.heal
    last = heal.decisions[-1] if heal.decisions else None
    if heal.state is S.EXPIRED:
        return "⌛ Expired without a decision."
    if last is None:
        emoji, word = STATES[heal.state]
        return f"{emoji} {word}. {quiet(one_line(heal.reason, 200))}"
    note = f": {quiet(one_line(last.text, 300))}" if last.text and last.verb != Verb.RETRY else ""
    said = f"*{PAST[last.verb]}* by {quiet(_deciders(incident, last))} {when(last.at)}{note}"
    if heal.pull_request_url:
        return f"{said} → {link(heal.pull_request_url, f'PR #{heal.pull_request_number}')}"
    return said


def _decided_plainly(incident: IncidentSnapshot) -> str:
    heal = incident.heal
    last = heal.decisions[-1] if heal.decisions else None
    if heal.state is S.EXPIRED:
        return f"Expired without a decision; /patchpilot retry {incident.name} makes a new proposal."
    if last is None:
        return f"{STATES[heal.state][1]}. {one_line(heal.reason, 200)}"
    pull = f" → PR #{heal.pull_request_number}" if heal.pull_request_number else ""
    return f"{PAST[last.verb]} by {_deciders(incident, last)} at {last.at:%H:%M} UTC{pull}."


def _deciders(incident: IncidentSnapshot, last: DecisionRecord) -> str:
    """Who has decided: two people, where the repository wants two to approve."""
    first = incident.heal.first_approved_by if last.verb == Verb.APPROVE else ""
    names = dict.fromkeys(one_line(name, 80) for name in (f"@{first}" if first else "", last.by) if name)
    return " and ".join(names)


def settled(incident: IncidentSnapshot) -> Message:
    """What takes the place of a copy of the question that only one person was shown."""
    name = incident.name
    if incident.heal.state is S.AWAITING_APPROVAL:
        text = "a newer proposal has taken this one's place; its thread has it."
        return Message.of(f"{name}: {text}", [section(f"*{name}* · ↻ {text}")])
    return Message.of(f"{name}: {_decided_plainly(incident)}", [section(f"*{name}* · {_decided(incident)}")])


def outdated(incident: IncidentSnapshot, attempt: int) -> Message:
    """An earlier proposal's card, once another attempt has taken its place: no buttons that lead nowhere."""
    begun = [one for one in incident.heal.decisions if one.verb in {Verb.RETRY, Verb.RETEST}]
    ended = begun[attempt - 1] if 0 < attempt <= len(begun) else None
    what = "sent to be tested anew" if ended and ended.verb == Verb.RETEST else "sent back"
    text = f"Attempt {attempt} was {what}{f' by {ended.by}' if ended else ''}; see below."
    return Message.of(f"{incident.name}: {text}", [section(f"*{incident.name}* · ↻ {quiet(text)}")])


def escalated(incident: IncidentSnapshot) -> Message:
    """Why PatchPilot stops, whom it calls, and what a person can do now."""
    heal = incident.heal
    called = _called(incident)
    return Message.of(
        f"{incident.name} needs a human: {heal.reason}",
        [
            section(
                f"⛔ *Needs a human* · {quiet(one_line(heal.reason, 1_500))}"
                + (f"\nCalled: {called}" if called else "")
            ),
            actions(
                f"again:{heal.attempt}",
                button("Retry with a hint…", "retry_incident", str(incident.id), about=incident.name),
                button("I'm on it", "take", str(incident.id), about=f"({incident.name})"),
            ),
        ],
    )


def _called(incident: IncidentSnapshot) -> str:
    asked = [decision for decision in incident.heal.decisions if decision.verb == Verb.ESCALATE]
    account = asked[-1].options.get("to", "") if asked else ""
    return person(account, "") if _CALLABLE.fullmatch(account) else ""


def no_longer_escalated(incident: IncidentSnapshot) -> Message:
    """What a call for a human turns into once it is answered: no button that leads nowhere."""
    emoji, word = STATES[incident.heal.state]
    text = f"{emoji} {incident.name} was left to people; now: {word}."
    return Message.of(text, [section(f"{emoji} *{incident.name}* was left to people; now: *{word}*.")])
