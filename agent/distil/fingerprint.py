"""A stable hash of what failed.

The same cause gives the same hash on another day, machine, run, path, shard and in another order; another
test, another message or another file gives another one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from agent.distil.places import is_root, relative
from patchpilot.failures import Category

LENGTH = 20
"""Hexadecimal digits kept: 80 bits, enough for any number of incidents."""
MESSAGES = 60

_STEPS = (
    re.compile(r"\([^()]*\)|\[[^\[\]]*\]"),  # matrix values, shard numbers
    re.compile(r"(?i)\b(?:shard|part|group|node|chunk|partition)s?[ _-]?\d+\b"),
    re.compile(r"\d+(?:\.\d+)*"),
    re.compile(r"[\W_]+"),
)
_RULES = (
    # A registry gains versions by the day.
    (re.compile(r"\(from versions: [^()]*\)?"), "<versions>"),
    (re.compile(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<date>"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +\w{3} +\d+[^,;)]{0,24}\d{4}\b"), "<date>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (
        re.compile(
            r"(?:/private)?/(?:tmp|var/tmp|var/folders)/[^\s:'\",)]+"
            r"|(?i:[a-z]:[\\/][^\s:'\",]*[\\/]_?temp[\\/][^\s:'\",)]+)"
        ),
        "<tmp>",
    ),
    # Machines by the names that GitHub, GitLab, Amazon and MacStadium give them.
    (
        re.compile(
            r"\b(?:fv-az\d{1,6}-\d{1,6}|runner-[\w-]{4,20}-project-\d{1,9}-concurrent-\d{1,4}(?:-\w{1,20})*"
            r"|ip(?:-\d{1,3}){4}(?:\.[\w-]{1,30}){0,3}|Mac-\d{10,16}(?:\.local)?)\b"
        ),
        "<host>",
    ),
    # A pod of Kubernetes: its ReplicaSet's hash and its own, in letters that spell no words.
    (re.compile(r"-(?=[a-z]{0,9}\d)[b-df-hj-np-tv-xz24-9]{6,10}-[b-df-hj-np-tv-xz24-9]{5}\b"), "-<pod>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<hex>"),
    # An object of Java that has no better name.
    (re.compile(r"(?<=[\w\]])@(?=[a-f]*\d)[0-9a-f]{4,8}\b"), "@<hex>"),
    (re.compile(r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b"), "<hex>"),
    (
        re.compile(r"(?i)\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|(?:\d{1,3}\.){3}\d{1,3}):\d{2,5}\b"),
        "<address>",
    ),
    (
        re.compile(r"(?i)\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b"),
        "<duration>",
    ),
)
# The folder and the name: an unknown checkout's root, or an installation's, says nothing of the cause.
_PATH = re.compile(r"(?<![\w@+.~-])[\w@+.~-]*/(?:[\w@+.~-]+/)*([\w@+.~-]+)/([\w@+.~-]+)")
_VERSIONED = re.compile(r"^(python|pypy|ruby|perl|php|node|jdk|openjdk|java|go)[-@]?\d+(?:\.\d+)*$")
# Numbers that name the error rather than measure it: exit codes, HTTP states, signals.
_TELLING = re.compile(r"(?i)((?:code|status|http/?[\d.]*|signal|error)[ :='\"]{0,3})(\d{1,3})\b")
# RSpec tells where an example stands and what it is called; the line moves with every edit above it.
_EXAMPLE = re.compile(r"(_spec\.rb):\d+(?= # \S)")
_NUMBER = re.compile(r"(?<![\w§])\d+(?:[.,]\d+)*")
# Versions that somebody asked for: in quotes, or pinned where an installer refuses them.
_ASKED = re.compile(r"(?i)(\bversion ['\"])(\d+(?:\.\d+)*)(?=['\"])")
_PINNED = re.compile(r"(\w(?:\[[\w,-]*\])?[=~]=)(\d+(?:\.\d+)*)")
_REFUSES = re.compile(r"\bCannot install |\bNo matching distribution found for |satisfies the requirement ")
_MARK = "§"


def fingerprint(
    *, category: Category, tool: str, step: str, messages: Iterable[str], tests: Iterable[str]
) -> str:
    """Hash of the failure. Order and repetition of messages and tests do not matter."""
    lines = sorted({normalised(message) for message in messages} - {""})[:MESSAGES]
    ids = sorted({normalised_test(test) for test in tests})
    parts = [category.value, tool, step_class(step), "\n".join(lines), "\n".join(ids)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:LENGTH]


def step_class(step: str) -> str:
    """The step's name without matrix values, shard numbers and versions."""
    for pattern in _STEPS:
        step = pattern.sub(" ", step)
    return step.strip().lower()


def normalised(message: str) -> str:
    """The message without what changes from run to run."""
    text = " ".join(relative_paths(message).split())
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _PATH.sub(_folder_and_name, text)
    text = _TELLING.sub(rf"\1{_MARK}\2", text)
    text = _ASKED.sub(_marked, text)
    text = _PINNED.sub(_marked, text) if _REFUSES.search(text) else text
    return _NUMBER.sub("<n>", text)[:400]


def _marked(number: re.Match[str]) -> str:
    """A number all of whose parts are kept."""
    return number[1] + "".join(f"{_MARK}{part}." for part in number[2].split("."))


def _folder_and_name(path: re.Match[str]) -> str:
    """The end of a path, as it is below whatever root; ``lib/python3.11`` is ``python`` on every machine."""
    folder = _VERSIONED.sub(r"\1", path[1])
    return f"{folder}/{path[2]}"


def normalised_test(test: str) -> str:
    """A test's id without durations and addresses; numbers stay, since parameters are part of an id."""
    text = _EXAMPLE.sub(r"\1", relative_paths(test))
    for pattern, replacement in _RULES[:-1]:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def relative_paths(text: str) -> str:
    """Every path below a checkout made relative to it."""
    return " ".join(_relative(word) if "/" in word or "\\" in word else word for word in text.split(" "))


def _relative(word: str) -> str:
    """The word without the checkout's folder; cargo names the folder itself: ``shop (/builds/a/shop)``."""
    bare = word.strip("()[]{}<>'\"`,;:")
    return word.replace(bare, ".") if is_root(bare) else relative(word)
