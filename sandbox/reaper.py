"""Clears away what a killed worker left: containers, control groups, folders."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from patchpilot.errors import SandboxUnavailableError
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import cgroups, folders, owners
from sandbox.docker_engine import LABEL, OWNER_LABEL, connect

log = logging.getLogger(__name__)


def reap(
    owner: docker.DockerClient | SandboxSettings,
    *,
    older_than_seconds: float,
    folders_older_than_seconds: float | None = None,
) -> int:
    """Remove leftovers of at least this age and return their number.

    A container goes whatever its age if the process of this machine that made it is gone. All others are
    judged by age alone, so the age must be above the longest command's limit and above
    ``SANDBOX_PREPARE_SECONDS``, since a container may belong to another worker; ``math.inf`` leaves them all.
    Folders (half-made layers too) and
    control groups of living owners stay whatever their age; so folders, which hold people's source, may be
    given a shorter one. An engine that is away has nothing removed from it, which is no error.
    """
    layers = (folders.layers_folder(owner) / "bubblewrap",) if isinstance(owner, SandboxSettings) else ()
    age = older_than_seconds if folders_older_than_seconds is None else folders_older_than_seconds
    removed = folders.reap(older_than_seconds=age, more=layers)
    for group in cgroups.leftovers():
        group.remove()
        removed += 1
    if isinstance(owner, docker.DockerClient):
        return removed + _reap_containers(owner, older_than_seconds)
    if owner.engine not in {SandboxEngine.AUTO, SandboxEngine.DOCKER}:
        return removed
    try:
        client = connect()
    except SandboxUnavailableError:
        return removed
    try:
        return removed + _reap_containers(client, older_than_seconds)
    finally:
        client.close()


def _reap_containers(client: docker.DockerClient, older_than_seconds: float) -> int:
    removed = 0
    try:
        found = client.api.containers(all=True, filters={"label": LABEL})
    except (DockerException, RequestException):
        log.warning("the engine did not list containers", exc_info=True)
        return 0
    now = datetime.now(UTC).timestamp()
    for one in found:
        # The engine's clock made "Created"; one that runs ahead only delays the removal.
        too_young = now - float(one["Created"]) < older_than_seconds
        if too_young and not owners.is_gone((one.get("Labels") or {}).get(OWNER_LABEL, "")):
            continue
        try:
            client.api.remove_container(one["Id"], force=True, v=True)
        except (DockerException, RequestException):
            log.warning("a leftover stays", extra={"action": "container_left", "container": one["Id"]})
            continue
        removed += 1
        log.info("leftover removed", extra={"action": "container_reaped", "container": one["Id"]})
    return removed
