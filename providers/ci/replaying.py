"""Where a plan to replay a job comes from, in one order for every CI.

``.patchpilot.yml`` first, then the CI's own configuration, then the project's own files, then a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from patchpilot.failures import DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.images import ImageTable
from patchpilot.source import CIJob
from providers.ci.detection import or_detected
from providers.ci.equipment import INSTEAD, overridden
from providers.ci.overrides import Override, read_overrides
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
    overrides = read_overrides(tree)
    if isinstance(overrides, GaveUp):
        return overrides
    override = overrides.for_job(job.name)
    if override.failing:
        return overridden(override, tree, images)
    try:
        return read(override)
    except UnusableConfigError as error:
        reason = str(error)
    except RecursionError:
        reason = "The CI's configuration is nested too deeply to be read."
    return or_detected(GaveUp(f"{reason} {INSTEAD}"), tree, failure, images=images, override=override)
