"""The engine goes away in the middle: an error of the sandbox, never a verdict on the code.

A real client talks to the real engine through a proxy on a socket of ours, which is cut at each stage.
"""

from __future__ import annotations

import contextlib
import gc
import io
import math
import selectors
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from patchpilot.errors import SandboxUnavailableError, TemporaryError
from patchpilot.fixes import Limits, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from playground.stage import wait_for
from sandbox import NoWorkbenches, build_sandbox_image, open_workbenches, reap
from sandbox.docker_engine import LABEL

pytestmark = [
    pytest.mark.docker,
    # docker-py does not close the socket of a connection that was refused.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

REAL = "/var/run/docker.sock"


class Proxy:
    """Forwards a Unix socket to the engine until it is cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_before = ""
        """The proxy cuts itself when a request with this text comes by."""
        self._open: list[socket.socket] = []
        self._cut = threading.Event()
        self._threads: list[threading.Thread] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._start(self._accept)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._cut.is_set():
                client, _ = self._server.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(REAL)
                self._open += [client, engine]
                self._start(self._forward, client, engine)

    def _forward(self, client: socket.socket, engine: socket.socket) -> None:
        other = {client: engine, engine: client}
        with contextlib.suppress(OSError, ValueError), selectors.DefaultSelector() as selector:
            for end in other:
                selector.register(end, selectors.EVENT_READ)
            while not self._cut.is_set():
                for key, _ in selector.select(timeout=0.2):
                    end: socket.socket = key.fileobj  # type: ignore[assignment]
                    data = end.recv(65_536)
                    if end is client and self.cut_before and self.cut_before.encode() in data:
                        self.cut()
                        return
                    if not data:
                        with contextlib.suppress(OSError):
                            other[end].shutdown(socket.SHUT_WR)
                        selector.unregister(end)
                        if not selector.get_map():
                            return
                    other[end].sendall(data)

    def cut(self) -> None:
        """As when the engine dies: every connection breaks and no new one is taken."""
        self._cut.set()
        self.path.unlink(missing_ok=True)
        for line in [self._server, *self._open]:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5)
        for line in [self._server, *self._open]:
            line.close()


@pytest.fixture
def proxy(
    workbench_docker: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    opened = Proxy(tmp_path / "engine.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{opened.path}")
    yield opened
    opened.close()
    gc.collect()  # here, where the filter above holds


@pytest.mark.parametrize(
    "stage", ["/containers/create", "/attach?", "/start", "/wait", "POST /v", "/images/"]
)
def test_an_engine_gone_at_any_stage_is_unavailable(
    proxy: Proxy,
    stage: str,
    workbench_image: str,
    workbench_tree: Path,
    workbench_docker: docker.DockerClient,
) -> None:
    benches = open_workbenches(SandboxSettings(engine=SandboxEngine.DOCKER, image=workbench_image))
    assert not isinstance(benches, NoWorkbenches), benches.reason
    spec = WorkbenchSpec(tree=workbench_tree, job_id="gone", image="other" if stage == "/images/" else "")
    with benches.open(spec) as bench:
        proxy.cut_before = stage
        with pytest.raises(SandboxUnavailableError, match=r"container|image") as caught:
            bench.run(ShellCommand(script="true"))
    benches.close()

    assert isinstance(caught.value, TemporaryError)
    _tidy(workbench_docker)


def test_an_engine_gone_while_a_command_runs_is_unavailable(
    proxy: Proxy, workbench_image: str, workbench_tree: Path, workbench_docker: docker.DockerClient
) -> None:
    benches = open_workbenches(SandboxSettings(engine=SandboxEngine.DOCKER, image=workbench_image))

    def cut_when_it_runs() -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if workbench_docker.containers.list(filters={"label": f"{LABEL}=gone"}):
                break
            time.sleep(0.05)
        proxy.cut()

    cutter = threading.Thread(target=cut_when_it_runs)
    with benches.open(WorkbenchSpec(tree=workbench_tree, job_id="gone")) as bench:
        cutter.start()
        with pytest.raises(SandboxUnavailableError):
            bench.run(ShellCommand(script="sleep 600"), limits=Limits(seconds=120))
        cutter.join()
    benches.close()

    # Nobody could remove the container; the reaper does, once it is old enough.
    assert reap(workbench_docker, older_than_seconds=3600) == 0
    assert _tidy(workbench_docker) == 1


HEALS_UNTIL_KILLED = """
import sys
from pathlib import Path
from patchpilot.fixes import Limits, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import open_workbenches

benches = open_workbenches(SandboxSettings(engine=SandboxEngine.DOCKER, image=sys.argv[1]))
with benches.open(WorkbenchSpec(tree=Path(sys.argv[2]), job_id="gone")) as bench:
    bench.run(ShellCommand(script="sleep 600"), limits=Limits(seconds=120))
"""


def test_a_container_goes_with_the_process_that_made_it_whatever_its_age(
    workbench_image: str, workbench_tree: Path, workbench_docker: docker.DockerClient
) -> None:
    command = [sys.executable, "-c", HEALS_UNTIL_KILLED, workbench_image, str(workbench_tree)]
    with subprocess.Popen(command) as owner:
        while not workbench_docker.containers.list(filters={"label": f"{LABEL}=gone"}):
            assert owner.poll() is None
            time.sleep(0.05)
        reap(workbench_docker, older_than_seconds=math.inf)
        assert workbench_docker.containers.list(filters={"label": f"{LABEL}=gone"})
        owner.kill()

    reap(workbench_docker, older_than_seconds=math.inf)
    # A worker that lives elsewhere on this machine may be at it already.
    mine = {"label": f"{LABEL}=gone"}
    assert wait_for(lambda: not workbench_docker.containers.list(all=True, filters=mine), seconds=90)


def test_the_reaper_leaves_other_peoples_containers(
    workbench_docker: docker.DockerClient, workbench_image: str
) -> None:
    other = workbench_docker.containers.create(workbench_image, "true")
    try:
        reap(workbench_docker, older_than_seconds=3600)
        assert workbench_docker.containers.get(str(other.id))
    finally:
        other.remove(force=True)


def test_a_container_without_its_worker_ends_by_itself(
    proxy: Proxy, workbench_image: str, workbench_tree: Path, workbench_docker: docker.DockerClient
) -> None:
    benches = open_workbenches(SandboxSettings(engine=SandboxEngine.DOCKER, image=workbench_image))
    with benches.open(WorkbenchSpec(tree=workbench_tree, job_id="gone")) as bench:
        proxy.cut_before = "/kill"
        with contextlib.suppress(SandboxUnavailableError):
            bench.run(ShellCommand(script="sleep 600"), limits=Limits(seconds=1))
    benches.close()
    left = workbench_docker.containers.list(all=True, filters={"label": f"{LABEL}=gone"})

    assert len(left) == 1
    assert left[0].wait(timeout=90)["StatusCode"] == 137
    _tidy(workbench_docker)


def _tidy(client: docker.DockerClient) -> int:
    found = client.containers.list(all=True, filters={"label": f"{LABEL}=gone"})
    for one in found:
        one.remove(force=True)
    return len(found)


def test_a_base_that_does_not_fit_is_refused_with_what_it_needs(
    workbench_docker: docker.DockerClient, tmp_path: Path
) -> None:
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    workbench_docker.api.import_image_from_data(empty.getvalue(), repository="patchpilot-test-empty", tag="1")
    try:
        with pytest.raises(SandboxUnavailableError, match="needs sh, tar"):
            build_sandbox_image(base="patchpilot-test-empty:1", tools=tmp_path, tag="patchpilot-test:never")
    finally:
        workbench_docker.images.remove("patchpilot-test-empty:1", force=True)


def test_the_image_has_what_commands_of_any_language_call(
    workbench_docker: docker.DockerClient, workbench_image: str
) -> None:
    said = workbench_docker.containers.run(
        workbench_image,
        ["sh", "-c", "git --version && make --version && python -m pytest --version"],
        remove=True,
        network_mode="none",
    )
    assert said.startswith(b"git version")
