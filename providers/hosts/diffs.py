"""A unified diff, read for what it may touch, and applied to files fetched one by one.

The text comes from a model. Its headers are judged here before git sees it: git itself refuses ``..`` and
``.git`` but takes new symlinks, submodules, mode changes and workflow files without a word.
https://git-scm.com/docs/git-diff#generate_patch_text_with_p
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from patchpilot.errors import PatchDoesNotApplyError, UnsafePathError
from patchpilot.text import one_line
from providers.hosts import git
from providers.hosts.unpack import safe_path

REGULAR = {"100644", "100755"}
"""Modes of ordinary files; everything else (symlink, submodule) is refused."""

_MODE = re.compile(r"(?:new file|deleted file|old|new) mode (\d+)$|index [0-9a-f]+\.\.[0-9a-f]+ (\d+)$")
_ESCAPE = re.compile(rb'\\([abtnvfr"\\]|[0-7]{3})')
_SIGNS = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}


@dataclass(frozen=True, slots=True)
class File:
    """One file's bytes and mode (``100644`` or ``100755``)."""

    data: bytes
    mode: str = "100644"


def touched_paths(diff: str) -> tuple[str, ...]:
    """Paths that the diff reads or writes, without repeats.

    Raises :class:`UnsafePathError` for a path or file kind that no patch of ours may touch, and
    :class:`PatchDoesNotApplyError` for text that is no diff.
    """
    if "\x00" in diff or "\nGIT binary patch" in diff or re.search(r"^Binary files ", diff, re.MULTILINE):
        raise UnsafePathError("the patch holds binary content; only text is taken")
    paths: dict[str, None] = {}
    old_left = new_left = 0
    for line in diff.split("\n"):
        if old_left > 0 or new_left > 0:
            # Inside a hunk: a removed line "-- a/x" reads "--- a/x" and must not be taken for a header.
            old_left -= line[:1] in {" ", "-", ""}
            new_left -= line[:1] in {" ", "+", ""}
            continue
        if counts := re.match(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line):
            old_left, new_left = (int(count) if count is not None else 1 for count in counts.groups())
            continue
        _check_mode(line)
        if name := _name(line):
            paths[_allowed(name)] = None
    if not paths:
        raise PatchDoesNotApplyError("the patch is empty or no unified diff")
    return tuple(paths)


def apply(diff: str, before: Mapping[str, File]) -> dict[str, File | None]:
    """Apply a diff to the files it touches; ``None`` in the answer is a deleted file.

    ``before`` holds those of :func:`touched_paths` that exist. Raises :class:`PatchDoesNotApplyError`.
    """
    paths = touched_paths(diff)
    with tempfile.TemporaryDirectory(prefix="patchpilot-apply-") as name:
        folder = Path(name) / "tree"
        folder.mkdir()
        patch = Path(name) / "patch.diff"
        patch.write_bytes(diff.encode() if diff.endswith("\n") else f"{diff}\n".encode())
        for path, file in before.items():
            place = folder / safe_path(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.data)
            place.chmod(0o755 if file.mode == "100755" else 0o644)
        # Without the ceiling git would look for a repository above the folder and work on that.
        env = git.environment() | {"GIT_CEILING_DIRECTORIES": name}
        arguments = ["apply", "--whitespace=nowarn", str(patch)]
        done = git.run(arguments, env=env, cwd=folder, seconds=60, doing="applying the patch")
        if done.returncode != 0:
            said = one_line(done.stderr.decode(errors="replace").replace("error: ", ""))
            raise PatchDoesNotApplyError(f"the patch does not fit the commit it was made for: {said}")
        there = {str(place.relative_to(folder)) for place in folder.rglob("*") if not place.is_dir()}
        if strange := there - set(paths):
            # Never, unless git reads a header differently than touched_paths does.
            raise UnsafePathError(
                f"the patch also wrote {min(strange)[:200]!r}, which its headers don't name"
            )
        return {path: _read(folder / path) for path in paths}


def _read(place: Path) -> File | None:
    if place.is_symlink():
        raise UnsafePathError("the patch makes a symlink")
    if not place.is_file():
        return None
    return File(place.read_bytes(), "100755" if place.stat().st_mode & 0o100 else "100644")


def _check_mode(line: str) -> None:
    found = _MODE.match(line)
    mode = next((group for group in found.groups() if group), "") if found else ""
    if mode and mode not in REGULAR:
        kind = {"120000": "symlink", "160000": "submodule"}.get(mode, f"file of mode {mode}")
        raise UnsafePathError(f"the patch touches a {kind}; only ordinary files are taken")


def _name(line: str) -> str:
    """The path that one header line names, empty for other lines and for ``/dev/null``."""
    for start in ("--- ", "+++ "):
        if line.startswith(start):
            text = _unquote(line[4:].rstrip("\r"))
            if text == "/dev/null":
                return ""
            if not text.startswith(("a/", "b/")):
                raise UnsafePathError(
                    f"{text[:200]!r} has no a/ or b/ in front: the patch is not in git's format"
                )
            return text[2:]
    for start in ("rename from ", "rename to ", "copy from ", "copy to "):
        if line.startswith(start):
            return _unquote(line.removeprefix(start))
    if line.startswith("diff --git a/"):
        # Names an empty or mode-only change has nowhere else. With equal names both halves are as long.
        text = line.removeprefix("diff --git ")
        half = len(text) // 2
        if text[:half][2:] == text[half + 1 :][2:] and text[half] == " ":
            return text[:half][2:]
    return ""


def _unquote(text: str) -> str:
    """Git writes unusual names as C strings, with octal escapes for bytes outside ASCII."""
    if not text.startswith('"'):
        return text.split("\t", 1)[0]
    raw = text[1 : text.rfind('"')].encode()

    def sign(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([_SIGNS[code] if code in _SIGNS else int(code, 8) & 0xFF])

    return _ESCAPE.sub(sign, raw).decode(errors="surrogateescape")


def _allowed(path: str) -> str:
    parts = safe_path(path).parts
    if [part.lower() for part in parts[:2]] == [".github", "workflows"]:
        raise UnsafePathError(f"{path} is a CI workflow: a person must change it, PatchPilot may not")
    if not path.isprintable():
        raise UnsafePathError(f"{path[:200]!r} has unprintable signs in its name")
    return "/".join(parts)
