"""What comes to a channel: subscribe, unsubscribe, list, settings, quiet hours."""

from __future__ import annotations

from typing import Final

from bot.gate import Gate, answered, applied, denied, unknown
from patchpilot import grammar as ask
from patchpilot.asking import Asked, Place
from patchpilot.commands import Answer
from patchpilot.grammar import VERBS, Level, TwoPersonRule
from patchpilot.grammar.values import HOST
from patchpilot.incidents import incident_name
from patchpilot.noise import Mute, QuietHours
from patchpilot.routing import RepoRules, Subscription
from patchpilot.source import HostUser, Permission, Repo
from storage.database import Database
from storage.incidents import latest_repos
from storage.mutes import running_mutes
from storage.subscriptions import (
    drop_quiet_hours,
    quiet_hours,
    repo_rules,
    set_quiet_hours,
    set_repo_rules,
    subscribe,
    subscriptions_of_channel,
    subscriptions_of_repo,
    unsubscribe,
)

_LATEST: Final = 20
_NO_CHANNEL: Final = "This can only be said in a channel, whose failures it is about."
_RULES: Final = {
    TwoPersonRule.OFF: "one person may approve",
    TwoPersonRule.OTHER: "who wrote or pushed the failing commit, or asked for the retry, may not approve",
    TwoPersonRule.TWO: "two people have to approve",
}


class Channels:
    """Answers what is asked about a channel's wishes."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db = db
        self._gate = gate

    def subscribe(self, asked: Asked) -> Answer:
        """Send a repository's failures, or those of all of an owner's, to the channel."""
        wish = asked.request
        assert isinstance(wish, ask.Subscribe)
        if not asked.place.channel:
            return unknown(_NO_CHANNEL)
        refusal = self._may_not_subscribe(asked, wish.repo, wish.owner)
        if refusal is not None:
            return refusal
        assert asked.actor.host_user is not None
        name = str(wish.repo) if wish.repo else f"{wish.owner}/*"
        wanted = Subscription(
            team=asked.place.team,
            channel=asked.place.channel,
            private=asked.place.private,
            host=HOST,
            repo=name,
            branches=wish.branches,
            workflow=wish.workflow,
            test=wish.test,
            level=wish.level,
            digest=wish.digest,
            zone=wish.zone or asked.actor.zone or "UTC",
            author=asked.actor.host_user.login,
        )
        new = subscribe(self._db, wanted)
        note = ""
        if wish.owner:
            note = (
                " Private repositories are left out unless their admins say `settings owner/repo public:on`."
            )
        if not asked.place.bot_is_there:
            note += " I am not in this channel yet: invite me (`/invite`), or I can't post here."
        return applied(f"{'Subscribed' if new else 'Changed'}: {described_subscription(wanted)}.{note}")

    def _may_not_subscribe(self, asked: Asked, repo: Repo | None, owner: str) -> Answer | None:
        if repo is None:
            who = f"Admins of the operator's own workspace may subscribe to all of {owner}'s repositories."
            refusal = self._gate.stranger(asked, who)
            if refusal is not None or asked.actor.runs_workspace:
                return refusal
            return denied(
                f"You are not an admin of the operator's own workspace. {who} Or name one repository."
            )
        refusal = self._gate.refusal(asked, repo)
        if refusal is not None or not self._gate.is_private(repo):
            return refusal
        place = asked.place
        if not (place.private or repo_rules(self._db, repo).public):
            return _not_private(repo, place)
        if any(one.repo.lower() == repo.full_name.lower() for one in subscriptions_of_repo(self._db, repo)):
            return None
        first = " for the first time, as it is private"
        return self._gate.refusal(asked, repo, need=Permission.ADMIN, because=first)

    def unsubscribe(self, asked: Asked) -> Answer:
        """Stop sending them. Who may read a channel may not silence it: the same right as to subscribe."""
        wish, place = asked.request, asked.place
        assert isinstance(wish, ask.Unsubscribe)
        if not place.channel:
            return unknown(_NO_CHANNEL)
        name = str(wish.repo) if wish.repo else f"{wish.owner}/*"
        if wish.repo is not None:
            refusal = self._may_not_unsubscribe(asked, wish.repo)
        else:
            refusal = self._may_not_subscribe(asked, None, wish.owner)
        if refusal is not None:
            return refusal
        gone = unsubscribe(self._db, team=place.team, channel=place.channel, host=HOST, repo=name)
        if not gone:
            return unknown(f"This channel is not subscribed to {name}. `list` says what comes here.")
        rules = f" ({gone} rules)" if gone > 1 else ""
        return applied(f"{name} does not come to this channel any more{rules}.")

    def _may_not_unsubscribe(self, asked: Asked, repo: Repo) -> Answer | None:
        refusal = self._gate.refusal(asked, repo)
        if refusal is None or not self._gate.is_gone(asked, repo):
            return refusal
        found = subscriptions_of_channel(self._db, team=asked.place.team, channel=asked.place.channel)
        authors = {one.author for one in found if one.repo.lower() == repo.full_name.lower()}
        if not authors or self._gate.may_clear(asked, authors):
            return None
        named = " or ".join(f"@{author}" for author in sorted(authors))
        return denied(
            f"I can't see {repo} any more, so nobody has rights there. {named}, who subscribed it, "
            "or an admin of this Slack workspace may unsubscribe it."
        )

    def listing(self, asked: Asked) -> Answer:
        """What comes here, when it is quiet, and what is muted of it."""
        place = asked.place
        found = subscriptions_of_channel(self._db, team=place.team, channel=place.channel)
        lines = [f"• {described_subscription(one)} (by @{one.author})" for one in found]
        if not lines:
            lines = ["Nobody has subscribed this channel to anything. `subscribe owner/repo` does."]
        if place.home:
            lines.append("• whatever nobody has routed elsewhere: this is the operator's own channel")
        hours = quiet_hours(self._db, team=place.team, channel=place.channel)
        if hours is not None:
            lines.append(f"Quiet from {hours.window} ({hours.zone}), set by @{hours.author}.")
        shown = [mute for mute in running_mutes(self._db) if self._concerns(asked, mute, found)]
        lines += [f"Muted: {described_mute(mute)}" for mute in shown]
        return answered("\n".join(lines))

    def _concerns(self, asked: Asked, mute: Mute, found: list[Subscription]) -> bool:
        comes_here = asked.place.home or any(one.covers(mute.repo) for one in found)
        return comes_here and self._gate.readable(asked, mute.repo)

    def settings(self, asked: Asked) -> Answer:
        """Show a repository's rules, or set them."""
        wish = asked.request
        assert isinstance(wish, ask.Settings)
        if wish.repo is None:
            return self.listing(asked)
        repo = wish.repo
        rules = repo_rules(self._db, repo)
        if not wish.changes:
            if not self._gate.readable(asked, repo):
                return denied(
                    f"{repo} is private: ask in a private channel that it comes to, or link an account that "
                    "can read it and ask where only you see it."
                )
            return self._gate.unseen(asked, repo) or answered(_rules(repo, rules))
        refusal = self._gate.refusal(asked, repo)
        if refusal is not None:
            return refusal
        assert asked.actor.host_user is not None
        rules = RepoRules(
            two_person=rules.two_person if wish.two_person is None else wish.two_person,
            public=rules.public if wish.public is None else wish.public,
        )
        set_repo_rules(self._db, repo, rules, author=asked.actor.host_user.login)
        return applied(_rules(repo, rules))

    def quiet(self, asked: Asked) -> Answer:
        """Set or end the channel's quiet hours."""
        wish, place = asked.request, asked.place
        assert isinstance(wish, ask.Quiet)
        if not place.channel:
            return unknown(_NO_CHANNEL)
        refusal = self.may_not_change(asked)
        if refusal is not None:
            return refusal
        assert asked.actor.host_user is not None
        if wish.window is None:
            if drop_quiet_hours(self._db, team=place.team, channel=place.channel):
                return applied("No quiet hours here any more. What was held comes now.")
            return answered("This channel had no quiet hours.")
        hours = QuietHours(
            team=place.team,
            channel=place.channel,
            window=wish.window,
            zone=wish.zone or asked.actor.zone or "UTC",
            author=asked.actor.host_user.login,
        )
        set_quiet_hours(self._db, hours)
        return applied(
            f"Quiet here every day, {hours.window} ({hours.zone}). In these hours only approvals on the "
            "default branch are told; the rest comes in one summary afterwards. `quiet off` ends that."
        )

    def may_not_change(self, asked: Asked) -> Answer | None:
        """Why this person may not change the channel's own wishes: it takes write access to what comes."""
        place, may = asked.place, VERBS[asked.request.verb].doing
        who = f"People with write access to one of the repositories that come here may {may}."
        refusal = self._gate.stranger(asked, who)
        if refusal is not None:
            return refusal
        found = subscriptions_of_channel(self._db, team=place.team, channel=place.channel)
        repos = {Repo(one.host, one.repo) for one in found if not one.of_owner}
        if place.home:
            repos |= set(latest_repos(self._db, limit=_LATEST))
        user = asked.actor.host_user
        if asked.actor.runs_workspace or self._may_one(user, repos):
            return None
        return denied(f"@{user.login if user else ''} may not {may}. {who}")

    def _may_one(self, user: HostUser | None, repos: set[Repo]) -> bool:
        return any(self._gate.may(user, repo, Permission.WRITE) for repo in sorted(repos, key=str))


