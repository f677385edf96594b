"""What the thread shows as evidence: diagnosis, hints, the patch, and what the sandbox saw."""

from __future__ import annotations

from typing import Final

from bot.slack.blocks import (
    Message,
    Upload,
    code,
    commit,
    context,
    escape,
    file_link,
    link,
    literal,
    person,
    quiet,
    section,
    sha,
    within,
)
from patchpilot.conversation import Aside, EarlierCase
from patchpilot.failures import BASE_COMMIT, RULES, SAME_COMMIT, Blame, CheckVerdict, Diagnosis, in_log_order
from patchpilot.fixes import CommandResult, Fix, PartialResult, Patch, made_by
from patchpilot.incidents import DecisionRecord, IncidentSnapshot, ThreadNote, incident_name
from patchpilot.redaction import Redactor
from patchpilot.text import middle, middle_lines, one_line, plain, shorten

DIFF_LINES: Final = 60
"""A longer diff goes out as a file."""
_DIFF_CHARACTERS: Final = 2_900
_OUTPUT_CHARACTERS: Final = 700
_LOG_CHARACTERS: Final = 200_000
_QUOTED: Final = 8
_redact = Redactor()


def diagnosis(incident: IncidentSnapshot, aside: Aside) -> Message:
    """Cause in one sentence, how sure that is, the lines that show it, and who says so."""
    found = incident.heal.diagnosis
    if found is None:
        raise ValueError(f"{incident.name} has no diagnosis to show")
    quoted = in_log_order(found.evidence, _QUOTED)
    lines = "\n".join(f"{line.number:>6}  {one_line(line.text, 220)}" for line in quoted)
    cause = quiet(one_line(found.root_cause, 700))
    sure = sureness(found)
    explanation = shorten(plain(found.explanation).strip(), 1_500)
    wrong = within(quiet(one_line(found.disproof, 400)), 600)
    run = incident.heal.failure.run.url
    return Message.of(
        f"{incident.name} diagnosis ({found.category}, {sure}): {found.root_cause}",
        [
            section(f"*Diagnosis* · {found.kind} · {sure}\n{cause}"),
            section(within(quiet(explanation), 2_000)) if explanation else None,
            context(f"Would prove it wrong: {wrong}") if wrong else None,
            code(lines) if lines.strip() else None,
            context(
                f"Quoted from {link(run, 'the log of this run')}" if lines.strip() and run else "",
                _places(found),
                _suspect(incident, found, aside),
                _earlier(aside.earlier),
                # What comes from rules alone has a note that says why.
                "" if found.author == RULES and found.notes else f"by {quiet(one_line(found.author, 80))}",
                *(within(quiet(one_line(note, 250)), 300) for note in found.notes[:4]),
            ),
        ],
    )


def sureness(found: Diagnosis) -> str:
    """A word for how well the diagnosis is founded, from what was looked at; never the model's own word."""
    seen = {check.name: check.verdict for check in found.checks}
    again = seen.get(SAME_COMMIT)
    if again in {CheckVerdict.RED, CheckVerdict.MIXED}:
        known = seen.get(BASE_COMMIT) in {CheckVerdict.RED, CheckVerdict.GREEN, CheckVerdict.PARTLY}
        return "confidence high (seen again in the sandbox)" if known else "confidence medium (seen again)"
    if again is None or again is CheckVerdict.UNKNOWN:
        return "confidence low (from the log alone)"
    return "confidence low (not seen again)"


def _places(found: Diagnosis) -> str:
    places = ", ".join(f"`{literal(str(place))}`" for place in found.suspect_files[:5])
    return f"Suspect: {within(places, 600)}" if places else ""


def _suspect(incident: IncidentSnapshot, found: Diagnosis, aside: Aside) -> str:
    if found.blame is not Blame.CHANGE:
        return ""
    # The one mention that PatchPilot makes by itself; edits of a message call nobody again.
    cc = f" · cc {person(aside.suspect, incident.heal.failure.author)}" if aside.suspect else ""
    return f"Suspect commit: {commit(incident.heal.failure)}{cc}"


def _earlier(case: EarlierCase | None) -> str:
    if case is None:
        return ""
    name = incident_name(case.incident)
    named = link(case.pull_request_url, name) if case.pull_request_url else name
    return f"Seen before as {named} ({quiet(case.outcome)}): {quiet(one_line(case.root_cause, 160))}"


def hint(decision: DecisionRecord) -> Message:
    """What a person wrote with Retry, where everybody can read it."""
    who = quiet(one_line(decision.by, 80))
    return Message.of(
        f"Retry with a hint by {decision.by}: {decision.text}",
        [section(f"↻ *Retry* asked by {who}, with a hint:\n>{quiet(one_line(decision.text, 1_500))}")],
    )


def note(incident: IncidentSnapshot, told: ThreadNote) -> Message:
    """What people are told beside the state."""
    shown = within(quiet(one_line(told.text, 1_800)), 2_500)
    where = f" · {link(told.url, 'Open')}" if told.url.startswith("http") else ""
    return Message.of(f"{incident.name}: {told.text}", [section(f"ℹ️ Note · {shown}{where}")])


