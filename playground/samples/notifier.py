"""``acme/notifier``: red for a flaky test, which compares two random delays and fails 5 times in 11.

So the first red comes soon, and the runs of a heal (up to twelve where one is quick) are hardly ever all of
one colour.
"""

from __future__ import annotations

from typing import Final

from playground.samples.sample import ACTION_SETUP, Change, Sample

_WORKFLOW: Final = f"""\
name: CI
on:
  push:
    branches: [main]
  pull_request:

jobs:
  test:
    runs-on: ubuntu-latest
    steps:
{ACTION_SETUP}\
      - name: Test
        run: python -m pytest -q
"""

_PYPROJECT: Final = """\
[project]
name = "notifier"
version = "0.9.3"
description = "Mails and messages to Acme's customers"
requires-python = ">=3.11"

[tool.ruff]
line-length = 100

[tool.ruff.lint]
select = ["E", "F", "I", "UP", "B"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
"""

_README: Final = "# notifier\n\nMails and messages to Acme's customers, tried again when a server is away.\n"

_MESSAGES: Final = '''\
"""What is sent."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One message to one customer."""

    to: str
    subject: str
    body: str

    def __post_init__(self) -> None:
        if "@" not in self.to:
            raise ValueError(f"{self.to!r} is not an address")
'''

_MESSAGE_TESTS: Final = """\
import pytest

from notifier.messages import Message


def test_a_message_needs_an_address():
    with pytest.raises(ValueError, match="not an address"):
        Message(to="nobody", subject="Hi", body="")
"""

_DELIVERY: Final = '''\
"""Sending with another try when the server is away."""

from collections.abc import Callable

from notifier.messages import Message


def deliver(message: Message, send: Callable[[Message], None], *, tries: int = 3) -> int:
    """Send ``message`` and return how many tries it took; the last failure is raised."""
    for attempt in range(1, tries + 1):
        try:
            send(message)
        except ConnectionError:
            if attempt == tries:
                raise
        else:
            return attempt
    raise ValueError(f"{tries} tries are not enough to send anything")
'''

_DELIVERY_TESTS: Final = """\
import pytest

from notifier.delivery import deliver
from notifier.messages import Message

MESSAGE = Message(to="kim@example.com", subject="Your order", body="It is on its way.")


def test_a_server_that_is_away_once_is_tried_again():
    answers = [ConnectionError(), None]

    def send(message):
        answer = answers.pop(0)
        if answer:
            raise answer

    assert deliver(MESSAGE, send) == 2


def test_the_last_failure_is_raised():
    def send(message):
        raise ConnectionError("away")

    with pytest.raises(ConnectionError, match="away"):
        deliver(MESSAGE, send)
"""

_BACKOFF: Final = '''\
"""How long to wait before the next try."""

import random

BASE = 0.5
GROWTH = 1.1


def delay(attempt: int) -> float:
    """Seconds before try ``attempt`` + 1, spread so that clients don't all come back at once."""
    return random.uniform(0, BASE * GROWTH**attempt)
'''

# Two draws, the first up to 0.55 s and the second up to 0.605 s: the second is shorter 5 times in 11.
_BACKOFF_TESTS: Final = """\
from notifier.backoff import BASE, GROWTH, delay


def test_a_delay_stays_within_its_bounds():
    assert all(0 <= delay(3) <= BASE * GROWTH**3 for _ in range(100))


def test_a_later_try_waits_longer():
    first, second = delay(1), delay(2)
    assert second > first
"""

_NOTES: Final = (
    ("mei", "Say who to ask about bounced mails", "\nBounced mails: ask the support team.\n"),
    ("lars", "Name the channel for questions", "\nQuestions: #notifier.\n"),
    ("mei", "Explain the subject line", "\nSubjects stay below 60 characters.\n"),
    ("lars", "Mention the quiet hours", "\nNothing is sent between 22:00 and 07:00.\n"),
    ("mei", "List the languages", "\nLanguages: English, German, Portuguese.\n"),
    ("lars", "Note the daily limit", "\nAt most three messages a day to one customer.\n"),
    ("mei", "Explain opting out", "\nCustomers opt out with one click.\n"),
    ("lars", "Say where the templates live", "\nTemplates live in the shop's own repository.\n"),
    ("mei", "Describe the sender address", "\nThe sender is hello@example.com.\n"),
    ("lars", "Note the retention", "\nSent messages are kept for 90 days.\n"),
)


def _notes() -> tuple[Change, ...]:
    readme, changes = _README, []
    for author, message, text in _NOTES:
        readme += text
        changes.append(Change(author=author, message=message, files={"README.md": readme}))
    return tuple(changes)


NOTIFIER: Final = Sample(
    full_name="acme/notifier",
    title="A flaky test",
    people={"ana": "admin", "ben": "write", "cleo": "triage", "lars": "write", "mei": "write"},
    history=(
        Change(
            author="mei",
            message="Add messages",
            files={
                "README.md": _README,
                "pyproject.toml": _PYPROJECT,
                "notifier/__init__.py": '"""Mails and messages to customers."""\n',
                "notifier/messages.py": _MESSAGES,
                "tests/test_messages.py": _MESSAGE_TESTS,
            },
        ),
        Change(
            author="lars",
            message="Try again when the server is away",
            files={"notifier/delivery.py": _DELIVERY, "tests/test_delivery.py": _DELIVERY_TESTS},
        ),
        Change(
            author="ana",
            message="Check every push and pull request",
            files={".github/workflows/ci.yml": _WORKFLOW},
        ),
    ),
    breakage=Change(
        author="lars",
        message="Wait longer before each further try\n\nWith jitter: clients must not all come back at once.",
        files={"notifier/backoff.py": _BACKOFF, "tests/test_backoff.py": _BACKOFF_TESTS},
    ),
    until_red=_notes(),
)
