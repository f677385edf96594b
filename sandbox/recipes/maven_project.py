"""``pom.xml``, written anew: coordinates, properties and which plug-ins there are, without what they do.

Reading a pom Maven loads code that it names (extensions), and runs a plug-in with what the pom adds to it.
https://maven.apache.org/pom.html
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sandbox.recipes.recipe import NotPreparedError, beside, text_of
from sandbox.trees import is_safe

MAX_POMS = 300
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_UNPINNED = re.compile(r"[\[(].*|LATEST|RELEASE|.*-SNAPSHOT")
_FETCHER = "maven-dependency-plugin"
_SCHEMA_FREE = re.compile(r"\{[^}]*\}")

_ALL: Mapping[str, Any] = {}
"""Children of any name with text alone."""
_LEAF = None
_COORDINATES: dict[str, Any] = {"groupId": _LEAF, "artifactId": _LEAF, "version": _LEAF}
_DEPENDENCIES: dict[str, Any] = {
    "dependency": {
        **_COORDINATES,
        "type": _LEAF,
        "classifier": _LEAF,
        "scope": _LEAF,
        "optional": _LEAF,
        "exclusions": {"exclusion": {"groupId": _LEAF, "artifactId": _LEAF}},
    }
}
_PLUGINS: dict[str, Any] = {"plugin": {**_COORDINATES, "dependencies": _DEPENDENCIES}}
_SHARED: dict[str, Any] = {
    "properties": _ALL,
    "modules": {"module": _LEAF},
    "dependencies": _DEPENDENCIES,
    "dependencyManagement": {"dependencies": _DEPENDENCIES},
    "build": {"plugins": _PLUGINS, "pluginManagement": {"plugins": _PLUGINS}},
}
_ACTIVATION: dict[str, Any] = {
    "activeByDefault": _LEAF,
    "jdk": _LEAF,
    "os": _ALL,
    "property": _ALL,
    "file": _ALL,
}
_PROJECT: dict[str, Any] = {
    "modelVersion": _LEAF,
    "parent": {**_COORDINATES, "relativePath": _LEAF},
    **_COORDINATES,
    "packaging": _LEAF,
    **_SHARED,
    "profiles": {"profile": {"id": _LEAF, "activation": _ACTIVATION, **_SHARED}},
}


@dataclass(slots=True)
class Reactor:
    """The poms that Maven reads in one call, as far as they lie in the checkout."""

    poms: dict[str, bytes] = field(default_factory=dict)
    """Written anew, by path from the root of the checkout."""
    parents: dict[str, None] = field(default_factory=dict)
    """``group:artifact:version`` of those that come from a repository."""
    stubs: dict[str, None] = field(default_factory=dict)
    """Where a local repository has what modules make of themselves and others want, relative to it."""
    notes: dict[str, None] = field(default_factory=dict)
    pinned: bool = True


def read(tree: Path, folder: str, given: Mapping[str, str]) -> Reactor:
    """From the pom in ``folder`` down to its modules and up to its parents.

    ``given`` are the properties that the command line sets.
    Raises :class:`NotPreparedError` where Maven would load code to read them.
    """
    reactor = Reactor()
    roots: list[ET.Element] = []
    waiting = [beside(folder, "pom.xml")]
    while waiting:
        path = waiting.pop()
        if path in reactor.poms or not is_safe(path):
            continue
        root = _parsed(tree, path)
        if root is None:
            continue
        if len(reactor.poms) == MAX_POMS:
            raise NotPreparedError(f"there are more than {MAX_POMS} pom.xml")
        _refuse_code(root, path)
        _look(root, path, reactor)
        above = _parent(tree, path, root, reactor)
        waiting += [above] if above else []
        waiting += [_named(path, text) for text in _texts(root, ".//modules/module")]
        roots.append(root)
        reactor.poms[path] = _written(_kept(root, _PROJECT, path, reactor))
    if not reactor.poms:
        raise NotPreparedError(f"{beside(folder, 'pom.xml')} is not there")
    _add_stubs(roots, given, reactor)
    return reactor


def _parsed(tree: Path, path: str) -> ET.Element | None:
    text = text_of(tree, path)
    if text is None:
        return None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotPreparedError(f"{path} declares a document type")
    try:
        # Without a document type there is no entity to expand.
        root = ET.fromstring(text)  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        raise NotPreparedError(f"{path} can't be read as XML") from error
    for element in root.iter():
        element.tag = _SCHEMA_FREE.sub("", str(element.tag), count=1)
    return root


def _refuse_code(root: ET.Element, path: str) -> None:
    """Extensions in a profile are left out only: a test asks for none of those."""
    build = root.find("build")
    if build is None:
        return
    if build.find("extensions/extension") is not None:
        raise NotPreparedError(f"{path} has build extensions, which are code that Maven loads to read it")
    for plugin in build.iter("plugin"):
        if (plugin.findtext("extensions") or "").strip() not in {"", "false"}:
            name = (plugin.findtext("artifactId") or "").strip()[:80]
            raise NotPreparedError(
                f"{path} uses {name} as an extension, which is code that Maven loads to read it"
            )


def _look(root: ET.Element, path: str, reactor: Reactor) -> None:
    """What is left out or may be another one tomorrow."""
    if any(_texts(root, f".//{kind}/url") for kind in ("repository", "pluginRepository")):
        reactor.notes["repositories that the pom names are not used (MAVEN_MIRROR)"] = None
    for one in (*root.iter("dependency"), *root.iter("plugin")):
        if (one.findtext("scope") or "").strip() == "system":
            reactor.notes[f"{path} names a file as a dependency, which is left out"] = None
        if _UNPINNED.fullmatch((one.findtext("version") or "").strip()):
            reactor.pinned = False


def _add_stubs(roots: Sequence[ET.Element], given: Mapping[str, str], reactor: Reactor) -> None:
    """A module that wants another one gets nothing until that one is built."""
    known = {
        element.tag: (element.text or "").strip()
        for root in roots
        for element in root.iterfind("properties/*")
    } | dict(given)
    for root in roots:
        parts = [_text(root, name) or _text(root, f"parent/{name}") for name in _COORDINATES]
        group, artifact, version = (
            re.sub(r"\$\{([^}]+)\}", lambda found: known.get(found[1], found[0]), part) for part in parts
        )
        wanted = [
            one for other in roots for one in other.iter("dependency") if _text(one, "artifactId") == artifact
        ]
        for one in wanted:
            kind = _text(one, "type")
            label = _text(one, "classifier") or ("tests" if kind == "test-jar" else "")
            name = "-".join(filter(None, (artifact, version, label)))
            ending = kind if kind in {"war", "ear", "zip", "pom"} else "jar"
            path = f"{group.replace('.', '/')}/{artifact}/{version}/{name}.{ending}"
            if (
                ending != "pom"
                and is_safe(path)
                and all(map(_PLAIN.fullmatch, (group, artifact, version, name)))
            ):
                reactor.stubs[path] = None


def _parent(tree: Path, path: str, root: ET.Element, reactor: Reactor) -> str:
    """The path of the parent's pom; where it comes from a repository, it is noted down instead.

    As Maven has it, the pom that lies there counts only if it is the one that is asked for.
    """
    parent = root.find("parent")
    if parent is None:
        return ""
    wanted = [_text(parent, name) for name in _COORDINATES]
    relative = parent.find("relativePath")
    way = "../pom.xml" if relative is None else (relative.text or "").strip()
    place = _named(path, way) if way else ""
    found = _parsed(tree, place) if place and is_safe(place) else None
    if found is not None:
        above = found.find("parent")
        inherited = ["" if above is None else _text(above, name) for name in _COORDINATES]
        own = [_text(found, name) for name in _COORDINATES]
        if wanted == [own[0] or inherited[0], own[1], own[2] or inherited[2]]:
            return place
    if not all(_PLAIN.fullmatch(part) for part in wanted):
        raise NotPreparedError(f"the parent of {path} has no plain name and version")
    reactor.parents[":".join(wanted)] = None
    return ""


def _kept(element: ET.Element, schema: Mapping[str, Any], path: str, reactor: Reactor) -> ET.Element:
    kept = ET.Element(element.tag)
    for child in element:
        if schema is _ALL:
            inner: Mapping[str, Any] | None = _LEAF
        elif child.tag in schema:
            inner = schema[child.tag]
        else:
            continue
        if inner is _LEAF:
            ET.SubElement(kept, child.tag).text = child.text
        elif child.tag != "dependency" or _text(child, "scope") != "system":
            kept.append(_kept(child, inner, path, reactor))
    if element.tag == "plugin":
        _finish_plugin(element, kept, path, reactor)
    return kept


def _finish_plugin(plugin: ET.Element, kept: ET.Element, path: str, reactor: Reactor) -> None:
    name = _text(plugin, "artifactId")
    added = kept.find("dependencies")
    if name == _FETCHER or "$" in name:
        # They would run in the installing step.
        if added is not None:
            kept.remove(added)
            reactor.notes[f"what {path} adds to the plug-in {name[:80]} is left out"] = None
        return
    # The compiler fetches these by itself.
    for processor in plugin.iterfind(".//annotationProcessorPaths/*"):
        if not _text(processor, "version"):
            continue
        if added is None:
            added = ET.SubElement(kept, "dependencies")
        dependency = ET.SubElement(added, "dependency")
        for part in _COORDINATES:
            ET.SubElement(dependency, part).text = _text(processor, part)


def _written(root: ET.Element) -> bytes:
    root.set("xmlns", "http://maven.apache.org/POM/4.0.0")
    return bytes(ET.tostring(root, encoding="utf-8"))


def _named(path: str, way: str) -> str:
    """A pom that another one names: the file itself or the folder that it lies in."""
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), way.replace("\\", "/")))
    return place if place.endswith(".xml") else beside(place, "pom.xml")


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _texts(root: ET.Element, path: str) -> list[str]:
    return [text for text in _stripped(root, path) if text]


def _stripped(root: ET.Element, path: str) -> Iterator[str]:
    for element in root.iterfind(path):
        yield (element.text or "").strip()
