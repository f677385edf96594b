"""The one table of verbs: where each may be used, what it needs, whether it changes anything, what it does.

The door authorises by it, ``help`` is written from it, and so is the table in the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from patchpilot.grammar.ways import Option, VerbEntry, Way
from patchpilot.source import Permission

if TYPE_CHECKING:
    from patchpilot.grammar.requests import Request

_SLACK = frozenset({Way.SLASH, Way.MENTION})
_TALK = _SLACK | {Way.COMMENT}
_PULL = frozenset({Way.COMMENT})
_SCRIPTS = frozenset({Way.API, Way.DASHBOARD})
_CLICKS = frozenset({Way.BUTTON, Way.API, Way.DASHBOARD})

_TEST = Option("test", example='test:"tests/e2e/*"', meaning="only failures of tests whose name matches")
_ZONE = Option("tz", example="tz:Europe/Vienna", meaning="time zone; yours if left out")

_READERS = "of a private repository: where it comes to a private channel, or who can read it"
_MEMBERS = "members of the workspace; no guests, no outsiders"

_ENTRIES: Final = (
    VerbEntry(
        "help [verb]",
        "this list, or how one verb is used",
        ways=_TALK | _SCRIPTS,
        need=Permission.NONE,
        example="help retry",
    ),
    VerbEntry("link", "say which account on the code host you are", ways=_SLACK, need=Permission.NONE),
    VerbEntry("unlink", "forget which account you are", ways=_SLACK, need=Permission.NONE),
    VerbEntry("whoami", "which account you are linked to", ways=_SLACK, need=Permission.NONE),
    VerbEntry(
        "settings [owner/repo] [two-person:…] [public:on|off]",
        "what is set for this channel or a repository; with values, set it",
        ways=_SLACK,
        need=Permission.ADMIN,
        needs_more="only to set values; anybody may look",
        options=(
            Option(
                "two-person",
                example="two-person:other",
                meaning="off; other: nobody who wrote or pushed the failing commit or asked for the retry; "
                "two: two people, one after the other",
            ),
            Option(
                "public",
                example="public:off",
                meaning="whether a private repository may be shown in public channels",
            ),
        ),
        example="settings acme/widget two-person:other",
        act="change the settings",
    ),
    VerbEntry(
        "subscribe owner/repo [branch:…] [workflow:…] [test:…] [level:…] [digest:…]",
        "send a repository's failures to this channel",
        ways=_SLACK,
        need=Permission.WRITE,
        needs_more="the first one of a private repository: admin; owner/*: admin of the Slack workspace",
        options=(
            Option("branch", example="branch:main,rel/*", meaning="these branches; else the default branch"),
            Option("workflow", example='workflow:"CI"', meaning="only this workflow"),
            _TEST,
            Option(
                "level", example="level:approval", meaning="all, diagnosed (cause known) or approval only"
            ),
            Option("digest", example="digest:mon@09:00", meaning="a weekly digest at that time"),
            _ZONE,
        ),
        example='subscribe acme/widget branch:main,rel/* workflow:"CI" level:approval digest:mon@09:00',
    ),
    VerbEntry(
        "unsubscribe owner/repo",
        "stop sending them",
        ways=_SLACK,
        need=Permission.WRITE,
        example="unsubscribe acme/widget",
    ),
    VerbEntry("list", "what comes to this channel, and what is muted", ways=_SLACK, need=Permission.NONE),
    VerbEntry(
        "status [PP-142|owner/repo]",
        "what is going on",
        ways=_TALK | _SCRIPTS,
        need=Permission.NONE,
        needs_more=_READERS,
        example="status PP-142",
    ),
    VerbEntry(
        "explain [PP-142]",
        "why it failed, with the evidence",
        ways=_TALK | _SCRIPTS,
        need=Permission.NONE,
        needs_more=_READERS,
        example="explain PP-142",
    ),
    VerbEntry(
        "diagnose <run-url>",
        "look at a red run that I have not been told of",
        ways=_TALK | _SCRIPTS,
        need=Permission.TRIAGE,
        budgeted=True,
        example="diagnose https://github.com/acme/widget/actions/runs/123",
    ),
    VerbEntry(
        "approve PP-142 [text] [reviewers:…] [base:…] [draft:…] [deliver:…]",
        "open the pull request with the patch that waits",
        ways=_TALK | _CLICKS,
        need=Permission.WRITE,
        needs_more="dependency, CI or authentication paths: maintain; the repository's two-person rule",
        options=(
            Option(
                "reviewers",
                example="reviewers:ana,ben",
                meaning="logins of whom to ask for a review, besides the owners by CODEOWNERS",
            ),
            Option("base", example="base:main", meaning="the branch to merge into; else the one that failed"),
            Option("draft", example="draft:no", meaning="yes or no: whether it opens as a draft"),
            Option(
                "deliver",
                example="deliver:push",
                meaning="on somebody's pull request: suggestions, stacked (a pull request of its own, into "
                "their branch) or push (a commit on their branch); else what suits it",
            ),
        ),
        example="approve PP-142",
    ),
    VerbEntry(
        "reject PP-142 [reason]",
        "turn the patch down",
        ways=_TALK | _CLICKS,
        need=Permission.TRIAGE,
        example="reject PP-142 wrong file",
    ),
    VerbEntry(
        "retry PP-142 [hint]",
        "try again, with what you write as a hint",
        ways=_TALK | _CLICKS | {Way.CHECK},
        need=Permission.TRIAGE,
        budgeted=True,
        example="retry PP-142 use py3.12",
    ),
    VerbEntry(
        "retest PP-142 [why]",
        "prove the same patch anew where its branch is by now",
        ways=_TALK | _CLICKS | {Way.CHECK},
        need=Permission.TRIAGE,
        budgeted=True,
        example="retest PP-142",
    ),
    VerbEntry(
        "escalate PP-142 [note]",
        "leave it to people",
        ways=_TALK | _CLICKS | {Way.CHECK},
        need=Permission.TRIAGE,
        example="escalate PP-142 the database team knows",
    ),
    VerbEntry(
        "fix [hint]",
        "propose a fix for this pull request",
        ways=_PULL | {Way.CHECK},
        need=Permission.TRIAGE,
        budgeted=True,
        example="fix keep the public API",
        act="ask for a fix",
    ),
    VerbEntry(
        "pause [why]",
        "leave this pull request alone",
        ways=_PULL,
        need=Permission.TRIAGE,
        example="pause while I rebase",
    ),
    VerbEntry("resume", "take this pull request up again", ways=_PULL, need=Permission.TRIAGE),
    VerbEntry(
        "mute PP-142|owner/repo [test:…] for:3d [why]",
        "be quiet about it for a while",
        ways=_TALK | _SCRIPTS | {Way.BUTTON},
        need=Permission.TRIAGE,
        options=(
            Option("for", example="for:3d", meaning="how long: 5m to 30d"),
            _TEST,
        ),
        example='mute acme/widget test:"tests/e2e/*" for:3d staging is down',
    ),
    VerbEntry(
        "unmute PP-142|owner/repo [test:…]",
        "end a mute",
        ways=_TALK | _SCRIPTS | {Way.BUTTON},
        need=Permission.TRIAGE,
        options=(_TEST,),
        example="unmute PP-142",
    ),
    VerbEntry(
        "take PP-142",
        "say that you look after it; the card names you",
        ways=_SLACK | {Way.BUTTON},
        need=Permission.NONE,
        needs_more=_MEMBERS,
        example="take PP-142",
    ),
    VerbEntry(
        "drop PP-142",
        "hand it back, whoever has it",
        ways=_SLACK | {Way.BUTTON},
        need=Permission.NONE,
        needs_more=_MEMBERS,
        example="drop PP-142",
    ),
    VerbEntry(
        "quiet 22:00-07:00|off",
        "hours in which this channel hears only of approvals on the default branch",
        ways=_SLACK,
        need=Permission.WRITE,
        needs_more="on one of the repositories that come to this channel",
        options=(_ZONE,),
        example="quiet 22:00-07:00",
        act="set this channel's quiet hours",
    ),
    VerbEntry(
        "dm off|approvals|mine [quiet:…]",
        "what comes to you alone: fixes that wait and you may approve, and failures that your commit is "
        "suspected of; `off` ends being mentioned for these in threads, too",
        ways=_SLACK | {Way.BUTTON},
        need=Permission.NONE,
        needs_more="members with a linked account, for themselves",
        options=(
            Option("quiet", example="quiet:22:00-07:00", meaning="hours without; what is held comes later"),
            _ZONE,
        ),
        example="dm mine quiet:22:00-07:00",
        act="choose direct messages",
    ),
    VerbEntry(
        "digest preview|now",
        "show the weekly digest to you, or post it here",
        ways=_SLACK,
        need=Permission.WRITE,
        needs_more="only for now, on one of the repositories that come to this channel",
        example="digest preview",
        act="post the digest",
    ),
)

VERBS: Final[Mapping[str, VerbEntry]] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every verb, in the order in which ``help`` lists them."""


def entry_of(request: Request) -> VerbEntry | None:
    """The verb that a request belongs to; ``None`` for a question and for what was not understood."""
    return VERBS.get(request.verb)
