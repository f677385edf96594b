"""One heal on this machine from start to proof: the parts, opened and closed, and what came of it."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

from agent.checkout import bench_spec
from agent.local import FirstLook, LocalHeal, NoMemory, SeenWorkbenches, TimedWorkbenches, first_look
from agent.local_journal import LocalBudget, LocalJournal
from agent.reproduction import COMMAND_NOT_FOUND, not_about_the_code
from agent.toolbox import HealTools
from cli.distil import opened
from cli.heal_checkout import Prepared
from cli.heal_outcome import HealOutcome, Status
from cli.heal_plan import NODE
from cli.heal_progress import Progress
from cli.heal_request import HealRequest
from cli.mistyped import meant, mistyped
from jobs.parts import memory_of, model_of, secrets_of
from patchpilot.errors import ConfigurationError, PatchPilotError, TemporaryError
from patchpilot.failures import SAME_COMMIT, Category, CheckVerdict
from patchpilot.fixes import CommandResult, ReplayPlan
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import FailureRecord
from patchpilot.ports import Memory
from patchpilot.redaction import Redactor
from patchpilot.settings import LocalSettings, SandboxEngine, SandboxSettings
from patchpilot.source import RunRef
from patchpilot.text import one_line, sentence
from providers.ci.one_job import OneJob
from providers.hosts.local import LocalCheckout
from sandbox import NoWorkbenches, open_workbenches, reap

_NO_NETWORK = (
    "The log is what the command printed in the sandbox, which has no network: give a command that "
    "needs none, or the log of a run elsewhere with --log."
)

_NO_NAMES = re.compile(
    r"\bgaierror\b|name resolution|Name or service not known|getaddrinfo (?:EAI_AGAIN|ENOTFOUND)"
    r"|Network is unreachable|\blookup \S+ on \S+: |Could not resolve host|UnknownHostException"
)
"""How programs say that they looked for another machine in vain."""

_NO_IMAGE = (
    "Images need Docker; with bubblewrap commands have this machine's /usr, and the Python tools in the "
    "folder that SANDBOX_TOOLBOX names."
)

_BY_LOG = "The log of a run elsewhere is diagnosed without one: --log FILE."
_NONE = f"Unset SANDBOX_ENGINE, or set it to docker or bubblewrap, to have the command run. {_BY_LOG}"
_UNOWNED_SECONDS = 10.0
"""A folder that nobody has locked so long after it was made is nobody's."""
_LACKED = re.compile(r"image has no ([\w.+@-]+)\.")
"""What a job's image lacks (:func:`agent.reproduction.not_about_the_code`)."""


