"""Linking an account in the browser: a page that names the Slack account, GitHub's sign-in, and the end.

A link that somebody else was sent must not link *their* GitHub account to the sender's Slack account. So the
first page names the Slack account and waits for a click; that click and the way back from GitHub are bound to
this very browser by cookies, which no other site can set or make it send.
"""

from __future__ import annotations

import hashlib
import hmac
from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Cookie, Depends, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.linking import Begun
from bot.parts import BotParts
from bot.web.pages import HEADERS, TO_DASHBOARD, page, posted
from bot.web.readers import Session, account_of
from patchpilot.commands import Answer, Medium
from patchpilot.errors import PatchPilotError

_SEEN, _WAY = "patchpilot_seen", "patchpilot_sign_in"
_SECONDS: Final = 600
_LONGEST: Final = 200
_AGAIN: Final = (
    "For your Slack account, ask for a new link with <code>/patchpilot link</code>; for the dashboard, "
    "sign in there again. It takes a moment."
)
State = Annotated[str, Query(max_length=_LONGEST)]
Kept = Annotated[str, Cookie(max_length=_LONGEST)]


def router(parts: BotParts) -> APIRouter:
    """``/auth/github``."""
    routes = APIRouter(prefix="/auth/github", tags=["sign-in"], include_in_schema=False)
    secure = parts.settings.public_url.startswith("https:")

    def keep(answer: Response, name: str, state: str, *, strict: bool) -> None:
        answer.set_cookie(
            name,
            _mark(state),
            max_age=_SECONDS,
            path="/auth/github",
            secure=secure,
            httponly=True,
            samesite="strict" if strict else "lax",
        )

    @routes.get("")
    def begin(state: State = "") -> Response:
        begun = parts.linking.begun(state)
        if begun is None:
            return _used_up() if state else _both_ways(can_sign_in=parts.linking.can_sign_in)
        answer = _asked(begun, state)
        keep(answer, _SEEN, state, strict=True)
        return answer

    @routes.post("")
    def go_on(
        state: Annotated[str, Depends(posted("state"))], patchpilot_seen: Kept = "", session: Session = ""
    ) -> Response:
        begun = parts.linking.begun(state)
        if begun is None or not _same(patchpilot_seen, state):
            return _used_up()
        if not _own(begun, session):
            return _elsewhere()
        answer = RedirectResponse(begun.url, status_code=303, headers=HEADERS)
        keep(answer, _WAY, state, strict=False)
        return answer

    @routes.get("/callback")
    def come_back(
        state: State = "",
        code: State = "",
        error: State = "",
        patchpilot_sign_in: Kept = "",
        session: Session = "",
    ) -> Response:
        if not (_same(patchpilot_sign_in, state) and _own(parts.linking.begun(state), session)):
            return _elsewhere()
        return _end(parts, state, code, error)

    return routes


def _own(begun: Begun | None, session: str) -> bool:
    """A session of the dashboard is signed in by the browser that holds it, and by no other: else somebody
    could send a person the address of *their* session and act with that person's rights."""
    if begun is None or begun.medium is not Medium.DASHBOARD:
        return True
    return bool(session) and hmac.compare_digest(account_of(session), begun.account)


def _asked(begun: Begun, state: str) -> HTMLResponse:
    """Name what would be linked, and wait for a click."""
    if begun.medium is Medium.DASHBOARD:
        title, button = "Sign in", "Go on to GitHub"
        text = (
            "Whoever uses this browser will act on the dashboard with your rights, for twelve hours. "
            "Go on only if you pressed Sign in there yourself, a moment ago."
        )
    else:
        title, button = "Link your accounts", f"I am {begun.called}: go on to GitHub"
        text = (
            f"This links the Slack account <b>{escape(begun.called)}</b> to the GitHub account that you sign "
            "in with. Whoever is that Slack account will act with your rights. Go on only if you asked for "
            "this link yourself, in Slack, a moment ago."
        )
    hidden = f'<input type="hidden" name="state" value="{escape(state)}">'
    form = f'<form method="post" action="/auth/github">{hidden}<button>{escape(button)}</button></form>'
    return page(title, text, form=form)


def _both_ways(*, can_sign_in: bool) -> HTMLResponse:
    """Somebody came here by hand: there are two reasons to, and each begins elsewhere."""
    if not can_sign_in:
        text = "It needs GITHUB_APP_CLIENT_ID and GITHUB_APP_CLIENT_SECRET."
        return page("Sign-in is not set up here", text, form=TO_DASHBOARD)
    text = (
        "To decide on the dashboard, sign in there with GitHub. To decide in Slack, link your account: type "
        "<code>/patchpilot link</code> there and follow the link that only you see."
    )
    form = '<form method="post" action="/auth/dashboard"><button>Sign in on the dashboard</button></form>'
    return page("Sign in", text, form=form)


def _used_up() -> HTMLResponse:
    return page("This link is used up or too old", _AGAIN, form=TO_DASHBOARD, status=410)


def _elsewhere() -> Response:
    return page(
        "This sign-in was begun elsewhere", f"Nothing was linked. {_AGAIN}", form=TO_DASHBOARD, status=403
    )


def _refused(error: str) -> str:
    """Why GitHub sent somebody back without a code.

    https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors
    """
    if error == "access_denied":
        return "You did not let GitHub say who you are (access_denied)."
    return f"GitHub says: {escape(error or 'no code')}."


def _end(parts: BotParts, state: str, code: str, error: str) -> Response:
    if error or not code:
        return page("Nothing was linked", f"{_refused(error)} {_AGAIN}", form=TO_DASHBOARD)
    try:
        linked = parts.linking.finish(state=state, code=code)
    except PatchPilotError as problem:
        return page("Nothing was linked", f"{escape(str(problem))}. {_AGAIN}", form=TO_DASHBOARD, status=502)
    if linked is None:
        return _used_up()
    if linked.medium is Medium.DASHBOARD:
        # What the dashboard then shows says who has signed in.
        return RedirectResponse(linked.back or "/", status_code=302, headers=HEADERS)
    went_on = parts.door.handle(linked.resume) if linked.resume is not None else None
    return _done(linked.user.login, went_on)


def _done(login: str, went_on: Answer | None) -> HTMLResponse:
    more = f"</p><p>{escape(went_on.text)}" if went_on is not None else ""
    text = f"You are <b>@{escape(login)}</b> for PatchPilot now.{more}</p><p>You can close this page."
    return page("Linked", text, form=TO_DASHBOARD)


def _mark(state: str) -> str:
    """What the cookie holds: enough to know the state again, of no use to whoever reads the cookie."""
    return hashlib.sha256(f"browser:{state}".encode()).hexdigest()


def _same(cookie: str, state: str) -> bool:
    return bool(state) and hmac.compare_digest(cookie, _mark(state))
