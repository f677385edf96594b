"""``patchpilot sandbox build|probe``: make the sandbox's image, and try to break out of the sandbox."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer


def build_command(
    base: Annotated[str, typer.Option(help="Image to build on; needs Python 3, sh, tar and coreutils.")] = (
        "python:3.12-slim-bookworm"
    ),
    tag: Annotated[str, typer.Option(help="Name of the image that is made.")] = "patchpilot-sandbox:latest",
) -> None:
    """Build the image in which repositories' commands run: BASE with git, make, pytest and ruff added.

    On the default base that is all besides Python. For Node, Go, Rust or Java name an image
    of yours in SANDBOX_IMAGE, or one for each language in SANDBOX_IMAGES.
    """
    # Loaded here, so that the other commands start without the Docker client.
    from sandbox.docker_engine import connect  # noqa: PLC0415
    from sandbox.images import build_image  # noqa: PLC0415
    from sandbox.toolbox import assemble  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        toolbox = Path(folder, "toolbox")
        tools = assemble(toolbox)
        built = build_image(connect(), base=base, toolbox=toolbox, tag=tag)
    typer.echo(f"{tag} is {built.id[:19]}, {base} with {', '.join(tools)}")
    if built.lacks:
        typer.echo(f"{built.lacks}: --base IMAGE", err=True)


def probe_command() -> None:
    """Say which sandbox is in use, and try every known way out of it.

    Exit code 1: a way out is open. 2: there is no sandbox.
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from patchpilot.settings import SandboxSettings, load  # noqa: PLC0415
    from sandbox import open_workbenches, probe  # noqa: PLC0415

    workbenches = open_workbenches(load(SandboxSettings))
    console = Console()
    console.print(f"[bold]{workbenches.engine}[/]: {workbenches.reason}", highlight=False)
    if workbenches.engine == "none":
        raise typer.Exit(2)
    table = Table("way out", "", "what happened")
    found = probe(workbenches)
    for one in found:
        table.add_row(one.name, "shut" if one.blocked else "[bold red]OPEN[/]", one.detail)
    console.print(table)
    if not all(one.blocked for one in found):
        raise typer.Exit(1)
