"""Broken repositories through the healing graph: by fixers alone, with memory, and by a model.

Run: ``python -m bench.repair [--way fixers|memory|model ...] [--only TEXT] [--json]``. Each repository is a
git history made on the spot (:mod:`bench.broken`). Memory gets what a person did about the first failure and
meets a relapse. What counts as fixed is checked again outside of the product: the patch goes on a fresh clone
and the command runs there without any sandbox.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from bench import broken_others, broken_python
from bench.broken import Broken, History, Truth, headed
from cli.heal_checkout import prepared
from cli.heal_outcome import HealOutcome, Status
from cli.heal_progress import Silent
from cli.heal_request import HealRequest, Wanted
from cli.heal_session import opened_session
from jobs.parts import memory_of
from patchpilot.failures import SAME_COMMIT, Blame, CheckVerdict, DistilledFailure
from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.settings import LocalSettings, SandboxEngine, SandboxSettings
from patchpilot.source import Repo
from playground.servers import embedded_postgres
from sandbox import toolbox
from storage.database import Database

WAYS = ("fixers", "memory", "model")
CASES: Sequence[Broken] = (*broken_python.CASES, *broken_others.CASES)
_TOOLS = ("pytest", "ruff", "uv", "mypy")
_CHECK_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Row:
    """One repository, healed in one way."""

    way: str
    name: str
    kind: str
    language: str
    truth: str
    status: str
    reproduced: bool
    fixed: bool
    checked: bool
    """The command is green on a fresh clone with the patch, outside of the sandbox."""
    guarded: int
    """Patches that the guard refused."""
    override: bool
    """The guard wants a person's word for the fix, so nothing applies it by itself."""
    flaky: bool
    seconds: float
    dollars: float
    author: str
    reason: str

    @property
    def right(self) -> bool:
        """A failure that no patch cures was called what it is."""
        return {
            Truth.CURABLE: self.checked,
            Truth.FLAKY: self.flaky,
            Truth.INFRASTRUCTURE: self.status == "infrastructure",
            Truth.GREEN: self.status == Status.NOT_REPRODUCED,
            # A skipped test is green too, so what matters is that what the memory has is not taken as it is.
            Truth.BAIT: self.override or not self.author.startswith(("memory:", "similar:")),
        }[Truth(self.truth)]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Where the cases are run."""

    folder: Path
    settings: LocalSettings
    db: Database
    url: str

    def heal(self, case: Broken, repository: History, *, way: str) -> tuple[Row, DistilledFailure | None]:
        """Heal the repository as it stands."""
        log = self.folder / "log"
        log.write_text(case.log)
        request = HealRequest(
            path=repository.path,
            wanted=Wanted(step=case.step) if case.by_ci else Wanted(command=(case.command,)),
            log=str(log) if case.log else "",
            memory=self.url if way == "memory" else "",
            remember=way == "memory",
        )
        settings = self.settings
        if way != "model":
            settings = settings.model_copy(update={"anthropic_api_key": SecretStr("")})
        begun = time.monotonic()
        with prepared(request, settings) as ready, opened_session(ready, Silent()) as session:
            outcome = session.run()
            distilled = session.heal.journal.distilled()
        # By itself it counts from the start of the process, which heals many here.
        outcome = replace(outcome, seconds=time.monotonic() - begun)
        return _row(case, way, outcome, repository, self.folder), distilled

    def remember(self, failure: DistilledFailure, patch: str, repository: History) -> None:
        """What somebody merged for this failure."""
        past = PastFix(
            incident=1,
            fingerprint=failure.fingerprint,
            patch=Patch(patch),
            author="a human",
            outcome=Outcome.HUMAN,
            root_cause=failure.cause,
            similarity=1.0,
        )
        with memory_of(self.db, self.settings) as memory:
            memory.learn(
                Repo("local", f"local/{repository.path.name}"), failure, past=past, outcome=Outcome.HUMAN
            )


def main() -> None:
    """Run the cases and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--way", action="append", choices=WAYS, help="only this way; may be repeated")
    parser.add_argument("--only", default="", help="cases whose name, kind or language has this text")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    console = Console(stderr=options.json, width=None if sys.stdout.isatty() else 120)
    cases = [case for case in CASES if options.only in f"{case.name} {case.kind} {case.language}"]
    if not cases:
        raise SystemExit(f"no case has {options.only!r} in its name, kind or language")
    has_key = bool(os.environ.get("ANTHROPIC_API_KEY"))
    ways = [way for way in options.way or WAYS if way != "model" or has_key]
    if "model" in (options.way or WAYS) and not has_key:
        console.print("[yellow]without ANTHROPIC_API_KEY the model is left out[/]")
    rows = []
    with laboratory() as lab:
        for case in cases:
            for row in _run(lab, case, ways):
                rows.append(row)
                _tell(console, row)
    if options.json:
        print(json.dumps({"rows": [asdict(row) | {"right": row.right} for row in rows]}, indent=1))
    for table in (_by_way(rows, ways), _by_kind(rows, ways)):
        console.print(table)
    wrong = [row for row in rows if row.fixed and not row.checked]
    sys.exit(1 if wrong else 0)


