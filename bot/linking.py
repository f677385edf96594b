"""Who a person of a chat is on the code host: link by its sign-in, unlink, whoami.

The link's address holds a single-use state that lives ten minutes and is one account's of one workspace; it
can be asked for again at any time. What the person was about to do is kept with it, and is authorised and
done when they come back. The token that the code host gives is used to ask who they are, and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.gate import answered, applied, suggestion, unknown
from patchpilot.asking import Asked, Place
from patchpilot.commands import Actor, Answer, Medium, Ruling
from patchpilot.grammar import Decide, Link, Misunderstood, Way, parse, write
from patchpilot.grammar.values import HOST
from patchpilot.ports import SignIn
from patchpilot.source import HostUser, Repo
from storage.addresses import login_of_address
from storage.database import Database
from storage.decisions import find_target
from storage.link_requests import begin_sign_in, find_sign_in, finish_sign_in
from storage.links import link, linked, unlink


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A person came back from the code host's sign-in."""

    user: HostUser
    medium: Medium
    resume: Asked | None
    """What they were about to do, asked by who they are now known to be."""
    back: str = ""
    """Where on the dashboard a session was when its sign-in began: a path of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that may go on: whose account it would link, and where it goes."""

    called: str
    team: str
    account: str
    url: str
    medium: Medium = Medium.SLACK
    """Whose account it would link: a person's in Slack, or a browser's session of the dashboard."""


class Linking:
    """Keeps who is who. ``sign_in`` is ``None`` where no GitHub App's client id and secret are set."""

    def __init__(self, db: Database, sign_in: SignIn | None, *, public_url: str) -> None:
        self._db = db
        self._sign_in = sign_in
        self._public_url = public_url.rstrip("/")
        self.heard: Callable[[str, str], None] | None = None
        """Set by whoever shows people who they are: called with team and account of who has linked."""

    def offer(self, asked: Asked) -> str:
        """A new address at which the one who asks can link; empty where that is not set up."""
        actor = asked.actor
        if self._sign_in is None or actor.medium is not Medium.SLACK or actor.barred:
            return ""
        state = begin_sign_in(
            self._db,
            medium=actor.medium.value,
            team=actor.team,
            account=actor.name,
            resume=self._kept(asked),
        )
        return f"{self._public_url}/auth/github?state={state}"

    def _kept(self, asked: Asked) -> dict[str, object]:
        request = asked.request
        seen = asked.seen
        if isinstance(request, Decide) and seen is None:
            # Up to ten minutes pass until they are back; what is proposed in between they have not seen.
            target = find_target(self._db, incident=request.incident, approval_id=asked.approval_id)
            seen = target.heal.approval_id if target else ""
        return _kept(asked) | {"seen": seen or ""}

    @property
    def can_sign_in(self) -> bool:
        """Whether the code host's sign-in is set up."""
        return self._sign_in is not None

    def offer_session(self, account: str, *, back: str = "/") -> str:
        """A new address at which a browser's session of the dashboard signs in, and from which it goes
        ``back`` to a path of ours; empty where it can't."""
        if self._sign_in is None:
            return ""
        state = begin_sign_in(
            self._db,
            medium=Medium.DASHBOARD.value,
            team="",
            account=account,
            resume={"called": "this browser", "back": back},
        )
        return f"{self._public_url}/auth/github?state={state}"

    def begun(self, state: str) -> Begun | None:
        """The sign-in that ``state`` belongs to, while it can be used."""
        found = find_sign_in(self._db, state)
        if found is None or self._sign_in is None:
            return None
        called = str(found.resume.get("called") or found.account)
        url = self._sign_in.authorize_url(state=state, verifier=found.verifier)
        medium = Medium(found.medium)
        return Begun(called=called, team=found.team, account=found.account, url=url, medium=medium)

    def finish(self, *, state: str, code: str) -> Linked | None:
        """Link who came back; ``None`` if the state is unknown, used up or too old.

        Raises :class:`~patchpilot.errors.PatchPilotError` when the code host does not take the code.
        """
        found = finish_sign_in(self._db, state)
        if found is None or self._sign_in is None:
            return None
        user = self._sign_in.user_of(code=code, verifier=found.verifier)
        link(self._db, medium=found.medium, team=found.team, account=found.account, user=user)
        if self.heard is not None and found.medium == Medium.SLACK.value:
            self.heard(found.team, found.account)
        return Linked(
            user=user,
            medium=Medium(found.medium),
            resume=_resumed(found.resume, found.team, found.account, user),
            back=str(found.resume.get("back", "")),
        )

    def link(self, asked: Asked) -> Answer:
        """Offer the way to link, also to somebody who is linked already."""
        if asked.actor.barred:
            return Answer(ruling=Ruling.DENIED, text=f"You are {asked.actor.barred} here, so you can't link.")
        url = self.offer(asked)
        if not url:
            return unknown(
                "Linking by sign-in is not set up here (GITHUB_APP_CLIENT_ID and GITHUB_APP_CLIENT_SECRET). "
                "Ask an admin to run `patchpilot link`."
            )
        known = asked.actor.host_user
        now = f"You are linked to @{known.login}. To change that, sign in" if known else "Sign in"
        text = (
            f"{now} on the code host, so that I know who you are there. It works once, for 10 minutes."
            f"{suggestion(asked.actor)}"
        )
        return Answer(ruling=Ruling.ANSWERED, text=text, link_url=url)

    def unlink(self, asked: Asked) -> Answer:
        """Forget who they are."""
        actor = asked.actor
        if unlink(self._db, medium=actor.medium.value, team=actor.team, account=actor.name):
            return applied("Forgotten: your account is not linked any more.")
        return answered("Your account is not linked to any.")

    def who_am_i(self, asked: Asked) -> Answer:
        """Which account they are linked to."""
        user = asked.actor.host_user
        if user is None:
            return answered("Your account is not linked to one on the code host. `link` does that.")
        number = f" (account {user.id})" if user.id is not None else ""
        barred = f" You are {asked.actor.barred} here, so you may only read." if asked.actor.barred else ""
        return answered(f"You are @{user.login} on {user.host_name}{number}.{barred}")

    def login_of(self, address: str) -> str:
        """Login of whose commits carry this e-mail address, to suggest it; empty if there is none."""
        return login_of_address(self._db, HOST, address) if address and self._sign_in is not None else ""

    def user(self, *, team: str, account: str) -> HostUser | None:
        """The linked account of a member of a Slack workspace."""
        return linked(self._db, medium=Medium.SLACK.value, team=team, account=account)


