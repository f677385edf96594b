"""What ``patchpilot heal`` runs: the command that was given, else the one that the project's files name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cli.heal_request import HOW, Wanted
from cli.replay import Source, plan_of
from patchpilot.errors import PermanentError
from patchpilot.fixes import GaveUp, ReplayPlan, ShellCommand
from patchpilot.images import ImageTable
from providers.ci.detection import detect

NODE = frozenset({"npm", "pnpm", "yarn"})
"""Managers whose packages lie in ``node_modules``."""


def plan_for(wanted: Wanted, tree: Path, *, inside: str, images: ImageTable) -> ReplayPlan:
    """The plan for the checkout at ``tree``; a given command runs in its folder ``inside``.

    Raises :class:`~patchpilot.errors.PermanentError`, with what to do, where there is none.
    """
    suite = ShellCommand(script=wanted.suite, workdir=inside) if wanted.suite.strip() else None
    if wanted.command:
        plan = _given(wanted.script, tree, inside=inside, images=images)
        return _with_own_packages(replace(plan, suite=suite), tree)
    try:
        found = plan_of(tree, job=wanted.job, step=wanted.step, ci=Source.AUTO, config="", images=images)
    except PermanentError as error:
        raise PermanentError(f"no command was given, and {error}. {HOW}") from error
    if isinstance(found, GaveUp):
        raise PermanentError(f"no command was given, and none was found: {found.reason} {HOW}")
    return _with_own_packages(replace(found, suite=suite or found.suite), tree)


def _with_own_packages(plan: ReplayPlan, tree: Path) -> ReplayPlan:
    """Nothing is installed for Node where the copy has its packages already (``--include node_modules``)."""
    there = {
        one
        for one in plan.preparations
        if one.manager in NODE and Path(tree, one.workdir, "node_modules").is_dir()
    }
    if not there:
        return plan
    note = "Node's packages are the node_modules of the checkout; nothing is installed for them."
    kept = tuple(one for one in plan.preparations if one not in there)
    return replace(plan, preparations=kept, notes=(*plan.notes, note))


def _given(script: str, tree: Path, *, inside: str, images: ImageTable) -> ReplayPlan:
    failing = ShellCommand(script=script, workdir=inside)
    around = detect(tree, images=images, given=script)
    if isinstance(around, GaveUp):
        return ReplayPlan(failing=failing, source="the command line")
    # What the project needs around its own tests, a command of its owner needs too; no job asks for an image.
    return replace(around, failing=failing, source="the command line", job_image="")
