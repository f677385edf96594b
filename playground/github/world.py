"""Everything there is, behind one lock, and how to find it."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from playground.github.gitstore import GitStore
from playground.github.model import (
    Account,
    App,
    Ids,
    Installation,
    Label,
    PlaygroundRepo,
    PullRequest,
    Role,
    Token,
    now,
)

TOKEN_LIFE = timedelta(hours=1)
"""https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app"""

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:\[bot\])?")
_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}")
_DEFAULT_LABELS = {"bug": "d73a4a", "documentation": "0075ca", "enhancement": "a2eeef"}


@dataclass(slots=True)
class World:
    """The state. Hold :attr:`lock` while reading or writing it; never while waiting for somebody else."""

    folder: Path
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: Ids = field(default_factory=Ids)
    accounts: dict[str, Account] = field(default_factory=dict)
    repositories: dict[str, PlaygroundRepo] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)

    # Accounts

    def account(self, login: str, *, kind: str = "User", name: str = "") -> Account:
        """The account of that login, made at first sight."""
        found = self.accounts.get(login.lower())
        if found is None:
            if not _LOGIN.fullmatch(login):
                raise ValueError(f"{login!r} is not a login: letters, digits and single hyphens, at most 39")
            found = Account(id=self.ids.next(), login=login, kind=kind, name=name)
            self.accounts[login.lower()] = found
        return found

    def find_account(self, login: str) -> Account | None:
        """The account of that login if it exists; logins ignore case."""
        return self.accounts.get(login.lower())

    def personal_token(self, login: str) -> Token:
        """A person's token; the same one each time."""
        account = self.account(login)
        for token in self.tokens.values():
            if token.account is account and token.installation is None:
                return token
        token = Token(value=f"ghp_{secrets.token_hex(18)}", account=account)
        self.tokens[token.value] = token
        return token

    # Repositories

    def add_repository(
        self, full_name: str, *, collaborators: Mapping[str, str], default_branch: str, private: bool
    ) -> PlaygroundRepo:
        """Make an empty repository; raises :class:`ValueError` for a name or role that can't be."""
        owner, slash, name = full_name.partition("/")
        if not slash or not _NAME.fullmatch(name) or name.endswith(".git"):
            raise ValueError(f"{full_name!r} is not a repository name of the form owner/name")
        if full_name.lower() in self.repositories:
            raise ValueError(f"there is a repository {full_name!r} already")
        roles = {login: Role.named(role) for login, role in collaborators.items()}
        for login in roles:
            self.account(login)
        store = GitStore.create(self.folder / owner / f"{name}.git", default_branch=default_branch)
        repository = PlaygroundRepo(
            id=self.ids.next(),
            full_name=full_name,
            owner=self.account(owner, kind="Organization"),
            private=private,
            default_branch=default_branch,
            git=store,
            collaborators={login.lower(): role for login, role in roles.items()},
            labels={n: Label(id=self.ids.next(), name=n, color=c) for n, c in _DEFAULT_LABELS.items()},
        )
        self.repositories[full_name.lower()] = repository
        return repository

    def repository(self, full_name: str) -> PlaygroundRepo:
        """The repository of that name; raises :class:`LookupError` that lists those there are."""
        found = self.repositories.get(full_name.lower())
        if found is None:
            names = ", ".join(repo.full_name for repo in self.repositories.values()) or "none"
            raise LookupError(f"there is no repository {full_name!r} (there are: {names})")
        return found

    def pull(self, full_name: str, number: int) -> tuple[PlaygroundRepo, PullRequest]:
        """A pull request with its repository; raises :class:`LookupError`."""
        repository = self.repository(full_name)
        if number not in repository.pulls:
            raise LookupError(f"there is no pull request #{number} in {full_name!r}")
        return repository, repository.pulls[number]

    # Apps

    def add_app(self, app: App) -> None:
        """Register an App; raises :class:`ValueError` if its id is taken."""
        if app.id in self.apps:
            raise ValueError(f"there is an App with id {app.id} already")
        self.apps[app.id] = app

    def install(self, app: App, account: Account, repositories: Sequence[str] | None) -> Installation:
        """Install an App on an account."""
        names = None if repositories is None else frozenset(name.lower() for name in repositories)
        installation = Installation(id=self.ids.next(), app=app, account=account, repositories=names)
        self.installations[installation.id] = installation
        return installation

    def installations_on(self, full_name: str) -> list[Installation]:
        """The installations that reach a repository."""
        return [one for one in self.installations.values() if one.covers(full_name)]

    def repositories_of(self, installation: Installation) -> list[PlaygroundRepo]:
        """The repositories that an installation reaches."""
        return [repo for repo in self.repositories.values() if installation.covers(repo.full_name)]

    def issue_token(
        self,
        installation: Installation,
        *,
        permissions: Mapping[str, str],
        repositories: frozenset[str] | None,
    ) -> Token:
        """A fresh installation token."""
        token = Token(
            value=f"ghs_{secrets.token_hex(18)}",
            account=installation.app.bot,
            installation=installation,
            permissions=dict(permissions),
            repositories=repositories,
            expires_at=now() + TOKEN_LIFE,
        )
        self.tokens[token.value] = token
        return token
