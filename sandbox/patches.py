"""Which paths a patch touches, read strictly before git sees it.

``git apply`` refuses the coarse attacks itself, but it creates symlinks and submodules when asked to.
Those would turn the next write into one outside the checkout, so a patch with them is refused as a whole.
"""

from __future__ import annotations

import re

from patchpilot.errors import PatchDoesNotApplyError, UnsafePathError
from patchpilot.fixes import Patch
from sandbox import git
from sandbox.trees import safe_path

MAX_BYTES = 4_000_000
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_MODE = re.compile(r"(?:new file mode|deleted file mode|old mode|new mode|index \S+) (\d{6})$|index \S+$")
_NAMED = ("rename from ", "rename to ", "copy from ", "copy to ")
_REGULAR = {"100644", "100755"}
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}


def paths(patch: Patch) -> tuple[str, ...]:
    """Every path the patch names, each checked; git's own reading must not know more than ours.

    Raises :class:`UnsafePathError` or :class:`PatchDoesNotApplyError`.
    """
    if len(patch.diff) > MAX_BYTES:
        raise PatchDoesNotApplyError(f"the patch is larger than {MAX_BYTES:,} characters")
    try:
        patch.diff.encode()
    except UnicodeEncodeError as error:
        raise PatchDoesNotApplyError("the patch is not UTF-8 text") from error
    names = dict.fromkeys(_named(patch.diff))
    for name in names:
        safe_path(name)
    unknown = [name for name in git.touched(patch.diff) if name not in names]
    if unknown:
        raise UnsafePathError(f"the patch touches {unknown[0][:200]!r} without naming it in a header")
    return tuple(names)


def _named(diff: str) -> list[str]:
    names: list[str] = []
    old_left = new_left = 0
    for line in diff.split("\n"):
        if old_left > 0 or new_left > 0:
            # Inside a hunk, whose length its head has told: "--- x" here is a removed line "-- x".
            old_left -= line[:1] in {" ", "-", ""}
            new_left -= line[:1] in {" ", "+", ""}
            continue
        if hunk := _HUNK.match(line):
            old_left, new_left = (int(count) if count else 1 for count in hunk.groups())
            continue
        names += _header(line.removesuffix("\r"))
    return names


def _header(line: str) -> list[str]:
    if mode := _MODE.fullmatch(line):
        if mode[1] and mode[1] not in _REGULAR:
            raise UnsafePathError(f"the patch has a symbolic link or submodule (mode {mode[1]})")
        return []
    if line.startswith(("--- ", "+++ ")):
        name = _unquote(line[4:] if line[4:].startswith('"') else line[4:].partition("\t")[0])
        return [] if name == "/dev/null" else [_strip(name)]
    if line.startswith(_NAMED):
        return [_unquote(line.split(" ", 2)[2])]
    if line.startswith("diff --git "):
        return _git_header(line.removeprefix("diff --git "))
    return []


def _git_header(names: str) -> list[str]:
    """``a/x b/x``. A rename's names differ, but those have lines of their own."""
    if names.startswith('"'):
        end = _closing(names)
        return [_strip(_unquote(names[: end + 1])), _strip(_unquote(names[end + 2 :]))]
    half, rest = names[: len(names) // 2], names[len(names) // 2 + 1 :]
    if half.partition("/")[2] == rest.partition("/")[2]:
        return [_strip(half)]
    return []


def _closing(text: str) -> int:
    at = 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at


def _unquote(name: str) -> str:
    r"""Undo git's C quoting (``"a/tab\\there"``)."""
    name = name.rstrip()
    if not name.startswith('"'):
        return name
    out = bytearray()
    text = name[1 : _closing(name)]
    at = 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode()
            at += 1
        elif text[at + 1 : at + 2] in _ESCAPES:
            out.append(_ESCAPES[text[at + 1]])
            at += 2
        elif re.fullmatch(r"[0-3][0-7]{2}", text[at + 1 : at + 4]):
            out.append(int(text[at + 1 : at + 4], 8))
            at += 4
        else:
            raise UnsafePathError(f"{name[:200]!r} is quoted in a way git does not use")
    return out.decode(errors="surrogateescape")


def _strip(name: str) -> str:
    """Take off ``a/`` or ``b/``, as ``git apply -p1`` does with any first part."""
    first, slash, rest = name.partition("/")
    if not (first and slash):
        raise UnsafePathError(f"{name[:200]!r} does not start with a/ or b/")
    return rest
