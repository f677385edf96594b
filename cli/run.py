"""``patchpilot run|migrate|link``: the processes of an installation and their upkeep."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from cli.logs import configure


class RoleName(enum.StrEnum):
    """The three roles. Each reads its own settings and no others."""

    BOT = "bot"
    WORKER = "worker"
    EFFECTS = "effects"


def run_command(
    role: Annotated[RoleName, typer.Argument(help="bot, worker or effects")],
    host: Annotated[str, typer.Option(help="Address the bot listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port the bot listens on.")] = 8000,
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
    from storage.links import link  # noqa: PLC0415 - as above

    db = Database(load(DatabaseSettings).database_url.get_secret_value())
    try:
        link(db, medium="slack", team=team, account=account, user=HostUser(host="github", login=login))
    finally:
        db.close()
    typer.echo(f"{account} in {team} is {login} on GitHub")
