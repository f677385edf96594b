"""``auth.*``, ``apps.*``, ``oauth.*`` and ``api.test``: tokens and installation."""

from __future__ import annotations

from collections.abc import Mapping

from playground.slack.answers import SlackError
from playground.slack.limits import Tier
from playground.slack.methods.call import Access, Call, Method
from playground.slack.schema import Json


def api_test(call: Call) -> Json:
    """``api.test``: what was sent comes back."""
    if call.text("error"):
        raise SlackError(call.text("error"))
    return {"ok": True, "args": {name: value for name, value in call.args.items() if name != "token"}}


def auth_test(call: Call) -> Json:
    """``auth.test``: who the token belongs to."""
    return {
        "ok": True,
        "url": f"{call.base_url}/",
        "team": call.workspace.name,
        "user": call.workspace.users[call.app.bot_user].name,
        "team_id": call.workspace.team_id,
        "user_id": call.app.bot_user,
        "bot_id": call.app.bot_id,
        "is_enterprise_install": False,
    }


def auth_revoke(call: Call) -> Json:
    """``auth.revoke``: the token works no more."""
    if not call.flag("test"):
        call.app.revoked = True
        call.announce(
            {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [call.app.bot_user]}}, only=call.app
        )
    return {"ok": True, "revoked": not call.flag("test")}


def connections_open(call: Call) -> Json:
    """``apps.connections.open``: an address for one Socket Mode connection."""
    ticket = call.sockets.ticket(call.app.id)
    address = call.base_url.replace("http", "ws", 1)
    return {"ok": True, "url": f"{address}/slack/socket?ticket={ticket}&app_id={call.app.id}"}


def oauth_access(call: Call) -> Json:
    """``oauth.v2.access``: a one-time code for the bot token."""
    app_id, redirect_uri = call.workspace.oauth_codes.get(call.text("code"), ("", ""))
    app = call.workspace.apps.get(app_id)
    asking = [one for one in call.workspace.apps.values() if one.client_id == call.text("client_id")]
    if not asking:
        raise SlackError("invalid_client_id")
    # The client first, then what it brings: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
    if not any(call.text("client_secret") == one.client_secret for one in asking):
        raise SlackError("bad_client_secret")
    if app is None or call.text("client_id") != app.client_id:
        raise SlackError("invalid_code")
    if redirect_uri and call.text("redirect_uri") != redirect_uri:
        raise SlackError("bad_redirect_uri")
    del call.workspace.oauth_codes[call.text("code")]
    return {
        "ok": True,
        "access_token": app.bot_token,
        "token_type": "bot",
        "scope": ",".join(sorted(app.scopes)),
        "bot_user_id": app.bot_user,
        "app_id": app.id,
        "team": {"name": call.workspace.name, "id": call.workspace.team_id},
        "enterprise": None,
        "is_enterprise_install": False,
        "authed_user": {"id": app.bot_user},
    }


METHODS: Mapping[str, Method] = {
    "api.test": Method(handler=api_test, tier=Tier.FOUR),
    "auth.test": Method(handler=auth_test, tier=Tier.UNLIMITED),
    "auth.revoke": Method(handler=auth_revoke, tier=Tier.THREE),
    "apps.connections.open": Method(
        handler=connections_open, scopes=(), tier=Tier.UNLIMITED, access=Access.APP
    ),
    "oauth.v2.access": Method(handler=oauth_access, tier=Tier.FOUR, access=Access.CLIENT),
}
