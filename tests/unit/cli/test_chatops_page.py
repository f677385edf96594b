"""The documentation's tables of commands, buttons and permissions are those of the code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from slack_bolt import App

from bot.slack import assembly
from bot.slack.controls import CONTROLS, FORMS
from cli.chatops_page import markdown
from patchpilot.grammar import VERBS, Way, parse
from patchpilot.grammar.requests import Misunderstood
from patchpilot.metrics import Metrics
from patchpilot.settings import BotSettings

ROOT = Path(__file__).parents[3]
SNAPSHOTS = ROOT / "tests" / "unit" / "bot" / "snapshots"


class RecordingApp(App):
    """bolt's App, which also keeps what handlers were registered for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.actions: set[object] = set()
        self.forms: set[object] = set()

    def action(self, constraints: Any, **options: Any) -> Callable[..., Any]:
        self.actions.add(constraints)
        return super().action(constraints, **options)

    def view(self, constraints: Any, **options: Any) -> Callable[..., Any]:
        self.forms.add(constraints)
        return super().view(constraints, **options)


@pytest.fixture
def app(monkeypatch) -> RecordingApp:
    monkeypatch.setattr(assembly, "App", RecordingApp)
    settings = BotSettings(
        _env_file=None,
        database_url="postgresql://nowhere/none",
        redis_url="redis://nowhere",
        github_webhook_secret="secret",
        slack_bot_token="xoxb-none",
        slack_signing_secret="secret",
    )
    # Handlers are only registered here.
    nothing_behind = SimpleNamespace(door=None, linking=None, metrics=Metrics())
    made = assembly.assemble(settings, None, nothing_behind, nothing_behind)
    return made.app


def sent() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every element of a message that people press, with its snapshot."""

    def elements(node: object) -> Iterator[dict[str, Any]]:
        if isinstance(node, list):
            for one in node:
                yield from elements(one)
        elif isinstance(node, dict):
            if node.get("type") in {"button", "overflow"} and "action_id" in node:
                yield node
            for one in node.values():
                yield from elements(one)

    for file in sorted(SNAPSHOTS.glob("*.json")):
        for element in elements(json.loads(file.read_text(encoding="utf-8"))):
            yield file.stem, element


def labels(element: dict[str, Any]) -> list[str]:
    shown = [element] if element["type"] == "button" else element["options"]
    return [str(one["text"]["text"]) for one in shown]


def test_the_page_is_what_the_command_prints():
    page = (ROOT / "docs" / "chatops.md").read_text(encoding="utf-8")

    tables = page.partition("## Commands, buttons and permissions\n\n")[2]
    assert tables == markdown(), "put what `patchpilot chatops` prints at the end of docs/chatops.md"


def test_every_handler_of_a_button_is_in_the_table(app):
    pressed = {one for one in CONTROLS if not one.startswith("open_")}

    assert {one for one in app.actions if isinstance(one, str)} == pressed


def test_every_handler_of_a_form_is_in_the_table(app):
    assert app.forms == set(FORMS)


def test_every_button_that_is_sent_is_in_the_table_by_its_label():
    unknown = [
        (name, element["action_id"], label)
        for name, element in sent()
        for label in labels(element)
        if not any(label.startswith(one.label) for one in CONTROLS.get(element["action_id"], ()))
    ]

    assert unknown == []


def test_every_button_opens_a_form_that_asks_for_the_same():
    for controls in CONTROLS.values():
        for one in controls:
            assert not one.form or FORMS[one.form].verb == one.verb, one


def test_a_button_asks_only_for_what_may_be_asked_by_button():
    for controls in CONTROLS.values():
        for one in controls:
            assert not one.verb or Way.BUTTON in VERBS[one.verb].ways, one


def test_what_can_be_typed_instead_is_understood():
    typed = {one.typed for controls in CONTROLS.values() for one in controls if one.typed}
    typed |= {entry.example for entry in VERBS.values() if Way.SLASH in entry.ways and entry.example}

    wrong = [text for text in typed if isinstance(parse(text, way=Way.SLASH), Misunderstood)]

    assert wrong == []
