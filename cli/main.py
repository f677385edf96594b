"""The ``patchpilot`` command: one sub-command a file, joined here."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


def run() -> None:
    """Entry point of the console script."""
    app()
