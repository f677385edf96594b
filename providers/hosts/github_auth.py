"""Who we are on GitHub: an App with one short-lived token per repository, or a plain token.

An installation token is asked for one repository and with a fixed, named set of permissions: without
them PyGithub sends an empty set, and a token with everything the App may do would be more than a role needs.
https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import github
import jwt
from github import Auth
from pydantic import BaseModel
from urllib3 import Retry

from patchpilot import __version__
from patchpilot.errors import ConfigurationError, NotFoundError, PatchPilotError, PermanentError
from patchpilot.settings import EffectsSettings, GitHubReaderSettings, lacking_app
from patchpilot.source import Repo
from providers.hosts.github_api import Session
from providers.hosts.github_errors import is_status, translated

USER_AGENT = f"PatchPilot/{__version__}"
TIMEOUT_SECONDS = 15
"""For connecting and for each read; GitHub itself gives up on a request after 10 s."""
RENEW_BEFORE = 300.0
"""Seconds before its end at which a token counts as used up, so that a long fetch doesn't outlive it."""

READER: Mapping[str, str] = {"contents": "read", "actions": "read", "metadata": "read"}
"""What bot and worker need: source, logs, and who may do what."""
WRITER: Mapping[str, str] = {
    "contents": "write",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "metadata": "read",
}
"""What the effects role needs. Never ``workflows``: a patch to a workflow file is refused before."""

FOLLOWER: Mapping[str, str] = {
    "actions": "read",
    "checks": "read",
    "contents": "read",
    "pull_requests": "read",
    "metadata": "read",
}
"""What the effects role needs to see whether CI of a fix has started; a token of its own, for reading."""

RERUNNER: Mapping[str, str] = {"actions": "write", "metadata": "read"}
"""What asking for a rerun needs; a token of its own, so that the one that writes branches never has it."""

_HTTP = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class AppKey:
    """A GitHub App's id and its private key as PEM text."""

    app_id: str
    pem: str

    def __repr__(self) -> str:
        return f"AppKey({self.app_id!r}, pem=…)"


@dataclass(frozen=True, slots=True)
class PlainToken:
    """A personal or fine-grained token."""

    text: str

    def __repr__(self) -> str:
        return "PlainToken(…)"


class _Installation(BaseModel):
    id: int


class _Token(BaseModel):
    token: str
    expires_at: datetime


