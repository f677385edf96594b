"""``patchpilot run|migrate|link``: the processes of an installation and their upkeep."""

from __future__ import annotations

import enum
import re
from typing import Annotated, Final

import typer

from cli.logs import configure

_MEMBER: Final = re.compile(r"[UW][A-Z0-9]{2,}")
_WORKSPACE: Final = re.compile(r"[TE][A-Z0-9]{2,}")


class RoleName(enum.StrEnum):
    """The three roles. Each reads its own settings and no others."""

    BOT = "bot"
    WORKER = "worker"
    EFFECTS = "effects"


def run_command(
    role: Annotated[RoleName, typer.Argument(help="bot, worker or effects")],
    host: Annotated[str, typer.Option(help="Address the bot listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port the bot listens on.", min=0, max=65_535)] = 8000,
) -> None:
    """Run one role of an installation until it is told to stop."""
    from patchpilot.settings import (  # noqa: PLC0415 - keeps other commands quick
        BotSettings,
        EffectsSettings,
        WorkerSettings,
        load,
    )

    if role is RoleName.BOT:
        bot = load(BotSettings)
        configure(bot.log_level, role)
        from bot.main import run_bot  # noqa: PLC0415 - a role loads its own libraries and no other's

        run_bot(bot, host=host, port=port)
        return
    # The whole slice, so that all that is missing is named at once.
    configure(load(WorkerSettings if role is RoleName.WORKER else EffectsSettings).log_level, role)
    from jobs.worker import run_worker  # noqa: PLC0415 - as above

    run_worker("heal" if role is RoleName.WORKER else "effects")


def migrate_command() -> None:
    """Bring the database's schema up to date (safe to run again, and from several places at once)."""
    from jobs.migration import migrate  # noqa: PLC0415 - needs the agent's libraries, other commands do not
    from patchpilot.settings import DatabaseSettings, load  # noqa: PLC0415 - as above

    settings = load(DatabaseSettings)
    configure(settings.log_level, "migrate")
    migrate(settings.database_url.get_secret_value())
    typer.echo("the database schema is current")


def link_command(
    account: Annotated[str, typer.Argument(help="Slack member id, for instance U024BE7LH")],
    login: Annotated[str, typer.Argument(help="login on GitHub")],
    team: Annotated[str, typer.Option(help="Slack workspace id, for instance T024BE7LD")],
) -> None:
    """Say which GitHub account a Slack member is, so that their permissions can be checked at each click."""
    from patchpilot.settings import DatabaseSettings, load  # noqa: PLC0415 - as above
    from patchpilot.source import HostUser  # noqa: PLC0415 - keeps the other commands quick to start
    from storage.database import Database  # noqa: PLC0415 - as above
    from storage.links import link, linked  # noqa: PLC0415 - as above

    login = login.removeprefix("@")
    _check_names(account, login, team)
    db = Database(load(DatabaseSettings).database_url.get_secret_value(), pool_size=1)
    try:
        before = linked(db, medium="slack", team=team, account=account)
        link(db, medium="slack", team=team, account=account, user=HostUser(host="github", login=login))
    finally:
        db.close()
    changed = f", no longer {before.login}" if before and before.login != login else ""
    typer.echo(f"{account} in {team} is {login} on GitHub{changed}")


def _check_names(account: str, login: str, team: str) -> None:
    from patchpilot.errors import PermanentError  # noqa: PLC0415 - as above
    from patchpilot.grammar.values import LOGIN  # noqa: PLC0415 - as above

    if not _MEMBER.fullmatch(account):
        raise PermanentError(
            f"{account!r} is no Slack member id: copy it (U…) from the person's profile, Copy member ID"
        )
    if not LOGIN.fullmatch(login):
        raise PermanentError(
            f"{login!r} is no login on GitHub: write it as in github.com/LOGIN, for instance octocat"
        )
    if not _WORKSPACE.fullmatch(team):
        raise PermanentError(
            f"{team!r} is no Slack workspace id: copy it (T…) from Slack's address, app.slack.com/client/T…"
        )
