"""Build files of Maven and Gradle, where what a line means depends on the block that it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Change, Remark
from agent.guard.lines import Line

_GRADLE = re.compile(r"\.gradle(?:\.kts)?$")
# Of test tasks only: which tests run, and on what.
_CHOOSES = re.compile(
    r"^\s*(?:setI|i)nclude[sd]?\w*\s*(?:\(|=|[\"'\[])|\bfilter\s*\{.*\binclude|\bsrcDirs?\s*=(?!=)|\bsetSrcDirs\s*\("
    r"|\btestClassesDirs\s*=\s*(?:project\.)?files\s*\(\s*\)|\b(?:include|exclude)\s*=|\bscanForTestClasses\s*=\s*false"
    r"|\bresultType\s*=|\bdryRun\b"
)
_OTHER_FILES = re.compile(r"[\"'][^\"']*\.(?:jar|properties|xml|json|ya?ml|txt|sql|proto|html?|css|js)[\"']")
_OF_TESTS = re.compile(r"\b\w*[tT]est(?:s|ing)?\b(?!\w)[^{]*\{|\bType<Test>|\bwithType\W+Test\b")
_INLINE = re.compile(r"\b(?:test|\w+Test)\s*\{.*\b(?:srcDirs?\s*=(?!=)|setSrcDirs|include\w*\s*[\"'(=\[])")


def chosen_tests(change: Change) -> Iterator[Remark]:
    """Settings of a test task by which it runs fewer tests, or others."""
    if not _GRADLE.search(change.path.lower()):
        return
    old = {"".join(line.text.split()) for line in change.removed}
    for at, line in enumerate(change.after):
        if not line.changed or "".join(line.text.split()) in old:
            continue
        inside = _CHOOSES.search(line.bare) and not _OTHER_FILES.search(line.bare)
        chosen = inside and not _is_one_more(change, at) and _is_in_tests(change.after, at)
        if _INLINE.search(line.bare) or chosen:
            yield Remark(change.path, line.number, f"other tests would run: {line.text.strip()[:80]}")
            return


_PATTERNS = re.compile(r"^\s*include\b\s*\(?\s*(?P<patterns>[\"'][^()\[\]]*)\)?\s*$")
_ALL = re.compile(r"[\"']\*\*/\*(?:Tests?\*(?:\.class)?)?[\"']")


_NEAREST = 30
"""Lines on either side among which the other patterns stand."""


def _is_one_more(change: Change, at: int) -> bool:
    """A pattern comes to others that stay, or beside one that has all tests."""
    side = change.after
    match = _PATTERNS.match(side[at].bare)
    if match is None or any(_PATTERNS.match(line.bare) for line in change.removed):
        return False
    beside = list(_in_block(side[max(at - _NEAREST, 0) : at + _NEAREST], min(at, _NEAREST)))
    if any(not line.changed and _PATTERNS.match(line.bare) for line in beside):
        return True
    return any(
        (one := _PATTERNS.match(line.bare)) and _ALL.search(one["patterns"]) for line in (side[at], *beside)
    )


def _in_block(side: Sequence[Line], at: int) -> Iterator[Line]:
    """The lines around this one that no shallower line parts from it."""
    for lines, ends_before in ((reversed(side[:at]), False), (iter(side[at + 1 :]), True)):
        first = side[at].first and not ends_before
        for line in lines:
            if first or (ends_before and line.first) or (line.bare.strip() and line.indent < side[at].indent):
                break
            first = line.first and not ends_before
            if line.indent == side[at].indent:
                yield line


def _is_in_tests(side: Sequence[Line], at: int) -> bool:
    """A block around the line is one of tests, or where it begins is out of sight."""
    indent = side[at].indent
    for line in reversed(side[:at]):
        if line.bare.strip() and line.indent < indent:
            indent = line.indent
            if _OF_TESTS.search(line.bare):
                return True
        if line.first:
            return indent > 0 and line.number > 1
    return False


_DEPENDS = re.compile(r"\b(?:dependsOn|finalizedBy)\b(?P<on>.*)$")
_TASK = re.compile(
    r"(?i)\b\w*(?:test|verif|check|lint|spotless|detekt|ktfmt|jacoco|kover|pmd|spotbugs|pitest|errorprone|animalsniffer)\w*"
)
_NONE = re.compile(
    r"\bdependsOn\s*=\s*(?:\[\s*\]|(?:emptyL|l)istOf\s*\(\s*\)|emptyList\s*\(\s*\))|\bsetDependsOn\s*\(\s*(?:\[|listOf|emptyL|emptyS)"
)


def lost_tasks(change: Change) -> Iterator[Remark]:
    """Checks on which a task depended, and no longer does."""
    if not _GRADLE.search(change.path.lower()) or change.is_deleted:
        return
    for line in change.added:
        if _NONE.search(line.bare):
            yield Remark(change.path, line.number, f"nothing is asked for any more: {line.text.strip()[:80]}")
            return
    kept = {name for line in change.added for name in _asked_for(line)}
    for line in change.removed:
        if lost := sorted(_asked_for(line) - kept):
            yield Remark(change.path, line.number, f"this check is no longer asked for: {lost[0][:80]}")
            return


def _asked_for(line: Line) -> set[str]:
    match = _DEPENDS.search(line.bare)
    return set(_TASK.findall(match["on"])) if match else set()


_XML_TESTS = re.compile(
    r"<(?P<key>includes?)>(?=[^\n]*(?:\.(?:java|class|kt|groovy|scala)\b|Tests?\b|Spec\b|IT\b|/\w+\*?<))"
)


def included_tests(change: Change) -> Iterator[Remark]:
    """The first list of tests that run by name, or another pattern in one: without it, all of them do."""
    if not change.path.lower().endswith("pom.xml"):
        return
    old = {"".join(line.text.split()) for line in change.removed}
    lost = any(_XML_TESTS.search(line.bare) for line in change.removed)
    opened: Line | None = None
    for line in change.after:
        if "<includes>" in line.bare:
            opened = line
        if not line.changed or "".join(line.text.split()) in old or not _XML_TESTS.search(line.bare):
            continue
        if lost or opened is None or opened.changed:
            yield Remark(change.path, line.number, f"only these tests would run: {line.text.strip()[:80]}")
            return
