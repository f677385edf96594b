"""Rules about failures that would not be seen: swallowed errors, forced exits, bent test runners."""

from __future__ import annotations

import re
import unittest
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from agent.guard import handed_on, makefiles, outcomes, places, shadows, shells
from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Line, Statement, plain_words
from patchpilot.fixes import Severity

_BROAD_EXCEPT = re.compile(
    r"^except\s*(?:[^:]*?\b(?:Exception|BaseException|AssertionError|SystemExit)\b[^:]*)?:\s*(.*)$"
)
_ANY_EXCEPT = re.compile(r"^except\b[^:]*:\s*(.*)$")
_NOTHING = re.compile(r"^(?:pass|\.\.\.|continue|return(?:\s+(?:None|True|False|0|\[\]|\{\}|\"\"|''))?)$")
_SUPPRESS = re.compile(
    r"\b(?:contextlib\.)?suppress\s*\(\s*(?:\w+\.)*(?:Exception|BaseException|AssertionError)\b"
)
EMPTY_CATCH = re.compile(
    r"\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}|\.catch\s*\(\s*(?:\(\s*\w*\s*\)"
    r"|\w+)\s*=>\s*\{?\s*(?:undefined|null)?\s*\}?\s*\)|\.catch\s*\(\s*noop\s*\)"
    r"|\.catch\s*\(\s*(?:\([^()]*\)|\w+)\s*=>\s*(?:\{[^{}]*\breturn\s+)?(?:\[\]|null|undefined|false|0|\"\"|''|\(\{\}\))\s*[;}),]"
    r"|\brescue\s*(?:=>\s*\w+)?\s*;?\s*(?:nil|end)\b|\brescue\s+nil\b"
)
_CATCH = re.compile(
    r"\bcatch\s*(?:\(\s*(?:final\s+)?(?:(?:java\.lang\.|System\.|\\)?(?:Exception|Throwable|Error"
    r"|AssertionError|RuntimeException)\b[^)]*|\w+\s*(?::\s*\w+)?|_)\s*\))?\s*\{$"
)
_RUBY_RESCUE = re.compile(r"^rescue(?:\s+(?:StandardError|Exception)\b[^=]*)?(?:\s*=>\s*\w+)?$")
_RUBY_NOTHING = re.compile(r"^(?:return\s+)?(?:nil|true|false|0|\[\]|\{\}|\"\"|''|next|end)?$")
_GO_RECOVER = re.compile(r"\brecover\s*\(\s*\)")
_GO_CHECK = re.compile(r"\berr\s*!=\s*nil\s*\{$")
_GO_IGNORED = re.compile(r"^(?:return(?:\s+(?:\w+,\s*)*nil)?|continue|\})$")
_GO_DROP = re.compile(r"^(?:_\s*,\s*)*_\s*=\s*(?:err\b|\w+\.?\w*\()|^if\s+err\s*!=\s*nil\s*\{\s*\}")


# Of Django's and Starlette's test clients
_SILENT_CLIENT = re.compile(r"\braise_(?:request_exception|server_exceptions)\s*=\s*False\b")


def errors(case: Case) -> Iterator[Remark]:
    """Handlers that catch anything and do nothing."""
    for change in case.changes:
        if not change.is_code or change.same_code:
            continue
        side = change.new_statements
        for at, statement in enumerate(side):
            if change.is_test and statement.changed and _SILENT_CLIENT.search(statement.code):
                yield Remark(
                    change.path, statement.number, "errors of the code under test no longer reach the test"
                )
            if statement.changed and "catch_unwind" in statement.code and "assert" in statement.code:
                yield Remark(change.path, statement.number, "a failing assertion is caught")
            body = side[at + 1] if at + 1 < len(side) else None
            touched = statement.changed or (body is not None and body.changed)
            why = _swallows(change, statement, body) if touched else ""
            if why and not _stood(change, statement, body):
                yield Remark(change.path, statement.number, why)
        for number, why in handed_on.no_longer(case, change):
            yield Remark(change.path, number, why)


def _swallows(change: Change, statement: Statement, body: Statement | None) -> str:
    code, shown = statement.code.strip(), statement.bare[:60].rstrip()
    inside = body.code.strip() if body and body.indent > statement.indent else ""
    if change.language == "python":
        return _python_swallows(code, inside, in_test=change.is_test)
    if change.language == "hash":
        drops = _RUBY_RESCUE.match(code) and _RUBY_NOTHING.match(inside)
        return f"an error is caught and dropped: {shown}" if drops or EMPTY_CATCH.search(code) else ""
    closes = body is not None and body.code.strip().startswith("}")
    if (statement.changed and EMPTY_CATCH.search(code)) or (
        _CATCH.search(code) and (closes or _NO_ANSWER.match(inside))
    ):
        return f"an error is caught and dropped: {shown}"
    if change.language == "go":
        return _go_swallows(code, inside or ("}" if closes else ""), changed=statement.changed)
    return ""


