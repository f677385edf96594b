"""PyGithub's and httpx's errors, translated where they enter.

Each message says what was being done and, where a person can mend it, what to do. None holds a token:
GitHub's answers don't carry one, and requests are never printed.
Rules for rate limits: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import github
import httpx
import requests
from pydantic import ValidationError

from patchpilot.errors import NotFoundError, PatchPilotError, PermanentError, TemporaryError
from patchpilot.source import Repo
from patchpilot.text import one_line

SECONDARY_WAIT = 60.0
"""Seconds to wait after a secondary rate limit that names none, as GitHub's documentation asks."""
LONGEST_WAIT = 3_900.0
"""GitHub's windows last an hour; a longer answer is a clock that is wrong."""


@contextmanager
def translated(doing: str, repo: Repo | None = None) -> Iterator[None]:
    """Run a block of calls to GitHub; ``doing`` follows "while": ``reading the jobs of run 7``."""
    try:
        yield
    except PatchPilotError:
        raise
    except github.GithubException as error:
        raise from_status(
            error.status, error.headers or {}, _message(error), doing=doing, repo=repo
        ) from error
    except (requests.exceptions.RequestException, httpx.TransportError) as error:
        kind = type(error).__name__
        raise TemporaryError(f"GitHub can't be reached ({kind}) while {doing}", retry_after=15) from error
    except (ValidationError, github.BadAttributeException, github.IncompletableObject) as error:
        raise PermanentError(
            f"GitHub's answer has an unknown shape while {doing}; check that GITHUB_API_URL is right"
        ) from error
    except ValueError as error:
        # A proxy's HTML page, or half a JSON document.
        raise TemporaryError(f"GitHub's answer can't be read while {doing}", retry_after=30) from error
    except (AssertionError, RuntimeError) as error:
        # PyGithub asserts that the answer's own links stay on the host it was told, and raises on redirects.
        raise PermanentError(
            f"GitHub's answer points to another host while {doing}: "
            "set GITHUB_API_URL to the address that the server itself advertises"
        ) from error


def from_status(
    status: int, headers: Mapping[str, str], message: str, *, doing: str, repo: Repo | None
) -> PatchPilotError:
    """The error that an HTTP status means, with the sentence for people."""
    named = {key.lower(): value for key, value in headers.items()}
    where = f" on {repo}" if repo else ""
    said = f" (GitHub says: {one_line(message)})" if message else ""
    if _is_rate_limit(status, named, message):
        wait = retry_after(named)
        return TemporaryError(
            f"GitHub's rate limit is reached while {doing}; next try in {wait:.0f} s", retry_after=wait
        )
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TemporaryError(
            f"GitHub answered {status} while {doing}", retry_after=_seconds(named.get("retry-after"), 15.0)
        )
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return NotFoundError(
            f"GitHub found nothing while {doing}: it is gone, or the App is not installed; "
            f"install the App on {repo or 'the repository'}"
        )
    return PermanentError(_refusal(status, doing, said, where))


def _refusal(status: int, doing: str, said: str, where: str) -> str:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return f"GitHub refused the credentials while {doing}: renew the token or App key"
        case HTTPStatus.FORBIDDEN:
            return f"GitHub forbids {doing}{said}: check the permissions that the App or token has{where}"
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.CONFLICT:
            return f"GitHub can't process the request while {doing}{said}"
        case _:
            return f"GitHub answered {status} while {doing}{said}"


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait: what GitHub asks for, else until an empty window resets, else a minute.

    Expects lower-case header names.
    """
    if "retry-after" in headers:
        return _seconds(headers["retry-after"], SECONDARY_WAIT)
    if headers.get("x-ratelimit-remaining") == "0":
        reset = _seconds(headers.get("x-ratelimit-reset"), 0.0, limit=float("inf"))
        if reset:
            # One more second: the window opens somewhere within the second that is named.
            return min(max(reset - time.time(), 0.0) + 1.0, LONGEST_WAIT)
    return SECONDARY_WAIT


def is_status(error: BaseException, *statuses: int) -> bool:
    """Whether a translated error came from one of these HTTP statuses."""
    cause = error.__cause__
    return isinstance(cause, github.GithubException) and cause.status in statuses


def _is_rate_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    return status == HTTPStatus.FORBIDDEN and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in message.lower()
    )


def _seconds(text: str | None, default: float, *, limit: float = LONGEST_WAIT) -> float:
    try:
        value = float(text) if text else default
    except ValueError:
        return default
    return min(max(value, 1.0), limit) if value == value else default  # noqa: PLR0124 - NaN is unequal to itself


def _message(error: github.GithubException) -> str:
    """What GitHub said, with the field errors that make a 422 understandable."""
    data = error.data
    if not isinstance(data, dict):
        return ""
    parts = [str(data.get("message") or "")]
    errors = data.get("errors")
    for item in errors if isinstance(errors, list) else []:
        if isinstance(item, dict):
            field = f"{item.get('resource', '')}.{item.get('field', '')}".strip(".")
            parts.append(f"{field}: {item.get('message') or item.get('code') or ''}".strip(": "))
        else:
            parts.append(str(item))
    return "; ".join(part for part in parts if part)
