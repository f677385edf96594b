"""What a job sets up and installs, read from its actions, image and commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchpilot.fixes import Preparation, ReplayPlan, Toolchain
from patchpilot.images import ImageTable
from patchpilot.source import CIJob, CIStep
from providers.ci.github_replay import replay
from providers.ci.preparations import language_of, preparations
from providers.ci.recipe import Run
from providers.ci.toolchains import from_action, from_image, image_names, version_in


def checkout(tree: Path, *files: str) -> Path:
    for file in files:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).write_text("")
    return tree


def read(
    tree: Path, script: str, folder: str = "."
) -> list[tuple[str, tuple[str, ...], str, tuple[str, ...]]]:
    found = preparations(tree, [Run(title="", script=script, folder=folder)])
    return [(one.manager, one.manifests, one.workdir, one.groups) for one in found]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("pip install -r req.txt -c limits.txt", ("pip", ("limits.txt", "req.txt"), ".", ())),
        ("python3 -m pip install -U pip\npython -m pip install -rreq.txt", ("pip", ("req.txt",), ".", ())),
        ("sudo pip3 install -e '.[test, docs]'", ("pip", ("pyproject.toml",), ".", ("test", "docs"))),
        ("pip install ./back[dev]", ("pip", ("back/pyproject.toml", "back/setup.py"), "back", ("dev",))),
        ("PIP_NO_CACHE=1 uv pip install -r req.txt", ("pip", ("req.txt",), ".", ())),
        ("uv sync --extra web --group=dev", ("uv", ("uv.lock", "pyproject.toml"), ".", ("web", "dev"))),
        ("if true; then uv run --dev pytest; fi", ("uv", ("uv.lock", "pyproject.toml"), ".", ("--dev",))),
        ("poetry install --with a,b", ("poetry", ("poetry.lock", "pyproject.toml"), ".", ("a", "b"))),
        ("npm --prefix web ci", ("npm", ("web/package-lock.json", "web/package.json"), "web", ())),
        ("(cd web && npm ci); make", ("npm", ("web/package-lock.json", "web/package.json"), "web", ())),
        ("corepack enable && pnpm -C ui install", ("pnpm", ("pnpm-lock.yaml", "ui/package.json"), ".", ())),
        ("yarn --frozen-lockfile --cwd old", ("yarn", ("old/yarn.lock", "old/package.json"), "old", ())),
        ("go mod download", ("go", ("go.sum", "go.mod"), ".", ())),
        ("cd cmd/tool && go test ./...", ("go", ("go.sum", "go.mod"), ".", ())),
        ("cargo test --manifest-path crates/a/Cargo.toml",
         ("cargo", ("Cargo.lock", "Cargo.toml", "crates/a/Cargo.toml"), ".", ())),
        ("./mvnw -B -f java/pom.xml verify", ("maven", ("java/pom.xml",), "java", ())),
        ("sh ./mvnw -B -f java test", ("maven", ("java/pom.xml",), "java", ())),
        ("sh gradlew test", ("gradle", ("settings.gradle", "build.gradle"), ".", ())),
        ("./gradlew \\\n  check", ("gradle", ("settings.gradle", "build.gradle"), ".", ())),
    ],
)  # fmt: skip
def test_what_a_command_installs_is_known_by_its_files(
    tmp_path: Path, script: str, expected: tuple[object, ...]
) -> None:
    tree = checkout(
        tmp_path, "req.txt", "limits.txt", "pyproject.toml", "uv.lock", "poetry.lock", "back/pyproject.toml",
        "back/setup.py", "web/package-lock.json", "web/package.json", "pnpm-lock.yaml", "ui/package.json",
        "old/yarn.lock", "old/package.json", "go.mod", "go.sum", "cmd/tool/x.go", "Cargo.toml", "Cargo.lock",
        "crates/a/Cargo.toml", "java/pom.xml", "settings.gradle", "build.gradle",
    )  # fmt: skip
    assert read(tree, script) == [expected]


@pytest.mark.parametrize(
    "script",
    [
        "pip install pytest ruff",
        "npm install -g pnpm",
        "cd /srv && npm ci",
        "cd $SOMEWHERE && npm ci",
        "npm --prefix ../../other ci",
        "pip install -r ../outside.txt",
        "pip install -r /etc/passwd",
        "# npm ci",
        "echo 'npm ci",
        "npm run ci",
        "cargo fmt",
        "pip install -r linked.txt",
    ],
)
def test_what_no_file_of_the_checkout_decides_is_no_preparation(tmp_path: Path, script: str) -> None:
    tree = checkout(tmp_path / "tree", "package.json", "package-lock.json", "Cargo.toml")
    (tmp_path / "outside.txt").write_text("")
    (tree / "linked.txt").symlink_to(tmp_path / "outside.txt")
    assert read(tree, script) == []


def test_a_manager_stands_once_per_folder_with_all_that_it_was_asked_for(tmp_path: Path) -> None:
    tree = checkout(tmp_path, "a.txt", "b.txt", "pyproject.toml", "uv.lock")
    found = read(
        tree, "pip install -r a.txt\npip install -r b.txt\nuv sync --group a\nuv run --group b pytest"
    )
    assert found == [
        ("pip", ("a.txt", "b.txt"), ".", ()),
        ("uv", ("uv.lock", "pyproject.toml"), ".", ("a", "b")),
    ]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("python:3.12-slim", "python:3.12"),
        ("registry.example:5000/mirror/python:3.11", "python:3.11"),
        ("registry.example:5000/python", "python:latest"),
        ("cimg/node:20.11.1", "node:20.11.1"),
        ("golang:1.22-alpine@sha256:0123", "go:1.22"),
        ("maven:3.9-eclipse-temurin-21", "java:21"),
        ("gradle:8.7-jdk17-alpine", "java:17"),
        ("ghcr.io/astral-sh/uv:0.4-python3.12-bookworm", "python:3.12"),
        ("rust:latest", "rust:latest"),
    ],
)
def test_an_images_name_tells_its_language(image: str, expected: str) -> None:
    assert image_names("", from_image(image)) == (expected,)


@pytest.mark.parametrize("image", ["", ":", "ubuntu:22.04", "docker:dind", "@", "a/b/c", "postgres"])
def test_an_image_of_no_language_tells_nothing(image: str) -> None:
    assert from_image(image) == ()


def test_setup_actions_are_toolchains(tmp_path: Path) -> None:
    (tmp_path / ".nvmrc").write_text("v20.11\n")
    (tmp_path / "go.mod").write_text("module x\n\ngo 1.22.3\n")
    (tmp_path / "rust-toolchain.toml").write_text('[toolchain]\nchannel = "1.77"\n')
    found = [
        from_action("actions/setup-python@v5", {"python-version": "3.11\n3.12\n"}, tmp_path),
        from_action("actions/setup-node@v4", {"node-version-file": ".nvmrc"}, tmp_path),
        from_action("actions/setup-go@v5", {"go-version-file": "go.mod"}, tmp_path),
        from_action("dtolnay/rust-toolchain@1.76.0", {}, tmp_path),
        from_action("dtolnay/rust-toolchain@" + "a" * 40, {"toolchain": "stable"}, tmp_path),
        from_action("actions/checkout@v4", {}, tmp_path),
    ]
    assert found == [
        Toolchain(language="python", version="3.12"),
        Toolchain(language="node", version="20.11"),
        Toolchain(language="go", version="1.22.3"),
        Toolchain(language="rust", version="1.76.0"),
        Toolchain(language="rust", version="stable"),
        None,
    ]
    assert version_in(tmp_path, "rust-toolchain.toml") == "1.77"


def test_the_first_rule_that_fits_what_the_job_wants_gives_the_image() -> None:
    table = ImageTable.parse("python:3.12=ci-python:3.12, python:*=ci-python:any node:*=ci-node:20")
    assert table.choose(["python:3.12.4"]) == "ci-python:3.12"
    assert table.choose(["python:3.12-slim"]) == "ci-python:3.12"
    assert table.choose(["python:3.120"]) == "ci-python:any"
    assert table.choose(["cimg/base", "node:18"]) == "ci-node:20"
    assert table.choose(["go:1.22"]) == ""


@pytest.mark.parametrize("text", ["python", "python:3=", "=image", "a=b=c", "a=--privileged"])
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no rule for an image"):
        ImageTable.parse(text)


def test_the_language_of_the_failing_command_chooses_among_several_tools() -> None:
    tools = (Toolchain(language="python", version="3.12"), Toolchain(language="node", version="^20"))
    assert image_names("", tools, first=language_of("cd web && npm test")) == ("node:20", "python:3.12")


WORKFLOW = """\
jobs:
  test:
    strategy: {matrix: {python: ["3.11", "3.12"]}}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "${{ matrix.python }}", token: "${{ github.event.x }}"}
      - run: pip install -r requirements.txt
      - run: pytest
      - uses: pre-commit/action@v3.0.1
      - uses: vendor/unknown@v1
