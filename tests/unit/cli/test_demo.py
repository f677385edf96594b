"""What ``demo`` says about itself, without running it."""

from __future__ import annotations

from typer.testing import CliRunner

from cli.main import application


def test_the_stories_are_named_whole_on_a_narrow_terminal():
    shown = CliRunner().invoke(application(), ["demo", "--help"], env={"COLUMNS": "80"}).output

    assert all(story in shown for story in ("ledger", "checkout", "notifier"))


def test_a_story_that_is_not_there_is_refused_with_those_that_are():
    refused = CliRunner().invoke(application(), ["demo", "legder"], env={"COLUMNS": "200"})

    assert refused.exit_code == 2
    assert "there are ledger, checkout, notifier" in refused.output
