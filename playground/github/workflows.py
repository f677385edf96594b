"""A workflow file, read: when it runs, and which commands in which jobs.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from playground.github.expressions import WorkflowProblem

_DEFAULT_TIMEOUT = 360.0
_DEFAULT_TYPES = ("opened", "synchronize", "reopened")
_MAX_MATRIX = 256
"""https://docs.github.com/en/actions/reference/limits"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """One step; exactly one of ``run`` and ``uses`` is set."""

    name: str
    run: str = ""
    uses: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    shell: str = ""
    workdir: str = ""
    condition: str = ""
    continue_on_error: bool = False
    timeout_minutes: float = _DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """One job with one set of matrix values."""

    key: str
    name: str
    steps: tuple[StepPlan, ...]
    matrix: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    condition: str = ""
    continue_on_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowPlan:
    """A whole workflow file."""

    path: str
    name: str
    jobs: tuple[JobPlan, ...]
    triggers: Mapping[str, Mapping[object, object]]

    def wants(self, event: str, *, branch: str, action: str = "") -> bool:
        """Whether an event starts it; ``branch`` is the pushed one or the pull request's base."""
        if event not in self.triggers:
            return False
        filters = self.triggers[event]
        if event == "pull_request" and action not in _strings(filters.get("types"), _DEFAULT_TYPES):
            return False
        if "branches" in filters:
            return any(fnmatch.fnmatchcase(branch, pattern) for pattern in _strings(filters["branches"]))
        ignored = _strings(filters.get("branches-ignore"))
        tags_only = event == "push" and "tags" in filters and "branches-ignore" not in filters
        return not tags_only and not any(fnmatch.fnmatchcase(branch, pattern) for pattern in ignored)


