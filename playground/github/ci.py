"""The machines that CI jobs run on: a few worker threads and the sandbox."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from patchpilot.ports import Workbench, Workbenches, WorkbenchSpec
from providers.hosts.unpack import TreeLimits, unpack


class CIRunner:
    """Runs workflow runs, ``parallel`` of them at a time, each job's commands in a workbench."""

    def __init__(self, workbenches: Workbenches, *, parallel: int = 2) -> None:
        self._workbenches = workbenches
        self._pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="playground-ci")

    @property
    def engine(self) -> str:
        """``docker``, ``bubblewrap`` or ``none``."""
        return self._workbenches.engine

    def submit(self, work: Callable[[], None]) -> None:
        """Do ``work`` on a free machine, in the order of arrival; ignored once closed."""
        try:
            self._pool.submit(work)
        except RuntimeError:  # closing down: nobody waits for this run any more
            return

    @contextmanager
    def workbench(self, archive: bytes, *, job_id: str) -> Iterator[Workbench]:
        """A workbench on the tree in ``archive``, a tar that git made.

        Raises :class:`~patchpilot.errors.SandboxUnavailableError` where there is no sandbox.
        """
        folder = Path(tempfile.mkdtemp(prefix="playground-ci-"))
        try:
            unpack(io.BytesIO(archive), folder, TreeLimits())
            with self._workbenches.open(WorkbenchSpec(tree=folder, job_id=job_id)) as bench:
                yield bench
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Finish what runs now and drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)
