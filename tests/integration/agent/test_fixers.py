"""Fixers with the real tools in a real sandbox: red, mended, green; and what the guard says to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from agent.distil import distil
from agent.fixers.bench import FixerBench
from agent.guard.inspection import inspect
from patchpilot.fixes import Candidate, EarlierStep, GaveUp, Limits, ReplayPlan, ShellCommand
from patchpilot.ports import Workbench, Workbenches, WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, open_workbenches, toolbox

pytestmark = pytest.mark.bubblewrap

LIMITS = Limits(memory_mb=1024, seconds=120)
TOOLS = ("pytest", "ruff", "black", "isort", "syrupy", "uv", "pre-commit")


@pytest.fixture(scope="module")
def benches(real_workbenches: Workbenches, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbenches]:
    """As an operator sets it up who has the team's tools in SANDBOX_TOOLBOX."""
    folder = tmp_path_factory.mktemp("tools") / "box"
    found = toolbox.assemble(folder, TOOLS)
    assert len(found) == len(TOOLS), found
    settings = SandboxSettings(engine=SandboxEngine.BUBBLEWRAP, toolbox=folder, memory_mb=1024)
    opened = open_workbenches(settings)
    assert not isinstance(opened, NoWorkbenches), opened.reason
    yield opened
    opened.close()


def write(tree: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, encoding="utf-8")


def mend(bench: Workbench, script: str | ShellCommand, hints: tuple[str, ...] = ()) -> Candidate | GaveUp:
    plan = ReplayPlan(failing=ShellCommand(script=script) if isinstance(script, str) else script)
    red = bench.run(plan.failing)
    assert red.failed, red.output
    failure = distil([red.output.encode()])
    return FixerBench(
        bench=bench,
        failure=failure,
        plan=plan,
        limits=LIMITS,
        shown=lambda *_: nullcontext(),
        redact=str,
        hints=hints,
    ).mend()


UV_LOCK = """version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "shop"
version = "1.0.0"
source = { virtual = "." }
"""
UGLY = "def f( a,b ):\n    return {'a':a,\n 'b':b}\n"
SORTED = "import pathlib, os\nimport ast\n\nprint(os, ast, pathlib)\n"
HOOKS = """repos:
  - repo: local
    hooks:
      - id: format
        name: ruff format
        entry: ruff format
        language: system
        types: [python]
"""
MAKEFILE = """.PHONY: api.json
api.json: model.py
\tpython gen.py

fresh: api.json
\tgit diff --exit-code -- api.json
"""
GEN = """import json, pathlib, sys
import model
new = json.dumps(model.FIELDS) + "\\n"
old = pathlib.Path("api.json").read_text()
if "--check" in sys.argv:
    sys.exit("api.json is out of date" if old != new else 0)
pathlib.Path("api.json").write_text(new)
pathlib.Path("log.txt").write_text("written\\n")
"""
API = {"model.py": 'FIELDS = ["id", "name"]\n', "gen.py": GEN, "api.json": '["id"]\n', "Makefile": MAKEFILE}
IMPORTS = {
    "shop/__init__.py": "",
    "shop/text.py": "def slug(title):\n    return title.lower()\n",
    "shop/page.py": '"""Pages."""\n\n\ndef url(title):\n    return "/" + slug(title)\n',
    "tests/test_page.py": "from shop.page import url\n\n\ndef test_url():\n    assert url('A') == '/a'\n",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = "."\n',
}
CASES = {
    "black": ({"a.py": UGLY}, "black --check .", ("a.py",), set()),
    "isort": ({"a.py": SORTED}, "isort --check-only .", ("a.py",), set()),
    "isort behind make": (
        {"a.py": SORTED, "Makefile": "PY := .\nlint: style\nstyle:\n\t@isort --check-only $(PY)\n"},
        "make lint",
        ("a.py",),
        set(),
    ),
    "pre-commit": (
        {"a.py": UGLY, ".pre-commit-config.yaml": HOOKS},
        "pre-commit run --all-files --show-diff-on-failure",
        ("a.py",),
        set(),
    ),
    "uv lock": (
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1.1.0"\nrequires-python = ">=3.11"\n',
            "uv.lock": UV_LOCK,
        },
        "uv lock --check --offline",
        ("uv.lock",),
        {"lock-file"},
    ),
    "generate and ask git": (API, "make api.json && git diff --exit-code", ("api.json",), set()),
    "generate and ask git behind make": (API, "make fresh", ("api.json",), set()),
    "generator that checks": (API, "python gen.py --check", ("api.json", "log.txt"), set()),
    "missing import": (IMPORTS, "python -m pytest -q", ("shop/page.py",), set()),
}
if shutil.which("npm"):
    LOCK = '{"name": "a", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "a"}}}'
    CASES["npm lock"] = (
        {
            "package.json": '{"name": "a", "version": "1.0.0", "dependencies": {"b": "file:b"}}',
            "b/package.json": '{"name": "b", "version": "1.0.0"}',
            "package-lock.json": LOCK,
        },
        "npm ci --offline --ignore-scripts",
        ("package-lock.json",),
        {"lock-file"},
    )


