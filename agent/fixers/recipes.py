"""What a command runs by another name: ``make`` targets, scripts of a package or a shell, tox and nox."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.fixers.environments import nox_sessions, tox_commands
from agent.fixers.makefiles import recipes
from agent.fixers.shell import ASSIGNMENT, MAX_SCRIPT, quoted, simple_commands
from agent.fixers.shell_scripts import shell_script

Read = Callable[[str], str | None]
"""The text of a file; ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Part:
    """A script, or one that it runs."""

    text: str
    folder: str = ""
    launcher: tuple[str, ...] = ()
    """What its tools are found by: a package script has ``node_modules/.bin`` on its search path."""


_MOST_PARTS = 20
_NPX = ("npx", "--no-install")


def expanded(script: str, read: Read) -> Iterator[Part]:
    """The script, then what it runs by another name, as far as plain text tells."""
    pending = [Part(script[:MAX_SCRIPT])]
    seen: set[Part] = set()
    while pending and len(seen) < _MOST_PARTS:
        part = pending.pop(0)
        if part in seen:
            continue
        seen.add(part)
        yield part
        for folder, words in simple_commands(part.text, part.folder):
            pending += _ran(words, folder, read)


_PACKAGE_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})


def _ran(words: list[str], folder: str, read: Read) -> list[Part]:
    while words and ASSIGNMENT.match(words[0]):
        words = words[1:]
    match words:
        case ["make" | "gmake", *rest]:
            if "-C" in rest[:-1]:
                at = rest.index("-C")
                folder = posixpath.normpath(posixpath.join(folder, rest[at + 1]))
                rest = rest[:at] + rest[at + 2 :]
            found = (read(posixpath.join(folder, name)) for name in ("GNUmakefile", "Makefile", "makefile"))
            makefile = next((text for text in found if text), "")
            targets = [word for word in rest if not word.startswith("-") and "=" not in word]
            return [Part(text, folder) for text in recipes(makefile, targets)]
        case (
            [tool, "run", name, *extra]
            | [tool, "test" as name, *extra]
            | ["yarn" | "pnpm" as tool, name, *extra]
        ) if tool in _PACKAGE_MANAGERS:
            return _package_script(read(posixpath.join(folder, "package.json")), name, extra, folder)
        case ["tox" | "nox" as tool, *rest]:
            config = read(posixpath.join(folder, "tox.ini" if tool == "tox" else "noxfile.py")) or ""
            texts = tox_commands(config, rest) if tool == "tox" else nox_sessions(config, rest)
            return [Part(text[:MAX_SCRIPT], folder) for text in texts]
        case ["uv" | "poetry" | "pdm" | "hatch", "run", *rest] | ["python" | "python3", "-m", *rest]:
            return _ran(rest, folder, read)
    text = shell_script(words, lambda path: read(posixpath.normpath(posixpath.join(folder, path))))
    return [Part(text, folder)] if text else []


def _package_script(manifest: str | None, name: str, extra: list[str], folder: str) -> list[Part]:
    try:
        script = json.loads(manifest or "{}").get("scripts", {}).get(name)
    except (ValueError, AttributeError, RecursionError):
        return []
    if not isinstance(script, str):
        return []
    more = " ".join(quoted(word) for word in extra if word != "--")
    return [Part(f"{script} {more}".strip()[:MAX_SCRIPT], folder, _NPX)]
