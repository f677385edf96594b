"""From a request back to what one types for it: every button has a typed equivalent."""

from __future__ import annotations

import re
from typing import Final, assert_never

from patchpilot.grammar import requests as ask
from patchpilot.grammar.requests import Request, Target
from patchpilot.grammar.tokens import straightened
from patchpilot.grammar.values import Level, write_duration
from patchpilot.incidents import incident_name, storm_name

_PLAIN: Final = re.compile(r"[\w.,*/@+-]+")


def write(request: Request) -> str:  # noqa: C901, PLR0911, PLR0912 - one case per request
    """What :func:`~patchpilot.grammar.reading.parse` reads as ``request``."""
    match request:
        case ask.Help(about=about):
            return _line("help", about)
        case (
            ask.Link()
            | ask.Unlink()
            | ask.WhoAmI()
            | ask.ListSubscriptions()
            | ask.Resume()
            | ask.Misunderstood()
        ):
            return request.verb
        case ask.Settings():
            public = None if request.public is None else ("on" if request.public else "off")
            rule = _option("two-person", request.two_person or "")
            return _line("settings", str(request.repo or ""), rule, _option("public", public or ""))
        case ask.Subscribe():
            return _line("subscribe", *_subscription(request))
        case ask.Unsubscribe(repo=repo, owner=owner):
            return _line("unsubscribe", str(repo) if repo else f"{owner}/*")
        case ask.Status(target=target, storm=storm):
            return _line("status", _target(target) if storm is None else storm_name(storm))
        case ask.Diagnose(url=url):
            return _line("diagnose", url)
        case ask.Explain(incident=incident) | ask.Take(incident=incident) | ask.Drop(incident=incident):
            return _line(request.verb, _target(Target(incident=incident)))
        case ask.Decide(incident=incident, text=text):
            return _line(request.verb, _target(Target(incident=incident)), *_handing(request), _text(text))
        case ask.Fix(incident=incident, text=text):
            return _line(request.verb, _target(Target(incident=incident)), _text(text))
        case ask.Pause(text=text):
            return _line("pause", _text(text))
        case ask.Mute(target=target, test=test, length=length, why=why):
            span = _option("for", write_duration(length))
            return _line("mute", _target(target), _option("test", test), span, _text(why))
        case ask.Unmute(target=target, test=test):
            return _line("unmute", _target(target), _option("test", test))
        case ask.Quiet(window=window, zone=zone):
            return _line("quiet", str(window), _option("tz", zone)) if window else "quiet off"
        case ask.Direct(level=level, window=window, zone=zone):
            hours = _option("quiet", str(window) if window else "")
            return _line("dm", level.value if level else "", hours, _option("tz", zone))
        case ask.Digest(now=now):
            return _line("digest", "now" if now else "preview")
        case ask.Question(text=text):
            return text
        case _:
            assert_never(request)


def _subscription(request: ask.Subscribe) -> list[str]:
    return [
        str(request.repo) if request.repo else f"{request.owner}/*",
        _option("branch", ",".join(request.branches)),
        _option("workflow", request.workflow),
        _option("test", request.test),
        "" if request.level is Level.ALL else _option("level", request.level),
        _option("digest", str(request.digest) if request.digest else ""),
        _option("tz", request.zone),
    ]


def _handing(request: ask.Decide) -> list[str]:
    """How an approved fix becomes a pull request."""
    draft = "" if request.draft is None else ("yes" if request.draft else "no")
    return [
        _option("deliver", request.deliver),
        _option("reviewers", ",".join(request.reviewers)),
        _option("base", request.base),
        _option("draft", draft),
    ]


def _target(target: Target) -> str:
    if target.incident is not None:
        return incident_name(target.incident)
    return str(target.repo) if target.repo else ""


def _option(key: str, value: str) -> str:
    if not value:
        return ""
    return f"{key}:{value if _PLAIN.fullmatch(value) else _quote(value)}"


def _text(text: str) -> str:
    """Free text, quoted unless it reads back as it is."""
    return _quote(text) if text else ""


def _quote(text: str) -> str:
    escaped = straightened(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _line(*parts: str) -> str:
    return " ".join(part for part in parts if part)
