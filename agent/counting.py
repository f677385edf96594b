"""Reads a test runner's own totals from a command's output.

Each pattern is a runner's summary line and nothing looser: counts decide whether a patch is a cure, so a line
that only looks like one must not count. Where two runners spoke, the one that told most is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from patchpilot.counts import Counts
from patchpilot.fixes import CommandResult

_ANSI = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_PART = re.compile(r"(\d{1,7}) ([a-z]+)")

_KINDS = {
    **dict.fromkeys(("passed", "passing", "xpassed"), "passed"),
    **dict.fromkeys(("failed", "failing", "error", "errors", "failure", "failures"), "failed"),
    **dict.fromkeys(("skipped", "pending", "ignored", "xfailed", "todo"), "skipped"),
}


def counted(result: CommandResult) -> CommandResult:
    """The result with its counts."""
    return replace(result, counts=counts_in(result.output))


def counts_in(output: str) -> Counts | None:
    """The totals that the output tells; ``None`` where no known runner told any."""
    text = _ANSI.sub("", output).replace("\r\n", "\n")
    found = [one for read in _READERS for one in (_total(list(read(text))),) if one is not None]
    return max(found, key=lambda one: one.collected, default=None)


def _total(found: list[Counts]) -> Counts | None:
    if not found:
        return None
    return replace(
        found[0],
        passed=sum(one.passed for one in found),
        failed=sum(one.failed for one in found),
        skipped=sum(one.skipped for one in found),
    )


def _of(runner: str, text: str) -> Counts:
    sums = {"passed": 0, "failed": 0, "skipped": 0}
    for number, word in _PART.findall(text):
        if word in _KINDS:
            sums[_KINDS[word]] += int(number)
    return Counts(runner=runner, passed=sums["passed"], failed=sums["failed"], skipped=sums["skipped"])


# https://docs.pytest.org/en/stable/how-to/output.html: "==== 1 failed, 3 passed in 0.12s ====", bare with -q.
_PYTEST = re.compile(
    r"^=*[ ]?((?:\d+ [a-z]+(?:, )?){1,10}) in \d+(?:\.\d+)?s(?: \([\d:]+\))?[ ]?=*$"
    r"|^=*[ ]?(no tests ran) in \d+(?:\.\d+)?s[ ]?=*$",
    re.MULTILINE,
)


def _pytest(text: str) -> Iterator[Counts]:
    return (_of("pytest", match[1] or "") for match in _PYTEST.finditer(text))


_UNITTEST = re.compile(
    r"^Ran (\d+) tests? in [\d.]+s\s+^(?:OK|FAILED|NO TESTS RAN)(?: \(([^)\n]{0,200})\))?$", re.MULTILINE
)


def _unittest(text: str) -> Iterator[Counts]:
    for match in _UNITTEST.finditer(text):
        said = dict(re.findall(r"([a-z ]+)=(\d+)", match[2] or ""))
        said = {name.strip(): int(number) for name, number in said.items()}
        failed = sum(said.get(name, 0) for name in ("failures", "errors", "unexpected successes"))
        skipped = said.get("skipped", 0) + said.get("expected failures", 0)
        passed = max(int(match[1]) - failed - skipped, 0)
        yield Counts(runner="unittest", passed=passed, failed=failed, skipped=skipped)


_JEST = re.compile(r"^Tests:[ ]+((?:\d+ [a-z]+, ){0,5})\d+ total$", re.MULTILINE)
_VITEST = re.compile(r"^[ ]*Tests[ ]{2,}(\d+ [a-z]+(?: \| \d+ [a-z]+){0,5})(?: \(\d+\))?[ ]*$", re.MULTILINE)
_MOCHA = re.compile(
    r"^[ ]+(\d+ passing) \([^)\n]{1,20}\)((?:\n+[ ]+\d+ (?:pending|failing)$){0,2})", re.MULTILINE
)


def _jest(text: str) -> Iterator[Counts]:
    return (_of("jest", match[1]) for match in _JEST.finditer(text))


def _vitest(text: str) -> Iterator[Counts]:
    return (_of("vitest", match[1]) for match in _VITEST.finditer(text))


def _mocha(text: str) -> Iterator[Counts]:
    return (_of("mocha", f"{match[1]} {match[2]}") for match in _MOCHA.finditer(text))


# https://pkg.go.dev/cmd/go#hdr-Test_packages
_GO = re.compile(
    r"^(ok|FAIL)[ \t]+\S+[ \t]+(?:\(cached\)|[\d.]+s\b|\[(?:build|setup) failed\])", re.MULTILINE
)
_GO_TEST = re.compile(r"^[ ]*--- (PASS|FAIL|SKIP): ", re.MULTILINE)


def _go(text: str) -> Iterator[Counts]:
    packages = _GO.findall(text)
    tests = _GO_TEST.findall(text)
    if "PASS" in tests:
        kinds, unit = tests, "tests"
    else:
        kinds, unit = ["PASS" if one == "ok" else one for one in packages], "packages"
    if kinds:
        yield Counts(
            runner="go test",
            passed=kinds.count("PASS"),
            failed=kinds.count("FAIL"),
            skipped=kinds.count("SKIP"),
            unit=unit,
        )


_CARGO = re.compile(r"^test result: (?:ok|FAILED)\. (\d+ passed; \d+ failed; \d+ ignored);", re.MULTILINE)
_MAVEN = re.compile(
    r"^(?:\[\w+\] +)?Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)[ ]*$", re.MULTILINE
)
_GRADLE = re.compile(r"^(\d+) tests? completed(?:, (\d+) failed)?(?:, (\d+) skipped)?$", re.MULTILINE)
_RSPEC = re.compile(r"^(\d+) examples?, (\d+) failures?(?:, (\d+) pending)?", re.MULTILINE)
_PHPUNIT = re.compile(
    r"^OK \((\d+) tests?, \d+ assertions?\)$|^Tests: (\d+), Assertions: \d+(.{0,200})\.$", re.MULTILINE
)


def _cargo(text: str) -> Iterator[Counts]:
    return (_of("cargo test", match[1]) for match in _CARGO.finditer(text))


def _maven(text: str) -> Iterator[Counts]:
    for match in _MAVEN.finditer(text):
        total, failures, errors, skipped = map(int, match.groups())
        yield _rest("maven", total, failures + errors, skipped)


def _gradle(text: str) -> Iterator[Counts]:
    for match in _GRADLE.finditer(text):
        yield _rest("gradle", int(match[1]), int(match[2] or 0), int(match[3] or 0))


def _rspec(text: str) -> Iterator[Counts]:
    for match in _RSPEC.finditer(text):
        yield _rest("rspec", int(match[1]), int(match[2]), int(match[3] or 0))


def _phpunit(text: str) -> Iterator[Counts]:
    for match in _PHPUNIT.finditer(text):
        if match[1]:
            yield Counts(runner="phpunit", passed=int(match[1]))
            continue
        said = {name: int(number) for name, number in re.findall(r"([A-Z][a-z]+): (\d+)", match[3])}
        failed = said.get("Failures", 0) + said.get("Errors", 0)
        skipped = said.get("Skipped", 0) + said.get("Incomplete", 0)
        yield _rest("phpunit", int(match[2]), failed, skipped)


def _rest(runner: str, total: int, failed: int, skipped: int) -> Counts:
    return Counts(runner=runner, passed=max(total - failed - skipped, 0), failed=failed, skipped=skipped)


_READERS: tuple[Callable[[str], Iterator[Counts]], ...] = (
    _pytest, _unittest, _jest, _vitest, _mocha, _go, _cargo, _maven, _gradle, _rspec, _phpunit,
)  # fmt: skip
