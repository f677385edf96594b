"""The pull request, from an approved heal: a pure function of its snapshot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from jobs.commit_style import Convention, never_skips, subject
from jobs.markdown import block as _block
from jobs.markdown import say as _say
from patchpilot.commands import Medium
from patchpilot.errors import PermanentError
from patchpilot.failures import Category, in_log_order
from patchpilot.fixes import CommandResult, Fix, PastFix, made_by
from patchpilot.incidents import DecisionRecord, HealSnapshot, incident_name
from patchpilot.source import Proposal, Sha
from patchpilot.text import middle, one_line, plain

_OUTPUT_CHARACTERS: Final = 6_000
_BRANCH_PREFIX: Final = "patchpilot/fix/"
LABELS: Final = ("patchpilot",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What a commit message needs beside the heal: how it is written here, and by and for whom."""

    convention: Convention = field(default_factory=Convention)
    approver: str = ""
    """``Name <address>`` of who approved, where their account is known."""
    ourselves: str = ""
    """The same for the account that commits."""


def branch_name(heal: HealSnapshot) -> str:
    """Derived from heal and attempt alone, so that a repeated task finds its own branch.

    A second round goes on on the branch of the first.
    """
    if _has_round_before(heal):
        return heal.pull_request_branch
    return f"{_BRANCH_PREFIX}{incident_name(heal.incident).lower()}-{heal.id[:8]}-{heal.attempt}"


def _has_round_before(heal: HealSnapshot) -> bool:
    """A pull request of our own is there; a fix on somebody's branch has none."""
    return heal.pull_request_branch.startswith(_BRANCH_PREFIX)


def approval_of(heal: HealSnapshot) -> DecisionRecord:
    """Who approved the proposed patch; raises :class:`PermanentError` unless this exact one was approved."""
    approval = next((d for d in reversed(heal.decisions) if d.verb == "approve"), None)
    if heal.fix is None or approval is None or approval.patch_sha256 != heal.fix.patch.sha256:
        raise PermanentError("no approval is recorded for this exact patch, so no pull request is opened")
    return approval


def proposal(
    heal: HealSnapshot,
    *,
    public_url: str,
    attribution: Attribution | None = None,
    past: Sequence[PastFix] = (),
) -> Proposal:
    """What to open; raises :class:`PermanentError` unless this exact patch was approved.

    ``past`` are the cases of the memory that are like this one, best first.
    """
    approval = approval_of(heal)
    if heal.fix is None:
        raise PermanentError("there is no patch to open a pull request with")
    attribution = attribution or Attribution()
    title = subject(
        attribution.convention,
        heal.fix.summary,
        category=heal.diagnosis.category if heal.diagnosis else Category.UNKNOWN,
        files=heal.fix.patch.files,
        broken_by=heal.failure.commit_subject,
    )
    return Proposal(
        repo=heal.failure.run.repo,
        # Who approves a risky patch says where it goes; the code host refuses a base that does not fit.
        base_branch=approval.options.get("base") or heal.failure.branch,
        base_sha=heal.base.head_sha,
        branch=branch_name(heal),
        patch=heal.fix.patch.diff,
        title=title,
        body=_body(heal, heal.fix, approval, public_url, past),
        commit_message=_commit_message(heal, heal.fix, title, approval, attribution),
        labels=LABELS,
        draft=approval.options.get("draft") != "no",
        draft_only=approval.medium == Medium.POLICY,
        onto=Sha(heal.pull_request_sha) if _has_round_before(heal) else None,
    )


def _commit_message(
    heal: HealSnapshot, fix: Fix, title: str, approval: DecisionRecord, attribution: Attribution
) -> str:
    cause = _inert(heal.diagnosis.root_cause, 400) if heal.diagnosis else ""
    trailers = [
        f"Failing-run: {one_line(heal.failure.run.url, 300)}",
        f"Incident: {incident_name(heal.incident)}",
        f"Generated-by: PatchPilot ({one_line(fix.author, 80)})",
        *(f"Approved-by: {_inert(name, 80)}" for name in _approvers(heal, approval)),
    ]
    if attribution.approver:
        trailers.append(f"Co-authored-by: {attribution.approver}")
    if attribution.convention.signed_off and attribution.ourselves:
        # Whoever commits signs, as other bots do; a person's sign-off is theirs to give.
        trailers.append(f"Signed-off-by: {attribution.ourselves}")
    # Not a paragraph that git could take for trailers, whatever the log made of the cause.
    paragraphs = [title, f"Cause: {cause}" if cause else "", "\n".join(trailers)]
    return "\n\n".join(part for part in paragraphs if part)


def _approvers(heal: HealSnapshot, approval: DecisionRecord) -> tuple[str, ...]:
    """Who answers for it: two people, where the repository wants two."""
    return tuple(dict.fromkeys(name for name in (heal.first_approved_by, approval.actor) if name))