@dataclass(kw_only=True)
class HealSession:
    """A heal that may go on: :meth:`run` once, then :meth:`again` as often as the person likes."""

    request: HealRequest
    settings: LocalSettings
    progress: Progress
    checkout: LocalCheckout
    heal: LocalHeal
    ci: OneJob
    plan: ReplayPlan
    log: Path
    timed: TimedWorkbenches

    @property
    def root(self) -> Path:
        """The top of the person's work tree."""
        return self.checkout.tree.root

    @property
    def proven_on(self) -> Path:
        """The copy of the work tree that everything was proven on."""
        return self.checkout.scratch / "copy"

    def run(self) -> HealOutcome:
        """Heal; returns what came of it, whatever it is."""
        tools = self.heal.tools
        if self.request.log:
            self._read_log()
        elif tools.workbenches.engine == "none":
            return self._ended(Status.UNUSABLE, f"There is no sandbox here. {tools.workbenches.reason}")
        else:
            look = first_look(tools, bench_spec(tools, self.plan), self.plan)
            self.plan = look.plan
            red = look.red
            if red is None or look.problem:
                return self._nothing_to_heal(look)
            if said := self._mistyped(red):
                return self._ended(
                    Status.UNUSABLE,
                    f"The command itself is wrong, so there is nothing to heal: {said} (exit code "
                    f"{red.exit_code}). Mend the command and try again.",
                )
            self.log.write_text(_as_log(red), encoding="utf-8", errors="replace")
            seen = SeenWorkbenches(tools.workbenches, self.plan.failing, list(look.results))
            self.heal.tools = replace(tools, workbenches=seen, ci=replace(self.ci, plan=self.plan))
        return self._advance()

    def again(self, hint: str) -> HealOutcome:
        """Another fix, please."""
        self.heal.journal.try_again(hint)
        return self._advance()

    def interrupted(self) -> HealOutcome:
        """The person pressed Ctrl-C."""
        return self._ended(Status.INTERRUPTED, "Interrupted; nothing in your work tree was changed.")

    def _read_log(self) -> None:
        with opened(self.request.log) as chunks, self.log.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)

    def _mistyped(self, red: CommandResult) -> str:
        """What the tool says of the words that the person typed; a command of the CI was not typed."""
        if not self.request.wanted.command or red.earlier is not None:
            return ""
        here = self.root / self.checkout.tree.inside
        return mistyped(self.plan.failing.script, red, tree=self.proven_on, here=here)

    def _meant(self, problem: str) -> str:
        """The tool that was mistyped, where the image lacks a command that the person typed."""
        lacked = _LACKED.search(problem)
        typed = self.plan.failing.script if self.request.wanted.command else ""
        return meant(typed, lacked[1]) if lacked else ""

    def _wrong_suite(self) -> str:
        """Why the suite that the person typed can't be run; it would be "no worse" with any patch."""
        fix = self.heal.journal.fix()
        seen = fix.proof.suite_before if fix and self.request.wanted.suite else None
        if seen is None or seen.earlier is not None:
            return ""
        here = self.root / self.checkout.tree.inside
        said = mistyped(seen.command.script, seen, tree=self.proven_on, here=here)
        return f"{said} (exit code {seen.exit_code})." if said else not_about_the_code(seen)

    def _nothing_to_heal(self, look: FirstLook) -> HealOutcome:
        if look.problem:
            if tool := self._meant(look.problem):
                why = f"The command has a name that the sandbox does not know: did you mean {tool}?"
                return self._ended(Status.UNUSABLE, why)
            why = f"The command can't be judged in the sandbox: {look.problem}"
            missing = any(result.exit_code == COMMAND_NOT_FOUND for result in look.results)
            if self._lacks():
                why += f" {self._lacks()}"
            elif missing and self.heal.tools.workbenches.engine == "bubblewrap":
                why += f" {_NO_IMAGE}"
            elif missing and (tool := _here(look.problem)):
                why += f" Or set SANDBOX_ENGINE=bubblewrap, since this machine has bwrap and {tool}."
            return self._ended(Status.UNUSABLE, why)
        times = f"{len(look.results)} of {len(look.results)} times"
        return self._ended(
            Status.NOT_REPRODUCED,
            f"The command is green: it passed {times} in the sandbox, so there is nothing to heal. If it is "
            "red outside, it depends on something that the sandbox does not have: ignored files (--include), "
            "network, services, time.",
        )

    def _another_image(self) -> tuple[str, ...]:
        asked = one_line(self.plan.job_image, 120)
        if not asked or self.plan.image or self.plan.source.startswith("detected:"):
            return ()
        return (f"The job asks for {asked}; SANDBOX_IMAGES names no image of yours for it.",)

    def _lacks(self) -> str:
        """What could not be installed or run ahead of the command, and what to do; empty if nothing."""
        found = list(self.plan.left_out)
        folders = {one.workdir for one in self.plan.preparations if one.manager in NODE}
        for place in (Path(folder, "node_modules") for folder in sorted(folders)):
            if found and (self.root / place).is_dir() and not (self.proven_on / place).exists():
                found.append(f"Your checkout has {place}: --include {place} takes it along as it is.")
        return " ".join(found)

    def _advance(self) -> HealOutcome:
        try:
            self.heal.advance()
        except TemporaryError as error:
            # What was found until then is kept.
            known = self.heal.journal.diagnosis() is not None
            status = Status.NOT_FIXED if known else Status.UNUSABLE
            return self._ended(status, f"Stopped: {sentence(error)} Try again later.")
        return self._ended(*self._verdict())

    def _verdict(self) -> tuple[Status, str]:
        journal = self.heal.journal
        match journal.current:
            case HealState.AWAITING_APPROVAL:
                why = self._wrong_suite()
                wrong = f"--suite is no check of a patch: {why} Mend it, or leave it out."
                return (Status.UNUSABLE, wrong) if why else (Status.FIXED, "")
            case HealState.FLAKY:
                return Status.FLAKY, journal.reason
            case HealState.INFRASTRUCTURE:
                distilled = journal.distilled()
                if not self.request.log and distilled and distilled.category is Category.INFRASTRUCTURE:
                    # A command that looks in vain for what is not installed tries to fetch it (npx).
                    return Status.UNUSABLE, f"{journal.reason} {self._lacks() or _NO_NETWORK}"
                return Status.NOT_FIXED, journal.reason
            case _:
                return self._uncured(journal.reason)

    def _uncured(self, reason: str) -> tuple[Status, str]:
        status = self._why_not()
        if status is Status.NOT_FIXED and (missed := self._missed()):
            return Status.UNUSABLE, f"The command can't be judged in the sandbox: {missed}"
        return status, reason

    def _missed(self) -> str:
        """What a failure that nothing cured most likely is about: something that the sandbox lacks."""
        distilled = self.heal.journal.distilled()
        if self.request.log or distilled is None or self.heal.journal.partial is not None:
            return ""
        if distilled.category is Category.DEPENDENCY and self._lacks():
            return f"{sentence(distilled.cause)} {self._lacks()}"
        return f"{sentence(distilled.cause)} {_NO_NETWORK}" if _NO_NAMES.search(distilled.cause) else ""

    def _why_not(self) -> Status:
        diagnosis = self.heal.journal.diagnosis()
        checks = diagnosis.checks if diagnosis else ()
        seen = next((check.verdict for check in checks if check.name == SAME_COMMIT), CheckVerdict.RED)
        if seen in {CheckVerdict.GREEN, CheckVerdict.OTHERWISE}:
            return Status.NOT_REPRODUCED
        return Status.UNUSABLE if seen is CheckVerdict.UNKNOWN else Status.NOT_FIXED

    def _ended(self, status: Status, reason: str) -> HealOutcome:
        journal, tools = self.heal.journal, self.heal.tools
        left_out = [one_line(what, 200) for what in self.checkout.left_out]
        return HealOutcome(
            status=status,
            reason=reason,
            path=str(self.root),
            command=self.plan.failing,
            source=self.plan.source,
            head=self.checkout.head,
            changed=self.checkout.changed,
            diagnosis=journal.diagnosis(),
            fix=journal.fix() if status is Status.FIXED else None,
            partial=journal.partial,
            refused=tuple(tools.redact(why) for why in self.heal.refused),
            spend=journal.money.spent,
            engine=tools.workbenches.engine,
            model=tools.model.name if tools.model else "",
            sandbox_seconds=self.timed.seconds,
            notes=(
                *self.plan.notes,
                *self.plan.uninstalled,
                *self._another_image(),
                *(what for what in self.plan.left_out if what not in reason),
                *journal.said,
                *(f"Left out of the sandbox: {sentence(what)}" for what in left_out),
            ),
        )


