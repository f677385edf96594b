"""Which job of a workflow file a job of a run was: display names, and the combinations of a matrix.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from patchpilot.text import one_line
from providers.ci.github_expressions import Context, scalar
from providers.ci.github_language import UnknownExpressionError

MAX_COMBINATIONS = 256
"""GitHub's own limit of jobs per matrix."""
_SHOWN = 100
"""GitHub cuts longer job names and puts an ellipsis behind."""

Combination = Mapping[str, object]


def combinations(strategy: object) -> list[Combination]:
    """All combinations of a job's ``strategy.matrix``; one empty combination where there is none.

    A matrix made by an expression (``fromJSON``) can't be known here: then the list is empty.
    """
    matrix = strategy.get("matrix") if isinstance(strategy, Mapping) else None
    if matrix is None:
        return [{}]
    if not isinstance(matrix, Mapping):
        return []
    axes = {scalar(key): value for key, value in matrix.items() if key not in {"include", "exclude"}}
    if not all(isinstance(values, list) for values in axes.values()):
        return []
    include, exclude = _entries(matrix, "include"), _entries(matrix, "exclude")
    if include is None or exclude is None:
        return []
    product = itertools.islice(itertools.product(*axes.values()), MAX_COMBINATIONS)
    originals = [dict(zip(axes, values, strict=True)) for values in product] if axes else []
    originals = [one for one in originals if not any(_fits(one, rule, rule) for rule in exclude)]
    return _included(originals, include, list(axes)) or [{}]


def display_names(
    job_id: str, job: Mapping[str, object], combination: Combination, inputs: Mapping[str, object]
) -> Iterator[str]:
    """The names under which GitHub may list this job, most exact first; ``inputs`` are its workflow's."""
    named = job.get("name")
    base = job_id
    if isinstance(named, str):
        try:
            base = Context(matrix=combination, inputs=inputs).expand(named)
        except UnknownExpressionError:
            return
    if not combination or (isinstance(named, str) and "matrix." in named):
        yield _shown(base)
        return
    yield _shown(f"{base} ({', '.join(_values(combination))})")
    axes = _axes(job)
    yield _shown(f"{base} ({', '.join(_values({k: v for k, v in combination.items() if k in axes}))})")
    yield _shown(base)


def combination_of(combination: Combination) -> str:
    """The values of a job's combination as GitHub puts them after its name; empty where it has none."""
    return f" ({one_line(', '.join(_values(combination)), 80)})" if combination else ""


def guessed_combination(job_id: str, job: Mapping[str, object], name: str) -> Combination | None:
    """For a matrix made by an expression: its values from the job's name, where the axes' names are known."""
    base = job.get("name") if isinstance(job.get("name"), str) else job_id
    if not name.startswith(f"{base} (") or not name.endswith(")"):
        return {} if name == base else None
    values = name[len(f"{base} (") : -1].split(", ")
    axes = _axes(job)
    return dict(zip(axes, values, strict=True)) if len(axes) == len(values) else None


def _entries(matrix: Mapping[str, object], key: str) -> list[Mapping[str, object]] | None:
    found = matrix.get(key, [])
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        return None
    return found


def _included(
    originals: list[dict[str, object]], include: list[Mapping[str, object]], axes: list[str]
) -> list[Combination]:
    """An entry joins every original whose own values it keeps; one that joins none stands alone."""
    widened = [dict(one) for one in originals]
    alone: list[Combination] = []
    for entry in include:
        fitting = [
            number
            for number, one in enumerate(originals)
            if _fits(one, entry, [key for key in entry if key in axes])
        ]
        for number in fitting:
            widened[number].update(entry)
        if not fitting:
            alone.append(dict(entry))
    return [*widened, *alone]


def _fits(
    one: Mapping[str, object], rule: Mapping[str, object], keys: Mapping[str, object] | list[str]
) -> bool:
    return all(key in one and one[key] == rule[key] for key in keys)


def _axes(job: Mapping[str, object]) -> list[str]:
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, Mapping) else None
    if not isinstance(matrix, Mapping):
        return []
    return [scalar(key) for key in matrix if key not in {"include", "exclude"}]


def _values(combination: Combination) -> Iterator[str]:
    for value in combination.values():
        if isinstance(value, Mapping):
            yield from (scalar(item) for item in value.values())
        elif isinstance(value, list):
            yield from (scalar(item) for item in value)
        else:
            yield scalar(value)


def _shown(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[: _SHOWN - 3]}..."
