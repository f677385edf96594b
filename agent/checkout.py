"""A commit's files in the heal's scratch folder. Nothing in it is ever executed on this side."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from agent.toolbox import HealTools
from patchpilot.errors import NotFoundError
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.ports import WorkbenchSpec
from patchpilot.source import Sha


def bench_spec(tools: HealTools, plan: ReplayPlan | GaveUp, *, commit: Sha | None = None) -> WorkbenchSpec:
    """A workbench on the failing commit, or on another one."""
    return WorkbenchSpec(
        tree=checked_out(tools) if commit is None else tree_of(tools, commit),
        job_id=str(tools.journal.heal_id),
        image=plan.image if isinstance(plan, ReplayPlan) else "",
        limits=tools.limits,
    )


def checked_out(tools: HealTools) -> Path:
    """The folder with the files of the failing commit.

    Raises :class:`~patchpilot.errors.NotFoundError`, with what to do, when the commit is gone.
    """
    record = tools.journal.failure()
    try:
        return tree_of(tools, record.head_sha)
    except NotFoundError as error:
        raise NotFoundError(
            f"commit {record.head_sha[:7]} of {record.run.repo} can't be checked out ({error}); if "
            f"branch {record.branch!r} was deleted or force-pushed, push it again and run the job again"
        ) from error


def tree_of(tools: HealTools, commit: Sha) -> Path:
    """The folder with the files of a commit, fetched unless an earlier node of this heal left them."""
    tree = tools.workdir / f"tree-{commit}"
    if tree.is_dir():
        return tree
    tools.workdir.mkdir(parents=True, exist_ok=True)
    # Renamed into place when complete, so a kill half-way never leaves a folder that looks finished.
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=tools.workdir))
    try:
        tools.host.checkout(tools.journal.failure().run.repo, commit, partial)
        partial.rename(tree)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
    return tree
