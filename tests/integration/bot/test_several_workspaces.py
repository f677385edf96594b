"""*Add to Slack*: the bot as it runs, put into a second workspace by its own page, over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from bot.authority import Authority
from bot.door import Door
from bot.linking import Linking
from bot.parts import BotParts
from bot.slack import install_checkup
from bot.slack.announcer import Announcer
from bot.slack.assembly import SlackParts, assemble, deliveries
from bot.slack.audience import Audience
from bot.slack.blocks import Message, section
from bot.slack.deliveries import Deliveries
from bot.slack.delivery import Place, Post
from bot.slack.digest import WeeklyDigest
from bot.slack.needs import EVENTS, SCOPES
from bot.web.app import create_app
from patchpilot.errors import PermanentError
from patchpilot.failures import RunFinished
from patchpilot.grammar.values import Window, read_digest_time
from patchpilot.metrics import Metrics
from patchpilot.noise import QuietHours
from patchpilot.routing import Fallback, Subscription
from patchpilot.settings import BotSettings
from patchpilot.source import HostUser, Permission, Repo, RunRef, Sha
from playground.serving import free_port, served
from playground.slack.pace import QUICK
from playground.slack.routes import router
from playground.slack.server import Slack
from storage.asides import read_aside
from storage.database import Database
from storage.due_digests import mark_due_digests
from storage.effects import effects_of
from storage.incidents import snapshot
from storage.intake import record_failure
from storage.links import link
from storage.mutes import add_mute
from storage.sealing import Seal, UnreadableSecretError
from storage.subscriptions import drop_quiet_hours, set_quiet_hours
from storage.subscriptions import subscribe as store_subscription
from storage.troubles import broken_places
from storage.workspaces import Workspace, find_workspace, reseal_workspaces

CLIENT, SECRET, SIGNING = "111.222", "client-secret", "signing-secret"
KEY, OTHER_KEY = (Fernet.generate_key().decode() for _ in range(2))
HOME, TOKEN = "xoxb-of-the-home-workspace", "xoxb-of-the-other-workspace"


@dataclass
class Two:
    """The operator's workspace and another one, behind one Web API as at Slack's, and the bot."""

    db: Database
    home: Slack
    other: Slack
    slack: SlackParts
    bot: str
    metrics: Metrics
    settings: BotSettings

    def begin(self) -> tuple[str, str]:
        """Open the page that adds the app: where it leads, and the browser's cookie."""
        answer = httpx.get(f"{self.bot}/slack/install")
        assert answer.status_code == 302
        return answer.headers["location"], answer.headers["set-cookie"].partition(";")[0]

    def allow(self, address: str) -> str:
        """Press Allow on Slack's page: where it sends the browser."""
        page = httpx.get(address)
        assert page.status_code == 200, page.text
        fields = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', page.text))
        answer = httpx.post(address.partition("?")[0], data=fields | {"allow": "yes"})
        return answer.headers["location"]

    def add(self) -> httpx.Response:
        """All the way."""
        address, cookie = self.begin()
        return httpx.get(self.allow(address), headers={"cookie": cookie})

    def row(self):
        with self.db.transaction() as session:
            return session.execute(text("SELECT team, sealed_token FROM slack_workspaces")).one_or_none()

    def until_forgotten(self) -> None:
        until(lambda: self.row() is None)

    def post(self, channel: str, words: str, *, team: str = "") -> dict[str, str]:
        delivery = deliveries(self.db, self.slack.workspaces, self.metrics)
        return put(delivery, Place(channel, team=team), words)

    def announcer(self) -> Announcer:
        """The announcer as the bot makes it."""
        delivery = deliveries(self.db, self.slack.workspaces, self.metrics)
        audience = Audience(
            self.db,
            Fallback(channel="#ci"),
            resolve=delivery.channel_id,
            teams=self.slack.workspaces,
        )
        return Announcer(self.db, delivery, channel="#ci", audience=audience)


