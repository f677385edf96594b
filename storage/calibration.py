"""Proposals whose outcome is known, as the recalibration of confidence needs them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Float, cast, func, select

from patchpilot.calibration import Calibration, Known, calibrated
from patchpilot.fixes import Outcome
from storage.database import Database
from storage.models import ProposedFix

_MOST = 2_000
"""The newest so many count: the formula and the models change."""
_KNOWN = {outcome.value: outcome.held for outcome in Outcome if outcome.held is not None}


def known_outcomes(db: Database) -> Sequence[Known]:
    """What the formula said and what it came to, newest first, of all repositories of this installation."""
    # Rows of older versions have the score as their confidence: nothing was recalibrated then.
    score = func.coalesce(ProposedFix.fix["score"].astext, ProposedFix.fix["confidence"].astext)
    query = (
        select(cast(score, Float), ProposedFix.outcome)
        .where(ProposedFix.outcome.in_(_KNOWN))
        .order_by(ProposedFix.created_at.desc())
        .limit(_MOST)
    )
    with db.transaction() as session:
        return [Known(row[0], bool(_KNOWN[row[1]])) for row in session.execute(query) if row[0] is not None]


def calibration(db: Database) -> Calibration:
    """What turns a score into the confidence that is shown."""
    return calibrated(known_outcomes(db))
