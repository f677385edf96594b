"""The reader sees what ``git apply`` would do, or refuses."""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.guard.case import open_case
from agent.guard.diff import DiffError, read_diff, unquoted
from agent.guard.inspection import inspect, is_refused
from patchpilot.fixes import Patch


def git(folder: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.invalid", *arguments),
        input=text.encode(errors="surrogateescape"),
        capture_output=True,
        check=False,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_bytes().decode(errors="surrogateescape")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def predicted(diff: str, base: dict[str, str]) -> dict[str, str]:
    """The tree after the patch, as the guard understands it."""
    after = dict(base)
    for change in open_case(read_diff(diff), base.get).changes:
        after.pop(change.diff.old_path, None)
        if change.diff.new_path:
            text = change.new_text
            after[change.diff.new_path] = base[change.diff.old_path] if text is None else text
    return after


def normal(files: dict[str, str]) -> dict[str, str]:
    return {name: text.rstrip("\n") for name, text in files.items()}


WORDS = [
    "x = 1",
    "y = 2",
    "",
    "    return x",
    "--- a/other.py",
    "+++ b/other.py",
    "@@ -1 +1 @@",
    "diff --git a/z b/z",
]
NAMES = [
    "a.py",
    "b c.py",
    "deep/er/d.txt",
    "ä.py",
    'quo"te.py',
    "tab\tbed.py",
    "b ä.py",
    'quo" te.py',
    "back\\slash.txt",
]


@pytest.mark.parametrize("seed", range(25))
def test_git_and_the_guard_agree_on_generated_changes(repository: Path, seed: int) -> None:
    rng = random.Random(seed)
    base = {
        name: "".join(rng.choice(WORDS) + "\n" for _ in range(rng.randrange(1, 25)))
        for name in rng.sample(NAMES, 4)
    }
    write(repository, base)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "base")
    for name in list(base):
        action = rng.choice(["edit", "edit", "delete", "rename", "keep"])
        path = repository / name
        if action == "edit":
            lines = base[name].split("\n")[:-1]
            lines[rng.randrange(len(lines))] = rng.choice(WORDS) + " edited"
            lines.insert(rng.randrange(len(lines)), rng.choice(WORDS))
            path.write_text("\n".join(lines) + rng.choice(["\n", ""]))
        elif action == "delete":
            path.unlink()
        elif action == "rename":
            path.rename(repository / f"new-{path.name}")
    git(repository, "add", "-A")
    diff = git(repository, "diff", "--cached", "-M").stdout.decode()
    wanted = tree(repository)

    assert normal(predicted(diff, base)) == normal(wanted)
    git(repository, "reset", "-q", "--hard")
    assert git(repository, "apply", "-", text=diff).returncode == 0
    assert tree(repository) == wanted


BASE = {"src/a.py": "one\ntwo\nthree\n", "src/b.py": "one\ntwo\nthree\n"}
A, B = "--- a/src/a.py\n+++ b/src/a.py\n", "--- a/src/b.py\n+++ b/src/b.py\n"
GIT_A = "diff --git a/src/a.py b/src/a.py\n"
EDIT = "@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n"
TRICKS = {
    "header and body name different files": GIT_A + B + EDIT,
    "plain headers": A + EDIT,
    "two names in one plain header": "--- a/src/a.py\n+++ b/src/b.py\n" + EDIT,
    "no prefix": A.replace(" a/", " ").replace(" b/", " ") + EDIT,
    "other prefixes": (GIT_A + A).replace(" a/", " x/").replace(" b/", " y/") + EDIT,
    "text between files": A + EDIT + "noise\n" + B + EDIT,
    "commit message in front": "Subject: x\n\nbody\n---\n" + A + EDIT,
    "header hidden in a hunk": A + "@@ -1 +1,3 @@\n one\n+--- a/src/b.py\n+++ b/src/b.py\n",
    "wrong line numbers": A + EDIT.replace("-1,3 +1,3", "-40,3 +40,3"),
    "context that is not there": A + EDIT.replace(" one", " uno"),
    "count too small": A + EDIT.replace("-1,3 +1,3", "-1,2 +1,2"),
    "count too large": A + EDIT.replace("-1,3 +1,3", "-1,9 +1,9"),
    "time stamp of the epoch": A.replace("a.py\n", "a.py\t1970-01-01 00:00:00 +0000\n", 1)
    + "@@ -0,0 +1 @@\n+x\n",
    "time stamp": A.replace("a.py\n", "a.py\t2026-01-01 00:00:00 +0000\n") + EDIT,
    "carriage returns in the header": A.replace("\n", "\r\n") + EDIT,
    "quoted name": '--- "a/src/\\141.py"\n+++ "b/src/\\141.py"\n' + EDIT,
    "file twice": A + EDIT + A + "@@ -1,3 +1,3 @@\n one\n-TWO\n+2\n three\n",
    "created over a file": GIT_A + "new file mode 100644\n--- /dev/null\n+++ b/src/a.py\n@@ -0,0 +1 @@\n+x\n",
    "deletion without its content": GIT_A + "deleted file mode 100644\n",
    "rename to two places": (
        "diff --git a/src/a.py b/src/c.py\nrename from src/a.py\nrename to src/c.py\nrename to src/d.py\n"
    ),
    "copy over another": (
        "diff --git a/src/a.py b/src/b.py\nsimilarity index 100%\ncopy from src/a.py\ncopy to src/b.py\n"
    ),
    "unknown header": GIT_A + "something new\n" + A + EDIT,
    "mode in capitals": GIT_A + "NEW MODE 100755\n" + A + EDIT,
    "no name on either side": "--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n",
    "an added empty line": A + "@@ -1,3 +1,4 @@\n one\n-two\n+TWO\n+\n three\n",
    "a context line without its space": A
    + "@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n".replace("+TWO", "+"),
    "form feed in a line": A + "@@ -1,3 +1,3 @@\n one\n-two\n+x\x0c+++ b/src/b.py\n three\n",
    "mode change behind the hunks": GIT_A + A + EDIT + "old mode 100644\nnew mode 100755\n",
    "nothing at all": "",
}


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_is_refused_or_read_as_git_applies_it(repository: Path, name: str) -> None:
    write(repository, BASE)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "base")
    applied = git(repository, "apply", "--index", "-", text=TRICKS[name]).returncode == 0
    result = tree(repository)

    try:
        refused = is_refused(inspect(Patch(TRICKS[name]), read_base=BASE.get))
    except DiffError:
        return
    if applied and not refused:
        assert predicted(TRICKS[name], BASE) == result


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "diff --git a/x b/x\n@@ what\n",
        "@@ -1 +1 @@\n-a\n+b\n",
        "--- a/x\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n*a\n",
        "diff --git a/x y/z w\n",
        'diff --git "a/x b/x\n',
        "diff --git a/x b/x\nGIT binary patch\nno data\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n\\ No newline at end of file\n",
        "--- a/x\n+++ b/x\n@@ -99999999999999999999 +1 @@\n-a\n+b\n",
        "{}",
        "\x00\x01\x02",
        "Index: x\n===\n",
    ],
)
def test_malformed_text_is_answered_with_a_clear_error(text: str) -> None:
    with pytest.raises(DiffError, match=r"line \d+|file name"):
        read_diff(text)


