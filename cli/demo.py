"""``patchpilot demo``: the whole way on this machine, told line by line."""

from __future__ import annotations

import enum
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from patchpilot.errors import PermanentError


class Part(enum.StrEnum):
    """The stories there are."""

    LEDGER = "ledger"
    CHECKOUT = "checkout"
    NOTIFIER = "notifier"


def _known(names: list[str] | None) -> list[str] | None:
    if unknown := [name for name in names or [] if name not in list(Part)]:
        raise typer.BadParameter(f"{unknown[0]!r} is no story; there are {', '.join(Part)}")
    return names


def demo_command(
    only: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STORY]...",
            callback=_known,
            help=f"Play these stories only; there are {', '.join(Part)}.",
        ),
    ] = None,
    auto: Annotated[
        bool,
        typer.Option("--auto", help="Press the buttons itself and exit; the default without a terminal."),
    ] = False,
    port: Annotated[
        int,
        typer.Option(min=0, max=65_535, help="Port of the playground; another free one if it is taken."),
    ] = 8080,
    bot_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the bot; another free one if it is taken.")
    ] = 8000,
    socket_mode: Annotated[
        bool, typer.Option("--socket-mode", help="Let Slack reach the bot by socket.")
    ] = False,
    logs: Annotated[
        Path, typer.Option(help="Where the processes write their logs, from their start on.")
    ] = Path(".patchpilot/logs"),
) -> None:
    """Run PatchPilot on three sample repositories whose CI really fails, on a GitHub and a Slack of your own.

    On a terminal it stays up until Ctrl-C, so that you press the buttons. Without one, or with --auto, it
    presses them itself, prints the timelines and the pull requests' diffs, and exits 0 only if all ended as
    they must.
    """
    _make(logs)
    # Loaded here: the other commands must not wait for all of PatchPilot.
    from cli.show import Show  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="patchpilot-demo-"))
    # PostgreSQL refuses to run as root and then runs as another user, who has to get in here.
    folder.chmod(0o755)
    show = Show(auto=auto or not (sys.stdin.isatty() and sys.stdout.isatty()))
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # so that all is cleaned up
        signal.signal(ending, show.interrupted)
    try:
        wanted = set(only or Part)
        ok = show.run(folder, wanted, logs=logs, port=port, bot_port=bot_port, socket_mode=socket_mode)
    except KeyboardInterrupt:
        ok = True
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        show.ended(folder)
    if not ok:
        typer.echo(f"The processes' logs are in {logs}/", err=True)
    raise typer.Exit(0 if ok else 1)


def _make(logs: Path) -> None:
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermanentError(
            f"--logs {str(logs)!r} can't be made ({error.strerror}); name a folder that you may write to"
        ) from error
