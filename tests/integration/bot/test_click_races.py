"""Several people decide at once: whatever they choose, one decision is taken and the others are told whose.

``CLICK_RACES=500`` runs as many as the promise names; a few are enough to notice a lost lock.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from bot.authority import Authority
from bot.door import Door
from bot.linking import Linking
from patchpilot.commands import Actor, Command, Medium, Ruling, Verb
from patchpilot.metrics import Metrics
from patchpilot.source import HostUser, Permission
from storage.database import Database
from storage.incidents import snapshot

RACES = int(os.environ.get("CLICK_RACES", "40"))
PEOPLE = ("ana", "ben", "cleo", "dan", "eva")
ANSWERS = (Verb.APPROVE, Verb.REJECT, Verb.RETRY, Verb.ESCALATE)
WHERE_MOVED = (*ANSWERS, Verb.RETEST)
"""Half of the proposals are outdated: nobody can approve those, and testing them anew is one more answer."""
AGREED = tuple(Verb)
"""In as many races at first all give the same answer, so that each is taken at least once."""


class Everybody:
    def permission(self, repo, user) -> Permission:
        return Permission.WRITE

    def is_private(self, repo) -> bool:
        return False


@pytest.fixture
def door(wide_database: Database) -> Door:
    linking = Linking(wide_database, None, public_url="http://bot.test")
    return Door(
        wide_database,
        Authority(Everybody()),
        Metrics(),
        linking=linking,
        runs=None,
        daily=1_000_000,
    )


@pytest.fixture
def wide_database(database_url: str):
    database = Database(database_url, pool_size=8)
    yield database
    database.close()


def test_of_many_clicks_at_once_one_decides(door, wide_database, proposed):
    chance = random.Random(142)
    shapes: Counter[int] = Counter()
    decided: Counter[str] = Counter()
    with ThreadPoolExecutor(5) as pool:
        for race in range(RACES):
            moved = AGREED[race] is Verb.RETEST if race < len(AGREED) else chance.random() < 1 / 2
            incident, approval = proposed(race, moved=moved)
            people = chance.sample(PEOPLE, chance.randint(2, 5))
            verbs = [chance.choice(WHERE_MOVED if moved else ANSWERS) for _ in people]
            if race < len(AGREED):
                # An approval has most to look up, so it could lose every race to another answer.
                verbs = [AGREED[race]] * len(people)
            shapes[len(people)] += 1
            together = Barrier(len(people))

            def click(who: str, verb: Verb, *, race=race, approval=approval, together=together):
                together.wait(timeout=90)
                return door.decide(
                    Command(
                        verb=verb,
                        actor=Actor(
                            medium=Medium.SLACK, name=who, host_user=HostUser(host="github", login=who)
                        ),
                        approval_id=approval,
                        key=f"{race}:{who}",
                    )
                )

            answers = list(pool.map(click, people, verbs))

            taken = snapshot(wide_database, incident).heal.decisions
            applied = [
                (who, verb)
                for who, verb, answer in zip(people, verbs, answers, strict=True)
                if answer.ruling is Ruling.APPLIED
            ]
            assert applied == [(one.actor, one.verb) for one in taken], (race, answers)
            deciding = [verb for verb in verbs if not (moved and verb is Verb.APPROVE)]
            assert len(taken) == min(1, len(deciding)), (race, taken)
            decided += Counter(one.verb for one in taken)
            for verb, answer in zip(verbs, answers, strict=True):
                if moved and verb is Verb.APPROVE and answer.ruling is Ruling.OUTDATED:
                    assert answer.text.startswith("Outdated: ")
                elif answer.ruling is not Ruling.APPLIED:
                    assert answer.ruling is Ruling.ALREADY, answer
                    assert f"@{taken[0].actor}" in answer.text
    assert len(shapes) > 1
    assert set(decided) == set(Verb)


def test_the_same_click_delivered_many_times_is_one_decision_and_one_answer(door, wide_database, proposed):
    incident, approval = proposed(0)
    command = Command(
        verb=Verb.REJECT,
        actor=Actor(medium=Medium.SLACK, name="ana", host_user=HostUser(host="github", login="ana")),
        approval_id=approval,
        key="slack:press:1",
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: door.decide(command), range(8)))

    assert {answer.ruling for answer in answers} <= {Ruling.APPLIED, Ruling.REPEATED}
    assert door.decide(command).ruling is Ruling.APPLIED
    assert len(snapshot(wide_database, incident).heal.decisions) == 1
