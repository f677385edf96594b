"""What people see in Slack: pure functions from an incident's snapshot to messages.

A card in the channel, and in its thread a progress list, the diagnosis, the patch, what the sandbox saw and
the approval card; each is posted once and then edited in place. Every state is an emoji *and* a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    code,
    confirm,
    context,
    escape,
    header,
    link,
    link_button,
    quiet,
    section,
    when,
)
from patchpilot.commands import Verb
from patchpilot.fixes import CommandResult, Fix, Severity
from patchpilot.heals import HealState
from patchpilot.incidents import DecisionRecord, HealSnapshot, IncidentSnapshot, storm_name
from patchpilot.text import middle, one_line, shorten

S = HealState
STATES: Final[dict[HealState, tuple[str, str]]] = {
    S.QUEUED: ("🔴", "New"),
    S.INGESTING: ("🔎", "Reading the log"),
    S.DIAGNOSING: ("🔎", "Diagnosing"),
    S.REPAIRING: ("🛠️", "Repairing"),
    S.VALIDATING: ("🧪", "Testing fix"),
    S.AWAITING_APPROVAL: ("🟡", "Needs approval"),
    S.OPENING_PR: ("🟢", "Opening pull request"),
    S.PR_OPEN: ("🟢", "Pull request opened"),
    S.RESOLVED: ("✅", "Fixed"),
    S.ESCALATED: ("⛔", "Needs a human"),
    S.REJECTED: ("🚫", "Rejected"),
    S.FLAKY: ("⚪", "Flaky"),
    S.INFRASTRUCTURE: ("🔌", "Infrastructure"),
    S.RECOVERED: ("✅", "Green again"),
    S.SUPERSEDED: ("↪️", "Joined"),
    S.EXPIRED: ("⌛", "Expired"),
}
_OVER: Final = frozenset({S.RESOLVED, S.RECOVERED, S.SUPERSEDED})
_DIFF_LINES: Final = 60
_OUTPUT_CHARACTERS: Final = 900


@dataclass(frozen=True, slots=True)
class Item:
    """One message of an incident, by a key that stays the same for the message's whole life."""

    key: str
    message: Message
    broadcast: bool = False
    """Show it in the channel too, because a human has to act."""


def card(incident: IncidentSnapshot) -> Message:
    """The incident's one message in the channel."""
    heal = incident.heal
    word = STATES[heal.state][1]
    over = heal.state in _OVER
    title = f"{'CI fixed' if over else 'CI failing'} · {incident.repo} · {incident.branch}"
    text = f"{title}. {incident.title}. {incident.name}: {word}. {heal.reason}".strip()
    failure = heal.failure
    seen = f"seen {incident.failures}× since {when(incident.first_seen)}" if incident.failures > 1 else ""
    small = [
        f"{incident.name} · {quiet(failure.workflow)}",
        f"`{failure.head_sha[:7]}` {quiet(one_line(failure.commit_subject, 80))} by {quiet(failure.author)}",
        seen,
        f"one of many: storm {storm_name(incident.storm)}" if incident.storm is not None else "",
    ]
    return Message.of(
        text,
        [
            header(title),
            section(f"*{quiet(one_line(incident.title, 300))}*"),
            context(*small),
            section(state_line(heal)),
            None if over else _card_buttons(incident),
        ],
    )


def state_line(heal: HealSnapshot) -> str:
    """Emoji, word, and why."""
    emoji, word = STATES[heal.state]
    if heal.pull_request_url and heal.state in {S.PR_OPEN, S.RESOLVED}:
        pull = link(heal.pull_request_url, f"PR #{heal.pull_request_number}")
        ci = {"green": " · its CI is green", "red": " · its CI is red"}.get(heal.pull_request_ci, "")
        return f"{emoji} *{word}* · {pull}{ci}"
    said = one_line(heal.reason, 600).removeprefix(f"{word}: ")
    reason = f" · {quiet(said)}" if said else ""
    return f"{emoji} *{word}*{reason}"


def _card_buttons(incident: IncidentSnapshot) -> Block | None:
    heal = incident.heal
    row = []
    if heal.failure.run.url.startswith("http"):
        row.append(link_button("View run", "open_run", heal.failure.run.url))
    if heal.pull_request_url.startswith("http"):
        row.append(link_button(f"View PR #{heal.pull_request_number}", "open_pull", heal.pull_request_url))
    return actions(f"card:{incident.id}", *row) if row else None


def thread(incident: IncidentSnapshot) -> Iterator[Item]:
    """What belongs in the thread now, in the order in which it is posted."""
    heal = incident.heal
    if heal.steps:
        yield Item(f"progress:{heal.id}", progress(incident))
    if heal.diagnosis is not None:
        yield Item(f"diagnosis:{heal.id}", diagnosis(incident))
    for decision in heal.decisions:
        if decision.verb == Verb.RETRY and decision.text:
            # The hint is shown where everybody can read it; its key makes it one message for ever.
            yield Item(f"hint:{heal.id}:{decision.at.timestamp():.6f}", _hint(decision))
    if heal.fix is not None:
        yield Item(f"patch:{heal.id}:{heal.attempt}", patch(incident, heal.fix))
        yield Item(f"sandbox:{heal.id}:{heal.attempt}", sandbox(incident, heal.fix))
        waiting = heal.state is S.AWAITING_APPROVAL
        yield Item(f"approval:{heal.id}:{heal.attempt}", approval(incident, heal.fix), broadcast=waiting)
    if heal.state is S.ESCALATED:
        yield Item(f"escalated:{heal.id}:{heal.attempt}", escalated(incident), broadcast=True)


