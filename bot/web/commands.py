"""``/api/commands``: what one would type in Slack, for scripts: the same grammar, the same door."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field

from bot.parts import BotParts
from bot.web.bearer import answers, bearer
from patchpilot.asking import Asked, Place
from patchpilot.commands import Actor, Medium, Ruling, Verb
from patchpilot.grammar import Decide, Way, parse
from patchpilot.grammar.values import HOST
from patchpilot.incidents import incident_name
from patchpilot.source import HostUser


class CommandRequest(BaseModel):
    """A command as it is typed: the caller acts as ``login``, whose live permission is checked."""

    text: str = Field(min_length=1, max_length=4_000)
    """``retry PP-12 use py3.12``; ``help`` lists the verbs."""
    login: str = Field(min_length=1, max_length=100)
    key: str = Field(default="", max_length=100)
    """An idempotency key: the same key again is applied once."""


class CommandAnswer(BaseModel):
    """How it ended, in words."""

    ruling: Ruling
    text: str
    incident: str | None


def router(parts: BotParts) -> APIRouter:
    """One endpoint."""
    routes = APIRouter(prefix="/api/commands", tags=["commands"])

    @routes.post(
        "",
        summary="Say what one would type in Slack",
        dependencies=[Depends(bearer(parts))],
        responses=answers(
            _422="The request is not well formed, or is an approval, which has to name the patch: "
            "POST /api/jobs/ID/decisions."
        ),
    )
    def say(asked: CommandRequest) -> CommandAnswer:
        request = parse(asked.text, way=Way.API)
        if isinstance(request, Decide) and request.decision is Verb.APPROVE:
            raise HTTPException(422, "approve by POST /api/jobs/ID/decisions, which names the patch")
        user = HostUser(host=HOST, login=asked.login)
        answer = parts.door.handle(
            Asked(
                request=request,
                actor=Actor(medium=Medium.API, name=asked.login, host_user=user),
                way=Way.API,
                place=Place(ephemeral=True),
                key=f"api:{asked.key}" if asked.key else "",
            )
        )
        incident = incident_name(answer.incident) if answer.incident else None
        return CommandAnswer(ruling=answer.ruling, text=answer.text, incident=incident)

    return routes
