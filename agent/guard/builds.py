"""The rule about build files and ignore lists.

By them tests are not built, warnings do not count and checks do not see files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.guard import jvm_builds
from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Line


@dataclass(frozen=True)
class _Kind:
    """Files of one kind, and what in them weakens a check: by standing there, or by being gone."""

    files: re.Pattern[str]
    come: re.Pattern[str] | None = None
    gone: re.Pattern[str] | None = None
    any_change: bool = False


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts))


_STRICT_FLAGS = (
    r"-Werror\b|/WX\b|-Wall\b|-Wextra\b|-W(?:pedantic|conversion|shadow)\b|-fsanitize=\S+|-D(?:eny)?\s*warnings"
    r"|-Xlint:all|-Xfatal-warnings|--fatal-warnings|TreatWarningsAsErrors>true"
)
_KINDS = (
    _Kind(
        _any(r"(?:^|/)cmakelists\.txt$", r"\.cmake$"),
        _any(
            r"\bWILL_FAIL\s+(?:TRUE|ON|1)",
            r"\bDISABLED\s+(?:TRUE|ON|1)",
            r"-Wno-(?!error=)[\w-]+",
            r"\bSKIP_RETURN_CODE\b",
            r"^\s*return\s*\(\s*\)",
            r"\boption\s*\(\s*\w*TEST\w*.*\bOFF\s*\)",
            r"PASS_REGULAR_EXPRESSION",
            r"\badd_test\s*\(.*\bCOMMAND\s+(?:/\w+/)*(?:true|:|echo|\$\{CMAKE_COMMAND\}\s+-E\s+(?:true|echo))\b",
        ),
        _any(r"\b(?:add_test|enable_testing|gtest_discover_tests|catch_discover_tests)\s*\(", _STRICT_FLAGS),
    ),
    _Kind(
        _any(r"(?:^|/)(?:build|build\.bazel|module\.bazel|workspace)$", r"\.bzl$", r"(?:^|/)\.bazelrc$"),
        _any(
            r"tags\s*=.*[\"'](?:manual|notest|flaky|no-ci|local)[\"']",
            r"\bflaky\s*=\s*True",
            r"--(?:test_\w*filters?|flaky_test_attempts|runs_per_test|build_tests_only|keep_going|nocheck\w*)",
            r"\bargs\s*=.*--gtest_filter",
        ),
        _any(r"\b\w+_test(?:_suite)?\s*\(", _STRICT_FLAGS),
    ),
    _Kind(
        _any(r"(?:^|/)meson\.build$"),
        _any(r"should_fail\s*:\s*true", r"werror\s*=\s*false", r"warning_level\s*=\s*0"),
        _any(r"^\s*test\s*\(", r"werror\s*=\s*true", _STRICT_FLAGS),
    ),
    _Kind(
        _any(r"(?:^|/)[^/]*\.gradle(?:\.kts)?$"),
        _any(
            r"\bexclude\w*\s*\(?\s*[\"'][^\"']*(?:\*|[Tt]est|Spec)",
            r"\b(?:excludeTags|includeTags|excludeTestsMatching|excludeCategories|excludeEngines)\b",
            r"\b(?:enabled|isEnabled)\s*=\s*false",
            r"\bonlyIf\s*[({]",
            r"\bmaxRetries\b|\bmaxFailures\b|failOnPassedAfterRetry",
            r"\bfailOnNoDiscoveredTests\b|\bfailFast\b",
            r"\bincludeTestsMatching\b|\b(?:includeCategories|includeEngines|includeGroups|setIncludePatterns)\b",
            r"\bsetEnabled\s*\(\s*false|\bactions\s*(?:=\s*\[\s*\]|\.clear\b)|\bexcludedTaskNames\b",
            r"\benableAssertions\s*=\s*false|[\"'\s](?:-da|-disableassertions)\b|\bconditions\.deactivate\b",
            r"-Xlint:none|-nowarn|suppressWarnings",
        ),
        _any(r"\buseJUnitPlatform\b", r"\bfinalizedBy\b.*[jJ]acoco", _STRICT_FLAGS),
    ),
    _Kind(
        _any(r"(?:^|/)pom\.xml$"),
        _any(
            r"<(?:maven\.test\.failure\.ignore|testFailureIgnore|skipITs|maven\.test\.skip\.exec)>\s*true",
            r"<exclude>[^<]*(?:Test|Spec|IT)",
            r"<testExclude>",
            r"<(?:test|(?:in|ex)cludesFile|suiteXmlFile|skipAfterFailureCount)>\s*[^<\s]",
            r"<enableAssertions>\s*false|(?:>|\s)(?:-da|-disableassertions)\b|<phase>\s*none\b",
            r"<(?:surefire|failsafe)\.(?!(?:plugin\.)?version|useFile|useSystemClassLoader|forkCount|argLine)[\w.]+>|<it\.test>",
            # Where the tests in another language are by custom
            r"<testSourceDirectory>(?!\s*(?:\$\{[\w.]+\}/)?src/test/(?:java|kotlin|scala|groovy)/?\s*<)|<testClassesDirectory>",
            r"<(?:skipUTs|skipExec)>\s*true",
        ),
        _any(
            r"<goal>\s*(?:check|verify|enforce|test|integration-test|test-compile|testCompile)\s*<",
            r"<artifactId>\s*[\w.-]*(?:checkstyle|pmd|spotbugs|jacoco|surefire|failsafe|enforcer|spotless|errorprone)-\w*-?plugin\s*<",
            r"<module>[^<]+</module>",
            r"<packaging>\s*(?:jar|war|ear|bundle|maven-plugin)\s*<",
        ),
    ),
    _Kind(_any(r"(?:^|/)go\.work$"), gone=_any(r"^\s*(?:use\s+)?\./\S+")),
    _Kind(
        _any(r"(?:^|/)vite(?:st)?\.config\.[a-z]+$"),
        _any(r"\b(?:passWithNoTests|dangerouslyIgnoreUnhandledErrors)\b\s*:\s*(?!false\b)"),
    ),
    _Kind(
        _any(r"(?:^|/)(?:next|nuxt)\.config\.[a-z]+$"),
        _any(r"\b(?:ignoreBuildErrors|ignoreDuringBuilds)\s*:\s*(?!false\b)", r"\btypeCheck\s*:\s*false"),
    ),
    _Kind(
        _any(r"(?:^|/)cargo\.toml$"),
        _any(
            r"^\s*(?:autotests|autobenches|autoexamples|test|doctest|harness)\s*=\s*false",
            r"^\s*\[\[test\]\]",
            r"^\s*required-features\s*=",
        ),
    ),
    _Kind(
        _any(r"(?:^|/)\.cargo/config(?:\.toml)?$"),
        _any(r"--cap-lints", r"-A\s*\w|\"-A\"|allow", r"^\s*(?:runner|rustc-wrapper|test)\s*="),
        _any(_STRICT_FLAGS, r"-D\b"),
    ),
    _Kind(
        _any(
            r"(?:^|/)(?:gnu)?makefile$",
            r"\.mk$",
            r"(?:^|/)(?:configure(?:\.ac)?|sconstruct|wscript)$",
            r"\.csproj$",
            r"\.props$",
        ),
        _any(
            r"-D\s*NDEBUG\b",
            r"-Wno-(?!error=)[\w-]+",
            r"(?:^|\s)-w(?:\s|$)",
            r"<NoWarn>|<WarningLevel>0|<IsTestProject>false|<TreatWarningsAsErrors>false|<RunAnalyzers\w*>false"
            r"|<Nullable>(?:disable|annotations)|<EnforceCodeStyleInBuild>false|<EnableNETAnalyzers>false",
            r"^\s*(?:export\s+|override\s+)*SHELL\s*[:?]*=(?!.*(?:ba|z|da|k|a|/)sh\b)|^\s*MAKEFLAGS\s*[+:?]*=.*(?:\s-?\w*[ik]|--ignore|--keep)",
        ),
        _any(_STRICT_FLAGS),
    ),
    _Kind(
        _any(r"(?:^|/)gradle\.properties$", r"(?:^|/)\.mvn/(?:maven|jvm)\.config$"),
        _any(
            r"(?i)(?:\b|-D)skip\w*|^\s*(?:-fn|-fae|--fail-(?:never|at-end))\b|\borg\.gradle\.continue\s*=\s*true|\b(?:ignore\w*fail|fail\w*ignore)\w*"
        ),
    ),
    _Kind(
        _any(r"(?:^|/)rakefile$", r"\.rake$"),
        _any(r"\bfail_on_error\s*=\s*false", r"\bfailure_message\s*=", r"\bexclude_pattern\s*="),
        _any(r"\bfail_on_error\s*=\s*true"),
    ),
    _Kind(
        _any(r"(?:^|/)mix\.exs$"),
        _any(r"ignore_modules\s*:", r"test_(?:paths|pattern|ignore_filters)\s*:"),
        _any(r"threshold\s*:.*", r"warnings_as_errors\s*:\s*true"),
    ),
    _Kind(
        _any(
            r"(?:^|/)\.(?:git|docker|npm|eslint|prettier|rg|hg|helm|vercel|gcloud)ignore$",
            r"(?:^|/)manifest\.in$",
        ),
        _any(
            r"(?i)(?:^|[/*!._-])(?:tests?|specs?|__tests__|src|lib|app)(?:$|[/*._-])",
            r"\*\.(?:py|[cm]?[jt]sx?|go|java|kt|rs|rb|c|cc|cpp|cs|php)\s*$",
            r"^\s*\*\*?/?\s*$",
        ),
    ),
    _Kind(
        _any(
            r"(?:^|/)(?:nx|turbo|lerna|rush|bors|deny|\.?pytest|\.?bandit|\.?gitleaks|\.?semgrep|\.?typos|_typos)\.(?:json|toml|ya?ml)$",
            r"(?:^|/)(?:babel\.config\.[a-z]+|\.babelrc[^/]*|\.swcrc|\.trivyignore[^/]*|\.snyk|\.gitleaksignore|\.nsprc)$",
            r"(?:^|/)(?:\.audit-ci\.json|audit\.toml|osv-scanner\.toml|\.grype\.ya?ml|\.retireignore|knip\.jsonc?)$",
            r"(?:^|/)(?:\.python-version|\.tool-versions|\.nvmrc|\.node-version|\.ruby-version|\.java-version|mise\.toml)$",
            r"(?:^|/)[^/]*baseline[^/]*\.(?:json|txt|ya?ml|xml|neon|toml|csv)$|(?:^|/)\.\w+\.baseline$",
            r"(?:^|/)(?:[^/]*-suppressions\.(?:json|ya?ml|txt|xml)|\.coverage-threshold|jest\.resolver\.[a-z]+)$",
            r"(?:^|/)(?:rust-toolchain(?:\.toml)?|global\.json|earthfile|\.jestrc|wallaby\.[a-z]+|\.env\.test)$",
        ),
        any_change=True,
    ),
)
_TEST_OPTIONS = re.compile(
    r"\bPYTEST_ADDOPTS\b|\bPYTEST_PLUGINS\b|\bGOFLAGS\b|\bNODE_OPTIONS\b|\bPYTHONWARNINGS\b|\bRUSTFLAGS\b|\bMAVEN_OPTS\b"
    r"|\bPYTHONOPTIMIZE\b|\bCI\s*=|\bJAVA_TOOL_OPTIONS\b|\bINSTA_(?:UPDATE|FORCE_PASS)\b|\bUPDATE_(?:SNAPSHOTS?|GOLDENS?)\b"
)
_TASKS = re.compile(
    r"^\s*\"(?:(?:pre|post)?(?:test|lint|check|type-?check|ci|coverage|verify|analy[sz]e|stan|cs)(?:[:\-.]\w+)*)\"\s*:"
)
_PLUGIN = re.compile(r"\bpytest11\b|\bpytest\.plugins\b|^\s*pytest_plugins\b")


def is_build_file(path: str) -> bool:
    """It says what is built, run or looked at."""
    return any(kind.files.search(path.lower()) for kind in _KINDS)


def relaxed(case: Case) -> Iterator[Remark]:
    """Lines that weaken what is built, run or looked at."""
    for change in case.changes:
        if change.same_values:
            continue
        path = change.path.lower()
        for kind in _KINDS:
            if kind.files.search(path):
                yield from _judged(change, kind)
        for look in (jvm_builds.chosen_tests, jvm_builds.lost_tasks, jvm_builds.included_tests):
            yield from look(change)
        if path.rsplit("/", 1)[-1].startswith(".env") or path.endswith((".envrc", "dockerfile")):
            yield from _found(change, _TEST_OPTIONS, "options of a test runner or compiler are set here")
        if path.endswith(("composer.json", "deno.json", "deno.jsonc")):
            yield from _found(change, _TASKS, "a task that runs checks is changed")
        if _VITE.search(path):
            yield from _options_of_tests(change)
        if path.endswith(("setup.cfg", "setup.py", "pyproject.toml")):
            yield from _found(change, _PLUGIN, "a plug-in of the test runner is added")


_VITE = re.compile(r"(?:^|/)vite\.config\.[a-z]+$")
_VITE_NARROWS = re.compile(
    r"^\s*(?:exclude|include|testNamePattern|retry|bail|allowOnly|setupFiles|globalSetup|alias|runner)\s*:"
)
_BLOCK = re.compile(r"^\s*(?:[\"']?(\w+)[\"']?\s*:)?.*[{\[(]\s*$")


def _options_of_tests(change: Change) -> Iterator[Remark]:
    """The test runner's own options, which stand among those of the build tool below ``test``."""
    old = {"".join(line.text.split()).rstrip(",") for line in change.removed}
    for at, line in enumerate(change.after):
        if (
            not (line.changed and _VITE_NARROWS.match(line.bare))
            or "".join(line.text.split()).rstrip(",") in old
        ):
            continue
        if "test" in _blocks_around(change.after, at):
            yield Remark(change.path, line.number, f"this weakens a check: {line.text.strip()[:80]}")
            return


