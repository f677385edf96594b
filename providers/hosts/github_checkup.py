"""A check-up of a GitHub App: permissions, events, installations, and whether its webhooks arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import BaseModel, Field

from patchpilot.checkup import Finding, failed, note, warning, well
from providers.hosts.github_api import Session
from providers.hosts.github_auth import GitHubAccess

EVENTS = (
    "workflow_run",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "check_run",
)
"""What the writing App has to be subscribed to (``deploy/github-app.json``)."""
_LEVELS = {"": 0, "read": 1, "write": 2, "admin": 3}
_LAST_DELIVERIES = 30
_FIRST_ERROR = 400


class _App(BaseModel):
    slug: str
    permissions: dict[str, str] = Field(default_factory=dict)
    events: list[str] = Field(default_factory=list)


class _Account(BaseModel):
    login: str = "?"


class _Installation(BaseModel):
    id: int
    account: _Account = Field(default_factory=_Account)
    permissions: dict[str, str] = Field(default_factory=dict)
    suspended_at: datetime | None = None


class _Hook(BaseModel):
    url: str = ""


class _Delivery(BaseModel):
    event: str
    status_code: int = 0
    delivered_at: datetime


def findings(
    access: GitHubAccess, *, who: str, needs: Mapping[str, str], webhook_url: str = ""
) -> Iterator[Finding]:
    """Look at the App (or token) behind ``access``.

    ``who`` names its settings, ``needs`` is what it has to be allowed; with ``webhook_url`` it has to be
    subscribed to :data:`EVENTS` and to send them there. Raises :class:`PatchPilotError` when GitHub is away.
    """
    if access.try_token(f"trying the token of the {who}"):
        yield well(who, "GitHub answers to the token")
    with access.as_app(f"looking at the GitHub App of {who}") as session:
        if session is None:
            yield note(
                f"{who}: permissions",
                "a plain token is set: its permissions can't be listed, and it does not expire by itself",
                "a GitHub App (deploy/) has tokens of one hour and of one repository each",
            )
            return
        app = session.get("/app", _App)
        yield well(who, f"GitHub knows the App {app.slug!r} by this key")
        yield from _permissions(who, app.permissions, needs)
        yield from _installations(who, session, needs)
        if webhook_url:
            yield from _events(who, app)
            yield from _webhook(who, session, webhook_url)


def _permissions(who: str, granted: Mapping[str, str], needs: Mapping[str, str]) -> Iterator[Finding]:
    missing = _lacking(granted, needs)
    if missing:
        yield failed(
            f"{who}: permissions",
            f"the App lacks {', '.join(missing)}",
            "grant them under Permissions & events in the App's settings, then accept them in each "
            "installation",
        )
    else:
        yield well(f"{who}: permissions", ", ".join(f"{name}: {level}" for name, level in needs.items()))
    if "workflows" in granted:
        yield warning(
            f"{who}: permissions",
            "the App may edit workflows, which PatchPilot never needs",
            "take the Workflows permission away: a stolen token could then not change your CI",
        )


def _lacking(granted: Mapping[str, str], needs: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {level}"
        for name, level in needs.items()
        if _LEVELS.get(granted.get(name, ""), 0) < _LEVELS[level]
    ]


def _installations(who: str, session: Session, needs: Mapping[str, str]) -> Iterator[Finding]:
    found = list(session.pages("/app/installations", _Installation))
    if not found:
        yield failed(
            f"{who}: installations",
            "the App is installed nowhere",
            "open the App's page, Install App, and choose the repositories",
        )
        return
    for one in found:
        about = f"{who}: installation on {one.account.login}"
        missing = _lacking(one.permissions, needs)
        if one.suspended_at is not None:
            yield failed(about, "is suspended", "unsuspend it in that account's settings, Applications")
        elif missing:
            yield failed(
                about,
                f"has not accepted {', '.join(missing)}",
                "an owner of that account has to accept the App's new permissions",
            )
        else:
            yield well(about, "may do what is needed")


def _events(who: str, app: _App) -> Iterator[Finding]:
    missing = [event for event in EVENTS if event not in app.events]
    if missing:
        yield failed(
            f"{who}: events",
            f"the App is not subscribed to {', '.join(missing)}",
            "tick them under Permissions & events, Subscribe to events",
        )
    else:
        yield well(f"{who}: events", ", ".join(EVENTS))


def _webhook(who: str, session: Session, wanted: str) -> Iterator[Finding]:
    about = f"{who}: webhook"
    hook = session.get("/app/hook/config", _Hook)
    if not hook.url:
        yield failed(
            about, "the App sends no webhooks", f"set its Webhook URL to {wanted} and make it active"
        )
        return
    if hook.url.rstrip("/") != wanted:
        yield warning(
            about,
            f"the App sends webhooks to {hook.url}, while PUBLIC_URL makes it {wanted}",
            "set the App's Webhook URL, or PUBLIC_URL, so that both agree",
        )
    # One page is enough: the newest come first. https://docs.github.com/en/rest/apps/webhooks
    deliveries = session.first("/app/hook/deliveries", _Delivery, _LAST_DELIVERIES)
    refused = [one for one in deliveries if one.status_code >= _FIRST_ERROR or not one.status_code]
    if not deliveries:
        yield note(about, f"goes to {hook.url}; nothing was delivered yet")
    elif len(refused) == len(deliveries):
        codes = ", ".join(sorted({str(one.status_code or "no answer") for one in refused}))
        yield failed(
            about,
            f"none of the last {len(deliveries)} deliveries arrived ({codes})",
            "401 means that GITHUB_WEBHOOK_SECRET is not the App's webhook secret; no answer means that "
            f"GitHub can't reach {hook.url}. Then deliver them again, under Advanced in the App's settings",
        )
    elif refused:
        yield warning(
            about,
            f"{len(refused)} of the last {len(deliveries)} deliveries did not arrive",
            "deliver them again under Advanced in the App's settings: GitHub does not by itself",
        )
    else:
        yield well(about, f"all of the last {len(deliveries)} deliveries arrived")
