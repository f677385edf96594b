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
from typing import Any, BinaryIO, TextIO

from patchpilot.errors import PermanentError


def fill_closed() -> None:
    """Put ``/dev/null`` in place of streams that are closed (``>&-``).

    Nobody looks at them, and a file that is opened later must not get their number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115 - the process's own, to its end
            setattr(sys, name, nowhere)
            # As with other streams: what is put in place of sys.stdout must not close what lies below.
            setattr(sys, f"__{name}__", nowhere)


def standard_input() -> BinaryIO:
    """Raises :class:`~patchpilot.errors.PermanentError` where it is closed: that is no empty file."""
    if sys.stdin.name == os.devnull:
        raise PermanentError("standard input is closed; give a file, or pipe the text in")
    return sys.stdin.buffer


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
