"""A name that is used and not imported, where the repository shows the one place that it comes from."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from agent.fixers.import_lines import with_import
from agent.fixers.modules import close_name, module_of, undefined_names
from agent.fixers.offers import Offer, Scene

_UNDEFINED = re.compile(
    r"NameError: name '([^\W\d]\w{0,100})' is not defined"
    r"|\bF821 [Uu]ndefined name [`']([^\W\d]\w{0,100})[`']"
    r"|error: Name \"([^\W\d]\w{0,100})\" is not defined"
    r"|error: \"([^\W\d]\w{0,100})\" is not defined"
    r"|E0602: Undefined variable '([^\W\d]\w{0,100})'"
)
_NOT_THERE = re.compile(
    r"ImportError: cannot import name '([^\W\d]\w{0,100})' from '([\w.]{1,200})'"
    r"|error: Module \"([\w.]{1,200})\" has no attribute \"([^\W\d]\w{0,100})\""
)
_MOST_FILES = 3_000


def missing_import(scene: Scene) -> Iterator[Offer]:
    """Import the name from where it is defined; correct an import that asks the wrong module for it."""
    if not scene.is_failing_step or len(scene.files) > _MOST_FILES:
        return
    text = scene.failure.text
    code = _Code(scene)
    for wanted in undefined_names(_UNDEFINED, text):
        yield from _offer(f"Import {wanted}", code.importing(wanted))
    for match in _NOT_THERE.finditer(text):
        name, module = (match[1], match[2]) if match[1] else (match[4], match[3])
        yield from _offer(f"Import {name} from where it is defined", code.redirected(name, module))


def _offer(summary: str, edits: dict[str, str]) -> Iterator[Offer]:
    if edits:
        yield Offer(name="import", summary=summary, edits=edits)


@dataclass(frozen=True)
class _Code:
    """The Python files of the tree."""

    scene: Scene
    _texts: dict[str, str] = field(default_factory=dict)
    _trees: dict[str, ast.Module] = field(default_factory=dict)

    @cached_property
    def modules(self) -> dict[str, str]:
        """Module names by path."""
        return {path: name for path in self.scene.files if (name := module_of(path, self.scene.folder))}

    def importing(self, name: str) -> dict[str, str]:
        """The files that use ``name`` unbound, with an import of it."""
        if name in dir(builtins):
            return {}
        users = [path for path in self._with(name) if _unbound(self._tree(path), name)]
        named = {place.path for place in self.scene.failure.files}
        users = [path for path in users if path in named] or users
        edits: dict[str, str] = {}
        for path in users:
            statement = self._statement(name, path)
            if statement is not None:
                own = {module.partition(".")[0] for module in self.modules.values()}
                edits[path] = with_import(self._text(path), self._tree(path), statement, own=own)
        return edits

    def redirected(self, name: str, module: str) -> dict[str, str]:
        """The files that ask ``module`` for a ``name`` which it does not define."""
        if module not in self.modules.values():
            return {}
        elsewhere = [where for where in self._defining(name, by="") if where != module]
        nearly = "" if elsewhere else close_name(name, sorted(self._defined_in(module)))
        edits: dict[str, str] = {}
        for path in self._with(name):
            text = self._text(path)
            for node in _imports_from(self._tree(path), name):
                if _absolute(node, self.modules.get(path, ""), path) != module:
                    continue
                if len(elsewhere) == 1:
                    edits[path] = _moved(text, node, name, elsewhere[0])
                elif nearly:
                    edits[path] = re.sub(rf"(?<![\w.'\"]){re.escape(name)}\b", nearly, text)
        return edits

    def _statement(self, name: str, path: str) -> ast.ImportFrom | ast.Import | None:
        """What to write into ``path``; ``None`` unless exactly one thing can be meant."""
        sources = self._defining(name, by=path)
        as_module = [module for module in self.modules.values() if module.rsplit(".", 1)[-1] == name]
        if len(sources) == 1 and not as_module:
            return ast.ImportFrom(module=self._spelled(sources[0], path), names=[ast.alias(name)], level=0)
        if not sources and len(as_module) == 1 and _only_for_attributes(self._tree(path), name):
            parent = as_module[0].rpartition(".")[0]
            alias = [ast.alias(name)]
            return ast.ImportFrom(module=parent, names=alias, level=0) if parent else ast.Import(names=alias)
        known = name in sys.stdlib_module_names and not name.startswith("_")
        if not sources and not as_module and known and _only_for_attributes(self._tree(path), name):
            return ast.Import(names=[ast.alias(name)])
        return None if sources or as_module else self._as_elsewhere(name, path)

    def _as_elsewhere(self, name: str, path: str) -> ast.ImportFrom | ast.Import | None:
        """How the other files import it, where all do so alike (``Path`` from ``pathlib``)."""
        found: dict[str, ast.ImportFrom | ast.Import] = {}
        for other in self._with(name):
            if other == path or (_is_test(other) and not _is_test(path)):
                continue
            for node in ast.walk(self._tree(other)):
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    continue
                one = next((alias for alias in node.names if (alias.asname or alias.name) == name), None)
                if one is None:
                    continue
                if isinstance(node, ast.ImportFrom) and node.level:
                    return None  # named from that file, not from this one
                alone: ast.ImportFrom | ast.Import = (
                    ast.ImportFrom(module=node.module, names=[one], level=0)
                    if isinstance(node, ast.ImportFrom)
                    else ast.Import(names=[one])
                )
                found[ast.unparse(alone)] = alone
        return next(iter(found.values())) if len(found) == 1 else None

    def _defining(self, name: str, *, by: str) -> list[str]:
        """Modules that define ``name``; tests only for tests."""
        return [
            self.modules[path]
            for path in self._with(name)
            if path != by
            and name in _defined(self._tree(path))
            and (not _is_test(path) or _is_test(by))
            and path in self.modules
        ]

    def _defined_in(self, module: str) -> set[str]:
        return {
            name
            for path, known in self.modules.items()
            if known == module
            for name in _defined(self._tree(path))
        }

    def _spelled(self, module: str, path: str) -> str:
        """Relative where the file imports its neighbours so, absolute otherwise."""
        own = self.modules.get(path, "")
        package = own if path.endswith("__init__.py") else own.rpartition(".")[0]
        relative = any(isinstance(node, ast.ImportFrom) and node.level for node in self._tree(path).body)
        if relative and package and module.rpartition(".")[0] == package:
            return f".{module.rpartition('.')[2]}"
        return module

    def _with(self, name: str) -> Iterator[str]:
        for path in self.scene.files:
            if path.endswith(".py") and name in self._text(path):
                yield path

    def _text(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = self.scene.read(path) or ""
        return self._texts[path]

    def _tree(self, path: str) -> ast.Module:
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self._text(path))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._trees[path] = ast.Module(body=[], type_ignores=[])
        return self._trees[path]


def _is_test(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.startswith(("test_", "conftest")) or name.endswith("_test.py") or "tests/" in path


def _defined(tree: ast.Module) -> set[str]:
    """Names that a module's top level defines itself; what it imports is defined elsewhere."""
    found: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                found.add(name)
    return found


