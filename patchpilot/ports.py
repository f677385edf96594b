"""The ports: what the rooms need of each other, as small Protocols.

``jobs`` joins implementations to them; tests pass fakes that meet the same contract tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from patchpilot.commands import Verb
from patchpilot.failures import Diagnosis, DistilledFailure, HostEvent, RunFinished
from patchpilot.fixes import (
    Candidate,
    CommandResult,
    Fix,
    GaveUp,
    Limits,
    Outcome,
    PastFix,
    Patch,
    Preparation,
    Reading,
    ReplayPlan,
    ShellCommand,
    Spend,
)
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import FailureRecord
from patchpilot.source import (
    CIJob,
    Commit,
    HostUser,
    Permission,
    Repo,
    RunAddress,
    RunRef,
    Sha,
)


class WebhookParser(Protocol):
    """Verifies and parses one provider's webhooks. Pure: no I/O, so it can run inside the request."""

    def parse(self, headers: Mapping[str, str], body: bytes) -> HostEvent | None:
        """Return the typed event, or ``None`` for a delivery that says nothing to us (a ping, a push).

        Raises :class:`~patchpilot.errors.ForgeryError` unless the signature over the raw bytes holds, and
        :class:`~patchpilot.errors.MalformedPayloadError` for a signed body of another shape.
        """
        ...


class CIProvider(Protocol):
    """Where runs happen."""

    def jobs(self, run: RunRef) -> tuple[CIJob, ...]:
        """All jobs of this attempt of the run."""
        ...

    def open_log(self, run: RunRef, job: CIJob) -> Iterator[bytes]:
        """Yield the job's log in chunks, as it arrives; the caller stops when it has enough.

        Raises :class:`~patchpilot.errors.NotFoundError` when the provider has no log (any more).
        """
        ...

    def replay(
        self, tree: Path, *, workflow_path: str, job: CIJob, failure: DistilledFailure | None = None
    ) -> ReplayPlan | GaveUp:
        """Read from the checkout at ``tree`` what the failing step ran.

        Where the CI's configuration doesn't tell, ``failure`` may let the project's own files tell.
        """
        ...

    def rerun(self, run: RunRef) -> None:
        """Ask for the failed jobs to be run again, unless a later attempt of the run has begun already."""
        ...


class RunFinder(Protocol):
    """Finds a run that a person names by its address."""

    def address(self, url: str) -> RunAddress:
        """Read the address; raises ``PermanentError`` saying what is wrong with it."""
        ...

    def fetch(self, address: RunAddress) -> RunFinished:
        """The run, which ended red; raises ``PermanentError`` for one that is green or under way."""
        ...


class SignIn(Protocol):
    """Lets a person say who they are on the code host."""

    def authorize_url(self, *, state: str, verifier: str) -> str:
        """Where their browser goes."""
        ...

    def user_of(self, *, code: str, verifier: str) -> HostUser:
        """Who came back with ``code``; raises ``PermanentError`` for one that is not good (any more)."""
        ...


class CodeHost(Protocol):
    """Where code and pull requests live, read side. The worker and the bot hold only this."""

    def checkout(self, repo: Repo, commit: Sha, into: Path) -> None:
        """Write the tree of ``commit`` into the empty folder ``into``: files only, no ``.git``, no hooks."""
        ...

    def commit(self, repo: Repo, commit: Sha) -> Commit:
        """One commit with its diff."""
        ...

    def compare(self, repo: Repo, base: Sha, head: Sha) -> Patch:
        """The diff between two commits."""
        ...

    def merge_base(self, repo: Repo, base: str, head: Sha) -> Sha:
        """The newest commit that branch ``base`` and ``head`` have in common.

        Raises :class:`~patchpilot.errors.NotFoundError` when there is none, or the branch is gone.
        """
        ...

    def branch_head(self, repo: Repo, branch: str) -> Sha | None:
        """The commit a branch points to, ``None`` when the branch is gone."""
        ...

    def permission(self, repo: Repo, user: HostUser) -> Permission:
        """What ``user`` may do now. A 404 means :attr:`~patchpilot.source.Permission.NONE`."""
        ...

    def is_private(self, repo: Repo) -> bool:
        """Whether not everybody may see the repository; internal ones are private here."""
        ...