def _kept(asked: Asked) -> dict[str, object]:
    """What is needed to ask again: the request as it is typed, and the place."""
    place = asked.place
    kept: dict[str, object] = {"called": asked.actor.called}
    if isinstance(asked.request, Link):
        return kept
    return kept | {
        "text": write(asked.request),
        "way": asked.way.value,
        "approval_id": asked.approval_id,
        "options": dict(asked.options),
        "key": f"{asked.key}:resumed" if asked.key else "",
        "zone": asked.actor.zone,
        "runs_workspace": asked.actor.runs_workspace,
        "channel": place.channel,
        "private": place.private,
        "home": place.home,
        "repo": place.repo.full_name if place.repo else "",
        "pull_request": place.pull_request,
    }


def _resumed(kept: dict[str, object], team: str, account: str, user: HostUser) -> Asked | None:
    text = str(kept.get("text", ""))
    if not text:
        return None
    way = Way(str(kept["way"]))
    # A button's request need not be one that can be typed with nothing else said.
    request = parse(text, way=Way.COMMENT if way is Way.BUTTON else way)
    if isinstance(request, Misunderstood):
        return None
    options, number = kept.get("options"), kept.get("pull_request")
    return Asked(
        request=request,
        actor=Actor(
            medium=way.medium,
            name=account,
            host_user=user,
            team=team,
            called=str(kept.get("called", "")),
            zone=str(kept.get("zone", "")),
            runs_workspace=bool(kept.get("runs_workspace")),
        ),
        way=way,
        place=Place(
            team=team,
            channel=str(kept.get("channel", "")),
            private=bool(kept.get("private")),
            home=bool(kept.get("home")),
            ephemeral=True,
            repo=Repo(user.host, str(kept["repo"])) if kept.get("repo") else None,
            pull_request=number if isinstance(number, int) else None,
        ),
        approval_id=str(kept.get("approval_id", "")),
        seen=str(kept.get("seen", "")),
        options={str(key): str(value) for key, value in options.items()} if isinstance(options, dict) else {},
        key=str(kept.get("key", "")),
    )
