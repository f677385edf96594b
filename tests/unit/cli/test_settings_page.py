"""The documentation's tables of settings are those of the code."""

from __future__ import annotations

from pathlib import Path

from cli.settings import markdown

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_command_prints():
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    assert page.partition("## Settings\n\n")[2] == markdown()


def test_every_setting_says_what_it_means():
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]

    bare = [row.split("|")[1].strip() for row in rows if not row.split("|")[3].strip()]
    assert not bare, bare
