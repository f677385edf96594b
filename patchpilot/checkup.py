"""Findings of a check-up (``patchpilot doctor``): what is well, what is not, and how to mend it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from patchpilot.errors import PatchPilotError, TemporaryError


class Level(enum.StrEnum):
    """How much a finding matters."""

    WELL = "well"
    NOTE = "note"
    """Works, with something left out on purpose or not needed."""
    WARNING = "warning"
    """Works now, and something that people expect will not."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    about: str
    """What: ``Slack scopes``, ``database schema``."""
    level: Level
    text: str
    mend: str = ""
    """What to do, for everything that is not well."""


def well(about: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(about=about, level=Level.WELL, text=text)


def note(about: str, text: str, mend: str = "") -> Finding:
    """It is worth knowing."""
    return Finding(about=about, level=Level.NOTE, text=text, mend=mend)


def warning(about: str, text: str, mend: str) -> Finding:
    """Something that people expect will not work."""
    return Finding(about=about, level=Level.WARNING, text=text, mend=mend)


def failed(about: str, text: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(about=about, level=Level.FAILED, text=text, mend=mend)


def guarded(
    about: str, look: Callable[[], Iterator[Finding]], *, mend: str, away: str = ""
) -> Iterator[Finding]:
    """The findings of ``look``; an error of ours on the way is a finding too, and ends these.

    ``away`` is the advice, if it is another one, where nothing says that a setting is wrong.
    """
    try:
        yield from look()
    except TemporaryError as error:
        yield failed(about, str(error), away or mend)
    except PatchPilotError as error:
        yield failed(about, str(error), mend)
