"""What a repository lets PatchPilot do without asking: its own word, within what the operator allows. Pure.

``policy`` in ``.patchpilot.yml`` of the default branch:

.. code-block:: yaml

    policy: ask                # the default: a named human approves every patch
    policy: diagnose           # never run or patch anything, only say what is wrong
    policy:                    # a draft pull request without asking, for the chosen kinds of failure
      mode: draft
      categories: [lint, format]
      confidence: 0.9

It is read from the default branch and never from the change that failed: who opens a pull request must not
choose what may be done about it. Whatever it says, a patch with findings of the guard, or one that touches
dependencies, CI or who may do what, is asked for.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from patchpilot.failures import Category
from patchpilot.fixes import Fix

LEAST_CONFIDENCE: Final = 0.5
"""A file may not go below this: what is as likely wrong as right is asked for."""


class Mode(enum.StrEnum):
    """How far PatchPilot goes by itself, the most careful first."""

    DIAGNOSE = "diagnose"
    ASK = "ask"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for one repository."""

    mode: Mode = Mode.ASK
    categories: frozenset[Category] = frozenset()
    """With :attr:`Mode.DRAFT`: the kinds of failure whose fixes are not asked for."""
    confidence: float = 0.9
    """With :attr:`Mode.DRAFT`: from which confidence on, as the card shows it."""
    source: str = "default"
    """Where it comes from, for people."""
    problem: str = ""
    """What is wrong with the repository's file, which then counts for nothing."""

    def within(self, most: Mode) -> Policy:
        """The policy, cut to what the operator allows at most."""
        order = list(Mode)
        if order.index(self.mode) <= order.index(most):
            return self
        return Policy(mode=most, source=f"{self.source}, cut to {most.value!r} by the operator")


def why_ask(policy: Policy, fix: Fix, category: Category) -> str:
    """Why a person is asked about this fix; empty where the policy opens a draft by itself."""
    if policy.mode is not Mode.DRAFT:
        return f"the policy is to {policy.mode.value}"
    if category not in policy.categories:
        return f"the policy asks about {category.value} failures"
    if fix.findings:
        return "the patch guard has remarks"
    touched = sorted({f"{kind} ({path})" for path in fix.patch.files if (kind := sensitive(path))})
    if touched:
        return f"it touches {', '.join(touched[:3])}"
    if fix.confidence < policy.confidence:
        return f"its confidence is below {policy.confidence:.0%}"
    return ""


def sensitive(path: str) -> str:
    """What kind of path it is that nobody changes without being asked; empty for all others."""
    lowered = path.lower()
    return next((kind for kind, pattern in _SENSITIVE if pattern.search(lowered)), "")


_SENSITIVE: Final = (
    (
        "CI",
        re.compile(
            r"^\.github/|^\.gitlab|(?:^|/)\.gitlab-ci|^\.circleci/|^\.buildkite/|(?:^|/)jenkinsfile"
            r"|(?:^|/)\.?(?:travis|appveyor|azure-pipelines|bitbucket-pipelines|patchpilot|pre-commit-config)"
            r"[^/]*\.ya?ml$|(?:^|/)(?:dockerfile|containerfile)[^/]*$|(?:^|/)(?:gnu)?makefile$|(?:^|/)codeowners$"
        ),
    ),
    (
        "dependencies",
        re.compile(
            r"(?:^|/)(?:[^/]*requirements[^/]*\.(?:txt|in)|constraints[^/]*\.txt|pyproject\.toml|setup\.(?:py|cfg)"
            r"|pipfile(?:\.lock)?|package(?:-lock)?\.json|npm-shrinkwrap\.json|[^/]+\.lock|[^/]+-lock\.ya?ml"
            r"|go\.(?:mod|sum|work)|cargo\.toml|gemfile|[^/]+\.gemspec|composer\.json|pom\.xml"
            r"|build\.gradle(?:\.kts)?|gradle\.lockfile|libs\.versions\.toml|environment[^/]*\.ya?ml"
            r"|\.npmrc|\.yarnrc[^/]*|pip\.conf|uv\.toml)$|(?:^|/)requirements/"
        ),
    ),
    (
        "authorisation",
        re.compile(
            r"(?:^|[/_.-])(?:auth|authn|authz|oauth2?|login|logout|signin|session|sessions|password|passwords"
            r"|passwd|credential|credentials|secret|secrets|token|tokens|permission|permissions|acl|rbac|jwt"
            r"|saml|sso|crypto|security|authentication|authorization|authorisation|policies)(?:[/_.-]|$)"
        ),
    ),
)
