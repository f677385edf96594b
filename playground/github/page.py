"""The playground's GitHub as the page wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from playground.github.errors import ApiError
from playground.github.server import GitHub
from playground.web.github_view import RefusedError, RepositoryCard


class GitHubPage:
    """Implements :class:`playground.web.github_view.GitHubView` on a :class:`GitHub`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def repositories(self) -> Sequence[RepositoryCard]:
        return self._github.snapshot()

    def log(self, full_name: str, job_id: int) -> str:
        with _refusals():
            return self._github.job_log(full_name, job_id)

    def diff(self, full_name: str, number: int) -> str:
        with _refusals():
            return self._github.diff(full_name, number)

    def merge(self, full_name: str, number: int, *, by: str) -> None:
        with _refusals():
            self._github.merge(full_name, number, by=by)

    def close(self, full_name: str, number: int, *, by: str) -> None:
        with _refusals():
            self._github.close_pull_request(full_name, number, by=by)

    def reopen(self, full_name: str, number: int, *, by: str) -> None:
        with _refusals():
            self._github.reopen_pull_request(full_name, number, by=by)

    def ready(self, full_name: str, number: int, *, by: str) -> None:
        with _refusals():
            self._github.mark_ready(full_name, number, by=by)

    def comment(self, full_name: str, number: int, text: str, *, by: str) -> None:
        with _refusals():
            self._github.comment(full_name, number, by=by, body=text)

    def rerun(self, full_name: str, run_id: int, *, by: str) -> None:
        with _refusals():
            self._github.rerun(full_name, run_id, by=by)

    def press_check(self, full_name: str, check_id: int, identifier: str, *, by: str) -> None:
        with _refusals():
            self._github.request_action(full_name, check_id, identifier, by=by)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        return self._github.subscribe(listener)


@contextmanager
def _refusals() -> Iterator[None]:
    """GitHub's refusals as the page tells them to a person."""
    try:
        yield
    except ApiError as error:
        raise RefusedError(_sentence(error)) from error
    except (LookupError, ValueError) as error:
        raise RefusedError(str(error)) from error


def _sentence(error: ApiError) -> str:
    details = [str(one.get("message", "")) for one in error.errors]
    return " ".join([error.message, *(detail for detail in details if detail)])
