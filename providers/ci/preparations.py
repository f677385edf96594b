"""What a job installs before it does its work, read from its commands.

Only the files that decide it are kept (:class:`~patchpilot.fixes.Preparation`): the commands themselves are a
repository's and never run with network. ``go test``, ``cargo test``, ``uv run``, Maven and Gradle install by
themselves, so they count too.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from patchpilot.fixes import Preparation
from providers.ci.overrides import has_plain_file
from providers.ci.recipe import Run

_MAX_SCRIPT = 20_000
"""Characters of a script that are read; the rest of a longer one says nothing new."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_PREFIXES = {"sudo", "time", "exec", "env", "then", "do", "else", "!", "{", "corepack", "command", "if"}
_WITH_VALUE = {
    "--constraint", "--cwd", "--dir", "--directory", "--editable", "--extra", "--extra-index-url",
    "--extras", "--features", "--file", "--filter", "--find-links", "--group", "--index-url",
    "--manifest-path", "--no-group", "--only", "--only-group", "--package", "--prefix", "--project",
    "--project-dir", "--python", "--requirement", "--target", "--with", "--without", "-C", "-E",
    "-c", "-e", "-f", "-i", "-p", "-r", "-t",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a program, taken apart."""

    tree: Path
    folder: str
    words: tuple[str, ...]
    options: Mapping[str, list[str]] = field(default_factory=dict)

    def values(self, *names: str) -> list[str]:
        return [value for name in names for value in self.options.get(name, [])]

    def moved(self, *names: str) -> str:
        """The folder in which it works, as an option may say."""
        chosen = [value for value in self.values(*names) if value]
        return _below(self.folder, chosen[-1]) if chosen else self.folder

    def there(self, folder: str, *names: str) -> list[str]:
        paths = (posixpath.normpath(posixpath.join(folder, name)) for name in names)
        return [path for path in paths if has_plain_file(self.tree, path)]

    def nearest(self, folder: str, *names: str) -> tuple[str, str]:
        """The first of the files that is in the folder or anywhere above it: its folder and its path."""
        above = [folder]
        while above[-1] not in {".", ""}:
            above.append(posixpath.dirname(above[-1]) or ".")
        for name in names:
            for place in above:
                for path in self.there(place, name):
                    return place, path
        return "", ""


def preparations(tree: Path, runs: Iterable[Run]) -> tuple[Preparation, ...]:
    """All that these commands install, in order, each manager once per folder."""
    found: dict[tuple[str, str], Preparation] = {}
    for run in runs:
        for call in _calls(tree, run):
            for one in _installed(call):
                key = (one.manager, one.workdir)
                found[key] = _merged(found[key], one) if key in found else one
    return tuple(found.values())


def language_of(script: str) -> str:
    """The language whose tools a script calls first; empty where none is known."""
    for words, _ in _commands(script, "."):
        for word in words[:4]:
            language = _LANGUAGES.get(word.rpartition("/")[2])
            if language:
                return language
    return ""


_LANGUAGES = {
    **dict.fromkeys(("python", "python3", "pip", "pytest", "tox", "nox", "uv", "poetry", "ruff"), "python"),
    **dict.fromkeys(("black", "flake8", "pylint", "isort", "pre-commit", "mypy", "pyright"), "python"),
    **dict.fromkeys(("npm", "npx", "pnpm", "yarn", "node", "jest", "vitest", "eslint", "tsc"), "node"),
    **dict.fromkeys(("go", "gofmt", "golangci-lint", "gotestsum"), "go"),
    **dict.fromkeys(("cargo", "rustc", "rustfmt"), "rust"),
    **dict.fromkeys(("mvn", "mvnw", "gradle", "gradlew", "java", "javac"), "java"),
    **dict.fromkeys(("bundle", "rake", "rspec", "ruby", "rubocop"), "ruby"),
}  # fmt: skip


def _merged(one: Preparation, other: Preparation) -> Preparation:
    return Preparation(
        manager=one.manager,
        manifests=tuple(dict.fromkeys((*one.manifests, *other.manifests))),
        workdir=one.workdir,
        groups=tuple(dict.fromkeys((*one.groups, *other.groups))),
    )


def _calls(tree: Path, run: Run) -> Iterator[_Call]:
    for words, folder in _commands(run.script, run.folder):
        positional, options = _taken_apart(words)
        yield _Call(tree, folder, tuple(positional), options)


def _commands(script: str, folder: str) -> Iterator[tuple[list[str], str]]:
    """Each simple command of a script with the folder it runs in, as far as ``cd`` tells."""
    outer: list[str] = []
    here = folder
    for line in re.sub(r"\\\r?\n[ \t]*", " ", script[:_MAX_SCRIPT]).split("\n"):
        words: list[str] = []
        for token in [*_tokens(line), ";"]:
            if not set(token) <= set("();<>|&"):
                words.append(token)
                continue
            words = _without_prefixes(words)
            if words[:1] in (["cd"], ["pushd"]) and len(words) > 1:
                here = _below(here, words[-1])
            elif words:
                yield words, here
            words = []
            if token == "(":  # noqa: S105 - a bracket, no secret
                outer.append(here)
            elif token.startswith(")") and outer:
                here = outer.pop()


def _tokens(line: str) -> list[str]:
    if line.lstrip().startswith("#"):
        return []
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ""
    try:
        return list(reader)
    except ValueError:  # a quotation that goes on in the next line
        return []


def _without_prefixes(words: list[str]) -> list[str]:
    while words and (words[0] in _PREFIXES or _ASSIGNMENT.fullmatch(words[0])):
        words = words[1:]
    return words


def _taken_apart(words: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    positional: list[str] = []
    options: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            positional.append(word)
        elif equals and word.startswith("--"):
            options.setdefault(name, []).append(value)
        elif word in _WITH_VALUE:
            options.setdefault(word, []).append(next(rest, ""))
        elif re.fullmatch(r"-[rceE][^-].*", word):
            options.setdefault(word[:2], []).append(word[2:])
        else:
            options.setdefault(word, [])
    return positional, options


def _below(folder: str, step: str) -> str:
    """The folder after ``cd step``; where that leaves the checkout or can't be known, no folder at all."""
    way = posixpath.normpath(posixpath.join(folder, step.replace("$CI_PROJECT_DIR", ".")))
    unknown = step.startswith(("/", "~", "-")) or "$" in way or way.startswith("..")
    return "\0" if unknown or "\0" in folder else way


def _installed(call: _Call) -> Iterator[Preparation]:
    words = call.words
    if not words or "\0" in call.folder:
        return
    program = words[0].rpartition("/")[2]
    if re.fullmatch(r"python[\d.]*", program) and "-m" in call.options and len(words) > 1:
        words, program = words[1:], words[1]
    if program in {"sh", "bash"} and len(words) > 1 and words[1].rpartition("/")[2] in _WRAPPERS:
        words, program = words[1:], words[1].rpartition("/")[2]
    reader = _READERS.get(re.sub(r"^pip[\d.]+$", "pip", program))
    if reader is not None:
        yield from reader(call, words[1:])


def _pip(call: _Call, words: Sequence[str]) -> Iterator[Preparation]:
    if words[:1] not in (["install"], ["sync"], ("install",), ("sync",)):
        return
    listed = [*call.values("-r", "--requirement"), *(words[1:] if words[0] == "sync" else ())]
    files = call.there(call.folder, *call.values("-c", "--constraint"), *listed)
    groups = call.values("--group", "--extra")
    projects = [*call.values("-e", "--editable"), *(words[1:] if words[0] == "install" else ())]
    if files:
        yield Preparation(
            manager="pip", manifests=tuple(dict.fromkeys(files)), workdir=call.folder, groups=tuple(groups)
        )
    for project in projects:
        way, _, extras = project.partition("[")
        if way != "." and not way.startswith(("./", "../")) and "/" not in way:
            continue
        folder = _below(call.folder, way)
        found = call.there(folder, "pyproject.toml", "setup.cfg", "setup.py") if "\0" not in folder else []
        if found:
            asked = [name.strip() for name in extras.rstrip("]").split(",") if name.strip()]
            yield Preparation(manager="pip", manifests=tuple(found), workdir=folder, groups=(*asked, *groups))


def _uv(call: _Call, words: Sequence[str]) -> Iterator[Preparation]:
    if words[:1] == ("pip",):
        yield from _pip(call, words[1:])
    elif words[:1] in (("sync",), ("run",)):
        flags = [flag for flag in ("--all-extras", "--all-groups", "--dev") if flag in call.options]
        groups = [*call.values("--extra", "--group", "--only-group"), *flags]
        folder = call.moved("--directory", "--project")
        yield from _locked(call, "uv", folder, ("uv.lock",), ("pyproject.toml",), groups)


def _poetry(call: _Call, words: Sequence[str]) -> Iterator[Preparation]:
    if words[:1] not in (("install",), ("sync",)):
        return
    named = call.values("--with", "--only", "-E", "--extras")
    groups = [name for text in named for name in re.split(r"[,\s]+", text) if name]
    groups += [flag for flag in ("--all-extras", "--all-groups") if flag in call.options]
    folder = call.moved("-C", "--directory", "--project")
    yield from _locked(call, "poetry", folder, ("poetry.lock",), ("pyproject.toml",), groups)


def _node(manager: str, *locks: str) -> Callable[[_Call, Sequence[str]], Iterator[Preparation]]:
    def read(call: _Call, words: Sequence[str]) -> Iterator[Preparation]:
        installs = words[0] in {"ci", "i", "install", "clean-install"} if words else manager == "yarn"
        if installs and not {"-g", "--global"} & set(call.options):
            folder = call.moved("--prefix", "-C", "--dir", "--cwd")
            yield from _locked(call, manager, folder, locks, ("package.json",))

    return read


def _go(call: _Call, words: Sequence[str]) -> Iterator[Preparation]:
    if words and words[0] in {"mod", "get", "test", "build", "vet", "run", "generate", "list", "install"}:
        yield from _locked(call, "go", call.moved("-C"), ("go.sum", "go.mod"), ("go.mod", "go.work"))


def _cargo(call: _Call, words: Sequence[str]) -> Iterator[Preparation]:
    if not words or words[0] in {"fmt", "install", "new", "init"}:
        return
    named = call.values("--manifest-path")
    folder = _below(call.folder, posixpath.dirname(named[-1]) or ".") if named else call.folder
    yield from _locked(call, "cargo", folder, ("Cargo.lock", "Cargo.toml"), ("Cargo.toml",))


def _maven(call: _Call, _: Sequence[str]) -> Iterator[Preparation]:
    named = call.values("-f", "--file")
    way = posixpath.dirname(named[-1]) if named and named[-1].endswith(".xml") else "".join(named[-1:])
    yield from _locked(call, "maven", _below(call.folder, way or "."), ("pom.xml",), ())


def _gradle(call: _Call, _: Sequence[str]) -> Iterator[Preparation]:
    yield from _locked(
        call,
        "gradle",
        call.moved("-p", "--project-dir"),
        ("gradle.lockfile", "settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"),
        (
            "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradle.properties",
            "gradle/libs.versions.toml", "gradle/wrapper/gradle-wrapper.properties",
        ),
    )  # fmt: skip


_WRAPPERS = frozenset({"mvnw", "gradlew"})
"""Scripts that need no right to be run where a shell is told to."""
_READERS: dict[str, Callable[[_Call, Sequence[str]], Iterator[Preparation]]] = {
    "pip": _pip,
    "uv": _uv,
    "poetry": _poetry,
    "npm": _node("npm", "package-lock.json", "npm-shrinkwrap.json"),
    "pnpm": _node("pnpm", "pnpm-lock.yaml"),
    "yarn": _node("yarn", "yarn.lock"),
    "go": _go,
    "cargo": _cargo,
    "mvn": _maven,
    "mvnw": _maven,
    "gradle": _gradle,
    "gradlew": _gradle,
}


def _locked(
    call: _Call,
    manager: str,
    folder: str,
    locks: Sequence[str],
    others: Sequence[str],
    groups: Sequence[str] = (),
) -> Iterator[Preparation]:
    """The nearest lock file, as a workspace has one at its root, with the manifests beside it and below."""
    if "\0" in folder:
        return
    root, lock = call.nearest(folder, *locks)
    workdir = root or folder
    manifests = [lock] if lock else []
    manifests += [*call.there(workdir, *others), *call.there(folder, *others)]
    if manifests:
        kept = tuple(dict.fromkeys(manifests))
        yield Preparation(manager=manager, manifests=kept, workdir=workdir, groups=tuple(groups))
