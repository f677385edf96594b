"""Hostile text made harmless: control characters, terminal escapes and bidirectional tricks removed, cut to
size without losing what matters."""

from __future__ import annotations

import re

# CSI, OSC (ended by BEL or ST) and two-character escapes. Linear: no nested quantifiers.
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?<>=!]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Characters that reorder or hide text: https://www.unicode.org/reports/tr9/, CVE-2021-42574 (Trojan Source);
# also tags, fillers and half characters, which no honest log needs.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff"
    "\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# More than three marks on one letter run over the lines above and below.
_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MARKS = re.compile(f"({_MARK}{{3}}){_MARK}+")
_FENCES = re.compile("`{3,}")


def plain(text: str) -> str:
    """Remove terminal escapes, control characters (tab and newline stay) and invisible direction marks."""
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return _MARKS.sub(r"\1", _INVISIBLE.sub("", _CONTROLS.sub("", text)))


def one_line(text: str, limit: int = 200) -> str:
    """First words of ``text`` on one line, at most ``limit`` characters."""
    return shorten(" ".join(plain(text).split()), limit)


def sentence(text: object) -> str:
    """``text`` with one full stop at its end; what a library or an engine says may bring its own."""
    said = str(text).rstrip()
    return said if said.endswith(("!", "?", "…")) else f"{said.rstrip('.')}."


def capital(text: str) -> str:
    """``text`` with a capital at its start, unless what stands there is a path or some other name."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.rstrip(",:;.").isalpha() else text


def shorten(text: str, limit: int) -> str:
    """Cut at the end, with an ellipsis that tells so."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def middle(text: str, limit: int) -> str:
    """Keep the head and the tail of a long text; the gap says how much is missing."""
    if len(text) <= limit:
        return text
    keep = max(limit - 60, 40)
    head, tail = text[: keep // 3], text[-(keep - keep // 3) :]
    gone = len(text) - len(head) - len(tail)
    return f"{head}\n… {gone:,} characters left out …\n{tail}"


def middle_lines(text: str, limit: int) -> str:
    """The same in whole lines, as far as there are any that short."""
    if len(text) <= limit:
        return text
    lines, room = text.split("\n"), max(limit - 40, 0)
    head, used = 0, 0
    while head < len(lines) and used + len(lines[head]) < room // 3:
        used += len(lines[head]) + 1
        head += 1
    tail = len(lines)
    while tail > head and used + len(lines[tail - 1]) < room:
        tail -= 1
        used += len(lines[tail]) + 1
    gone = tail - head
    if used < room // 2:
        return middle(text, limit)
    return "\n".join([*lines[:head], f"… {gone:,} line{'' if gone == 1 else 's'} left out …", *lines[tail:]])


def fence(text: str) -> str:
    """Make ``text`` safe inside a triple-backtick block: it can't close the block."""
    return _FENCES.sub(lambda run: "\u2060".join(run[0]), text)
