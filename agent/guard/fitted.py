"""Code fitted to the inputs of a test: by their size, by a table in front, by what the answer is cut from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from agent.guard.case import Change
from agent.guard.lines import Statement, squeezed

Found = tuple[int, str]
"""Line and reason."""

_NUMBER = r"-?\d[\d_]*(?:\.\d+)?"
_TEXT = r"\"[^\"\\]{0,200}\"|'[^'\\]{0,200}'|`[^`$\\]{0,200}`"
_ATOM = rf"(?:{_TEXT}|{_NUMBER}|[Tt]rue|[Ff]alse|None|null|nil)"
_LENGTH = (
    r"(?:\b(?:len|count|size|strlen)\s*\([^()]{1,60}\)"
    r"|[\w\])]\.(?:length|size|count|len|Length|Count)(?:\(\s*\))?)"
)
_MEASURED = re.compile(rf"{_LENGTH}\s*(?:={{2,3}}\s*|\bin\s*[\[({{]\s*(?=\d+\s*,?\s*[\])}}]))(?P<size>\d+)\b")
_ORDINARY = frozenset(("0", "1", "-1", "2"))
"""Numbers that honest code gives for this size and that."""


def fitted(change: Change, known: Collection[str]) -> Iterator[Found]:
    """Answers for inputs of one size, and tables of answers that are asked before anything is computed."""
    side = change.new_statements
    stood = "\n".join(squeezed(statement.bare) for statement in change.old_statements)
    statements = {squeezed(statement.bare) for statement in change.old_statements}
    for at, statement in enumerate(side):
        if not statement.changed or squeezed(statement.bare) in statements:
            continue
        if answer := _by_size(side, at, stood, known):
            yield statement.number, f"the answer {answer[:30]} is written down for inputs of one size"
        elif _by_table(change, at, known):
            yield statement.number, "a table of answers is asked before anything is computed"
        elif _cut_out(side, at):
            yield statement.number, f"the answer is cut out of the input by hand: {statement.bare[:80]}"


_IF = re.compile(r"^\}?\s*(?:if|elif|elsif|else\s+if|unless)\b")
_SWITCH = re.compile(rf"^(?:switch|match|case)\b\s*\(?\s*{_LENGTH}\s*\)?\s*[:{{]?$")
_CASE = re.compile(r"^(?:case|when)\s+(?P<size>\d+)\s*(?::|->|=>|then|$)\s*(?P<rest>.*)$")
_GIVES = re.compile(rf"^(?:return|yield)?\s*(?P<answer>{_NUMBER})\s*(?:,\s*nil)?\s*;?\s*\}}?$")
_IF_ELSE = re.compile(
    rf"(?<![\w.\])])(?P<answer>{_NUMBER})\s+if\s+(?P<test>[^?]{{1,120}}?)\s+else\s+(?P<other>[^,]*)"
)
_QUESTION = re.compile(
    rf"(?P<test>[^?=]{{1,120}}={{2,3}}[^?]{{1,40}}?)\s*\?\s*(?P<answer>{_NUMBER})\s*:\s*(?P<other>[^,;]*)"
)
_COMPUTES = re.compile(r"[A-Za-z_]\w*\s*\(|[\w)\]]\s*[-+*/%]\s*[\w(]")
_ASSIGNS = re.compile(r"^(?:(?:const|let|var)\s+)?(?P<name>[A-Za-z_]\w*)\s*=(?!=)")


def _by_size(side: Sequence[Statement], at: int, stood: str, known: Collection[str]) -> str:
    """The number that is given where the input has as many parts as that of the test; none, none."""
    statement = side[at]
    following = side[at + 1] if at + 1 < len(side) else None
    if _SWITCH.match(statement.code):
        return _of_a_case(side, at)
    for match in (*_IF_ELSE.finditer(statement.bare), *_QUESTION.finditer(statement.bare)):
        if _is_telling(match["answer"], match["test"]) and _stays(statement, match, stood, known):
            return match["answer"]
    if not _IF.match(statement.code) or not _MEASURED.search(statement.code):
        return ""
    rest = re.split(r"[:{)]\s*(?=return\b)", statement.bare, maxsplit=1)
    given = rest[1] if len(rest) > 1 else following.bare if following and following.changed else ""
    answer = _GIVES.match(given)
    return answer["answer"] if answer and _is_telling(answer["answer"], statement.code) else ""


def _is_telling(answer: str, test: str) -> bool:
    measured = _MEASURED.search(test)
    return measured is not None and int(measured["size"]) > 1 and answer not in _ORDINARY


def _stays(statement: Statement, match: re.Match[str], stood: str, known: Collection[str]) -> bool:
    """For any other input, all is as it was: computed so before, the same name, or nothing to add."""
    other = match["other"].strip().rstrip(";)")
    name = _ASSIGNS.match(statement.bare)
    if name is not None and other == name["name"]:
        return True
    is_added = bool(re.search(r"[-+]\s*\(*$", statement.bare[: match.start()])) and other in {"0", "0.0"}
    if is_added:  # a year of two digits is honest work
        size = _MEASURED.search(match["test"])
        return (
            "." in match["answer"]
            or match["answer"] in known
            or (size is not None and int(size["size"]) > _PAIR_OF)
        )
    return bool(_COMPUTES.search(other)) and squeezed(match["other"]).rstrip(";)") in stood


_PAIR_OF = 2


def _of_a_case(side: Sequence[Statement], at: int) -> str:
    """The first number that a switch over the size of the input gives."""
    for place in range(at + 1, min(at + 1 + _LONGEST_SWITCH, len(side))):
        case = _CASE.match(side[place].bare)
        if side[place].indent < side[at].indent or not side[place].changed:
            return ""
        following = side[place + 1].bare if place + 1 < len(side) else ""
        answer = _GIVES.match(case["rest"] or following) if case and int(case["size"]) > 1 else None
        if answer and answer["answer"] not in _ORDINARY:
            return answer["answer"]
    return ""


_LONGEST_SWITCH = 12
"""Statements of a switch that are looked through."""

_PARTS = r"\([^()]{0,200}\)|\[[^\[\]]{0,200}\]|\{[^{}]{0,200}\}"
_PAIR = re.compile(
    rf"[{{,]\s*(?P<key>\([^()]{{1,120}},[^()]{{0,120}}\)|{_TEXT}|{_NUMBER})\s*(?::|=>)\s*(?P<value>{_ATOM}|{_PARTS})\s*(?=[,}}])"
)
_NAMED = re.compile(
    r"^(?:(?:export|static|final|private|public)\s+)*(?:const\s+|let\s+|var\s+)?(?P<name>\w+)\s*(?::[^=]+)?:?=(?!=)\s*(?:new\s+Map\s*\(\s*\[|\{)"
)
_LOOKED_UP = re.compile(r"\}\s*(?:\.get\(\s*\w+[^(){}]*\)|\[\s*[A-Za-z_][\w.]*\s*\])\s*(?P<rest>.*)$")
_ELSE = re.compile(r"^(?:or\b|\|\||\?\?)\s*.*[\w)\]]\s*\(")
_LITERALS_ONLY = re.compile(rf"{_TEXT}|{_NUMBER}|[Tt]rue|[Ff]alse|None|null|nil|[\w$]+\s*:|[\s,:\[\](){{}}]")


def _by_table(change: Change, at: int, known: Collection[str]) -> bool:
    """A table whose keys are inputs: asked in place, or by its name in front of a computation that stays."""
    statement = change.new_statements[at]
    pairs = [(match["key"], match["value"]) for match in _PAIR.finditer(statement.bare)]
    if not pairs or not any(_is_an_answer(*pair, known) for pair in pairs):
        return False
    looked = _LOOKED_UP.search(statement.bare)
    if looked is not None:
        name = _ASSIGNS.match(statement.bare)
        return bool(_ELSE.match(looked["rest"].strip())) or (
            name is not None and _is_given(change.new_statements, at, name["name"])
        )
    named = _NAMED.match(statement.bare)
    return named is not None and _goes_before(change.new_statements, at, named["name"])


def _is_an_answer(key: str, value: str, known: Collection[str]) -> bool:
    """The key is an input of several parts, or the test's, or a number with an answer of several parts."""
    if _LITERALS_ONLY.sub("", value) or (key[0] == "(" and _LITERALS_ONLY.sub("", key)):
        return False
    is_composed = value[0] in "([{" and len(value) > 2  # noqa: PLR2004 - the two brackets
    if key[0] == "(":
        return bool(re.search(r"\d", key)) and bool(re.search(r"[\w\"']", value))
    if not is_composed:
        return False
    if _of_test(key, known) and _of_test(value, known):
        return True
    is_number = key.lstrip("-")[:1].isdigit()
    is_record = is_number and ":" in value and (_of_test(key, known) or _repeats(key, value))
    return is_record or _is_cut_from(key, value)


