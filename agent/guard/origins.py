"""The rule about where packages come from, and what runs when they are installed.

Addresses stand in manifests for two reasons: to say where a project lives, and where code is fetched from.
The first kind is told by its key and by the table around it, never by a word inside the address.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence

from agent.guard import places
from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Line

_SOURCE = re.compile(
    r"--(?:extra-)?index-url\b|--trusted-host\b|--find-links\b|^\s*-i\s+http"
    r"|\bPIP_(?:EXTRA_)?INDEX_URL\b|\bregistry\s*=|\"registry\"\s*:|\bgit\+(?:https?|ssh)://"
    r"|^\s*-e\s+(?:git|http)"
    r"|@\s*(?:git\+|https?:|file:)|\"(?:github:|git\+|git://|https?://|file:"
    r"|link:)[^\"]*\"\s*,?\s*$|^\s*replace\s+\S+.*=>|\"(?:pre|post)?install\"\s*:"
    r"|\"prepare\"\s*:|\"resolutions\"|\"overrides\"\s*:\s*\{"
    r"|\bpatch\.crates-io\b|\bcmdclass\s*=|\bmaven\s*\{\s*url"
    r"|\bsource\s+[\"']http|\bGOPROXY\b|\bGONOSUMDB\b|\bGONOSUMCHECK\b|\bGOFLAGS\b.*-mod"
    r"|\bindex-url\b|\bdependency_links\b"
    r"|^\s*(?:url|index|name)\s*=\s*[\"']https?://|\bignore-scripts\s*=\s*false"
    r"|\bcurl\b.*\|\s*(?:ba)?sh|\bwget\b.*\|\s*(?:ba)?sh|\bstrict-ssl\s*=\s*false"
    r"|\bNODE_TLS_REJECT_UNAUTHORIZED\b|\bGIT_SSL_NO_VERIFY\b"
)
_BY_FILE = (
    (
        re.compile(r"\.toml$|pipfile$"),
        re.compile(r"[{,]\s*(?:git|url|index|registry)\s*=\s*[\"']|^\s*git\s*=\s*[\"']"),
    ),
    (
        re.compile(r"\.gradle(?:\.kts)?$"),
        re.compile(
            r"\bmaven\s*\(\s*[\"']|\b(?:url\s*[=(]?|setUrl\s*\(|artifactUrls?\s*[=(]?)\s*(?:uri\s*\(\s*)?[\"']https?://"
        ),
    ),
    (re.compile(r"(?:^|/)go\.(?:mod|work)$"), re.compile(r"\s=>\s")),
    (re.compile(r"(?:^|/)composer\.json$"), re.compile(r"\"repositories\"\s*:")),
)
"""What names an origin in files of one kind only."""
_OTHER_FILES = re.compile(r"(?:^|/)(?:[^/]+\.gradle(?:\.kts)?|go\.work)$")
"""Neither manifests nor scripts, but they say where a build fetches from."""


def sources(case: Case) -> Iterator[Remark]:
    """Where packages come from, and what runs when they are installed."""
    for change in case.changes:
        path = change.path.lower()
        if places.is_package_source(change.path):
            yield Remark(change.path, 0, "this file says where packages come from")
            continue
        if change.same_values:
            continue
        is_manifest = places.is_requirements(change.path) or bool(_OTHER_FILES.search(path))
        if places.is_lock(change.path) or not (is_manifest or places.is_script(change.path)):
            continue
        if path.endswith("pom.xml"):
            yield from _repositories(change)
        told = False
        old = {"".join(line.text.split()) for line in change.removed}
        for line in change.added:
            if not _names_origin(path, line) or "".join(line.text.split()) in old:
                continue
            if not (is_manifest and _is_about(change, line)):
                told = True
                yield _remark(change, line.number, line.text)
        if not told:
            yield from (_remark(change, 0, what) for what in _in_data(change))


def _remark(change: Change, number: int, what: str) -> Remark:
    return Remark(change.path, number, f"this changes where code comes from: {what.strip()[:80]}")


def _names_origin(path: str, line: Line) -> bool:
    if _SOURCE.search(line.bare):
        return True
    return any(files.search(path) and pattern.search(line.bare) for files, pattern in _BY_FILE)


_KEYS = (
    r"home[ _-]?page|repository|documentation|docs|change[ _-]?log|bugs|issues"
    r"|(?:(?:bug|issue)[ _-]?)?tracker|source(?:[ _-]?code)?|funding|sponsor|discussions"
    r"|forum|wiki|chat|release[ _-]?notes|schema|license|support"
)
_ADDRESS = r"[\"'](?:https?://|git\+https://|git://|github:)[^\"'\s]*[\"']"
# ``"bugs": "https://…"``, ``homepage = "https://…"``, ``spec.metadata["source_code_uri"] = "https://…"``
_ABOUT = re.compile(
    rf"(?i)\s*(?:@|\w+\.)?(?:metadata\[)?[\"']?\$?(?:{_KEYS})(?:[ _-]*(?:uri|url|link))?[\"']?\]?"
    rf"\s*(?:[:=]|=>)?\s*{_ADDRESS}\s*[,;]?\s*"
)
_LABELLED = re.compile(
    rf"\s*(?:[\"'][^\"']*[\"']|[\w-]+)\s*(?:[:=]|=>)\s*(?:uri\s*\(\s*)?{_ADDRESS}\s*\)?\s*,?\s*"
)
_TABLES_ABOUT = re.compile(
    r"(?i)(?:project[._-]?urls|(?:project|tool\.poetry)\.urls|urls|links|bugs|repository|funding|support|authors?"
    r"|maintainers|contributors|licenses?|developers?|scm|pom|issuemanagement|organization)"
)
_TABLES_NEUTRAL = re.compile(
    r"(?i)|project|package|workspace\.package|tool\.(?:poetry|flit\.metadata)|setup|metadata|.*gem::specification\.new.*"
)


def _is_about(change: Change, line: Line) -> bool:
    """Nobody fetches the address, it is about the project: its key and its table are known as such."""
    table = _table(change.after, line)
    if table is not None and _TABLES_ABOUT.fullmatch(table):
        return bool(_LABELLED.fullmatch(line.bare))
    if change.path.endswith("setup.py") and re.fullmatch(
        rf"\s*(?:download_)?url\s*=\s*{_ADDRESS},?\s*", line.bare
    ):
        return True
    neutral = table is None or _TABLES_NEUTRAL.fullmatch(table) is not None
    return neutral and bool(_ABOUT.fullmatch(line.bare))


_SECTION = re.compile(r"^\s*\[+\s*([^\]\s]+)\s*\]+\s*$")
_OPENS = re.compile(r"^\s*[\"']?(?P<name>[\w. :-]*?)[\"']?\s*(?:[:=]|=>)?\s*[{(\[]\s*(?:\|\w+\|)?$")


def _table(side: Sequence[Line], inside: Line) -> str | None:
    """The name of the table around a line: empty at the top of a file, ``None`` where it can't be seen."""
    at = next(index for index, line in enumerate(side) if line is inside)
    indent = inside.indent
    for line in reversed(side[:at]):
        if section := _SECTION.match(line.text):
            return section[1]
        if line.code.strip() and line.indent < indent:
            indent = line.indent
            opened = _OPENS.match(line.bare)
            if opened and (opened["name"] or indent == 0):
                return opened["name"].strip()
        if line.first and line.number > 1:
            return None
    return ""


