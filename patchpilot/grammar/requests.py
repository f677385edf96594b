"""Everything that can be asked of PatchPilot, as typed values. No text of these has been trusted yet: who
asks, and whether they may, is the door's to say (:mod:`bot.door`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from patchpilot.commands import Verb
from patchpilot.grammar.values import DigestTime, DirectLevel, Level, TwoPersonRule, Window
from patchpilot.source import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a request is about: an incident by number, a repository, or neither where the place says which."""

    incident: int | None = None
    repo: Repo | None = None

    def __bool__(self) -> bool:
        return self.incident is not None or self.repo is not None


@dataclass(frozen=True, slots=True)
class Help:
    """Somebody wants to know what there is, or how one verb is used."""

    verb: ClassVar = "help"
    about: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Link my account on the code host."""

    verb: ClassVar = "link"


@dataclass(frozen=True, slots=True)
class Unlink:
    """Forget my linked account."""

    verb: ClassVar = "unlink"


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Which account am I, and what may I do?"""

    verb: ClassVar = "whoami"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Show what is set, for this channel or a repository; with values, change the repository's rules."""

    verb: ClassVar = "settings"
    repo: Repo | None = None
    two_person: TwoPersonRule | None = None
    public: bool | None = None
    """Whether a private repository may be shown in public channels."""

    @property
    def changes(self) -> bool:
        """Something is to be set."""
        return self.two_person is not None or self.public is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Send incidents of a repository (or of all of an owner's) to this channel."""

    verb: ClassVar = "subscribe"
    repo: Repo | None = None
    owner: str = ""
    """Instead of ``repo``: all repositories of this owner."""
    branches: tuple[str, ...] = ()
    """Patterns; empty for the default branch only."""
    workflow: str = ""
    test: str = ""
    level: Level = Level.ALL
    digest: DigestTime | None = None
    zone: str = ""
    """Time zone of the digest; empty for that of the person who asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """Stop sending a repository's incidents to this channel."""

    verb: ClassVar = "unsubscribe"
    repo: Repo | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ListSubscriptions:
    """What comes to this channel?"""

    verb: ClassVar = "list"


@dataclass(frozen=True, slots=True)
class Status:
    """How do things stand?"""

    verb: ClassVar = "status"
    target: Target = Target()
    storm: int | None = None
    """Instead of ``target``: all that belongs to this storm."""


@dataclass(frozen=True, slots=True)
class Diagnose:
    """Look at a red run: the one with this address, or in a pull request its latest."""

    verb: ClassVar = "diagnose"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Explain:
    """Why did it fail?"""

    verb: ClassVar = "explain"
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class Decide:
    """A decision on an incident's proposal. ``incident`` is ``None`` only where the place says which."""

    decision: Verb
    incident: int | None
    text: str = ""
    deliver: str = ""
    """How an approved fix is handed over on somebody's pull request; empty for what suits it."""
    reviewers: tuple[str, ...] = ()
    """Logins of who is asked for a review, besides the owners by CODEOWNERS."""
    base: str = ""
    """The branch that the pull request goes into; empty for the one that failed."""
    draft: bool | None = None
    """Whether it opens as a draft; ``None`` for what is usual."""

    @property
    def verb(self) -> str:
        """The verb's name, as for all requests."""
        return self.decision.value


@dataclass(frozen=True, slots=True)
class Fix:
    """Propose a fix for this pull request's failure; ``text`` is a hint."""

    verb: ClassVar = "fix"
    incident: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Leave this pull request alone until somebody resumes."""

    verb: ClassVar = "pause"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Take this pull request up again."""

    verb: ClassVar = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Be quiet about an incident, a repository or one of its tests, for a while."""

    verb: ClassVar = "mute"
    target: Target
    test: str = ""
    length: timedelta
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmute:
    """End a mute before its time."""

    verb: ClassVar = "unmute"
    target: Target
    test: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """The one who asks looks after an incident."""

    verb: ClassVar = "take"
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Nobody looks after an incident any more."""

    verb: ClassVar = "drop"
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours for this channel; ``window`` is ``None`` to have none."""

    verb: ClassVar = "quiet"
    window: Window | None
    zone: str = ""
    """Empty for the time zone of the person who asks."""


@dataclass(frozen=True, slots=True)
class Direct:
    """What the one who asks is told in direct messages; ``level`` is ``None`` to say what is set."""

    verb: ClassVar = "dm"
    level: DirectLevel | None
    window: Window | None = None
    """Hours in which they get none."""
    zone: str = ""
    """Empty for the time zone of the person who asks."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The weekly digest: shown to the one who asks, or posted ``now``."""

    verb: ClassVar = "digest"
    now: bool


@dataclass(frozen=True, slots=True)
class Question:
    """Something asked in a person's own words, about an incident where the place says which."""

    verb: ClassVar = "question"
    text: str
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """Not a command of ours; ``text`` quotes the bad part and says what was probably meant."""

    verb: ClassVar = "misunderstood"
    text: str


Request = (
    Help
    | Link
    | Unlink
    | WhoAmI
    | Settings
    | Subscribe
    | Unsubscribe
    | ListSubscriptions
    | Status
    | Diagnose
    | Explain
    | Decide
    | Fix
    | Pause
    | Resume
    | Mute
    | Unmute
    | Take
    | Drop
    | Quiet
    | Direct
    | Digest
    | Question
    | Misunderstood
)
