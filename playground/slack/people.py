"""What people do in Slack: speak, react, press, choose, send modals, type commands; apps hear of it.

Speaking returns at once. Pressing, sending a modal and typing a command wait for the app's answer, at most as
long as Slack gives it, and return a :class:`~playground.slack.deliveries.Receipt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.slack import entries
from playground.slack.answers import IncompleteFormError, NotPossibleError, SlackError
from playground.slack.blocks import interactive
from playground.slack.deliveries import Deliveries, Delivery, Receipt
from playground.slack.events import Announcer
from playground.slack.faults import Faults
from playground.slack.model import App, Channel, Message, User, View
from playground.slack.payloads import Payloads, action
from playground.slack.replies import Replies
from playground.slack.schema import Json
from playground.slack.typing_in import marked_up
from playground.slack.workspace import Workspace

_LONGEST = 40_000
SLACKBOT = "USLACKBOT"
TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True)
class Interaction:
    """A prepared interaction. Sending one twice is a double click; sending it late is a stale card."""

    app: App
    delivery: Delivery
    view_id: str = ""


class People:
    """The hands of the workspace's people."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        deliveries: Deliveries,
        announce: Announcer,
        payloads: Payloads,
        replies: Replies,
        faults: Faults,
    ) -> None:
        self._workspace = workspace
        self._deliveries = deliveries
        self._announce = announce
        self._payloads = payloads
        self._replies = replies
        self._faults = faults

    # Speaking.

    def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> Message:
        """Post a message as a person types it: ``@name`` and ``#channel`` become what they name."""
        if not text.strip():
            raise NotPossibleError("an empty message can't be sent")
        with self._workspace.lock:
            person, place = self._workspace.person(user), self._place(user, channel)
            message = self._workspace.add(
                Message(
                    ts=self._workspace.next_ts(),
                    channel=place.id,
                    user=person.id,
                    text=self._marked_up(text[:_LONGEST]),
                    thread_ts=self._thread(place, thread_ts),
                    client_msg_id=self._workspace.new_id("c"),
                )
            )
            self._tell(place, message)
        self._workspace.changed()
        return message

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Add a reaction, or take it back when it is there."""
        with self._workspace.lock:
            person, place = self._workspace.person(user), self._place(user, channel)
            message = self._message(place, ts)
            users = message.reactions.setdefault(name, [])
            kind = "reaction_removed" if person.id in users else "reaction_added"
            if person.id in users:
                users.remove(person.id)
            else:
                users.append(person.id)
            if not users:
                del message.reactions[name]
            item = {"type": "message", "channel": place.id, "ts": ts}
            event = {
                "type": kind,
                "user": person.id,
                "reaction": name,
                "item": item,
                "item_user": message.user,
            }
            self._announce(event, channel=place)
        self._workspace.changed()

    def open_home(self, user: str, app_id: str = "") -> None:
        """Open an app's Home tab."""
        with self._workspace.lock:
            person = self._workspace.person(user)
            app = self._app(app_id)
            event: Json = {
                "type": "app_home_opened",
                "user": person.id,
                "channel": self._workspace.direct(person.id, app.bot_user).id,
                "tab": "home",
            }
            shown = self._workspace.homes.get((app.id, person.id))
            if shown:
                event["view"] = shown.to_api(team=self._workspace.team_id, bot_id=app.bot_id)
            self._announce(event, only=app)
        self._workspace.changed()

    # Commands.

    def slash(self, user: str, channel: str, line: str) -> Receipt:
        """Type a slash command in a channel. Slack has none in threads, and doesn't mark mentions up."""
        command, _, text = line.strip().partition(" ")
        with self._workspace.lock:
            person, place = self._workspace.person(user), self._place(user, channel)
            app = next((a for a in self._workspace.apps.values() if a.active and command in a.commands), None)
            if app is None:
                self._slackbot(person, place, f"`{command}` is not a valid command.")
                return Receipt(ok=False, error="unknown_command")
            payload = self._payloads.command(app, person, place, command, text.strip())
            delivery = Delivery(app_id=app.id, kind="slash_commands", payload=payload)
        receipt = self._send(app, delivery)
        if receipt.ok:
            self._replies.answer_command(app, person, place, receipt)
        else:
            code = "operation_timeout" if receipt.error == "http_timeout" else "dispatch_failed"
            self._slackbot(person, place, f"`{command}` failed with the error `{code}`")
        return receipt

    # Pressing and choosing.

    def press(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        value: Any = None,
        block_id: str = "",
        state: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """Use an element of a message; ``value`` is the chosen option, user or text where it has one."""
        prepared = self.prepare_press(
            user, channel, ts, action_id, value=value, block_id=block_id, state=state
        )
        return self.send(prepared)

    def prepare_press(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        value: Any = None,
        block_id: str = "",
        state: Mapping[str, Any] | None = None,
    ) -> Interaction:
        """The interaction a press makes, not sent yet.

        As Slack does, it takes a press on what an edit has removed since: somebody's client may be behind, or
        a question of theirs about it still open.
        """
        with self._workspace.lock:
            person, place = self._workspace.person(user), self._place(user, channel)
            message = self._message(place, ts)
            if message.only_for not in {"", person.id}:
                raise NotPossibleError("this message is visible to somebody else only")
            app = self._app(message.app_id)
            blocks = _shown_with(message, action_id, block_id)
            block, element = _element(blocks, action_id, block_id)
            used = action(block["block_id"], element, entries.value_of(element, value))
            payload = self._payloads.press_in_message(app, person, message, used, _state(blocks, state or {}))
            return Interaction(app, Delivery(app_id=app.id, kind="interactive", payload=payload))

    def press_in_view(
        self,
        user: str,
        view_id: str,
        action_id: str,
        *,
        value: Any = None,
        block_id: str = "",
        state: Any = None,
    ) -> Receipt:
        """Use an element of an open modal or of App Home."""
        with self._workspace.lock:
            person = self._workspace.person(user)
            view = self._view(person, view_id)
            app = self._app(view.app_id)
            blocks = view.definition["blocks"]
            block, element = _element(blocks, action_id, block_id)
            used = action(block["block_id"], element, entries.value_of(element, value))
            payload = self._payloads.press_in_view(app, person, view, used, _state(blocks, state or {}))
            prepared = Interaction(app, Delivery(app_id=app.id, kind="interactive", payload=payload))
        return self.send(prepared)

    def send(self, prepared: Interaction) -> Receipt:
        """Send a prepared interaction, perhaps again."""
        return self._send(prepared.app, prepared.delivery)

    # Modals.

    def submit_view(self, user: str, view_id: str, values: Mapping[str, Any] | None = None) -> Receipt:
        """Send a modal; ``values`` by block id, action id or ``block.action``.

        Raises :class:`IncompleteFormError` for what Slack's client would not send.
        """
        with self._workspace.lock:
            person = self._workspace.person(user)
            view = self._view(person, view_id)
            blocks = view.definition["blocks"]
            state = _state(blocks, values or {})
            problems = _problems(blocks, state)
            if problems:
                raise IncompleteFormError(problems)
            app = self._app(view.app_id)
            payload = self._payloads.submission(app, person, view, state)
        receipt = self._send(app, Delivery(app_id=app.id, kind="interactive", payload=payload))
        try:
            self._replies.answer_submission(app, person, view, receipt)
        except SlackError as error:
            receipt = Receipt(ok=False, status=receipt.status, body=error.body(), error=error.code)
        if not receipt.ok:
            view.errors = {"": TROUBLE}
        self._workspace.changed()
        return receipt

    def close_view(self, user: str, view_id: str, *, all_views: bool = False) -> None:
        """Close a modal, or the whole stack."""
        with self._workspace.lock:
            person = self._workspace.person(user)
            view = self._view(person, view_id)
            stack = self._workspace.modals.get(person.id, [])
            closed = list(reversed(stack)) if all_views or view.definition.get("clear_on_close") else [view]
            self._workspace.modals[person.id] = [open_one for open_one in stack if open_one not in closed]
            told = []
            for each in closed:
                if each.definition.get("notify_on_close"):
                    app = self._app(each.app_id)
                    told.append((app, self._payloads.closing(app, person, each, cleared=len(closed) > 1)))
        for app, payload in told:
            self._deliveries.send(app, Delivery(app_id=app.id, kind="interactive", payload=payload))
        self._workspace.changed()

    # Parts.

    def _send(self, app: App, delivery: Delivery) -> Receipt:
        receipt = self._deliveries.send(app, delivery)
        if self._faults.take("interactions", "duplicate"):
            self._deliveries.send(app, delivery)
        self._workspace.changed()
        return receipt

    def _tell(self, place: Channel, message: Message) -> None:
        event = self._workspace.message_to_api(message) | {
            "channel": place.id,
            "channel_type": place.kind,
            "event_ts": message.ts,
        }
        self._announce(event, channel=place)
        for app in list(self._workspace.apps.values()):
            # In a direct conversation a mention is only a message: Slack sends no app_mention there.
            if f"<@{app.bot_user}>" in message.text and not place.im_user:
                mention = {name: value for name, value in event.items() if name != "channel_type"}
                self._announce(mention | {"type": "app_mention"}, channel=place, only=app)

    def _marked_up(self, text: str) -> str:
        users = {user.name.lower(): user.id for user in self._workspace.users.values()}
        channels = {c.name.lower(): c.id for c in self._workspace.channels.values() if not c.im_user}
        return marked_up(text, users=users, channels=channels)

    def _place(self, user: str, channel: str) -> Channel:
        person = self._workspace.person(user)
        try:
            place = self._workspace.channel(channel)
        except SlackError:
            raise NotPossibleError(f"there is no channel {channel[:80]!r}") from None
        if person.id not in place.members:
            raise NotPossibleError(f"{person.name} is not in #{place.name}")
        if place.archived:
            raise NotPossibleError(f"#{place.name} is archived")
        return place

    def _thread(self, place: Channel, thread_ts: str | None) -> str:
        if not thread_ts:
            return ""
        parent = self._message(place, thread_ts)
        return parent.thread_ts or parent.ts

    def _message(self, place: Channel, ts: str) -> Message:
        try:
            return self._workspace.message(place.id, ts)
        except SlackError:
            raise NotPossibleError("this message is gone") from None

    def _view(self, person: User, view_id: str) -> View:
        view = self._workspace.view(view_id)
        if view is None or view.user != person.id:
            raise NotPossibleError("this view is not open any more")
        return view

    def _app(self, app_id: str) -> App:
        apps = [app for app in self._workspace.apps.values() if app.active and app_id in {"", app.id}]
        if not apps:
            raise NotPossibleError("no app answers this: it is not installed any more")
        return apps[0]

    def _slackbot(self, person: User, place: Channel, text: str) -> None:
        with self._workspace.lock:
            self._workspace.add(
                Message(
                    ts=self._workspace.next_ts(),
                    channel=place.id,
                    user=SLACKBOT,
                    text=text,
                    only_for=person.id,
                )
            )
        self._workspace.changed()


def _shown_with(message: Message, action_id: str, block_id: str) -> list[Json]:
    """The message's blocks as they are now, or as they were when they last had that element."""
    for blocks in (message.blocks, *message.earlier):
        if _find(blocks, action_id, block_id) is not None:
            return blocks
    return message.blocks


def _element(blocks: list[Json], action_id: str, block_id: str) -> tuple[Json, Json]:
    found = _find(blocks, action_id, block_id)
    if found is None:
        raise NotPossibleError(f"there is nothing with the action id {action_id[:80]!r} to use here any more")
    return found


def _find(blocks: list[Json], action_id: str, block_id: str) -> tuple[Json, Json] | None:
    for block in blocks:
        for _, element in interactive(block):
            if element["action_id"] == action_id and block_id in {"", block["block_id"]}:
                return block, element
    return None


def _state(blocks: list[Json], entered: Mapping[str, Any]) -> Json:
    """``state.values``: what every element that holds a value has now, entered or initial."""
    state: Json = {}
    for block in blocks:
        for _, element in interactive(block):
            if element["type"] in {"button", "overflow"}:
                continue
            names = (f"{block['block_id']}.{element['action_id']}", block["block_id"], element["action_id"])
            given = next((entered[name] for name in names if name in entered), None)
            state.setdefault(block["block_id"], {})[element["action_id"]] = entries.value_of(element, given)
    return state


def _problems(blocks: list[Json], state: Json) -> dict[str, str]:
    problems = {}
    for block in blocks:
        if block["type"] == "input":
            value = state[block["block_id"]][block["element"]["action_id"]]
            problem = entries.problem_with(block, value)
            if problem:
                problems[block["block_id"]] = problem
    return problems
