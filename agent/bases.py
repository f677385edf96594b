"""The commit that a failing one is compared with, and whose dependencies are trusted."""

from __future__ import annotations

from dataclasses import dataclass

from agent.toolbox import HealTools
from patchpilot.errors import NotFoundError, PermanentError
from patchpilot.fixes import GaveUp, Patch
from patchpilot.source import Sha
from patchpilot.text import one_line


@dataclass(frozen=True, kw_only=True)
class Base:
    """What the failing commit is compared with."""

    sha: Sha
    what: str
    """For people: ``its parent 1234567``."""
    change: Patch
    """From there to the failing commit; empty where the code host can't say."""


def is_on_default_branch(tools: HealTools) -> bool:
    """The failing commit is on the default branch itself, so whoever made it might write there."""
    record = tools.journal.failure()
    return record.branch == record.default_branch and record.pull_request is None


def base_of(tools: HealTools) -> Base | GaveUp:
    """Where the change left the default branch; on the default branch itself the first parent."""
    record = tools.journal.failure()
    repo, head = record.run.repo, record.head_sha
    if not is_on_default_branch(tools):
        left = _merge_base(tools)
        if left is not None:
            what = f"{left[:7]}, where it left {one_line(record.default_branch, 60)}"
            return Base(sha=left, what=what, change=_change(tools, left))
    try:
        commit = tools.host.commit(repo, head)
    except NotFoundError:
        return GaveUp("the failing commit is not on the code host any more")
    if not commit.parents:
        nothing = "there is no commit yet" if record.uncommitted else f"commit {head[:7]} has no parent"
        return GaveUp(f"{nothing} to compare with")
    parent = commit.parents[0]
    what = f"the last commit {parent[:7]}" if record.uncommitted else f"its parent {parent[:7]}"
    return Base(sha=parent, what=what, change=Patch(commit.diff))


def fork_point(tools: HealTools) -> Sha | None:
    """The commit of the default branch that the failing one builds on; ``None`` where none is known."""
    record = tools.journal.failure()
    try:
        return tools.host.merge_base(record.run.repo, record.default_branch, record.head_sha)
    except NotFoundError:
        return None


def _merge_base(tools: HealTools) -> Sha | None:
    found = fork_point(tools)
    return None if found == tools.journal.failure().head_sha else found


def _change(tools: HealTools, base: Sha) -> Patch:
    record = tools.journal.failure()
    try:
        return tools.host.compare(record.run.repo, base, record.head_sha)
    except PermanentError:  # gone, or larger than the code host shows
        return Patch("")
