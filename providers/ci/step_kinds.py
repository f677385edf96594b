"""What a step's script is for, judged by the programs it calls.

A sandbox has no network, so *set-up* (installing things) can't be replayed; its results are in the image.
*Build* steps make what later steps need and are replayed before the failing one. *Checks* say red or green.
Of these, *tests* run the code and are the best wider suite. A script that does several of these things is
the most telling of them: test, then check, set-up, build.
"""

from __future__ import annotations

import enum
import re


class StepKind(enum.Enum):
    """What a step is for."""

    SET_UP = "set-up"
    BUILD = "build"
    CHECK = "check"
    TEST = "test"
    OTHER = "other"


_OPTIONS = (
    r"(?:--(?:python|with|from|group|only-group|no-group|extra|package|index|directory|project)\s+[^\s-]\S*\s+"
    r"|-p\s+[^\s-]\S*\s+|-[\w-]+(?:=\S+)?\s+)*"
)
_RUNNER = (
    rf"(?:(?:(?:uv|poetry|pipenv|pdm|hatch|rye|bundle)\s+(?:run|exec)|uvx|uv\s+tool\s+run|pipx\s+run)\s+{_OPTIONS}"
    r"|(?:npx|(?:pnpm|yarn)(?:\s+(?:exec|dlx))?)\s+(?:-[\w-]+\s+)*"
    r"|python[\d.]*\s+-(?:[bBEIOsSuvx]+\s+-)*m\s+|coverage\s+run\s+(?:-m\s+)?){0,3}"
)
_PREFIX = r"(?:^|[;&|(]|\b(?:then|do|else|sudo|time|exec|env)\s)[ \t]*(?:[A-Z_][A-Z0-9_]*=\S*\s+)*" + _RUNNER
_NODE = r"(?:npm|pnpm|yarn|bun)\s+(?:run\s+|run-script\s+)?(?:-[\w-]+\s+)*"

_TEST = re.compile(
    _PREFIX
    + r"(?:pytest|py\.test|unittest|nose2?|tox|nox|trial|ward|behave|manage\.py\s+test|django-admin\s+test"
    r"|\S*manage\.py\s+test|jest|vitest|mocha|ava|karma|cypress\s+run|playwright\s+test"
    rf"|{_NODE}(?:t|test|tests|unit|e2e|spec)(?=[\s:;&|)]|$)"
    r"|go\s+test|gotestsum|cargo\s+(?:nextest|test|tarpaulin|llvm-cov)|ctest|rspec|rake\s+(?:test|spec)"
    r"|(?:\./)?(?:gradlew|mvnw|gradle|mvn)\b[^\n;&|]*\b(?:test|check|verify|integrationTest)\b"
    r"|phpunit|\S*/phpunit|pest|composer\s+test|dotnet\s+test|swift\s+test|mix\s+test|bats|prove|zig\s+build\s+test"
    r"|make\b[^\n;&|]*\b(?:test|tests|check|unit|ci|unittest)\b"
    r"|just\s+(?:test|check|ci)|task\s+(?:test|check)|\S*(?:run[-_]?tests?|test)\.sh)\b",
    re.MULTILINE,
)
_CHECK = re.compile(
    _PREFIX
    + r"(?:ruff|flake8|pylint|pycodestyle|pydocstyle|black|isort|mypy|pyright|pyre|bandit|codespell|yamllint"
    r"|pre-commit|lint-imports|vulture|interrogate|tsc|eslint|prettier|biome|stylelint|oxlint|xo|standard"
    rf"|{_NODE}(?:lint|format|fmt|check|typecheck|type-check|types|tsc|prettier|eslint)[\w:.-]*"
    r"|golangci-lint|staticcheck|gofmt|go\s+vet|cargo\s+(?:fmt|clippy|check|deny)|clippy"
    r"|rubocop|phpstan|psalm|php-cs-fixer|shellcheck|shfmt|hadolint|actionlint|typos|clang-format|clang-tidy"
    r"|\S*/(?:phpstan|psalm|php-cs-fixer)|ktlint|detekt|checkstyle|spotless\w*|dotnet\s+format|mix\s+format"
    r"|make\b[^\n;&|]*\b(?:lint|format|fmt|typecheck|types|mypy|style)\b|just\s+(?:lint|fmt|typecheck))(?![\w-])",
    re.MULTILINE,
)
_BUILD = re.compile(
    _PREFIX
    + rf"(?:{_NODE}(?:build|compile|generate|codegen)[\w:.-]*|cmake|make|ninja|meson|configure|\./configure"
    r"|autoreconf|go\s+(?:build|generate)|cargo\s+build|tsc|webpack|rollup|vite\s+build|build|setup\.py\s+build\w*"
    r"|(?:\./)?(?:gradlew|mvnw|gradle|mvn)\b|dotnet\s+build|swift\s+build|mix\s+compile|protoc|buf\s+generate"
    r"|sphinx-build|mkdocs|bazel\s+build|zig\s+build)(?![\w-])",
    re.MULTILINE,
)
_SET_UP = re.compile(
    _PREFIX + r"(?:pip[\d.]*\s+(?:install|download)|uv\s+(?:sync|pip|venv|tool|python)|pipx"
    r"|poetry\s+(?:install|config)"
    r"|pipenv\s+(?:install|sync)|pdm\s+(?:install|sync)|hatch\s+env|conda|mamba|venv|virtualenv|ensurepip"
    r"|(?:npm|pnpm|bun)\s+(?:ci|i|install|add)|yarn(?:\s+(?:install|add)|\s*$)|corepack"
    r"|bundle\s+install|gem\s+install|composer\s+install|go\s+(?:mod\s+download|install|get)|cargo\s+(?:install|fetch)"
    r"|rustup|apt(?:-get)?|apk|dnf|yum|brew|choco|snap|curl|wget|git\s+(?:clone|submodule|fetch)|docker|docker-compose"
    r"|dotnet\s+restore|mix\s+deps\.get|playwright\s+install|pre-commit\s+install"
    r"|(?:source|\.)\s+\S*(?:bin/activate|nvm\.sh)|nvm\s+\w+|(?:\./)?codecov\w*|coveralls)(?![\w-])",
    re.MULTILINE,
)