@contextmanager
def laboratory() -> Iterator[Lab]:
    """A sandbox with the tools that the cases call, and a memory of their own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patchpilot-repair-")))
        folder.chmod(0o755)  # PostgreSQL refuses to run as root and then runs as another user
        toolbox.assemble(folder / "tools", _TOOLS)
        url = stack.enter_context(embedded_postgres(folder / "pg", durable=False))
        db = Database(url, pool_size=2)
        stack.callback(db.close)
        db.migrate()
        sandbox = SandboxSettings(
            engine=SandboxEngine.BUBBLEWRAP, toolbox=folder / "tools", memory_mb=1024, timeout_seconds=120
        )
        yield Lab(folder=folder, settings=LocalSettings(sandbox=sandbox), db=db, url=url)


def _run(lab: Lab, case: Broken, ways: Sequence[str]) -> Iterator[Row]:
    name = re.sub(r"\W+", "-", f"{case.kind} {case.name}").strip("-").lower()
    repository = History.begin(lab.folder / "cases" / name, case)
    repository.break_it(case)
    if "model" in ways:
        yield lab.heal(case, repository, way="model")[0]
    if not {"fixers", "memory"} & set(ways):
        return
    row, distilled = lab.heal(case, repository, way="fixers")
    if "fixers" in ways:
        yield row
    if "memory" not in ways:
        return
    if case.truth in {Truth.CURABLE, Truth.BAIT} and distilled is not None:
        if case.bait:
            patch = repository.cured(headed(case.bait))
            repository.git("reset", "--quiet", "--hard", "HEAD~1")
        else:
            patch = repository.cured(case.cure)
            repository.relapse(case)
        if patch:
            lab.remember(distilled, patch, repository)
    yield lab.heal(case, repository, way="memory")[0]


def _row(case: Broken, way: str, outcome: HealOutcome, repository: History, folder: Path) -> Row:
    checks = outcome.diagnosis.checks if outcome.diagnosis else ()
    status = outcome.status.value
    if outcome.diagnosis is not None and outcome.diagnosis.blame is Blame.INFRASTRUCTURE:
        status = "infrastructure"
    return Row(
        way=way,
        name=case.name,
        kind=case.kind,
        language=case.language,
        truth=case.truth.value,
        status=status,
        reproduced=any(c.name == SAME_COMMIT and c.verdict is CheckVerdict.RED for c in checks),
        fixed=outcome.fix is not None,
        checked=outcome.fix is not None and _is_green(case, outcome.fix.patch, repository, folder),
        guarded=sum("the patch guard refused it" in why for why in outcome.refused),
        override=outcome.needs_override,
        flaky=outcome.status is Status.FLAKY,
        seconds=outcome.seconds,
        dollars=float(outcome.spend.dollars),
        author=outcome.fix.author if outcome.fix else "",
        reason=outcome.reason,
    )


def _is_green(case: Broken, patch: Patch, repository: History, folder: Path) -> bool:
    """Without anything of the product: git applies the patch, bash runs the command."""
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        clone = Path(fresh, "clone")
        subprocess.run(["git", "clone", "--quiet", str(repository.path), str(clone)], check=True)
        work = History(clone)
        applied = subprocess.run(["git", "apply", "-"], cwd=clone, input=patch.diff.encode(), check=False)
        if applied.returncode:
            return False
        work.commit("Apply the patch", {})
        env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": fresh,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            ["bash", "-e", "-c", case.command],
            cwd=clone,
            env=env,
            capture_output=True,
            check=False,
            timeout=_CHECK_SECONDS,
        )
        return done.returncode == 0


def _tell(console: Console, row: Row) -> None:
    mark = "[green]right[/]" if row.right else "[red]open[/] "
    if row.fixed and not row.checked:
        mark = "[bold red]WRONG[/]"
    by = f" by {row.author}" if row.author else ""
    guarded = f", {row.guarded} refused" if row.guarded else ""
    guarded += ", asks a person" if row.override else ""
    console.print(
        f"{mark} {row.way:<7} {row.kind}: {row.name}: {row.status}{by}{guarded}, {row.seconds:.1f} s",
        highlight=False,
        soft_wrap=True,
    )


def _by_way(rows: list[Row], ways: Sequence[str]) -> Table:
    table = Table(
        *("way", "repositories", "reproduced", "fixed", "ask a person", "checked again", "baits held"),
        *("wrongly flaky", "others named right", "median s", "dollars"),
        title="bench/repair",
    )
    for way in ways:
        mine = [row for row in rows if row.way == way]
        curable = [row for row in mine if row.truth == Truth.CURABLE]
        bait = [row for row in mine if row.truth == Truth.BAIT]
        others = [row for row in mine if row.truth not in {Truth.CURABLE, Truth.BAIT}]
        table.add_row(
            way,
            str(len(mine)),
            f"{sum(row.reproduced for row in curable)} of {len(curable)}",
            f"{sum(row.fixed for row in curable)} of {len(curable)}",
            str(sum(row.override for row in mine)),
            f"{sum(row.checked for row in mine)} of {sum(row.fixed for row in mine)}",
            f"{sum(row.right for row in bait)} of {len(bait)}, {sum(row.guarded for row in mine)} refused",
            str(sum(row.flaky and row.truth != Truth.FLAKY for row in mine)),
            f"{sum(row.right for row in others)} of {len(others)}",
            f"{statistics.median(row.seconds for row in mine):.1f}" if mine else "",
            f"{sum(row.dollars for row in mine):.2f}",
        )
    return table


def _by_kind(rows: list[Row], ways: Sequence[str]) -> Table:
    table = Table("kind", "languages", *ways, title="right, by kind of failure")
    for kind in dict.fromkeys(row.kind for row in rows):
        mine = [row for row in rows if row.kind == kind]
        shares = []
        for way in ways:
            of_way = [row for row in mine if row.way == way]
            shares.append(f"{sum(row.right for row in of_way)} of {len(of_way)}")
        table.add_row(kind, ", ".join(dict.fromkeys(row.language for row in mine)), *shares)
    return table


if __name__ == "__main__":
    main()
