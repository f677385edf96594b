"""What people see on a pull request: its one comment and its check run, as pure functions of the incident.

Everything is bounded, so that the whole stays below GitHub's 65,536 characters; everything that comes from a
log, a model or a person is hostile and goes through :mod:`jobs.markdown`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from jobs.markdown import block, code, folded, in_html, is_link, said, say
from patchpilot.failures import Location, in_log_order
from patchpilot.fixes import CommandResult, Fix, made_by
from patchpilot.grammar import VERBS
from patchpilot.heals import WORKING, HealState
from patchpilot.incidents import HealSnapshot, IncidentSnapshot
from patchpilot.pull_thread import (
    REACTION_OF,
    CheckAction,
    CheckAnnotation,
    CheckReport,
    PullAsk,
    Reaction,
)
from patchpilot.source import Permission, Sha
from patchpilot.states import heal_emoji, state_word
from patchpilot.text import capital, one_line, plain, sentence

S = HealState
_PATCH_CHARACTERS: Final = 16_000
_OUTPUT_CHARACTERS: Final = 5_000
_EVIDENCE_LINES: Final = 8
_MOST_ANNOTATIONS: Final = 200
_RETRIABLE: Final = frozenset({S.AWAITING_APPROVAL, S.ESCALATED, S.EXPIRED})
_ESCALATABLE: Final = WORKING | {S.AWAITING_APPROVAL}
_SIGNS: Final = {Reaction.EYES: "👀", Reaction.ROCKET: "🚀", Reaction.DOWN: "👎"}

_FORK: Final = "This comes from a fork: PatchPilot explains the failure, and runs and proposes nothing."
_FIX: Final = CheckAction(identifier="fix", label="Propose fix", description="Look for a patch and prove it")
_RETRY: Final = CheckAction(identifier="retry", label="Retry", description="Try again from the diagnosis")
_RETEST: Final = CheckAction(
    identifier="retest", label="Re-test", description="Prove this patch on the newest commit"
)
_ESCALATE: Final = CheckAction(identifier="escalate", label="Escalate", description="Leave it to people")

_TYPED: Final = {
    "approve": "hands this patch over, as a pull request or as suggestions here",
    "retest": "proves the same patch on the newest commit, which is red too",
    "retry": "and a hint: tries again",
    "fix": "and a hint: looks for a patch",
    "reject": "and why: turns the patch down",
    "escalate": "leaves it to people",
    "explain": "says why it failed, with the evidence",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """All that a pull request's comment tells."""

    incidents: Sequence[IncidentSnapshot]
    """At least one; the first is told in full."""
    asks: Sequence[PullAsk] = ()
    """The latest requests that are answered here, oldest first."""
    paused_by: str = ""
    """The login of who wants it left alone; empty for nobody."""


def comment(thread: Thread) -> str:
    """The one comment of a pull request, as Markdown."""
    first, *others = thread.incidents
    parts = [
        _paused(thread.paused_by),
        f"### {_title(first)}",
        _where(first),
        *_diagnosis(first.heal),
        *_fix(first.heal),
        _typing(first),
        _others(others),
        _asked(thread.asks, links_of(*thread.incidents)),
    ]
    return "\n\n".join(part for part in parts if part)


def links_of(*incidents: IncidentSnapshot) -> tuple[str, ...]:
    """The addresses that answers about these incidents may name."""
    heals = [incident.heal for incident in incidents]
    return tuple(url for heal in heals for url in (heal.failure.run.url, heal.pull_request_url) if url)


def reply(ask: PullAsk, *, links: Collection[str] = ()) -> str:
    """The answer to a question, in a comment of its own; ``links`` are the addresses in it that are ours."""
    asked = code(f"@patchpilot {ask.text}".strip(), 300)
    # Help is a table, and lines of an answer that are set in are quotes: both keep their columns in a block.
    table = ask.text.split()[:1] in ([], ["help"])
    parts = [f"> {asked} from {code(ask.by.login, 60)}"]
    for set_in, lines in groupby(
        plain(ask.answer).split("\n"), key=lambda line: table or line.startswith("  ")
    ):
        kept = [line for line in lines if set_in or line.strip()]
        parts.append(
            block("\n".join(kept)) if set_in else "\\\n".join(said(line, links=links) for line in kept)
        )
    return "\n\n".join(part for part in parts if part)


