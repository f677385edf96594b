"""How the Web API answers: the body, the status, and the errors that carry Slack's codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.slack.schema import Json


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer; ``body`` is JSON, or text as it stands when it is a string."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json | str


class SlackError(Exception):
    """The Web API says no, with Slack's error code, for instance ``channel_not_found``."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    def body(self) -> Json:
        """The JSON that Slack answers with."""
        return {"ok": False, "error": self.code, **self.details}


def invalid(code: str, problems: Sequence[str]) -> SlackError:
    """An error with one sentence per problem, in the two places where Slack puts them."""
    return SlackError(
        code,
        errors=list(problems),
        response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]},
    )


class RateLimitedError(SlackError):
    """HTTP 429; ``retry_after`` is in whole seconds, as in the header of the same name."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class NotPossibleError(Exception):
    """A person of the playground tries something their Slack client would not let them do."""


class IncompleteFormError(NotPossibleError):
    """A modal's answers that Slack's own client refuses, by block id: ``{"reason": "…"}``."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{block}: {problem}" for block, problem in problems.items()))
        self.problems = dict(problems)
