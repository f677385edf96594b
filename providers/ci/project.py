"""A folder of a checkout, as what says how a project is tested and installed looks at it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path

from providers.ci.overrides import has_plain_file, read_plain_file
from providers.ci.toolchains import version_in


@dataclass(frozen=True, slots=True)
class Project:
    """A folder of a checkout."""

    tree: Path
    folder: str

    def path(self, name: str) -> str:
        """Path of one of its files from the root."""
        return posixpath.normpath(posixpath.join(self.folder, name))

    def has(self, *names: str) -> bool:
        """Whether one of these files is in it."""
        return any(has_plain_file(self.tree, self.path(name)) for name in names)

    def read(self, name: str) -> str:
        """A file's text, empty if it is not there."""
        return read_plain_file(self.tree, self.path(name)) or ""

    def above(self, *names: str) -> str:
        """The first of these files that is in it or above it: its name."""
        folder = self.folder
        while True:
            for name in names:
                if has_plain_file(self.tree, posixpath.normpath(posixpath.join(folder, name))):
                    return name
            if folder in {".", ""}:
                return ""
            folder = posixpath.dirname(folder) or "."

    def version(self, *names: str) -> str:
        """The version that the first of these files with one asks for, here or at the root."""
        for name in names:
            for path in dict.fromkeys((self.path(name), name)):
                if found := version_in(self.tree, path):
                    return found
        return ""
