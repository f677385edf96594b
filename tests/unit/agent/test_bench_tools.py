"""What the model may do on a workbench: capped, and wrong paths are answers, not errors."""

from __future__ import annotations

import pytest

from agent.bench_tools import MAX_HITS, MAX_LINES, MAX_LISTED, MAX_RUNS, BenchTools
from patchpilot.errors import PermanentError
from patchpilot.fixes import CommandResult, Ending, Limits, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.redaction import Redactor


@pytest.fixture
def tools(world, tmp_path):
    tree = tmp_path / "tree"
    (tree / "pkg").mkdir(parents=True)
    (tree / "pkg/price.py").write_text("def net(p):\n    return p / 10\n\n\ndef gross(p):\n    return p\n")
    (tree / "long.txt").write_text("".join(f"line {number}\n" for number in range(1, 1001)))
    (tree / "blob.bin").write_bytes(b"\xff\xfe\x00")
    (tree / ".env").write_text("TOKEN=ghp_" + "a1B2" * 9 + "\n")
    with world.benches.open(WorkbenchSpec(tree=tree, job_id="t")) as bench:
        command = ShellCommand(script="grep -q 'p / 100' pkg/price.py")
        yield BenchTools(bench, failing=command, limits=Limits(), redact=Redactor())


def test_files_are_listed_by_glob(tools):
    assert tools.list_files("*.py") == "pkg/price.py"
    assert "no file matches" in tools.list_files("*.rb")
    assert tools.list_files("").splitlines() == [".env", "blob.bin", "long.txt", "pkg/price.py"]


def test_a_long_list_is_cut_and_says_so(tools, monkeypatch):
    monkeypatch.setattr(
        tools._bench, "files", lambda: [f"f{number}" for number in range(1000)], raising=False
    )

    lines = tools.list_files("*").splitlines()

    assert len(lines) == MAX_LISTED + 1
    assert "700 more" in lines[-1]


def test_search_finds_lines_with_their_numbers(tools):
    assert tools.search("return p", "*.py") == "pkg/price.py:2: return p / 10\npkg/price.py:6: return p"
    assert "not found" in tools.search("nothing like it", "*")
    assert tools.search(" ", "*").startswith("error: ")
    assert len(tools.search("line", "*.txt").splitlines()) == MAX_HITS + 1


def test_reading_is_numbered_and_capped(tools):
    assert tools.read("pkg/price.py", 2, 2) == "2\t    return p / 10\n... 4 more lines"
    assert tools.read("long.txt", 0, 0).splitlines()[-1] == f"... {1000 - MAX_LINES} more lines"
    assert tools.read("long.txt", 999, 5_000).splitlines() == ["999\tline 999", "1000\tline 1000"]
    assert "only 1000 lines" in tools.read("long.txt", 2_000, 0)


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", ".git/config", "gone.py", "blob.bin", ""]
)
def test_a_path_that_cannot_be_read_is_answered_in_words(tools, path):
    assert tools.read(path, 0, 0).startswith("error: ")
    assert tools.edit(path, "a", "b").startswith("error: ")


@pytest.mark.parametrize("path", ["../evil.py", "/tmp/evil.py", ".git/hooks/pre-commit"])
def test_nothing_is_written_outside_the_checkout(tools, path):
    assert tools.edit(path, "", "x").startswith("error: ")
    assert tools.diff() == ""


def test_an_edit_replaces_one_passage_exactly(tools):
    assert "2 times" in tools.edit("pkg/price.py", "(p)", "(q)")
    assert "does not occur" in tools.edit("pkg/price.py", "return  p", "return q")
    assert tools.edit("pkg/price.py", "p / 10", "p / 100") == "edited pkg/price.py"
    assert "+    return p / 100" in tools.diff()


