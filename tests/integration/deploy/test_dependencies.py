"""What the code imports is in the lock file, not only on the developer's machine."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROLES = ["patchpilot", "providers", "storage", "sandbox", "agent", "jobs", "bot", "cli"]


def imported(folder: Path) -> set[str]:
    """Top-level names of all modules that the package imports, wherever the import stands."""
    names: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {*ROLES, "playground"}


def locked(root: Path, name: str) -> set[str]:
    text = (root / "requirements" / name).read_text()
    return {normal(found) for found in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("lock", "packages"), [("prod.txt", ROLES), ("run.txt", [*ROLES, "playground"])])
def test_every_library_that_is_imported_is_locked(root, lock, packages):
    owners = packages_distributions()
    there = locked(root, lock)

    missing = {
        f"{package} imports {name}"
        for package in packages
        for name in imported(root / package)
        if not {normal(owner) for owner in owners.get(name, ())} & there
    }

    assert not missing, f"not in requirements/{lock}: add to pyproject.toml, then make lock"


def test_the_image_gets_no_tools_of_development(root):
    assert not {"pytest", "mypy", "hypothesis", "playwright", "pre-commit"} & locked(root, "prod.txt")
