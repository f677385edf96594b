"""``patchpilot distil``: the few lines of a failed log that a person needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.streams import standard_input
from patchpilot.errors import PermanentError

CHUNK = 1 << 18
SHOWN_FROM = 20_000_000
"""Bytes from which on progress is worth a line on the terminal."""
_LOOKED_AT = 4096
_MOST_CONTROLS = 0.05


def distil_command(
    file: Annotated[str, typer.Argument(help="The log; - reads standard input.", metavar="FILE|-")],
    max_bytes: Annotated[int, typer.Option(min=200, help="Size of the answer, in bytes.")] = 8000,
) -> None:
    """Print the lines of a failed CI log that tell what went wrong, gaps marked.

    Exit code 2: unusable input.
    """
    from agent.distil import distil  # noqa: PLC0415 - other commands need not load the rules
    from patchpilot.redaction import Redactor  # noqa: PLC0415 - the same

    with opened(file) as chunks:
        failure = distil(chunks, max_bytes=max_bytes, redact=Redactor())
    sys.stdout.write(failure.text + "\n")
    sys.stdout.flush()


@contextmanager
def opened(file: str) -> Iterator[Iterator[bytes]]:
    """The log in chunks, with progress on a terminal.

    Raises :class:`~patchpilot.errors.PermanentError` for a missing file, a folder, an empty or a binary one.
    """
    if file == "-":
        yield _checked(_read(standard_input(), 0), "standard input")
        return
    path = Path(file)
    try:
        with path.open("rb") as source:
            yield _checked(_read(source, path.stat().st_size), repr(file))
    except FileNotFoundError as error:
        raise PermanentError(
            f"there is no file {file!r}; give the path of a log, or - to read it from a pipe"
        ) from error
    except IsADirectoryError as error:
        raise PermanentError(f"{file!r} is a folder; give one log in it") from error
    except OSError as error:
        raise PermanentError(f"reading {file!r}: {error.strerror or error}") from error


def _read(source: object, size: int) -> Iterator[bytes]:
    read = source.read1 if hasattr(source, "read1") else source.read  # type: ignore[attr-defined]
    progress = size >= SHOWN_FROM and sys.stderr.isatty()
    done = 0
    try:
        while chunk := read(CHUNK):
            yield chunk
            done += len(chunk)
            if progress:
                sys.stderr.write(f"\rread {done / 1e6:,.0f} of {size / 1e6:,.0f} MB ({100 * done // size} %)")
                sys.stderr.flush()
    finally:
        if progress:
            sys.stderr.write("\r\x1b[K")


def _checked(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    first = next(chunks, b"")
    if not first.strip():
        raise PermanentError(f"{name} is empty; give the log of a failed run")
    if is_binary(first):
        raise PermanentError(f"{name} holds binary data, not a log; unpack it first if it is an archive")
    return _chain(first, chunks)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def is_binary(data: bytes) -> bool:
    """Whether the beginning of a file is no text in any encoding a log has."""
    head = data[:_LOOKED_AT]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    # Logs hold escapes, backspaces and form feeds; archives and executables hold zeros and much else.
    controls = sum(byte < 32 and byte not in b"\t\n\r\x1b\x08\x0c\x07" for byte in head)  # noqa: PLR2004 - ASCII
    return head.startswith((b"PK\x03\x04", b"\x1f\x8b")) or controls > len(head) * _MOST_CONTROLS
