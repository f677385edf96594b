"""Rules about what a patch does to the tree: paths, modes, links, binaries, size."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from agent.guard import places
from agent.guard.case import ENORMOUS, Case, Remark
from agent.guard.diff import SUBMODULE, SYMLINK
from patchpilot.fixes import Severity

_ORDINARY_MODES = {"", "100644", "100755"}
# Characters that HFS+ ignores in names, so that ".g\u200cit" is ".git" there: CVE-2014-9390.
_IGNORED = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad]")
# NTFS: short names of .git, streams, trailing dots and spaces; device names.
_WINDOWS = re.compile(r"^(?:git~\d+|con|prn|aux|nul|com\d|lpt\d)(?:\..*)?$|::|:\$|[. ]$", re.IGNORECASE)
_METADATA = {".gitattributes", ".gitmodules", ".gitconfig", ".git-blame-ignore-revs", ".lfsconfig"}


def unsafe_paths(case: Case) -> Iterator[Remark]:
    """Paths that leave the checkout, reach into .git or mean another file on another system."""
    seen: dict[str, str] = {}
    for change in case.changes:
        for path in dict.fromkeys((change.diff.old_path, change.diff.new_path)):
            if path and (why := _unsafe(path)):
                yield Remark(path, 0, f"the path {why}")
        if change.diff.new_path:
            folded = unicodedata.normalize("NFC", change.diff.new_path).casefold()
            if seen.setdefault(folded, change.diff.new_path) != change.diff.new_path:
                yield Remark(change.path, 0, f"the path differs from {seen[folded]!r} only in case or form")


def _unsafe(path: str) -> str:
    parts = path.split("/")
    plain = [_IGNORED.sub("", part).rstrip(". ").casefold() for part in parts]
    control = any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in path)
    for bad, why in (
        (path.startswith(("/", "~")) or bool(re.match(r"[A-Za-z]:", path)), "is absolute"),
        (".." in parts, "leaves the checkout"),
        ("." in parts or "" in parts, "is not in its plain form"),
        ("\\" in path, "has a backslash, which is a separator elsewhere"),
        (control, "has a control character or bytes that are no text"),
        (bool(_IGNORED.search(path)), "has an invisible character"),
        (".git" in plain, "reaches into .git"),
        (
            any(_WINDOWS.search(part) for part in parts if part not in {".", ".."}),
            "means something else on Windows",
        ),
        (path != path.strip(), "starts or ends with white space"),
    ):
        if bad:
            return why
    return ""


def symlinks(case: Case) -> Iterator[Remark]:
    """New, changed or removed symbolic links."""
    for change in case.changes:
        if SYMLINK in {change.diff.old_mode, change.diff.new_mode}:
            target = change.added[0].text if change.added else ""
            yield Remark(change.path, 0, f"a symbolic link{f' to {target[:60]!r}' if target else ''}")


def submodules(case: Case) -> Iterator[Remark]:
    """Submodules added, moved or removed."""
    for change in case.changes:
        if SUBMODULE in {change.diff.old_mode, change.diff.new_mode}:
            yield Remark(change.path, 0, "a submodule: its content is outside this patch")


def modes(case: Case) -> Iterator[Remark]:
    """Permission changes of existing files, and modes that git never writes."""
    for change in case.changes:
        old, new = change.diff.old_mode, change.diff.new_mode
        if {old, new} & {SYMLINK, SUBMODULE}:
            continue
        if not {old, new} <= _ORDINARY_MODES:
            yield Remark(change.path, 0, f"the file mode {old or new} is not one of a plain file")
        elif old and new and old != new:
            to_run = new == "100755" and (places.is_script(change.path) or _WRAPPERS.search(change.path))
            severity = Severity.NOTE if to_run else None
            yield Remark(change.path, 0, f"the file mode changes from {old} to {new}", severity)


# Scripts that are started by their name.
_WRAPPERS = re.compile(r"(?:^|/)(?:gradlew|mvnw|configure|bootstrap|manage\.py)$")


def binaries(case: Case) -> Iterator[Remark]:
    """Content that nobody can read in a diff."""
    for change in case.changes:
        if change.diff.binary:
            yield Remark(change.path, 0, "a binary file: its content can't be read here")


def metadata(case: Case) -> Iterator[Remark]:
    """Files that tell git itself what to do."""
    for change in case.changes:
        names = {path.rsplit("/", 1)[-1].lower() for path in (change.diff.old_path, change.diff.new_path)}
        if names & _METADATA:
            yield Remark(change.path, 0, "this file changes how git reads or shows the repository")


def doubts(case: Case) -> Iterator[Remark]:
    """Diffs that say two things at once."""
    seen: set[str] = set()
    for change in case.changes:
        for doubt in change.diff.doubts:
            yield Remark(change.path, 0, doubt)
        if change.path in seen:
            yield Remark(change.path, 0, "the diff changes this file twice")
        seen |= {change.diff.old_path, change.diff.new_path} - {""}


def size(case: Case) -> Iterator[Remark]:
    """More changed lines than a person reads before pressing a button. Lock files are not counted."""
    total = sum(change.diff.changed_lines for change in case.changes if not places.is_lock(change.path))
    if case.size > ENORMOUS:
        yield Remark(
            case.changes[0].path, 0, f"{case.size} changed lines are too many to judge", Severity.REFUSE
        )
    elif total > case.max_changed_lines:
        biggest = max(case.changes, key=lambda change: change.diff.changed_lines)
        yield Remark(biggest.path, 0, f"{total} changed lines, more than {case.max_changed_lines}")
