"""Patches and the evidence for them."""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from patchpilot.counts import Counts, lost
from patchpilot.failures import Diagnosis
from patchpilot.text import one_line

_MAKERS = {
    "fixer": "{}",
    "claude": "{}",
    "memory": "memory: what cured the same failure before, in {}",
    "similar": "memory: what cured a similar failure before, in {}",
}


def made_by(author: str) -> str:
    """Who made a fix, for people: an author is kept as a kind and a name, as in ``fixer:ruff format``."""
    kind, _, name = author.partition(":")
    return _MAKERS[kind].format(name) if name and kind in _MAKERS else author


_HIGH, _MEDIUM = 0.8, 0.5


def confidence_word(fix: Fix) -> str:
    """The confidence for people: ``medium (77%)``."""
    word = "high" if fix.confidence >= _HIGH else "medium" if fix.confidence >= _MEDIUM else "low"
    return f"{word} ({fix.confidence:.0%})"


@dataclass(frozen=True, slots=True)
class Patch:
    """A unified diff in git's format against one commit's tree.

    An approval binds to :attr:`sha256`, so the text is never reformatted once it exists.
    """

    diff: str

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the exact text."""
        return hashlib.sha256(self.diff.encode()).hexdigest()

    @property
    def is_empty(self) -> bool:
        """No change at all."""
        return not self.diff.strip()

    @property
    def files(self) -> tuple[str, ...]:
        """Paths the diff touches, in order, without repeats; for people (the guard parses strictly)."""
        names: dict[str, None] = {}
        for line in self._outside_hunks():
            name = _named(line)
            if name:
                names[name] = None
        return tuple(names)

    @property
    def added(self) -> int:
        """How many lines it adds."""
        return sum(line.startswith("+") for line in self._inside_hunks())

    @property
    def removed(self) -> int:
        """How many lines it removes."""
        return sum(line.startswith("-") for line in self._inside_hunks())

    @property
    def size(self) -> str:
        """How much it changes, for people."""
        count = len(self.files)
        return f"{count} file{'' if count == 1 else 's'}, +{self.added} −{self.removed}"

    def by_file(self) -> tuple[Patch, ...]:
        """One patch per file, in order."""
        parts: list[list[str]] = []
        for line, inside in self._lines():
            if not inside and line.startswith("diff --git "):
                parts.append([])
            if parts:
                parts[-1].append(line)
        texts = ["\n".join(lines) for lines in parts]
        return tuple(Patch(text if text.endswith("\n") else f"{text}\n") for text in texts)

    @property
    def creates(self) -> bool:
        """A file that was not there before is in it."""
        return any(line.startswith("new file mode ") for line in self._outside_hunks())

    def _inside_hunks(self) -> Iterator[str]:
        return (line for line, inside in self._lines() if inside)

    def _outside_hunks(self) -> Iterator[str]:
        return (line for line, inside in self._lines() if not inside)

    def _lines(self) -> Iterator[tuple[str, bool]]:
        """Each line, and whether it is content: a removed line may well read ``-- a/x``."""
        old = new = 0
        # Not splitlines(): that also breaks at form feeds and U+2028, which may stand inside a line.
        for line in self.diff.split("\n"):
            if old <= 0 and new <= 0:
                counts = _HUNK.match(line)
                if counts:
                    old, new = (int(counts[side] or 1) for side in (1, 2))
                yield line, False
                continue
            old -= not line.startswith(("+", "\\"))
            new -= not line.startswith(("-", "\\"))
            yield line, True


_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_PATH_LINE = re.compile(r"(?:--- a/|\+\+\+ b/|rename (?:from|to) )([^\t]+)")
_WITHOUT_TEXT = re.compile(r"diff --git a/(.+) b/\1")


def _named(line: str) -> str:
    found = _PATH_LINE.match(line) or _WITHOUT_TEXT.fullmatch(line)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierStep:
    """A step of the job that ran before a command, and is run ahead of it in the same tree.

    What it writes to ``$GITHUB_ENV``, ``$GITHUB_PATH`` and ``$GITHUB_OUTPUT`` reaches the steps after it.
    """

    title: str
    """As the CI shows it."""
    script: str
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "."
    shell: str = "bash -e"
    own_env: tuple[str, ...] = ()
    """Names in ``env`` that are the step's alone: what earlier steps hand on doesn't override them."""
    name: str = ""
    """What later steps call it by to read its outputs (``id`` on GitHub)."""
    condition: str = ""
    """Shell text that is true where the step runs; empty for always. Like :attr:`ShellCommand.late` it may
    call ``output STEP NAME``, ``variable NAME``, ``outcome STEP`` and ``same ONE OTHER``."""
    may_fail: bool = False
    """The job goes on where it fails (``continue-on-error``)."""
    background: bool = False
    """It goes on running while later steps run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellCommand:
    """A script for the sandbox's shell, as the failing step ran it."""

    script: str
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "."
    """Relative to the root of the checkout."""
    shell: str = "bash -e"
    """``bash -e`` is what GitHub Actions uses for a step without ``shell``:
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell"""
    before: tuple[EarlierStep, ...] = ()
    """The job's earlier steps, run in order ahead of the script, each time it is run."""
    own_env: tuple[str, ...] = ()
    """See :attr:`EarlierStep.own_env`."""
    late: dict[str, str] = field(default_factory=dict)
    """Expressions in scripts and variables that only a run can fill in, each with the shell function call
    that prints its value: ``${{ steps.pick.outputs.tests }}`` with ``output pick tests``."""
    said: str = field(default="", compare=False)
    """The commands that the script is made of, where it is made of several."""

    def __str__(self) -> str:
        return self.script.strip()

    @property
    def in_short(self) -> str:
        """What it runs, on one line for people."""
        return one_line(self.said or self.script)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one sandboxed command may use; passing any of them ends it."""

    memory_mb: int = 512
    seconds: float = 300.0
    processes: int = 128
    cpus: float = 1.0
    output_bytes: int = 4_000_000


class Ending(enum.StrEnum):
    """How a sandboxed command ended. Only EXITED says anything about the code under test."""

    EXITED = "exited"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"
    OUTPUT_LIMIT = "output limit"
    SANDBOX_ERROR = "sandbox error"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What a sandboxed command did."""

    command: ShellCommand
    ending: Ending
    exit_code: int | None
    """``None`` unless it exited by itself."""
    output: str
    """Standard output and error interleaved, decoded leniently, capped."""
    seconds: float
    truncated: bool = False
    engine: str = ""
    """``docker`` or ``bubblewrap``."""
    image: str = ""
    """Image digest, or the description of the root file system used."""
    counts: Counts | None = None
    """What the test runner said of its tests, if one did."""
    stopped_at: int | None = None
    """Place in ``command.before`` of the earlier step that it ended in; ``None`` if it got to the command."""

    @property
    def earlier(self) -> EarlierStep | None:
        """The earlier step that it ended in, so that the command itself was not run."""
        return None if self.stopped_at is None else self.command.before[self.stopped_at]

    @property
    def passed(self) -> bool:
        """Green, and honestly so: exited by itself with 0, nothing cut off."""
        return self.ending is Ending.EXITED and self.exit_code == 0 and not self.truncated

    @property
    def failed(self) -> bool:
        """Red because of the code: it exited by itself with something else than 0."""
        return self.ending is Ending.EXITED and self.exit_code not in {0, None}

    @property
    def verdict(self) -> str:
        """For people: ``green, 214 passed``, ``red (exit 1), 1 failed, 213 passed``, else what ended it."""
        counts = f", {self.counts}" if self.counts is not None else ""
        if self.passed:
            return f"green{counts}"
        return f"red (exit {self.exit_code}){counts}" if self.failed else str(self.ending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """One thing that the failing job installs before it does its work, read from what it runs.

    It says what decides the installed set, not how to install: a repository's own installing command never
    runs with network.
    """

    manager: str
    """``pip``, ``uv``, ``poetry``, ``npm``, ``pnpm``, ``yarn``, ``go``, ``cargo``, ``maven``, ``gradle``."""
    manifests: tuple[str, ...]
    """Files of the checkout that decide what is installed, the lock file first; paths from its root."""
    workdir: str = "."
    """Folder that the manager works in, relative to the root of the checkout."""
    groups: tuple[str, ...] = ()
    """Extras and dependency groups that the job asks for, as the manager names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """A language that the failing job sets up."""

    language: str
    """``python``, ``node``, ``go``, ``rust``, ``java`` or ``ruby``."""
    version: str = ""
    """As the job writes it (``3.12``, ``20``, ``stable``); empty where it doesn't say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherWay:
    """Another command to reproduce the failure with, where the plan's own does not."""

    failing: ShellCommand
    note: str
    """What is different, a sentence for people."""
    left_out: tuple[str, ...] = ()
    """See :attr:`ReplayPlan.left_out`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """How to run in a sandbox what the failing step ran."""

    failing: ShellCommand
    """The command of the step that failed, with the earlier steps that it builds on."""
    suite: ShellCommand | None = None
    """A wider check that must be no worse after the patch than before it."""
    image: str = ""
    """Container image that fits, empty for the configured default."""
    source: str = ""
    """Where the commands come from, for people: ``.github/workflows/ci.yml, job test, step 3``."""
    preparations: tuple[Preparation, ...] = ()
    """What the job installs first, in order; the commands above leave it out."""
    job_image: str = ""
    """The image that the job itself names or that its tools ask for (``python:3.12``). Only for people and
    for the operator's table (:mod:`patchpilot.images`): it is never pulled."""
    notes: tuple[str, ...] = ()
    """What is different in the sandbox (no services, secrets empty), each a sentence for people."""
    left_out: tuple[str, ...] = ()
    """Earlier steps that CI ran and the sandbox can't, each a sentence for people. With any, only the very
    fingerprint of the failure counts as a reproduction: without them much fails in much the same way."""
    others: tuple[OtherWay, ...] = ()
    """Tried in order where ``failing`` does not reproduce the failure."""
    installing: tuple[str, ...] = ()
    """Titles of the earlier steps that only install things or set up the CI's machine: they are not run, and
    ``preparations`` stand in for what they install."""

    @property
    def uninstalled(self) -> tuple[str, ...]:
        """What the job installs and ``preparations`` may not stand in for: a sentence for people, or none.

        A step that names a version outright (``pip install ruff==0.5.0``) is not read for what it installs.
        """
        steps = [title for title in self.installing if not self.preparations or _PINNED.search(title)]
        if not steps:
            return ()
        said = ", ".join(repr(title) for title in steps)
        return (f"Not run: {said}; the sandbox's own tools ran instead, perhaps in other versions.",)

    def without(self, place: int, why: str) -> ReplayPlan:
        """The plan without one of the command's earlier steps; ``why`` is a sentence for people."""
        before = self.failing.before
        failing = replace(self.failing, before=(*before[:place], *before[place + 1 :]))
        return replace(self, failing=failing, left_out=(*self.left_out, why))

    def by(self, way: OtherWay) -> ReplayPlan:
        """The plan with another command for the failing one."""
        notes = (*self.notes, way.note) if way.note else self.notes
        return replace(self, failing=way.failing, left_out=way.left_out, notes=notes, others=())


_PINNED = re.compile(r"==\s*\d|[\w/-]@v?\d")


class Severity(enum.StrEnum):
    """What a guard finding means for the patch."""

    REFUSE = "refuse"
    OVERRIDE = "override"
    """Refused unless a named human with the right overrides it."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardFinding:
    """One thing that the patch guard holds against a patch."""

    rule: str
    path: str
    line: int
    message: str
    severity: Severity = Severity.REFUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the sandbox saw. Confidence is computed from this, never from the model's own word."""

    before: CommandResult
    """The failing command at the failing commit: must be red."""
    after: tuple[CommandResult, ...] = ()
    """The failing command with the patch, k times: must all be green."""
    suite_before: CommandResult | None = None
    suite_after: CommandResult | None = None

    @property
    def reproduced(self) -> bool:
        """The failure was seen here, in the sandbox, before any patch."""
        return self.before.failed

    @property
    def cured(self) -> bool:
        """Red without the patch, green with it every time, and the wider suite no worse."""
        return (
            self.reproduced
            and bool(self.after)
            and all(run.passed for run in self.after)
            and self.suite_held
            and not self.lost
        )

    @property
    def suite_held(self) -> bool:
        """The wider suite is no worse with the patch than without it."""
        if self.suite_after is None:
            return True
        return self.suite_after.passed or (self.suite_before is not None and not self.suite_before.passed)

    @property
    def lost(self) -> str:
        """What of the tests is gone with the patch, in failing command or suite; empty if nothing."""
        for run in self.after:
            if gone := lost(self.before.counts, run.counts, green=run.passed):
                return gone
        if self.suite_before is None or self.suite_after is None:
            return ""
        return lost(self.suite_before.counts, self.suite_after.counts, green=self.suite_after.passed)

    @property
    def compared(self) -> str:
        """``before: 1 failed, 213 passed; after: 214 passed``; empty where no runner told counts."""
        after = self.after[-1] if self.after else None
        pairs: tuple[tuple[str, CommandResult | None, CommandResult | None], ...] = (
            ("", self.before, after),
            ("wider suite ", self.suite_before, self.suite_after),
        )
        return "; ".join(
            f"{name}{when}: {run.counts}"
            for name, before, after in pairs
            for when, run in (("before", before), ("after", after))
            if run is not None and run.counts is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What a heal has cost so far, from the usage that the API reports."""

    dollars: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0

    def __add__(self, other: Spend) -> Spend:
        return Spend(
            dollars=self.dollars + other.dollars,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            calls=self.calls + other.calls,
        )


@dataclass(frozen=True, slots=True)
class ConfidenceFact:
    """One input of the confidence formula."""

    text: str
    worth: float
    """What it adds to the score, or takes from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A patch with its sandbox evidence."""

    patch: Patch
    author: str
    """``fixer:ruff``, ``memory:PP-12``, ``similar:PP-12`` or ``claude:<model>``."""
    summary: str
    """One sentence for the card and the commit message."""
    proof: Proof
    findings: tuple[GuardFinding, ...] = ()
    confidence: float = 0.0
    """0 to 1, as shown: the formula's score, recalibrated once enough outcomes are known."""
    score: float | None = None
    """What the formula in ``docs/architecture.md`` gave; ``None`` in records older than recalibration."""
    facts: tuple[ConfidenceFact, ...] = ()
    """Every input of the formula, with its worth."""
    left_out: tuple[str, ...] = ()
    """What of the CI job the sandbox could not replay, each a sentence for people."""

    @property
    def refused(self) -> bool:
        """The guard holds something against it that no button may wave through."""
        return any(finding.severity is Severity.REFUSE for finding in self.findings)


class Outcome(enum.StrEnum):
    """What became of a fix, as seen on the code host."""

    MERGED_GREEN = "merged, green"
    MERGED_RED = "merged, red"
    CLOSED = "closed unmerged"
    REVERTED = "reverted"
    HUMAN = "a human's own fix"
    CI_RED = "red on its own CI"
    TURNED_DOWN = "turned down"
    """A person asked for another one, or for none."""

    @property
    def held(self) -> bool | None:
        """Whether the proposal kept its promise; ``None`` where its outcome says nothing about that."""
        if self is Outcome.HUMAN:
            return None
        return self is Outcome.MERGED_GREEN


SIMILAR_ENOUGH = 0.85
"""Least similarity at which a remembered patch is tried as it is; others only inform the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFix:
    """One remembered case whose outcome is known."""

    incident: int
    """Number of the incident it cured (``PP-12`` is 12)."""
    fingerprint: str
    patch: Patch
    author: str
    outcome: Outcome
    root_cause: str
    similarity: float
    """1.0 for the same fingerprint, else the fused retrieval score, 0 to 1."""
    pull_request_url: str = ""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No fix, which is ordinary; ``reason`` is a sentence that a person can act on."""

    reason: str
    final: bool = False
    """Whoever gave up would only say the same again: no further try of that source is worth its price."""
    partial: str = ""
    """Who made the change that is left on the bench, if it is worth showing to people, unproven."""
    stopped: bool = False
    """It was not for want of a fix: what is on the bench by then may be one, and a proof costs no model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A patch that somebody proposes, before any evidence."""

    patch: Patch
    author: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialResult:
    """A change that nobody has proven, kept for people to start from. It can't be approved."""

    patch: Patch
    author: str
    why: str
    """Why it is unproven, in a sentence."""
    attempt: int = 1
    """The attempt that left it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A diagnosis with what it cost."""

    diagnosis: Diagnosis
    spend: Spend = field(default_factory=Spend)