class GitHubAccess:
    """Clients for one GitHub, in one role. Safe to share between threads.

    ``api_url`` is ``https://api.github.com`` or ``https://HOST/api/v3``; ``permissions`` are asked for with
    every installation token; ``clock`` gives seconds since the epoch.
    """

    def __init__(
        self,
        credentials: AppKey | PlainToken,
        *,
        api_url: str,
        permissions: Mapping[str, str] = READER,
        writes: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # At DEBUG, PyGithub writes whole answers to the log, and one kind of answer is a token.
        logging.getLogger("github.Requester").setLevel(logging.INFO)
        self.api_url = checked_url(api_url)
        self.writes = writes
        self._credentials = credentials
        self._permissions = dict(permissions)
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, _Token] = {}
        self._app = _app_auth(credentials) if isinstance(credentials, AppKey) else None

    @property
    def app_id(self) -> int | None:
        """Numeric id of our App, ``None`` with a plain token (or an App named by its client id)."""
        if isinstance(self._credentials, AppKey) and self._credentials.app_id.isdigit():
            return int(self._credentials.app_id)
        return None

    @property
    def web_url(self) -> str:
        """Where the same server shows pages and serves git: no trailing slash."""
        return web_url_of(self.api_url)

    def git_url(self, repo: Repo) -> str:
        """Address for ``git fetch``, without credentials."""
        return f"{self.web_url}/{repo.full_name}.git"

    @contextmanager
    def session(self, repo: Repo, doing: str) -> Iterator[Session]:
        """Calls to GitHub about one repository, with errors translated; ``doing`` says what for.

        A client's connection is not safe to share between threads, so each session has its own.
        """
        with translated(doing, repo), self.client_for(repo) as client:
            try:
                yield Session(client.requester, repo)
            except github.GithubException as error:
                if error.status == 401:  # noqa: PLR2004 - HTTP's number for bad credentials
                    # The token was revoked before its time; the next call asks for a new one.
                    self.forget(repo)
                raise

    @contextmanager
    def as_app(self, doing: str) -> Iterator[Session | None]:
        """Calls as the App itself (paths from ``/app``); ``None`` with a plain token, which is no App."""
        if self._app is None:
            yield None
            return
        with translated(doing, None), self._client(self._app) as app:
            yield Session(app.requester, None)

    def try_token(self, doing: str) -> bool:
        """Whether a plain token is set, which GitHub then has answered to.

        Raises :class:`~patchpilot.errors.PatchPilotError` where it refuses the token, or is away.
        """
        if not isinstance(self._credentials, PlainToken):
            return False
        try:
            with translated(doing, None), self._client(Auth.Token(self._credentials.text)) as client:
                # The one path that answers to a token of any kind, and does not count as a request.
                # https://docs.github.com/en/rest/rate-limit/rate-limit
                Session(client.requester, None).get("/rate_limit", _Any)
        except NotFoundError:
            pass  # a server of one's own on which rates are not limited; a bad token it refuses before
        return True

    def client_for(self, repo: Repo) -> github.Github:
        """A PyGithub client that may touch ``repo`` only. Close it (``with``) when done."""
        return self._client(Auth.Token(self.token_for(repo)))

    def token_for(self, repo: Repo) -> str:
        """The token for one repository, from the cache while it has five minutes left.

        Raises :class:`NotFoundError` where the App is not installed and :class:`PermanentError` where it
        lacks a permission.
        """
        if isinstance(self._credentials, PlainToken):
            return self._credentials.text
        key = repo.full_name.lower()
        # One lock for all: asking takes a tenth of a second, once an hour.
        with self._lock:
            known = self._tokens.get(key)
            if known is None or known.expires_at.timestamp() - RENEW_BEFORE <= self._clock():
                known = self._ask(repo)
                self._tokens[key] = known
            return known.token

    def forget(self, repo: Repo) -> None:
        """Ask for a new token next time."""
        with self._lock:
            self._tokens.pop(repo.full_name.lower(), None)

    def own_login(self, repo: Repo) -> str:
        """The login that we write as: the token's, or that of the App's bot account."""
        if self._app is not None:
            with translated("asking for the App's name", repo), self._client(self._app) as app:
                return f"{Session(app.requester, repo).get('/app', _App).slug}[bot]"
        with self.session(repo, "asking whose token this is") as session:
            return session.get("/user", _Login).login

    def _ask(self, repo: Repo) -> _Token:
        try:
            with (
                translated(f"looking for the App's installation on {repo}", repo),
                self._client(self._app) as app,
            ):
                found = Session(app.requester, repo).get(
                    f"/repos/{repo.full_name}/installation", _Installation
                )
        except NotFoundError as error:
            raise NotFoundError(
                f"the GitHub App is not installed on {repo} (or the repository does not exist): "
                f"install the App on {repo}"
            ) from error
        # The grant is a POST, but a second token does no harm: reads' retries would be fine, none are needed.
        body = {"repositories": [repo.name], "permissions": self._permissions}
        try:
            with translated(f"asking for a token for {repo}", repo), self._client(self._app) as app:
                path = f"/app/installations/{found.id}/access_tokens"
                return Session(app.requester, repo).post(path, _Token, body)
        except PatchPilotError as error:
            if is_status(error, 422):
                wanted = ", ".join(f"{name}: {level}" for name, level in self._permissions.items())
                raise PermanentError(
                    f"the GitHub App lacks permissions on {repo}: grant it {wanted} in the App's settings "
                    "and accept the new permissions in the installation"
                ) from error
            raise

    def _client(self, auth: Auth.Auth | None) -> github.Github:
        return github.Github(
            auth=auth,
            base_url=self.api_url,
            timeout=TIMEOUT_SECONDS,
            user_agent=USER_AGENT,
            per_page=100,
            retry=None if self.writes else _read_retry(),
            # Pacing is the queue's job: PyGithub's would sleep a second before every write.
            seconds_between_requests=None,
            seconds_between_writes=None,
        )