def progress(incident: IncidentSnapshot) -> Message:
    """The step list: one message, edited as the heal goes on."""
    heal = incident.heal
    lines = []
    for step in heal.steps[-20:]:
        took = f" · {step.seconds:.1f} s" if step.seconds is not None else ""
        lines.append(
            f"{'✓' if step.done else '…'} *{quiet(step.name)}* {quiet(one_line(step.text, 200))}{took}"
        )
    text = f"{incident.name} progress: " + "; ".join(
        one_line(f"{s.name} {s.text}", 120) for s in heal.steps[-5:]
    )
    return Message.of(text, [section("\n".join(lines))])


def diagnosis(incident: IncidentSnapshot) -> Message:
    """Cause in one sentence, the lines that show it, and who says so."""
    heal = incident.heal
    found = heal.diagnosis
    if found is None:
        raise ValueError(f"{incident.name} has no diagnosis to show")
    quoted = "\n".join(f"{line.number:>6}  {one_line(line.text, 220)}" for line in found.evidence[:8])
    cause = quiet(one_line(found.root_cause, 700))
    where = ", ".join(f"`{escape(str(place)).replace('`', '')}`" for place in found.suspect_files[:5])
    return Message.of(
        f"{incident.name} diagnosis ({found.category}): {found.root_cause}",
        [
            section(f"*Diagnosis* · {found.category} · blame: {found.blame}\n{cause}"),
            section(quiet(shorten(found.explanation, 1_500))) if found.explanation else None,
            code(quoted) if quoted else None,
            context(
                f"Suspect: {where}" if where else "",
                f"by {quiet(found.author)}",
                *(quiet(one_line(note, 250)) for note in found.notes[:4]),
            ),
        ],
    )


def _hint(decision: DecisionRecord) -> Message:
    who = quiet(decision.actor)
    return Message.of(
        f"Retry with a hint by {decision.actor}: {decision.text}",
        [section(f"↻ *Retry* asked by {who}, with a hint:\n>{quiet(one_line(decision.text, 1_500))}")],
    )


def patch(incident: IncidentSnapshot, fix: Fix) -> Message:
    """The diff, as far as a message can hold it."""
    lines = fix.patch.diff.splitlines()
    shown = "\n".join(lines[:_DIFF_LINES])
    more = (
        f"{len(lines) - _DIFF_LINES} more lines; the whole patch is at /api/jobs"
        if len(lines) > _DIFF_LINES
        else ""
    )
    size = f"{len(fix.patch.files)} file(s), +{fix.patch.added} −{fix.patch.removed}"
    return Message.of(
        f"{incident.name} patch: {fix.summary} ({size})",
        [
            section(f"*Patch* · {size}\n{quiet(one_line(fix.summary, 400))}"),
            code(shown),
            context(f"made by {quiet(fix.author)}", f"SHA-256 `{fix.patch.sha256[:12]}`", more),
        ],
    )


def sandbox(incident: IncidentSnapshot, fix: Fix) -> Message:
    """What was seen, before and after."""
    proof = fix.proof
    green = sum(run.passed for run in proof.after)
    told = f"before: {_verdict(proof.before)} / after: {green} of {len(proof.after)} green"
    suite = ""
    if proof.suite_after is not None:
        suite = f" / wider suite: {_verdict(proof.suite_after)}"
    last = proof.after[-1] if proof.after else proof.before
    command = shorten("\n$ ".join(str(proof.before.command).splitlines()), 300)
    seen = middle(proof.before.output.strip(), _OUTPUT_CHARACTERS)
    return Message.of(
        f"{incident.name} sandbox: {told}{suite}",
        [
            section(f"*Sandbox* · {told}{suite}"),
            code(f"$ {command}\n{seen}"),
            code(f"with the patch:\n{middle(last.output.strip(), _OUTPUT_CHARACTERS)}")
            if proof.after
            else None,
            context(
                f"{last.engine} · {quiet(one_line(last.image, 40))}",
                f"{proof.before.seconds:.1f} s before, {last.seconds:.1f} s after",
            ),
        ],
    )


def _verdict(run: CommandResult) -> str:
    if run.passed:
        return "green"
    return f"red (exit {run.exit_code})" if run.failed else str(run.ending)


