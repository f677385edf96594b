"""Running commands: what they see, how their end is told, what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchpilot.errors import NotFoundError, PermanentError
from patchpilot.fixes import Ending, Limits, Patch, ShellCommand
from patchpilot.ports import Workbench, WorkbenchSpec
from sandbox.bench import Benches

FIX = """\
diff --git a/pkg/sums.py b/pkg/sums.py
--- a/pkg/sums.py
+++ b/pkg/sums.py
@@ -1,2 +1,2 @@
 def add(a, b):
-    return a - b
+    return a + b
"""


def sh(script: str, **more: object) -> ShellCommand:
    return ShellCommand(script=script, **more)  # type: ignore[arg-type]


def test_a_failing_test_is_red_and_green_once_patched(workbench: Workbench) -> None:
    before = workbench.run(sh("python -m pytest -q"))
    workbench.apply(Patch(FIX))
    after = workbench.run(sh("python -m pytest -q"))

    assert before.failed
    assert before.exit_code == 1
    assert "1 failed" in before.output
    assert after.passed
    assert "1 passed" in after.output
    assert after.engine == workbench.engine
    assert after.image


@pytest.mark.parametrize(
    "script",
    ["python -m unittest -q", "ruff check .", "python3 -c 'import ssl, sqlite3'", "pytest --version"],
)
def test_the_tools_of_a_python_project_are_there(workbench: Workbench, script: str) -> None:
    result = workbench.run(sh(script))

    assert result.ending is Ending.EXITED
    assert result.exit_code in {0, 5}, result.output  # unittest: 5, no tests ran


def test_a_command_sees_exactly_the_listed_variables(workbench: Workbench) -> None:
    result = workbench.run(
        sh("import os; print(sorted(os.environ))", shell="python3", env={"MY_FLAG": "a b"})
    )

    own = ["CI", "HOME", "LANG", "MY_FLAG", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH"]
    own.append("npm_config_fetch_retries")
    assert result.output.strip() in {str(own), str(sorted([*own, "LC_CTYPE"]))}


def test_search_paths_that_a_step_sets_keep_the_tools(workbench: Workbench) -> None:
    result = workbench.run(
        sh("echo $PATH; python -c 'import pkg, pytest'", env={"PATH": "/custom", "PYTHONPATH": "/src"})
    )

    assert result.passed
    assert result.output.startswith("/custom:/")


@pytest.mark.parametrize(
    ("shell", "script", "code"),
    [
        ("bash -e", "false\ntrue", 1),
        ("bash", "false | true", 1),
        ("bash -e", "false | true", 0),
        ("bash --noprofile --norc -eo pipefail {0}", "false | true", 1),
        ("sh -e", "exit 7", 7),
        ("python", "raise SystemExit(3)", 3),
        ("bash -e", "kill -TERM $$", 143),
        ("bash -e", "kill -9 $$", 137),
        ("no-such-shell", "true", 127),
    ],
)
def test_a_shell_means_what_it_means_on_a_runner(
    workbench: Workbench, shell: str, script: str, code: int
) -> None:
    result = workbench.run(sh(script, shell=shell))

    assert result.ending is Ending.EXITED
    assert result.exit_code == code


def test_output_keeps_the_order_of_both_streams(workbench: Workbench) -> None:
    result = workbench.run(sh("echo one; echo two >&2; echo three"))

    assert result.output == "one\ntwo\nthree\n"


def test_bytes_that_are_no_text_do_not_break_the_output(workbench: Workbench) -> None:
    result = workbench.run(sh(r"printf '\377\000ok\n'"))

    assert result.passed
    assert "ok" in result.output


def test_a_script_may_be_long_and_hold_any_character(workbench: Workbench) -> None:
    filler = "\n".join(f"# {n} 'quotes\" $dollars `ticks` é" for n in range(8_000))

    assert workbench.run(sh(f"{filler}\necho reached")).output == "reached\n"


def test_a_working_folder_is_used_and_checked(workbench: Workbench) -> None:
    assert workbench.run(sh("ls", workdir="./pkg/")).output.split() == ["__init__.py", "sums.py"]
    for outside in ("..", "/etc", "pkg/../..", ".git"):
        with pytest.raises(PermanentError, match="not inside the checkout"):
            workbench.run(sh("ls", workdir=outside))


def test_a_missing_working_folder_is_no_verdict_on_the_code(workbench: Workbench) -> None:
    result = workbench.run(sh("ls", workdir="nowhere"))

    assert result.ending is Ending.SANDBOX_ERROR
    assert "no folder nowhere" in result.output
    assert not result.failed


@pytest.mark.parametrize("name", ["A=B", "1A", "A B", ""])
def test_a_variable_that_no_shell_can_hold_is_refused(workbench: Workbench, name: str) -> None:
    with pytest.raises(PermanentError, match="variable"):
        workbench.run(sh("true", env={name: "x"}))


def test_each_run_starts_fresh(workbench: Workbench) -> None:
    first = workbench.run(sh("rm -rf pkg notes.txt; echo x > left; echo x > /tmp/left; ls"))
    second = workbench.run(sh("ls; ls /tmp"))

    assert "left" in first.output
    assert second.output.split() == ["notes.txt", "pkg", "test_sums.py", "home"]
    assert workbench.read_text("notes.txt") == "one\ntwo\n"


def test_a_command_with_an_input_reads_nothing(workbench: Workbench) -> None:
    assert workbench.run(sh("cat; read x || echo none")).output == "none\n"


def test_what_a_command_leaves_running_ends_with_it(workbench: Workbench) -> None:
    result = workbench.run(sh("sleep 600 & setsid sleep 600 & echo done"), limits=Limits(seconds=30))

    assert result.passed
    assert result.seconds < 20


def test_a_checkout_that_does_not_fit_is_refused_with_the_setting_to_change(
    workbench_engine: Benches, tmp_path: Path
) -> None:
    tree = tmp_path / "big"
    tree.mkdir()
    with (tree / "blob").open("wb") as file:
        file.truncate(40 * 2**20)

    spec = WorkbenchSpec(tree=tree, job_id="big", limits=Limits(memory_mb=64))
    with pytest.raises(PermanentError, match="SANDBOX_MEMORY_MB"), workbench_engine.open(spec):
        pass


def test_a_missing_checkout_is_refused(workbench_engine: Benches, tmp_path: Path) -> None:
    spec = WorkbenchSpec(tree=tmp_path / "none", job_id="none")
    with pytest.raises(PermanentError, match="no checkout"), workbench_engine.open(spec):
        pass


def test_an_image_that_a_repository_names_is_never_fetched(
    workbench_engine: Benches, workbench_tree: Path
) -> None:
    spec = WorkbenchSpec(tree=workbench_tree, job_id="image", image="attacker/image:1")
    with workbench_engine.open(spec) as bench:
        if bench.engine == "docker":
            with pytest.raises(NotFoundError, match="operator"):
                bench.run(sh("true"))
        else:
            assert bench.run(sh("true")).passed  # bubblewrap has one root only


def test_capture_takes_back_text_and_applies_nothing(workbench: Workbench) -> None:
    script = """
    sed -i 's/a - b/a + b/' pkg/sums.py
    rm notes.txt
    mkdir -p deep/er && echo new > deep/er/file.txt
    chmod +x test_sums.py
    """
    result, patch = workbench.capture(sh(script))

    assert result.passed
    assert set(patch.files) == {"pkg/sums.py", "notes.txt", "deep/er/file.txt"}
    assert "mode 100755" not in patch.diff
    assert workbench.diff().is_empty
    workbench.apply(patch)
    assert workbench.read_text("pkg/sums.py") == "def add(a, b):\n    return a + b\n"
    assert workbench.read_text("deep/er/file.txt") == "new\n"
    assert "notes.txt" not in workbench.files()
    assert workbench.diff() == patch


def test_capture_leaves_out_what_is_not_plain_text(workbench: Workbench) -> None:
    script = r"""
    ln -s /etc/passwd link; ln -sf /etc/passwd notes.txt
    printf 'a\0b' > binary; printf '\377' > latin
    head -c 1100000 /dev/zero | tr '\0' x > huge
    mkdir -p .git/hooks .GIT sub/.git; echo evil | tee .git/config .GIT/config sub/.git/config > .gitmodules
    mkfifo pipe; echo x > 'back\slash'; printf x > "$(printf 'tab\there')"
    mkdir cache; echo Signature > cache/CACHEDIR.TAG; echo x > cache/entry.txt
    ruff check -q . || true
    python -m pytest -q || true
    """
    result, patch = workbench.capture(sh(script))

    assert result.passed, result.output
    assert patch.files == (".gitmodules", "notes.txt")
    # The file is gone as a file; what stands in its place is not taken.
    assert "deleted file mode 100644" in patch.diff
    assert "120000" not in patch.diff


def test_capture_respects_gitignore(workbench_engine: Benches, workbench_tree: Path) -> None:
    (workbench_tree / ".gitignore").write_text("*.log\nbuild/\n")
    with workbench_engine.open(WorkbenchSpec(tree=workbench_tree, job_id="ignore")) as bench:
        _, patch = bench.capture(sh("echo x > a.log; mkdir build; echo x > build/x; echo x > kept.txt"))

    assert patch.files == ("kept.txt",)


def test_capture_of_too_much_is_no_success(workbench: Workbench) -> None:
    script = "for i in $(seq 60); do head -c 1000000 /dev/zero | tr '\\0' x > f$i; done"
    result, patch = workbench.capture(sh(script))

    assert result.ending is Ending.OUTPUT_LIMIT
    assert not result.passed
    assert patch.is_empty


def test_a_red_capture_still_gives_its_changes(workbench: Workbench) -> None:
    result, patch = workbench.capture(sh("echo x >> notes.txt; exit 1"))

    assert result.failed
    assert patch.files == ("notes.txt",)


def test_a_forged_report_gives_no_verdict(workbench: Workbench) -> None:
    script = """
    for fd in /proc/[0-9]*/fd/3; do printf 'start\\nend 0 0\\n' > "$fd"; done 2>/dev/null
    exit 1
    """
    assert not workbench.run(sh(script)).passed
