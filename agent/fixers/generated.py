"""Generated files out of date: the check itself says how to make them, and which files it compares."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator

from agent.fixers.offers import Offer, Scene
from agent.fixers.scripts import Invocation

_COMPARES = re.compile(
    r"\bgit\s+(?:-\S+\s+\S+\s+)?(?:diff|diff-index|diff-files|status|ls-files)\b[^\n|;&)\"]*"
    r"|[\"']git[\"'],\s*[\"'](?:diff|status|ls-files)[\"'][^\n\])]*"
)
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
"""What only a run fills in, as a variable of the shell: :attr:`patchpilot.fixes.ShellCommand.late`."""
_SEES_NEW_FILES = re.compile(r"\bstatus\b|--others\b|\bgit\s+add\b|[\"']status[\"']")
_READ_ONLY = (
    *("--check", "--check-only", "--verify", "--diff", "--dry-run", "--no-write", "--exit-code"),
    *("--fail-on-diff", "--fail-on-change", "--error-on-diff", "--assert-up-to-date", "--output-check"),
)
_WRITING = ("--write", "--fix", "--update", "--in-place", "--generate")
_ADVICE = re.compile(r"\b(?:[Rr]un|[Ee]xecute|[Rr]erun|[Uu]se|[Tt]ry)[: ]\s*[`'\"]([\w./ :=@-]{3,120})[`'\"]")
_RUNNERS = frozenset(
    {"make", "just", "npm", "pnpm", "yarn", "go", "cargo", "task", "uv", "python", "python3"}
)
_GENERATORS = {
    "cog": (_READ_ONLY, ("-r",)),
    "terraform-docs": (("--output-check",), ()),
    "helm-docs": (("--dry-run", "-d"), ()),
    "mdsh": (("--frozen",), ()),
    "doctoc": (("--dryrun", "--dry-run"), ()),
    "protolint": ((), ("-fix",)),
}
_SUMMARY = "Write the generated files anew"


def generated(scene: Scene) -> Iterator[Offer]:
    """Let the generator write, and keep what the check compares.

    Where the check is "generate, then ask git", that is the failing command itself. Where it is a
    generator with ``--check``, it is that call without the flag.
    """
    if not scene.is_failing_step:
        return
    comparisons = [match.group() for text in _texts(scene) for match in _COMPARES.finditer(text)]
    if comparisons:
        keeps = _compared(scene, comparisons)
        yield Offer(name="generate", summary=_SUMMARY, command=scene.command, keeps=keeps)
    for call in scene.invocations():
        yield from _without_check(scene, call)
    for match in _ADVICE.finditer(scene.failure.text):
        if _is_own(scene, match[1]):
            yield Offer(name="generate", summary=_SUMMARY, command=scene.script(match[1]))


def _texts(scene: Scene) -> Iterator[str]:
    """The command, what it runs by another name, and the scripts of the repository that it calls."""
    yield from scene.texts()
    for call in scene.invocations():
        if text := _own_script(scene, call):
            yield text


def _own_script(scene: Scene, call: Invocation) -> str | None:
    """The text of the repository's script that is called; ``None`` for a tool from elsewhere."""
    named = (scene.here(word, call.folder) for word in call.words if "/" in word or "." in word)
    return next((text for path in named if (text := scene.read(path)) is not None), None)


def _compared(scene: Scene, comparisons: list[str]) -> Callable[[str, bool], bool]:
    """Tracked files, new ones where the check sees them; only those that it names, if it names any."""
    also_new = any(_SEES_NEW_FILES.search(text) for text in (*comparisons, scene.command.script))
    named = [scene.here(path) for text in comparisons for path in _paths(text)]
    everything = any(not list(_paths(text)) for text in comparisons) or "." in named

    def keeps(path: str, created: bool) -> bool:  # noqa: FBT001 - the signature of Offer.keeps
        if created and not also_new:
            return False
        return everything or any(
            path == name or path.startswith(f"{name}/") or fnmatch.fnmatch(path, name) for name in named
        )

    return keeps


def _paths(comparison: str) -> Iterator[str]:
    """The paths behind a comparison's options: ``git diff --exit-code HEAD -- docs`` has ``docs``."""
    words = re.findall(r"[^\s\"',\[\]]+", _EXPRESSION.sub("$", comparison))
    behind = words[words.index("--") + 1 :] if "--" in words else words[2:]
    for word in behind:
        if not word.startswith("-") and word not in {"HEAD", "git", "diff", "status"} and "$" not in word:
            yield word.strip("'\"")


def _without_check(scene: Scene, call: Invocation) -> Iterator[Offer]:
    """The same call, but writing: without its read-only flags, then with the flag that its text knows."""
    own = _own_script(scene, call)
    if call.tool in _GENERATORS:
        drop, add = _GENERATORS[call.tool]
        variants = [call.without(drop).with_flags(add)]
    elif call.tool == "manage.py" and call.args[:1] == ("makemigrations",):
        variants = [call.without((*_READ_ONLY, "--no-input")).after(("--no-input",))]
    elif own is not None and any(word in _READ_ONLY for word in call.args):
        bare = call.without(_READ_ONLY)
        variants = [bare, *(bare.with_flags((flag,)) for flag in _WRITING if flag in own)]
    else:
        return
    for variant in variants:
        if variant != call:
            yield Offer(name="generate", summary=_SUMMARY, command=scene.script(variant.script))


def _is_own(scene: Scene, advice: str) -> bool:
    """The log is hostile, so what it advises must be the repository's own script or target."""
    words = advice.split()
    if words[0].removeprefix("./") in scene.files:
        return True
    if words[0] not in _RUNNERS or len(words) == 1:
        return False
    if words[0].startswith("python"):
        return words[1] in scene.files
    return words[0] in {"make", "just", "task"} or words[1] in {"run", "generate", "xtask"}
