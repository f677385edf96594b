"""``.patchpilot.yml`` at the root of a repository: what to run where the workflow doesn't tell.

``docs/patchpilot-yml.md`` shows it all. Everything is optional; a job's own entries come before the general
ones. An entry below ``replay`` that can't be used ends the plan, because what it was meant to say would be
missing; a key beside it that is not known is only told.
"""

from __future__ import annotations

import difflib
import itertools
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from patchpilot.fixes import GaveUp
from patchpilot.text import one_line
from providers.ci.wording import keys_at, listed, meant, problem_of

FILE = ".patchpilot.yml"
PARTS = ("replay", "policy")
"""What the file may hold; the second is read by :mod:`providers.hosts.policy_file`."""
POLICY_KEYS = ("mode", "categories", "confidence")
_MISNAMED = (".patchpilot.yaml", "patchpilot.yml", "patchpilot.yaml")
MAX_BYTES = 1_000_000
"""Larger files are no configuration; reading them would only cost time."""

MAX_NODES = 100_000
"""Most values that a file may hold once its aliases are expanded."""


class Override(BaseModel):
    """Commands for one job, or for all."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, coerce_numbers_to_str=True)

    failing: str = ""
    suite: str = ""
    working_directory: str = Field(default="", alias="working-directory")
    env: dict[str, str] = Field(default_factory=dict)
    image: str = Field(default="", max_length=300, pattern=r"^([A-Za-z0-9][A-Za-z0-9._/:@-]*)?$")

    def problem(self, tree: Path) -> str:
        """What of it the checkout does not have; empty if it has all."""
        if not self.working_directory or _has_folder(tree, self.working_directory):
            return ""
        return (
            f"`replay.working-directory`: there is no folder {one_line(self.working_directory, 80)!r} in the "
            "repository"
        )

    @property
    def idle(self) -> str:
        """What counts for nothing, since no command that it holds for is given; empty if all counts."""
        holds = {"working-directory": self.working_directory, "env": self.env}
        names = [f"replay.{name}" for name, said in holds.items() if said]
        if not names or self.failing or self.suite:
            return ""
        return f"{listed(names)} holds for `failing` and `suite` only, and neither is given"


class Overrides(Override):
    """The part below ``replay``."""

    jobs: dict[str, Override] = Field(default_factory=dict)

    def for_job(self, name: str) -> Override:
        """What holds for the job of this display name."""
        own = self.jobs.get(name) or self.jobs.get(name.partition(" (")[0]) or Override()
        return Override(
            failing=own.failing or self.failing,
            suite=own.suite or self.suite,
            working_directory=own.working_directory or self.working_directory,
            env={**self.env, **own.env},
            image=own.image or self.image,
        )


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    replay: Overrides = Field(default_factory=Overrides)


def read_overrides(tree: Path) -> Overrides | GaveUp:
    """Read the file from a checkout; :class:`GaveUp` names the entry to mend."""
    text = read_plain_file(tree, FILE)
    if text is None:
        return Overrides()
    try:
        return _File.model_validate(load_yaml(text) or {}).replay
    except ValidationError as error:
        return to_be_mended(problem_of(error, _File))
    except YamlProblemError as error:
        return GaveUp(f"{FILE} is no valid YAML: {error}. Mend the file and run the job again.")


def to_be_mended(problem: str) -> GaveUp:
    """The file says something that can't be used."""
    return GaveUp(f"{FILE}: {problem}. Mend the file and run the job again.")


def remarks(tree: Path) -> tuple[str, ...]:
    """What counts for nothing, for people: keys that are not known, and a file whose name is not read."""
    text = read_plain_file(tree, FILE)
    if text is None:
        return tuple(
            f"{name} is not read: the file has to be called {FILE}."
            for name in _MISNAMED
            if has_plain_file(tree, name)
        )
    try:
        document = load_yaml(text)
    except YamlProblemError:
        return ()
    keys = [str(key) for key in document if str(key) not in PARTS] if isinstance(document, dict) else []
    return tuple(f"{FILE}: {_unknown(key)}" for key in keys if not is_policy_misspelt(key))


