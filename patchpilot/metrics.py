"""Prometheus metrics, all named ``patchpilot_*``; log events and the dashboard use the same words.

A process counts in its own :class:`Metrics`; figures about incidents and heals are read from Postgres when
scraped (:mod:`bot.web.metrics`), so they are right whichever process did the work and after any restart.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """What one process counts by itself."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.webhooks = Counter(
            "patchpilot_webhooks_total",
            "Webhook deliveries by provider and answer (accepted, duplicate, ignored, forged, malformed).",
            ["provider", "answer"],
            registry=self.registry,
        )
        self.commands = Counter(
            "patchpilot_commands_total",
            "Commands from people by verb, medium and ruling.",
            ["verb", "medium", "ruling"],
            registry=self.registry,
        )
        self.slack_calls = Counter(
            "patchpilot_slack_calls_total",
            "Slack Web API calls by method and result.",
            ["method", "result"],
            registry=self.registry,
        )
        self.slack_lint = Counter(
            "patchpilot_slack_payload_findings_total",
            "Limits of Slack's that a payload of ours broke, by rule; mended (cut) or refused (not sent).",
            ["rule", "result"],
            registry=self.registry,
        )
        self.slack_broken = Gauge(
            "patchpilot_slack_destinations_broken",
            "Channels (or the workspace) that messages can't reach until an admin mends it.",
            registry=self.registry,
        )
        self.webhook_seconds = Histogram(
            "patchpilot_webhook_seconds",
            "Time from a webhook's arrival to its answer, in seconds.",
            ["provider"],
            registry=self.registry,
        )
