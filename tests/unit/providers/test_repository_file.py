"""The example of ``.patchpilot.yml`` in the documentation is one that the real readers take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from patchpilot.failures import Category
from patchpilot.policy import Mode, Policy
from providers.ci.overrides import FILE, POLICY_KEYS, Overrides, read_overrides, remarks
from providers.ci.wording import keys_at
from providers.hosts.policy_file import read_policy

PAGE = Path(__file__).parents[3] / "docs/patchpilot-yml.md"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with the file of the documentation."""
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    (tmp_path / FILE).write_text(found[1], encoding="utf-8")
    return tmp_path


def test_all_that_it_says_is_read(tree: Path) -> None:
    found = read_overrides(tree)
    assert isinstance(found, Overrides), found
    assert remarks(tree) == ()
    assert found.for_job("anything").failing == "make test"
    assert found.for_job("lint (3.12)").failing == "make lint"
    assert set(found.for_job("test (3.12)").env) == {"DJANGO_SETTINGS_MODULE", "PYTHONDEVMODE"}
    policy = read_policy((tree / FILE).read_text(), default=Policy())
    assert (policy.problem, policy.mode, policy.confidence) == ("", Mode.DRAFT, 0.9)


def test_it_shows_every_key(tree: Path) -> None:
    text = (tree / FILE).read_text()
    assert all(re.search(rf"(?m)^\s+{key}:", text) for key in (*keys_at(Overrides, ()), *POLICY_KEYS))


def test_the_page_names_every_mode_and_kind_of_failure() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{word.value}`" in text for word in (*Mode, *Category))
