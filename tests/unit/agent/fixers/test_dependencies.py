"""Packages that are imported and not declared."""

from __future__ import annotations

import tomllib

import pytest

from agent.fixers.dependencies import missing_dependency
from agent.guard.inspection import inspect
from patchpilot.fixes import Patch, Severity
from sandbox import git
from sandbox.trees import TextFile

MISSING = "E   ModuleNotFoundError: No module named 'yaml'"
PYPROJECT = """\
[project]
name = "shop"
dependencies = [
  "attrs>=23",  # don't drop
  "uvicorn[standard]>=0.30",
]

[project.optional-dependencies]
dev = ["PyYAML>=6,<7", "pytest"]
"""


def test_a_requirement_of_an_extra_is_declared_in_its_place(scene, edits):
    [text] = edits(scene(text=MISSING, files={"pyproject.toml": PYPROJECT}), missing_dependency).values()

    assert tomllib.loads(text)["project"]["dependencies"] == [
        "attrs>=23",
        "PyYAML>=6,<7",
        "uvicorn[standard]>=0.30",
    ]
    assert "# don't drop" in text


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ("[]", '["PyYAML>=6,<7"]'),
        ("['b']", "['b', 'PyYAML>=6,<7']"),
        ('[\n    "b",\n    "a"\n]', '[\n    "b",\n    "a",\n    "PyYAML>=6,<7",\n]'),
    ],
)
def test_the_arrays_own_layout_is_kept(array, expected, scene, edits):
    before = f'[project]\ndependencies = {array}\n\n[dependency-groups]\ndev = ["PyYAML>=6,<7"]\n'

    assert edits(scene(text=MISSING, files={"pyproject.toml": before}), missing_dependency) == {
        "pyproject.toml": before.replace(f"= {array}", f"= {expected}", 1)
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"requirements.txt": "attrs==23.1\nrequests==2.31\n", "requirements-dev.txt": "pyyaml==6.0.2\n"},
            {"requirements.txt": "attrs==23.1\npyyaml==6.0.2\nrequests==2.31\n"},
        ),
        (
            {
                "pyproject.toml": '[project]\ndependencies = ["attrs"]\n',
                "uv.lock": '[[package]]\nname = "pyyaml"\nversion = "6.0.2"\n',
            },
            {"pyproject.toml": '[project]\ndependencies = ["attrs", "pyyaml>=6.0.2"]\n'},
        ),
    ],
)
def test_the_version_is_taken_from_where_the_repository_has_it(files, expected, scene, edits):
    assert edits(scene(text=MISSING, files=files), missing_dependency) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\ndependencies = ["attrs"]\n'},
        {"pyproject.toml": '[project]\ndependencies = ["pyyaml"]\n', "uv.lock": ""},
        {"requirements.txt": "a==1 --hash=sha256:00\n", "requirements-dev.txt": "pyyaml==6\n"},
        {"pyproject.toml": "project = 3\ndependency-groups = []\n", "uv.lock": "package = 3\n"},
        {"pyproject.toml": PYPROJECT, "yaml/__init__.py": ""},
        {"pyproject.toml": "[project\n"},
        {},
    ],
    ids=["nowhere", "declared", "hashes", "hostile", "own module", "no TOML", "no manifest"],
)
def test_nothing_is_declared_that_the_repository_does_not_know(files, scene, edits):
    assert edits(scene(text=MISSING, files=files), missing_dependency) == {}


def test_a_node_package_of_another_list_is_declared(scene, edits):
    before = '{\n    "dependencies": {\n        "zod": "^3.0.0"\n    },\n'
    before += '    "devDependencies": {\n        "@acme/lodash": "^4.17.21"\n    }\n}\n'
    given = scene(text="Error: Cannot find module '@acme/lodash'", files={"package.json": before})

    assert edits(given, missing_dependency) == {
        "package.json": before.replace('"zod"', '"@acme/lodash": "^4.17.21",\n        "zod"', 1)
    }


def test_a_new_dependency_needs_a_named_person(scene, edits):
    [text] = edits(scene(text=MISSING, files={"pyproject.toml": PYPROJECT}), missing_dependency).values()
    diff = git.diff(
        {"pyproject.toml": TextFile(PYPROJECT.encode())}, {"pyproject.toml": TextFile(text.encode())}
    )

    for read in ({"pyproject.toml": PYPROJECT}.get, lambda _: None):
        [finding] = inspect(Patch(diff), read_base=read)
        assert (finding.rule, finding.severity) == ("dependency-added", Severity.OVERRIDE)


def test_what_only_tests_import_stays_where_it_is_declared(scene, edits):
    files = {"pyproject.toml": PYPROJECT, "tests/test_shop.py": "import yaml\n", "shop.py": "import yaml\n"}

    for_tests = scene(text=MISSING, files=files, places=["tests/test_shop.py"])
    for_all = scene(text=MISSING, files=files, places=["tests/test_shop.py", "shop.py"])

    assert edits(for_tests, missing_dependency) == {}
    assert edits(for_all, missing_dependency)