def until(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not ready():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def settle(announcer: Announcer) -> None:
    def settled() -> bool:
        announcer.tick()
        return not announcer._waiting.due

    until(settled)


def put(delivery: Deliveries, place: Place, words: str) -> dict[str, str]:
    message = Message.of(words, [section(words)])
    return delivery.put(Post(f"slack:test:{words}", message, place, incident=None, known=None))


def made_slack(stack: ExitStack, bot: str, *, team: str, token: str, port: int) -> Slack:
    url = f"http://127.0.0.1:{port}"
    slack = Slack(base_url=url, signing_secret=SIGNING, team_id=team, team_name=team, pace=QUICK)
    slack.add_user("ana", "Ana", email="ana@acme.test")
    slack.add_channel("ci", members=["ana"])
    bot_user = slack.install_app(
        app_id="A1",
        bot_token=token,
        events_url=f"{bot}/slack/events",
        interactivity_url=f"{bot}/slack/events",
        commands={"/patchpilot": f"{bot}/slack/events"},
        scopes=list(SCOPES),
        events=list(EVENTS),
        client_id=CLIENT,
        client_secret=SECRET,
        redirect_urls=[f"{bot}/slack/oauth_redirect"],
    )
    slack.invite("ci", bot_user)
    app = FastAPI()
    app.include_router(router(slack))
    stack.enter_context(served(app, port=port))
    stack.callback(slack.close)
    return slack


class OneApi:
    """Slack's Web API of both workspaces: the token says whose, and who adds the app is the other."""

    def __init__(self, home: FastAPI, other: FastAPI) -> None:
        self._home, self._other = home, other

    async def __call__(self, scope, receive, send) -> None:
        headers = dict(scope.get("headers") or ())
        at_home = headers.get(b"authorization", b"").endswith(HOME.encode())
        await (self._home if at_home else self._other)(scope, receive, send)


def settings_of(bot: str, api: str, database_url: str, **more: str) -> BotSettings:
    return BotSettings(
        _env_file=None,
        database_url=database_url,
        redis_url="redis://nowhere",
        public_url=bot,
        github_webhook_secret="secret",
        slack_bot_token=HOME,
        slack_signing_secret=SIGNING,
        slack_client_id=CLIENT,
        slack_client_secret=SECRET,
        slack_token_keys=KEY,
        slack_api_url=f"{api}/slack/api/",
        **more,
    )


@pytest.fixture
def allowed() -> str:
    return "T0OTHER"


@pytest.fixture
def two(database: Database, database_url: str, allowed: str) -> Iterator[Two]:
    bot_port, api_port = free_port(), free_port()
    bot, api = f"http://127.0.0.1:{bot_port}", f"http://127.0.0.1:{api_port}"
    metrics = Metrics()
    nobody = SimpleNamespace(permission=lambda *_: Permission.NONE, is_private=lambda _: True)
    linking = Linking(database, None, public_url=bot)
    authority = Authority(nobody)
    door = Door(database, authority, metrics, linking=linking, runs=None)
    settings = settings_of(bot, api, database_url, slack_workspaces=allowed)
    parts = BotParts(
        settings=settings,
        db=database,
        queues=None,
        door=door,
        authority=authority,
        linking=linking,
        metrics=metrics,
        parsers={},
    )
    slack = assemble(settings, database, parts, authority)
    with ExitStack() as stack:
        home = made_slack(stack, bot, team="T0HOME", token=HOME, port=free_port())
        other = made_slack(stack, bot, team="T0OTHER", token=TOKEN, port=free_port())
        apps = []
        for one in (home, other):
            app = FastAPI()
            app.include_router(router(one))
            apps.append(app)
        stack.enter_context(served(OneApi(*apps), port=api_port))
        stack.enter_context(served(create_app(parts, more=slack.routers), port=bot_port))
        yield Two(
            db=database, home=home, other=other, slack=slack, bot=bot, metrics=metrics, settings=settings
        )


def said(slack: Slack) -> str:
    """What Ana is answered, which comes a moment later."""
    end = time.monotonic() + 90
    while not slack.ephemerals("ana"):
        assert time.monotonic() < end, "there is no answer"
        time.sleep(0.05)
    return slack.ephemerals("ana")[-1].text


def test_a_workspace_that_added_the_app_is_answered_with_its_own_token(two):
    page = two.add()
    two.other.slash("ana", "ci", "/patchpilot whoami")

    assert page.status_code == 200, page.text
    assert "not linked" in said(two.other)
    assert find_workspace(two.db, Seal([KEY]), "T0OTHER").token == TOKEN


def test_the_home_workspace_needs_no_install(two):
    two.home.slash("ana", "ci", "/patchpilot whoami")

    assert "not linked" in said(two.home)
    assert two.row() is None


def test_a_workspace_that_has_not_added_the_app_is_told_so(two):
    two.other.slash("ana", "ci", "/patchpilot whoami")

    assert "reinstall this app" in said(two.other)


def test_no_token_lies_in_the_database_as_it_is(two):
    two.add()

    assert two.row().team == "T0OTHER"
    assert TOKEN not in two.row().sealed_token


def test_a_state_works_once(two):
    address, cookie = two.begin()
    back = two.allow(address)

    assert httpx.get(back, headers={"cookie": cookie}).status_code == 200
    again = httpx.get(two.allow(address), headers={"cookie": cookie})
    assert (again.status_code, "invalid_state" in again.text) == (401, True)


def test_a_state_ends_after_ten_minutes(two):
    address, cookie = two.begin()
    back = two.allow(address)
    with two.db.transaction() as session:
        session.execute(text("UPDATE slack_installs SET created_at = now() - interval '601 seconds'"))

    assert httpx.get(back, headers={"cookie": cookie}).status_code == 401
    assert two.row() is None


def test_a_state_that_nobody_issued_adds_nothing(two):
    address, _ = two.begin()
    forged = re.sub(r"state=[^&]+", "state=forged", two.allow(address))

    answer = httpx.get(forged, headers={"cookie": "slack-app-oauth-state=forged"})

    assert answer.status_code == 401
    assert two.row() is None


def test_an_install_that_another_browser_began_adds_nothing(two):
    address, _ = two.begin()
    _, cookie_of_another = two.begin()

    answer = httpx.get(two.allow(address), headers={"cookie": cookie_of_another})

    assert (answer.status_code, "invalid_browser" in answer.text) == (400, True)
    assert two.row() is None


def test_who_cancels_is_told_that_nothing_was_added(two):
    address, cookie = two.begin()
    state = re.search(r"state=([^&]+)", address)[1]

    answer = httpx.get(
        f"{two.bot}/slack/oauth_redirect?error=access_denied&state={state}", headers={"cookie": cookie}
    )

    assert "access_denied" in answer.text
    assert two.row() is None


@pytest.mark.parametrize("fault", ["500", "ratelimited"])
def test_a_slack_that_fails_in_between_adds_nothing(two, fault):
    two.other.inject("oauth.v2.access", fault)

    assert two.add().status_code >= 400
    assert two.row() is None


@pytest.mark.parametrize("allowed", ["T0FRIENDS, T0MORE", ""])
def test_only_workspaces_that_the_operator_names_may_add_the_app(two, allowed):
    page = two.add()

    assert (page.status_code, "SLACK_WORKSPACES" in page.text) == (403, True)
    assert two.row() is None


def test_a_workspace_that_removes_the_app_is_forgotten_and_the_home_workspace_goes_on(two):
    two.add()
    two.other.uninstall_app("A1")

    two.until_forgotten()
    assert broken_places(two.db) == []


def test_it_can_be_added_again_after_that(two):
    two.add()
    two.other.uninstall_app("A1")
    two.until_forgotten()

    assert two.add().status_code == 200
    assert find_workspace(two.db, Seal([KEY]), "T0OTHER").token not in {TOKEN, HOME}


def subscribe(two: Two, slack: Slack, repo: str = "acme/widget") -> str:
    """Ana has subscribed the workspace's #ci to the repository."""
    channel = slack.workspace.channel("ci").id
    wish = Subscription(
        team=slack.team_id, channel=channel, private=False, host="github", repo=repo, author="ana"
    )
    store_subscription(two.db, wish)
    return channel


def share_the_channels_id(two: Two) -> str:
    """As Slack Connect does: one channel of two workspaces has one id."""
    shared = two.home.workspace.channel("ci").id
    there = two.other.workspace
    channel = there.channel("ci")
    there.channels.pop(channel.id)
    channel.id = shared
    there.channels[shared] = channel
    return shared


def fail(two: Two, repo: str = "acme/widget", *, author: str = "") -> int:
    fail.made += 1
    found = record_failure(
        two.db,
        RunFinished(
            delivery_id=f"d{fail.made}",
            run=RunRef(provider="github_actions", repo=Repo("github", repo), run_id=str(fail.made)),
            workflow="CI",
            branch="main",
            head_sha=Sha(f"{fail.made:040x}"),
            succeeded=False,
            author=author,
        ),
    )
    return found.incident


fail.made = 0


def texts(slack: Slack) -> list[str]:
    return [message.text for message in slack.messages("ci") if not message.is_reply]


def test_messages_reach_each_channel_through_its_own_workspace(two):
    two.add()
    channel = two.other.workspace.channel("ci").id

    there = two.post(channel, "for the other", team="T0OTHER")
    at_home = two.post("#ci", "for home", team="T0HOME")

    assert there["team"] == "T0OTHER"
    assert "team" not in at_home
    assert texts(two.other) == ["for the other"]
    assert texts(two.home) == ["for home"]


@pytest.mark.parametrize("shared", [False, True])
def test_a_subscription_brings_its_workspace_the_card_and_no_other_one(two, shared):
    two.add()
    if shared:
        share_the_channels_id(two)
    subscribe(two, two.other)
    number = fail(two)
    two.announcer().show(number)

    (card,) = texts(two.other)
    assert "acme/widget" in card
    assert texts(two.home) == []
    (posted,) = [row for row in effects_of(two.db, number, kind="slack") if ":card:" in row.key]
    assert posted.outside["team"] == "T0OTHER"


@pytest.mark.parametrize("shared", [False, True])
def test_two_workspaces_that_subscribed_each_have_a_card_of_their_own_that_is_edited(two, shared):
    two.add()
    if shared:
        share_the_channels_id(two)
    for slack in (two.home, two.other):
        subscribe(two, slack)
    number = fail(two)
    two.announcer().show(number)
    fail(two)
    add_mute(
        two.db,
        Repo("github", "acme/widget"),
        incident=None,
        test="",
        why="known",
        author="ana",
        length=timedelta(days=1),
    )
    two.announcer().show(number)

    for slack in (two.home, two.other):
        (card,) = texts(slack)
        assert "Muted" in card


def test_quiet_hours_of_one_workspace_are_not_anothers_and_end_in_its_own_summary(two):
    two.add()
    channel = share_the_channels_id(two)
    for slack in (two.home, two.other):
        subscribe(two, slack)
    now = datetime.now(UTC)
    window = Window((now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time())
    set_quiet_hours(
        two.db, QuietHours(team="T0OTHER", channel=channel, window=window, zone="UTC", author="ana")
    )
    fail(two)
    announcer = two.announcer()
    settle(announcer)

    assert len(texts(two.home)) == 1
    assert texts(two.other) == []

    drop_quiet_hours(two.db, team="T0OTHER", channel=channel)
    announcer._looked_again = float("-inf")
    settle(announcer)

    assert len(texts(two.home)) == 1
    (summary,) = texts(two.other)
    assert "While it was quiet here" in summary


def test_a_suspect_is_called_only_where_their_account_is_known(two):
    link(
        two.db,
        medium="slack",
        team="T0OTHER",
        account="U0THERE",
        user=HostUser(host="github", login="zoe"),
    )
    incident = snapshot(two.db, fail(two, author="zoe"))

    at_home = read_aside(two.db, incident, medium="slack", team="T0HOME")
    there = read_aside(two.db, incident, medium="slack", team="T0OTHER")

    assert at_home.suspect == ""
    assert there.suspect == "U0THERE"


def test_a_weekly_digest_goes_to_the_workspace_that_asked_for_it(two):
    two.add()
    channel = share_the_channels_id(two)
    store_subscription(
        two.db,
        Subscription(
            team="T0OTHER",
            channel=channel,
            private=False,
            host="github",
            repo="acme/widget",
            digest=read_digest_time("mon@09:00"),
            author="ana",
        ),
    )
    fail(two)
    make = lambda: deliveries(two.db, two.slack.workspaces, two.metrics)  # noqa: E731 - as the bot gives it
    digest = WeeklyDigest(
        two.db,
        make,
        home="#ci",
        at=None,
        zone="UTC",
        minutes_per_fix=30,
        foreign=two.slack.workspaces.foreign,
    )
    delivery = make()
    mark_due_digests(two.db, now=datetime.now(UTC) + timedelta(days=8))

    def sent() -> bool:
        # Slack looks at the picture for a moment.
        digest.tick(delivery)
        return bool(texts(two.other))

    until(sent)
    assert texts(two.home) == []


def test_a_channel_of_a_workspace_that_is_gone_is_never_written_to_with_another_token(two):
    channel = share_the_channels_id(two)

    with pytest.raises(PermanentError, match="T0OTHER has not added the app"):
        two.post(channel, "for nobody", team="T0OTHER")
    assert broken_places(two.db) == []
    assert texts(two.home) == []


def test_a_channel_that_is_archived_in_one_workspace_is_whole_in_another(two):
    two.add()
    channel = share_the_channels_id(two)
    two.other.workspace.channel(channel).archived = True

    with pytest.raises(PermanentError, match="is_archived"):
        two.post(channel, "lost", team="T0OTHER")
    two.post(channel, "for home")

    assert [place.place for place in broken_places(two.db)] == [f"T0OTHER/{channel}"]

    two.other.workspace.channel(channel).archived = False
    delivery = deliveries(two.db, two.slack.workspaces, two.metrics)
    put(delivery, Place(channel, team="T0OTHER"), "again")
    assert [place.place for place in delivery.mended()] == [f"T0OTHER/{channel}"]
    assert broken_places(two.db) == []


def test_a_workspace_that_adds_the_app_again_is_written_to_at_once_by_the_same_process(two):
    two.add()
    channel = two.other.workspace.channel("ci").id
    delivery = deliveries(two.db, two.slack.workspaces, two.metrics)
    put(delivery, Place(channel, team="T0OTHER"), "before")
    two.other.uninstall_app("A1")
    two.until_forgotten()
    with pytest.raises(PermanentError, match="has not added the app"):
        put(delivery, Place(channel, team="T0OTHER"), "between")

    assert two.add().status_code == 200
    two.other.invite("ci", two.other.workspace.apps["A1"].bot_user)
    put(delivery, Place(channel, team="T0OTHER"), "after")

    assert texts(two.other) == ["before", "after"]
    two.other.slash("ana", "ci", "/patchpilot whoami")
    assert "not linked" in said(two.other)


def test_the_home_workspace_may_add_the_app_again_too_and_needs_no_restart(two):
    delivery = deliveries(two.db, two.slack.workspaces, two.metrics)
    put(delivery, Place("#ci"), "before")
    app = two.home.workspace.apps["A1"]
    app.revoked = True
    with pytest.raises(PermanentError, match="the workspace"):
        put(delivery, Place("#ci"), "between")
    assert [place.place for place in broken_places(two.db)] == [""]

    app.revoked, app.bot_token = False, f"xoxb-anew-{HOME}"
    two.slack.workspaces.keep(
        Workspace(
            team="T0HOME",
            name="Home",
            token=app.bot_token,
            bot_id=app.bot_id,
            bot_user=app.bot_user,
            installed_by="U1",
        )
    )
    assert [place.place for place in delivery.mended()] == [""]
    put(delivery, Place("#ci"), "after")

    assert texts(two.home) == ["before", "after"]
    assert broken_places(two.db) == []
    two.home.slash("ana", "ci", "/patchpilot whoami")
    assert "not linked" in said(two.home)


def test_a_token_taken_back_elsewhere_stops_only_that_workspace(two):
    two.add()
    channel = two.other.workspace.channel("ci").id
    two.other.workspace.apps["A1"].revoked = True

    with pytest.raises(PermanentError, match="workspace T0OTHER"):
        two.post(channel, "lost", team="T0OTHER")
    two.post("#ci", "for home")

    assert [place.place for place in broken_places(two.db)] == ["workspace T0OTHER"]


def test_the_operators_channel_is_not_any_channel_of_that_name(two):
    two.add()
    other, home = (slack.workspace.channel("ci").id for slack in (two.other, two.home))
    people = two.slack.home._presses._people

    assert people.place("T0HOME", home, ephemeral=True).home
    assert not people.place("T0OTHER", other, ephemeral=True).home


def test_who_runs_another_workspace_runs_nothing_here(two):
    two.add()
    people = two.slack.home._presses._people
    runs = {}
    for slack in (two.home, two.other):
        ana = next(user for user in slack.workspace.users.values() if user.name == "ana")
        ana.is_admin = True
        runs[slack.team_id] = people.actor(slack.team_id, ana.id).runs_workspace

    assert runs == {"T0HOME": True, "T0OTHER": False}


def test_a_token_in_the_wrong_row_is_not_used(two):
    two.add()
    with two.db.transaction() as session:
        session.execute(text("UPDATE slack_workspaces SET team = 'T0THIEF'"))

    with pytest.raises(UnreadableSecretError, match="sealed as another's"):
        find_workspace(two.db, Seal([KEY]), "T0THIEF")


def test_a_token_that_was_tampered_with_is_refused_and_the_person_told_to_add_the_app_again(two):
    two.add()
    with two.db.transaction() as session:
        session.execute(
            text("UPDATE slack_workspaces SET sealed_token = overlay(sealed_token placing 'AAAA' from 40)")
        )

    two.other.slash("ana", "ci", "/patchpilot whoami")

    assert "reinstall this app" in said(two.other)


def test_keys_can_be_changed_one_after_the_other(two):
    two.add()
    new = Fernet.generate_key().decode()

    assert reseal_workspaces(two.db, Seal([new, KEY])) == []
    assert find_workspace(two.db, Seal([new]), "T0OTHER").token == TOKEN
    assert reseal_workspaces(two.db, Seal([Fernet.generate_key().decode()])) == ["T0OTHER"]


def looked_at(two: Two, **changed: object) -> dict[str, tuple[str, str]]:
    """What the doctor finds: level and mend by subject."""
    found = install_checkup.findings(two.settings.model_copy(update=changed))
    return {one.about: (one.level.value, one.mend) for one in found}


def test_the_doctor_finds_a_second_workspace_well(two):
    two.add()
    found = looked_at(two)

    assert {level for level, _ in found.values()} == {"well"}
    assert {"Slack client id and secret", "SLACK_TOKEN_KEYS", "Slack workspace T0OTHER"} == set(found)


@pytest.mark.parametrize(
    ("changed", "about", "level", "mend"),
    [
        (
            {"slack_client_secret": SecretStr("x")},
            "Slack client id and secret",
            "failed",
            "Basic Information",
        ),
        ({"slack_client_id": "9.9"}, "Slack client id and secret", "failed", "Basic Information"),
        ({"slack_client_id": ""}, "Add to Slack", "note", "SLACK_CLIENT_ID"),
        ({"slack_workspaces": ""}, "Slack workspaces", "warning", "ids (T…)"),
        ({"slack_workspaces": "T0MORE"}, "Slack workspace T0OTHER", "note", "remove the app"),
        ({"slack_token_keys": SecretStr(OTHER_KEY)}, "Slack workspace T0OTHER", "failed", "put the key back"),
        ({"slack_token_keys": SecretStr(f"{OTHER_KEY},{KEY}")}, "SLACK_TOKEN_KEYS", "note", "older keys"),
    ],
)
def test_the_doctor_names_what_is_wrong_with_several_workspaces(two, changed, about, level, mend):
    two.add()
    found = looked_at(two, **changed)

    assert found[about][0] == level
    assert mend in found[about][1]


def test_the_doctor_names_a_workspace_whose_token_or_scopes_are_gone(two):
    two.add()
    app = two.other.workspace.apps["A1"]
    app.scopes = [scope for scope in SCOPES if scope != "files:write"]
    level, mend = looked_at(two)["Slack workspace T0OTHER"]
    assert (level, "add the app again" in mend) == ("failed", True)

    app.revoked = True
    level, mend = looked_at(two)["Slack workspace T0OTHER"]
    assert (level, "add the app again" in mend) == ("failed", True)


def test_no_token_and_no_secret_is_logged(two, caplog):
    caplog.set_level("DEBUG")
    two.add()
    two.other.slash("ana", "ci", "/patchpilot whoami")

    ours = [record for record in caplog.records if record.name.startswith(("bot", "storage"))]
    assert ours
    written = " ".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
    assert not any(secret in written for secret in (TOKEN, HOME, SECRET, KEY))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"slack_client_secret": ""}, "SLACK_CLIENT_SECRET"),
        ({"slack_token_keys": ""}, "SLACK_TOKEN_KEYS"),
        ({"slack_token_keys": "too-short"}, "Fernet.generate_key"),
        ({"slack_signing_secret": "", "slack_app_token": "xapp-1"}, "SLACK_SIGNING_SECRET"),
    ],
)
def test_half_a_configuration_does_not_start(wrong, says):
    whole = {
        "database_url": "postgresql://nowhere/none",
        "redis_url": "redis://nowhere",
        "github_webhook_secret": "secret",
        "slack_bot_token": HOME,
        "slack_signing_secret": SIGNING,
        "slack_client_id": CLIENT,
        "slack_client_secret": SECRET,
        "slack_token_keys": KEY,
    }

    with pytest.raises(ValueError, match=says):
        BotSettings(_env_file=None, **whole | wrong)
