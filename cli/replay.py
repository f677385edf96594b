"""``patchpilot replay``: what PatchPilot would run for a failing job, and why. Nothing is run."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from patchpilot.errors import PermanentError
from patchpilot.text import one_line, plain

if TYPE_CHECKING:  # the command loads what it needs when it runs; the others start sooner
    from collections.abc import Iterable

    from patchpilot.fixes import EarlierStep, GaveUp, ReplayPlan, ShellCommand
    from patchpilot.images import ImageTable
    from patchpilot.source import CIJob

FOUND, NOTHING, UNUSABLE = 0, 1, 2
_WORKFLOWS = ".github/workflows"
_SHOWN_JOBS = 40
_MOST_ENTRIES = 4
"""Entries of one matrix that are all named."""
_ELSEWHERE = re.compile(r"(?i)\b(?:windows|win\d*|macos|mac|darwin)\b")
_OTHERWISE = "name the configuration with --config, or leave out --ci to take the one that is there"


class Source(enum.StrEnum):
    """Whose configuration is read."""

    AUTO = "auto"
    GITHUB = "github"
    GITLAB = "gitlab"
    CIRCLECI = "circleci"
    DETECT = "detect"


_USUAL = {Source.GITLAB: ".gitlab-ci.yml", Source.CIRCLECI: ".circleci/config.yml"}


def replay_command(
    path: Annotated[Path, typer.Argument(help="A checkout of the repository.")],
    *,
    job: Annotated[
        str, typer.Option(help="Name of the failing job as the CI shows it, matrix values included.")
    ] = "",
    step: Annotated[str, typer.Option(help="Name of the failing step; default: the first tests.")] = "",
    ci: Annotated[
        Source, typer.Option(help="Whose configuration to read; auto takes the one that is there.")
    ] = Source.AUTO,
    config: Annotated[
        str, typer.Option(help="The configuration's path, where it is not the usual one.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Print what would be replayed for a failing job: commands, variables, image, what is installed first.

    Exit code 0: there is a plan. 1: nothing can be replayed, and why. 2: unusable input, such as no folder or
    a job to be chosen.
    """
    from patchpilot.settings import SandboxSettings, load  # noqa: PLC0415 - other commands start sooner

    try:
        found = plan_of(
            path, job=job, step=step, ci=ci, config=config, images=load(SandboxSettings).image_table
        )
    except PermanentError as error:
        if as_json:
            typer.echo(json.dumps({"error": str(error)}))
        else:
            typer.echo(f"patchpilot replay: {error}", err=True)
        raise typer.Exit(UNUSABLE) from None
    _print(found, as_json=as_json)


def plan_of(
    path: Path, *, job: str, step: str, ci: Source, config: str, images: ImageTable
) -> ReplayPlan | GaveUp:
    """The plan for the checkout at ``path``, with what is wrong with its policy among the notes.

    Raises :class:`~patchpilot.errors.PermanentError` for input that a person has to mend, such as no
    folder or a job to be chosen.
    """
    from patchpilot.fixes import GaveUp  # noqa: PLC0415 - other commands start sooner
    from patchpilot.policy import Policy  # noqa: PLC0415 - see above
    from providers.ci.overrides import FILE, read_plain_file  # noqa: PLC0415 - see above
    from providers.hosts.policy_file import read_policy  # noqa: PLC0415 - see above

    if not path.is_dir():
        raise PermanentError(f"{str(path)!r} is not a folder: give the path of a checkout")
    tree = path.resolve()
    found = None
    if ci is Source.AUTO and not config and not job:
        found = _stated(tree, job, images)
    if found is None:
        found = _read(tree, job=job, step=step, ci=ci, config=config, images=images)
    if isinstance(found, GaveUp):
        return found
    policy = read_policy(read_plain_file(tree, FILE), default=Policy())
    problem = (
        (f"The policy can't be read, so a person is asked: {policy.problem}.",) if policy.problem else ()
    )
    return dataclasses.replace(found, notes=(*found.notes, *problem))


def _stated(tree: Path, job: str, images: ImageTable) -> ReplayPlan | GaveUp | None:
    """What ``.patchpilot.yml`` says by itself, whatever the CI's configuration holds; ``None`` if nothing."""
    from patchpilot.fixes import GaveUp  # noqa: PLC0415 - other commands start sooner
    from providers.ci.equipment import overridden  # noqa: PLC0415 - see above
    from providers.ci.replaying import override_for, with_remarks  # noqa: PLC0415 - see above

    override = override_for(tree, job)
    if isinstance(override, GaveUp):
        return override
    return with_remarks(overridden(override, tree, images), tree, override) if override.failing else None


