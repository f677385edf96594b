"""The image runs the three roles under the compose file's own restrictions, up to a merged pull request."""

from __future__ import annotations

import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import docker
import httpx
import pytest
from docker.models.containers import Container

from patchpilot.settings import SandboxEngine, SandboxSettings
from playground.scenarios import ledger
from playground.servers import embedded_postgres, embedded_redis
from playground.slack.pace import QUICK
from playground.stage import Stage, wait_for
from playground.town import Town, town
from sandbox import open_workbenches
from storage.database import Database

pytestmark = [pytest.mark.docker, pytest.mark.acceptance]

ENGINE_SOCKET = Path("/var/run/docker.sock")


@dataclass
class Containers:
    """PatchPilot as the compose file describes it, on this machine's network."""

    engine: docker.DockerClient
    image: str
    services: dict[str, dict[str, Any]]
    cache: str

    def run(self, role: str, command: list[str], environment: Mapping[str, str]) -> Container:
        service = self.services[role]
        worker = role == "worker"
        volumes = (
            [f"{self.cache}:/var/lib/patchpilot", f"{ENGINE_SOCKET}:/var/run/docker.sock"] if worker else []
        )
        return self.engine.containers.run(
            self.image,
            command,
            detach=True,
            environment=dict(environment),
            network_mode="host",
            init=service["init"],
            read_only=service["read_only"],
            cap_drop=service["cap_drop"],
            security_opt=service["security_opt"],
            tmpfs=dict(entry.split(":", 1) for entry in service["tmpfs"]),
            group_add=[ENGINE_SOCKET.stat().st_gid] if worker else [],
            volumes=volumes,
        )


@dataclass
class Running:
    """The stores, the town and a container per role."""

    town: Town
    roles: dict[str, Container]
    migrated: str


@contextmanager
def over_tcp(path: str) -> Iterator[int]:
    """A port of this machine that leads to a Unix socket, which a container could not enter."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as inner:
                inner.connect(path)
                back = threading.Thread(target=pump, args=(inner, self.request), daemon=True)
                back.start()
                pump(self.request, inner)
                back.join()

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side went away; so does the other

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Forward) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def stores(folder: Path) -> Iterator[tuple[str, str, str]]:
    """A real PostgreSQL and Redis over TCP, and PostgreSQL's own address for this process."""
    with (
        embedded_postgres(folder / "pg", durable=False) as postgres,
        embedded_redis(folder / "redis") as redis,
        over_tcp(parse_qs(urlsplit(postgres).query)["host"][0] + "/.s.PGSQL.5432") as postgres_port,
        over_tcp(unquote(urlsplit(redis).path)) as redis_port,
    ):
        yield (
            f"postgresql://postgres@127.0.0.1:{postgres_port}/postgres",
            f"redis://127.0.0.1:{redis_port}/0",
            postgres,
        )


@pytest.fixture(scope="module")
def running(engine: docker.DockerClient, image: str, compose: dict[str, Any]) -> Iterator[Running]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patchpilot-deploy-")))
        folder.chmod(0o755)
        database_url, redis_url, local = stack.enter_context(stores(folder))
        cache = engine.volumes.create()
        stack.callback(cache.remove)
        containers = Containers(engine, image, compose["services"], cache.name)
        common = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        migration = containers.run("migrate", compose["services"]["migrate"]["command"], common)
        stack.callback(migration.remove, force=True, v=True)
        assert migration.wait(timeout=60)["StatusCode"] == 0, migration.logs().decode()

        place = stack.enter_context(
            town(
                folder / "github", open_workbenches(SandboxSettings(engine=SandboxEngine.DOCKER)), pace=QUICK
            )
        )
        db = Database(local)
        place.link_people(db)
        db.close()
        roles = {}
        for role in ("bot", "worker", "effects"):
            command = list(compose["services"][role]["command"])
            if role == "bot":
                command[-1] = "127.0.0.1"
                command += ["--port", str(place.bot_port)]
            environment = place.environment(role, database_url=database_url, redis_url=redis_url)
            roles[role] = containers.run(role, command, environment)
            stack.callback(roles[role].remove, force=True, v=True)
        started = Running(town=place, roles=roles, migrated=migration.logs().decode())
        assert wait_for(lambda: settled(started), seconds=90), logs(started)
        assert all(one.status == "running" for one in roles.values()), logs(started)
        yield started


def ready(town: Town) -> bool:
    try:
        return bool(httpx.get(f"{town.bot_url}/ready", timeout=5).json()["ready"])
    except (httpx.TransportError, ValueError, KeyError):
        return False


def logs(running: Running) -> str:
    return "\n".join(f"{role}: {one.logs(tail=15).decode()}" for role, one in running.roles.items())


def settled(running: Running) -> bool:
    """Whether the bot is ready and the workers are past their imports, or one of them is dead."""
    for container in running.roles.values():
        container.reload()
    if any(container.status == "exited" for container in running.roles.values()):
        return True
    workers = [running.roles[role] for role in ("worker", "effects")]
    return ready(running.town) and all(b"worker_ready" in worker.logs() for worker in workers)


def test_the_roles_start_from_the_image_and_are_ready(running):
    assert "the database schema is current" in running.migrated
    assert ready(running.town), logs(running)
    for role, container in running.roles.items():
        assert container.status == "running", f"{role}\n{logs(running)}"


def test_no_role_is_root_or_can_write_to_its_image(running):
    for role, container in running.roles.items():
        user = container.exec_run(["id", "-u"]).output.decode().strip()
        written = container.exec_run(["sh", "-c", "touch /opt/patchpilot/x || touch /etc/x"])
        home = container.exec_run(["sh", "-c", "touch ~/x && rm ~/x && touch /tmp/x && rm /tmp/x"])

        assert user == "10001", role
        assert written.exit_code != 0, role
        assert home.exit_code == 0, f"{role}: {home.output}"


def test_no_role_holds_anothers_secrets(running):
    secrets = running.town.secrets
    for role, foreign in {
        "bot": [secrets.writer_key],
        "worker": [secrets.writer_key, secrets.slack_bot, secrets.webhook, secrets.api],
        "effects": [secrets.reader_key, secrets.slack_bot, secrets.webhook, secrets.api],
    }.items():
        held = running.roles[role].exec_run(["env"]).output.decode()
        assert not any(secret in held for secret in foreign), role


def test_the_health_checks_of_the_compose_file_pass(running, compose):
    assert ready(running.town), logs(running)
    for role, container in running.roles.items():
        check = compose["services"][role]["healthcheck"]["test"][1:]
        more = [str(running.town.bot_port)] if role == "bot" else []
        answer = container.exec_run([*check, *more])
        assert answer.exit_code == 0, f"{role}: {answer.output.decode()}"


def test_a_red_run_is_healed_by_the_containers_up_to_the_merge(running):
    assert ready(running.town), logs(running)
    stage = Stage(town=running.town, scenario="containers", tell=lambda note: None, auto=True)
    try:
        ledger(stage)
    except Exception as error:
        error.add_note(logs(running))
        raise

    cached = running.roles["worker"].exec_run(["sh", "-c", "ls ~/.cache/patchpilot/mirrors/github/acme"])
    assert b"ledger.git" in cached.output


def test_a_role_ends_soon_and_cleanly_when_it_is_told_to(running):
    for role in ("bot", "worker", "effects"):
        running.roles[role].stop(timeout=30)
        running.roles[role].reload()
        assert running.roles[role].attrs["State"]["ExitCode"] in {0, 143}, logs(running)
