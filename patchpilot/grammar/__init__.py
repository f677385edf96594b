"""What people type, press and write: one grammar for slash commands, mentions and pull request comments.

:func:`parse` makes a typed :data:`Request` of any text and never raises; :func:`write` is its inverse. What
may be said where, and what it needs, is one table: :data:`VERBS`.
"""

from patchpilot.grammar.help import help_text, who_may
from patchpilot.grammar.reading import parse
from patchpilot.grammar.requests import (
    Decide,
    Diagnose,
    Digest,
    Direct,
    Drop,
    Explain,
    Fix,
    Help,
    Link,
    ListSubscriptions,
    Misunderstood,
    Mute,
    Pause,
    Question,
    Quiet,
    Request,
    Resume,
    Settings,
    Status,
    Subscribe,
    Take,
    Target,
    Unlink,
    Unmute,
    Unsubscribe,
    WhoAmI,
)
from patchpilot.grammar.values import DigestTime, Level, TwoPersonRule, Window
from patchpilot.grammar.verbs import VERBS, entry_of
from patchpilot.grammar.ways import Option, VerbEntry, Way
from patchpilot.grammar.writing import write

__all__ = [
    "VERBS",
    "Decide",
    "Diagnose",
    "Digest",
    "DigestTime",
    "Direct",
    "Drop",
    "Explain",
    "Fix",
    "Help",
    "Level",
    "Link",
    "ListSubscriptions",
    "Misunderstood",
    "Mute",
    "Option",
    "Pause",
    "Question",
    "Quiet",
    "Request",
    "Resume",
    "Settings",
    "Status",
    "Subscribe",
    "Take",
    "Target",
    "TwoPersonRule",
    "Unlink",
    "Unmute",
    "Unsubscribe",
    "VerbEntry",
    "Way",
    "WhoAmI",
    "Window",
    "entry_of",
    "help_text",
    "parse",
    "who_may",
    "write",
]
