"""Standard output and error whose reader may leave: ``patchpilot guard --rules | head``.

Python turns a closed pipe into an error, and typer that error into exit code 1, which tells a script what
is not so: a refused patch, a heal without a fix. Here the rest goes nowhere, and the command ends with
the code that it would have ended with anyway. SIGPIPE stays ignored, because it would
also end a process whose database or sandbox hangs up.
https://docs.python.org/3/library/signal.html#note-on-sigpipe
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO


def let_readers_leave() -> None:
    """Put such streams in place of those of the process, where they are no terminal."""
    sys.stdout = _patient(sys.stdout)
    sys.stderr = _patient(sys.stderr)


def _patient(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper) or stream.isatty():
        return stream
    raw = _Pipe(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Pipe(io.FileIO):
    """A file that takes what nobody reads any more."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            # For good, and for the processes that are started from here.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes
