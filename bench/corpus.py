"""The labelled logs that the benchmarks of reading run on, and the scorer's way of judging a text."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patchpilot.failures import Category

DEFAULT = Path(__file__).resolve().parent.parent.parent / "shared" / "corpus"
NEEDLE = 160
"""So many characters of a labelled line have to be there: a distiller may cut long lines."""

# The corpus has fewer categories than PatchPilot.
OURS = {
    Category.INFRASTRUCTURE: "infra",
    Category.RESOURCE: "oom",
    Category.PERMISSION: "config",
    Category.FORMAT: "lint",
    Category.UNKNOWN: "other",
}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[()][AB0]|\x1b[=>]|\^\[\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One log with what people marked in it."""

    id: str
    path: Path
    project: str
    ci: str
    expected: tuple[str, ...]
    key: tuple[str, ...]
    category: str
    """Empty where nobody said."""
    also_right: tuple[str, ...]
    size: int

    @property
    def tuned_on(self) -> bool:
        """Whether this log's project was looked at while rules were tuned: fixed, by the hash of its name."""
        digest = hashlib.sha256(self.project.encode()).digest()
        return digest[0] % 2 == 0 or digest[1] % 6 == 0 or digest[2] % 2 == 0

    def read(self) -> bytes:
        """The raw log."""
        return self.path.read_bytes()


def load(folder: Path) -> list[Labelled]:
    """All labelled logs below ``folder``; ends the program with one line where there are none."""
    index = folder / "logs" / "index.jsonl"
    if not index.is_file():
        sys.exit(
            f"no corpus at {str(folder)!r}: it needs logs/index.jsonl; name another folder with --corpus"
        )
    entries = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        Labelled(
            id=entry["id"],
            path=folder / entry["log_path"],
            project=entry["project"],
            ci=entry["ci"],
            expected=tuple(entry["expected_lines"]),
            key=tuple(entry["key_lines"] or entry["expected_lines"]),
            category=entry["category"] or "",
            also_right=tuple(entry["category_alt"]),
            size=entry["bytes"],
        )
        for entry in entries
    ]


def kept(lines: Sequence[str], text: str) -> list[bool]:
    """For each labelled line, whether the text holds it."""
    body = "\n".join(_plain(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return [_plain(line)[:NEEDLE] in body for line in lines]


def _plain(line: str) -> str:
    return " ".join(_ANSI.sub("", line).split())
