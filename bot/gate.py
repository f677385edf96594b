"""The one place in which people are allowed or refused, whatever they ask and wherever.

Authority is that of the code host, asked live; no answer means no. A refusal says why, and who may.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from bot.authority import Authority
from patchpilot.asking import Asked, Place
from patchpilot.commands import Actor, Answer, Ruling
from patchpilot.errors import NotFoundError
from patchpilot.grammar import VERBS, Way
from patchpilot.incidents import IncidentSnapshot
from patchpilot.source import HostUser, Permission, Repo, Sha
from patchpilot.states import state_word
from storage.database import Database
from storage.subscriptions import repo_rules, subscriptions_of_channel, subscriptions_of_repo
from storage.uses import use_once

LinkOffer = Callable[[Asked], str]
"""An address at which the one who asks can link their account, or nothing."""


class Gate:
    """Says who may. ``offer`` makes the way to link an account; ``daily`` is each person's share of work."""

    def __init__(self, db: Database, authority: Authority, *, offer: LinkOffer, daily: int) -> None:
        self._db = db
        self._authority = authority
        self._offer = offer
        self._daily = daily

    def refusal(
        self, asked: Asked, repo: Repo, *, need: Permission | None = None, because: str = ""
    ) -> Answer | None:
        """Why ``asked`` is not allowed on ``repo``; ``None`` if it is.

        ``need`` is the table's unless this very request asks for more; ``because`` then says why.
        """
        entry = VERBS[asked.request.verb]
        need = max(entry.need, need or Permission.NONE)
        who = f"People with {need.name.lower()} access to {repo} may {entry.doing}{because}."
        refusal = self.stranger(asked, who)
        if refusal is not None or asked.actor.host_user is None:
            return refusal
        user = asked.actor.host_user
        try:
            permission = self._authority.told_permission(repo, user)
        except NotFoundError:
            return _unseen(repo)
        if permission is None:
            return denied(
                f"The code host does not tell me what @{user.login} may do on {repo}, so I did nothing. "
                "Try again in a minute; if it stays so, `patchpilot doctor` says what is wrong."
            )
        if permission < need:
            return denied(f"@{user.login} may not {entry.doing} on {repo}{because}. {who}")
        return None

    def unseen(self, asked: Asked, repo: Repo) -> Answer | None:
        """Said of a repository that this installation does not see; ``None`` if it does or can't find out."""
        if asked.actor.host_user is None:
            return None
        try:
            self._authority.told_permission(repo, asked.actor.host_user)
        except NotFoundError:
            return _unseen(repo)
        return None

    def is_gone(self, asked: Asked, repo: Repo) -> bool:
        """Whether nobody has rights on ``repo`` any more: it was deleted, or the App uninstalled there."""
        return not asked.actor.barred and self.unseen(asked, repo) is not None

    def may_clear(self, asked: Asked, authors: Collection[str]) -> bool:
        """Whether somebody may end what these authors wished for a repository that is gone."""
        user = asked.actor.host_user
        own = user is not None and user.login.lower() in {author.lower() for author in authors}
        return own or asked.actor.runs_workspace

    def stranger(self, asked: Asked, who: str) -> Answer | None:
        """Why this person may change nothing at all: an outsider, or nobody we know on the code host."""
        actor = asked.actor
        if actor.barred:
            may_not = VERBS[asked.request.verb].doing
            return denied(f"You are {actor.barred} here, so you may not {may_not}. {who}")
        if actor.host_user is None:
            url = self._offer(asked)
            how = "Link it, and this goes on" if url else "Ask an admin to run `patchpilot link`"
            text = (
                "Your account is not linked to one on the code host, so I can't tell what you may do. "
                f"{how}.{suggestion(actor) if url else ''} {who}"
            )
            return Answer(ruling=Ruling.DENIED, text=text, link_url=url)
        return None

    def over_budget(self, asked: Asked, user: HostUser) -> Answer | None:
        """Take one of the person's daily share for a verb that makes work; the refusal once it is used up."""
        if not VERBS[asked.request.verb].budgeted or self.share_of(user):
            return None
        return denied(
            f"@{user.login} has used up today's {self._daily} requests that make work (diagnose, retry, "
            "retest, fix); there are new ones from 00:00 UTC. Anybody else with the right may ask, "
            "and an admin can raise USER_DAY_REQUESTS."
        )

    def share_of(self, user: HostUser) -> bool:
        """Take one of the person's daily share; False once it is used up."""
        return use_once(self._db, user, limit=self._daily)

    def head(self, repo: Repo, branch: str) -> Sha | None:
        """The commit that a branch is at, if that can be told."""
        return self._authority.head(repo, branch)

    def lacks(self, repo: Repo, branch: str) -> bool:
        """Whether there is certainly no such branch."""
        return self._authority.lacks(repo, branch)

    def may(self, user: HostUser | None, repo: Repo, need: Permission) -> bool:
        """Whether a person has a permission, without a word about it."""
        return user is not None and self._authority.permission(repo, user) >= need

    def readable(self, asked: Asked, repo: Repo) -> bool:
        """Whether ``repo`` may be spoken of where the answer will be read.

        A private repository, unless its admins opted in, only in private channels that subscribed to it, and
        in the operator's channel while nobody has subscribed elsewhere.
        Elsewhere who asks has to be able to read it, and to ask in private. That a place is private is no
        right by itself: anybody can open one, also a guest, also in a workspace of their own.
        """
        place = asked.place
        if place.repo == repo or (place.home and self._comes_home(place, repo)):
            return True
        if not self._authority.is_private(repo) or repo_rules(self._db, repo).public:
            return True
        if place.private and self._comes_to(place, repo):
            return True
        if asked.actor.barred or not (place.private or place.ephemeral):
            return False
        return self.may(asked.actor.host_user, repo, Permission.READ)

    def hides(self, asked: Asked, repo: Repo) -> bool:
        """Whether an incident of ``repo`` that is named by its number is to be as if it were not there.

        Whoever pressed a button was shown what it is about; anybody can type a number.
        """
        return asked.way is not Way.BUTTON and not self.readable(asked, repo)

    def _comes_home(self, place: Place, repo: Repo) -> bool:
        """Whether the operator's channel is shown the repository: nobody wants it elsewhere only."""
        found = [one for one in subscriptions_of_repo(self._db, repo) if one.private and not one.of_owner]
        here = any((one.team, one.channel) == (place.team, place.channel) for one in found)
        return here or all(one.test or one.workflow for one in found)

    def _comes_to(self, place: Place, repo: Repo) -> bool:
        found = subscriptions_of_channel(self._db, team=place.team, channel=place.channel)
        # Nobody of a private repository was asked for its owner's subscription.
        return any(one.covers(repo) and one.private and not one.of_owner for one in found)

    def is_private(self, repo: Repo) -> bool:
        """Whether not everybody may see the repository; yes when that can't be found out."""
        return self._authority.is_private(repo)


