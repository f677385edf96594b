"""Snapshots and golden files, written anew only when a person asked for it in a hint.

A changed snapshot is what a test is there to show, so no tool decides that it is right. Whoever wants it says
so ("update the snapshots") when they have the heal try again, and the guard still asks a named person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.fixers.offers import Offer, Scene, rewritten
from agent.fixers.scripts import Invocation

_ASKED = re.compile(
    r"\b(?:update|regenerate|re-?record|accept|refresh|rewrite|bless|renew)\b[^.!?\n]{0,40}?"
    r"\b(?:snap(?:shot)?s?|golden(?:s|\s+(?:files?|masters?))?|approved\s+files?|cassettes?|baselines?)\b"
    r"|\b(?:snap(?:shot)?s?|golden(?:\s+files?)?s?)\b[^.!?\n]{0,30}?"
    r"\b(?:be\s+(?:updated|accepted|regenerated)|need\s+(?:an\s+)?updat\w+)",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"\b(?:do\s+not|don't|never|without|no\s+need\s+to)\b[^.!?\n]{0,30}$", re.IGNORECASE)
_SNAPSHOT = re.compile(
    r"\.(?:snap|ambr|raw|golden|snapshot|approved(?:\.\w+)?)$|(?:^|/)(?:__snapshots__|snapshots?|goldens?"
    r"|testdata|golden_files)/"
)
_FLAGS = {
    "pytest": (("--snapshot-update",), "pytest"),
    "py.test": (("--snapshot-update",), "pytest"),
    "jest": (("-u",), "jest"),
    "vitest": (("-u",), "vitest"),
    "ava": (("--update-snapshots",), "ava"),
    "playwright": (("--update-snapshots",), "playwright"),
    "rspec": ((), "rspec"),
}


def snapshots(scene: Scene) -> Iterator[Offer]:
    """Run the failing tests so that they write what they compare with."""
    if not scene.is_failing_step or not asked_for(scene.hints):
        return
    for call in scene.invocations():
        writing = _writing(scene, call)
        if writing is not None:
            summary = "Update the snapshots, as asked for"
            offer = rewritten(scene, writing, name="snapshots", summary=summary)
            yield Offer(name=offer.name, summary=summary, command=offer.command, keeps=_is_snapshot)


def asked_for(hints: tuple[str, ...]) -> bool:
    """The newest hint that speaks of snapshots asks for new ones."""
    for hint in reversed(hints):
        if match := _ASKED.search(hint):
            return not _REFUSED.search(hint[: match.start()])
    return False


def _writing(scene: Scene, call: Invocation) -> Invocation | None:
    if call.tool in _FLAGS:
        return call.without(("--ci", "--snapshot-warn-unused")).after(_FLAGS[call.tool][0])
    if call.tool == "go" and call.args[:1] == ("test",) and "-update" in _go_flags(scene):
        return call.after(("-update",))
    if call.words[0] == "cargo" and call.args[:1] in {("test",), ("nextest",)}:
        return call.with_variables(("INSTA_UPDATE=always", "UPDATE_EXPECT=1"))
    return None


def _go_flags(scene: Scene) -> str:
    """``-update`` if a test of the repository defines it, as golden file tests in Go do."""
    defines = re.compile(r"flag\.Bool(?:Var)?\([^)]*\"update\"")
    tests = (path for path in scene.files if path.endswith("_test.go"))
    return "-update" if any(defines.search(scene.read(path) or "") for path in tests) else ""


def _is_snapshot(path: str, _: bool) -> bool:  # noqa: FBT001 - the signature of Offer.keeps
    return bool(_SNAPSHOT.search(path))
