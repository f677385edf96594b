"""Secrets taken out of text before it is written, shown or sent to a model.

Two kinds are found: values that this process knows to be secret, in the forms in which a log may show them,
and strings that look like a secret (:mod:`patchpilot.secret_shapes`). Both are also looked for behind
base64, hexadecimal and percent encoding, two layers deep: the attack on tj-actions (CVE-2025-30066) printed
runners' memory as base64 of base64. Time is linear in the text, and the number of lines never changes, so
that line numbers stay true.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import codecs
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator

import ahocorasick

from patchpilot.secret_shapes import CONTEXTS, TOKENS, Finder, Span

_LAYERS = 2
_SHORTEST = 6
"""Known values below this length would blacken ordinary words."""
_SHORTEST_LINE = 16
"""The same for single lines of a known value, which may hold ordinary words."""

_TOKENS = Finder(TOKENS, fold=False)
_CONTEXTS = Finder(CONTEXTS, fold=True)

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"(?>(?:[A-Za-z0-9+/=]{16,}|[\s\\nr]+|\d{4}-\d\d-\d\dT[0-9:.]+Z)*)")
_LONGEST_KEY = 40_000
# Line ends inside a wrapped value, with the time stamp that GitHub Actions puts before every line.
_BREAK = re.compile(r"\r?\n(?:\d{4}-\d\d-\d\dT[0-9:.]{8,20}Z )?[ \t]{0,16}")
_BASE64 = re.compile(
    r"[A-Za-z0-9+/_-]{16,}+"
    r"(?>(?:(?<=[A-Za-z0-9+/_-]{56})"
    r"(?:\r?\n(?:\d{4}-\d\d-\d\dT[0-9:.]{8,20}Z )?[ \t]{0,16}[A-Za-z0-9+/_-]{2,}+(?=\r?\n|=|$)))*)"
    r"={0,2}"
)
_HEX = re.compile(r"(?>(?:[0-9a-fA-F]{2}){12,})")
_PERCENT = re.compile(r"(?>(?:[A-Za-z0-9._~+-]{0,400}+%[0-9A-Fa-f]{2})+)[A-Za-z0-9._~+-]{0,400}+")


class Redactor:
    """Replaces secrets by ``[redacted: <kind>]``.

    ``known`` are values that are secret for certain: the process's own settings, a repository's registered
    secrets. Those shorter than six characters are ignored. Calling it twice changes nothing more.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = ahocorasick.Automaton()
        for value in known:
            for form in _forms(value):
                self._known.add_word(form, len(form))
        if len(self._known):
            self._known.make_automaton()

    def __call__(self, text: str) -> str:
        """The text without its secrets."""
        return _replace(text, self.secrets(text))

    def secrets(self, text: str) -> list[Span]:
        """Where the secrets in ``text`` are and of which kind, in order."""
        return _merged([*self._spans(text), *self._wrapped(text), *_reversed(text)])

    def _spans(self, text: str, layers: int = _LAYERS) -> Iterator[Span]:
        yield from self._known_spans(text)
        yield from _private_keys(text)
        yield from _TOKENS.spans(text)
        yield from _CONTEXTS.spans(text)
        if layers:
            for start, end, decoded in _decoded(text):
                kind = next((span[2] for span in self._spans(decoded, layers - 1)), "")
                if kind:
                    yield start, end, kind

    def _known_spans(self, text: str) -> Iterator[Span]:
        if len(self._known):
            for last, length in self._known.iter(text):
                yield last - length + 1, last + 1, "known secret"

    def _wrapped(self, text: str) -> Iterator[Span]:
        """Secrets that a line end cuts in two. Looked for in the text without its line ends."""
        joined, origin = _without_breaks(text)
        if joined is text:
            return
        for start, end, kind in (*self._known_spans(joined), *_TOKENS.spans(joined, origin.starts)):
            first, last = origin(start), origin(end - 1) + 1
            if last - first > end - start:
                yield first, last, kind


def _reversed(text: str) -> Iterator[Span]:
    for start, end, kind in _TOKENS.spans(text[::-1]):
        yield len(text) - end, len(text) - start, kind


def _private_keys(text: str) -> Iterator[Span]:
    if "PRIVATE KEY" not in text:
        return
    done = 0
    for begin in _PRIVATE_KEY.finditer(text):
        if begin.start() < done:
            continue
        end = text.find("-----END", begin.end(), begin.end() + _LONGEST_KEY)
        if end < 0:
            # The log was cut inside the key: everything that can still belong to it goes.
            body = _KEY_BODY.match(text, begin.end(), begin.end() + _LONGEST_KEY)
            done = body.end() if body else begin.end()
        else:
            closing = text.find("-----", end + 8, end + 80)
            done = closing + 5 if closing >= 0 else end + 8
        yield begin.start(), done, "private key"


