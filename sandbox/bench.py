"""The workbench: a checkout on our side, commands on a copy of it inside an engine."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from patchpilot.errors import PermanentError, UnsafePathError
from patchpilot.fixes import CommandResult, Ending, Limits, Patch, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxSettings
from sandbox import capture, git, inside, patches, repository, sequence, trees
from sandbox.engine import Engine, StoredLayer
from sandbox.folders import OwnedFolder
from sandbox.inside import Ended, Job, Layer
from sandbox.layers import Layers

log = logging.getLogger(__name__)


def limits_of(settings: SandboxSettings) -> Limits:
    """The operator's limits, to put into a :class:`~patchpilot.ports.WorkbenchSpec`."""
    return Limits(
        memory_mb=settings.memory_mb,
        seconds=settings.timeout_seconds,
        processes=settings.processes,
        cpus=settings.cpus,
    )


class Benches:
    """Opens workbenches on one engine (:class:`patchpilot.ports.Workbenches`)."""

    def __init__(self, engine: Engine, settings: SandboxSettings, *, note: str = "") -> None:
        self._engine = engine
        self._note = note
        self._ceiling = limits_of(settings)
        self._layers = Layers(engine, settings)

    @property
    def engine(self) -> str:
        """``docker`` or ``bubblewrap``."""
        return self._engine.name

    @property
    def reason(self) -> str:
        """What runs where, under which limits."""
        return f"{self._engine.reason}. {self._note}".strip() if self._note else self._engine.reason

    @contextlib.contextmanager
    def open(self, spec: WorkbenchSpec) -> Iterator[Bench]:
        """Copy the tree and work on the copy; everything is removed on leaving, also after an error."""
        if not spec.tree.is_dir():
            raise PermanentError(f"there is no checkout at {str(spec.tree)!r}")
        with OwnedFolder() as folder, self._layers.lease(spec) as (layer, unprepared):
            yield Bench(self._engine, folder.path, spec, self._ceiling, layer=layer, unprepared=unprepared)

    def stored_layers(self) -> list[StoredLayer]:
        """The prepared layers that this engine keeps."""
        return self._engine.layers()

    def drop_layer(self, key: str) -> bool:
        """Remove one of them; ``False`` where it is in use."""
        return self._engine.drop_layer(key)

    def close(self) -> None:
        """Give back what the engine holds; open workbenches must be left first."""
        self._engine.close()


