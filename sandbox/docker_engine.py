"""Commands in Docker containers: one fresh container each, no network, no mounts from the host.

The tree goes in over standard input and only output comes back, so the command and this machine never share
a file. The flags are the strictest the engine has; the seccomp profile is ours (:mod:`sandbox.seccomp`).
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import struct
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Ulimit
from requests.exceptions import RequestException

from patchpilot.errors import NotFoundError, SandboxUnavailableError
from patchpilot.fixes import Ending, Limits
from patchpilot.settings import SandboxSettings
from patchpilot.text import one_line
from sandbox import inside, owners, seccomp
from sandbox.drain import Drain
from sandbox.engine import StoredLayer
from sandbox.images import Image, ensure_image, find_image
from sandbox.inside import Ended, Job
from sandbox.recipes import PREPARED
from sandbox.sizes import watched
from sandbox.trees import SANDBOX_ID

log = logging.getLogger(__name__)

LAYER_LABEL = "patchpilot.layer"
LAYER_SIZE_LABEL = "patchpilot.layer.bytes"
LAYER_REPOSITORY = "patchpilot-prepared"
"""Prepared layers are images of this name with their key as tag."""
LABEL = "patchpilot.job"
"""On every container, with the job's id, so that leftovers can be found."""
OWNER_LABEL = "patchpilot.owner"
"""On every container, with the process that made it (:mod:`sandbox.owners`)."""
API_SECONDS = 30
MAX_INODES = 50_000
FILE_BYTES = 100 * 2**20
OPEN_FILES = 1024
LAYER_OPEN_FILES = 16_384
LAYER_FILE_BYTES = 2 * 2**30

_BUFFER = 256 * 1024
_HEAD = struct.Struct(">BxxxL")

_SIZE_LOOKS, _SIZE_SECONDS = 5, 0.2
_ENGINE_ERRORS = (DockerException, RequestException, OSError)


def connect() -> docker.DockerClient:
    """The engine that ``DOCKER_HOST`` names, or the local one. Raises :class:`SandboxUnavailableError`."""
    address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    _knock(address)
    try:
        client = docker.from_env(timeout=API_SECONDS)
    except _ENGINE_ERRORS as error:
        raise _no_answer(address, error) from error
    try:
        client.ping()
    except _ENGINE_ERRORS as error:
        client.close()
        raise _no_answer(address, error) from error
    return client


def _no_answer(address: str, error: Exception) -> SandboxUnavailableError:
    return SandboxUnavailableError(
        f"no Docker engine answers at {address} ({_cause(error)}): start it, or correct DOCKER_HOST"
    )


def _cause(error: BaseException) -> str:
    """What the system said, which the client wraps in its own words about HTTP."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return one_line(str(error))


def _knock(address: str) -> None:
    """Ask a local engine's socket first: docker-py leaves its own open when nobody answers there."""
    if not address.startswith("unix://"):
        return
    path = address.removeprefix("unix://")
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(API_SECONDS)
        try:
            line.connect(path)
        except OSError as error:
            if isinstance(error, PermissionError):
                raise SandboxUnavailableError(
                    f"this user may not use the Docker engine at {path}: have it join the group docker"
                ) from error
            raise _no_answer(path, error) from error


