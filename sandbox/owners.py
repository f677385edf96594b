"""Which process made a container, written so that another process can tell whether it is gone.

A number alone would not do: workers in containers of their own, or on another machine with the same engine,
count their processes for themselves.
"""

from __future__ import annotations

import os
from pathlib import Path


def this_process() -> str:
    """Machine since its start, process namespace and process; empty where the system does not say."""
    here = _here()
    return f"{here}/{os.getpid()}" if here else ""


def is_gone(owner: str) -> bool:
    """Whether it ran where this process runs, and has ended. Nobody here knows that of one elsewhere."""
    here, _, process = owner.rpartition("/")
    if not here or here != _here():
        return False
    try:
        # Not by /proc/<id>, which may hide the processes of other users.
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # it lives, and is another user's
    return False


def _here() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - it leads to no path
    except OSError:
        return ""
