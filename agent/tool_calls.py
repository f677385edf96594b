"""The model's tools: their schemas, and how a call is checked and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.content import NOT_JSON
from patchpilot.ports import RepairTools
from patchpilot.text import middle, one_line

if TYPE_CHECKING:
    from anthropic.types import ToolParam

MAX_ANSWER = 30_000
"""Characters of one tool's answer."""

_AT_ONCE = 4
"""Calls that only look and are run at the same time."""


class _Input(BaseModel):
    # Strict: a number where a text belongs is the model's mistake to mend, not ours to guess at.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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
    """Run the command that failed in CI, in a sandbox without network, on the files as they are now. This is
    what decides whether the failure is cured."""


class RunTest(_Input):
    """Run one test alone, with the runner of the failing command, on the files as they are now: quicker than
    the whole command while you work. Finish with run_failing_command all the same."""

    test: str = Field(
        description="The test's id as its runner names it: tests/test_a.py::TestA::test_b (pytest), "
        "tests.test_a.TestA.test_b (unittest), src/a.test.ts::title of the test (jest, vitest, mocha), "
        "./pkg::TestName/subtest (go), module::tests::name (cargo), package.Class#method (maven, gradle), "
        "spec/a_spec.rb:12 (rspec)."
    )


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
    malformed: bool = False
    """The call itself was wrong: nothing was run."""


def tool_schemas() -> list[ToolParam]:
    """All tools as the API wants them, in a fixed order so that the cached prefix stays the same."""
    return [_schema(name, kind) for name, kind in _TOOLS.items()]


def parse_call(name: str, arguments: object) -> Call:
    """Check one call; a malformed one becomes the answer that says what was wrong about it."""
    kind = _TOOLS.get(name)
    if kind is None:
        there = ", ".join(_TOOLS)
        return Call(_malformed(f"there is no tool {name[:60]!r}; there are {there}"))
    if isinstance(arguments, dict) and NOT_JSON in arguments:
        return Call(_malformed("the input of this call was not valid JSON, so nothing was run; call again"))
    try:
        return Call(kind.model_validate(arguments))
    except ValidationError as error:
        return Call(_malformed(_complaints(error)))


@dataclass(frozen=True, slots=True)
class Call:
    """One call after it was checked: what is asked for, or already the answer."""

    asked: _Input | ToolAnswer

    @property
    def only_looks(self) -> bool:
        """It changes nothing and runs nothing, so that several can go at once."""
        return isinstance(self.asked, ListFiles | Search | Read)

    @property
    def gives_up(self) -> str | None:
        """The reason, if it is ``give_up``."""
        return self.asked.reason if isinstance(self.asked, GiveUp) else None


def run_calls(
    tools: RepairTools, calls: Sequence[Call], *, tell: Callable[[Call, ToolAnswer | None], None]
) -> Iterator[ToolAnswer]:
    """Answer ``calls`` in their order; neighbours that only look are run at the same time.

    ``tell`` hears of each call before it is run and of its answer afterwards.
    """
    for looking, group in groupby(calls, key=lambda call: call.only_looks):
        together = list(group)
        if looking and len(together) > 1:
            tell(together[0], None)
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="look") as pool:
                yield from pool.map(lambda call: _answer(tools, call), together)
            continue
        for call in together:
            tell(call, None)
            answer = _answer(tools, call)
            tell(call, answer)
            yield answer


def doing(call: Call) -> str:  # noqa: PLR0911 - one for each tool
    """What a call does, in a few words for people; paths and ids are the model's own text: redact them."""
    match call.asked:
        case ListFiles():
            return "listing files"
        case Search(text=text):
            return f"searching for {one_line(text, 60)!r}"
        case Read(path=path):
            return f"reading {one_line(path, 100)}"
        case Edit(path=path):
            return f"editing {one_line(path, 100)}"
        case RunFailingCommand():
            return "running the failing command"
        case RunTest(test=test):
            return f"running {one_line(test, 100)}"
        case Diff():
            return "looking at its change"
        case _:
            return "working"


def _answer(tools: RepairTools, call: Call) -> ToolAnswer:
    if isinstance(call.asked, ToolAnswer):
        return call.asked
    text = _run(tools, call.asked)
    return ToolAnswer(middle(text, MAX_ANSWER), is_error=text.startswith("error: "))


def _run(tools: RepairTools, asked: _Input) -> str:  # noqa: PLR0911 - one for each tool
    match asked:
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
        case RunTest(test=test):
            return tools.run_test(test)
        case _:
            return tools.diff() or "nothing is changed"


_TOOLS: dict[str, type[_Input]] = {
    "list_files": ListFiles,
    "search": Search,
    "read": Read,
    "edit": Edit,
    "run_failing_command": RunFailingCommand,
    "run_test": RunTest,
    "diff": Diff,
    "give_up": GiveUp,
}


def _schema(name: str, kind: type[_Input]) -> ToolParam:
    schema = kind.model_json_schema()
    return {
        "name": name,
        "description": " ".join((kind.__doc__ or "").split()),
        # The API then only samples calls that fit the schema; run_calls checks all the same.
        # https://platform.claude.com/docs/en/agents-and-tools/tool-use/strict-tool-use
        "strict": True,
        "input_schema": {
            "type": "object",
            "properties": {
                field: {key: value for key, value in about.items() if key in {"type", "description"}}
                for field, about in schema.get("properties", {}).items()
            },
            "required": schema.get("required", []),
            "additionalProperties": False,
        },
    }


def _malformed(text: str) -> ToolAnswer:
    return ToolAnswer(f"error: {text}", is_error=True, malformed=True)


def _complaints(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    said = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'input'}: {item['msg']}" for item in found)
    return one_line(f"{said}; nothing was run, call again", 400)