def check(incident: IncidentSnapshot) -> CheckReport:
    """The check run on the failing commit: in progress while we work, neutral once people's turn has come."""
    heal = incident.heal
    parts = [*_diagnosis(heal), *_fix(heal)]
    if heal.failure.from_fork:
        parts.insert(0, _FORK)
    return CheckReport(
        head_sha=heal.base.head_sha,
        external_id=incident.name,
        completed=heal.state not in WORKING | {S.OPENING_PR},
        title=_title(incident),
        summary=_reason(heal) or say(incident.title, 300) or "A run of this commit is red.",
        text="\n\n".join(part for part in parts if part),
        actions=_actions(heal),
        annotations=tuple(_annotations(heal)),
    )


def left_behind(commit: str, incident: IncidentSnapshot) -> CheckReport:
    """The check run on an earlier commit, once a later one is looked at."""
    now = incident.heal.base.head_sha
    return CheckReport(
        head_sha=Sha(commit),
        external_id=incident.name,
        completed=True,
        title=f"↪️ Later commit · {incident.name}",
        summary=f"PatchPilot goes on with {now[:7]}, a later commit of this pull request.",
    )


def _title(incident: IncidentSnapshot) -> str:
    return f"{heal_emoji(incident.heal)} {state_word(incident)} · {incident.name}"


def _paused(by: str) -> str:
    return f"⏸️ Paused by {code(by, 60)}: `@patchpilot resume` lets me work here again." if by else ""


def _where(incident: IncidentSnapshot) -> str:
    failure = incident.heal.base
    url = failure.run.url
    run = f"[{say(failure.workflow, 80)}]({url})" if is_link(url) else say(failure.workflow, 80)
    seen = f", seen {incident.failures}×" if incident.failures > 1 else ""
    verb = "is" if incident.open else "was"
    lines = [f"{run} {verb} red on {failure.head_sha[:7]}{seen}: {say(incident.title, 300)}"]
    if failure.from_fork:
        lines.append(_FORK)
    reason = _reason(incident.heal)
    if reason:
        lines.append(reason)
    pull = incident.heal.pull_request_url
    if is_link(pull):
        lines.append(f"The fix: {pull}")
    return "\n\n".join(lines)


def _reason(heal: HealSnapshot) -> str:
    doing = next((step for step in reversed(heal.steps) if not step.done), None)
    if heal.state in WORKING and doing is not None:
        return f"At it: {say(doing.text, 200)}"
    return say(sentence(capital(heal.reason)), 600) if heal.reason else ""


def _diagnosis(heal: HealSnapshot) -> list[str]:
    diagnosis, distilled = heal.diagnosis, heal.distilled
    if diagnosis is None:
        if distilled is None or not distilled.cause:
            return []
        return [f"**The log says** ({distilled.category}): {say(distilled.cause, 400)}"]
    parts = [f"**Cause** ({diagnosis.kind}): {say(diagnosis.root_cause, 600)}"]
    if diagnosis.explanation:
        parts.append(say(diagnosis.explanation, 1_500))
    if diagnosis.disproof:
        parts.append(f"Would prove it wrong: {say(diagnosis.disproof, 400)}")
    if diagnosis.suspect_files:
        parts.append("Suspect: " + ", ".join(code(str(place)) for place in diagnosis.suspect_files[:5]))
    evidence = diagnosis.evidence or (distilled.evidence if distilled else ())
    if evidence:
        quoted = in_log_order(evidence, _EVIDENCE_LINES)
        lines = [f"{line.number}: {one_line(line.text, 300)}" for line in quoted]
        parts.append(folded(f"Evidence: {_counted(len(lines), 'line')} of the log", block("\n".join(lines))))
    if diagnosis.checks:
        rows = "\n".join(
            f"- {say(capital(one.name), 60)}: {one.verdict}. {say(one.detail, 300)}"
            for one in diagnosis.checks
        )
        parts.append(folded("Whose fault it is, and how that was found out", rows))
    return parts


def _fix(heal: HealSnapshot) -> list[str]:
    if heal.fix is None:
        if heal.partial is None:
            return []
        why = f"An unproven change by {say(made_by(heal.partial.author), 120)}: {say(heal.partial.why, 400)}"
        patch = block(heal.partial.patch.diff, language="diff", limit=_PATCH_CHARACTERS)
        return [why, folded("The unproven change, to start from", patch)]
    fix = heal.fix
    files = _counted(len(fix.patch.files), "file")
    facts = f"{files}, +{fix.patch.added} −{fix.patch.removed}, confidence {fix.confidence:.0%}"
    parts = [
        f"**Proposed fix** by {say(made_by(fix.author), 120)}: {say(fix.summary, 600)} ({facts})",
        folded("Patch", block(fix.patch.diff, language="diff", limit=_PATCH_CHARACTERS)),
        _sandbox(fix),
    ]
    if heal.moved_to:
        parts.append(
            f"🕰️ Outdated: the branch moved to {heal.moved_to[:7]} and is red there too; this was proved at "
            f"{heal.base.head_sha[:7]}. Nobody can approve it until it is tested anew."
        )
    if fix.findings:
        rows = "\n".join(
            f"- {code(one.rule)} {code(f'{one.path}:{one.line}')} {say(one.message, 300)}"
            for one in fix.findings[:10]
        )
        parts.append(f"The patch guard notes:\n\n{rows}")
    return parts