class DockerEngine:
    """Runs jobs in containers; ``client`` is its own from now on."""

    name = "docker"

    def __init__(self, client: docker.DockerClient, settings: SandboxSettings) -> None:
        self._client = client
        self._settings = settings
        self._profile = seccomp.docker_profile()
        with _translated("reading what Docker can do"):
            self._info: dict[str, Any] = client.info()
        if not any("seccomp" in option for option in self._info.get("SecurityOptions") or ()):
            raise SandboxUnavailableError(
                "this Docker engine has no seccomp: run it on a kernel that has, or use bubblewrap"
            )
        with _translated("looking for the sandbox image"):
            self._image = ensure_image(client, settings)

    @property
    def reason(self) -> str:
        """Engine, image and the limits in force, and those that this engine can't enforce."""
        own = self._settings
        text = (
            f"Docker {self._info.get('ServerVersion', '?')}, image {self._image.name} ({self._image.short}), "
            f"runtime {own.runtime or self._info.get('DefaultRuntime', '?')}; no network, "
            f"{own.memory_mb} MiB, {own.timeout_seconds:g} s, {own.processes} processes, "
            f"{own.cpus:g} CPU per command"
        )
        missing = [
            name
            for key, name in {
                "MemoryLimit": "memory",
                "PidsLimit": "processes",
                "CpuCfsQuota": "CPU",
            }.items()
            if self._info.get(key) is False
        ]
        return f"{text}. This engine can't enforce: {', '.join(missing)}" if missing else text

    def execute(self, job: Job) -> Ended:
        """One container, from creation to removal."""
        image = self._image_for(job)
        container = self._create(job, image)
        try:
            return self._run(container, job, image)
        finally:
            _remove(container)

    def root_id(self, image: str) -> str:
        """The image's id."""
        return self._named(image).id

    def has_layer(self, key: str) -> bool:
        """Whether there is an image of it."""
        with _translated("looking for a prepared layer"), contextlib.suppress(NotFoundError):
            find_image(self._client, f"{LAYER_REPOSITORY}:{key}")
            return True
        return False

    def make_layer(self, job: Job, key: str, *, max_bytes: int) -> Ended:
        """A container with network, whose file system becomes an image if all went well."""
        image = self._named(job.image)
        container = self._create(job, image)
        try:
            with _translated("making room for a layer"):
                container.put_archive("/", _room())
            with watched(
                lambda: self._written(container) or 0, max_bytes, lambda: _kill(container)
            ) as too_big:
                ended = self._run(container, job, image)
            # What was written since the last look counts as well.
            written = self._written_in_the_end(container)
            ended = replace(ended, oversized=too_big.is_set() or written > max_bytes)
            if not ended.oversized and inside.ending_of(ended) is Ending.EXITED and ended.exit_code == 0:
                labels = f"LABEL {LAYER_LABEL}={key} {LAYER_SIZE_LABEL}={written}"
                with _translated("keeping a layer"):
                    container.commit(repository=LAYER_REPOSITORY, tag=key, changes=[labels])
            return ended
        finally:
            _remove(container)

    def layers(self) -> list[StoredLayer]:
        """Images with our label."""
        with _translated("listing prepared layers"):
            found = self._client.api.images(name=LAYER_REPOSITORY, filters={"label": LAYER_LABEL})
        layers = []
        for one in found:
            labels = one.get("Labels") or {}
            size = str(labels.get(LAYER_SIZE_LABEL, "0"))
            layers.append(
                StoredLayer(
                    str(labels[LAYER_LABEL]), int(size) if size.isdecimal() else 0, float(one["Created"])
                )
            )
        return layers

    def drop_layer(self, key: str) -> bool:
        """Remove its image, unless a container uses it."""
        try:
            self._client.images.remove(f"{LAYER_REPOSITORY}:{key}", noprune=False)
        except ImageNotFound:
            return True
        except _ENGINE_ERRORS:
            return False
        return True

    def close(self) -> None:
        """Close the connections to the engine."""
        self._client.close()

    def _written(self, container: Container) -> int | None:
        """Bytes in the container's own file system; ``None`` where the engine does not say.

        It leaves 0 out, and says -1 when a file went away while it was counting:
        https://github.com/moby/moby/blob/v20.10.24/daemon/images/image_unix.go
        """
        with contextlib.suppress(*_ENGINE_ERRORS):
            for one in self._client.api.containers(all=True, size=True, filters={"id": container.id}):
                size = int(one.get("SizeRw") or 0)
                return size if size >= 0 else None
        return None

    def _written_in_the_end(self, container: Container) -> int:
        """The same of a container that has ended: a layer whose size nobody knows is not kept."""
        for _ in range(_SIZE_LOOKS):
            size = self._written(container)
            if size is not None:
                return size
            time.sleep(_SIZE_SECONDS)
        raise SandboxUnavailableError("the engine does not say how much was installed")

    def _image_for(self, job: Job) -> Image:
        if job.layer is None:
            return self._named(job.image)
        with _translated("looking for a prepared layer"):
            try:
                return find_image(self._client, f"{LAYER_REPOSITORY}:{job.layer.key}")
            except NotFoundError as error:
                raise SandboxUnavailableError("a prepared layer has been removed meanwhile") from error

    def _named(self, image: str) -> Image:
        if not image or image == self._image.name:
            return self._image
        with _translated(f"looking for image {image!r}"):
            return find_image(self._client, image)

    def _create(self, job: Job, image: Image) -> Container:
        limits = job.limits
        memory = f"{limits.memory_mb}m"
        online = job.makes_layer
        open_files, file_bytes = (LAYER_OPEN_FILES, LAYER_FILE_BYTES) if online else (OPEN_FILES, FILE_BYTES)
        with _translated("creating a container"):
            return self._client.containers.create(
                image=image.id,
                entrypoint=[],
                command=job.arguments(job.environment(image.env)),
                detach=True,
                auto_remove=False,
                stdin_open=True,
                labels={LABEL: job.job_id, OWNER_LABEL: owners.this_process()},
                hostname="sandbox",
                user=f"{SANDBOX_ID}:{SANDBOX_ID}",
                network_mode=self._settings.prepare_network if online else "none",
                network_disabled=not online,
                use_config_proxy=False,
                mem_limit=memory,
                memswap_limit=memory,
                nano_cpus=int(limits.cpus * 1_000_000_000),
                # The init process, timeout and our shell are not the command's.
                pids_limit=limits.processes + 4,
                cap_drop=["ALL"],
                privileged=False,
                read_only=not online,
                security_opt=["no-new-privileges:true", f"seccomp={self._profile}"],
                tmpfs=_tmpfs(limits, image),
                shm_size=inside.shared_room(limits),
                ipc_mode="private",
                working_dir="/",
                init=True,
                stop_signal="SIGKILL",
                healthcheck={"test": ["NONE"]},
                ulimits=[
                    Ulimit(name="nofile", soft=open_files, hard=open_files),
                    Ulimit(name="core", soft=0, hard=0),
                    Ulimit(name="fsize", soft=file_bytes, hard=file_bytes),
                ],
                # A log on the host's disk is of no use to us, and the engine writes it line by line: 4 MB of
                # "y" kept it busy for 4 s after the kill. Without one, an attach that nobody reads blocks
                # every call on the container, so ours is read to the end or shut (:func:`_attached`).
                log_config=LogConfig(type="none"),
                runtime=self._settings.runtime or None,
            )

    def _run(self, container: Container, job: Job, image: Image) -> Ended:
        drain = Drain(output_bytes=job.limits.output_bytes, report_bytes=job.report_bytes)
        with _translated("running a container"):
            with _attached(container) as line:
                started = time.monotonic()
                container.start()
                reader = threading.Thread(
                    target=_converse, args=(line, job, drain), name="sandbox-drain", daemon=True
                )
                reader.start()
                timed_out = not drain.wait(job.limits.seconds)
                if not drain.ended:
                    _kill(container)
                seconds = time.monotonic() - started
            # Leaving shut our side of the stream, so the reader ends even if the engine hangs.
            reader.join(API_SECONDS)
            status = container.wait(timeout=API_SECONDS)
            container.reload()
        state = container.attrs["State"]
        return Ended(
            exit_code=int(status["StatusCode"]),
            output=drain.output,
            report=drain.report,
            seconds=seconds,
            image=image.id,
            timed_out=timed_out,
            overflowed=drain.overflowed,
            out_of_memory=bool(state.get("OOMKilled")),
        )