class Workbench(Protocol):
    """One sandboxed checkout. Files are read and edited on our side; commands run on a copy inside.

    No command of the repository ever touches the files that ``read_text`` and ``diff`` see: each
    :meth:`run` starts from a fresh copy of the tree as it stands, and what it writes is thrown away.
    """

    @property
    def engine(self) -> str:
        """``docker`` or ``bubblewrap``."""
        ...

    @property
    def unprepared(self) -> str:
        """What of the job's dependencies is not installed here and why, in a sentence; empty if all is."""
        ...

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        """Run a command on a fresh copy of the tree."""
        ...

    def capture(self, command: ShellCommand, *, limits: Limits | None = None) -> tuple[CommandResult, Patch]:
        """Run a command on a fresh copy and return what it changed in text files of the tree.

        The change is not applied. Symlinks, modes, binaries and files over 1 MiB that the command
        touched are left out, as are files it created where the tree has none unless they are text.
        """
        ...

    def apply(self, patch: Patch) -> None:
        """Apply to the tree; raises ``PatchDoesNotApplyError`` or ``UnsafePathError``, changing nothing."""
        ...

    def reset(self) -> None:
        """Back to the checked-out commit."""
        ...

    def diff(self) -> Patch:
        """Everything changed since the checked-out commit, as a git diff."""
        ...

    def files(self) -> Sequence[str]:
        """Relative paths of all regular files, sorted."""
        ...

    def read_text(self, path: str) -> str:
        """A file's text. Raises ``UnsafePathError`` or ``NotFoundError``."""
        ...

    def write_text(self, path: str, text: str) -> None:
        """Replace or create a file. Raises ``UnsafePathError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkbenchSpec:
    """What to open a workbench on."""

    tree: Path
    """A folder with the checked-out files; it is copied, never changed."""
    job_id: str
    """Label of everything the sandbox creates, so that leftovers can be found and removed."""
    image: str = ""
    """Empty for the configured default."""
    limits: Limits = field(default_factory=Limits)
    preparations: tuple[Preparation, ...] = ()
    """What has to be installed before a command runs."""
    manifests: Path | None = None
    """The tree whose files say what is installed, where that is not ``tree`` itself. They decide what is
    fetched, so it must be a commit that only people with the right to write could make."""
    withheld: str = ""
    """Why nothing is installed although something should be; a sentence for people."""
    installing: Callable[[str], AbstractContextManager[object]] = field(default=nullcontext, compare=False)
    """Entered while something is installed, which may take minutes, with a line for people that says what."""


class Workbenches(Protocol):
    """Opens workbenches on the engine that this machine has."""

    @property
    def engine(self) -> str:
        """``docker``, ``bubblewrap`` or ``none``."""
        ...

    @property
    def reason(self) -> str:
        """For people: why this engine, or why there is none and what to install."""
        ...

    def open(self, spec: WorkbenchSpec) -> AbstractContextManager[Workbench]:
        """Everything it created is removed on leaving, also after an error."""
        ...


class Memory(Protocol):
    """Past diagnoses and fixes whose outcome is known."""

    def recall(self, repo: Repo, failure: DistilledFailure, *, k: int = 5) -> list[PastFix]:
        """The closest past cases of this repository, best first."""
        ...

    def learn(self, repo: Repo, failure: DistilledFailure, *, past: PastFix, outcome: Outcome) -> None:
        """Remember a fix and what became of it. Learning the same case again changes nothing."""
        ...


class Budget(Protocol):
    """What may still be spent; fails closed."""

    def check(self, *, expected_dollars: float, expected_tokens: int = 0) -> None:
        """Raise :class:`~patchpilot.errors.BudgetExceededError` if the next call could pass a limit.

        Both are the most that it can come to; tokens are input and output together.
        """
        ...

    def record(self, spend: Spend) -> None:
        """Book what a call really cost."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """All a model is told about a failure. Everything in it is hostile data, already redacted."""

    repo: Repo
    branch: str
    failure: DistilledFailure
    commit: Commit | None = None
    past: tuple[PastFix, ...] = ()
    hints: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None
    failing: ShellCommand | None = None
    refused: tuple[str, ...] = ()
    """Why earlier candidates of this heal were not good enough."""
    earlier: tuple[Patch, ...] = ()
    """Patches of this heal that were turned down or did not hold, the latest last; ``refused`` says why."""


class RepairTools(Protocol):
    """What the model may do: look, edit, and run the failing command or one test. No shell, no network, no
    secrets. ``list_files``, ``search`` and ``read`` change nothing and may be called from several threads."""

    def list_files(self, pattern: str) -> str: ...

    def search(self, text: str, pattern: str) -> str: ...

    def read(self, path: str, first: int, last: int) -> str: ...

    def edit(self, path: str, old: str, new: str) -> str: ...

    def run_failing_command(self) -> str: ...

    def run_test(self, test: str) -> str: ...

    def diff(self) -> str: ...


class Model(Protocol):
    """A language model behind two questions."""

    @property
    def name(self) -> str:
        """The model's public name, for attribution."""
        ...

    def diagnose(self, brief: Brief, *, budget: Budget) -> Reading:
        """Why did it fail?"""
        ...

    def repair(
        self,
        brief: Brief,
        tools: RepairTools,
        *,
        budget: Budget,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Candidate | GaveUp:
        """Edit through ``tools`` until the failing command is green, or say why not.

        ``tell`` is told in a few words what is being done, for people who watch; never the model's own text.
        """
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether a failure, now that its log is read, belongs to the incident it was put in."""

    joined: int | None = None
    """Number of the older open incident with the same fingerprint, which takes this failure over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanDecision:
    """The decision that a resumed heal acts on."""

    verb: Verb
    actor: str
    text: str
    attempt: int
    medium: str = ""
    """Where it came from; a value of :class:`~patchpilot.commands.Medium`."""


class Journal(Protocol):
    """The heal's own record, written under its lease. Every method raises ``LeaseLostError`` once another
    worker has taken the heal over."""

    @property
    def heal_id(self) -> HealId: ...

    def failure(self) -> FailureRecord:
        """The red run that this heal is about; after a re-test the later one, on whose commit it goes on."""
        ...

    def state(self) -> HealState: ...

    def move(self, to: HealState, *, reason: str = "", rerun: bool = False) -> None:
        """Make an allowed move; a no-op when it is there already (a node that runs again after a kill).

        With ``rerun``, the effects role is asked with it to have the failed jobs run again, once per run.
        """
        ...

    def step(self, name: str, text: str) -> AbstractContextManager[None]:
        """Show one step of the progress list from its start to its end."""
        ...

    def progress(self, name: str, text: str) -> None:
        """Say what the running step ``name`` is doing. Shown at most every few seconds: of what comes in
        between only the latest is, so each text stands alone."""
        ...

    def note(self, text: str, *, key: str = "") -> None:
        """Tell people something; with a ``key`` in a message of its own, which a later one of it changes."""
        ...

    def settle(self, failure: DistilledFailure) -> Settled:
        """Store what the log says and find the incident that it belongs to."""
        ...

    def distilled(self) -> DistilledFailure | None: ...

    def diagnosed(self, diagnosis: Diagnosis) -> None: ...

    def diagnosis(self) -> Diagnosis | None: ...

    def propose(self, fix: Fix) -> str:
        """Store the fix, make a new approval id and move to ``awaiting_approval``, in one transaction."""
        ...

    def fix(self) -> Fix | None: ...

    def leave_partial(self, *, patch: Patch, author: str, why: str) -> None:
        """Keep an unproven change of this attempt for people to look at. The same again changes nothing."""
        ...

    def hints(self) -> tuple[str, ...]:
        """What people wrote with Retry, oldest first."""
        ...

    def decision(self) -> HumanDecision | None:
        """The latest decision on the current attempt, if any."""
        ...

    def approve_effects(self) -> None:
        """Hand the approved proposal to the effects role (an outbox row; repeated calls change nothing)."""
        ...

    def may_rerun(self) -> bool:
        """No heal has had the failed jobs of this run run again yet, whatever its attempt."""
        ...

    def budget(self) -> Budget: ...
