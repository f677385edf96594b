"""Ask the model why it failed, as typed data whose quotes are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.briefing import briefing
from agent.calls import Calls, Question
from agent.content import as_params, policy_of, text_of
from agent.prompts import prompt
from agent.quotes import invented, with_line_numbers
from patchpilot.errors import ModelRefusedError
from patchpilot.failures import Blame, Category, Diagnosis, Location
from patchpilot.fixes import Reading, Spend
from patchpilot.ports import Brief, Budget
from patchpilot.text import one_line, plain, shorten

if TYPE_CHECKING:
    from anthropic.types import Message, MessageParam

MAX_TOKENS = 8_000
"""For thinking and answer together; the answer itself is a few hundred tokens."""

_MAX_QUESTIONS = 3
"""The question, one more after invented quotes or a malformed answer, and one after a pause."""


class _Suspect(BaseModel):
    model_config = ConfigDict(extra="forbid")
    path: str
    line: int


class _Finding(BaseModel):
    """The answer's schema. Every field is required: a schema with optional ones is slower to compile."""

    model_config = ConfigDict(extra="forbid")
    category: Category
    blame: Blame
    root_cause: str
    explanation: str
    disproof: str
    evidence: list[str]
    suspect_files: list[_Suspect]


def diagnosed(calls: Calls, brief: Brief, *, budget: Budget, redact: Callable[[str], str]) -> Reading:
    """Ask, check the quotes, ask once more if one was invented."""
    booked = _Booked(budget)
    messages: list[MessageParam] = [{"role": "user", "content": briefing(brief, redact=redact)}]
    complained = False
    for _ in range(_MAX_QUESTIONS):
        message = calls.whole_answer(
            Question(
                system=prompt("diagnose"),
                messages=messages,
                max_tokens=MAX_TOKENS,
                schema=_Finding.model_json_schema(),
            ),
            budget=booked,
        )
        answered = as_params(message)
        if answered:
            messages.append({"role": "assistant", "content": answered})
        if message.stop_reason == "pause_turn":
            continue
        outcome = _checked(_finding(calls.model, message), brief)
        if isinstance(outcome, _Finding):
            return Reading(diagnosis=_diagnosis(outcome, brief, calls.model, redact), spend=booked.spend)
        if complained:
            break
        complained = True
        messages.append({"role": "user", "content": redact(outcome)})
    raise ModelRefusedError(f"{calls.model} did not give a diagnosis with evidence that is really there")


@dataclass
class _Booked:
    """Passes on to the heal's budget and sums up for the reading."""

    budget: Budget
    spend: Spend = field(default_factory=Spend)

    def check(self, *, expected_dollars: float, expected_tokens: int = 0) -> None:
        self.budget.check(expected_dollars=expected_dollars, expected_tokens=expected_tokens)

    def record(self, spend: Spend) -> None:
        self.budget.record(spend)
        self.spend += spend


def _finding(model: str, message: Message) -> _Finding | str:
    """The answer, or what to tell the model about it."""
    match message.stop_reason:
        case "end_turn" | "stop_sequence":
            pass
        case "refusal":
            raise ModelRefusedError(f"{model} declined to read this failure{policy_of(message)}")
        case "max_tokens" | "model_context_window_exceeded":
            raise ModelRefusedError(f"{model} was cut off before it had an answer")
        case other:
            raise ModelRefusedError(f"{model} stopped for a reason that PatchPilot does not know ({other})")
    try:
        return _Finding.model_validate_json(text_of(message))
    except ValidationError:
        return "That was not one JSON object of the schema. Answer again with nothing but the object."


def _checked(finding: _Finding | str, brief: Brief) -> _Finding | str:
    if isinstance(finding, str):
        return finding
    sources = [brief.failure.text, *(line.text for line in brief.failure.evidence)]
    if brief.commit is not None:
        sources += [brief.commit.diff, brief.commit.message]
    missing = invented(finding.evidence, *sources)
    if missing or not finding.evidence:
        quoted = "\n".join(f"- {one_line(quote, 200)}" for quote in missing) or "- (none was given)"
        return (
            f"These quotes are not in the data:\n{quoted}\n"
            "Answer again; copy each quote exactly, or leave it out."
        )
    if not plain(finding.disproof).strip():
        return "Nothing says what would prove this wrong. Answer again, with that in `disproof`."
    return finding


def _diagnosis(finding: _Finding, brief: Brief, model: str, redact: Callable[[str], str]) -> Diagnosis:
    def clean(text: str, limit: int) -> str:
        return shorten(redact(plain(text)).strip(), limit)

    return Diagnosis(
        category=finding.category,
        blame=finding.blame,
        root_cause=one_line(redact(finding.root_cause), 300),
        explanation=clean(finding.explanation, 1_200),
        disproof=one_line(clean(finding.disproof, 400), 400),
        evidence=with_line_numbers(
            [clean(quote, 300) for quote in finding.evidence[:5]], brief.failure.evidence
        ),
        suspect_files=tuple(
            Location(one_line(place.path, 200), max(place.line, 0)) for place in finding.suspect_files[:10]
        ),
        author=model,
    )
