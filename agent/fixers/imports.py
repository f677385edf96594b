"""A misspelt import of one of the repository's own modules."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from agent.fixers.offers import Offer, Scene

_PYTHON = re.compile(r"No module named '([A-Za-z_][\w.]{0,200})'")
_JAVASCRIPT = re.compile(r"Cannot find module '(\.{1,2}/[\w./@-]{1,200})'")
_JS_SUFFIXES = ("", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".json", "/index.js", "/index.ts")
_ALIKE = 0.8
"""Least ``difflib`` ratio of two names that may be one misspelt; one swapped pair in six letters has 0.83."""


def misspelt_import(scene: Scene) -> Iterator[Offer]:
    """Correct the name, if exactly one module of the repository can have been meant."""
    if not scene.is_failing_step:
        return
    for match in _PYTHON.finditer(scene.failure.text):
        yield from _python(scene, match.group(1))
    for match in _JAVASCRIPT.finditer(scene.failure.text):
        yield from _javascript(scene, match.group(1))


def _python(scene: Scene, wrong: str) -> Iterator[Offer]:
    right = _meant(wrong, sorted(_python_modules(scene.files)))
    if right is None:
        return
    pattern = re.compile(rf"(?m)^(\s*(?:from|import)\s+){re.escape(wrong)}(?=[\s.,]|$)")
    edits = {}
    for path in scene.files:
        text = scene.read(path) if path.endswith(".py") else None
        if text is not None and wrong in text:
            corrected = pattern.sub(lambda found: found.group(1) + right, text)
            if corrected != text:
                edits[path] = corrected
    yield from _offer(wrong, right, edits)


def _python_modules(files: Sequence[str]) -> set[str]:
    modules = set()
    for path in files:
        if path.endswith(".py"):
            parts = PurePosixPath(path.removeprefix("src/")).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts and all(part.isidentifier() for part in parts):
                modules.add(".".join(parts))
    return modules


def _javascript(scene: Scene, wrong: str) -> Iterator[Offer]:
    """The name is relative to the importing file, so each file that has it is looked at by itself."""
    known = set(scene.files)
    edits = {}
    right = None
    for path in scene.files:
        text = scene.read(path) if path.endswith(_JS_SUFFIXES[1:8]) else None
        if text is None or wrong not in text:
            continue
        right = _meant_relative(wrong, PurePosixPath(path).parent, known)
        if right is not None:
            edits[path] = text.replace(f"'{wrong}'", f"'{right}'").replace(f'"{wrong}"', f'"{right}"')
    if right is not None:
        yield from _offer(
            wrong, right, {path: text for path, text in edits.items() if text != scene.read(path)}
        )


def _meant_relative(wrong: str, folder: PurePosixPath, known: set[str]) -> str | None:
    stem, name = wrong.rsplit("/", 1)
    target = _normal(folder / stem)
    siblings = sorted(
        {PurePosixPath(path).name for path in known if _normal(PurePosixPath(path).parent) == target}
    )
    suffix = next((end for end in _JS_SUFFIXES[1:8] if name.endswith(end)), "")
    names = siblings if suffix else sorted({sibling.split(".")[0] for sibling in siblings})
    best = _meant(name, names)
    return f"{stem}/{best}" if best else None


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _meant(wrong: str, known: Sequence[str]) -> str | None:
    """The one known name that is alike; none if two are equally close, or if the name exists."""
    if wrong in known:
        return None
    close = difflib.get_close_matches(wrong, known, n=2, cutoff=_ALIKE)
    if not close:
        return None
    ratios = [difflib.SequenceMatcher(None, wrong, name).ratio() for name in close]
    return None if len(ratios) > 1 and ratios[0] - ratios[1] < 0.02 else close[0]  # noqa: PLR2004 - too close to call


def _offer(wrong: str, right: str, edits: dict[str, str]) -> Iterator[Offer]:
    if edits:
        yield Offer(name="import", summary=f"Import {right}, which was misspelt as {wrong}", edits=edits)
