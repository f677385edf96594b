"""Commands under bubblewrap, for machines without a container engine.

Every namespace is new; the root is an empty, read-only tmpfs with the host's ``/usr``, a few files of
``/etc`` and the running Python, all read-only. The host's other folders are not hidden but absent. The tree
goes in over standard input, as with Docker. Limits come from control groups where this user may make them,
else from resource limits, and :attr:`BubblewrapEngine.reason` says which.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from patchpilot.errors import SandboxUnavailableError
from patchpilot.fixes import Ending, Limits
from patchpilot.settings import SandboxSettings
from patchpilot.text import one_line
from sandbox import cgroups, inside, rootfs, seccomp, sizes, toolbox
from sandbox.drain import OUTPUT, REPORT, Drain
from sandbox.engine import StoredLayer
from sandbox.folders import OwnedFolder, layers_folder
from sandbox.inside import Ended, Job
from sandbox.recipes import PREPARED
from sandbox.trees import SANDBOX_ID

_OPEN_FILES = 1024
_FILE_BYTES = 100 * 2**20
_LAYER_OPEN_FILES = 16_384
_LAYER_FILE_BYTES = 2 * 2**30
_END_SECONDS = 10.0
_CHUNK = 65_536

# Joins the control groups, then becomes bwrap, so that nothing ever runs outside of them.
_JOIN = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ >"$1" || exit 125; shift; n=$((n-1)); done; exec "$@"'


class BubblewrapEngine:
    """Runs jobs under ``bwrap``; holds a folder with the toolbox until :meth:`close`."""

    name = "bubblewrap"

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._bwrap = _find_bwrap()
        self._filter = seccomp.bpf_program()
        self._privileged = os.geteuid() == 0
        self._cgroups = cgroups.find()
        self._layers = layers_folder(settings) / "bubblewrap"
        self._owned = OwnedFolder()
        self._folder = self._owned.path
        try:
            self._tools = self._prepare()
            self._root = rootfs.options(self._folder)
            # The folder's name is another one in each process, what is shown of it is not.
            shown = " ".join(self._root).replace(str(self._folder), "")
            self._root_id = f"{rootfs.release()} {sys.version} {self._tools} {shown}"
            self._try()
        except BaseException:
            self.close()
            raise

    @property
    def reason(self) -> str:
        """Root file system and limits in force, and those that can't be enforced here."""
        own = self._settings
        text = (
            f"bubblewrap with this machine's /usr read-only, Python {sys.version.split()[0]}, {self._tools}; "
            f"no network, {own.memory_mb} MiB, {own.timeout_seconds:g} s, {own.processes} processes, "
            f"{own.cpus:g} CPU per command"
        )
        have = self._cgroups.controllers if self._cgroups else frozenset()
        weak = {
            "memory": "memory holds per process only, and a process killed for it is not told apart",
            "pids": "processes are limited by RLIMIT_NPROC",
            "cpu": "CPU use can't be enforced",
        }
        missing = [words for controller, words in weak.items() if controller not in have]
        return f"{text}. No control group can be made here, so: {'; '.join(missing)}" if missing else text

    def execute(self, job: Job) -> Ended:
        """One bwrap, from start to the last of its processes."""
        if job.layer is not None and not self.has_layer(job.layer.key):
            raise SandboxUnavailableError("a prepared layer has been removed meanwhile")
        return self._execute(job, self._layer_options(job))

    def root_id(self, image: str) -> str:
        """There is one root only, whatever image a job asks for."""
        del image
        return self._root_id

    def has_layer(self, key: str) -> bool:
        """Whether its folder is there; it is moved there when it is whole."""
        return (self._layers / key).is_dir()

    def make_layer(self, job: Job, key: str, *, max_bytes: int) -> Ended:
        """Run with the host's network; the one folder that stays is moved into place if all went well."""
        self._layers.mkdir(parents=True, exist_ok=True)
        with OwnedFolder(self._layers) as owned:
            made = owned.path / "layer"
            made.mkdir(mode=0o755)
            if self._privileged:
                os.chown(made, SANDBOX_ID, SANDBOX_ID)
            options = ["--bind", str(made), PREPARED, "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"]
            names = owned.path / "nsswitch.conf"
            names.write_text(rootfs.WITH_NETWORK)
            options += ["--ro-bind", str(names), "/etc/nsswitch.conf"]
            ended = self._execute(job, options, watched=(made, max_bytes))
            if not ended.oversized and inside.ending_of(ended) is Ending.EXITED and ended.exit_code == 0:
                made.rename(self._layers / key)
            return ended

    def layers(self) -> list[StoredLayer]:
        """Folders of finished layers."""
        found = self._layers.glob("[0-9a-f]*")
        return [
            StoredLayer(one.name, sizes.of_folder(one), one.stat().st_mtime) for one in found if one.is_dir()
        ]

    def drop_layer(self, key: str) -> bool:
        """Move it out of the way in one step, then remove it."""
        place = self._layers / key
        if place.is_dir():
            with OwnedFolder(self._layers) as owned:
                place.rename(owned.path / "old")
        return True

    def _layer_options(self, job: Job) -> list[str]:
        return [] if job.layer is None else ["--ro-bind", str(self._layers / job.layer.key), PREPARED]

    def _execute(self, job: Job, layer: list[str], *, watched: tuple[Path, int] | None = None) -> Ended:
        with contextlib.ExitStack() as stack:
            group = stack.enter_context(self._cgroups.group(job.limits)) if self._cgroups else None
            filter_fd = stack.enter_context(_readable(self._filter))
            doors = group.doors if group else []
            join = ["/bin/sh", "-c", _JOIN, "sh", str(len(doors)), *doors] if doors else []
            started = time.monotonic()
            try:
                process = subprocess.Popen(  # noqa: S603 - a list of our making, no shell of the host
                    [*join, *self._command(job, layer, filter_fd)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={},
                    cwd="/",
                    pass_fds=(filter_fd,),
                    start_new_session=True,
                )
            except OSError as error:
                raise SandboxUnavailableError(f"starting bwrap: {error}") from error
            # The watcher looks for the last time when it is left: a quick step may end between two looks.
            with _limited(process, watched) if watched else contextlib.nullcontext() as too_big:
                drain, timed_out = _attend(process, job)
            return Ended(
                exit_code=_status(process.returncode),
                output=drain.output,
                report=drain.report,
                seconds=time.monotonic() - started,
                image=f"host /usr, Python {sys.version.split()[0]}",
                timed_out=timed_out,
                overflowed=drain.overflowed,
                out_of_memory=bool(group and group.oom_kills),
                oversized=bool(too_big and too_big.is_set()),
            )

    def close(self) -> None:
        """Remove the toolbox."""
        self._owned.remove()

    def _prepare(self) -> str:
        """Write what is bound into the sandbox; returns the tools' names and versions."""
        rootfs.write(self._folder)
        into = self._folder / "toolbox"
        if self._settings.toolbox is not None:
            toolbox.adopt(self._settings.toolbox, into)
            return f"tools of {self._settings.toolbox}"
        return ", ".join(toolbox.assemble(into)) or "no tools (pytest and ruff are not installed here)"

    def _command(self, job: Job, layer: list[str], filter_fd: int) -> list[str]:
        environment = job.environment(
            {"PATH": f"{rootfs.BIN}:{inside.PATH}:{inside.TOOLBOX}/bin", "PYTHONPATH": inside.TOOLBOX}
        )
        return [
            str(self._bwrap),
            *self._isolation(online=job.makes_layer),
            *self._root,
            *layer,
            *rootfs.writable(job.limits),
            *("--chdir", "/", "--seccomp", str(filter_fd), "--"),
            *self._drop_rights(),
            *self._resource_limits(job),
            *job.arguments(environment),
        ]

    def _isolation(self, *, online: bool) -> list[str]:
        options = ["--die-with-parent", "--new-session", "--clearenv", "--setenv", "PATH", inside.PATH]
        options += ["--hostname", "sandbox", "--cap-drop", "ALL"]
        if self._privileged:
            # Root needs no user namespace, and a real change to nobody is the stronger wall: root mapped
            # into a namespace would still own root's files. These three rights end with setpriv.
            names = ("ipc", "pid", "uts") if online else ("ipc", "pid", "net", "uts")
            options += [f"--unshare-{name}" for name in names] + ["--unshare-cgroup-try"]
            for right in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                options += ["--cap-add", right]
            return options
        options += ["--unshare-all"] + (["--share-net"] if online else [])
        options += [
            "--unshare-user",
            "--uid",
            str(SANDBOX_ID),
            "--gid",
            str(SANDBOX_ID),
        ]
        return [*options, "--disable-userns"] if "--disable-userns" in _help(self._bwrap) else options

    def _drop_rights(self) -> list[str]:
        if not self._privileged:
            return []
        ids = ["--reuid", str(SANDBOX_ID), "--regid", str(SANDBOX_ID), "--clear-groups"]
        return ["setpriv", *ids, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]

    def _resource_limits(self, job: Job) -> list[str]:
        have = self._cgroups.controllers if self._cgroups else frozenset()
        limits = job.limits
        files, size = (
            (_LAYER_OPEN_FILES, _LAYER_FILE_BYTES) if job.makes_layer else (_OPEN_FILES, _FILE_BYTES)
        )
        options = [f"--nofile={files}", "--core=0", f"--fsize={size}"]
        if "memory" not in have:
            options.append(f"--data={limits.memory_mb * 2**20}")
        if "pids" not in have:
            options.append(f"--nproc={limits.processes + 4}")
        return ["prlimit", *options, "--"]

    def _try(self) -> None:
        """Really start one: user namespaces may be off, and only the kernel knows."""
        job = Job(
            job_id="self-test",
            tree=Path(os.devnull),
            tree_bytes=0,
            tail=inside.step_archive("python3 -c 'import ssl'"),
            folder=".",
            argv=("sh", "/tmp/.patchpilot/step"),  # noqa: S108 - inside
            env={},
            limits=Limits(seconds=20),
        )
        ended = self.execute(job)
        if ended.exit_code != 0 or inside.read_report(ended.report).exit_code != 0:
            words = one_line(ended.output.decode(errors="replace"), 300)
            raise SandboxUnavailableError(f"bubblewrap does not work on this machine: {words}")


def _find_bwrap() -> Path:
    found = shutil.which("bwrap", path=inside.PATH)
    if found is None:
        raise SandboxUnavailableError("bubblewrap is not installed: install the package bubblewrap")
    for tool in ("prlimit", "setpriv"):
        if shutil.which(tool, path=inside.PATH) is None:
            raise SandboxUnavailableError(f"{tool} is not installed: install the package util-linux")
    words = _help(Path(found))
    if "--size" not in words or "--perms" not in words:
        raise SandboxUnavailableError("this bubblewrap can't limit a tmpfs: install version 0.7 or newer")
    return Path(found)


def _help(bwrap: Path) -> str:
    try:
        done = subprocess.run([bwrap, "--help"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxUnavailableError(f"asking bwrap for its options: {error}") from error
    return done.stdout + done.stderr


@contextlib.contextmanager
def _readable(data: bytes) -> Iterator[int]:
    """A descriptor to read ``data`` from."""
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as file:
            file.write(data)  # far below a pipe's 64 KiB, so it does not block
        yield reader
    finally:
        os.close(reader)


@contextlib.contextmanager
def _limited(process: subprocess.Popen[bytes], watched: tuple[Path, int]) -> Iterator[threading.Event]:
    folder, most = watched
    with sizes.watched(lambda: sizes.of_folder(folder), most, process.kill) as passed:
        yield passed


def _attend(process: subprocess.Popen[bytes], job: Job) -> tuple[Drain, bool]:
    """Talk to the process until it ended, passed a cap or ran out of time; then nothing of it is left."""
    drain = Drain(output_bytes=job.limits.output_bytes, report_bytes=job.report_bytes)
    reader = threading.Thread(target=_converse, args=(process, job, drain), name="sandbox-drain", daemon=True)
    started = time.monotonic()
    reader.start()
    try:
        timed_out = not drain.wait(job.limits.seconds)
        if not timed_out and not drain.overflowed:
            # Both streams may be closed early by a command that goes on.
            try:
                process.wait(max(job.limits.seconds - (time.monotonic() - started), 0.1))
            except subprocess.TimeoutExpired:
                timed_out = True
    finally:
        process.kill()  # ends the whole process namespace (--die-with-parent)
        process.wait()
        reader.join(_END_SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
    return drain, timed_out


def _converse(process: subprocess.Popen[bytes], job: Job, drain: Drain) -> None:
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        drain.close()
        return
    try:
        with contextlib.suppress(BrokenPipeError), stdin, job.tree.open("rb") as tree:
            shutil.copyfileobj(tree, stdin, _CHUNK)
            stdin.write(job.tail)
        with selectors.DefaultSelector() as selector:
            streams: dict[int, tuple[IO[bytes], int]] = {
                stdout.fileno(): (stdout, REPORT),
                stderr.fileno(): (stderr, OUTPUT),
            }
            for descriptor in streams:
                selector.register(descriptor, selectors.EVENT_READ)
            while streams:
                for key, _ in selector.select():
                    chunk = os.read(key.fd, _CHUNK)
                    drain.feed(streams[key.fd][1], chunk)
                    if not chunk:
                        selector.unregister(key.fd)
                        del streams[key.fd]
    except (OSError, ValueError):
        return
    finally:
        drain.close()


def _status(code: int) -> int:
    """A shell's way to name a death by signal: 128 and its number."""
    return 128 - code if code < 0 else code
