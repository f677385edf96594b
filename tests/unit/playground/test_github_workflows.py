"""Reading workflow files and their expressions, without running anything."""

import pytest

from playground.github.expressions import WorkflowProblem, fill, holds
from playground.github.workflows import read_workflow

CONTEXTS = {
    "env": {"A": "1"},
    "matrix": {"os": "linux"},
    "github": {"event_name": "push", "ref": "refs/heads/main"},
}


def plan(text):
    return read_workflow(text, ".github/workflows/ci.yml")


def jobs(matrix):
    text = f"on: push\njobs:\n  a:\n    strategy:\n      matrix: {matrix}\n    steps: [{{run: x}}]\n"
    return [job.name for job in plan(text).jobs]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${{ env.A }}-${{matrix.os}}", "1-linux"),
        ("${{ secrets.TOKEN }}", ""),
        ("${{ env.MISSING }}", ""),
        ("${{ 'it''s' }}", "it's"),
        ("$A ${B} {{ c }}", "$A ${B} {{ c }}"),
    ],
)
def test_expressions_are_filled_in(text, expected):
    assert fill(text, CONTEXTS) == expected


@pytest.mark.parametrize(
    "text", ["${{ fromJSON(env.A) }}", "${{ steps.x.outputs.y }}", "${{ }}", "${{ a b }}"]
)
def test_unknown_expressions_are_a_problem_of_the_workflow(text):
    with pytest.raises(WorkflowProblem, match="not supported"):
        fill(text, CONTEXTS)


@pytest.mark.parametrize(
    ("condition", "failed", "runs"),
    [
        ("", False, True),
        ("", True, False),
        ("always()", True, True),
        ("failure()", False, False),
        ("${{ failure() }}", True, True),
        ("!cancelled()", True, True),
        ("github.event_name == 'push'", False, True),
        ("github.event_name == 'PUSH'", False, True),
        ("github.event_name != 'push'", False, False),
        ("github.event_name == 'push'", True, False),
        ("always() && env.A == 1", True, True),
        ("failure() || matrix.os == 'linux'", False, True),
        ("env.MISSING", False, False),
        ("false", False, False),
    ],
)
def test_conditions(condition, failed, runs):
    assert holds(condition, CONTEXTS, failed=failed) is runs


@pytest.mark.parametrize(
    ("matrix", "names"),
    [
        ("{py: [3.11, '3.12']}", ["a (3.11)", "a (3.12)"]),
        ("{py: [1, 2], os: [x, y], exclude: [{py: 1, os: y}]}", ["a (1, x)", "a (2, x)", "a (2, y)"]),
        ("{include: [{py: 1}, {py: 2}]}", ["a (1)", "a (2)"]),
        ("{py: [1], include: [{py: 1, extra: z}, {py: 9}]}", ["a (1, z)", "a (9)"]),
    ],
)
def test_a_matrix_becomes_jobs(matrix, names):
    assert jobs(matrix) == names


def test_a_matrix_has_bounds():
    with pytest.raises(WorkflowProblem, match="256"):
        jobs(f"{{a: {list(range(17))}, b: {list(range(17))}}}")


@pytest.mark.parametrize(
    ("on", "event", "branch", "action", "wanted"),
    [
        ("push", "push", "any", "", True),
        ("[push, pull_request]", "pull_request", "main", "opened", True),
        ("[push, pull_request]", "pull_request", "main", "closed", False),
        ("{pull_request: {types: [closed]}}", "pull_request", "main", "closed", True),
        ("{push: {branches: [main]}}", "push", "dev", "", False),
        ("{push: {branches: ['rel/*']}}", "push", "rel/1", "", True),
        ("{push: {branches-ignore: [dev]}}", "push", "dev", "", False),
        ("{push: {tags: ['v*']}}", "push", "main", "", False),
        ("{schedule: [{cron: '0 0 * * *'}]}", "push", "main", "", False),
    ],
)
def test_triggers(on, event, branch, action, wanted):
    text = f"on: {on}\njobs:\n  a:\n    steps: [{{run: x}}]\n"
    assert plan(text).wants(event, branch=branch, action=action) is wanted


def test_env_shell_and_folder_come_from_the_nearest_place():
    text = """\
on: push
env: {A: top, B: top}
defaults: {run: {shell: sh, working-directory: app}}
jobs:
  a:
    env: {B: job}
    defaults: {run: {working-directory: lib}}
    steps:
      - {run: x, shell: bash, env: {C: 1, D: true}}
      - {run: "first\\nsecond", timeout-minutes: 2}
"""
    (job,) = plan(text).jobs
    first, second = job.steps
    assert (job.env, first.env) == ({"A": "top", "B": "job"}, {"C": "1", "D": "true"})
    assert (first.shell, first.workdir, second.shell, second.timeout_minutes) == ("bash", "lib", "sh", 2.0)
    assert second.name == "Run first"
