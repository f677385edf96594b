"""Refusals in the words GitHub uses, so that clients meet here what they would meet there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DOCS = "https://docs.github.com/rest"


class ApiError(Exception):
    """A request that is answered with a 4xx or 5xx status and GitHub's error body.

    ``errors`` is the list that GitHub adds to a 422: objects with ``resource``, ``field`` and ``code``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, object]:
        """The JSON body."""
        body: dict[str, object] = {"message": self.message, "documentation_url": DOCS}
        if self.errors:
            body["errors"] = [dict(error) for error in self.errors]
        body["status"] = str(self.status)
        return body


def not_found() -> ApiError:
    """What is not there and what the caller may not see look the same."""
    return ApiError(404, "Not Found")


def bad_credentials() -> ApiError:
    """An unknown, revoked or expired token."""
    return ApiError(401, "Bad credentials")


def requires_authentication() -> ApiError:
    """A request without a token where one is needed."""
    return ApiError(401, "Requires authentication")


def invalid(resource: str, field: str, *, code: str = "invalid", message: str = "") -> ApiError:
    """A 422 about one field; ``code`` as in GitHub's list: missing_field, invalid, already_exists, custom."""
    error: dict[str, object] = {"resource": resource, "code": code, "field": field}
    if message:
        error["message"] = message
    return ApiError(422, "Validation Failed", errors=[error])


def unprocessable(message: str) -> ApiError:
    """A 422 that is only a sentence."""
    return ApiError(422, message)
