"""The playground's GitHub as one object: what people do on the site, and what the page reads.

Programs talk to it over HTTP (:func:`router`): REST under ``/api/v3``, git under ``/{owner}/{repo}.git``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from fastapi import APIRouter

from playground.github.acts import Acts
from playground.github.auth import is_rsa_public_key
from playground.github.ci import CIRunner
from playground.github.core import Core, actions_app
from playground.github.events import ALL_EVENTS, Announcer
from playground.github.faults import Fault, FaultKind, Faults
from playground.github.feed import Feed
from playground.github.http import build_router
from playground.github.model import Account, App, PlaygroundRepo, Role
from playground.github.reads import Reads
from playground.github.runs import Runs
from playground.github.shapes import Site
from playground.github.webhooks import Delivery, Webhooks
from playground.github.world import World


class GitHub(Acts, Reads):
    """A GitHub on this machine. Thread-safe; close it when done.

    ``folder`` keeps the bare repositories; ``base_url`` is where :func:`router` is served, without a path;
    with no ``ci`` workflows never run.

    What people do is in :class:`~playground.github.acts.Acts`, what they read in
    :class:`~playground.github.reads.Reads`; here is what an administrator does.
    """

    def __init__(self, folder: Path, *, base_url: str, ci: CIRunner | None) -> None:
        world = World(folder=folder)
        site = Site(base_url.rstrip("/"))
        hooks = Webhooks(world.ids)
        announcer = Announcer(world, site, hooks)
        feed = Feed()
        self._ci = ci
        self._closing = threading.Lock()
        self._closed = False
        self.core = Core(
            world=world,
            site=site,
            hooks=hooks,
            announcer=announcer,
            feed=feed,
            runs=Runs(world, site, announcer, feed, ci) if ci else None,
            faults=Faults(),
            actions_app=actions_app(world.account("github-actions[bot]", kind="Bot")),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish the running jobs and deliveries and stop the threads."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        if self._ci:
            self._ci.close()
        self.core.hooks.close()

    @property
    def base_url(self) -> str:
        """Where the site is served."""
        return self.core.site.base_url

    @property
    def api_url(self) -> str:
        """Root of the REST API, for PyGithub's ``base_url``."""
        return self.core.site.api

    # Setting up

    def create_repository(
        self,
        full_name: str,
        *,
        collaborators: Mapping[str, str],
        default_branch: str = "main",
        private: bool = True,
    ) -> PlaygroundRepo:
        """Make an empty repository; ``collaborators`` maps logins to read, triage, write, maintain or admin.

        Apps that are installed on other accounts are installed on this repository's owner too.
        """
        with self.core.world.lock:
            repo = self.core.world.add_repository(
                full_name, collaborators=collaborators, default_branch=default_branch, private=private
            )
            for app in self.core.world.apps.values():
                if app.everywhere:
                    self._install(app, repo.owner, None)
        self.core.feed.changed()
        return repo

    def install_app(
        self,
        app_id: str,
        *,
        public_key_pem: str,
        permissions: Mapping[str, str],
        webhook_url: str = "",
        webhook_secret: str = "",
        slug: str = "patchpilot",
        events: Sequence[str] = ALL_EVENTS,
        repositories: Sequence[str] | None = None,
        client_id: str = "",
        client_secret: str = "",
        callback_url: str = "",
    ) -> None:
        """Register an App and install it on every owner, now and later, or on ``repositories`` only.

        Give a ``webhook_url`` to at most one of several Apps of one bot, or it hears everything twice.
        """
        if not app_id.isdigit():
            raise ValueError(f"{app_id!r} is not an App id: it must be a number")
        if not is_rsa_public_key(public_key_pem):
            raise ValueError("an App signs with an RSA key: give the public half of one as PEM")
        with self.core.world.lock:
            app = App(
                id=int(app_id),
                slug=slug,
                name=slug,
                public_key_pem=public_key_pem,
                permissions=dict(permissions),
                events=tuple(events),
                webhook_url=webhook_url,
                webhook_secret=webhook_secret,
                bot=self.core.world.account(f"{slug}[bot]", kind="Bot"),
                client_id=client_id,
                client_secret=client_secret,
                callback_url=callback_url,
                everywhere=repositories is None,
            )
            self.core.world.add_app(app)
            everything = self.core.world.repositories.values()
            chosen = everything if repositories is None else map(self.core.world.repository, repositories)
            for owner in {repo.owner.id: repo.owner for repo in chosen}.values():
                self._install(app, owner, repositories)

    def _install(self, app: App, owner: Account, only: Sequence[str] | None) -> None:
        there = self.core.world.installations.values()
        if not any(one.app is app and one.account is owner for one in there):
            self.core.announcer.installed(self.core.world.install(app, owner, only))

    def name_person(self, login: str, name: str) -> None:
        """Give an account the full name that its commits carry."""
        with self.core.world.lock:
            self.core.world.account(login).name = name

    def token_for(self, login: str) -> str:
        """A personal token of this person."""
        with self.core.world.lock:
            return self.core.world.personal_token(login).value

    def set_role(self, full_name: str, login: str, role: str) -> None:
        """Change what a person may do; ``none`` takes all access away."""
        with self.core.world.lock:
            repo = self.core.world.repository(full_name)
            wanted = Role.NONE if role == "none" else Role.named(role)
            self.core.world.account(login)
            repo.collaborators[login.lower()] = wanted
        self.core.feed.changed()

    # Watching

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each change, from whatever thread; the answer ends that."""
        return self.core.feed.subscribe(listener)

    def wait_until(self, until: Callable[[], bool], *, seconds: float = 60.0) -> bool:
        """Wait until something is so, looking after each change; false when the time is over."""
        return self.core.feed.wait(until, seconds=seconds)

    # Webhooks and faults

    def deliveries(self) -> list[Delivery]:
        """The log of webhook deliveries, newest first."""
        return self.core.hooks.log()

    def redeliver(self, delivery_id: str | int) -> Delivery:
        """Send a delivery again with the same GUID, found by its number or GUID."""
        return self.core.hooks.redeliver(delivery_id)

    def drain(self) -> None:
        """Wait until all webhooks queued so far were sent."""
        self.core.hooks.drain()

    def inject(
        self,
        kind: FaultKind | str,
        *,
        method: str = "",
        path: str = "",
        times: int = 1,
        status: int = 502,
        seconds: float = 0.0,
        megabytes: float = 0.0,
        retry_after: int | None = None,
    ) -> None:
        """Let the next matching requests go wrong; :class:`FaultKind` tells how and what the rest means."""
        kind = FaultKind(kind)
        if kind is FaultKind.DUPLICATE_DELIVERY:
            self.core.hooks.duplicate_next(times)
            return
        self.core.faults.add(
            Fault(
                kind=kind,
                method=method,
                path=path,
                times=times,
                status=status,
                seconds=seconds,
                megabytes=megabytes,
                retry_after=retry_after,
            )
        )


def router(github: GitHub) -> APIRouter:
    """Everything that programs reach over HTTP, to be included in an application without a prefix."""
    return build_router(github.core)
