"""Ask the model a person's question about a failure. Its answer is words in the thread, no decision."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Final

from agent.briefing import briefing
from agent.calls import Calls, Question
from agent.content import text_of
from agent.prompts import prompt
from patchpilot.errors import ModelRefusedError
from patchpilot.ports import Brief, Budget
from patchpilot.text import plain, shorten

MAX_TOKENS: Final = 4_000
"""For thinking and answer together; the answer itself is six sentences."""
_ANSWER_CHARACTERS: Final = 1_500
_QUESTION_CHARACTERS: Final = 1_000
_ADDRESS: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


def replied(
    calls: Calls, question: str, brief: Brief, *, budget: Budget, redact: Callable[[str], str]
) -> str:
    """The model's answer as plain text, redacted and without addresses.

    Raises :class:`ModelRefusedError` when it declines, is cut off or says nothing; see
    :meth:`agent.calls.Calls.answer` for the rest.
    """
    tag = f"untrusted-question-{secrets.token_hex(4)}"
    asked = redact(shorten(plain(question), _QUESTION_CHARACTERS))
    text = f"{briefing(brief, redact=redact)}\n\n<{tag}>\n{asked}\n</{tag}>"
    message = calls.whole_answer(
        Question(
            system=prompt("answer"), messages=[{"role": "user", "content": text}], max_tokens=MAX_TOKENS
        ),
        budget=budget,
    )
    said = plain(text_of(message)).strip()
    if message.stop_reason != "end_turn" or not said:
        raise ModelRefusedError(f"{calls.model} gave no answer ({message.stop_reason})")
    # An address in a model's words may carry off what it has read, or lead a person astray.
    return redact(shorten(_ADDRESS.sub("(address left out)", said), _ANSWER_CHARACTERS))
