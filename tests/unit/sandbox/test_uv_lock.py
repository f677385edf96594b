"""A ``uv.lock`` out of step: how it is noticed, and what of a project goes into locking it anew."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sandbox.recipes import install_python
from sandbox.recipes.python_project import toml
from sandbox.recipes.uv_lock import Relocking, relocking
from tests.registries import Registry, serving

UV = Path(sys.executable).with_name("uv")
PROJECT = """\
[project]
name = "shop"
version = "1.0.0"
requires-python = ">=3.9"
dependencies = ["Greeting[loud] >=1, <2 ; python_version > '3'"]
[project.optional-dependencies]
cli = ["click"]
[dependency-groups]
dev = ["pytest", {include-group = "more"}]
more = ["pluggy>=1"]
"""
INDEX = "https://packages.example.com/simple"
LOCK = f"""\
version = 1
requires-python = ">=3.9"

[[package]]
name = "greeting"
version = "1.5.0"
source = {{ registry = "{INDEX}" }}
sdist = {{ url = "https://files.example.com/greeting.tar.gz", hash = "sha256:00" }}

[[package]]
name = "shop"
version = "1.0.0"
source = {{ editable = "." }}

[package.metadata]
requires-dist = [
    {{ name = "greeting", extras = ["loud"], marker = "python_full_version >= '3'", specifier = "<2,>=1" }},
    {{ name = "click", marker = "extra == 'cli'" }},
]
[package.metadata.requires-dev]
dev = [{{ name = "pytest" }}, {{ name = "pluggy", specifier = ">=1" }}]
more = [{{ name = "pluggy", specifier = ">=1" }}]
"""


def inputs(tree: Path, project: str, lock: str = LOCK, **members: str) -> tuple[dict[str, str], str]:
    for path, text in {"pyproject.toml": project, "uv.lock": lock, **members}.items():
        place = tree / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    found, why = relocking(tree, ".", toml(lock))
    return {path: data.decode() for path, data in found.files.items()} if found else {}, why


def found_for(tree: Path, asked: tuple[str, ...] = (), more: str = "") -> Relocking:
    inputs(tree, PROJECT.replace("<2", "<3") + more)
    found, _ = relocking(tree, ".", toml(LOCK), asked)
    assert found is not None
    return found


def test_a_lock_file_that_is_about_what_the_project_lists_is_left_alone(tmp_path):
    assert inputs(tmp_path, PROJECT) == ({}, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dependencies = [", 'dependencies = ["attrs", '),
        (">=1, <2", ">=1, <3"),
        ('cli = ["click"]', 'cli = ["click>=8"]'),
        ('"pytest"', '"pytest", "pytest-cov"'),
        ('more = ["pluggy>=1"]', 'more = ["pluggy>=2"]'),
        ('version = "1.0.0"', 'version = "1.0.1"'),
        (">=3.9", ">=3.10"),
        ("[dependency-groups]", '[tool.uv]\nconstraint-dependencies = ["click<9"]\n[dependency-groups]'),
    ],
)
def test_whatever_the_project_lists_beyond_it_is_noticed(tmp_path, old, new):
    files, why = inputs(tmp_path, PROJECT.replace(old, new, 1))

    assert why == ""
    assert sorted(files) == ["relock/pyproject.toml", "relock/uv.lock"]


def test_what_uv_writes_in_another_way_is_no_difference(tmp_path):
    project = PROJECT.replace("more", "More_Of").replace("1.0.0", "1.0").replace(">=3.9", ">= 3.9")
    lock = LOCK.replace("more =", "more-of =").replace("1.0.0", "1.0")

    assert inputs(tmp_path, project, lock) == ({}, "")


def test_the_groups_that_a_job_asks_for_are_those_that_are_installed(tmp_path):
    named = found_for(tmp_path, ("cli", "More", "unknown"))
    assert named.groups == ["--extra", "cli", "--group", "more"]
    assert found_for(tmp_path, ("--all-extras",)).groups == ["--all-extras"]


def test_a_member_of_a_workspace_counts_too_also_under_a_root_that_is_no_project(tmp_path):
    lock = LOCK.replace('editable = "."', 'editable = "packages/shop"')
    root = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
    member = PROJECT.replace("<2", "<3")

    files, _ = inputs(tmp_path, root, lock, **{"packages/shop/pyproject.toml": member})

    assert sorted(files) == [
        "relock/packages/shop/pyproject.toml",
        "relock/pyproject.toml",
        "relock/uv.lock",
    ]
    assert tomllib.loads(files["relock/pyproject.toml"])["tool"]["uv"]["workspace"] == {
        "members": ["packages/shop"]
    }


def test_names_versions_and_settings_of_the_resolution_go_in_and_nothing_that_runs_or_fetches(tmp_path):
    project = f"""\
