"""Files and lines that a message names, relative to the repository where that can be told."""

from __future__ import annotations

import re
from collections.abc import Iterable

from patchpilot.failures import Location

# Where CI systems put the checkout. At the start of a path only: many repositories have an app/ or src/.
_ROOTS = re.compile(
    r"(?<![\w@+.~-])(?:/home/runner/_?work/[^/\s]+/[^/\s]+/|/__w/[^/\s]+/[^/\s]+/|/github/workspace/|/home/travis/build/[^/\s]+/[^/\s]+/"
    r"|/Users/travis/build/[^/\s]+/[^/\s]+/|/Users/runner/work/[^/\s]+/[^/\s]+/|/builds/[^/\s]+/\d+/[^/\s]+/[^/\s]+/(?=[^/\s])|/builds/[^/\s]+/[^/\s]+/(?=[^/\s])"
    r"|(?:/[\w.-]+){1,4}/_?work/\d+/s/|/opt/atlassian/pipelines/agent/build/|/bitbucket/build/|/home/circleci/(?:project|repo)/|/root/(?:project|repo)/|/opt/buildagent/work/\w+/"
    r"|/(?:var/(?:lib/jenkins|jenkins_home)|home/jenkins(?:/agent)?|jenkins|home/\w+/build)/workspace/[^/\s]+/|/codebuild/output/\w+/src/[^\s]*?/src/"
    r"|(?i:[a-z]:[\\/]a[\\/][^\\/\s]+[\\/][^\\/\s]+[\\/])|(?i:[a-z]:[\\/]projects[\\/][^\\/\s]+[\\/])|/workspace/|/app/|/src/|/repo/|/checkout/|/drone/src/)"
)
_OUTSIDE = re.compile(
    r"(?:^|[/\\])(?:site-packages|dist-packages|node_modules|\.cargo|rustc|\.rustup|vendor/bundle|gems|\.gradle|\.m2|\.npm|pkg/mod|\.nuget"
    r"|hostedtoolcache|\.pyenv|\.nvm|\.rvm|_temp|_actions)(?:[/\\]|$)|^(?:/|~|<|[A-Za-z]:[\\/])|^(?:node|internal|java|https?|file):"
)
_PLACE = re.compile(
    r'File "(?P<py>[^"\n]{1,300})", line (?P<pyline>\d{1,6})'
    r"|(?P<path>(?:(?<![A-Za-z])[A-Za-z]:(?=[\\/](?![\\/])))?[\w@+.~/\\-]{1,300}"
    r"\.[A-Za-z][A-Za-z0-9]{0,9})(?:[:(\[]{1,2}(?P<line>\d{1,6})|\b)"
)
_SUFFIXES = frozenset(
    [
        "py",
        "pyi",
        "pyx",
        "ipynb",
        "js",
        "jsx",
        "ts",
        "tsx",
        "mjs",
        "cjs",
        "vue",
        "svelte",
        "java",
        "kt",
        "kts",
        "scala",
        "groovy",
        "clj",
        "cljs",
        "go",
        "rs",
        "c",
        "h",
        "cc",
        "cpp",
        "cxx",
        "hpp",
        "hh",
        "m",
        "mm",
        "swift",
        "rb",
        "php",
        "cs",
        "fs",
        "vb",
        "ex",
        "exs",
        "erl",
        "hs",
        "ml",
        "lua",
        "pl",
        "pm",
        "r",
        "R",
        "jl",
        "sh",
        "bash",
        "zsh",
        "ps1",
        "sql",
        "css",
        "scss",
        "less",
        "html",
        "yml",
        "yaml",
        "toml",
        "json",
        "xml",
        "gradle",
        "cmake",
        "cfg",
        "ini",
        "tf",
        "proto",
        "md",
        "rst",
        "tex",
        "el",
        "vim",
        "lock",
        "txt",
        "Rmd",
        "dart",
        "zig",
        "nim",
        "csproj",
        "sln",
    ]
)
SHORTEST = 4
"""A shorter name, ``a.c``, is too often something else."""


def relative(path: str) -> str:
    """A path as the repository knows it: without the checkout's folder and ``./``."""
    path = "/" + path.lstrip("/") if path.startswith("//") else path
    path = _ROOTS.sub("", path, count=1).replace("\\", "/")
    return path.removeprefix("./")


def places(texts: Iterable[str], *, limit: int = 20) -> tuple[Location, ...]:
    """Files of the repository that the texts name, in order of appearance, without repeats."""
    found: dict[tuple[str, int], None] = {}
    for text in texts:
        for match in _PLACE.finditer(text):
            path, line = match["py"] or match["path"], match["pyline"] or match["line"] or "0"
            path = relative(path)
            if (
                path.rsplit(".", 1)[-1] in _SUFFIXES
                and not _OUTSIDE.search(path)
                and "//" not in path
                and len(path) >= SHORTEST
            ):
                found.setdefault((path, int(line)), None)
        if len(found) > limit * 3:
            break
    named = {path for path, line in found if line}
    return tuple(Location(path, line) for path, line in found if line or path not in named)[:limit]