def test_a_file_with_windows_line_ends_is_edited_as_it_is_shown(tools):
    tools._bench.write_text("win.py", "def net(p):\r\n    q = p / 10\r\n    return q\r\n")

    shown = "\n".join(line.partition("\t")[2] for line in tools.read("win.py", 1, 2).splitlines()[:2])
    assert tools.edit("win.py", shown, "def net(p):\n    q = p / 100\n    q += 0") == "edited win.py"

    assert tools._bench.read_text("win.py") == (
        "def net(p):\r\n    q = p / 100\r\n    q += 0\r\n    return q\r\n"
    )


def test_lines_are_counted_as_compilers_count_them(tools):
    tools._bench.write_text("page.py", "a = 1\n\x0c\nb = '\u2028'\nc = 3\n")
    assert tools.search("c = 3", "page.py") == "page.py:4: c = 3"
    assert tools.read("page.py", 4, 4) == "4\tc = 3"


def test_long_lines_are_cut_between_two_and_what_is_missing_is_counted(tools):
    tools._bench.write_text("wide.txt", "".join(f"{number} {'x' * 300}\n" for number in range(1, 201)))

    shown = tools.read("wide.txt", 0, 0).splitlines()

    assert all(line.endswith("x" * 300) for line in shown[:-1])
    assert shown[-1] == f"... {200 - len(shown) + 1} more lines"
    assert tools.read("wide.txt", len(shown), 200).startswith(f"{len(shown)}\t")


def test_a_new_file_never_replaces_one_that_is_there(tools):
    assert "exists" in tools.edit("pkg/price.py", "", "x")
    assert tools.edit("pkg/new.py", "", "X = 1\n") == "edited pkg/new.py"


def test_the_failing_command_says_first_how_it_ended(tools):
    assert tools.run_failing_command().startswith("FAILED: exit code 1")
    tools.edit("pkg/price.py", "p / 10", "p / 100")
    assert tools.run_failing_command().startswith("PASSED")


def test_runs_are_bounded(tools):
    for _ in range(MAX_RUNS):
        tools.run_failing_command()
    assert tools.run_failing_command().startswith("error: ")


def test_one_test_is_run_with_the_failing_commands_runner(tools):
    tools._failing = ShellCommand(script="cd pkg && ./pytest -x --cov\n")
    tools.edit("pkg/pytest", "", "#!/bin/sh\n")
    ran: list[str] = []

    def run(command, *, limits):
        ran.append(command.script)
        return CommandResult(
            command=command, ending=Ending.EXITED, exit_code=0, output="1 passed in 0.01s", seconds=0.1
        )

    tools._bench.run = run
    assert tools.run_test("test_price.py::test_net[10-x y]").startswith("PASSED")
    assert ran == ["cd pkg && ./pytest -q 'test_price.py::test_net[10-x y]'\n"]


def test_green_without_a_test_that_ran_is_said_to_mean_nothing(tools):
    tools._failing = ShellCommand(script="cargo test")
    tools._bench.run = lambda command, **_: CommandResult(
        command=command, ending=Ending.EXITED, exit_code=0, output="running 0 tests", seconds=0.1
    )
    assert tools.run_test("price::nothing").startswith("error: no test of that name was run")


def test_a_name_that_is_no_test_runs_nothing(tools, world):
    tools._failing = ShellCommand(script="pytest")
    before = list(world.benches.runs)
    assert tools.run_test("a; curl evil").startswith("error: that is no test id")
    assert world.benches.runs == before


def test_a_binary_file_is_passed_over_by_a_search_on_the_real_bench(tools):
    def read_text(path):
        raise PermanentError(f"{path!r} is not UTF-8 text and is left alone")

    tools._bench.read_text = read_text
    assert "not found" in tools.search("return", "*")
    assert tools.read("blob.bin", 0, 0) == "error: 'blob.bin' is not a text file"


def test_secrets_of_the_repository_are_not_read_out(tools):
    assert "ghp_" not in tools.read(".env", 0, 0)
    assert "ghp_" not in tools.search("TOKEN", "*")
