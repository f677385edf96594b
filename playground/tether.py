"""Run a program that ends when its parent does.

A killed ``demo`` or test session would otherwise leave its database server behind. This process becomes
the program (``exec``), so the process id that the parent knows stays right.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
_ORPHANED = 3


def command(program: list[str], *, ending: signal.Signals, user: str = "") -> list[str]:
    """The command line that runs ``program`` tied to this process, as ``user`` if one is named.

    ``ending`` is sent to the program when the *thread* that started it ends, so start it from one that lives
    as long as the program should.
    """
    return [
        sys.executable,
        "-m",
        "playground.tether",
        str(os.getpid()),
        str(int(ending)),
        user or "-",
        *program,
    ]


def _become(parent: int, ending: int, user: str, program: list[str]) -> None:
    if user != "-":
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    # After the change of user: the kernel clears the setting when credentials change.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, ending, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # It died before the line above: nobody would ever end us.
        sys.exit(_ORPHANED)
    os.execv(program[0], program)  # noqa: S606  # no shell is wanted; the caller gives the whole command


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
