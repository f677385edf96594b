"""Which commands get a git repository around their tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import repository


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "Makefile").write_text("fresh:\n\tgit diff --exit-code\n")
    (tmp_path / "tools/check.py").write_text("run(['git', 'status'])\n")
    (tmp_path / "tools/other.py").write_text("url = 'https://github.com/git/git.git'\n")
    (tmp_path / "link").symlink_to("a.py")
    return tmp_path


@pytest.mark.parametrize(
    "script",
    [
        "make gen\ngit diff --exit-code",
        'test -z "$(git status --porcelain)"',
        "pre-commit run --all-files",
        "make fresh",
        "python tools/check.py --all",
        "cd tools && python check.py",
    ],
)
def test_what_asks_git_gets_every_file_and_link_committed(script: str, tree: Path) -> None:
    names = repository.tracked(script, tree).split(b"\0")

    assert names == [b"Makefile", b"a.py", b"link", b"tools/check.py", b"tools/other.py", b""]


@pytest.mark.parametrize("script", ["pytest -q", "python tools/other.py", "pip install git+x", "digit", ""])
def test_what_does_not_ask_git_pays_nothing(script: str, tree: Path) -> None:
    assert repository.tracked(script, tree) == b""
