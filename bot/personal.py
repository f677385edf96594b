"""What a person is told in direct messages: ``dm``."""

from __future__ import annotations

from typing import Final

from bot.gate import Gate, answered, applied
from patchpilot import grammar as ask
from patchpilot.asking import Asked
from patchpilot.commands import Answer
from patchpilot.grammar.values import DirectLevel
from storage.database import Database
from storage.direct import Direct, choice_of, choose

_MEANINGS: Final = {
    DirectLevel.OFF: "You get no direct messages, and no thread mentions you where your commit is suspected.",
    DirectLevel.APPROVALS: "You get a direct message when a fix waits that you may approve.",
    DirectLevel.MINE: "You get a direct message when a fix waits that you may approve, and when your commit "
    "is suspected of a failure; its thread then doesn't mention you.",
}
_NOT_CHOSEN: Final = (
    "You get no direct messages. A thread may mention you, once, where your commit is suspected; "
    "`dm off` ends that."
)


class Personal:
    """Answers what is asked about a person's own messages."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db = db
        self._gate = gate

    def direct(self, asked: Asked) -> Answer:
        """Say or set what comes to them."""
        wish, actor = asked.request, asked.actor
        assert isinstance(wish, ask.Direct)
        refusal = self._gate.stranger(asked, "Members with a linked account may choose.")
        if refusal is not None:
            return refusal
        if wish.level is None:
            return answered(described(choice_of(self._db, team=actor.team, account=actor.name)))
        zone = wish.zone or actor.zone or "UTC"
        choose(self._db, team=actor.team, account=actor.name, level=wish.level, window=wish.window, zone=zone)
        return applied(described(choice_of(self._db, team=actor.team, account=actor.name)))


def described(choice: Direct) -> str:
    """In words, with how to change it."""
    hours = ""
    if choice.level is not DirectLevel.OFF and choice.window is not None:
        hours = f" Not from {choice.window} ({choice.zone}); it comes after that."
    meaning = _MEANINGS[choice.level] if choice.made else _NOT_CHOSEN
    return f"{meaning}{hours} `dm off`, `dm approvals` or `dm mine` changes that."