def _here(problem: str) -> str:
    """The command that the image lacks, where bubblewrap would find this machine's own; else empty."""
    lacked = _LACKED.search(problem)
    found = which(lacked[1]) if lacked and which("bwrap") else None
    return lacked[1] if lacked and found and Path(found).resolve().is_relative_to("/usr") else ""


def _as_log(red: CommandResult) -> str:
    """The output; for a command that says nothing, a runner's last word, since an empty log tells nothing."""
    return red.output if red.output.strip() else f"Process completed with exit code {red.exit_code}.\n"


@contextmanager
def opened_session(ready: Prepared, progress: Progress) -> Iterator[HealSession]:
    """Everything a heal needs; all of it is closed on leaving, whatever happened.

    Raises :class:`~patchpilot.errors.PermanentError`, with what to do, for what can't be used.
    """
    request, settings, folder = ready.request, ready.settings, ready.folder
    checkout, plan = ready.checkout, ready.plan
    with ExitStack() as stack:
        workbenches = open_workbenches(settings.sandbox)
        stack.callback(workbenches.close)
        _clear_away(settings.sandbox, SandboxEngine(workbenches.engine))
        if isinstance(workbenches, NoWorkbenches) and not request.log:
            raise ConfigurationError(
                f"there is no sandbox here to run the command in. {workbenches.reason} "
                + (_NONE if settings.sandbox.engine is SandboxEngine.NONE else _BY_LOG)
            )
        timed = TimedWorkbenches(workbenches)
        journal = _journal(request, settings, progress, checkout)
        model = model_of(settings)
        if model is not None:
            stack.callback(model.close)
        log = folder / "log"
        ci = OneJob(name=one_line(plan.failing.script, 80), plan=plan, log=log)
        tools = HealTools(
            journal=journal,
            ci=ci,
            host=checkout,
            workbenches=timed,
            memory=_memory(request, settings, journal, stack),
            model=model,
            redact=Redactor(secrets_of(settings)),
            settings=settings,
            workdir=folder / "work",
        )
        yield HealSession(
            request=request,
            settings=settings,
            progress=progress,
            checkout=checkout,
            heal=LocalHeal(tools, journal),
            ci=ci,
            plan=plan,
            log=log,
            timed=timed,
        )


