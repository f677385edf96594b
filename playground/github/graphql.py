"""The two GraphQL mutations that have no REST twin: ready for review, and back to draft.
https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview"""

from __future__ import annotations

import json
import re

from playground.github import lifecycle, shapes
from playground.github.auth import Caller, authenticate
from playground.github.core import Core
from playground.github.errors import ApiError, bad_credentials
from playground.github.model import PlaygroundRepo, PullRequest
from playground.github.shapes import Json

_MUTATIONS = {"markPullRequestReadyForReview": False, "convertPullRequestToDraft": True}


def answer(core: Core, authorization: str | None, body: bytes) -> tuple[int, Json]:
    """Answer a GraphQL request; as there, most errors come with status 200."""
    try:
        with core.world.lock:
            caller = authenticate(core.world, authorization)
            if caller.token is None:
                raise bad_credentials()
            return 200, _mutate(core, caller, body)
    except ApiError as error:
        return error.status, error.body


def _mutate(core: Core, caller: Caller, body: bytes) -> Json:
    try:
        request = json.loads(body)
        query, wanted = str(request["query"]), request["variables"]["input"]["pullRequestId"]
    except (ValueError, KeyError, TypeError):
        raise ApiError(400, "Problems parsing JSON") from None
    name = next((name for name in _MUTATIONS if re.search(rf"\b{name}\b", query)), "")
    if not name:
        return _error("NOT_SUPPORTED", f"the playground knows the mutations {', '.join(_MUTATIONS)}")
    found = _find(core, caller, str(wanted))
    if found is None:
        return _error("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'.")
    repo, pull = found
    if not caller.may(repo, "pull_requests", "write"):
        return _error("FORBIDDEN", "Resource not accessible by integration")
    lifecycle.set_draft(core, repo, pull, draft=_MUTATIONS[name], by=caller.user())
    shape: Json = {"id": wanted, "isDraft": pull.draft, "number": pull.number}
    return {"data": {name: {"clientMutationId": None, "pullRequest": shape}}}


def _find(core: Core, caller: Caller, node: str) -> tuple[PlaygroundRepo, PullRequest] | None:
    for repo in core.world.repositories.values():
        for pull in repo.pulls.values():
            if shapes.node_id("PullRequest", pull.id) == node and caller.sees(repo):
                return repo, pull
    return None


def _error(kind: str, message: str) -> Json:
    return {"data": None, "errors": [{"type": kind, "message": message}]}
