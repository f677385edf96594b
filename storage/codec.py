"""Values of the vocabulary to and from ``jsonb``.

The dataclasses themselves are the schema: pydantic reads their annotations, so a field added with a default
reads old rows unchanged, and a row of another shape is refused with the name of the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from patchpilot.errors import PermanentError

Value = TypeVar("Value")


def encode(value: object) -> dict[str, Any]:
    """A JSON object for ``value``, a frozen dataclass of the vocabulary."""
    kind: Any = type(value)
    data = _adapter(kind).dump_python(value, mode="json")
    cleaned: dict[str, Any] = clean(data)
    return cleaned


def decode(kind: type[Value], data: Mapping[str, Any] | None) -> Value | None:
    """The value that was stored; ``None`` for nothing. Raises ``PermanentError`` for another shape."""
    if data is None:
        return None
    wanted: Any = kind
    try:
        decoded: Value = _adapter(wanted).validate_python(data)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors()[:3])
        raise PermanentError(f"a stored {kind.__name__} can't be read (fields: {fields})") from error
    return decoded


def clean(value: Any) -> Any:
    """``value`` with all text in it storable; see :func:`clean_text`."""
    match value:
        case str():
            return clean_text(value)
        case dict():
            return {clean_text(str(key)): clean(item) for key, item in value.items()}
        case list() | tuple():
            return [clean(item) for item in value]
        case _:
            return value


def clean_text(text: str) -> str:
    """Replace what Postgres can't store: NUL and unpaired surrogates, both common in hostile logs."""
    if text.isascii():
        return text.replace("\x00", "\ufffd")
    return text.replace("\x00", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
