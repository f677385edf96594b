"""``.circleci/config.yml``, read: jobs by the names that CircleCI shows, expressions, conditions.

https://circleci.com/docs/configuration-reference/
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from patchpilot.text import one_line
from providers.ci import circleci_orbs
from providers.ci.github_expressions import scalar
from providers.ci.github_language import UnknownExpressionError
from providers.ci.overrides import YamlProblemError, load_yaml, read_plain_file
from providers.ci.recipe import UnusableConfigError

FILE = ".circleci/config.yml"
_CONTINUED = (".circleci/continue_config.yml", ".circleci/continue-config.yml", ".circleci/continuation.yml")
"""Where projects with ``setup: true`` usually keep what runs next."""
_MAX_JOBS = 500
_MAX_WANTED = 5_000
_MAX_TEXT = 50_000
"""Characters that may be filled into one text."""
# Only these areas: `cat <<EOF >> file` is a here-document, no expression.
_EXPRESSION = re.compile(r"(?<!\\)<<\s*((?:parameters|pipeline|matrix)\.[\w.-]+)\s*>>")


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions may refer to."""

    values: Mapping[str, object] = field(default_factory=dict)
    """By full name, ``parameters.version``."""

    def fill(self, value: object) -> object:
        """Put values in place of expressions; one that is the whole text keeps its type.

        Raises :class:`UnknownExpressionError`.
        """
        if not isinstance(value, str):
            return value
        whole = _EXPRESSION.fullmatch(value.strip())
        if whole:
            return self._value(whole[1])
        parts: list[str] = []
        end = length = 0
        for found in _EXPRESSION.finditer(value):
            parts += [value[end : found.start()], scalar(self._value(found[1]))]
            length += len(parts[-1])
            if length > _MAX_TEXT:
                raise UnknownExpressionError(f"{found[1]} (too long once filled in)")
            end = found.end()
        return "".join([*parts, value[end:]]).replace("\\<<", "<<")

    def text(self, value: object) -> str:
        """The same as text."""
        return scalar(self.fill(value))

    def holds(self, condition: object) -> bool:
        """Evaluate the condition of ``when`` and ``unless``; raises :class:`UnknownExpressionError`."""
        if isinstance(condition, Mapping):
            return all(self._rule(scalar(key), value) for key, value in condition.items())
        return self.fill(condition) not in (None, False, "", "false", 0)

    def _rule(self, kind: str, value: object) -> bool:
        parts = value if isinstance(value, list) else [value]
        match kind:
            case "and":
                return all(self.holds(part) for part in parts)
            case "or":
                return any(self.holds(part) for part in parts)
            case "not":
                return not self.holds(value)
            case "equal":
                return len({self.text(part) for part in parts}) <= 1
        raise UnknownExpressionError(kind)

    def _value(self, name: str) -> object:
        if name not in self.values:
            raise UnknownExpressionError(name)
        return self.values[name]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One job as a workflow asks for it."""

    shown: str
    key: str
    args: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration whose outer shape is right."""

    path: str
    body: Mapping[str, object]

    @property
    def pipeline(self) -> dict[str, object]:
        """``pipeline.parameters.*`` by default; what a trigger hands over is known to CircleCI only."""
        declared = mapping(self.body.get("parameters"))
        return {
            f"pipeline.parameters.{name}": mapping(rule)["default"]
            for name, rule in declared.items()
            if "default" in mapping(rule)
        }

    def orb(self, alias: str) -> Mapping[str, object] | str:
        """An inline orb's body, or the name of one in the registry, without its version."""
        found = mapping(self.body.get("orbs")).get(alias)
        return found if isinstance(found, Mapping) else scalar(found).partition("@")[0]

    def element(self, kind: str, name: str, space: str) -> tuple[Mapping[str, object] | None, str]:
        """A command, job or executor by its name as written within ``space``, with the space it lies in."""
        alias, slash, rest = name.partition("/")
        if not slash:
            alias, rest = space, name
        home = self.orb(alias) if alias else self.body
        found = mapping(home.get(kind)).get(rest) if isinstance(home, Mapping) else None
        return (found, alias) if isinstance(found, Mapping) else (None, alias)

    def wanted(self) -> Iterator[Wanted]:
        """All jobs of all workflows under the names that CircleCI shows; then jobs that no workflow names."""
        named = set()
        left = _MAX_WANTED
        for workflow in mapping(self.body.get("workflows")).values():
            listed = mapping(workflow).get("jobs")
            for entry in listed if isinstance(listed, list) else []:
                for wanted in itertools.islice(self._shown(entry), _MAX_JOBS):
                    named.add(wanted.key)
                    left -= 1
                    if left < 0:
                        return
                    yield wanted
        for key in mapping(self.body.get("jobs")):
            if key not in named:
                yield Wanted(scalar(key), scalar(key))

    def _shown(self, entry: object) -> Iterator[Wanted]:
        if isinstance(entry, str):
            yield Wanted(entry, entry)
            return
        for key, value in mapping(entry).items():
            args = dict(mapping(value))
            matrix = mapping(args.pop("matrix", None))
            for values in _combinations(matrix):
                scope = Scope({**self.pipeline, **{f"matrix.{name}": one for name, one in values.items()}})
                suffix = "".join(f"-{scalar(one)}" for one in values.values())
                try:
                    shown = scope.text(args.get("name")) or f"{key}{suffix}"
                    filled = {name: scope.fill(one) for name, one in args.items()}
                except UnknownExpressionError:
                    shown, filled = f"{key}{suffix}", args
                yield Wanted(shown, scalar(key), {**filled, **values})


