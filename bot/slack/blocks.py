"""Block Kit, in the few shapes that we use, cut to Slack's limits by construction.

Limits: https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from patchpilot.incidents import FailureRecord
from patchpilot.text import fence, one_line, plain, shorten

Block = dict[str, Any]

SECTION_CHARACTERS: Final = 3_000
HEADER_CHARACTERS: Final = 150
BUTTON_CHARACTERS: Final = 75
LINK_CHARACTERS: Final = 1_000
BUTTON_LINK_CHARACTERS: Final = 3_000
CONTEXT_ELEMENTS: Final = 10
CONTEXT_CHARACTERS: Final = 2_000
TEXT_CHARACTERS: Final = 3_900
"""Slack splits a longer ``text`` into several messages (observed above about 4,040)."""


_MOMENT: Final = re.compile(r"\b20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9] UTC")
_MOST_MOMENTS: Final = 10
"""Each makes the text longer, and an answer has few."""
_HALF_ENTITY: Final = re.compile("&[a-z]{0,3}$")
# Slack formats from the edge of a word only: https://slack.com/help/articles/202288908-Format-your-messages
_SIGN: Final = re.compile(r"`|(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])")
_COMMAND: Final = r"(?<![A-Za-z0-9`])`[^`\n]+`(?![A-Za-z0-9`])"
"""Only where Slack takes it for code too, so that what it makes bold or a link can't hide in there."""
_PULL: Final = re.compile(r"/pull/([0-9]{1,10})(?:#pullrequestreview-[0-9]+)?$")
_MOST_PARAGRAPHS: Final = 3
_EMOJI: Final = re.compile(r":(?!(?!100:|1234:)[0-9]+(?:-[0-9]+)?:)[a-z0-9_+'-]{1,60}(?=:)")
"""A log that says ``:white_check_mark:`` must not look like one of our own signs. Places and times such as
``a.py:3:8:`` and ``22:00-07:00`` stay as they are, to be copied: no emoji but two has such a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that a message links; it is uploaded before the message is sent, once."""

    key: str
    """Names this very content, so that it is uploaded once."""
    name: str
    title: str
    content: str | bytes = field(repr=False)
    alt_text: str = ""
    """What a picture shows, for those who can't see it."""

    @property
    def placeholder(self) -> str:
        """Stands in the message for the file's address, which is known only once it is uploaded."""
        return f"https://file.invalid/{self.key}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it should look; ``text`` is what notifications and screen readers use."""

    text: str
    blocks: tuple[Block, ...]
    uploads: tuple[Upload, ...] = ()

    @staticmethod
    def of(text: str, blocks: Sequence[Block | None], *, uploads: Sequence[Upload] = ()) -> Message:
        """Leave out what is ``None``; escape the text, which Slack reads as mrkdwn, and cut it."""
        return Message(
            shorten(fence(escape(text)), TEXT_CHARACTERS),
            tuple(block for block in blocks if block is not None),
            tuple(uploads),
        )


def escape(text: str) -> str:
    """Hostile text as mrkdwn: no link, mention or channel call can be made of it.

    https://docs.slack.dev/messaging/formatting-message-text/#escaping
    """
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quiet(text: str) -> str:
    """Escaped, and without the signs that would make it bold, code, struck out or an emoji of ours.

    A sign within a word formats nothing and stays alone, so that a test's name can be copied from a message;
    of what might be an emoji the end is marked, where no name is.
    """
    return _SIGN.sub("\u2060\\g<0>\u2060", _EMOJI.sub("\\g<0>\u2060", escape(text)))


def worded(text: str, links: Sequence[str] = ()) -> str:
    """An answer as mrkdwn, which may quote a log, a model or people: quiet but for what is between backticks,
    as our commands are, and for ``links``, which are ours."""
    ours = sorted((plain(url) for url in links if url), key=len, reverse=True)
    kept = re.compile("|".join([*map(re.escape, ours), _COMMAND]))
    text, said, end = plain(text), [], 0
    for part in kept.finditer(text):
        said.append(quiet(text[end : part.start()]))
        command = part[0].startswith("`")
        said.append(f"`{escape(part[0][1:-1])}`" if command else link(part[0], _label(part[0])))
        end = part.end()
    return "".join([*said, quiet(text[end:])])


def _label(url: str) -> str:
    """A pull request is better known by its number than by its address."""
    pull = _PULL.search(url)
    return f"PR #{pull[1]}" if pull else url


def paragraphs(mrkdwn: str) -> list[Block]:
    """Sections of whole lines, as many as it takes and a message holds."""
    parts = [""]
    for line in mrkdwn.split("\n"):
        added = f"{parts[-1]}\n{line}" if parts[-1] else line
        if len(added) <= SECTION_CHARACTERS:
            parts[-1] = added
        else:
            parts.append(within(line, SECTION_CHARACTERS))
    return [section(part) for part in parts if part.strip()][:_MOST_PARAGRAPHS]


def header(text: str) -> Block:
    """A heading in plain text."""
    words = {"type": "plain_text", "text": one_line(text, HEADER_CHARACTERS), "emoji": False}
    return {"type": "header", "text": words}


def section(mrkdwn: str, *, block_id: str = "") -> Block:
    """A paragraph; the caller escapes what is not ours."""
    text = {"type": "mrkdwn", "text": shorten(mrkdwn, SECTION_CHARACTERS), "verbatim": True}
    return {"type": "section", "text": text} | ({"block_id": block_id} if block_id else {})


def code(text: str, *, limit: int = SECTION_CHARACTERS - 40) -> Block:
    """A preformatted block whose content can neither close it nor mention anybody."""
    return section(f"```{shorten(fence(escape(text)), limit)}```")


