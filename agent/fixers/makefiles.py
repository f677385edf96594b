"""A Makefile's rules, as far as plain text tells them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agent.fixers.shell import MAX_SCRIPT

_RULE = re.compile(r"^([^\s:#=][^:#=]*?)\s*::?(?!=)\s*([^#=]*)$")
_VARIABLE = re.compile(r"^([A-Za-z_]\w*)\s*[:?]?:?=\s*(.*?)\s*$")
_USE = re.compile(r"\$[({]([A-Za-z_]\w*)[)}]")
_LONGEST = 200_000


def recipes(makefile: str, targets: Sequence[str]) -> Iterator[str]:
    """What ``make`` runs for these targets and those they need; simple variables are put in.

    What ``make`` computes (functions, patterns, conditions) is left as it is written.
    """
    rules = _parsed(makefile)
    pending = list(targets) or list(rules.lines)[:1]
    seen: set[str] = set()
    while pending:
        name = pending.pop(0)
        if name in seen or name not in rules.lines:
            continue
        seen.add(name)
        pending += rules.needs[name]
        if rules.lines[name]:
            yield rules.written("\n".join(rules.lines[name]))[:MAX_SCRIPT]


@dataclass
class _Rules:
    variables: dict[str, str] = field(default_factory=lambda: {"MAKE": "make"})
    needs: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def written(self, text: str) -> str:
        for _ in range(3):  # a variable may name others
            text = _USE.sub(lambda use: self.variables.get(use[1], use[0]), text)[:_LONGEST]
        return text.replace("$$", "$")


def _parsed(makefile: str) -> _Rules:
    rules = _Rules()
    current: list[str] = []
    for line in makefile.replace("\\\n", " ")[:_LONGEST].split("\n"):
        if line.startswith("\t"):
            for name in current:
                rules.lines[name].append(line.strip().lstrip("@-+ "))
        elif match := _VARIABLE.match(line):
            rules.variables[match[1]] = match[2]
        elif (match := _RULE.match(line)) and not match[1].startswith("."):
            current = match[1].split()
            for name in current:
                rules.needs.setdefault(name, []).extend(match[2].split())
                rules.lines.setdefault(name, [])
    return rules