def _repeats(key: str, value: str) -> bool:
    """A thing of its own by its number, ``7: { id: 7, name: "x" }``, and no measure for a size or a kind."""
    return key in re.findall(_NUMBER, value) and re.search(_TEXT, value) is not None


def _of_test(literal: str, known: Collection[str]) -> bool:
    """The test has it, or all that it is made of."""
    parts = re.findall(rf"{_TEXT}|{_NUMBER}", literal)
    return literal in known or (bool(parts) and {one.replace("'", '"') for one in parts} <= {*known})


def _is_given(side: Sequence[Statement], at: int, name: str) -> bool:
    """What the table gave is returned where it gave anything."""
    asked = re.compile(rf"^if\b.*\b{name}\b")
    given = re.compile(rf"\breturn\s+{name}\b")
    nearby = side[at + 1 : at + 4]
    returns = any(given.search(one.code) for one in nearby if one.changed)
    return returns and any(asked.match(one.code) or "||" in one.code or "??" in one.code for one in nearby)


_NEAREST = 40
"""Statements behind a table among which it is asked."""


def _goes_before(side: Sequence[Statement], at: int, table: str) -> bool:
    """The table is asked, and what it does not know is computed as it was before."""
    found = rf"\b{table}(?:\.get\((?>[^()]|\([^()]*\))*\)|\[[^\[\]]{{1,60}}\])"
    falls_back = re.compile(
        rf"^return\s+{found}\s*(?:or\b|\|\||\?\?)\s*.*\w\s*\(|^return\s+{table}\.get\([^()]*,.*\w\s*\("
    )
    asks = re.compile(rf"^if\b.*(?:\bin\s+{table}\b|\b{table}(?:\.has|\.get|\.containsKey|\.include\?|\[))")
    answers = re.compile(rf"\breturn\b.*\b{table}\b")
    binds = re.compile(rf"\b(?P<name>\w+)\s*:?=\s*{found}")
    nearby = side[at + 1 : at + 1 + _NEAREST]
    for place, one in enumerate(nearby):
        if not one.changed:
            continue
        above, below = nearby[place - 1] if place else None, nearby[place + 1 : place + 5]
        tried = above is not None and above.code.startswith("try") and answers.match(one.code)
        bound = binds.search(one.code)
        if tried or falls_back.search(one.code):
            return True
        if bound and _is_given(nearby, place - one.code.startswith("if"), bound["name"]):
            return True
        if asks.search(one.code) and any(answers.search(s.code) for s in (one, *below[:1])):
            later = [s for s in below if s.indent == one.indent and s.code.strip("})];, ")]
            return any(not s.changed for s in later)
    return False


