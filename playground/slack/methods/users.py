"""``users.*``, ``usergroups.*``, ``team.info`` and ``bots.info``: who is there."""

from __future__ import annotations

from collections.abc import Mapping

from playground.slack.answers import SlackError
from playground.slack.limits import Tier
from playground.slack.methods.call import Call, Method
from playground.slack.schema import Json


def info(call: Call) -> Json:
    """``users.info``."""
    user = call.workspace.user(call.need("user", "user_not_found"))
    return {"ok": True, "user": user.to_api(with_email=_sees_emails(call))}


def listing(call: Call) -> Json:
    """``users.list``."""
    everyone = [user.to_api(with_email=_sees_emails(call)) for user in call.workspace.users.values()]
    page, metadata = call.page(everyone)
    return {"ok": True, "members": page, "cache_ts": 0, "response_metadata": metadata}


def lookup_by_email(call: Call) -> Json:
    """``users.lookupByEmail``."""
    email = call.need("email").casefold()
    for user in call.workspace.users.values():
        if user.email.casefold() == email and not user.deleted:
            return {"ok": True, "user": user.to_api(with_email=True)}
    raise SlackError("users_not_found")


def conversations(call: Call) -> Json:
    """``users.conversations``: the channels of a user, the bot's own by default."""
    user = call.text("user") or call.app.bot_user
    found = [
        channel.to_api(call.app.bot_user)
        for channel in call.workspace.channels.values()
        if user in channel.members
        and not channel.im_user
        and (not channel.private or call.app.bot_user in channel.members)
    ]
    page, metadata = call.page(found)
    return {"ok": True, "channels": page, "response_metadata": metadata}


def usergroups(call: Call) -> Json:
    """``usergroups.list``."""
    groups = [
        {
            "id": group_id,
            "team_id": call.workspace.team_id,
            "is_usergroup": True,
            "handle": handle,
            "name": name,
            "description": "",
            "date_delete": 0,
            "user_count": len(members),
            **({"users": list(members)} if call.flag("include_users") else {}),
        }
        for group_id, (handle, name, members) in call.workspace.usergroups.items()
    ]
    return {"ok": True, "usergroups": groups}


def usergroup_members(call: Call) -> Json:
    """``usergroups.users.list``."""
    group = call.workspace.usergroups.get(call.need("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": list(group[2])}


def team(call: Call) -> Json:
    """``team.info``."""
    workspace = call.workspace
    return {
        "ok": True,
        "team": {
            "id": workspace.team_id,
            "name": workspace.name,
            "domain": workspace.domain,
            "email_domain": "",
            "icon": {},
        },
    }


def bot(call: Call) -> Json:
    """``bots.info``."""
    wanted = call.text("bot") or call.app.bot_id
    for app in call.workspace.apps.values():
        if app.bot_id == wanted:
            name = call.workspace.users[app.bot_user].real_name
            details = {"id": app.bot_id, "deleted": False, "name": name, "app_id": app.id}
            return {"ok": True, "bot": {**details, "user_id": app.bot_user, "icons": {}}}
    raise SlackError("bot_not_found")


def _sees_emails(call: Call) -> bool:
    return "users:read.email" in call.app.scopes


METHODS: Mapping[str, Method] = {
    "users.info": Method(handler=info, scopes=("users:read",), tier=Tier.FOUR),
    "users.list": Method(handler=listing, scopes=("users:read",), tier=Tier.TWO),
    "users.lookupByEmail": Method(handler=lookup_by_email, scopes=("users:read.email",), tier=Tier.THREE),
    "users.conversations": Method(
        handler=conversations,
        scopes=("channels:read", "groups:read", "im:read", "mpim:read"),
        tier=Tier.THREE,
    ),
    "usergroups.list": Method(handler=usergroups, scopes=("usergroups:read",), tier=Tier.TWO),
    "usergroups.users.list": Method(handler=usergroup_members, scopes=("usergroups:read",), tier=Tier.TWO),
    "team.info": Method(handler=team, scopes=("team:read",), tier=Tier.THREE),
    "bots.info": Method(handler=bot, scopes=("users:read",), tier=Tier.THREE),
}
