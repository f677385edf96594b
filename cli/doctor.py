"""``patchpilot doctor``: look at everything that an installation needs, and say how to mend it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.run import RoleName
from patchpilot.checkup import Finding, Level, failed, guarded, note, warning, well

if TYPE_CHECKING:
    from patchpilot.settings import CommonSettings, WorkerSettings

_SIGNS = {
    Level.WELL: "[green]✓[/]",
    Level.NOTE: "[cyan]i[/]",
    Level.WARNING: "[yellow]![/]",
    Level.FAILED: "[red]✗[/]",
}


def doctor_command(
    roles: Annotated[
        list[RoleName] | None, typer.Argument(help="bot, worker, effects; all of them by default")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a list.")] = False,
) -> None:
    """Check settings, database, queues, GitHub, Slack, sandbox and model, and say how to mend each.

    Run it where a role runs, with that role's environment: on one machine all three, in containers
    `docker compose exec bot patchpilot doctor bot`. Exit 0 when nothing is broken, 1 when something is.
    """
    logging.disable(logging.CRITICAL)
    found = list(_findings(roles or list(RoleName)))
    broken = [one for one in found if one.level is Level.FAILED]
    if as_json:
        typer.echo(json.dumps({"well": not broken, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        _show(found)
    raise typer.Exit(1 if broken else 0)


def _show(found: list[Finding]) -> None:
    from rich.console import Console  # noqa: PLC0415 - not needed for JSON
    from rich.markup import escape  # noqa: PLC0415 - as above

    console = Console(highlight=False, soft_wrap=True)
    for one in found:
        console.print(f"{_SIGNS[one.level]} [bold]{escape(one.about)}[/]: {escape(one.text)}")
        if one.mend:
            console.print(f"    → {escape(one.mend)}")
    count = {level: sum(one.level is level for one in found) for level in Level}
    console.print(
        f"\n{count[Level.WELL]} well, {count[Level.WARNING]} to look at, {count[Level.FAILED]} broken"
    )


def _findings(roles: list[RoleName]) -> Iterator[Finding]:
    looks: dict[RoleName, Callable[[], Iterator[Finding]]] = {
        RoleName.BOT: _bot,
        RoleName.WORKER: _worker,
        RoleName.EFFECTS: _effects,
    }
    shared = False
    for role in dict.fromkeys(roles):
        settings = _settings(role)
        if isinstance(settings, Finding):
            yield settings
            continue
        yield well(f"{role} settings", "can be used")
        if not shared:
            from jobs.checkup import findings  # noqa: PLC0415 - each look loads its own libraries

            yield from findings(settings)
            shared = True
        yield from looks[role]()
    yield from _separation(roles)


def _settings(role: RoleName) -> CommonSettings | Finding:
    from patchpilot.errors import ConfigurationError  # noqa: PLC0415 - keeps the other commands quick to start
    from patchpilot.settings import BotSettings, EffectsSettings, WorkerSettings, load  # noqa: PLC0415

    kinds: dict[RoleName, type[CommonSettings]] = {
        RoleName.BOT: BotSettings,
        RoleName.WORKER: WorkerSettings,
        RoleName.EFFECTS: EffectsSettings,
    }
    try:
        return load(kinds[role])
    except ConfigurationError as error:
        return failed(
            f"{role} settings", str(error), "patchpilot settings lists them, role by role, with their meaning"
        )


def _bot() -> Iterator[Finding]:
    from bot.slack import checkup as slack  # noqa: PLC0415 - as above
    from bot.slack import install_checkup  # noqa: PLC0415
    from patchpilot.settings import BotSettings, load  # noqa: PLC0415
    from providers.hosts import github_checkup, github_sign_in_checkup  # noqa: PLC0415
    from providers.hosts.github_auth import READER, reader_access  # noqa: PLC0415

    settings = load(BotSettings)
    yield from guarded("Slack", lambda: slack.findings(settings), mend="try again")
    yield from guarded(
        "Add to Slack", lambda: install_checkup.findings(settings), mend="check DATABASE_URL, then try again"
    )
    yield from guarded(
        "GitHub sign-in",
        lambda: github_sign_in_checkup.findings(settings),
        mend="check GITHUB_API_URL, GITHUB_APP_CLIENT_ID and GITHUB_APP_CLIENT_SECRET",
    )
    yield from guarded(
        "GitHub reader",
        lambda: github_checkup.findings(reader_access(settings), who="GitHub reader", needs=READER),
        mend="check GITHUB_API_URL, GITHUB_READER_APP_ID and GITHUB_READER_PRIVATE_KEY",
    )
    if not settings.api_token.get_secret_value():
        yield note("REST API", "changing calls are off", "set API_TOKEN to turn them on")


def _worker() -> Iterator[Finding]:
    from agent import checkup as model  # noqa: PLC0415 - as above
    from patchpilot.settings import WorkerSettings, load  # noqa: PLC0415
    from providers.hosts import github_checkup  # noqa: PLC0415
    from providers.hosts.github_auth import READER, reader_access  # noqa: PLC0415
    from sandbox import open_workbenches  # noqa: PLC0415

    settings = load(WorkerSettings)
    workbenches = open_workbenches(settings.sandbox)
    try:
        if workbenches.engine == "none":
            yield warning(
                "sandbox",
                f"there is none, so failures are diagnosed and nothing is repaired. {workbenches.reason}",
                "install Docker and run `patchpilot sandbox build`, or install bubblewrap",
            )
        else:
            yield well("sandbox", f"{workbenches.engine}: {workbenches.reason or 'works'}")
            yield note("sandbox escapes", "not tried here", "patchpilot sandbox probe tries 40 ways out")
    finally:
        workbenches.close()
    yield from model.findings(settings)
    yield from guarded("embedder", lambda: _embedder(settings), mend="check the settings MEMORY_EMBEDDER_…")
    yield from guarded(
        "GitHub reader",
        lambda: github_checkup.findings(reader_access(settings), who="GitHub reader", needs=READER),
        mend="check GITHUB_API_URL, GITHUB_READER_APP_ID and GITHUB_READER_PRIVATE_KEY",
    )


def _embedder(settings: WorkerSettings) -> Iterator[Finding]:
    from patchpilot.redaction import Redactor  # noqa: PLC0415 - as above
    from storage.embedding import chosen_embedder  # noqa: PLC0415

    embedder = chosen_embedder(settings, redact=Redactor())
    try:
        (vector,) = embedder.embed(["patchpilot doctor"])
        yield well("embedder", f"{embedder.name} gives vectors of length {len(vector)}")
    finally:
        embedder.close()


def _effects() -> Iterator[Finding]:
    from patchpilot.settings import EffectsSettings, load  # noqa: PLC0415 - as above
    from providers.hosts import github_checkup  # noqa: PLC0415
    from providers.hosts.github_auth import FOLLOWER, WRITER, writer_access  # noqa: PLC0415

    settings = load(EffectsSettings)
    # What writes, and what reads whether CI of a fix has started.
    needs = {**FOLLOWER, **WRITER}
    if settings.rerun_flaky:
        needs["actions"] = "write"
    yield from guarded(
        "GitHub writer",
        lambda: github_checkup.findings(
            writer_access(settings),
            who="GitHub writer",
            needs=needs,
            webhook_url=f"{settings.public_url.rstrip('/')}/api/webhooks/github",
        ),
        mend="check GITHUB_API_URL, GITHUB_APP_ID and GITHUB_PRIVATE_KEY",
    )


def _separation(roles: list[RoleName]) -> Iterator[Finding]:
    """The promise that no process holds what it does not need, as far as one environment shows it."""
    import os  # noqa: PLC0415 - as above

    foreign = {
        RoleName.BOT: ("ANTHROPIC_API_KEY", "GITHUB_PRIVATE_KEY", "GITHUB_TOKEN"),
        RoleName.WORKER: ("SLACK_BOT_TOKEN", "GITHUB_WEBHOOK_SECRET", "GITHUB_PRIVATE_KEY", "GITHUB_TOKEN"),
        RoleName.EFFECTS: ("ANTHROPIC_API_KEY", "SLACK_BOT_TOKEN", "GITHUB_WEBHOOK_SECRET"),
    }
    if len(set(roles)) != 1:
        return
    held = [name for name in foreign[roles[0]] if os.environ.get(name)]
    if held:
        yield warning(
            f"{roles[0]} environment",
            f"holds {', '.join(held)}, which this role has no use for",
            "give each role its own slice only (docker-compose.yml does)",
        )
