"""A step that installs by a lock file is replayed where that file is what failed, whichever CI ran it."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.source import CIJob, CIStep
from providers.ci import circleci_replay, github_replay, gitlab_replay
from providers.ci.step_kinds import without_set_up

WORKFLOW = ".github/workflows/ci.yml"
LOCKS = {"package.json": "{}", "package-lock.json": "{}"}


def github(tree: Path, script: str, failure: DistilledFailure | None) -> ReplayPlan | GaveUp:
    place = tree / WORKFLOW
    place.parent.mkdir(parents=True)
    lines = "".join(f"          {line}\n" for line in script.splitlines())
    place.write_text(
        "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n"
        f"      - name: X\n        run: |\n{lines}"
    )
    job = CIJob(id="1", name="t", failed=True, steps=(CIStep(number=1, name="X", failed=True),))
    return github_replay.replay(tree, workflow_path=WORKFLOW, job=job, failure=failure)


def gitlab(tree: Path, script: str, failure: DistilledFailure | None) -> ReplayPlan | GaveUp:
    lines = "".join(f"    - {line}\n" for line in script.splitlines())
    (tree / ".gitlab-ci.yml").write_text(f"t:\n  script:\n{lines}")
    return gitlab_replay.replay(tree, job=CIJob(id="1", name="t", failed=True), failure=failure)


def circleci(tree: Path, script: str, failure: DistilledFailure | None) -> ReplayPlan | GaveUp:
    place = tree / ".circleci/config.yml"
    place.parent.mkdir()
    lines = "".join(f"            {line}\n" for line in script.splitlines())
    place.write_text(
        "version: 2.1\njobs:\n  t:\n    docker: [{image: cimg/node:20.0}]\n    steps:\n"
        f"      - run:\n          name: X\n          command: |\n{lines}"
        "workflows:\n  w:\n    jobs: [t]\n"
    )
    job = CIJob(id="1", name="t", failed=True, steps=(CIStep(number=1, name="X", failed=True),))
    return circleci_replay.replay(tree, job=job, failure=failure)


def failed_for(category: Category) -> DistilledFailure:
    return DistilledFailure(text="", category=category)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in LOCKS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("ci", [github, gitlab, circleci])
@pytest.mark.parametrize("command", ["npm ci --no-audit", "pnpm install", "uv sync --all-groups --locked"])
def test_what_a_lock_file_out_of_step_ended_is_what_is_replayed(tree, ci, command):
    found = ci(tree, command, failed_for(Category.DEPENDENCY))

    assert isinstance(found, ReplayPlan), found
    assert found.failing.script.strip() == command


@pytest.mark.parametrize("ci", [github, gitlab, circleci])
def test_with_other_commands_it_stays_in_its_place_only_where_it_may_have_failed(tree, ci):
    script = "pip install tox\nnpm ci\nnpm test"

    dependency = ci(tree, script, failed_for(Category.DEPENDENCY))
    assert isinstance(dependency, ReplayPlan)
    assert dependency.failing.script.split("\n")[-3:] in (["npm ci", "npm test", ""], ["npm ci", "npm test"])


@pytest.mark.parametrize("ci", [github, gitlab, circleci])
def test_a_red_test_is_replayed_without_what_installs(tree, ci):
    found = ci(tree, "npm ci\nnpm test", failed_for(Category.TEST))

    assert isinstance(found, ReplayPlan)
    assert found.failing.script.strip() == "npm test"


@pytest.mark.parametrize("ci", [github, gitlab, circleci])
def test_an_install_that_the_network_ended_cannot_be_replayed(tree, ci):
    found = ci(tree, "npm ci", failed_for(Category.INFRASTRUCTURE))

    assert isinstance(found, GaveUp)
    assert "neither network nor Docker" in found.reason


def test_a_step_that_a_person_chose_is_replayed_as_far_as_a_sandbox_can(tree):
    found = github(tree, "npm ci", None)

    assert isinstance(found, ReplayPlan)
    assert found.failing.script.strip() == "npm ci"


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("npm ci && npm test", "npm ci && npm test"),
        ("npm --prefix web ci", "npm --prefix web ci"),
        ("npm install left-pad && npm test", "npm test"),
        ("npm -w x ci", "npm -w x ci"),
        ("pnpm add x", ""),
        ("pnpm install && pnpm test", "pnpm install && pnpm test"),
        ("pnpm install; pnpm test", "pnpm install; pnpm test"),
        ("pnpm install > /dev/null # quietly", "pnpm install > /dev/null # quietly"),
        ("pnpm --filter x install --offline", "pnpm --filter x install --offline"),
        ("pnpm i -g turbo && pnpm install", "pnpm install"),
        ("pnpm install -D typescript", ""),
        ("uv sync --check", ""),
        ("pnpm i --frozen-lockfile", "pnpm i --frozen-lockfile"),
        ("uv sync", ""),
        ("uv sync --locked; uv run pytest", "uv sync --locked; uv run pytest"),
        ("pip install -r requirements.txt", ""),
    ],
)
def test_what_a_lock_file_decides_is_told_from_what_it_does_not(script, left):
    assert without_set_up(script, by_lock=True) == left
