from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from patchpilot.errors import PermanentError
from patchpilot.fixes import Ending, Limits, ShellCommand
from sandbox import capture, inside
from sandbox.drain import OUTPUT, REPORT, Drain
from sandbox.inside import Ended, ending_of, read_report


def ended(report: bytes, exit_code: int = 0, **flags: bool) -> Ended:
    return Ended(exit_code=exit_code, output=b"", report=report, seconds=1.0, image="x", **flags)


@pytest.mark.parametrize(
    ("seen", "ending"),
    [
        (ended(b"start\nend 0 0\n"), Ending.EXITED),
        (ended(b"start\nend 3 0\n", 3), Ending.EXITED),
        (ended(b"start\nend 0 1\n"), Ending.OUT_OF_MEMORY),
        (ended(b"start\nend 0 0\n", out_of_memory=True), Ending.OUT_OF_MEMORY),
        (ended(b"start\n", 137, timed_out=True), Ending.TIMEOUT),
        (ended(b"start\n", 137, timed_out=True, out_of_memory=True), Ending.OUT_OF_MEMORY),
        (ended(b"start\nend 0 0\n", overflowed=True), Ending.OUTPUT_LIMIT),
        (ended(b"start\n", 137), Ending.SANDBOX_ERROR),
        (ended(b"start\nend 0 0\n", 1), Ending.SANDBOX_ERROR),
        (ended(b"", 0), Ending.SANDBOX_ERROR),
        (ended(b"garbage\nend 0 0\n", 0), Ending.SANDBOX_ERROR),
    ],
)
def test_only_an_end_told_twice_says_anything_about_the_code(seen: Ended, ending: Ending) -> None:
    assert ending_of(seen) is ending


@pytest.mark.parametrize("data", [b"start\nend 9999 0\n", b"start\nend -1 0\n", b"xstart\nend 0 0\n"])
def test_a_malformed_report_has_no_status(data: bytes) -> None:
    assert read_report(data).exit_code is None


@pytest.mark.parametrize("shell", ["bash -e 'unclosed", "a\0b"])
def test_a_shell_that_cannot_be_read_is_refused(shell: str) -> None:
    with pytest.raises(PermanentError, match="shell"):
        inside.argv_of(ShellCommand(script="true", shell=shell))


def test_what_passes_a_cap_is_dropped_and_told() -> None:
    drain = Drain(output_bytes=5, report_bytes=5)
    drain.feed(OUTPUT, b"abc")
    assert not drain.wait(0)
    drain.feed(OUTPUT, b"defg")
    drain.feed(REPORT, b"12345")
    drain.feed(9, b"unknown")

    assert drain.overflowed
    assert drain.wait(0)
    assert (drain.output, drain.report) == (b"abcde", b"12345")


def test_the_places_in_memory_leave_room_for_processes() -> None:
    limits = Limits(memory_mb=512)
    rooms = inside.tree_room(limits) + inside.temporary_room(limits) + inside.shared_room(limits)

    assert rooms <= 512 * 2**20 * 0.7


def archive(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for one in members:
            if isinstance(one, tarfile.TarInfo):
                tar.addfile(one)
            else:
                info = tarfile.TarInfo(one[0])
                info.size = len(one[1])
                tar.addfile(info, io.BytesIO(one[1]))
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_hostile_archives_yield_only_safe_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    hostile = archive(
        ("present", b"./a.txt\0"),
        ("../../etc/passwd", b"x"),
        ("/etc/passwd", b"x"),
        (".git/config", b"x"),
        ("link", b"x"),
        ("link/x", b"x"),
        ("bin", b"\0"),
        ("latin", b"\xff"),
        ("huge", b"x" * (1024 * 1024 + 1)),
        special("sym", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard", tarfile.LNKTYPE, "/etc/passwd"),
        special("dev", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("folder", tarfile.DIRTYPE),
        ("./a.txt", b"new\n"),
    )

    patch = capture.changes(hostile, tmp_path)

    assert patch.files == ("a.txt",)
    assert patch.added == patch.removed == 1


@pytest.mark.parametrize("data", [b"", b"\0" * 1024, b"garbage" * 200, archive(("x", b"y" * 3000))[:1500]])
def test_an_unreadable_archive_is_an_error(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="archive"):
        capture.changes(data, tmp_path)
