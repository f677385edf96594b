"""A commit's files in the heal's scratch folder. Nothing in it is ever executed on this side."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from agent.bases import fork_point, is_on_default_branch
from agent.toolbox import HealTools
from patchpilot.errors import NotFoundError, PermanentError
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.ports import WorkbenchSpec
from patchpilot.source import Sha
from patchpilot.text import one_line


def bench_spec(tools: HealTools, plan: ReplayPlan | GaveUp, *, commit: Sha | None = None) -> WorkbenchSpec:
    """A workbench on the failing commit, or on another one, with what the job installs.

    Installing reaches a network, so what is installed must not be chosen by a change that nobody has let in:
    it comes from the commit of the default branch that the failing one builds on. Commits on that branch, and
    the base that a failure is compared with, stand for themselves.
    """
    spec = WorkbenchSpec(
        tree=checked_out(tools) if commit is None else tree_of(tools, commit),
        job_id=str(tools.journal.heal_id),
        image=plan.image if isinstance(plan, ReplayPlan) else "",
        limits=tools.limits,
        installing=partial(tools.journal.step, "install"),
    )
    if isinstance(plan, GaveUp) or not plan.preparations:
        return spec
    spec = replace(spec, preparations=plan.preparations)
    if commit is not None or is_on_default_branch(tools) or tools.settings.sandbox.prepare_changed:
        return spec
    base = fork_point(tools)
    if base is None:
        return replace(spec, withheld=_NO_BASE)
    try:
        return replace(spec, manifests=tree_of(tools, base))
    except PermanentError as error:
        return replace(spec, withheld=f"{_NO_BASE} ({one_line(str(error), 160)})")


_NO_BASE = (
    "Nothing is installed beforehand: which dependencies the default branch has can't be told, and a "
    "branch's own are not trusted unless SANDBOX_PREPARE_CHANGED is on."
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
    begun = Path(tempfile.mkdtemp(prefix="partial-", dir=tools.workdir))
    try:
        tools.host.checkout(tools.journal.failure().run.repo, commit, begun)
        begun.rename(tree)
    finally:
        if begun.is_dir():
            shutil.rmtree(begun, ignore_errors=True)
    return tree
