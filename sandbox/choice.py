"""Which engine this machine has, tried rather than guessed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from patchpilot.errors import PatchPilotError, SandboxUnavailableError
from patchpilot.ports import Workbench, WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from patchpilot.text import sentence
from sandbox.bench import Benches
from sandbox.bubblewrap import BubblewrapEngine
from sandbox.docker_engine import DockerEngine, connect


@dataclass(frozen=True, slots=True)
class NoWorkbenches:
    """No engine: PatchPilot diagnoses only, and says why."""

    reason: str
    engine: str = "none"

    def open(self, spec: WorkbenchSpec) -> AbstractContextManager[Workbench]:
        """Raises :class:`~patchpilot.errors.SandboxUnavailableError` always."""
        raise SandboxUnavailableError(f"{spec.job_id}: there is no sandbox here. {self.reason}")

    def close(self) -> None:
        """Holds nothing."""


def open_workbenches(settings: SandboxSettings) -> Benches | NoWorkbenches:
    """The engine that ``settings.engine`` asks for, or with ``auto`` the best that works.

    An engine that does not work ends in :class:`NoWorkbenches` with the reason, never in an exception, so
    that a worker can start and say so. Close what this returns.
    """
    match settings.engine:
        case SandboxEngine.NONE:
            return NoWorkbenches("SANDBOX_ENGINE is none: failures are diagnosed, nothing is run.")
        case SandboxEngine.DOCKER:
            opened, why = _docker(settings)
            return opened or NoWorkbenches(sentence(why))
        case SandboxEngine.BUBBLEWRAP:
            opened, why = _bubblewrap(settings)
            return opened or NoWorkbenches(sentence(why))
        case SandboxEngine.AUTO:
            return _best(settings)


def _best(settings: SandboxSettings) -> Benches | NoWorkbenches:
    opened, no_docker = _docker(settings)
    if opened:
        return opened
    if settings.image:
        # Whoever named an image wants commands judged in it, not in whatever this machine has.
        return NoWorkbenches(
            f"{sentence(no_docker)} SANDBOX_IMAGE names an image for Docker, so nothing else is tried: mend "
            "that, or unset it, or set SANDBOX_ENGINE=bubblewrap for this machine's own programs."
        )
    opened, no_bubblewrap = _bubblewrap(settings, note=f"Docker is not used: {sentence(no_docker)}")
    if opened:
        return opened
    return NoWorkbenches(f"{sentence(no_docker)} {sentence(no_bubblewrap)} Install Docker or bubblewrap.")


def _docker(settings: SandboxSettings) -> tuple[Benches | None, str]:
    try:
        client = connect()
    except PatchPilotError as error:
        return None, str(error)
    try:
        return Benches(DockerEngine(client, settings), settings), ""
    except PatchPilotError as error:
        client.close()
        return None, str(error)


def _bubblewrap(settings: SandboxSettings, *, note: str = "") -> tuple[Benches | None, str]:
    try:
        return Benches(BubblewrapEngine(settings), settings, note=note), ""
    except PatchPilotError as error:
        return None, str(error)