def web_url_of(api_url: str) -> str:
    """Where the server with this API shows pages: no trailing slash."""
    parts = urlsplit(api_url.rstrip("/"))
    if parts.path.endswith("/api/v3"):
        return urlunsplit(parts._replace(path=parts.path.removesuffix("/api/v3")))
    return urlunsplit(parts._replace(netloc=parts.netloc.removeprefix("api."), path=""))


def reader_access(settings: GitHubReaderSettings) -> GitHubAccess:
    """Read access for bot and worker; raises :class:`ConfigurationError` naming what to set."""
    credentials = _credentials(
        app_id=settings.github_reader_app_id,
        key=settings.github_reader_private_key.get_secret_value(),
        token=settings.github_reader_token.get_secret_value(),
        prefix="GITHUB_READER_",
    )
    return GitHubAccess(credentials, api_url=settings.github_api_url)


def writer_access(settings: EffectsSettings) -> GitHubAccess:
    """Write access for the effects role; raises :class:`ConfigurationError` naming what to set."""
    return _effects_access(settings, WRITER)


def follower_access(settings: EffectsSettings) -> GitHubAccess:
    """What the effects role reads CI with; raises :class:`ConfigurationError` naming what to set."""
    return _effects_access(settings, FOLLOWER)


def rerun_access(settings: EffectsSettings) -> GitHubAccess:
    """What the effects role needs to ask for a rerun; raises :class:`ConfigurationError` if it may not."""
    if not settings.rerun_flaky:
        raise ConfigurationError("RERUN_FLAKY is not set for the effects role, so it asks for no rerun")
    return _effects_access(settings, RERUNNER)


def _effects_access(settings: EffectsSettings, permissions: Mapping[str, str]) -> GitHubAccess:
    credentials = _credentials(
        app_id=settings.github_app_id,
        key=settings.github_private_key.get_secret_value(),
        token=settings.github_token.get_secret_value(),
        prefix="GITHUB_",
    )
    return GitHubAccess(credentials, api_url=settings.github_api_url, permissions=permissions, writes=True)


class _Any(BaseModel):
    """An answer of which nothing is read."""


class _Login(BaseModel):
    login: str


class _App(BaseModel):
    slug: str


def _read_retry() -> Retry:
    """Two quick retries of GET after a 5xx. Rate limits are not slept out here: the queue waits instead.

    PyGithub's own default retries POST as well, ten times, and sleeps until the rate limit resets.
    """
    return Retry(
        total=2,
        backoff_factor=0.2,
        status_forcelist=(500, 502, 503, 504),
        allowed_methods=("GET", "HEAD"),
        respect_retry_after_header=False,
        raise_on_status=False,
    )


def _credentials(*, app_id: str, key: str, token: str, prefix: str) -> AppKey | PlainToken:
    if app_id.strip() and key.strip():
        return AppKey(app_id.strip(), _pem(key, f"{prefix}PRIVATE_KEY"))
    if token.strip():
        return PlainToken(token.strip())
    raise ConfigurationError(*lacking_app(prefix, app_id=app_id, key=key, token=token))


def _pem(key: str, name: str) -> str:
    if "-----BEGIN" in key:
        # Environment files can't hold line breaks everywhere, so "\n" is accepted for them.
        return key.replace("\\n", "\n").strip() + "\n"
    try:
        return Path(key.strip()).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError, ValueError):
        raise ConfigurationError(
            f"{name} is neither PEM text (-----BEGIN …) nor the path of a readable file with it"
        ) from None


def _app_auth(key: AppKey) -> Auth.AppAuth:
    """Signs one JWT to see that the key is usable: a bad one must stop the start, not the first heal."""
    auth = Auth.AppAuth(key.app_id, key.pem)
    try:
        auth.create_jwt()
    except (jwt.PyJWTError, ValueError, TypeError):
        raise ConfigurationError(
            f"the private key of GitHub App {key.app_id} can't be used: download a new one (PEM, RSA) "
            "from the App's settings"
        ) from None
    return auth


def checked_url(api_url: str) -> str:
    """The address without a slash at its end. Raises :class:`ConfigurationError` for one that can't be."""
    parts = urlsplit(api_url.strip().rstrip("/"))
    if parts.scheme not in _HTTP or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ConfigurationError(
            f"GITHUB_API_URL is {api_url!r}: it must be https://api.github.com or https://HOST/api/v3"
        )
    return urlunsplit(parts)
