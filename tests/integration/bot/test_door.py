"""What is asked, from the grammar through the door to Postgres."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from sqlalchemy import text as sql

from bot.authority import Authority
from bot.door import Door
from bot.linking import Linking
from patchpilot.asking import Asked, Place
from patchpilot.commands import Actor, Answer, Command, Medium, Ruling, Verb
from patchpilot.errors import NotFoundError, PermanentError, TemporaryError
from patchpilot.failures import RunFinished
from patchpilot.grammar import Way, parse
from patchpilot.heals import HealState
from patchpilot.metrics import Metrics
from patchpilot.source import HostUser, Permission, Repo, RunAddress, RunRef, Sha
from storage.database import Database
from storage.heals import escalate
from storage.incidents import snapshot
from storage.intake import record_failure
from storage.mutes import paused_by
from storage.subscriptions import quiet_hours, repo_rules, subscriptions_of_channel

LEDGER = Repo("github", "acme/ledger")
RIGHTS = {
    "tom": Permission.TRIAGE,
    "wil": Permission.WRITE,
    "wes": Permission.WRITE,
    "max": Permission.MAINTAIN,
    "ada": Permission.ADMIN,
    "rob": Permission.READ,
}
RUNS = "https://github.test/acme/ledger/actions/runs"


@dataclass
class Host:
    """A code host of which only rights and privacy are asked; each answer is counted."""

    private: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    away: bool = False

    def permission(self, repo: Repo, user: HostUser) -> Permission:
        if self.away:
            raise TemporaryError("GitHub can't be reached")
        if repo.name == "nonsense" or str(repo) in self.gone:
            raise NotFoundError("the GitHub App is not installed on it")
        return RIGHTS.get(user.login, Permission.NONE)

    def is_private(self, repo: Repo) -> bool:
        return str(repo) in self.private


class Runs:
    def address(self, url: str) -> RunAddress:
        if not url.startswith(RUNS):
            raise PermanentError("that address is not on github.test")
        return RunAddress(repo=LEDGER, run_id=int(url.rsplit("/", 1)[1]))

    def fetch(self, address: RunAddress) -> RunFinished:
        if address.run_id == 404:
            raise NotFoundError("gone")
        if address.run_id == 200:
            raise PermanentError("run 200 was green, so there is nothing to diagnose")
        return RunFinished(
            delivery_id=f"asked:{address.run_id}",
            run=RunRef(provider="github_actions", repo=LEDGER, run_id=str(address.run_id)),
            workflow="CI",
            branch="main",
            head_sha=Sha("7" * 40),
            succeeded=False,
        )


@dataclass
class Asker:
    """Asks as somebody, somewhere."""

    db: Database
    host: Host
    door: Door
    asked: int = 0

    def __call__(
        self, login: str, text: str, *, way: Way = Way.SLASH, incident: int | None = None, **facts
    ) -> Answer:
        self.asked += 1
        place = Place(
            **({"team": "T1", "channel": "C1", "ephemeral": way is Way.SLASH} | facts.pop("at", {}))
        )
        actor = Actor(
            medium=way.medium,
            name=f"U-{login}",
            team="T1",
            host_user=HostUser(host="github", login=login) if login else None,
            **facts,
        )
        request = parse(text, way=way, incident=incident)
        return self.door.handle(
            Asked(request=request, actor=actor, way=way, place=place, key=f"k{self.asked}")
        )


@pytest.fixture
def ask(database: Database) -> Asker:
    host = Host()
    door = Door(
        database,
        Authority(host, cache_seconds=0),
        Metrics(),
        linking=Linking(database, None, public_url="http://bot.test"),
        runs=Runs(),
        daily=3,
    )
    return Asker(database, host, door)


def test_each_verb_asks_for_its_permission_and_names_who_has_it(ask, proposed):
    incident, _ = proposed(1)

    for login, text, need in [
        ("tom", f"approve PP-{incident}", "write"),
        ("rob", f"retry PP-{incident}", "triage"),
        ("rob", f"reject PP-{incident}", "triage"),
        ("rob", f"escalate PP-{incident}", "triage"),
        ("rob", f"mute PP-{incident} for:1d", "triage"),
        ("rob", f"diagnose {RUNS}/7", "triage"),
        ("tom", "subscribe acme/ledger", "write"),
        ("wil", "settings acme/ledger two-person:two", "admin"),
    ]:
        answer = ask(login, text)
        assert answer.ruling is Ruling.DENIED, text
        assert f"People with {need} access to acme/ledger may" in answer.text

    assert snapshot(ask.db, incident).heal.state is HealState.AWAITING_APPROVAL


def test_without_an_answer_from_the_code_host_nobody_may(ask, proposed):
    incident, _ = proposed(1)
    ask.host.away = True

    answer = ask("ada", f"approve PP-{incident}")

    assert answer.ruling is Ruling.DENIED
    assert answer.text.startswith("The code host does not tell me what @ada may do on acme/ledger")


@pytest.mark.parametrize("words", ["subscribe acme/nonsense", "settings acme/nonsense"])
def test_a_repository_that_the_app_does_not_see_is_called_that(ask, words):
    answer = ask("ada", words)

    assert answer.ruling is Ruling.DENIED
    assert answer.text.startswith("I can't see acme/nonsense")
    assert "install the GitHub App" in answer.text


def test_what_is_still_at_work_says_so_in_words_for_people(ask, database):
    run = RunRef(provider="github_actions", repo=LEDGER, run_id="1")
    recorded = record_failure(
        database,
        RunFinished(
            delivery_id="d1", run=run, workflow="CI", branch="main", head_sha=Sha("1" * 40), succeeded=False
        ),
    )

    answer = ask("ada", f"approve PP-{recorded.incident}")

    assert answer.text.startswith(f"I am still at work on PP-{recorded.incident} (new)")


def test_ended_silence_is_not_described_as_lasting(ask, proposed):
    incident, _ = proposed(1)

    ask("ada", f"mute PP-{incident} for:3d known")
    answer = ask("ada", f"unmute PP-{incident}")

    assert answer.text == f"Not muted any more: PP-{incident}. @ada had muted it: known."


def test_guests_outsiders_and_the_unlinked_may_only_read(ask, proposed):
    incident, _ = proposed(1)

    guest = ask("wil", f"approve PP-{incident}", barred="a guest")
    stranger = ask("", f"approve PP-{incident}")

    assert guest.ruling is stranger.ruling is Ruling.DENIED
    assert "You are a guest here" in guest.text
    assert "not linked" in stranger.text
    assert ask("wil", f"status PP-{incident}", barred="a guest").ruling is Ruling.ANSWERED


@pytest.mark.parametrize(
    ("column", "why"),
    [("author", "wrote the failing commit"), ("pusher", "pushed or merged the failing commit")],
)
def test_two_person_rule_other_keeps_the_author_and_who_asked_for_the_retry_out(ask, proposed, column, why):
    incident, _ = proposed(1)
    assert ask("ada", "settings acme/ledger two-person:other").ruling is Ruling.APPLIED
    with ask.db.transaction() as session:
        session.execute(sql(f"UPDATE failures SET {column} = 'wil'"))

    refused = ask("wil", f"approve PP-{incident}")

    assert refused.ruling is Ruling.DENIED
    assert f"@wil {why}" in refused.text
    assert ask("wes", f"approve PP-{incident}").ruling is Ruling.APPLIED


def test_two_person_rule_two_waits_for_a_second_person(ask, proposed):
    incident, _ = proposed(1)
    ask("ada", "settings acme/ledger two-person:two")

    first, again = ask("wil", f"approve PP-{incident}"), ask("wil", f"approve PP-{incident}")

    assert first.ruling is again.ruling is Ruling.ANSWERED
    assert "wants two people" in first.text
    assert again.text.startswith(f"You have approved PP-{incident} already.")
    waiting = snapshot(ask.db, incident).heal
    assert (waiting.state, waiting.first_approved_by) == (HealState.AWAITING_APPROVAL, "wil")
    assert waiting.reason.endswith(". @wil has approved; acme/ledger wants a second person to.")
    assert ask("wes", f"approve PP-{incident}").ruling is Ruling.APPLIED
    assert [one.actor for one in snapshot(ask.db, incident).heal.decisions] == ["wes"]
    late = ask("ada", f"reject PP-{incident}").text
    assert f"PP-{incident} was already approved by @wil and @wes at" in late


def test_an_approval_says_how_the_fix_is_handed_over(ask, proposed):
    incident, _ = proposed(1)

    ask("wil", f"approve PP-{incident} deliver=push")
    assert snapshot(ask.db, incident).heal.state is HealState.AWAITING_APPROVAL
    assert ask("wil", f"approve PP-{incident} deliver:push").ruling is Ruling.APPLIED
    assert [one.options for one in snapshot(ask.db, incident).heal.decisions] == [{"deliver": "push"}]


def test_a_patch_of_dependency_files_asks_for_maintain_access(ask, proposed):
    incident, _ = proposed(
        1, "diff --git a/go.mod b/go.mod\n--- a/go.mod\n+++ b/go.mod\n@@ -1 +1 @@\n-a\n+b\n"
    )

    refused = ask("wil", f"approve PP-{incident}")

    assert refused.ruling is Ruling.DENIED
    assert (
        "People with maintain access to acme/ledger may approve a patch that changes dependency"
        in refused.text
    )
    assert ask("max", f"approve PP-{incident}").ruling is Ruling.APPLIED


def test_each_person_has_a_daily_share_of_work(ask):
    answers = [ask("tom", f"diagnose {RUNS}/{number}") for number in (1, 2, 3, 4)]

    assert [answer.ruling for answer in answers] == [Ruling.APPLIED] * 3 + [Ruling.DENIED]
    assert "used up today's 3" in answers[-1].text
    assert ask("wil", f"diagnose {RUNS}/4").ruling is Ruling.APPLIED


def test_a_run_comes_in_by_its_address_once(ask):
    first, again = ask("tom", f"diagnose {RUNS}/7"), ask("wil", f"diagnose {RUNS}/7")

    assert first.ruling is Ruling.APPLIED
    assert again.ruling is Ruling.ANSWERED
    assert first.incident == again.incident
    assert snapshot(ask.db, first.incident).heal.state is HealState.QUEUED


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("https://evil.test/acme/ledger/actions/runs/1", "not on github.test"),
        (f"{RUNS}/404", "no such run"),
        (f"{RUNS}/200", "was green"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_so(ask, address, part):
    answer = ask("tom", f"diagnose {address}")

    assert answer.ruling is Ruling.UNKNOWN
    assert part in answer.text


def test_a_channel_subscribes_changes_lists_and_unsubscribes(ask):
    assert "Subscribed" in ask("wil", "subscribe acme/ledger branch:main,rel/* level:approval").text
    assert "Changed" in ask("wil", "subscribe acme/ledger level:diagnosed digest:mon@09:00").text
    assert len(subscriptions_of_channel(ask.db, team="T1", channel="C1")) == 1
    assert "level diagnosed · digest mon@09:00" in ask("", "list").text

    assert ask("rob", "unsubscribe acme/ledger").ruling is Ruling.DENIED
    assert ask("wil", "unsubscribe ACME/ledger").ruling is Ruling.APPLIED
    assert ask("wil", "unsubscribe acme/ledger").ruling is Ruling.UNKNOWN


def test_a_private_repository_needs_a_private_channel_and_an_admin_first(ask):
    ask.host.private.add("acme/ledger")
    private = {"private": True}

    public = ask("ada", "subscribe acme/ledger")
    assert (public.ruling, "use a private channel" in public.text) == (Ruling.DENIED, True)
    assert "admin access" in ask("wil", "subscribe acme/ledger", at=private).text
    assert ask("ada", "subscribe acme/ledger", at=private).ruling is Ruling.APPLIED
    assert ask("wil", "subscribe acme/ledger", at=private | {"channel": "C2"}).ruling is Ruling.APPLIED

    assert ask("ada", "settings acme/ledger public:on").ruling is Ruling.APPLIED
    assert ask("wil", "subscribe acme/ledger", at={"channel": "C3"}).ruling is Ruling.APPLIED


def test_all_of_an_owners_repositories_are_for_those_who_run_the_workspace(ask):
    assert ask("ada", "subscribe acme/*").ruling is Ruling.DENIED
    assert ask("wil", "subscribe acme/*", runs_workspace=True).ruling is Ruling.APPLIED


def test_a_private_repository_is_spoken_of_only_where_it_may_be(ask, proposed):
    incident, _ = proposed(1)
    ask.host.private.add("acme/ledger")

    for text in (f"status PP-{incident}", f"explain PP-{incident}"):
        assert "There is no" in ask("wil", text, way=Way.MENTION).text
        assert "There is no" in ask("", text).text
        assert "PP-" in ask("wil", text).text
        assert "acme/ledger" in ask("", text, at={"home": True}).text
    assert "acme/ledger" not in ask("", "status").text


def test_the_operators_channel_speaks_of_no_private_repository_that_comes_to_another_one(ask, proposed):
    incident, _ = proposed(1)
    ask.host.private.add("acme/ledger")
    home, text = {"home": True}, f"explain PP-{incident}"

    assert ask("ada", "subscribe acme/ledger test:slow_*", at={"private": True}).ruling is Ruling.APPLIED
    assert "acme/ledger" in ask("", text, at=home | {"channel": "C0"}).text
    assert ask("ada", "subscribe acme/ledger", at={"private": True}).ruling is Ruling.APPLIED

    assert "There is no" in ask("", text, at=home | {"channel": "C0"}).text
    assert "acme/ledger" in ask("rob", text, at=home | {"channel": "C0"}).text


def test_a_private_place_alone_opens_no_private_repository(ask, proposed):
    """Anybody can open a direct message or a private channel: strangers, guests, other workspaces."""
    incident, _ = proposed(1)
    ask.host.private.add("acme/ledger")
    private = {"private": True, "channel": "D1"}

    for text in (f"status PP-{incident}", f"explain PP-{incident}", "status"):
        for way in (Way.SLASH, Way.MENTION):
            assert "acme/ledger" not in ask("", text, way=way, at=private).text
            assert "acme/ledger" not in ask("stranger", text, way=way, at=private).text
            assert "acme/ledger" not in ask("rob", text, way=way, barred="a guest", at=private).text
            assert "acme/ledger" in ask("rob", text, way=way, at=private).text


def test_a_storms_status_lists_its_incidents_as_far_as_who_asks_may_see_them(ask):
    for number in range(1, 6):
        repo = Repo("github", f"acme/r{number}")
        failed = RunFinished(
            delivery_id=f"d{number}",
            run=RunRef(provider="github_actions", repo=repo, run_id=str(number)),
            workflow="CI",
            branch="main",
            head_sha=Sha(f"{number:040x}"),
            succeeded=False,
        )
        escalate(ask.db, record_failure(ask.db, failed).heal, reason="the provider does not answer")
    assert ask("", "status S-1").text.count("PP-") == 5

    ask.host.private |= {"acme/r2", "acme/r3"}
    seen = ask("", "status s-1").text
    assert [f"acme/r{number}" in seen for number in range(1, 6)] == [True, False, False, True, True]
    assert seen.count("PP-") == 3

    ask.host.private |= {"acme/r1", "acme/r4", "acme/r5"}
    hidden, missing = ask("", "status S-1"), ask("", "status S-9")
    assert hidden.ruling is missing.ruling
    assert hidden.text == missing.text.replace("S-9", "S-1"), "it does not tell that there is one"


def test_a_private_channel_that_a_private_repository_comes_to_speaks_of_it_to_all_who_are_there(
    ask, proposed
):
    incident, _ = proposed(1)
    ask.host.private.add("acme/ledger")
    here = {"private": True, "channel": "C7"}
    text = f"status PP-{incident}"

    ask("wil", "subscribe acme/*", at=here, runs_workspace=True)
    assert "There is no" in ask("", text, at=here).text
    assert ask("ada", "subscribe acme/ledger", at=here).ruling is Ruling.APPLIED

    assert "acme/ledger" in ask("", text, at=here).text
    assert "There is no" in ask("", text, at=here | {"private": False}).text
    assert "There is no" in ask("", text, at=here | {"channel": "C8"}).text
    assert "There is no" in ask("", text, at=here | {"team": "T2"}).text


@pytest.mark.parametrize(
    "verb",
    ["approve {}", "retry {}", "reject {} no", "escalate {}", "mute {} for:1d", "unmute {}", "take {}"],
)
def test_a_private_incident_that_may_not_be_read_is_as_if_it_were_not_there(ask, proposed, verb):
    incident, _ = proposed(1)
    ask.host.private.add("acme/ledger")
    elsewhere = {"repo": Repo("github", "acme/open"), "pull_request": 3, "channel": ""}
    ways = [(Way.SLASH, {}), (Way.MENTION, {})]
    if not verb.startswith("take"):
        ways.append((Way.COMMENT, elsewhere))

    for way, at in ways:
        hidden = ask("eve", verb.format(f"PP-{incident}"), way=way, at=at)
        absent = ask("eve", verb.format("PP-999999"), way=way, at=at)

        assert hidden.ruling is absent.ruling is Ruling.UNKNOWN
        assert hidden.text.replace(f"PP-{incident}", "PP-999999") == absent.text
        assert hidden.incident is None
    assert snapshot(ask.db, incident).heal.state is HealState.AWAITING_APPROVAL


def test_who_may_read_a_private_incident_is_told_what_is_missing(ask, proposed):
    incident, _ = proposed(1)
    ask.host.private.add("acme/ledger")

    assert "may not approve on acme/ledger" in ask("rob", f"approve PP-{incident}").text
    assert ask("wil", f"approve PP-{incident}").ruling is Ruling.APPLIED


def test_a_comment_decides_nothing_of_another_repository(ask, proposed):
    incident, _ = proposed(1)
    elsewhere = {"repo": Repo("github", "acme/open"), "pull_request": 3, "channel": ""}

    answer = ask("wil", f"approve PP-{incident}", way=Way.COMMENT, at=elsewhere)

    assert answer.ruling is Ruling.DENIED
    assert answer.text.startswith(f"PP-{incident} is of acme/ledger")
    assert snapshot(ask.db, incident).heal.state is HealState.AWAITING_APPROVAL


def test_who_subscribed_a_repository_that_is_gone_may_end_that(ask):
    ask("wil", "subscribe acme/ledger")
    ask.host.gone.add("acme/ledger")

    for login, facts in (("wes", {}), ("wil", {"barred": "a guest"}), ("", {"runs_workspace": True})):
        assert ask(login, "unsubscribe acme/ledger", **facts).ruling is Ruling.DENIED
    assert "@wil, who subscribed it, or an admin" in ask("wes", "unsubscribe acme/ledger").text
    assert ask("wil", "unsubscribe acme/ledger").ruling is Ruling.APPLIED
    assert subscriptions_of_channel(ask.db, team="T1", channel="C1") == []


def test_an_admin_of_the_workspace_may_unsubscribe_a_repository_that_is_gone(ask):
    ask("wil", "subscribe acme/ledger")
    assert ask("rob", "unsubscribe acme/ledger", runs_workspace=True).ruling is Ruling.DENIED
    ask.host.gone.add("acme/ledger")

    assert ask("rob", "unsubscribe acme/ledger", runs_workspace=True).ruling is Ruling.APPLIED


@pytest.mark.parametrize("by_number", [True, False])
def test_who_muted_a_repository_that_is_gone_may_end_that(ask, proposed, by_number):
    incident, _ = proposed(1)
    what = f"PP-{incident}" if by_number else "acme/ledger"
    ask("tom", f"mute {what} for:3d")
    ask.host.gone.add("acme/ledger")
    ask.host.private.add("acme/ledger")

    assert ask("wil", f"unmute {what}").ruling is not Ruling.APPLIED
    assert ask("wil", f"unmute {what}", barred="a guest", runs_workspace=True).ruling is not Ruling.APPLIED
    assert ask("tom", f"mute {what} for:3d").ruling is not Ruling.APPLIED
    assert ask("tom", f"unmute {what}").ruling is Ruling.APPLIED


def test_quiet_hours_are_set_by_those_whose_repositories_come_here(ask):
    assert ask("wil", "quiet 22:00-07:00").ruling is Ruling.DENIED
    ask("wil", "subscribe acme/ledger")

    assert ask("wil", "quiet 22:00-07:00", zone="Europe/Vienna").ruling is Ruling.APPLIED
    hours = quiet_hours(ask.db, channel="C1")
    assert (str(hours.window), hours.zone, hours.author) == ("22:00-07:00", "Europe/Vienna", "wil")
    assert ask("rob", "quiet off").ruling is Ruling.DENIED
    assert ask("wil", "quiet off").ruling is Ruling.APPLIED


def test_in_the_operators_channel_those_whose_repositories_were_red_set_the_quiet_hours(ask, proposed):
    here = {"home": True}
    assert ask("wil", "quiet 22:00-07:00", at=here).ruling is Ruling.DENIED
    proposed(1)

    assert ask("rob", "quiet 22:00-07:00", at=here).ruling is Ruling.DENIED
    assert ask("wil", "quiet 22:00-07:00", at=here).ruling is Ruling.APPLIED


def test_a_form_that_was_refused_is_looked_at_again_when_it_is_sent_again(ask, proposed):
    _, approval = proposed(1)

    def send() -> Answer:
        user = HostUser(host="github", login="tom")
        actor = Actor(medium=Medium.SLACK, name="U-tom", team="T1", host_user=user)
        return ask.door.decide(
            Command(verb=Verb.APPROVE, actor=actor, approval_id=approval, key="slack:view:V1:h")
        )

    assert send().ruling is Ruling.DENIED
    RIGHTS["tom"] = Permission.WRITE
    try:
        assert send().ruling is Ruling.APPLIED
    finally:
        RIGHTS["tom"] = Permission.TRIAGE


def test_a_retry_that_comes_too_late_costs_nobody_their_share(ask, proposed):
    incident, _ = proposed(1)
    ask("wil", f"reject PP-{incident}")

    late = [ask("tom", f"retry PP-{incident}") for _ in range(5)]

    assert {answer.ruling for answer in late} == {Ruling.ALREADY}


@pytest.mark.parametrize(("hint", "said"), [("", "."), (" use py3.12", " with your hint.")])
def test_a_retry_says_whether_it_has_a_hint(ask, proposed, hint, said):
    incident, _ = proposed(1)

    assert ask("tom", f"retry PP-{incident}{hint}").text == f"PP-{incident} goes back to repair{said}"


@pytest.mark.parametrize("text", ["approve PP-{} not yet, wait for ben", "approve PP-{} is that safe?"])
def test_a_sentence_that_begins_with_approve_approves_nothing(ask, proposed, text):
    incident, _ = proposed(1)

    ask("wil", text.format(incident), way=Way.MENTION, incident=incident)

    assert snapshot(ask.db, incident).heal.state is HealState.AWAITING_APPROVAL


def test_a_channel_without_the_bot_is_told_to_invite_it(ask):
    answer = ask("wil", "subscribe acme/ledger", at={"bot_is_there": False})

    assert answer.ruling is Ruling.APPLIED
    assert "/invite" in answer.text


def test_mutes_name_their_author_and_end_by_a_word(ask, proposed):
    incident, _ = proposed(1)

    muted = ask("tom", f"mute PP-{incident} for:3d known since Monday")
    assert "by @tom: known since Monday" in muted.text
    assert "PP-" in ask("wil", "list", at={"home": True}).text
    assert ask("wil", f"unmute PP-{incident}").ruling is Ruling.APPLIED
    assert ask("wil", f"unmute PP-{incident}").ruling is Ruling.UNKNOWN
    assert ask("tom", 'mute acme/ledger test:"tests/*" for:1h').ruling is Ruling.APPLIED


def test_a_comment_means_the_pull_request_that_it_stands_on(ask, proposed):
    incident, _ = proposed(1)
    with ask.db.transaction() as session:
        session.execute(sql("UPDATE failures SET pull_request = 12"))
    there = {"repo": LEDGER, "pull_request": 12, "channel": ""}

    def comment(login, text):
        return ask(login, text, way=Way.COMMENT, at=there)

    assert "An import that nothing uses" in comment("rob", "explain").text
    assert f"PP-{incident}" in comment("rob", "status").text
    assert "An import that nothing uses" in comment("rob", "why is this red?").text
    assert comment("tom", "pause while I rebase").ruling is Ruling.APPLIED
    assert paused_by(ask.db, LEDGER, 12) == "tom"
    assert "Paused by @tom: `@patchpilot resume` lets me work here again" in comment("rob", "status").text
    assert "`@patchpilot resume` on acme/ledger#12" in ask("ada", f"status PP-{incident}").text
    assert comment("tom", "resume").ruling is Ruling.APPLIED
    assert "Paused" not in comment("rob", "status").text
    assert comment("tom", "fix keep the API").ruling is Ruling.APPLIED
    assert snapshot(ask.db, incident).heal.decisions[0].text == "keep the API"
    assert (
        "no failure of this pull request"
        in ask("tom", "fix", way=Way.COMMENT, at=there | {"pull_request": 13}).text
    )


def test_what_is_no_verb_of_a_way_is_refused_there(ask):
    answer = ask("ada", "subscribe acme/ledger", way=Way.COMMENT)

    assert answer.ruling is Ruling.UNKNOWN
    assert "can't be used in a pull request comment" in answer.text
    assert repo_rules(ask.db, LEDGER).two_person == "off"


def test_a_question_in_the_thread_is_answered_from_the_evidence(ask, proposed):
    incident, _ = proposed(1)

    told = ask("", "why did this start?", way=Way.MENTION, incident=incident)

    assert told.ruling is Ruling.ANSWERED
    assert "An import that nothing uses" in told.text
    assert "3: money.py:1:8: F401" in told.text


def test_what_went_wrong_inside_has_a_reference_and_may_be_asked_again(ask, proposed, monkeypatch):
    incident, _ = proposed(1)
    command = Asked(
        request=parse(f"reject PP-{incident}"),
        actor=Actor(medium=Medium.SLACK, name="U", host_user=HostUser(host="github", login="tom")),
        way=Way.SLASH,
        key="same",
    )
    with monkeypatch.context() as patched:

        def broken(*_: object) -> None:
            raise TemporaryError("the database does not answer.")

        patched.setattr("bot.decisions.decide", broken)
        failed = ask.door.handle(command)

    assert "reference " in failed.text
    assert ask.door.handle(command).ruling is Ruling.APPLIED
    assert ask.door.handle(command).ruling is Ruling.APPLIED
    assert len(snapshot(ask.db, incident).heal.decisions) == 1


def test_old_requests_and_deliveries_are_forgotten_after_a_week(ask):
    from storage.retention import Retention, clean_up

    ask("", "help")
    assert sum(clean_up(ask.db, Retention()).values()) == 0
    with ask.db.transaction() as session:
        session.execute(sql("UPDATE heard_requests SET at = now() - interval '8 days'"))
    assert clean_up(ask.db, Retention())["heard_requests"] == 1


@pytest.mark.parametrize(
    ("text", "may_not"),
    [
        ("settings acme/ledger two-person:two", "@rob may not change the settings on acme/ledger."),
        ("quiet 22:00-07:00", "@rob may not set this channel's quiet hours."),
    ],
)
def test_a_refusal_says_in_words_what_somebody_may_not(ask, text, may_not):
    told = ask("rob", text)

    assert told.ruling is Ruling.DENIED
    assert told.text.startswith(may_not)


def test_what_is_over_is_neither_muted_nor_looked_after(ask, proposed):
    incident, _ = proposed(1)
    with ask.db.transaction() as session:
        session.execute(sql("UPDATE heals SET state = 'resolved'"))

    for asked, what in ((f"mute PP-{incident} for:1d", "mute"), (f"take PP-{incident}", "look after")):
        told = ask("wil", asked)
        assert told.ruling is Ruling.ALREADY
        assert told.text == f"PP-{incident} is over (fixed): there is nothing to {what}."


def test_everybody_whose_mute_was_ended_is_named(ask, proposed):
    incident, _ = proposed(1)
    ask("wil", f"mute PP-{incident} for:1d staging is down")
    ask("wes", f"mute PP-{incident} for:2d")

    told = ask("ada", f"unmute PP-{incident}").text

    assert told.startswith(f"Not muted any more: PP-{incident}. ")
    assert "@wil had muted it: staging is down." in told
    assert "@wes had muted it." in told
