"""Every command, button and permission, as the tables in the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from bot.slack.controls import CONTROLS, FORMS, Control
from patchpilot.grammar import VERBS, VerbEntry, Way
from patchpilot.grammar.help import who_may

_SHORT = {
    Way.SLASH: "slash",
    Way.MENTION: "mention",
    Way.BUTTON: "button",
    Way.COMMENT: "PR comment",
    Way.CHECK: "check run",
    Way.API: "REST",
    Way.DASHBOARD: "dashboard",
}


def markdown() -> str:
    """The tables, from the grammar's verbs and from what Slack's messages hold."""
    return "\n".join([*_verbs(), *_options(), *_controls(), *_forms(), *_checks()])


def _verbs() -> Iterator[str]:
    yield from ("### Verbs", "", "| verb | what it does | who may | where |", "|---|---|---|---|")
    for entry in VERBS.values():
        where = ", ".join(_SHORT[way] for way in Way if way in entry.ways)
        cost = " Counts against a person's `USER_DAY_REQUESTS`." if entry.budgeted else ""
        what = f"{_cell(entry.meaning)}.{cost}"
        yield f"| `{_cell(entry.usage)}` | {what} | {_cell(who_may(entry))} | {where} |"
    yield ""


def _options() -> Iterator[str]:
    yield from ("### Options", "", "| verb | option | meaning |", "|---|---|---|")
    for entry in VERBS.values():
        for option in entry.options:
            yield f"| {entry.name} | `{_cell(option.example)}` | {_cell(option.meaning)} |"
    yield ""


def _controls() -> Iterator[str]:
    yield "### Buttons and menus in Slack"
    yield ""
    yield "| button | where | asks for | who may | typed instead | action |"
    yield "|---|---|---|---|---|---|"
    for action, controls in CONTROLS.items():
        for one in controls:
            opens = f", by a form (`{one.form}`)" if one.form else ""
            asks = f"{one.verb}{opens}" if one.verb else "–"
            typed = f"`{_cell(_typed(one))}`" if _typed(one) else "–"
            who = _cell(_who(one))
            yield f"| **{one.label}** | {one.place} | {asks} | {who} | {typed} | `{action}` |"
    yield ""


def _forms() -> Iterator[str]:
    yield from ("### Forms in Slack", "", "| form | asks for | then | view |", "|---|---|---|---|")
    for view, form in FORMS.items():
        yield f"| {form.title} | {form.asks} | {form.verb} | `{view}` |"
    yield ""


def _checks() -> Iterator[str]:
    yield from ("### Buttons of the check run", "", "| it asks for | who may | typed instead |")
    yield "|---|---|---|"
    for entry in VERBS.values():
        if Way.CHECK in entry.ways:
            yield f"| {entry.name} | {_access(entry)} | `@patchpilot {entry.name}` |"
    yield ""


def _who(control: Control) -> str:
    return _access(VERBS[control.verb]) if control.verb else control.who


def _access(entry: VerbEntry) -> str:
    who = f"`{entry.need.name.lower()}` access" if entry.need else "anybody here"
    return who + (" (see the verb)" if entry.needs_more else "")


def _typed(control: Control) -> str:
    typed = control.typed or (_example(VERBS[control.verb]) if control.verb else "")
    return f"/patchpilot {typed}" if typed else ""


def _example(entry: VerbEntry) -> str:
    return entry.example or entry.usage


def _cell(text: str) -> str:
    """In a Markdown table, a bar ends the cell, also within code."""
    return text.replace("|", "\\|").replace("``", "`")