def partial(incident: IncidentSnapshot, left: PartialResult) -> Message:
    """A change that nobody has proven: labelled as such, and without any button."""
    size = left.patch.size
    upload = Upload(
        key=f"partial.patch:{incident.heal.id}:{left.patch.sha256[:16]}",
        name="unproven.patch",
        title=f"{incident.name} unproven.patch",
        content=_redact(left.patch.diff),
    )
    diff = _shown(left.patch)
    return Message.of(
        f"{incident.name} unproven partial result ({size}); it can't be approved: {left.why}",
        [
            section(
                f"*Partial result, not proven* · {size}\n{within(quiet(one_line(left.why, 600)), 1_500)}\n"
                "Somewhere to start from by hand; it can't be approved."
            ),
            code(diff) if diff.strip() else None,
            None if diff else section(f"The whole change: {file_link(upload)}"),
            context(
                f"made by {quiet(one_line(made_by(left.author), 120))}",
                "no sandbox has seen this cure the failure",
            ),
        ],
        uploads=() if diff else (upload,),
    )


def _shown(patch: Patch) -> str:
    """The diff where it fits into a message; a part of it without the rest would mislead, so else nothing.

    The lines around a change are the repository's own and may hold a secret.
    """
    diff = plain(_redact(patch.diff))
    return diff if len(diff.splitlines()) <= DIFF_LINES and len(escape(diff)) <= _DIFF_CHARACTERS else ""


def patch(incident: IncidentSnapshot, fix: Fix) -> Message:
    """The diff: in the message where it fits, else as a file."""
    diff = _shown(fix.patch)
    size = fix.patch.size
    upload = Upload(
        key=f"fix.patch:{incident.heal.id}:{fix.patch.sha256[:16]}",
        name="fix.patch",
        title=f"{incident.name} fix.patch",
        content=_redact(fix.patch.diff),
    )
    return Message.of(
        f"{incident.name} patch: {fix.summary} ({size})",
        [
            section(f"*Patch* · {size}\n{quiet(one_line(fix.summary, 400))}"),
            code(diff) if diff.strip() else None,
            None if diff else section(f"The whole patch: {file_link(upload)}"),
            context(
                f"made by {quiet(one_line(made_by(fix.author), 120))}",
                f"SHA-256 `{fix.patch.sha256[:12]}`",
                f"base {sha(incident.heal.base.head_sha)}",
            ),
        ],
        uploads=() if diff else (upload,),
    )


def sandbox(incident: IncidentSnapshot, fix: Fix) -> Message:
    """What was seen before and after, with the command, the image and the whole log."""
    proof = fix.proof
    green = sum(run.passed for run in proof.after)
    told = f"before: {proof.before.verdict} / after: {green} of {len(proof.after)} green"
    if proof.after and proof.after[-1].counts is not None:
        told += f", {proof.after[-1].counts}"
    suite = f" / wider suite: {proof.suite_after.verdict}" if proof.suite_after is not None else ""
    last = proof.after[-1] if proof.after else proof.before
    upload = Upload(
        key=f"sandbox.log:{incident.heal.id}:{fix.patch.sha256[:16]}",
        name="sandbox.log",
        title=f"{incident.name} sandbox.log",
        content=_log(fix),
    )
    command = shorten("\n$ ".join(plain(str(proof.before.command)).splitlines()), 300)
    otherwise = f". Not as in CI: {' '.join(fix.left_out)}" if fix.left_out else ""
    return Message.of(
        f"{incident.name} sandbox: {told}{suite}{otherwise}",
        [
            section(f"*Sandbox* · {told}{suite}"),
            code(f"$ {command}\n{_output(proof.before)}"),
            code(f"with the patch:\n{_output(last)}") if proof.after else None,
            context(f"Not as in CI: {_left_out(fix)}") if fix.left_out else None,
            context(
                f"{quiet(one_line(last.engine, 40))} · `{literal(last.image[:40]) or 'no image'}`",
                f"{proof.before.seconds:.1f} s before, {last.seconds:.1f} s after",
                f"Whole output: {file_link(upload)}",
            ),
        ],
        uploads=(upload,),
    )


def _left_out(fix: Fix) -> str:
    return within(quiet(one_line(" ".join(fix.left_out), 600)), 1_000)


def _output(run: CommandResult) -> str:
    return middle_lines(plain(_redact(run.output)).strip(), _OUTPUT_CHARACTERS)


def _log(fix: Fix) -> str:
    proof = fix.proof
    named = [("before the patch", proof.before)]
    named += [(f"with the patch, run {number}", run) for number, run in enumerate(proof.after, 1)]
    named += [("wider suite before", proof.suite_before)] if proof.suite_before else []
    named += [("wider suite with the patch", proof.suite_after)] if proof.suite_after else []
    share = _LOG_CHARACTERS // len(named)
    parts = [
        f"===== {title}: {run.verdict}, {run.seconds:.1f} s\n$ {run.command}\n{middle(run.output, share)}\n"
        for title, run in named
    ]
    return plain(_redact("\n".join(parts)))
