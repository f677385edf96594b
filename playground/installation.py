"""PatchPilot's own processes in the playground's town: what ``demo`` and the acceptance tests start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from jobs.migration import migrate
from patchpilot.errors import PermanentError
from patchpilot.ports import Workbenches
from playground.processes import Processes
from playground.servers import embedded_postgres, embedded_redis
from playground.slack.pace import Pace
from playground.stage import wait_for
from playground.town import Town, town
from storage.database import Database

ROLES: Final = ("bot", "worker", "effects")
_READY_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A running PatchPilot with everything around it."""

    town: Town
    db: Database
    database_url: str
    redis_url: str
    processes: Processes

    def start(self, role: str, *, name: str = "", more: Mapping[str, str] | None = None) -> None:
        """Start one process of a role, under ``name`` if there are several."""
        environment = self.town.environment(role, database_url=self.database_url, redis_url=self.redis_url)
        arguments = ["run", role]
        if role == "bot":
            arguments += ["--port", str(self.town.bot_port)]
        self.processes.start(name or role, arguments, environment | dict(more or {}))

    def wait_until_ready(self) -> None:
        """Until the bot and all it needs answer; raises :class:`PermanentError` with its log if not."""
        if not wait_for(self._ready, seconds=_READY_SECONDS):
            tail = "\n".join(self.processes.log_of("bot").splitlines()[-15:])
            raise PermanentError(f"the bot did not start; its log ends with:\n{tail}")

    def _ready(self) -> bool:
        try:
            return bool(httpx.get(f"{self.town.bot_url}/ready", timeout=5).json()["ready"])
        except (httpx.TransportError, ValueError, KeyError):
            return False


@contextmanager
def installation(
    folder: Path,
    workbenches: Workbenches,
    *,
    port: int = 0,
    bot_port: int = 0,
    socket_mode: bool = False,
    pace: Pace | None = None,
    durable: bool = True,
    logs: Path | None = None,
) -> Iterator[Installation]:
    """PostgreSQL, Redis and the town, migrated and linked; the roles are started by the caller.

    ``logs`` is where their logs are written, if not below ``folder``.
    """
    with ExitStack() as stack:
        database_url = stack.enter_context(embedded_postgres(folder / "postgres", durable=durable))
        redis_url = stack.enter_context(embedded_redis(folder / "redis"))
        migrate(database_url)
        db = Database(database_url)
        stack.callback(db.close)
        place = stack.enter_context(
            town(
                folder / "github",
                workbenches,
                port=port,
                bot_port=bot_port,
                socket_mode=socket_mode,
                pace=pace,
            )
        )
        place.link_people(db)
        processes = stack.enter_context(Processes(logs or folder / "logs"))
        yield Installation(
            town=place, db=db, database_url=database_url, redis_url=redis_url, processes=processes
        )
