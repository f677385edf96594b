"""What a sample repository is: a believable history that is green, and a way to break it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from playground.github.acts import Push
from playground.github.model import now
from playground.github.server import GitHub

_MOST_TRIES = 60
_BETWEEN_COMMITS = timedelta(hours=19, minutes=7)

NAMES: Final = {
    "ana": "Ana Ruiz",
    "ben": "Ben Okafor",
    "cleo": "Cleo Lindt",
    "jonas": "Jonas Weber",
    "lars": "Lars Nyström",
    "mei": "Mei Tanaka",
    "priya": "Priya Raman",
}
"""Full names of the people on the samples, for their commits."""

ACTION_SETUP = """\
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - uses: acme/python-tools@v2
        with:
          tools: pytest ruff
"""
"""The first steps of each sample's jobs. The playground shows ``uses:`` steps as done: the sandbox has the
tools already and no network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One commit of a sample's history."""

    author: str
    message: str
    files: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample repository."""

    full_name: str
    title: str
    """For people, in a few words."""
    people: Mapping[str, str]
    """Role on the repository by login."""
    history: Sequence[Change]
    """Green at its end."""
    breakage: Change
    """The commit that turns it red."""
    cure: Change | None = None
    """What a person does about it."""
    relapse: Change | None = None
    """How the same bug comes back after the cure."""
    private: bool = True
    until_red: Sequence[Change] = field(default=())
    """Harmless commits that follow for as long as a flaky test happens to pass."""

    def create(self, github: GitHub) -> str:
        """Make the repository with its history, in one push; returns the head, which is green."""
        for login in {*self.people, *(change.author for change in self.history)}:
            github.name_person(login, NAMES[login])
        github.create_repository(self.full_name, collaborators=self.people, private=self.private)
        began = now() - _BETWEEN_COMMITS * len(self.history)
        commits = [
            Push(one.author, one.message, one.files, began + _BETWEEN_COMMITS * number)
            for number, one in enumerate(self.history)
        ]
        return github.push_history(self.full_name, "main", commits)

    def break_it(self, github: GitHub) -> str:
        """Push the commit that breaks it; returns the red commit.

        A flaky sample is pushed to until its test happens to fail. Waits for CI in between.
        """
        sha = self._push(github, self.breakage)
        if not self.until_red:
            return sha
        following = iter(self.until_red)
        for _ in range(_MOST_TRIES):
            if github.wait_for_ci(self.full_name, sha) != "success":
                break
            if change := next(following, None):
                sha = self._push(github, change)
            else:
                github.rerun(
                    self.full_name, github.runs(self.full_name, sha=sha)[0].id, by=self.breakage.author
                )
        return sha

    def fix(self, github: GitHub) -> str:
        """A person mends it; raises :class:`ValueError` for a sample without a cure."""
        return self._push(github, _given(self.cure, "cure"))

    def regress(self, github: GitHub) -> str:
        """The same bug is met again; raises :class:`ValueError` for a sample without a relapse."""
        return self._push(github, _given(self.relapse, "relapse"))

    def _push(self, github: GitHub, change: Change) -> str:
        return github.push(
            self.full_name, "main", author=change.author, message=change.message, files=change.files
        )


def _given(change: Change | None, name: str) -> Change:
    if change is None:
        raise ValueError(f"this sample has no {name}")
    return change


def replaced(text: str, old: str, new: str) -> str:
    """``text`` with one passage replaced; raises :class:`ValueError` unless it is there exactly once."""
    if text.count(old) != 1:
        raise ValueError(f"the passage {old!r} is there {text.count(old)} times")
    return text.replace(old, new)