def _not_private(repo: Repo, place: Place) -> Answer:
    if place.bot_is_there:
        here, how = "this channel is not", "use a private channel"
    else:
        here = "I am not in this channel, so I can't tell who reads here"
        how = "invite me (`/invite`) to a private channel and ask there"
    return denied(
        f"{repo} is private and {here}: {how}, or an admin of {repo} says `settings {repo} public:on`."
    )


def described_mute(mute: Mute) -> str:
    """One line: what is muted, until when, by whom and why."""
    return f"{muted_what(mute)} {mute.said}"


def muted_what(mute: Mute) -> str:
    """An incident, a repository or tests of one."""
    what = incident_name(mute.incident) if mute.incident else str(mute.repo)
    return f"{what} test {mute.test}" if mute.test else what


def described_subscription(one: Subscription) -> str:
    """One line: what is sent, without where to."""
    parts = [one.repo, f"branch {', '.join(one.branches)}" if one.branches else "default branch"]
    if one.workflow:
        parts.append(f"workflow {one.workflow}")
    if one.test:
        parts.append(f"tests {one.test}")
    if one.level is not Level.ALL:
        parts.append(f"level {one.level}")
    if one.digest is not None:
        parts.append(f"digest {one.digest} {one.zone}")
    return " · ".join(parts)


def _rules(repo: Repo, rules: RepoRules) -> str:
    shown = "may" if rules.public else "may not"
    switch = "on" if rules.public else "off"
    return (
        f"{repo}: {_RULES[rules.two_person]} (two-person:{rules.two_person}); "
        f"if it is private, it {shown} be shown in public channels (public:{switch})."
    )
