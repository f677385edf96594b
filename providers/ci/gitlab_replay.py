"""How to run in a sandbox what a failing job of a ``.gitlab-ci.yml`` ran.

GitLab runs ``before_script`` and ``script`` in one shell and reports no steps, so the whole is replayed
without what installs things; ``after_script`` can't make a job fail. The job is found by the name that GitLab
shows, with the values of ``parallel: matrix``. Variables that only GitLab knows are left out and noted.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from patchpilot.failures import DistilledFailure
from patchpilot.fixes import GaveUp, OtherWay, ReplayPlan
from patchpilot.images import ImageTable
from patchpilot.source import CIJob
from patchpilot.text import one_line
from providers.ci.equipment import command, equipped
from providers.ci.github_expressions import scalar
from providers.ci.gitlab_config import FILE, Config, read_config
from providers.ci.overrides import Override
from providers.ci.recipe import Run, UnusableConfigError, alone, wider
from providers.ci.replaying import NO_IMAGES, replayed
from providers.ci.toolchains import from_image, unlike

SHELL = "bash -eo pipefail"
"""What GitLab's runner sets: https://docs.gitlab.com/runner/shells/"""
_MAX_PARALLEL = 200
_MAX_SCRIPT = 200_000
_MAX_VALUE = 20_000
"""Characters of a script and of a variable that are still believed."""
_ROOT = "\0"
"""Stands for the checkout's place until the script knows it."""
_VARIABLE = re.compile(r"\$\$|\$(?:\{(\w+)\}|(\w+))")
_CONDITIONS = ("rules", "only", "except")
_MAX_OTHERS = 100


@dataclass(frozen=True, slots=True)
class _Job:
    """One job with one combination of its matrix."""

    name: str
    shown: str
    body: Mapping[str, object]
    config: Config
    matrix: Mapping[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)

    def run(self) -> Run:
        """All that the job runs, as one script."""
        for key, why in (("trigger", "starts another pipeline"), ("run", "is made of CI/CD steps")):
            if key in self.body:
                raise UnusableConfigError(f"Job {one_line(self.shown)!r} {why} and has no script.")
        script = "\n".join([*_lines(self.body.get("before_script")), *_lines(self.body.get("script"))])
        if not _lines(self.body.get("script")):
            raise UnusableConfigError(f"Job {one_line(self.shown)!r} of {self.config.path} has no script.")
        if "$[[" in script:
            raise UnusableConfigError(f"Job {one_line(self.shown)!r} needs inputs that only GitLab knows.")
        if len(script) > _MAX_SCRIPT:
            raise UnusableConfigError(
                f"The script of job {one_line(self.shown)!r} is too long to be replayed."
            )
        values = self.variables()
        rooted = {name: value for name, value in values.items() if _ROOT in value}
        if "CI_PROJECT_DIR" not in script:
            rooted.pop("CI_PROJECT_DIR", None)
        exports = [f"export {name}={_quoted(value)}" for name, value in rooted.items() if name.isidentifier()]
        self.left_out.update(_unknown_in(script, values))
        return Run(
            title=self.shown,
            script="\n".join([*exports, script]),
            env={name: value for name, value in values.items() if _ROOT not in value},
            shell=SHELL,
            dependable=self.dependable,
        )

    @property
    def dependable(self) -> bool:
        """It runs by itself and must succeed."""
        waits = self.body.get("when") in {"manual", "delayed", "on_failure", "never"}
        return not waits and not self.body.get("allow_failure")

    def variables(self) -> dict[str, str]:
        """Variables with what they refer to filled in; those that only GitLab knows are left out."""
        known = {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_SERVER": "yes",
            "CI_PROJECT_DIR": _ROOT,
            "CI_JOB_NAME": self.shown,
            "CI_JOB_STAGE": scalar(self.body.get("stage")) or "test",
            "CI_CONFIG_PATH": self.config.path,
            **_share(self.name, self.shown),
        }
        written = {**self.config.variables(self.body), **self.matrix}
        done: dict[str, str | None] = {}
        for name in written:
            _fill(name, written, known, done)
        self.left_out.update(name for name, value in done.items() if value is None)
        return {**known, **{name: value for name, value in done.items() if value is not None}}

    def image(self) -> str:
        """The image as written, with known variables filled in."""
        named = self.body.get("image")
        text = scalar(named.get("name") if isinstance(named, Mapping) else named)
        known = self.variables()
        return _VARIABLE.sub(lambda one: known.get(one[1] or one[2] or "", one[0]), text)

    def services(self) -> list[str]:
        """Names of the services that stand beside it."""
        listed = self.body.get("services")
        entries = listed if isinstance(listed, list) else []
        names = (scalar(one.get("name") if isinstance(one, Mapping) else one) for one in entries)
        return [one_line(name, 60) for name in names if name]


