"""Projects of the languages that are detected: by which files they are known, and how they are tested.

One object a language; :mod:`providers.ci.detection` chooses among them.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from patchpilot.fixes import Toolchain
from providers.ci import python_lists
from providers.ci.project import Project

_MAX_TESTS = 20
"""Failing tests that are run by name; more are run as the whole suite."""


class Language(Protocol):
    """How projects of one language are known and tested."""

    @property
    def name(self) -> str: ...
    @property
    def suffixes(self) -> tuple[str, ...]: ...
    @property
    def tools(self) -> tuple[str, ...]:
        """Names of tools, as the log's reader gives them."""
        ...

    def has(self, project: Project) -> bool:
        """Whether the folder is such a project."""
        ...

    def tests(self, project: Project) -> str:
        """The command that runs all its tests, empty where none are to be seen."""
        ...

    def narrowed(self, project: Project, tests: Sequence[str]) -> str:
        """The command that runs these tests only, empty where that can't be said."""
        ...

    def check(self, project: Project, tool: str) -> str:
        """The command of a linter, formatter or type checker; empty for one that is not known."""
        ...

    def installs(self, project: Project, script: str) -> str:
        """What installs its dependencies, those that ``script`` needs too: only read, never run."""
        ...

    def toolchain(self, project: Project) -> Toolchain: ...


class _Python:
    name = "Python"
    suffixes = (".py", ".pyi")
    tools = ("pytest", "unittest", "ruff", "flake8", "black", "isort", "mypy", "pyright", "pylint", "python")
    _MARKS = (
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "pytest.ini",
        "requirements.txt",
        "manage.py",
    )
    _LISTS = (
        "requirements-dev.txt",
        "requirements-test.txt",
        "dev-requirements.txt",
        "test-requirements.txt",
        "requirements/dev.txt",
        "requirements/test.txt",
    )
    _CHECKS: ClassVar[Mapping[str, str]] = {
        "ruff": "ruff check .", "ruff format": "ruff format --check .", "flake8": "flake8",
        "black": "black --check .", "isort": "isort --check-only .", "pyright": "pyright",
    }  # fmt: skip

    def has(self, project: Project) -> bool:
        return project.has(*self._MARKS, *self._LISTS)

    def tests(self, project: Project) -> str:
        if self._uses_pytest(project):
            return "python -m pytest"
        if project.has("manage.py"):
            return "python manage.py test"
        folder = project.tree / project.folder
        for name in ("tests", "test", "."):
            place = folder / name
            if not place.is_symlink() and place.is_dir() and next(place.glob("test*.py"), None):
                return "python -m unittest discover" + (f" -s {name}" if name != "." else "")
        return ""

    def _uses_pytest(self, project: Project) -> bool:
        if project.has("pytest.ini", "conftest.py", "tests/conftest.py", "test/conftest.py"):
            return True
        files = ("pyproject.toml", "tox.ini", "setup.cfg", "setup.py", "requirements.txt")
        return any(re.search(r"\bpytest\b", project.read(name)) for name in (*files, *self._LISTS))

    def narrowed(self, project: Project, tests: Sequence[str]) -> str:
        plain = [test for test in tests if re.match(r"(?!-)[\w./-]+\.py(::|$)", test)]
        here = all(project.has(test.partition("::")[0]) for test in plain)
        if not self._uses_pytest(project) or not here or not _few(plain, tests):
            return ""
        return f"python -m pytest {shlex.join(plain)}"

    def check(self, project: Project, tool: str) -> str:
        if tool == "mypy":
            settings = project.read("mypy.ini") + project.read("setup.cfg") + project.read("pyproject.toml")
            # Without a path mypy wants its own settings to name one.
            named = re.search(r"^\s*(?:files|packages|modules)\s*=", settings, re.MULTILINE)
            return "mypy" if named and re.search(r"\[(?:tool\.)?mypy\]", settings) else "mypy ."
        return self._CHECKS.get(tool, "")

    def installs(self, project: Project, script: str) -> str:
        return python_lists.installs(project, script)

    def toolchain(self, project: Project) -> Toolchain:
        return Toolchain(language="python", version=project.version(".python-version", "pyproject.toml"))


