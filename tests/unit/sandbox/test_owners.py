"""The process that made a container, and whether it is gone."""

from __future__ import annotations

import os
import subprocess

from sandbox import owners


def test_a_process_is_gone_once_it_has_ended() -> None:
    own = owners.this_process()
    here, _, number = own.rpartition("/")
    with subprocess.Popen(["true"]) as ended:
        ended.wait()

    assert number == str(os.getpid())
    assert not owners.is_gone(own)
    assert owners.is_gone(f"{here}/{ended.pid}")


def test_of_a_process_elsewhere_nobody_knows_that_it_is_gone() -> None:
    here, _, _ = owners.this_process().rpartition("/")
    with subprocess.Popen(["true"]) as ended:
        ended.wait()

    assert not owners.is_gone(f"another-start-of-a-machine/pid:[4026531836]/{ended.pid}")
    assert not owners.is_gone(f"{here}0/{ended.pid}")
    assert not owners.is_gone("")
