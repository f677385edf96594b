"""The words of ``patchpilot heal`` as they were typed: which are its own, and where the command begins.

Options are read wherever they stand, so ``heal . pytest -q`` would run ``pytest`` and take ``-q`` as its
own. What could be read in two ways is refused, with what to type instead: nothing is run but what was typed.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from patchpilot.errors import PermanentError

_END = "--"
_EXAMPLE = "patchpilot heal . -- pytest -q"


class HealCommand(TyperCommand):
    """The command, whose words are looked at before they are parsed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises :class:`~patchpilot.errors.PermanentError` for words that can be read in two ways."""
        options = {
            name: not getattr(param, "is_flag", False)
            for param in self.get_params(ctx)
            if param.param_type_name == "option"
            for name in param.opts
        }
        if why := refusal(args, options):
            raise PermanentError(why)
        return super().parse_args(ctx, args)


def refusal(args: Sequence[str], options: Mapping[str, bool]) -> str:
    """Why the words are not taken, and what to type; empty where they mean one thing only.

    ``options`` says of each option whether a value follows it.
    """
    own = list(args[: args.index(_END)] if _END in args else args)
    if "--help" in own:
        return ""
    rest = args[len(own) + 1 :]
    ended = _END in args
    places, unknown = _placed(own, options)
    if not places:
        return _without_folder(own, rest) if unknown is None and (ended or not own) else ""
    path = own[places[0]]
    if not ended and "/" not in path and not Path(path).exists():
        instead = _typed([*own[: places[0]], "."], own[places[0] :])
        return f"there is no folder {path!r}. The folder comes first, the command after two dashes: {instead}"
    if len(places) > 1:
        return _after_the_command(own, places[1], ended=ended, rest=rest)
    if unknown is not None and not ended and not _is_slip(own[unknown], options):
        instead = _typed(own[:unknown], own[unknown:])
        return f"{own[unknown]} is no option of heal; the command goes after two dashes: {instead}"
    return ""


def _without_folder(own: Sequence[str], command: Sequence[str]) -> str:
    return f"name the folder first, then the command after two dashes: {_typed([*own, '.'], command)}"


def _placed(own: Sequence[str], options: Mapping[str, bool]) -> tuple[list[int], int | None]:
    """Where the words stand that are no options, up to the first option that nobody knows; and that one."""
    places: list[int] = []
    at = 0
    while at < len(own):
        word = own[at]
        name, _, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            places.append(at)
        elif name in options:
            at += options[name] and not value and "=" not in word
        elif not _are_flags(word, options):
            return places, at
        at += 1
    return places, None


def _are_flags(word: str, options: Mapping[str, bool]) -> bool:
    """Several short options in one word, such as ``-yq``."""
    return not word.startswith(_END) and all(options.get(f"-{letter}") is False for letter in word[1:])


def _after_the_command(own: Sequence[str], start: int, *, ended: bool, rest: Sequence[str]) -> str:
    option = next((word for word in own[start:] if word.startswith("-") and word != "-"), "")
    if not option and not ended:
        return ""
    words = [*own[start:], *rest]
    whose = f"{option} stands after the command's first word and may be" if option else "words before -- are"
    return (
        f"{whose} heal's or the command's: put all of the command after two dashes, and heal's own options "
        f"before them, for instance: {_typed(own[:start], words)}"
    )


def _is_slip(option: str, options: Mapping[str, bool]) -> bool:
    """A long option that is nearly one of ours: the parser says which."""
    name = option.partition("=")[0]
    return name.startswith(_END) and bool(difflib.get_close_matches(name, options))


def _typed(ours: Sequence[str], command: Sequence[str]) -> str:
    return shlex.join(["patchpilot", "heal", *ours, _END, *command]) if command else _EXAMPLE
