"""Other names for modules in the settings of a test runner: those that only shorten a path, or hide a style
sheet, and those that put something else in the place of a module.
"""

from __future__ import annotations

import re

from agent.guard import places

_PAIR = re.compile(
    r"(?:\"([^\"]+)\"|'([^']+)'|([\w@~]+))\s*:\s*(?!\s*[{\[]\s*$)(.+?)\s*(?:,\s*(?=[\"'\w@~])|,?\s*\}*\s*$)"
)
_ASSET = re.compile(
    r"\.\(?(?:\?:)?(?:\w+\|)*(?:css|less|s[ac]ss|styl|svg|png|jpe?g|gif|webp|woff2?|ttf|eot|mp[34])(?:\|\w+)*\)?\$?$"
)
_OWN_PREFIX = re.compile(r"^\^?[@~#][\w-]*/?(?:\(\.\*\)|\*)?\$?$")
_SAME_PLACE = re.compile(r"^\$1$")
_REST = re.compile(r"\$1|\*")
_STAND_IN = re.compile(
    r"(?i)(?:^|[/._-])(?:fakes?|mocks?|stubs?|dumm(?:y|ies)|doubles?|shims?|noop|empty)(?:$|[/._-])"
)


def is_alias(source: str, target: str) -> bool:
    """``@/(.*)`` for ``<rootDir>/src/$1``, or any file for a picture or a style sheet.

    Without a ``source``, ``target`` is the whole table in one line.
    """
    if not source:
        pairs = [
            (match[1] or match[2] or match[3], match[4]) for match in _PAIR.finditer(target.strip("{} "))
        ]
        return bool(pairs) and all(is_alias(*pair) for pair in pairs)
    target = target.strip("\"' ")
    if _ASSET.search(source):
        return True
    if _STAND_IN.search(target) or places.in_test_folder(target):
        return False
    if _SAME_PLACE.match(target):
        return True
    written = source.strip("^$").replace("(.*)", "$1")
    if target.removeprefix("<rootDir>/").removeprefix("./") == written and not written.startswith("."):
        return True
    is_folder = bool(_REST.search(source)) == bool(_REST.search(target))
    return bool(_OWN_PREFIX.match(source)) and is_folder
