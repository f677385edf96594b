"""``acme/ledger``: red for an unused import and unformatted code; the repository's own tool can mend both."""

from __future__ import annotations

from typing import Final

from playground.samples.sample import ACTION_SETUP, Change, Sample, replaced

_WORKFLOW: Final = f"""\
name: CI
on:
  push:
    branches: [main]
  pull_request:

jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
{ACTION_SETUP}\
      - name: Lint and format
        run: |
          ruff check .
          ruff format --check .

  test:
    runs-on: ubuntu-latest
    steps:
{ACTION_SETUP}\
      - name: Test
        run: python -m pytest -q
"""

_PYPROJECT: Final = """\
[project]
name = "ledger"
version = "1.4.0"
description = "Double-entry bookkeeping for Acme's shops"
requires-python = ">=3.11"

[tool.ruff]
line-length = 100

[tool.ruff.lint]
select = ["E", "F", "I", "UP", "B"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
"""

_README: Final = """\
# ledger

Double-entry bookkeeping for Acme's shops. Amounts are whole cents.

    python -m pytest -q
    ruff check . && ruff format --check .
"""

_ENTRIES: Final = '''\
"""Entries of the books: every amount is moved from one account to another."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Entry:
    """An amount in cents, moved on one day."""

    day: date
    debit: str
    credit: str
    cents: int
    text: str = ""

    def __post_init__(self) -> None:
        if self.cents <= 0:
            raise ValueError(f"an entry moves a positive amount, not {self.cents}")
        if self.debit == self.credit:
            raise ValueError(f"an entry needs two accounts, not {self.debit!r} twice")
'''

_BALANCE: Final = '''\
"""What an account holds."""

from collections.abc import Iterable

from ledger.entries import Entry


def balance(entries: Iterable[Entry], account: str) -> int:
    """Cents on ``account``: what came in by debit less what went out by credit."""
    total = 0
    for entry in entries:
        if entry.debit == account:
            total += entry.cents
        if entry.credit == account:
            total -= entry.cents
    return total


def trial_balance(entries: Iterable[Entry]) -> dict[str, int]:
    """The balance of every account that occurs; their sum is always zero."""
    entries = list(entries)
    accounts = {name for entry in entries for name in (entry.debit, entry.credit)}
    return {name: balance(entries, name) for name in sorted(accounts)}
'''

_TESTS: Final = """\
from datetime import date

import pytest

from ledger.balance import balance, trial_balance
from ledger.entries import Entry

SALE = Entry(date(2026, 3, 2), debit="cash", credit="sales", cents=1999)
RENT = Entry(date(2026, 3, 3), debit="rent", credit="cash", cents=1200)


def test_a_debit_adds_and_a_credit_takes_away():
    assert balance([SALE, RENT], "cash") == 799


def test_the_trial_balance_sums_to_zero():
    assert sum(trial_balance([SALE, RENT]).values()) == 0


def test_an_entry_needs_a_positive_amount():
    with pytest.raises(ValueError, match="positive amount"):
        Entry(date(2026, 3, 2), debit="cash", credit="sales", cents=0)
"""

_REPORT: Final = '''\
"""The monthly report in plain text."""

from collections.abc import Iterable

from ledger.balance import trial_balance
from ledger.entries import Entry


def euros(cents: int) -> str:
    """An amount for people, such as ``-12.50``."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def report(entries: Iterable[Entry]) -> str:
    """One line for each account, amounts aligned to the right."""
    balances = trial_balance(entries)
    width = max((len(name) for name in balances), default=0)
    return "\\n".join(f"{name:<{width}} {euros(cents):>12}" for name, cents in balances.items())
'''

_REPORT_TESTS: Final = """\
from datetime import date

from ledger.entries import Entry
from ledger.report import euros, report


def test_amounts_have_two_decimals():
    assert euros(-1205) == "-12.05"


def test_the_report_has_a_line_for_each_account():
    sale = Entry(date(2026, 3, 2), debit="cash", credit="sales", cents=1999)
    assert report([sale]).splitlines() == [
        "cash         19.99",
        "sales       -19.99",
    ]
"""

# An unused import, imports out of order, and lines that the formatter would write otherwise.
_CSV_EXPORT: Final = '''\
"""Entries as CSV, for the tax adviser."""

import os
import io
import csv
from collections.abc import Iterable

from ledger.entries import Entry


FIELDS = ('day','debit','credit','cents','text')

def to_csv(entries: Iterable[Entry]) -> str:
    """A header and one line for each entry; lines end as RFC 4180 says."""
    buffer = io.StringIO()
    writer = csv.writer( buffer )
    writer.writerow(FIELDS)
    for entry in entries:
        writer.writerow([entry.day.isoformat(), entry.debit, entry.credit, entry.cents, entry.text])
    return buffer.getvalue( )
'''

_CSV_TESTS: Final = """\
from datetime import date

from ledger.entries import Entry
from ledger.export import to_csv


def test_each_entry_is_a_line_below_the_header():
    sale = Entry(date(2026, 3, 2), debit="cash", credit="sales", cents=1999, text="till 4")
    assert to_csv([sale]) == "day,debit,credit,cents,text\\r\\n2026-03-02,cash,sales,1999,till 4\\r\\n"
"""

LEDGER: Final = Sample(
    full_name="acme/ledger",
    title="Lint and formatting",
    people={"ana": "admin", "ben": "write", "cleo": "triage", "jonas": "write"},
    history=(
        Change(
            author="ana",
            message="Start the books: entries with two accounts",
            files={
                "README.md": _README,
                "pyproject.toml": _PYPROJECT,
                "ledger/__init__.py": '"""Double-entry bookkeeping."""\n',
                "ledger/entries.py": _ENTRIES,
            },
        ),
        Change(
            author="jonas",
            message="Compute balances and the trial balance",
            files={"ledger/balance.py": _BALANCE, "tests/test_balance.py": _TESTS},
        ),
        Change(
            author="ana",
            message="Check every push and pull request",
            files={".github/workflows/ci.yml": _WORKFLOW},
        ),
        Change(
            author="jonas",
            message="Print the monthly report\n\nThe shops get it by mail on the first of the month.",
            files={"ledger/report.py": _REPORT, "tests/test_report.py": _REPORT_TESTS},
        ),
        Change(
            author="ana",
            message="Say in the README that amounts are cents",
            files={"README.md": replaced(_README, "whole cents.", "whole cents, never floats.")},
        ),
    ),
    breakage=Change(
        author="jonas",
        message="Export entries as CSV for the tax adviser",
        files={"ledger/export.py": _CSV_EXPORT, "tests/test_export.py": _CSV_TESTS},
    ),
)
