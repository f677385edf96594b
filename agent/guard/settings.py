"""Rules about the settings of checks: suppressions, linter, type and coverage settings, CI definitions."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator

from agent.guard import makefiles, packages, places, shells, steps
from agent.guard.case import Case, Change, Remark
from agent.guard.limits import only_stricter, stricter_lines
from agent.guard.lines import Line, spelled_out
from agent.guard.marks import Mark, read_mark
from agent.guard.revisions import only_newer_hooks
from agent.guard.tightening import only_tightens

_SUPPRESSION = re.compile(
    r"\bnoqa\b|\btype:\s*ignore|\bpyright:\s*(?:ignore|basic)|\bmypy:\s*(?:ignore|disable|allow)"
    r"|\bpylint:\s*(?:disable|skip-file)|\bpragma:\s*no\s*(?:cover|branch)"
    r"|\bnosec\b|\bnosemgrep\b|\bfmt:\s*(?:off|skip)|\byapf:\s*disable|\bisort:\s*(?:skip|off)"
    r"|\bruff:\s*noqa|\bflake8:\s*noqa|\bpytype:\s*disable|\bpyre-(?:ignore|fixme)"
    r"|\bty:\s*ignore|\bbasedpyright:|\bautopep8:\s*off"
    r"|\beslint-disable|\beslint-env|@ts-(?:ignore|nocheck|expect-error)|\btslint:disable"
    r"|\bistanbul\s+ignore|\b(?:c8|v8)\s+ignore|\bbiome-ignore|\bprettier-ignore"
    r"|\bstylelint-disable"
    r"|\bdeno-(?:lint|fmt)-ignore|\bjshint\s+ignore|\bjscs:disable|@jest-environment-skip"
    r"|\bflow(?:fixme|-ignore)|\$FlowFixMe|\boxlint-disable|\bdprint-ignore"
    r"|\bnolint\b|#nosec\b|\blint:(?:file-)?ignore|\bNOSONAR\b|\bNOPMD\b|\bCHECKSTYLE:?\s*OFF"
    r"|\bspotless:off|@formatter:off|\bnoinspection\b|\bktlint-disable|\bdetekt:disable"
    r"|\brubocop:(?:disable|todo)|\bphpcs:(?:ignore|disable)|@codeCoverageIgnore|@codingStandardsIgnore|:nocov:|@phpstan-ignore|@psalm-suppress"
    r"|\bswiftlint:disable|\bshellcheck\s+disable|\bhadolint\s+ignore|\byamllint\s+disable"
    r"|\bNOLINT\w*"
    r"|\bclang-format\s+off|\bcppcheck-suppress|\bcredo:disable|\bexcoveralls-ignore|\bLCOV_EXCL"
    r"|\bGCOV_EXCL|\bpyrefly:\s*ignore|\bskipcq\b|\bgitleaks:allow|\btrufflehog:ignore|\bcodacy-disable|\bscala(?:fix|style):off"
    r"|\bswiftformat:disable|\berb_?lint:disable|\b(?:slim|haml)-lint:disable|\breek:|\brevive:disable|\bReSharper\s+disable"
    r"|/\*\s*eslint\s+[\w@/-]+\s*:\s*(?:[\"']?off|0|\[\s*(?:[\"']off|0))|\bkics-scan\s+ignore|\bcheckov:skip|\btfsec:ignore|\bcodespell:ignore"
)
_ATTRIBUTE = {
    "java": re.compile(
        r"@(?:\w+\.)*(?:SuppressWarnings|Suppress|SuppressFBWarnings|Generated|SuppressLint"
        r"|ExcludeFromJacocoGeneratedReport)\b"
    ),
    "rust": re.compile(
        r"#!?\[(?:\w+_)?(?:allow|cfg_attr|expect)\s*\(|#\[cfg\(not\((?:tarpaulin|coverage)\w*\)|#\[coverage\(off\)"
    ),
    "c": re.compile(
        r"^\s*#\s*pragma\s+(?:\w+\s+)*(?:diagnostic\s+ignored|warning\b.*disable)"
        r"|\[(?:\w+:\s*)?(?:Suppress|ExcludeFromCodeCoverage)|^\s*#\s*nullable\s+disable"
        r"|\bno_sanitize\w*\b|(?:[=(,;!]|\breturn)\s*@\w+\s*\(|\berror_reporting\s*\(\s*0"
    ),
    "python": re.compile(r"@(?:typing\.)?no_type_check\b"),
}


def suppressions(case: Case) -> Iterator[Remark]:
    """Remarks and annotations that switch a check off for a line, a function or a file."""
    for change in case.changes:
        if places.is_quality(change.path):
            continue
        had = [mark for line in change.removed for mark in _marks(change, line)]
        for line in change.added:
            for mark in _marks(change, line):
                stood = next((one for one in had if one.covers(mark)), None)
                if stood is not None:
                    had.remove(stood)
                else:
                    yield Remark(
                        change.path, line.number, f"a check is switched off here: {line.text.strip()[-80:]}"
                    )
        yield from _no_longer_strict(change)


_STRICT = re.compile(
    r"^\s*(?:#!\[(?:deny|forbid)\([^)]*\)\]|//\s*@ts-check\b|#\s*(?:mypy|pyright):\s*strict\b|#\s*typed:\s*(?:strict|strong)\b"
    r"|#\s*nullable\s+enable\b|declare\s*\(\s*strict_types\s*=\s*1\s*\)|//\s*flow\s+strict\b|use\s+strict\b)"
)


def _no_longer_strict(change: Change) -> Iterator[Remark]:
    """Directives at the head of a file that asked for more checks, and are gone."""
    sides = (
        [match.group() for line in side if (match := _STRICT.match(line.text))]
        for side in (change.removed, change.added)
    )
    gone, come = sides
    if len(gone) > len(come) and not change.is_deleted:
        line = next(line for line in change.removed if _STRICT.match(line.text))
        yield Remark(change.path, line.number, f"the file asked for more checks: {line.text.strip()[:80]}")


# Languages with linters of their own whose comments are not told apart.
_STYLED = re.compile(r"(?i)\.(?:css|scss|sass|less|html?|sql|proto|graphql|hbs|erb|astro|lua)$")


def _marks(change: Change, line: Line) -> list[Mark]:
    behind = bool(line.code.strip())
    if change.language == "text":
        found = _SUPPRESSION.finditer(line.code) if _STYLED.search(change.path) else ()
        return [read_mark(match, line.code, behind_code=behind) for match in found]
    marks = [
        read_mark(match, line.comment, behind_code=behind) for match in _SUPPRESSION.finditer(line.comment)
    ]
    if pattern := _ATTRIBUTE.get(change.language):
        # Where a thing is an annotation, the rules that it names are texts, which ``code`` has no more.
        searched, named = (line.code, line.bare) if line.code else (line.comment, line.comment)
        marks += [read_mark(match, named, behind_code=behind) for match in pattern.finditer(searched)]
    return marks


_TOOL_SECTION = re.compile(
    r"^\s*\[+\s*(?:tool[.:])?(pytest|ruff|mypy|coverage|pylint|pyright|basedpyright|flake8|isort"
    r"|bandit|pydocstyle|pycodestyle|tox|testenv|lints?|lint|"
    r"workspace\.lints|interrogate|vulture|nox|importlinter|doc8|black|ty|pyre|codespell|deptry"
    r"|hatch\.envs|pdm\.scripts|poe|taskipy|profile)\b"
)
_OTHER_SECTION = re.compile(r"^\s*\[")
_CHECK_KEY = re.compile(
    r"^\s*[\"']?(?:addopts|testpaths|python_files|python_classes|python_functions|filterwarnings"
    r"|norecursedirs|xfail_strict|minversion|markers|required_plugins|log_level|usefixtures|"
    r"fail_under|fail-under|omit|exclude_lines|exclude_also|exclude_dirs|skip_covered|branch"
    r"|source_pkgs|partial_branches|concurrency|"
    r"(?:extend-)?(?:ignore|select|exclude|per-file-ignores|fixable|unfixable|safe-fixes)"
    r"|per_file_ignores|line-length|line_length|max-line-length|max[-_]complexity|max[-_]args"
    r"|max-\w+|target-version|"
    r"disable|disable_error_code|enable|enable_error_code|disallow_\w+|warn_\w+"
    r"|check_untyped_defs|ignore_errors|ignore_missing_imports|follow_imports|no_implicit_\w+"
    r"|strict\w*|show_error_codes|"
    r"allow_\w+|implicit_reexport|typeCheckingMode|report\w+|skipLibCheck|noImplicit\w+"
    r"|noUnused\w+|noFallthrough\w+|noUnchecked\w+|exactOptional\w*|noEmitOnError|allowJs"
    r"|checkJs|isolatedModules|"
    r"rules|overrides|extends|plugins|ignorePatterns|ignores|coverageThreshold"
    r"|coveragePathIgnorePatterns|collectCoverage\w*|testMatch|testRegex|testPathIgnorePatterns"
    r"|testTimeout|bail|"
    r"moduleNameMapper|testRunner|globalSetup|globalTeardown|testEnvironment|testSequencer|forceExit|automock|modulePaths"
    r"|setupFiles\w*|globals|eslintConfig|eslintIgnore|jest|mocha|nyc|ava|c8|stylelint|xo"
    r"|lint-staged|husky|thresholds|statements|branches|functions|lines|"
    r"unsafe_code|unused\w*|warnings|clippy|dead_code|missing_docs|overflow-checks"
    r"|debug-assertions)[\"']?\s*[=:{]"
)
_SCRIPT_KEY = re.compile(
    r"^\s*\"(?:(?:pre|post)?(?:test|lint|check|type-?check|tsc|ci|coverage|verify|validate"
    r"|format|build|unit|e2e|integration|audit|compile)(?:[:\-.]\w+)*)\"\s*:\s*\""
)
_XML_CHECK = re.compile(
    r"<(?:skip|skipTests|failOnViolation|failsOnError|failOnError|violationSeverity"
    r"|maxAllowedViolations|minimum|excludes?|haltOnFailure|testFailureIgnore|failIfNoTests|"
    r"rerunFailingTestsCount|onlyAnalyze|excludedGroups|groups|threshold|effort)>"
    r"|</?plugin>.*(?:checkstyle|pmd|spotbugs|jacoco|surefire|failsafe)"
    r"|\b(?:ignoreFailures|failOnViolation|maxWarnings|minimum|allWarningsAsErrors|abortOnError"
    r"|checkReleaseBuilds|warningsAsErrors|isIgnoreFailures)\b\s*(?:=|\()"
)


def relaxed(case: Case) -> Iterator[Remark]:
    """Changes to what linters, type checkers, coverage and test runners demand."""
    paths = [change.path for change in case.changes]
    for change in case.changes:
        if change.same_values:
            continue
        if places.is_quality(change.path):
            if not (change.is_new or change.is_deleted) and (
                only_tightens(change, paths=paths) or only_stricter(change)
            ):
                continue
            if line := _first_change(change):
                yield Remark(change.path, line, "the settings of a check are changed")
            elif change.is_deleted or change.is_new:
                yield Remark(change.path, 0, "the settings of a check are changed")
            elif told := next((line for line in change.added if _SUPPRESSION.search(line.comment)), None):
                yield Remark(change.path, told.number, "a check of these settings is switched off")
        elif places.is_mixed(change.path) and change.is_unread:
            yield Remark(change.path, 0, f"{_UNREAD}, and may have settings of checks")
        elif places.is_mixed(change.path):
            yield from _mixed(change, paths)


_UNREAD = "the file comes or goes by a move, so its content isn't known here"


def _first_change(change: Change) -> int:
    changed = [line for line in (*change.added, *change.removed) if line.bare.strip()]
    return changed[0].number if changed and not change.same_code else 0


def _mixed(change: Change, paths: list[str]) -> Iterator[Remark]:
    """The settings of checks among those of a project, as data where the format is read as such."""
    yield from packages.elsewhere(change)
    names = _tables_that_differ(change)
    for name in names or ():
        if not only_tightens(change, within=name, paths=paths):
            yield Remark(change.path, 0, f"the settings of a check are changed: [{name}]")
    if names is None or packages.is_npm(change.path):
        yield from _mixed_lines(change, paths, is_told=names is not None)


def _tables_that_differ(change: Change) -> list[str] | None:
    """Tables of a manifest that belong to a check and differ; ``None`` where that can't be told."""
    if change.old_text is None or change.new_text is None:
        return None
    if packages.is_npm(change.path):
        return packages.sections_that_differ(change.old_text, change.new_text)
    is_project = change.path.lower().endswith("pyproject.toml")
    return _toml_difference(change.old_text, change.new_text) if is_project else None


