"""Ways out of a sandbox, each tried once. This file runs inside, by itself; :mod:`sandbox.selftest` sends it.

It needs nothing but the standard library. Each probe returns what it achieved, or raises ``OSError`` when
the system stopped it. The arguments are the names of variables that must not be seen.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_CALLS = {
    "x86_64": {
        "io_uring_setup": 425,
        "mount": 165,
        "unshare": 272,
        "clone": 56,
        "ptrace": 101,
        "process_vm_readv": 310,
        "finit_module": 313,
        "chroot": 161,
        "pivot_root": 155,
        "setns": 308,
        "add_key": 248,
        "bpf": 321,
        "perf_event_open": 298,
        "userfaultfd": 323,
        "open_by_handle_at": 304,
        "syslog": 103,
        "kexec_load": 246,
    },
    "aarch64": {
        "io_uring_setup": 425,
        "mount": 40,
        "unshare": 97,
        "clone": 220,
        "ptrace": 117,
        "process_vm_readv": 270,
        "finit_module": 273,
        "chroot": 51,
        "pivot_root": 41,
        "setns": 268,
        "add_key": 217,
        "bpf": 280,
        "perf_event_open": 241,
        "userfaultfd": 282,
        "open_by_handle_at": 265,
        "syslog": 116,
        "kexec_load": 104,
    },
}[platform.machine()]
_NEW_USER = 0x10000000
_VSOCK, _NETLINK, _PACKET = 40, 16, 17
_REFUSED = {1, 38}  # EPERM, ENOSYS: the filter's two answers


class LetThroughError(Exception):
    """The way is open; the text says what was reached."""


def _call(name: str, *arguments: int | bytes) -> None:
    """The kernel may refuse bad arguments by another error, but only after the filter let the call in."""
    values = [ctypes.c_long(one) if isinstance(one, int) else ctypes.c_char_p(one) for one in arguments]
    ctypes.set_errno(0)
    result = _LIBC.syscall(ctypes.c_long(_CALLS[name]), *values)
    error = ctypes.get_errno()
    if result < 0 and error in _REFUSED:
        raise OSError(error, os.strerror(error))
    if name == "clone" and result == 0:
        os._exit(0)
    text = f"{name} reached the kernel ({os.strerror(error) if error else 'it worked'})"
    raise LetThroughError(text)


def _socket(family: int, kind: int, protocol: int = 0) -> None:
    with socket.socket(family, kind, protocol):
        text = f"a socket of family {family} opened"
        raise LetThroughError(text)


def _write(path: str) -> None:
    with Path(path).open("a") as file:
        file.write("")
    text = f"{path} can be written"
    raise LetThroughError(text)


def _create(folder: str) -> None:
    place = Path(folder, ".patchpilot-probe")
    place.write_text("probe")
    place.unlink()
    text = f"{folder} can be written"
    raise LetThroughError(text)


def _read(*paths: str) -> None:
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                file.read(1)
        except OSError:
            continue
        text = f"{path} can be read"
        raise LetThroughError(text)
    raise PermissionError(13, "none can be read")


def _network() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line:
        line.settimeout(2)
        line.connect(("192.0.2.1", 80))  # TEST-NET-1, which no route but a default one covers
    text = "a connection left the sandbox"
    raise LetThroughError(text)


def _interfaces() -> None:
    rows = Path("/proc/net/dev").read_text().splitlines()[2:]
    names = [row.split(":")[0].strip() for row in rows]
    _nothing_but(names, {"lo"}, "interfaces")


def _names() -> None:
    found = socket.getaddrinfo("example.com", 80)
    text = f"a name was resolved: {found[0][4][0]}"
    raise LetThroughError(text)


def _nothing_but(found: list[str], wanted: set[str], what: str) -> None:
    extra = sorted(set(found) - wanted)
    if extra:
        text = f"{what}: {', '.join(extra[:5])}"
        raise LetThroughError(text)
    beyond = f" beyond {', '.join(sorted(wanted))}" if wanted else ""
    raise PermissionError(1, f"no {what}{beyond}")


def _status(field: str) -> str:
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(row.split(":", 1)[1].strip() for row in rows if row.startswith(field + ":"))


def _rights() -> None:
    held = [name for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh") if int(_status(name), 16)]
    _nothing_but(held, set(), "capabilities")


def _new_rights() -> None:
    if _status("NoNewPrivs") != "1":
        text = "a set-user-id program could gain rights"
        raise LetThroughError(text)
    raise PermissionError(1, "no new privileges")


def _become_root() -> None:
    if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()):
        text = "runs as root already"
        raise LetThroughError(text)
    os.setuid(0)
    text = "became root"
    raise LetThroughError(text)


def _device_node() -> None:
    os.mknod("/tmp/.patchpilot-disk", 0o60600, os.makedev(8, 0))  # noqa: S108 - inside the sandbox
    text = "a block device was made"
    raise LetThroughError(text)


def _engine_socket() -> None:
    for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"):
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(path)
            except OSError:
                continue
        text = f"{path} answers"
        raise LetThroughError(text)
    raise PermissionError(2, "no engine's socket is there")


def _environments() -> None:
    hidden = set(sys.argv[1:])
    seen = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            entries = file.read_bytes().split(b"\0")
        except OSError:
            continue
        seen += [entry.split(b"=")[0].decode(errors="replace") for entry in entries]
    _nothing_but([name for name in seen if name in hidden], set(), "variables of the worker")


def _processes() -> None:
    names = []
    for file in Path("/proc").glob("[0-9]*/comm"):
        try:
            names.append(file.read_text().strip())
        except OSError:
            continue
    own = {"docker-init", "tini", "bwrap", "timeout", "sh", "bash", "dash", "env", "python", "python3"}
    _nothing_but([name for name in names if not name.startswith("python")], own, "processes")


PROBES: dict[str, Callable[[], None]] = {
    "network": _network,
    "network interfaces": _interfaces,
    "name resolution": _names,
    "vsock": lambda: _socket(_VSOCK, socket.SOCK_STREAM),
    "netlink": lambda: _socket(_NETLINK, socket.SOCK_RAW),
    "raw packets": lambda: _socket(_PACKET, socket.SOCK_RAW, 0x0300),
    "raw IP": lambda: _socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "io_uring": lambda: _call("io_uring_setup", 1, 0),
    "mount": lambda: _call("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
    "new user namespace": lambda: _call("unshare", _NEW_USER),
    "clone into a user namespace": lambda: _call("clone", _NEW_USER | 17, 0, 0, 0, 0),
    "enter a namespace": lambda: _call("setns", 0, 0),
    "chroot": lambda: _call("chroot", b"/tmp"),
    "pivot_root": lambda: _call("pivot_root", b"/tmp", b"/tmp"),
    "ptrace": lambda: _call("ptrace", 0, 0, 0, 0),
    "read another process's memory": lambda: _call("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0),
    "kernel modules": lambda: _call("finit_module", -1, b"", 0),
    "another kernel": lambda: _call("kexec_load", 0, 0, 0, 0),
    "keyrings": lambda: _call("add_key", b"user", b"probe", b"x", 1, -3),
    "bpf": lambda: _call("bpf", 0, 0, 0),
    "performance events": lambda: _call("perf_event_open", 0, 0, -1, -1, 0),
    "userfaultfd": lambda: _call("userfaultfd", 0),
    "files by handle": lambda: _call("open_by_handle_at", -100, 0, 0),
    "kernel log": lambda: _call("syslog", 3, 0, 0),
    "capabilities": _rights,
    "set-user-id programs": _new_rights,
    "root": _become_root,
    "device nodes": _device_node,
    "devices": lambda: _read("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/kvm"),
    "write to /usr": lambda: _create("/usr"),
    "write to /": lambda: _create("/"),
    "write to /etc": lambda: _create("/etc"),
    "write to /dev": lambda: _create("/dev"),
    "kernel settings": lambda: _write("/proc/sys/kernel/core_pattern"),
    "system requests": lambda: _write("/proc/sysrq-trigger"),
    "control groups": lambda: _create("/sys/fs/cgroup"),
    "host files": lambda: _read("/etc/shadow", "/root/.bashrc", "/root/.ssh/id_rsa", "/var/log/syslog"),
    "engine socket": _engine_socket,
    "other environments": _environments,
    "other processes": _processes,
}


def main() -> None:
    """Try each and print one JSON line for all."""
    results = []
    for name, probe in PROBES.items():
        try:
            probe()
            results.append([name, False, "it ended without a refusal"])
        except LetThroughError as way:
            results.append([name, False, str(way)])
        except OSError as error:
            results.append([name, True, error.strerror or str(error)])
    print(json.dumps(results))  # noqa: T201 - the output is the result


if __name__ == "__main__":
    main()
