"""A git repository around the checkout, for commands that ask git what changed.

A checkout comes without ``.git``, and ``make generate && git diff --exit-code`` or ``pre-commit run`` is red
there whatever the code is. So where a command calls git, by itself or by what it calls, the sandbox first
makes a commit of the tree as it stands. Nothing else has to pay for that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from patchpilot.errors import PatchPilotError
from sandbox import trees

TRACKED = "tmp/.patchpilot/tracked"
"""Inside: the names of all files of the commit, each ended by a NUL."""

# Run by the script inside once the tree is unpacked. Files that .gitignore names are in commits too. The
# folder belongs to root and its files do not, which git refuses unless it is told.
SETUP = r"""
if [ -s /tmp/.patchpilot/tracked ] && command -v git >/dev/null; then
  if ! (
    cd /src && export HOME=/tmp/home GIT_LITERAL_PATHSPECS=1 &&
      git config --global safe.directory /src &&
      git -c init.defaultBranch=main init --quiet --template= . &&
      git -c core.compression=1 add --force --pathspec-file-nul \
        --pathspec-from-file=/tmp/.patchpilot/tracked &&
      git -c user.name=CI -c user.email=ci@localhost -c commit.gpgSign=false commit --quiet --no-verify \
        --message "The commit under test"
  ) >/tmp/.patchpilot/repository 2>&1; then
    rm -rf /src/.git
    echo "sandbox: no git repository could be made of the tree:"
    head -n 3 /tmp/.patchpilot/repository
  fi
fi
"""

_GIT = re.compile(r"(?<![\w./@:-])(?:git|pre-commit|prek|lint-staged)(?=[\s\"',;)\]]|$)", re.MULTILINE)
_BUILD_FILES = (
    (re.compile(r"\bg?make\b"), re.compile(r"(?:.*/)?(?:GNU)?[Mm]akefile|.*\.mk")),
    (re.compile(r"\b(?:npm|yarn|pnpm|bun)\b"), re.compile(r"(?:.*/)?package\.json")),
    (re.compile(r"\btox\b"), re.compile(r"(?:.*/)?(?:tox\.ini|setup\.cfg|pyproject\.toml)")),
    (re.compile(r"\bnox\b"), re.compile(r"(?:.*/)?noxfile\.py")),
    (re.compile(r"\bjust\b"), re.compile(r"(?:.*/)?\.?[Jj]ustfile")),
    (re.compile(r"\btask\b"), re.compile(r"(?:.*/)?[Tt]askfile\.ya?ml")),
    (re.compile(r"\b(?:inv|invoke)\b"), re.compile(r"(?:.*/)?tasks\.py")),
    (re.compile(r"\brake\b"), re.compile(r"(?:.*/)?Rakefile")),
)
"""What reads which file for the commands it runs."""
_WORD = re.compile(r"[\w./-]{2,200}")
_MOST_FILES = 40


def tracked(script: str, tree: Path) -> bytes:
    """The names to commit before ``script`` runs; empty where nothing in it asks git anything."""
    files = trees.files(tree)
    if not _GIT.search(script) and not any(_GIT.search(_text(tree, path)) for path in _called(script, files)):
        return b""
    return b"".join(os.fsencode(path) + b"\0" for path in sorted({*files, *_links(tree)}))


def _links(tree: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            place = Path(folder, name)
            if place.is_symlink():
                yield str(place.relative_to(tree))


def _called(script: str, files: Sequence[str]) -> Iterator[str]:
    """Scripts that the command names, and build files of the tools that it calls."""
    named = {word.removeprefix("./") for word in _WORD.findall(script)}
    kinds = [kind for tool, kind in _BUILD_FILES if tool.search(script)]
    found = 0
    for path in files:
        is_named = path in named or any(
            word.endswith((".sh", ".py", ".js")) and path.endswith(f"/{word}") for word in named
        )
        if is_named or any(kind.fullmatch(path) for kind in kinds):
            found += 1
            if found > _MOST_FILES:
                return
            yield path


def _text(tree: Path, path: str) -> str:
    try:
        content = trees.read(tree, path)
    except PatchPilotError:
        return ""
    return content.data[:200_000].decode(errors="replace") if content else ""