def _mixed_lines(change: Change, paths: list[str], *, is_told: bool) -> Iterator[Remark]:
    """The same, line by line; ``is_told``: the sections of checks were compared as data."""
    stricter = stricter_lines(change)
    for side in (change.after, change.before):
        in_sections = packages.lines_of_checks(side) if packages.is_npm(change.path) else set()
        of_checks = _lines_of_checks(side) | in_sections
        told = in_sections if is_told else set()
        for line in (line for line in side if line.changed and line.number not in told):
            in_tool = line.number in of_checks
            if (
                line.bare.strip()
                and id(line) not in stricter
                and (in_tool or _sets_check(change, line.bare))
                and not _elsewhere(change, line.bare)
                and not _new_script(change, line)
            ):
                if not only_tightens(change, paths=paths):
                    what = f"the settings of a check are changed: {line.text.strip()[:80]}"
                    yield Remark(change.path, line.number, what)
                return


_TOOLS = re.compile(
    r"^(?:pytest|ruff|mypy|coverage|pylint|pyright|basedpyright|flake8|isort|bandit|pydocstyle"
    r"|pycodestyle|tox|interrogate|vulture|importlinter|black|ty|pyre|codespell|deptry|poe"
    r"|taskipy|nox)$"
)


def _toml_difference(old: str, new: str) -> list[str] | None:
    try:
        before, after = (tomllib.loads(text).get("tool", {}) for text in (old, new))
    except tomllib.TOMLDecodeError:
        return None
    names = sorted(before.keys() | after.keys())
    found = [f"tool.{name}" for name in names if _TOOLS.match(name) and before.get(name) != after.get(name)]
    return found + [".".join(("tool", *path)) for path in _TASKS if _at(before, path) != _at(after, path)]


