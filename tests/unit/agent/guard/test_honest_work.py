"""Honest fixes pass, with the repository at hand and from the diff alone."""

from __future__ import annotations

from typing import Any

import pytest

from agent.guard.inspection import inspect, is_refused
from patchpilot.fixes import Patch


@pytest.mark.parametrize("known", [True, False], ids=["with the repository", "from the diff alone"])
def test_honest_work_is_not_refused(honest: Any, known: bool) -> None:
    # Formatting is told from a change of meaning only with the whole file.
    known = known or honest.needs_base

    findings = inspect(Patch(honest.diff), read_base=honest.read if known else lambda _: None)

    assert not is_refused(findings), findings
