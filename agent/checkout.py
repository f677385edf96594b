"""The failing commit's files in the heal's scratch folder. Nothing in it is ever executed on this side."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from agent.toolbox import HealTools
from patchpilot.errors import NotFoundError


def checked_out(tools: HealTools) -> Path:
    """The folder with the files of the failing commit, fetched unless an earlier node of this heal left them.

    Raises :class:`~patchpilot.errors.NotFoundError`, with what to do, when the commit is gone.
    """
    record = tools.journal.failure()
    tree = tools.workdir / f"tree-{record.head_sha}"
    if tree.is_dir():
        return tree
    tools.workdir.mkdir(parents=True, exist_ok=True)
    # Renamed into place when complete, so a kill half-way never leaves a folder that looks finished.
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=tools.workdir))
    try:
        tools.host.checkout(record.run.repo, record.head_sha, partial)
        partial.rename(tree)
    except NotFoundError as error:
        raise NotFoundError(
            f"commit {record.head_sha[:7]} of {record.run.repo} can't be checked out ({error}); if "
            f"branch {record.branch!r} was deleted or force-pushed, push it again and run the job again"
        ) from error
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
    return tree
