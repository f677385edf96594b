"""Errors, by the one question a worker asks: is it worth trying again later?

Client libraries' own exceptions are translated where they enter (a provider, the sandbox, storage, the
model client), so no caller needs to know PyGithub's or docker-py's tree. Only :mod:`jobs.tasks` turns a
:class:`TemporaryError` into a retry of the job.
"""

from __future__ import annotations


class PatchPilotError(Exception):
    """Something went wrong that PatchPilot has a sentence for.

    The message says what was being done and, where a person can mend it, what to do. It is safe to show.
    """


class TemporaryError(PatchPilotError):
    """The same call may succeed later: a timeout, a rate limit, a service that is away.

    ``retry_after`` is the number of seconds to wait before trying again.
    """

    def __init__(self, message: str, *, retry_after: float = 30.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreachableError(TemporaryError):
    """A service is not where its setting says, or turns us away there.

    A process that runs already tries again, as a server may come back. The message is for everybody;
    ``advice`` names hosts, users and the setting to look at, and is for operators only.
    """

    def __init__(self, message: str, *, advice: str, retry_after: float = 30.0) -> None:
        super().__init__(message, retry_after=retry_after)
        self.advice = advice

    @property
    def in_full(self) -> str:
        """The message with its advice."""
        return f"{self}: {self.advice}"


class PermanentError(PatchPilotError):
    """Trying again changes nothing until a person does: a missing repository, a refused request."""


class ConfigurationError(PermanentError):
    """A setting is missing or malformed; the message names the setting and what it should hold."""


class NotFoundError(PermanentError):
    """The repository, commit, run or log is not there, or this installation may not see it."""


class ForgeryError(PermanentError):
    """A request's signature is missing, wrong or stale; answer 401 and record nothing."""


class MalformedPayloadError(PermanentError):
    """A correctly signed request whose body is not what its provider documents; answer 400."""


class PatchDoesNotApplyError(PermanentError):
    """A patch that does not fit the tree it is meant for."""


class UnsafePathError(PermanentError):
    """A path that leaves the checkout, passes through a symlink or reaches into ``.git``."""


class SandboxUnavailableError(TemporaryError):
    """The sandbox itself failed (engine gone, image missing): says nothing about the code under test."""


class LeaseLostError(PatchPilotError):
    """Another worker holds this heal now; whatever this one still does must have no effect."""


class BudgetExceededError(PermanentError):
    """The next model call could pass the dollar or token limit of this heal or this repository's day."""


class ModelRefusedError(PermanentError):
    """The model declined, was cut off or answered in a form that cannot be used; the message says which."""
