"""What a job has around its commands: tools, image, what it installs first.

Also the plan where ``.patchpilot.yml`` says it all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from patchpilot.fixes import ReplayPlan, ShellCommand, Toolchain
from patchpilot.images import ImageTable
from providers.ci.overrides import FILE, Override
from providers.ci.preparations import language_of, preparations
from providers.ci.recipe import Run
from providers.ci.toolchains import from_image, image_names

INSTEAD = f"To have it healed, put the command under replay.failing in {FILE}."


def equipped(
    plan: ReplayPlan,
    tree: Path,
    *,
    images: ImageTable,
    runs: Iterable[Run],
    toolchains: Sequence[Toolchain] = (),
    job_image: str = "",
) -> ReplayPlan:
    """The plan with what its job sets up and installs.

    An image that the plan names already (from ``.patchpilot.yml``) stays; else the operator's table decides.
    """
    found = tuple(dict.fromkeys((*from_image(job_image), *toolchains)))
    names = image_names(job_image, found, first=language_of(plan.failing.script))
    return replace(
        plan,
        image=plan.image or images.choose(names),
        job_image=next(iter(names), ""),
        preparations=preparations(tree, runs),
    )


def overridden(override: Override, tree: Path, images: ImageTable) -> ReplayPlan:
    """What ``.patchpilot.yml`` says, which comes before all that a CI's own files say."""
    plan = ReplayPlan(
        failing=command(override, override.failing),
        suite=command(override, override.suite) if override.suite else None,
        image=override.image,
        source=FILE,
    )
    scripts = (script for script in (override.failing, override.suite) if script)
    runs = [Run(title="", script=script, folder=plan.failing.workdir) for script in scripts]
    return equipped(plan, tree, images=images, runs=runs)


def command(override: Override, script: str) -> ShellCommand:
    """One of the commands of ``.patchpilot.yml``."""
    return ShellCommand(script=script, env=dict(override.env), workdir=override.working_directory or ".")