def _unbound(tree: ast.Module, name: str) -> bool:
    """The file reads the name and nothing in it gives it a value."""
    reads = False
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=used, ctx=ast.Load()) if used == name:
                reads = True
            case ast.Name(id=bound) | ast.arg(arg=bound) if bound == name:
                return False
            case ast.FunctionDef(name=bound) | ast.AsyncFunctionDef(name=bound) | ast.ClassDef(name=bound):
                if bound == name:
                    return False
            case ast.alias(name=full, asname=alias):
                if full == "*" or (alias or full.split(".")[0]) == name:
                    return False
            case ast.ExceptHandler(name=bound) if bound == name:
                return False
    return reads


def _only_for_attributes(tree: ast.Module, name: str) -> bool:
    """``name.something`` everywhere, as one uses a module."""
    uses = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))
    dotted = sum(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
        for node in ast.walk(tree)
    )
    return 0 < uses == dotted


def _imports_from(tree: ast.Module, name: str) -> Iterator[ast.ImportFrom]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            yield node


def _absolute(node: ast.ImportFrom, own: str, path: str) -> str:
    if not node.level:
        return node.module or ""
    parts = own.split(".") if path.endswith("__init__.py") else own.split(".")[:-1]
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _moved(text: str, node: ast.ImportFrom, name: str, module: str) -> str:
    """The import without ``name``, and ``name`` from ``module``."""
    lines = text.split("\n")
    indent = " " * node.col_offset
    [taken] = [alias for alias in node.names if alias.name == name][:1]
    left = [alias for alias in node.names if alias is not taken]
    new = [ast.ImportFrom(module=node.module, names=left, level=node.level)] if left else []
    new.append(ast.ImportFrom(module=module, names=[taken], level=0))
    written = [indent + ast.unparse(statement) for statement in new]
    return "\n".join([*lines[: node.lineno - 1], *written, *lines[node.end_lineno or node.lineno :]])