_TASKS = (("hatch", "envs"), ("pdm", "scripts"), ("rye", "scripts"), ("pixi", "tasks"), ("uv", "scripts"))
"""Tables of project managers with the commands that run the checks."""


def _at(table: object, path: tuple[str, ...]) -> object:
    for key in path:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _lines_of_checks(side: tuple[Line, ...]) -> set[int]:
    """Lines in a section that belongs to a check, as far as the text shows it."""
    found: set[int] = set()
    inside = False
    for line in side:
        if _TOOL_SECTION.match(line.text):
            inside = True
        elif line.first or _OTHER_SECTION.match(line.text):
            inside = False
        if inside:
            found.add(line.number)
    return found


def _sets_check(change: Change, text: str) -> bool:
    name = change.path.rsplit("/", 1)[-1].lower()
    if name.endswith(".xml") or "gradle" in name:
        return bool(_XML_CHECK.search(text))
    if name == "setup.py":
        return False
    return bool(_CHECK_KEY.match(text) or (name == "package.json" and _SCRIPT_KEY.match(text)))


_SCRIPT_NAME = re.compile(r"^\s*(\"(?!pre|post)[\w:.-]+\")\s*:")


def _new_script(change: Change, line: Line) -> bool:
    """A script of a name that nothing had: what runs now runs as before."""
    if not (_SCRIPT_KEY.match(line.bare) and (match := _SCRIPT_NAME.match(line.bare))):
        return False
    lines = [other for side in (change.before, change.after) for other in side if match[1] in other.text]
    return change.old_text is not None and len(lines) == 1


