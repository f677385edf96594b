"""Sign-in with GitHub: the GitHub App's web application flow, used only to learn who somebody is.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final, TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, PositiveInt, ValidationError

from patchpilot.errors import ConfigurationError, PermanentError, TemporaryError
from patchpilot.settings import BotSettings
from patchpilot.source import HostUser
from providers.hosts.github_auth import USER_AGENT, web_url_of
from providers.hosts.github_errors import translated

_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_SERVER_ERROR: Final = 500
_OK: Final = 200
_NOT_FOUND: Final = 404


Shape = TypeVar("Shape", bound=BaseModel)


class _Granted(BaseModel):
    access_token: str = ""
    error: str = ""
    error_description: str = ""


class _User(BaseModel):
    id: PositiveInt
    login: str


class GitHubSignIn:
    """Implements :class:`patchpilot.ports.SignIn`. ``web_url`` shows pages, ``api_url`` answers calls."""

    def __init__(
        self, *, client_id: str, client_secret: str, web_url: str, api_url: str, callback: str
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._web_url = web_url.rstrip("/")
        self._api_url = api_url.rstrip("/")
        self._callback = callback

    def authorize_url(self, *, state: str, verifier: str) -> str:
        """Where the person's browser goes. No scope: a GitHub App's user token has the App's permissions."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self._client_id,
            "redirect_uri": self._callback,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._web_url}/login/oauth/authorize?{urlencode(asked)}"

    def user_of(self, *, code: str, verifier: str) -> HostUser:
        """Who came back with ``code``. The token that it buys is used once and not kept.

        Raises :class:`PermanentError` for a code that is not good (any more).
        """
        doing = "asking who signed in"
        with (
            translated(doing),
            httpx.Client(
                timeout=_TIMEOUT, headers={"User-Agent": USER_AGENT, "Accept": "application/json"}
            ) as client,
        ):
            granted = _read(_Granted, self._ask_for_token(client, code, verifier), doing)
            if not granted.access_token:
                raise PermanentError(f"GitHub does not take this sign-in ({granted.error or 'no token'})")
            headers = {"Authorization": f"Bearer {granted.access_token}"}
            user = _read(_User, client.get(f"{self._api_url}/user", headers=headers), doing)
        return HostUser(host="github", login=user.login, id=user.id)

    def refusal(self) -> str:
        """Why GitHub gives no token for a code that it never gave: its error code, ``not_found`` for no App.

        ``bad_verification_code`` says that it knows the client and takes its secret.
        """
        doing = "asking about sign-in"
        with (
            translated(doing),
            httpx.Client(
                timeout=_TIMEOUT, headers={"User-Agent": USER_AGENT, "Accept": "application/json"}
            ) as client,
        ):
            answer = self._ask_for_token(client, "patchpilot-doctor", "patchpilot-doctor")
            if answer.status_code == _NOT_FOUND:
                return "not_found"
            return _read(_Granted, answer, doing).error or "no error"

    def _ask_for_token(self, client: httpx.Client, code: str, verifier: str) -> httpx.Response:
        return client.post(
            f"{self._web_url}/login/oauth/access_token",
            data={
                "client_id": self._client_id,
                "client_secret": self._client_secret,
                "code": code,
                "redirect_uri": self._callback,
                "code_verifier": verifier,
            },
        )


def github_sign_in(settings: BotSettings) -> GitHubSignIn | None:
    """Sign-in with the App that the settings name; ``None`` where they name none.

    Raises :class:`ConfigurationError` for half of one.
    """
    client_id = settings.github_app_client_id.strip()
    secret = settings.github_app_client_secret.get_secret_value().strip()
    if not client_id and not secret:
        return None
    if not client_id or not secret:
        missing = "SECRET" if client_id else "ID"
        raise ConfigurationError(f"GITHUB_APP_CLIENT_{missing} is not set: sign-in needs both id and secret")
    return GitHubSignIn(
        client_id=client_id,
        client_secret=secret,
        web_url=web_url_of(settings.github_api_url),
        api_url=settings.github_api_url,
        callback=f"{settings.public_url.rstrip('/')}/auth/github/callback",
    )


def _read(shape: type[Shape], answer: httpx.Response, doing: str) -> Shape:
    if answer.status_code >= _SERVER_ERROR:
        raise TemporaryError(f"GitHub answered {answer.status_code} while {doing}", retry_after=15)
    if answer.status_code != _OK:
        raise PermanentError(f"GitHub answered {answer.status_code} while {doing}")
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError:
        # Without a cause: pydantic's message would show the token.
        raise PermanentError(f"GitHub's answer has an unknown shape while {doing}") from None
