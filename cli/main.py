"""The ``patchpilot`` command: one sub-command a file, joined here.

Sub-commands import what they need when they run: reading a log must not wait for the bot's libraries.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli.chatops import chatops_command
from cli.demo import demo_command
from cli.distil import distil_command
from cli.doctor import doctor_command
from cli.guard import guard_command
from cli.heal import heal_command
from cli.read_diagnosis import diagnose_command
from cli.replay import replay_command
from cli.run import link_command, migrate_command, run_command
from cli.sandbox import build_command, probe_command
from cli.settings import settings_command
from cli.setup_github import setup_github_command
from cli.stats import stats_command
from cli.streams import let_readers_leave
from patchpilot import __version__
from patchpilot.errors import PatchPilotError, TemporaryError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Heals red CI: reproduces the failure, proves a fix in a sandbox, and asks a human first.",
    epilog="Exit code 2 of any command: its input, its settings or this machine can't be used, and why.",
)
sandbox = typer.Typer(no_args_is_help=True, help="The sandbox in which repositories' own commands run.")
setup = typer.Typer(no_args_is_help=True, help="What has to be made once on the services.")

app.command("demo")(demo_command)
app.command("distil")(distil_command)
app.command("diagnose")(diagnose_command)
app.command("guard")(guard_command)
app.command("replay")(replay_command)
app.command("doctor")(doctor_command)
app.command("heal")(heal_command)
app.command("run")(run_command)
app.command("migrate")(migrate_command)
app.command("link")(link_command)
app.command("settings")(settings_command)
app.command("chatops")(chatops_command)
app.command("stats")(stats_command)
sandbox.command("build")(build_command)
sandbox.command("probe")(probe_command)
app.add_typer(sandbox, name="sandbox")
setup.command("github")(setup_github_command)
app.add_typer(setup, name="setup")


def _print_version(*, asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            is_eager=True,
            callback=lambda asked: _print_version(asked=asked),
        ),
    ] = False,
) -> None:
    """Heals red CI: reproduces the failure, proves a fix in a sandbox, and asks a human first."""


@app.command("version")
def version_command() -> None:
    """Print the version."""
    typer.echo(__version__)


def run() -> None:
    """Entry point of the console script: an error ends in its sentence, not in a traceback."""
    let_readers_leave()
    try:
        app()
    except TemporaryError as error:
        typer.echo(f"patchpilot: {error}: try again; `patchpilot doctor` looks at what is needed", err=True)
        sys.exit(2)
    except PatchPilotError as error:
        typer.echo(f"patchpilot: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        typer.echo(f"patchpilot: {error.strerror or error}", err=True)
        # What is still buffered would fail again at exit, with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
