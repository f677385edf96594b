"""The images that commands run in: found, pulled where the operator named one, or built without network."""

from __future__ import annotations

import contextlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from patchpilot.errors import NotFoundError, SandboxUnavailableError
from patchpilot.settings import SandboxSettings
from patchpilot.text import one_line
from sandbox.inside import PATH, TOOLBOX

_BAD_REQUEST = 400
LOCAL_IMAGE = "patchpilot-sandbox:latest"
HOW_TO_BUILD = "build one with `patchpilot sandbox build`, or name one in SANDBOX_IMAGE"

# COPY and RUN only: this builds on any base with sh and tar, without network. Some bases (Debian's python3)
# have no command named python, which most workflows call.
_DOCKERFILE = f"""\
ARG BASE
FROM ${{BASE}}
ARG SEARCH_PATH
COPY toolbox {TOOLBOX}
RUN if ! command -v python >/dev/null && command -v python3 >/dev/null; then \
      mkdir -p /usr/local/bin && ln -s "$(command -v python3)" /usr/local/bin/python; \
    fi; \
    for tool in sh tar head timeout env find sed; do command -v "$tool" >/dev/null || exit 1; done; \
    if command -v python >/dev/null && [ -d {TOOLBOX}/pytest ]; then \
      PYTHONPATH={TOOLBOX} python -m pytest --version; \
    fi
ENV PATH=${{SEARCH_PATH}}:{TOOLBOX}/bin PYTHONPATH={TOOLBOX}
LABEL org.opencontainers.image.title="PatchPilot sandbox"
"""


# What many repositories' commands call besides their language's tools. Fetched by the base's own apt, so that
# only this part of a build has network, and only what is missing.
_USUAL_TOOLS = ("git", "make")
_WITH_USUAL_TOOLS = f"""\
ARG BASE
FROM ${{BASE}}
RUN missing=""; \
    for tool in {" ".join(_USUAL_TOOLS)}; do \
      command -v "$tool" >/dev/null || missing="$missing $tool"; \
    done; \
    if [ -n "$missing" ]; then \
      apt-get -o Acquire::http::Timeout=15 -o Acquire::Retries=1 update && \
      DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing && \
      rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin; \
    fi
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image that was made."""

    id: str
    lacks: str = ""
    """What could not be added and why, for people; empty if nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image on the engine, pinned by its id."""

    name: str
    id: str
    env: dict[str, str]
    """What the image sets itself: where its tools are."""
    volumes: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The first digits of the id, for people."""
        return self.id[:19]


def ensure_image(client: docker.DockerClient, settings: SandboxSettings) -> Image:
    """The image to use by default.

    ``settings.image`` is pulled when it is missing; without it the locally built one has to be there.
    Raises :class:`SandboxUnavailableError` that says how to get one.
    """
    if settings.image:
        return _find_or_pull(client, settings.image, named_by="SANDBOX_IMAGE")
    try:
        return find_image(client, LOCAL_IMAGE)
    except NotFoundError as error:
        raise SandboxUnavailableError(f"Docker has no image {LOCAL_IMAGE}: {HOW_TO_BUILD}") from error


def _find_or_pull(client: docker.DockerClient, name: str, *, named_by: str) -> Image:
    with contextlib.suppress(NotFoundError):
        return find_image(client, name)
    try:
        client.images.pull(name)
    except (DockerException, RequestException) as error:
        # The explanation is the engine's own word; the rest is the client's about HTTP.
        said = one_line(str(getattr(error, "explanation", "") or error))
        raise SandboxUnavailableError(
            f"pulling image {name!r}: {said}; name one with {named_by} that the engine has or can pull"
        ) from error
    return find_image(client, name)


def find_image(client: docker.DockerClient, name: str) -> Image:
    """An image that the engine has already. One that a repository names is never pulled.

    Raises :class:`~patchpilot.errors.NotFoundError`.
    """
    try:
        found = client.images.get(name)
    except ImageNotFound as error:
        raise NotFoundError(
            f"the image {name[:200]!r} is not on this Docker engine: an operator has to pull it first"
        ) from error
    except APIError as error:
        if error.status_code != _BAD_REQUEST:
            raise
        raise NotFoundError(f"{name[:200]!r} is no name that an image can have") from error
    config = found.attrs.get("Config") or {}
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    return Image(
        name=name,
        id=str(found.id),
        env={key: value for key, _, value in pairs},
        volumes=tuple(config.get("Volumes") or ()),
    )


def build_image(client: docker.DockerClient, *, base: str, toolbox: Path, tag: str = LOCAL_IMAGE) -> Built:
    """Put git, make and ``toolbox`` (:mod:`sandbox.toolbox`) on top of ``base``.

    The base is pulled if it is missing. Git and make come from its own distribution, where that can be had;
    the rest of the build has no network.
    Raises :class:`SandboxUnavailableError` with the engine's own words.
    """
    found = _find_or_pull(client, base, named_by="--base")
    start, lacks = _with_usual_tools(client, found)
    try:
        image, _ = client.images.build(
            fileobj=_context(_DOCKERFILE, toolbox),
            custom_context=True,
            buildargs={"BASE": start, "SEARCH_PATH": found.env.get("PATH", PATH)},
            network_mode="none",
            tag=tag,
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        raise SandboxUnavailableError(
            f"building {tag} from {base!r}: {one_line(str(error))}; "
            "the base needs sh, tar, sed, coreutils, findutils "
            "and, for Python projects, a complete Python 3 (python3-minimal is not)"
        ) from error
    except (DockerException, RequestException) as error:
        raise SandboxUnavailableError(f"building {tag} from {base!r}: {one_line(str(error))}") from error
    return Built(id=str(image.id), lacks=lacks)


def _with_usual_tools(client: docker.DockerClient, base: Image) -> tuple[str, str]:
    """The base with git and make, else as it is, and why."""
    try:
        image, _ = client.images.build(
            fileobj=_context(_WITH_USUAL_TOOLS),
            custom_context=True,
            buildargs={"BASE": base.id},
            rm=True,
            forcerm=True,
        )
    except (DockerException, RequestException) as error:
        tools = " and ".join(_USUAL_TOOLS)
        return base.id, (
            f"{base.name} does not have both {tools}, and its package manager could not add them "
            f"({one_line(str(error), 160)}): commands that need them want another base"
        )
    return str(image.id), ""


def _context(dockerfile: str, toolbox: Path | None = None) -> io.BytesIO:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        text = dockerfile.encode()
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
        if toolbox is not None:
            tar.add(toolbox, arcname="toolbox", filter=_anonymous)
    context.seek(0)
    return context


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member
