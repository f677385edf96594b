"""Which App hears of what: builds a webhook's payload and hands it to those that may see it."""

from __future__ import annotations

from collections.abc import Mapping

from playground.github import shapes
from playground.github.auth import granted
from playground.github.model import Account, Installation, PlaygroundRepo
from playground.github.shapes import Json, Site
from playground.github.webhooks import Webhooks
from playground.github.world import World

_NEEDS: dict[str, tuple[str, ...]] = {
    "push": ("contents",),
    "create": ("contents",),
    "delete": ("contents",),
    "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",),
    "issue_comment": ("issues", "pull_requests"),
    "check_run": ("checks",),
    "workflow_run": ("actions",),
    "workflow_job": ("actions",),
}
"""An App hears of an event if it may read one of these areas.
https://docs.github.com/en/webhooks/webhook-events-and-payloads"""

ALL_EVENTS = (*_NEEDS, "installation")


class Announcer:
    """Sends events to the Apps on a repository."""

    def __init__(self, world: World, site: Site, hooks: Webhooks) -> None:
        self._world = world
        self._site = site
        self._hooks = hooks

    def tell(
        self,
        repository: PlaygroundRepo,
        event: str,
        payload: Mapping[str, object],
        *,
        sender: Account,
        only_app: int | None = None,
    ) -> None:
        """Tell every installed App that wants and may see it; ``only_app`` limits it to one App's id."""
        for installation in self._world.installations_on(repository.full_name):
            app = installation.app
            readable = any(granted(app.permissions, area, "read") for area in _NEEDS[event])
            if event in app.events and readable and only_app in {None, app.id}:
                body: Json = {
                    **payload,
                    "repository": shapes.repository(self._site, repository),
                    "sender": shapes.account(self._site, sender),
                    "installation": {"id": installation.id, "node_id": shapes.node_id("I", installation.id)},
                }
                self._hooks.send(app, event, body)

    def installed(self, installation: Installation) -> None:
        """Tell an App that it was installed; Apps hear of that without asking."""
        repositories = [
            {"id": repo.id, "name": repo.name, "full_name": repo.full_name, "private": repo.private}
            for repo in self._world.repositories_of(installation)
        ]
        body: Json = {
            "action": "created",
            "installation": shapes.installation(self._site, installation),
            "repositories": repositories,
            "sender": shapes.account(self._site, installation.account),
        }
        self._hooks.send(installation.app, "installation", body)
