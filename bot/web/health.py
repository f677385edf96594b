"""``/health``: this process lives. ``/ready``: so does everything it needs, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from bot.parts import BotParts
from patchpilot import __version__
from patchpilot.errors import PatchPilotError
from storage.troubles import broken_places


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class Check(BaseModel):
    """One dependency."""

    ok: bool
    detail: str = ""
    """Empty when all is well, else what to do."""


class Readiness(BaseModel):
    """Every dependency by name."""

    ready: bool
    checks: dict[str, Check]


def router(parts: BotParts, *, slack: Callable[[], None]) -> APIRouter:
    """The two probes. ``slack`` raises unless Slack answers; it must not keep a probe waiting."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health", summary="Is this process alive?")
    def health() -> Health:
        return Health()

    @routes.get("/ready", summary="Is everything there that this process needs?")
    def ready(response: Response) -> Readiness:
        checks = {
            "postgres": _check(parts.db.ping),
            "schema": _check(lambda: _schema(parts)),
            "redis": _check(parts.queues.ping),
            "slack": _check(lambda: _reachable(parts, slack)),
        }
        # Redis carries wake-ups only, and Slack is caught up with: without them nothing is lost. Taking the
        # bot out of service then would lose the webhooks that it could record.
        able = checks["postgres"].ok and checks["schema"].ok
        response.status_code = 200 if able else 503
        return Readiness(ready=all(check.ok for check in checks.values()), checks=checks)

    return routes


def _schema(parts: BotParts) -> None:
    if not parts.db.schema_is_current():
        raise PatchPilotError("the database schema is not current; run: patchpilot migrate")


def _reachable(parts: BotParts, slack: Callable[[], None]) -> None:
    broken = broken_places(parts.db)
    if broken:
        said = [
            f"{row.named}: {row.code} since {row.since:%Y-%m-%d %H:%M} UTC. {row.advice}" for row in broken
        ]
        raise PatchPilotError("; ".join(said))
    slack()


def _check(probe: Callable[[], object]) -> Check:
    try:
        probe()
    except PatchPilotError as error:
        return Check(ok=False, detail=str(error))
    return Check(ok=True)
