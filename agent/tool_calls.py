"""The model's tools: their schemas, and how a call is checked and answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from patchpilot.ports import RepairTools
from patchpilot.text import middle, one_line

if TYPE_CHECKING:
    from anthropic.types import ToolParam

MAX_ANSWER = 30_000
"""Characters of one tool's answer."""


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ListFiles(_Input):
    """List paths of files that match a glob pattern. `*` crosses slashes: `*.py` finds every Python file."""

    pattern: str = Field(default="*", description="Glob pattern over paths relative to the repository.")


class Search(_Input):
    """Find lines that contain a text exactly (no regular expressions), as path:line: content."""

    text: str = Field(description="The exact text, case-sensitive.")
    pattern: str = Field(default="*", description="Glob pattern of the paths to look in.")


class Read(_Input):
    """Read lines of a text file, with line numbers in front (they are not part of the file)."""

    path: str = Field(description="Path relative to the repository.")
    first: int = Field(default=0, description="First line, from 1; 0 for the beginning.")
    last: int = Field(default=0, description="Last line; 0 for as many as fit.")


class Edit(_Input):
    """Replace one passage of a file. `old` must occur exactly once, with its white space; give a few lines
    around the change. An empty `old` creates a new file."""

    path: str = Field(description="Path relative to the repository.")
    old: str = Field(description="The passage as it is now, copied exactly; empty for a new file.")
    new: str = Field(description="What to put in its place.")


class RunFailingCommand(_Input):
    """Run the command that failed in CI, in a sandbox without network, on the files as they are now."""


class Diff(_Input):
    """Show everything changed so far, as the git diff that would be proposed."""


class GiveUp(_Input):
    """Stop without a fix. Use it when the right fix is not yours to make, or honest work found none."""

    reason: str = Field(description="One or two sentences: what you found and what a person should do.")


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a call is answered with."""

    text: str
    is_error: bool = False


def tool_schemas() -> list[ToolParam]:
    """All tools as the API wants them, in a fixed order so that the cached prefix stays the same."""
    return [_schema(name, kind) for name, kind in _TOOLS.items()]


def run_tool(tools: RepairTools, name: str, arguments: object) -> ToolAnswer | GiveUp:
    """Check one call and run it; a malformed call is answered with what was wrong about it."""
    kind = _TOOLS.get(name)
    if kind is None:
        return ToolAnswer(
            f"error: there is no tool {name[:60]!r}; there are {', '.join(_TOOLS)}", is_error=True
        )
    try:
        call = kind.model_validate(arguments)
    except ValidationError as error:
        return ToolAnswer(f"error: {_complaints(error)}", is_error=True)
    if isinstance(call, GiveUp):
        return call
    text = _run(tools, call)
    return ToolAnswer(middle(text, MAX_ANSWER), is_error=text.startswith("error: "))


def _run(tools: RepairTools, call: _Input) -> str:
    match call:
        case ListFiles(pattern=pattern):
            return tools.list_files(pattern)
        case Search(text=text, pattern=pattern):
            return tools.search(text, pattern)
        case Read(path=path, first=first, last=last):
            return tools.read(path, first, last)
        case Edit(path=path, old=old, new=new):
            return tools.edit(path, old, new)
        case RunFailingCommand():
            return tools.run_failing_command()
        case _:
            return tools.diff() or "nothing is changed"


_TOOLS: dict[str, type[_Input]] = {
    "list_files": ListFiles,
    "search": Search,
    "read": Read,
    "edit": Edit,
    "run_failing_command": RunFailingCommand,
    "diff": Diff,
    "give_up": GiveUp,
}


def _schema(name: str, kind: type[_Input]) -> ToolParam:
    schema = kind.model_json_schema()
    return {
        "name": name,
        "description": " ".join((kind.__doc__ or "").split()),
        "input_schema": {
            "type": "object",
            "properties": schema.get("properties", {}),
            "required": schema.get("required", []),
            "additionalProperties": False,
        },
    }


def _complaints(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return one_line("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found), 400)