def _sandbox(fix: Fix) -> str:
    proof = fix.proof
    green = sum(run.passed for run in proof.after)
    head = f"Sandbox: before {_colour(proof.before)}, after green {green} of {len(proof.after)}"
    runs = [("Before", proof.before), *(("After", run) for run in proof.after[:1])]
    if proof.suite_after is not None:
        head += f", wider suite {_colour(proof.suite_after)}"
        runs.append(("Wider suite, after", proof.suite_after))
    shown = [
        f"{name}: {_colour(run)}, {run.seconds:.1f} s, {in_html(run.engine, 40)}\n\n"
        + block(f"$ {run.command}\n{run.output}", limit=_OUTPUT_CHARACTERS)
        for name, run in runs
    ]
    if fix.left_out:
        shown.insert(0, f"Not as in CI: {say(' '.join(fix.left_out), 600)}")
    return folded(head, "\n\n".join(shown))


def _colour(run: CommandResult) -> str:
    return "green" if run.passed else "red"


def _typing(incident: IncidentSnapshot) -> str:
    verbs = _verbs(incident.heal)
    if not verbs:
        return ""
    rows = []
    for verb in verbs:
        need = VERBS[verb].need
        who = "" if need is Permission.NONE else f" ({need.name.lower()} access)"
        rows.append(f"- `@patchpilot {verb}` {_TYPED[verb]}{who}")
    return "You can type, at the start of a line:\n\n" + "\n".join(rows)


def _verbs(heal: HealSnapshot) -> list[str]:
    if heal.failure.from_fork:
        return ["explain"] if heal.diagnosis is not None else []
    if heal.state is S.AWAITING_APPROVAL:
        return ["retest" if heal.moved_to else "approve", "retry", "reject", "escalate", "explain"]
    if heal.state in _RETRIABLE:
        return ["fix", "explain"]
    if heal.state in WORKING:
        return ["escalate", "explain"]
    return ["explain"] if heal.diagnosis is not None else []


def _others(others: Sequence[IncidentSnapshot]) -> str:
    if not others:
        return ""
    rows = [f"- {_title(one)}: {say(one.heal.failure.workflow, 60)}: {say(one.title, 160)}" for one in others]
    return "Also on this pull request:\n\n" + "\n".join(rows)


def _asked(asks: Sequence[PullAsk], links: Collection[str]) -> str:
    if not asks:
        return ""
    rows = []
    for ask in asks:
        sign = _SIGNS[REACTION_OF[ask.state]]
        verb = code(ask.text.split("\n")[0], 80)
        rows.append(
            f"- {sign} {code(ask.by.login, 60)} asked for {verb}: {said(ask.answer, 600, links=links)}"
        )
    return "Asked here of late:\n\n" + "\n".join(rows)


def _actions(heal: HealSnapshot) -> tuple[CheckAction, ...]:
    actions: list[CheckAction] = []
    if heal.state in _RETRIABLE and not heal.failure.from_fork:
        if heal.state is not S.AWAITING_APPROVAL:
            actions.append(_FIX)
        elif heal.moved_to:
            actions.append(_RETEST)
        actions.append(_RETRY)
    if heal.state in _ESCALATABLE:
        actions.append(_ESCALATE)
    return tuple(actions)


def _annotations(heal: HealSnapshot) -> Iterable[CheckAnnotation]:
    diagnosis = heal.diagnosis
    if diagnosis is None:
        return
    message = one_line(diagnosis.root_cause, 500) or "PatchPilot suspects this place."
    places: dict[Location, None] = dict.fromkeys(diagnosis.suspect_files)
    if heal.distilled is not None:
        places |= dict.fromkeys(heal.distilled.files)
    for place in list(places)[:_MOST_ANNOTATIONS]:
        # Logs name files outside the repository too; GitHub would show such a remark nowhere.
        if place.line > 0 and not place.path.startswith(("/", "..", "<")) and ":" not in place.path:
            yield CheckAnnotation(path=place.path.removeprefix("./"), line=place.line, message=message)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