def _python_swallows(code: str, inside: str, *, in_test: bool) -> str:
    match = (_ANY_EXCEPT if in_test else _BROAD_EXCEPT).match(code)
    if match and _NOTHING.match(match[1] or inside):
        return f"an error is caught and dropped: {code[:60]}"
    return "errors are suppressed" if _SUPPRESS.search(code) else ""


def _go_swallows(code: str, inside: str, *, changed: bool) -> str:
    if _GO_CHECK.search(code) and _GO_IGNORED.match(inside):
        return "an error is checked, but not handed on"
    dropped = changed and (_GO_RECOVER.search(code) or _GO_DROP.search(code))
    return f"an error is dropped: {code[:60]}" if dropped else ""


_NO_ANSWER = re.compile(r"^(?:return;?|return\s+(?:null|nil|undefined|true);?|continue;?)$")


def _stood(change: Change, statement: Statement, body: Statement | None) -> bool:
    """The same handler was there before and only moved."""
    wanted = "".join(statement.code.split()), "".join(body.code.split()) if body else ""
    old = change.old_statements
    return any(
        ("".join(a.code.split()), "".join(b.code.split())) == wanted
        and (a.changed or b.changed or not statement.changed)
        for a, b in pairwise(old)
    )


_EXIT = re.compile(
    r"\bos\._exit\b|\bimport\s+_exit\b|\breallyExit\b|(?<![\w.])(?:sys\.)?exit\s*\(\s*0?\s*\)"
    r"|\braise\s+SystemExit(?:\s*\(\s*0?\s*\))?\s*$|\bquit\s*\(\s*\)"
    r"|\bprocess\.exit\s*\(\s*0?\s*\)"
    r"|\bprocess\.exitCode\s*=\s*0|\bos\.Exit\s*\(\s*0\s*\)|\bSystem\.exit\s*\(\s*0\s*\)"
    r"|\bRuntime\.getRuntime\(\)\.halt\s*\(|\bprocess::exit\s*\(\s*0\s*\)"
    r"|\bos\.abort\s*\(|\bos\.kill\s*\(\s*os\.getpid|\bDeno\.exit\s*\(\s*0?\s*\)"
    # Handed on, to be called later
    r"|(?<![\w.])(?:sys\.exit|process\.exit|os\.Exit)\s*(?:,\s*[\[(]?\s*0\b|\.bind\s*\([^()]*,\s*0\s*\))"
    r"|\batexit\.register\s*\(\s*(?:sys\.exit|exit|quit)\s*\)"
    r"|\bsyscall\.Exit\s*\(\s*0|\bexit!\s*\(?\s*0?"
)
_HARD_EXIT = re.compile(r"_exit|reallyExit|abort|halt|kill|exit!")
"""Ends that run no handlers: what tests still had to say is lost as well."""


def exits(case: Case) -> Iterator[Remark]:
    """Programs that end with success before their failures count."""
    for change in case.changes:
        if not change.is_code or change.same_code:
            continue
        if change.is_test or _RUNNER_FOLDER.search(change.path) or _NAMED_FOR_CHECKS.search(change.path):
            yield from _status_lost(change)
        stood = [(line, match.group()) for line in change.removed if (match := _EXIT.search(line.code))]
        dropped = change.language == "c" and change.is_test and _status_dropped(change)
        for line in change.added:
            match = _EXIT.search(line.code)
            if match:
                before = next((one for one in stood if _ended_so(*one, line, match.group())), None)
                if before is not None:
                    stood.remove(before)
                    continue
            if match or (dropped and _RETURN_0.match(line.code.strip())):
                yield Remark(
                    change.path, line.number, f"this ends the run with success: {line.text.strip()[:80]}"
                )


def _ended_so(old: Line, ended: str, new: Line, ends: str) -> bool:
    """The line before ended the run with success as well, and not only inside something."""
    is_as_hard = not _HARD_EXIT.search(ends) or bool(_HARD_EXIT.search(ended))
    return is_as_hard and (new.indent > 0 or old.indent == 0)


