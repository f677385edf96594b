"""What is wrong with a file that people write for us, in their words rather than in the parser's."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from patchpilot.text import one_line

_MAPPINGS = {"dict_type", "model_type", "model_attributes_type", "mapping_type"}
_LISTS = {"list_type", "set_type", "frozen_set_type", "tuple_type"}
_NUMBERS = {"float_type", "float_parsing", "int_type", "int_parsing"}


def problem_of(error: ValidationError, model: type[BaseModel]) -> str:
    """The entry to mend first, and how; ``model`` is what the file was read into."""
    found = error.errors(include_url=False)
    # A key that is missing is often one that was misspelt.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    path = ".".join(str(part) for part in first["loc"])
    where = f"`{one_line(path, 100)}`" if path else "the file"
    if first["type"] == "extra_forbidden":
        keys = keys_at(model, first["loc"][:-1])
        return f"{where} is not known; {meant(str(first['loc'][-1]), keys)}"
    return f"{where} {_how(first, model)}"


def meant(word: str, known: Sequence[str]) -> str:
    """Which of the known words could be meant, else all of them."""
    near = difflib.get_close_matches(word.lower().replace("_", "-"), known, n=1, cutoff=0.6)
    return f"perhaps `{near[0]}` is meant" if near else f"what is known there is {listed(known)}"


def listed(words: Iterable[str]) -> str:
    """Words for a sentence."""
    return ", ".join(f"`{word}`" for word in words)


def keys_at(model: type[BaseModel], path: Iterable[int | str]) -> tuple[str, ...]:
    """The keys that the mapping at this place of the file may have; none where they are free."""
    at: Any = model
    for part in path:
        if get_origin(at) is dict:
            at = get_args(at)[1]
        else:
            fields = at.model_fields if _is_model(at) else {}
            field = next((one for name, one in fields.items() if part in {name, one.alias}), None)
            at = field.annotation if field else None
        if get_origin(at) in {Union, UnionType}:
            at = next((one for one in get_args(at) if _is_model(one)), None)
    return tuple(field.alias or name for name, field in at.model_fields.items()) if _is_model(at) else ()


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _how(found: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, told = found["type"], found.get("ctx") or {}
    given = one_line(repr(found.get("input")), 60)
    keys = keys_at(model, found["loc"])
    if kind == "enum":
        words = [word.strip("' ") for word in str(told.get("expected", "")).replace(" or ", ", ").split(",")]
        return f"can't be {given}; {meant(str(found.get('input')), words)}"
    if kind in _MAPPINGS:
        return f"has to be a mapping{f' with keys such as {listed(keys[:2])}' if keys else ''}, not {given}"
    simple = _SIMPLE.get(kind, "")
    if simple:
        return f"{simple}, not {given}"
    if kind == "missing":
        return "is missing"
    limit = next((f"{words} {told[name]:g}" for name, words in _LIMITS.items() if name in told), "")
    return f"has to be {limit}, not {given}" if limit else f"can't be {given} ({one_line(found['msg'])})"


_SIMPLE = MappingProxyType(
    {
        "string_type": "has to be text",
        "string_pattern_mismatch": "has to be a name in letters, digits and ._/:@- only",
        **dict.fromkeys(_LISTS, "has to be a list"),
        **dict.fromkeys(_NUMBERS, "has to be a number"),
    }
)
_LIMITS = MappingProxyType({"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than"})