class _Node:
    name = "Node"
    suffixes = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
    tools = ("jest", "vitest", "mocha", "eslint", "prettier", "tsc", "typescript", "npm", "node", "biome")
    _SCRIPTS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "eslint": ("lint", "eslint"), "prettier": ("format:check", "prettier", "check-format"),
        "tsc": ("typecheck", "type-check", "types", "tsc", "check-types"), "biome": ("lint", "check"),
    }  # fmt: skip
    _CALLS: ClassVar[Mapping[str, str]] = {
        "eslint": "npx eslint .", "prettier": "npx prettier --check .", "tsc": "npx tsc --noEmit",
        "biome": "npx biome check .",
    }  # fmt: skip

    def has(self, project: Project) -> bool:
        return project.has("package.json")

    def tests(self, project: Project) -> str:
        script = self._scripts(project).get("test", "")
        if not script or "no test specified" in script:
            return ""
        return f"{self._manager(project)} test"

    def narrowed(self, project: Project, tests: Sequence[str]) -> str:
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        runner = re.match(r"(?:jest|vitest(?:\s+run)?|mocha)\b", self._scripts(project).get("test", ""))
        plain = [
            file for file in files if file.endswith(self.suffixes) and file[:1] != "-" and project.has(file)
        ]
        if not runner or not _few(plain, files):
            return ""
        return f"npx {runner[0]} {shlex.join(plain)}"

    def check(self, project: Project, tool: str) -> str:
        tool = "tsc" if tool == "typescript" else tool
        scripts = self._scripts(project)
        for name in self._SCRIPTS.get(tool, ()):
            if tool in scripts.get(name, ""):
                return f"{self._manager(project)} run {name}"
        return self._CALLS.get(tool, "")

    def installs(self, project: Project, script: str) -> str:  # noqa: ARG002 - the same for all scripts
        return {"npm": "npm ci", "bun": "bun install"}.get(
            manager := self._manager(project), f"{manager} install"
        )

    def toolchain(self, project: Project) -> Toolchain:
        return Toolchain(language="node", version=project.version(".nvmrc", ".node-version", "package.json"))

    def _scripts(self, project: Project) -> dict[str, str]:
        try:
            content = json.loads(project.read("package.json") or "{}")
        except (ValueError, RecursionError):
            return {}
        scripts = content.get("scripts") if isinstance(content, dict) else None
        pairs = scripts.items() if isinstance(scripts, dict) else ()
        return {name: text for name, text in pairs if isinstance(text, str)}

    def _manager(self, project: Project) -> str:
        lock = project.above("pnpm-lock.yaml", "yarn.lock", "bun.lockb", "bun.lock", "package-lock.json")
        return {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"}.get(
            lock, "npm"
        )


class _Go:
    name = "Go"
    suffixes = (".go",)
    tools = ("go", "go test", "gofmt", "go vet", "golangci-lint")
    _CHECKS: ClassVar[Mapping[str, str]] = {
        "go vet": "go vet ./...",
        "golangci-lint": "golangci-lint run",
        "gofmt": 'test -z "$(gofmt -l . | tee /dev/stderr)"',
    }

    def has(self, project: Project) -> bool:
        return project.has("go.mod")

    def tests(self, project: Project) -> str:
        return "go test ./..." if self.has(project) else ""

    def narrowed(self, project: Project, tests: Sequence[str]) -> str:
        names = [found[0] for test in tests if (found := re.match(r"(?:Test|Example|Fuzz)\w*(?=/|$)", test))]
        chosen = list(dict.fromkeys(names))
        return (
            f"go test -run '^({'|'.join(chosen)})$' ./..." if self.has(project) and _few(names, tests) else ""
        )

    def check(self, project: Project, tool: str) -> str:
        return self._CHECKS.get(tool, "") if self.has(project) else ""

    def installs(self, project: Project, script: str) -> str:  # noqa: ARG002 - the same for all scripts
        return "go mod download" if self.has(project) else ""

    def toolchain(self, project: Project) -> Toolchain:
        return Toolchain(language="go", version=project.version("go.mod"))