_NAMED_FOR_CHECKS = re.compile(
    r"(?i)(?:^|/)(?:\w+[_-])?(?:checks?|tests?|lint|verify|validate|ci)(?:[_-]\w+)?\.\w+$"
)
_STATUS = re.compile(
    r"^(?:raise\s+SystemExit|(?:sys\.|os\._?|process\.|System\.|std::process::|process::|Deno\.)?[eE]xit)\s*\(\s*(?P<of>.*\(.*\)|\w+)\s*\);?$"
    r"|^process\.exitCode\s*=\s*(?P<set>\w+\(.*\)|[a-z]\w*);?$"
)


def _status_lost(change: Change) -> Iterator[Remark]:
    """What was computed for the exit status still is, but nobody is told."""
    if any(_STATUS.match(line.bare.strip()) for line in change.added):
        return
    left = {"".join(line.bare.split()).rstrip(";").rpartition("=")[2]: line for line in change.added}
    for line in change.removed:
        match = _STATUS.match(line.bare.strip())
        told = "".join((match["of"] or match["set"]).split()) if match else ""
        if told and (other := left.get(told)):
            what = f"the exit status is dropped: {other.text.strip()[:80]}"
            yield Remark(change.path, other.number, what, Severity.OVERRIDE)


_RETURN_0 = re.compile(r"^return\s+(?:0|EXIT_SUCCESS)\s*;")


def _status_dropped(change: Change) -> bool:
    """A ``return`` of a computed status is gone."""
    return any(
        re.match(r"^return\s+(?!0\b|EXIT_SUCCESS)[^;]+;", line.code.strip()) for line in change.removed
    )


_STRICT_SHELL = re.compile(
    r"\bset\s+-\w*e|\bset\s+-o\s+errexit|\bpipefail\b|^#!.*\s-\w*e\b|^\.DELETE_ON_ERROR|\bfail-fast\b"
)
_LENIENT_CALL = re.compile(
    r"\b(?:pytest|py\.test|unittest|jest|vitest|tox|nox|ruff|flake8|mypy|pyright|pylint|eslint|tsc|coverage|go|cargo"
    r"|npm|make)\b.*\b(?:check\s*=\s*False|warn\s*=\s*True|success_codes\s*=|ignore_(?:errors?|status|exit)\w*\s*[=:]"
    r"|hide\s*=\s*True|reject\s*:\s*false|nothrow)"
)
_SHELL = re.compile(
    r"\|\|\s*(?:true|:|exit\s+0|echo\b|/bin/true|printf\b|return\s+0)(?=\s|$|[;\"')&])"
    r"|;\s*(?:true|exit\s+0|:)\s*(?:[\"'#]|$)|\bset\s+\+(?:e|o\s+errexit|o\s+pipefail)"
    r"|^\s*exit\s+0\b|\btrap\s+.*\bexit\s+0\b|\btrap\s+['\"]?(?:''|true|:)['\"]?\s+ERR"
    r"|\b(?:--exit-zero|--no-error-on-unmatched|--exit-0|--no-fail|--soft-fail)\b"
    r"|\bignore_errors\s*[:=]\s*(?:true|yes)|\bignore_outcome\b|\bignoreExitValue\b"
)
# The exit code of a pipe is that of its last command.
_PIPED_TEST = re.compile(
    r"\b(?:pytest|jest|go test|cargo test|mvn|npm test)\b[^|]*\|\s*(?:tee|cat|head|tail|grep)\b"
)
_MAKE_IGNORE = re.compile(r"^\t-\s*\S|^\t@-\s*\S|^\.IGNORE\b")
_TOX_IGNORE = re.compile(
    r"^\s*(?:commands\s*=\s*)?-\s+?(?:pytest|python|py\.test|tox|flake8|mypy|ruff|coverage|npm|node)\b"
)


def shell(case: Case) -> Iterator[Remark]:
    """Commands whose exit code no longer counts."""
    for change in case.changes:
        name = change.path.rsplit("/", 1)[-1].lower()
        commands = (
            places.is_script(change.path) or places.is_mixed(change.path) or places.is_quality(change.path)
        )
        if commands or _RUNNER_FOLDER.search(change.path):
            yield from _leniently_called(change)
        if not (commands or places.is_pipeline(change.path) or name.endswith((".yml", ".yaml"))):
            continue
        old = {"".join(line.text.split()) for line in change.removed}
        yield from _no_longer_strict(change)
        yield from shells.dodged(change)
        yield from makefiles.one_shell(change)
        for line in change.added:
            text = line.bare
            ignored = (_MAKE_IGNORE.search(text) and "make" in name) or (
                _TOX_IGNORE.search(text) and name in {"tox.ini", "setup.cfg"}
            )
            ignored = ignored or (name not in _NO_SHELL and bool(_LAST_WORD.match(text)))
            if (ignored or _dropped(text)) and "".join(line.text.split()) not in old:
                yield Remark(
                    change.path,
                    line.number,
                    f"a command's failure no longer counts: {line.text.strip()[:80]}",
                )


