"""File names as git writes them in diffs."""

from __future__ import annotations

import re

from patchpilot.errors import PermanentError

_ESCAPE = re.compile(r"\\([abtnvfr\"\\]|[0-3][0-7]{2})")
_ESCAPED = dict(zip('abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))


class DiffError(PermanentError):
    """The text is not a diff that can be judged; the message names the line."""


def unquoted(name: str) -> str:
    """A file name as git prints it: with C escapes when it is in double quotes.

    Bytes that are no UTF-8 become surrogates, as :func:`os.fsdecode` does it.
    """
    if not name.startswith('"'):
        return name
    if len(name) < 2 or not name.endswith('"'):  # noqa: PLR2004 - an opening and a closing quote
        raise DiffError(f"a quoted file name does not end: {name[:80]!r}")
    out = bytearray()
    at, body = 0, name[1:-1]
    while at < len(body):
        if body[at] != "\\":
            out += body[at].encode(errors="surrogateescape")
            at += 1
        elif match := _ESCAPE.match(body, at):
            code = match[1]
            out.append(_ESCAPED[code] if code in _ESCAPED else int(code, 8))
            at = match.end()
        else:
            raise DiffError(f"unknown escape in the file name {name[:80]!r}")
    return out.decode(errors="surrogateescape")
