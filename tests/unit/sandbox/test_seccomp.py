from __future__ import annotations

import errno
import json
import struct

import pytest

from patchpilot.errors import SandboxUnavailableError
from sandbox import seccomp

ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS


def decide(program: bytes, number: int, *arguments: int, arch: int) -> int:
    """Run the filter as the kernel does."""
    words = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number, arch, 0, *words)
    steps = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x06:
                return value
            case 0x15:
                at += yes if accumulator == value else no
            case 0x25:
                at += yes if accumulator > value else no
            case 0x35:
                at += yes if accumulator >= value else no
            case 0x45:
                at += yes if accumulator & value else no
            case _:
                raise AssertionError(code)


@pytest.mark.parametrize("machine", ARCHES)
def test_the_program_allows_exactly_the_list(machine: str) -> None:
    program = seccomp.bpf_program(machine)
    by_argument = {"socket", "socketpair", "clone", "personality", "clone3"}
    listed = {
        getattr(call, machine): call.name for call in seccomp.allowed() if getattr(call, machine) is not None
    }

    for number in range(700):
        verdict = decide(program, number, arch=ARCHES[machine])
        if listed.get(number) in by_argument:
            continue
        if number > max(listed):
            assert verdict == ENOSYS
        else:
            assert verdict == (ALLOW if number in listed else EPERM), number


def test_arguments_decide_where_a_call_has_good_and_bad_uses() -> None:
    program = seccomp.bpf_program("x86_64")

    def verdict(number: int, argument: int) -> int:
        return decide(program, number, argument, arch=ARCHES["x86_64"])

    assert [verdict(41, family) for family in (1, 2, 10)] == [ALLOW] * 3
    assert [verdict(41, family) for family in (0, 16, 17, 38, 40)] == [EPERM] * 5
    assert verdict(41, 40 | 1 << 32) == EPERM
    assert verdict(56, 17) == ALLOW
    assert verdict(56, 0x10000000 | 17) == EPERM
    assert verdict(56, 0x00020000) == EPERM
    assert verdict(135, 0) == verdict(135, 0xFFFFFFFF) == ALLOW
    assert verdict(135, 0x0040000) == EPERM
    assert verdict(435, 0) == ENOSYS


def test_calls_under_other_numbers_are_stopped() -> None:
    program = seccomp.bpf_program("x86_64")

    assert decide(program, 1, arch=0x40000003) == KILL  # 32-bit x86
    assert decide(program, 0x40000000 | 1, arch=ARCHES["x86_64"]) == ENOSYS  # x32


def test_an_unknown_machine_gets_no_sandbox() -> None:
    with pytest.raises(SandboxUnavailableError, match="Docker"):
        seccomp.bpf_program("vax")


@pytest.mark.parametrize(
    "name",
    [
        *("io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open", "userfaultfd"),
        *("keyctl", "add_key", "request_key", "mount", "umount2", "unshare", "setns", "ptrace", "pivot_root"),
        *("process_vm_readv", "process_vm_writev", "kexec_load", "init_module", "finit_module", "chroot"),
        *("open_by_handle_at", "name_to_handle_at", "move_mount", "fsopen", "open_tree", "reboot", "swapon"),
        *("clock_settime", "settimeofday", "acct", "quotactl", "iopl", "ioperm", "modify_ldt", "syslog"),
    ],
)
def test_neither_engine_lets_a_dangerous_call_through(name: str) -> None:
    assert name not in {call.name for call in seccomp.allowed()}
    assert f'"{name}"' not in seccomp.docker_profile()


def test_dockers_profile_refuses_by_default() -> None:
    profile = json.loads(seccomp.docker_profile())

    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    unconditional = {name for rule in profile["syscalls"] if "args" not in rule for name in rule["names"]}
    assert unconditional.isdisjoint({"socket", "socketpair", "clone", "personality"})
    assert {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38} in profile["syscalls"]
