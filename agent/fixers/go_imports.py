"""A Go file that uses a package without importing it, or imports one without using it.

Both are errors of the compiler, and what ``goimports`` would do is known without it: the line of an unused
import goes, and a missing one is written as the other files have it or, for the standard library,
as its name alone tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.fixers.offers import Offer, Scene

_PLACE = r"(?m)^(?:vet: |#\s*)?(?P<path>[\w./@+-]{1,200}\.go):(?P<line>\d{1,7}):\d+: "
_UNUSED = re.compile(
    _PLACE + r"(?:imported and not used: \"(?P<new>[^\"\s]{1,200})\"|\"(?P<old>[^\"\s]{1,200})\" imported)"
)
_UNDEFINED = re.compile(_PLACE + r"undefined: (?P<name>[a-z]\w{0,50})$")
_SPEC = re.compile(
    r"(?m)^(?:import\s+|[ \t]+)(?:(?P<alias>[\w.]+)\s+)?\"(?P<path>[\w./@+-]+)\"[ \t]*(?://.*)?$"
)
_BLOCK = re.compile(r"(?ms)^import \(\n(?P<body>.*?)^\)")
_PACKAGE = re.compile(r"(?m)^package \w+.*\n")
_STANDARD = {
    path.rpartition("/")[2]: path
    for path in (
        *("bufio", "bytes", "cmp", "context", "embed", "encoding/base64", "encoding/binary", "encoding/csv"),
        *("encoding/hex", "encoding/json", "encoding/xml", "errors", "flag", "fmt", "io", "io/fs", "log"),
        *("log/slog", "maps", "math", "math/big", "math/bits", "net", "net/http", "net/http/httptest"),
        *("net/netip", "net/url", "os", "os/exec", "os/signal", "path", "path/filepath", "reflect", "regexp"),
        *("runtime", "runtime/debug", "slices", "sort", "strconv", "strings", "sync", "sync/atomic"),
        *("syscall", "testing", "text/tabwriter", "time", "unicode", "unicode/utf8", "crypto/sha256"),
    )
}
"""Packages of the standard library whose name belongs to one alone; not ``rand`` or ``template``."""


def go_imports(scene: Scene) -> Iterator[Offer]:
    """Take unused imports out and put missing ones in, in all files that the compiler names."""
    if not scene.is_failing_step:
        return
    texts: dict[str, str] = {}
    done: list[str] = []
    for match in _UNUSED.finditer(scene.failure.text):
        path, package = scene.here(match["path"]), match["new"] or match["old"]
        if changed := _without(_text(scene, texts, path), package):
            texts[path] = changed
            done.append(f"drop {package!r}")
    for match in _UNDEFINED.finditer(scene.failure.text):
        path, name = scene.here(match["path"]), match["name"]
        text = _text(scene, texts, path)
        package = _package(scene, name) if re.search(rf"\b{name}\.[A-Z]", text) else ""
        if package and f'"{package}"' not in text and (changed := _with(text, package)):
            texts[path] = changed
            done.append(f"import {package!r}")
    if done:
        summary = f"Mend imports: {', '.join(dict.fromkeys(done))}"[:120]
        yield Offer(
            name="import", summary=summary, edits={path: text for path, text in texts.items() if text}
        )


def _text(scene: Scene, texts: dict[str, str], path: str) -> str:
    return texts[path] if path in texts else scene.read(path) or ""


def _without(text: str, package: str) -> str:
    """The file without the import; empty where it is not imported on a line of its own."""
    found = [match for match in _SPEC.finditer(text) if match["path"] == package]
    if len(found) != 1:
        return ""
    [spec] = found
    before, after = text[: spec.start()], text[spec.end() + 1 :]
    # What gofmt would do about the empty line that parted it from the next group.
    if before.endswith(("\n\n", "(\n")):
        after = after.removeprefix("\n")
    if after.startswith(")") and before.endswith("\n\n"):
        before = before[:-1]
    return re.sub(r"(?m)^import \(\s*\)\n+", "", before + after)


def _package(scene: Scene, name: str) -> str:
    """The one package that is meant by ``name.``: what other files of the repository import, or standard."""
    elsewhere = {
        match["path"]
        for path in scene.files
        if path.endswith(".go")
        for match in _SPEC.finditer(scene.read(path) or "")
        if name == (match["alias"] or match["path"].rpartition("/")[2])
    }
    return elsewhere.pop() if len(elsewhere) == 1 else "" if elsewhere else _STANDARD.get(name, "")


def _with(text: str, package: str) -> str:
    """The file with one more import, in its place among its like."""
    block = _BLOCK.search(text)
    if block is None:
        header = _PACKAGE.search(text)
        single = next((spec for spec in _SPEC.finditer(text) if spec[0].startswith("import")), None)
        if header is None:
            return ""
        at = single.start() if single else header.end()
        return f'{text[:at]}{"" if single else chr(10)}import "{package}"\n{text[at:]}'
    lines = block["body"].split("\n")
    like = [at for at, line in enumerate(lines) if (path := _path(line)) and _far(path) == _far(package)]
    if not like:
        new = [f'\t"{package}"', ""]
        lines = [*lines[:-1], "", new[0], lines[-1]] if _far(package) else [*new, *lines]
    else:
        smaller = [at for at in like if _path(lines[at]) < package]
        lines.insert(smaller[-1] + 1 if smaller else like[0], f'\t"{package}"')
    return text[: block.start("body")] + "\n".join(lines) + text[block.end("body") :]


def _path(line: str) -> str:
    found = _SPEC.match(line)
    return found["path"] if found else ""


def _far(path: str) -> bool:
    """Not of the standard library, whose paths begin without a dot."""
    return "." in path.partition("/")[0]
