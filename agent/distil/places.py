"""Files and lines that a message names, relative to the repository where that can be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agent.distil.absent import without_absent
from patchpilot.failures import Location

# Where CI systems put the checkout. At the start of a path only: many repositories have an app/ or src/.
_ROOTS = re.compile(
    r"(?<![\w@+.~-])(?:/home/runner/_?work/[^/\s_][^/\s]*/[^/\s]+/|/__w/[^/\s]+/[^/\s]+/|/github/workspace/"
    r"|/home/travis/build/[^/\s]+/[^/\s]+/"
    r"|/Users/travis/build/[^/\s]+/[^/\s]+/|/Users/runner/work/[^/\s]+/[^/\s]+/"
    r"|/builds/[^/\s]+/\d+/[^/\s]+/[^/\s]+/(?=[^/\s])|/builds/[^/\s]+/[^/\s]+/(?=[^/\s])"
    r"|(?:/[\w.-]+){1,4}/_?work/\d+/s/|/opt/atlassian/pipelines/agent/build/|/bitbucket/build/"
    r"|/home/circleci/(?:project|repo)/|/root/(?:project|repo)/|/opt/buildagent/work/\w+/"
    r"|/(?:var/(?:lib/jenkins|jenkins_home)|home/jenkins(?:/agent)?|jenkins"
    r"|home/\w+/build)/workspace/[^/\s]+/|/codebuild/output/\w+/src/[^\s]*?/src/"
    # Runners, agents and servers of one's own.
    r"|(?:/[\w.-]+){1,5}/_work/[^_/\s][^/\s]*/[^/\s]+/"
    r"|(?:/[\w.-]+){0,3}/buildkite(?:-agent)?/builds/[^/\s]+/[^/\s]+/[^/\s]+/"
    r"|(?:/[\w.-]+){0,3}/jenkins(?:/[\w.-]+)?/workspace/[^/\s]+/|/tmp/build/[0-9a-f]{8}/[^/\s]+/"
    r"|/usr/src/app/|/go/src/[^/\s]+/[^/\s]+/[^/\s]+/"
    r"|(?i:[a-z]:[\\/](?:[\w.-]+[\\/]){0,3}_work[\\/]\d+[\\/]s[\\/])"
    r"|(?i:[a-z]:[\\/](?:[\w.-]+[\\/]){0,3}_work[\\/][^_\\/\s][^\\/\s]*[\\/][^\\/\s]+[\\/])"
    r"|(?i:[a-z]:[\\/](?:[\w.-]+[\\/]){0,4}workspace[\\/][^\\/\s]+[\\/])"
    r"|(?i:[a-z]:[\\/]a[\\/][^\\/\s]+[\\/][^\\/\s]+[\\/])|(?i:[a-z]:[\\/]projects[\\/][^\\/\s]+[\\/])"
    r"|/workspace/|/app/|/src/|/repo/|/checkout/|/drone/src/)"
)
# Where a log says that its checkout is: git, Jenkins, whoever checks out.
_STATED = re.compile(
    r"(?:(?:Initialized empty|Reinitialized existing) Git repository in (?P<git>/\w[^\s:]{0,300}?)/\.git/?"
    r"|Running on .{1,120} in (?P<node>/\w[^\s:]{0,300})"
    r"|Building .{0,120}in workspace (?P<built>/\w[^\s:]{0,300})"
    r"|Checking out .{1,200} to (?P<out>/\w[^\s:]{0,300})"
    r"|(?:Working directory|GITHUB_WORKSPACE): (?P<work>/\w[^\s:]{0,300}))$"
)
_ROOTS_STATED = 4
"""So many of them are believed; a test that makes repositories of its own names many."""
_OUTSIDE = re.compile(
    r"(?:^|[/\\])(?:site-packages|dist-packages|node_modules|\.cargo|rustc|\.rustup|vendor|gems"
    r"|\.gradle|\.m2|\.npm|pkg/mod|\.nuget|build/reports|surefire-reports"
    r"|hostedtoolcache|\.pyenv|\.nvm|\.rvm|_temp|_actions|sysdeps|csu)(?:[/\\]|$)|^(?:/|~|<"
    r"|[A-Za-z]:[\\/])|^(?:node|internal|java|https?|file):"
)
# Lines of the JDK, of test libraries and of GitLab's runner, and names that look like a file's, such as
# ``Module._extensions..js``.
_FOREIGN = re.compile(
    r"\bat (?:[\w.@-]{0,40}/{1,2})?(?:java|javax|jdk|sun|kotlin|scala|groovy|junit|hudson|org\.(?:junit"
    r"|jenkinsci|springframework|hibernate"
    r"|opentest4j|testng|assertj|hamcrest"
    r"|mockito|gradle|apache\.maven))\.[\w$./<>]{1,200}\(\w+\.\w{2,6}:\d+\)"
    r"|\(\w+\.go:\d+:\d+s\)|\btesting\.go:\d+|\b_testmain\.go:\d+|\b(?:Node|Next|Nuxt|Vue)\.js\b"
    r"|\b\w[\w.]{0,60}\.\.[cm]?js(?= \()"
)
# pytest prints what was logged with the logger and the file's bare name: most loggers are named after it.
_LOGGED = re.compile(r"^(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) +([\w.]{1,200}):(\w{1,80}\.py):(\d{1,6}) ")
_PLACE = re.compile(
    r'File "(?P<py>[^"\n]{1,300})", line (?P<pyline>\d{1,6})'
    r"|(?P<path>(?:(?<![A-Za-z])[A-Za-z]:(?=[\\/](?![\\/])))?[\w@+.~/\\-]{1,300}"
    r"\.[A-Za-z][A-Za-z0-9]{0,9})(?:(?:[:(\[]{1,2}|[:,]? (?:on |at )?line |:line |(?<=\.dart) (?=\d{1,6}:\d))"
    r"(?P<line>\d{1,6})"
    # What is called or looked up in is code.
    r"|\b(?!\(|\[[\"']))"
    # Files known by their whole name; without a line the tool is meant, in a bracket only a recipe failed.
    r"|(?<![\w.@\[-])(?P<named>[\w@+.~/-]{0,200}?\b(?:Dockerfile|Makefile|Jenkinsfile|Gemfile|Rakefile"
    r"|Vagrantfile))"
    r"(?::|,? line )(?P<namedline>\d{1,6})"
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
        "t",
        "r",
        "R",
        "jl",
        "sh",
        "bash",
        "bats",
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
_ITSELF = re.compile(r" \((/[^\s()]{1,200})\)")
"""A folder beside the name of what is built there, as cargo writes it."""
_SLASH = re.compile(r"[\\/]")
_SHORT_ROOT = 2
"""Slashes in a root that is one folder only."""
SHORTEST = 4
"""A shorter name, ``a.c``, is too often something else where neither a line nor a section of it is told."""
_SECTION = re.compile(r":\(\.\w")
"""What a linker says behind the name of a source: ``a.c:(.text+0x5)``."""
_BUNDLED = re.compile(r"\bwebpack(?:-internal)?://[^/\s()]{0,80}/(?:\./)?")
"""How webpack names a source in what it makes: https://webpack.js.org/configuration/output/#outputdevtoolmodulefilenametemplate"""
_DIFFED = re.compile(r"^(?:diff --git a/\S{1,300} b/|(?:---|\+\+\+) [ab]/)(?=\S)")
"""git's two sides of a file: https://git-scm.com/docs/diff-format#generate_patch_text_with_p"""
_ERROR_IN = re.compile(r"(?<=^ERROR in )(\S{1,300}) (\d{1,6})(?=:\d)")
_BARE_TEST = re.compile(r"[^/]*(?:\.(?:cy|spec|test|e2e)\.|_test\.|_spec\.)\w+|test_[^/]*")
"""The name of a file of tests without its folder, as reporters print it in tables."""


