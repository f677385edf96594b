"""What ``demo`` says about itself, without running it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from typer.testing import CliRunner

from cli.main import application, flowing
from cli.show import Show
from playground.stage import Note


def test_the_stories_are_named_whole_on_a_narrow_terminal():
    shown = CliRunner().invoke(application(), ["demo", "--help"], env={"COLUMNS": "80"}).output

    assert all(story in shown for story in ("ledger", "checkout", "notifier"))


def test_a_story_that_is_not_there_is_refused_with_those_that_are():
    refused = CliRunner().invoke(application(), ["demo", "legder"], env={"COLUMNS": "200"})

    assert refused.exit_code == 2
    assert "there are ledger, checkout, notifier" in refused.output


@pytest.mark.parametrize("words", [["demo"], ["setup", "github"], ["sandbox", "build"]])
def test_help_takes_the_width_of_the_terminal(words):
    lines = CliRunner().invoke(application(), [*words, "--help"], env={"COLUMNS": "80"}).output.split("\n")
    about = [line.strip() for line in lines[2 : next(n for n, line in enumerate(lines) if "╭" in line)]]

    # A line breaks where the next word has no room: none ends early in the middle of a sentence.
    for line, following in pairwise(about):
        if line and following:
            assert len(line) + 1 + len(following.split()[0]) > 78, line


def test_a_list_in_help_stays_a_list():
    text = f"{'word ' * 20}\n{'word ' * 3}\n\nExit codes:\n0 well\n1 not"

    assert flowing(text).split("\n\n")[1] == "Exit codes:\n0 well\n1 not"
    assert "\n" not in flowing(text).split("\n\n")[0]


def test_after_ctrl_c_the_stories_are_silent_and_it_was_heard(capfd, tmp_path):
    show = Show(auto=False)
    with pytest.raises(KeyboardInterrupt):
        show.interrupted()
    show._tell(Note(scenario="ledger", text="went on", seconds=1))

    said = capfd.readouterr().out
    assert said.count("Stopping what was started") == 1
    assert "went on" not in said
    assert "cleared away" not in said


def test_a_second_ctrl_c_is_answered_and_breaks_nothing_off(capfd):
    show = Show(auto=False)
    with pytest.raises(KeyboardInterrupt):
        show.interrupted()
    capfd.readouterr()

    show.interrupted()

    assert "Still stopping" in capfd.readouterr().out


def test_that_all_is_cleared_away_is_said_only_where_it_is(capfd, tmp_path):
    show = Show(auto=False)
    show.ended(tmp_path / "gone")
    assert capfd.readouterr().out == ""  # nothing had been started
    with pytest.raises(KeyboardInterrupt):
        show.interrupted()
    capfd.readouterr()

    show.ended(tmp_path)
    assert f"{tmp_path} could not be removed" in capfd.readouterr().out
    show.ended(tmp_path / "gone")
    assert "all is cleared away" in capfd.readouterr().out
