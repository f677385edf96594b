"""The roles' processes and their logs."""

from __future__ import annotations

from playground.processes import Processes


def test_a_log_is_there_while_its_process_runs_and_has_nothing_of_an_earlier_run(tmp_path, eventually):
    (tmp_path / "bot.log").write_text("of an earlier run\n")

    with Processes(tmp_path) as processes:
        processes.start("bot", ["--help"], {})
        eventually(lambda: "demo" in (tmp_path / "bot.log").read_text())

        assert "of an earlier run" not in processes.log_of("bot")
