"""Node: ``npm``, ``pnpm`` and ``yarn`` (classic), with their own clients and without a script of anybody's.

The lock file goes in written anew, without an address, so that the operator's registry alone is asked, by
name and version; the hashes stay and are checked. ``package.json`` goes in without its scripts. Configuration
of the repository (``.npmrc``, ``.yarnrc``, ``.pnpmfile.cjs``) does not go in at all.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from patchpilot.fixes import Preparation
from sandbox.recipes import node_locks as locks
from sandbox.recipes import node_project as project
from sandbox.recipes.node_installs import npm_ci, pnpm_install
from sandbox.recipes.recipe import PREPARED, Machine, NotPreparedError, Recipe, beside, text_of

_MAX_MEMBERS = 300
_YARN = "--ignore-scripts --non-interactive --cache-folder $OUT/work/yarn"

# Everything in the new node_modules is shown at its place in the checkout as one link each, in a folder that
# can be written to (tools keep caches in it). Links stay links: a workspace's members lie in the checkout.
_PLACE = r"""
find . -name node_modules -type d -prune | while IFS= read -r found; do
  there=$(pwd)/$found
  mkdir -p "$PLACE/@WORKDIR@/$found"
  (
    cd "$PLACE/@WORKDIR@/$found"
    show() { if [ -L "$1" ]; then cp -P "$1" .; else ln -s "$1" .; fi; }
    for one in "$there"/* "$there"/.[!.]*; do
      [ -e "$one" ] || [ -L "$one" ] || continue
      name=${one##*/}
      case "$name" in
        .package-lock.json|.modules.yaml|.yarn-integrity) ;;
        @*)
          mkdir -p "$name"
          (cd "$name" && for inner in "$one"/*; do show "$inner"; done) ;;
        *) show "$one" ;;
      esac
    done
  )
done
"""


def recipe(preparation: Preparation, tree: Path, machine: Machine) -> Recipe:
    """Read lock file and manifests into what the manager's own client installs."""
    manager = preparation.manager
    versions = f"{machine.need('node')} {machine.need(manager)}"
    folder = preparation.workdir
    notes: dict[str, None] = {}
    files = _manifests(preparation, tree, notes)
    lock, pinned = "", manager != "npm"
    match manager:
        case "npm":
            for name in ("package-lock.json", "npm-shrinkwrap.json"):
                if not lock and (text := text_of(tree, beside(folder, name))) is not None:
                    lock = name
                    files["package-lock.json"] = _npm_lock(
                        text, beside(folder, name), tree, folder, files, notes
                    )
            options = "--ignore-scripts --no-audit --no-fund --cache $OUT/work/npm --loglevel error"
            install = f"npm install --no-package-lock {options}"
            if lock:
                install = npm_ci(folder, options)
                pinned = _is_in_step(files)
        case "pnpm":
            files |= _pnpm_lock(tree, folder, files, notes)
            install = pnpm_install(folder, "--ignore-scripts --ignore-pnpmfile --store-dir $OUT/store")
        case _:
            files |= _yarn_lock(tree, folder, machine)
            install = f"yarn install --frozen-lockfile {_YARN}"
    home = f"$OUT/node/{_slug(folder)}"
    script = f"mkdir -p {home}\ncp -R . {home}/\ncd {home}\n{_registry(manager)}{install}\n"
    return Recipe(
        manager=manager,
        version=versions,
        files=files,
        script=script + _PLACE.replace("@WORKDIR@", folder),
        pinned=pinned,
        notes=tuple(notes),
        env={"npm_config_offline": "true", "npm_config_update_notifier": "false"},
        path=(f"{PREPARED}/bin",),
    )


def _slug(folder: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", folder).strip("-") or "root"


def _registry(manager: str) -> str:
    """Lock files of yarn name an address for each package: the operator's registry is put there."""
    if manager != "yarn":
        return ""
    return (
        # yarn reads npm's variable for requests of its own and leaves it out of its configuration.
        "registry=${npm_config_registry:-$(yarn config get registry)}; registry=${registry%/}\n"
        f'sed "s|^  resolved \\"{locks.PLACEHOLDER}|  resolved \\"$registry|" yarn.lock >yarn.lock.new\n'
        "mv yarn.lock.new yarn.lock\n"
    )


def _manifests(preparation: Preparation, tree: Path, notes: dict[str, None]) -> dict[str, bytes]:
    """Every ``package.json`` of the workspace, stripped; by path relative to the working folder."""
    folder = preparation.workdir
    own = text_of(tree, beside(folder, "package.json"))
    if own is None:
        raise NotPreparedError(f"{beside(folder, 'package.json')} is not there")
    root = json.loads(_stripped(own, beside(folder, "package.json"), notes))
    root.pop("version", None)
    files = {"package.json": json.dumps(root).encode()}
    for path in preparation.manifests:
        way = posixpath.relpath(path, folder)
        if posixpath.basename(path) == "package.json" and not way.startswith("..") and way not in files:
            text = text_of(tree, path)
            if text is not None:
                files[way] = _stripped(text, path, notes)
    return files


def _stripped(text: str, path: str, notes: dict[str, None]) -> bytes:
    return json.dumps(project.package(project.document_of(text, path), notes)).encode()


def _npm_lock(
    text: str, path: str, tree: Path, folder: str, files: dict[str, bytes], notes: dict[str, None]
) -> bytes:
    """See `npm help package-lock-json`, versions 2 and 3."""
    document = project.document_of(text, path)
    packages = document.get("packages")
    if not isinstance(packages, dict):
        raise NotPreparedError(f"{path} is of version 1: let npm 7 or newer write it again")
    kept: dict[str, Any] = {"": {}}
    for place, package in packages.items():
        if not isinstance(package, dict):
            continue
        if "node_modules" in place.split("/"):
            if (installed := locks.npm_installed(place, package, notes)) is not None:
                kept[place] = installed
            continue
        if len(files) > _MAX_MEMBERS:
            raise NotPreparedError(f"{path} has more than {_MAX_MEMBERS} members")
        if not project.is_way(place):
            notes[f"{place[:80]!r} is left out (it is no place in the checkout)"] = None
            continue
        member = text_of(tree, beside(folder, f"{place}/package.json")) if place else None
        if member is not None:
            files[f"{place}/package.json"] = _stripped(member, place, notes)
        # npm holds both files against each other, so what is taken out of one goes out of the other.
        kept[place] = project.package(package, notes)
    # The root's own version changes with each release, and nothing that is installed with it.
    kept[""].pop("version", None)
    lock: dict[str, Any] = {"lockfileVersion": 3, "requires": True, "packages": kept}
    if project.is_name(document.get("name")):
        lock["name"] = document["name"]
    return json.dumps(lock).encode()


def _is_in_step(files: Mapping[str, bytes]) -> bool:
    """Whether the lock file is about the dependencies that the manifests list, at a first look."""
    locked = json.loads(files["package-lock.json"])["packages"]
    manifests = {
        posixpath.dirname(path): path for path in files if posixpath.basename(path) == "package.json"
    }
    return all(
        (json.loads(files[path]).get(asked) or {}) == (locked.get(place, {}).get(asked) or {})
        for place, path in manifests.items()
        if place in locked
        for asked in project.ASKED
    )


def _pnpm_lock(tree: Path, folder: str, files: dict[str, bytes], notes: dict[str, None]) -> dict[str, bytes]:
    path = beside(folder, "pnpm-lock.yaml")
    text = text_of(tree, path)
    if text is None:
        raise NotPreparedError(f"there is no {path}: pnpm can't install the same again without it")
    lock = locks.pnpm_lock(locks.yaml_of(text, path), path, notes)
    # JSON is YAML without anchors, tags and merges.
    written = {"pnpm-lock.yaml": json.dumps(lock).encode()}
    overridden = {"overrides": lock["overrides"]} if "overrides" in lock else {}
    if overridden:
        # pnpm takes a lock file only with the overrides that it was made with, wherever those were said.
        root = json.loads(files["package.json"]) | {"pnpm": overridden}
        written["package.json"] = json.dumps(root).encode()
    place = beside(folder, "pnpm-workspace.yaml")
    if (said := text_of(tree, place)) is not None:
        workspace = locks.pnpm_workspace(locks.yaml_of(said, place), notes)
        if workspace:
            written["pnpm-workspace.yaml"] = json.dumps(workspace | overridden).encode()
    for member in list(lock.get("importers", {}))[:_MAX_MEMBERS]:
        text = text_of(tree, beside(folder, f"{member}/package.json")) if member != "." else None
        if text is not None:
            written[f"{member}/package.json"] = _stripped(text, member, notes)
    return written


def _yarn_lock(tree: Path, folder: str, machine: Machine) -> dict[str, bytes]:
    path = beside(folder, "yarn.lock")
    text = text_of(tree, path)
    if text is None:
        raise NotPreparedError(f"there is no {path}: yarn can't install the same again without it")
    if "__metadata" in text or not machine.need("yarn").startswith("1."):
        raise NotPreparedError(f"{path} is of yarn 2 or newer, which is set up by code of the repository")
    return {"yarn.lock": locks.yarn_lock(text, path).encode()}
