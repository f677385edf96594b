"""``policy`` of a repository's ``.patchpilot.yml``, read into a :class:`~patchpilot.policy.Policy`. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from patchpilot.failures import Category
from patchpilot.policy import LEAST_CONFIDENCE, Mode, Policy
from patchpilot.text import one_line
from providers.ci.overrides import (
    FILE,
    MAX_BYTES,
    POLICY_KEYS,
    YamlProblemError,
    is_policy_misspelt,
    load_yaml,
)
from providers.ci.wording import problem_of


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode
    categories: frozenset[Category] = frozenset()
    confidence: Annotated[float, Field(ge=LEAST_CONFIDENCE, le=1)] = 0.9


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    policy: _Rule | None = None

    @field_validator("policy", mode="before")
    @classmethod
    def _word_is_mode(cls, value: object) -> object:
        return {"mode": value} if isinstance(value, str) else value


def read_policy(text: str | None, *, default: Policy, branch: str = "") -> Policy:
    """The policy that the file's text asks for, ``default`` where it says nothing.

    A file that can't be read asks for nothing, so a person is asked (or, with a default of ``diagnose``,
    nothing is done): :attr:`Policy.problem` says what to mend.
    """
    where = f"{FILE} on {branch}" if branch else FILE
    try:
        rule = _rule(text or "")
    except ValidationError as error:
        return _unread(default, f"{where}: {problem_of(error, _File)}")
    except _MisplacedError as error:
        return _unread(default, f"{where}: {error}")
    except YamlProblemError as error:
        return _unread(default, f"{where} is no valid YAML: {error}")
    if rule is None:
        return default
    if rule.mode is Mode.DRAFT and not rule.categories:
        return _unread(default, f"{where}: policy: mode draft needs the categories that it is meant for")
    return Policy(mode=rule.mode, categories=rule.categories, confidence=rule.confidence, source=where)


def _rule(text: str) -> _Rule | None:
    if len(text) > MAX_BYTES:
        raise YamlProblemError("it is too large")
    document = load_yaml(text) or {}
    for key in document if isinstance(document, dict) and "policy" not in document else ():
        if is_policy_misspelt(str(key)):
            raise _MisplacedError(str(key))
    return _File.model_validate(document).policy


class _MisplacedError(Exception):
    """What is meant for the policy stands under another name, or one level too high."""

    def __str__(self) -> str:
        key = str(self.args[0])
        if key in POLICY_KEYS:
            return f"`{key}` counts for nothing here: it belongs below `policy`"
        return f"`{one_line(key, 60)}` is not known; perhaps `policy` is meant"


def _unread(default: Policy, problem: str) -> Policy:
    mode = Mode.DIAGNOSE if default.mode is Mode.DIAGNOSE else Mode.ASK
    return Policy(mode=mode, source="default", problem=problem)
