"""Direct messages: a fix that waits, a failure that a commit is suspected of, and how it went on."""

from __future__ import annotations

from bot.slack.blocks import Message, button, context, link, linkable, quiet, section, within
from bot.telling import status_line
from patchpilot.incidents import IncidentSnapshot
from patchpilot.text import one_line

_OFF = "You asked for this: `/patchpilot dm off` ends it"


def waits(incident: IncidentSnapshot) -> Message:
    """A fix waits that the person may approve."""
    text = f"A fix waits for you: {status_line(incident)}"
    fix = incident.heal.fix
    what = within(quiet(one_line(fix.summary if fix else incident.title, 200)), 500)
    shown = section(f"*A fix waits for you* · {quiet(status_line(incident))}\n{what}")
    shown["accessory"] = button("Review", "review", incident.heal.approval_id, about=f"fix {incident.name}")
    return Message.of(text, [shown, context(_OFF)])


def suspected(incident: IncidentSnapshot) -> Message:
    """The person's commit is suspected."""
    failure, found = incident.heal.failure, incident.heal.diagnosis
    subject = one_line(failure.commit_subject or failure.head_sha[:7], 150)
    text = f"Your commit “{subject}” is suspected: {status_line(incident)}"
    cause = f"\n{within(quiet(one_line(found.root_cause, 300)), 700)}" if found else ""
    run = f"\n{link(failure.run.url, 'View run')}" if linkable(failure.run.url) else ""
    shown = f"*Your commit “{within(quiet(subject), 300)}” is suspected* · {quiet(status_line(incident))}"
    return Message.of(text, [section(f"{shown}{cause}{run}"), context(_OFF)])


def over(incident: IncidentSnapshot | None) -> Message:
    """Nothing waits for the person there any more; ``None`` if they may not know how it stands."""
    text = "Nothing waits for you there any more" + (f": {status_line(incident)}" if incident else ".")
    return Message.of(text, [section(quiet(text))])
