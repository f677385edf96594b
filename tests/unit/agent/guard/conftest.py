"""Attacks and honest fixes as data, turned into diffs."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    name: str
    rule: str
    diff: str
    base: dict[str, str]
    failing: tuple[str, ...] = ()
    needs_base: bool = False

    def read(self, path: str) -> str | None:
        return self.base.get(path)

    def __str__(self) -> str:
        return f"{self.rule}: {self.name}" if self.rule else self.name


def load(folder: str) -> list[Sample]:
    rows = [
        row for path in sorted((HERE / folder).glob("*.yaml")) for row in yaml.safe_load(path.read_text())
    ]
    return [sample(row) for row in rows]


def sample(row: dict[str, Any]) -> Sample:
    files = row.get("files", {})
    if "generate" in row:
        lines = "".join(f"value_{number} = {number}\n" for number in range(row["generate"]))
        files = {"src/values.py": {"before": None, "after": lines}}
    # Secrets are broken by @@ and invisible characters escaped, so that the files hold neither.
    sides = {
        path: tuple(None if text is None else _unescaped(text) for text in (sides["before"], sides["after"]))
        for path, sides in files.items()
    }
    diff = row.get("diff") or "".join(file_diff(path, *texts) for path, texts in sides.items())
    base = {path: before for path, (before, _) in sides.items() if before is not None}
    failing = (row["failing"],) if "failing" in row else ()
    return Sample(row["name"], row.get("rule", ""), diff, base, failing, row.get("needs_base", False))


def _unescaped(text: str) -> str:
    text = text.replace("@@", "").replace("\\r", "\r")
    for code in ("200b", "202e", "2066", "2069", "0430", "001b"):
        text = text.replace(f"\\u{code}", chr(int(code, 16)))
    return text


def file_diff(path: str, before: str | None, after: str | None) -> str:
    old, new = ((text or "").splitlines(keepends=True) for text in (before, after))
    names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
    header = f"diff --git a/{path} b/{path}\n"
    header += "new file mode 100644\n" if before is None else ""
    header += "deleted file mode 100644\n" if after is None else ""
    old, new = ([line + "\n" for line in (text or "").split("\n")[:-1]] for text in (before, after))
    return header + "".join(difflib.unified_diff(old, new, *names, n=3))


@pytest.fixture(scope="session")
def make_diff() -> Callable[..., str]:
    return file_diff


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name in ("attack", "honest"):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, load({"attack": "attacks", "honest": "honest"}[name]), ids=str)


@pytest.fixture(scope="session")
def attacks() -> list[Sample]:
    return load("attacks")
