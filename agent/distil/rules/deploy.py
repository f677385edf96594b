"""Programs that put software in its place: Ansible, Alembic, Helm, kubectl, PowerShell's modules."""

from __future__ import annotations

from agent.distil.rules.rule import Role, Rule
from patchpilot.failures import Category

RULES = (
    # https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_error_handling.html
    Rule(r"^\.\.\.ignoring$", 3, "", Role.ASIDE, before=1),
    Rule(
        r"^(?:ERROR +\[alembic\.|FAILED: (?:Multiple head|Can't locate revision|Target database is))",
        86,
        "alembic",
        category=Category.CONFIG,
    ),
    Rule(
        r"^Error: (?:INSTALLATION|UPGRADE) FAILED: .*(?:timed out|context deadline exceeded)",
        90,
        "helm",
        category=Category.TIMEOUT,
    ),
    Rule(
        r"^Error: (?:failed to download \"|looks like \"\S+\" is not a valid chart repository)",
        84,
        "helm",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(r"^error: \S+ \"\S+\" exceeded its progress deadline", 90, "kubectl", category=Category.TIMEOUT),
    Rule(r"^error: timed out waiting for the condition", 86, "kubectl", category=Category.TIMEOUT),
    Rule(
        r"^error: You must be logged in to the server|^Error from server \((?:Forbidden|Unauthorized)\)",
        90,
        "kubectl",
        category=Category.PERMISSION,
    ),
    Rule(
        r"^(?:\s{1,8}\| )?The specified module '[^'\n]+' was not loaded",
        86,
        "powershell",
        category=Category.CONFIG,
        before=4,
    ),
)
