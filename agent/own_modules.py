"""A module that is not there, and would be one of the repository's own: no dependency, but a wrong import.

A log can't tell the two apart; the tree can.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from agent.fixers.modules import close_name, module_of
from patchpilot.failures import RULES, Category, Diagnosis, DistilledFailure
from patchpilot.text import one_line

_MODULE: Final = re.compile(r"No module named '([A-Za-z_][\w.]{0,200})'")
_NAME: Final = re.compile(r"cannot import name '[^'\n]{1,100}' from '([\w.]{1,200})'")
_FILE: Final = re.compile(r"Cannot find module '(?:\.{1,2}/|(/[^'\n]{1,300})' imported from )")
_INSTALLED: Final = re.compile(r"/(?:site-packages|dist-packages|node_modules)/")
_MOST_FILES: Final = 20_000
WHAT_IT_IS: Final = "The code imports something of its own repository that is not there."


def own_import(diagnosis: Diagnosis, failure: DistilledFailure, tree: Path, folder: str) -> Diagnosis:
    """The diagnosis with the category that ``tree`` shows; ``folder`` is where the command runs in it.

    Only what the rules said is changed: a model has seen the log and knows the repository by itself.
    """
    if diagnosis.author != RULES or failure.category not in {Category.DEPENDENCY, Category.TEST}:
        return diagnosis
    line = next((text for text in _lines(failure) if _is_own(text, tree, folder)), "")
    if not line:
        return diagnosis
    _, _, after = diagnosis.explanation.partition(". ")
    return replace(
        diagnosis,
        category=Category.BUILD,
        root_cause=diagnosis.root_cause
        if failure.category is Category.DEPENDENCY
        else one_line(line.strip(" #"), 300),
        explanation=f"{WHAT_IT_IS} {after}".strip(),
    )


def _lines(failure: DistilledFailure) -> Iterable[str]:
    """What the log says of imports; where a test failed, only what ended the run of a whole file."""
    for line in failure.text.splitlines():
        if failure.category is Category.DEPENDENCY or "[ERR_MODULE_NOT_FOUND]" in line:
            yield line


def _is_own(line: str, tree: Path, folder: str) -> bool:
    if _INSTALLED.search(line):
        return False
    if _FILE.search(line):
        return True
    module, name = _MODULE.search(line), _NAME.search(line)
    if not module and not name:
        return False
    known = sorted({found for path in _files(tree) if (found := module_of(path, folder))})
    if name:
        return name[1] in known
    wanted = module[1] if module else ""
    if wanted in known:
        return False  # it is there and not found: nothing is installed, or the search path is another
    packages = {found.split(".")[0] for found in known}
    inside = "." in wanted and wanted.split(".")[0] in packages
    return inside or bool(close_name(wanted, known)) or any(found.endswith(f".{wanted}") for found in known)


def _files(tree: Path) -> Iterable[str]:
    count = 0
    for folder, _, names in os.walk(tree):
        for name in names:
            count += 1
            if count > _MOST_FILES:
                return
            yield Path(folder, name).relative_to(tree).as_posix()
