"""Why CI of a fix has not started, in words that say what to do. Pure.

The commonest complaint about bots that open pull requests is a fix whose CI never runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from patchpilot.text import one_line
from providers.ci.github_triggers import Change, listens, listens_to_pulls, starts
from providers.hosts.github_pull_ci import PullNow, SeenRun

_ACTIONS: Final = "github-actions"
"""Whoever pushes with the token of a job is this bot."""
_NAMED: Final = 3

_SKIPPED = "CI on the fix has started, but all its jobs were skipped by their conditions."
_CONFLICT = (
    "CI on the fix can't start: the pull request conflicts with {base}. Solve the conflict, or close the "
    "pull request and Retry, so that PatchPilot looks for a fix on the branch as it is now."
)
_NO_WORKFLOW = (
    "No CI has started on the fix: no workflow of its branch listens to pull requests or pushes. Run its "
    "checks by hand before merging."
)
_FILTERED = (
    "No CI has started on the fix: by their filters for branches and paths, no workflow starts for a pull"
    " request from {branch} into {base}. Let the pull_request trigger of one take {base} and these files, or "
    "run the checks by hand."
)
_PUSHES_ONLY = (
    "No CI has started on the fix: its workflows start for pushes only, and not for those to {branch}. Add "
    "pull_request to the triggers of one, or run the checks by hand."
)
_BY_A_JOB = (
    "No CI has started on the fix: it was pushed with the token of a GitHub Actions job, and what that "
    "token does starts no workflow. Give PatchPilot a GitHub App or a token of its own; until then, close"
    " and reopen the pull request to start CI."
)
_UNKNOWN = (
    "No CI has started on the fix, though its workflows listen to such pull requests. Look whether "
    "Actions is switched on for the repository; closing and reopening the pull request starts CI again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What is to be told; nothing where CI is under way."""

    note: str = ""
    url: str = ""
    mark_ready: bool = False
    """CI runs only once the pull request is no draft any more."""


def waits(runs: Sequence[SeenRun]) -> Started | None:
    """What is to be done about runs that wait for a person; ``None`` if none does."""
    waiting = [run for run in runs if run.waits]
    if not waiting:
        return None
    names = ", ".join(one_line(run.name, 60) for run in waiting[:_NAMED])
    many = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
    text = (
        f"CI on the fix waits for an approval ({names}{many}): somebody with write access opens the run and "
        "lets it run."
    )
    return Started(note=text, url=waiting[0].url)


def not_started(
    pull: PullNow,
    workflows: Mapping[str, str],
    *,
    base: str,
    branch: str,
    paths: Sequence[str],
    skipped: bool,
    stays_draft: bool,
) -> Started:
    """The likeliest reason why no run of the fix has begun, or why all have ``skipped`` their jobs."""
    if skipped and pull.draft and any("draft" in text for text in workflows.values()):
        what = "mark it ready for review" if stays_draft else "it is marked ready for review now"
        text = f"CI of this repository skips draft pull requests, so {what}."
        return Started(note=text, mark_ready=not stays_draft)
    change = Change(base=base, branch=branch, paths=paths)
    return Started(note=_SKIPPED if skipped else _reason(pull, list(workflows.values()), change))


def _reason(pull: PullNow, workflows: Sequence[str], change: Change) -> str:
    if pull.conflicts:
        return _CONFLICT.format(base=change.base)
    if not any(map(listens, workflows)):
        return _NO_WORKFLOW
    if not any(starts(text, change) for text in workflows):
        filtered = _FILTERED if any(map(listens_to_pulls, workflows)) else _PUSHES_ONLY
        return filtered.format(branch=change.branch, base=change.base)
    return _BY_A_JOB if pull.author.removesuffix("[bot]") == _ACTIONS else _UNKNOWN
