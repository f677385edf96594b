"""The repair loop: the model calls tools, several at a time, until it is done, gives up or runs out.

Every ``stop_reason`` is looked at before anything else of an answer: all of them come with status 200, and a
tool call that was cut off looks like a whole one.
https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.calls import Calls, Question
from agent.content import as_params, text_of, tool_uses
from agent.prompts import prompt
from agent.tool_calls import GiveUp, run_tool, tool_schemas
from patchpilot.fixes import Candidate, GaveUp, Patch
from patchpilot.ports import Budget, RepairTools
from patchpilot.text import one_line

if TYPE_CHECKING:
    from anthropic.types import Message, MessageParam, ToolResultBlockParam

MAX_TURNS = 40
"""Answers of the model in one repair."""

MAX_TOKENS = 16_000
"""Per answer, thinking included."""

MAX_TOKENS_AFTER_CUT = 32_000
"""Once an answer was cut off, it is asked for again with this much room."""

_MAX_TOOLS_PER_TURN = 16

_STOPS = {
    "refusal": "declined to work on this failure",
    "model_context_window_exceeded": "can't fit this failure into its context window",
}

_NUDGE = (
    "Nothing is changed yet. Go on with the tools, or call give_up with what you found and what a person "
    "should do."
)


@dataclass
class Repair:
    """One conversation about one failure."""

    calls: Calls
    tools: RepairTools
    budget: Budget
    redact: Callable[[str], str]
    _messages: list[MessageParam] = field(default_factory=list)
    _max_tokens: int = MAX_TOKENS
    _nudged: bool = False

    def run(self, briefing: str) -> Candidate | GaveUp:
        """Converse until there is an outcome."""
        self._messages = [{"role": "user", "content": briefing}]
        for _ in range(MAX_TURNS):
            outcome = self._turn(self._ask())
            if outcome is not None:
                return outcome
        return GaveUp(f"{self._name} did not come to an end within {MAX_TURNS} turns")

    @property
    def _name(self) -> str:
        return self.calls.model

    def _ask(self) -> Message:
        question = Question(
            system=prompt("repair"),
            messages=self._messages,
            max_tokens=self._max_tokens,
            tools=tool_schemas(),
        )
        return self.calls.answer(question, budget=self.budget)

    def _turn(self, message: Message) -> Candidate | GaveUp | None:
        """What the answer means; ``None`` to go on."""
        match message.stop_reason:
            case "tool_use":
                return self._run_tools(message)
            case "end_turn" | "stop_sequence":
                return self._finish(message)
            case "max_tokens":
                return self._cut_off()
            case "pause_turn":
                self._messages.append({"role": "assistant", "content": as_params(message)})
                return None
            case other:
                return GaveUp(
                    f"{self._name} {_STOPS.get(str(other), f'stopped for an unknown reason ({other})')}"
                )

    def _cut_off(self) -> GaveUp | None:
        """Ask once more with more room; nothing of the cut answer is kept or run."""
        if self._max_tokens == MAX_TOKENS_AFTER_CUT:
            return GaveUp(f"{self._name} was cut off twice before it could act")
        self._max_tokens = MAX_TOKENS_AFTER_CUT
        return None

    def _run_tools(self, message: Message) -> GaveUp | None:
        results: list[ToolResultBlockParam] = []
        for number, use in enumerate(tool_uses(message)):
            if number >= _MAX_TOOLS_PER_TURN:
                results.append(_result(use.id, "error: too many calls in one turn", is_error=True))
                continue
            answer = run_tool(self.tools, use.name, use.input)
            if isinstance(answer, GiveUp):
                return GaveUp(
                    one_line(self.redact(answer.reason), 400) or f"{self._name} gave up without a reason"
                )
            results.append(_result(use.id, self.redact(answer.text), is_error=answer.is_error))
        if not results:
            return GaveUp(f"{self._name} announced a tool call and made none")
        self._messages.append({"role": "assistant", "content": as_params(message)})
        # Nothing but the results: text behind them teaches the model to end its turn with an empty answer.
        self._messages.append({"role": "user", "content": results})
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
        if message.content:
            self._messages.append({"role": "assistant", "content": as_params(message)})
            self._messages.append({"role": "user", "content": _NUDGE})
        return None


def _result(use_id: str, text: str, *, is_error: bool) -> ToolResultBlockParam:
    return {
        "type": "tool_result",
        "tool_use_id": use_id,
        "content": text or "(no output)",
        "is_error": is_error,
    }
