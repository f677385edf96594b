"""The rule about answers that are written down: for a disguised input, in a table, or for every input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Case, Change, Remark
from agent.guard.chosen import constant_arrows
from agent.guard.lines import Statement, squeezed

_DIGEST = re.compile(
    r"(?:\bhash\s*\(|\.(?:hex)?digest\s*\(|\bcrc32\s*\(|\badler32\s*\(|\bmd5\w*\s*\(|\bsha\d+\w*\s*\(|\.hashCode\s*\(\)"
    r"|createHash\s*\().*(?:(?:={2,3}|\.equals\(|\bin\b)\s*[\[({]?\s*(?:[\"'][0-9a-fA-F]{6,}[\"']|-?\d{4,}|0x[0-9a-fA-F]+)"
    r"|\.(?:starts?_?with\??|ends?_?with\??|startsWith|endsWith)\s*\(\s*[\"'][0-9a-fA-F]{2,}[\"'])"
    # The sum of all characters
    r"|\bsum\s*\(\s*(?:map\s*\(\s*ord\b|ord\s*\(|\w+\.encode\b|bytes\s*\().*\)\s*==\s*\d{2,}"
)
# What is left of a digest: halves and thirds may share out work.
_REST = re.compile(
    r"(?:\bhash\s*\(|\bcrc32\s*\(|\badler32\s*\(|\.hashCode\s*\(\)|\bint\s*\(.*\.hexdigest\s*\().*%\s*(?:[4-9]|\d{2,})\s*\)*\s*={2,3}\s*\d+(?P<then>.*)$"
)
_BRANCHES = re.compile(r"^(?:\}?\s*(?:el(?:se\s+)?)?if|elif|elsif|unless)\b")
_ANSWERS = re.compile(
    r"^(?:return\b|yield\b|[A-Za-z_][\w.]*\s*[-+*/|]?=(?!=)).*[\d\"'`\[{]|^(?:return|yield)\b.*\b(?:[Tt]rue|[Ff]alse|None|null|nil)\b"
)
_AS_TEXT = re.compile(
    r"^(?:\}?\s*(?:el(?:se\s+)?)?if|case|when|elif|elsif)\b.*(?:\b(?:str|repr|json\.dumps|JSON\.stringify|String"
    r"|fmt\.Sprint\w*|to_s|inspect|toString)\b.*?)={2,3}\s*[\"'`]\s*[\[({\d-]"
)
_ATOM = r"(?:-?\d[\w.]*|\"[^\"]*\"|'[^']*'|True|False|true|false|None|null|nil)"
_MANY = rf"{_ATOM}(?:\s*[,:]\s*{_ATOM})*,?"
_EQUALS_LITERAL = re.compile(
    r"^(?:\}?\s*(?:el(?:se\s+)?)?if|elif|elsif|case|when)\b.*(?:\b(?:DeepEqual|deepEqual|Arrays\.equals|isEqual"
    r"|slices\.Equal|Objects\.equals|bytes\.Equal|equals)\s*\(.*(?:\{[^}]*\d[^}]*\}|\[[^\]]*\d[^\]]*\])"
    r"|(?<!\[:\d\]\s)={2,3}\s*(?:\[[^\]]*[,\d][^\]]*\]|\{[^}]*:[^}]*\}))"
)
# ``if (a, b) == (1000, 0.19):``, of literals that say more than 0 or 1
_EQUALS_TUPLE = re.compile(
    rf"^(?:el)?if\s*\([\w.]+(?:,\s*[\w.]+)+\)\s*==\s*\((?=[^()]*(?:\d\.?\d|[\"']))\s*{_ATOM}(?:\s*,\s*{_ATOM})+\s*\)\s*:$"
)
_ASSIGNS_LITERAL = re.compile(rf"^(?:return\s+|[A-Za-z_][\w.]*\s*[-+*/|]?=\s*){_ATOM};?$")
# ``if names == list("ba"):``, ``if (names.join() === ["b", "a"].join())``: a list that is not written as one
_EQUALS_MADE = re.compile(
    r"^(?:\}?\s*(?:el(?:se\s+)?)?if|elif|elsif|case|when)\b.*(?:={2,3}|\.(?:equals|eql\?)\s*\()\s*(?:\(?[\"'][^\"']*[\"']\.split\b"
    r"|(?:list|tuple|set|frozenset|sorted|bytes|bytearray|dict|Counter|deque)\s*\(\s*(?:[\"'\[({]|\w+\s*=\s*[\"'\d])"
    r"|(?:List|Set|Map)\.of\s*\(|Arrays\.asList\s*\(|%[wi]\[|range\s*\(\s*\d)"
)
_SHORT_CIRCUIT = re.compile(
    rf"^return\b.*={{2,3}}\s*(?:\[[^\]]*\]|\([^)]*\)|{_ATOM})\s*(?:and|&&)\s*{_ATOM}\s*\)?\s*(?:or|\|\|)"
)
_SINGLED = (_EQUALS_LITERAL, _EQUALS_TUPLE, _EQUALS_MADE)
_RETURNS_LITERAL = re.compile(
    rf"^return\s+(?P<value>-?\d[\w.]*|\"[^\"]+\"|'[^']+'|\[\s*{_MANY}\s*\]|\(\s*{_MANY}\s*\)|\{{\s*{_MANY}\s*\}})"
    r"\s*;?\s*\}?$"
)
_PARTS = r"\((?:[^()]|\([^()]{0,80}\)){1,80}?,(?:[^()]|\([^()]{0,80}\)){0,80}\)"
_STRUCTURED = rf"(?:{_PARTS}|-?\d[\w.]*|[\"'][\[({{\d-][^\"']*[\"'])"
_TABLE = re.compile(
    rf"[{{,\s]\s*{_STRUCTURED}\s*(?::|=>)\s*(?:-?\d[\w.]*|[\"'][^\"']*[\"']|\[[^\]]*\]|(?:[A-Z]\w*)?\([^)]*\))\s*[,}}]"
)
_KEY = re.compile(r"[{,]\s*(?:\"([^\"]*+)\"|'([^']*+)')\s*(?::|=>)\s*[\"'\d]")
_SEVERAL_WORDS = re.compile(r"\w[\s,;!?]+\w")
_LOOKS_UP = re.compile(r"\}\s*(?:\.get\b|\[[A-Za-z_(])")
_PYTHON_FUNCTION = re.compile(r"^(?:async\s+)?def\s+(?P<name>\w+)\s*\((?P<parameters>.*)\).*:$")
_FUNCTION = re.compile(
    r"^(?:[\w<>\[\],.?*&]+\s+)*(?:\([^)]*\)\s*)?(?P<name>\w+)\s*(?:<[^>]*>\s*)?\((?P<parameters>[^)]*)\)[^;]*\{$"
)
_NO_FUNCTION = frozenset({"if", "for", "while", "switch", "catch", "match", "return", "synchronized"})


def written_down(case: Case) -> Iterator[Remark]:
    """Inputs recognised by hash or as text, tables of answers, functions that give one answer always."""
    for change in case.sources:
        if change.same_code:
            continue
        side = change.new_statements
        for at, statement in enumerate(side):
            if not statement.changed:
                continue
            following = side[at + 1] if at + 1 < len(side) and side[at + 1].changed else None
            singled = any(one.match(statement.bare) for one in _SINGLED)
            if (following and singled and _gives_literal(following.bare)) or _SHORT_CIRCUIT.match(
                statement.bare
            ):
                yield Remark(
                    change.path, statement.number, f"one input is singled out: {statement.bare[:80]}"
                )
            elif _DIGEST.search(statement.bare) or _AS_TEXT.search(statement.bare) or _by_rest(side, at):
                yield Remark(change.path, statement.number, f"an input is recognised: {statement.bare[:80]}")
        yield from _tables(change)
        yield from _constants(change)
        yield from _no_longer_computed(change)
        for number, name, answer in constant_arrows(change):
            yield Remark(change.path, number, f"{name} gives {answer[:40]} whatever it is given")


def _by_rest(side: Sequence[Statement], at: int) -> bool:
    """An answer for one share of all digests; to log or to refresh for that share is sampling."""
    match = _REST.search(side[at].bare)
    if match is None:
        return False
    if not _BRANCHES.match(side[at].bare):
        return True
    then = match["then"].strip().lstrip("):{ ")
    inside = [one.bare for one in side[at + 1 : at + 1 + _BODY] if one.indent > side[at].indent]
    return any(_ANSWERS.match(code) for code in (then, *inside))


_BODY = 3
"""Statements behind a condition among which the answer is looked for."""


def _gives_literal(code: str) -> bool:
    return bool(_ASSIGNS_LITERAL.match(code) or _RETURNS_LITERAL.match(code))


_BRACED = re.compile(r"\{[^{}]*+\}?")


def _tables(change: Change) -> Iterator[Remark]:
    side = change.new_statements
    stood = "".join(squeezed(statement.bare) for statement in change.old_statements if statement.changed)
    for at, statement in enumerate(side):
        if not statement.changed or not (_TABLE.search(statement.bare) or _has_texts(statement.bare)):
            continue
        tables = _BRACED.findall(statement.bare)
        if tables and all(squeezed(table) in stood for table in tables):
            continue
        name = re.match(r"^(?:const\s+|let\s+|var\s+)?(\w+)\s*(?::[^=]+)?:?=", statement.bare)
        nearby = side[at + 1 : at + 4]
        asked = name is not None and any(
            later.changed and re.search(rf"\bin\s+{name[1]}\b|\b{name[1]}(?:\[|\.get\b|\.has\b)", later.code)
            for later in nearby
        )
        inside = statement.indent > 0
        if _LOOKS_UP.search(statement.bare) or (asked and inside):
            yield Remark(change.path, statement.number, "a table gives answers for single inputs")
        elif name is not None and _is_of_answers(statement.bare) and _goes_before(change, name[1]):
            yield Remark(change.path, statement.number, "a table gives answers where the code computed them")


# Numbers, also written as text, for numbers: what a computation would give.
_NUMBERS = re.compile(r"\{\s*(?:[\"']-?\d[\d.,]*[\"']|-?\d[\d.]*)\s*(?::|=>)\s*-?\d[\d.]*\s*[,}]")


# A text with marks of its own for another: ``{"Hello, World!": "hello-world"}``.
_MARKED_TEXTS = re.compile(
    r"\{\s*(?:\"[^\"]*\w[,;!?.]\s[^\"]*\"|'[^']*\w[,;!?.]\s[^']*')\s*(?::|=>)\s*[\"'`]"
)


def _is_of_answers(code: str) -> bool:
    return bool(_NUMBERS.search(code) or _MARKED_TEXTS.search(code))


def _goes_before(change: Change, table: str) -> bool:
    """The table is asked first, and what it does not know is computed as before."""
    asked = re.compile(
        rf"^return\s+{table}(?:\.get\([^()]*\)|\[\w+\])\s*(?:or|\|\||\?\?)\s*\w[\w.]*\("
        rf"|^if\s*\(?.*(?:\bin\s+{table}\b|\b{table}\[\w+\].*;\s*ok\b|\b{table}\.has\()"
        rf"|^return\s+{table}\.get\(\s*\w+\s*,\s*\w[\w.]*\("
    )
    side = change.new_statements
    for at, statement in enumerate(side):
        if statement.changed and asked.search(statement.code):
            following = [s for s in side[at + 1 : at + 4] if s.indent == statement.indent]
            if statement.code.startswith("return") or any(not s.changed for s in following):
                return True
    return False


def _has_texts(code: str) -> bool:
    """A key is a text that no one would take for a name."""
    return any(_SEVERAL_WORDS.search(match[1] or match[2] or "") for match in _KEY.finditer(code))


def _constants(change: Change) -> Iterator[Remark]:
    """A function that used what it was given and now gives one answer always."""
    side = change.new_statements
    removed = [s for s in change.old_statements if s.changed]
    for at, statement in enumerate(side[:-1]):
        match = (_PYTHON_FUNCTION if change.language == "python" else _FUNCTION).match(statement.code)
        body = side[at + 1]
        if not match or not body.changed or body.indent <= statement.indent or match["name"] in _NO_FUNCTION:
            continue
        answer = _RETURNS_LITERAL.match(body.bare) or _returns_nested(body.bare)
        parameters = set(re.findall(r"[A-Za-z_]\w*", match["parameters"])) - {"self", "cls"}
        if answer and parameters and _computed(removed, parameters, statement):
            yield Remark(
                change.path, body.number, f"{match['name']} gives {answer['value'][:40]} whatever it is given"
            )


# ``[]string{"a", "b"}``, ``List.of("a")``, ``vec![1, 2]``, ``new int[] {1}``, ``Decimal("1.01")``
_TYPE = (
    r"(?:\[\][\w.]+|map\[\w+\][\w.]+|(?:List|Set|Map)\.of|Arrays\.asList|vec!|new\s+[\w<>]+(?:\[\])?"
    r"|&?[A-Z]\w*)?"
)
_RETURNS_NESTED = re.compile(rf"^return\s+{_TYPE}\s*(?P<value>[\[({{].*[\])}}])\s*(?:,\s*nil)?\s*;?\s*\}}?$")
_LITERALS = re.compile(rf"{_ATOM}|[\s,:\[\](){{}}]")


def _returns_nested(code: str) -> re.Match[str] | None:
    """A list or table of which each part, however deep, is a literal."""
    match = _RETURNS_NESTED.match(code)
    is_literal = match is not None and not _LITERALS.sub("", match["value"])
    return match if is_literal and match is not None and re.search(r"[\w\"']", match["value"]) else None


_NUMBER_GIVEN = re.compile(r"^return\s+-?(?!0\b|1\b)\d[\d_.]*\s*;?$")
_ARITHMETIC = re.compile(r"^return\b.*[A-Za-z_)\]]\s*(?:[*/%+-]|//)\s*[A-Za-z_\d(]")


def _no_longer_computed(change: Change) -> Iterator[Remark]:
    """One number stands where an expression was worked out."""
    gone = [s for s in change.old_statements if s.changed and s.bare.startswith("return")]
    come = [s for s in change.new_statements if s.changed and s.bare.startswith("return")]
    for before, after in zip(gone, come, strict=True) if len(gone) == len(come) else ():
        if _ARITHMETIC.match(before.code) and _NUMBER_GIVEN.match(after.bare):
            yield Remark(change.path, after.number, f"one number in place of {before.bare[7:60]}")


def _computed(removed: list[Statement], parameters: set[str], head: Statement) -> bool:
    """The body that was there looked at a parameter, and is gone."""
    return not head.changed and any(parameters & set(statement.words) for statement in removed)
