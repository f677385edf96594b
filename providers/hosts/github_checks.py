"""Our check run on a commit: one per commit, made once and brought up to date.

https://docs.github.com/en/rest/checks/runs
Only an App may write check runs, and only the App that made one may change it.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, Field

from patchpilot.errors import PatchPilotError, TemporaryError
from patchpilot.pull_thread import (
    CHECK_NAME,
    DESCRIPTION_CHARACTERS,
    IDENTIFIER_CHARACTERS,
    LABEL_CHARACTERS,
    MOST_ACTIONS,
    MOST_ANNOTATIONS,
    CheckAnnotation,
    CheckReport,
)
from patchpilot.source import Repo
from patchpilot.text import one_line, shorten
from providers.hosts.github_api import Session
from providers.hosts.github_auth import GitHubAccess
from providers.hosts.github_errors import is_status

MOST_CHARACTERS: Final = 65_535
"""Of a summary and of a text."""
_MESSAGE_CHARACTERS: Final = 1_000
_TITLE_CHARACTERS: Final = 255


class _App(BaseModel):
    id: int


class _Output(BaseModel):
    annotations_count: int = 0


class _Check(BaseModel):
    id: int
    name: str = ""
    html_url: str | None = None
    app: _App | None = None
    output: _Output = Field(default_factory=_Output)


class GitHubChecks:
    """Writes our check runs. Only the effects role has credentials for it."""

    def __init__(self, access: GitHubAccess) -> None:
        self._access = access

    def put(self, repo: Repo, report: CheckReport) -> str:
        """Make the check run of the report's commit, or bring it up to date; returns its id.

        Raises :class:`~patchpilot.errors.PermanentError` where this installation may not write check runs.
        """
        doing = f"showing a check run on {report.head_sha[:12]} of {repo}"
        known = self._find(repo, report)
        if known is None:
            known = self._create_or_find(repo, report, doing)
        with self._access.session(repo, doing) as session:
            self._update(session, known, report)
        return str(known.id)

    def _find(self, repo: Repo, report: CheckReport) -> _Check | None:
        app = self._access.app_id
        asked: dict[str, str | int] = {"check_name": CHECK_NAME, "filter": "all"}
        if app is not None:
            asked["app_id"] = app
        path = f"commits/{report.head_sha}/check-runs"
        with self._access.session(repo, f"reading the check runs of {report.head_sha[:12]}") as session:
            for found in session.pages(path, _Check, key="check_runs", params=asked):
                # Servers ignore a filter they don't know, and any App may name its check run like ours.
                ours = app is None or (found.app is not None and found.app.id == app)
                if ours and found.name == CHECK_NAME:
                    return found
        return None

    def _create_or_find(self, repo: Repo, report: CheckReport, doing: str) -> _Check:
        body = {"name": CHECK_NAME, "head_sha": report.head_sha, **_fields(report)}
        try:
            with self._access.session(repo, doing) as session:
                return session.post("check-runs", _Check, body)
        except PatchPilotError as error:
            if not (isinstance(error, TemporaryError) or is_status(error, 409, 422)):
                raise
            found = self._find(repo, report)
            if found is None:
                raise
            return found

    def _update(self, session: Session, known: _Check, report: CheckReport) -> None:
        # GitHub adds annotations to those that are there, so only those that are missing are sent.
        missing = report.annotations[known.output.annotations_count :]
        for start in range(0, max(len(missing), 1), MOST_ANNOTATIONS):
            body = _fields(report)
            body["output"]["annotations"] = [
                _annotation(one) for one in missing[start : start + MOST_ANNOTATIONS]
            ]
            session.patch(f"check-runs/{known.id}", _Check, body)


def _fields(report: CheckReport) -> dict[str, Any]:
    ending = {"status": "completed", "conclusion": "neutral"} if report.completed else {}
    fields = {
        "external_id": report.external_id,
        "status": "in_progress",
        **ending,
        "output": {
            "title": one_line(report.title, _TITLE_CHARACTERS),
            "summary": shorten(report.summary, MOST_CHARACTERS),
            "text": shorten(report.text, MOST_CHARACTERS),
        },
        "actions": [
            {
                "identifier": one.identifier[:IDENTIFIER_CHARACTERS],
                "label": shorten(one.label, LABEL_CHARACTERS),
                "description": shorten(one.description, DESCRIPTION_CHARACTERS),
            }
            for one in report.actions[:MOST_ACTIONS]
        ],
    }
    return fields | ({"details_url": report.details_url} if report.details_url else {})


def _annotation(one: CheckAnnotation) -> dict[str, Any]:
    return {
        "path": one.path,
        "start_line": one.line,
        "end_line": one.line,
        "annotation_level": "warning",
        "message": shorten(one.message, _MESSAGE_CHARACTERS),
    }
