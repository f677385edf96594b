"""Errors that the code handed on and that nobody hears of any more, though no handler catches them.

A result is bound to a blank, a default stands in its place, a status goes unread, a check is gone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from agent.guard.case import Case, Change
from agent.guard.lines import Statement, squeezed

Found = tuple[int, str]
"""Line and reason."""


def no_longer(case: Case, change: Change) -> Iterator[Found]:
    """Errors of calls that stood, which are dropped where they were handed on."""
    if change.is_test:
        return
    gone = [statement for statement in change.old_statements if statement.changed]
    come = [statement for statement in change.new_statements if statement.changed]
    if change.language == "go":
        yield from _bound_to_blank(gone, come)
        yield from _unchecked(change)
    if gone and come:
        yield from _defaulted(change, gone, come)
    yield from _unasked(change.old_statements, gone, come)
    yield from _unraised(case, change)


_GO_CALL = re.compile(r"^(?:if\s+)?(?P<names>\w+(?:\s*,\s*\w+){0,8})\s*:?=\s*(?P<call>[\w.]+\(.*)$")
_ERROR = re.compile(r"\b(?:err|\w*Err)\b")
# What writes to memory never fails, and what cleans up has nobody to tell.
_GO_HARMLESS = re.compile(
    r"^(?:[\w.]*\b(?:b|sb|\w*[bB]uf(?:fer)?|\w*[bB]uilder)\.Write(?:String|Byte|Rune)|[\w.]+\.(?:Close|Flush)"
    r"|os\.Remove(?:All)?)\s*\("
)


def _bound_to_blank(gone: Sequence[Statement], come: Sequence[Statement]) -> Iterator[Found]:
    """Go: ``data, _ := read(path)`` or only ``run()`` where the error had a name."""
    had = {
        squeezed(match["call"].split(";")[0])
        for statement in gone
        if (match := _GO_CALL.match(statement.code)) and _ERROR.search(match["names"].split(",")[-1])
    }
    for statement in come if had else ():
        match = _GO_CALL.match(statement.code)
        is_blank = match is not None and match["names"].split(",")[-1].strip() == "_"
        call = match["call"] if match and is_blank else statement.code
        if (is_blank or not match) and squeezed(call) in had and not _GO_HARMLESS.match(call):
            yield statement.number, f"an error is dropped: {statement.code[:60]}"


_GO_CHECK = re.compile(r"^if\s+(?P<name>err|\w*Err)\s*!=\s*nil\s*\{$")
_GO_ASSIGNS = r"(?:^|,\s*){name}\s*:?=(?!=)"
_NEAR = 2
"""Statements behind a call among which its error is asked for."""


def _unchecked(change: Change) -> Iterator[Found]:
    """Go: the error of a call that stays is no longer looked at."""
    old, new = change.old_statements, change.new_statements
    texts = Counter(statement.lines[0].text for statement in new)
    places = {s.lines[0].text: at for at, s in enumerate(new) if texts[s.lines[0].text] == 1}
    for before, check in pairwise(old):
        match = _GO_CHECK.match(check.code) if check.changed and not before.changed else None
        if match is None or not re.search(_GO_ASSIGNS.format(name=match["name"]), before.code):
            continue
        call = _GO_CALL.match(before.code)
        if call and _GO_HARMLESS.match(call["call"]):
            continue
        at = places.get(before.lines[0].text)
        following = new[at + 1 : at + 1 + _NEAR] if at is not None else ()
        if following and not any(re.search(rf"\b{match['name']}\b", one.code) for one in following):
            yield following[0].number, f"an error is no longer looked at: {before.code[:60]}"


# How a default, or nothing, comes to stand for an error, and how the same call stood before.
_INSTEAD = (
    (re.compile(r"^(?P<tried>.*\))\s*\.(?:unwrap_or(?:_default|_else)?\s*\(|ok\s*\(\s*\))"), "{}?"),
    (re.compile(r"^let\s+_\s*=\s*(?P<tried>.*\))\s*;$"), "{}?"),
    (re.compile(r"\brunCatching\s*\{(?P<tried>[^{}]+)\}\s*\.getOr(?:Null|Default|Else)\b"), "{}"),
    # Ruby's ``rescue`` behind a call; one with ``nil`` is told of as a handler that does nothing.
    (re.compile(r"^(?P<tried>.*\S)\s+rescue\s+(?:[\"'\[{\d]|false\b|true\b)"), "{}"),
    # With ``Err(_) => …`` below
    (
        re.compile(r"^(?:let\s+(?:mut\s+)?\w+(?:\s*:[^=]+)?\s*=\s*|return\s+)?match\s+(?P<tried>.*\))\s*\{$"),
        "{}?",
    ),
    (re.compile(r"\btry\?\s+(?P<tried>[\w.]+\(.*)$"), "try{}"),
)
_FORGIVES = re.compile(r"^Err\s*\(\s*_\w*\s*\)\s*=>\s*(?!.*\b(?:return|Err|panic!?|bail!?)\b)")
_SILENCED = re.compile(r"(?<![\w@])@(?P<tried>[a-z_]\w*\s*\()")


def _defaulted(change: Change, gone: Sequence[Statement], come: Sequence[Statement]) -> Iterator[Found]:
    """Rust, Kotlin and Swift: a default where an error went on; PHP: a call that is told to be silent."""
    old = " ".join(squeezed(statement.code) for statement in gone)
    forgives = any(_FORGIVES.match(statement.code) for statement in come)
    for statement in come:
        for pattern, stood in _INSTEAD:
            match = pattern.search(statement.code)
            tried = squeezed(_whole(match["tried"])) if match else ""
            if match and " match " in f" {match.group()} " and not forgives:
                continue
            if not match or stood.format(tried) not in old or squeezed(match.group()) in old:
                continue
            if change.language != "rust" or not _may_be_none(change, match.group(), tried):
                yield statement.number, f"a default stands for an error: {statement.code[:60]}"
        for match in _SILENCED.finditer(statement.code) if change.path.endswith(".php") else ():
            tried = squeezed(match["tried"])
            if tried in old and f"@{tried}" not in old:
                yield statement.number, f"a call may fail without a word: {statement.code[:60]}"


# ``?`` behind these asks whether there is a value; and what these answer few programs can act on.
_MAY_BE_NONE = re.compile(
    r"(?:\.(?:get|get_mut|first|last|next|pop|find|position|max|min|nth)|\benv::(?:var|var_os))$"
)
_BEST_EFFORT = re.compile(
    r"(?:\.send|\bremove_(?:file|dir_all)|\.(?:flush|join|shutdown)|\b(?:\w+[.:])set_\w+)$"
)
_OPTIONAL = re.compile(r"->\s*Option\s*<")


def _may_be_none(change: Change, found: str, tried: str) -> bool:
    """Rust: what stood with a ``?`` was no error but a value that is missing, or a farewell."""
    name = _last_call(tried)
    if re.match(r"let\s+_\s*=", found):
        return bool(_BEST_EFFORT.search(name)) and not tried.endswith(".send()")
    if " match " in f" {found} ":
        return False
    return bool(_MAY_BE_NONE.search(name)) or _gives_option(change, f"{tried}?")


def _last_call(code: str) -> str:
    """The code in front of the brackets with which it ends."""
    depth = 0
    for at in range(len(code) - 1, -1, -1):
        depth += (code[at] == ")") - (code[at] == "(")
        if not depth:
            return code[:at]
    return ""


def _gives_option(change: Change, stood: str) -> bool:
    """The function around it gave an ``Option``, where ``?`` is never about an error."""
    head = ""
    for statement in change.old_statements:
        if _FUNCTION.search(statement.code):
            head = statement.code
        if statement.changed and stood in squeezed(statement.code):
            return bool(_OPTIONAL.search(head))
    return False


def _whole(call: str) -> str:
    """The code up to the bracket that would close one from before it."""
    depth = 0
    for at, char in enumerate(call):
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return call[:at]
    return call


_DEMANDS = re.compile(
    r",?\s*\b(?:check|raise_exception|throwOnError|rejectOnError|throw_on_error)\s*[=:]\s*[Tt]rue\b"
)
_NO_LONGER = re.compile(
    r",?\s*\b(?:check|raise_exception|throwOnError|rejectOnError|throw_on_error)\s*[=:]\s*[Ff]alse\b"
)
_CHECKED_CALL = re.compile(r"\bsubprocess\.check_(?:call|output)\s*\(")
_RAISES_STATUS = re.compile(
    r"^(?P<answer>\w+(?:\.\w+)*)\.(?:raise_for_status|EnsureSuccessStatusCode|check_returncode|throwIfFailed)\s*\(\s*\);?$"
)
_READS_STATUS = re.compile(
    r"\breturncode\b|\bcheck_returncode\b|\bstatus(?:_code|Code)?\b|\braise_for_status\b|\bis_(?:success|error)\b"
    r"|\.ok\b|\bIsSuccessStatusCode\b|\braise\b|\bthrow\b|\bexitCode\b"
)


def _unasked(
    old: Sequence[Statement], gone: Sequence[Statement], come: Sequence[Statement]
) -> Iterator[Found]:
    """A call that raised where it failed goes on, and nothing new reads how it ended."""
    if any(_READS_STATUS.search(statement.code) for statement in come):
        return
    now = {squeezed(_NO_LONGER.sub("", statement.bare)): statement for statement in come}
    for statement in gone:
        for without in (_DEMANDS.sub("", statement.bare), *_unchecked_calls(statement.bare)):
            after = now.get(squeezed(without)) if without != statement.bare else None
            if after is not None:
                yield after.number, f"a failure no longer counts: {after.code[:60]}"
    checked = _handed_to_checks(come)
    for before, statement, following in zip(old, old[1:], (*old[2:], None), strict=False):
        stays = not before.changed or (following is not None and not following.changed)
        status = _RAISES_STATUS.match(statement.code) if stays and statement.changed else None
        if status and status["answer"] not in checked:
            yield statement.number, f"an answer's status is no longer asked for: {statement.code[:60]}"


_CHECKS = re.compile(
    r"^(?:await\s+)?(?:\w+\.)*(?P<name>_*(?:[a-z]+_)?(?:check|ensure|raise|validate|throw|assert)\w*)\s*\(\s*(?P<given>[\w.]+)\s*[,)]"
)


def _handed_to_checks(come: Sequence[Statement]) -> set[str]:
    """The answers that a helper gets which was not made here: ``_check(response)``."""
    made = {head["name"] for one in come if (head := _FUNCTION.search(one.code))}
    calls = (match for one in come if (match := _CHECKS.match(one.code)))
    return {call["given"] for call in calls if call["name"] not in made}


def _unchecked_calls(code: str) -> Iterator[str]:
    return (_CHECKED_CALL.sub(f"subprocess.{name}(", code) for name in ("call", "run"))


_CHECK = re.compile(r"^(?:\}?\s*(?:el(?:se\s+)?)?if|unless)\b")
_RAISES = re.compile(
    r"^(?:raise\s+(?P<error>[A-Z]\w*)|throw\s+new\s+(?P<thrown>[A-Z]\w*)|throw\s+(?P<made>[A-Z]\w*)\s*\()"
)
_AWAITS = re.compile(
    r"\braises\s*\(|\bassertRaises\w*\s*\(|\.toThrow\w*\s*\(|\bassertThrows\s*\(|\braise_error\b|\.rejects\b"
)


_FUNCTION = re.compile(r"\b(?:def|function|func|fun|fn)\s+(?:\([^()]*\)\s*)?(?P<name>\w+)")


def _unraised(case: Case, change: Change) -> Iterator[Found]:
    """The check is gone whose error a test awaits from its function, and nothing stands in its place."""
    if any(line.text.strip() for other in case.sources for line in other.added):
        return
    function = ""
    for check, statement in pairwise(change.old_statements):
        if head := _FUNCTION.search(check.code):
            function = head["name"]
        match = _RAISES.match(statement.code) if statement.changed and check.changed else None
        if match is None or not function or not _CHECK.match(check.code):
            continue
        error = match["error"] or match["thrown"] or match["made"]
        if _still_raised(change, error, function):
            continue
        if any(_awaited(text, error, function) for text in case.failing):
            yield statement.number, f"an error that a test awaits is no longer raised: {statement.code[:60]}"


def _still_raised(change: Change, error: str, function: str) -> bool:
    """The function has another check that ends so."""
    inside = ""
    for statement in change.new_statements:
        if head := _FUNCTION.search(statement.code):
            inside = head["name"]
        match = _RAISES.match(statement.code) if inside == function else None
        if match and error in {match["error"], match["thrown"], match["made"]}:
            return True
    return False


_CLOSE = 2
"""Lines around an awaited error among which the function is called."""


def _awaited(test: str, error: str, function: str) -> bool:
    lines = test.split("\n")
    is_named = error in test
    called = re.compile(rf"\b{function}\b")
    return any(
        _AWAITS.search(line)
        and (error in line or not is_named or error == "Error")
        and called.search("\n".join(lines[max(at - _CLOSE, 0) : at + _CLOSE + 1]))
        for at, line in enumerate(lines)
    )
