"""What the engine says of a layer's size: wrong at times, and then nothing is kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from patchpilot.errors import SandboxUnavailableError
from sandbox import docker_engine
from sandbox.docker_engine import DockerEngine

CONTAINER: Any = SimpleNamespace(id="abc")


def engine(*answers: Any) -> DockerEngine:
    """One whose Docker gives these answers, then the last one for ever."""
    left = list(answers)

    def containers(**_: Any) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = object.__new__(DockerEngine)
    made._client = SimpleNamespace(api=SimpleNamespace(containers=containers))
    return made


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "_SIZE_SECONDS", 0)


@pytest.mark.parametrize(
    "answers",
    [([{"SizeRw": 7}],), ([{"SizeRw": -1}], [{"SizeRw": 7}]), (APIError("busy"), [], [{"SizeRw": 7}])],
)
def test_it_is_asked_again_until_it_says_a_size(answers: tuple[Any, ...]) -> None:
    assert engine(*answers)._written_in_the_end(CONTAINER) == 7


def test_it_leaves_out_a_size_of_nothing() -> None:
    assert engine([{"Id": "abc"}])._written_in_the_end(CONTAINER) == 0


@pytest.mark.parametrize("answer", [[{"SizeRw": -1}], [], APIError("busy")])
def test_a_layer_of_unknown_size_is_not_kept(answer: Any) -> None:
    with pytest.raises(SandboxUnavailableError, match="does not say"):
        engine(answer)._written_in_the_end(CONTAINER)