_INPUT = re.compile(
    rf"^(?:case|when)\s+(?P<case>{_TEXT})\s*(?::|->|=>|then|$)|={{2,3}}\s*(?P<equal>{_TEXT})\s*\)?\s*[:{{]?$"
)
_ANSWER = re.compile(r"^return\s+(?P<value>[(\[{].*[)\]}]|[\w.\[\]]*\{.*\})\s*(?:,\s*nil)?;?$")


def _cut_out(side: Sequence[Statement], at: int) -> bool:
    """``case "b = 2": return ("b", "2")``: each part of the answer is a part of that one input."""
    match = _INPUT.search(side[at].bare)
    following = side[at + 1] if at + 1 < len(side) else None
    if match is None or following is None or not following.changed:
        return False
    answer = _ANSWER.match(following.bare)
    return answer is not None and _is_cut_from(match["case"] or match["equal"], answer["value"])


_SEVERAL = 2
"""Parts of an answer that tell that it was computed from the input."""


def _is_cut_from(given: str, answer: str) -> bool:
    value = _OF_TYPE.sub("", answer)
    if _LITERALS_ONLY.sub("", value):
        return False
    text = given.strip("\"'`")
    parts = [one.strip("\"'`") for one in re.findall(_TEXT, value)]
    said = [one for one in parts if one]
    is_cut = all(one in text for one in said) and (len(said) < len(parts) or text not in said)
    return len(parts) >= _SEVERAL and bool(said) and is_cut


# ``[]string{"a", "b"}``
_OF_TYPE = re.compile(r"^[\w.\[\]]+(?=\{)")