def _elsewhere(change: Change, text: str) -> bool:
    squeezed = "".join(text.split()).rstrip(",")
    sides = [
        {"".join(line.bare.split()).rstrip(",") for line in side} for side in (change.added, change.removed)
    ]
    return all(squeezed in side for side in sides)


_RUNS_CHECKS = re.compile(
    r"\b(?:pytest|py\.test|unittest|tox|nox|jest|vitest|mocha|ava|karma|playwright|cypress"
    r"|eslint|tsc|prettier|biome|ruff|flake8|mypy|pyright|pylint|black|isort|coverage|bandit|"
    r"go\s+(?:test|vet|build)|golangci-lint|staticcheck|gofmt|cargo\s+(?:test|clippy|fmt|check"
    r"|build)|mvn|gradlew?|rspec|rubocop|phpunit|ctest|npm\s+(?:test|run|ci)|yarn\s+(?:test"
    r"|lint)|pnpm\s+(?:test|lint)|"
    r"make\s+(?:-\w+\s+[\w./-]+\s+)*(?:test|check|lint)|shellcheck|pre-commit)\b"
)
_TEST_PROGRAM = re.compile(r"(?:^|[\s@-])\./(?:[\w.-]+/)*(?:\w+[_-])?tests?(?:[_-]\w+)?(?:\.\w+)?(?=\s|$)")
_TARGET = re.compile(
    r"^\.?(?:PHONY:.*\b)?(?:test|tests|check|lint|ci|verify|coverage|typecheck|unit"
    r"|integration)[\w-]*\s*::?(?!=)"
)


