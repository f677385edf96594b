"""Sample repositories for the demo and the tests, made by code as real git histories."""

from typing import Final

from playground.samples.checkout import CHECKOUT
from playground.samples.ledger import LEDGER
from playground.samples.notifier import NOTIFIER
from playground.samples.sample import Change, Sample

SAMPLES: Final = (LEDGER, CHECKOUT, NOTIFIER)
"""In the order in which the demo shows them."""

__all__ = ["CHECKOUT", "LEDGER", "NOTIFIER", "SAMPLES", "Change", "Sample"]