def relative(path: str) -> str:
    """A path as the repository knows it: without the checkout's folder and ``./``."""
    path = "/" + path.lstrip("/") if path.startswith("//") else path
    path = _ROOTS.sub("", path, count=1).replace("\\", "/")
    return path.removeprefix("./")


def without_roots(text: str, roots: Sequence[str] = ()) -> str:
    """The text with paths below a checkout made relative; a root like ``/app/`` may be part of a URL."""
    for root in roots:
        text = text.replace(f"file://{root}", "").replace(root, "")
    text = text.replace("file:///", "/")
    text = _ITSELF.sub(lambda folder: "" if is_root(folder[1]) else folder[0], text)
    return _ROOTS.sub(lambda root: root[0] if len(_SLASH.findall(root[0])) <= _SHORT_ROOT else "", text)


def is_root(path: str) -> bool:
    """Whether the path is itself a folder that CI systems check out to."""
    match = _ROOTS.match(f"{path}/x")
    return match is not None and match.end() == len(path) + 1


def stated_roots(texts: Iterable[str]) -> tuple[str, ...]:
    """Folders that the texts say the repository was checked out to, each ending in a slash."""
    found: dict[str, None] = {}
    for text in texts:
        if match := _STATED.match(text.strip()):
            root = next(group for group in match.groups() if group)
            found.setdefault(f"{root.rstrip('/')}/", None)
        if len(found) >= _ROOTS_STATED:
            break
    return tuple(found)


def places(texts: Iterable[str], *, roots: Sequence[str] = (), limit: int = 20) -> tuple[Location, ...]:
    """Files of the repository that the texts name, in order of appearance, without repeats.

    ``roots`` are folders that it is known to have been checked out to, beside the usual ones.
    """
    found: dict[tuple[str, int], None] = {}
    for text in texts:
        told = _BUNDLED.sub("", _DIFFED.sub("", text))
        told = without_absent(_ERROR_IN.sub(r"\1:\2", told))
        told = _FOREIGN.sub("", _LOGGED.sub(_logged, told))
        for match in _PLACE.finditer(told):
            path = match["py"] or match["path"] or match["named"]
            line = match["pyline"] or match["line"] or match["namedline"] or "0"
            path = _below(path, roots) or relative(path)
            if (
                (match["named"] or path.rsplit(".", 1)[-1] in _SUFFIXES)
                and not _OUTSIDE.search(path)
                and "//" not in path
                and (len(path) >= SHORTEST or line != "0" or _SECTION.match(told, match.end()))
            ):
                found.setdefault((path, int(line)), None)
        if len(found) > limit * 3:
            break
    named = {path for path, line in found if line}
    within = {(path.rsplit("/", 1)[-1], at) for path, line in found if "/" in path for at in (0, line)}
    return tuple(
        Location(path, line)
        for path, line in found
        if (line or path not in named) and not ((path, line) in within and _BARE_TEST.fullmatch(path))
    )[:limit]


def _logged(line: re.Match[str]) -> str:
    """The file of the logger's module, where the bare name of the file agrees."""
    path = f"{line[1].replace('.', '/')}.py"
    return f"{path}:{line[3]} " if path.rsplit("/", 1)[-1] == line[2] else ""


def _below(path: str, roots: Sequence[str]) -> str:
    """The path as it is below the first of the folders that holds it, or empty."""
    return next((path.removeprefix(root) for root in roots if path.startswith(root)), "")
