"""``patchpilot chatops``: every command, button and permission, as the tables in the documentation."""

from __future__ import annotations

import typer


def chatops_command() -> None:
    """Print every verb, button and form with who may use it, as Markdown."""
    from cli.chatops_page import markdown  # noqa: PLC0415 - other commands start sooner

    typer.echo(markdown(), nl=False)
