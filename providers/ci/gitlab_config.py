"""``.gitlab-ci.yml`` with its local includes, read: each job as GitLab puts it together.

In GitLab's order: includes are merged, then ``extends``, then ``!reference`` is followed, then ``default``
fills what a job doesn't say. https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from patchpilot.text import one_line
from providers.ci.overrides import (
    SafeLoader,
    YamlProblemError,
    has_plain_file,
    load_documents,
    read_plain_file,
)
from providers.ci.recipe import UnusableConfigError

FILE = ".gitlab-ci.yml"
_MAX_FILES = 150
"""GitLab's own limit of includes."""
_MAX_DEPTH = 11
"""Levels of ``extends`` and of references that GitLab follows."""
_MAX_NODES = 10_000
"""Values looked at for one job: a few nested references may stand for millions of lines."""
_USED = (
    "script", "before_script", "variables", "image", "services", "parallel", "when", "allow_failure",
    "trigger", "run", "stage", "inherit",
)  # fmt: skip
_CONDITIONS = ("rules", "only", "except")
_DEFAULTS = ("image", "services", "before_script")
_NO_JOBS = {
    *_DEFAULTS,
    "after_script",
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "spec",
    "cache",
    "types",
}
_INPUT = re.compile(r"\$\[\[\s*inputs\.([\w-]+)[^\]]*\]\]")


@dataclass(frozen=True, slots=True)
class Reference:
    """``!reference [job, key]``."""

    path: tuple[str, ...]


class _Loader(SafeLoader):
    """The safe loader with the one tag that GitLab adds."""


def _reference(loader: yaml.SafeLoader, node: yaml.Node) -> Reference:
    if not isinstance(node, yaml.SequenceNode) or not all(isinstance(n, yaml.ScalarNode) for n in node.value):
        raise yaml.constructor.ConstructorError(
            None, None, "!reference takes a list of names", node.start_mark
        )
    return Reference(tuple(str(loader.construct_scalar(part)) for part in node.value))


_Loader.add_constructor("!reference", _reference)


@dataclass(slots=True)
class Config:
    """A project's whole configuration, as far as it lies in the checkout."""

    tree: Path
    path: str
    content: dict[str, object] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Includes that are not in the checkout, for people."""
    _extended: dict[str, Mapping[str, object]] = field(default_factory=dict)

    def names(self) -> Iterator[str]:
        """Jobs that can run: hidden ones (with a dot) are only there to be extended."""
        for name, body in self.content.items():
            if name not in _NO_JOBS and not name.startswith(".") and isinstance(body, Mapping):
                yield name

    def job(self, name: str) -> Mapping[str, object]:
        """A job complete with what it extends, refers to and gets by default."""
        written = self._with_parents(name, ())
        follower = _Follower(self)
        body = {key: follower.value(written[key]) for key in _USED if key in written}
        body |= {key: written[key] for key in _CONDITIONS if key in written}
        inherited = _mapping(body.get("inherit")).get("default", True)
        default = _mapping(self.content.get("default"))
        for key in _DEFAULTS:
            value = default.get(key, self.content.get(key))
            if value is not None and (
                inherited is True or (isinstance(inherited, list) and key in inherited)
            ):
                body.setdefault(key, follower.value(value))
        return body

    def variables(self, body: Mapping[str, object]) -> dict[str, object]:
        """Variables as written: global ones that the job inherits, then its own."""
        inherited = _mapping(body.get("inherit")).get("variables", True)
        found = {
            str(name): value
            for name, value in _mapping(self.content.get("variables")).items()
            if inherited is True or (isinstance(inherited, list) and name in inherited)
        }
        return {**found, **{str(name): value for name, value in _mapping(body.get("variables")).items()}}

    def at(self, path: tuple[str, ...]) -> object:
        """What ``!reference`` names; raises :class:`UnusableConfigError` where there is nothing."""
        value: object = None
        if path and isinstance(self.content.get(path[0]), Mapping):
            value = self.content[path[0]] if path[0] in _NO_JOBS else self._with_parents(path[0], ())
        for key in path[1:]:
            value = _mapping(value).get(key)
        if value is None:
            raise UnusableConfigError(self.lacks(f"!reference [{', '.join(path)}]"))
        return value

    def _with_parents(self, name: str, below: tuple[str, ...]) -> Mapping[str, object]:
        if name in self._extended:
            return self._extended[name]
        if name in below or len(below) > _MAX_DEPTH:
            raise UnusableConfigError(
                f"Job {one_line(name)!r} of {self.path} extends itself, or too many others."
            )
        body = self.content.get(name)
        if not isinstance(body, Mapping):
            raise UnusableConfigError(self.lacks(f"job {name!r}"))
        named = body.get("extends", [])
        parents = named if isinstance(named, list) else [named]
        merged: dict[str, object] = {}
        for parent in parents:
            merged = _deep_merged(merged, self._with_parents(str(parent), (*below, name)))
        merged = _deep_merged(merged, {key: value for key, value in body.items() if key != "extends"})
        self._extended[name] = merged
        return merged

    def lacks(self, what: str) -> str:
        """The sentence for something that is not there."""
        if self.missing:
            included = one_line(", ".join(self.missing), 160)
            return (
                f"{self.path} has no {one_line(what, 80)}; it may come from an include that is not in the "
                f"repository ({included}), which PatchPilot does not fetch."
            )
        return f"{self.path} has no {one_line(what, 80)}."


@dataclass(slots=True)
class _Follower:
    """Puts what they name in place of references; one for each job, so that the work is bounded."""

    config: Config
    left: int = _MAX_NODES

    def value(self, value: object, above: tuple[Reference, ...] = ()) -> object:
        self.left -= 1
        if self.left < 0:
            raise UnusableConfigError(f"{self.config.path} says too much for one job to be read.")
        if isinstance(value, Reference):
            if value in above or len(above) > _MAX_DEPTH:
                raise UnusableConfigError(f"{self.config.path}: a !reference leads to itself, or too far.")
            return self.value(self.config.at(value.path), (*above, value))
        if isinstance(value, Mapping):
            return {key: self.value(part, above) for key, part in value.items()}
        if isinstance(value, list):
            return [self.value(part, above) for part in value]
        return value


def read_config(tree: Path, path: str = FILE) -> Config:
    """Read a project's configuration from a checkout; raises :class:`UnusableConfigError`."""
    config = Config(tree, path)
    if "@" in path or path.startswith(("http://", "https://")):
        raise UnusableConfigError(
            f"The CI configuration {one_line(path, 120)!r} lies outside the repository."
        )
    config.content = _read(config, path.lstrip("/"), {}, set())
    if not any(config.names()):
        missing = f", only includes that are not read ({', '.join(config.missing)})" if config.missing else ""
        raise UnusableConfigError(f"{path} has no jobs{one_line(missing, 200)}.")
    return config


