"""Git as a pure function: diffs made and applied in throw-away folders, with nothing of anybody's set-up.

A hostile tree can name commands for git to run (``core.fsmonitor``, filters, textconv). None of it is read
here: the repository is an empty one of ours, no configuration of machine or user is loaded, and our
``info/attributes``, which outranks every ``.gitattributes``, switches all conversions off. So a diff is
about bytes as they are in commits, and applying one gives exactly those bytes.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from patchpilot.errors import PatchDoesNotApplyError, PermanentError, TemporaryError
from patchpilot.text import one_line
from sandbox.trees import TextFile

SECONDS = 60.0
"""No git command of ours has a reason to take longer."""

_ATTRIBUTES = "* -text !eol !crlf !filter !ident !working-tree-encoding !whitespace !diff !merge\n"
_ALL_BINARY = _ATTRIBUTES.replace("!diff", "-diff")

# Lines of a hunk start with a space, "+", "-" or a backslash, so only a real header matches.
_HEADER = re.compile(r"(?m)^diff --git (.+)\n(new|deleted) file mode ")

Content = Mapping[str, TextFile | None]
"""Files by path; ``None`` for one that is not there."""


def diff(before: Content, after: Content) -> str:
    """The difference in git's format, with ``a/`` and ``b/``; renames are not guessed at.

    What is not UTF-8 goes in as a binary patch, which is plain ASCII, so the whole is always text.
    """
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    if not changed:
        return ""
    try:
        return _diff(before, after, changed, _ATTRIBUTES)
    except UnicodeDecodeError:
        return "".join(_diff_one(before, after, path) for path in changed)


def _diff_one(before: Content, after: Content, path: str) -> str:
    try:
        return _diff(before, after, [path], _ATTRIBUTES)
    except UnicodeDecodeError:
        return _diff(before, after, [path], _ALL_BINARY)


def _diff(before: Content, after: Content, paths: list[str], attributes: str) -> str:
    with _folder(attributes) as folder:
        for side, contents in (("a", before), ("b", after)):
            (folder / side).mkdir()
            for path in paths:
                if (content := contents.get(path)) is not None:
                    _put(folder / side / path, content)
        done = _git(
            folder,
            folder,
            *("diff", "--no-index", "--no-prefix", "--no-renames", "--no-ext-diff", "--no-textconv"),
            *("--no-color", "--binary", "--abbrev=12", "--diff-algorithm=histogram", "--unified=3", "a", "b"),
        )
        if done.returncode not in {0, 1}:  # 1: they differ
            raise PermanentError(f"making a diff: {one_line(done.stderr.decode(errors='replace'))}")
        return _HEADER.sub(_both_sides_named, done.stdout.decode())


def _both_sides_named(header: re.Match[str]) -> str:
    """Without prefixes git names the side that is there twice: ``b/x b/x`` for a new file."""
    names = header[1]
    half = names[: len(names) // 2]
    quote, bare = ('"', half[1:]) if half.startswith('"') else ("", half)
    return f"diff --git {quote}a/{bare[2:]} {quote}b/{bare[2:]}\n{header[2]} file mode "


def apply(patch: str, before: Content) -> dict[str, TextFile | None]:
    """Apply to the files that the patch may touch and return them all as they are afterwards.

    ``before`` must name every path of the patch. Raises :class:`PatchDoesNotApplyError` with git's reason.
    """
    with _folder(_ATTRIBUTES) as folder:
        tree = folder / "tree"
        tree.mkdir()
        for path, content in before.items():
            if content is not None:
                _put(tree / path, content)
        done = _git(tree, folder, "apply", "--whitespace=nowarn", "-p1", "-", stdin=patch.encode())
        if done.returncode:
            raise PatchDoesNotApplyError(f"the patch does not apply: {_reason(done.stderr)}")
        return {path: _take(tree / path) for path in before}


def touched(patch: str) -> list[str]:
    """The paths that git itself reads out of a patch (the new name of a rename)."""
    with _folder(_ATTRIBUTES) as folder:
        done = _git(folder, folder, "apply", "--numstat", "-z", "-", stdin=patch.encode())
        if done.returncode:
            raise PatchDoesNotApplyError(f"this is no patch that git can read: {_reason(done.stderr)}")
        rows = done.stdout.decode(errors="surrogateescape").split("\0")
        return [row.split("\t", 2)[2] for row in rows if row]


def ignored(tree: Path, paths: list[str]) -> set[str]:
    """Which of ``paths`` the ``.gitignore`` files of ``tree`` leave out of commits."""
    if not paths:
        return set()
    with _folder(_ATTRIBUTES) as folder:
        names = "\0".join(paths).encode(errors="surrogateescape")
        done = _git(tree, folder, "check-ignore", "--no-index", "--stdin", "-z", stdin=names)
        if done.returncode not in {0, 1}:  # 1: none of them
            raise PermanentError(f"reading .gitignore: {one_line(done.stderr.decode(errors='replace'))}")
        return set(done.stdout.decode(errors="surrogateescape").split("\0")) - {""}


def _reason(stderr: bytes) -> str:
    lines = [line.removeprefix("error: ") for line in stderr.decode(errors="replace").splitlines()]
    return one_line("; ".join(lines), 400) or "git gives no reason"


def _put(place: Path, content: TextFile) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.data)
    if content.executable:
        place.chmod(0o755)


def _take(place: Path) -> TextFile | None:
    # The folder is ours and the patch has been checked to hold regular files only.
    if place.is_symlink() or not place.is_file():
        return None
    return TextFile(place.read_bytes(), bool(place.stat().st_mode & 0o100))


@contextmanager
def _folder(attributes: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="patchpilot-git-") as name:
        folder = Path(name)
        for part in ("git/objects", "git/refs", "git/info"):
            (folder / part).mkdir(parents=True)
        (folder / "git/HEAD").write_text("ref: refs/heads/none\n")
        (folder / "git/info/attributes").write_text(attributes)
        yield folder


def _git(tree: Path, folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    settings = {
        "core.quotePath": "false",
        "core.autocrlf": "false",
        "core.symlinks": "true",
        "core.fsmonitor": "false",
        "core.hooksPath": "/dev/null",
        "core.attributesFile": "/dev/null",
        "core.excludesFile": "/dev/null",
        "apply.whitespace": "nowarn",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_DIR": str(folder / "git"),
        "GIT_WORK_TREE": str(tree),
    }
    try:
        return subprocess.run(  # noqa: S603 - fixed words, paths of ours, no shell
            ["git", *options, *arguments],  # noqa: S607 - found on the PATH set above
            cwd=tree,
            env=environment,
            input=stdin,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise PermanentError("git is not installed on this machine: install git") from error
    except subprocess.TimeoutExpired as error:
        raise TemporaryError(f"git {arguments[0]} took longer than {SECONDS:.0f} s") from error
