"""What ``patchpilot heal`` runs for a command that was given."""

from __future__ import annotations

from pathlib import Path

from cli.heal_plan import plan_for
from cli.heal_request import Wanted
from patchpilot.images import ImageTable


def test_no_job_asks_for_an_image_where_the_command_was_given(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_shop.py").write_text("def test_it(): ...\n")

    given = plan_for(Wanted(command=("pytest", "-q")), tmp_path, inside=".", images=ImageTable())
    found = plan_for(Wanted(), tmp_path, inside=".", images=ImageTable())

    assert (given.failing.script, given.source, given.job_image) == ("pytest -q", "the command line", "")
    assert found.job_image == "python:latest"
