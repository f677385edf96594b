"""Changes of settings that ask for more, or that have no bearing on what is asked for.

Everything that is not known to be harmless counts as a relaxation.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from agent.guard.aliases import is_alias
from agent.guard.case import Change
from agent.guard.lines import Line
from agent.guard.shadows import STAND_INS

Entries = Counter[tuple[str, str]]
"""How often a setting has a value; a list has each of its elements."""

# Without the list, the tool looks at more than most lists would name.
_NARROWS_WHEN_NEW = frozenset(
    [
        "select",
        "testpaths",
        "files",
        "include",
        "source",
        "source_pkgs",
        "envlist",
        "env_list",
        "python_files",
    ]
)
# Lists of what is looked at or asked for: more is stricter.
_MORE = _NARROWS_WHEN_NEW | {
    "extend-select",
    "enable",
    "enable_error_code",
    "extend-enable",
    "required_plugins",
    "thresholds",
}
_STANDS = "\0"
"""In place of a value: the setting is there at all."""
# Lists of what is left out: less is stricter.
_LESS = frozenset(
    [
        "ignore",
        "extend-ignore",
        "exclude",
        "extend-exclude",
        "omit",
        "disable",
        "disable_error_code",
        "exclude_lines",
        "exclude_also",
        "ignorepatterns",
        "ignores",
        "norecursedirs",
        "testpathignorepatterns",
        "coveragepathignorepatterns",
        "per-file-ignores",
        "exclude-rules",
        "skips",
        "exclude_dirs",
    ]
)
_HIGHER = frozenset(
    ["fail_under", "fail-under", "minimum_coverage", "lines", "branches", "functions", "statements", "level"]
)
_LOWER = re.compile(
    r"max[-_]?\w[\w-]*|line[-_]length|complexity|min-complexity|cognitive-complexity-threshold|max|timeout"
    r"|testtimeout|retries|retry|reruns"
)
_WANTED = re.compile(
    r"strict|strict_\w+|disallow_\w+|warn_\w+|check_untyped_defs|no_implicit_\w+|xfail_strict|branch|extra_checks"
    r"|strict[A-Z]\w*|noimplicit\w+|nounused\w+|nounchecked\w+|nofallthrough\w+|noproperty\w+|exactoptional\w+"
    r"|noemitonerror|forceconsistent\w+|forbidonly|recursive|allwarningsaserrors|warningsaserrors"
)
_UNWANTED = re.compile(
    r"ignore_errors|ignore_missing_imports|skiplibcheck|allow_untyped_\w+|allow_redefinition|implicit_reexport"
    r"|allowunreachablecode|allowunusedlabels|passwithnotests|ignorefailures|implicit_optional"
)
# What a tool needs to find or read the code at all; adding to it takes no check away.
_FREE = frozenset(
    [
        "markers",
        "parseroptions",
        "asyncio_mode",
        "asyncio_default_fixture_loop_scope",
        "minversion",
        "types",
        "typeroots",
        "esmoduleinterop",
        "resolvejsonmodule",
        "declaration",
        "sourcemap",
        "known-first-party",
        "known_first_party",
        "known-third-party",
        "log_cli",
    ]
)
# Of these, no value takes a check away, only some are known.
_ONE_OF = {
    **dict.fromkeys(
        ("testenvironment", "environment"), re.compile(r"(?:jest-environment-)?(?:node|jsdom|happy-dom)")
    ),
    **dict.fromkeys(
        ("target", "module", "moduleresolution", "ecmaversion", "sourcetype"),
        re.compile(r"(?i)es\d+|esnext|commonjs|node\w*|bundler|preserve|module|script|latest|20\d\d|\d+"),
    ),
    **dict.fromkeys(
        ("transformignorepatterns", "modulefileextensions", "extensionstotreatasesm", "lib", "jsx"),
        re.compile(r".*"),
    ),
    # How the compiler writes what it has checked, and where.
    **dict.fromkeys(
        ("rootdir", "outdir", "baseurl", "declarationmap", "composite", "incremental", "tsbuildinfofile"),
        re.compile(r".*"),
    ),
    **dict.fromkeys(
        ("importhelpers", "experimentaldecorators", "emitdecoratormetadata", "usedefineforclassfields"),
        re.compile(r"(?i)true|false"),
    ),
    **dict.fromkeys(
        ("downleveliteration", "allowsyntheticdefaultimports", "moduledetection", "jsximportsource"),
        re.compile(r".*"),
    ),
    # Of Jest: what is shown, what is undone between two tests, and where files are kept.
    **dict.fromkeys(
        ("verbose", "clearmocks", "resetmocks", "restoremocks", "errorondeprecated"), re.compile(r"(?i)true")
    ),
    **dict.fromkeys(
        ("cachedirectory", "coveragedirectory", "coveragereporters", "maxworkers", "displayname"),
        re.compile(r"[\w./<>%-]+"),
    ),
    "preset": re.compile(
        r"ts-jest(?:/presets/[\w-]+)*|react-native|jest-expo|jest-preset-\w+|@shelf/jest-\w+"
    ),
    **dict.fromkeys(
        ("setupfiles", "setupfilesafterenv"),
        re.compile(
            r"@testing-library/jest-dom(?:/[\w-]+)?|jest-extended(?:/all)?|reflect-metadata|dotenv/config"
        ),
    ),
}
# What may be added, where it has one of these names.
_NAMED = {
    "plugins": re.compile(
        r"pydantic(?:\.v1)?\.mypy|mypy_django_plugin\.main|mypy_drf_plugin\.main|sqlalchemy\.ext\.mypy\.plugin"
        r"|numpy\.typing\.mypy_plugin|mypy_zope:plugin"
    ),
    "django_settings_module": re.compile(r"[\w.]+"),
    **dict.fromkeys(
        ("passenv", "pass_env"),
        re.compile(r"(?!PYTEST|COVERAGE|COV_|MYPY|RUFF|PYTHON(?!PATH|UTF8))[A-Z][A-Z0-9_]*"),
    ),
    "targetrubyversion": re.compile(r"[\d.]+"),
}
_ALIASES = frozenset(("modulenamemapper", "alias", "paths"))
"""Tables of names under which modules are imported."""
_FOLDERS = frozenset(("pythonpath", "mypy_path", "extrapaths"))
_SEVERITIES = {
    **dict.fromkeys(("off", "none", "ignore", "allow", "0", "silent", "suggestion"), 0),
    **dict.fromkeys(("warn", "warning", "1", "info"), 1),
    **dict.fromkeys(("error", "deny", "forbid", "2"), 2),
}
_HARMLESS_OPTIONS = re.compile(
    r"--strict-(?:markers|config)|-r\w*|-v+|--verbose|--tb=\w+|--durations=\d+|--color=\w+|--cov=\S+"
    r"|--cov-report=\S+|--cov-branch|--import-mode=importlib|--showlocals|-W=?error|--maxWarnings=0"
)
_OWN_PACKAGE = re.compile(r"(?:-e\s+)?\.(?:\[[\w,]+\])?$|-r\s+\S+$")
"""What tox installs that is written elsewhere in the repository, where other rules look at it."""
_FLOOR = re.compile(r"(--cov-fail-under)=(\d+(?:\.\d+)?)")
_NUMBER = re.compile(r"\d+(?:[._]\d+)*")
_OF_LINTS = re.compile(r"(?:^|/)(?:\.eslintrc|eslint\.config|\.stylelintrc|\.?oxlintrc)[^/]*$")
"""Files in which a severity can only be that of a rule."""
_BLOCKS = frozenset(("files", "include", "overrides"))
"""To which files a block of rules applies, which may be rules that are off."""
_LINTS = ("rules", "lints", "clippy", "rust")


def only_tightens(change: Change, *, within: str = "", paths: Collection[str] = ()) -> bool:
    """Whether each changed setting asks for at least what it asked for before.

    ``within`` names the table that holds the settings, for files that hold other things as well.
    ``paths`` are the files of the patch: a folder that it fills is not put where imports are looked for.
    """
    sides = _data(change, within) if change.old_text is not None and change.new_text is not None else None
    if sides is None and not within:
        before, after = _of_lines(change.before), _of_lines(change.after)
        sides = (before, after) if before is not None and after is not None else None
    lints = bool(_OF_LINTS.search(change.path.lower()))
    if sides is not None and _PATIENT.search(change.path.lower()):
        sides = (_but_time(sides[0]), _but_time(sides[1]))
        if sides[0] == sides[1]:
            # Equal entries say nothing of how far a line is indented, nor whether a value is a text.
            return all(_OF_TIME.match(line.bare) for line in (*change.added, *change.removed))
    return sides is not None and sides[0] != sides[1] and _tightens(*sides, paths, lints=lints)


_PATIENT = re.compile(r"(?:^|/)\.golangci\.[a-z]+$")
"""Settings in which a time limit is that of the linter, which fails when it runs out of time."""

_OF_TIME = re.compile(
    r"^\s*(?:[\"']?(?:timeout|deadline)[\"']?\s*[:=].*|[\"\[]?run[\"\]]?\s*(?::\s*\{?)?)?[},]*\s*$"
)


def _but_time(entries: Entries) -> Entries:
    return Counter(
        {key: n for key, n in entries.items() if key[0].rsplit("\0", 1)[-1] not in {"timeout", "deadline"}}
    )


def _tightens(old: Entries, new: Entries, paths: Collection[str], *, lints: bool) -> bool:
    gone, come = old - new, new - old
    keys = {key for key, _ in (*gone, *come)}
    if lints and any(key.lower() in _BLOCKS for key in keys):
        return False
    return all(
        _asks_as_much(
            key,
            [value for name, value in gone if name == key],
            [value for name, value in come if name == key],
            paths,
            lints=lints,
        )
        for key in keys
    )


def _asks_as_much(
    path: str, gone: list[str], come: list[str], paths: Collection[str], *, lints: bool
) -> bool:
    *outer, key = path.split("\0")
    tables = [name.lower() for name in (*outer, key)]
    if any(name in _ALIASES for name in tables):
        values = [value for value in come if value != _STANDS]
        return not gone and all(is_alias("" if key.lower() in _ALIASES else key, value) for value in values)
    inner = _TRANSFORMERS if "transform" in tables else _ENVIRONMENTS if lints and "env" in tables else None
    if inner is not None:
        return not gone and all(inner.fullmatch(value) for value in come if value != _STANDS)
    if (
        key.lower() == "resolve"
        and not gone
        and (whole := [_ALIAS_ONLY.match(v) for v in come if v != _STANDS])
    ):
        return all(match is not None and is_alias("", match[1]) for match in whole)
    if known := _ONE_OF.get(key.lower()):
        return (
            not (gone and key.lower().startswith(("setup", "preset")))
            and all(known.fullmatch(value) for value in come if value != _STANDS)
            and bool(come)
        )
    if key.lower() in _NAMED:
        known = _NAMED[key.lower()]
        return not gone and all(known.fullmatch(value) for value in come if value != _STANDS)
    is_of_lints = lints or any(part in _LINTS for part in tables[:-1])
    return _stricter(key.lower(), gone, come, lints=is_of_lints, paths=paths)


_TRANSFORMER = (
    r"(?:ts-jest|babel-jest|@swc/jest|esbuild-jest|@sucrase/jest-plugin|@vue/vue\d-jest|svelte-jester"
    r"|jest-transform-stub)"
)
# What turns code of another kind into JavaScript, alone or in a table in one line.
_TRANSFORMERS = re.compile(
    rf"{_TRANSFORMER}|\{{(?:\s*[\"'][^\"']*[\"']\s*:\s*[\"']{_TRANSFORMER}[\"']\s*,?)+\s*\}}?,?"
)


# Whose names are known to a linter: ``{ "node": true, "jest": true }``.
_ENVIRONMENTS = re.compile(r"(?i)true|\{(?:\s*[\"']?\w+[\"']?\s*:\s*true\s*,?)+\s*\}?,?")


# ``resolve: { alias: { '@': './src' } }`` of Vite
_ALIAS_ONLY = re.compile(r"\{\s*alias\s*:\s*(\{[^{}]*\})\s*\}?,?$")


def _stricter(key: str, gone: list[str], come: list[str], *, lints: bool, paths: Collection[str]) -> bool:
    is_new = _STANDS in come and _STANDS not in gone
    gone, come = ([value for value in side if value != _STANDS] for side in (gone, come))
    if key == "addopts":
        return _better_options(gone, come)
    if key == "filterwarnings":
        return not gone and all(value.startswith("error") for value in come)
    if key == "deps":
        return not gone and all(_OWN_PACKAGE.match(value) for value in come)
    if key in _MORE or key in _FREE or key in _FOLDERS:
        hides = key in _FOLDERS and any(
            STAND_INS.search(at) or path.startswith(f"{at.strip('./')}/")
            for at in come
            for path in (*paths, "")
        )
        return not gone and not hides and not (is_new and key in _NARROWS_WHEN_NEW)
    if key in _LESS:
        return not come
    return _switched(key, gone, come) or _graded(key, gone, come, lints=lints)


def _switched(key: str, gone: list[str], come: list[str]) -> bool:
    """A switch that asks for more is on now, or one that asks for less is off or gone."""
    if _WANTED.fullmatch(key):
        return bool(come) and all(value.lower() in {"true", "yes", "on", "1"} for value in come)
    off = all(value.lower() in {"false", "no", "off", "0"} for value in come)
    return bool(_UNWANTED.fullmatch(key)) and off and bool(come or gone)


def _graded(key: str, gone: list[str], come: list[str], *, lints: bool) -> bool:
    """A number or a severity with an order."""
    if len(come) != 1 or len(gone) > 1:
        return False
    new, old = come[0], gone[0] if gone else None
    if old is not None and _NUMBER.fullmatch(old) and _NUMBER.fullmatch(new):
        before, after = (float(text.replace("_", "")) for text in (old, new) if text.count(".") <= 1)
        return (key in _HIGHER and after >= before) or (
            bool(_LOWER.fullmatch(key)) and after <= before and (after > 0 or key.startswith("re"))
        )
    severity = _SEVERITIES.get(new.lower())
    if severity is None:
        return False
    if old is not None:
        return severity >= _SEVERITIES.get(old.lower(), 3)
    return lints and severity == max(_SEVERITIES.values())


def _better_options(gone: list[str], come: list[str]) -> bool:
    floors = {match[1]: float(match[2]) for value in gone if (match := _FLOOR.fullmatch(value))}
    if len(floors) != len(gone):
        return False
    for value in come:
        floor = _FLOOR.fullmatch(value)
        if floor and float(floor[2]) >= floors.pop(floor[1], 0.0):
            continue
        if not _HARMLESS_OPTIONS.fullmatch(value):
            return False
    return not floors


def _data(change: Change, within: str) -> tuple[Entries, Entries] | None:
    """Both sides as data, for the formats that are read as such."""
    name = change.path.rsplit("/", 1)[-1].lower()
    read = tomllib.loads if name.endswith(".toml") else json.loads if name.endswith((".json", "rc")) else None
    if read is None or change.old_text is None or change.new_text is None:
        return None
    try:
        sides = [read(text) for text in (change.old_text, change.new_text)]
        for key in within.split(".") if within else ():
            sides = [side.get(key, {}) for side in sides]
        old, new = (Counter(_flat(side)) for side in sides)
    except (ValueError, RecursionError, AttributeError):
        return None
    return old, new


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}\0{key}" if path else str(key))
    elif isinstance(value, list):
        yield path, _STANDS
        for inner in value:
            # A table in a list applies to part of the code only, so its settings have no order.
            yield (
                (path, str(inner))
                if isinstance(inner, str | int)
                else (f"{path}\0[]", json.dumps(inner, default=str))
            )
    elif path.endswith("addopts"):
        yield path, _STANDS
        yield from ((path, word) for word in str(value).split())
    elif isinstance(value, str) and value.lower() in {"true", "false"}:
        yield path, json.dumps(value)  # a text, which a tool need not take for a switch
    else:
        yield path, str(value)


_SECTION = re.compile(r"^\s*\[+[^\[\]\"']+\]+\s*$")
# Of Cargo: below it, each setting is the severity of a rule.
_LINT_SECTION = re.compile(r"^\[(?:workspace\.)?lints\.\w+\]$")
_SETTING = re.compile(
    r"^\s*(?:[\"']?(?P<key>[@\w./-]+)[\"']?|\"(?P<double>[^\"]+)\"|'(?P<single>[^']+)')"
    r"\s*(?P<sign>[=:])\s*(?P<value>.*?),?\s*$"
)
_ELEMENT = re.compile(r"^\s*(?:-\s+)?[\"']?(?P<value>[^\"'=:{}\[\]]+?)[\"']?,?\s*$")
_BRACKETS = re.compile(r"^[\s\[\]{}(),;]*$")


def _of_lines(side: Iterable[Line]) -> Entries | None:
    """The settings of the changed lines; ``None`` where a line can't be told."""
    reader = _Reader()
    return reader.entries if all(reader.takes(line) for line in side) else None


