"""Confidence in a fix, computed from facts that the card shows; the model's own word is never asked.

The score is a sum, cut to 0.05 … 0.99:

======================================================  ==========
reproduced, and the failing command green with the fix  0.40
for each further green run, at most three               +0.04
the wider suite green with the fix                      +0.15
the wider suite red before and after, no worse          +0.03
made by a deterministic tool                            +0.25
a remembered fix of this very fingerprint               +0.20
a remembered fix of a similar failure                   +0.08
made by a model                                         +0.08
small: +0.08 at one changed line, falling to 0 at 200   +0.08
each finding that a person has to override              −0.25
each note of the guard                                  −0.02
======================================================  ==========

A fix that is not cured by its own proof has confidence 0. Each fact is kept with the proposal; what people
are shown is the score after recalibration by past outcomes (:mod:`patchpilot.calibration`).
"""

from __future__ import annotations

from collections.abc import Iterator

from patchpilot.fixes import ConfidenceFact, GuardFinding, Patch, Proof, Severity

_CURED = 0.40
_PER_RUN = 0.04
_RUNS_THAT_COUNT = 3
_COULD_NOT_RUN = frozenset({126, 127})
"""A shell's exit codes for a command that is missing or can't be executed."""
_SUITE_GREEN = 0.15
_SUITE_NO_WORSE = 0.03
_BY_SOURCE = (
    ("fixer:", "made by a deterministic tool", 0.25),
    ("memory:", "a remembered fix of this very failure", 0.20),
    ("similar:", "a remembered fix of a similar failure", 0.08),
)
_BY_MODEL = 0.08
_SMALL = 0.08
_LARGE_LINES = 200
_PER_OVERRIDE = 0.25
_PER_NOTE = 0.02


def confidence(*, patch: Patch, key: str, proof: Proof, findings: tuple[GuardFinding, ...] = ()) -> float:
    """The score by the table above, rounded to two places.

    ``key`` names the source: ``fixer:…``, ``memory:…`` (the same fingerprint), ``similar:…``, ``model:…``.
    """
    return score(weighed(patch=patch, key=key, proof=proof, findings=findings))


def score(facts: tuple[ConfidenceFact, ...]) -> float:
    """The sum of what the facts are worth, cut to the formula's bounds; 0 without any."""
    if not facts:
        return 0.0
    return round(min(max(sum(fact.worth for fact in facts), 0.05), 0.99), 2)


def weighed(
    *, patch: Patch, key: str, proof: Proof, findings: tuple[GuardFinding, ...] = ()
) -> tuple[ConfidenceFact, ...]:
    """Every fact that counts, with its worth; none for a fix that its own proof does not show cured."""
    if not proof.cured:
        return ()
    facts = _facts(patch, key, proof, findings)
    return tuple(ConfidenceFact(text, round(worth, 4)) for text, worth in facts if worth)


def _facts(
    patch: Patch, key: str, proof: Proof, findings: tuple[GuardFinding, ...]
) -> Iterator[tuple[str, float]]:
    yield "reproduced, and green with the fix", _CURED
    more = len(proof.after) - 1
    yield f"{more} more green run{'s' if more > 1 else ''}", _PER_RUN * min(more, _RUNS_THAT_COUNT)
    yield _suite(proof)
    yield _source(key)
    changed = max(patch.added + patch.removed, 1)
    small = _SMALL * max(0.0, 1 - (changed - 1) / (_LARGE_LINES - 1))
    yield f"{changed} changed line{'s' if changed > 1 else ''}", small
    overrides = sum(finding.severity is Severity.OVERRIDE for finding in findings)
    yield f"{overrides} to override", -_PER_OVERRIDE * overrides
    notes = sum(finding.severity is Severity.NOTE for finding in findings)
    yield f"{notes} noted by the guard", -_PER_NOTE * notes


def _suite(proof: Proof) -> tuple[str, float]:
    if proof.suite_after is None:
        return "no wider suite", 0.0
    counts = proof.suite_after.counts
    if proof.suite_after.exit_code in _COULD_NOT_RUN or (counts is not None and not counts.collected):
        # Nothing was looked at, so nothing is shown by it.
        return "wider suite ran nothing", 0.0
    if proof.suite_after.passed:
        return "wider suite green", _SUITE_GREEN
    return "wider suite no worse", _SUITE_NO_WORSE


def _source(key: str) -> tuple[str, float]:
    known = ((said, worth) for prefix, said, worth in _BY_SOURCE if key.startswith(prefix))
    return next(known, ("made by a model", _BY_MODEL))
