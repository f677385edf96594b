"""Commands of a shell script that stand there as before, but no longer run, or run something else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from agent.guard import places
from agent.guard.case import Change, Remark
from agent.guard.lines import Line

CHECKERS = (
    r"pytest|py\.test|unittest|tox|nox|jest|vitest|mocha|karma|playwright|cypress|eslint|tsc|prettier|biome|stylelint"
    r"|ruff|flake8|mypy|pyright|basedpyright|pylint|black|isort|bandit|coverage|golangci-lint|staticcheck|gofmt|cargo"
    r"|mvn|gradle|gradlew|rspec|rubocop|phpunit|phpstan|psalm|ctest|shellcheck|pre-commit|npm|pnpm|yarn|go|make"
)
"""Programs that check something, by the names under which they are called."""
_SHELL = re.compile(r"\.(?:sh|bash|zsh|ksh)$|(?:^|/)(?:bin|scripts?|tools|ci|hack)/[\w-]+$|(?:^|/)[\w-]+$")
_NO_SHELL = re.compile(r"(?:^|/)(?:gnu)?(?:makefile|justfile|rakefile|dockerfile|procfile|gemfile)[^/]*$")


def dodged(change: Change) -> Iterator[Remark]:
    """Ways in which a script ends before its commands, or steps around them."""
    name = change.path.lower()
    if (
        not places.is_script(name)
        or not _SHELL.search(name)
        or _NO_SHELL.search(name)
        or change.is_deleted
        or change.is_new
    ):
        return
    stood = {line.text.strip() for line in change.removed}
    called = Counter(word for line in change.after for word in {*_WORD.findall(line.bare)})
    yield from _status_lost(change)
    for at, line in enumerate(change.after):
        if line.changed and (why := _why(change.after, at, stood, called)):
            yield Remark(change.path, line.number, f"{why}: {line.text.strip()[:80]}")


def _status_lost(change: Change) -> Iterator[Remark]:
    """The script ended with a status that it had gathered, and ends with that of its last command now."""
    gone = next((line for line in change.removed if _GATHERED.match(line.bare)), None)
    if gone is not None and not any(_ENDS.search(line.bare) for line in change.added):
        yield Remark(change.path, gone.number, f"the exit status is dropped: {gone.text.strip()[:80]}")


_GATHERED = re.compile(r"^exit\s+[\"']?\$\{?[A-Za-z_]")
_ENDS = re.compile(r"\b(?:exit|return|exec|false|set\s+-\w*e)\b")


def _why(side: Sequence[Line], at: int, stood: set[str], called: Counter[str]) -> str:
    text = side[at].bare
    if (_EXEC.match(text) and _goes_on(side, at, stood)) or _NO_EXEC.match(text) or _NEVER.match(text):
        return "what follows is never run"
    if (match := _NEGATED.match(text)) and match[1].strip() in stood:
        return "a command's failure no longer counts"
    if (match := _HERE.search(text)) and not _RUNS_IT.search(text):
        end = match["end"]
        inside = _until(side, at, lambda line: line.text.strip() == end)
        return "commands become a text" if _holds(inside, stood) else ""
    if match := _FUNCTION.match(text):
        indent = side[at].indent
        body = _until(side, at, lambda line: line.bare.strip().startswith("}") and line.indent <= indent)
        if _holds(body, stood) and called[match["name"]] <= 1 and not _CALLS_ANY & called.keys():
            return "the commands are in a function now that nothing calls"
    return ""


_EXEC = re.compile(r"^exec\s+(?![<>&\d])\S")
_NEVER = re.compile(
    r"^\s*(?:if|while|elif)\s+(?:false|!\s*(?:true|:)|\(\(\s*0\s*\)\)|\[\[?\s*(?:[\"']?0[\"']?\s+-(?:eq|gt)\s+1"
    r"|[\"']?\w*[\"']?\s*==?\s*[\"']never[\"']|-n\s+(?:\"\"|''))\s*\]\]?)\s*(?:;|$)|^\s*false\s*&&|^\s*true\s*\|\|"
)
_NO_EXEC = re.compile(r"^\s*set\s+-(?:[a-zA-Z]*n[a-zA-Z]*|o\s+noexec)\b")
_NEGATED = re.compile(r"^\s*@?!\s+(\S.*)$")
_HERE = re.compile(r"<<-?\s*\\?[\"']?(?P<end>\w+)[\"']?")
# The text is read by something that runs it.
_RUNS_IT = re.compile(
    r"\b(?:ba|z|k|da)?sh\b|\b(?:ssh|sudo|su|docker|podman|kubectl|python\d?|node|ruby|perl|psql|xargs|make)\b"
)
_FUNCTION = re.compile(r"^\s*(?:function\s+)?(?P<name>[A-Za-z_][\w-]*)\s*(?:\(\s*\))?\s*\{\s*$")
_PLAIN = re.compile(r"^\s*(?:#.*|[{}()]*|fi|done|esac|then|else|do|;;)\s*$")


def _goes_on(side: Sequence[Line], at: int, stood: set[str]) -> bool:
    """Commands that stood there before follow on the same level."""
    below = _until(side, at, lambda line: line.first)
    return _holds([line for line in below if not line.indent], stood)


def _until(side: Sequence[Line], at: int, ends: Callable[[Line], bool]) -> list[Line]:
    found: list[Line] = []
    for line in side[at + 1 : at + 1 + _FAR]:
        if line.first or ends(line):
            break
        found.append(line)
    return found


def _holds(inside: Sequence[Line], stood: set[str]) -> bool:
    """Among the lines are commands that were there before."""
    return any(
        not _PLAIN.match(line.text) and (not line.changed or line.text.strip() in stood) for line in inside
    )


# ``"$@"`` at the end of a script calls any function by its name.
_WORD = re.compile(r"[\w-]+|\$[@1]")
_CALLS_ANY = {"$@", "$1"}
_FAR = 500
"""Lines that are looked at from one place on."""


_ALIAS = re.compile(rf"^\s*alias\s+(?P<name>{CHECKERS})=(?P<means>.*)$")
_HASH = re.compile(rf"^\s*hash\s+-p\s+(?P<means>\S+)\s+(?P<name>{CHECKERS})\s*$")
_OWN = re.compile(rf"^\s*(?:function\s+)?(?P<name>{CHECKERS})\s*\(\s*\)\s*\{{?(?P<means>.*)$")
_PATH = re.compile(
    r"^\s*(?:[\w.-]+\s*:\s*)?(?:export\s+|env\s+)?PATH\s*[:?]?=\s*[\"']?"
    r"(?P<first>(?:\./|\$PWD\b|\$\{PWD\}|\$\((?:pwd|PWD|CURDIR|shell\s+pwd)\)|`pwd`|[A-Za-z_.])[^:\"']*):"
)
_INSTALLED = re.compile(
    r"(?:^|[/.])(?:node_modules|\.?venv|env|virtualenv|vendor|\.tox|\.nox|target|build|dist|\.cargo|\.local|\.bin|go)(?:/|$)"
)


def shims(change: Change) -> Iterator[Remark]:
    """Other programs by the names of those that check."""
    name = change.path.lower()
    if not places.is_script(name) or not any(_CALLS.search(line.bare) for line in change.after):
        return
    had = {line.text.strip() for line in change.before}
    for line in change.added:
        if line.text.strip() in had:
            continue
        other = _ALIAS.match(line.bare) or _HASH.match(line.bare) or _OWN.match(line.bare)
        if other and not re.search(rf"(?<![\w-]){re.escape(other['name'])}(?![\w-])", other["means"]):
            if other.re is not _OWN or not _calls_it(change, line, other["name"]):
                yield _shim(change, line)
        elif (first := _PATH.match(line.bare)) and not _INSTALLED.search(first["first"]):
            yield _shim(change, line)


_CALLS = re.compile(rf"(?<![\w./-])(?:{CHECKERS})(?=\s|$)")


def _shim(change: Change, line: Line) -> Remark:
    return Remark(change.path, line.number, f"a check may be another program now: {line.text.strip()[:80]}")


def _calls_it(change: Change, head: Line, name: str) -> bool:
    """The function of that name calls the program in the end."""
    if "}" in head.code:
        return False
    at = next(index for index, line in enumerate(change.after) if line is head)
    body = _until(change.after, at, lambda line: line.bare.strip().startswith("}"))
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line.bare) for line in body)