def is_policy_misspelt(key: str) -> bool:
    """Whether a key on top of the file is meant for the policy, which then can't be known."""
    near = difflib.get_close_matches(key.lower(), PARTS, n=1)
    return key not in PARTS and (near == ["policy"] or key in POLICY_KEYS)


def _unknown(key: str) -> str:
    shown = f"`{one_line(key, 60)}`"
    if key in keys_at(Overrides, ()):
        return f"{shown} counts for nothing here: it belongs below `replay`."
    return f"{shown} is not known and counts for nothing; {meant(key, PARTS)}."


class YamlProblemError(Exception):
    """Text that is no YAML; the message says where."""


class SafeLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which also refuses merges (``<<``) that multiply: each level copies all."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        merges = [value for key, value in node.value if key.tag == "tag:yaml.org,2002:merge"]
        parts = sum(len(value.value) if isinstance(value, yaml.SequenceNode) else 1 for value in merges)
        if parts > _MAX_MERGES:
            raise yaml.constructor.ConstructorError(None, None, "merges too many mappings", node.start_mark)
        super().flatten_mapping(node)
        if len(node.value) > _MAX_MERGED:
            raise yaml.constructor.ConstructorError(None, None, "too large once merged", node.start_mark)


_MAX_DOCUMENTS = 10
_MAX_MERGES = 100
_MAX_MERGED = 10_000


def load_yaml(text: str, loader: type[SafeLoader] = SafeLoader) -> object:
    """Parse YAML safely; raises :class:`YamlProblemError` for anything that doesn't parse."""
    documents = load_documents(text, loader)
    if len(documents) > 1:
        raise YamlProblemError("expected a single document in the stream")
    return documents[0] if documents else None


def load_documents(text: str, loader: type[SafeLoader] = SafeLoader) -> list[object]:
    """All documents of a YAML file; raises :class:`YamlProblemError` for anything that doesn't parse."""
    try:
        loaded: list[object] = list(itertools.islice(yaml.load_all(text, Loader=loader), _MAX_DOCUMENTS))
        _check_size(loaded, {})
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise YamlProblemError(one_line(f"{line}{error.problem or 'malformed'}")) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: a date such as 2026-99-99, which YAML reads as one.
        raise YamlProblemError(one_line(str(error)) or type(error).__name__) from error
    except (LookupError, AttributeError) as error:
        # PyYAML looks into the value of `!!bool maybe` or `!!timestamp soon` before it knows it to be one.
        raise YamlProblemError("a value is not what its tag (!!…) says") from error
    return loaded


def _check_size(value: object, known: dict[int, int]) -> int:
    """Count nodes as if no alias were shared: a few lines of aliases may stand for billions of nodes."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        # While a node is being counted it counts as too many: it contains itself.
        known[id(value)] = MAX_NODES + 1
        children = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_check_size(child, known) for child in children)
    if known[id(value)] > MAX_NODES:
        raise ValueError("too large once its aliases are expanded")
    return known[id(value)]


def read_plain_file(tree: Path, path: str) -> str | None:
    """A small ordinary file of the checkout, ``None`` if it is none; never through a symlink."""
    if not has_plain_file(tree, path):
        return None
    place = tree / path
    try:
        if place.stat().st_size > MAX_BYTES:
            return None
        return place.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def has_plain_file(tree: Path, path: str) -> bool:
    """Whether the checkout has this ordinary file, of any size; never through a symlink."""
    place = _inside(tree, path)
    return place is not None and place.is_file()


def _has_folder(tree: Path, path: str) -> bool:
    place = _inside(tree, path)
    return place is not None and place.is_dir()


def _inside(tree: Path, path: str) -> Path | None:
    """The place in the checkout, ``None`` where the path leaves it or goes through a symlink."""
    place = tree
    try:
        for part in Path(path).parts:
            place /= part
            if part == ".." or place.anchor != tree.anchor or place.is_symlink():
                return None
        return place if place.is_relative_to(tree) and place.exists() else None
    except (OSError, ValueError):  # a name too long for the file system, or with a NUL
        return None
