"""Patches and proofs."""

from __future__ import annotations

from dataclasses import replace

from patchpilot.fixes import CommandResult, Ending, Patch, Preparation, Proof, ReplayPlan, ShellCommand

TRICKY = """\
diff --git a/old.sql b/new.sql
similarity index 90%
rename from old.sql
rename to new.sql
--- a/old.sql
+++ b/new.sql
@@ -1,3 +1,3 @@
 select 1;
--- a/comment
+-- b/comment\x0cwith a form feed
 select 2;
diff --git a/image.png b/image.png
new file mode 100644
Binary files /dev/null and b/image.png differ
"""


def ran(code: int | None, *, ending: Ending = Ending.EXITED, truncated: bool = False) -> CommandResult:
    command = ShellCommand(script="true")
    return CommandResult(
        command=command, ending=ending, exit_code=code, output="", seconds=0.1, truncated=truncated
    )


def test_content_that_looks_like_a_header_is_content():
    patch = Patch(TRICKY)

    assert patch.files == ("old.sql", "new.sql", "image.png")
    assert (patch.added, patch.removed) == (1, 1)


def test_the_hash_is_of_the_exact_text():
    assert Patch("a\n").sha256 != Patch("a").sha256
    assert Patch(" \n").is_empty


def test_nothing_cut_off_is_ever_green():
    assert ran(0).passed
    assert not ran(0, truncated=True).passed
    assert not ran(0, ending=Ending.OUT_OF_MEMORY).passed
    assert not ran(None, ending=Ending.TIMEOUT).passed
    assert not ran(None, ending=Ending.TIMEOUT).failed


def test_no_red_no_fix():
    assert Proof(before=ran(1), after=(ran(0), ran(0))).cured
    assert not Proof(before=ran(0), after=(ran(0),)).cured
    assert not Proof(before=ran(1)).cured
    assert not Proof(before=ran(1), after=(ran(0), ran(1))).cured
    assert not Proof(before=ran(None, ending=Ending.OUT_OF_MEMORY), after=(ran(0),)).cured
    assert not Proof(before=ran(1), after=(ran(0),), suite_before=ran(0), suite_after=ran(1)).cured


def test_what_a_job_installs_outright_is_told_where_nothing_stands_in_for_it():
    plan = ReplayPlan(
        failing=ShellCommand(script="ruff check ."), installing=("Run pip install ruff==0.5.0",)
    )
    listed = Preparation(manager="pip", manifests=("requirements.txt",))

    assert "'Run pip install ruff==0.5.0'" in plan.uninstalled[0]
    assert replace(plan, preparations=(listed,)).uninstalled == plan.uninstalled
    assert replace(plan, installing=("Install",)).uninstalled
    assert not replace(plan, installing=("Install",), preparations=(listed,)).uninstalled
    assert not replace(plan, installing=()).uninstalled