def _tmpfs(limits: Limits, image: Image) -> dict[str, str]:
    owner = f"uid={SANDBOX_ID},gid={SANDBOX_ID},mode=0700"
    common = f"rw,nosuid,nodev,exec,nr_inodes={MAX_INODES}"
    # exec on /tmp too: tests write programs there, and /src has it anyway.
    places = {
        "/src": f"{common},size={inside.tree_room(limits)},{owner}",
        "/tmp": f"{common},size={inside.temporary_room(limits)},mode=1777",  # noqa: S108 - inside
    }
    # A volume that the image declares would be a writable folder on the host's disk, without limit.
    return dict.fromkeys(image.volumes, "rw,nosuid,nodev,noexec,size=1m") | places


def _room() -> bytes:
    """A tar with the empty folder that a layer is written to, which is nobody's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, owner in (("opt", 0), (PREPARED.strip("/"), SANDBOX_ID)):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            member.uid = member.gid = owner
            tar.addfile(member)
    return buffer.getvalue()


@contextlib.contextmanager
def _attached(container: Container) -> Iterator[socket.socket]:
    wrapper: Any = container.attach_socket(
        params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
    )
    # docker-py hands out a SocketIO for plain connections and the socket itself for TLS.
    line: socket.socket = getattr(wrapper, "_sock", wrapper)
    line.settimeout(None)
    try:
        yield line
    finally:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        wrapper.close()
        line.close()


def _converse(line: socket.socket, job: Job, drain: Drain) -> None:
    """Send the tree, then read both streams to their end. A broken line is an end; the state tells why."""
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError), job.tree.open("rb") as tree:
            line.sendfile(tree)
            line.sendall(job.tail)
        # Buffered: "yes" alone makes a frame of every two bytes.
        with line.makefile("rb", buffering=_BUFFER) as frames:
            while len(head := frames.read(_HEAD.size)) == _HEAD.size:
                # https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
                stream, length = _HEAD.unpack(head)
                while length and (chunk := frames.read(min(length, _BUFFER))):
                    drain.feed(stream, chunk)
                    length -= len(chunk)
    except (OSError, ValueError):
        log.debug("the attached stream broke", exc_info=True)
    finally:
        drain.close()


def _kill(container: Container) -> None:
    try:
        container.kill(signal="SIGKILL")
    except (NotFound, APIError):
        log.debug("the container had ended before it was killed")


def _remove(container: Container) -> None:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except _ENGINE_ERRORS:
        # The reaper finds it by its label.
        log.warning("container left behind", extra={"action": "container_left", "container": container.id})


@contextlib.contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except ImageNotFound as error:
        raise SandboxUnavailableError(
            f"{doing}: the image is gone; build it with `patchpilot sandbox build`"
        ) from error
    except _ENGINE_ERRORS as error:
        raise SandboxUnavailableError(f"{doing}: {one_line(str(error))}") from error
