"""Column types that several tables share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Dialect, Identity, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

from storage.codec import clean, clean_text


class CleanText(TypeDecorator[str]):
    """``text`` that takes any Python string: what Postgres can't store is replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else clean_text(value)


class CleanJson(TypeDecorator[dict[str, Any]]):
    """A ``jsonb`` object that takes any Python strings: what Postgres can't store is replaced."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else clean(value)


class Table(DeclarativeBase):
    """All tables of PatchPilot; the graph's checkpoint tables are the checkpointer's own."""

    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it from the class
        str: CleanText,
        int: BigInteger,
        datetime: DateTime(timezone=True),
        dict[str, Any]: CleanJson(none_as_null=True),
    }


Serial = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
"""A number that the database gives; gaps are normal."""

Key = Annotated[str, mapped_column(CleanText, primary_key=True)]
"""Text that names the row, alone or with others."""

Now = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
"""Database time of the transaction that made the row: clocks of workers may differ."""

Empty = Annotated[str, mapped_column(CleanText, server_default="")]
"""Text, empty until known."""

Zero = Annotated[int, mapped_column(BigInteger, server_default=text("0"))]
"""A counter or token."""
