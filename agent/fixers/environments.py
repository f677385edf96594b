"""What tox and nox run, from ``tox.ini`` and ``noxfile.py`` as they are written."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator, Sequence

from agent.fixers.shell import quoted

_POSARGS = re.compile(r"\{posargs(?::([^{}]*))?\}")
_FACTOR = re.compile(r"^[\w!,{}.-]+:\s+")
_LONGEST = 200_000


def tox_commands(config: str, words: Sequence[str]) -> Iterator[str]:
    """The commands of the environments that ``tox`` is called with; of all where it names none."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(config[:_LONGEST])
    except configparser.Error:
        return
    names = _chosen(words, ("-e", "--env"))
    given = " ".join(map(quoted, words[words.index("--") + 1 :])) if "--" in words else ""
    for section in parser.sections():
        kind, _, name = section.partition(":")
        if kind == "testenv" and (not names or name in names or (not name and _lacks(parser, names))):
            lines = (parser.get(section, "commands", fallback="") or "").replace("\\\n", " ").splitlines()
            yield "\n".join(_tox_line(line.strip(), given) for line in lines if line.strip())


def _lacks(parser: configparser.RawConfigParser, names: Sequence[str]) -> bool:
    return any(not parser.has_section(f"testenv:{name}") for name in names)


def _tox_line(line: str, given: str) -> str:
    """Without tox's marks (``-`` may fail, ``!`` the other way round, a factor) and with its arguments."""
    line = _FACTOR.sub("", line).lstrip("-! ")
    line = _POSARGS.sub(lambda found: given or (found[1] or ""), line)
    return line.replace("{toxinidir}", ".").replace("{tox_root}", ".")


def nox_sessions(noxfile: str, words: Sequence[str]) -> Iterator[str]:
    """What the sessions that ``nox`` is called with run, or all sessions, as far as it is in plain words."""
    try:
        tree = ast.parse(noxfile[:_LONGEST])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    names = _chosen(words, ("-s", "--session", "--sessions", "-e"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list and (not names or node.name in names):
            calls = [found for found in ast.walk(node) if isinstance(found, ast.Call)]
            yield "\n".join(text for call in calls if (text := _nox_run(call)))


def _nox_run(call: ast.Call) -> str:
    """``session.run("black", "--check", "src")`` as shell text; empty for a call with other arguments."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in {"run", "run_always"}):
        return ""
    words = [
        arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else None
        for arg in call.args
    ]
    # Without the rest, the command would be another one.
    return "" if None in words else " ".join(quoted(word) for word in words if word is not None)


def _chosen(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """The names behind these options, with commas or one by one."""
    names: list[str] = []
    taking = False
    for word in words:
        option, equals, value = word.partition("=")
        if word == "--":
            break
        if equals and option in options:
            names += value.split(",")
        elif word in options:
            taking = True
        elif taking and not word.startswith("-"):
            names += word.split(",")
        elif word.startswith("-"):
            taking = False
    return [name for name in names if name]
