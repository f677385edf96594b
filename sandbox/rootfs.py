"""The root file system that bubblewrap shows: this machine's programs, read-only, and nothing private."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from patchpilot.errors import SandboxUnavailableError
from patchpilot.fixes import Limits
from sandbox import inside
from sandbox.trees import SANDBOX_ID

BIN = "/opt/bin"
"""Where ``python`` and ``python3`` are inside."""
_PYTHON = "/opt/python"
_ETC = (
    *("alternatives", "debian_version", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime"),
    # Not the whole folder: its settings.xml may hold passwords.
    *("maven/logging", "maven/m2.conf"),
    *("mime.types", "os-release", "ssl/certs", "ssl/openssl.cnf", "timezone"),
)
"""Files of the host that programs need and that hold nothing private."""
_OWN_ETC = {
    "passwd": f"root:x:0:0::/:/bin/false\nnobody:x:{SANDBOX_ID}:{SANDBOX_ID}::/tmp/home:/bin/sh\n",
    "group": f"root:x:0:\nnogroup:x:{SANDBOX_ID}:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
WITH_NETWORK = "passwd: files\ngroup: files\nhosts: files dns\n"
"""How names are looked up while dependencies are installed: commands ask no name server, that step has to."""


def write(folder: Path) -> None:
    """Put what is bound into the sandbox, other than the toolbox, into ``folder``."""
    (folder / "empty").mkdir()
    (folder / "etc").mkdir()
    for name, text in _OWN_ETC.items():
        (folder / "etc" / name).write_text(text)


def options(folder: Path) -> list[str]:
    """What bwrap is told to show; ``folder`` has what :func:`write` put there and a toolbox.

    Raises :class:`~patchpilot.errors.SandboxUnavailableError` for a Python that can't be shown.
    """
    chosen = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        place = Path("/", name)
        if place.is_symlink():
            chosen += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            chosen += ["--ro-bind", str(place), str(place)]
    for parent in ("/etc", "/etc/maven", "/etc/ssl", "/opt", BIN):
        chosen += ["--perms", "0755", "--dir", parent]
    for name in _ETC:
        chosen += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    # Debian keeps a Java's configuration here, and it does not start without.
    for place in sorted(Path("/etc").glob("java-*-openjdk")):
        chosen += ["--ro-bind-try", str(place), str(place)]
    for name in _OWN_ETC:
        chosen += ["--ro-bind", str(folder / "etc" / name), f"/etc/{name}"]
    chosen += ["--ro-bind", str(folder / "toolbox"), inside.TOOLBOX]
    return [*chosen, *_python(folder / "empty"), "--proc", "/proc", "--dev", "/dev"]


def _python(empty: Path) -> list[str]:
    """The running Python, read-only, and its names on the search path.

    What happens to be installed in it is covered: a missing dependency must be as missing here as in CI.
    """
    prefix = Path(sys.base_prefix).resolve()
    executable = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    inner = executable.resolve()
    chosen: list[str] = []
    if Path("/usr") not in (prefix, *prefix.parents):
        if prefix in (Path("/"), Path("/home"), Path(os.path.expanduser("~"))):  # noqa: PTH111 - it never raises
            raise SandboxUnavailableError(f"Python's prefix {prefix} can't be shown to a sandbox: use Docker")
        # A shared build finds its library by absolute path only; others run from anywhere, so that the
        # owner's home folder does not even appear.
        place = prefix if sysconfig.get_config_var("Py_ENABLE_SHARED") else Path(_PYTHON)
        for parent in reversed(place.parents[:-1]):
            chosen += ["--perms", "0755", "--dir", str(parent)]
        chosen += ["--ro-bind", str(prefix), str(place)]
        inner = place / inner.relative_to(prefix)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
        chosen += ["--ro-bind", str(empty), str(packages)]
    for name in ("python", "python3", executable.name):
        chosen += ["--symlink", str(inner), f"{BIN}/{name}"]
    return chosen


def release() -> str:
    """Which system this is, as far as it matters to what is installed on top of it."""
    try:
        return Path("/etc/os-release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def writable(limits: Limits) -> list[str]:
    """The three places a command may write to, in memory; the rest is read-only."""
    sizes = {
        "/src": inside.tree_room(limits),
        "/tmp": inside.temporary_room(limits),  # noqa: S108 - inside
        "/dev/shm": inside.shared_room(limits),  # noqa: S108 - inside
    }
    chosen: list[str] = []
    for place, size in sizes.items():
        chosen += ["--perms", "1777", "--size", str(size), "--tmpfs", place]
    return [*chosen, "--remount-ro", "/dev", "--remount-ro", "/"]
