"""The deterministic diagnosis: what the distilled log and the head commit say by themselves.

It stands alone where there is no model, and it is what a model's diagnosis is measured against: whether a
failure gets a patch at all is decided here, not by a model that may have read hostile text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from patchpilot.failures import RULES, Blame, Category, Diagnosis, DistilledFailure, Location
from patchpilot.fixes import Patch
from patchpilot.source import Commit
from patchpilot.text import one_line

_BANNER = re.compile(r"\s*([=_*#~-])\1{3,}")
"""``____ test_net ____`` and ``==== FAILURES ====`` name a section, not a cause."""
_MARGIN = re.compile(r"^(?:[E>]\s{2,}|##\[error\])")
"""pytest's ``E   `` and ``>   `` before what failed, and the runner's mark."""
_LAST_WORD = re.compile(r"Process completed with exit code|exited with code|exit status \d")

NO_PATCH = frozenset({Category.INFRASTRUCTURE, Category.PERMISSION, Category.RESOURCE, Category.TIMEOUT})
"""Categories that no change to the code cures."""

WHAT_TO_DO = {
    Category.INFRASTRUCTURE: "The runner, the network or a service failed, not the code. Run the job again; "
    "if it stays red, look at the service that the evidence names.",
    Category.PERMISSION: "A credential or a permission is missing, expired or too narrow. Check the secret "
    "or token that the evidence names.",
    Category.RESOURCE: "The job ran out of memory, disk or another resource. Give it a larger runner or make "
    "the step use less.",
    Category.TIMEOUT: "The job ran longer than it may. Run it again; if it hangs again, raise the limit or "
    "look for what waits at the place that the evidence names.",
}
"""What a person does about a failure that no patch cures."""

_NO_TESTS = re.compile(r"found no tests to run|No tests? (?:files )?found")
_NONE_FOUND = (
    "The test runner found nothing to run, which counts as a failure. Check the folder that it looks in, the "
    "tests that were chosen, and whether files and functions are named as it expects."
)
_UNCOMMITTED = "What is not committed yet"
TOUCHED = " touched what failed."
"""The end of a sentence that a look at the base commit may contradict (:mod:`agent.blame`)."""
_WHAT_IT_IS = {
    Category.TEST: "A test found behaviour that differs from what it expects.",
    Category.LINT: "A linter found code that breaks the repository's own rules.",
    Category.FORMAT: "A formatter would write these files differently.",
    Category.BUILD: "The code does not build.",
    Category.SYNTAX: "A file is not valid in its language.",
    Category.TYPE: "A type checker found types that do not fit.",
    Category.DEPENDENCY: "A dependency can't be resolved or installed.",
    Category.CONFIG: "A configuration or workflow file is wrong.",
    Category.FLAKY: "The log shows signs of a test that fails only sometimes.",
    Category.UNKNOWN: "The log does not show a failure of a kind that PatchPilot knows.",
}


def by_rules(
    failure: DistilledFailure,
    commit: Commit | None,
    *,
    notes: tuple[str, ...] = (),
    uncommitted: bool = False,
) -> Diagnosis:
    """The diagnosis that needs no model; ``uncommitted`` if the commit stands for a work tree as it is."""
    blame = _blame(failure, commit)
    return Diagnosis(
        category=failure.category,
        blame=blame,
        root_cause=_root_cause(failure),
        explanation=_explanation(failure, commit, blame, uncommitted=uncommitted),
        evidence=failure.evidence,
        suspect_files=suspects(failure, commit),
        author=RULES,
        notes=notes
        + (("The log was longer than PatchPilot reads; its end is missing.",) if failure.truncated else ()),
    )


def suspects(failure: DistilledFailure, commit: Commit | None) -> tuple[Location, ...]:
    """Files that the log names, those that the head commit touched first."""
    changed = set(_changed(commit))
    named = dict.fromkeys(failure.files)
    return tuple(sorted(named, key=lambda place: place.path not in changed))[:10]


def _root_cause(failure: DistilledFailure) -> str:
    said = next((line for line in _telling(failure)), "")
    if not said:
        step = f" in step {failure.step!r}" if failure.step else ""
        return f"The job failed{step} without naming a cause that PatchPilot recognises."
    if failure.category is Category.UNKNOWN and not failure.tool:
        # It may be any line at all.
        return one_line(f"No cause that PatchPilot recognises; the likeliest line is: {said}", 300)
    test = failure.tests[0] if failure.tests else ""
    if test and test.split("::")[-1] not in said:
        said = f"{test}: {said}"
    return one_line(said, 300)


def _telling(failure: DistilledFailure) -> Iterator[str]:
    """What the tool said, without banners, margins and the runner's own last word."""
    for text in (failure.cause, *(line.text for line in failure.evidence)):
        if not _BANNER.match(text) and not _LAST_WORD.search(text):
            line = _MARGIN.sub("", text).strip()
            if line:
                yield line


