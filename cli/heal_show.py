"""The end of a heal, told to a person: cause, evidence, patch, proof, and what the guard says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.heal_outcome import HealOutcome, Status
from patchpilot.failures import Blame
from patchpilot.fixes import CommandResult, Fix, Patch, Severity, confidence_word, made_by
from patchpilot.text import one_line, plain

if TYPE_CHECKING:
    from rich.console import Console

Styled = tuple[str, str]
"""A line and its style; nothing of a line is ever read as markup."""

_HEADLINES = {
    Status.FIXED: ("Fixed in the sandbox", "bold green"),
    Status.NOT_FIXED: ("Not fixed", "bold red"),
    Status.FLAKY: ("Flaky", "bold yellow"),
    Status.NOT_REPRODUCED: ("Not reproduced", "bold yellow"),
    Status.UNUSABLE: ("Not possible here", "bold red"),
    Status.INTERRUPTED: ("Interrupted", "bold yellow"),
}
_TAIL = 12
"""Lines of a command's output that are shown."""
_MOST_PATCH_LINES = 400


def show(outcome: HealOutcome) -> None:
    """Print it to standard output, coloured on a terminal; to the other what went wrong before a start."""
    if outcome.command is None:
        sys.stderr.write(f"patchpilot heal: {one_line(outcome.reason, 1000)}\n")
        return
    if not sys.stdout.isatty():
        sys.stdout.write("".join(f"{line}\n" for line, _ in _lines(outcome)))
        sys.stdout.flush()
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    console = Console(highlight=False)
    for line in _lines(outcome):
        _print(console, line)


def _print(console: Console, line: Styled) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    text, style = line
    console.print(Text(text, style=style), soft_wrap=True)


def _lines(outcome: HealOutcome) -> Iterator[Styled]:
    headline, style = _HEADLINES[outcome.status]
    about = f": {one_line(outcome.command.script, 120)}" if outcome.command else ""
    yield f"{headline}{about}", style
    yield from _cause(outcome)
    if outcome.fix is not None:
        yield from _fix(outcome, outcome.fix)
    elif outcome.partial is not None:
        yield from _section(f"An unproven start {_by(outcome.partial.author)} ({outcome.partial.why})")
        yield from _patch(outcome.partial.patch)
    yield from _footer(outcome)


def _section(title: str) -> Iterator[Styled]:
    yield "", ""
    yield one_line(title, 300), "bold"


def _cause(outcome: HealOutcome) -> Iterator[Styled]:
    diagnosis = outcome.diagnosis
    if diagnosis is None:
        return
    yield from _section("Cause")
    yield f"  {one_line(diagnosis.root_cause, 300)}", ""
    yield f"  {diagnosis.category.value}; blame: {_blamed(outcome, diagnosis.blame)}", "dim"
    if diagnosis.explanation:
        yield f"  {one_line(diagnosis.explanation, 1000)}", "dim"
    if diagnosis.disproof:
        yield f"  Would prove it wrong: {one_line(diagnosis.disproof, 400)}", "dim"
    if diagnosis.evidence:
        yield from _section("Evidence in the log")
        for line in diagnosis.evidence:
            yield f"{line.number:>7}  {plain(line.text)}", ""


def _fix(outcome: HealOutcome, fix: Fix) -> Iterator[Styled]:
    yield from _section(f"Patch {_by(fix.author)}: {fix.summary}")
    yield from _patch(fix.patch)
    yield from _section("Proof")
    yield f"  without the patch   {_ran(fix.proof.before)}", ""
    yield from _tail(fix.proof.before)
    for result in fix.proof.after:
        yield f"  with the patch      {_ran(result)}", ""
    if fix.proof.suite_before is not None:
        yield f"  suite without it    {_ran(fix.proof.suite_before)}", ""
    if fix.proof.suite_after is not None:
        yield f"  suite with it       {_ran(fix.proof.suite_after)}", ""
        if fix.proof.suite_held and not fix.proof.suite_after.passed:
            yield (
                "    no worse: it is red without the patch too, and the patch breaks nothing more in it",
                "dim",
            )
    yield from _findings(outcome, fix)
    yield from _section(f"Confidence: {confidence_word(fix)}")


def _by(author: str) -> str:
    made = made_by(author)
    return f"from {made}" if made.startswith("memory: ") else f"by {made}"


def _blamed(outcome: HealOutcome, blame: Blame) -> str:
    """Where changes are not committed, "upstream" is what was committed before them."""
    earlier = outcome.changed and blame is Blame.UPSTREAM
    return "what was committed before, since it fails there too" if earlier else blame.value


def _patch(patch: Patch) -> Iterator[Styled]:
    # Not splitlines(): that also breaks at form feeds and U+2028, which may stand inside a line.
    lines = patch.diff.rstrip("\n").split("\n")
    for line in lines[:_MOST_PATCH_LINES]:
        # As it is but for what a terminal would obey.
        yield plain(line), diff_style(line)
    if len(lines) > _MOST_PATCH_LINES:
        yield f"… {len(lines) - _MOST_PATCH_LINES:,} more lines; --patch-out FILE writes all of it", "dim"


def diff_style(line: str) -> str:
    """How a line of a diff is coloured, as rich names it."""
    if line.startswith(("diff ", "index ", "--- ", "+++ ", "new file", "deleted file")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def _ran(result: CommandResult) -> str:
    ended = f"exit code {result.exit_code}" if result.exit_code is not None else result.ending.value
    return f"{'green' if result.passed else 'red'}, {ended}, {result.seconds:.1f} s"


def _tail(result: CommandResult) -> Iterator[Styled]:
    lines = [line for line in plain(result.output).rstrip().split("\n") if line.strip()]
    for line in lines[-_TAIL:]:
        yield f"    {line[:200]}", "dim"


def _findings(outcome: HealOutcome, fix: Fix) -> Iterator[Styled]:
    if not fix.findings:
        return
    yield from _section("What the patch guard says")
    styles = {Severity.REFUSE: "red", Severity.OVERRIDE: "yellow", Severity.NOTE: ""}
    for finding in fix.findings:
        place = f"{finding.path}:{finding.line}" if finding.line else finding.path
        text = f"{place}: {finding.message} [{finding.rule}, {finding.severity.value}]"
        yield f"  {one_line(text, 400)}", styles[finding.severity]
    if outcome.needs_override:
        yield "  It needs a person who says that this is right: --yes alone does not apply it.", "yellow"


def _footer(outcome: HealOutcome) -> Iterator[Styled]:
    for note in (*(outcome.diagnosis.notes if outcome.diagnosis else ()), *outcome.notes):
        yield "", ""
        yield f"Note: {one_line(note, 800)}", "dim"
    if outcome.patch_file is not None and outcome.fix is not None:
        yield "", ""
        yield f"The patch is in {one_line(str(outcome.patch_file), 300)}", ""
    facts = []
    if outcome.engine:
        facts.append(f"sandbox {outcome.engine}")
    spend = outcome.spend
    if spend.calls:
        facts.append(f"{outcome.model}, {spend.calls} calls, ${spend.dollars:.4f}")
    facts.append(f"{outcome.seconds:.1f} s, {outcome.sandbox_seconds:.1f} s of them in the sandbox")
    yield "", ""
    yield "; ".join(facts), "dim"
    if outcome.reason:
        yield "", ""
        yield plain(outcome.reason), "bold" if outcome.fix else ""
