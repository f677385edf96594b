"""What people see in Slack: pure functions from an incident's snapshot to messages.

A card in the channel, and in its thread a progress list, the diagnosis, the patch, what the sandbox saw and
the approval card; each is posted once and then edited in place. Every state is an emoji *and* a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.slack.approval_views import approval, escalated
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    commit,
    context,
    dated,
    header,
    link,
    link_button,
    linkable,
    overflow,
    person,
    quiet,
    section,
    when,
)
from bot.slack.evidence_views import diagnosis, hint, note, partial, patch, sandbox
from patchpilot.commands import Verb
from patchpilot.conversation import Aside
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot, storm_name
from patchpilot.noise import milestone as milestone_of
from patchpilot.states import heal_emoji, state_word, was_reverted
from patchpilot.text import one_line, sentence
from storage.decisions import is_possible

S = HealState
_OVER: Final = frozenset({S.RESOLVED, S.RECOVERED, S.SUPERSEDED})
PROGRESS_SECONDS: Final = 3.0
"""The progress list is edited at most this often."""
NOTHING: Final = Aside()
_AFTER_TEST: Final = re.compile(r":? -? ?(?=\S)")
"""What stands between a test's name and its error."""
_CARD_REASON: Final = 200
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Item:
    """One message of an incident, by a key that stays the same for the message's whole life."""

    key: str
    message: Message
    broadcast: bool = False
    """Show it in the channel too, because a human has to act."""
    pause: float = 0.0
    """Least seconds between two edits of it."""


def card(incident: IncidentSnapshot, aside: Aside = NOTHING) -> Message:
    """The incident's one message in the channel."""
    heal = incident.heal
    over = heal.state in _OVER
    title = f"CI {'fixed' if over else 'failing'} · {incident.repo} · {incident.branch}"
    seen = f"seen {incident.failures}× since {when(incident.first_seen)}" if incident.failures > 1 else ""
    small = [
        incident.name,
        commit(heal.failure),
        link(heal.failure.run.url, "run") if heal.failure.run.url else "",
        seen,
        f"one of many: storm {storm_name(incident.storm)}" if incident.storm is not None else "",
    ]
    taken = _taken(aside) if incident.open else ""
    return Message.of(
        _spoken(incident, aside),
        [
            header(title),
            section(f"*{' › '.join(map(quiet, _what(incident)))}*"),
            context(*small),
            section(state_line(incident) + (f"\n{taken}" if taken else "")),
            None if over or not aside.muted else section(f"🔕 *Muted* {dated(quiet(aside.muted))}"),
            None if over else _card_buttons(incident, aside),
        ],
    )


def _spoken(incident: IncidentSnapshot, aside: Aside) -> str:
    heal = incident.heal
    word = state_word(incident)
    failed = "fixed" if heal.state in _OVER and not was_reverted(heal) else "failed"
    test, error = _test_and_error(incident)
    taken = f" @{aside.assignee.name} is on it." if aside.assignee and incident.open else ""
    seen = f" Seen {incident.failures} times." if incident.failures > 1 else ""
    muted = f" Muted {aside.muted}." if aside.muted and heal.state not in _OVER else ""
    what = ", ".join(part for part in (test, error) if part)
    return (
        f"CI {failed}: {incident.repo} {incident.branch}, {what}. "
        f"{incident.name}: {_with_why(word, _why(heal.reason, word))}{taken}{seen}{muted}"
    )


def _with_why(word: str, why: str) -> str:
    """State and reason as speech: a reason may be sentences, go on with the state's word, or explain it."""
    if not why or not why[0].islower():
        return sentence(word) + (f" {why}" if why else "")
    return f"{word} {sentence(why)}" if why.startswith("by ") else f"{word}: {sentence(why)}"


def _what(incident: IncidentSnapshot) -> list[str]:
    """Job, step or test, first error line: each as far as it is known, none twice."""
    distilled = incident.heal.distilled
    test, error = _test_and_error(incident)
    step = one_line(distilled.step, 80) if distilled else ""
    parts = [one_line(incident.heal.failure.workflow, 80), test or step, error]
    kept: list[str] = []
    for part in parts:
        if part and part not in kept:
            kept.append(part)
    return kept


def _test_and_error(incident: IncidentSnapshot) -> tuple[str, str]:
    """The first failing test, or nothing, and the first error line without that test's name ahead of it."""
    distilled = incident.heal.distilled
    test = one_line(distilled.tests[0], 160) if distilled and distilled.tests else ""
    title = one_line(incident.title, 300)
    # A title that begins with the test's name, as pytest writes it, would say it twice.
    told = _AFTER_TEST.match(title, len(test)) if test and title.startswith(test) else None
    return test, title[told.end() :] if told else title


def state_line(incident: IncidentSnapshot) -> str:
    """Emoji, word, and why."""
    heal = incident.heal
    emoji, word = heal_emoji(heal), state_word(incident)
    if heal.pull_request_url and heal.state in {S.PR_OPEN, S.RESOLVED}:
        pull = link(heal.pull_request_url, f"PR #{heal.pull_request_number}")
        if was_reverted(heal):
            return f"{emoji} *{word}* · {pull}"
        ci = {"green": " · its CI is green", "red": " · its CI is red"}.get(heal.pull_request_ci, "")
        return f"{emoji} *{word}* · {pull}{ci}"
    said = _why(heal.reason, word)
    reason = f" · {quiet(said)}" if said else ""
    return f"{emoji} *{word}*{reason}"


