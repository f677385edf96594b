"""Where a new import goes in a Python file: among its like, in their order.

Formatters of imports agree on the groups (``__future__``, the standard library, packages, the repository's
own) and on an empty line between them; an import that stands elsewhere only trades one red job for another.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection

_Import = ast.Import | ast.ImportFrom
_STANDARD, _PACKAGES, _OWN, _RELATIVE = 1, 2, 3, 4


def with_import(text: str, tree: ast.Module, statement: _Import, *, own: Collection[str]) -> str:
    """The file with one more import; ``own`` are the top-level names of the repository's own modules."""
    lines = text.split("\n")
    head = _head(tree)
    imports = [node for node in head if isinstance(node, _Import)]
    if joined := _joined(lines, imports, statement):
        return joined
    new = ast.unparse(statement)
    if not imports:
        at = (head[-1].end_lineno or 0) if head else _behind_comments(lines)
        return _put(lines, at, ["", new] if head else [new, ""])
    group = _group(statement, own)
    like = [node for node in imports if _group(node, own) == group]
    before = [node for node in imports if _group(node, own) < group]
    if like:
        in_order = [_key(node) for node in like] == sorted(map(_key, like))
        smaller = [node for node in like if not in_order or _key(node) < _key(statement)]
        return _put(lines, _end(smaller[-1]) if smaller else like[0].lineno - 1, [new])
    if before:
        return _put(lines, _end(before[-1]), ["", new])
    return _put(lines, imports[0].lineno - 1, [new, ""])


def _head(tree: ast.Module) -> list[ast.stmt]:
    """The docstring and the imports that a file begins with."""
    head: list[ast.stmt] = []
    for node in tree.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and not head
        if not (docstring or isinstance(node, _Import)):
            break
        head.append(node)
    return head


def _joined(lines: list[str], imports: list[_Import], statement: _Import) -> str:
    """The name among those that are imported from the same module already; empty where it can't be."""
    for node in imports:
        same = isinstance(node, ast.ImportFrom) and isinstance(statement, ast.ImportFrom)
        if not same or ast.unparse(node).split(" import ")[0] != ast.unparse(statement).split(" import ")[0]:
            continue
        line = lines[node.lineno - 1]
        if node.lineno == node.end_lineno and "(" not in line and "#" not in line:
            start, names = ast.unparse(node).split(" import ")
            there, new = names.split(", "), ast.unparse(statement).split(" import ")[1]
            order = sorted([*there, new]) if there == sorted(there) else [*there, new]
            joined = f"{start} import {', '.join(order)}"
            return "\n".join([*lines[: node.lineno - 1], joined, *lines[node.lineno :]])
    return ""


def _group(node: _Import, own: Collection[str]) -> int:
    # A new one has its dots in the module's name.
    if _module(node).startswith(".") or (isinstance(node, ast.ImportFrom) and node.level):
        return _RELATIVE
    top = _module(node).partition(".")[0]
    if top == "__future__":
        return 0
    return _OWN if top in own else _STANDARD if top in sys.stdlib_module_names else _PACKAGES


def _module(node: _Import) -> str:
    return (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name


def _key(node: _Import) -> tuple[bool, str]:
    """Plain imports stand ahead of ``from``, as isort and ruff have them."""
    return isinstance(node, ast.ImportFrom), _module(node).lstrip(".").lower()


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _put(lines: list[str], at: int, new: list[str]) -> str:
    return "\n".join([*lines[:at], *new, *lines[at:]])


def _behind_comments(lines: list[str]) -> int:
    return next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
