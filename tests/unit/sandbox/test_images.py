"""How the sandbox's image is made."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest
from docker.errors import APIError, BuildError, ImageNotFound

from patchpilot.errors import SandboxUnavailableError
from sandbox.images import build_image


class Images:
    """An engine whose builds with network fail."""

    def __init__(self, *, offline: bool) -> None:
        self.offline = offline
        self.builds: list[dict[str, Any]] = []

    def get(self, _: str) -> Any:
        return SimpleNamespace(id="sha256:base", attrs={"Config": {"Env": ["PATH=/opt/bin:/bin"]}})

    def build(self, **said: Any) -> Any:
        self.builds.append(said)
        networked = said.get("network_mode") != "none"
        if networked and self.offline:
            raise BuildError("Temporary failure resolving the mirror", iter(()))
        return SimpleNamespace(id="sha256:tools" if networked else "sha256:made"), iter(())


def client_of(images: Images) -> docker.DockerClient:
    return cast("docker.DockerClient", SimpleNamespace(images=images))


def test_git_and_make_are_below_the_toolbox_and_only_they_are_fetched(tmp_path: Path) -> None:
    images = Images(offline=False)
    built = build_image(client_of(images), base="debian", toolbox=tmp_path)
    assert (built.id, built.lacks) == ("sha256:made", "")
    assert [one["buildargs"]["BASE"] for one in images.builds] == ["sha256:base", "sha256:tools"]
    assert images.builds[1]["buildargs"]["SEARCH_PATH"] == "/opt/bin:/bin"


def test_where_they_cannot_be_had_the_image_is_made_without_them_and_says_why(tmp_path: Path) -> None:
    images = Images(offline=True)
    built = build_image(client_of(images), base="debian", toolbox=tmp_path)
    assert built.id == "sha256:made"
    assert images.builds[-1]["buildargs"]["BASE"] == "sha256:base"
    assert "git and make" in built.lacks
    assert "resolving the mirror" in built.lacks


class Unpulled:
    """An engine without a base, which can pull none."""

    def __init__(self, asked: APIError) -> None:
        self.asked = asked

    def get(self, _: str) -> Any:
        raise self.asked

    def pull(self, _: str) -> Any:
        raise APIError("500 Server Error", explanation="no such host")


@pytest.mark.parametrize(
    "asked",
    [
        ImageNotFound("404 Client Error"),
        APIError("400 Client Error", response=cast("Any", SimpleNamespace(status_code=400))),
    ],
)
def test_a_base_that_can_not_be_had_is_told_with_the_option_that_names_it(
    tmp_path: Path, asked: APIError
) -> None:
    client = cast("docker.DockerClient", SimpleNamespace(images=Unpulled(asked)))

    with pytest.raises(SandboxUnavailableError, match="'python:3': no such host; name one with --base"):
        build_image(client, base="python:3", toolbox=tmp_path)
