"""The two roles that work on queues, and what a process of each holds.

A role is made once per process and handed on by fork; connections are opened after the fork, in the process
that uses them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from jobs.queues import EFFECTS, HEAL
from patchpilot.errors import ConfigurationError
from patchpilot.settings import CommonSettings, EffectsSettings, WorkerSettings, load
from storage.database import Database
from storage.storms import StormRule

TASKS: Final[dict[str, frozenset[str]]] = {
    HEAL: frozenset(
        {
            "jobs.tasks.heal",
            "jobs.tasks.learn",
            "jobs.answers.answer",
            "jobs.rounds.second_round",
            "jobs.rounds.judge_theirs",
        }
    ),
    EFFECTS: frozenset(
        {
            "jobs.effects.open_pull_request",
            "jobs.effects.request_reviewers",
            "jobs.effects.rerun",
            "jobs.following.watch_ci",
            "jobs.following.mark_ready",
            "jobs.pr_thread.show",
            "jobs.pr_thread.answer",
        }
    ),
}
"""What each role may be asked to do; a row that names anything else is refused."""

DECISIVE: Final = frozenset({"jobs.tasks.heal", "jobs.rounds.second_round", "jobs.effects.open_pull_request"})
"""Tasks without which a heal can't go on: one that can't be done leaves its heal to people."""

_SETTINGS: Final[dict[str, Callable[[], CommonSettings]]] = {
    HEAL: lambda: load(WorkerSettings),
    EFFECTS: lambda: load(EffectsSettings),
}


@dataclass(frozen=True)
class Role:
    """One process's share: its settings slice, its database and the tasks it may do."""

    name: str
    settings: CommonSettings
    parts: dict[str, Any] = field(default_factory=dict)
    """Clients made on first use and kept for the life of the process."""

    @property
    def tasks(self) -> frozenset[str]:
        """Dotted names of the tasks that this role does."""
        return TASKS[self.name]

    @property
    def storms(self) -> StormRule:
        """When incidents become a storm."""
        return StormRule(places=self.settings.storm_places, minutes=self.settings.storm_minutes)

    @cached_property
    def db(self) -> Database:
        """This process's own connections; first used after the fork."""
        return Database(self.settings.database_url.get_secret_value(), pool_size=4)


_current: Role | None = None


def assume(name: str) -> Role:
    """Make this process work as the role ``name``; raises ``ConfigurationError`` for bad settings."""
    global _current  # noqa: PLW0603 - RQ calls a plain function by name, so the role must be found from there
    if name not in TASKS:
        raise ConfigurationError(f"{name!r} is no role that works on a queue; there are {', '.join(TASKS)}")
    _current = Role(name=name, settings=_SETTINGS[name]())
    return _current


def current_role() -> Role:
    """The role that this process has assumed."""
    if _current is None:
        raise ConfigurationError("this process has no role; start it with: patchpilot run worker|effects")
    return _current