def context(*mrkdwn: str) -> Block:
    """Small print."""
    elements = [
        {"type": "mrkdwn", "text": shorten(text, CONTEXT_CHARACTERS), "verbatim": True}
        for text in mrkdwn
        if text.strip()
    ]
    return {"type": "context", "elements": elements[:CONTEXT_ELEMENTS]}


def actions(block_id: str, *elements: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(
    label: str, action_id: str, value: str, *, style: str = "", about: str = "", confirm: Block | None = None
) -> Block:
    """A button that sends ``value``; ``about`` completes its label for screen readers."""
    made: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": shorten(label, BUTTON_CHARACTERS)},
        "action_id": action_id,
        "value": value,
    }
    if style:
        made["style"] = style
    if about:
        made["accessibility_label"] = shorten(f"{label.rstrip('…')} {about}", BUTTON_CHARACTERS)
    if confirm:
        made["confirm"] = confirm
    return made


def link_button(label: str, action_id: str, url: str, *, about: str = "") -> Block:
    """A button that opens a page. Slack sends an action for it all the same, which must be acknowledged."""
    text = {"type": "plain_text", "text": shorten(label, BUTTON_CHARACTERS)}
    made: Block = {"type": "button", "text": text, "action_id": action_id, "url": _address(url)}
    if about:
        made["accessibility_label"] = shorten(f"{label.rstrip('…')} {about}", BUTTON_CHARACTERS)
    return made


def overflow(action_id: str, choices: Mapping[str, str]) -> Block:
    """A menu of rarer actions, by label: each sends its value."""
    options = [
        {"text": {"type": "plain_text", "text": shorten(label, BUTTON_CHARACTERS)}, "value": value}
        for label, value in choices.items()
    ]
    return {"type": "overflow", "action_id": action_id, "options": options}


def image(upload: Upload) -> Block:
    """A picture that is uploaded before the message is sent."""
    return {"type": "image", "slack_file": {"id": upload.placeholder}, "alt_text": upload.alt_text}


def confirm(title: str, text: str, yes: str) -> Block:
    """A question before a button acts."""
    return {
        "title": {"type": "plain_text", "text": shorten(title, 100)},
        "text": {"type": "mrkdwn", "text": shorten(text, 300), "verbatim": True},
        "confirm": {"type": "plain_text", "text": shorten(yes, 30)},
        "deny": {"type": "plain_text", "text": "Cancel"},
    }


def link(url: str, label: str) -> str:
    """A link that we built: only http(s), and the label can't break out of it."""
    label = quiet(one_line(label, 200)).replace("|", "¦")
    safe = _address(url).replace("&", "&amp;")
    # A link that is cut in the middle is none; such a long one is left out.
    if not url.startswith(("https://", "http://")) or len(safe) > LINK_CHARACTERS:
        return label
    return f"<{safe}|{label}>"


def _address(url: str) -> str:
    url = plain(url)
    for sign, code in {
        "<": "%3C",
        ">": "%3E",
        "|": "%7C",
        " ": "%20",
        "\n": "",
        "\t": "",
        "`": "%60",
    }.items():
        url = url.replace(sign, code)
    return url


def file_link(upload: Upload) -> str:
    """A link to a file of ours; a message that carries it shares the file where it is posted."""
    return f"<{upload.placeholder}|{upload.name}>"


def person(account: str, name: str) -> str:
    """Calls a person or a group by Slack's own id; by name alone where there is none."""
    if re.fullmatch(r"S[A-Z0-9]{2,20}", account):
        return f"<!subteam^{account}>"
    if re.fullmatch(r"[UW][A-Z0-9]{2,20}", account):
        return f"<@{account}>"
    return f"@{quiet(one_line(name or account, 80))}"


def linkable(url: str) -> bool:
    """Whether a button may open it."""
    return url.startswith(("https://", "http://")) and len(_address(url)) <= BUTTON_LINK_CHARACTERS


def within(escaped: str, limit: int) -> str:
    """Cut escaped text, which may be five times as long as it was, between its entities."""
    return escaped if len(escaped) <= limit else _HALF_ENTITY.sub("", escaped[: limit - 1]).rstrip() + "…"


def sha(text: str) -> str:
    """A commit's short name."""
    return f"`{literal(text[:7])}`"


def literal(text: str) -> str:
    """For between backticks, which it can't leave."""
    return escape(one_line(text, 200)).replace("`", "")


def commit(failure: FailureRecord) -> str:
    """The failing commit, in few words."""
    subject = quiet(one_line(failure.commit_subject, 80))
    author = quiet(one_line(failure.author, 60))
    return f"{sha(failure.head_sha)} {subject}" + (f" by {author}" if author else "")


def when(at: datetime, form: str = "{time}") -> str:
    """A moment in the reader's own time zone, with UTC for clients that can't.

    https://docs.slack.dev/messaging/formatting-message-text/#date-formatting
    """
    at = at.astimezone(UTC)
    return f"<!date^{int(at.timestamp())}^{form}|{at:%Y-%m-%d %H:%M} UTC>"


def dated(escaped: str) -> str:
    """Answers are made for every medium, so their moments are in UTC; here readers see their own time."""
    return _MOMENT.sub(_own_time, escaped, count=_MOST_MOMENTS)


def _own_time(moment: re.Match[str]) -> str:
    try:
        at = datetime.strptime(moment[0], "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)
    except ValueError:  # somebody's text that only looks like one
        return moment[0]
    return when(at, "{date_short_pretty} {time}")