_BY_LOCK = re.compile(
    _PREFIX + r"(?:npm\s+(?:(?:--prefix|-C|-w|--workspace)\s+\S+\s+|-[\w-]+(?:=\S+)?\s+)*"
    r"(?:ci|clean-install)(?![\w-])"
    r"|pnpm\s+(?:(?:--filter|-F|-C|--dir)\s+\S+\s+|-[\w-]+(?:=\S+)?\s+)*(?:i|install)"
    r"(?:[ \t]+(?:(?:--filter|-F|-C|--dir)[ \t]+[^\s;&|]+|-(?!g\b|-global\b|[DEOP]\b|-save)[\w-]+(?:=\S+)?))*"
    r"[ \t]*(?=$|[;&|)#]|\d?>)"
    r"|uv\s+(?:(?:--project|--directory)\s+\S+\s+)?sync\b[^\n;&|]*\s--locked(?![\w-]))",
    re.MULTILINE,
)
"""Installs what a lock file says and nothing else; says what is wrong with it before anything is fetched."""

_EXPRESSION = re.compile(r"\$\{\{[^{}]{0,200}\}\}")
"""What GitHub puts a value in for, blanks within: one word to whoever looks at the programs."""
_OPENS_BLOCK = re.compile(r"(?:\b(?:then|do|else)|[{(])[ \t]*$")


def kind_of(script: str) -> StepKind:
    """Judge a script; comments don't count, and a continued line counts as one."""
    # The cut bounds the time that a hostile script can cost.
    code = _EXPRESSION.sub("x", _joined(script)[:8_000])
    if _TEST.search(code):
        return StepKind.TEST
    if _CHECK.search(code):
        return StepKind.CHECK
    if _SET_UP.search(code):
        return StepKind.SET_UP
    return StepKind.BUILD if _BUILD.search(code) else StepKind.OTHER


def without_set_up(script: str, *, by_lock: bool = False) -> str:
    """Drop the commands that only install something; empty where nothing else is left.

    ``pip install -r requirements.txt && pytest`` becomes ``pytest``. A script without such commands comes
    back unchanged, to the byte. With ``by_lock``, those stay that a lock file out of step ends (``npm ci``).
    """
    lines = _joined(script).split("\n")
    kept = []
    for line in lines:
        parts = line.split(" && ")
        wanted = [
            part
            for part in parts
            if kind_of(part) is not StepKind.SET_UP or (by_lock and installs_by_lock(part))
        ]
        if len(wanted) == len(parts):
            kept.append(line)
        elif wanted:
            kept.append(" && ".join(wanted))
        elif kept and _OPENS_BLOCK.search(kept[-1]):
            kept.append(":")  # a block may not be empty
    if len(kept) == len(lines) and kept == lines:
        return script
    return "\n".join(kept).strip()


def installs_by_lock(script: str) -> bool:
    """Whether a lock file that is out of step with its manifest ends the script."""
    return bool(_BY_LOCK.search(_joined(script)[:8_000]))


def _joined(script: str) -> str:
    code = re.sub(r"\\\r?\n[ \t]*", " ", script)
    return re.sub(r"(?m)^[ \t]*#.*$", "", code)
