"""A command with the job's earlier steps ahead of it, as one script for the sandbox.

Each step runs by its own shell, in its own folder, with its own variables, as a CI runs it; what it writes to
``$GITHUB_ENV``, ``$GITHUB_PATH`` and ``$GITHUB_OUTPUT`` reaches the steps behind it. A step that fails ends
the whole, unless it may. Of its output only the end is shown then, indented, so that it can't be taken for
the script's own lines; of steps that pass nothing is shown, because it is not the command's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from patchpilot.errors import PermanentError
from patchpilot.fixes import EarlierStep, ShellCommand
from sandbox import inside

_STEP = re.compile(r"^sandbox: earlier step (\d+) of \d+\n", re.MULTILINE)
_ITSELF = "sandbox: the step itself\n"
_BEGUN = re.compile(f"^{_ITSELF}", re.MULTILINE)
_SHELL = "sh {0}"
_LAST = "step"
"""The file of the command's own script."""
_GITHUB = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT")
_SEARCH_PATHS = ("PATH", "PYTHONPATH")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# POSIX, since an image may have no bash. `taken` reads the files that GitHub describes here:
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#environment-files
_FUNCTIONS = r"""
_at=$PWD
_kept=/tmp/.patchpilot/steps
mkdir -p "$_kept/variables" "$_kept/outputs" "$_kept/outcomes" || exit 125
: >"$_kept/env"
: >"$_kept/path"
output() { cat "$_kept/outputs/$1.$2" 2>/dev/null; }
variable() { cat "$_kept/variables/$1" 2>/dev/null || printf %s "${2-}"; }
outcome() { cat "$_kept/outcomes/$1" 2>/dev/null; }
lower() { printf %s "$1" | tr '[:upper:]' '[:lower:]'; }
same() { [ "$(lower "$1")" = "$(lower "$2")" ]; }
filled() {
  _before=
  while :; do
    case $_text in *"$1"*) ;; *) break ;; esac
    _before=$_before${_text%%"$1"*}$2
    _text=${_text#*"$1"}
  done
  _text=$_before$_text
}
taken() {
  while IFS= read -r _line || [ -n "$_line" ]; do
    _name=${_line%%[=<]*}
    case $_line in
      "$_name="*) _value=${_line#*=} ;;
      "$_name<<"*)
        _end=${_line#*<<}
        _value=
        _more=
        while IFS= read -r _line && [ "$_line" != "$_end" ]; do
          _value=$_value$_more$_line
          _more='
'
        done ;;
      *) continue ;;
    esac
    case $_name in '' | *[!A-Za-z0-9_-]*) continue ;; esac
    printf %s "$_value" >"$2$_name"
  done <"$1"
}
hand_on() {
  for _file in "$_kept"/variables/*; do
    _name=${_file##*/}
    case $_name in '*' | [0-9-]* | *-*) continue ;; esac
    case " $* " in *" $_name "*) continue ;; esac
    export "$_name=$(cat "$_file")"
  done
  while IFS= read -r _line || [ -n "$_line" ]; do
    [ -z "$_line" ] || PATH=$_line:$PATH
  done <"$_kept/path"
  export PATH
}
ended() {
  _code=$1
  taken "$_kept/env" "$_kept/variables/"
  taken "$_kept/output" "$_kept/outputs/$2."
  if [ "$_code" = 0 ]; then _said=success; else _said=failure; fi
  [ -z "$2" ] || printf %s "$_said" >"$_kept/outcomes/$2"
}
"""


def composed(command: ShellCommand) -> ShellCommand:
    """The command with what has to run before it as one script; one without anything before it as it is."""
    if not command.before:
        return command
    return ShellCommand(script="\n".join(_lines(command)), shell=_SHELL)


def scripts(command: ShellCommand) -> str:
    """All that is run, as text to be searched."""
    return "\n".join([*(step.script for step in command.before), command.script])


