"""What a person does on the page, as it arrives in JSON, and how it is carried out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from playground.slack.server import Slack
from playground.web.github_view import GitHubView


class _Act(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(min_length=1, max_length=100)
    """Slack id of the person who acts."""


class Say(_Act):
    """Write a message, or a slash command when the text begins with a known one."""

    act: Literal["say"]
    channel: str
    text: str = Field(max_length=40_000)
    thread_ts: str = ""


class React(_Act):
    """Add a reaction or take it back."""

    act: Literal["react"]
    channel: str
    ts: str
    name: str = Field(max_length=64)


class Press(_Act):
    """Use an element of a message, a modal or App Home."""

    act: Literal["press"]
    channel: str = ""
    ts: str = ""
    view_id: str = ""
    action_id: str
    block_id: str = ""
    value: Any = None
    state: dict[str, Any] = Field(default_factory=dict)


class Submit(_Act):
    """Send a modal."""

    act: Literal["submit"]
    view_id: str
    values: dict[str, Any]


class CloseView(_Act):
    """Close a modal."""

    act: Literal["close_view"]
    view_id: str


class OpenHome(_Act):
    """Open an app's Home tab."""

    act: Literal["open_home"]
    app: str


class OnPull(_Act):
    """Merge, close, reopen a pull request, or take it out of draft."""

    act: Literal["merge", "close", "reopen", "ready"]
    repo: str
    number: int


class Comment(_Act):
    """Comment on a pull request."""

    act: Literal["comment"]
    repo: str
    number: int
    text: str = Field(min_length=1, max_length=65_536)


class Rerun(_Act):
    """Run a workflow run again."""

    act: Literal["rerun"]
    repo: str
    run: int


class PressCheck(_Act):
    """Press a button of an App's check."""

    act: Literal["check"]
    repo: str
    check: int
    identifier: str


Act = Annotated[
    Say | React | Press | Submit | CloseView | OpenHome | OnPull | Comment | Rerun | PressCheck,
    Field(discriminator="act"),
]
ACT: TypeAdapter[Act] = TypeAdapter(Act)


def carry_out(act: Act, slack: Slack, github: GitHubView) -> dict[str, Any]:
    """Do it; returns what the page should know. Refusals are exceptions with a reason for the person."""
    if isinstance(act, OnPull | Comment | Rerun | PressCheck):
        _on_github(act, github, slack.workspace.person(act.user).name)
        return {"ok": True}
    return _on_slack(act, slack)


def _on_slack(act: Act, slack: Slack) -> dict[str, Any]:
    match act:
        case Say():
            return _say(act, slack)
        case React():
            slack.react(act.user, act.channel, act.ts, act.name)
        case Press(view_id=""):
            receipt = slack.press(
                act.user,
                act.channel,
                act.ts,
                act.action_id,
                value=act.value,
                block_id=act.block_id,
                state=act.state,
            )
            return {"ok": receipt.ok, "error": receipt.error}
        case Press():
            receipt = slack.press_in_view(
                act.user, act.view_id, act.action_id, value=act.value, block_id=act.block_id, state=act.state
            )
            return {"ok": receipt.ok, "error": receipt.error}
        case Submit():
            receipt = slack.submit_view(act.user, act.view_id, act.values)
            return {"ok": receipt.ok, "error": receipt.error}
        case CloseView():
            slack.close_view(act.user, act.view_id)
        case OpenHome():
            slack.open_home(act.user, act.app)
    return {"ok": True}


def _say(act: Say, slack: Slack) -> dict[str, Any]:
    if act.text.lstrip().startswith("/") and not act.thread_ts:
        receipt = slack.slash(act.user, act.channel, act.text)
        # A command that no app knows is answered by Slackbot; that is not the page's error.
        return {"ok": receipt.ok or receipt.error == "unknown_command", "error": receipt.error}
    slack.say(act.user, act.channel, act.text, thread_ts=act.thread_ts or None)
    return {"ok": True}


def _on_github(act: OnPull | Comment | Rerun | PressCheck, github: GitHubView, login: str) -> None:
    match act:
        case OnPull(act="merge"):
            github.merge(act.repo, act.number, by=login)
        case OnPull(act="close"):
            github.close(act.repo, act.number, by=login)
        case OnPull(act="reopen"):
            github.reopen(act.repo, act.number, by=login)
        case OnPull():
            github.ready(act.repo, act.number, by=login)
        case Comment():
            github.comment(act.repo, act.number, act.text, by=login)
        case Rerun():
            github.rerun(act.repo, act.run, by=login)
        case PressCheck():
            github.press_check(act.repo, act.check, act.identifier, by=login)
