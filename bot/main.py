"""The bot's process: HTTP server, Slack, relay, schedule and announcer."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler

from bot.authority import Authority
from bot.door import Door
from bot.linking import Linking
from bot.parts import BotParts
from bot.pulls.front import PullFront
from bot.slack.announcer import Announcer
from bot.slack.assembly import assemble, deliveries
from bot.slack.audience import Audience
from bot.slack.digest import WeeklyDigest
from bot.slack.direct import DirectMessages
from bot.slack.pulse import Pulse
from bot.web.app import create_app
from bot.web.listening import listen
from bot.web.live import LiveFeed
from jobs.dispatch import Dispatcher
from jobs.queues import Queues, connect
from jobs.schedules import Schedules
from patchpilot.errors import TemporaryError
from patchpilot.metrics import Metrics
from patchpilot.routing import Fallback
from patchpilot.settings import BotSettings
from providers.ci.github_runs import GitHubRuns
from providers.ci.github_webhooks import GitHubWebhooks
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import reader_access
from providers.hosts.github_sign_in import github_sign_in
from storage.database import Database
from storage.memory import PostgresMemory
from storage.sealing import Seal
from storage.workspaces import reseal_workspaces

log = logging.getLogger(__name__)


def run_bot(settings: BotSettings, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    # First of all: a port that is taken must not be found out by a process that has begun to work.
    sockets = listen(host, port)
    db = Database(settings.database_url.get_secret_value(), pool_size=12)
    metrics = Metrics()
    queues = Queues(connect(settings.redis_url.get_secret_value()))
    access = reader_access(settings)
    linking = Linking(db, github_sign_in(settings), public_url=settings.public_url)
    authority = Authority(GitHubHost(access))
    door = Door(
        db,
        authority,
        metrics,
        linking=linking,
        runs=GitHubRuns(access),
        memory=PostgresMemory(db, reads_only=True),
        daily=settings.user_day_requests,
    )
    parts = BotParts(
        settings=settings,
        db=db,
        queues=queues,
        door=door,
        authority=authority,
        linking=linking,
        metrics=metrics,
        parsers={"github": GitHubWebhooks(settings.github_webhook_secret.get_secret_value())},
    )
    slack = assemble(settings, db, parts, authority)
    pulse = Pulse(lambda: slack.workspaces.home, metrics)
    app = create_app(parts, more=slack.routers, slack=pulse.check)
    _reseal(settings, db)
    stop = threading.Event()
    delivery = deliveries(db, slack.workspaces, metrics, admin=settings.slack_admin)
    announcer = Announcer(
        db,
        delivery,
        channel=settings.slack_channel,
        storm_places=settings.storm_places,
        call_authors=settings.slack_mention_author,
        audience=Audience(
            db,
            Fallback(
                channel=settings.slack_channel,
                branches=tuple(filter(None, settings.slack_channel_branches.replace(" ", "").split(","))),
            ),
            resolve=delivery.channel_id,
            is_private=lambda channel, team: delivery.is_private(channel, team=team),
            teams=slack.workspaces,
        ),
    )
    digest = WeeklyDigest(
        db,
        lambda: deliveries(db, slack.workspaces, metrics),
        home=settings.slack_channel,
        at=settings.digest_time,
        zone=settings.digest_timezone,
        minutes_per_fix=settings.digest_minutes_per_fix,
        foreign=slack.workspaces.foreign,
    )
    door.digests = digest
    slack.home.watch(door, linking)
    direct = DirectMessages(
        db,
        authority,
        slack.people,
        slack.workspaces.client,
        lambda: deliveries(db, slack.workspaces, metrics),
        foreign=slack.workspaces.foreign,
    )
    threads = [
        _thread("dispatcher", lambda: Dispatcher(db, queues, resend_after=settings.lease_seconds).run(stop)),
        _thread("schedule", lambda: Schedules(db, connect(settings.redis_url.get_secret_value())).run(stop)),
        _thread("live", lambda: LiveFeed(db, connect(settings.redis_url.get_secret_value())).run(stop)),
        _thread("announcer", lambda: announcer.run(stop)),
        _thread("digest", lambda: digest.run(stop)),
        _thread("direct", lambda: direct.run(stop)),
        _thread("home", lambda: slack.home.run(stop)),
        _thread("pull-requests", lambda: PullFront(db, door).run(stop)),
    ]
    socket_mode = _socket_mode(settings, slack.app, stop)
    # uvicorn ends on SIGTERM, then raises it again for whoever was there before; what follows must still run.
    signal.signal(signal.SIGTERM, lambda *_: None)
    log.info(
        "bot listens",
        extra={"action": "bot_listens", "address": _address(sockets), "public_url": settings.public_url},
    )
    try:
        uvicorn.Server(
            uvicorn.Config(
                app,
                # Its lines go where all go: one JSON object each.
                log_config=None,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=5,
                forwarded_allow_ips=settings.trusted_proxies,
            )
        ).run(sockets)
    finally:
        stop.set()
        if socket_mode is not None:
            socket_mode.close()  # type: ignore[no-untyped-call]
        for thread in threads:
            thread.join(timeout=5)
        slack.close()
        db.close()


def _address(sockets: list[socket.socket]) -> str:
    host, port = sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reseal(settings: BotSettings, db: Database) -> None:
    """Have the first of SLACK_TOKEN_KEYS seal every token, so that older keys may go."""
    if not settings.token_keys:
        return
    for team in reseal_workspaces(db, Seal(settings.token_keys)):
        log.error(
            "token unreadable: no key in SLACK_TOKEN_KEYS opens it; have the workspace add the app again",
            extra={"action": "slack_token_unreadable", "team": team},
        )


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
        except Exception:
            log.exception("thread ended", extra={"action": "thread_ended", "name_of": name})

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread
