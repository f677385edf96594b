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

A fix that is not cured by its own proof has confidence 0.
"""

from __future__ import annotations

from patchpilot.fixes import GuardFinding, Patch, Proof, Severity

_CURED = 0.40
_PER_RUN = 0.04
_RUNS_THAT_COUNT = 3
_SUITE_GREEN = 0.15
_SUITE_NO_WORSE = 0.03
_BY_SOURCE = (("fixer:", 0.25), ("memory:", 0.20), ("similar:", 0.08))
_BY_MODEL = 0.08
_SMALL = 0.08
_LARGE_LINES = 200
_PER_OVERRIDE = 0.25
_PER_NOTE = 0.02


def confidence(*, patch: Patch, key: str, proof: Proof, findings: tuple[GuardFinding, ...] = ()) -> float:
    """The score by the table above, rounded to two places.

    ``key`` names the source: ``fixer:…``, ``memory:…`` (the same fingerprint), ``similar:…``, ``model:…``.
    """
    if not proof.cured:
        return 0.0
    score = _CURED + _PER_RUN * min(len(proof.after) - 1, _RUNS_THAT_COUNT)
    score += _suite(proof) + _source(key) + _size(patch)
    score -= _PER_OVERRIDE * sum(finding.severity is Severity.OVERRIDE for finding in findings)
    score -= _PER_NOTE * sum(finding.severity is Severity.NOTE for finding in findings)
    return round(min(max(score, 0.05), 0.99), 2)


def _suite(proof: Proof) -> float:
    if proof.suite_after is None:
        return 0.0
    return _SUITE_GREEN if proof.suite_after.passed else _SUITE_NO_WORSE


def _source(key: str) -> float:
    return next((worth for prefix, worth in _BY_SOURCE if key.startswith(prefix)), _BY_MODEL)


def _size(patch: Patch) -> float:
    changed = max(patch.added + patch.removed, 1)
    return _SMALL * max(0.0, 1 - (changed - 1) / (_LARGE_LINES - 1))
