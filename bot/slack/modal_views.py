"""The forms behind the buttons. What a form is about travels in ``private_metadata`` as an opaque id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.slack.approval_views import is_risky
from bot.slack.blocks import Block, literal, quiet, section
from bot.slack.reviewers import LOGINS, PEOPLE
from patchpilot.failures import RULES
from patchpilot.fixes import Severity
from patchpilot.grammar.values import MOST_REVIEWERS
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot
from patchpilot.text import one_line, shorten

NOTE_CHARACTERS: Final = 1_500
REASONS: Final = {
    "wrong_cause": "The cause is another one",
    "wrong_fix": "Right cause, wrong fix",
    "hides_failure": "It hides the failure",
    "not_a_bug": "Not a bug: it is meant to fail",
    "fixed_elsewhere": "Somebody fixes it elsewhere",
    "other": "Something else",
}
"""Why a fix is turned down, by the value that is sent."""

MUTES: Final = {"3600": "An hour", "86400": "A day", "259200": "Three days", "604800": "A week"}
"""How long an incident may be muted, by the seconds that are sent."""


_UNREAD: Final = (
    "No model worked on this: tools and memory would look again, and they can't read a hint. Without a model "
    "(`ANTHROPIC_API_KEY`) they rarely find another fix."
)
_ASKED_AGAIN: Final = " If they find none, the patch that waits now is asked about again."


@dataclass(frozen=True, slots=True)
class About:
    """What a form decides on: a proposal by its opaque id, or an incident by its number."""

    approval_id: str = ""
    incident: int | None = None
    channel: str = ""
    """Where the form was opened: Slack does not say it of a form that is sent."""
    thread: str = ""
    answer_at: str = ""
    """The ``response_url`` of the copy of a proposal from which it was opened; empty for none."""

    def packed(self) -> str:
        """As ``private_metadata``."""
        where = f"|{self.channel}|{self.thread}|{self.answer_at}" if self.channel else ""
        return f"{self.approval_id}|{self.incident or ''}{where}"

    @staticmethod
    def unpacked(text: str) -> About:
        """What :meth:`packed` made."""
        approval_id, incident, channel, thread, answer_at = (text.split("|") + [""] * 4)[:5]
        number = int(incident) if incident.isdigit() and not approval_id else None
        return About(approval_id, number, channel, thread, answer_at)


def retry_modal(about: About, incident: IncidentSnapshot) -> Block:
    """Asks for a hint, and says beforehand where nobody would read it."""
    found = incident.heal.diagnosis
    unread = found is not None and found.author == RULES
    waits = incident.heal.state is HealState.AWAITING_APPROVAL
    return _modal(
        "retry_hint",
        about,
        f"Retry {incident.name}",
        "Retry",
        *([section(_UNREAD + (_ASKED_AGAIN if waits else ""))] if unread else []),
        _text(
            "hint",
            "Hint for the next attempt",
            placeholder="Keep the rounding, change the boundary",
            hint="What should be different? It is shown in the thread.",
        ),
    )


def reject_modal(about: About, name: str, *, reason: str = "") -> Block:
    """Asks why, so that the next attempt and the figures know."""
    options = [_option(label, value) for value, label in REASONS.items()]
    select: Block = {
        "type": "static_select",
        "action_id": "choice",
        "placeholder": _plain("Choose a reason"),
        "options": options,
    }
    if reason in REASONS:
        select["initial_option"] = _option(REASONS[reason], reason)
    return _modal(
        "reject_reason",
        about,
        f"Reject {name}",
        "Reject",
        section(f"Nothing is changed, and {name} stays red until somebody mends it."),
        {"type": "input", "block_id": "reason", "label": _plain("Why?"), "element": select},
        _text("note", "Note", placeholder="Shown in the thread"),
    )


def escalate_modal(about: About, name: str, *, group: str = "") -> Block:
    """Asks whom to call. ``group`` is the configured user group, offered beside single people."""
    blocks: list[Block] = []
    if group:
        choices = [_option("Our team", "group"), _option("The person below, or nobody", "person")]
        ask = {
            "type": "radio_buttons",
            "action_id": "choice",
            "options": choices,
            "initial_option": choices[0],
        }
        blocks.append({"type": "input", "block_id": "whom", "label": _plain("Whom to call?"), "element": ask})
    blocks.append(
        {
            "type": "input",
            "block_id": "person",
            "optional": True,
            "label": _plain("A person"),
            "element": {
                "type": "users_select",
                "action_id": "choice",
                "placeholder": _plain("Nobody in particular"),
            },
        }
    )
    return _modal(
        "escalate_to",
        about,
        f"Escalate {name}",
        "Escalate",
        section("PatchPilot stops working on it and leaves it to people."),
        *blocks,
        _text("note", "Note", placeholder="What they should know"),
    )


def mute_modal(about: About, name: str) -> Block:
    """Asks how long to be quiet. Every mute ends by itself and names its author."""
    options = [_option(label, value) for value, label in MUTES.items()]
    ask = {"type": "static_select", "action_id": "choice", "options": options, "initial_option": options[1]}
    return _modal(
        "mute_for",
        about,
        f"Mute {name}",
        "Mute",
        section(f"{name} stays on its card, but calls nobody. The mute names you and ends by itself."),
        {"type": "input", "block_id": "length", "label": _plain("For how long?"), "element": ask},
        _text("note", "Why", placeholder="Known, fix is under way"),
    )


def approve_modal(about: About, incident: IncidentSnapshot) -> Block:
    """The second look that a risky patch asks for, with what the pull request should be."""
    fix = incident.heal.fix
    findings = fix.findings if fix else ()
    lines = [
        f"⚠️ Risk · `{literal(finding.rule)}` "
        f"{quiet(one_line(finding.path, 120))}:{finding.line} {quiet(one_line(finding.message, 200))}"
        for finding in findings
        if finding.severity is not Severity.NOTE
    ][:8]
    draft = _option("Open it as a draft", "draft")
    base = _text("base", "Base branch", multiline=False)
    base["element"]["initial_value"] = one_line(incident.branch, 200) or "main"
    base["optional"] = False
    risky = fix is not None and is_risky(fix)
    return _modal(
        "approve_options",
        about,
        f"Approve {incident.name}",
        "Approve",
        section("*The patch guard has found risks.* With your approval you override them.")
        if risky
        else section("The patch guard has found nothing that needs to be overridden."),
        *([section("\n".join(lines))] if lines else []),
        {
            "type": "input",
            "block_id": "draft",
            "optional": True,
            "label": _plain("Pull request"),
            "element": {
                "type": "checkboxes",
                "action_id": "choice",
                "options": [draft],
                "initial_options": [draft],
            },
        },
        base,
        {
            "type": "input",
            "block_id": PEOPLE,
            "optional": True,
            "label": _plain("Reviewers"),
            "element": {
                "type": "multi_users_select",
                "action_id": "choice",
                "placeholder": _plain("Besides the owners by CODEOWNERS"),
                "max_selected_items": MOST_REVIEWERS,
            },
        },
        _text(
            LOGINS,
            "Reviewers by login",
            placeholder="ana, ben",
            hint="For people who are not linked here.",
            multiline=False,
        ),
    )


def _modal(callback_id: str, about: About, title: str, submit: str, *blocks: Block) -> Block:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": about.packed(),
        "title": _plain(shorten(title.strip(), 24)),
        "submit": _plain(submit),
        "close": _plain("Cancel"),
        "blocks": list(blocks),
    }


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def _option(label: str, value: str) -> Block:
    return {"text": _plain(label), "value": value}


def _text(
    block_id: str, label: str, *, placeholder: str = "", hint: str = "", multiline: bool = True
) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": "text",
        "multiline": multiline,
        "max_length": NOTE_CHARACTERS if multiline else 200,
    }
    if placeholder:
        element["placeholder"] = _plain(placeholder)
    made: Block = {
        "type": "input",
        "block_id": block_id,
        "optional": True,
        "label": _plain(label),
        "element": element,
    }
    if hint:
        made["hint"] = _plain(hint)
    return made
