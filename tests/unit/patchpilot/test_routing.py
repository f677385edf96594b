"""Where incidents are told."""

from __future__ import annotations

import pytest

from patchpilot.grammar import Level
from patchpilot.heals import HealState
from patchpilot.routing import Destination, Fallback, RepoRules, Subscription, is_told, route

HOME = Fallback(channel="#ci")


def wants(channel: str = "C1", repo: str = "acme/widget", **more) -> Subscription:
    return Subscription(team="T1", channel=channel, host="github", repo=repo, **({"private": False} | more))


def channels(found: tuple[Destination, ...]) -> list[str]:
    return [place.channel for place in found]


def test_what_nobody_subscribed_to_goes_to_the_operators_channel(incident):
    assert channels(route(incident(), [], fallback=HOME)) == ["#ci"]
    assert channels(route(incident(), [wants(repo="acme/other")], fallback=HOME)) == ["#ci"]


def test_the_most_particular_kind_of_rule_decides(incident):
    rules = [
        wants("C-owner", "acme/*"),
        wants("C-repo"),
        wants("C-workflow", workflow="CI"),
        wants("C-test", test="tests/e2e/*"),
    ]
    for gone, expected in [
        (4, "C-test"),
        (3, "C-workflow"),
        (2, "C-repo"),
        (1, "C-owner"),
        (0, "#ci"),
    ]:
        found = route(incident(tests=("tests/e2e/test_a",)), rules[:gone], fallback=HOME)
        assert channels(found) == [expected]


def test_all_of_the_deciding_kind_are_told_once_per_channel_at_the_fullest_level(incident):
    found = route(
        incident(),
        [wants("C1", level=Level.APPROVAL), wants("C2"), wants("C1", level=Level.DIAGNOSED)],
        fallback=HOME,
    )

    assert found == (
        Destination(channel="C1", team="T1", level=Level.DIAGNOSED),
        Destination(channel="C2", team="T1"),
    )


@pytest.mark.parametrize(
    ("rule", "facts", "told"),
    [
        ({}, {}, True),
        ({}, {"branch": "topic"}, False),
        ({}, {"branch": "topic", "pull_request": 3}, False),
        ({"branches": ("topic",)}, {"branch": "topic", "pull_request": 3}, True),
        ({"branches": ("rel/*",)}, {"branch": "rel/1.2"}, True),
        ({"branches": ("rel/*",)}, {}, False),
        ({"branches": ("*",)}, {"branch": "pull/3/main", "pull_request": 3}, True),
        ({"workflow": "ci"}, {"workflow": "CI"}, True),
        ({"workflow": "Nightly*"}, {"workflow": "Nightly build"}, True),
        ({"repo": "Acme/Widget"}, {}, True),
        ({"repo": "acme/*"}, {"repo": "acme/widget"}, True),
        ({"private": True}, {"private": True}, True),
        ({"repo": "acme/*", "private": True}, {"repo": "acme/widget"}, True),
    ],
)
def test_a_subscription_tells_what_it_names(incident, rule, facts, told):
    assert bool(channels(route(incident(**facts), [wants(**rule)], fallback=HOME)) == ["C1"]) is told


@pytest.mark.parametrize(
    ("rule", "public", "told"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"private": True}, False, True),
        # Whoever subscribed to all of an owner's repositories need not see the private ones.
        ({"repo": "acme/*", "private": True}, False, False),
        ({"repo": "acme/*", "private": True}, True, True),
    ],
)
def test_a_private_repository_stays_among_those_who_may_see_it(incident, rule, public, told):
    found = route(incident(private=True), [wants(**rule)], fallback=HOME, rules=RepoRules(public=public))

    assert ("C1" in channels(found)) is told


def test_pull_requests_and_other_branches_stay_out_of_the_operators_channel_unless_it_names_them(incident):
    topic = incident(branch="topic", pull_request=3)

    assert route(topic, [], fallback=HOME) == ()
    assert channels(route(topic, [], fallback=Fallback(channel="#ci", branches=("*",)))) == ["#ci"]


@pytest.mark.parametrize(
    ("level", "facts", "told"),
    [
        (Level.ALL, {"state": HealState.QUEUED}, True),
        (Level.DIAGNOSED, {"state": HealState.DIAGNOSING}, False),
        (Level.DIAGNOSED, {"diagnosed": True}, True),
        (Level.APPROVAL, {"diagnosed": True}, False),
        (Level.APPROVAL, {"state": HealState.AWAITING_APPROVAL, "approval_id": "a"}, True),
        (Level.APPROVAL, {"state": HealState.ESCALATED}, True),
    ],
)
def test_a_level_decides_when_a_channel_hears_of_it(incident, level, facts, told):
    assert is_told(incident(**facts), level) is told