def read_config(tree: Path, path: str = FILE) -> Config:
    """Read a configuration from a checkout; raises :class:`UnusableConfigError`."""
    text = read_plain_file(tree, path)
    if text is None:
        raise UnusableConfigError(
            f"The CI configuration {one_line(path, 120)!r} is not in the failing commit."
        )
    try:
        body = mapping(load_yaml(text))
    except YamlProblemError as error:
        raise UnusableConfigError(f"{one_line(path, 120)} is no valid YAML ({error}).") from error
    if not mapping(body.get("jobs")) and not mapping(body.get("workflows")):
        raise UnusableConfigError(f"{one_line(path, 120)} has no jobs.")
    return Config(path, body)


def find_job(tree: Path, name: str, path: str = "") -> tuple[Config, Wanted]:
    """The job that CircleCI shows as ``name``; raises :class:`UnusableConfigError`."""
    config = read_config(tree, path or FILE)
    places = [config]
    if config.body.get("setup"):
        places += [read_config(tree, more) for more in _CONTINUED if read_plain_file(tree, more) is not None]
    for place in places:
        for wanted in place.wanted():
            if wanted.shown == name:
                return place, wanted
    for place in places:
        if isinstance(mapping(place.body.get("jobs")).get(name), Mapping):
            return place, Wanted(name, name)
    made = " Its set-up workflow makes the jobs at run time." if config.body.get("setup") else ""
    raise UnusableConfigError(f"No job of {config.path} is called {one_line(name)!r}.{made}")


def scope_of(config: Config, body: Mapping[str, object], args: Mapping[str, object]) -> Scope:
    """The parameters of a job, command or executor: what it is handed, else its defaults."""
    values: dict[str, object] = dict(config.pipeline)
    for name, rule in mapping(body.get("parameters")).items():
        if name in args:
            values[f"parameters.{name}"] = args[name]
        elif "default" in mapping(rule):
            values[f"parameters.{name}"] = mapping(rule)["default"]
    return Scope(values)


def orb_job(config: Config, wanted: Wanted) -> Mapping[str, object] | None:
    """The body of a known orb's job."""
    alias, slash, name = wanted.key.partition("/")
    orb = config.orb(alias) if slash else ""
    args = {key: scalar(value) for key, value in wanted.args.items()}
    return circleci_orbs.job(orb, name, args) if isinstance(orb, str) and orb else None


def _combinations(matrix: Mapping[str, object]) -> Iterator[dict[str, object]]:
    axes = {scalar(key): value for key, value in mapping(matrix.get("parameters")).items()}
    if not all(isinstance(values, list) for values in axes.values()):
        return
    named = matrix.get("exclude")
    excluded = named if isinstance(named, list) else []
    lists = [values for values in axes.values() if isinstance(values, list)]
    for values in itertools.islice(itertools.product(*lists), _MAX_JOBS):
        one = dict(zip(axes, values, strict=True))
        if one not in excluded:
            yield one


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}
