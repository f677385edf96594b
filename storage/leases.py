"""SQL that every lease is made of. Time is the database's: clocks of workers may differ."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, text
from sqlalchemy.orm import InstrumentedAttribute


def from_now(seconds: float) -> ColumnElement[datetime]:
    """The moment ``seconds`` from now, as the database's clock shows it when the row is written."""
    moment: ColumnElement[datetime] = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    return moment


def free(until: InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
    """Nobody holds the lease that ends at ``until``."""
    return or_(until.is_(None), until < text("clock_timestamp()"))