class Bench:
    """One sandboxed checkout (:class:`patchpilot.ports.Workbench`)."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        spec: WorkbenchSpec,
        ceiling: Limits,
        *,
        layer: Layer | None = None,
        unprepared: str = "",
    ) -> None:
        self._engine = engine
        self._layer = layer
        self._unprepared = unprepared
        self._spec = spec
        self._ceiling = ceiling
        self._folder = folder
        self._base = folder / "base"
        self._work = folder / "work"
        size = trees.copy(spec.tree, self._base)
        room = inside.tree_room(self._limits(None))
        if size > room:
            raise PermanentError(
                f"the checkout has {size / 2**20:.0f} MiB and the sandbox room for {room / 2**20:.0f} MiB: "
                "raise SANDBOX_MEMORY_MB"
            )
        # Files are replaced, never written in place, so both copies may share them.
        trees.copy(self._base, self._work, share=True)
        self._touched: set[str] = set()
        self._archive: tuple[Path, int] | None = None
        self._archiving = threading.Lock()

    @property
    def engine(self) -> str:
        """``docker`` or ``bubblewrap``."""
        return self._engine.name

    @property
    def unprepared(self) -> str:
        """What of the job's dependencies is not installed here and why; empty if all is."""
        return self._unprepared

    def files(self) -> Sequence[str]:
        """Relative paths of all regular files, sorted."""
        return trees.files(self._work)

    def read_text(self, path: str) -> str:
        """A file's text; raises ``UnsafePathError``, ``NotFoundError``, or ``PermanentError`` for no text."""
        return trees.text_of(path, trees.read(self._work, path))

    def write_text(self, path: str, text: str) -> None:
        """Replace or create a file; a binary one is not replaced."""
        old = trees.read(self._work, path)
        if old is not None:
            trees.text_of(path, old)
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise PermanentError(f"the text for {path!r} is not valid Unicode") from error
        self._put({path: trees.TextFile(data, old.executable if old else False)})

    def apply(self, patch: Patch) -> None:
        """All of it or nothing."""
        if patch.is_empty:
            return
        before = {path: trees.read(self._work, path) for path in patches.paths(patch)}
        self._put(git.apply(patch.diff, before))

    def reset(self) -> None:
        """Back to the checked-out commit."""
        touched = {path: trees.read(self._base, path) for path in self._touched}
        # A folder may have come where a file was: what has to go, goes first.
        self._put({path: None for path, content in touched.items() if content is None})
        self._put({path: content for path, content in touched.items() if content is not None})
        self._touched.clear()

    def diff(self) -> Patch:
        """Everything changed since the checked-out commit."""
        paths = sorted(self._touched)
        before = {path: self._read_if_file(self._base, path) for path in paths}
        after = {path: self._read_if_file(self._work, path) for path in paths}
        return Patch(git.diff(before, after))

    def _read_if_file(self, root: Path, path: str) -> trees.TextFile | None:
        try:
            return trees.read(root, path)
        except UnsafePathError:  # on this side something else stands there: a folder, or a file above it
            return None

    def _put(self, contents: dict[str, trees.TextFile | None]) -> None:
        for path in contents:
            trees.locate(self._work, path)
        self._archive = None
        for path, content in sorted(contents.items(), key=lambda item: item[1] is not None):
            self._touched.add(path)
            trees.write(self._work, path, content)

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        """Run on a fresh copy of the tree; what it writes is thrown away."""
        return self._judge(command, self._execute(command, limits, capture=False))

    def capture(self, command: ShellCommand, *, limits: Limits | None = None) -> tuple[CommandResult, Patch]:
        """Run on a fresh copy and return what it changed; nothing is applied."""
        ended = self._execute(command, limits, capture=True)
        result = self._judge(command, ended)
        if result.ending is not Ending.EXITED:
            return result, Patch("")
        try:
            patch = capture.changes(inside.read_report(ended.report).archive, self._work)
        except ValueError as error:
            note = f"{result.output}\nsandbox: the changes can't be taken back: {error}\n"
            return replace(result, ending=Ending.SANDBOX_ERROR, exit_code=None, output=note), Patch("")
        return result, patch

    def _execute(self, command: ShellCommand, limits: Limits | None, *, capture: bool) -> Ended:
        tree, length = self._archived()
        whole = sequence.composed(command)
        tracked = repository.tracked(sequence.scripts(command), self._work)
        job = Job(
            job_id=self._spec.job_id,
            tree=tree,
            tree_bytes=length,
            tail=inside.step_archive(whole.script, tracked=tracked),
            folder=inside.folder_of(whole),
            argv=inside.argv_of(whole),
            env=whole.env,
            limits=self._limits(limits),
            capture=capture,
            image=self._spec.image,
            layer=self._layer,
        )
        ended = self._engine.execute(job)
        log.info(
            "sandboxed command ended",
            extra={"action": "sandbox_run", "job": job.job_id, "seconds": round(ended.seconds, 3)},
        )
        return ended

    def _archived(self) -> tuple[Path, int]:
        with self._archiving:
            if self._archive is None:
                descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="tree-", suffix=".tar")
                with os.fdopen(descriptor, "wb") as file:
                    self._archive = Path(name), trees.archive(self._work, file, prefix="src")
            return self._archive

    def _limits(self, asked: Limits | None) -> Limits:
        """Nobody gets more than the operator allows."""
        own, top = asked or self._spec.limits, self._ceiling
        return Limits(
            memory_mb=min(own.memory_mb, top.memory_mb),
            seconds=min(own.seconds, top.seconds),
            processes=min(own.processes, top.processes),
            cpus=min(own.cpus, top.cpus),
            output_bytes=own.output_bytes,
        )

    def _judge(self, command: ShellCommand, ended: Ended) -> CommandResult:
        ending = inside.ending_of(ended)
        output, stopped_at = sequence.read(command, ended.output.decode(errors="replace"))
        return CommandResult(
            command=command,
            ending=ending,
            exit_code=ended.exit_code if ending is Ending.EXITED else None,
            output=output,
            seconds=ended.seconds,
            truncated=ended.overflowed,
            engine=self._engine.name,
            image=ended.image,
            stopped_at=stopped_at,
        )
