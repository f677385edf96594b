"""Rules about tests that no longer run on the real thing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.guard.case import Case, Remark
from agent.guard.doubles import swapped
from agent.guard.inventory import inventory

_MOCK = re.compile(
    r"\bmock\.patch\b|@patch\b|(?<![\w.])patch(?:\.object|\.dict|\.multiple)?\s*\("
    r"|\bmonkeypatch\.(?:setattr|setitem|delattr)\b|\bmocker\.\w+"
    r"|\b(?:jest|vi)\.(?:mock|doMock|unstable_mockModule|setMock|replaceProperty|spyOn|fn|stub\w+|useFakeTimers)\b|\bsinon\.(?:stub|mock|fake|replace)\b"
    r"|\bproxyquire\b|\btd\.replace\b|\bnock\s*\("
    r"|\bMockito\.|\bmock(?:Static)?\s*\(|@(?:Mock|MockBean|Spy|InjectMocks)\b"
    r"|\bwhen\s*\(.*\.thenReturn|\bdoReturn\s*\("
    r"|\b(?:allow|expect)_any_instance_of\b|\blenient\s*\(\s*\)|\bStrictness\.(?:LENIENT|WARN)\b"
    r"|\bgomonkey\.|\bmonkey\.Patch|\bstub_const\b|\ballow\(.*\)\.to\s+receive|\bMagicMock\s*\("
    r"|\bcreate_autospec\s*\(|\bflexmock\b"
    r"|\b(?:instance|class|object)_(?:double|spy)\s*\(|(?<![\w.])double\s*\(\s*[\"':]"
    r"|\bcreate(?:Mock|Stub|ConfiguredMock|PartialMock)\s*\(|\bgetMockBuilder\s*\(|\bnew\s+Mock<|\bSubstitute\.For\b"
    r"|\bmockk\s*[<(]|\.fulfill\s*\(\s*\{|\bstub_request\s*\(|\bstubFor\s*\(|\bhttpmock\.\w+\("
    r"|\bmockReturnValue|\bmockImplementation|\bmockResolvedValue"
)
_REPLACE = re.compile(
    r"^(?:\w+\.)+\w+\s*=\s*(?:lambda\b|\w*Mock\b|\(.*\)\s*=>|async\b|function\b|\w*fake\w*|\w*stub\w*)"
    r"|^[A-Z]\w*\.prototype\.\w+\s*=|^Object\.definePropert(?:y|ies)\s*\(|^[A-Z]\w*\.(?:class_eval|define_method|define_singleton_method)\b"
    r"|^setattr\s*\(|\bnew\s+\w[\w.]*(?:<[^>]*>)?\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\s*\{$|\bnew\s*\(?\s*class\b|\bobject\s*:\s*\w+\([^()]*\)\s*\{$"
)


_SHARED = ("conftest.py", "__init__.py", "spec_helper.rb", "test_helper.rb", "rails_helper.rb")
"""Files of tests that are loaded before the others, so that what they replace is replaced everywhere."""
_MODULE = re.compile(r"\bsys\.modules\s*\[[^\]]*\]\s*=(?!=)")


def is_stand_in(code: str) -> bool:
    """The line replaces something by a stand-in."""
    return bool(_MOCK.search(code) or _MODULE.search(code) or _REPLACE.search(code.strip()))


def mocked(case: Case) -> Iterator[Remark]:
    """Stand-ins put into tests that ran on the real thing before."""
    tests = inventory(case)
    for change in case.tests:
        if change.is_new and not change.path.endswith(_SHARED):
            continue
        if not change.is_deleted:
            yield from swapped(case, change)
        had = sum(is_stand_in(line.code) for line in change.removed)
        hits = [
            line
            for line in change.added
            if is_stand_in(line.code) and not tests.is_new_test(change, line.number)
        ]
        for line in hits[had:]:
            yield Remark(
                change.path, line.number, f"an existing test now runs on a stand-in: {line.text.strip()[:80]}"
            )
