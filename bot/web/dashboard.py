"""The dashboard: one page of ours over the REST API and the live feed, and decisions for who has signed in.

Signing in is the code host's own sign-in, as for linking a Slack account: the browser's session is the
account that is linked. A click becomes a :class:`~patchpilot.commands.Command` like any other and goes
through the door.
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from bot.parts import BotParts
from bot.web.pages import ASSETS, TO_DASHBOARD, page, posted, static
from bot.web.readers import SESSION, SESSION_SECONDS, RepoReader, Session, account_of, signed_in
from bot.web.throttle import throttled
from patchpilot.commands import Actor, Command, Medium, Ruling, Verb
from patchpilot.heals import HealId, HealState
from patchpilot.source import HostUser
from patchpilot.states import STATES
from storage.figures import figures, waiting
from storage.incidents import snapshot_of_heal
from storage.links import unlink

_LONGEST: Final = 100
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_OURS: Final = re.compile(r"/(?:[\w.~%?=&#-][\w.~%?=&#/-]*)?", re.ASCII)
"""An address of this very site: what begins with two slashes is another's."""


class Me(BaseModel):
    """Who looks at the page."""

    login: str | None
    can_sign_in: bool


class Click(BaseModel):
    """A decision that was pressed on what the page showed."""

    job: str = Field(min_length=1, max_length=64)
    verb: Verb
    patch_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """Of the patch that was shown; required to approve."""
    text: str = Field(default="", max_length=1_500)
    key: str = Field(default="", max_length=_LONGEST)


class Said(BaseModel):
    """How it ended, in words."""

    ruling: Ruling
    text: str


class Headline(BaseModel):
    """The figures at the top of the page."""

    open: int
    """Heals that are not over, of those that who looks may read: as many as the list shows as open."""
    waiting: int
    """Those of them that wait for a decision."""
    failures: int
    """Red runs recorded, of all repositories."""
    dollars_today: float
    """Of all repositories."""


def router(parts: BotParts) -> APIRouter:
    """``/`` and what its page needs."""
    routes = APIRouter(include_in_schema=False)
    _add_page(routes)
    _add_sign_in(routes, parts)
    _add_decisions(routes, parts)
    return routes


def _add_page(routes: APIRouter) -> None:
    @routes.get("/")
    def shown() -> HTMLResponse:
        return HTMLResponse(static("index.html"), headers=_HEADERS)

    @routes.get("/favicon.ico")
    def icon() -> Response:
        return asset("icon.svg")

    @routes.get("/dashboard/{name}")
    def asset(name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404, "there is no such file")
        return Response(static(name), media_type=ASSETS[name], headers=_HEADERS)


def _add_sign_in(routes: APIRouter, parts: BotParts) -> None:
    secure = parts.settings.public_url.startswith("https:")

    @routes.get("/api/dashboard/states")
    def states() -> dict[HealState, tuple[str, str]]:
        """Emoji and word of each state, as Slack shows them."""
        return STATES

    @routes.get("/api/dashboard/figures")
    def headline(reads: RepoReader) -> Headline:
        found = figures(parts.db)
        seen = [one for one in waiting(parts.db) if not one.private or reads(one.repo)]
        return Headline(
            open=sum(one.open for one in seen),
            waiting=sum(one.awaiting_approval for one in seen),
            failures=found.failures,
            dollars_today=float(found.dollars_today),
        )

    @routes.get("/api/dashboard/me")
    def me(session: Session = "") -> Me:
        user = signed_in(parts, session)
        return Me(login=user.login if user else None, can_sign_in=parts.linking.can_sign_in)

    @routes.post("/auth/dashboard")
    def sign_in(request: Request, back: Annotated[str, Depends(posted("back"))]) -> Response:
        too_many = throttled(parts.db, request, "sign-in")
        if too_many is not None:
            return too_many
        session = secrets.token_urlsafe(32)
        back = back if len(back) <= _LONGEST and _OURS.fullmatch(back) else "/"
        address = parts.linking.offer_session(account_of(session), back=back)
        if not address:
            text = "It needs GITHUB_APP_CLIENT_ID and GITHUB_APP_CLIENT_SECRET. Until then, one only reads."
            return page("Sign-in is not set up here", text, form=TO_DASHBOARD, status=404)
        answer = RedirectResponse(address, status_code=303, headers=_HEADERS)
        answer.set_cookie(
            SESSION, session, max_age=SESSION_SECONDS, secure=secure, httponly=True, samesite="lax"
        )
        return answer

    @routes.post("/auth/dashboard/out")
    def sign_out(session: Session = "") -> Response:
        if session:
            unlink(parts.db, medium=Medium.DASHBOARD.value, team="", account=account_of(session))
        answer = RedirectResponse("/", status_code=303, headers=_HEADERS)
        answer.delete_cookie(SESSION)
        return answer


def _add_decisions(routes: APIRouter, parts: BotParts) -> None:
    @routes.post("/api/dashboard/decisions")
    def decide(
        click: Click, session: Session = "", x_patchpilot: Annotated[str, Header(max_length=20)] = ""
    ) -> Said:
        # No form of another site can set a header, and no script of one may: https://fetch.spec.whatwg.org/#cors-protocol
        if x_patchpilot != "dashboard":
            raise HTTPException(403, "this is for the dashboard's own page; scripts use /api/jobs")
        user = signed_in(parts, session)
        if user is None:
            raise HTTPException(401, "sign in first; a session lasts twelve hours")
        return _decided(parts, click, user)


def _decided(parts: BotParts, click: Click, user: HostUser) -> Said:
    incident = snapshot_of_heal(parts.db, HealId(click.job))
    if incident is None:
        raise HTTPException(404, "there is no such job")
    fix = incident.heal.fix
    if click.verb is Verb.APPROVE and (fix is None or fix.patch.sha256 != click.patch_sha256):
        text = "What you saw is not what waits for approval any more; the page shows what does."
        return Said(ruling=Ruling.OUTDATED, text=text)
    answer = parts.door.decide(
        Command(
            verb=click.verb,
            actor=Actor(medium=Medium.DASHBOARD, name=user.login, host_user=user),
            incident=incident.id,
            approval_id=incident.heal.waiting_approval,
            text=click.text,
            key=f"dashboard:{click.key}" if click.key else "",
        )
    )
    return Said(ruling=answer.ruling, text=answer.text)
