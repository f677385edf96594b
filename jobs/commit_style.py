"""How a repository writes its commit messages, read from its last commits, and a subject written so.

Pure: the messages come in, a :class:`Convention` comes out. What most of the commits do counts; where they
agree on nothing, or are too few, the subject is a plain imperative sentence.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from patchpilot.failures import Category
from patchpilot.text import one_line

LOOKED_AT: Final = 50
"""How many commits of the base branch tell the convention."""
WIDTH: Final = 72
"""Longest subject: https://git-scm.com/book/en/v2/Distributed-Git-Contributing-to-a-Project"""
_FEWEST: Final = 4
"""Fewer subjects than this tell no convention."""
_MOST: Final = 0.5
"""Share of the subjects from which on a way of writing counts as the repository's own."""
_NEARLY_ALL: Final = 0.8
"""Share of the commits from which on a trailer is taken to be required."""


class Kind(enum.StrEnum):
    """The ways of writing that are told apart."""

    CONVENTIONAL = "conventional commits"
    """https://www.conventionalcommits.org: ``fix(parser): keep the last line``"""
    COMPONENT = "component"
    """As Go, Linux and many others do: ``net/http: keep the last line``"""
    GITMOJI = "gitmoji"
    """https://gitmoji.dev: ``🐛 Keep the last line``"""
    TICKET = "ticket"
    """``ABC-12: Keep the last line`` or ``[ABC-12] Keep …``"""
    PLAIN = "plain"
    """``Keep the last line``"""


_TYPES: Final = "feat|fix|docs|style|refactor|perf|test|tests|build|ci|chore|revert|deps|lint"
_CONVENTIONAL: Final = re.compile(rf"(?P<type>{_TYPES})(?:\((?P<scope>[^()\s]{{1,40}})\))?!?: (?P<rest>\S.*)")
_COMPONENT: Final = re.compile(r"(?P<component>[A-Za-z0-9][\w./+-]{0,40}): (?P<rest>\S.*)")
_SHORTCODE: Final = re.compile(r":[a-z0-9_+-]{2,40}: ?(?P<rest>\S.*)")
_EMOJI: Final = re.compile(
    "[\u2600-\u27bf\u2b00-\u2bff\U0001f300-\U0001faff]\ufe0f?(?:\u200d\\S+)? ?(?P<rest>\\S.*)"
)
_TICKET: Final = re.compile(
    r"(?P<open>\[?)(?P<ticket>[A-Z][A-Z0-9]{1,9}-\d+)(?P<close>\]?:? ?-? ?)(?P<rest>\S.*)"
)
_SIGNED: Final = re.compile(r"^Signed-off-by: .+<.+>\s*$", re.MULTILINE)
_SKIPS: Final = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)
_SKIPS_BY_TRAILER: Final = re.compile(r"skip-checks\s*:", re.IGNORECASE)
_NOT_WRITTEN: Final = re.compile(r"Merge (?:pull request|branch|remote-tracking|tag|commit)\b|Revert \"")
"""Subjects that git and code hosts write."""