def _clear_away(sandbox: SandboxSettings, engine: SandboxEngine) -> None:
    """Remove what heals on this machine left that were killed.

    No container goes by its age: other processes at the same engine may have longer limits.
    """
    in_use = sandbox.model_copy(update={"engine": engine})
    reap(in_use, older_than_seconds=math.inf, folders_older_than_seconds=_UNOWNED_SECONDS)


def _journal(
    request: HealRequest, settings: LocalSettings, progress: Progress, checkout: LocalCheckout
) -> LocalJournal:
    commit = checkout.commit(checkout.repo, checkout.head)
    record = FailureRecord(
        id=1,
        run=RunRef(provider="local", repo=checkout.repo, run_id="1"),
        workflow="command line",
        workflow_path="",
        branch=checkout.branch,
        default_branch=checkout.default_branch,
        head_sha=checkout.head,
        author=commit.author,
        commit_subject=commit.subject,
        pull_request=None,
        from_fork=False,
        uncommitted=checkout.changed,
        received_at=datetime.now(UTC),
    )
    return LocalJournal(
        heal_id=HealId(secrets.token_hex(16)),
        record=record,
        watcher=progress,
        money=LocalBudget(dollars=settings.heal_max_dollars, tokens=settings.heal_max_tokens),
        asked=list(request.hints),
    )


def _memory(
    request: HealRequest, settings: LocalSettings, journal: LocalJournal, stack: ExitStack
) -> Memory | NoMemory:
    """The memory of an installation, where there is one.

    An address that was given by name has to work. ``DATABASE_URL`` may well be that of the very application
    that is to be healed, so it is left alone, with a note, unless it is a database of ours.
    """
    url = request.memory or settings.database_url.get_secret_value()
    if not url or not request.remember:
        return NoMemory()
    from storage.database import Database  # noqa: PLC0415 - most heals on the command line have no database

    try:
        db = Database(url, pool_size=1)
        stack.callback(db.close)
        if not db.schema_is_current():
            raise ConfigurationError(
                "its schema is not that of this version of PatchPilot (`patchpilot migrate` updates it)"
            )
    except PatchPilotError as error:
        if request.memory:
            # Not the setting, which nobody has set, but the option.
            why = str(error).replace("DATABASE_URL", "the address", 1)
            raise ConfigurationError(f"--memory: {why}") from error
        journal.note(f"DATABASE_URL is left alone, so nothing is remembered: {sentence(error)}")
        return NoMemory()
    return stack.enter_context(memory_of(db, settings, say=journal.note))