def _read(
    tree: Path, *, job: str, step: str, ci: Source, config: str, images: ImageTable
) -> ReplayPlan | GaveUp:
    """What the configuration that is there, or that was named, tells."""
    from providers.ci import circleci_replay, gitlab_replay  # noqa: PLC0415 - other commands start sooner
    from providers.ci.recipe import UnusableConfigError  # noqa: PLC0415 - see above

    chosen = _chosen(tree, config) if ci is Source.AUTO else ci
    if chosen is Source.GITHUB:
        return _github(tree, job=job, step=step, config=config, images=images)
    if chosen is Source.DETECT:
        stated = _stated(tree, job, images) if ci is Source.AUTO else None
        return stated or _detected(tree, job=job, step=step, images=images)
    gitlab = chosen is Source.GITLAB
    file = config or _USUAL[chosen]
    if not (tree / file.lstrip("/")).is_file():
        raise PermanentError(f"there is no {one_line(file, 120)} here: {_OTHERWISE}")
    if not job:
        names = gitlab_replay.job_names if gitlab else circleci_replay.job_names
        try:
            job = _only(names(tree, config))
        except UnusableConfigError as error:
            raise PermanentError(str(error)) from error
    replay = gitlab_replay.replay if gitlab else circleci_replay.replay
    return replay(tree, job=_job(job, step), config_path=config, images=images)


def _detected(tree: Path, *, job: str, step: str, images: ImageTable) -> ReplayPlan | GaveUp:
    from patchpilot.fixes import GaveUp  # noqa: PLC0415 - other commands start sooner
    from providers.ci.detection import detect  # noqa: PLC0415 - see above
    from providers.ci.replaying import override_for, with_remarks  # noqa: PLC0415 - see above

    for option, value in (("--job", job), ("--step", step)):
        if value:
            raise PermanentError(
                f"{option} {one_line(value, 60)!r} names a part of a CI's configuration, and none is read "
                f"here: leave out {option} to take what the project's own files tell"
            )
    override = override_for(tree, "")
    if isinstance(override, GaveUp):
        return override
    found = detect(tree, images=images)
    return found if isinstance(found, GaveUp) else with_remarks(found, tree, override)


def _chosen(tree: Path, config: str) -> Source:
    """The CI whose configuration is there; where there are several, one has to be named."""
    named = {
        Source.GITHUB: config.startswith(".github/") or (not config and bool(_workflows(tree))),
        Source.GITLAB: config.endswith("gitlab-ci.yml")
        or (not config and (tree / ".gitlab-ci.yml").is_file()),
        Source.CIRCLECI: config.startswith(".circleci/")
        or (not config and (tree / ".circleci/config.yml").is_file()),
    }
    found = [source for source, there in named.items() if there]
    if len(found) > 1:
        raise PermanentError(
            f"there are configurations of several CIs: choose one with --ci {'|'.join(found)}"
        )
    if config and not found:
        if not (tree / config.lstrip("/")).is_file():
            raise PermanentError(f"there is no {one_line(config, 120)} here: {_OTHERWISE}")
        raise PermanentError(f"whose configuration {one_line(config)!r} is can't be told: say it with --ci")
    return found[0] if found else Source.DETECT


def _workflows(tree: Path) -> list[str]:
    folder = tree / _WORKFLOWS
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return [f"{_WORKFLOWS}/{name}" for name in names if name.endswith((".yml", ".yaml"))]


def _github(tree: Path, *, job: str, step: str, config: str, images: ImageTable) -> ReplayPlan | GaveUp:
    from providers.ci import github_replay  # noqa: PLC0415 - see above
    from providers.ci.github_workflow import UnusableWorkflowError  # noqa: PLC0415 - see above

    if config and not (tree / config.lstrip("/")).is_file():
        raise PermanentError(f"there is no {one_line(config, 120)} here: {_OTHERWISE}")
    files: dict[str, tuple[str, ...]] = {}
    problems = []
    for file in [config] if config else _workflows(tree):
        try:
            files[file] = github_replay.job_names(tree, file)
        except UnusableWorkflowError as error:
            problems.append(str(error))
    if not files:
        raise PermanentError(" ".join(problems) or f"there is no workflow in {_WORKFLOWS} here: {_OTHERWISE}")
    job = job or _only(tuple(name for names in files.values() for name in names))
    file = next((file for file, names in files.items() if job in names), next(iter(files)))
    try:
        if not step:
            likely = github_replay.likeliest_step(tree, file, job)
            if likely is None:
                why = f"no step of job {one_line(job)!r} is known to test, check or build anything"
                raise PermanentError(f"{why}: choose one with --step")
            step = likely.name
    except UnusableWorkflowError as error:
        if not any(job in names for names in files.values()):
            known = tuple(name for names in files.values() for name in names)
            near = tuple(name for name in known if job.casefold() in name.casefold())
            told = f"Perhaps: {_named(near)}" if near else f"Known: {_listed(known)}"
            said = (
                f"No job of {len(files)} workflows is called {one_line(job)!r}."
                if len(files) > 1
                else str(error)
            )
            raise PermanentError(f"{said} {told}") from error
    return github_replay.replay(tree, workflow_path=file, job=_job(job, step), images=images)


