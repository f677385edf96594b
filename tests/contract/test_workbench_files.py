"""The checkout on our side: listing, reading, writing, patches, with hostile names and contents."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchpilot.errors import NotFoundError, PatchDoesNotApplyError, PermanentError, UnsafePathError
from patchpilot.fixes import Patch
from patchpilot.ports import Workbench, WorkbenchSpec
from patchpilot.settings import SandboxSettings
from sandbox import git, trees
from sandbox.bench import Bench, Benches
from sandbox.inside import Ended, Job

BAD_PATHS = [
    "../outside",
    "/etc/passwd",
    "a/../../outside",
    "a/./b",
    "a//b",
    "",
    ".",
    ".git/config",
    ".GIT/config",
    "sub/.git/hooks/post-checkout",
    ".git./config",
    "git~1/config",
    ".g\u200cit/config",
    "back\\slash",
    "nul\0byte",
    "new\nline",
    "x" * 2000,
    "/".join(["d"] * 100),
]


class NoEngine:
    """Files need no engine; a command would be an error of the test."""

    name = "none"
    reason = "for files only"

    def execute(self, job: Job) -> Ended:
        raise AssertionError(job.job_id)

    def close(self) -> None:
        """Holds nothing."""


@pytest.fixture
def bench(workbench_tree: Path) -> Iterator[Bench]:
    with Benches(NoEngine(), SandboxSettings()).open(
        WorkbenchSpec(tree=workbench_tree, job_id="files")
    ) as opened:
        yield opened


def patch_of(header: str, old: str = "", new: str = "x\n") -> Patch:
    minus = "".join(f"-{line}\n" for line in old.splitlines())
    plus = "".join(f"+{line}\n" for line in new.splitlines())
    counts = f"@@ -{1 if old else 0},{old.count(chr(10))} +1,{new.count(chr(10))} @@\n"
    return Patch(f"{header}\n{counts}{minus}{plus}")


def creating(path: str) -> Patch:
    return patch_of(f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}")


def test_files_are_listed_sorted_and_relative(bench: Workbench) -> None:
    assert bench.files() == ["notes.txt", "pkg/__init__.py", "pkg/sums.py", "test_sums.py"]


def test_git_folders_symlinks_and_special_files_are_not_listed(workbench_tree: Path) -> None:
    (workbench_tree / ".git").mkdir()
    (workbench_tree / ".git/config").write_text("x")
    (workbench_tree / "link").symlink_to("/etc")
    (workbench_tree / "pkg/link.py").symlink_to("sums.py")
    os.mkfifo(workbench_tree / "pipe")
    (workbench_tree / "control\x07name").write_text("x")
    with open(os.fsencode(workbench_tree) + b"/latin-\xe9", "w") as file:  # noqa: PTH123 - a name in bytes
        file.write("x")
    with Benches(NoEngine(), SandboxSettings()).open(
        WorkbenchSpec(tree=workbench_tree, job_id="list")
    ) as bench:
        assert bench.files() == ["notes.txt", "pkg/__init__.py", "pkg/sums.py", "test_sums.py"]


def test_the_checkout_given_is_never_changed(bench: Workbench, workbench_tree: Path) -> None:
    bench.write_text("notes.txt", "changed\n")
    bench.write_text("new/file.txt", "new\n")

    assert (workbench_tree / "notes.txt").read_text() == "one\ntwo\n"
    assert not (workbench_tree / "new").exists()


@pytest.mark.parametrize("path", BAD_PATHS)
def test_an_unsafe_path_is_refused_everywhere(bench: Workbench, path: str) -> None:
    with pytest.raises(UnsafePathError):
        bench.read_text(path)
    with pytest.raises(UnsafePathError):
        bench.write_text(path, "x")
    assert bench.diff().is_empty


@pytest.mark.parametrize("path", [path for path in BAD_PATHS if path])
def test_a_patch_with_an_unsafe_path_is_refused(bench: Workbench, path: str) -> None:
    with pytest.raises((UnsafePathError, PatchDoesNotApplyError)):
        bench.apply(creating(path))
    assert bench.diff().is_empty


@pytest.mark.parametrize(
    "header",
    [
        'new file mode 100644\n--- /dev/null\n+++ "b/\\056\\056/x"',
        "diff --git a/link b/link\nnew file mode 120000\n--- /dev/null\n+++ b/link",
        "diff --git a/sub b/sub\nnew file mode 160000\n--- /dev/null\n+++ b/sub",
        "diff --git a/notes.txt b/notes.txt\nold mode 100644\nnew mode 120000",
        "diff --git a/notes.txt b/../out\nsimilarity index 100%\nrename from notes.txt\nrename to ../out",
        "diff --git a/notes.txt b/.git/config\nsimilarity index 9%\ncopy from notes.txt\ncopy to .git/config",
        "--- a/notes.txt\n+++ b/../notes.txt",
        "--- /dev/null\n+++ /etc/cron.d/x",
    ],
)
def test_a_patch_that_does_more_than_edit_files_is_refused(bench: Workbench, header: str) -> None:
    with pytest.raises((UnsafePathError, PatchDoesNotApplyError)):
        bench.apply(patch_of(header))
    assert bench.diff().is_empty


def test_nothing_passes_through_a_symlink(workbench_tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("host\n")
    (workbench_tree / "link").symlink_to(outside)
    (workbench_tree / "direct").symlink_to(outside / "file")
    with Benches(NoEngine(), SandboxSettings()).open(
        WorkbenchSpec(tree=workbench_tree, job_id="link")
    ) as bench:
        for path in ("link/file", "direct"):
            with pytest.raises(UnsafePathError, match="symbolic link"):
                bench.read_text(path)
            with pytest.raises(UnsafePathError, match="symbolic link"):
                bench.write_text(path, "x")
            with pytest.raises(UnsafePathError, match="symbolic link"):
                bench.apply(patch_of(f"--- a/{path}\n+++ b/{path}", "host\n", "owned\n"))

    assert (outside / "file").read_text() == "host\n"


def test_a_patch_applies_whole_or_not_at_all(bench: Workbench) -> None:
    good = patch_of("--- a/notes.txt\n+++ b/notes.txt", "one\ntwo\n", "three\n")
    bad = patch_of("--- a/pkg/sums.py\n+++ b/pkg/sums.py", "not there\n", "x\n")

    with pytest.raises(PatchDoesNotApplyError, match="sums"):
        bench.apply(Patch(good.diff + bad.diff))

    assert bench.diff().is_empty


@pytest.mark.parametrize(
    "text", ["not a patch", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a", "@@ -1 +1 @@\n-a\n+b\n"]
)
def test_what_is_no_patch_is_refused_with_a_reason(bench: Workbench, text: str) -> None:
    with pytest.raises(PatchDoesNotApplyError, match=r"\w+ \w+"):
        bench.apply(Patch(text))


def test_a_removed_line_that_looks_like_a_header_is_a_line(bench: Workbench) -> None:
    bench.write_text("q.sql", "-- ../x\n++ /etc\n")
    removed = Patch("--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,1 @@\n--- ../x\n-++ /etc\n+select 1\n")

    bench.apply(removed)

    assert bench.read_text("q.sql") == "select 1\n"


def test_a_file_that_exists_is_not_created_again(bench: Workbench) -> None:
    with pytest.raises(PatchDoesNotApplyError, match="exists"):
        bench.apply(creating("notes.txt"))


def test_a_file_in_a_files_place_is_refused(bench: Workbench) -> None:
    with pytest.raises(UnsafePathError, match="passes through a file"):
        bench.apply(creating("notes.txt/below"))
    with pytest.raises(UnsafePathError, match="folder"):
        bench.write_text("pkg", "x")


def test_missing_files_and_binary_files_say_so(bench: Workbench, workbench_tree: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file 'missing\.py'"):
        bench.read_text("missing.py")
    (workbench_tree / "image.png").write_bytes(b"\x89PNG\xff")
    with Benches(NoEngine(), SandboxSettings()).open(
        WorkbenchSpec(tree=workbench_tree, job_id="binary")
    ) as other:
        with pytest.raises(PermanentError, match="not UTF-8"):
            other.read_text("image.png")
        with pytest.raises(PermanentError, match="not UTF-8"):
            other.write_text("image.png", "text")


def test_reset_goes_back_to_the_checkout(bench: Workbench) -> None:
    bench.write_text("notes.txt", "changed\n")
    bench.write_text("deep/new.txt", "new\n")
    bench.apply(
        Patch(
            "diff --git a/test_sums.py b/renamed.py\nsimilarity index 100%\n"
            "rename from test_sums.py\nrename to renamed.py\n"
        )
    )
    assert not bench.diff().is_empty

    bench.reset()

    assert bench.diff().is_empty
    assert bench.files() == ["notes.txt", "pkg/__init__.py", "pkg/sums.py", "test_sums.py"]
    assert bench.read_text("notes.txt") == "one\ntwo\n"


def test_a_mode_survives_and_may_change_by_patch(workbench_tree: Path) -> None:
    (workbench_tree / "run.sh").write_text("true\n")
    (workbench_tree / "run.sh").chmod(0o755)
    with Benches(NoEngine(), SandboxSettings()).open(
        WorkbenchSpec(tree=workbench_tree, job_id="mode")
    ) as bench:
        bench.write_text("run.sh", "false\n")
        assert "mode" not in bench.diff().diff.replace("100755\n", "")
        bench.apply(Patch("diff --git a/run.sh b/run.sh\nold mode 100755\nnew mode 100644\n"))
        assert "old mode 100755\nnew mode 100644" in bench.diff().diff


def test_a_large_patch_is_refused(bench: Workbench) -> None:
    with pytest.raises(PatchDoesNotApplyError, match="larger"):
        bench.apply(Patch("x" * 5_000_000))


# Names and contents as repositories have them, awkward ones included.
LETTERS = st.sampled_from("ab. -_é'\"é#%&*?[]{}~+=,;:!@$()<>|`^")
NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(
    # git can't read its own diff of an empty file below a folder named " ".
    lambda name: name == name.strip() and not name.startswith(".") and "git~" not in name
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LINES = st.sampled_from(
    [
        "",
        "a",
        "b",
        "-- x",
        "++ y",
        "+++ b/z",
        "--- a/z",
        "@@ -1 +1 @@",
        "diff --git a/x b/x",
        "é",
        "\t",
        " ",
        "\\ No newline",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", ""])
TEXTS = st.lists(st.tuples(LINES, ENDS), max_size=12).map(
    lambda rows: "".join(line + end for line, end in rows).encode()
)
CONTENTS = TEXTS | st.binary(max_size=60)


def _without_clashes(tree: dict[str, bytes]) -> dict[str, bytes]:
    """No path may be a folder of another."""
    return {
        path: data for path, data in tree.items() if not any(other.startswith(f"{path}/") for other in tree)
    }


TREES = st.dictionaries(PATHS, CONTENTS, max_size=5).map(_without_clashes)


def _clash(one: str, other: str) -> bool:
    """One would have to be a folder where the other is a file."""
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


@given(before=TREES, after=TREES)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_diff_applied_elsewhere_gives_the_same_tree(
    before: dict[str, bytes], after: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In another workbench, and with plain git on a real clone."""
    folder = tmp_path_factory.mktemp("round")
    source = folder / "source"
    source.mkdir()
    for path, data in before.items():
        trees.write(source, path, trees.TextFile(data))
    after = {path: data for path, data in after.items() if not any(_clash(path, old) for old in before)}
    wanted = {path: trees.TextFile(data) for path, data in after.items()}
    base = {path: trees.TextFile(data) for path, data in before.items()}
    patch = Patch(git.diff(base, wanted))

    with Benches(NoEngine(), SandboxSettings()).open(WorkbenchSpec(tree=source, job_id="round")) as bench:
        bench.apply(patch)
        assert bench.files() == sorted(wanted)
        assert bench.diff() == patch
    assert _applied_to_a_clone(source, patch, folder / "clone") == after


def _applied_to_a_clone(source: Path, patch: Patch, clone: Path) -> dict[str, bytes]:
    trees.copy(source, clone)
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}

    def run(*arguments: str, stdin: bytes = b"") -> None:
        subprocess.run(
            ["git", *arguments], cwd=clone, env=environment, input=stdin, check=True, capture_output=True
        )

    run("init", "-q")
    run("add", "--all", "--force")
    if patch.diff:
        run("apply", "--index", "--whitespace=nowarn", stdin=patch.diff.encode())
    return {path: (clone / path).read_bytes() for path in trees.files(clone)}
