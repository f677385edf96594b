"""The files that an operator deploys with, and the image that they make."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from docker.errors import DockerException, ImageNotFound

from sandbox.images import LOCAL_IMAGE

BASE = "patchpilot-base:python"
"""Made by ``deploy/sandbox/make-base``; no image registry is asked."""
IMAGE = "patchpilot:test"


@pytest.fixture(scope="session")
def root(pytestconfig: pytest.Config) -> Path:
    """The checkout."""
    return pytestconfig.rootpath


@pytest.fixture(scope="session")
def compose(root: Path) -> dict[str, Any]:
    """``docker-compose.yml`` with its anchors and merges resolved, variables as they stand."""
    loaded: dict[str, Any] = yaml.safe_load((root / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """A Docker engine that has the base image and the sandbox's image."""
    try:
        client = docker.from_env(timeout=900)
    except DockerException as error:
        pytest.skip(f"no Docker engine: {error}")
    try:
        client.images.get(BASE)
        client.images.get(LOCAL_IMAGE)
    except (DockerException, OSError) as error:
        client.close()
        missing = isinstance(error, ImageNotFound)
        pytest.skip(f"{error.explanation}: run .ci/images" if missing else f"no Docker engine: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient, root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """PatchPilot's own image, built from this checkout as its Dockerfile says."""
    context = tmp_path_factory.mktemp("build") / "context"
    # A copy, because this machine's certificates go into it; .dockerignore leaves out the rest.
    shutil.copytree(root, context, ignore=shutil.ignore_patterns(".git", ".venv", ".patchpilot", ".*_cache"))
    # What an operator behind a proxy does: whom this machine trusts, the build trusts.
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    if trusted.exists():
        shutil.copy(trusted, context / "deploy/ca/this-machine.crt")
    engine.images.build(
        path=str(context),
        dockerfile="deploy/Dockerfile",
        buildargs={"BASE": BASE},
        network_mode="host",
        tag=IMAGE,
        rm=True,
        forcerm=True,
    )
    return IMAGE