def read(command: ShellCommand, output: str) -> tuple[str, int | None]:
    """What the command itself printed; or what the earlier step did that it ended in, and its place."""
    if not command.before:
        return output, None
    if begun := _BEGUN.search(output):
        return output[begun.end() :], None
    last = next(reversed(list(_STEP.finditer(output))), None)
    if last is None:
        return output, None
    return output[last.end() :], min(int(last[1]), len(command.before)) - 1


def _lines(command: ShellCommand) -> Iterator[str]:
    yield _FUNCTIONS
    if handed := command.env.get("BASH_ENV"):
        # CircleCI's way: https://circleci.com/docs/env-vars/#parameters-and-bash-environment
        yield f": >{shlex.quote(handed)}"
    count = len(command.before)
    for number, step in enumerate(command.before, start=1):
        yield f"echo 'sandbox: earlier step {number} of {count}'"
        yield from _earlier(step, number, command.late)
    yield from _file(_LAST, command.script, command.late)
    yield f"printf %s {shlex.quote(_ITSELF)}"
    yield from _started(command, _LAST, command.late)


def _earlier(step: EarlierStep, number: int, late: Mapping[str, str]) -> Iterator[str]:
    name = shlex.quote(step.name)
    yield f"if {step.condition or ':'}; then"
    yield from _file(str(number), step.script, late)
    yield ': >"$_kept/output"'
    yield f"step_{number}() ("
    yield from _started(step, str(number), late)
    yield ")"
    if step.background:
        yield f'step_{number} >"$_kept/log-{number}" 2>&1 &'
    else:
        yield f'step_{number} >"$_kept/log" 2>&1'
        yield f"ended $? {name}"
        if not step.may_fail:
            yield 'if [ "$_code" != 0 ]; then'
            yield """  tail -c 20000 "$_kept/log" | sed 's/^/  /'"""
            yield '  echo; echo "sandbox: it failed with exit code $_code"; exit "$_code"'
            yield "fi"
    if step.name:
        yield f'else printf skipped >"$_kept/outcomes/"{name}'
    yield "fi"


def _file(name: str, script: str, late: Mapping[str, str]) -> Iterator[str]:
    """Write a step's script, with what earlier steps have said filled in."""
    yield from _text(script, late)
    yield f'printf %s "$_text" >"$_kept/{name}"'


def _text(text: str, late: Mapping[str, str]) -> Iterator[str]:
    yield f"_text={shlex.quote(text)}"
    for mark, call in late.items():
        if mark in text:
            yield f'filled {shlex.quote(mark)} "$({call})"'


def _started(step: EarlierStep | ShellCommand, name: str, late: Mapping[str, str]) -> Iterator[str]:
    """Start a step's script in this very shell: its variables must reach nothing else."""
    folder = shlex.quote(inside.folder_of(step))
    missing = shlex.quote(f"sandbox: the checkout has no folder {inside.folder_of(step)}")
    yield f'cd -- "$_at"/{folder} 2>/dev/null || {{ echo {missing}; exit 127; }}'
    for variable, value in step.env.items():
        if not _VARIABLE.fullmatch(variable) or "\0" in value:
            raise PermanentError(f"the step sets a variable {variable[:80]!r} that no shell can hold")
        if variable in _SEARCH_PATHS and not value:
            continue
        yield from _text(value, late)
        # The sandbox's own tools stay behind what a step puts before them.
        behind = f"${{{variable}:+:${variable}}}" if variable in _SEARCH_PATHS else ""
        yield f'export {variable}="$_text{behind}"'
    yield f"hand_on {shlex.join(step.own_env)}".rstrip()
    if "GITHUB_WORKSPACE" in step.env:
        yield 'export GITHUB_WORKSPACE="$_at"'
    for variable, file in zip(_GITHUB, ("env", "path", "output"), strict=True):
        if variable in step.env:
            yield f'export {variable}="$_kept/{file}"'
    words = (_placed(word, name) for word in inside.shell_words(step.shell))
    yield f"exec {' '.join(words)}"


def _placed(word: str, name: str) -> str:
    """A word of the shell's command line with the script's place, which only the sandbox knows."""
    return f'"$_kept"/{name}'.join(shlex.quote(part) if part else "" for part in word.split("{0}")) or "''"
