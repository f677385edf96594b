"""Tasks of the effects role: what a pull request shows. Its one comment, its check run, reactions, answers.

Each task shows what Postgres says when it runs, so a late or repeated one does no harm. Of two that run at
once for the same thing one waits: both would find nothing there and make it twice, or overwrite the newer
with the older. What happens while one writes is shown too, because it looks again after it has written.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from jobs import pr_views
from jobs.roles import Role
from patchpilot.errors import ConfigurationError, PermanentError
from patchpilot.incidents import IncidentSnapshot
from patchpilot.pull_thread import REACTION_OF, AskState, CheckReport, PullAsk
from patchpilot.settings import EffectsSettings
from patchpilot.source import Repo
from providers.hosts.github_auth import writer_access
from providers.hosts.github_checks import GitHubChecks
from providers.hosts.github_pulls import GitHubPullRequests
from providers.hosts.github_reactions import GitHubReactions
from storage.content_calls import take_content_call
from storage.effects import Effect, begin_effect, effect, effects_of, finish_effect
from storage.incidents import snapshot
from storage.mutes import paused_by
from storage.pull_asks import all_incidents_of_pull, find_ask, incidents_of_pull, latest_asks

log = logging.getLogger(__name__)

COMMENT: Final = "pr_comment"
CHECK: Final = "pr_check"
REPLY: Final = "pr_reply"
_LOOKS: Final = 3
_STALE: Final = timedelta(hours=24)
"""What ended longer ago gets no comment any more, when PatchPilot first meets it in an old event log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hands:
    """What writes on a pull request."""

    comments: GitHubPullRequests
    checks: GitHubChecks
    reactions: GitHubReactions


def show(role: Role, args: Mapping[str, str]) -> None:
    """Bring a pull request's comment and check run up to date."""
    repo, number = Repo(args["host"], args["repo"]), int(args["number"])
    incidents = incidents_of_pull(role.db, repo, number)
    key = f"pr-comment:{repo.host}:{repo}#{number}"
    if not incidents or (not _is_news(incidents[0]) and effect(role.db, key) is None):
        return
    hands = _hands(role)
    with role.db.alone(key):
        _show_all(role, hands, repo, number, key)


def _show_all(role: Role, hands: _Hands, repo: Repo, number: int, key: str) -> None:
    # Read under the lock: whoever held it before may have shown what came after the first look.
    incidents = incidents_of_pull(role.db, repo, number)
    for _ in range(_LOOKS if incidents else 0):
        text = pr_views.comment(
            pr_views.Thread(
                incidents=incidents,
                asks=latest_asks(role.db, repo, number),
                paused_by=paused_by(role.db, repo, number),
            )
        )
        known = begin_effect(role.db, key, kind=COMMENT, incident=incidents[0].id)
        if known.digest == _digest(text):
            break
        take_content_call(role.db, repo.host)
        url = hands.comments.comment(repo, number, marker="patchpilot:pull", body=text)
        finish_effect(role.db, key, outside={"url": url}, digest=_digest(text))
        incidents = incidents_of_pull(role.db, repo, number)
    for incident in incidents[:1]:
        _show_checks(role, hands, incident, all_incidents_of_pull(role.db, repo, number))


def answer(role: Role, args: Mapping[str, str]) -> None:
    """Show how far a request is: a reaction on its comment, and the answer where people look for it."""
    ask = find_ask(role.db, int(args["ask"]))
    if ask is None or ask.state is AskState.WAITING:
        return
    if ask.reply:
        _reply(role, ask)
    else:
        show(role, {"host": ask.repo.host, "repo": ask.repo.full_name, "number": str(ask.number)})
    # Last, because a rocket says that it is done.
    if ask.comment_id is not None:
        _hands(role).reactions.give(ask.repo, ask.comment_id, REACTION_OF[ask.state])


def _reply(role: Role, ask: PullAsk) -> None:
    key = f"pr-reply:{ask.id}"
    with role.db.alone(key):
        _write_reply(role, ask, key)


def _write_reply(role: Role, ask: PullAsk, key: str) -> None:
    if begin_effect(role.db, key, kind=REPLY, incident=ask.incident).outside is not None:
        return
    take_content_call(role.db, ask.repo.host)
    incident = snapshot(role.db, ask.incident) if ask.incident is not None else None
    links = pr_views.links_of(incident) if incident else ()
    body, marker = pr_views.reply(ask, links=links), f"patchpilot:reply:{ask.id}"
    url = _hands(role).comments.comment(ask.repo, ask.number, marker=marker, body=body)
    finish_effect(role.db, key, outside={"url": url}, digest=_digest(body))


def _show_checks(role: Role, hands: _Hands, incident: IncidentSnapshot, ever: Iterable[int]) -> None:
    report = pr_views.check(incident)
    for row in [row for one in ever for row in effects_of(role.db, one, kind=CHECK)]:
        shown = row.outside or {}
        if shown.get("completed") == "no" and shown["commit"] != report.head_sha:
            # Nobody works on that commit any more; a check run that never ends would say so for ever.
            _put_check(role, hands, incident, pr_views.left_behind(shown["commit"], incident))
    _put_check(role, hands, incident, report)


def _put_check(role: Role, hands: _Hands, incident: IncidentSnapshot, report: CheckReport) -> None:
    key = f"pr-check:{incident.repo.host}:{incident.repo}@{report.head_sha}"
    # A lock of its own, inside the pull request's: several pull requests can have the same head.
    with role.db.alone(key):
        _write_check(role, hands, incident, report, key)


def _write_check(
    role: Role, hands: _Hands, incident: IncidentSnapshot, report: CheckReport, key: str
) -> None:
    repo = incident.repo
    digest = _digest(repr(report))
    known: Effect = begin_effect(role.db, key, kind=CHECK, incident=incident.id)
    if known.digest == digest or (known.outside or {}).get("refused"):
        return
    try:
        take_content_call(role.db, repo.host)
        made = hands.checks.put(repo, report)
    except PermanentError as error:
        # A plain token may write no check runs: the comment has to do.
        log.warning("no check run", extra={"action": "check_refused", "cause": str(error)})
        finish_effect(role.db, key, outside={"refused": "yes"}, digest="")
        return
    outside = {"id": made, "commit": report.head_sha, "completed": "yes" if report.completed else "no"}
    finish_effect(role.db, key, outside=outside, digest=digest)


def _is_news(incident: IncidentSnapshot) -> bool:
    return incident.open or datetime.now(UTC) - incident.heal.updated_at < _STALE


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hands(role: Role) -> _Hands:
    if not isinstance(role.settings, EffectsSettings):
        raise ConfigurationError(f"the {role.name} role can't write to a code host")
    if "pull-thread" not in role.parts:
        access = writer_access(role.settings)
        role.parts["pull-thread"] = _Hands(
            comments=GitHubPullRequests(access),
            checks=GitHubChecks(access),
            reactions=GitHubReactions(access),
        )
    hands: _Hands = role.parts["pull-thread"]
    return hands
