"""pytest's summary, whose lines it cuts to the width of the terminal; what they say stands whole above.

https://docs.pytest.org/en/stable/how-to/output.html#producing-a-detailed-summary-report
"""

from __future__ import annotations

import re

from agent.distil.story import Story
from agent.distil.wording import LENGTH, Wording

REACH = 200
"""So many lines of a summary are looked through for its first."""
_TRIED = 5
"""So many of its first lines are looked for above."""
_LEAST = 8
"""Fewer characters of a message are found anywhere."""
_LINE = re.compile(r"(?:FAILED|ERROR) (\S+\.py\b.*?) - (\S.*)")
_CUT = "..."
_TITLE = re.compile(r"_{3,} (?:ERROR at \w+ of )?(\S.*?) _{3,}")


def first_line(story: Story, row: int) -> int:
    """Row of the summary's first line of which it is known what it says, if the row given is one of them."""
    if not _LINE.match(story.lines[row].core):
        return row
    above = row
    while above and row - above < REACH and _LINE.match(story.lines[above - 1].core):
        above -= 1
    tried = range(above, min(above + _TRIED, row))
    return next((near for near in tried if _whole(story, near) is not None), row)


def uncut(story: Story, row: int) -> Wording | None:
    """The cause in full where ``row`` is a line of the summary that is cut."""
    found = _whole(story, row)
    return Wording(found[0][:LENGTH], (row, found[1])) if found else None


def _whole(story: Story, row: int) -> tuple[str, int] | None:
    """What a line of the summary that is cut says in full, and the row that says so."""
    line = _LINE.match(story.lines[row].core)
    if not line or not line[2].endswith(_CUT) or len(line[2]) < _LEAST + len(_CUT):
        return None
    said = line[2].removesuffix(_CUT)
    name = line[1].partition("::")[2].replace("::", ".")
    inside = False
    loose: int | None = None
    for near in range(row):
        text = story.lines[near].core
        if text.startswith("___") and (title := _TITLE.fullmatch(text)):
            inside = title[1] == name
        elif said in text and not _LINE.match(text):
            if inside:
                return _joined(line[1], text, said), near
            loose = near if loose is None else loose
    return None if loose is None else (_joined(line[1], story.lines[loose].core, said), loose)


def _joined(test: str, text: str, said: str) -> str:
    return f"{test} - {text[text.index(said) :].strip()}"
