"""Who is calling, and what they may do: personal tokens, installation tokens, Apps' signed JWTs.

The rules are GitHub's: a repository that a caller may not see answers 404, a missing permission 403, an
unknown token 401.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from playground.github.errors import ApiError, bad_credentials, not_found, requires_authentication
from playground.github.model import Account, App, Installation, PlaygroundRepo, Role, Token, now
from playground.github.world import World

_LEVELS = {"read": 1, "write": 2, "admin": 3}
_NEEDED_ROLE = {"read": Role.READ, "write": Role.WRITE, "admin": Role.ADMIN}
_TRIAGE_AREAS = {"issues"}
"""Areas in which triage already may write: labels, assignees, closing."""

_MAX_JWT_SECONDS = 600
_CLOCK_LEEWAY = 60
"""GitHub advises to set ``iat`` 60 seconds into the past against clock drift, so it tolerates some itself."""

_APP_METADATA = {"metadata": "read"}
"""Every installation may read metadata; it can't be taken away."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request; all empty for an anonymous one."""

    token: Token | None = None
    app: App | None = None
    """Set for a request that an App signed with its own key, instead of a token."""

    @property
    def account(self) -> Account | None:
        """Who acts."""
        if self.token:
            return self.token.account
        return self.app.bot if self.app else None

    @property
    def installation(self) -> Installation | None:
        """The installation that acts, if one does."""
        return self.token.installation if self.token else None

    @property
    def via_app(self) -> App | None:
        """The App through which this is done, for ``performed_via_github_app``."""
        return self.installation.app if self.installation else None

    def user(self) -> Account:
        """The acting account; raises 401 for an anonymous or App-signed request."""
        if self.token is None:
            raise requires_authentication()
        return self.token.account

    def sees(self, repository: PlaygroundRepo) -> bool:
        """Whether the repository exists for this caller."""
        if not repository.private:
            return True
        if self.token is None:
            return False
        if self.token.installation is None:
            return repository.role(self.token.account.login) > Role.NONE
        return self._reaches(repository)

    def may(self, repository: PlaygroundRepo, area: str, level: str) -> bool:
        """Whether the caller has ``level`` (read, write, admin) in ``area`` (contents, issues, ...)."""
        if not self.sees(repository):
            return False
        if self.token is None:
            return level == "read"
        if self.token.installation is None:
            return self._person_may(repository, area, level)
        if not self._reaches(repository):
            return level == "read" and not repository.private
        return granted(self.token.permissions, area, level)

    def require(self, repository: PlaygroundRepo, area: str, level: str) -> None:
        """Raise the 401, 403 or 404 that GitHub would answer."""
        if not self.sees(repository):
            raise not_found()
        if not self.may(repository, area, level):
            if self.token is None:
                raise requires_authentication()
            raise forbidden(self)

    def _reaches(self, repository: PlaygroundRepo) -> bool:
        assert self.token is not None
        assert self.token.installation is not None
        if not self.token.installation.covers(repository.full_name):
            return False
        chosen = self.token.repositories
        return chosen is None or repository.full_name.lower() in chosen

    def _person_may(self, repository: PlaygroundRepo, area: str, level: str) -> bool:
        assert self.token is not None
        if area == "checks" and level != "read":
            return False  # only Apps write check runs
        needed = _NEEDED_ROLE[level]
        if level == "write" and area in _TRIAGE_AREAS:
            needed = Role.TRIAGE
        return repository.role(self.token.account.login) >= needed


def forbidden(caller: Caller) -> ApiError:
    """The 403 for a missing permission, worded by the kind of token."""
    kind = "integration" if caller.installation else "personal access token"
    return ApiError(403, f"Resource not accessible by {kind}")


def granted(permissions: object, area: str, level: str) -> bool:
    """Whether an App's ``permissions`` contain ``level`` in ``area``."""
    have = {**permissions, **_APP_METADATA} if isinstance(permissions, dict) else _APP_METADATA
    return _LEVELS.get(have.get(area, ""), 0) >= _LEVELS[level]


def wider(wanted: dict[str, str], have: dict[str, str]) -> list[str]:
    """The areas in which ``wanted`` goes beyond ``have``."""
    return [area for area, level in wanted.items() if level not in _LEVELS or not granted(have, area, level)]


def authenticate(world: World, header: str | None) -> Caller:
    """Read an ``Authorization`` header; raises 401 for anything that is not valid now."""
    if not header:
        return Caller()
    scheme, _, credentials = header.strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "basic":
        return Caller(token=_token(world, _basic_password(credentials)))
    if scheme.lower() not in {"token", "bearer"} or not credentials:
        raise bad_credentials()
    if credentials.count(".") == 2:  # noqa: PLR2004 -- header.payload.signature; tokens have no dots
        return Caller(app=_app_of(world, credentials))
    return Caller(token=_token(world, credentials))


def _basic_password(credentials: str) -> str:
    """Git and curl send ``x-access-token:TOKEN``; the token alone as user name is accepted as well."""
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise bad_credentials() from None
    return password if password not in {"", "x-oauth-basic"} else user


def _token(world: World, value: str) -> Token:
    token = world.tokens.get(value)
    if token is None or (token.expires_at and token.expires_at <= now()):
        raise bad_credentials()
    return token


def _app_of(world: World, jwt: str) -> App:
    """Check an App's JWT as documented: RS256, ``iss`` is the App's id, ``exp`` at most ten minutes away.
    https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
    """
    signed, _, signature = jwt.rpartition(".")
    head, _, payload = signed.partition(".")
    header, claims = _decoded(head), _decoded(payload)
    if header.get("alg") != "RS256":
        raise ApiError(401, "A JSON web token could not be decoded")
    app = world.apps.get(_number(claims.get("iss")))
    if app is None:
        raise ApiError(404, "Integration not found")
    _check_signature(app, signed.encode(), signature)
    _check_times(claims)
    return app


def _decoded(part: str) -> dict[str, object]:
    try:
        value = json.loads(_unpadded(part))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError(401, "A JSON web token could not be decoded")
    return value


def _unpadded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _number(issuer: object) -> int:
    text = str(issuer)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1  # noqa: PLR2004 -- 64 bits


def _check_signature(app: App, signed: bytes, signature: str) -> None:
    key = load_pem_public_key(app.public_key_pem.encode())
    assert isinstance(key, rsa.RSAPublicKey), "installed Apps have RSA keys"
    try:
        key.verify(_unpadded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise ApiError(401, "A JSON web token could not be decoded") from None


def _check_times(claims: dict[str, object]) -> None:
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(issued, int) or issued > time.time() + _CLOCK_LEEWAY:
        raise ApiError(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was "
            "issued",
        )
    if not isinstance(expires, int | float) or expires <= time.time():
        raise ApiError(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at "
            "which the assertion expires",
        )
    if expires > time.time() + _MAX_JWT_SECONDS + _CLOCK_LEEWAY:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")


def is_rsa_public_key(pem: str) -> bool:
    """Whether ``pem`` is the public half of an RSA key."""
    try:
        return isinstance(load_pem_public_key(pem.encode()), rsa.RSAPublicKey)
    except ValueError:
        return False