_BLOCK = re.compile(r"<(/?)(distributionManagement|repositories|pluginRepositories)\b")


def _repositories(change: Change) -> Iterator[Remark]:
    """Maven: repositories to fetch from. Those to publish to stand in ``distributionManagement``."""
    old = {"".join(line.text.split()) for line in change.removed}
    publishes = False
    for line in change.after:
        publishes = publishes and not line.first
        for match in _BLOCK.finditer(line.text):
            publishes = match[2] == "distributionManagement" and not match[1]
        fetches = re.search(r"<(?:repository|pluginRepository)>", line.text) or _is_url_of_repository(
            change, line
        )
        if line.changed and fetches and not publishes and "".join(line.text.split()) not in old:
            yield _remark(change, line.number, line.text)


_REPOSITORY = re.compile(r"<(/?)(?:repository|pluginRepository)>")


def _is_url_of_repository(change: Change, line: Line) -> bool:
    if not line.changed or "<url>" not in line.text:
        return False
    at = next(index for index, other in enumerate(change.after) if other is line)
    tags = [
        match for other in change.after[max(at - 12, 0) : at] for match in _REPOSITORY.finditer(other.text)
    ]
    return bool(tags) and not tags[-1][1]


_PATHS_TOML = (
    *(("tool", "uv", key) for key in ("sources", "index", "index-url", "extra-index-url", "find-links")),
    ("tool", "uv", "override-dependencies"),
    ("tool", "uv", "index-strategy"),
    ("tool", "poetry", "source"),
    *(("tool", "pdm", key) for key in ("source", "resolution")),
    *((key,) for key in ("patch", "replace", "source", "registries")),
)
_PATHS_JSON = (("overrides",), ("resolutions",), ("pnpm", "overrides"), ("repositories",))


def _in_data(change: Change) -> Iterator[str]:
    """Entries of tables about origins that come or change, where both sides can be read as data."""
    if change.old_text is None or change.new_text is None:
        return
    path = change.path.lower()
    try:
        if path.endswith(".toml"):
            old, new = tomllib.loads(change.old_text), tomllib.loads(change.new_text)
            keys = _PATHS_TOML
        elif path.endswith(("package.json", "composer.json")):
            old, new = json.loads(change.old_text), json.loads(change.new_text)
            keys = _PATHS_JSON
        else:
            return
    except (ValueError, RecursionError):
        return
    for key in keys:
        had, has = _entries(_at(old, key)), _entries(_at(new, key))
        if any(one not in had for one in has):
            yield f"[{'.'.join(key)}]"


def _at(table: object, path: tuple[str, ...]) -> object:
    for key in path:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _entries(table: object) -> list[object]:
    """What a table or a list holds. A package of the same workspace is no origin; nor is another version."""
    if isinstance(table, dict):
        return [
            name if isinstance(value, str) and re.fullmatch(r"[\^~<>=v\d.\s|*-]+", value) else (name, value)
            for name, value in table.items()
            if not (isinstance(value, dict) and value.get("workspace") is True)
        ]
    if isinstance(table, list):
        return [
            re.sub(r"(?<=[\w.\]-])\s*[<>=~!].*", "", one) if isinstance(one, str) else one for one in table
        ]
    return [] if table is None else [table]
