"""What somebody typed, read back from the mrkdwn that Slack makes of it.

Slack escapes three signs, turns addresses into links, and ``conftest.py`` into one as well, because ``py`` is
a country: https://docs.slack.dev/messaging/formatting-message-text/#retrieving-messages
"""

from __future__ import annotations

import re
from typing import Final

_MENTION: Final = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_ADDRESSED: Final = re.compile(rf"(?:\s*{_MENTION.pattern})*")
_REFERENCE: Final = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_SIGNS: Final = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ESCAPED: Final = re.compile("|".join(_SIGNS))


def typed(mrkdwn: str) -> str:
    """The text as it was typed, without the people and bots that it mentions.

    Only for reading: what is shown of it has to be escaped again.
    """
    text = _REFERENCE.sub(_as_typed, _MENTION.sub("", mrkdwn))
    return _ESCAPED.sub(lambda sign: _SIGNS[sign[0]], text)


def called(mrkdwn: str) -> str:
    """The account of who is mentioned first behind those to whom it is said; empty for nobody."""
    addressed = _ADDRESSED.match(mrkdwn)
    found = _MENTION.search(mrkdwn, addressed.end() if addressed else 0)
    return found[1] if found else ""


def _as_typed(reference: re.Match[str]) -> str:
    target, label = reference[1], reference[2] or ""
    if target.startswith("#"):
        return f"#{label or target[1:]}"
    if target.startswith("!"):
        # A group, a channel call or a date.
        return label or f"@{target[1:].partition('^')[0]}"
    # A name that Slack took for an address, and no address that somebody typed or gave a label.
    taken = "/" not in label and target in {f"http://{label}", f"https://{label}", f"mailto:{label}"}
    return label if taken else target
