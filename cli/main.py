"""The ``patchpilot`` command: one sub-command a file, joined here.

Sub-commands import what they need when they run: reading a log must not wait for the bot's libraries.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli.demo import demo_command
from cli.distil import distil_command
from cli.guard import guard_command
from cli.read_diagnosis import diagnose_command
from cli.run import link_command, migrate_command, run_command
from cli.sandbox import build_command, probe_command
from cli.settings import settings_command
from patchpilot import __version__
from patchpilot.errors import PatchPilotError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Heals red CI: reproduces the failure, proves a fix in a sandbox, and asks a human first.",
)
sandbox = typer.Typer(no_args_is_help=True, help="The sandbox in which repositories' own commands run.")

app.command("demo")(demo_command)
app.command("distil")(distil_command)
app.command("diagnose")(diagnose_command)
app.command("guard")(guard_command)
app.command("run")(run_command)
app.command("migrate")(migrate_command)
app.command("link")(link_command)
app.command("settings")(settings_command)
sandbox.command("build")(build_command)
sandbox.command("probe")(probe_command)
app.add_typer(sandbox, name="sandbox")


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
    try:
        app()
    except PatchPilotError as error:
        typer.echo(f"patchpilot: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            typer.echo(f"patchpilot: {error.strerror or error}", err=True)
            # What is still buffered would fail again at exit, with a traceback.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(2)
        # Whoever read us has seen enough: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
