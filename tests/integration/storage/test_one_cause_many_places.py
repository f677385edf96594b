"""Storms in storage: who belongs to one, whoever comes first."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import text

from patchpilot.events import Cursor, EventKind
from patchpilot.failures import Category, DistilledFailure, RunFinished
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import StormKind
from patchpilot.source import Repo, RunRef, Sha
from storage import events
from storage.budget import BudgetLimits
from storage.database import Database
from storage.heals import escalate, take_heal
from storage.incidents import snapshot
from storage.intake import record_failure, record_success
from storage.storms import StormRule, burst_before, open_storms, read_storm

LIMITS = BudgetLimits(
    heal_max_dollars=Decimal(1),
    heal_max_tokens=10,
    repo_day_max_dollars=Decimal(1),
    repo_day_max_tokens=100_000,
)
USUAL = StormRule()


class Yard:
    """Many repositories that fail."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.runs = 0

    def run(
        self,
        repo: str,
        *,
        branch: str = "main",
        workflow: str = "CI",
        commit: str = "",
        succeeded: bool = False,
    ) -> RunFinished:
        self.runs += 1
        return RunFinished(
            delivery_id=f"d{self.runs}",
            run=RunRef(
                provider="github_actions",
                repo=Repo("github", f"acme/{repo}"),
                run_id=str(self.runs),
                url=f"https://github.test/acme/{repo}/actions/runs/{self.runs}",
            ),
            workflow=workflow,
            branch=branch,
            head_sha=Sha(commit or f"{self.runs:040x}"),
            succeeded=succeeded,
        )

    def red(self, repo: str, **facts: str) -> HealId:
        heal = record_failure(self.db, self.run(repo, **facts)).heal
        assert heal is not None
        return heal

    def read(
        self,
        heal: HealId,
        fingerprint: str = "same",
        *,
        category: Category = Category.TEST,
        rule: StormRule = USUAL,
    ) -> int:
        """What the worker does with the log; the number of the incident that it belongs to then."""
        journal = take_heal(self.db, heal, owner="w", seconds=60, budget=LIMITS, storms=rule)
        assert journal is not None
        journal.move(HealState.INGESTING)
        settled = journal.settle(
            DistilledFailure(
                text="", category=category, fingerprint=fingerprint, cause=f"E   no module {fingerprint}"
            )
        )
        if settled.joined is not None:
            return settled.joined
        journal.move(HealState.DIAGNOSING)
        journal.release()
        with self.db.transaction() as session:
            return int(
                session.scalar(text("SELECT incident_id FROM heals WHERE id = :id"), {"id": heal}) or 0
            )

    def fail(self, repo: str, fingerprint: str = "same", **facts: object) -> int:
        where = {name: facts.pop(name) for name in ("branch", "workflow", "commit") if name in facts}
        return self.read(self.red(repo, **where), fingerprint, **facts)  # type: ignore[arg-type]

    def storm(self, incident: int) -> int | None:
        found = snapshot(self.db, incident)
        assert found is not None
        return found.storm

    def storms(self, incidents: list[int]) -> set[int | None]:
        return {self.storm(incident) for incident in incidents}

    def earlier(self, incident: int, minutes: int) -> None:
        """Let an incident have begun that much earlier."""
        with self.db.transaction() as session:
            session.execute(
                text(
                    "UPDATE incidents SET first_seen = first_seen - make_interval(mins => :m) WHERE id = :i"
                ),
                {"m": minutes, "i": incident},
            )


@pytest.fixture
def yard(database: Database) -> Yard:
    return Yard(database)


def test_the_third_place_with_one_failure_makes_a_storm_of_all_three(yard: Yard) -> None:
    first, second = yard.fail("a"), yard.fail("b")
    assert yard.storms([first, second]) == {None}

    third = yard.fail("b", branch="next")

    number = yard.storm(third)
    assert number is not None
    assert yard.storms([first, second, third]) == {number}
    storm = read_storm(yard.db, number)
    assert storm is not None
    assert storm.kind is StormKind.SAME_FAILURE
    assert storm.title == "E no module same"
    assert [member.incident for member in storm.members] == [first, second, third]
    assert storm.places == 3
    assert storm.members[0].url.startswith("https://github.test/acme/a/")


def test_every_member_has_an_event_so_that_its_card_is_looked_at_again(yard: Yard) -> None:
    members = [yard.fail(repo) for repo in "abcd"]

    told = [event for _, event in events.read(yard.db, Cursor(), limit=1000)]

    joined = [event.incident for event in told if event.kind is EventKind.STORM_JOINED]
    assert sorted(joined) == sorted(members)


def test_repeats_in_one_place_are_no_storm(yard: Yard) -> None:
    incidents = [yard.fail("a") for _ in range(4)]

    assert len(set(incidents)) == 1
    assert yard.storms(incidents) == {None}


def test_what_is_further_apart_is_no_storm(yard: Yard) -> None:
    early = [yard.fail("a"), yard.fail("b")]
    for incident in early:
        yard.earlier(incident, 11)

    assert yard.storms([*early, yard.fail("c")]) == {None}


def test_other_failures_stay_out_of_a_storm(yard: Yard) -> None:
    members = [yard.fail(repo) for repo in "abc"]

    other = yard.fail("d", "another")

    assert None not in yard.storms(members)
    assert yard.storm(other) is None