def _inert(text: str, width: int) -> str:
    """Hostile text for a commit message: it calls nobody, closes no issue and keeps no CI from starting."""
    text = never_skips(one_line(text, width))
    return re.sub(r"#(?=\d)", "no. ", text.replace("@", "@\u2060"))


def _body(
    heal: HealSnapshot, fix: Fix, approval: DecisionRecord, public_url: str, past: Sequence[PastFix]
) -> str:
    diagnosis = heal.diagnosis
    parts = [f"<!-- patchpilot:{heal.id}:{heal.attempt} -->"]
    if diagnosis is not None:
        parts += ["### Cause", _say(diagnosis.root_cause)]
        if diagnosis.explanation:
            parts.append(_say(diagnosis.explanation))
        if diagnosis.disproof:
            parts.append(f"Would prove it wrong: {_say(diagnosis.disproof)}")
        if diagnosis.evidence:
            parts.append(_block("\n".join(line.text for line in in_log_order(diagnosis.evidence, 8))))
    parts += ["### Fix", _say(fix.summary), _facts(heal, fix, approval, past)]
    parts += ["### Seen in the sandbox", fix.proof.compared, _run("Before", fix.proof.before)]
    if fix.left_out:
        parts.append(f"Not as in CI: {_say(one_line(' '.join(fix.left_out), 600))}")
    parts += [_run(f"After, run {number}", run) for number, run in enumerate(fix.proof.after[:1], 1)]
    if fix.proof.suite_before is not None:
        parts.append(_run("Wider suite, before", fix.proof.suite_before))
    if fix.proof.suite_after is not None:
        parts.append(_run("Wider suite, after", fix.proof.suite_after))
    if fix.findings:
        rows = "\n".join(f"- `{f.rule}` {_say(f.path)}:{f.line} {_say(f.message)}" for f in fix.findings)
        parts += ["### What the patch guard noted", rows]
    parts.append(
        f"---\nProposed by PatchPilot for [{incident_name(heal.incident)}]({public_url}/#{heal.id}) "
        f"after [the failing run]({heal.failure.run.url}). Nothing is merged by PatchPilot."
    )
    return "\n\n".join(part for part in parts if part)


def _facts(heal: HealSnapshot, fix: Fix, approval: DecisionRecord, past: Sequence[PastFix]) -> str:
    green = sum(run.passed for run in fix.proof.after)
    reproduced = "yes" if fix.proof.reproduced else "no"
    tokens = heal.spend.input_tokens + heal.spend.output_tokens
    approvers = _say(" and ".join(_approvers(heal, approval)))
    rows = [
        f"| made by | {_say(made_by(fix.author))} |",
        f"| approved by | {approvers}, {approval.at:%Y-%m-%d %H:%M} UTC |",
        f"| patch SHA-256 | `{fix.patch.sha256}` |",
        f"| base commit | `{heal.base.head_sha}` |",
        f"| reproduced | {reproduced}; green {green} of {len(fix.proof.after)} |",
        f"| confidence | {fix.confidence:.0%}, from this evidence alone{_weights(fix)} |",
        *([f"| memory | {', '.join(map(_precedent, past))} |"] if past else []),
        f"| cost | ${heal.spend.dollars:.2f}, {tokens:,} tokens |",
    ]
    return "| | |\n|---|---|\n" + "\n".join(rows)


def _precedent(past: PastFix) -> str:
    """A case of the memory: what it was, how close, and what became of it."""
    how = "the same failure" if past.similarity >= 1 else f"{past.similarity:.0%} alike"
    name = incident_name(past.incident)
    if re.fullmatch(r"https?://[^\s()<>|\[\]]+", past.pull_request_url):
        name = f"[{name}]({past.pull_request_url})"
    return f"{name} ({how}, {past.outcome.value})"


def _weights(fix: Fix) -> str:
    """Every input of the confidence, and what past outcomes made of their sum."""
    if not fix.facts:
        return ""
    inputs = "; ".join(f"{_say(fact.text)} {fact.worth:+.2f}" for fact in fix.facts)
    past = (
        f", as past outcomes teach about {fix.score:.0%}" if fix.score not in {None, fix.confidence} else ""
    )
    return f"{past} ({inputs})"


def _run(name: str, run: CommandResult) -> str:
    verdict = "green" if run.passed else f"red ({run.ending}, exit {run.exit_code})"
    verdict += f", {run.counts}" if run.counts is not None else ""
    head = f"<details><summary>{name}: {verdict} in {run.seconds:.1f} s, {run.engine}</summary>\n\n"
    text = f"$ {run.command}\n{plain(run.output)}"
    return f"{head}{_block(middle(text, _OUTPUT_CHARACTERS))}\n\n</details>"