def _why(reason: str, word: str) -> str:
    """The reason without the state's own word, which stands before it."""
    said = one_line(_first_sentences(reason), 600)
    return re.sub(f"^{re.escape(word)}:? ", "", said, flags=re.IGNORECASE)


def _first_sentences(reason: str) -> str:
    """A card stays short: of a long reason as many sentences as fit; the thread has the rest."""
    told = ""
    for said in _SENTENCE.split(reason):
        if told and len(told) + len(said) > _CARD_REASON:
            break
        told = f"{told} {said}".strip()
    return told


def _taken(aside: Aside) -> str:
    taken = aside.assignee
    if taken is None:
        return ""
    return f"🙋 {person(taken.account, taken.name)} is on it since {when(taken.at)}"


def _card_buttons(incident: IncidentSnapshot, aside: Aside) -> Block | None:
    heal = incident.heal
    about = incident.name
    row = []
    if linkable(heal.failure.run.url):
        row.append(link_button("View run", "open_run", heal.failure.run.url, about=f"of {about}"))
    if linkable(heal.pull_request_url):
        label = f"View PR #{heal.pull_request_number}"
        row.append(link_button(label, "open_pull", heal.pull_request_url, about=f"of {about}"))
    if incident.open:
        number = str(incident.id)
        if aside.assignee is None:
            row.append(button("I'm on it", "take", number, about=f"({about})"))
        else:
            row.append(button("Hand back", "hand_back", number, about=about))
        row.append(overflow("more", _choices(heal.state, number)))
    return actions(f"card:{incident.id}", *row) if row else None


def _choices(state: HealState, number: str) -> dict[str, str]:
    """The card's menu: what would only be refused is left out."""
    escalate = is_possible(Verb.ESCALATE, state)
    choices = {"Mute…": f"mute:{number}"}
    if escalate:
        choices["Escalate…"] = f"escalate:{number}"
    # While nothing is proposed yet, it asks to leave the incident to people.
    if escalate or is_possible(Verb.REJECT, state):
        choices["Not a bug…"] = f"not_a_bug:{number}"
    return choices


def thread(incident: IncidentSnapshot, aside: Aside = NOTHING) -> Iterator[Item]:
    """What belongs in the thread now, in the order in which it is posted."""
    heal = incident.heal
    if heal.steps:
        yield Item(f"progress:{heal.id}", progress(incident), pause=PROGRESS_SECONDS)
    reached = milestone_of(incident.failures)
    if reached:
        yield Item(f"milestone:{incident.id}:{reached}", milestone(incident, reached))
    if heal.diagnosis is not None:
        yield Item(f"diagnosis:{heal.id}", diagnosis(incident, aside))
    for decision in heal.decisions:
        if decision.verb == Verb.RETRY and decision.text:
            # The hint is shown where everybody can read it; its key makes it one message for ever.
            yield Item(f"hint:{heal.id}:{decision.at.timestamp():.6f}", hint(decision))
    if heal.partial is not None:
        yield Item(f"partial:{heal.id}:{heal.partial.attempt}", partial(incident, heal.partial))
    if heal.fix is not None:
        yield Item(f"patch:{heal.id}:{heal.attempt}", patch(incident, heal.fix))
        yield Item(f"sandbox:{heal.id}:{heal.attempt}", sandbox(incident, heal.fix))
        waiting = heal.state is S.AWAITING_APPROVAL
        yield Item(f"approval:{heal.id}:{heal.attempt}", approval(incident, heal.fix), broadcast=waiting)
    for told in heal.notes:
        yield Item(f"note:{heal.id}:{told.key}", note(incident, told))
    if heal.state is S.ESCALATED:
        yield Item(f"escalated:{heal.id}:{heal.attempt}", escalated(incident), broadcast=True)


def progress(incident: IncidentSnapshot) -> Message:
    """The step list: one message, edited as the heal goes on."""
    heal = incident.heal
    lines = []
    attempt = heal.steps[0].attempt
    for step in heal.steps[-20:]:
        if step.attempt != attempt:
            attempt = step.attempt
            lines.append(f"*Attempt {attempt}*")
        took = f" · {step.seconds:.1f} s" if step.seconds is not None else ""
        sign = "✓ done" if step.done else "… now"
        doing = f" · _{quiet(one_line(step.doing, 100))}_" if step.doing and not step.done else ""
        lines.append(f"{sign} · {quiet(one_line(step.text or step.name, 160))}{took}{doing}")
    told = "; ".join(
        one_line(f"{step.text or step.name} ({'done' if step.done else 'now'})", 160)
        for step in heal.steps[-5:]
    )
    return Message.of(f"{incident.name} progress: {told}", [section("\n".join(lines))])


def milestone(incident: IncidentSnapshot, count: int) -> Message:
    """A word in the thread where a failure keeps coming back; says nothing that changes."""
    text = f"{incident.name} has failed {count} times since"
    return Message.of(
        f"{text} {incident.first_seen:%Y-%m-%d %H:%M} UTC.",
        [section(f"🔁 {text} {when(incident.first_seen, '{date_short_pretty} {time}')}.")],
    )
