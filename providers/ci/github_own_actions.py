"""Composite actions of the repository itself: their steps, in place of the step that uses them.

GitHub reports such a step as one, whatever it runs.
https://docs.github.com/en/actions/tutorials/create-actions/create-a-composite-action
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from patchpilot.text import one_line
from providers.ci.github_expressions import Context, scalar
from providers.ci.github_language import UnknownExpressionError
from providers.ci.github_workflow import Step, UnusableWorkflowError, mapping
from providers.ci.github_yaml import load
from providers.ci.overrides import YamlProblemError, read_plain_file

_FILES = ("action.yml", "action.yaml")
_MAX_DEPTH = 10
"""GitHub lets composite actions use each other this deep."""
MAX_STEPS = 200
"""Of a job, with those of its actions."""
_OUTPUT = re.compile(r"\$\{\{\s*(steps\.[\w-]+\.outputs\.[\w-]+)\s*\}\}")


def inner_steps(tree: Path, step: Step) -> tuple[Step, ...]:
    """The steps of the action that ``step`` uses; raises :class:`UnusableWorkflowError`."""
    content = _read(tree, step)
    runs = mapping(content.get("runs"))
    listed = runs.get("steps")
    if scalar(runs.get("using")).lower() != "composite" or not isinstance(listed, list):
        kind = one_line(scalar(runs.get("using")), 40) or "nothing"
        raise UnusableWorkflowError(
            f"The action {one_line(step.uses, 80)!r} is made of {kind}, not of commands."
        )
    given = _given(step, mapping(content.get("inputs")))
    return tuple(Step(step.job, mapping(entry), caller=step, given=given) for entry in listed[:MAX_STEPS])


def outputs(tree: Path, step: Step) -> Mapping[str, str]:
    """What the action that ``step`` uses puts out, by the name that the job's steps know it by.

    ``steps.setup.outputs.key`` is some ``steps.inner.outputs.other``; values of other kinds are left out.
    """
    found = {}
    for key, rules in mapping(_read(tree, step).get("outputs")).items():
        value = _OUTPUT.fullmatch(scalar(mapping(rules).get("value")))
        if value is not None:
            found[f"steps.{step.id}.outputs.{scalar(key)}"] = value[1]
    return found


def inlined(tree: Path, steps: Iterable[Step]) -> Iterator[Step]:
    """The steps, those of the repository's own actions in their place; what can't be read stays as it is."""
    # Actions that use each other many times over would be steps without number.
    return itertools.islice(_flat(tree, steps), MAX_STEPS)


def _flat(tree: Path, steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        try:
            inner = inner_steps(tree, step) if step.own_action else ()
        except UnusableWorkflowError:
            inner = ()
        if inner:
            yield from _flat(tree, inner)
        else:
            yield step


def _read(tree: Path, step: Step) -> Mapping[str, object]:
    folder = posixpath.normpath(step.uses)
    depth, outer = 0, step.caller
    while outer is not None:
        depth, outer = depth + 1, outer.caller
    if depth >= _MAX_DEPTH:
        raise UnusableWorkflowError(
            f"The actions below {one_line(folder, 80)!r} use each other without an end."
        )
    text = next((text for name in _FILES if (text := read_plain_file(tree, f"{folder}/{name}"))), None)
    if text is None:
        raise UnusableWorkflowError(f"The action {one_line(folder, 80)!r} is not in the failing commit.")
    try:
        return mapping(load(text))
    except YamlProblemError as error:
        raise UnusableWorkflowError(
            f"The action {one_line(folder, 80)!r} is no valid YAML ({error})."
        ) from error


def _given(step: Step, declared: Mapping[str, object]) -> Mapping[str, object]:
    """What the action is called with; inputs of actions are texts. What only GitHub knows is left out."""
    handed, known = mapping(step.body.get("with")), step.inputs()
    given: dict[str, object] = {}
    for key, rules in declared.items():
        name = scalar(key)
        if key in handed:
            if name in known:
                given[name] = known[name]
            continue
        try:
            given[name] = Context().expand(scalar(mapping(rules).get("default")))
        except UnknownExpressionError:
            continue
    return given
