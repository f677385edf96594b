"""Where a plan to replay a job comes from, in one order for every CI.

``.patchpilot.yml`` first, then the CI's own configuration, then the project's own files, then a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from patchpilot.failures import DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.images import ImageTable
from patchpilot.source import CIJob
from providers.ci.detection import or_detected
from providers.ci.equipment import INSTEAD, overridden
from providers.ci.overrides import FILE, Override, read_overrides, remarks, to_be_mended
from providers.ci.recipe import UnusableConfigError

NO_IMAGES = ImageTable()


def replayed(
    tree: Path,
    job: CIJob,
    read: Callable[[Override], ReplayPlan],
    *,
    images: ImageTable,
    failure: DistilledFailure | None,
) -> ReplayPlan | GaveUp:
    """What ``job`` ran in the checkout at ``tree``.

    ``read`` reads the CI's own configuration, with what ``.patchpilot.yml`` says besides, or raises
    :class:`UnusableConfigError`; what the log says (``failure``) may let the project's own files tell then.
    """
    override = override_for(tree, job.name)
    if isinstance(override, GaveUp):
        return override
    if override.failing:
        return with_remarks(overridden(override, tree, images), tree, override)
    try:
        return with_remarks(read(override), tree, override)
    except UnusableConfigError as error:
        reason = str(error)
    except RecursionError:
        reason = "The CI's configuration is nested too deeply to be read."
    found = or_detected(GaveUp(f"{reason} {INSTEAD}"), tree, failure, images=images, override=override)
    return found if isinstance(found, GaveUp) else with_remarks(found, tree, override)


def override_for(tree: Path, job: str) -> Override | GaveUp:
    """What ``.patchpilot.yml`` says for the job of this name, or without one what it says for all."""
    overrides = read_overrides(tree)
    if isinstance(overrides, GaveUp):
        return overrides
    override = overrides.for_job(job)
    problem = override.problem(tree)
    return to_be_mended(problem) if problem else override


def with_remarks(plan: ReplayPlan, tree: Path, override: Override) -> ReplayPlan:
    """The plan, with what of ``.patchpilot.yml`` counts for nothing among its notes."""
    idle = (f"{FILE}: {override.idle}.",) if override.idle else ()
    return replace(plan, notes=(*plan.notes, *remarks(tree), *idle))
