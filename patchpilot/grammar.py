"""What people type: ``status``, ``approve PP-142``, ``retry PP-142 "use py3.12"``.

Pure. The same grammar serves slash commands and mentions; an unknown verb is answered with a suggestion.
"""

from __future__ import annotations

import difflib
import re
import shlex
from dataclasses import dataclass
from typing import Final

from patchpilot.commands import Verb

HELP: Final = """\
status [PP-12]            what is going on
approve PP-12             open the pull request with the patch that waits
retry PP-12 [hint]        try again, with what you write as a hint
reject PP-12 [reason]     turn the patch down
escalate PP-12 [note]     leave it to people
help                      this list"""

_QUOTES: Final = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})
_INCIDENT: Final = re.compile(r"(?:PP-)?([0-9]{1,9})", re.IGNORECASE)
_WORDS: Final = ("status", "help", *Verb)


@dataclass(frozen=True, slots=True)
class Help:
    """Somebody wants to know what there is."""


@dataclass(frozen=True, slots=True)
class Status:
    """Somebody wants to know how things stand; ``incident`` where one was named."""

    incident: int | None = None


@dataclass(frozen=True, slots=True)
class Decide:
    """Somebody decides on an incident's proposal."""

    verb: Verb
    incident: int | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """Not a command of ours; ``text`` says what was probably meant."""

    text: str


Typed = Help | Status | Decide | Misunderstood


def parse(text: str, *, incident: int | None = None) -> Typed:
    """Read what somebody typed. ``incident`` is the one whose thread it was typed in, if any."""
    words = _split(text)
    if not words:
        return Help()
    verb, rest = words[0].lower(), words[1:]
    if verb not in _WORDS:
        return Misunderstood(_did_you_mean(verb))
    if verb == "help":
        return Help()
    named = _INCIDENT.fullmatch(rest[0]) if rest else None
    if named:
        incident, rest = int(named[1]), rest[1:]
    if verb == "status":
        return Status(incident)
    if incident is None:
        return Misunderstood(f"Which one? Write for instance: {verb} PP-12")
    return Decide(Verb(verb), incident, " ".join(rest))


def _split(text: str) -> list[str]:
    text = text.translate(_QUOTES).strip()
    try:
        return shlex.split(text)
    except ValueError:
        # An apostrophe in a hint ("don't") is no opening quote.
        return text.split()


def _did_you_mean(word: str) -> str:
    close = difflib.get_close_matches(word, _WORDS, n=1, cutoff=0.6)
    guess = f" Did you mean `{close[0]}`?" if close else ""
    return f"I don't know `{word[:40]}`.{guess} `help` lists what I know."
