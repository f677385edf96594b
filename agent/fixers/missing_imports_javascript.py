"""A name that a JavaScript or TypeScript file uses and does not import, though one module exports it.

ECMAScript modules only: what CommonJS exports can't be told from the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.fixers.modules import MODULE_SUFFIXES, relative_specifier, undefined_names
from agent.fixers.offers import Offer, Scene

_UNDEFINED = re.compile(
    r"ReferenceError: ([A-Za-z_$][\w$]{0,100}) is not defined"
    r"|\berror: '([A-Za-z_$][\w$]{0,100}) is not defined'"  # node --test, whose name line comes later
    r"|TS(?:2304|2552): Cannot find name '([A-Za-z_$][\w$]{0,100})'"
    r"|'([A-Za-z_$][\w$]{0,100})' is not defined\s+(?:eslint\S*\s*)?no-undef"
)
_EXPORTED = (
    r"^export\s+(?P<default>default\s+)?(?:async\s+)?(?:abstract\s+)?"
    r"(?:function\*?|class|const|let|enum|interface|type)\s+{name}\b"
)
_IMPORT = re.compile(r"^import\s[^;]*?from\s*(['\"])([^'\"]+)\1;?[ \t]*$", re.MULTILINE)


def missing_import_javascript(scene: Scene) -> Iterator[Offer]:
    """Import the name in the files that the log names, if exactly one module exports it."""
    if not scene.is_failing_step:
        return
    for wanted in undefined_names(_UNDEFINED, scene.failure.text):
        edits = dict(_importing(scene, wanted))
        if edits:
            yield Offer(name="import", summary=f"Import {wanted}", edits=edits)


def _importing(scene: Scene, name: str) -> Iterator[tuple[str, str]]:
    exported = re.compile(_EXPORTED.format(name=re.escape(name)), re.MULTILINE)
    scripts = [path for path in scene.files if path.endswith(MODULE_SUFFIXES)]
    exports = {path: found for path in scripts if (found := exported.search(scene.read(path) or ""))}
    if len(exports) != 1:
        return
    [(source, found)] = exports.items()
    what = name if found["default"] else f"{{ {name} }}"
    uses = re.compile(rf"(?<![\w$.'\"]){re.escape(name)}(?![\w$])")
    imported = re.compile(rf"^import\b[^;'\"]*?\b{re.escape(name)}\b", re.MULTILINE)
    for path in dict.fromkeys(place.path for place in scene.failure.files):
        text = scene.read(path) if path in scripts and path != source else None
        if text is not None and uses.search(text) and not imported.search(text):
            yield path, _with_import(path, text, what, source)


def _with_import(path: str, text: str, what: str, source: str) -> str:
    imports = list(_IMPORT.finditer(text))
    specifier = relative_specifier(path, source, [match[2] for match in imports])
    quote = imports[0][1] if imports else '"'
    end = ";" if not imports or imports[0].group().rstrip().endswith(";") else ""
    at = text.find("\n", imports[-1].end() - 1) + 1 if imports else 0
    return f"{text[:at]}import {what} from {quote}{specifier}{quote}{end}\n{text[at:]}"
