"""A lock file out of step with its manifest: the package manager brings it into step, without network."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.fixers.offers import Offer, Scene


@dataclass(frozen=True)
class Manager:
    """One package manager."""

    complaint: re.Pattern[str]
    """What it says when the lock file does not fit."""
    manifest: str
    locks: tuple[str, ...]
    command: str
    """Brings the lock file into step from what is on the machine; installs nothing, runs no scripts."""
    script: Callable[[str, str], str] = lambda command, _: command
    """What is run of ``command``, given the text of the lock file that is there."""


def _said(*sentences: str) -> re.Pattern[str]:
    return re.compile("|".join(sentences), re.IGNORECASE)


_ADDRESS = re.compile(r"https?://[\w.:~%/-]+/")


def _npm(command: str, lock: str) -> str:
    """With the addresses that this lock file has already, wherever the sandbox fetched its packages.

    npm writes the address that its registry tells, which may be the operator's own and nobody else's: see
    `npm help package-lock-json`, "resolved".
    """
    found: Counter[str] = Counter()
    try:
        packages = json.loads(lock)["packages"]
        for place, entry in packages.items():
            name = entry.get("name") or place.rpartition("node_modules/")[2]
            before, between, _ = str(entry.get("resolved", "")).partition(f"/{name}/-/")
            if between and _ADDRESS.fullmatch(f"{before}/"):
                found[f"{before}/"] += 1
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    if not found:
        return f"{command} --omit-lockfile-registry-resolved"
    [(address, _)] = found.most_common(1)
    files = "$(ls package-lock.json npm-shrinkwrap.json 2>/dev/null)"
    return (
        'from=$(npm config get registry) && from="\\"resolved\\": \\"${from%/}/" && '
        f'if grep -qF "$from" {files}; then known=1; else known=; fi && {command} && '
        f'{{ [ -n "$known" ] || sed -i "s|$from|\\"resolved\\": \\"{address}|" {files}; }}'
    )


def _go(command: str, _: str) -> str:
    """Also where what the tests of a dependency import was never fetched: no build asks for that.

    Then no line of ``go.sum`` goes: which ones are still needed isn't known.
    """
    kept = "cat go.sum /tmp/go.sum.was | LC_ALL=C sort -u >/tmp/go.sum.new && cat /tmp/go.sum.new >go.sum"
    return f"{{ {command} || {{ cat go.sum >/tmp/go.sum.was; {command} -e && {kept}; }}; }}"


MANAGERS = (
    Manager(
        _said(
            r"lockfile at `?uv\.lock`? needs to be updated",
            r"unable to find lockfile at `?uv\.lock",
            r"uv\.lock.{0,40}(?:outdated|out of date)",
            r"to update the lockfile, run `uv lock`",
        ),
        "pyproject.toml",
        ("uv.lock",),
        "uv lock --offline",
    ),
    Manager(
        _said(
            r"pyproject\.toml changed significantly since poetry\.lock was last generated",
            r"poetry\.lock is not up to date with pyproject\.toml",
        ),
        "pyproject.toml",
        ("poetry.lock",),
        "poetry lock --no-interaction",
    ),
    Manager(
        _said(r"pdm\.lock.{0,60}(?:out of date|not up to date)", r"lock file hash doesn't match"),
        "pyproject.toml",
        ("pdm.lock",),
        "pdm lock --update-reuse",
    ),
    Manager(
        _said(
            r"`?npm ci`? can only install packages when your package\.json and package-lock\.json",
            r"npm ERR!? .{0,20}(?:Missing|Invalid): .{0,200}(?:from|does not satisfy).{0,80}lock file",
            r"package-lock\.json.{0,60}(?:out of sync|not in sync|in sync)",
        ),
        "package.json",
        ("package-lock.json", "npm-shrinkwrap.json"),
        "npm install --package-lock-only --offline --ignore-scripts --no-audit --no-fund",
        _npm,
    ),
    Manager(
        _said(r"ERR_PNPM_OUTDATED_LOCKFILE", r"pnpm-lock\.yaml is not up to date with"),
        "package.json",
        ("pnpm-lock.yaml",),
        "pnpm install --lockfile-only --offline --ignore-scripts",
    ),
    Manager(
        _said(r"YN0028", r"the lockfile would have been (?:modified|created) by this install"),
        "package.json",
        ("yarn.lock",),
        "YARN_ENABLE_NETWORK=0 yarn install --mode=update-lockfile",
    ),
    Manager(
        _said(r"your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`"),
        "package.json",
        ("yarn.lock",),
        "yarn install --offline --ignore-scripts --non-interactive",
    ),
    Manager(
        _said(
            r"lock file .{0,200}needs to be updated but --(?:locked|frozen) was passed",
            r"cannot update the lock file .{0,200}because --(?:locked|frozen) was passed",
        ),
        "Cargo.toml",
        ("Cargo.lock",),
        "cargo update --workspace --offline",
    ),
    Manager(
        _said(
            r"missing go\.sum entry",
            r"updates to go\.(?:mod|sum) needed",
            r"go: .{0,200}to add it:\s+go get",
            r"no required module provides package",
            r"\bgo mod tidy\b",
        ),
        "go.mod",
        ("go.mod", "go.sum"),
        # What lies in the cache was held against the database of checksums when it was fetched.
        "GOFLAGS=-mod=mod GOPROXY=off GOSUMDB=off go mod tidy",
        _go,
    ),
    Manager(
        _said(
            r"the gemfile\.lock.{0,120}(?:frozen|can't be updated)",
            r"your bundle only supports|gemfile has been (?:added|changed|updated).{0,80}frozen",
            r"the dependencies in your gemfile changed",
        ),
        "Gemfile",
        ("Gemfile.lock",),
        "bundle lock --local",
    ),
    Manager(
        _said(r"the lock file is not up to date with the latest changes in composer\.json"),
        "composer.json",
        ("composer.lock",),
        "COMPOSER_DISABLE_NETWORK=1 composer update --lock --no-scripts --no-plugins --no-interaction",
    ),
)


def lock_file(scene: Scene) -> Iterator[Offer]:
    """Let the package manager write its lock file, in each folder that has one and its manifest."""
    if not scene.is_failing_step:
        return
    for manager in MANAGERS:
        if not manager.complaint.search(scene.failure.text):
            continue
        for folder in _folders(scene, manager):
            present = _present(scene, manager, folder)
            script = manager.script(manager.command, scene.read(scene.here(present, folder)) or "")
            script = f"cd {folder} && {script}" if folder else script
            yield Offer(
                name=_SETTINGS.sub("", manager.command).split(" --", maxsplit=1)[0],
                summary=f"Bring {present} into step with {manager.manifest}",
                command=scene.script(script),
                keeps=_only(manager.locks),
            )


_SETTINGS = re.compile(r"^(?:[A-Z_]+=\S+ )+")
_PLAIN = re.compile(r"[\w./@-]*")


def _folders(scene: Scene, manager: Manager) -> Iterator[str]:
    """Where the manifest lies, relative to where the command runs, with a lock file beside it."""
    files = set(scene.files)
    places = dict.fromkeys(call.folder for call in scene.invocations())
    for folder in places or [""]:
        has_lock = any(scene.here(lock, folder) in files for lock in manager.locks)
        if has_lock and scene.here(manager.manifest, folder) in files and _PLAIN.fullmatch(folder):
            yield folder


def _present(scene: Scene, manager: Manager, folder: str) -> str:
    """The lock file that is there; the last one named where a manager keeps several."""
    there = [lock for lock in manager.locks if scene.here(lock, folder) in set(scene.files)]
    return there[-1]


def _only(locks: tuple[str, ...]) -> Callable[[str, bool], bool]:
    return lambda path, _: path.rsplit("/", 1)[-1] in locks
