"""The bot's process: HTTP server, Slack, relay and announcer."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.authority import Authority
from bot.decisions import Decisions
from bot.parts import BotParts
from bot.slack import http as slack_http
from bot.slack.announcer import Announcer
from bot.slack.app import SlackFront
from bot.slack.delivery import CALL_SECONDS, Delivery
from bot.web.app import create_app
from jobs.dispatch import Dispatcher
from jobs.queues import Queues, connect
from patchpilot.errors import TemporaryError
from patchpilot.metrics import Metrics
from patchpilot.settings import BotSettings
from providers.ci.github_webhooks import GitHubWebhooks
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import reader_access
from storage.database import Database

log = logging.getLogger(__name__)


def run_bot(settings: BotSettings, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    db = Database(settings.database_url.get_secret_value(), pool_size=12)
    metrics = Metrics()
    queues = Queues(connect(settings.redis_url.get_secret_value()))
    decisions = Decisions(db, Authority(GitHubHost(reader_access(settings))), metrics)
    parts = BotParts(
        settings=settings,
        db=db,
        queues=queues,
        decisions=decisions,
        metrics=metrics,
        parsers={"github": GitHubWebhooks(settings.github_webhook_secret.get_secret_value())},
    )
    slack, client = _slack(settings, db, decisions)
    signed = bool(settings.slack_signing_secret.get_secret_value())
    app = create_app(parts, more=[slack_http.router(slack)] if signed else [])
    stop = threading.Event()
    announcer = Announcer(
        db,
        Delivery(db, client, metrics),
        channel=settings.slack_channel,
        storm_places=settings.storm_places,
    )
    threads = [
        _thread("dispatcher", lambda: Dispatcher(db, queues, resend_after=settings.lease_seconds).run(stop)),
        _thread("announcer", lambda: announcer.run(stop)),
    ]
    socket_mode = _socket_mode(settings, slack, stop)
    # uvicorn ends on SIGTERM, then raises it again for whoever was there before; what follows must still run.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        uvicorn.Server(
            uvicorn.Config(
                app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=5
            )
        ).run()
    finally:
        stop.set()
        if socket_mode is not None:
            socket_mode.close()  # type: ignore[no-untyped-call]
        for thread in threads:
            thread.join(timeout=5)
        db.close()


def _slack(settings: BotSettings, db: Database, decisions: Decisions) -> tuple[App, WebClient]:
    client = WebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=CALL_SECONDS,
        # We own retries: the SDK's would repeat a post whose answer was lost.
        retry_handlers=[],
    )
    app = App(
        client=client,
        signing_secret=settings.slack_signing_secret.get_secret_value() or None,
        # A Slack that is away must not keep webhooks from being recorded.
        token_verification_enabled=False,
        request_verification_enabled=True,
    )
    SlackFront(app, db, decisions)
    return app, client


def _socket_mode(settings: BotSettings, app: App, stop: threading.Event) -> SocketModeHandler | None:
    token = settings.slack_app_token.get_secret_value()
    if not token:
        return None
    handler = SocketModeHandler(app, token)

    def connect_when_possible() -> None:
        while not stop.is_set():
            try:
                handler.connect()  # type: ignore[no-untyped-call]
            except Exception as error:  # noqa: BLE001 - whatever keeps Slack away, try again; webhooks go on
                log.warning(
                    "Slack is away", extra={"action": "socket_mode_waits", "cause": type(error).__name__}
                )
                stop.wait(5)
            else:
                return

    _thread("socket-mode", connect_when_possible)
    return handler


def _thread(name: str, target: Callable[[], None]) -> threading.Thread:
    def guarded() -> None:
        try:
            target()
        except TemporaryError as error:
            log.error("thread ended", extra={"action": "thread_ended", "name_of": name, "cause": str(error)})  # noqa: TRY400

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread
