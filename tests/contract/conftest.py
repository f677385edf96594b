"""Real engines for the workbench contract. A missing engine skips on a desk and fails in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from patchpilot.ports import Workbench, WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, build_sandbox_image, open_workbenches
from sandbox.bench import Benches

IMAGE = "patchpilot-sandbox:test"
BASES = ("patchpilot-base:python", "python:3.12-slim", "python:3.13-slim")
HOW = "make a base image with deploy/sandbox/make-base"


def _missing(why: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to have every engine: {why}")
    pytest.skip(why)


@pytest.fixture(scope="session")
def workbench_docker() -> Iterator[docker.DockerClient]:
    """A client of a real engine."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        _missing(f"no Docker engine answers: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def workbench_image(workbench_docker: docker.DockerClient) -> str:
    """An image of the code as it is now."""
    for base in BASES:
        try:
            workbench_docker.images.get(base)
        except ImageNotFound:
            continue
        build_sandbox_image(base=base, tag=IMAGE)
        return IMAGE
    _missing(f"Docker has none of {', '.join(BASES)}: {HOW}")


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
    ],
)
def workbench_engine(request: pytest.FixtureRequest) -> Iterator[Benches]:
    """Each engine in turn."""
    image = request.getfixturevalue("workbench_image") if request.param == "docker" else ""
    settings = SandboxSettings(engine=SandboxEngine(request.param), image=image)
    opened = open_workbenches(settings)
    if isinstance(opened, NoWorkbenches):
        _missing(opened.reason)
    yield opened
    opened.close()


@pytest.fixture
def workbench_tree(tmp_path: Path) -> Path:
    """A small checkout."""
    tree = tmp_path / "checkout"
    (tree / "pkg").mkdir(parents=True)
    (tree / "pkg/__init__.py").write_text("")
    (tree / "pkg/sums.py").write_text("def add(a, b):\n    return a - b\n")
    (tree / "test_sums.py").write_text(
        "from pkg.sums import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
    )
    (tree / "notes.txt").write_text("one\ntwo\n")
    return tree


@pytest.fixture
def workbench(workbench_engine: Benches, workbench_tree: Path) -> Iterator[Workbench]:
    """An open workbench on the small checkout."""
    with workbench_engine.open(WorkbenchSpec(tree=workbench_tree, job_id="contract")) as bench:
        yield bench
