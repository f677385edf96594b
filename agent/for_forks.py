"""A patch file for somebody's fork: what cured the same failure here before, if it fits their code.

Nothing of a fork is run and no branch is made for it, so the patch is unproven and says so; people may take
it from the thread or from the REST API.
"""

from __future__ import annotations

from typing import Final

from agent.checkout import tree_of
from agent.nodes.retrieve import recall
from agent.nodes.validate import inspected
from agent.toolbox import HealTools
from patchpilot.errors import PermanentError, SandboxUnavailableError
from patchpilot.fixes import Candidate, PastFix, Severity
from patchpilot.incidents import incident_name
from patchpilot.ports import WorkbenchSpec

_SAME: Final = 1.0


def patch_for_fork(tools: HealTools) -> dict[str, str]:
    """The change to leave with the diagnosis, as ``State.partial`` holds it; empty where there is none."""
    if not tools.journal.failure().from_fork or tools.workbenches.engine == "none":
        return {}
    past = next((past for past in recall(tools) if past.similarity >= _SAME), None)
    if past is None:
        return {}
    name = incident_name(past.incident)
    with tools.journal.step("fork", f"Looking whether the fix of {name} fits this code"):
        try:
            fits = _fits(tools, past)
        except (PermanentError, SandboxUnavailableError):  # the commit is gone, or the patch does not apply
            fits = False
    if not fits:
        return {}
    why = f"it cured the same failure in {name} and fits this code, but nothing of a fork is run here"
    return {"diff": past.patch.diff, "author": f"memory:{name}", "why": why}


def _fits(tools: HealTools, past: PastFix) -> bool:
    """Whether it applies and the guard would let it through; no command runs in this workbench."""
    tree = tree_of(tools, tools.journal.failure().head_sha)
    candidate = Candidate(patch=past.patch, author="", summary="")
    with tools.workbenches.open(WorkbenchSpec(tree=tree, job_id=str(tools.journal.heal_id))) as bench:
        findings = inspected(tools, "memory:", candidate, bench)
        bench.apply(past.patch)
    return all(finding.severity is not Severity.REFUSE for finding in findings)
