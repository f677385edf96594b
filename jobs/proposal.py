"""The pull request, from an approved heal: a pure function of its snapshot."""

from __future__ import annotations

import re
from typing import Final

from patchpilot.errors import PermanentError
from patchpilot.fixes import CommandResult, Fix
from patchpilot.incidents import DecisionRecord, HealSnapshot, incident_name
from patchpilot.source import Proposal
from patchpilot.text import middle, one_line, plain

_OUTPUT_CHARACTERS: Final = 6_000
_BACKTICKS: Final = re.compile("`+")
_BRANCH_PREFIX: Final = "patchpilot/fix/"


def branch_name(heal: HealSnapshot) -> str:
    """Derived from heal and attempt alone, so that a repeated task finds its own branch."""
    return f"{_BRANCH_PREFIX}{incident_name(heal.incident).lower()}-{heal.id[:8]}-{heal.attempt}"


def proposal(heal: HealSnapshot, *, public_url: str) -> Proposal:
    """What to open; raises :class:`PermanentError` unless this exact patch was approved."""
    approval = next((d for d in reversed(heal.decisions) if d.verb == "approve"), None)
    if heal.fix is None or approval is None or approval.patch_sha256 != heal.fix.patch.sha256:
        raise PermanentError("no approval is recorded for this exact patch, so no pull request is opened")
    subject = one_line(heal.fix.summary, 72)
    return Proposal(
        repo=heal.failure.run.repo,
        base_branch=heal.failure.branch,
        base_sha=heal.failure.head_sha,
        branch=branch_name(heal),
        patch=heal.fix.patch.diff,
        title=subject,
        body=_body(heal, heal.fix, approval, public_url),
        commit_message=_commit_message(heal, subject, approval),
        labels=("patchpilot",),
        draft=True,
    )


def _commit_message(heal: HealSnapshot, subject: str, approval: DecisionRecord) -> str:
    cause = one_line(heal.diagnosis.root_cause, 400) if heal.diagnosis else ""
    return "\n".join(
        [
            subject,
            "",
            cause,
            "",
            f"Failing run: {heal.failure.run.url}",
            f"Incident: {incident_name(heal.incident)}",
            f"Approved-by: {one_line(approval.actor, 80)}",
        ]
    )


def _body(heal: HealSnapshot, fix: Fix, approval: DecisionRecord, public_url: str) -> str:
    diagnosis = heal.diagnosis
    parts = [f"<!-- patchpilot:{heal.id}:{heal.attempt} -->"]
    if diagnosis is not None:
        parts += ["### Cause", _say(diagnosis.root_cause)]
        if diagnosis.explanation:
            parts.append(_say(diagnosis.explanation))
        if diagnosis.evidence:
            parts.append(_block("\n".join(line.text for line in diagnosis.evidence[:8])))
    parts += ["### Fix", _say(fix.summary), _facts(heal, fix, approval)]
    parts += ["### Seen in the sandbox", _run("Before", fix.proof.before)]
    parts += [_run(f"After, run {number}", run) for number, run in enumerate(fix.proof.after[:1], 1)]
    if fix.proof.suite_after is not None:
        parts.append(_run("Wider suite, after", fix.proof.suite_after))
    if fix.findings:
        rows = "\n".join(f"- `{f.rule}` {_say(f.path)}:{f.line} {_say(f.message)}" for f in fix.findings)
        parts += ["### What the patch guard noted", rows]
    parts.append(
        f"---\nProposed by PatchPilot for [{incident_name(heal.incident)}]({public_url}/api/jobs/{heal.id}) "
        f"after [the failing run]({heal.failure.run.url}). Nothing is merged by PatchPilot."
    )
    return "\n\n".join(part for part in parts if part)


def _facts(heal: HealSnapshot, fix: Fix, approval: DecisionRecord) -> str:
    green = sum(run.passed for run in fix.proof.after)
    reproduced = "yes" if fix.proof.reproduced else "no"
    tokens = heal.spend.input_tokens + heal.spend.output_tokens
    rows = [
        f"| made by | {_cell(fix.author)} |",
        f"| approved by | {_cell(approval.actor)}, {approval.at:%Y-%m-%d %H:%M} UTC |",
        f"| patch SHA-256 | `{fix.patch.sha256}` |",
        f"| base commit | `{heal.failure.head_sha}` |",
        f"| reproduced | {reproduced}; green {green} of {len(fix.proof.after)} |",
        f"| confidence | {fix.confidence:.0%}, from this evidence alone |",
        f"| cost | ${heal.spend.dollars:.2f}, {tokens:,} tokens |",
    ]
    return "| | |\n|---|---|\n" + "\n".join(rows)


def _run(name: str, run: CommandResult) -> str:
    verdict = "green" if run.passed else f"red ({run.ending}, exit {run.exit_code})"
    head = f"<details><summary>{name}: {verdict} in {run.seconds:.1f} s, {run.engine}</summary>\n\n"
    text = f"$ {run.command}\n{plain(run.output)}"
    return f"{head}{_block(middle(text, _OUTPUT_CHARACTERS))}\n\n</details>"


def _block(text: str) -> str:
    """A code block that its content can't close: the fence is longer than any run of backticks inside.

    https://spec.commonmark.org/0.31.2/#fenced-code-blocks
    """
    text = plain(text)
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{text}\n{ticks}"


def _say(text: str) -> str:
    """Hostile text as prose: no mention fires, no markup starts, no link is made."""
    text = one_line(text, 1_000)
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, "\\" + sign)
    return text.replace("@", "@\u2060").replace("://", ":\u2060//")


def _cell(text: str) -> str:
    return _say(text).replace("\n", " ")