def _blame(failure: DistilledFailure, commit: Commit | None) -> Blame:
    if failure.category in NO_PATCH:
        return Blame.INFRASTRUCTURE
    if failure.category is Category.FLAKY:
        return Blame.FLAKY
    if commit is None or failure.category is Category.UNKNOWN:
        return Blame.INCONCLUSIVE
    changed = _changed(commit)
    if not changed:
        # What the commit changed is not known (a first commit, a folder without git): that proves nothing.
        return Blame.INCONCLUSIVE
    if touched(changed, failure):
        return Blame.CHANGE
    # A log that names no file of the repository says nothing of what the commit did not touch.
    return Blame.UPSTREAM if names_files(failure) else Blame.INCONCLUSIVE


def names_files(failure: DistilledFailure) -> bool:
    """Whether the log names files of the repository, itself or in a test's id."""
    return bool(failure.files) or any(
        separator and "." in path for path, separator, _ in (test.partition("::") for test in failure.tests)
    )


def touched(changed: tuple[str, ...], failure: DistilledFailure) -> tuple[str, ...]:
    """Which of the changed files failed, or are what a failing test is named after."""
    named = {place.path for place in failure.files} | {test.split("::")[0] for test in failure.tests}
    subjects = {_subject(path) for path in named}
    return tuple(
        path
        for path in changed
        if path in named or _subject(path) in subjects or _named_below(path, named, failure)
    )


def _named_below(path: str, named: set[str], failure: DistilledFailure) -> bool:
    """Whether the log names the file from another folder: a package's own, or a checkout nobody knows."""
    if any("/" in name and path.endswith(f"/{name}") for name in named):
        return True
    ending = re.compile(re.escape(f"/{path}") + r"(?![\w/-]|\.\w)")
    said = (failure.cause, *(line.text for line in failure.evidence))
    return any(ending.search(text.replace("\\", "/")) for text in said)


def _subject(path: str) -> str:
    """What a file is about: ``tests/test_price.py``, ``price_test.go``, ``price.spec.ts`` → ``price``."""
    stem = PurePosixPath(path).name.split(".")[0].lower()
    return stem.removeprefix("test_").removesuffix("_test").removesuffix("_spec")


def _changed(commit: Commit | None) -> tuple[str, ...]:
    return Patch(commit.diff).files if commit else ()


def _explanation(failure: DistilledFailure, commit: Commit | None, blame: Blame, *, uncommitted: bool) -> str:
    if failure.category in WHAT_TO_DO:
        return WHAT_TO_DO[failure.category]
    found_none = _NO_TESTS.search(failure.cause) is not None
    sentences = [_NONE_FOUND if found_none else _WHAT_IT_IS[failure.category]]
    if failure.tests:
        more = f" and {len(failure.tests) - 3} more" if len(failure.tests) > 3 else ""  # noqa: PLR2004 - three fit a line
        sentences.append(f"Failing: {', '.join(failure.tests[:3])}{more}.")
    if commit is not None and blame is Blame.CHANGE:
        what = f"Commit {commit.sha[:7]} ({one_line(commit.subject, 80)})"
        sentences.append(f"{_UNCOMMITTED if uncommitted else what}{TOUCHED}")
    elif commit is not None and blame is Blame.UPSTREAM:
        what = _UNCOMMITTED if uncommitted else f"Commit {commit.sha[:7]}"
        sentences.append(f"{what} did not touch the files that the log names.")
    return " ".join(sentences)
