"""Go and Rust: the modules that the lock file names, fetched and unpacked, never built."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from patchpilot.fixes import Preparation
from sandbox.recipes.cargo_project import cargo_lock, cargo_toml, parsed
from sandbox.recipes.python_project import strings, table
from sandbox.recipes.recipe import PREPARED, Machine, NotPreparedError, Recipe, beside, manifest, text_of
from sandbox.trees import files, is_safe

_MAX_MEMBERS = 300
_REPLACED = re.compile(r"(?m)^\s*(?:replace\s+)?\S+(?:\s+v\S+)?\s+=>\s+(\.\.?/\S*)")

_USED = re.compile(r"(?m)^\s*(?:use\s+)?(\.\.?/?\S*)\s*$")
_PUBLIC = """\
if [ -z "${GOPROXY:-}" ]; then
  GOPROXY=$(go env GOPROXY)
  export GOPROXY="${GOPROXY%,direct}"
fi
"""

_VENDOR = """\
export CARGO_HOME=$OUT/work/cargo
mkdir -p "$CARGO_HOME" {home}/vendor
if [ -n "${{CARGO_REGISTRY_MIRROR:-}}" ]; then
  printf '[source.crates-io]\\nreplace-with = "mirror"\\n[source.mirror]\\nregistry = "%s"\\n' \\
    "$CARGO_REGISTRY_MIRROR" >"$CARGO_HOME/config.toml"
fi
vendor() {{ cargo vendor "$@" --respect-source-config --versioned-dirs {home}/vendor; }}
if ! vendor --locked 2>$OUT/work/cargo.txt >/dev/null; then
  cat $OUT/work/cargo.txt
  # A lock file that lacks something is what the job may fail for: what it will hold then is fetched.
  grep -q -e '--locked' $OUT/work/cargo.txt
  vendor >/dev/null
fi
printf '[source.crates-io]\\nreplace-with = "vendored"\\n[source.vendored]\\ndirectory = "%s"\\n' \\
  {home}/vendor >{home}/config.toml
"""


def go(preparation: Preparation, tree: Path, machine: Machine) -> Recipe:
    """``go mod download`` with ``go.sum``; nothing is compiled.

    Modules come through the operator's ``GOPROXY`` or the toolchain's default one, never straight from a
    repository: that would run git on an address that somebody else chose.
    """
    folder = preparation.workdir
    inputs: dict[str, bytes] = {}
    for name in ("go.mod", "go.sum", "go.work", "go.work.sum"):
        if (data := manifest(tree, beside(folder, name))) is not None:
            inputs[name] = data
    if "go.mod" not in inputs and "go.work" not in inputs:
        raise NotPreparedError(f"{beside(folder, 'go.mod')} is not there")
    ways = _REPLACED.findall(inputs.get("go.mod", b"").decode(errors="replace"))
    ways += re.findall(
        r"(?m)^\s*(?:use\s+)?(\.\.?/?\S*)\s*$", inputs.get("go.work", b"").decode(errors="replace")
    )
    for way in ways[:_MAX_MEMBERS]:
        place = posixpath.normpath(way)
        for name in ("go.mod", "go.sum"):
            path = posixpath.normpath(beside(folder, f"{place}/{name}"))
            if not place.startswith("..") and is_safe(path) and (data := manifest(tree, path)) is not None:
                inputs[posixpath.normpath(f"{place}/{name}")] = data
    modules = f"{PREPARED}/go/modules"
    return Recipe(
        manager="go",
        version=machine.need("go"),
        files=inputs,
        script=(
            f"export GOMODCACHE={modules} GOFLAGS=-modcacherw GOTOOLCHAIN=local GOVCS='*:off'\n"
            f"{_PUBLIC}export GOCACHE=$OUT/work/go\n"
            "go mod download\n"
        ),
        env={"GOMODCACHE": modules, "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
        if "go.sum" not in inputs
        else {"GOMODCACHE": modules, "GOPROXY": "off", "GOTOOLCHAIN": "local"},
    )


def cargo(preparation: Preparation, tree: Path, machine: Machine) -> Recipe:
    """``cargo vendor --locked`` on the manifests alone, with empty files where sources would be.

    Crates come from crates.io or from the operator's ``CARGO_REGISTRY_MIRROR``: cargo takes no such setting
    from its own variables. They lie in a folder then, so that commands need no word of where they came from.
    """
    folder = preparation.workdir
    lock = text_of(tree, beside(folder, "Cargo.lock"))
    if lock is None:
        raise NotPreparedError(
            f"there is no {beside(folder, 'Cargo.lock')}: cargo can't fetch the same again without it"
        )
    where = beside(folder, "Cargo.lock")
    inputs = {"Cargo.lock": cargo_lock(parsed(lock, where), where)}
    sources: set[str] = set()
    notes: list[str] = []
    prefix = "" if folder in {"", "."} else f"{folder}/"
    found = [path for path in files(tree) if path.startswith(prefix) and path.endswith("Cargo.toml")]
    for path in [one for one in found if posixpath.basename(one) == "Cargo.toml"][:_MAX_MEMBERS]:
        text = text_of(tree, path)
        if text is None:
            continue
        way = path.removeprefix(prefix)
        try:
            document = parsed(text, path)
            inputs[way] = cargo_toml(document, path)
        except NotPreparedError as error:
            if way == "Cargo.toml":
                raise
            # Often a fixture of a test; if it is a member, cargo says that it misses it.
            notes.append(f"{path} is left out ({error})")
            continue
        sources |= {posixpath.normpath(beside(posixpath.dirname(way), one)) for one in _targets(document)}
    if "Cargo.toml" not in inputs:
        raise NotPreparedError(f"{beside(folder, 'Cargo.toml')} is not there")
    home = f"{PREPARED}/cargo"
    return Recipe(
        manager="cargo",
        version=machine.need("cargo"),
        files={
            path: data
            for path, data in (dict.fromkeys(sorted(sources), b"") | inputs).items()
            if is_safe(path) and (path in inputs or path.endswith(".rs"))
        },
        script=_VENDOR.format(home=home),
        env={"CARGO_HOME": home, "CARGO_NET_OFFLINE": "true"},
        notes=tuple(notes),
    )


def _targets(document: dict[str, Any]) -> list[str]:
    """Files without which cargo would not read the manifest: https://doc.rust-lang.org/cargo/reference/cargo-targets.html"""
    if "package" not in document:
        return []
    wanted = ["src/lib.rs", "src/main.rs"]
    library = table(document.get("lib"))
    tables = [library]
    for kind, places in (
        ("bin", "src/bin"),
        ("test", "tests"),
        ("bench", "benches"),
        ("example", "examples"),
    ):
        listed = document.get(kind)
        for one in listed if isinstance(listed, list) else []:
            tables.append(table(one))
            name = table(one).get("name")
            if isinstance(name, str) and "path" not in table(one):
                wanted.append(f"{places}/{name}.rs")
    wanted += strings([one.get("path") for one in tables])
    build = table(document.get("package")).get("build")
    return [*wanted, *strings([build])]