# On a line of its own and inside nothing, the status of all that stands before it.
_LAST_WORD = re.compile(r"^(?:true|:|/bin/true)\s*$")
_NO_SHELL = frozenset({"rakefile", "gemfile"})
_RUNNER_FOLDER = re.compile(r"(?:^|/)(?:scripts?|tools|ci|\.ci|bin|hack|noxfile\.py)(?:/|$)")


def _leniently_called(change: Change) -> Iterator[Remark]:
    """A script calls a check and no longer minds its status."""
    old = {"".join(line.text.split()) for line in change.removed}
    for line in change.added:
        if _LENIENT_CALL.search(line.bare) and "".join(line.text.split()) not in old:
            yield Remark(
                change.path, line.number, f"a check's failure no longer counts: {line.text.strip()[:80]}"
            )


def _no_longer_strict(change: Change) -> Iterator[Remark]:
    strict = [line for line in change.removed if _STRICT_SHELL.search(line.text)]
    kept = sum(len(_STRICT_SHELL.findall(line.text)) for line in change.added)
    if strict and not change.is_deleted and kept < sum(len(_STRICT_SHELL.findall(s.text)) for s in strict):
        yield Remark(change.path, strict[0].number, "the script goes on after a failure now")


def _dropped(text: str) -> bool:
    return bool(_SHELL.search(text) or _PIPED_TEST.search(text))


_HOOK = re.compile(
    r"^(?:async\s+)?def\s+(pytest_(?:runtest_\w+|collection_\w+|collect_\w+|collection"
    r"|itemcollected|deselected|ignore_collect|pycollect_\w+|pyfunc_call|"
    r"sessionfinish|sessionstart|unconfigure|cmdline_\w+|report_teststatus|exception_interact"
    r"|assertrepr_compare|assertion_pass|"
    r"terminal_summary|fixture_setup|make_parametrize_id|load_initial_conftests|generate_tests"
    r"|warning_recorded|plugin_registered))\b"
)
_OUTCOME = re.compile(
    r"\.outcome\s*=(?!=)|\.force_result\s*\(|\.wasxfail\s*=|\bexitstatus\s*=(?!=)"
    r"|\bconfig\.(?:option|known_args_namespace)\.\w+\s*=(?!=)|\bconfig\.(?:args|inicfg)\b.*(?:=(?!=)|\.\w+\()"
    r"|\bpluginmanager\.(?:unregister|set_blocked)\s*\(|^pytest_plugins\s*="
    r"|\.testsfailed\s*=|\.shouldstop\s*=|\.shouldfail\s*=|\.excinfo\s*=\s*None|items\[:\]\s*="
    r"|\bitems\.clear\s*\("
    r"|\b(?:unittest\.)?TestCase\.\w+\s*=|\bTestResult\.\w+\s*=|\bself\.assert[A-Z]\w*\s*=(?!=)"
    r"|^(?:operator|math|json|time|datetime|copy|functools|itertools|decimal|unittest|pytest)\.\w+\s*=(?!=)"
    r"|\bAssertionError\s*=|\bbuiltins\.\w+\s*=|\b__builtins__\b|\bsys\.excepthook\s*="
    r"|\bsetattr\s*\(\s*(?:builtins|unittest|pytest|TestCase)\b|(?:\bglobal(?:This)?|\(\s*(?:global(?:This)?|window)\s+as\s+[\w\s]+\))\.(?:expect|it"
    r"|test|describe|assert|process)\s*=|\bexpect\.extend\s*\(|\bassert\.\w+\s*=(?!=)"
    r"|\bprocess\.on\s*\(\s*[\"']{1,2}\s*[\"']?,?.*=>\s*\{?\s*\}?|\bjasmine\.getEnv\(\)\.\w+\s*="
    r"|\bsys\.settrace\s*\(|\bsys\.meta_path\b|\bPYTHONOPTIMIZE\b|\bm\.Run\(\)\s*$"
    r"|\bpython[\d.]*\s+-OO?\b|\b(?:failure|error)_exit_code\s*=\s*0"
    r"|(?<![\w.])\w+\s*:?=\s*(?:&|new\()\s*testing\.[TBF]\b"
    r"|\binstance_variable_set\W+@(?:exception|status)\b"
    r"|^#\s*undef\s+(?:assert|(?:ASSERT|EXPECT|CHECK|REQUIRE|TEST)\w*)\b"
    r"|^#\s*define\s+(?:assert|NDEBUG|(?:ASSERT|EXPECT)_(?:EQ|NE|TRUE|FALSE|LT|LE|GT|GE)|CHECK|REQUIRE)\b"
)
_OWN_METHODS = frozenset({"setUp", "tearDown", "setUpClass", "tearDownClass", "id", "shortDescription"})
_OF_TEST_CASE = frozenset(dir(unittest.TestCase)) - _OWN_METHODS - frozenset(dir(object))
_METHOD = re.compile(r"^(?:async\s+)?def\s+(\w+)\s*\(\s*self\b|^(failureException|longMessage)\s*=")


