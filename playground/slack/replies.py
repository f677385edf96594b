"""What an app's answers do: to a command, to a modal's submission, and through a ``response_url``."""

from __future__ import annotations

import time
from typing import Any

from playground.slack.answers import SlackError
from playground.slack.blocks import image_files, message_problems, with_ids
from playground.slack.deliveries import Receipt
from playground.slack.methods.chat import can_be_shown
from playground.slack.methods.views import checked_definition, push_view, replace
from playground.slack.model import App, Channel, Message, User, View
from playground.slack.schema import Json
from playground.slack.workspace import ReplyAddress, Workspace


class Replies:
    """Applies answers to the workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def answer_command(self, app: App, person: User, channel: Channel, receipt: Receipt) -> None:
        """Show what the app answered a command with: text, or JSON with ``response_type`` and blocks."""
        body = receipt.body
        reply: Json = body if isinstance(body, dict) else {"text": body}
        if not (reply.get("text") or reply.get("blocks")):
            return
        address = ReplyAddress(app_id=app.id, channel=channel.id, user=person.id, expires=0.0)
        with self._workspace.lock:
            self._post(app, address, reply)
        self._workspace.changed()

    def answer_submission(self, app: App, person: User, view: View, receipt: Receipt) -> None:
        """Do what a ``response_action`` says; without one the modal closes.

        Raises :class:`SlackError` when Slack would show that it had trouble with the answer.
        """
        if not receipt.ok:
            return
        answer = receipt.body if isinstance(receipt.body, dict) else {}
        with self._workspace.lock:
            match answer.get("response_action"):
                case None:
                    self._close(person, view)
                case "clear":
                    self._workspace.modals[person.id] = []
                case "errors":
                    view.errors = _errors(view, answer.get("errors"))
                case "update":
                    replace(view, checked_definition(answer.get("view"), "modal"))
                case "push":
                    push_view(
                        self._workspace, app, person.id, checked_definition(answer.get("view"), "modal")
                    )
                case other:
                    raise SlackError("invalid_response_action", given=str(other)[:80])

    def respond(self, word: str, reply: Json) -> tuple[int, str]:
        """A POST to a ``response_url``: the status and text that Slack answers with."""
        with self._workspace.lock:
            address = self._workspace.reply_addresses.get(word)
            if address is None or address.expires < time.monotonic():
                return 404, '{"ok":false,"error":"expired_url"}'
            if address.uses_left <= 0:
                return 404, '{"ok":false,"error":"used_url"}'
            blocks = reply.get("blocks") or []
            if not isinstance(blocks, list) or message_problems(blocks) or not self._shows(blocks):
                return 400, "invalid_blocks"
            if not (reply.get("text") or blocks or reply.get("delete_original") or reply.get("attachments")):
                return 400, "no_text"
            address.uses_left -= 1
            self._apply(self._workspace.apps[address.app_id], address, reply)
        self._workspace.changed()
        return 200, "ok"

    def _shows(self, blocks: list[Any]) -> bool:
        return all(can_be_shown(self._workspace, reference) for _, reference in image_files(blocks))

    def _apply(self, app: App, address: ReplyAddress, reply: Json) -> None:
        line = self._workspace.messages.get(address.channel, {})
        original = line.get(address.message_ts)
        if original is not None and reply.get("delete_original"):
            del line[original.ts]
        elif original is not None and reply.get("replace_original", bool(address.message_ts)):
            original.text = str(reply.get("text") or "")
            original.show(with_ids(reply.get("blocks") or []))
            original.edited_ts = self._workspace.next_ts()
        else:
            self._post(app, address, reply)

    def _post(self, app: App, address: ReplyAddress, reply: Json) -> None:
        in_channel = reply.get("response_type") == "in_channel"
        blocks = reply.get("blocks") or []
        if message_problems(blocks):
            reply, blocks = {**reply, "text": "failed with the error `invalid_blocks`"}, []
        self._workspace.add(
            Message(
                ts=self._workspace.next_ts(),
                channel=address.channel,
                user=app.bot_user,
                text=str(reply.get("text") or ""),
                blocks=with_ids(blocks),
                thread_ts=str(reply.get("thread_ts") or address.thread_ts),
                bot_id=app.bot_id,
                app_id=app.id,
                only_for="" if in_channel else address.user,
            )
        )

    def _close(self, person: User, view: View) -> None:
        stack = self._workspace.modals.get(person.id, [])
        # By identity: meanwhile the app may have updated the view or opened another.
        self._workspace.modals[person.id] = [open_one for open_one in stack if open_one is not view]


def _errors(view: View, errors: Any) -> dict[str, str]:
    known = {block["block_id"] for block in view.definition["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= known:
        # Slack's client shows its "trouble connecting" for errors that belong to no input.
        raise SlackError("invalid_response_action", known=sorted(known))
    return {block: str(problem) for block, problem in errors.items()}
