"""Read the failed job's log and settle which incident the failure belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from agent.distil import distil
from agent.nodes.state import FINISH, State, enter
from agent.toolbox import HealTools
from patchpilot.errors import NotFoundError
from patchpilot.failures import DistilledFailure
from patchpilot.heals import HealState
from patchpilot.source import CIJob, RunRef
from patchpilot.text import one_line

DISTILLED_BYTES = 8000
"""Budget of the distilled log."""

_SNIFFED_BYTES = 65_536
_BINARY_SHARE = 0.05
_SPACE = ord(" ")
_TEXT_CONTROLS = frozenset(b"\t\n\x0b\x0c\r\x08\x07\x1b")


def ingest(tools: HealTools, state: State) -> State:  # noqa: ARG001 - every node has the same signature
    """Find the failed job, distil its log, settle the incident."""
    enter(tools, HealState.INGESTING)
    run = tools.journal.failure().run
    with tools.journal.step("ingest", "Reading the failed job's log"):
        # The first failed job is read: later ones often fail only because it did.
        failed = [job for job in tools.ci.jobs(run) if job.failed]
        if not failed:
            return _leave_to_people(_no_failed_job(run))
        job, *others = failed
        try:
            failure = _read_log(tools, run, job)
        except NotFoundError:
            return _leave_to_people(
                f"The log of job {job.name!r} is not there: it has expired or was deleted. "
                f"Run the job again so that PatchPilot can read it{_at(job.url or run.url)}."
            )
        except _UnreadableLogError as error:
            return _leave_to_people(f"The log of job {job.name!r} {error}{_at(job.url or run.url)}.")
    settled = tools.journal.settle(failure)
    if settled.joined is not None:
        return State(route=FINISH, job_id=job.id)
    return State(route="diagnose", job_id=job.id, other_jobs=[_named(tools, other) for other in others])


def _named(tools: HealTools, job: CIJob) -> str:
    return one_line(tools.redact(job.name), 60)


class _UnreadableLogError(Exception):
    """The message completes "The log of job X ...", and says what to do."""


def _read_log(tools: HealTools, run: RunRef, job: CIJob) -> DistilledFailure:
    reader = _LogReader(tools.ci.open_log(run, job), limit=tools.settings.log_max_bytes)
    step = job.failed_step.name if job.failed_step else ""
    failure = distil(reader.chunks(), max_bytes=DISTILLED_BYTES, step=step, redact=tools.redact)
    return replace(failure, truncated=True) if reader.cut else failure


@dataclass
class _LogReader:
    """Passes a log on in chunks, stops at the limit, and refuses what is empty or no text."""

    source: Iterable[bytes]
    limit: int
    size: int = 0
    cut: bool = False
    _sniffed: int = 0
    _strange: int = 0

    def chunks(self) -> Iterator[bytes]:
        for chunk in self.source:
            if self.size >= self.limit:
                self.cut = True
                return
            part = chunk[: self.limit - self.size]
            self.cut = self.cut or len(part) < len(chunk)
            self.size += len(part)
            self._sniff(part[: _SNIFFED_BYTES - self._sniffed])
            yield part
        if not self.size:
            raise _UnreadableLogError("is empty: open the run and look at its summary")
        self._judge(at_least=1)

    def _sniff(self, part: bytes) -> None:
        if not part:
            return
        self._sniffed += len(part)
        self._strange += sum(byte < _SPACE and byte not in _TEXT_CONTROLS for byte in part)
        self._judge(at_least=512)

    def _judge(self, *, at_least: int) -> None:
        if self._sniffed >= at_least and self._strange > _BINARY_SHARE * self._sniffed:
            raise _UnreadableLogError("is binary data, not text: make the job print what went wrong as text")


def _no_failed_job(run: RunRef) -> str:
    return (
        "The run failed but reports no failed job, so there is no log to read. Most often the workflow file "
        f"itself is invalid; open the run to see what it says{_at(run.url)}."
    )


def _at(url: str) -> str:
    return f" ({url})" if url else ""


def _leave_to_people(reason: str) -> State:
    return State(route="escalate", reason=reason)