def hooks(case: Case) -> Iterator[Remark]:
    """Hooks of the test runner, or replacements of its parts, that can decide the outcome."""
    yield from shadows.taken_for_others(case)
    yield from shadows.led_astray(case)
    for change in case.changes:
        if places.is_in_place_of_tools(change.path) and not change.is_deleted:
            what = "this file is loaded by every Python process, or in place of the test runner"
            # A command of that name may be a wrapper that people call.
            severity = Severity.OVERRIDE if "." not in change.path.rpartition("/")[2] else None
            yield Remark(change.path, 0, what, severity)
        if places.is_loaded(change.path) and change.is_unread and not change.is_deleted:
            what = f"{change.diff.source} comes to where a test runner loads it: its content isn't known here"
            yield Remark(change.path, 0, what, Severity.OVERRIDE)
        if change.language == "text" or change.same_code:
            continue
        yield from outcomes.bent(change)
        for line in change.added:
            code = line.code.strip()
            method = _METHOD.match(code) if change.language == "python" and change.is_test else None
            name = (method[1] or method[2]) if method else ""
            if name in _OF_TEST_CASE or name == "__getattribute__" or "addTypeEqualityFunc" in code:
                yield Remark(change.path, line.number, f"this replaces a part of the test case: {code[:80]}")
            elif change.language == "python" and _HOOK.search(code):
                yield Remark(change.path, line.number, f"a hook into the test runner: {code[:80]}")
            elif _OUTCOME.search(code) and (
                change.is_test or change.language in {"python", "javascript", "hash"}
            ):
                yield Remark(
                    change.path, line.number, f"this bends the test runner: {line.text.strip()[:80]}"
                )


_WARNINGS = re.compile(
    r"\bwarnings\.(?:filterwarnings|simplefilter)\s*\(\s*(?:action\s*=\s*)?[\"']ignore"
    r"|\bwarnings\.warn\s*=|\bPYTHONWARNINGS\b.*ignore|(?:^|\s)-W\s*ignore"
    r"|\bdisable_warnings\s*\("
    r"|\blogging\.disable\s*\(|\bconsole\.(?:error|warn)\s*=|\bnp\.seterr\s*\(.*ignore"
    r"|\bfilterwarnings\b.*ignore|@pytest\.mark\.filterwarnings\s*\(\s*[\"']ignore"
)


_OF_A_KIND = re.compile(
    r"\.(?:filterwarnings|simplefilter)\s*\(\s*(?:action\s*=\s*)?[\"']ignore[\"']\s*,\s*"
    r"(?:category\s*=\s*(?!Warning\b)(?:\w+\.)*\w+|(?:message\s*=\s*)?r?[\"'][^\"'.]{8,}|(?!Warning\b)(?:\w+\.)*\w*Warning\b)"
)


def _is_bounded(change: Change, line: Line) -> bool:
    """Warnings of one kind, for the statements of one ``with`` only: here the code knows better."""
    if not _OF_A_KIND.search(line.bare):
        return False
    at = change.after.index(line)
    for before in change.after[at::-1]:
        if before.code.strip() and before.indent < line.indent:
            return bool(re.match(r"with\s+(?:\w+\.)?catch_warnings\(", before.code.strip()))
        if before.first:
            break
    return False


def warnings(case: Case) -> Iterator[Remark]:
    """Warnings switched off instead of mended."""
    for change in case.changes:
        if (
            change.language == "text"
            or places.is_quality(change.path)
            or places.is_mixed(change.path)
            or change.same_code
        ):
            continue
        stood = [Counter(plain_words(line.bare)) for line in change.removed if _WARNINGS.search(line.bare)]
        for line in change.added:
            if not _WARNINGS.search(line.bare) or (not change.is_test and _is_bounded(change, line)):
                continue
            words = Counter(plain_words(line.bare))
            # Each further argument lets fewer warnings go.
            before = next((one for one in stood if one <= words), None)
            if before is not None:
                stood.remove(before)
            else:
                yield Remark(change.path, line.number, f"warnings are switched off: {line.text.strip()[:80]}")
