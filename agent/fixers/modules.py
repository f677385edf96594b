"""How modules of a repository are named, and which name was meant."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import PurePosixPath

MODULE_SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts")

_ALIKE = 0.8
"""Least ``difflib`` ratio of two names that may be one misspelt; one swapped pair in six letters has 0.83."""
_TOO_CLOSE = 0.02
"""Two candidates whose ratios differ by less are not told apart."""
_LEAST_SWAPPED = 4
"""Letters of a name of which two in each other's place are taken for a slip."""


_MOST_NAMES = 5


def undefined_names(pattern: re.Pattern[str], text: str) -> Iterable[str]:
    """The first few names that a log calls undefined; each alternative of ``pattern`` has one group."""
    names = (next(filter(None, match.groups())) for match in pattern.finditer(text))
    return islice(dict.fromkeys(names), _MOST_NAMES)


def module_of(path: str, folder: str = "") -> str:
    """The dotted name of a Python file; empty for one that can't be imported.

    ``folder`` is where the command runs: in a repository of several projects modules are named from there.
    """
    if not path.endswith(".py"):
        return ""
    below = path.removeprefix(f"{folder}/") if folder not in {"", "."} else path
    parts = PurePosixPath(below.removeprefix("src/")).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else ""


def close_name(wrong: str, known: Sequence[str]) -> str:
    """The one known name that is alike; none if two are equally close, or if the name exists."""
    if wrong in known:
        return ""
    swapped = _swapped(wrong)
    if len(meant := [name for name in known if name in swapped]) == 1:
        return meant[0]
    close = difflib.get_close_matches(wrong, known, n=2, cutoff=_ALIKE)
    if not close:
        return ""
    ratios = [difflib.SequenceMatcher(None, wrong, name).ratio() for name in close]
    return "" if len(ratios) > 1 and ratios[0] - ratios[1] < _TOO_CLOSE else close[0]


def _swapped(name: str) -> set[str]:
    """The name with one pair of neighbouring letters in each other's place: ``shpo`` for ``shop``.

    That is the commonest slip, and in short names ``difflib`` finds the two less alike than they are. In the
    shortest it proves nothing: ``rq`` is no ``qr``.
    """
    if len(name) < _LEAST_SWAPPED:
        return set()
    return {f"{name[:at]}{name[at + 1]}{name[at]}{name[at + 2 :]}" for at in range(len(name) - 1)} - {name}


def relative_specifier(importer: str, target: str, others: Sequence[str]) -> str:
    """``./text`` as the other imports of the file are written: with an ending or without."""
    path = posixpath.relpath(target, posixpath.dirname(importer) or ".")
    stem, ending = posixpath.splitext(path)
    local = [other for other in others if other.startswith(".")]
    written = {posixpath.splitext(other)[1] for other in local} - {""}
    typescript = ending in {".ts", ".tsx"}
    if (local and not written) or (not local and typescript):
        ending = ""
    elif ".js" in written and typescript:
        ending = ".js"  # what Node calls it once it is compiled
    return f"{stem if stem.startswith('.') else f'./{stem}'}{ending}"
