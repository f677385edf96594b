"""Actions of GitHub workflows that are one command underneath: what a failing one ran.

Only checks whose command their own documentation names. A step of this kind is replayed when it is the one
that failed; as part of a wider suite it would need the action's own version of the tool.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Inputs = Mapping[str, str]
_PLAIN = re.compile(r"[\w\s./:=,@*+{}\[\]'\"-]*")


def command_of(uses: str, inputs: Inputs) -> str:
    """The command line, empty for an action that is not known or whose inputs are no plain arguments."""
    make = _COMMANDS.get(uses.partition("@")[0].lower())
    command = " ".join(make(inputs).split()) if make else ""
    return command if _PLAIN.fullmatch(command) else ""


def folder_of(uses: str, inputs: Inputs) -> str:
    """The folder that an action was told to work in, empty for the root."""
    return inputs.get(_FOLDERS.get(uses.partition("@")[0].lower(), ""), "")


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word)


def _gradle(inputs: Inputs) -> str:
    arguments = inputs.get("arguments", "")
    return f"./gradlew {arguments}" if arguments else ""


def _cargo(inputs: Inputs) -> str:
    command = inputs.get("command", "")
    return _joined("cargo", inputs.get("toolchain", "") and f"+{inputs['toolchain']}", command,
                   inputs.get("args", "")) if command else ""  # fmt: skip


_COMMANDS: Mapping[str, Callable[[Inputs], str]] = {
    # https://github.com/pre-commit/action
    "pre-commit/action": lambda given: _joined(
        "pre-commit run --show-diff-on-failure --color=always", given.get("extra_args", "") or "--all-files"
    ),
    # https://black.readthedocs.io/en/stable/integrations/github_actions.html
    "psf/black": lambda given: _joined(
        "black", given.get("options", "--check --diff"), given.get("src", ".")
    ),
    # https://github.com/astral-sh/ruff-action
    "astral-sh/ruff-action": lambda given: _joined("ruff", given.get("args", "check"), given.get("src", "")),
    "chartboost/ruff-action": lambda given: _joined(
        "ruff", given.get("args", "check"), given.get("src", ".")
    ),
    # https://github.com/isort/isort-action
    "isort/isort-action": lambda given: _joined(
        "isort", given.get("configuration", "--check-only --diff"), given.get("sort-paths", ".")
    ),
    # https://github.com/golangci/golangci-lint-action
    "golangci/golangci-lint-action": lambda given: _joined("golangci-lint run", given.get("args", "")),
    # https://github.com/actions-rs/cargo, https://github.com/actions-rs/clippy-check
    "actions-rs/cargo": _cargo,
    "actions-rs/clippy-check": lambda given: _joined("cargo clippy", given.get("args", "")),
    "actions-rust-lang/rustfmt": lambda _: "cargo fmt --all -- --check",
    # https://github.com/gradle/gradle-build-action
    "gradle/gradle-build-action": _gradle,
    "gradle/actions/setup-gradle": _gradle,
    # https://github.com/crate-ci/typos
    "crate-ci/typos": lambda given: _joined("typos", given.get("files", "")),
    # https://github.com/jakebailey/pyright-action
    "jakebailey/pyright-action": lambda given: _joined("pyright", given.get("extra-args", "")),
}

_FOLDERS: Mapping[str, str] = {
    "golangci/golangci-lint-action": "working-directory",
    "jakebailey/pyright-action": "working-directory",
    "gradle/gradle-build-action": "build-root-directory",
    "gradle/actions/setup-gradle": "build-root-directory",
}
