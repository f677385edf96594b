"""Diffs in git's format, read strictly.

The guard must see exactly what ``git apply`` would do: whatever one of the two reads differently is a way
past the guard. So this reader takes the narrow form that git itself writes (``a/`` and ``b/`` names, counted
hunks, nothing between them). What git would accept although it says two things at once, such as a header
that names one file and a body that names another, is kept as a *doubt*, and a rule refuses it. What is no
diff at all raises :class:`DiffError`. https://git-scm.com/docs/diff-format#generate_patch_text_with_p
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NoReturn

from agent.guard.names import DiffError, unquoted

__all__ = ["DiffError", "DiffLine", "FileDiff", "Hunk", "read_diff", "unquoted"]

SYMLINK, SUBMODULE = "120000", "160000"

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)", re.DOTALL)
_MODE = r"([0-7]{6})"
_HEADERS = {
    "old_mode": re.compile(rf"old mode {_MODE}"),
    "new_mode": re.compile(rf"new mode {_MODE}"),
    "deleted": re.compile(rf"deleted file mode {_MODE}"),
    "created": re.compile(rf"new file mode {_MODE}"),
    "moved_from": re.compile(r"rename from (.+)", re.DOTALL),
    "moved_to": re.compile(r"rename to (.+)", re.DOTALL),
    "copied_from": re.compile(r"copy from (.+)", re.DOTALL),
    "copied_to": re.compile(r"copy to (.+)", re.DOTALL),
    "similarity": re.compile(r"(?:dis)?similarity index (\d{1,3}%)"),
    "index": re.compile(r"index ([0-9a-f]{4,64}\.\.[0-9a-f]{4,64}(?: [0-7]{6})?)"),
}
_SEVERAL = "These are several commits: judge them one by one, or as one change with git diff BASE...HEAD"
_ADVICE = (
    (
        re.compile(r"^@@@|^diff --(?:cc|combined) "),
        "This is the combined diff of a merge: use git diff BASE...HEAD",
    ),
    (re.compile(r"\x1b\["), "The diff is coloured: make it with --no-color"),
    (re.compile(r"\r$"), "Its own lines end in CR LF, so something converted it: pass it on as git wrote it"),
    (re.compile(r"^(?:From [0-9a-f]{40} |commit [0-9a-f]{7,64}\b)"), _SEVERAL),
    (re.compile(r"^ .* \| +\d+ |^ \d+ files? changed"), "This is a summary: leave --stat out"),
)
"""What commonly comes in place of a diff, and what to do about it."""
_QUOTED = re.compile(r'"(?>(?:[^"\\]|\\.)*)"')
_BINARY_DATA = re.compile(r"(?:literal|delta) \d+|[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+|")


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a hunk: ``sign`` is a space, ``+`` or ``-``."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """One block of changes. Starts count from 1."""

    old_start: int
    new_start: int
    heading: str
    """What git prints behind the second ``@@``: usually the function the hunk lies in."""
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """What the diff does to one file."""

    old_path: str
    """Empty when the file is new."""
    new_path: str
    """Empty when the file is deleted."""
    hunks: tuple[Hunk, ...] = ()
    old_mode: str = ""
    new_mode: str = ""
    """Six octal digits; empty where the diff does not say."""
    binary: bool = False
    doubts: tuple[str, ...] = ()
    """Where git would do something, but the diff says two things at once."""
    copied_from: str = ""
    """The path whose content a new file starts with."""
    moved_to: str = ""
    moved_from: str = ""
    """The other path, where a move is read as a deletion and an addition; the hunks are those of the move."""

    @property
    def path(self) -> str:
        """Where to look for it: the new path, the old one of a deleted file."""
        return self.new_path or self.old_path

    @property
    def changed_lines(self) -> int:
        """How many lines it adds and removes."""
        signs = "-" if self.moved_to else "+" if self.moved_from else "+-"
        return sum(line.sign in signs for hunk in self.hunks for line in hunk.lines)

    @property
    def source(self) -> str:
        """The path at which its text stands before the patch; empty for a file that starts from nothing."""
        return self.old_path or self.moved_from or self.copied_from


def read_diff(text: str) -> tuple[FileDiff, ...]:
    """All file changes of a diff, in order; an empty text changes nothing.

    Raises :class:`DiffError` for text that is no diff in git's format.
    """
    return _Reader(text).files()


@dataclass
class _Header:
    values: dict[str, str] = field(default_factory=dict)
    git_line: str = ""
    old: str | None = None
    new: str | None = None
    doubts: list[str] = field(default_factory=list)


class _Reader:
    def __init__(self, text: str) -> None:
        # Only "\n" ends a line for git; str.splitlines() would also break at form feeds and U+2028.
        self._lines = text.split("\n")
        if self._lines[-1] == "":
            self._lines.pop()
        self._at = 0

    def files(self) -> tuple[FileDiff, ...]:
        found: list[FileDiff] = []
        self._skip_preamble()
        while self._at < len(self._lines) and not self._at_signature():
            found.append(self._file())
        if not found and any(line.strip() for line in self._lines):
            self._at = 0
            self._fail("there is no file header (diff --git a/… b/…)")
        return tuple(found)

    def _peek(self) -> str:
        return self._lines[self._at] if self._at < len(self._lines) else ""

    def _take(self) -> str:
        self._at += 1
        return self._lines[self._at - 1]

    def _fail(self, why: str) -> NoReturn:
        line = self._peek()
        shown = f": {line[:80]!r}" if line else ""
        rest = next((text for text in self._lines[self._at :] if text not in {"", "-- "}), "")
        advice = next((f". {advice}" for pattern, advice in _ADVICE if pattern.search(line or rest)), "")
        if line == "-- ":
            advice = f". {_SEVERAL}"
        raise DiffError(f"not a diff in git's format, line {self._at + 1}: {why}{shown}{advice}")

    def _skip_preamble(self) -> None:
        # ``git show`` and ``git format-patch`` put the commit message in front.
        while self._at < len(self._lines) and not self._peek().startswith(("diff --git ", "--- ")):
            if self._peek().startswith(("@@ -", "+++ ", "GIT binary patch")):
                self._fail("this belongs to a file, but no file header stands before it")
            self._at += 1

    def _at_signature(self) -> bool:
        left = len(self._lines) - self._at
        if left and self._lines[self._at]:
            return self._lines[self._at] == "-- " and left <= 3  # noqa: PLR2004 - sign, version, empty line
        # Asked before every file, so the rest is looked through only where it may be empty.
        return not any(self._lines[self._at :])

    def _file(self) -> FileDiff:
        header = self._header()
        hunks: list[Hunk] = []
        binary = self._binary()
        while self._peek().startswith("@@ -"):
            hunks.append(self._hunk())
        if not self._peek().startswith(("diff --git ", "--- ")) and not self._at_signature() and self._peek():
            self._fail("expected a hunk (@@ -…), the next file (diff --git …) or the end")
        return _file_diff(header, tuple(hunks), binary=binary)

    def _header(self) -> _Header:
        header = _Header()
        if self._peek().endswith("\r"):
            self._fail("a file header ends in CR")  # git quotes a name that really does
        if self._peek().startswith("diff --git "):
            header.git_line = self._take()[len("diff --git ") :]
            while (known := self._extended()) is not None:
                key, value = known
                if key in header.values:
                    header.doubts.append(f"its header has {key.replace('_', ' ')} twice")
                header.values[key] = value
        if self._peek().startswith("--- "):
            header.old = self._name(self._take()[4:], header)
            if not self._peek().startswith("+++ "):
                self._fail("expected +++ after ---")
            header.new = self._name(self._take()[4:], header)
        elif not header.git_line:
            self._fail("expected a file header (diff --git a/… b/…)")
        return header

    def _extended(self) -> tuple[str, str] | None:
        for key, pattern in _HEADERS.items():
            if match := pattern.fullmatch(self._peek()):
                self._at += 1
                return key, match[1]
        return None

    def _name(self, raw: str, header: _Header) -> str:
        # git ends a name with a tab when it holds a space, behind the quotes if there are any; after it old
        # tools put a time, which git reads: the epoch means "no such file".
        end = match.end() if (match := _QUOTED.match(raw)) else 0
        name, _, stamp = raw[end:].partition("\t")
        name = raw[:end] + name
        if stamp:
            header.doubts.append("a time stamp follows a file name")
        return unquoted(name)

    def _binary(self) -> bool:
        if re.fullmatch(r"Binary files .* differ", self._peek(), re.DOTALL):
            self._at += 1
            return True
        if self._peek() != "GIT binary patch":
            return False
        self._at += 1
        while self._at < len(self._lines) and not self._peek().startswith("diff --git "):
            if self._at_signature():
                break
            if not _BINARY_DATA.fullmatch(self._peek()):
                self._fail("this is no binary data")
            self._at += 1
        return True

    def _hunk(self) -> Hunk:
        match = _HUNK.fullmatch(self._peek())
        if not match:
            self._fail("malformed hunk header")
        self._at += 1
        old_start, old_left, new_start, new_left = (
            int(match[1]),
            int(match[2] or 1),
            int(match[3]),
            int(match[4] or 1),
        )
        lines: list[DiffLine] = []
        while old_left > 0 or new_left > 0:
            if self._at >= len(self._lines):
                self._fail("the hunk is shorter than its header says")
            raw = self._peek()
            sign, text = (raw[0], raw[1:]) if raw else (" ", "")
            if sign == "\\":
                self._skip_note(lines)
                continue
            if sign not in " +-":
                self._fail("a line of a hunk starts with a space, + or -")
            self._at += 1
            old_left -= sign in " -"
            new_left -= sign in " +"
            lines.append(DiffLine(sign, text))
        if old_left < 0 or new_left < 0:
            self._fail("the hunk is longer than its header says")
        while self._peek().startswith("\\"):
            self._skip_note(lines)
        return Hunk(old_start, new_start, match[5].strip(), tuple(lines))

    def _skip_note(self, lines: list[DiffLine]) -> None:
        """Pass git's note that the file ends without a line end."""
        if not self._peek().startswith("\\ ") or not lines:
            self._fail("misplaced note about the end of the file")
        self._at += 1