def replay(
    tree: Path,
    *,
    job: CIJob,
    config_path: str = "",
    images: ImageTable = NO_IMAGES,
    failure: DistilledFailure | None = None,
) -> ReplayPlan | GaveUp:
    """Read from the checkout at ``tree`` what ``job`` ran.

    Where the configuration doesn't tell, ``failure`` may let the project's own files tell.
    """

    def read(override: Override) -> ReplayPlan:
        config = read_config(tree, config_path or FILE)
        return _plan(config, job.name, override=override, images=images, failure=failure)

    return replayed(tree, job, read, images=images, failure=failure)


def job_names(tree: Path, config_path: str = "") -> tuple[str, ...]:
    """The jobs that a project has, as GitLab shows them; raises :class:`UnusableConfigError`."""
    config = read_config(tree, config_path or FILE)
    return tuple(job.shown for name in config.names() for job in _shown(config, name))


def _plan(
    config: Config, name: str, *, override: Override, images: ImageTable, failure: DistilledFailure | None
) -> ReplayPlan:
    found = _job_of(config, name)
    failing = found.run().about(failure)
    if not failing.replayable:
        raise UnusableConfigError(
            f"Job {one_line(name)!r} only installs things or needs Docker, "
            "and the sandbox has neither network nor Docker."
        )
    own = from_image(found.image())
    others = sorted(_others(config, found), key=lambda other: unlike(own, from_image(other.image())))
    suite = wider(([run] for run in map(_known_run, others) if run is not None), failing)
    plan = ReplayPlan(
        failing=alone(failing),
        suite=command(override, override.suite) if override.suite else suite.command,
        image=override.image,
        source=f"{config.path}, job {one_line(found.shown, 80)}",
        notes=tuple(_notes(config, found)),
        others=tuple(_without_preamble(found)),
    )
    return equipped(plan, config.tree, images=images, runs=[failing, *suite.runs], job_image=found.image())


def _without_preamble(found: _Job) -> Iterator[OtherWay]:
    """The script alone: one shell runs both, so a ``before_script`` that only GitLab can run ends it all."""
    if "before_script" not in found.body:
        return
    body = {key: value for key, value in found.body.items() if key != "before_script"}
    run = replace(found, body=body).run()
    if run.replayable:
        why = "Its before_script is left out here: with it, the job fails in another way in the sandbox."
        yield OtherWay(failing=alone(run), note="", left_out=(why,))


def _job_of(config: Config, name: str) -> _Job:
    candidates = sorted((one for one in config.names() if name.startswith(one)), key=len, reverse=True)
    for candidate in candidates[:_MAX_OTHERS]:
        for job in _shown(config, candidate):
            if name == job.shown:
                return job
    if name in config.content and not name.startswith("."):
        return next(iter(_shown(config, name)))
    raise UnusableConfigError(config.lacks(f"job {name!r}"))