def read_workflow(text: str, path: str) -> WorkflowPlan:
    """Parse a workflow file; raises :class:`WorkflowProblem` with a sentence for its authors."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WorkflowProblem(f"{path} is not valid YAML: {error}") from error
    except RecursionError:
        raise WorkflowProblem(f"{path} is nested too deeply") from None
    top = _mapping(data, path)
    # YAML 1.1 reads the key "on" as the truth value.
    triggers = _triggers(top.get("on", top.get(True)), path)
    jobs = _mapping(top.get("jobs"), f"{path}: jobs")
    if not jobs:
        raise WorkflowProblem(f"{path} has no jobs")
    plans = [
        plan
        for key, job in jobs.items()
        for plan in _jobs(str(key), _mapping(job, f"{path}: job {key}"), top, f"{path}: job {key}")
    ]
    _check_needs(plans, path)
    return WorkflowPlan(path=path, name=str(top.get("name") or path), jobs=tuple(plans), triggers=triggers)


def _triggers(on: object, path: str) -> dict[str, Mapping[object, object]]:
    if isinstance(on, str):
        return {on: {}}
    if isinstance(on, list):
        return {str(event): {} for event in on}
    events = _mapping(on, f"{path}: on")
    # A schedule is a list of times; it never starts anything here.
    return {
        str(name): {} if isinstance(filters, list) else _mapping(filters, f"{path}: on.{name}")
        for name, filters in events.items()
    }


def _jobs(
    key: str, job: Mapping[object, object], top: Mapping[object, object], where: str
) -> Iterator[JobPlan]:
    if "uses" in job:
        raise WorkflowProblem(f"{where} calls a reusable workflow, which the playground does not run")
    steps = job.get("steps")
    if not isinstance(steps, list) or not steps:
        raise WorkflowProblem(f"{where} has no steps")
    env = {**_texts(top.get("env"), f"{where}: env"), **_texts(job.get("env"), f"{where}: env")}
    defaults = {**_defaults(top, where), **_defaults(job, where)}
    plans = tuple(_step(_mapping(step, f"{where}: a step"), defaults, where) for step in steps)
    for matrix in _matrix(job, where):
        shown = f" ({', '.join(matrix.values())})" if matrix and "name" not in job else ""
        yield JobPlan(
            key=key,
            name=f"{job.get('name') or key}{shown}",
            steps=plans,
            matrix=matrix,
            env=env,
            needs=tuple(_strings(job.get("needs"))),
            condition=_condition(job),
            continue_on_error=job.get("continue-on-error") is True,
        )


def _defaults(of: Mapping[object, object], where: str) -> dict[str, str]:
    defaults = _mapping(of.get("defaults"), f"{where}: defaults")
    return _texts(defaults.get("run"), f"{where}: defaults.run")


def _step(step: Mapping[object, object], defaults: Mapping[str, str], where: str) -> StepPlan:
    run, uses = step.get("run"), step.get("uses")
    if isinstance(run, str) == isinstance(uses, str):
        raise WorkflowProblem(f"{where}: each step needs either run or uses, as text")
    what = run.strip().split("\n")[0] if isinstance(run, str) else str(uses)
    timeout = step.get("timeout-minutes", _DEFAULT_TIMEOUT)
    return StepPlan(
        name=str(step.get("name") or f"Run {what}"),
        run=run if isinstance(run, str) else "",
        uses=uses if isinstance(uses, str) else "",
        inputs=_texts(step.get("with"), f"{where}: with"),
        env=_texts(step.get("env"), f"{where}: env"),
        shell=str(step.get("shell") or defaults.get("shell", "")),
        workdir=str(step.get("working-directory") or defaults.get("working-directory", "")),
        condition=_condition(step),
        continue_on_error=step.get("continue-on-error") is True,
        timeout_minutes=float(timeout) if isinstance(timeout, int | float) else _DEFAULT_TIMEOUT,
    )


def _condition(of: Mapping[object, object]) -> str:
    value = of.get("if", "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _matrix(job: Mapping[object, object], where: str) -> list[dict[str, str]]:
    """The combinations of a matrix, with ``include`` and ``exclude``; one empty one without a matrix."""
    matrix = _mapping(_mapping(job.get("strategy"), f"{where}: strategy").get("matrix"), f"{where}: matrix")
    axes = {str(key): value for key, value in matrix.items() if key not in {"include", "exclude"}}
    if any(not isinstance(values, list) for values in axes.values()):
        raise WorkflowProblem(f"{where}: each matrix axis must be a list")
    choices = [[_plain(value) for value in values] for values in axes.values() if isinstance(values, list)]
    found = [dict(zip(axes, values, strict=True)) for values in itertools.product(*choices)] if axes else []
    for excluded in _rows(matrix.get("exclude"), where):
        found = [one for one in found if not excluded.items() <= one.items()]
    original = list(found)
    for extra in _rows(matrix.get("include"), where):
        shared = {key: value for key, value in extra.items() if key in axes}
        fitting = [one for one in original if shared.items() <= one.items()]
        for one in fitting:
            one.update(extra)
        if not fitting:
            found.append(extra)
    if len(found) > _MAX_MATRIX:
        raise WorkflowProblem(f"{where}: a matrix may have {_MAX_MATRIX} jobs, this one has {len(found)}")
    return found or [{}]


def _rows(value: object, where: str) -> list[dict[str, str]]:
    rows = value if isinstance(value, list) else []
    return [_texts(row, f"{where}: matrix") for row in rows]


def _check_needs(plans: list[JobPlan], path: str) -> None:
    """Every job named in ``needs`` exists, and they can be put in an order."""
    done: set[str] = set()
    waiting = {plan.key: set(plan.needs) for plan in plans}
    while ready := {key for key, needs in waiting.items() if needs <= done}:
        done |= ready
        waiting = {key: needs for key, needs in waiting.items() if key not in done}
    if waiting:
        raise WorkflowProblem(f"{path}: the needs of {', '.join(sorted(waiting))} can't be met")


def _mapping(value: object, where: str) -> Mapping[object, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WorkflowProblem(f"{where} must be a mapping of keys to values")
    return value


def _texts(value: object, where: str) -> dict[str, str]:
    return {str(key): _plain(one) for key, one in _mapping(value, where).items()}


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _strings(value: object, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    if value is None:
        return default
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)