@pytest.mark.parametrize(
    ("quoted", "plain"),
    [
        ("plain", "plain"),
        ('"a/sp ace"', "a/sp ace"),
        (r'"a/\303\244"', "a/ä"),
        (r'"a/\t\n\"\\"', 'a/\t\n"\\'),
        (r'"a/\377"', "a/\udcff"),
    ],
)
def test_names_are_unquoted_as_git_quotes_them(quoted: str, plain: str) -> None:
    assert unquoted(quoted) == plain


@pytest.mark.parametrize("bad", ['"a', '"a/\\x41"', '"a/\\9"', '"'])
def test_names_with_unknown_escapes_are_refused(bad: str) -> None:
    with pytest.raises(DiffError):
        unquoted(bad)


def test_a_hunk_that_does_not_fit_is_an_error_that_names_it() -> None:
    diff = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-uno\n+ein\n"

    with pytest.raises(DiffError, match=r"hunk at line 1 of 'src/a\.py' does not fit"):
        inspect(Patch(diff), read_base=BASE.get)


def test_a_hunk_that_fits_in_two_places_is_an_error() -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -9 +9 @@\n-same\n+other\n"

    with pytest.raises(DiffError, match="several places"):
        inspect(Patch(diff), read_base={"x.py": "same\nsame\n"}.get)


KINDS = [
    "a_test.go",
    "test_a.py",
    "a.test.ts",
    "ATest.java",
    "m.rs",
    "pyproject.toml",
    "package.json",
    "x.sh",
    "requirements.txt",
]
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "diff --git a/tests/test_x.py b/tests/test_x.py",
                "--- a/tests/test_x.py",
                "+++ b/tests/test_x.py",
                "--- /dev/null",
                "@@ -1,2 +1,2 @@",
                "@@ -0,0 +1 @@",
                "-def test_x():",
                "+    assert f(1) == [(",
                " x = {",
                "new file mode 120000",
                "rename from a",
                "rename to b",
                "\\ No newline at end of file",
                "GIT binary patch",
                "",
            ]
        ),
        st.text(max_size=30),
    ),
    max_size=25,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LINES)
def test_no_text_makes_the_guard_crash(lines: list[str]) -> None:
    with contextlib.suppress(DiffError):
        inspect(Patch("\n".join(lines)), read_base=lambda _: None)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(old="", new=";", name="a_test.go")
@given(old=st.text(max_size=300), new=st.text(max_size=300), name=st.sampled_from(KINDS))
def test_no_file_content_makes_a_rule_crash(
    old: str, new: str, name: str, make_diff: Callable[..., str]
) -> None:
    diff = make_diff(name, old + "\n", new + "\n")

    inspect(Patch(diff), read_base=lambda path: old + "\n" if path == name else None)
    inspect(Patch(diff), read_base=lambda _: None)