class _Rust:
    name = "Rust"
    suffixes = (".rs",)
    tools = ("cargo", "rustc", "rustfmt", "clippy")
    _CHECKS: ClassVar[Mapping[str, str]] = {
        "rustfmt": "cargo fmt --all -- --check",
        "clippy": "cargo clippy --all-targets -- -D warnings",
    }

    def has(self, project: Project) -> bool:
        return project.has("Cargo.toml")

    def tests(self, project: Project) -> str:
        whole = "[workspace]" in project.read("Cargo.toml")
        return ("cargo test --workspace" if whole else "cargo test") if self.has(project) else ""

    def narrowed(self, project: Project, tests: Sequence[str]) -> str:
        names = [test for test in tests if re.fullmatch(r"[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*", test)]
        return f"{self.tests(project)} -- --exact {' '.join(names)}" if _few(names, tests) else ""

    def check(self, project: Project, tool: str) -> str:
        return self._CHECKS.get(tool, "") if self.has(project) else ""

    def installs(self, project: Project, script: str) -> str:  # noqa: ARG002 - the same for all scripts
        return "cargo fetch" if self.has(project) else ""

    def toolchain(self, project: Project) -> Toolchain:
        return Toolchain(language="rust", version=project.version("rust-toolchain.toml", "rust-toolchain"))


class _Java:
    name = "Java"
    suffixes = (".java", ".kt", ".kts", ".groovy", ".scala")
    tools = ("maven", "mvn", "gradle", "junit", "javac")
    _GRADLE = ("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts")

    def has(self, project: Project) -> bool:
        # A module of a bigger build is no project of its own: the wrapper or the settings stand at its root.
        root = project.has("pom.xml") and not self._is_module(project)
        return root or project.has("gradlew", "settings.gradle", "settings.gradle.kts") or (
            project.has(*self._GRADLE) and not project.above("settings.gradle", "settings.gradle.kts")
        )  # fmt: skip

    def _is_module(self, project: Project) -> bool:
        parent = posixpath.dirname(project.folder) or "."
        return project.folder != "." and Project(project.tree, parent).has("pom.xml")

    def tests(self, project: Project) -> str:
        if project.has("pom.xml"):
            return "sh ./mvnw -B test" if project.has("mvnw") else "mvn -B test"
        return "sh ./gradlew test" if project.has("gradlew") else "gradle test"

    def narrowed(self, project: Project, tests: Sequence[str]) -> str:
        names = [
            test for test in tests if re.fullmatch(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:[#.][a-z_]\w*)?", test)
        ]
        if not _few(names, tests):
            return ""
        if project.has("pom.xml"):
            wanted = ",".join(re.sub(r"\.(?=[a-z_]\w*$)", "#", name) for name in names)
            return f"{self.tests(project)} -Dtest='{wanted}' -Dsurefire.failIfNoSpecifiedTests=false"
        return f"{self.tests(project)} " + " ".join(f"--tests '{name.replace('#', '.')}'" for name in names)

    def check(self, project: Project, tool: str) -> str:  # noqa: ARG002 - the same for all languages
        return ""

    def installs(self, project: Project, script: str) -> str:  # noqa: ARG002 - the same for all scripts
        return self.tests(project)

    def toolchain(self, project: Project) -> Toolchain:
        pom = re.search(r"<(?:maven\.compiler\.release|java\.version)>(\d+)", project.read("pom.xml"))
        return Toolchain(language="java", version=pom[1] if pom else project.version(".java-version"))


LANGUAGES: tuple[Language, ...] = (_Python(), _Node(), _Go(), _Rust(), _Java())


def makefile_tests(project: Project) -> bool:
    """Whether its Makefile has a target ``test``."""
    text = "\n".join(project.read(name) for name in ("Makefile", "makefile", "GNUmakefile"))
    return re.search(r"^test\s*:(?!=)", text, re.MULTILINE) is not None


def _few(chosen: Sequence[str], named: Sequence[str]) -> bool:
    """All that are named can be chosen, and they are few enough for a command line."""
    return 0 < len(chosen) == len(named) <= _MAX_TESTS
