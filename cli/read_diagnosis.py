"""``patchpilot diagnose``: what a failed log says, as typed data or as a summary."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.distil import opened

if TYPE_CHECKING:
    from patchpilot.failures import DistilledFailure


def diagnose_command(
    file: Annotated[str, typer.Argument(help="The log; - reads standard input.", metavar="FILE|-")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    max_bytes: Annotated[int, typer.Option(min=200, help="Size of the distilled text, in bytes.")] = 8000,
    step: Annotated[str, typer.Option(help="Name of the failing step, where it is known.")] = "",
) -> None:
    """Say why a CI run failed, from its log alone: category, cause, evidence, tests and files.

    Exit code 0, also where nothing in the log says why. 2: unusable input.
    """
    from agent.distil import distil  # noqa: PLC0415 - other commands need not load the rules
    from patchpilot.redaction import Redactor  # noqa: PLC0415 - the same

    with opened(file) as chunks:
        failure = distil(chunks, max_bytes=max_bytes, step=step, redact=Redactor())
    if as_json:
        sys.stdout.write(json.dumps(_as_object(failure), ensure_ascii=False) + "\n")
    elif sys.stdout.isatty():
        _show(failure)
    else:
        sys.stdout.write(_summary(failure))
    sys.stdout.flush()


def _as_object(failure: DistilledFailure) -> dict[str, object]:
    return {
        "category": failure.category.value,
        "tool": failure.tool,
        "cause": failure.cause,
        "fingerprint": failure.fingerprint,
        "step": failure.step,
        "tests": list(failure.tests),
        "files": [{"path": place.path, "line": place.line} for place in failure.files],
        "evidence": [{"number": line.number, "text": line.text} for line in failure.evidence],
        "text": failure.text,
        "total_lines": failure.total_lines,
        "total_bytes": failure.total_bytes,
    }


def _facts(failure: DistilledFailure) -> list[tuple[str, str]]:
    facts = [
        ("category", failure.category.value),
        ("tool", failure.tool or "unknown"),
        ("cause", _cause(failure)),
        ("step", failure.step),
        ("fingerprint", failure.fingerprint),
        ("tests", _listed(failure.tests)),
        ("files", _listed([str(place) for place in failure.files])),
        ("log", f"{_counted(failure.total_lines, 'line')}, {_counted(failure.total_bytes, 'byte')}"),
    ]
    return [(name, value) for name, value in facts if value]


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"


def _cause(failure: DistilledFailure) -> str:
    from patchpilot.failures import Category  # noqa: PLC0415 - other commands need not load it

    if not failure.cause:
        return "nothing in the log says"
    # It may not be the log of a failure at all.
    unknown = failure.category is Category.UNKNOWN and not failure.tool
    return f"no failure that is known; the likeliest line is: {failure.cause}" if unknown else failure.cause


def _listed(names: tuple[str, ...] | list[str], most: int = 6) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _summary(failure: DistilledFailure) -> str:
    lines = [f"{name + ':':<13}{value}" for name, value in _facts(failure)]
    lines += ["", "evidence:", *(f"{line.number:>8}  {line.text}" for line in failure.evidence)]
    return "\n".join(lines) + "\n"


def _show(failure: DistilledFailure) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(failure):
        facts.add_row(Text(name, style="bold cyan"), Text(value))
    evidence = Table.grid(padding=(0, 2))
    for line in failure.evidence:
        evidence.add_row(Text(str(line.number), style="dim"), Text(line.text))
    console = Console()
    console.print(facts)
    console.print()
    console.print(evidence)
