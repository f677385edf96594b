"""What a worker's process does before its first task."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from jobs import worker


def test_what_is_loaded_is_kept_out_of_the_collectors_way_before_the_first_fork(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen: list[int] = []

    class Waiting:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def work(self, **_: Any) -> None:
            frozen.append(gc.get_freeze_count())

    role = SimpleNamespace(settings=SimpleNamespace(redis_url=SecretStr("redis://localhost:1/0")))
    monkeypatch.setattr(worker, "assume", lambda _: role)
    monkeypatch.setattr(worker, "import_module", lambda _: SimpleNamespace(check=lambda _: None))
    monkeypatch.setattr(worker, "BoundWorker", Waiting)
    gc.unfreeze()
    try:
        worker.run_worker("heal")
    finally:
        gc.unfreeze()

    assert frozen[0] > 0
