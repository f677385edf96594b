"""The repair loop: the model calls tools, several at a time, until it is done, gives up or runs out.

Every ``stop_reason`` is looked at before anything else of an answer: all of them come with status 200, and a
tool call that was cut off looks like a whole one.
https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.calls import Calls, PromptTooLongError, Question, StaleThinkingError
from agent.content import policy_of, text_of, tool_uses
from agent.conversation import Conversation
from agent.narration import Narration
from agent.prompts import prompt
from agent.tool_calls import ToolAnswer, parse_call, run_calls, tool_schemas
from patchpilot.fixes import Candidate, GaveUp, Patch
from patchpilot.ports import Budget, RepairTools
from patchpilot.text import one_line

if TYPE_CHECKING:
    from anthropic.types import Message, ToolResultBlockParam

MAX_TURNS = 40
"""Answers of the model in one repair."""

MAX_TOKENS = 16_000
"""Per answer, thinking included."""

_MAX_TOOLS_PER_TURN = 16
_MAX_MALFORMED = 10
"""Calls in one repair that were no calls at all; a model that makes more is not going to stop."""

_STOPS = {
    "refusal": "declined to work on this failure",
    "model_context_window_exceeded": "can't fit this failure into its context window",
}

_NUDGE = (
    "Nothing is changed yet. Go on with the tools, or call give_up with what you found and what a person "
    "should do."
)


@dataclass(kw_only=True)
class Repair:
    """One conversation about one failure."""

    calls: Calls
    tools: RepairTools
    budget: Budget
    redact: Callable[[str], str]
    tell: Callable[[str], None] = lambda _: None
    """Told in a few words what is being done."""
    max_turns: int = MAX_TURNS
    max_tokens: int = MAX_TOKENS
    """Per answer; once an answer was cut off, the next may have twice as many, up to what the model takes."""
    _talk: Conversation = field(init=False)
    _cut: bool = False
    _nudged: bool = False
    _malformed: int = 0

    def run(self, briefing: str) -> Candidate | GaveUp:
        """Converse until there is an outcome."""
        self._talk = Conversation(briefing)
        narration = Narration(tell=self.tell, redact=self.redact)
        for _ in range(self.max_turns):
            narration.thinking()
            outcome = self._turn(self._ask(), narration)
            if outcome is not None:
                return outcome
        why = f"{self._name} did not come to an end within {self.max_turns} turns"
        return GaveUp(why, final=True, stopped=True)

    @property
    def _name(self) -> str:
        return self.calls.model

    def _ask(self) -> Message:
        try:
            return self._answer()
        except StaleThinkingError:
            if not self._talk.forget_thinking():
                raise
        except PromptTooLongError:
            if not self._talk.shorten_all():
                raise
        return self._answer()

    def _answer(self) -> Message:
        question = Question(
            system=prompt("repair"),
            messages=self._talk.messages,
            max_tokens=self._room,
            tools=tool_schemas(),
        )
        return self.calls.answer(question, budget=self.budget)

    @property
    def _room(self) -> int:
        return min(self.max_tokens * (2 if self._cut else 1), self.calls.longest_answer)

    def _turn(self, message: Message, narration: Narration) -> Candidate | GaveUp | None:
        """What the answer means; ``None`` to go on."""
        match message.stop_reason:
            case "tool_use":
                return self._run_tools(message, narration)
            case "end_turn" | "stop_sequence":
                return self._finish(message)
            case "max_tokens":
                return self._cut_off()
            case "pause_turn":
                self._talk.answered(message)
                return None
            case "model_context_window_exceeded" if self._talk.shorten_all():
                return None  # Asked again without what had made it long.
            case other:
                why = _STOPS.get(str(other), f"stopped for an unknown reason ({one_line(str(other), 60)})")
                return GaveUp(f"{self._name} {why}{policy_of(message)}", final=True, stopped=True)

    def _cut_off(self) -> GaveUp | None:
        """Ask once more with more room; nothing of the cut answer is kept or run."""
        if self._cut:
            why = "was cut off twice before it could act"
            return GaveUp(f"{self._name} {why}", final=True, stopped=True)
        room = self._room
        self._cut = True
        if self._room <= room:
            why = f"was cut off after {room:,} tokens, which is as long as its answers can be"
            return GaveUp(f"{self._name} {why}", final=True, stopped=True)
        return None

    def _run_tools(self, message: Message, narration: Narration) -> GaveUp | None:
        uses = tool_uses(message)
        if not uses:
            return GaveUp(f"{self._name} announced a tool call and made none", stopped=True)
        calls = [parse_call(use.name, use.input) for use in uses]
        reasons = [call.gives_up for call in calls if call.gives_up is not None]
        if reasons:
            said = one_line(self.redact(reasons[0]), 400)
            return GaveUp(said or f"{self._name} gave up without a reason", final=True)
        answers = list(run_calls(self.tools, calls[:_MAX_TOOLS_PER_TURN], tell=narration.call))
        answers += [_TOO_MANY] * (len(uses) - len(answers))
        self._malformed += sum(answer.malformed for answer in answers)
        if self._malformed > _MAX_MALFORMED:
            why = f"made {self._malformed} tool calls that could not be read"
            return GaveUp(f"{self._name} {why}", stopped=True)
        self._talk.answered(message)
        self._talk.results(
            [
                _result(use.id, self.redact(answer.text), is_error=answer.is_error)
                for use, answer in zip(uses, answers, strict=True)
            ]
        )
        self._talk.shorten(_prompt_tokens(message))
        return None

    def _finish(self, message: Message) -> Candidate | GaveUp | None:
        said = one_line(self.redact(text_of(message)), 200)
        diff = self.tools.diff()
        if diff.strip():
            summary = said or f"Repair by {self._name}"
            return Candidate(patch=Patch(diff), author=f"claude:{self._name}", summary=summary)
        if self._nudged:
            return GaveUp(f"{self._name} ended without a change: {said or 'it gave no reason'}")
        self._nudged = True
        self._talk.answered(message)
        # Said after an empty answer too: asked the same again, the model is as silent again.
        self._talk.say(_NUDGE)
        return None


_TOO_MANY = ToolAnswer("error: too many calls in one turn; this one was not run", is_error=True)


def _result(use_id: str, text: str, *, is_error: bool) -> ToolResultBlockParam:
    return {
        "type": "tool_result",
        "tool_use_id": use_id,
        "content": text or "(no output)",
        "is_error": is_error,
    }


def _prompt_tokens(message: Message) -> int:
    usage = message.usage
    cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    return (usage.input_tokens or 0) + cached + (usage.output_tokens or 0)
