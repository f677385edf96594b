"""Which roles ``doctor`` looks at where none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.doctor import container_roles


@pytest.mark.parametrize(
    ("words", "roles"),
    [
        (("/sbin/docker-init", "--", "patchpilot", "run", "bot", "--host", "0.0.0.0"), ["bot"]),
        (("/opt/venv/bin/python", "/opt/venv/bin/patchpilot", "run", "effects"), ["effects"]),
        (("/sbin/docker-init", "--", "patchpilot", "migrate"), []),
        (("/sbin/init", "splash"), []),
        (("run", "bot"), []),
    ],
)
def test_in_a_container_it_is_the_role_that_the_container_runs(tmp_path: Path, words, roles):
    first = tmp_path / "cmdline"
    first.write_text("\0".join(words) + "\0")

    assert container_roles(first) == roles


def test_where_no_first_process_can_be_read_no_role_is_taken(tmp_path: Path):
    assert container_roles(tmp_path / "cmdline") == []
