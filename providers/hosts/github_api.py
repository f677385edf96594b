"""Calls to GitHub's REST API over PyGithub's transport, with answers parsed once into typed values.

PyGithub brings authentication, connections and errors. Its objects are not used here: they load missing
fields behind one's back, which costs calls and fails where a server sends links of another host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from github.Requester import Requester
from pydantic import BaseModel, TypeAdapter

from patchpilot.source import Repo

Shape = TypeVar("Shape", bound=BaseModel)
Params = Mapping[str, str | int]

MAX_PAGES = 100
"""At 100 entries a page: 10,000 entries are more than anything here asks for."""


class Session:
    """Calls about one repository, or none. Paths that start without ``/`` are below
    ``/repos/{owner}/{name}/``.

    Errors are PyGithub's; :meth:`providers.hosts.github_auth.GitHubAccess.session` translates them.
    """

    def __init__(self, requester: Requester, repo: Repo | None) -> None:
        self._requester = requester
        self._root = f"/repos/{repo.full_name}/" if repo else "/"

    def get(self, path: str, shape: type[Shape], params: Params | None = None) -> Shape:
        """GET one object."""
        _, data = self._requester.requestJsonAndCheck("GET", self._url(path), parameters=dict(params or {}))
        return shape.model_validate(data)

    def pages(
        self,
        path: str,
        shape: type[Shape],
        *,
        key: str = "",
        params: Params | None = None,
        per_page: int = 100,
    ) -> Iterator[Shape]:
        """GET a list page by page; ``key`` names the list inside the answer where there is an envelope."""
        entries = TypeAdapter(list[shape])  # type: ignore[valid-type]  # a run-time type, as pydantic wants it
        for page in range(1, MAX_PAGES + 1):
            asked = {**(params or {}), "per_page": per_page, "page": page}
            headers, data = self._requester.requestJsonAndCheck("GET", self._url(path), parameters=asked)
            found: list[Shape] = entries.validate_python(data.get(key) if key else data)
            yield from found
            # The next page's number is counted here: following the link would follow the server's host.
            if 'rel="next"' not in str(headers.get("link", "")):
                return

    def first(self, path: str, shape: type[Shape], count: int) -> list[Shape]:
        """GET the first ``count`` of a list, at most 100."""
        entries = TypeAdapter(list[shape])  # type: ignore[valid-type]  # a run-time type, as pydantic wants it
        _, data = self._requester.requestJsonAndCheck("GET", self._url(path), parameters={"per_page": count})
        return entries.validate_python(data)

    def text(self, path: str, accept: str, params: Params | None = None) -> str:
        """GET a body that is not JSON, such as a diff."""
        status, headers, body = self._requester.requestJson(
            "GET", self._url(path), parameters=dict(params or {}), headers={"Accept": accept}
        )
        if status >= 400:  # noqa: PLR2004 - HTTP's first error status
            raise self._requester.createException(status, headers, {"message": body[:200]})
        return body

    def raw(self, path: str, params: Params | None = None) -> str:
        """GET a file's text (``contents/…``)."""
        return self.text(path, "application/vnd.github.raw+json", params)

    def post(self, path: str, shape: type[Shape], body: Mapping[str, Any]) -> Shape:
        """POST and read the object that was made."""
        _, data = self._requester.requestJsonAndCheck("POST", self._url(path), input=dict(body))
        return shape.model_validate(data)

    def patch(self, path: str, shape: type[Shape], body: Mapping[str, Any]) -> Shape:
        """PATCH and read the object as it is now."""
        _, data = self._requester.requestJsonAndCheck("PATCH", self._url(path), input=dict(body))
        return shape.model_validate(data)

    def mutate(self, name: str, values: Mapping[str, Any], answer: str) -> None:
        """A GraphQL mutation, for the little that REST does not have."""
        self._requester.graphql_named_mutation(name, dict(values), answer)

    def send(self, path: str, body: Mapping[str, Any]) -> None:
        """POST where the answer doesn't matter."""
        self._requester.requestJsonAndCheck("POST", self._url(path), input=dict(body))

    def _url(self, path: str) -> str:
        return path if path.startswith("/") else self._root + path


def segment(text: str) -> str:
    """One path segment: everything quoted, slashes too."""
    return quote(text, safe="")


def ref_path(branch: str) -> str:
    """A branch name inside a path; GitHub wants its slashes as they are."""
    return quote(branch, safe="/")
