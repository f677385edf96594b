"""The demo on a terminal: starts everything, plays the stories, tells them."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from cli.heal_show import diff_style
from patchpilot.errors import PatchPilotError
from patchpilot.settings import SandboxSettings, load
from playground.installation import ROLES, Installation, installation
from playground.scenarios import SCENARIOS, Scenario
from playground.stage import Note, OverError, Stage
from playground.web.github_view import PullCard
from sandbox import open_workbenches

_PASSED_ON: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL")
"""The worker's; with a key Claude takes part in the demo."""
_COLOURS: Final = {"ledger": "cyan", "checkout": "magenta", "notifier": "yellow"}


class Show:
    """One run of the demo."""

    def __init__(self, *, auto: bool) -> None:
        self._auto = auto
        # Soft: in a file or a pipe nothing is cut or filled up to a terminal's width.
        self._console = Console(highlight=False, soft_wrap=True)
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._over = threading.Event()

    def run(
        self,
        folder: Path,
        wanted: Collection[str],
        *,
        logs: Path,
        port: int,
        bot_port: int,
        socket_mode: bool,
    ) -> bool:
        """Play the wanted stories; says whether all ended as they must."""
        settings = load(SandboxSettings)
        workbenches = open_workbenches(settings)
        self._line(f"sandbox: [bold]{workbenches.engine}[/] ({escape(workbenches.reason)})")
        if workbenches.engine == "none":
            self._line("[red]The sample repositories' CI needs a sandbox to run in.[/]")
            return False
        with installation(
            folder,
            workbenches,
            port=port,
            bot_port=bot_port,
            socket_mode=socket_mode,
            # All of it is thrown away at the end, so nothing has to wait for the disk.
            durable=False,
            logs=logs,
        ) as home:
            try:
                return self._present(home, wanted, logs=logs, port=port, bot_port=bot_port)
            finally:
                self._stop()

    def interrupted(self, *_: object) -> None:
        """What a signal does: it ends the stories; once all is being stopped it is answered and no more.

        A second Ctrl-C would else break the stopping off, and leave servers and their data behind.
        """
        if self._over.is_set():
            self._say_at_once("Still stopping what was started; it ends by itself in a few seconds")
            return
        self._stop()
        raise KeyboardInterrupt

    def ended(self, folder: Path) -> None:
        """Say whether all that was started is gone, once its ``folder`` has been removed."""
        if folder.exists():
            self._line(f"[red]Stopped, but {escape(str(folder))} could not be removed; remove it yourself[/]")
        elif self._over.is_set():
            self._line("Stopped, and all is cleared away")

    def _present(
        self, home: Installation, wanted: Collection[str], *, logs: Path, port: int, bot_port: int
    ) -> bool:
        self._line("PostgreSQL with pgvector and Redis are up, the schema is current")
        self._line(f"the processes' logs are in {escape(str(logs))}/")
        self._start(home)
        self._line(
            f"bot, workers and effects are up; the playground is at [bold underline]{home.town.url}[/], "
            f"the bot's dashboard at {home.town.bot_url} (sign in there as ana)"
        )
        for wanted_port, address in ((port, home.town.url), (bot_port, home.town.bot_url)):
            if wanted_port and not address.endswith(f":{wanted_port}"):
                self._line(f"port {wanted_port} is taken, so it is {address}")
        if not self._auto:
            self._line("Press the buttons in the playground's Slack; Ctrl-C ends it all")
        key = (
            "Claude takes part"
            if os.environ.get("ANTHROPIC_API_KEY")
            else "no model key: fixers and memory alone"
        )
        self._line(f"ANTHROPIC_API_KEY: {key}")
        chosen = [scenario for scenario in SCENARIOS if scenario.name in wanted]
        failed = self._play(home, chosen)
        if not self._auto:
            self._line(f"Everything stays up at [bold]{home.town.url}[/] until Ctrl-C")
            threading.Event().wait()
        return not failed

    def _start(self, home: Installation) -> None:
        sandbox = {name: value for name, value in os.environ.items() if name.startswith("SANDBOX_")}
        model = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
        for role in ROLES:
            home.start(role, more=sandbox | model if role == "worker" else None)
        # Any number of workers share a queue; two keep an approval from waiting behind another repair.
        home.start("worker", name="worker-2", more=sandbox | model)
        home.wait_until_ready()

    def _play(self, home: Installation, chosen: list[Scenario]) -> list[str]:
        """One after the other for a reader; all at once for a person, whom none of them must keep waiting."""
        at_once = 1 if self._auto else max(1, len(chosen))
        with ThreadPoolExecutor(at_once, thread_name_prefix="story") as pool:
            try:
                played = list(pool.map(lambda scenario: self._one(home, scenario), chosen))
            except KeyboardInterrupt:
                # The pool waits for its threads, and they may wait for a person.
                self._stop()
                raise
        if self._auto:
            for scenario, (stage, end) in zip(chosen, played, strict=True):
                self._summary(home, scenario, stage, end)
        return [end for _, end in played if end]

    def _one(self, home: Installation, scenario: Scenario) -> tuple[Stage, str]:
        stage = Stage(
            town=home.town, scenario=scenario.name, tell=self._tell, auto=self._auto, over=self._over
        )
        try:
            scenario.play(stage)
        except OverError:
            return stage, ""
        except PatchPilotError as error:
            if not self._auto:
                # A person may reject, escalate or ask again: that is another way, not a defect.
                stage.say(f"took another way: {error}")
                return stage, ""
            stage.say(f"did not end as it must: {error}")
            return stage, str(error)
        except Exception as error:  # noqa: BLE001 - one story's defect must not silence the others; it is told
            stage.say(f"broke off: {error!r}")
            return stage, repr(error)
        return stage, ""

    def _stop(self) -> None:
        """Nothing more of the stories is told from here on: stopping it all takes some seconds."""
        if not self._over.is_set():
            self._over.set()
            self._say_at_once("Stopping what was started, and clearing it away")

    def _say_at_once(self, text: str) -> None:
        """From within a signal's handler, which may have broken into a print: past its locks and buffers."""
        with contextlib.suppress(OSError):  # a terminal that was closed
            os.write(sys.stdout.fileno(), f"{self._seconds()}  {text}\n".encode())

    def _tell(self, note: Note) -> None:
        if self._over.is_set():
            return
        colour = _COLOURS.get(note.scenario, "white")
        took = f" [dim]+{note.seconds:.1f} s[/]" if note.seconds else ""
        self._line(f"[{colour}]{note.scenario:<9}[/] {escape(note.text)}{took}")

    def _line(self, markup: str) -> None:
        with self._lock:
            self._console.print(f"[dim]{self._seconds()}[/]  {markup}")

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._started:6.1f} s"

    def _summary(self, home: Installation, scenario: Scenario, stage: Stage, end: str) -> None:
        """How the story ended, and its diffs; its timeline has been told while it went on."""
        mark = "[red]✗[/]" if end else "[green]✓[/]"
        took = sum(note.seconds for note in stage.notes)
        self._console.print(f"\n{mark} [bold]{escape(scenario.title)}[/] [dim]{took:.1f} s[/]")
        for pull in home.town.github.pull_requests(scenario.sample.full_name):
            self._diff(home, scenario.sample.full_name, pull)

    def _diff(self, home: Installation, repository: str, pull: PullCard) -> None:
        self._console.print(
            f"  [bold]#{pull.number}[/] {escape(pull.title)} [dim]({pull.state}, {pull.head})[/]"
        )
        for line in home.town.github.diff(repository, pull.number).rstrip("\n").split("\n"):
            self._console.print(Text(f"    {line}", style=diff_style(line)))
        self._console.print()
