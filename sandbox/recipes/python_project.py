"""A Python project's own description, read without running its build back-end.

``pip install -e .`` would run code that the repository chooses, with network. What such an install leaves
behind is small: the dependencies, a path to the sources, a folder with the name, version and entry points.
All of it can be read where the project says it as data; what only its build would tell is left out.
"""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sandbox.recipes.recipe import beside, text_of

_SRC_LAYOUTS = ("src", "lib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What an editable install needs to know."""

    name: str
    """Empty where nothing is installed but what it lists: settings of tools, with groups perhaps."""
    folder: str
    version: str = "0"
    requires: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    """Folders of the checkout that its packages are imported from."""

    def wanted(self, asked: Iterable[str]) -> Iterator[str]:
        """Its requirements with those of the extras and groups that were asked for."""
        yield from self.requires
        seen: set[str] = set()
        pending = list(asked)
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            for line in (*_named(self.extras, name), *_named(self.groups, name)):
                own = _extras_of_itself(line, self.name)
                pending += own
                if not own:
                    yield line

    def as_input(self) -> dict[str, Any]:
        """For the installing script."""
        return {
            "name": self.name,
            "version": self.version,
            "paths": [f"/src/{path}".rstrip("/.") for path in self.paths],
            "entry_points": {group: dict(found) for group, found in self.entry_points.items()},
        }


def read_project(tree: Path, folder: str) -> Project | None:
    """The project in ``folder``, from ``pyproject.toml``, ``setup.cfg`` or ``setup.py``, in this order."""
    paths = _paths(tree, folder)
    for read, name in ((_pyproject, "pyproject.toml"), (_setup_cfg, "setup.cfg"), (_setup_py, "setup.py")):
        text = text_of(tree, beside(folder, name))
        found = read(text, folder, paths) if text is not None else None
        if found is not None:
            return found
    return None


def is_installed(tree: Path, folder: str) -> bool:
    """Whether the files there describe something to install; often they only hold settings of tools."""
    document = toml(text_of(tree, beside(folder, "pyproject.toml")) or "")
    if text_of(tree, beside(folder, "setup.py")) is not None or "build-system" in document:
        return True
    if "project" in document or "poetry" in table(document.get("tool")):
        return True
    return (
        re.search(r"(?m)^\[(?:metadata|options)\b", text_of(tree, beside(folder, "setup.cfg")) or "")
        is not None
    )


def table(value: object) -> dict[str, Any]:
    """``value`` if it is a table, else an empty one: what a repository writes has any form."""
    return value if isinstance(value, dict) else {}


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list, whatever else is in it."""
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def tables(value: object) -> list[dict[str, Any]]:
    """The tables of a list, whatever else is in it."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def toml(text: str) -> dict[str, Any]:
    """The document, empty where it can't be read."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _pyproject(text: str, folder: str, paths: tuple[str, ...]) -> Project | None:
    document = toml(text)
    project = table(document.get("project"))
    poetry = table(table(document.get("tool")).get("poetry"))
    name = project.get("name") or poetry.get("name")
    if not isinstance(name, str):
        if project or poetry or "dependency-groups" not in document:
            return None
        name = ""
    version = project.get("version") or poetry.get("version")
    entry_points = {
        "console_scripts": _pairs(project.get("scripts")) | _pairs(poetry.get("scripts")),
        **{group: _pairs(found) for group, found in table(project.get("entry-points")).items()},
        **{group: _pairs(found) for group, found in table(poetry.get("plugins")).items()},
    }
    extras = table(project.get("optional-dependencies"))
    pdm = table(table(document.get("tool")).get("pdm"))
    groups = {
        **_poetry_groups(poetry),
        **table(pdm.get("dev-dependencies")),
        **table(document.get("dependency-groups")),
    }
    return Project(
        name=name,
        folder=folder,
        version=version if isinstance(version, str) else "0",
        requires=(*strings(project.get("dependencies")), *_poetry_lines(poetry.get("dependencies"))),
        extras={extra: strings(lines) for extra, lines in extras.items()},
        groups={group: _group(groups, group, set()) for group in groups},
        entry_points=entry_points,
        paths=paths,
    )


def _group(groups: dict[str, Any], name: str, seen: set[str]) -> tuple[str, ...]:
    """https://peps.python.org/pep-0735/: a group may include others."""
    if name in seen or not isinstance(groups.get(name), list):
        return ()
    lines: list[str] = []
    for one in groups[name]:
        if isinstance(one, str):
            lines.append(one)
        elif isinstance(included := table(one).get("include-group"), str):
            lines += _group(groups, included, {*seen, name})
    return tuple(lines)


def _poetry_groups(poetry: dict[str, Any]) -> dict[str, list[str]]:
    named = {name: table(group).get("dependencies") for name, group in table(poetry.get("group")).items()}
    old = {"dev": poetry["dev-dependencies"]} if "dev-dependencies" in poetry else {}
    return {name: _poetry_lines(lines) for name, lines in {**old, **named}.items()}


def _poetry_lines(dependencies: object) -> list[str]:
    """https://python-poetry.org/docs/dependency-specification/, without what is optional or no version."""
    found = []
    for name, said in table(dependencies).items():
        about = said if isinstance(said, dict) else {"version": said}
        version = about.get("version")
        if name == "python" or about.get("optional") is True or not isinstance(version, str):
            continue
        extras = f"[{','.join(strings(about.get('extras')))}]" if about.get("extras") else ""
        limits = ",".join(_limits(part.strip()) for part in version.split(",") if "||" not in version)
        marker = about.get("markers")
        found.append(f"{name}{extras}{limits}" + (f" ; {marker}" if isinstance(marker, str) else ""))
    return found


def _limits(constraint: str) -> str:
    """``^1.2``, ``~1.2`` and ``1.2`` as pip writes them; empty for any version."""
    sign, version = (constraint[:1], constraint[1:]) if constraint[:1] in {"^", "~"} else ("", constraint)
    if not re.fullmatch(r"\d+(\.\d+)*(\.\*)?", version) or constraint.startswith("~="):
        return "" if constraint in {"", "*"} else constraint
    if not sign:
        return f"=={version}"
    parts = [int(part) for part in version.split(".") if part != "*"]
    # A caret keeps what is left of the first part that is not zero, a tilde all but the last of two or more.
    first = next((at for at, part in enumerate(parts) if part), len(parts) - 1)
    kept = first if sign == "^" else min(1, len(parts) - 1)
    above = ".".join(map(str, (*parts[:kept], parts[kept] + 1)))
    return f">={version},<{above}"


def _setup_cfg(text: str, folder: str, paths: tuple[str, ...]) -> Project | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
        if not parser.has_option("metadata", "name"):
            return None
        extras, points = "options.extras_require", "options.entry_points"
        return Project(
            name=parser.get("metadata", "name"),
            folder=folder,
            version=parser.get("metadata", "version", fallback="0"),
            requires=_lines(parser.get("options", "install_requires", fallback="")),
            extras={name: _lines(text) for name, text in parser.items(extras)}
            if parser.has_section(extras)
            else {},
            entry_points={name: _assigned(_lines(text)) for name, text in parser.items(points)}
            if parser.has_section(points)
            else {},
            paths=paths,
        )
    except configparser.Error:
        return None


def _setup_py(text: str, folder: str, paths: tuple[str, ...]) -> Project | None:
    """Only what stands there as literals; nothing is run."""
    try:
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for call in calls:
        if getattr(call.func, "id", getattr(call.func, "attr", "")) != "setup":
            continue
        said = {word.arg: _literal(word.value) for word in call.keywords if word.arg}
        if isinstance(name := said.get("name"), str):
            points = table(said.get("entry_points"))
            return Project(
                name=name,
                folder=folder,
                version=said["version"] if isinstance(said.get("version"), str) else "0",
                requires=strings(said.get("install_requires")),
                extras={extra: strings(lines) for extra, lines in table(said.get("extras_require")).items()},
                entry_points={group: _assigned(strings(lines)) for group, lines in points.items()},
                paths=paths,
            )
    return None


def _literal(node: ast.expr) -> Any:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return list(value) if isinstance(value, tuple) else value


def _paths(tree: Path, folder: str) -> tuple[str, ...]:
    root = tree if folder in {"", "."} else tree / folder
    layouts = [beside(folder, name) for name in _SRC_LAYOUTS if (root / name).is_dir()]
    return (*layouts, folder)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(
        line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")
    )


def _pairs(value: object) -> dict[str, str]:
    return {name: target for name, target in table(value).items() if isinstance(target, str)}


def _assigned(lines: Iterable[str]) -> dict[str, str]:
    parts = (line.partition("=") for line in lines)
    return {name.strip(): target.strip() for name, equals, target in parts if equals}


def _named(tables: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    wanted = canonicalize_name(name)
    return next((lines for own, lines in tables.items() if canonicalize_name(own) == wanted), ())


def _extras_of_itself(line: str, name: str) -> list[str]:
    """``widget[test]`` among widget's own extras means its extra ``test``."""
    try:
        wanted = Requirement(line)
    except InvalidRequirement:
        return []
    return sorted(wanted.extras) if canonicalize_name(wanted.name) == canonicalize_name(name) else []