def _has_other_prefixes(line: str) -> bool:
    """Names as ``diff.mnemonicPrefix`` (index, work tree, commit, object) or ``diff.noprefix`` write them."""
    half = len(line) // 2
    old, new = line[:half], line[half + 1 :]
    if not old or line[half] != " " or len(old) != len(new):
        return False
    mnemonic = {old[:2], new[:2]} <= {"c/", "i/", "w/", "o/"}
    return old == new or (mnemonic and old[2:] == new[2:])


def _file_diff(header: _Header, hunks: tuple[Hunk, ...], *, binary: bool) -> FileDiff:
    values = header.values
    doubts = header.doubts
    if _has_other_prefixes(header.git_line):
        raise DiffError(
            "the names in the diff do not start with a/ and b/, as git is set to write them: make it with "
            "git -c diff.mnemonicPrefix=false -c diff.noprefix=false diff"
        )
    old, new = _names(header)
    if not (old or new):
        # git would create a file called dev/null.
        raise DiffError("both file names of a header are /dev/null")
    came, went = (values.get(f"moved_{to}") or values.get(f"copied_{to}") for to in ("from", "to"))
    for side, name, stated in (
        ("a", old, (header.old, _prefixed("a", came))),
        ("b", new, (header.new, _prefixed("b", went))),
    ):
        if name and any(other and other not in {"/dev/null", f"{side}/{name}"} for other in stated):
            doubts.append("its header gives one side of it two names")
    if header.git_line and not _same_names(header.git_line, old or new, new or old):
        doubts.append("the diff --git line names other files than the lines below it")
    if old and new and old != new and not (values.keys() & {"moved_from", "copied_from"}):
        doubts.append("its name changes without a rename header")
    if ("created" in values and old) or ("deleted" in values and new):
        doubts.append("its header says created or deleted, its names say otherwise")
    if hunks and header.old is None:
        doubts.append("it has hunks but no --- and +++ lines")
    mode = values.get("index", "").partition(" ")[2]
    return FileDiff(
        old_path="" if "copied_from" in values else old,
        copied_from=old if "copied_from" in values else "",
        new_path=new,
        hunks=hunks,
        old_mode=values.get("old_mode") or values.get("deleted") or mode,
        new_mode=values.get("new_mode") or values.get("created") or ("" if "deleted" in values else mode),
        binary=binary,
        doubts=tuple(doubts),
    )