def _read(config: Config, path: str, given: Mapping[str, object], seen: set[str]) -> dict[str, object]:
    if path in seen:
        return {}
    seen.add(path)
    if len(seen) > _MAX_FILES:
        raise UnusableConfigError(f"{config.path} includes more than {_MAX_FILES} files.")
    text = read_plain_file(config.tree, path)
    if text is None:
        if path == config.path.lstrip("/"):
            raise UnusableConfigError(
                f"The CI configuration {one_line(path, 120)!r} is not in the failing commit."
            )
        config.missing.append(f"local {path}")
        return {}
    try:
        documents = load_documents(text, _Loader)
    except YamlProblemError as error:
        raise UnusableConfigError(f"{one_line(path, 120)} is no valid YAML ({error}).") from error
    header, content = ({}, {}) if not documents else (_mapping(documents[0]), _mapping(documents[-1]))
    inputs = {name: _mapping(rule).get("default") for name, rule in _inputs_of(header).items()} | dict(given)
    body = _filled(dict(content), inputs)
    merged: dict[str, object] = {}
    for found, handed in _included(config, body.get("include")):
        merged = _deep_merged(merged, _read(config, found, handed, seen))
    return _deep_merged(merged, {str(key): value for key, value in body.items() if key != "include"})


def _included(config: Config, named: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Paths of included files with the inputs they get; those elsewhere are noted."""
    for entry in named if isinstance(named, list) else [named]:
        rule = {"local": entry} if isinstance(entry, str) and "://" not in entry else entry
        if isinstance(rule, Mapping) and isinstance(rule.get("local"), str):
            for path in _matching(config.tree, str(rule["local"]).lstrip("/")):
                yield path, _mapping(rule.get("inputs"))
        elif isinstance(rule, Mapping):
            kind = next(
                (key for key in ("remote", "project", "template", "component", "artifact") if key in rule),
                "?",
            )
            config.missing.append(one_line(f"{kind} {rule.get(kind, '')}", 100))
        elif rule is not None:
            config.missing.append(one_line(str(rule), 100))


def _matching(tree: Path, pattern: str) -> list[str]:
    if "*" not in pattern or ".." in PurePosixPath(pattern).parts:
        return [pattern]
    fixed = pattern.partition("*")[0].rpartition("/")[0]
    found = []
    for place in sorted((tree / fixed).glob(pattern[len(fixed) :].lstrip("/")))[:_MAX_FILES]:
        path = place.relative_to(tree).as_posix()
        if path.endswith((".yml", ".yaml")) and has_plain_file(tree, path):
            found.append(path)
    return found


def _inputs_of(header: Mapping[str, object]) -> Mapping[str, object]:
    return _mapping(_mapping(header.get("spec")).get("inputs"))


def _filled(body: Mapping[str, object], inputs: Mapping[str, object]) -> dict[str, object]:
    """Put inputs in place of ``$[[ inputs.x ]]``; those without a value stay and are found out later."""

    def fill(value: object) -> object:
        if isinstance(value, str):
            whole = _INPUT.fullmatch(value)
            if whole and inputs.get(whole[1]) is not None:
                return inputs[whole[1]]
            return _INPUT.sub(
                lambda one: str(inputs[one[1]]) if inputs.get(one[1]) is not None else one[0], value
            )
        if isinstance(value, Mapping):
            return {key: fill(part) for key, part in value.items()}
        return [fill(part) for part in value] if isinstance(value, list) else value

    return {str(key): fill(value) for key, value in body.items()}


def _deep_merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Mappings merge key by key, all else is replaced: the rule of ``include`` and ``extends``."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = (
            _deep_merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
        )
    return merged


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
