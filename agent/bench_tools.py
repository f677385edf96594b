"""What the model may do on a workbench: look, edit, run the failing command.

Every answer is text, capped, and errors are answers too: a wrong path is something the model can mend, not
a reason to stop. There is no shell, no network and no way to another command.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator

from agent.distil import distil
from agent.single_test import one_test
from patchpilot.errors import NotFoundError, PermanentError, UnsafePathError
from patchpilot.fixes import CommandResult, Ending, GaveUp, Limits, ShellCommand
from patchpilot.ports import Workbench
from patchpilot.text import one_line, plain, shorten

MAX_LISTED = 300
MAX_HITS = 80
MAX_LINES = 400
MAX_CHARACTERS = 24_000
MAX_FILE_CHARACTERS = 400_000
"""A file longer than this is not edited: a model that rewrites it costs more than it mends."""
RUN_BYTES = 6_000
"""Budget of the distilled output of a run."""
MAX_RUNS = 25
"""How often the failing command or one test may be run in one conversation."""


class BenchTools:
    """:class:`patchpilot.ports.RepairTools` over one workbench.

    ``redact`` is applied to everything that is read; an edit works on the file as it is, so a passage that
    holds a secret can't be quoted and therefore not edited.
    """

    def __init__(
        self, bench: Workbench, *, failing: ShellCommand, limits: Limits, redact: Callable[[str], str]
    ) -> None:
        self._bench = bench
        self._failing = failing
        self._limits = limits
        self._redact = redact
        self._runs = 0

    def list_files(self, pattern: str) -> str:
        """Paths that match a glob; ``*`` also crosses slashes."""
        found = self._matching(pattern or "*")
        lines = found[:MAX_LISTED]
        if len(found) > MAX_LISTED:
            lines = [*lines, f"... and {len(found) - MAX_LISTED} more; use a narrower pattern"]
        return "\n".join(lines) or f"no file matches {pattern!r}"

    def search(self, text: str, pattern: str) -> str:
        """Lines that contain ``text`` exactly, as ``path:line: content``."""
        if not text.strip():
            return "error: give the text to search for"
        hits: list[str] = []
        for hit in self._hits(text, pattern or "*"):
            if len(hits) == MAX_HITS:
                hits.append("... and more; search for something rarer or in fewer files")
                break
            hits.append(hit)
        return (
            self._redact("\n".join(hits)) or f"{text!r} was not found in files that match {pattern or '*'!r}"
        )

    def read(self, path: str, first: int, last: int) -> str:
        """Lines ``first`` to ``last`` of a file with their numbers; 0 and 0 for the beginning."""
        text = self._text(path)
        if isinstance(text, _Trouble):
            return text.message
        lines = _lines(text)
        start = max(first, 1)
        end = min(last if last >= start else start + MAX_LINES - 1, start + MAX_LINES - 1, len(lines))
        if start > len(lines):
            return f"error: {path} has only {len(lines)} lines"
        numbered = plain("\n".join(f"{number}\t{lines[number - 1]}" for number in range(start, end + 1)))
        if len(numbered) > MAX_CHARACTERS:
            # Whole lines, so that the model sees where to read on; a single longer one is cut.
            whole = numbered[:MAX_CHARACTERS].rpartition("\n")[0]
            numbered = whole or shorten(numbered, MAX_CHARACTERS)
            end = start + numbered.count("\n")
        rest = f"\n... {len(lines) - end} more lines" if end < len(lines) else ""
        return self._redact(numbered) + rest

    def edit(self, path: str, old: str, new: str) -> str:
        """Replace the one passage ``old``; an empty ``old`` creates a file that does not exist."""
        if not old:
            return self._create(path, new)
        text = self._text(path)
        if isinstance(text, _Trouble):
            return text.message
        old, new = _ended_as_in(text, old), _ended_as_in(text, new)
        count = text.count(old)
        if count != 1:
            return _not_unique(path, count)
        if len(text) > MAX_FILE_CHARACTERS or len(new) > MAX_FILE_CHARACTERS:
            return f"error: {path} is too large to be edited here"
        return self._write(path, text.replace(old, new, 1))

    def run_failing_command(self) -> str:
        """Run the failing command on the tree as it stands; says first whether it passed."""
        return self._run(self._failing)[1]

    def run_test(self, test: str) -> str:
        """Run one test by its id with the failing command's own runner; see :mod:`agent.single_test`."""
        single = one_test(self._failing, test, read_text=self._text_or_none)
        if isinstance(single, GaveUp):
            return f"error: {single.reason}"
        result, said = self._run(single.command)
        if result is not None and result.passed and not single.ran.search(result.output):
            return f"error: no test of that name was run, so that it passed says nothing\n{said}"
        return said

    def _run(self, command: ShellCommand) -> tuple[CommandResult | None, str]:
        if self._runs >= MAX_RUNS:
            return None, f"error: {MAX_RUNS} runs were made already, which is the limit; finish or give up"
        self._runs += 1
        result = self._bench.run(command, limits=self._limits)
        output = distil([result.output.encode()], max_bytes=RUN_BYTES, redact=self._redact).text
        return result, f"{_verdict(result)} after {result.seconds:.1f} s\n{output}"

    def _text_or_none(self, path: str) -> str | None:
        text = self._text(path)
        return None if isinstance(text, _Trouble) else text

    def diff(self) -> str:
        """Everything changed so far, as the exact git diff that would be proposed."""
        return self._bench.diff().diff

    def _matching(self, pattern: str) -> list[str]:
        return [path for path in self._bench.files() if fnmatch.fnmatchcase(path, pattern.removeprefix("./"))]

    def _hits(self, text: str, pattern: str) -> Iterator[str]:
        for path in self._matching(pattern):
            content = self._text(path)
            if isinstance(content, _Trouble) or text not in content:
                continue
            for number, line in enumerate(_lines(content), start=1):
                if text in line:
                    yield f"{path}:{number}: {shorten(plain(line).strip(), 200)}"

    def _text(self, path: str) -> str | _Trouble:
        try:
            return self._bench.read_text(path)
        except NotFoundError:
            return _Trouble(f"error: there is no file {path!r}; list_files shows what there is")
        except UnsafePathError as error:
            return _Trouble(f"error: {error}")
        except (PermanentError, UnicodeDecodeError):
            return _Trouble(f"error: {path!r} is not a text file")

    def _create(self, path: str, text: str) -> str:
        if not isinstance(self._text(path), _Trouble):
            return f"error: {path!r} exists; give the passage to replace in `old`"
        if len(text) > MAX_FILE_CHARACTERS:
            return "error: the new file is too large"
        return self._write(path, text)

    def _write(self, path: str, text: str) -> str:
        try:
            self._bench.write_text(path, text)
        except PermanentError as error:
            return f"error: {error}"
        return f"edited {path}"


class _Trouble:
    def __init__(self, message: str) -> None:
        self.message = message


def _lines(text: str) -> list[str]:
    """As compilers and editors count them: a form feed, for one, ends no line."""
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def _ended_as_in(text: str, passage: str) -> str:
    """The passage with Windows' line ends where the file has those alone: the model is not shown them."""
    ends = text.count("\n")
    if not ends or text.count("\r\n") != ends:
        return passage
    return passage.replace("\r\n", "\n").replace("\n", "\r\n")


def _not_unique(path: str, count: int) -> str:
    if count == 0:
        return f"error: `old` does not occur in {path}; read the file again and copy the passage exactly"
    return f"error: `old` occurs {count} times in {path}; give more lines around it so that it is unique"


def _verdict(result: CommandResult) -> str:
    if result.passed:
        return "PASSED: exit code 0"
    if result.earlier is not None:
        title = one_line(result.earlier.title, 80)
        return f"FAILED: the job's earlier step {title!r}, so the failing command itself was not run"
    if result.ending is Ending.EXITED:
        return f"FAILED: exit code {result.exit_code}"
    return f"FAILED: {result.ending.value}"