def approval(incident: IncidentSnapshot, fix: Fix) -> Message:
    """The question, with everything it rests on; once decided, who decided."""
    heal = incident.heal
    waiting = heal.state is S.AWAITING_APPROVAL
    flags = [
        f"⚠️ `{escape(f.rule)}` {quiet(f.path)}:{f.line} {quiet(one_line(f.message, 160))}"
        for f in fix.findings
    ]
    facts = [
        f"reproduced: {'yes' if fix.proof.reproduced else 'no'}",
        f"confidence {fix.confidence:.0%}",
        f"cost ${heal.spend.dollars:.2f}",
        f"base `{heal.failure.head_sha[:7]}`",
        f"patch `{fix.patch.sha256[:12]}`",
    ]
    if waiting and heal.approval_expires_at is not None:
        facts.append(f"expires {when(heal.approval_expires_at, '{date_short_pretty} {time}')}")
    question = f"Open a pull request on {incident.repo} with this patch?"
    head = question if waiting else _decided(incident)
    shown = f"*{quiet(question)}*" if waiting else head
    return Message.of(
        f"{incident.name}: {head} {fix.summary}",
        [
            section(f"*{incident.name}* · {shown}\n{quiet(one_line(fix.summary, 300))}"),
            section("\n".join(flags[:8])) if flags else None,
            context(" · ".join(facts)),
            approval_buttons(incident, fix) if waiting else None,
        ],
    )


def approval_buttons(incident: IncidentSnapshot, fix: Fix) -> Block:
    """The four decisions. Each button carries the opaque id of this one proposal."""
    value = incident.heal.approval_id
    about = f"fix {incident.name}"
    risky = any(finding.severity is not Severity.NOTE for finding in fix.findings)
    sure = confirm(
        "Open a draft pull request?",
        f"{incident.name}: {quiet(one_line(fix.summary, 140))}"
        + (" (the patch guard has remarks)" if risky else ""),
        "Approve",
    )
    return actions(
        f"decide:{incident.heal.attempt}",
        button("Approve", "approve", value, style="primary", about=about, confirm=sure),
        button("Retry…", "retry", value, about=about),
        button("Reject", "reject", value, style="danger", about=about, confirm=_sure_reject(incident)),
        button("Escalate", "escalate", value, about=about),
    )


def _sure_reject(incident: IncidentSnapshot) -> Block:
    return confirm("Reject this fix?", f"Nothing is changed, and {incident.name} stays red.", "Reject")


def _decided(incident: IncidentSnapshot) -> str:
    heal = incident.heal
    last = heal.decisions[-1] if heal.decisions else None
    if heal.state is S.EXPIRED:
        return "⌛ Expired without a decision."
    if last is None:
        emoji, word = STATES[heal.state]
        return f"{emoji} {word}. {quiet(one_line(heal.reason, 200))}"
    words = {"approve": "Approved", "retry": "Sent back", "reject": "Rejected", "escalate": "Escalated"}
    said = f"{words[last.verb]} by {quiet(last.actor)} {when(last.at)}"
    if heal.pull_request_url:
        return f"{said} → {link(heal.pull_request_url, f'PR #{heal.pull_request_number}')}"
    return said


def outdated(incident: IncidentSnapshot, attempt: int) -> Message:
    """An earlier proposal's card, once a retry has taken its place: no buttons that lead nowhere."""
    retries = [decision for decision in incident.heal.decisions if decision.verb == Verb.RETRY]
    by = f" by {quiet(retries[attempt - 1].actor)}" if 0 < attempt <= len(retries) else ""
    text = f"Attempt {attempt} was sent back{by}; see below."
    return Message.of(f"{incident.name}: {text}", [section(f"*{incident.name}* · ↻ {text}")])


def escalated(incident: IncidentSnapshot) -> Message:
    """Why PatchPilot stops, and what a person can do now."""
    heal = incident.heal
    return Message.of(
        f"{incident.name} needs a human: {heal.reason}",
        [
            section(f"⛔ *Needs a human* · {quiet(one_line(heal.reason, 1_500))}"),
            actions(
                f"again:{heal.attempt}",
                button("Retry with a hint…", "retry_incident", str(incident.id), about=incident.name),
            ),
        ],
    )


def no_longer_escalated(incident: IncidentSnapshot) -> Message:
    """What a call for a human turns into once it is answered: no button that leads nowhere."""
    emoji, word = STATES[incident.heal.state]
    text = f"{emoji} {incident.name} was left to people; now: {word}."
    return Message.of(text, [section(f"{emoji} *{incident.name}* was left to people; now: *{word}*.")])


def retry_modal(approval_id: str, incident: int | None, name: str) -> Block:
    """Asks for a hint. What it is about travels in ``private_metadata`` as an opaque id."""
    return {
        "type": "modal",
        "callback_id": "retry_hint",
        "private_metadata": f"{approval_id}|{incident or ''}",
        "title": {"type": "plain_text", "text": shorten(f"Retry {name}".strip(), 24)},
        "submit": {"type": "plain_text", "text": "Retry"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [
            {
                "type": "input",
                "block_id": "hint",
                "optional": True,
                "label": {"type": "plain_text", "text": "Hint for the next attempt"},
                "hint": {
                    "type": "plain_text",
                    "text": "What should be different? It is shown in the thread.",
                },
                "element": {
                    "type": "plain_text_input",
                    "action_id": "text",
                    "multiline": True,
                    "max_length": 1_500,
                    "placeholder": {"type": "plain_text", "text": "Keep the rounding, change the boundary"},
                },
            }
        ],
    }