def _blocks_around(side: Sequence[Line], at: int) -> Iterator[str]:
    """Names of the blocks in which a line stands, as far as they can be seen."""
    indent = side[at].indent
    for line in reversed(side[:at]):
        if line.code.strip() and line.indent < indent:
            indent = line.indent
            if block := _BLOCK.match(line.code):
                yield block[1] or ""
        if line.first and indent > 0 and line.number > 1:
            yield "test"  # the block's name is out of sight, so the worst is assumed
        if line.first:
            return


def _judged(change: Change, kind: _Kind) -> Iterator[Remark]:
    if kind.any_change:
        touched = [line for line in (*change.added, *change.removed) if line.bare.strip()]
        if touched or change.is_deleted:
            number = touched[0].number if touched else 0
            yield Remark(change.path, number, "this file says what is checked, and with what")
        return
    if kind.come is not None:
        yield from _found(change, kind.come, "this weakens a check")
    if kind.gone is not None:
        old, new = (
            Counter(hit for line in side for hit in kind.gone.findall(line.bare))
            for side in (change.removed, change.added)
        )
        if lost := old - new:
            number = next(line.number for line in change.removed if kind.gone.search(line.bare))
            yield Remark(change.path, number, f"part of a check is gone: {next(iter(lost)).strip()[:60]}")


def _found(change: Change, pattern: re.Pattern[str], what: str) -> Iterator[Remark]:
    old = {"".join(line.text.split()) for line in change.removed}
    for line in change.added:
        if pattern.search(line.bare) and "".join(line.text.split()) not in old:
            yield Remark(change.path, line.number, f"{what}: {line.text.strip()[:80]}")
            return
