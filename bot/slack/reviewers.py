"""Whom a careful approval names as reviewers: people of the workspace, or logins on the code host."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from patchpilot.grammar.values import LOGIN, MOST_REVIEWERS
from patchpilot.source import HostUser
from patchpilot.text import one_line

PEOPLE: Final = "people"
"""The form's field of members of the workspace."""
LOGINS: Final = "reviewers"
"""The form's field of typed logins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewers:
    """Who is to be asked for a review, or why not, by the form's field."""

    logins: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


def chosen(
    people: Sequence[str],
    typed: str,
    *,
    linked: Callable[[str], HostUser | None],
    host: str,
    may_read: Callable[[HostUser], bool],
) -> Reviewers:
    """Read both fields. ``linked`` knows a member's account on the code ``host``; who may not read the
    repository there (or is not known there at all) can't review it."""
    accounts = {who: linked(who) for who in people}
    unlinked = sum(user is None for user in accounts.values())
    if unlinked:
        # A form's error is plain text, so it can't name them as Slack would.
        what = "One of them is" if unlinked == 1 else f"{unlinked} of them are"
        return _wrong(PEOPLE, f"{what} not linked to an account on the code host; type their logins below.")
    words = [word.removeprefix("@") for word in re.split(r"[\s,;]+", typed) if word]
    strange = next((word for word in words if not LOGIN.fullmatch(word)), None)
    if strange is not None:
        text = f"“{one_line(strange, 60)}” is no login; write for instance: ana, ben"
        return _wrong(LOGINS, text)
    users = [user for user in accounts.values() if user is not None]
    users += [HostUser(host=host, login=word) for word in words]
    # The code host minds no case. Of two, the linked account is the surer one, so the first is kept.
    once: dict[str, HostUser] = {}
    for user in users:
        once.setdefault(user.login.lower(), user)
    if len(once) > MOST_REVIEWERS:
        return _wrong(LOGINS, f"{len(once)} reviewers are too many: {MOST_REVIEWERS} at most.")
    for user in once.values():
        if not may_read(user):
            where = LOGINS if user.login in words else PEOPLE
            return _wrong(where, f"@{user.login} has no access to the repository, so can't be asked.")
    return Reviewers(logins=tuple(user.login for user in once.values()))


def _wrong(where: str, why: str) -> Reviewers:
    return Reviewers(errors={where: why})