def test_an_open_storm_takes_in_the_same_failure_for_hours_but_not_for_ever(yard: Yard) -> None:
    members = [yard.fail(repo) for repo in "abc"]
    for incident in members:
        yard.earlier(incident, 5 * 60)
    late = yard.fail("d")
    assert yard.storm(late) == yard.storm(members[0])

    for incident in [*members, late]:
        yard.earlier(incident, 7 * 60)
    assert yard.storm(yard.fail("e")) is None


def test_an_unread_failure_may_join_a_storm_that_is_open_and_not_long_ago(yard: Yard) -> None:
    members = [yard.fail(repo) for repo in "abc"]
    storm = yard.storm(members[0])
    yard.red("d")
    for incident in members:
        yard.earlier(incident, 5 * 60)
    assert open_storms(yard.db, 4) == [storm]

    for incident in members:
        yard.earlier(incident, 2 * 60)
    assert open_storms(yard.db, 4) == []


def test_nobody_joins_a_storm_that_is_over(yard: Yard) -> None:
    for repo in "abc":
        yard.fail(repo)
    yard.red("d")
    record_success(yard.db, yard.run("a", succeeded=True))
    assert len(open_storms(yard.db, 4)) == 1

    for repo in "bc":
        record_success(yard.db, yard.run(repo, succeeded=True))

    assert open_storms(yard.db, 4) == []


def test_once_all_are_over_a_storm_is_over_and_takes_in_nobody(yard: Yard) -> None:
    members = [yard.fail(repo) for repo in "abc"]
    for repo in "abc":
        record_success(yard.db, yard.run(repo, succeeded=True))

    number = yard.storm(members[0])
    assert number is not None
    storm = read_storm(yard.db, number)
    assert storm is not None
    assert storm.over
    assert yard.storm(yard.fail("d")) is None


def test_five_different_failures_of_one_commit_are_a_storm(yard: Yard) -> None:
    four = [yard.fail("a", f"f{number}", workflow=f"w{number}", commit="c" * 40) for number in range(4)]
    assert yard.storms(four) == {None}
    assert yard.storm(yard.fail("a", "f6", workflow="w6", branch="topic")) is None

    number = yard.storm(yard.fail("a", "f5", workflow="w5", commit="c" * 40))

    assert number is not None
    assert yard.storms(four) == {number}
    storm = read_storm(yard.db, number)
    assert storm is not None
    assert (storm.kind, storm.places) == (StormKind.REPOSITORY, 1)


def test_failures_of_one_repository_from_different_commits_are_no_storm(yard: Yard) -> None:
    incidents = [yard.fail("a", f"f{number}", branch=f"topic-{number}") for number in range(6)]

    assert yard.storms(incidents) == {None}


def test_five_infrastructure_failures_of_whatever_kind_are_a_storm(yard: Yard) -> None:
    members = [yard.fail(f"r{n}", f"net{n}", category=Category.INFRASTRUCTURE) for n in range(5)]
    tests = yard.fail("r9", "t")

    (number,) = yard.storms(members)
    assert number is not None
    assert yard.storm(tests) is None
    storm = read_storm(yard.db, number)
    assert storm is not None
    assert storm.kind is StormKind.INFRASTRUCTURE


def test_five_logs_that_nobody_could_read_are_a_storm_but_three_are_not(yard: Yard) -> None:
    heals = [yard.red(f"r{number}") for number in range(5)]
    for heal in heals[:4]:
        escalate(yard.db, heal, reason="the provider does not answer")
    assert yard.storms([1, 2, 3, 4]) == {None}

    escalate(yard.db, heals[4], reason="the provider does not answer")

    assert len(yard.storms([1, 2, 3, 4, 5]) - {None}) == 1


def test_storms_can_be_turned_off(yard: Yard) -> None:
    off = StormRule(places=0)
    incidents = [
        yard.fail(repo, rule=off, category=Category.INFRASTRUCTURE, branch=branch)
        for repo in "abc"
        for branch in ("x", "y")
    ]

    assert yard.storms(incidents) == {None}


def test_twelve_repositories_read_by_six_workers_at_once_are_one_storm(yard: Yard) -> None:
    heals = [yard.red(f"r{number}") for number in range(12)]

    with ThreadPoolExecutor(6) as pool:
        incidents = list(pool.map(yard.read, heals))

    assert len(set(incidents)) == 12
    (number,) = yard.storms(incidents)
    assert number is not None
    storm = read_storm(yard.db, number)
    assert storm is not None
    assert {member.incident for member in storm.members} == set(incidents)
    with yard.db.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM storms")) == 1


def test_several_storms_at_once_keep_to_their_own(yard: Yard) -> None:
    heals = [(yard.red(f"r{number}"), f"f{number % 3}") for number in range(24)]

    with ThreadPoolExecutor(6) as pool:
        incidents = list(pool.map(lambda pair: yard.read(*pair), heals))

    by_cause = [yard.storms(incidents[cause::3]) for cause in range(3)]
    assert all(len(found) == 1 and None not in found for found in by_cause)
    assert len(set.union(*by_cause)) == 3


def test_how_many_came_shortly_before_is_known_before_any_log_is_read(yard: Yard) -> None:
    heals = [yard.red(repo) for repo in "abcd"]

    assert burst_before(yard.db, 4, seconds=60).others == 3
    assert burst_before(yard.db, 1, seconds=60).others == 0
    yard.read(heals[0])
    yard.earlier(2, 5)
    assert burst_before(yard.db, 4, seconds=60).others == 2, (
        "a read one came all the same, an old one did not"
    )
    assert 300 <= burst_before(yard.db, 2, seconds=60).age < 400
