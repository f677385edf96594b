"""A misspelt import, foremost of one of the repository's own modules."""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from agent.fixers import manifests
from agent.fixers.modules import close_name, module_of
from agent.fixers.offers import Offer, Scene

_PYTHON = re.compile(r"No module named '([A-Za-z_][\w.]{0,200})'")
_IMPORTED = re.compile(r"(?m)^[ \t]*(?:from|import)[ \t]+([A-Za-z_][\w.]{0,200})")
_JAVASCRIPT = re.compile(r"Cannot find module '(\.{1,2}/[\w./@-]{1,200})'")
_ABSOLUTE = re.compile(r"Cannot find module '(/[\w./@-]{1,300})' imported from '?(/[\w./@-]{1,300})")
"""What Node says of an ECMAScript module: both by their place on the machine that ran it."""
_JS_SUFFIXES = ("", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".json", "/index.js", "/index.ts")


def misspelt_import(scene: Scene) -> Iterator[Offer]:
    """Correct the name, if exactly one module can have been meant."""
    if not scene.is_failing_step:
        return
    for match in _PYTHON.finditer(scene.failure.text):
        yield from _python(scene, match.group(1))
    wanted = [match.group(1) for match in _JAVASCRIPT.finditer(scene.failure.text)]
    wanted += [relative_import(*match.groups()) for match in _ABSOLUTE.finditer(scene.failure.text)]
    for wrong in dict.fromkeys(wanted):
        yield from _javascript(scene, wrong)


def relative_import(module: str, importer: str) -> str:
    """How ``importer`` writes ``module``, both given by their absolute paths."""
    path = posixpath.relpath(module, posixpath.dirname(importer))
    return path if path.startswith("../") else f"./{path}"


def _python(scene: Scene, wrong: str) -> Iterator[Offer]:
    known = sorted({name for path in scene.files if (name := module_of(path, scene.folder))})
    if wrong in known:
        return
    right = close_name(wrong, known)
    # ``import text`` where only ``shop/text.py`` is: the package in front was left out.
    inner = [name for name in known if name.endswith(f".{wrong}")]
    if not right and len(inner) == 1:
        right = inner[0]
    right = right or _of_others(scene, wrong)
    if not right:
        return
    pattern = re.compile(rf"(?m)^(\s*)(from|import)(\s+){re.escape(wrong)}(?=[\s.,]|$)")
    edits = {}
    for path in scene.files:
        text = scene.read(path) if path.endswith(".py") else None
        if text is not None and wrong in text:
            corrected = pattern.sub(lambda found: _corrected(found, wrong, right), text)
            if corrected != text:
                edits[path] = _with_uses(text, corrected, wrong, right)
    yield from _offer(wrong, right, edits)


def _with_uses(before: str, after: str, wrong: str, right: str) -> str:
    """The corrected file in which what a plain ``import`` brought is called by its right name below, too.

    Only where neither name means anything else in the file: what a parameter is called is not the module.
    """
    try:
        nodes = list(ast.walk(ast.parse(after)))
        plain = any(_is_plain(node, wrong) for node in ast.walk(ast.parse(before)))
    except (SyntaxError, ValueError):
        return after
    taken = {name for node in nodes for name in _bound(node)}
    if not plain or taken & {wrong.partition(".")[0], right.partition(".")[0]}:
        return after
    lines = [line.encode() for line in after.split("\n")]
    # Each place once: before Python 3.12 what stands in an f-string is not always where its node says.
    uses = {
        (node.lineno - 1, node.col_offset)
        for node in nodes
        if isinstance(node, ast.Name | ast.Attribute)
        and node.lineno == node.end_lineno
        and node.lineno <= len(lines)
        and lines[node.lineno - 1][node.col_offset : node.end_col_offset] == wrong.encode()
    }
    # From the right, so that what stands on the left of it keeps its place.
    for at, start in sorted(uses, reverse=True):
        lines[at] = lines[at][:start] + right.encode() + lines[at][start + len(wrong.encode()) :]
    return b"\n".join(lines).decode()


def _is_plain(node: ast.AST, module: str) -> bool:
    """Whether it is ``import module`` or ``import module.inner``, which bring the module by its own name."""
    return isinstance(node, ast.Import) and any(
        alias.asname is None and f"{alias.name}.".startswith(f"{module}.") for alias in node.names
    )


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that mean something else than a module imported by its own name from there on."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name for alias in aliases)
        case ast.Import(names=aliases):
            yield from (alias.asname for alias in aliases if alias.asname)


def _of_others(scene: Scene, wrong: str) -> str:
    """A module of the standard library, or one that other files import, where it is one slip away.

    Many packages are named after a module (``ujson``, ``json5``, ``tomli``), and one that is merely not
    installed is no slip: so first letters, digits and all but one of the letters have to agree.
    """
    scripts = {path: text for path in scene.files if path.endswith(".py") and (text := scene.read(path))}
    imported = {name for text in scripts.values() for name in _IMPORTED.findall(text)}
    known = (imported | sys.stdlib_module_names) - {wrong}
    near = [name for name in known if name[0] == wrong[0] and abs(len(name) - len(wrong)) <= 1]
    right = close_name(wrong, sorted(near))
    packages = manifests.python(scene.files, scene.read)
    if re.sub(r"\D", "", right) != re.sub(r"\D", "", wrong) or any(
        one.requirement(wrong) for one in packages
    ):
        return ""
    return right


def _corrected(found: re.Match[str], wrong: str, right: str) -> str:
    package = right.removesuffix(f".{wrong}")
    if found[2] == "import" and package != right and "." not in wrong:
        return f"{found[1]}from {package} import {wrong}"  # the code below goes on calling it that
    return f"{found[1]}{found[2]}{found[3]}{right}"


def _javascript(scene: Scene, wrong: str) -> Iterator[Offer]:
    """The name is relative to the importing file, so each file that has it is looked at by itself."""
    known = set(scene.files)
    edits: dict[str, str] = {}
    name = ""
    for path in scene.files:
        text = scene.read(path) if path.endswith(_JS_SUFFIXES[1:8]) else None
        if text is None or wrong not in text:
            continue
        right = _meant_relative(wrong, PurePosixPath(path).parent, known)
        if right is None:
            continue
        corrected = text.replace(f"'{wrong}'", f"'{right}'").replace(f'"{wrong}"', f'"{right}"')
        if corrected != text:
            edits[path] = corrected
            name = name or right
    yield from _offer(wrong, name, edits)


def _meant_relative(wrong: str, folder: PurePosixPath, known: set[str]) -> str | None:
    stem, name = wrong.rsplit("/", 1)
    target = _normal(folder / stem)
    siblings = sorted(
        {PurePosixPath(path).name for path in known if _normal(PurePosixPath(path).parent) == target}
    )
    suffix = next((end for end in _JS_SUFFIXES[1:8] if name.endswith(end)), "")
    names = siblings if suffix else sorted({sibling.split(".")[0] for sibling in siblings})
    best = close_name(name, names)
    return f"{stem}/{best}" if best else None


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _offer(wrong: str, right: str, edits: dict[str, str]) -> Iterator[Offer]:
    if edits:
        yield Offer(name="import", summary=f"Import {right}, which was misspelt as {wrong}", edits=edits)
