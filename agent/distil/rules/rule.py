"""The form of one rule: how a tool's line looks, what it is worth and how far its message reaches."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from patchpilot.failures import Category


class Role(enum.Enum):
    """What a line does in the story of a failure."""

    CAUSE = "cause"
    """Says what is wrong: an assertion, a compiler's message."""
    DETAIL = "detail"
    """Belongs to a cause: an expected value, a location, a frame."""
    LIST = "list"
    """Names what failed, in a summary."""
    OUTCOME = "outcome"
    """A consequence: somebody reports that something before it failed."""
    SIGN = "sign"
    """Smells of failure in any tool's output; decides nothing."""
    NOISE = "noise"
    """Looks like a failure and is none: signs on this line mean nothing."""
    MUTE = "mute"
    """Never worth reading, whatever other rules say of the line."""
    END = "end"
    """The CI system reports that the step failed; what matters stands before it."""
    CLEARED = "cleared"
    """A block that ends here ended well: what it printed is no failure. It began at ``since``."""
    ASIDE = "aside"
    """Complains, and fails no job as a rule: no cause beside anything else that may be one. The lines
    ``before`` it complain of the same, if ``since`` is given all from the line that it matches on."""
    SECTION = "section"
    """The CI system starts a step or prints its command."""
    TOOL = "tool"
    """Tells which tool runs, nothing else."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a table.

    ``pattern`` is read by Hyperscan and by :mod:`re`, so it holds no look-around and no
    back-reference, and it must not end in an open repeat, which would report one match per character.
    """

    pattern: str
    worth: int
    """0 to 100: how sure it is that a person needs this line."""
    tool: str = ""
    role: Role = Role.CAUSE
    category: Category | None = None
    before: int = 0
    """Lines above that belong to the message."""
    after: int = 0
    """Lines below that belong to the message; it ends early at ``stop``."""
    stop: str = ""
    """Regular expression of the first line that does not belong to the message any more."""
    heading: bool = False
    """The nearest less indented line above names the file or suite, and belongs to the message."""
    since: str = ""
    """Regular expression of the line above with which a cleared block, or one that is passed over, began."""
    says: tuple[str, ...] = ()
    """For a line that only names what failed: regular expressions of the line below that says what went
    wrong, the most telling first."""
    opened: str = ""
    """Regular expression of the line, ending in the test's id, above whose successors say it as well."""
    test: str = ""
    """Regular expression whose group 1 is the id of the failed test."""


BLANK = r"^\s*$"
