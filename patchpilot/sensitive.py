"""Paths whose change asks for more than write access: dependencies, CI, authentication."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_DEPENDENCIES: Final = re.compile(
    r"(?:^|/)(?:[^/]*requirements[^/]*\.(?:txt|in)|constraints[^/]*\.txt|pyproject\.toml|setup\.(?:py|cfg)"
    r"|pipfile|environment\.ya?ml|package\.json|deno\.jsonc?|go\.(?:mod|sum|work)|cargo\.toml|gemfile"
    r"|[^/]*\.gemspec|pom\.xml|build\.gradle(?:\.kts)?|libs\.versions\.toml|composer\.json|mix\.exs"
    r"|pubspec\.yaml|package\.swift|packages\.config|[^/]*\.csproj|conanfile\.(?:txt|py)|vcpkg\.json"
    r"|\.npmrc|\.yarnrc\.yml|pip\.conf|[^/]*\.lock|[^/]*\.lockfile|[^/]*-lock\.(?:json|yaml)"
    r"|npm-shrinkwrap\.json|bun\.lockb)$"
    r"|(?:^|/)requirements/[^/]+\.(?:txt|in)$|(?:^|/)(?:vendor|third_party)/"
)
_CI: Final = re.compile(
    r"^\.(?:github|gitlab|circleci|buildkite|woodpecker|azure-pipelines|ci|husky)/|(?:^|/)\.gitlab-ci[^/]*$"
    r"|(?:^|/)jenkinsfile[^/]*$|(?:^|/)\.?(?:travis|appveyor|drone|cirrus|azure-pipelines|cloudbuild"
    r"|bitbucket-pipelines|buildspec|pre-commit-config|patchpilot)\.ya?ml$|(?:^|/)(?:dockerfile[^/]*"
    r"|[^/]*\.dockerfile|codeowners|makefile|tox\.ini|noxfile\.py)$|(?:^|/)(?:docker-)?compose[^/]*\.ya?ml$"
)
_AUTHENTICATION: Final = re.compile(
    r"(?:^|[/_.-])(?:auth(?:n|z|entication|orization)?|login|logout|oauth2?|oidc|saml|sso|session|sessions"
    r"|jwt|token|tokens|password|passwords|credential|credentials|secret|secrets|permission|permissions"
    r"|rbac|acl|crypto|csrf|security|middleware|policies)(?=[/_.-]|$)"
)


def sensitive_kinds(paths: Iterable[str]) -> tuple[str, ...]:
    """What among ``paths`` asks for maintain access: ``dependency``, ``CI`` or ``authentication``."""
    lowered = [path.lower() for path in paths]
    kinds = (("dependency", _DEPENDENCIES), ("CI", _CI), ("authentication", _AUTHENTICATION))
    return tuple(name for name, pattern in kinds if any(pattern.search(path) for path in lowered))
