"""YAML as GitHub reads workflows and actions.

PyYAML follows YAML 1.1, where ``yes`` and ``on`` are truths, ``22:22`` and ``010`` are numbers in other
bases and ``2024-01-02`` is a date. GitHub follows the core schema of YAML 1.2, where all but ``010`` (ten)
are texts: a matrix ``coverage: [yes, no]`` makes jobs called ``test (yes)`` and ``test (no)``.
https://yaml.org/spec/1.2.2/#103-core-schema
https://github.com/actions/runner/blob/main/src/Sdk/DTObjectTemplating/ObjectTemplating/YamlObjectReader.cs
"""

from __future__ import annotations

import re

import yaml

from providers.ci.overrides import SafeLoader, load_yaml

_TAG = "tag:yaml.org,2002:"
_DIGITS = "0123456789"
_SCALARS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", f"-+{_DIGITS}"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        f"-+.{_DIGITS}",
    ),
)
_OTHERS = {"merge", "null", "value"}
"""What both versions take alike, or GitHub does not have."""


class _Loader(SafeLoader):
    """The core schema's scalars in place of YAML 1.1's."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in known if tag.removeprefix(_TAG) in _OTHERS]
        for first, known in SafeLoader.yaml_implicit_resolvers.items()
    }


def _whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)


def _broken(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
_Loader.add_constructor(f"{_TAG}int", _whole)
_Loader.add_constructor(f"{_TAG}float", _broken)


def load(text: str) -> object:
    """Parse a workflow or an action; raises :class:`~providers.ci.overrides.YamlProblemError`."""
    return load_yaml(text, _Loader)
