"""The ``patchpilot`` command: one sub-command a file, joined here.

Sub-commands import what they need when they run, and of the sub-commands only the one that is called is
imported: reading a log must not wait for the bot's libraries.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Annotated

import typer

from cli.streams import fill_closed, let_readers_leave
from patchpilot import __version__
from patchpilot.errors import PatchPilotError, SandboxUnavailableError, TemporaryError, UnreachableError

_Commands = Mapping[str, str]
"""The module and the function of each sub-command."""

COMMANDS: _Commands = MappingProxyType(
    {
        "demo": "cli.demo:demo_command",
        "distil": "cli.distil:distil_command",
        "diagnose": "cli.read_diagnosis:diagnose_command",
        "guard": "cli.guard:guard_command",
        "replay": "cli.replay:replay_command",
        "doctor": "cli.doctor:doctor_command",
        "heal": "cli.heal:heal_command",
        "run": "cli.run:run_command",
        "migrate": "cli.run:migrate_command",
        "link": "cli.run:link_command",
        "settings": "cli.settings:settings_command",
        "chatops": "cli.chatops:chatops_command",
        "stats": "cli.stats:stats_command",
        "version": "cli.main:version_command",
    }
)
GROUPS: Mapping[str, tuple[str, _Commands]] = MappingProxyType(
    {
        "sandbox": (
            "The sandbox in which repositories' own commands run.",
            {"build": "cli.sandbox:build_command", "probe": "cli.sandbox:probe_command"},
        ),
        "setup": (
            "What has to be made once on the services.",
            {"github": "cli.setup_github:setup_github_command"},
        ),
    }
)
"""Sub-commands with sub-commands of their own, and their help."""

_LIST_WIDTH = 78
_TRY_AGAIN = ": try again; `patchpilot doctor` looks at what is needed"


def application(called: str = "") -> typer.Typer:
    """The command line, with only the sub-command or group that is ``called`` if it is one of them."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Heals red CI: reproduces the failure, proves a fix in a sandbox, and asks a human first.",
        epilog="Exit code 2 of any command: its input, its settings or this machine can't be used, and why.",
    )
    app.callback()(options)
    known = called in COMMANDS or called in GROUPS
    _join(app, {name: place for name, place in COMMANDS.items() if not known or name == called})
    for name, (about, commands) in GROUPS.items():
        if not known or name == called:
            group = typer.Typer(no_args_is_help=True, help=about)
            _join(group, commands)
            app.add_typer(group, name=name)
    return app


def _join(app: typer.Typer, commands: _Commands) -> None:
    for name, place in commands.items():
        module, function = place.split(":")
        found = import_module(module)
        run_it = getattr(found, function)
        app.command(name, cls=getattr(found, "PARSED_BY", None), help=flowing(inspect.getdoc(run_it) or ""))(
            run_it
        )


def flowing(text: str) -> str:
    """Help whose paragraphs take a terminal's width, and not that of the source they stand in.

    A paragraph of short lines only is a list, and stays as it is.
    """
    parts = text.split("\n\n")
    return "\n\n".join(
        " ".join(part.split("\n")) if any(len(line) > _LIST_WIDTH for line in part.split("\n")) else part
        for part in parts
    )


def _print_version(*, asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


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


def version_command() -> None:
    """Print the version."""
    typer.echo(__version__)


def run() -> None:
    """Entry point of the console script: an error ends in its sentence, not in a traceback."""
    fill_closed()
    let_readers_leave()
    try:
        application(*sys.argv[1:2])()
    except UnreachableError as error:
        typer.echo(f"patchpilot: {error.in_full}", err=True)
        sys.exit(2)
    except TemporaryError as error:
        advice = "" if isinstance(error, SandboxUnavailableError) else _TRY_AGAIN
        typer.echo(f"patchpilot: {error}{advice}", err=True)
        sys.exit(2)
    except PatchPilotError as error:
        typer.echo(f"patchpilot: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        typer.echo(f"patchpilot: {about}{error.strerror or error}", err=True)
        # What is still buffered would fail again at exit, with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
