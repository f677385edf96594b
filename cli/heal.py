"""``patchpilot heal``: the agent on a checkout of your own and a command that fails there."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.heal_words import HealCommand
from patchpilot.errors import PatchPilotError, PermanentError
from patchpilot.text import sentence

if TYPE_CHECKING:  # the command loads what it needs when it runs; the others start sooner
    from cli.heal_outcome import HealOutcome
    from cli.heal_request import HealRequest
    from cli.heal_session import HealSession

PARSED_BY = HealCommand
_NO_OTHER_TRY = "There is nothing else to try without a model; ANTHROPIC_API_KEY sets one up."


def heal_command(
    path: Annotated[Path, typer.Argument(help="A checkout, or a folder in one; it need not be under git.")],
    command: Annotated[
        list[str] | None,
        typer.Argument(
            help="The failing command, after two dashes. One word is a script: -- 'make && test'. "
            "Without it the CI's configuration is read, else the project's files."
        ),
    ] = None,
    *,
    job: Annotated[
        str, typer.Option(help="Instead of a command: a job of the CI's configuration, as the CI names it.")
    ] = "",
    step: Annotated[str, typer.Option(help="The failing step of that job; default: its tests.")] = "",
    suite: Annotated[
        str, typer.Option(help="A wider check that must be no worse with the patch, such as 'pytest -q'.")
    ] = "",
    log: Annotated[
        str, typer.Option(help="Log of a run elsewhere, or - for standard input; else the command is run.")
    ] = "",
    include: Annotated[
        list[str] | None, typer.Option(help="An ignored file or folder that the command needs all the same.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Pattern of paths to leave out of the sandbox.")
    ] = None,
    hint: Annotated[list[str] | None, typer.Option(help="What you know or want, in your words.")] = None,
    memory: Annotated[
        str, typer.Option(help="Address of an installation's database, to try what cured such a failure.")
    ] = "",
    no_memory: Annotated[
        bool, typer.Option("--no-memory", help="Do not look into DATABASE_URL for past fixes.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Apply the patch without asking.")] = False,
    override: Annotated[
        bool,
        typer.Option("--override", help="With --yes: even if the patch guard wants a person's word for it."),
    ] = False,
    no_apply: Annotated[
        bool, typer.Option("--no-apply", help="Only prove the patch; exit 0 if it is proven.")
    ] = False,
    patch_out: Annotated[Path | None, typer.Option(help="Write the proven patch to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; never ask.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Find out why a command fails in a checkout of yours, and prove a fix in a sandbox.

    Your work tree is copied, with changes that are not committed, and never touched before you say yes.
    With a model you may also answer r: you say what should be different, and it tries again.

    Exit codes:
    0 fixed and applied; with --no-apply, proven
    1 not fixed, but diagnosed
    2 the input or this machine can't be used
    3 fixed, but not applied
    4 flaky
    5 not reproduced
    130 interrupted
    """
    from cli.heal_outcome import HealOutcome, Status  # noqa: PLC0415 - other commands start sooner
    from cli.heal_request import HealRequest, Wanted, check  # noqa: PLC0415 - the same

    signal.signal(signal.SIGTERM, _interrupted)  # so that all is cleaned up, as after Ctrl-C
    request = HealRequest(
        path=path,
        wanted=Wanted(command=tuple(command or ()), suite=suite, job=job, step=step),
        log=log,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        hints=tuple(hint or ()),
        memory=memory,
        remember=not no_memory,
    )
    ask = not (yes or no_apply or as_json) and sys.stdin.isatty() and sys.stdout.isatty() and log != "-"
    choice = _Choice(yes=yes, override=override, no_apply=no_apply, ask=ask, patch_out=patch_out)
    try:
        check(request)
        if override and not yes:
            raise PermanentError(
                "--override says yes to what the patch guard holds against a patch, so it goes with --yes"
            )
        if patch_out is not None:
            _check_can_be_written(patch_out)
        outcome = _healed(request, choice, as_json=as_json, quiet=quiet)
    except PatchPilotError as error:
        outcome = HealOutcome(status=Status.UNUSABLE, reason=sentence(error))
        _tell(outcome, as_json=as_json)
    except KeyboardInterrupt:
        outcome = HealOutcome(
            status=Status.INTERRUPTED, reason="Interrupted; nothing in your work tree was changed."
        )
        _tell(outcome, as_json=as_json)
    raise typer.Exit(outcome.exit_code)


class _Choice:
    """What may be done with a proven patch, as the options say."""

    def __init__(
        self, *, yes: bool, override: bool, no_apply: bool, ask: bool, patch_out: Path | None
    ) -> None:
        self.yes, self.override, self.no_apply = yes, override, no_apply
        self.ask, self.patch_out = ask, patch_out