_TYPE_OF: Final = {
    Category.LINT: ("style", "lint", "chore", "fix"),
    Category.FORMAT: ("style", "chore", "fix"),
    Category.DEPENDENCY: ("deps", "build", "fix"),
    Category.BUILD: ("build", "fix"),
    Category.CONFIG: ("chore", "fix"),
}
_GITMOJI: Final = {
    Category.LINT: ("🚨", ":rotating_light:"),
    Category.FORMAT: ("🎨", ":art:"),
    Category.DEPENDENCY: ("📌", ":pushpin:"),
    Category.BUILD: ("💚", ":green_heart:"),
    Category.CONFIG: ("🔧", ":wrench:"),
}
_BUG: Final = ("🐛", ":bug:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How a repository writes its commit messages."""

    kind: Kind = Kind.PLAIN
    capital: bool = True
    """The text behind a prefix begins with a capital letter."""
    names: tuple[str, ...] = ()
    """Scopes or components that were seen, the commonest first."""
    types: frozenset[str] = frozenset()
    """Types of Conventional Commits that were seen."""
    scoped: bool = False
    """Most Conventional Commits name a scope."""
    shortcodes: bool = False
    """Gitmoji are written ``:bug:``."""
    ticket_form: str = ""
    """``{}: `` or ``[{}] ``, as tickets are written."""
    signed_off: bool = False
    """Nearly all commits have ``Signed-off-by`` (https://developercertificate.org)."""


def detect(messages: Sequence[str]) -> Convention:
    """The convention of these commit messages, newest first."""
    subjects = [message.strip().split("\n", 1)[0].strip() for message in messages[:LOOKED_AT]]
    written = [subject for subject in subjects if subject and not _NOT_WRITTEN.match(subject)]
    signed = sum(bool(_SIGNED.search(message)) for message in messages[:LOOKED_AT])
    signed_off = len(subjects) >= _FEWEST and signed >= _NEARLY_ALL * len(subjects)
    if len(written) < _FEWEST:
        return Convention(signed_off=signed_off)
    for kind, pattern in _PATTERNS:
        found = [match for subject in written if (match := pattern.fullmatch(subject))]
        if len(found) >= _MOST * len(written):
            return _convention(kind, found, signed_off=signed_off)
    return Convention(capital=_capital(written), signed_off=signed_off)


def subject(
    convention: Convention,
    summary: str,
    *,
    category: Category,
    files: Sequence[str] = (),
    broken_by: str = "",
) -> str:
    """``summary`` as a subject line in the convention, at most :data:`WIDTH` characters.

    ``files`` are the paths that the patch touches, ``broken_by`` is the subject of the commit that it mends:
    its ticket is the fix's too.
    """
    text = one_line(never_skips(summary), 200).rstrip(". ")
    text = _with_case(text, capital=convention.capital)
    return one_line(_prefix(convention, category, files, broken_by) + text, WIDTH)


def never_skips(text: str) -> str:
    """Text without what would keep CI from starting, as a hostile log might have put it there.

    https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
    """
    return _SKIPS_BY_TRAILER.sub("skip-checks =", _SKIPS.sub(r"(\1)", text))


_PATTERNS: Final = (
    (Kind.CONVENTIONAL, _CONVENTIONAL),
    (Kind.GITMOJI, re.compile(f"{_SHORTCODE.pattern}|{_EMOJI.pattern.replace('?P<rest>', '?P<more>')}")),
    (Kind.TICKET, _TICKET),
    (Kind.COMPONENT, _COMPONENT),
)


def _convention(kind: Kind, found: list[re.Match[str]], *, signed_off: bool) -> Convention:
    parts = [match.groupdict() for match in found]
    named = [part.get("scope") or part.get("component") or "" for part in parts]
    names = tuple(name for name, _ in Counter(filter(None, named)).most_common())
    form = Counter(f"{part.get('open') or ''}{{}}{part.get('close') or ''}" for part in parts)
    return Convention(
        kind=kind,
        capital=_capital([part.get("rest") or part.get("more") or "" for part in parts]),
        names=names,
        types=frozenset(part["type"] for part in parts if part.get("type")),
        scoped=2 * sum(map(bool, named)) >= len(found),
        shortcodes=sum(match[0].startswith(":") for match in found) * 2 >= len(found),
        ticket_form=form.most_common(1)[0][0] if kind is Kind.TICKET else "",
        signed_off=signed_off,
    )


def _capital(texts: Iterable[str]) -> bool:
    first = [text[0] for text in texts if text and text[0].isalpha()]
    return 2 * sum(letter.isupper() for letter in first) >= len(first)


def _with_case(text: str, *, capital: bool) -> str:
    if capital:
        return text[:1].upper() + text[1:]
    # A name such as README or JSON keeps its capitals.
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _prefix(convention: Convention, category: Category, files: Sequence[str], broken_by: str) -> str:
    match convention.kind:
        case Kind.CONVENTIONAL:
            wanted = _TYPE_OF.get(category, ("fix",))
            kind = next((name for name in wanted if name in convention.types), "fix")
            scope = _known_name(convention, files) if convention.scoped else ""
            return f"{kind}({scope}): " if scope else f"{kind}: "
        case Kind.COMPONENT:
            return f"{_known_name(convention, files) or _own_name(files)}: "
        case Kind.GITMOJI:
            return _GITMOJI.get(category, _BUG)[convention.shortcodes] + " "
        case Kind.TICKET:
            ticket = _TICKET.match(broken_by)
            return convention.ticket_form.format(ticket["ticket"]) if ticket else ""
        case Kind.PLAIN:
            return ""


def _known_name(convention: Convention, files: Sequence[str]) -> str:
    """The commonest name of the history that means one of these files or a folder above it."""
    wanted = {name for path in files for name in _names_of(path)}
    return next((name for name in convention.names if name in wanted), "")


def _own_name(files: Sequence[str]) -> str:
    """What a file is called where the history has no name for it: its folder, else itself."""
    if not files:
        return "ci"
    path = PurePosixPath(files[0])
    return path.parent.as_posix() if path.parent.name else path.stem


def _names_of(path: str) -> Iterable[str]:
    place = PurePosixPath(path)
    parts = place.parts
    yield place.as_posix()
    yield place.stem
    for index in range(len(parts) - 1):
        yield parts[index]
        yield "/".join(parts[index : len(parts) - 1])
        yield "/".join(parts[: index + 1])