def _shown(config: Config, name: str) -> Iterator[_Job]:
    """A job under each name that GitLab shows.

    https://docs.gitlab.com/ci/yaml/#parallelmatrix
    """
    body = config.job(name)
    parallel = body.get("parallel")
    matrix = parallel.get("matrix") if isinstance(parallel, Mapping) else None
    if isinstance(matrix, list):
        for values in itertools.islice(_combinations(matrix), _MAX_PARALLEL):
            yield _Job(name, f"{name}: [{', '.join(values.values())}]", body, config, values)
    elif isinstance(parallel, int) and not isinstance(parallel, bool) and 1 < parallel <= _MAX_PARALLEL:
        for number in range(1, parallel + 1):
            yield _Job(name, f"{name} {number}/{parallel}", body, config)
    else:
        yield _Job(name, name, body, config)


def _combinations(matrix: Sequence[object]) -> Iterator[dict[str, str]]:
    for entry in matrix:
        if isinstance(entry, Mapping):
            axes = [value if isinstance(value, list) else [value] for value in entry.values()]
            for values in itertools.product(*axes):
                yield dict(zip((scalar(key) for key in entry), map(scalar, values), strict=True))


def _others(config: Config, found: _Job) -> Iterator[_Job]:
    """Jobs that ran whenever this one did, each in its first combination."""
    conditions = {(key, repr(found.body[key])) for key in _CONDITIONS if key in found.body}
    for name in itertools.islice(config.names(), _MAX_OTHERS):
        if name == found.name:
            continue
        try:
            job = next(_shown(config, name), None)
            own = {(key, repr(job.body[key])) for key in _CONDITIONS if job and key in job.body}
        except UnusableConfigError:
            continue
        if job is not None and own <= conditions:
            yield job


def _known_run(job: _Job) -> Run | None:
    try:
        return job.run()
    except UnusableConfigError:
        return None


def _notes(config: Config, found: _Job) -> Iterator[str]:
    services = found.services()
    if services:
        yield f"The job's services are missing in the sandbox: {', '.join(services)}."
    if found.left_out:
        yield f"Variables left out, known only on GitLab: {one_line(', '.join(sorted(found.left_out)))}."
    if config.missing:
        yield f"Includes that are not in the repository were not read: {one_line(', '.join(config.missing))}."


def _lines(script: object) -> list[str]:
    """A script's lines; lists may be nested, as anchors and references make them."""
    if isinstance(script, list):
        return [line for part in script for line in _lines(part)]
    return [scalar(script)] if scalar(script).strip() else []


def _fill(
    name: str, written: Mapping[str, object], known: Mapping[str, str], done: dict[str, str | None]
) -> str | None:
    """A variable's value with others filled in; ``None`` where it depends on one that is not known.

    Each is worked out once and kept in ``done``, so that variables in variables can't multiply the work.
    """
    if name in done:
        return done[name]
    done[name] = None  # while it is being worked out: it may name itself
    value = written[name]
    text = scalar(value.get("value") if isinstance(value, Mapping) else value)
    if isinstance(value, Mapping) and value.get("expand") is False:
        done[name] = text
        return text
    parts: list[str] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        inner = match[1] or match[2]
        if inner is None:
            filled: str | None = "$"
        else:
            filled = _fill(inner, written, known, done) if inner in written else known.get(inner)
        if filled is None or sum(map(len, parts[-100:])) + len(filled) > _MAX_VALUE:
            return None
        parts += [text[end : match.start()], filled]
        end = match.end()
    whole = "".join([*parts, text[end:]])
    done[name] = whole if len(whole) <= _MAX_VALUE else None
    return done[name]


def _share(name: str, shown: str) -> dict[str, str]:
    """Which part of ``parallel: 3`` it is."""
    found = re.fullmatch(r" (\d+)/(\d+)", shown[len(name) :])
    return {"CI_NODE_INDEX": found[1], "CI_NODE_TOTAL": found[2]} if found else {"CI_NODE_TOTAL": "1"}


def _unknown_in(script: str, values: Mapping[str, str]) -> set[str]:
    names = {found[1] or found[2] or "" for found in _VARIABLE.finditer(script)}
    return {name for name in names if re.match(r"CI_|GITLAB_", name) and name not in values}


def _quoted(value: str) -> str:
    return '"$PWD"'.join(shlex.quote(part) if part else "" for part in value.split(_ROOT))
