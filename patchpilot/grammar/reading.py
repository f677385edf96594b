"""From what somebody wrote to a typed request. Never raises: what can't be read is :class:`Misunderstood`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from patchpilot.commands import Verb
from patchpilot.grammar import requests as ask
from patchpilot.grammar import values
from patchpilot.grammar.arguments import (
    CLOSE,
    Said,
    did_you_mean,
    form_of,
    joined,
    known_here,
    leading_target,
    no_more,
    repo_or_owner,
    split_options,
    target_of,
)
from patchpilot.grammar.requests import Request, Target
from patchpilot.grammar.tokens import Token, cut, straightened
from patchpilot.grammar.values import BadValueError, DirectLevel, quoted
from patchpilot.grammar.verbs import VERBS
from patchpilot.grammar.ways import Way

MOST_CHARACTERS: Final = 4_000
"""More than any medium lets one write as a command; the rest is cut."""
_JOINER: Final = "\u2060"
"""What is shown has it between signs that would be taken for markup, so it is in what people copy."""
_ADDRESS: Final = re.compile(r"<?(https?://[^\s|>]+)(?:\|[^>]*)?>?")
_LIKE: Final = 0.6
"""How like a verb the first word must be where an incident follows it, which makes it a command."""
_ASKED_FOR_HELP: Final = frozenset({"me", "us", "please"})
_DOUBT: Final = frozenset(
    {"after", "but", "don't", "dont", "don’t", "if", "later", "never", "no", "not", "once", "only", "unless"}
    | {"until", "wait", "when"}
)
"""Words after which a sentence that began with "approve" is no approval."""
_DELIVERIES: Final = ("suggestions", "stacked", "push")


def parse(text: str, *, way: Way = Way.SLASH, incident: int | None = None) -> Request:
    """Read what somebody wrote.

    ``incident`` is the one whose thread it was written in, if any. On a pull request no number is needed: the
    place says which incident is meant, and the request's is ``None``.
    """
    text = straightened(text.replace(_JOINER, "")[:MOST_CHARACTERS]).strip()
    words = cut(text)
    if not words:
        return ask.Help()
    name = words[0].value.lower().removeprefix("/")
    entry = VERBS.get(name)
    if entry is None:
        return _unknown(text, words, way, incident)
    if way not in entry.ways:
        where = ", ".join(other for other in Way if other in entry.ways)
        return ask.Misunderstood(f"`{name}` can't be used in a {way}; it can in: {where}.")
    said = Said(entry=entry, way=way, incident=incident, text=text, words=tuple(words[1:]))
    try:
        return _READERS[name](said)
    except BadValueError as error:
        if way.conversational and text.endswith("?"):
            return _question(text, incident)
        return ask.Misunderstood(f"`{name}`: {error}")


def _unknown(text: str, words: list[Token], way: Way, incident: int | None) -> Request:
    word = words[0].value
    names = [name for name, entry in VERBS.items() if way in entry.ways]
    about_one = len(words) > 1 and values.read_incident(words[1].value) is not None
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=_LIKE if about_one else CLOSE)
    # A sentence that happens to begin like a verb is a sentence; "aprove PP-12" is a slip.
    if way.conversational and not close and (len(words) > 1 or text.endswith("?")):
        return _question(text, incident)
    guess = f" Did you mean `{close[0]}`?" if close else ""
    return ask.Misunderstood(f"I don't know {quoted(word)}.{guess} `help` lists what I know.")


def _question(text: str, incident: int | None) -> ask.Question:
    """About the one incident that it names, else about that of its thread."""
    named = values.incidents_in(text)
    return ask.Question(text, named.pop() if len(named) == 1 else incident)


def _help(said: Said) -> Request:
    if not said.words:
        return ask.Help()
    about = said.words[0].value.lower()
    if about in VERBS:
        said.nothing_more(1)
        return ask.Help(about)
    if all(word.value.lower().rstrip("?!.,") in _ASKED_FOR_HELP for word in said.words):
        return ask.Help()
    if said.way.conversational and len(said.words) > 1:
        return _question(said.text, said.incident)
    raise BadValueError(f"there is no verb {quoted(about)}.{did_you_mean(about, VERBS)}")


def _bare(make: Callable[[], Request]) -> Callable[[Said], Request]:
    def read(said: Said) -> Request:
        said.nothing_more(0)
        return make()

    return read


def _settings(said: Said) -> Request:
    words, options = split_options(said, free_text=False)
    repo = values.read_repo(words[0].value) if words else None
    no_more(said, words[1:])
    rule, public = options.get("two-person"), options.get("public")
    if repo is None and options:
        raise BadValueError("say for which repository: `settings owner/repo two-person:other`.")
    return ask.Settings(
        repo=repo,
        two_person=None if rule is None else values.read_rule(rule),
        public=None if public is None else values.read_switch(public),
    )


def _subscribe(said: Said) -> Request:
    words, options = split_options(said, free_text=False)
    repo, owner = repo_or_owner(said, words)
    digest = options.get("digest")
    if "tz" in options and digest is None:
        raise BadValueError("`tz:` belongs to a digest; write it beside `digest:mon@09:00`.")
    return ask.Subscribe(
        repo=repo,
        owner=owner,
        branches=values.read_patterns(options["branch"]) if "branch" in options else (),
        workflow=values.read_name(options["workflow"]) if "workflow" in options else "",
        test=values.read_name(options["test"]) if "test" in options else "",
        level=values.read_level(options.get("level", "all")),
        digest=None if digest is None else values.read_digest_time(digest),
        zone=values.read_zone(options["tz"]) if "tz" in options else "",
    )


def _unsubscribe(said: Said) -> Request:
    words, _ = split_options(said, free_text=False)
    repo, owner = repo_or_owner(said, words)
    return ask.Unsubscribe(repo=repo, owner=owner)


def _status(said: Said) -> Request:
    storm = values.read_storm(said.words[0].value) if said.words else None
    if storm is not None:
        said.nothing_more(1)
        return ask.Status(storm=storm)
    target = target_of(said, said.words[0]) if said.words else Target(incident=said.incident)
    said.nothing_more(1)
    return ask.Status(target)


def _explain(said: Said) -> Request:
    number = values.read_incident(said.words[0].value) if said.words else said.incident
    if said.words and number is None:
        raise BadValueError(f"{quoted(said.words[0].value)} is not an incident; write for instance `PP-142`.")
    said.nothing_more(1)
    return ask.Explain(known_here(said, number))


def _held(made: type[ask.Take | ask.Drop]) -> Callable[[Said], Request]:
    def read(said: Said) -> Request:
        asked = _explain(said)
        assert isinstance(asked, ask.Explain)
        return made(asked.incident)

    return read


def _diagnose(said: Said) -> Request:
    if not said.words:
        if said.way is Way.COMMENT:
            return ask.Diagnose()
        raise BadValueError(
            "say which run, by its address: `diagnose https://github.com/…/actions/runs/123`."
        )
    word = said.words[0].value
    # Slack writes addresses as <https://…|label>.
    found = _ADDRESS.fullmatch(word)
    if not found:
        raise BadValueError(
            f"{quoted(word)} is not a run's address; copy one that looks like "
            "`https://github.com/owner/repo/actions/runs/123`."
        )
    said.nothing_more(1)
    return ask.Diagnose(found[1])


def _decide(said: Said) -> Request:
    number = said.named(said.words)
    text = said.rest(0 if number is None else 1)
    return ask.Decide(
        Verb(said.entry.name), known_here(said, said.incident if number is None else number), text
    )


def _approve(said: Said) -> Request:
    words, options = split_options(said, free_text=False)
    for option in said.entry.options:
        if any(word.value.lower().startswith(f"{option.key}=") for word in words):
            raise BadValueError(f"write the option with a colon, for instance `{option.example}`.")
    number = said.named(words)
    if number is not None:
        words = words[1:]
    text = joined(said, words) if words else ""
    doubt = _doubt(words, text, named=number is not None) if words else ""
    if doubt:
        raise BadValueError(f"{doubt}, so nothing is approved; the form is {form_of(said.entry)}.")
    deliver = options.get("deliver", "").lower()
    if deliver and deliver not in _DELIVERIES:
        hint = did_you_mean(deliver, _DELIVERIES)
        raise BadValueError(f"`deliver:` does not take {quoted(deliver)}.{hint}")
    here = known_here(said, said.incident if number is None else number)
    return ask.Decide(
        Verb.APPROVE,
        here,
        text,
        deliver,
        reviewers=values.read_logins(options["reviewers"]) if "reviewers" in options else (),
        base=values.read_branch(options["base"]) if "base" in options else "",
        draft=values.read_yes(options["draft"]) if "draft" in options else None,
    )


def _doubt(words: Sequence[Token], text: str, *, named: bool) -> str:
    """Why an approval with these words behind it is none; empty if they are a remark.

    "approve not yet" is no approval, and one that names two incidents approves neither. Only beside the
    incident's own name a word more is a remark.
    """
    first = words[0].value
    if first.lower().strip(",.;:!") in _DOUBT:
        return f"{quoted(first)} sounds like a doubt"
    if values.incidents_in(text):
        return f"{quoted(first)} is one word too many: one incident at a time"
    if text.endswith("?"):
        return "that is a question"
    if not named:
        return f"{quoted(first)} is one word too many: a remark needs the incident's name ahead of it"
    return ""


def _fix(said: Said) -> Request:
    number = said.named(said.words)
    text = said.rest(0 if number is None else 1)
    return ask.Fix(said.incident if number is None else number, text)


def _length_among(words: Sequence[Token]) -> str:
    """The length that was said without its ``for:``; else an example."""
    for word in words:
        with suppress(BadValueError):
            return values.write_duration(values.read_duration(word.value))
    return "3d"


def _mute(said: Said) -> Request:
    words, options = split_options(said, free_text=True)
    target, words = leading_target(said, words)
    if "for" not in options:
        raise BadValueError(f"say for how long, for instance `for:{_length_among(words)}`; mutes always end.")
    return ask.Mute(
        target=target,
        test=values.read_name(options["test"]) if "test" in options else "",
        length=values.read_duration(options["for"]),
        why=joined(said, words),
    )


def _unmute(said: Said) -> Request:
    words, options = split_options(said, free_text=False)
    target, words = leading_target(said, words)
    no_more(said, words)
    return ask.Unmute(target=target, test=values.read_name(options["test"]) if "test" in options else "")


def _quiet(said: Said) -> Request:
    words, options = split_options(said, free_text=False)
    if not words:
        raise BadValueError("say from when to when, `quiet 22:00-07:00`, or `quiet off`.")
    no_more(said, words[1:])
    word = words[0].value
    zone = values.read_zone(options["tz"]) if "tz" in options else ""
    if word.lower() == "off":
        return ask.Quiet(None)
    return ask.Quiet(values.read_window(word), zone)


def _direct(said: Said) -> Request:
    words, options = split_options(said, free_text=False)
    no_more(said, words[1:])
    if not words:
        if options:
            raise BadValueError("say first what you want to hear of, `dm approvals quiet:22:00-07:00`.")
        return ask.Direct(None)
    word = words[0].value.lower()
    known = tuple(level.value for level in DirectLevel)
    if word not in known:
        choices = ", ".join(f"`{one}`" for one in known)
        raise BadValueError(f"{quoted(word)} is none of {choices}.{did_you_mean(word, known)}")
    zone = values.read_zone(options["tz"]) if "tz" in options else ""
    window = values.read_window(options["quiet"]) if "quiet" in options else None
    return ask.Direct(DirectLevel(word), window, zone)


def _digest(said: Said) -> Request:
    word = said.words[0].value.lower() if said.words else "preview"
    said.nothing_more(1)
    if word not in {"preview", "now"}:
        hint = did_you_mean(word, ("preview", "now"))
        raise BadValueError(f"{quoted(word)} is neither `preview` nor `now`.{hint}")
    return ask.Digest(word == "now")


_READERS: Final[Mapping[str, Callable[[Said], Request]]] = {
    "help": _help,
    "link": _bare(ask.Link),
    "unlink": _bare(ask.Unlink),
    "whoami": _bare(ask.WhoAmI),
    "settings": _settings,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "list": _bare(ask.ListSubscriptions),
    "status": _status,
    "explain": _explain,
    "diagnose": _diagnose,
    **{verb.value: _decide for verb in Verb},
    "approve": _approve,
    "fix": _fix,
    "pause": lambda said: ask.Pause(said.rest()),
    "resume": _bare(ask.Resume),
    "mute": _mute,
    "unmute": _unmute,
    "take": _held(ask.Take),
    "drop": _held(ask.Drop),
    "quiet": _quiet,
    "dm": _direct,
    "digest": _digest,
}
