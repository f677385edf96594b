"""Formatters and linters whose checking call becomes a writing one by its flags alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agent.fixers.offers import Offer, Scene, rewritten
from agent.fixers.scripts import Invocation


@dataclass(frozen=True)
class Tool:
    """How one tool is told to write."""

    drop: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    verb: tuple[str, str] | None = None
    """The first argument of a check and what it becomes; other calls of the tool are left alone."""


_CHECK_DIFF = ("--check", "--diff")
TOOLS = {
    "autoflake": Tool(("--check", "--check-diff", "-c", "-cd"), ("--in-place",)),
    "autopep8": Tool(("--diff", "-d", "--exit-code"), ("--in-place",)),
    "buf": Tool(("--diff", "-d", "--exit-code"), ("-w",), ("format", "format")),
    "buildifier": Tool(("--mode=check", "-mode=check", "--lint=warn"), ("--mode=fix",)),
    "clang-format": Tool(("--dry-run", "-n", "--Werror", "-Werror"), ("-i",)),
    "codespell": Tool((), ("-w",)),
    "dart": Tool(("--output=none", "--set-exit-if-changed"), (), ("format", "format")),
    "deno": Tool(("--check",), (), ("fmt", "fmt")),
    "docformatter": Tool(("--check", "-c", "--diff"), ("--in-place",)),
    "dprint": Tool((), (), ("check", "fmt")),
    "gofumpt": Tool(("-l", "-d"), ("-w",)),
    "ktlint": Tool((), ("-F",)),
    "markdownlint": Tool((), ("--fix",)),
    "markdownlint-cli2": Tool((), ("--fix",)),
    "mdformat": Tool(_CHECK_DIFF),
    "mix": Tool(("--check-formatted", "--dry-run"), (), ("format", "format")),
    "oxlint": Tool((), ("--fix",)),
    "pyproject-fmt": Tool(("--check",)),
    "pyupgrade": Tool(),
    "rubocop": Tool(("--parallel", "--fail-fast"), ("--autocorrect",)),
    "shfmt": Tool(("-d", "--diff", "-l", "--list"), ("-w",)),
    "sqlfluff": Tool((), ("--force",), ("lint", "fix")),
    "standardrb": Tool((), ("--fix",)),
    "stylelint": Tool((), ("--fix",)),
    "stylua": Tool(("--check",)),
    "taplo": Tool(_CHECK_DIFF, (), ("fmt", "fmt")),
    "terraform": Tool(("-check", "-check=true", "-diff"), (), ("fmt", "fmt")),
    "tofu": Tool(("-check", "-diff"), (), ("fmt", "fmt")),
    "yapf": Tool(("--diff", "-d", "--quiet", "-q"), ("--in-place",)),
    "zig": Tool(("--check",), (), ("fmt", "fmt")),
}
_GOALS = {
    "spotlessCheck": "spotlessApply",
    "spotless:check": "spotless:apply",
    "ktlintCheck": "ktlintFormat",
    "formatKotlinCheck": "formatKotlin",
    "lintKotlin": "formatKotlin",
    "scalafmtCheckAll": "scalafmtAll",
    "scalafmtCheck": "scalafmt",
    "fmt:check": "fmt:format",
}
"""Goals of build tools that only look, and those that write."""
_BUILD_TOOLS = frozenset({"gradle", "gradlew", "mvn", "mvnw", "sbt"})


def formatters(scene: Scene) -> Iterator[Offer]:
    """Let the tool write what it would have written."""
    for call in scene.invocations():
        writing = _writing(call)
        if writing is not None and writing != call:
            name = " ".join((call.tool, *writing.args[:1])) if call.tool in _BUILD_TOOLS else call.tool
            yield rewritten(scene, writing, name=name, summary=f"Apply what {call.tool} writes itself")


def _writing(call: Invocation) -> Invocation | None:
    if call.tool in _BUILD_TOOLS:
        args = tuple(_GOALS.get(word, word) for word in call.args)
        return replace(call, args=args)
    tool = TOOLS.get(call.tool)
    if tool is None:
        return None
    if tool.verb is None:
        return call.without(tool.drop).with_flags(tool.add)
    if call.args[:1] != tool.verb[:1]:
        return None
    rest = replace(call, args=call.args[1:]).without(tool.drop).with_flags(tool.add)
    return replace(rest, args=(tool.verb[1], *rest.args))
