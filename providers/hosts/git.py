"""Running git against hostile repositories: no prompts, no hooks, no config but ours, bounded in time
and size.

Credentials go in through the environment (``GIT_CONFIG_*``), never through arguments or addresses, which
other users of the machine can list.
https://git-scm.com/docs/git-config#ENVIRONMENT
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from patchpilot.errors import ConfigurationError, TemporaryError

_PASSED_ON = (
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_HARDENED: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "/bin/false",
    "credential.helper": "",
    "protocol.allow": "never",
    # A redirect could carry the request, and with it the token, to another host.
    "http.followRedirects": "false",
    # Ends a transfer that crawls below 1 kB/s for half a minute.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
    "filter.lfs.required": "false",
}


def environment(*, url: str = "", token: str = "") -> dict[str, str]:
    """The whole environment of one git process; ``token`` is sent to ``url``'s server only."""
    config = dict(_HARDENED)
    if url:
        parts = urlsplit(url)
        config[f"protocol.{parts.scheme}.allow"] = "always"
        if token:
            basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            server = f"{parts.scheme}://{parts.netloc}/"
            config[f"http.{server}.extraHeader"] = f"Authorization: Basic {basic}"
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    numbered = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        numbered[f"GIT_CONFIG_KEY_{number}"] = key
        numbered[f"GIT_CONFIG_VALUE_{number}"] = value
    return {
        **kept,
        **numbered,
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def command(arguments: Sequence[str], *, max_file_bytes: int | None = None) -> list[str]:
    """The argument vector; raises :class:`ConfigurationError` where git is not installed.

    ``max_file_bytes`` bounds every file that git and its children write, so that a huge pack ends the
    fetch instead of filling the disk.
    """
    git = shutil.which("git")
    if git is None:
        raise ConfigurationError("git is not installed: install the package git")
    if max_file_bytes is None:
        return [git, *arguments]
    # The shell's unit is 512 bytes: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/ulimit.html
    return ["/bin/sh", "-c", f'ulimit -f {max_file_bytes // 512}; exec "$@"', "git", git, *arguments]


def run(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    seconds: float,
    doing: str,
    cwd: Path | None = None,
    max_file_bytes: int | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end and return the result, whatever the exit code; only a timeout raises.

    Git's children (``git-remote-https``) end with it: the whole process group is killed.
    """
    process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell expansion of any of them
        command(arguments, max_file_bytes=max_file_bytes),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as error:
            kill_group(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise TemporaryError(f"git took longer than {seconds:.0f} s while {doing}") from error
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process started in its own session, with its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
