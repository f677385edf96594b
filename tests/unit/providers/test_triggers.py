"""Whether a workflow starts for a fix, by its ``on:``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.ci.github_triggers import Change, listens, starts

CHANGE = Change(base="main", branch="patchpilot/fix/pp-1-ab-1", paths=("src/a.py", "README.md"))


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("push", True),
        ("[push, pull_request]", True),
        ("pull_request", True),
        ("workflow_dispatch", False),
        ("{pull_request: {branches: [main]}}", True),
        ("{pull_request: {branches: ['rel/**', main]}}", True),
        ("{pull_request: {branches: ['rel/*']}}", False),
        ("{pull_request: {branches: ['**', '!main']}}", False),
        ("{pull_request: {branches-ignore: [main]}}", False),
        ("{pull_request: {types: [closed, labeled]}}", False),
        ("{pull_request: {types: [opened]}}", True),
        ("{pull_request: {paths: ['docs/**']}}", False),
        ("{pull_request: {paths: ['src/**.py']}}", True),
        ("{pull_request: {paths-ignore: ['**.md']}}", True),
        ("{pull_request: {paths-ignore: ['**.md', 'src/*']}}", False),
        ("{pull_request_target: }", True),
        ("{push: {branches: [main]}}", False),
        ("{push: {branches: ['patchpilot/**']}}", True),
        ("{push: {branches: ['patchpilot/*']}}", False),
        ("{push: {tags: ['v*']}}", False),
        ("{push: {branches-ignore: ['patchpilot/**']}}", False),
        ("{push: {branches-ignore: ['x']}}", True),
        ("{push: {branches: ['[bad']}}", False),
        ("7", False),
        ("", False),
    ],
)
def test_filters_decide(on: str, expected: bool) -> None:
    assert starts(f"name: CI\non: {on}\njobs: {{}}\n", CHANGE) is expected


def test_listening_is_not_starting() -> None:
    assert listens("on: {push: {branches: [x]}}")
    assert not listens("on: schedule")
    assert not listens("on: [")
    assert not listens("- on")


@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    starts(f"on:\n  push:\n    branches: [{text}]", CHANGE)
    starts(text, CHANGE)
