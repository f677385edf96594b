"""What people see of a storm."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.slack import storm_views, views
from bot.slack.blocks import TEXT_CHARACTERS
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentId, StormId, StormKind, StormMember, StormSnapshot
from patchpilot.source import Repo
from playground.slack.blocks import message_problems

S = HealState


def storm(*states: HealState, kind: StormKind = StormKind.SAME_FAILURE, **changes: object) -> StormSnapshot:
    members = tuple(
        StormMember(
            incident=IncidentId(number),
            repo=Repo("github", f"acme/r{number}"),
            branch="main",
            title="F401 unused import",
            state=state,
            url=f"https://github.test/acme/r{number}/actions/runs/1",
        )
        for number, state in enumerate(states, start=1)
    )
    made = StormSnapshot(
        id=StormId(3),
        kind=kind,
        title="F401 unused import",
        opened_at=datetime(2026, 3, 2, 9, 12, tzinfo=UTC),
        members=members,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def shown(made: StormSnapshot) -> str:
    message = storm_views.storm_card(made)
    assert len(message.text) <= TEXT_CHARACTERS
    assert not message_problems(list(message.blocks))
    return json.dumps(message.blocks, ensure_ascii=False)


def test_the_card_says_what_and_in_how_many_places_and_links_each():
    card = shown(storm(S.QUEUED, S.AWAITING_APPROVAL, S.AWAITING_APPROVAL))

    assert "CI storm · same failure in 3 places" in card
    assert "F401 unused import" in card
    assert "🔴 1 New · 🟡 2 Needs approval" in card
    assert "<https://github.test/acme/r2/actions/runs/1|PP-2> · acme/r2 · main · 🟡 Needs approval" in card
    assert "S-3" in card


def test_those_that_wait_for_people_are_listed_first_and_the_rest_counted():
    made = storm(*[S.RECOVERED] * 8, *[S.DIAGNOSING] * 4, S.ESCALATED)

    card = shown(made)

    assert card.index("PP-13") < card.index("PP-9") < card.index("PP-1>")
    assert "and 3 more" in card


def test_a_storm_is_over_when_all_its_incidents_are():
    assert "CI storm over" not in shown(storm(S.RECOVERED, S.ESCALATED))

    card = shown(storm(S.RECOVERED, S.RESOLVED))

    assert "CI storm over · same failure in 2 places" in card
    assert "All over" in card


@pytest.mark.parametrize("kind", list(StormKind))
def test_only_the_same_failure_is_called_the_same(kind):
    card = shown(storm(*[S.QUEUED] * 5, kind=kind))

    assert ("same failure" in card) == (kind is StormKind.SAME_FAILURE)


def test_a_storm_of_hostile_names_stays_within_slacks_limits():
    bad = "<!channel> *x* `y` <https://evil.test|click> " + "z" * 5_000
    made = storm(*[S.QUEUED] * 40, title=bad)
    members = tuple(
        replace(member, branch=bad, title=bad, url="https://a.test/" + "&" * 290) for member in made.members
    )

    for kind in StormKind:
        card = shown(replace(made, members=members, kind=kind))
        assert "<!channel>" not in card
        assert "<https://evil.test" not in card


def test_a_message_under_a_storm_says_whose_it_is(incident):
    for item in views.thread(incident):
        message = storm_views.within_storm(incident, item.message)

        assert message.text.startswith("PP-12")
        assert "PP-12" in json.dumps(message.blocks[0])
        assert not message_problems(list(message.blocks))


def test_a_card_of_its_own_names_the_storm(incident):
    assert "S-3" not in json.dumps(views.card(incident).blocks)
    assert "storm S-3" in json.dumps(views.card(replace(incident, storm=StormId(3))).blocks)


def test_a_storm_says_where_its_steps_are():
    made = storm(S.AWAITING_APPROVAL, S.REPAIRING)
    elsewhere = storm_views.storm_card(made, threads=False)

    assert "are in the thread, each with its PP number" in shown(made)
    assert "are in the thread of each one's own card" in str(elsewhere.blocks)
    assert "F401 unused import. 🛠️ 1 Repairing · 🟡 1 Needs approval. PP-1" in elsewhere.text
