"""``policy`` in ``.patchpilot.yml``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchpilot.failures import Category
from patchpilot.policy import Mode, Policy
from providers.hosts.policy_file import read_policy

DEFAULT = Policy(source="the operator")


def read(text: str | None, default: Policy = DEFAULT) -> Policy:
    return read_policy(text, default=default, branch="main")


@pytest.mark.parametrize("text", [None, "", "replay: {failing: make test}", "policy:"])
def test_a_file_that_says_nothing_leaves_the_default(text: str | None) -> None:
    assert read(text) == DEFAULT


@pytest.mark.parametrize("mode", ["ask", "diagnose"])
def test_a_word_is_a_mode(mode: str) -> None:
    found = read(f"policy: {mode}")
    assert (found.mode, found.source) == (Mode(mode), ".patchpilot.yml on main")


def test_a_draft_names_what_it_is_for() -> None:
    found = read("policy: {mode: draft, categories: [lint, format], confidence: 0.95}")
    assert found.mode is Mode.DRAFT
    assert found.categories == {Category.LINT, Category.FORMAT}
    assert found.confidence == 0.95


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("policy: draft", "needs the categories"),
        ("policy: yolo", "`policy.mode` can't be 'yolo'; what is known there is `diagnose`, `ask`, `draft`"),
        ("policy: drafts", "`policy.mode` can't be 'drafts'; perhaps `draft` is meant"),
        ("policy: {mode: draft, categories: [lint], confidence: 7}", "has to be at most 1, not 7"),
        ("policy: {mode: draft, categories: [lint], confidence: 0.1}", "has to be at least 0.5, not 0.1"),
        ("policy: {mode: draft, categories: [lnt]}", "can't be 'lnt'; perhaps `lint` is meant"),
        ("policy: {mode: draft, category: [lint]}", "`policy.category` is not known; perhaps `categories`"),
        ("policy: {mod: ask}", "`policy.mod` is not known; perhaps `mode` is meant"),
        ("policy: {categories: [lint]}", "`policy.mode` is missing"),
        ("policy: [ask]", "`policy` has to be a mapping with keys such as `mode`, `categories`"),
        ("polcy: diagnose", "`polcy` is not known; perhaps `policy` is meant"),
        ("mode: diagnose", "`mode` counts for nothing here: it belongs below `policy`"),
        ("policy: [", "no valid YAML"),
        ("x" * 1_000_001, "too large"),
    ],
)
def test_a_bad_file_asks_and_says_what_to_mend(text: str, says: str) -> None:
    loose = Policy(mode=Mode.DRAFT, categories=frozenset({Category.LINT}))
    found = read(text, loose)
    assert found.mode is Mode.ASK
    assert says in found.problem
    assert read(text, Policy(mode=Mode.DIAGNOSE)).mode is Mode.DIAGNOSE


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    read(f"policy: {text}")
    read(text)
