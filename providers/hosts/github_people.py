"""Accounts on GitHub as commits name them, and who we are there ourselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from patchpilot.errors import NotFoundError
from patchpilot.source import HostUser, Repo
from patchpilot.text import one_line
from providers.hosts.github_api import segment
from providers.hosts.github_auth import GitHubAccess

_GITHUB: Final = "github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account as a commit's trailer names it."""

    login: str
    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class _Account(BaseModel):
    id: int
    login: str
    name: str | None = None


class GitHubPeople:
    """Looks accounts up. Whoever is not there is ``None``: attribution is worth no failure."""

    def __init__(self, access: GitHubAccess) -> None:
        self._access = access

    def find(self, repo: Repo, user: HostUser) -> Person | None:
        """The account of a login, unless that belongs to somebody else by now.

        The address is the one that GitHub attributes commits by without showing a private one:
        https://docs.github.com/en/account-and-profile/reference/email-addresses-reference#your-noreply-email-address
        """
        try:
            with self._access.session(repo, f"looking up {user.login!r}") as session:
                found = session.get(f"/users/{segment(user.login)}", _Account)
        except NotFoundError:
            return None
        if user.id is not None and found.id != user.id:
            return None
        return self._person(found)

    def ourselves(self, repo: Repo) -> Person | None:
        """The account that our commits are made by."""
        login = self._access.own_login(repo)
        return self.find(repo, HostUser(host=repo.host, login=login))

    def _person(self, found: _Account) -> Person:
        # What ends a name in a trailer must not stand in it.
        name = one_line("".join(sign for sign in found.name or "" if sign not in "<>"), 80)
        host = urlsplit(self._access.web_url).hostname or _GITHUB
        domain = host if "." in host and not host.replace(".", "").isdigit() else _GITHUB
        email = f"{found.id}+{found.login}@users.noreply.{domain}"
        return Person(login=found.login, name=name or found.login, email=email)
