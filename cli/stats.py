"""``patchpilot stats``: what PatchPilot really achieved, and whether its confidence came true."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from patchpilot.calibration import FEWEST

if TYPE_CHECKING:
    from storage.scoreboard import Scoreboard

_MINUTE, _HOUR = 60, 3600


def stats_command(
    *,
    repo: Annotated[str, typer.Option(help="Only this repository, owner/name. Default: all.")] = "",
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Only heals of the last so many days.")
    ] = None,
    host: Annotated[str, typer.Option(help="Code host of the repository.")] = "github",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Show what was proposed, landed and reverted, what it cost, and how far confidence came true."""
    from patchpilot.settings import DatabaseSettings, load  # noqa: PLC0415
    from patchpilot.source import Repo  # noqa: PLC0415
    from storage.database import Database  # noqa: PLC0415
    from storage.scoreboard import scoreboard  # noqa: PLC0415

    db = Database(load(DatabaseSettings).database_url.get_secret_value(), pool_size=1)
    try:
        found = scoreboard(db, repo=Repo(host, repo) if repo else None, days=days)
    finally:
        db.close()
    typer.echo(json.dumps(asdict(found), default=float, indent=2) if as_json else "\n".join(_lines(found)))


def _lines(found: Scoreboard) -> list[str]:
    when = f"last {found.days} days" if found.days else "all time"
    lines = [f"{found.repository or 'all repositories'}, {when}", ""]
    per_landed = found.dollars_per_landed
    rows = [
        ("heals", str(found.heals)),
        ("proposed a patch", str(found.proposed)),
        ("approved", _with(found.approved, found.approved_by_policy, "by policy")),
        ("turned down", str(found.turned_down)),
        ("pull requests", _with(found.pull_requests, found.pull_requests_open, "open")),
        ("landed: merged and green", str(found.landed)),
        ("merged, red", str(found.merged_red)),
        ("merged, not told yet", str(found.merged_unknown)),
        ("reverted", str(found.reverted)),
        ("closed unmerged", str(found.closed)),
        ("left to people", str(found.escalated)),
        ("green again without us", str(found.recovered)),
        ("spent", f"${found.dollars:.2f}"),
        ("per landed fix", "-" if per_landed is None else f"${per_landed:.2f}"),
        ("median to diagnosis", _span(found.seconds_to_diagnosis)),
        ("median to proposal", _span(found.seconds_to_proposal)),
        ("median to pull request", _span(found.seconds_to_pull_request)),
        ("median from there to merge", _span(found.seconds_from_pull_request_to_merge)),
    ]
    lines += [f"{name:<28}{value:>16}" for name, value in rows]
    return [*lines, "", *_confidence(found)]


def _confidence(found: Scoreboard) -> list[str]:
    if not found.known:
        return ["Confidence: no proposal has come to an outcome yet."]
    scores = {
        "as shown": found.brier_of_shown,
        "by the formula alone": found.brier_of_formula,
        "always the mean": found.brier_of_base_rate,
    }
    outcomes = "1 outcome" if found.known == 1 else f"{found.known} outcomes"
    lines = [f"Confidence against {outcomes} (Brier score, 0 is perfect):"]
    lines += [f"  {name:<24}{_score(value):>8}" for name, value in scores.items()]
    lines += ["", "  shown         count   mean   held"]
    lines += [
        f"  {row.low:>4.0%} – {row.high:>4.0%}  {row.count:>6}  {row.mean:>5.0%}  {row.held:>5.0%}"
        for row in found.reliability
    ]
    if not found.recalibration:
        return [*lines, "", f"  Not recalibrated yet: that takes {FEWEST} outcomes."]
    points = ", ".join(f"{score:.0%} → {shown:.0%}" for score, shown in found.recalibration)
    return [*lines, "", f"  Recalibrated: {points}"]


def _with(count: int, part: int, what: str) -> str:
    return f"{count} ({part} {what})" if part else str(count)


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"