def _unseen(repo: Repo) -> Answer:
    return denied(
        f"I can't see {repo}, so I did nothing. Look at how it is spelt; if that is right, "
        "an owner of it has to install the GitHub App there."
    )


def suggestion(actor: Actor) -> str:
    """Which account to sign in with, if the person's e-mail address tells; begins with a space."""
    if not actor.suggested or actor.barred or actor.host_user is not None:
        return ""
    return f" Commits with your e-mail address are @{actor.suggested}'s: if that is you, sign in as them."


def already_over(incident: IncidentSnapshot | None, what: str) -> Answer | None:
    """Why nothing of an incident is left to be done; ``None`` while it is open, or if there is none."""
    if incident is None or incident.open:
        return None
    word = state_word(incident).lower()
    return Answer(
        ruling=Ruling.ALREADY,
        text=f"{incident.name} is over ({word}): there is nothing to {what}.",
        incident=incident.id,
    )


def denied(text: str) -> Answer:
    """A refusal."""
    return Answer(ruling=Ruling.DENIED, text=text)


def answered(text: str, *, incident: int | None = None, links: tuple[str, ...] = ()) -> Answer:
    """An answer that changed nothing."""
    return Answer(ruling=Ruling.ANSWERED, text=text, incident=incident, links=links)


def applied(text: str, *, incident: int | None = None) -> Answer:
    """Something is so now."""
    return Answer(ruling=Ruling.APPLIED, text=text, incident=incident)


def unknown(text: str) -> Answer:
    """What was named is not there, or was not understood."""
    return Answer(ruling=Ruling.UNKNOWN, text=text)
