"""Commands, jobs and executors of CircleCI's own orbs, as the steps that they are underneath.

Only what a replay needs: what is installed (so that it can be prepared), the checks and the images. Orbs that
only install or upload something are known by name and have no steps here.
https://circleci.com/developer/orbs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Args = Mapping[str, str]
Steps = list[object]
_PYTHON = {
    "pip": "pip install -r {file}",
    "pip-dist": "pip install {file}",
    "poetry": "poetry install",
    "pipenv": "pipenv install --dev",
    "uv": "uv sync",
}
_NODE = {
    "npm": "npm ci",
    "yarn": "yarn install --frozen-lockfile",
    "yarn-berry": "yarn install --immutable",
    "pnpm": "pnpm install --frozen-lockfile",
    "bun": "bun install",
}
IDLE = ("codecov/", "circleci/browser-tools", "circleci/slack", "circleci/aws", "circleci/gcp", "circleci/jq",
        "circleci/docker", "circleci/github-cli", "circleci/welcome", "coveralls/")  # fmt: skip
"""Orbs of which nothing can be replayed and nothing needs to be."""


def command(orb: str, name: str, args: Args) -> Steps | None:
    """The steps of an orb's command; ``None`` for one that is not known."""
    make = _COMMANDS.get(f"{orb}:{name}")
    if make is not None:
        return make(args)
    return [] if orb.startswith(IDLE) or name in {"load-cache", "save-cache", "install"} else None


def job(orb: str, name: str, args: Args) -> Mapping[str, object] | None:
    """The body of an orb's job; ``None`` for one that is not known."""
    make = _JOBS.get(f"{orb}:{name}")
    return make(args) if make else None


def image(orb: str, args: Args) -> str:
    """The image of an orb's ``default`` executor, empty where it isn't known."""
    language = orb.removeprefix("circleci/")
    known = orb.startswith("circleci/") and language in {"python", "node", "go", "rust", "ruby"}
    return f"cimg/{language}:{args.get('tag', '') or args.get('version', '') or 'current'}" if known else ""


def _run(name: str, command: str, args: Args, folder: str = "app-dir") -> object:
    place = args.get(folder, "")
    return {"run": {"name": name, "command": command, **({"working_directory": place} if place else {})}}


def _install_python(args: Args) -> Steps:
    line = _PYTHON.get(args.get("pkg-manager", "pip"), "pip install -r {file}")
    file = args.get("pip-dependency-file", "") or "requirements.txt"
    words = [line.format(file=file if args.get("pkg-manager") != "pip-dist" else "."), args.get("args", "")]
    return [_run("Install dependencies", " ".join(filter(None, words)), args)]


def _install_node(args: Args) -> Steps:
    line = args.get("override-ci-command", "") or _NODE.get(args.get("pkg-manager", "npm"), "npm ci")
    return [_run("Installing dependencies", line, args)]


def _python_test(args: Args) -> Mapping[str, object]:
    tool = args.get("test-tool", "pytest")
    runner = {"poetry": "poetry run ", "pipenv": "pipenv run ", "uv": "uv run "}.get(
        args.get("pkg-manager", ""), ""
    )
    line = "python -m unittest" if tool == "unittest" else "pytest"
    words = [f"{runner}{line}", args.get("test-tool-args", "")]
    test = _run(f"Run tests with <{tool}>", " ".join(filter(None, words)), args)
    return {
        "docker": [{"image": f"cimg/python:{args.get('version', '') or '3.8'}"}],
        "steps": ["checkout", *_install_python(args), test],
    }


def _node_job(script: str, args: Args) -> Mapping[str, object]:
    manager = args.get("pkg-manager", "npm").removesuffix("-berry")
    title = "Run NPM Tests" if script == "test" else f"Run {manager} {script}"
    test = _run(title, f"{manager} run {args.get('run-command', '') or script}", args)
    return {
        "docker": [{"image": f"cimg/node:{args.get('version', '') or 'current'}"}],
        "steps": ["checkout", *_install_node(args), test],
    }


def _go_test(args: Args) -> Steps:
    race = "-race" if args.get("race") == "true" else ""
    words = ["go test", race, args.get("packages", "") or "./..."]
    return [_run("go test", " ".join(filter(None, words)), args, "project-path")]


def _cargo(line: str) -> Callable[[Args], Steps]:
    def make(args: Args) -> Steps:
        return [_run(line, f"{line} {args.get('flags', '')}".strip(), args, "crate")]

    return make


_COMMANDS: Mapping[str, Callable[[Args], Steps]] = {
    "circleci/python:install-packages": _install_python,
    "circleci/python:install-deps": _install_python,
    "circleci/node:install-packages": _install_node,
    "circleci/go:mod-download": lambda args: [_run("go mod download", "go mod download", args)],
    "circleci/go:mod-download-cached": lambda args: [_run("go mod download", "go mod download", args)],
    "circleci/go:test": _go_test,
    "circleci/rust:test": _cargo("cargo test"),
    "circleci/rust:clippy": _cargo("cargo clippy"),
    "circleci/rust:format": lambda args: [_run("cargo fmt", "cargo fmt -- --check", args, "crate")],
    "circleci/rust:build": _cargo("cargo build"),
    "circleci/ruby:install-deps": lambda args: [_run("Install Ruby gems", "bundle install", args)],
    "circleci/ruby:rspec-test": lambda args: [_run("Run RSpec", "bundle exec rspec", args)],
    "circleci/ruby:rubocop-check": lambda args: [_run("Run RuboCop", "bundle exec rubocop", args)],
}
_JOBS: Mapping[str, Callable[[Args], Mapping[str, object]]] = {
    "circleci/python:test": _python_test,
    "circleci/node:test": lambda args: _node_job("test", args),
    "circleci/node:run": lambda args: _node_job(args.get("npm-run", "") or args.get("yarn-run", ""), args),
}
