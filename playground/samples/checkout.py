"""``acme/checkout``: red for a logic bug at a boundary, mended by a person, and met again later.

The breaking commit tidies the discount tiers and turns "from 100 euros on" into "above 100 euros". The
relapse is a branch that was cut before the fix; it brings the same comparison back, so the same test fails in
the same way.
"""

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
  test:
    runs-on: ubuntu-latest
    steps:
{ACTION_SETUP}\
      - name: Lint
        run: ruff check .
      - name: Format
        run: ruff format --check .
      - name: Test
        run: python -m pytest -q
"""

_PYPROJECT: Final = """\
[project]
name = "checkout"
version = "3.2.1"
description = "Prices, discounts and shipping of Acme's web shop"
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
# checkout

Prices, discounts and shipping of Acme's web shop.

| basket | discount |
|---|---|
| from 50.00 | 5 % |
| from 100.00 | 10 % |
| from 250.00 | 15 % |

Orders from 75.00 on, after discount, ship free.
"""

_BASKET: Final = '''\
"""What a customer is about to buy."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Item:
    """One line of the basket; the price of one piece is in cents."""

    sku: str
    cents: int
    pieces: int = 1


@dataclass
class Basket:
    """All lines."""

    items: list[Item] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Put another line in."""
        self.items.append(item)

    @property
    def subtotal(self) -> int:
        """Cents before any discount."""
        return sum(item.cents * item.pieces for item in self.items)
'''

_DISCOUNTS_FIRST: Final = '''\
"""Discounts by the size of the basket."""


def discount_percent(subtotal: int) -> int:
    """The percentage that a basket of ``subtotal`` cents earns."""
    if subtotal >= 25_000:
        return 15
    if subtotal >= 10_000:
        return 10
    if subtotal >= 5_000:
        return 5
    return 0


def discount(subtotal: int) -> int:
    """Cents off, rounded half up to the cent."""
    return (subtotal * discount_percent(subtotal) + 50) // 100
'''

_DISCOUNTS: Final = '''\
"""Discounts by the size of the basket."""

TIERS = (
    (25_000, 15),
    (10_000, 10),
    (5_000, 5),
)
"""Cents from which on a percentage is earned, best first."""


def discount_percent(subtotal: int) -> int:
    """The percentage that a basket of ``subtotal`` cents earns."""
    for threshold, percent in TIERS:
        if subtotal > threshold:
            return percent
    return 0


def discount(subtotal: int) -> int:
    """Cents off, rounded half up to the cent."""
    return (subtotal * discount_percent(subtotal) + 50) // 100
'''

_DISCOUNTS_FIXED: Final = replaced(_DISCOUNTS, "subtotal > threshold", "subtotal >= threshold")

_DISCOUNT_TESTS: Final = """\
import pytest

from checkout.discounts import discount, discount_percent


@pytest.mark.parametrize(
    ("subtotal", "percent"),
    [(4_999, 0), (7_500, 5), (9_999, 5), (24_999, 10), (40_000, 15)],
)
def test_the_percentage_grows_with_the_basket(subtotal, percent):
    assert discount_percent(subtotal) == percent


def test_a_basket_of_exactly_100_euros_earns_ten_percent():
    assert discount_percent(10_000) == 10


def test_half_cents_are_rounded_up():
    assert discount(7_510) == 376
"""

_SHIPPING: Final = '''\
"""Shipping costs."""

FREE_FROM = 7_500
STANDARD = 490


def shipping(discounted: int) -> int:
    """Cents for shipping a basket that costs ``discounted`` cents."""
    return 0 if discounted >= FREE_FROM else STANDARD
'''

_TOTAL: Final = '''\
"""What the customer pays."""

from checkout.basket import Basket
from checkout.discounts import discount
from checkout.shipping import shipping


def total(basket: Basket) -> int:
    """Cents to pay, discount and shipping included."""
    discounted = basket.subtotal - discount(basket.subtotal)
    return discounted + shipping(discounted)
'''

_TOTAL_TESTS: Final = """\
from checkout.basket import Basket, Item
from checkout.total import total


def test_a_small_basket_pays_for_shipping():
    assert total(Basket([Item("mug", 1_250, pieces=2)])) == 2_990


def test_a_large_basket_has_a_discount_and_free_shipping():
    assert total(Basket([Item("lamp", 13_000)])) == 11_700
"""

_RECEIPT: Final = '''\
"""The receipt that is mailed to the customer."""

from checkout.basket import Basket
from checkout.discounts import discount
from checkout.total import total


def receipt(basket: Basket) -> str:
    """One line for each item, then discount and total, in euros."""
    lines = [f"{item.pieces} x {item.sku}: {_euros(item.cents)}" for item in basket.items]
    if off := discount(basket.subtotal):
        lines.append(f"discount: -{_euros(off)}")
    return "\\n".join([*lines, f"total: {_euros(total(basket))}"])


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
'''

_RECEIPT_TESTS: Final = """\
from checkout.basket import Basket, Item
from checkout.receipt import receipt


def test_the_receipt_shows_items_discount_and_total():
    basket = Basket([Item("lamp", 13_000)])
    assert receipt(basket).splitlines() == ["1 x lamp: 130.00", "discount: -13.00", "total: 117.00"]
"""

CHECKOUT: Final = Sample(
    full_name="acme/checkout",
    title="A logic bug, and the same bug again",
    people={"ana": "admin", "ben": "write", "cleo": "triage", "priya": "write"},
    history=(
        Change(
            author="priya",
            message="Add the basket",
            files={
                "README.md": _README,
                "pyproject.toml": _PYPROJECT,
                "checkout/__init__.py": '"""Prices, discounts and shipping."""\n',
                "checkout/basket.py": _BASKET,
            },
        ),
        Change(
            author="ben",
            message="Give discounts by the size of the basket",
            files={"checkout/discounts.py": _DISCOUNTS_FIRST, "tests/test_discounts.py": _DISCOUNT_TESTS},
        ),
        Change(
            author="priya",
            message="Charge shipping below 75 euros",
            files={
                "checkout/shipping.py": _SHIPPING,
                "checkout/total.py": _TOTAL,
                "tests/test_total.py": _TOTAL_TESTS,
            },
        ),
        Change(
            author="ana",
            message="Check every push and pull request",
            files={".github/workflows/ci.yml": _WORKFLOW},
        ),
    ),
    breakage=Change(
        author="ben",
        message="Tidy up the discount tiers\n\nA table reads better than a chain of ifs.",
        files={"checkout/discounts.py": _DISCOUNTS},
    ),
    cure=Change(
        author="priya",
        message="Give the discount at exactly the threshold again\n\nThe README says from 100.00, not above.",
        files={"checkout/discounts.py": _DISCOUNTS_FIXED},
    ),
    relapse=Change(
        author="ben",
        message=(
            "Merge branch 'receipts'\n\nThe branch was cut before the discount fix; "
            "conflicts in discounts.py resolved in its favour."
        ),
        files={
            "checkout/discounts.py": _DISCOUNTS,
            "checkout/receipt.py": _RECEIPT,
            "tests/test_receipt.py": _RECEIPT_TESTS,
        },
    ),
)
