"""The tables: what the lines of each family of tools look like."""

from __future__ import annotations

from agent.distil.rules import asides, deploy, javascript, jvm, native, others, platform, python, signs
from agent.distil.rules.rule import Role, Rule

RULES: tuple[Rule, ...] = (
    platform.RULES
    + python.RULES
    + javascript.RULES
    + jvm.RULES
    + native.RULES
    + others.RULES
    + deploy.RULES
    + asides.RULES
    + signs.RULES
)

__all__ = ["RULES", "Role", "Rule"]