"""


def github(tree: Path, name: str, step: str, images: str = "") -> object:
    (tree / ".github/workflows").mkdir(parents=True)
    (tree / ".github/workflows/ci.yml").write_text(WORKFLOW)
    checkout(tree, "requirements.txt")
    job = CIJob(id="1", name=name, failed=True, steps=(CIStep(number=9, name=step, failed=True),))
    return replay(tree, workflow_path=".github/workflows/ci.yml", job=job, images=ImageTable.parse(images))


def test_a_job_on_github_tells_its_tools_and_what_it_installs(tmp_path: Path) -> None:
    plan = github(tmp_path, "test (3.12)", "Run pytest", "python:3.12=ci-python:3.12")
    assert isinstance(plan, ReplayPlan)
    assert plan.preparations == (Preparation(manager="pip", manifests=("requirements.txt",)),)
    assert (plan.image, plan.job_image) == ("ci-python:3.12", "python:3.12")


def test_an_image_that_no_rule_of_the_operator_names_is_never_used(tmp_path: Path) -> None:
    plan = github(tmp_path, "test (3.11)", "Run pytest", "python:3.12=ci-python:3.12")
    assert isinstance(plan, ReplayPlan)
    assert (plan.image, plan.job_image) == ("", "python:3.11")


def test_an_action_that_is_one_command_is_replayed_when_it_failed(tmp_path: Path) -> None:
    plan = github(tmp_path, "test (3.12)", "Run pre-commit/action@v3.0.1")
    assert isinstance(plan, ReplayPlan)
    assert plan.failing.script == "pre-commit run --show-diff-on-failure --color=always --all-files"
    assert plan.suite is not None
    assert plan.suite.script == "pytest"