def _healed(request: HealRequest, choice: _Choice, *, as_json: bool, quiet: bool) -> HealOutcome:
    from cli.heal_checkout import prepared  # noqa: PLC0415 - as above
    from cli.heal_outcome import Status  # noqa: PLC0415 - as above
    from cli.heal_progress import progress  # noqa: PLC0415 - as above
    from patchpilot.settings import LocalSettings, load  # noqa: PLC0415 - as above

    watcher = progress(quiet=quiet)
    try:
        with ExitStack() as stack:
            ready = stack.enter_context(prepared(request, load(LocalSettings)))
            # The agent's libraries: only now is it known that they are needed.
            from cli.heal_session import opened_session  # noqa: PLC0415

            session = stack.enter_context(opened_session(ready, watcher))
            outcome = session.run()
            while True:
                watcher.stop()
                if outcome.status is not Status.FIXED:
                    _tell(outcome, as_json=as_json)
                    return outcome
                outcome = _written(replace(outcome, proof_was_enough=choice.no_apply), choice.patch_out)
                if not choice.ask:
                    outcome = _without_asking(session, outcome, choice)
                    _tell(outcome, as_json=as_json)
                    return outcome
                _tell(outcome, as_json=as_json)
                answer = _asked(session, outcome)
                if answer != "retry":
                    return _decided(session, outcome, yes=answer == "yes")
                proven, outcome = outcome, session.again(_typed("What should be different?"))
                if outcome.status is not Status.FIXED:
                    watcher.stop()
                    _tell(outcome, as_json=as_json)
                    return _fallen_back(session, proven)
    finally:
        watcher.stop()


def _check_can_be_written(patch_out: Path) -> None:
    """Before minutes are spent on a patch that could not be written."""
    if not patch_out.absolute().parent.is_dir():
        raise PermanentError(f"--patch-out {str(patch_out)!r}: there is no such folder to write it to")
    if patch_out.is_dir():
        raise PermanentError(f"--patch-out {str(patch_out)!r} is a folder; give the path of a file")


def _without_asking(session: HealSession, outcome: HealOutcome, choice: _Choice) -> HealOutcome:
    if choice.no_apply:
        return outcome
    if choice.yes and (choice.override or not outcome.needs_override):
        return _applied(session, outcome)
    if choice.yes:
        wanted = "look at it, then give --override with --yes."
        why = f"The patch guard wants a person's word for this patch: {wanted}"
    elif outcome.needs_override:
        why = (
            "Nobody was asked, so it is not applied: look at it, then give --yes and --override to apply it."
        )
    else:
        why = "Nobody was asked, so it is not applied: give --yes to apply it."
    return replace(outcome, reason=f"{why} {_by_hand(session.root, outcome.patch_file)}")


def _by_hand(root: Path, written: Path | None) -> str:
    apply = f"By hand: git -C {shlex.quote(str(root))} apply"
    if written is None:
        return f"{apply} FILE, with the patch from --patch-out FILE."
    # git looks for the file from the folder of -C.
    return f"{apply} {shlex.quote(str(written.absolute()))}"


def _asked(session: HealSession, outcome: HealOutcome) -> str:
    typer.echo()
    held = "The patch guard wants a person's word for it. " if outcome.needs_override else ""
    answers = "y/N, or r for another try" if outcome.model else "y/N"
    while True:
        answer = _typed(f"{held}Apply it to {session.root}? [{answers}]").lower()
        if answer not in {"r", "retry"}:
            return "yes" if answer in {"y", "yes"} else "no"
        if outcome.model:
            return "retry"
        typer.echo(_NO_OTHER_TRY)


def _fallen_back(session: HealSession, proven: HealOutcome) -> HealOutcome:
    """Another try proved nothing, which takes nothing from the patch that was proven before."""
    typer.echo()
    question = f"No other patch is proven. Apply the one from before to {session.root}? [y/N]"
    return _decided(session, proven, yes=_typed(question).lower() in {"y", "yes"})


def _typed(question: str) -> str:
    """What the person types; nothing where they end their input (Ctrl-D). Ctrl-C ends the heal."""
    try:
        typer.echo(f"{question}: ", nl=False)
        return input().strip()
    except EOFError:
        typer.echo()
        return ""
    except KeyboardInterrupt:
        typer.echo()  # the terminal has left "^C" on the question's line
        raise


def _decided(session: HealSession, outcome: HealOutcome, *, yes: bool) -> HealOutcome:
    if not yes:
        typer.echo("Not applied.")
        return outcome
    outcome = _applied(session, outcome)
    typer.echo(outcome.reason)
    return outcome


def _applied(session: HealSession, outcome: HealOutcome) -> HealOutcome:
    from cli.applying import apply  # noqa: PLC0415 - as above

    if outcome.fix is None:
        return outcome
    try:
        apply(outcome.fix.patch, root=session.root, proven_on=session.proven_on)
    except PatchPilotError as error:
        kept = outcome.patch_file or _kept(outcome.fix.patch.diff)
        return replace(
            outcome,
            patch_file=kept,
            reason=f"Not applied, and nothing was changed: {error}. The patch is in {kept}.",
        )
    files = len(outcome.fix.patch.files)
    what = "1 file" if files == 1 else f"{files} files"
    return replace(outcome, applied=True, reason=f"Applied to {what} in {session.root}.")


def _kept(diff: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="patchpilot-", suffix=".patch")
    with os.fdopen(descriptor, "wb") as file:
        file.write(diff.encode(errors="surrogateescape"))
    return Path(name)


def _written(outcome: HealOutcome, patch_out: Path | None) -> HealOutcome:
    if patch_out is None or outcome.fix is None:
        return outcome
    try:
        patch_out.write_bytes(outcome.fix.patch.diff.encode(errors="surrogateescape"))
    except OSError as error:
        raise PermanentError(
            f"the patch can't be written to {str(patch_out)!r}: {error.strerror or error}"
        ) from error
    return replace(outcome, patch_file=patch_out)


def _tell(outcome: HealOutcome, *, as_json: bool) -> None:
    from cli.heal_outcome import as_object  # noqa: PLC0415 - as above
    from cli.heal_show import show  # noqa: PLC0415 - as above

    if as_json:
        typer.echo(json.dumps(as_object(outcome), ensure_ascii=False))
    else:
        show(outcome)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt
