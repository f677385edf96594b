"""``/metrics/prometheus`` and ``/api/metrics/summary``.

Figures about heals are read from Postgres at the scrape, so they are right whichever process did the work and
after any restart; what only this process knows (webhooks, clicks, Slack calls) it counts itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from bot.parts import BotParts
from bot.web.readers import RepoReader
from patchpilot.errors import MalformedPayloadError, PatchPilotError
from patchpilot.heals import HealState
from patchpilot.source import Repo
from storage.database import Database
from storage.figures import Figures, figures
from storage.scoreboard import Scoreboard, scoreboard

_STATES: Final = tuple(HealState)


class Summary(BaseModel):
    """What has been achieved so far, and what is waiting. Durations in seconds, money in US dollars."""

    heals_by_state: dict[str, int]
    failures: int
    incidents: int
    incidents_open: int
    decisions_by_verb: dict[str, int]
    outcomes: dict[str, int]
    median_seconds_to_diagnosis: float | None
    median_seconds_to_proposal: float | None
    median_seconds_to_pull_request: float | None
    dollars_today: float
    dollars_total: float
    tokens_today: int
    tokens_total: int
    tasks_waiting: dict[str, int]


class PostgresCollector(Collector):
    """Asks Postgres at each scrape."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterable[Metric]:
        """All gauges, or ``patchpilot_postgres_up 0`` alone when Postgres does not answer."""
        up = GaugeMetricFamily("patchpilot_postgres_up", "Whether Postgres answered this scrape.")
        try:
            found = figures(self._db)
        except PatchPilotError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _gauges(found)


def router(parts: BotParts) -> APIRouter:
    """The scrape endpoint and the summary."""
    routes = APIRouter(tags=["metrics"])
    parts.metrics.registry.register(PostgresCollector(parts.db))

    @routes.get("/metrics/prometheus", summary="Metrics for Prometheus", response_class=Response)
    def prometheus() -> Response:
        return Response(generate_latest(parts.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @routes.get("/api/metrics/summary", summary="The headline figures as JSON")
    def summary() -> Summary:
        found = figures(parts.db)
        return Summary.model_validate(found, from_attributes=True)

    @routes.get("/api/stats", summary="The scoreboard, and how far confidence came true")
    def stats(
        repo: Annotated[str, Query(max_length=300, description="owner/name; all without it")] = "",
        days: Annotated[int | None, Query(ge=1, le=36_500)] = None,
        host: Annotated[str, Query(max_length=40)] = "github",
        *,
        reads: RepoReader,
    ) -> Scoreboard:
        try:
            wanted = Repo(host, repo) if repo else None
        except MalformedPayloadError as error:
            raise HTTPException(422, str(error)) from None
        # Of a single private repository only to who may read it; to others it is as one that we don't know.
        return scoreboard(parts.db, repo=wanted, days=days, private=wanted is None or reads(wanted))

    return routes


def _gauges(found: Figures) -> Iterable[Metric]:
    # Every state is always there, also with 0: a series that appears only later breaks rate() and alerts.
    heals = {str(state): found.heals_by_state.get(state, 0) for state in _STATES}
    yield _labelled("patchpilot_jobs", "Heals by state.", "state", heals)
    yield _labelled("patchpilot_decisions", "Decisions by verb.", "verb", found.decisions_by_verb)
    yield _labelled("patchpilot_outcomes", "What became of pull requests.", "outcome", found.outcomes)
    yield _labelled("patchpilot_tasks_waiting", "Tasks not done yet.", "queue", found.tasks_waiting)
    single = {
        "patchpilot_failures": ("Red runs recorded.", found.failures),
        "patchpilot_incidents": ("Incidents recorded.", found.incidents),
        "patchpilot_incidents_open": ("Incidents that are not over.", found.incidents_open),
        "patchpilot_cost_dollars": ("Spent on model calls.", float(found.dollars_total)),
        "patchpilot_cost_dollars_today": ("Spent on model calls today (UTC).", float(found.dollars_today)),
        "patchpilot_tokens": ("Tokens used.", found.tokens_total),
        "patchpilot_seconds_to_diagnosis": (
            "Median, from a heal's start.",
            found.median_seconds_to_diagnosis,
        ),
        "patchpilot_seconds_to_proposal": ("Median, from a heal's start.", found.median_seconds_to_proposal),
        "patchpilot_seconds_to_pull_request": (
            "Median, from a heal's start; people's time to approve included.",
            found.median_seconds_to_pull_request,
        ),
    }
    for name, (text, value) in single.items():
        if value is not None:
            yield GaugeMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
