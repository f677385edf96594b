"""A package that is imported and not declared, though another manifest of the repository has it.

Its requirement is copied as it is written there (an extra, a group, another requirements file, the lock
file); a version is never made up. The guard has a named person agree to every new dependency.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.fixers import manifests, package_json
from agent.fixers.modules import module_of
from agent.fixers.offers import Offer, Scene
from agent.guard.places import is_test

_PYTHON = re.compile(
    r"No module named '([A-Za-z_]\w{0,100})['.]"
    r"|\bDEP00[13] '([A-Za-z_]\w{0,100})' imported"
)
_NODE = re.compile(
    r"Cannot find (?:module|package) '((?:@[\w.-]{1,100}/)?[\w-][\w.-]{0,100})"
    r"|'((?:@[\w.-]{1,100}/)?[\w-][\w.-]{0,100})' should be listed in the project's dependencies"
)
_DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "git": "gitpython",
    "github": "pygithub",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Packages whose module is called otherwise."""


def missing_dependency(scene: Scene) -> Iterator[Offer]:
    """Declare the package where the others are declared, as the other manifest has it."""
    if not scene.is_failing_step:
        return
    for module in _found(_PYTHON, scene.failure.text):
        own = {name.split(".")[0] for path in scene.files if (name := module_of(path, scene.folder))}
        if module not in own and not _only_in_tests(scene):
            yield from _declared(
                _DISTRIBUTIONS.get(module, module), manifests.python(scene.files, scene.read)
            )
    for package in _found(_NODE, scene.failure.text):
        yield from _declared(package, package_json.node(scene.files, scene.read))


def _only_in_tests(scene: Scene) -> bool:
    """What tests alone import is declared well in an extra or a group; here it was merely not installed."""
    importing = [place.path for place in scene.failure.files if place.path in scene.files]
    return bool(importing) and all(map(is_test, importing))


def _found(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    yield from dict.fromkeys(match[1] or match[2] for match in pattern.finditer(text))


def _unproven(wanted: str) -> str:
    return (
        f"{wanted} is imported and not declared, but declaring it can't be proven: the sandbox does not have "
        "it, and a dependency that nobody has agreed to is not installed. Install it, or use an image that "
        "has it, and try again"
    )


def _declared(package: str, known: list[manifests.Manifest]) -> Iterator[Offer]:
    """Into the first manifest, which is the one that is installed, from the first other one that has it."""
    if not known or known[0].requirement(package):
        return
    for other in known[1:]:
        if wanted := other.requirement(package):
            text = known[0].declaring(wanted)
            if text is not None:
                summary = f"Declare {wanted}, which is imported; {other.place} has it already"
                yield Offer(
                    name="dependency",
                    summary=summary,
                    edits={known[0].path: text},
                    unproven=_unproven(wanted),
                )
            return
