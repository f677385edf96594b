"""The languages that a job sets up, read from its actions, its orbs and its image's name.

An image's name is only read, never used: see :mod:`patchpilot.images`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from patchpilot.fixes import Toolchain
from providers.ci.overrides import read_plain_file

_NUMBER = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class _Action:
    language: str
    version: str
    """Input with the version."""
    file: str = ""
    """Input with the name of a file that has it."""
    default_file: str = ""
    by_ref: bool = False
    """Whether the action's own reference is the version, as in ``dtolnay/rust-toolchain@1.77``."""


_ACTIONS = {
    "actions/setup-python": _Action("python", "python-version", "python-version-file", ".python-version"),
    "astral-sh/setup-uv": _Action("python", "python-version", default_file=".python-version"),
    "pdm-project/setup-pdm": _Action("python", "python-version", "python-version-file"),
    "conda-incubator/setup-miniconda": _Action("python", "python-version"),
    "actions/setup-node": _Action("node", "node-version", "node-version-file"),
    "volta-cli/action": _Action("node", "node-version"),
    "pnpm/action-setup": _Action("node", ""),
    "actions/setup-go": _Action("go", "go-version", "go-version-file"),
    "actions/setup-java": _Action("java", "java-version", "java-version-file"),
    "graalvm/setup-graalvm": _Action("java", "java-version"),
    "gradle/actions/setup-gradle": _Action("java", ""),
    "gradle/gradle-build-action": _Action("java", ""),
    "dtolnay/rust-toolchain": _Action("rust", "toolchain", by_ref=True),
    "actions-rs/toolchain": _Action("rust", "toolchain", default_file="rust-toolchain"),
    "actions-rust-lang/setup-rust-toolchain": _Action(
        "rust", "toolchain", default_file="rust-toolchain.toml"
    ),
    "moonrepo/setup-rust": _Action("rust", "channel", default_file="rust-toolchain.toml"),
    "ruby/setup-ruby": _Action("ruby", "ruby-version", default_file=".ruby-version"),
}
# The last part of an image's name, and the language it stands for. CircleCI's own are cimg/*.
_IMAGES = {
    "python": "python",
    "pypy": "python",
    "node": "node",
    "golang": "go",
    "go": "go",
    "rust": "rust",
    "openjdk": "java",
    "eclipse-temurin": "java",
    "amazoncorretto": "java",
    "ruby": "ruby",
}
_TAGGED = (
    # Images whose own version is another tool's: the language's is inside the tag.
    (re.compile(r"(?:^|/)maven:[^:]*?(?:jdk|temurin|openjdk|corretto)-?(\d+)"), "java"),
    (re.compile(r"(?:^|/)gradle:[^:]*?(?:jdk|jre)-?(\d+)"), "java"),
    (re.compile(r"(?:^|/)uv:(?:[^:]*-)?python(\d+(?:\.\d+)*)"), "python"),
)


def from_action(uses: str, inputs: Mapping[str, str], tree: Path) -> Toolchain | None:
    """What an action of a GitHub workflow sets up, as far as it is known."""
    name, _, reference = uses.partition("@")
    action = _ACTIONS.get(name.lower())
    if action is None:
        return None
    version = _last_line(inputs.get(action.version, ""))
    if not version and action.by_ref and reference not in {"", "master", "main", "v1"}:
        version = reference if len(reference) < _SHA_LENGTH else ""
    file = inputs.get(action.file, "") if action.file else ""
    if not version:
        version = version_in(tree, file or action.default_file)
    return Toolchain(language=action.language, version=version[:60])


_SHA_LENGTH = 40


def from_image(name: str) -> tuple[Toolchain, ...]:
    """What an image has, judged by its name; empty where that says nothing."""
    for pattern, language in _TAGGED:
        found = pattern.search(name[:300])
        if found:
            return (Toolchain(language=language, version=found[1]),)
    path, _, tag = name[:300].partition("@")[0].rpartition(":")
    if not path or "/" in tag:
        path, tag = name.partition("@")[0], ""
    known = _IMAGES.get(path.rpartition("/")[2])
    if known is None:
        return ()
    number = _NUMBER.match(tag)
    return (Toolchain(language=known, version=number[0] if number else ""),)


def unlike(own: Iterable[Toolchain], other: Iterable[Toolchain]) -> int:
    """How far apart two jobs are by their languages: 0 one in common, 1 not known, 2 none in common.

    Both run in the image of the first, so what is told of the second there is worth less the further it is.
    """
    ours, theirs = ({one.language for one in listed} for listed in (own, other))
    if not ours or not theirs:
        return 1
    return 0 if ours & theirs else 2


def version_in(tree: Path, path: str) -> str:
    """The version that a file such as ``.nvmrc`` or ``go.mod`` asks for; empty where it says none."""
    text = (read_plain_file(tree, path) if path else None) or ""
    line_of = {
        "go.mod": r"^go\s+(\S+)",
        "pyproject.toml": r"^requires-python\s*=\s*[\"'][^\d\"']*([\d.]+)",
        "package.json": r"\"node\"\s*:\s*\"[^\d\"]{0,9}([\d.]+)",
        "rust-toolchain.toml": r"^channel\s*=\s*[\"']([\w.-]+)",
        ".tool-versions": r"^(?:python|nodejs|golang|java|ruby|rust)\s+(\S+)",
    }
    pattern = line_of.get(path.rpartition("/")[2], r"^\s*(?:[a-z]+-)?v?(\d[\w.+-]*|stable|nightly|beta)\s*$")
    found = re.search(pattern, text[:20_000], re.MULTILINE)
    return found[1] if found else ""


def image_names(job_image: str, toolchains: Iterable[Toolchain], *, first: str = "") -> tuple[str, ...]:
    """Names under which an operator may have an image for a job, most exact first.

    ``first`` is the language of the failing command: a job that sets up several is served by that one.
    """
    ordered = sorted(toolchains, key=lambda one: one.language != first)
    names = [job_image] if job_image else []
    names += [f"{one.language}:{_plain(one.version) or 'latest'}" for one in ordered]
    return tuple(dict.fromkeys(names))


def _plain(version: str) -> str:
    """``^1.22``, ``20.x`` and ``>=3.11`` as a version that an image's name may have."""
    found = _NUMBER.search(version)
    if found:
        return found[0]
    return version if version.isascii() and version.isalpha() else ""


def _last_line(text: str) -> str:
    """Where several versions are set up, the last one is the default: so says actions/setup-python."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
