"""Which kernel calls a sandboxed command may make: one list, written for both engines.

Docker takes a JSON profile, bubblewrap a classic BPF program. Both are made from ``syscalls.txt``, an
allow-list. It is narrower than Docker's own default: no io_uring (a steady source of kernel escapes), no
AF_VSOCK (reaches the hypervisor even without a network namespace route), no netlink, keyrings, ptrace,
user namespaces. Formats: https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp
and https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import errno
import json
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from patchpilot.errors import SandboxUnavailableError

SOCKET_FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6: what tests talk over on the sandbox's own loopback."""
NAMESPACE_FLAGS = 0x7E020000
"""CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET."""
PERSONALITIES = (0x0, 0x20000, 0xFFFFFFFF)
"""PER_LINUX, the same with UNAME26, and "only ask"; the rest switches old and seldom tested code paths on."""

_BY_ARGUMENT = frozenset({"socket", "socketpair", "clone", "personality"})
_NOT_IMPLEMENTED = frozenset({"clone3"})


@dataclass(frozen=True, slots=True)
class Call:
    """One kernel call; a number is ``None`` where the architecture does not have it."""

    name: str
    x86_64: int | None
    aarch64: int | None


def allowed() -> tuple[Call, ...]:
    """Every call of the list, in its order."""
    text = resources.files(__package__).joinpath("syscalls.txt").read_text(encoding="ascii")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(Call(name, _number(x86), _number(arm)) for name, x86, arm in rows)


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)


def docker_profile() -> str:
    """The list as the text that Docker's ``seccomp=`` option takes (text, not a path)."""
    names = [call.name for call in allowed()]
    plain = sorted(name for name in names if name not in _BY_ARGUMENT | _NOT_IMPLEMENTED)
    rules: list[dict[str, object]] = [{"names": plain, "action": "SCMP_ACT_ALLOW"}]
    # runc joins rules on one call by "or", conditions within a rule by "and".
    rules += [_rule(name, _equals(family)) for name in ("socket", "socketpair") for family in SOCKET_FAMILIES]
    rules += [_rule("personality", _equals(value)) for value in PERSONALITIES]
    rules.append(
        _rule("clone", {"index": 0, "value": NAMESPACE_FLAGS, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"})
    )
    rules.append({"names": sorted(_NOT_IMPLEMENTED), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS})
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
        ],
        "syscalls": rules,
    }
    return json.dumps(profile)


def _rule(name: str, condition: dict[str, object]) -> dict[str, object]:
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [condition]}


def _equals(value: int) -> dict[str, object]:
    return {"index": 0, "value": value, "op": "SCMP_CMP_EQ"}


# Classic BPF: https://www.kernel.org/doc/Documentation/networking/filter.txt
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_GREATER = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, low word first
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

Step = tuple[int, int, int, int]
"""Code, jump if true, jump if false, constant."""


def bpf_program(machine: str = "") -> bytes:
    """The list as a program for ``bwrap --seccomp``.

    ``machine`` is as :func:`platform.machine` names it, empty for this one. Raises
    :class:`SandboxUnavailableError` for one whose call numbers are not known: without a filter, no sandbox.
    """
    machine = machine or platform.machine()
    if machine not in _AUDIT_ARCH:
        raise SandboxUnavailableError(
            f"there is no system call filter for {machine!r}, only for {', '.join(_AUDIT_ARCH)}: use Docker"
        )
    numbers = {
        call.name: number
        for call in allowed()
        if (number := call.x86_64 if machine == "x86_64" else call.aarch64) is not None
    }
    steps = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        # A call newer than the list: "not implemented" makes the C library fall back. x32 calls, which
        # would come in under other numbers, are above it too.
        (_GREATER, 0, 1, max(numbers.values())),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    for name in sorted(_NOT_IMPLEMENTED):
        steps += [(_EQUAL, 0, 1, numbers.pop(name)), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for name in ("socket", "socketpair"):
        steps += _when(numbers.pop(name), _argument_among(SOCKET_FAMILIES))
    steps += _when(numbers.pop("personality"), _argument_among(PERSONALITIES))
    steps += _when(numbers.pop("clone"), _argument_without(NAMESPACE_FLAGS))
    for low, high in _ranges(numbers.values()):
        steps += [(_AT_LEAST, 0, 2, low), (_GREATER, 1, 0, high), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _when(number: int, steps: list[Step]) -> list[Step]:
    return [(_EQUAL, 0, len(steps), number), *steps]


def _argument_among(values: tuple[int, ...]) -> list[Step]:
    # The kernel takes these arguments as 32 bits, so looking at the low word is looking at all of it.
    last = len(values)
    tests = [(_EQUAL, last - at, 0, value) for at, value in enumerate(values)]
    return [
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *tests,
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _argument_without(bits: int) -> list[Step]:
    return [
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, bits),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
