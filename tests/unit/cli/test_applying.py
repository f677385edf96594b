"""A patch in a person's own work tree: all of it or nothing, and only on what it was proven on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli import applying
from cli.applying import ChangedMeanwhileError, apply
from patchpilot.errors import PermanentError, UnsafePathError
from patchpilot.fixes import Patch

BOTH = Patch("""diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -1 +1 @@
-old
+new
diff --git a/sub/b.txt b/sub/b.txt
new file mode 100644
--- /dev/null
+++ b/sub/b.txt
@@ -0,0 +1 @@
+b
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
--- a/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
-bye
""")


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    root, copy = tmp_path / "root", tmp_path / "copy"
    root.mkdir()
    (root / "a.txt").write_text("old\n")
    (root / "gone.txt").write_text("bye\n")
    shutil.copytree(root, copy)
    return root, copy


def content(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_files_are_changed_made_and_deleted_and_keep_their_permissions(trees):
    root, copy = trees
    (root / "a.txt").chmod(0o640)

    apply(BOTH, root=root, proven_on=copy)

    assert content(root) == {"a.txt": "new\n", "sub/b.txt": "b\n"}
    assert (root / "a.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("path", "text"), [("a.txt", "edited\n"), ("gone.txt", None), ("sub/b.txt", "mine\n")]
)
def test_a_file_that_changed_meanwhile_stops_all_of_it(trees, path, text):
    root, copy = trees
    (root / path).parent.mkdir(exist_ok=True)
    if text is None:
        (root / path).unlink()
    else:
        (root / path).write_text(text)
    before = content(root)

    with pytest.raises(ChangedMeanwhileError, match=path):
        apply(BOTH, root=root, proven_on=copy)

    assert content(root) == before


def test_a_file_that_became_a_link_is_not_written_through(trees, tmp_path):
    root, copy = trees
    outside = tmp_path / "outside"
    outside.write_text("old\n")
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(outside)

    with pytest.raises(ChangedMeanwhileError, match="symbolic link"):
        apply(BOTH, root=root, proven_on=copy)

    assert outside.read_text() == "old\n"


def test_what_was_written_is_put_back_when_a_later_file_cannot_be(trees, monkeypatch):
    root, copy = trees
    before = content(root)
    real = applying._replace

    def fails_on_the_new_file(where, path, file):
        if path == "sub/b.txt" and file is not None:
            raise PermissionError(13, "Permission denied")
        real(where, path, file)

    monkeypatch.setattr(applying, "_replace", fails_on_the_new_file)
    with pytest.raises(PermanentError, match=r"'sub/b\.txt' can't be written: Permission denied"):
        apply(BOTH, root=root, proven_on=copy)

    assert content(root) == before


def test_line_ends_are_kept_as_they_are(trees):
    root, copy = trees
    for folder in trees:
        (folder / "a.txt").write_bytes(b"one\r\nold\r\n")
    patch = Patch(
        "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\r\n-old\r\n+new\r\n"
    )

    apply(patch, root=root, proven_on=copy)

    assert (root / "a.txt").read_bytes() == b"one\r\nnew\r\n"


def test_a_patch_that_leaves_the_checkout_is_refused(trees):
    root, copy = trees
    patch = Patch(
        "diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n"
    )

    with pytest.raises(UnsafePathError):
        apply(patch, root=root, proven_on=copy)

    assert not (root.parent / "x").exists()
