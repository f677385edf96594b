"""How long this process has been running: what a person waits for begins before our first line does."""

from __future__ import annotations

import os
import time
from pathlib import Path

_LOADED = time.monotonic()
_START_FIELD = 19
"""Of ``/proc/self/stat``, counted after the name of the program: see ``man proc_pid_stat``, starttime."""


def age() -> float:
    """Seconds since this process began; where the system does not tell, since this module was loaded."""
    since_loaded = time.monotonic() - _LOADED
    try:
        fields = (
            Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        began = int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
        return max(since_loaded, time.clock_gettime(time.CLOCK_BOOTTIME) - began)
    except (OSError, ValueError, IndexError, AttributeError):
        return since_loaded