def _prefixed(side: str, name: str | None) -> str:
    return f"{side}/{unquoted(name)}" if name else ""


def _names(header: _Header) -> tuple[str, str]:
    """Old and new path without their prefix; empty for a side that does not exist."""
    values = header.values
    old, new = header.old, header.new
    if old is None or new is None:
        old = _prefixed("a", values.get("moved_from") or values.get("copied_from"))
        new = _prefixed("b", values.get("moved_to") or values.get("copied_to"))
        if not (old and new):
            old, new = _split(header.git_line)
        if "created" in values:
            old = "/dev/null"
        if "deleted" in values:
            new = "/dev/null"
    return _bare(old, "a", header), _bare(new, "b", header)


def _bare(name: str, side: str, header: _Header) -> str:
    if name == "/dev/null":
        return ""
    if not name.startswith(f"{side}/") or name == f"{side}/":
        # git drops the first directory, whatever it is called; a person would not notice.
        header.doubts.append(f"a name does not start with {side}/")
        return str(PurePosixPath(name)) if name else "?"
    return name[2:]


def _split(line: str) -> tuple[str, str]:
    """The two equal names of a ``diff --git`` line without any other name in the header."""
    if line.startswith('"'):
        middle = line.find('" ', 1) + 1
        if not middle:
            raise DiffError(f"a quoted file name does not end: {line[:80]!r}")
        return unquoted(line[:middle]), unquoted(line[middle + 1 :])
    half = len(line) // 2
    if len(line) % 2 and line[half] == " " and line[1:half] == line[half + 2 :]:
        return line[:half], line[half + 1 :]
    raise DiffError(f"can't tell the file names in 'diff --git {line[:120]}'")


def _same_names(line: str, old: str, new: str) -> bool:
    if line == f"a/{old} b/{new}":
        return True
    if '"' not in line:
        return False
    parts = re.fullmatch(r'("(?>(?:[^"\\]|\\.)*)"|[^"]*?) ("(?>(?:[^"\\]|\\.)*)"|[^"]*)', line, re.DOTALL)
    return parts is not None and (unquoted(parts[1]), unquoted(parts[2])) == (f"a/{old}", f"b/{new}")
