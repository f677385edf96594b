"""The rule about new dependencies: code of strangers comes in by a name that nobody has looked at yet."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.guard import places
from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Line
from patchpilot.fixes import Severity


def added(case: Case) -> Iterator[Remark]:
    """Packages that no manifest of the patch had before, or had for development only."""
    manifests = [
        change
        for change in case.changes
        if places.is_requirements(change.path) and not places.is_lock(change.path)
    ]
    had = {
        (_plain(package.name), package.shipped)
        for change in manifests
        for package in _packages(change, change.old_text, change.before, whole=True)
    }
    owners = {owner for name, _ in had if (owner := _owner(name))}
    for change in manifests:
        if change.is_unread and not change.is_deleted:
            what = f"requirements come from {change.diff.source}, and aren't known here"
            yield Remark(change.path, 0, what)
            continue
        for package in _packages(change, change.new_text, change.after, whole=False):
            name = _plain(package.name)
            known = {shipped for other, shipped in had if other == name}
            if not known or (package.shipped and True not in known):
                had.add((name, package.shipped))
                what = (
                    "a dependency that only development had is shipped now" if known else "a new dependency"
                )
                trusted = not known and _owner(name) in {*owners, _TYPES}
                severity = Severity.NOTE if trusted else None
                yield Remark(change.path, package.line, f"{what}: {package.name[:80]}", severity)


_TYPES = "@types"
"""Declarations that are reviewed in one place, and of which nothing runs."""
_OWNER = re.compile(
    r"(@[\w-]+)/|((?:github\.com|gitlab\.com|bitbucket\.org|golang\.org)/[\w-]+)/|([A-Za-z][\w-]*):"
)


def _owner(name: str) -> str:
    """Who alone publishes under that name: a scope of npm, a group of Maven, an account of a host of code."""
    match = _OWNER.match(name)
    return next((group for group in match.groups() if group), "") if match else ""


@dataclass(frozen=True)
class _Package:
    name: str
    shipped: bool
    """Needed by whoever uses the code, not only by who works on it."""
    line: int = 0


def _packages(change: Change, text: str | None, side: tuple[Line, ...], *, whole: bool) -> Iterator[_Package]:
    """The packages on one side: all, or only those in changed lines.

    Read as data where the whole file is known, else line by line.
    """
    packages = _parsed(change.path, text) if text is not None else None
    if packages is not None:
        yield from (_Package(one.name, one.shipped, _line_of(one.name, side)) for one in packages)
        return
    inside = _lists(change, side)
    shipped = not _DEVELOPMENT.search(change.path.lower())
    for line in side if whole else (line for line in side if line.changed):
        if name := _declared(change.path.lower(), line, in_list=line.number in inside):
            yield _Package(name, shipped, line.number)


_DEVELOPMENT = re.compile(r"dev|test|lint|doc|ci|build|optional|peer|extras|group")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _line_of(name: str, side: Iterable[Line]) -> int:
    return next((line.number for line in side if line.changed and name in line.text), 0)


def _parsed(path: str, text: str) -> set[_Package] | None:
    name = path.rsplit("/", 1)[-1].lower()
    try:
        if name.endswith(".toml") or name == "pipfile":
            data = tomllib.loads(text)
            return {*_tables(data, _TOML_TABLES), *_lists_of_pyproject(data)}
        if name in {"package.json", "composer.json"}:
            return set(_tables(json.loads(text), _JSON_TABLES))
    except (ValueError, RecursionError):
        return None
    return None


def packages_named(path: str, text: str) -> set[str]:
    """The packages that a manifest of Python asks for, each by its plain name."""
    packages = _parsed(path, text)
    if packages is not None:
        return {_plain(package.name) for package in packages}
    return {_plain(match[1]) for line in text.split("\n") if (match := _NAME.match(line))}


_JSON_TABLES = re.compile(r"(?:dev|peer|optional|bundled?)?dependencies|require(?:-dev)?", re.IGNORECASE)
_TOML_TABLES = re.compile(r"(?:dev-|build-)?dependencies|(?:dev-)?packages|libraries")
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")


def _tables(data: object, wanted: re.Pattern[str], path: str = "") -> Iterator[_Package]:
    """The keys of all tables of that name, wherever they are."""
    if isinstance(data, dict):
        for key, value in data.items():
            if wanted.fullmatch(str(key)) and isinstance(value, dict):
                shipped = not _DEVELOPMENT.search(f"{path}.{key}".lower())
                yield from (_Package(str(name), shipped) for name in value if name != "python")
            else:
                yield from _tables(value, wanted, f"{path}.{key}")


def _lists_of_pyproject(data: dict[str, object]) -> Iterator[_Package]:
    project, build = data.get("project"), data.get("build-system")
    lists: list[tuple[object, bool]] = []
    if isinstance(project, dict):
        lists.append((project.get("dependencies"), True))
        optional = project.get("optional-dependencies")
        lists += [(entries, False) for entries in optional.values()] if isinstance(optional, dict) else []
    if isinstance(build, dict):
        lists.append((build.get("requires"), False))
    groups = data.get("dependency-groups")
    lists += [(entries, False) for entries in groups.values()] if isinstance(groups, dict) else []
    for entries, shipped in lists:
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, str) and (match := _NAME.match(entry)):
                yield _Package(match[1], shipped)


_VERSION = r"[\"'](?:[\^~<>=*v]|\d|latest\b|workspace:|npm:|file:|git|https?:)"
_BY_FILE = (
    (
        re.compile(r"requirements[^/]*\.(?:txt|in)$|requirements/|constraints"),
        re.compile(r"^\s*([A-Za-z][\w.-]*)"),
    ),
    (
        re.compile(r"package\.json$|composer\.json$"),
        re.compile(rf"^\s*\"(?!version\"|node\"|npm\"|php\"|engines?\")(@?[\w./-]+)\"\s*:\s*{_VERSION}"),
    ),
    (re.compile(r"go\.mod$"), re.compile(r"^\s*(?:require\s+)?([\w.-]+\.[\w./~-]+)\s+v\d")),
    (re.compile(r"gemfile$"), re.compile(r"^\s*gem\s+[\"']([\w.-]+)[\"']")),
    (re.compile(r"\.gemspec$"), re.compile(r"\.add_(?:runtime_|development_)?dependency\W+([\w.-]+)")),
    (
        re.compile(r"build\.gradle"),
        re.compile(
            r"^\s*(?:\w*[iI]mplementation|api|compileOnly|runtimeOnly|kapt|annotationProcessor)\W{1,3}([\w.-]+:[\w.-]+)"
        ),
    ),
    (
        re.compile(r"pipfile$"),
        re.compile(r"^\s*\"?([A-Za-z][\w.-]*)\"?\s*=\s*(?:\{|[\"'][\^~<>=*])"),
    ),
    (
        re.compile(r"cargo\.toml$|pubspec\.yaml$"),
        re.compile(
            r"^\s*(?!(?:version|edition|rust-version|resolver|sdk|flutter|path|opt-level)\b)([A-Za-z][\w-]*)\s*[=:]\s*"
            r"(?:\{.*\b(?:version|git|path|workspace)\b|[\"']?[\^~<>=*]?\d)"
        ),
    ),
)
_ENTRY = re.compile(
    r"^\s*[\"']([A-Za-z][\w.-]*)(?:\[[^\]]*\])?\s*(?:(?P<spec>[<>=~!@;][^\"']*))?[\"']\s*,?\s*$"
)
_POETRY = re.compile(
    r"^\s*(?!(?:requires-python|python|target-version|version)\b)\"?([A-Za-z][\w.-]*)\"?\s*=\s*"
    r"(?:[\"'][\^~<>=*][^\"']*[\"']|\{\s*(?:version|git)\s*=)"
)
_LIST = re.compile(
    r"^\s*[\"']?(?:dependencies|requires|install_requires|tests_require|setup_requires|extras_require"
    r"|dev|test|tests|lint|docs)[\"']?\s*[=:]\s*[\[{]"
)
_OTHER_LIST = re.compile(r"^\s*[\"']?[\w-]+[\"']?\s*[=:]")


def _declared(path: str, line: Line, *, in_list: bool) -> str:
    """The package that a line of a manifest asks for; empty for any other line."""
    for files, pattern in _BY_FILE:
        if files.search(path):
            match = pattern.match(line.bare)
            return match[1] if match else ""
    if path.endswith("pom.xml"):
        match = re.search(r"<artifactId>([\w.-]+)<", line.text)
        return match[1] if match and in_list else ""
    if match := _POETRY.match(line.bare):
        return match[1]
    match = _ENTRY.match(re.sub(r"\s#.*", "", line.text))
    if match and (match["spec"] or in_list):
        return match[1]
    one_line = re.search(r"\b(?:dependencies|install_requires|requires)[\"']?\s*[=:]\s*\[(.*)\]", line.bare)
    last = re.findall(r"[\"']([A-Za-z][\w.-]*)[^\"']*[\"']", one_line[1]) if one_line else []
    return last[-1] if last else ""


def _lists(change: Change, side: tuple[Line, ...]) -> set[int]:
    """Lines inside a list of dependencies, as far as the known lines and the hunk's heading tell."""
    headings = {hunk.new_start: hunk.heading for hunk in change.diff.hunks}
    found: set[int] = set()
    inside = False
    xml = change.path.lower().endswith(".xml")
    for line in side:
        if line.first:
            inside = bool(_LIST.match(headings.get(line.number, "")))
        if xml:
            inside = ("<dependency>" in line.text or inside) and "</dependency>" not in line.text
        elif _LIST.match(line.bare):
            inside = True
        elif _OTHER_LIST.match(line.bare) or line.bare.strip().startswith(("]", "[")):
            inside = False
        if inside:
            found.add(line.number)
    return found
