"""``patchpilot doctor``: look at everything that an installation needs, and say how to mend it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.run import RoleName
from patchpilot.checkup import Finding, Level, failed, guarded, note, warning, well

if TYPE_CHECKING:
    from patchpilot.settings import (
        BotSettings,
        CommonSettings,
        EffectsSettings,
        GitHubReaderSettings,
        SandboxSettings,
        WorkerSettings,
    )

_SIGNS = {
    Level.WELL: "[green]✓[/]",
    Level.NOTE: "[cyan]i[/]",
    Level.WARNING: "[yellow]![/]",
    Level.FAILED: "[red]✗[/]",
}


def doctor_command(
    roles: Annotated[
        list[RoleName] | None,
        typer.Argument(help="bot, worker, effects; in a role's container that role by default, else all."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a list.")] = False,
) -> None:
    """Check settings, database, queues, GitHub, Slack, sandbox and model, and say how to mend each.

    Run it where a role runs, with that role's environment: on one machine all three, in containers each in
    its own, for instance `docker compose exec bot patchpilot doctor`. Exit 0 when nothing is broken, 1 when
    something is.
    """
    logging.disable(logging.CRITICAL)
    found = list(_findings(roles or container_roles() or list(RoleName)))
    broken = [one for one in found if one.level is Level.FAILED]
    if as_json:
        typer.echo(json.dumps({"well": not broken, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        _show(found)
    raise typer.Exit(1 if broken else 0)


def container_roles(first: Path = Path("/proc/1/cmdline")) -> list[RoleName]:
    """The role that the container which this runs in was started for; none outside of one.

    Other roles' settings are not there, and are not missing. A container's ``first`` process is the role, or
    an init that was told to start it.
    """
    try:
        words = first.read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:
        return []
    known = {role.value: role for role in RoleName}
    return [
        known[role]
        for program, run, role in zip(words, words[1:], words[2:], strict=False)
        if Path(program).name == "patchpilot" and run == "run" and role in known
    ]


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
    from patchpilot.settings import examine  # noqa: PLC0415 - keeps the other commands quick to start

    looks: dict[RoleName, Callable[[Any, frozenset[str]], Iterator[Finding]]] = {
        RoleName.BOT: _bot,
        RoleName.WORKER: _worker,
        RoleName.EFFECTS: _effects,
    }
    shared = False
    for role in dict.fromkeys(roles):
        found = examine(_kind(role))
        if found.problems:
            yield failed(
                f"{role} settings",
                "\n    ".join(["can't be used:", *found.problems]),
                "patchpilot settings lists them, role by role, with their meaning",
            )
        else:
            yield well(f"{role} settings", "can be used")
        # What the others say can be looked at all the same.
        if found.settings is None:
            continue
        if not shared:
            from jobs.checkup import findings  # noqa: PLC0415 - each look loads its own libraries

            yield from findings(found.settings, unusable=found.unusable)
            shared = True
        yield from looks[role](found.settings, found.unusable)
    yield from _separation(roles)


def _kind(role: RoleName) -> type[CommonSettings]:
    from patchpilot.settings import BotSettings, EffectsSettings, WorkerSettings  # noqa: PLC0415 - as above

    kinds: dict[RoleName, type[CommonSettings]] = {
        RoleName.BOT: BotSettings,
        RoleName.WORKER: WorkerSettings,
        RoleName.EFFECTS: EffectsSettings,
    }
    return kinds[role]


def _touches(unusable: frozenset[str], start: str) -> bool:
    """Whether a look would rest on a setting that is told already."""
    return any(name.startswith(start) for name in unusable)


def _bot(settings: BotSettings, unusable: frozenset[str]) -> Iterator[Finding]:
    from bot.slack import checkup as slack  # noqa: PLC0415 - as above
    from bot.slack import install_checkup  # noqa: PLC0415
    from providers.hosts import github_sign_in_checkup  # noqa: PLC0415

    if not _touches(unusable, "SLACK_"):
        yield from guarded("Slack", lambda: slack.findings(settings), mend="try again")
        if "DATABASE_URL" not in unusable:
            again = "check DATABASE_URL, then try again"
            yield from guarded("Slack messages", lambda: slack.places(settings), mend=again)
            yield from guarded("Add to Slack", lambda: install_checkup.findings(settings), mend=again)
    yield from guarded(
        "GitHub sign-in",
        lambda: github_sign_in_checkup.findings(settings),
        mend="check GITHUB_API_URL, GITHUB_APP_CLIENT_ID and GITHUB_APP_CLIENT_SECRET",
    )
    yield from _reader(settings, unusable)
    if not settings.api_token.get_secret_value():
        yield note("REST API", "changing calls are off", "set API_TOKEN to turn them on")


def _reader(settings: GitHubReaderSettings, unusable: frozenset[str]) -> Iterator[Finding]:
    from providers.hosts import github_checkup  # noqa: PLC0415 - as above
    from providers.hosts.github_auth import READER, reader_access  # noqa: PLC0415

    if _touches(unusable, "GITHUB_READER_"):
        return
    yield from guarded(
        "GitHub reader",
        lambda: github_checkup.findings(reader_access(settings), who="GitHub reader", needs=READER),
        mend=_check("GITHUB_READER_", token=bool(settings.github_reader_token.get_secret_value())),
        away=_AWAY,
    )


_AWAY = "try again; if it stays away, check the network, a proxy (HTTPS_PROXY) and GITHUB_API_URL"


def _check(prefix: str, *, token: bool) -> str:
    """What to look at where GitHub refuses."""
    if token:
        return f"check GITHUB_API_URL, and make a new {prefix}TOKEN where it has run out or was revoked"
    return f"check GITHUB_API_URL, {prefix}APP_ID and {prefix}PRIVATE_KEY"


def _worker(settings: WorkerSettings, unusable: frozenset[str]) -> Iterator[Finding]:
    from agent import checkup as model  # noqa: PLC0415 - as above

    if not _touches(unusable, "SANDBOX_"):
        yield from _sandbox(settings.sandbox)
    yield from model.findings(settings)
    if not _touches(unusable, "MEMORY_EMBEDDER"):
        yield from guarded(
            "embedder", lambda: _embedder(settings), mend="check the settings MEMORY_EMBEDDER_…"
        )
    yield from _reader(settings, unusable)


def _sandbox(settings: SandboxSettings) -> Iterator[Finding]:
    from sandbox import open_workbenches  # noqa: PLC0415 - as above

    workbenches = open_workbenches(settings)
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
    if settings.prepare_ca is not None and settings.prepare:
        yield _authorities(settings.prepare_ca)


def _authorities(file: Path) -> Finding:
    about = "SANDBOX_PREPARE_CA"
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return failed(
            about, f"{file} can't be read ({error.strerror})", "name a PEM file that the worker can read"
        )
    if "-----BEGIN CERTIFICATE-----" not in text:
        return failed(about, f"{file} holds no certificate", "name a PEM file (-----BEGIN CERTIFICATE-----)")
    return well(about, f"{file} has what the step trusts")


def _embedder(settings: WorkerSettings) -> Iterator[Finding]:
    from patchpilot.redaction import Redactor  # noqa: PLC0415 - as above
    from storage.embedding import chosen_embedder  # noqa: PLC0415

    embedder = chosen_embedder(settings, redact=Redactor())
    try:
        (vector,) = embedder.embed(["patchpilot doctor"])
        yield well("embedder", f"{embedder.name} gives vectors of length {len(vector)}")
    finally:
        embedder.close()


def _effects(settings: EffectsSettings, unusable: frozenset[str]) -> Iterator[Finding]:
    from providers.hosts import github_checkup  # noqa: PLC0415 - as above
    from providers.hosts.github_auth import FOLLOWER, WRITER, writer_access  # noqa: PLC0415

    if unusable & {"GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_TOKEN"}:
        return
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
        mend=_check("GITHUB_", token=bool(settings.github_token.get_secret_value())),
        away=_AWAY,
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
