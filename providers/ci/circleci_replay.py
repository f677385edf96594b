"""How to run in a sandbox what a failing step of a ``.circleci/config.yml`` ran.

The job is found by the name that CircleCI shows, matrix values included; the step by its name, or where
none is reported, as the first one that tests or checks something. Steps are put together as for GitHub:
earlier ones ahead of the failing one, what installs things left out, the job's other tests as the wider
suite. What steps write to ``$BASH_ENV`` reaches later ones, because bash reads that file when it starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from patchpilot.failures import DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.images import ImageTable
from patchpilot.source import CIJob
from patchpilot.text import one_line
from providers.ci.circleci_config import FILE, Config, Wanted, find_job, read_config
from providers.ci.circleci_steps import Step, Steps
from providers.ci.earlier import Earlier
from providers.ci.equipment import command, equipped
from providers.ci.overrides import Override
from providers.ci.recipe import Run, UnusableConfigError, likeliest, wider
from providers.ci.replaying import NO_IMAGES, replayed
from providers.ci.toolchains import from_image, unlike

_MAX_OTHERS = 50


def replay(
    tree: Path,
    *,
    job: CIJob,
    config_path: str = "",
    images: ImageTable = NO_IMAGES,
    failure: DistilledFailure | None = None,
) -> ReplayPlan | GaveUp:
    """Read from the checkout at ``tree`` what ``job``'s failing step ran.

    Where the configuration doesn't tell, ``failure`` may let the project's own files tell.
    """

    def read(override: Override) -> ReplayPlan:
        config, wanted = find_job(tree, job.name, config_path)
        return _plan(tree, config, wanted, job, override=override, images=images, failure=failure)

    return replayed(tree, job, read, images=images, failure=failure)


def job_names(tree: Path, config_path: str = "") -> tuple[str, ...]:
    """The jobs that a project has, as CircleCI shows them; raises :class:`UnusableConfigError`."""
    config = read_config(tree, config_path or FILE)
    return tuple(dict.fromkeys(wanted.shown for wanted in config.wanted()))


def _plan(
    tree: Path,
    config: Config,
    wanted: Wanted,
    job: CIJob,
    *,
    override: Override,
    images: ImageTable,
    failure: DistilledFailure | None,
) -> ReplayPlan:
    found = Steps(config, wanted)
    place = _failed(found, job)
    failing = _replayable(found.steps[place], failure)
    earlier = _earlier(found.steps[:place])
    suite = wider(_jobs(config, found), failing)
    plan = replace(
        earlier.ahead_of(failing, tree),
        suite=command(override, override.suite) if override.suite else suite.command,
        image=override.image,
        source=f"{config.path}, job {one_line(wanted.shown, 80)}, step {one_line(failing.title, 80)!r}",
        notes=tuple(_notes(found)),
    )
    runs = [*(step.run for step in found.steps[:place]), failing, *suite.runs]
    return equipped(plan, tree, images=images, runs=runs, job_image=found.image)


def _earlier(steps: Sequence[Step]) -> Earlier:
    """The commands before the failing one.

    Steps that hand variables on often install things as well, which the sandbox can't: what fails in them is
    passed over.
    https://circleci.com/docs/env-vars/#parameters-and-bash-environment
    """
    earlier = Earlier()
    for step in steps:
        if step.unknown:
            earlier.cannot(step.run.title, f"it depends on what only CircleCI knows: {step.unknown}")
        elif not step.only_on_failure:
            earlier.runs.append(_passing_over(step.run) if "BASH_ENV" in step.run.script else step.run)
    return earlier


def _passing_over(run: Run) -> Run:
    """The command without the shell's option to end at the first thing that fails."""
    return replace(run, may_fail=True, shell=re.sub(r"^(bash|sh) -e(?:o pipefail)?$", r"\1 {0}", run.shell))


def _failed(found: Steps, job: CIJob) -> int:
    failed = job.failed_step
    titles = [one_line(step.run.title) for step in found.steps]
    if failed is not None:
        name = one_line(failed.name)
        if name in titles:
            return titles.index(name)
        raise UnusableConfigError(
            f"Step {name!r} of job {one_line(job.name)!r} is no command of {found.config.path}"
            f"{_because(found.left_out)}."
        )
    place = likeliest([step.run for step in found.steps])
    if place is None:
        raise UnusableConfigError(
            f"Job {one_line(job.name)!r} has no step that tests or checks{_because(found.left_out)}."
        )
    return place


def _because(left_out: Sequence[str]) -> str:
    return f" (not read: {one_line(', '.join(left_out), 160)})" if left_out else ""


def _replayable(step: Step, failure: DistilledFailure | None) -> Run:
    title = one_line(step.run.title, 80)
    if step.unknown:
        raise UnusableConfigError(
            f"Step {title!r} depends on what only CircleCI knows: {one_line(step.unknown, 160)}."
        )
    run = step.run.about(failure)
    if not run.replayable:
        raise UnusableConfigError(
            f"Step {title!r} installs things or needs Docker, and the sandbox has neither network nor Docker."
        )
    return run


def _jobs(config: Config, found: Steps) -> Iterator[list[Run]]:
    """The job's own commands, then those of the configuration's other jobs."""
    yield list(found.ordered())
    own = from_image(found.image)
    others = sorted(_others(config, found), key=lambda other: unlike(own, from_image(other.image)))
    yield from (list(other.ordered()) for other in others)


def _others(config: Config, found: Steps) -> Iterator[Steps]:
    seen = {found.wanted.key}
    for wanted in config.wanted():
        if wanted.key in seen or len(seen) > _MAX_OTHERS:
            continue
        seen.add(wanted.key)
        try:
            other = Steps(config, wanted)
        except UnusableConfigError:
            continue
        yield other


def _notes(found: Steps) -> Iterator[str]:
    if found.services:
        yield f"The job's services are missing in the sandbox: {', '.join(found.services)}."
    if found.left_out:
        yield f"Left out, not known here: {one_line(', '.join(found.left_out))}."