class _Reader:
    """Goes over the lines of a file of settings, of any format, and knows to which setting each belongs."""

    def __init__(self) -> None:
        self.entries: Entries = Counter()
        self._owner, self._indent = "", -1
        self._section_is_new = self._owner_is_new = False
        self._table, self._table_indent = "", -1
        self._of_lints = False

    def takes(self, line: Line) -> bool:
        """Read one line; false if a changed one can't be told."""
        text = line.bare.strip()
        if line.first:
            self._owner, self._indent, self._table = "", -1, ""
            self._section_is_new = self._owner_is_new = self._of_lints = False
        if not text or _BRACKETS.match(text):
            return True
        if _SECTION.match(text):
            return self._enters(line, text)
        if not line.changed and (
            self._section_is_new or (self._owner_is_new and self._is_inside(line, text))
        ):
            return False  # what stands below another heading or name means something else now
        words = _TEXT.fullmatch(text) if self._owner and line.indent > self._indent else None
        setting = None if words else _SETTING.match(text)
        if setting and not self._continues(line, setting):
            return self._sets(line, setting)
        element = words or _ELEMENT.match(text)
        if element and self._owner:
            self._add(line, element["value"])
            return True
        return not line.changed

    def _enters(self, line: Line, text: str) -> bool:
        self._owner, self._owner_is_new, self._section_is_new = "", False, line.changed
        self._of_lints = bool(_LINT_SECTION.match(text))
        self.entries.update([("[section]", text)] if line.changed and not self._of_lints else ())
        # A table in a list holds for part of the code only.
        return not (line.changed and text.startswith("[["))

    def _is_inside(self, line: Line, text: str) -> bool:
        return line.indent > self._indent or (text.startswith("- ") and line.indent == self._indent)

    def _continues(self, line: Line, setting: re.Match[str]) -> bool:
        """An element such as ``error == x`` of the setting above it."""
        inside = bool(self._owner) and line.indent > self._indent
        return inside and setting["sign"] == "=" and " " in _key(setting)

    def _sets(self, line: Line, setting: re.Match[str]) -> bool:
        key = _key(setting)
        if self._table and line.indent <= self._table_indent:
            self._table = ""
        if self._table:
            key = f"{self._table}\0{key}"
        elif key.lower() in _ALIASES or key.lower() in {"env", "transform"}:
            self._table, self._table_indent = key, line.indent
        if self._of_lints:
            key = f"lints\0{key}"
        self._owner, self._indent, self._owner_is_new = key, line.indent, line.changed
        if line.changed:
            self.entries[(self._owner, _STANDS)] += 1
        if value := setting["value"].strip("[{(|>"):
            self._add(line, setting["value"] if value else "")
        return True

    def _add(self, line: Line, text: str) -> None:
        if line.changed and (pairs := _INLINE.fullmatch(text)):
            for pair in _PAIR.finditer(pairs[1]):
                self.entries[(f"{self._owner}\0{pair[1]}", pair[2])] += 1
        elif line.changed:
            values = _values(text)
            words = [word for value in values for word in value.split()]
            self.entries.update((self._owner, one) for one in (words if self._owner == "addopts" else values))


_SCALAR = r"[\"']?([\w@/.-]+)[\"']?\s*:\s*[\"']?([\w.-]+)[\"']?"
_PAIR = re.compile(_SCALAR)
_INLINE = re.compile(rf"\{{\s*((?:{_SCALAR}\s*,\s*)*{_SCALAR})\s*,?\s*\}},?")
"""A table of single values in one line."""


def _key(setting: re.Match[str]) -> str:
    return setting["key"] or setting["double"] or setting["single"]


# Among the elements of a list, even where it has a colon: ``"slow: takes a minute",``
_TEXT = re.compile(r"[\"'](?P<value>[^\"']*)[\"'],?")
_TEXTS = re.compile(r"\[?\s*(?:(?:\"[^\"]*\"|'[^']*')\s*(?:,\s*|(?=\]|$)))+\]?")


def _values(text: str) -> list[str]:
    if text.count(":") > 1 and _TEXTS.fullmatch(text):
        return [first or second for first, second in re.findall(r"\"([^\"]*)\"|'([^']*)'", text)]
    if text.count("{") or text.count(":") > 1:
        return [text]
    return [part.strip().strip("\"'") for part in text.strip("[]()").split(",") if part.strip()]
