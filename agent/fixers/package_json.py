"""Where a Node repository says which packages it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from packaging.utils import canonicalize_name

from agent.fixers.manifests import Manifest, Read


def node(files: Sequence[str], read: Read) -> list[Manifest]:
    """``dependencies`` of the root's package.json, then every other list of the repository."""
    text = read("package.json") or ""
    root = _json(text)
    found = [
        Manifest(
            path="package.json",
            place="dependencies",
            requirements=_npm(root.get("dependencies")),
            declaring=lambda wanted: _into_json(text, wanted),
        )
    ]
    others = [(path, _json(read(path) or "")) for path in files if path.endswith("/package.json")]
    for path, data in (("package.json", root), *others):
        if "node_modules/" not in path:
            for key in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
                if (path, key) != ("package.json", "dependencies"):
                    place = f"{key} of {path}"
                    found.append(Manifest(path=path, place=place, requirements=_npm(data.get(key))))
    return found if text else []


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _npm(block: object) -> dict[str, str]:
    pairs = block.items() if isinstance(block, dict) else ()
    return {
        canonicalize_name(name): f"{name}@{version}" for name, version in pairs if isinstance(version, str)
    }


def _into_json(text: str, wanted: str) -> str | None:
    """In the file's own indentation; npm keeps the names sorted."""
    data = _json(text)
    name, _, version = wanted.rpartition("@")
    present = dict(data.get("dependencies") or {})
    data["dependencies"] = dict(sorted({**present, name: version}.items()))
    indent = re.search(r"\n([ \t]+)\"", text)
    written = json.dumps(data, indent=indent[1] if indent else 2, ensure_ascii=False)
    return f"{written}\n" if text.endswith("\n") else written
