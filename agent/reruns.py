"""Running the failed jobs again, where no patch can help and the settings ask for it."""

from __future__ import annotations

from typing import Final

from agent.toolbox import HealTools
from patchpilot.failures import Category
from patchpilot.heals import HealState

RERUN_MAY_HELP: Final = frozenset({Category.FLAKY, Category.INFRASTRUCTURE, Category.TIMEOUT})
"""Others need a person first: a missing permission is still missing in the next run."""

_NAMES: Final = {"github_actions": "GitHub", "gitlab": "GitLab", "jenkins": "Jenkins", "circleci": "CircleCI"}


def end_with_rerun(tools: HealTools, to: HealState, *, reason: str, category: Category) -> None:
    """End the heal with the verdict ``to``, and have the failed jobs run again if the policy wants it.

    The worker can write nowhere, so it leaves the asking to the effects role. It happens once per run: a
    job that is red again after that needs a person, not a third try.
    """
    record = tools.journal.failure()
    if not tools.settings.rerun_flaky or category not in RERUN_MAY_HELP or record.from_fork:
        tools.journal.move(to, reason=reason)
        return
    if not tools.journal.may_rerun():
        said = "PatchPilot had this run's failed jobs run again before; it does so only once per run."
        tools.journal.move(to, reason=f"{reason} {said}")
        return
    name = _NAMES.get(record.run.provider, "CI")
    said = f"PatchPilot asked {name} to run the failed jobs again."
    tools.journal.move(to, reason=f"{reason} {said}", rerun=True)