[build-system]
requires = ["hatchling", "evil @ https://evil.invalid/a.tgz"]
build-backend = "evil"
backend-path = ["."]
{PROJECT.replace('version = "1.0.0"', 'dynamic = ["version"]')}
odd = ["evil @ https://evil.invalid/a.whl", "git+https://evil.invalid/a", "fine", "./evil"]
[tool.uv]
prerelease = "allow"
constraint-dependencies = ["click<9", "evil @ file:///evil"]
required-environments = ["sys_platform == 'linux'"]
cache-dir = "evil"
"""
    files, _ = inputs(tmp_path, project)

    assert "evil" not in "".join(files.values())
    assert files["relock/build.txt"] == "editables~=0.3\nhatchling\n"
    kept = tomllib.loads(files["relock/pyproject.toml"])
    assert kept["dependency-groups"] == {
        "dev": ["pytest", "pluggy>=1"],
        "more": ["pluggy>=1"],
        "odd": ["fine"],
    }
    assert kept["tool"]["uv"] == {
        "prerelease": "allow",
        "required-environments": ["sys_platform == 'linux'"],
        "constraint-dependencies": ["click<9"],
    }
    assert tomllib.loads(files["relock/uv.lock"])["package"] == [
        {"name": "greeting", "version": "1.5.0", "source": {"registry": INDEX}}
    ]


@pytest.mark.parametrize(
    ("more", "lock", "why"),
    [
        ('[tool.uv]\nindex-url = "https://x.invalid/"\n', LOCK, "indexes of its own (index-url)"),
        ('[[tool.uv.index]]\nurl = "https://x.invalid/"\n', LOCK, "indexes of its own (index)"),
        ('[tool.uv.sources]\na = { git = "https://x.invalid/" }\n', LOCK, "from elsewhere (tool.uv.sources)"),
        ("", LOCK.replace("registry =", "git ="), "comes from elsewhere (git)"),
    ],
)
def test_what_another_index_or_no_index_has_is_not_locked(tmp_path, more, lock, why):
    files, told = inputs(tmp_path, PROJECT.replace("<2", "<3") + more, lock)

    assert files == {}
    assert why in told


def test_a_place_outside_the_checkout_is_no_member(tmp_path):
    lock = LOCK.replace('editable = "."', 'editable = "../other"')

    assert inputs(tmp_path, PROJECT.replace("<2", "<3"), lock) == ({}, "")


@pytest.mark.parametrize("lock", ["", "package = 3\n", "[[package]]\nsource = 1\nmetadata = 2\n"])
def test_a_lock_file_of_any_form_is_borne(tmp_path, lock):
    assert inputs(tmp_path, PROJECT, lock)[1] == ""
    assert inputs(tmp_path, "tool = 3\n", lock)[1] == ""


@pytest.mark.parametrize(
    ("said", "wanted"),
    [("==0.8.*", "uv>=0.5,==0.8.*"), (">=0.6, <1", "uv>=0.5,>=0.6, <1"), ("@ http://x", "uv>=0.5")],
)
def test_the_project_may_say_which_uv(tmp_path, said, wanted):
    assert found_for(tmp_path, more=f'[tool.uv]\nrequired-version = "{said}"\n').uv == wanted


def test_an_index_that_only_the_lock_file_names_is_not_asked(tmp_path):
    with serving(Registry()) as ours, serving(Registry()) as theirs:
        for registry in (ours, theirs):
            registry.wheel("greeting", "1.5.0", {"greeting.py": ""})
            registry.wheel("late", "1.0.0", {"late.py": ""})
        project = '[project]\nname = "shop"\nversion = "1.0.0"\nrequires-python = ">=3.9"\n'
        lock = LOCK.replace(INDEX, f"{theirs.address('')}/simple")
        files, _ = inputs(tmp_path, f'{project}dependencies = ["greeting", "late"]\n', lock)
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(text)
        env = {"UV_DEFAULT_INDEX": f"{ours.address('')}/simple", "UV_CACHE_DIR": str(tmp_path / "cache")}
        command = [str(UV), "lock", "--no-config", "--python", sys.executable]
        subprocess.run(command, cwd=tmp_path / "relock", env=os.environ | env, check=True)

        assert "/simple/late/" in ours.asked
        assert theirs.asked == []


@pytest.mark.parametrize(
    "index", ["", "https://mirror.example.com/simple", "https://me:key@packages.example.com/simple"]
)
def test_a_lock_file_of_another_index_than_is_asked_is_not_locked_anew(tmp_path, monkeypatch, capsys, index):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(install_python, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(install_python, "PREPARED", tmp_path / "prepared")
    monkeypatch.setenv("PIP_INDEX_URL", index)
    (tmp_path / "relock").mkdir()
    (tmp_path / "relock/uv.lock").write_text(LOCK)

    install_python.relock("uv", [], "hashed.txt")

    assert "not its own index is asked" in capsys.readouterr().out
    assert not (tmp_path / "prepared").exists()


def test_what_was_locked_already_keeps_the_hashes_that_it_had(tmp_path):
    known, anew = tmp_path / "hashed.txt", tmp_path / "relocked.txt"
    known.write_text("a==1 --hash=sha256:aa\ngone==1 --hash=sha256:00\nb==1 --hash=sha256:bb\n")
    anew.write_text(
        "a==1 \\\n    --hash=sha256:other\nb==2 ; python_version > '3' \\\n    --hash=sha256:b2 \\\n"
        "    --hash=sha256:b3\n"
    )

    install_python.merge(known, anew)

    lines = [line.split() for line in known.read_text().splitlines()]
    assert lines == [
        ["a==1", "--hash=sha256:aa"],
        ["b==2", ";", "python_version", ">", "'3'", "--hash=sha256:b2", "--hash=sha256:b3"],
    ]
