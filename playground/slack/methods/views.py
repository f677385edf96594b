"""``views.*``: modals and App Home. A ``trigger_id`` lives three seconds and is good once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from playground.slack import blocks as block_kit
from playground.slack.answers import SlackError, invalid
from playground.slack.limits import Tier
from playground.slack.methods.call import Call, Method
from playground.slack.model import App, View
from playground.slack.schema import Json
from playground.slack.workspace import Trigger, Workspace

_STACK = 3


def open_modal(call: Call) -> Json:
    """``views.open``: a new modal in place of whatever stack the person had open."""
    definition = _definition(call, "modal")
    trigger = _exchange(call)
    view = new_view(call.workspace, call.app, trigger.user, definition)
    call.workspace.modals[trigger.user] = [view]
    return _answer(call, view)


def push(call: Call) -> Json:
    """``views.push``: one more modal upon the open one, three at most."""
    definition = _definition(call, "modal")
    trigger = _exchange(call)
    stack = call.workspace.modals.get(trigger.user, [])
    if not stack or not trigger.view_id:
        raise SlackError("not_found")
    return _answer(call, push_view(call.workspace, call.app, trigger.user, definition))


def update(call: Call) -> Json:
    """``views.update``, by ``view_id`` or ``external_id``; a stale ``hash`` is ``hash_conflict``."""
    definition = _definition(call, "")
    view_id, external_id = call.text("view_id"), call.text("external_id")
    found = [
        view
        for view in call.workspace.views()
        if view.app_id == call.app.id
        and (view.id == view_id or (external_id and view.definition.get("external_id") == external_id))
    ]
    if not found:
        raise SlackError("not_found")
    view = found[0]
    if definition["type"] != view.kind:
        raise invalid("invalid_arguments", ["the view's type can't be changed [json-pointer:/view/type]"])
    _check_hash(call, view)
    replace(view, definition)
    return _answer(call, view)


def publish(call: Call) -> Json:
    """``views.publish``: the App Home of one person."""
    definition = _definition(call, "home")
    user = call.need("user_id")
    if user not in call.workspace.users:
        raise SlackError("not_found")
    view = call.workspace.homes.get((call.app.id, user))
    if view is None:
        view = new_view(call.workspace, call.app, user, definition)
        call.workspace.homes[call.app.id, user] = view
    else:
        _check_hash(call, view)
        replace(view, definition)
    return _answer(call, view)


def new_view(
    workspace: Workspace, app: App, user: str, definition: Json, *, previous: View | None = None
) -> View:
    """A view with its ids."""
    view_id = workspace.new_id("V")
    return View(
        id=view_id,
        app_id=app.id,
        user=user,
        definition=_filled(definition),
        hash=_new_hash(),
        root_id=previous.root_id if previous else view_id,
        previous_id=previous.id if previous else "",
    )


def push_view(workspace: Workspace, app: App, user: str, definition: Json) -> View:
    """Put a modal upon the person's open one; raises ``push_limit_reached`` above three."""
    stack = workspace.modals.setdefault(user, [])
    if len(stack) >= _STACK:
        raise SlackError("push_limit_reached")
    view = new_view(workspace, app, user, definition, previous=stack[-1] if stack else None)
    stack.append(view)
    return view


def replace(view: View, definition: Json) -> None:
    """Show another definition in the same view."""
    view.definition = _filled(definition)
    view.hash = _new_hash()
    view.errors = {}


def checked_definition(view: object, kind: str) -> Json:
    """A view that Slack takes; raises ``invalid_arguments`` naming what is wrong, or ``view_too_large``."""
    if not isinstance(view, dict):
        raise invalid("invalid_arguments", ["must provide an object [json-pointer:/view]"])
    problems = block_kit.view_problems(view)
    if not problems and kind and view["type"] != kind:
        problems = [f"must be of type {kind} [json-pointer:/view/type]"]
    if problems:
        raise invalid("invalid_arguments", problems)
    if block_kit.view_too_large(view):
        raise SlackError("view_too_large")
    return view


def _definition(call: Call, kind: str) -> Json:
    return checked_definition(call.structure("view"), kind)


def _filled(definition: Json) -> Json:
    return {**definition, "blocks": block_kit.with_ids(definition["blocks"])}


def _new_hash() -> str:
    return f"{int(time.time())}.{secrets.token_hex(4)}"


def _check_hash(call: Call, view: View) -> None:
    expected = call.text("hash")
    if expected and expected != view.hash:
        raise SlackError("hash_conflict")


def _exchange(call: Call) -> Trigger:
    trigger_id = call.text("trigger_id") or call.need("interactivity_pointer")
    trigger = call.workspace.triggers.get(trigger_id)
    if trigger is None or trigger.app_id != call.app.id:
        raise invalid("invalid_arguments", ["invalid `trigger_id` [json-pointer:/trigger_id]"])
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if trigger.expires < time.monotonic():
        raise SlackError("expired_trigger_id")
    trigger.used = True
    return trigger


def _answer(call: Call, view: View) -> Json:
    return {"ok": True, "view": view.to_api(team=call.workspace.team_id, bot_id=call.app.bot_id)}


METHODS: Mapping[str, Method] = {
    "views.open": Method(handler=open_modal, tier=Tier.FOUR),
    "views.push": Method(handler=push, tier=Tier.FOUR),
    "views.update": Method(handler=update, tier=Tier.FOUR),
    "views.publish": Method(handler=publish, tier=Tier.FOUR),
}
