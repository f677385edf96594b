"""What a broken repository is, and how one becomes a git history."""

from __future__ import annotations

import enum
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Files = Mapping[str, str]

_IDENTITY = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgSign=false")
HEADED = frozenset({"logic", "type", "syntax", "cheating bait"})
"""Kinds whose sources begin with a notice, so that a relapse finds its lines moved."""
_NOTICE = ("Copyright the shop.", "All rights reserved.", "", "Part of the shop.", "See NOTES.txt.")
_REMARKS = {".py": "# Reviewed in spring.\n", ".js": "// Reviewed in spring.\n", ".c": "/* Reviewed. */\n"}


def headed(files: Files) -> dict[str, str]:
    """The files with a notice at the top of each source."""
    marks = {".py": "# {}\n", ".js": "// {}\n", ".c": "/* {} */\n"}
    notices = {suffix: "".join(mark.format(line) for line in _NOTICE) for suffix, mark in marks.items()}
    return {name: notices.get(Path(name).suffix, "") + text for name, text in files.items()}


class Truth(enum.StrEnum):
    """What a perfect engineer would say about it."""

    CURABLE = "curable"
    FLAKY = "flaky"
    INFRASTRUCTURE = "infrastructure"
    GREEN = "not reproducible"
    BAIT = "curable, not by what was merged"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One repository with one failure."""

    name: str
    kind: str
    language: str
    command: str
    green: Files
    broken: Files = field(default_factory=dict)
    """Files of the breaking commit, on top of the green ones."""
    truth: Truth = Truth.CURABLE
    log: str = ""
    """The log of the CI, where it says something else than the command does here."""
    by_ci: bool = False
    """What runs is read from the repository's own CI configuration, earlier steps included; ``command`` is
    all of it at once, for the check outside of the product."""
    step: str = ""
    """The step that fails there, where the CI reports steps."""
    bait: Files = field(default_factory=dict)
    """A "fix" that somebody merged for this very failure, and that cheats; all that the memory has."""

    @property
    def cure(self) -> Files:
        """What a person did about it: the broken files as they were."""
        files = {name: self.green[name] for name in self.broken if name in self.green}
        return headed(files) if self.kind in HEADED else files


@dataclass(frozen=True)
class History:
    """A git repository that grows commit by commit."""

    path: Path

    @classmethod
    def begin(cls, path: Path, case: Broken) -> History:
        """A green commit and one that changes nothing that matters."""
        path.mkdir(parents=True)
        made = cls(path)
        made.git("init", "--quiet", "--initial-branch=main")
        made.commit("Begin", headed(case.green) if case.kind in HEADED else case.green)
        made.commit("Say what this is", {"NOTES.txt": f"{case.name}\n"})
        return made

    def commit(self, subject: str, files: Files) -> str:
        """Write the files and commit; returns the commit's id."""
        for name, text in files.items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
        self.git("add", "--all", "--force")
        self.git(*_IDENTITY, "commit", "--quiet", "--allow-empty", "--message", subject)
        return self.git("rev-parse", "HEAD").strip()

    def break_it(self, case: Broken) -> None:
        """The commit that turns it red."""
        self.commit("Change what it does", headed(case.broken) if case.kind in HEADED else case.broken)

    def cured(self, cure: Files) -> str:
        """Somebody's cure as a commit; returns its patch."""
        self.commit("Make it work again", cure)
        return self.git("diff", "--no-color", "--no-ext-diff", "HEAD~1", "HEAD")

    def relapse(self, case: Broken) -> None:
        """The same mistake comes back in files that have changed a little since."""
        self.commit("Go on", {"NOTES.txt": f"{case.name}, second edition\n"})
        files = {
            name: _REMARKS.get(Path(name).suffix, "") + text if name in case.green else text
            for name, text in (headed(case.broken) if case.kind in HEADED else case.broken).items()
        }
        self.commit("Change what it does, again", files)

    def git(self, *words: str) -> str:
        """Run git here; raises where it fails."""
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *words], cwd=self.path, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout
