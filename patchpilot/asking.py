"""One request on its way through the door: who asks what, by which way, where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from patchpilot.commands import Actor
from patchpilot.grammar import Request, Way
from patchpilot.source import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something is asked, as far as it says what is meant and who can read the answer."""

    team: str = ""
    channel: str = ""
    private: bool = False
    """Not everybody of the workspace can read there."""
    home: bool = False
    """It is the operator's own channel, in which every repository may be shown."""
    bot_is_there: bool = True
    """The bot is a member of the channel, so it can post there."""
    ephemeral: bool = False
    """Only the one who asks sees the answer."""
    thread: str = ""
    """The thread's first message, where it is answered there."""
    repo: Repo | None = None
    """The repository of a pull request."""
    pull_request: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every way in makes of what came."""

    request: Request
    actor: Actor
    way: Way
    place: Place = field(default_factory=Place)
    approval_id: str = ""
    """The proposal that a pressed button belonged to."""
    seen: str | None = None
    """The proposal that was current when it was asked, empty for none: what is only heard later approves no
    newer one. ``None`` if it is heard at once."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What a form asked for besides."""
    key: str = ""
    """Names this request, so that a repeated delivery is done once; empty where the medium names none."""