def _decoded(text: str) -> Iterator[tuple[int, int, str]]:
    """What encoded-looking runs of the text say, with their places."""
    for run in _BASE64.finditer(text):
        compact = _BREAK.sub("", run.group().rstrip("=")).translate(_URL_SAFE)
        # A path or a word in front may have joined the run and shifted it.
        for offset in range(4):
            piece = compact[offset:]
            decoded = _from_base64(piece)
            if decoded:
                yield run.start(), run.end(), decoded
    for run in _HEX.finditer(text):
        decoded = bytes.fromhex(run.group()).decode("latin-1")
        if decoded.isascii():
            yield run.start(), run.end(), decoded
    if "%" in text:
        for run in _PERCENT.finditer(text):
            yield run.start(), run.end(), urllib.parse.unquote(run.group(), errors="replace")


_URL_SAFE = str.maketrans("-_", "+/")


def _from_base64(piece: str) -> str:
    usable = len(piece) - (1 if len(piece) % 4 == 1 else 0)
    try:
        raw = binascii.a2b_base64(piece[:usable] + "=" * (-usable % 4))
    except binascii.Error:
        return ""
    # PowerShell encodes commands as UTF-16.
    wide = raw.count(0) > len(raw) // 4
    text = raw.decode("utf-16-le" if wide else "utf-8", errors="replace").replace("\0", "")
    return text if _MOSTLY_TEXT.search(text) else ""


_MOSTLY_TEXT = re.compile(r"[\x09\x0a\x0d\x20-\x7e]{6}")
"""Hashes are base64 too; what they decode to has no such run, so they cost nothing more."""


def _without_breaks(text: str) -> tuple[str, _Origin]:
    breaks = [match.span() for match in _BREAK.finditer(text)]
    if not breaks:
        return text, _Origin([0], [0])
    pieces, starts, origins = [], [], []
    at = length = 0
    for start, end in [*breaks, (len(text), len(text))]:
        pieces.append(text[at:start])
        starts.append(length)
        origins.append(at)
        length += start - at
        at = end
    return "".join(pieces), _Origin(starts, origins)


class _Origin:
    """Where a character of the joined text stands in the original."""

    def __init__(self, starts: list[int], origins: list[int]) -> None:
        self._starts, self._origins = starts, origins
        self.starts = frozenset(starts)

    def __call__(self, index: int) -> int:
        piece = bisect.bisect_right(self._starts, index) - 1
        return self._origins[piece] + index - self._starts[piece]


def _replace(text: str, spans: list[Span]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, kind in spans:
        parts += [text[at:start], f"[redacted: {kind}]", "\n" * text.count("\n", start, end)]
        at = end
    return "".join([*parts, text[at:]])


def _merged(spans: list[Span]) -> list[Span]:
    """Overlapping spans as one; the kind is that of the one that starts first, the longest of those."""
    merged: list[Span] = []
    for start, end, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            first, last, name = merged[-1]
            merged[-1] = (first, max(last, end), name)
        else:
            merged.append((start, end, kind))
    return merged


def _forms(value: str) -> set[str]:
    """The forms in which a log may show a known value."""
    stripped = value.strip()
    forms: set[str] = set()
    # Of a key file every line is secret by itself, since logs are cut and wrapped at lines.
    lines = [line.strip() for line in stripped.splitlines() if "-----" not in line]
    for text in {stripped, *(line for line in lines if len(line) >= _SHORTEST_LINE)}:
        if len(text) >= _SHORTEST:
            forms |= _encodings(text)
    return {form for form in forms if len(form) >= _SHORTEST}


def _encodings(text: str) -> set[str]:
    raw = text.encode()
    hexadecimal = raw.hex()
    once = _base64_cores(raw)
    return {
        text,
        text[::-1],
        *once,
        *(core for inner in once for core in _base64_cores(inner.encode())),
        base64.b64encode(raw).decode()[::-1],
        base64.b32encode(raw).decode().rstrip("="),
        urllib.parse.quote(text, safe=""),
        urllib.parse.quote(text),
        urllib.parse.quote_plus(text),
        re.sub(r"%[0-9A-F]{2}", lambda code: code.group().lower(), urllib.parse.quote(text, safe="")),
        "".join(f"%{byte:02X}" for byte in raw),
        "".join(f"%{byte:02x}" for byte in raw),
        hexadecimal,
        hexadecimal.upper(),
        *(raw.hex(sign) for sign in ":- "),
        "".join(f"\\x{byte:02x}" for byte in raw),
        json.dumps(text)[1:-1],
        json.dumps(json.dumps(text))[3:-3],
        json.dumps(text, ensure_ascii=False)[1:-1],
        text.replace("/", "\\/"),
        repr(text)[1:-1],
        html.escape(text),
        text.replace("'", "'\"'\"'"),
        codecs.encode(text, "rot13"),
    }


def _base64_cores(raw: bytes) -> set[str]:
    """The part of the base64 text that does not depend on what stands before and after, per alignment."""
    cores = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        core = encoded[-(-8 * shift // 6) : (8 * (shift + len(raw))) // 6]
        cores |= {core, core.replace("+", "-").replace("/", "_")}
    return cores