@pytest.mark.parametrize("name", CASES)
def test_a_red_check_is_mended_by_its_own_tool(name: str, benches: Workbenches, tmp_path: Path) -> None:
    files, script, changed, rules = CASES[name]
    write(tmp_path, files)

    with benches.open(WorkbenchSpec(tree=tmp_path, job_id="fixers", limits=LIMITS)) as bench:
        outcome = mend(bench, script)

        assert isinstance(outcome, Candidate), outcome
        assert outcome.patch.files == changed
        assert bench.run(ShellCommand(script=script)).passed
        assert {found.rule for found in inspect(outcome.patch, read_base=files.get)} == rules


GENERATE = EarlierStep(title="Generate", script="python gen.py && mkdir build && echo x > build/x.txt")


@pytest.mark.parametrize("script", ["git diff --exit-code", "ruff format --check ."])
def test_what_an_earlier_step_makes_is_kept_only_where_the_check_is_about_it(
    script: str, benches: Workbenches, tmp_path: Path
) -> None:
    write(tmp_path, {**API, "a.py": UGLY})
    command = ShellCommand(script=script, before=(GENERATE,))
    with benches.open(WorkbenchSpec(tree=tmp_path, job_id="fixers", limits=LIMITS)) as bench:
        outcome = mend(bench, command)
        assert isinstance(outcome, Candidate), outcome
        assert outcome.patch.files == (("api.json",) if "git" in script else ("a.py", "gen.py"))
        assert bench.run(command).passed


SNAPSHOT = {
    "test_page.py": "def test_page(snapshot):\n    assert '<h1>New</h1>' == snapshot\n",
    "__snapshots__/test_page.ambr": "# serializer version: 1\n# name: test_page\n  '<h1>Old</h1>'\n# ---\n",
}


def test_a_snapshot_is_updated_when_a_person_asks_and_never_before(
    benches: Workbenches, tmp_path: Path
) -> None:
    write(tmp_path, SNAPSHOT)
    spec = WorkbenchSpec(tree=tmp_path, job_id="fixers", limits=LIMITS)

    with benches.open(spec) as bench:
        assert isinstance(mend(bench, "python -m pytest -q"), GaveUp)
        outcome = mend(bench, "python -m pytest -q", hints=("update the snapshot, the new title is right",))

    assert isinstance(outcome, Candidate)
    assert outcome.patch.files == ("__snapshots__/test_page.ambr",)
    [finding] = inspect(outcome.patch, read_base=SNAPSHOT.get)
    assert (finding.rule, finding.severity.value) == ("expected-file", "override")


def test_what_a_tool_leaves_red_is_told(benches: Workbenches, tmp_path: Path) -> None:
    write(tmp_path, {"shop/__init__.py": "import os\n", "price.py": "import sys\n"})
    with benches.open(WorkbenchSpec(tree=tmp_path, job_id="fixers")) as bench:
        found = mend(bench, "ruff check .")

    assert isinstance(found, GaveUp)
    assert found.reason.startswith(
        "ruff check --fix changed files, but the failing command is still red: F401"
    )
    assert "shop/__init__.py" in found.reason


def test_tools_that_ran_and_changed_nothing_are_named(benches: Workbenches, tmp_path: Path) -> None:
    write(tmp_path, {"price.py": "print(Decimal(1))\n"})
    with benches.open(WorkbenchSpec(tree=tmp_path, job_id="fixers")) as bench:
        found = mend(bench, "ruff check .")

    assert isinstance(found, GaveUp)
    assert found.reason.endswith("ruff check --fix changed nothing that helps")
