"""The rule about tests that would look at something else than the code under test.

No mocking library is needed for that: an import from another place, a definition of the same name in front of
the test, or an attribute set on the imported module does it as well.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator, Sequence

from agent.guard import places
from agent.guard.assertions import is_assertion
from agent.guard.case import Case, Change, Remark
from agent.guard.inventory import Inventory, inventory
from agent.guard.lines import Statement
from patchpilot.fixes import Severity

_PYTHON_IMPORT = re.compile(r"^from\s+([.\w]+)\s+import\s+\(?(.*?)\)?$|^import\s+([.\w]+)(?:\s+as\s+(\w+))?$")
_JS_IMPORT = re.compile(
    r"^import\s+(?:type\s+)?(.*?)\s+from\s+[\"']([^\"']+)[\"']"
    r"|^(?:const|let|var)\s+(.*?)\s*=\s*(?:await\s+)?(?:require|import)\s*\(\s*[\"']([^\"']+)[\"']"
)
_JAVA_IMPORT = re.compile(r"^import\s+(?:static\s+)?([\w.]+)\.(\w+|\*)\s*;?$")
_FAKE = re.compile(
    r"(?i)(?:^|[/._])(?:__)?(?:fakes?|mocks?|stubs?|dumm(?:y|ies)|doubles?|shims?|noop)(?:__)?(?:$|[/._])"
)
_STAND_IN_TYPE = re.compile(r"\b(?:new\s+)?&?(?:Fake|Mock|Stub|Dummy|Noop|NoOp|Null)[A-Z]\w*\s*[({]")
_BINDING = re.compile(
    r"^(?:export\s+)?(?:const|let|var)\s+(\w+)\s*(?::[^=]+)?="
    r"|^(?:async\s+)?(?:def|function\*?|func|class)\s+(\w+)\b"
    r"|^(\w+)\s*(?::\s*[\w.\[\], |]+)?\s*:?=(?!=)|^for\s+(\w+)\s+in\b|\bas\s+(\w+)\s*:?$"
)
_TAKEN_APART = re.compile(r"^(?:const|let|var)\s*\{([^{}]*)\}\s*=")
_PARAMETER = re.compile(r"[(,]\s*(\w+)\s*=\s*(?:lambda|\(|\w+\s*=>|sum\b|print\b)")
_ATTRIBUTE = re.compile(
    # What a function or module is made of is replaced, however far down.
    r"^([A-Za-z_]\w*)(?:\.\w+)*\.(__\w+__)(?:\[[^\]]*\])?\s*=(?!=)|^vars\(\s*([A-Za-z_]\w*)[\w.]*\s*\)\[[^\]]*\]\s*=(?!=)|"
    r"^([A-Za-z_]\w*)\.(\w+)(?:\s*,\s*\w+(?:\.\w+)*)*\s*=(?!=)"
    r"|^\w+(?:\s*,\s*\w+)*,\s*([A-Za-z_]\w*)\.(\w+)\s*=(?!=)"
    r"|\bsetattr\s*\(\s*([A-Za-z_][\w.]*)\s*,|\bObject\.defineProperty\s*\(\s*(\w+)"
)


def replaced(case: Case) -> Iterator[Remark]:
    """Names that existing tests call, bound to something else than before."""
    tests = inventory(case)
    for change in case.changes:
        lowered = change.path.lower()
        comes = bool(change.diff.new_path) and change.diff.old_path != change.diff.new_path
        if comes and "__mocks__/" in lowered:
            yield Remark(change.path, 0, "the test runner takes this file in place of the real module")
        if comes and change.language == "java" and "src/test/" in change.path:
            real = change.path.replace("src/test/", "src/main/", 1)
            if case.reads(real) is not None:
                yield Remark(change.path, 0, f"the tests would see this class in place of {real}")
        module, had = (_SHADOWS.fullmatch(path) for path in (change.path, change.diff.old_path))
        if comes and module and not (had and had["name"] == module["name"]):
            yield from _in_place_of_package(case, change, module["name"])
    for change in case.tests:
        if change.language == "go":
            yield from _set_before(change)
        if change.is_new and not _is_shared(change.path):
            continue
        yield from _other_imports(case, change)
        yield from _shadows(change, tests)
        yield from _attributes(change, tests)
        yield from _stand_in_types(change, tests)
        yield from _values(case, change, tests)


_SHADOWS = re.compile(r"(?:(?:src|lib|tests?)/)?(?P<name>\w+)(?:\.py|/__init__\.py)")
"""Where Python looks before it looks among what is installed."""
_MANIFESTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "Pipfile",
)


def _in_place_of_package(case: Case, change: Change, name: str) -> Iterator[Remark]:
    if name in sys.stdlib_module_names and name != "test":
        what = f"every import of {name} takes this module now, not Python's own"
        yield Remark(change.path, 0, what, Severity.OVERRIDE)
        return
    required = re.compile(rf"(?im)(?:^\s*|[\"']){name.replace('_', '[-_]')}(?:\s*[<>=~!\[;]|$)")
    if any(required.search(case.reads(path) or "") for path in _MANIFESTS):
        yield Remark(change.path, 0, f"every import of {name} takes this module now, not the package")


_REASSIGNED = re.compile(r"^[A-Za-z_]\w*(?:\.\w+)*\s*=\s*(?:func\s*\(|nil$)")


def _set_before(change: Change) -> Iterator[Remark]:
    """Go: ``init`` and ``TestMain`` of a test file run before every test of the package."""
    head = ""
    for statement in change.new_statements:
        if statement.indent == 0:
            head = statement.code
        elif (
            statement.changed
            and _REASSIGNED.match(statement.code)
            and re.match(r"func (?:init|TestMain)\b", head)
        ):
            what = f"a part of the package is replaced before the tests run: {statement.bare[:80]}"
            yield Remark(change.path, statement.number, what)


def _is_shared(path: str) -> bool:
    return path.endswith(("conftest.py", "__init__.py")) or bool(
        re.search(r"(?:setup|support)\w*\.[cm]?[jt]s$", path)
    )


def _imports(side: Sequence[Statement]) -> dict[str, tuple[str, Statement]]:
    """Imported names with the module that they come from."""
    found: dict[str, tuple[str, Statement]] = {}
    for statement in side:
        text = statement.bare
        if match := _PYTHON_IMPORT.match(text):
            module = match[1] or match[3]
            for part in (match[2] or match[4] or match[3]).split(","):
                words = part.split()
                if words:
                    found[words[-1].split(".")[0] if match[3] and not match[4] else words[-1]] = (
                        module,
                        statement,
                    )
        elif match := _JS_IMPORT.match(text):
            module = match[2] or match[4]
            for name in re.findall(r"[A-Za-z_$][\w$]*", match[1] or match[3]):
                found[name] = (module, statement)
        elif match := _JAVA_IMPORT.match(text):
            found[match[2]] = (match[1], statement)
    return found


def _other_imports(case: Case, change: Change) -> Iterator[Remark]:
    """The same name from a module of the tests, or from a stand-in."""
    old, new = _imports(change.old_statements), _imports(change.new_statements)
    written = {other.path for other in case.changes if other.is_new and other.is_test}
    sources = [other for other in case.changes if not other.is_test]
    for name, (module, statement) in new.items():
        if name not in old or not statement.changed or old[name][0] == module:
            continue
        before = old[name][0]
        tail = module.replace(".", "/").strip("/").rsplit("/", 1)[-1]
        from_tests = re.match(r"\.*tests?\b", module) is not None and not re.match(r"\.*tests?\b", before)
        is_written = any(path.rsplit("/", 1)[-1].split(".")[0] == tail for path in written)
        left = any(re.search(rf"\b{re.escape(name)}\b", line.code) for one in sources for line in one.removed)
        aside = not left and _is_aside(case, change, before, module)
        if (_FAKE.search(module) and not _FAKE.search(before)) or from_tests or is_written or aside:
            yield Remark(change.path, statement.number, f"{name} comes from {module} now, not from {before}")


def _is_aside(case: Case, change: Change, before: str, module: str) -> bool:
    """JavaScript: what was the code under test comes from among the tests, or from a file of the patch."""
    if change.language != "javascript" or not (before.startswith(".") and module.startswith(".")):
        return False
    if change.diff.old_path != change.diff.new_path:
        return False  # the test moved, so its paths have to change
    folder = posixpath.dirname(change.path)
    old, new = (posixpath.normpath(posixpath.join(folder, one)) for one in (before, module))
    to_tests = places.in_test_folder(new) and not places.in_test_folder(old)
    written = any(other.is_new and other.path.rsplit(".", 1)[0] == new for other in case.changes)
    return to_tests or written


_SETS = re.compile(
    r"^(?:const\s+|let\s+|var\s+|final\s+|[\w<>\[\]]+\s+)?(?P<name>[A-Za-z_]\w*)(?:\s*,\s*\w+)*\s*(?::\s*[^=]+)?:?=(?!=)"
    r"\s*(?P<value>.+)$"
)
_OR_ELSE = re.compile(
    r"\.(?:unwrap_or\w*|map_or\w*|getOrElse|getOrDefault|orElse(?!Throw)\w*|value_or)\s*\("
    r"|\bor\b|\band\b|\bif\b|\|\||&&|\?\?|\?(?![.?>])"
)
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_BY_ITSELF = re.compile(
    r"^(?:(?:sum|len|max|min|abs|round|sorted|int|float|str|bool|list|tuple|set|dict|any|all)\s*\(|Math\.|[\[{(\"'`\d-])"
)
_NEXT = 8
"""Statements behind an assignment in which an assertion may look at its value."""


def _values(case: Case, change: Change, tests: Inventory) -> Iterator[Remark]:
    """The value that an old assertion looks at comes from the code under test only sometimes, or no more."""
    old = [(s, match) for s in change.old_statements if s.changed and (match := _SETS.match(s.code))]
    side = change.new_statements
    for at, statement in enumerate(side):
        match = _SETS.match(statement.code) if statement.changed else None
        if match is None or tests.is_new_test(change, statement.number):
            continue
        before = next((m for _, m in old if m["name"] == match["name"] and _CALLED.search(m["value"])), None)
        if before is None or not _is_looked_at(side[at + 1 : at + 1 + _NEXT], match["name"]):
            continue
        called, calls = (set(_CALLED.findall(m["value"])) for m in (before, match))
        called = {case.renamed.get(name) or case.members.get(name, name) for name in called}
        if called & calls:
            is_other = len(_OR_ELSE.findall(match["value"])) > len(_OR_ELSE.findall(before["value"]))
        else:
            following = side[at + 1 : at + 1 + _NEXT]
            is_other = bool(_BY_ITSELF.match(match["value"])) or _is_expected(following, match)
            is_other = is_other or _is_what_is_asked(following, match)
        if is_other:
            what = f"{match['name']} need not come from the code under test: {statement.bare[:80]}"
            yield Remark(change.path, statement.number, what)


_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*(?:\[[^\[\]]*\])?(?=\s*(?:,|;|$))")


def _is_expected(following: Sequence[Statement], match: re.Match[str]) -> bool:
    """The value is what the assertion compares it with: ``got := tc.want`` in front of ``got != tc.want``."""
    path = _PATH.match(match["value"])
    return path is not None and any(
        not s.changed and is_assertion(s) and re.search(rf"(?<![\w.]){re.escape(path[0])}(?!\w)", s.code)
        for s in following
        if re.search(rf"(?<![\w.]){re.escape(match['name'])}\b", s.code)
    )


def _is_what_is_asked(following: Sequence[Statement], match: re.Match[str]) -> bool:
    """An old assertion expects what it looks at: ``want = f()`` in front of ``f() == want``."""
    value = "".join(match["value"].rstrip(";").split())
    asked = re.compile(rf"(?<![\w.]){re.escape(match['name'])}\b")
    return "(" in value and any(
        not s.changed and is_assertion(s) and asked.search(s.code) and value in "".join(s.code.split())
        for s in following
    )


def _is_looked_at(following: Sequence[Statement], name: str) -> bool:
    asked = re.compile(rf"(?<![\w.]){re.escape(name)}\b")
    return any(not s.changed and is_assertion(s) and asked.search(s.code) for s in following)


def _shadows(change: Change, tests: Inventory) -> Iterator[Remark]:
    """A changed line binds a name that assertions call and that nothing but an import bound before."""
    imported = _imports(change.old_statements)
    bound = {
        name for statement in change.old_statements for name in _bound(statement) if not _is_import(statement)
    }
    called = {
        name
        for statement in change.old_statements
        if is_assertion(statement)
        for name in re.findall(r"(?<![.\w])([A-Za-z_$][\w$]*)\s*\(", statement.code)
    }
    for statement in change.new_statements:
        if not statement.changed or _is_import(statement) or tests.is_new_test(change, statement.number):
            continue
        for name in _bound(statement):
            is_runners = name in _RUNNER and change.language == "javascript"
            if name not in bound and (name in called or name in imported or is_runners):
                what = f"{name} is no longer the code under test: {statement.bare[:80]}"
                yield Remark(change.path, statement.number, what)


_RUNNER = frozenset({"expect", "describe", "it", "test", "assert", "suite", "beforeEach", "beforeAll"})


def _is_import(statement: Statement) -> bool:
    return bool(_PYTHON_IMPORT.match(statement.bare) or _JS_IMPORT.match(statement.bare))


def _bound(statement: Statement) -> list[str]:
    names = [name for match in _BINDING.finditer(statement.code) for name in match.groups() if name]
    if taken := _TAKEN_APART.match(statement.code):
        names += re.findall(r"(?:\w+\s*:\s*)?([A-Za-z_$][\w$]*)", taken[1])
    if re.match(r"(?:async\s+)?(?:def|function)\b", statement.code):
        names += _PARAMETER.findall(statement.code)
    return names


def _attributes(change: Change, tests: Inventory) -> Iterator[Remark]:
    """An attribute set on an imported module or class, in a test that was there or for all tests."""
    imported = {**_imports(change.old_statements), **_imports(change.new_statements)}
    old = {"".join(statement.code.split()) for statement in change.old_statements}
    for statement in change.new_statements:
        if not statement.changed or "".join(statement.code.split()) in old:
            continue
        match = _ATTRIBUTE.search(statement.code)
        owner = next((group for group in match.groups() if group), "").split(".")[0] if match else ""
        if (
            owner in imported
            and owner not in _OWN_SETTINGS
            and not tests.is_new_test(change, statement.number)
        ):
            yield Remark(
                change.path,
                statement.number,
                f"a part of {owner} is replaced for the tests: {statement.bare[:80]}",
            )


_OWN_SETTINGS = frozenset(
    {"settings", "config", "os", "random", "logging", "np", "numpy", "pd", "pytest", "matplotlib"}
)
"""Modules whose attributes tests set to prepare themselves."""


def _stand_in_types(change: Change, tests: Inventory) -> Iterator[Remark]:
    had = sum(bool(_STAND_IN_TYPE.search(line.code)) for line in change.removed)
    hits = [
        line
        for line in change.added
        if _STAND_IN_TYPE.search(line.code)
        and not re.match(r"\s*(?:class|type|struct)\b", line.code)
        and not tests.is_new_test(change, line.number)
    ]
    if not change.removed or not places.is_test(change.path):
        return
    for line in hits[had:]:
        yield Remark(
            change.path,
            line.number,
            f"a stand-in takes the place of the real thing: {line.text.strip()[:80]}",
        )
