"""``patchpilot guard``: judge a patch from the command line, in CI or before a commit."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.distil import is_binary
from cli.streams import standard_input
from patchpilot.errors import PermanentError
from patchpilot.text import one_line

if TYPE_CHECKING:  # the command loads what it needs when it runs; the others start sooner
    from patchpilot.fixes import GuardFinding

CLEAN, REFUSED, UNUSABLE = 0, 1, 2
_MAX_BYTES = 20_000_000
_GIT_SECONDS = 60
_OF_DIFF = re.compile(r"^--- [^\n]*\t\d{4}-\d\d-\d\d [^\n]*\n\+\+\+ [^\n]*\t\d{4}-\d\d-\d\d ", re.MULTILINE)
_OF_GIT = re.compile(r"^diff --git ", re.MULTILINE)


def guard_command(
    diff: Annotated[
        str, typer.Argument(help="File with a diff in git's format, or - for standard input.")
    ] = "",
    *,
    repo: Annotated[
        Path | None, typer.Option(help="Repository that the diff is meant for; the rules see more with it.")
    ] = None,
    base: Annotated[str, typer.Option(help="Commit of that repository to which the diff applies.")] = "HEAD",
    staged: Annotated[bool, typer.Option("--staged", help="Judge what is staged in the repository.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="Print the table of rules and judge nothing.")
    ] = False,
) -> None:
    """Refuse a patch that cheats: weakened tests, relaxed checks, hostile paths, secrets.

    Exit code 0: clean. 1: refused, or only a named person may wave it through. 2: unusable input.
    """
    from agent.guard.inspection import inspect, is_refused  # noqa: PLC0415 - other commands start sooner
    from patchpilot.fixes import Patch  # noqa: PLC0415 - the same

    if rules:
        typer.echo(rules_table())
        return
    try:
        tree, text = _given(diff, staged=staged, repo=repo, base=base)
        findings = inspect(Patch(text), read_base=tree.read if tree else lambda _: None)
    except PermanentError as error:
        _print_error(error, as_json=as_json)
        raise typer.Exit(UNUSABLE) from None
    refused = is_refused(findings)
    if not text.strip() and not as_json:
        what = "nothing is staged" if staged else "the diff is empty"
        typer.echo(f"{what}, so there is nothing to refuse")
    else:
        _print_findings(findings, refused=refused, as_json=as_json)
    raise typer.Exit(REFUSED if refused else CLEAN)


def rules_table() -> str:
    """The rules as a Markdown table, as ``docs/guard.md`` has it."""
    from agent.guard.table import RULES  # noqa: PLC0415 - other commands start sooner

    rows = [f"| `{rule.id}` | {rule.severity.value} | {rule.languages} | {rule.summary} |" for rule in RULES]
    return "\n".join(["| rule | finding | looks at | what it finds |", "|---|---|---|---|", *rows])


def _given(diff: str, *, staged: bool, repo: Path | None, base: str) -> tuple[_Tree | None, str]:
    if bool(diff) == staged:
        raise PermanentError("give either a file with a diff, or - for standard input, or --staged")
    if staged:
        tree = _Tree(repo or Path(), base)
        return tree, tree.staged()
    return _Tree(repo, base) if repo else None, _text(diff)


def _text(source: str) -> str:
    if source == "-":
        data = standard_input().read(_MAX_BYTES + 1)
    else:
        try:
            with Path(source).open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise PermanentError(f"can't read the diff {source!r}: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise PermanentError(f"the diff is longer than {_MAX_BYTES // 1_000_000} MB, which nobody can review")
    if is_binary(data):
        raise PermanentError("this is binary data and no diff; make one with `git diff`")
    text = data.decode(errors="surrogateescape")
    if _OF_DIFF.search(text) and not _OF_GIT.search(text):
        raise PermanentError(
            "this is the output of `diff -u`, which can be read in more than one way; make it with `git diff`"
        )
    return text


class _Tree:
    """A commit's files, read from the object store: nothing of the work tree is looked at."""

    def __init__(self, repo: Path, base: str) -> None:
        self._repo, self._base = repo, base
        if not repo.is_dir():
            raise PermanentError(f"{str(repo)!r} is not a folder: --repo takes the path of a git repository")
        if self._git("rev-parse", "--git-dir") is None:
            raise PermanentError(f"{str(repo)!r} is not a git repository: --repo takes the path of one")
        if base.startswith("-") or (
            base != "HEAD" and self._git("rev-parse", "--verify", f"{base}^{{commit}}") is None
        ):
            raise PermanentError(
                f"{base!r} is not a commit of the repository: --base takes a branch, a tag or an id"
            )

    def read(self, path: str) -> str | None:
        """The file's text in the base commit; ``None`` if it is not there."""
        if "\0" in path or "\n" in path:
            return None
        data = self._git("cat-file", "blob", f"{self._base}:{path}")
        return None if data is None else data.decode(errors="surrogateescape")

    def staged(self) -> str:
        """The diff between the base commit and the index."""
        options = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
        data = self._git("diff", "--cached", *options)
        if data is None:
            raise PermanentError(f"can't read what is staged in {str(self._repo)!r}")
        return data.decode(errors="surrogateescape")

    def _git(self, *arguments: str) -> bytes | None:
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, no shell; the paths follow a colon
                ("git", "-C", str(self._repo), "-c", "core.fsmonitor=false", *arguments),  # noqa: S607 - git from PATH
                capture_output=True,
                check=False,
                timeout=_GIT_SECONDS,
            )
        except FileNotFoundError as error:
            raise PermanentError("git is not installed: it is needed to read the repository") from error
        except subprocess.TimeoutExpired as error:
            raise PermanentError(f"git took longer than {_GIT_SECONDS} s in {str(self._repo)!r}") from error
        return done.stdout if done.returncode == 0 else None


def _print_error(error: PermanentError, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": str(error)}))
    else:
        typer.echo(f"patchpilot guard: {one_line(str(error), 400)}", err=True)


def _print_findings(findings: tuple[GuardFinding, ...], *, refused: bool, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "rule": found.rule,
                "severity": found.severity.value,
                "path": found.path.encode(errors="replace").decode(),
                "line": found.line,
                "message": found.message.encode(errors="replace").decode(),
            }
            for found in findings
        ]
        typer.echo(json.dumps({"refused": refused, "findings": rows}, indent=2))
        return
    for found in findings:
        place = f"{one_line(found.path)}:{found.line}" if found.line else one_line(found.path)
        shown = f"{place}: {found.message} [{found.rule}, {found.severity.value}]"
        typer.echo(one_line(shown, 400).encode(errors="replace").decode())
    if refused:
        typer.echo(
            "refused" if any(f.severity.value == "refuse" for f in findings) else "needs a person's override"
        )
    else:
        typer.echo("clean")
