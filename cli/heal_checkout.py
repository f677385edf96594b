"""The copy of a checkout and what is to be run on it: all that can still be wrong before a heal begins.

The agent's libraries take seconds to import, so this comes before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.heal_plan import plan_for
from cli.heal_request import HealRequest, check
from patchpilot.fixes import ReplayPlan
from patchpilot.settings import LocalSettings
from providers.hosts.local import LocalCheckout
from sandbox import OwnedFolder, limits_of
from sandbox.inside import tree_room


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a heal starts from."""

    request: HealRequest
    settings: LocalSettings
    folder: Path
    """Of ours; removed on leaving."""
    checkout: LocalCheckout
    plan: ReplayPlan


@contextmanager
def prepared(request: HealRequest, settings: LocalSettings) -> Iterator[Prepared]:
    """Copy the checkout and find the command; the copy is removed on leaving, whatever happened.

    Raises :class:`~patchpilot.errors.PermanentError`, with what to do, for what can't be used.
    """
    check(request)
    with OwnedFolder() as owned:
        scratch = owned.path / "checkout"
        scratch.mkdir()
        checkout = LocalCheckout.open(
            request.path,
            scratch=scratch,
            most_bytes=tree_room(limits_of(settings.sandbox)),
            include=request.include,
            exclude=request.exclude,
        )
        plan = plan_for(
            request.wanted, scratch / "copy", inside=checkout.tree.inside, images=settings.sandbox.image_table
        )
        yield Prepared(
            request=request,
            settings=settings,
            folder=owned.path,
            checkout=checkout,
            plan=plan,
        )
