"""Patches and the evidence for them."""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from patchpilot.failures import Diagnosis


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
class ShellCommand:
    """A script for the sandbox's shell, as the failing step ran it."""

    script: str
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "."
    """Relative to the root of the checkout."""
    shell: str = "bash -e"
    """``bash -e`` is what GitHub Actions uses for a step without ``shell``:
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell"""

    def __str__(self) -> str:
        return self.script.strip()


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

    @property
    def passed(self) -> bool:
        """Green, and honestly so: exited by itself with 0, nothing cut off."""
        return self.ending is Ending.EXITED and self.exit_code == 0 and not self.truncated

    @property
    def failed(self) -> bool:
        """Red because of the code: it exited by itself with something else than 0."""
        return self.ending is Ending.EXITED and self.exit_code not in {0, None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """How to run in a sandbox what the failing step ran."""

    failing: ShellCommand
    """The command of the step that failed."""
    suite: ShellCommand | None = None
    """A wider check that must be no worse after the patch than before it."""
    image: str = ""
    """Container image that fits, empty for the configured default."""
    source: str = ""
    """Where the commands come from, for people: ``.github/workflows/ci.yml, job test, step 3``."""


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
            self.reproduced and bool(self.after) and all(run.passed for run in self.after) and self.suite_held
        )

    @property
    def suite_held(self) -> bool:
        """The wider suite is no worse with the patch than without it."""
        if self.suite_after is None:
            return True
        return self.suite_after.passed or (self.suite_before is not None and not self.suite_before.passed)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A patch with its sandbox evidence."""

    patch: Patch
    author: str
    """``fixer:ruff``, ``memory:PP-12`` or ``claude:<model>``."""
    summary: str
    """One sentence for the card and the commit message."""
    proof: Proof
    findings: tuple[GuardFinding, ...] = ()
    confidence: float = 0.0
    """0 to 1, by the formula in ``docs/architecture.md``."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A patch that somebody proposes, before any evidence."""

    patch: Patch
    author: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A diagnosis with what it cost."""

    diagnosis: Diagnosis
    spend: Spend = field(default_factory=Spend)