def _job(name: str, step: str) -> CIJob:
    from patchpilot.source import CIJob, CIStep  # noqa: PLC0415 - see above

    steps = (CIStep(number=1, name=step, failed=True),) if step else ()
    return CIJob(id="", name=name, failed=True, steps=steps)


def _only(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return names[0]
    raise PermanentError(f"there are several jobs: choose one with --job. Known: {_listed(names)}")


def _listed(names: tuple[str, ...]) -> str:
    """The jobs, each matrix by one of its entries: most have dozens that differ in a version alone."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.partition(" (")[0], []).append(name)
    shown: list[str] = []
    for entries in kinds.values():
        once = _linux_first(entries)
        few = once if len(once) <= _MOST_ENTRIES else once[:1]
        shown += [repr(one_line(name, 100)) for name in few]
        if len(once) > len(few):
            shown[-1] += f" and {len(once) - 1} like it"
    more = f" and {len(shown) - _SHOWN_JOBS} more" if len(shown) > _SHOWN_JOBS else ""
    return ", ".join(shown[:_SHOWN_JOBS]) + more


def _named(names: tuple[str, ...]) -> str:
    once = _linux_first(names)
    more = f" and {len(once) - _SHOWN_JOBS} more" if len(once) > _SHOWN_JOBS else ""
    return ", ".join(repr(one_line(name, 100)) for name in once[:_SHOWN_JOBS]) + more


def _linux_first(names: Iterable[str]) -> list[str]:
    """Each once, those last that name a machine which the sandbox is not."""
    return sorted(dict.fromkeys(names), key=lambda name: bool(_ELSEWHERE.search(name)))


def _print(found: ReplayPlan | GaveUp, *, as_json: bool) -> None:
    from patchpilot.fixes import GaveUp  # noqa: PLC0415 - see above

    if isinstance(found, GaveUp):
        typer.echo(json.dumps({"reason": found.reason}) if as_json else f"nothing to replay: {found.reason}")
        raise typer.Exit(NOTHING)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=2))
        return
    typer.echo(f"from         {one_line(found.source, 400)}")
    typer.echo(f"image        {found.image or 'the default of the sandbox'}{_wish(found)}")
    for one in found.preparations:
        groups = f", groups {', '.join(one.groups)}" if one.groups else ""
        listed = one_line(f"{one.manager} in {one.workdir}: {', '.join(one.manifests)}{groups}", 400)
        typer.echo(f"first        {listed}")
    if found.installing:
        instead = (
            "what is listed above is installed instead" if found.preparations else "nothing is installed"
        )
        steps = one_line(", ".join(repr(title) for title in found.installing), 300)
        typer.echo(f"not run      {steps} (only for installing or setting up): {instead}")
    for note in found.notes:
        typer.echo(f"note         {one_line(note, 400)}")
    for sentence in found.left_out:
        typer.echo(f"left out     {one_line(sentence, 400)}")
    _print_command("failing", found.failing)
    for way in found.others:
        said = one_line(" ".join((way.note, *way.left_out)), 400)
        typer.echo(f"or else      if that does not reproduce the failure: {said}")
    if found.suite is not None:
        _print_command("suite", found.suite)


def _wish(found: ReplayPlan) -> str:
    if not found.job_image:
        return ""
    # Of a detected project nobody asked for anything.
    detected = found.source.startswith("detected:")
    asked = f"{'it is looked for as' if detected else 'the job asks for'} {one_line(found.job_image, 120)}"
    if found.image:
        return f" ({asked})"
    return f" ({asked}; SANDBOX_IMAGES can name one of yours for it)"


def _print_command(title: str, command: ShellCommand) -> None:
    for step in command.before:
        remarks = [
            *(["in the background"] if step.background else []),
            *(["may fail"] if step.may_fail else []),
            *([f"if {one_line(step.condition, 200)}"] if step.condition else []),
        ]
        said = f" ({', '.join(remarks)})" if remarks else ""
        _print_script(
            f"{title}: first", f"{one_line(step.title, 80)}{said}, {_surroundings(step)}", step.script
        )
    _print_script(title, _surroundings(command), command.script)


def _surroundings(command: ShellCommand | EarlierStep) -> str:
    names = one_line(", ".join(sorted(command.env)), 400)
    given = f"the variables {names}" if names else "no variables"
    return f"in {one_line(command.workdir)} by {one_line(command.shell)}, with {given}"


def _print_script(title: str, about: str, script: str) -> None:
    typer.echo(f"{title:<12} {about}")
    for line in plain(script).rstrip().splitlines():
        typer.echo(f"    {line}")