def commands(case: Case) -> Iterator[Remark]:
    """Scripts that run the checks, changed so that they run something else."""
    yield from makefiles.replaced(case)
    for change in case.changes:
        if not places.is_script(change.path) or places.is_pipeline(change.path) or change.same_values:
            continue
        if change.is_unread and not places.is_code(change.diff.moved_to):
            yield Remark(change.path, 0, f"{_UNREAD}, and may run checks")
            continue
        yield from shells.shims(change)
        old = Counter("".join(line.bare.split()) for line in change.removed)
        new = Counter("".join(line.bare.split()) for line in change.added)
        asks_for_more = stricter_lines(change) | makefiles.grown(change)
        for line in change.removed:
            if id(line) in asks_for_more:
                continue
            if (
                _RUNS_CHECKS.search(spelled_out(line.bare))
                or _TEST_PROGRAM.search(line.bare)
                or _TARGET.match(line.bare)
            ) and old["".join(line.bare.split())] > new["".join(line.bare.split())]:
                yield Remark(
                    change.path,
                    line.number,
                    f"a command that runs checks is changed: {line.text.strip()[:80]}",
                )
                break


def pipelines(case: Case) -> Iterator[Remark]:
    """CI definitions of any system, hooks, and who has to agree to changes."""
    for change in case.changes:
        if only_newer_hooks(change):
            continue
        if any(places.is_pipeline(path) for path in (change.diff.old_path, change.diff.new_path) if path):
            yield Remark(change.path, _first_change(change), "this decides what CI runs, or who must agree")


_ALLOWED = re.compile(
    r"^\s*-?\s*[\"']?(?:continue-on-error|continueOnError|allow_failure|allow-failure"
    r"|allowFailure|fail-fast|fast_finish|allow_failures|soft_fail|failure:\s*ignore"
    r"|ignore_failure|experimental)[\"']?\s*:\s*(?!false\b)"
    r"|\bcatchError\b|\bwarnError\b|\bwhen:\s*(?:never|manual)\b|^\s*if:\s*(?:false"
    r"|\$\{\{\s*false)|\bbuildResult:\s*'SUCCESS'"
)


def allowed_failures(case: Case) -> Iterator[Remark]:
    """CI steps whose failure would not count, wherever they are written."""
    for change in case.changes:
        if change.language not in {"hash", "java"}:
            continue
        yield from steps.unheeded(change)
        for line in change.added:
            if _ALLOWED.search(line.bare):
                yield Remark(
                    change.path, line.number, f"a failing step would not count: {line.text.strip()[:80]}"
                )
