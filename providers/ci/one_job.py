"""A CI of one job: a command on this machine whose log is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patchpilot.errors import PermanentError
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.source import CIJob, RunRef

_CHUNK = 1 << 18


@dataclass(frozen=True, kw_only=True)
class OneJob:
    """One failed job (:class:`patchpilot.ports.CIProvider`)."""

    name: str
    """For people: the command."""
    plan: ReplayPlan | GaveUp
    log: Path
    """File with what the job printed."""

    def jobs(self, run: RunRef) -> tuple[CIJob, ...]:  # noqa: ARG002 - there is one run
        """The job."""
        return (CIJob(id="1", name=self.name, failed=True),)

    def open_log(self, run: RunRef, job: CIJob) -> Iterator[bytes]:  # noqa: ARG002 - there is one job
        """The log in chunks."""
        with self.log.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def replay(  # the plan is known, whatever is asked
        self,
        tree: Path,  # noqa: ARG002
        *,
        workflow_path: str,  # noqa: ARG002
        job: CIJob,  # noqa: ARG002
        failure: DistilledFailure | None = None,  # noqa: ARG002
    ) -> ReplayPlan | GaveUp:
        """The plan that was made."""
        return self.plan

    def rerun(self, run: RunRef) -> None:
        """Nothing runs anywhere that could be run again."""
        raise PermanentError(f"run {run.run_id!r} is on this machine: start the command again by hand")
