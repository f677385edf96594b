"""Outcomes bent by hooks of behave, Cucumber and Cypress, by Django's runner, or by a last handler."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Change, Remark
from agent.guard.lines import Statement
from patchpilot.fixes import Severity


def bent(change: Change) -> Iterator[Remark]:
    """Changed statements that decide how tests end, or how few of them have to say so."""
    for at, statement in enumerate(change.new_statements):
        if not statement.changed:
            continue
        for why, severity, applies in _WAYS:
            if applies(change, at):
                yield Remark(change.path, statement.number, f"{why}: {statement.bare[:80]}", severity)
                break


# Whoever answers these events decides whether the error fails the test.
_ON_ERROR = re.compile(
    r"\b(?:window|self|globalThis|global)\.on(?:error|unhandledrejection)\s*=(?!=)(?P<then>.*)$"
    r"|\b(?:Cypress|cy)\.(?:on|once)\(\s*[\"'`]fail[\"'`]\s*,(?P<does>.*)$"
    r"|\bprocess\.(?:once|addListener|prependListener)\(\s*[\"'`](?:uncaughtException|unhandledRejection)[\"'`]\s*,(?P<last>.*)$"
    r"|\bsetDefaultUncaughtExceptionHandler\s*\((?P<thread>.*)$"
)
_ON_UNCAUGHT = re.compile(
    r"\b(?:Cypress|cy)\.(?:on|once)\(\s*[\"'`]uncaught:exception[\"'`]\s*,"
    r"|\b(?:window|self|globalThis)\.addEventListener\(\s*[\"'`](?:error|unhandledrejection)[\"'`]\s*,"
)
_FORGIVES = re.compile(r"\bfalse\b|\bpreventDefault\s*\(")
# What JUnit and PHPUnit ask when a test has failed
_ON_FAILURE = re.compile(
    r"\b(?:void|fun|function)\s+(?:handle(?:Test|BeforeEach|BeforeAll|AfterEach|AfterAll)\w*Exception|onNotSuccessfulTest)\s*\("
)
_STATE = re.compile(
    r"\.(?:currentTest|test)\.(?:state|err|pending)\s*=(?!=)|\bexample\.(?:set_exception\b|exception\s*=(?!=)"
    r"|metadata\[:(?:skip|pending)\]\s*=(?!=))|\brunner\.failures\s*=(?!=)"
)
_REMOVED = re.compile(r"\bremoveAllListeners\(\s*[\"'`](?:uncaughtException|unhandledRejection)[\"'`]")
_HANDS_ON = re.compile(
    r"\bthrow\b|\bfail\s*\(|\breject\s*\(|\bdone\b|\bexit\s*\(\s*1|\.(?:push|add|set)\s*\("
)
# A stand-in that is looked at later, or a handler with a name of its own
_ELSEWHERE = re.compile(r"^\s*(?:\w+|(?:vi|jest|sinon)\.\w+.*)\s*\)?\s*;?$")
_LONGEST_HANDLER = 8
"""Statements of a handler that are looked through."""


def _quiets(change: Change, at: int) -> bool:
    """The handler hands no error on: it neither throws it again nor keeps it for an assertion."""
    side = change.new_statements
    if not change.is_test:
        return False
    uncaught, match = _ON_UNCAUGHT.search(side[at].bare), _ON_ERROR.search(side[at].bare)
    if uncaught is not None:
        return any(_FORGIVES.search(one) for one in (side[at].bare[uncaught.end() :], *_inside(side, at)))
    if _ON_FAILURE.search(side[at].code):
        return not any(_HANDS_ON.search(one) for one in _inside(side, at))
    if match is None:
        return bool(_REMOVED.search(side[at].bare) or _STATE.search(side[at].code))
    does = next((group for group in match.groups() if group), "")
    return not _ELSEWHERE.match(does) and not any(_HANDS_ON.search(one) for one in (does, *_inside(side, at)))


def _inside(side: Sequence[Statement], at: int) -> Iterator[str]:
    for later in side[at + 1 : at + 1 + _LONGEST_HANDLER]:
        if later.indent <= side[at].indent:
            return
        yield later.bare


_IN_SCENARIOS = re.compile(
    r"(?:^|/)features/(?:environment\.py$|steps/|support/)|(?:^|/)step_?definitions/"
    r"|(?:[_.-][Ss]teps|Step(?:s|Defs|Definitions))\.\w+$"
)
_SCENARIO = re.compile(
    r"\b(?:scenario|feature|rule|step|context\.(?:scenario|feature))\.(?:skip|mark_skipped|set_status|clear_status|abort|pass!?)\s*\("
    r"|\b(?:scenario|feature|rule|step|testCase)\.(?:status|_?cached_status|should_skip|was_dry_run"
    r"|continue_after_failed_step)\s*=(?!=)"
    r"|\bcontext\.(?:_?failed|aborted|_root\W+failed.{0,4})\s*=(?!=)|\bskip_this_scenario\b"
    r"|\breturn\s+[\"'](?:skipped|pending)[\"']|=>\s*[\"'](?:skipped|pending)[\"']|\bdef\s+pytest_bdd_apply_tag\b"
)


def _ends_scenario(change: Change, at: int) -> bool:
    is_hook = change.is_test and _IN_SCENARIOS.search(change.path)
    return bool(is_hook and _SCENARIO.search(change.new_statements[at].bare))


_RUNNER = re.compile(r"^(?:\w+\.)?TEST_RUNNER\s*=(?!=)\s*+(?![\"']django\.test\.runner\.DiscoverRunner[\"'])")


def _other_runner(change: Change, at: int) -> bool:
    return change.language == "python" and bool(_RUNNER.match(change.new_statements[at].bare))


_REPORTS = re.compile(
    r"^def\s+(?P<name>suite_result|run_suite|wasSuccessful|addFailure|addError|addSubTest|addUnexpectedSuccess)\s*\(\s*self\b"
)
_NO_FAILURE = re.compile(r"^(?:return\s+(?:0|True|None|\[\]|\(\))|pass|\.\.\.)$")


def _reports_no_failure(change: Change, at: int) -> bool:
    """A method that a runner asks for the outcome of its tests does not ask its base, or says success."""
    side = change.new_statements
    match = _REPORTS.match(side[at].code)
    if match is None or change.language != "python":
        return False
    body = list(_inside(side, at))
    stood = any(
        (old := _REPORTS.match(s.code)) and old["name"] == match["name"] for s in change.old_statements
    )
    asks_base = stood or any(re.search(rf"\.{match['name']}\s*\(", one) for one in body)
    return bool(body) and (not asks_base or any(_NO_FAILURE.match(one) for one in body))


_TRIES = re.compile(
    r"\bregister_profile\s*\(.*\bmax_examples\s*=\s*(?P<hypothesis>\d+)|\bconfigureGlobal\s*\(.*\bnumRuns\s*:\s*(?P<check>\d+)"
    r"|\bPROPTEST_CASES\b\W{1,6}(?P<variable>\d+)"
)
# Of single properties: a new one may be as slow as that.
_TRIES_ONE = re.compile(
    r"\bProptestConfig::with_cases\s*\(\s*(?P<rust>\d+)|\bquick\.Config\s*\{[^{}]*\bMaxCount:\s*(?P<go>\d+)"
)
_NO_CHECKS_OF_HEALTH = re.compile(
    r"\bregister_profile\s*\(.*(?:\bsuppress_health_check\s*=\s*(?:list\s*\(\s*(?:\w+\.)?HealthCheck|(?:\w+\.)?HealthCheck\.all)"
    r"|\bphases\s*=\s*(?:\[\s*\]|\(\s*\)))"
)
_FEW = 10
"""Examples below which a property is hardly tried."""


def _barely_tries(change: Change, at: int) -> bool:
    """The examples that each property is tried with become few."""
    statement = change.new_statements[at]
    if not change.is_test:
        return False
    if _NO_CHECKS_OF_HEALTH.search(statement.bare):
        return True
    for pattern, least in ((_TRIES, _FEW), (_TRIES_ONE, 0)):
        number = _number(pattern, statement)
        stood = (_number(pattern, old) for old in change.old_statements if old.changed)
        if number is not None and number < min((one for one in stood if one is not None), default=least):
            return True
    return False


def _number(pattern: re.Pattern[str], statement: Statement) -> int | None:
    match = pattern.search(statement.bare)
    return int(next(group for group in match.groups() if group)) if match else None


_WAYS = (
    ("errors that nobody caught no longer fail a test", None, _quiets),
    ("a hook decides how a scenario ends", None, _ends_scenario),
    ("a result no longer counts failures", None, _reports_no_failure),
    # A runner may only report in another way, and a profile be for one's own machine.
    ("another runner decides how tests end", Severity.OVERRIDE, _other_runner),
    ("properties are hardly tried any more", Severity.OVERRIDE, _barely_tries),
)


_FIXTURE = re.compile(r"^@(?:pytest\.)?fixture\b")
_ALWAYS = re.compile(r"\bautouse\s*=\s*True\b")
_ASSERTS = re.compile(r"^assert\b|\.assert\w*\(|\bpytest\.fail\(")


def no_longer_for_all(change: Change) -> Iterator[Remark]:
    """Fixtures that assert something after each test, and now only where a test asks for them."""
    if change.language != "python" or not change.is_test:
        return
    side = change.new_statements
    had = any(s.changed and _FIXTURE.match(s.code) and _ALWAYS.search(s.code) for s in change.old_statements)
    for at, statement in enumerate(side if had else ()):
        if not (statement.changed and _FIXTURE.match(statement.code)) or _ALWAYS.search(statement.code):
            continue
        for later in side[at + 2 : at + 2 + _LONGEST_FIXTURE]:
            if later.indent <= statement.indent:
                break
            if _ASSERTS.search(later.code):
                yield Remark(
                    change.path, statement.number, "a fixture's assertions no longer run for each test"
                )
                break


_LONGEST_FIXTURE = 40
"""Statements of a fixture that are looked through."""
