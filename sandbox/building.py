"""``patchpilot sandbox build``: from a base image to one that workbenches can use, in one call."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sandbox import toolbox
from sandbox.docker_engine import connect
from sandbox.images import LOCAL_IMAGE, build_image

DEFAULT_BASE = "python:3.12-slim"


def build_sandbox_image(
    *, base: str = DEFAULT_BASE, tools: Path | None = None, tag: str = LOCAL_IMAGE
) -> str:
    """Build ``tag`` on the local engine and return its id.

    ``tools`` is a folder as ``pip install --target`` makes it; without one, this Python's own pytest and
    ruff are taken. Raises :class:`~patchpilot.errors.SandboxUnavailableError` when the engine is away, the
    base can't be had or does not fit, and :class:`~patchpilot.errors.ConfigurationError` for a bad folder.
    """
    client = connect()
    try:
        with tempfile.TemporaryDirectory() as folder:
            box = Path(folder, "toolbox")
            if tools is None:
                toolbox.assemble(box)
            else:
                toolbox.adopt(tools, box)
            return build_image(client, base=base, toolbox=box, tag=tag).id
    finally:
        client.close()
