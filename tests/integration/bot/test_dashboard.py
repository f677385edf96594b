"""The dashboard: its page, its live feed, and decisions by who has signed in."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager

import httpx
import pytest
import redis
from playwright.sync_api import expect
from sqlalchemy import text
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.web.app import create_app
from bot.web.evidence import proven
from bot.web.live import STREAM, LiveFeed
from bot.web.throttle import PER_ADDRESS
from patchpilot.errors import TemporaryError
from patchpilot.failures import (
    BASE_COMMIT,
    Blame,
    BlameCheck,
    Category,
    CheckVerdict,
    Diagnosis,
    Location,
    LogLine,
)
from patchpilot.fixes import CommandResult, Ending, Fix, GuardFinding, Patch, Proof, ShellCommand
from patchpilot.heals import HealState
from patchpilot.source import Delivery, Permission
from patchpilot.states import STATES
from playground.serving import free_port, served
from storage.incidents import snapshot


@pytest.fixture
def sign_in(github_to_sign_in_at):
    return github_to_sign_in_at


@pytest.fixture
def feed(world, redis_url):
    with redis.Redis.from_url(redis_url) as stream:
        yield LiveFeed(world.db, stream)


@contextmanager
def followed(world, after: str = ""):
    address = world.url.replace("http", "ws", 1)
    with connect(f"{address}/api/live{'?after=' + after if after else ''}") as socket:
        assert json.loads(socket.recv(timeout=60)) == {}, "it has started"
        yield socket


def news(socket) -> dict[str, str]:
    for _ in range(6):  # an empty one comes every ten seconds
        if told := json.loads(socket.recv(timeout=60)):
            return told
    raise AssertionError("no news came")


@pytest.fixture
def client(world):
    with httpx.Client(base_url=world.url, follow_redirects=True) as made:
        yield made


def signed_in(client, login: str) -> httpx.Response:
    first = client.post("/auth/dashboard")
    state = re.search(r'name="state" value="([^"]+)"', first.text)[1]
    page = client.post("/auth/github", data={"state": state})
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return client.post(str(page.url.copy_with(query=None)), data=fields | {"login": login})


def press(client, **click: str) -> httpx.Response:
    return client.post("/api/dashboard/decisions", json=click, headers={"X-PatchPilot": "dashboard"})


def test_the_page_needs_nothing_from_elsewhere(client):
    page = client.get("/")

    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(address).status_code == 200
    assert client.get("/dashboard/nothing.js").status_code == 404


def test_the_api_is_documented_without_anything_from_elsewhere(client):
    page = client.get("/api/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert len(addresses) == 3
    assert all(address.startswith("/") and client.get(address).status_code == 200 for address in addresses)
    assert "/api/openapi.json" in page.text
    assert client.get("/api/openapi.json").json()["paths"].keys() >= {"/api/jobs", "/api/metrics/summary"}


def test_news_come_as_they_happen_and_can_be_caught_up_with(world, feed):
    with followed(world) as socket:
        incident, heal = world.fail()
        feed.tick()
        first = news(socket)
    world.propose(heal)
    feed.tick()
    with followed(world, after=first["id"]) as socket:
        second = news(socket)

    assert (first["incident"], first["job"]) == (incident, heal)
    assert second["id"] > first["id"]
    assert set(first) == {"id", "kind", "incident", "job", "at"}


def test_a_wiped_redis_costs_the_feed_its_past_and_nothing_else(world, feed, redis_url):
    world.fail()
    feed.tick()
    with redis.Redis.from_url(redis_url) as stream:
        stream.delete(STREAM)
    with followed(world) as socket:
        incident, _ = world.fail(branch="other")
        feed.tick()
        assert news(socket)["incident"] == incident


def test_another_site_s_page_may_not_listen(world):
    address = world.url.replace("http", "ws", 1)

    with pytest.raises(InvalidStatus) as refused:
        connect(f"{address}/api/live", origin="https://elsewhere.test")

    assert refused.value.response.status_code == 403


def test_states_are_named_as_everywhere(client):
    shown = client.get("/api/dashboard/states").json()

    assert shown == {state: list(named) for state, named in STATES.items()}


def test_a_fix_suggested_on_somebodys_pull_request_is_not_called_an_opened_one(world, client):
    _, heal = world.fail()
    with world.db.transaction() as session:
        session.execute(
            text("UPDATE heals SET state = :state, delivery = :delivery"),
            {"state": HealState.PR_OPEN.value, "delivery": Delivery.SUGGESTIONS.value},
        )

    (listed,) = client.get("/api/jobs").json()["jobs"]
    assert (listed["state"], listed["state_word"]) == ("pr_open", "Fix suggested")
    assert client.get(f"/api/jobs/{heal}").json()["state_word"] == "Fix suggested"


def test_who_has_signed_in_decides_on_what_the_page_showed(world, client):
    incident, heal = world.fail()
    world.propose(heal)
    shown = client.get(f"/api/jobs/{heal}").json()
    assert client.get("/api/dashboard/me").json() == {"login": None, "can_sign_in": True}
    assert press(client, job=heal, verb="approve", patch_sha256=shown["patch_sha256"]).status_code == 401

    assert signed_in(client, "ana").url == f"{world.url}/"
    stale = press(client, job=heal, verb="approve", patch_sha256="0" * 64).json()
    said = press(client, job=heal, verb="approve", patch_sha256=shown["patch_sha256"]).json()

    assert client.get("/api/dashboard/me").json()["login"] == "ana"
    assert stale["ruling"] == "outdated"
    assert said["ruling"] == "applied"
    found = snapshot(world.db, incident).heal
    assert found.state is HealState.OPENING_PR
    assert [(one.actor, one.medium) for one in found.decisions] == [("ana", "dashboard")]


def test_what_goes_wrong_on_the_way_to_sign_in_is_told_to_people(world, client, monkeypatch):
    def away(_: str) -> None:
        raise TemporaryError("Postgres does not answer <now>", retry_after=5)

    monkeypatch.setattr(world.parts.linking, "begun", away)

    page = client.get("/auth/github", params={"state": "x"})

    assert page.status_code == 503
    assert "Postgres does not answer &lt;now&gt;." in page.text
    assert 'class="card"' in page.text


@pytest.mark.parametrize(
    ("back", "leads"),
    [
        ("/#0123abcd", "/#0123abcd"),
        ("/?a=b#c", "/?a=b#c"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test/", "/"),
        ("/\r\nX: y", "/"),
        ("/" + "a" * 200, "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_back_to_where_one_was_on_this_site(client, back, leads):
    first = client.post("/auth/dashboard", data={"back": back})
    state = re.search(r'name="state" value="([^"]+)"', first.text)[1]
    page = client.post("/auth/github", data={"state": state})
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    consent = str(page.url.copy_with(query=None))
    end = client.post(consent, data=fields | {"login": "ana"}, follow_redirects=False)
    end = client.get(end.headers["location"], follow_redirects=False)

    assert (end.status_code, end.headers["location"]) == (302, leads)


def test_who_comes_to_the_sign_in_by_hand_is_told_both_ways(client):
    page = client.get("/auth/github")

    assert page.status_code == 200
    assert 'action="/auth/dashboard"' in page.text
    assert "/patchpilot link" in page.text
    assert client.get("/auth/github", params={"state": "unknown"}).status_code == 410


def test_small_pages_look_like_the_dashboard_and_run_no_script(client):
    asked = client.post("/auth/dashboard")
    pages = [
        asked,
        client.get("/auth/github"),
        client.get("/auth/github", params={"state": "unknown"}),
        client.get("/auth/github/callback"),
    ]

    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert "<script" not in page.text
        assert 'class="card"' in page.text
        for address in re.findall(r'(?:src|href)="(/[^"]*)"', page.text):
            assert client.get(address).status_code == 200


def test_a_click_is_authorised_like_any_other(world, client):
    incident, heal = world.fail()
    world.propose(heal)
    sha = client.get(f"/api/jobs/{heal}").json()["patch_sha256"]
    signed_in(client, "eva")

    said = press(client, job=heal, verb="approve", patch_sha256=sha).json()

    assert said["ruling"] == "denied"
    assert "@eva may not approve" in said["text"]
    assert snapshot(world.db, incident).heal.state is HealState.AWAITING_APPROVAL


def test_a_form_of_another_site_decides_nothing(world, client):
    _, heal = world.fail()
    world.propose(heal)
    signed_in(client, "ana")

    assert client.post("/api/dashboard/decisions", json={"job": heal, "verb": "reject"}).status_code == 403


def test_signing_out_ends_the_session_for_good(world, client):
    signed_in(client, "ana")
    session = client.cookies["patchpilot_session"]

    client.post("/auth/dashboard/out")
    client.cookies.set("patchpilot_session", session, domain="127.0.0.1")

    assert client.get("/api/dashboard/me").json()["login"] is None


def test_another_s_session_is_not_signed_in_by_a_link_that_they_sent(world, client):
    with httpx.Client(base_url=world.url) as attacker:
        address = attacker.post("/auth/dashboard").headers["location"]
        state = address.partition("state=")[2]

        first = client.get(address)
        on = client.post("/auth/github", data={"state": state})

        assert (first.status_code, on.status_code) == (200, 403)
        assert attacker.get("/api/dashboard/me").json()["login"] is None


def test_a_private_repository_s_heals_are_read_by_who_may_read_it(world, client):
    _, heal = world.fail(private=True)
    world.propose(heal)
    bearer = {"Authorization": "Bearer api-token"}

    def seen(**more) -> tuple[int, int, int]:
        listed = client.get("/api/jobs", **more).json()["jobs"]
        one, patch = (client.get(f"/api/jobs/{heal}{part}", **more).status_code for part in ("", "/patch"))
        return len(listed), one, patch

    assert seen() == (0, 404, 404)
    assert seen(headers={"Authorization": "Bearer wrong"}) == (0, 404, 404)
    assert seen(headers=bearer) == (1, 200, 200)
    signed_in(client, "eva")
    assert seen() == (0, 404, 404)
    signed_in(client, "ana")
    assert seen() == (1, 200, 200)


@pytest.mark.browser
def test_a_person_follows_signs_in_and_approves_in_a_browser(world, feed, browser):
    incident, heal = world.fail()
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "response",
        lambda one: problems.append(one.url) if one.status >= 400 and one.url.startswith(world.url) else None,
    )
    page.goto(world.url)
    page.get_by_text("live", exact=True).wait_for()
    page.get_by_role("button", name=f"PP-{incident}").click()
    page.get_by_role("heading", name=f"PP-{incident}").wait_for()

    world.propose(heal)
    feed.tick()
    page.locator("#detail").get_by_text("Needs approval").wait_for()
    assert "-import os" in page.inner_text("#detail")
    page.get_by_role("button", name="Sign in with GitHub").click()
    page.get_by_role("button", name="Go on to GitHub").click()
    page.get_by_role("button", name="Sign in as ana").click()
    # Straight back to what was being looked at.
    page.wait_for_url(f"{world.url}/#{heal}")
    page.get_by_role("button", name=f"Approve PP-{incident}").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve", exact=True).click()
    page.get_by_text("is approved").wait_for()

    assert snapshot(world.db, incident).heal.state is HealState.OPENING_PR
    assert problems == []
    page.close()


def test_signing_in_may_be_begun_only_so_often_whichever_bot_is_asked(world):
    port = free_port()
    other = f"http://127.0.0.1:{port}"
    with served(create_app(world.parts), port=port):
        for number in range(PER_ADDRESS):
            at = world.url if number % 2 else other
            assert httpx.post(f"{at}/auth/dashboard").status_code == 303

        refused = httpx.post(f"{other}/auth/dashboard")
        elsewhere = httpx.post(f"{world.url}/auth/dashboard", headers={"X-Forwarded-For": "192.0.2.7"})

    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert f"try again in {refused.headers['retry-after']} seconds" in refused.text
    assert "set-cookie" not in refused.headers
    assert elsewhere.status_code == 303
    with world.db.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM link_requests")) == PER_ADDRESS + 1


def test_many_addresses_of_one_network_are_one_and_all_together_have_a_limit(world, monkeypatch):
    monkeypatch.setattr("bot.web.throttle.IN_ALL", PER_ADDRESS + 1)

    def begin(address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return httpx.post(f"{world.url}/auth/dashboard", headers=headers).status_code

    assert {begin(f"2001:db8::{number}") for number in range(PER_ADDRESS)} == {303}
    assert begin("2001:db8::ffff:1") == 429
    assert begin("2001:db8:0:1::1") == 303
    assert begin("198.51.100.4") == 429


def test_an_old_address_written_as_a_new_one_is_still_that_one(world):
    def begin(address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return httpx.post(f"{world.url}/auth/dashboard", headers=headers).status_code

    assert {begin("::ffff:192.0.2.7") for _ in range(PER_ADDRESS)} == {303}
    assert begin("192.0.2.7") == 429
    assert begin("::ffff:198.51.100.4") == 303


def test_what_is_counted_names_nobody(world):
    httpx.post(f"{world.url}/auth/dashboard", headers={"X-Forwarded-For": "192.0.2.7"})

    with world.db.transaction() as session:
        keys = session.scalars(text("SELECT key FROM throttles")).all()
    assert len(keys) == 2
    assert not any("192" in key for key in keys)


def test_the_detail_says_who_made_a_patch_and_what_the_guard_holds_against_it(client, world):
    _, heal = world.fail()
    risk = GuardFinding(rule="lockfile-changed", path="uv.lock", line=3, message="pins move")
    world.propose(heal, findings=(risk,))

    job = client.get(f"/api/jobs/{heal}").json()

    assert (job["author"], job["made_by"]) == ("fixer:ruff", "ruff")
    [found] = job["findings"]
    assert found == {
        "rule": "lockfile-changed",
        "path": "uv.lock",
        "line": 3,
        "message": "pins move",
        "to_override": True,
    }


@pytest.fixture
def opened(browser, client, world):
    """The dashboard as Ana sees it, signed in."""
    signed_in(client, "ana")
    context = browser.new_context()
    context.add_cookies(
        [{"name": one.name, "value": one.value, "url": world.url} for one in client.cookies.jar]
    )
    page = context.new_page()
    page.set_default_timeout(45_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
    page.goto(world.url)
    yield page
    context.close()
    assert problems == []


@pytest.mark.browser
def test_news_of_others_take_nothing_from_who_writes_a_hint(opened, world, feed):
    page = opened
    _, heal = world.fail()
    world.propose(heal)
    feed.tick()
    page.get_by_role("button", name="PP-1", exact=True).click()
    page.get_by_text("Log", exact=True).click()
    page.get_by_role("button", name="Retry PP-1").click()
    hint = page.get_by_role("dialog").get_by_label("Hint for the next attempt")
    expect(page.get_by_role("dialog")).to_contain_text("they can't read a hint")
    expect(hint).to_be_focused()
    page.keyboard.type("compare with")

    world.fail(branch="other")
    feed.tick()
    page.locator("#jobs").get_by_text("PP-2", exact=True).wait_for()
    page.keyboard.type(" >=")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("goes back to repair with your hint").wait_for()

    assert page.locator("#detail details").first.evaluate("one => one.open")
    [decision] = snapshot(world.db, 1).heal.decisions
    assert (decision.verb, decision.text) == ("retry", "compare with >=")


@pytest.mark.browser
def test_an_approval_is_asked_about_by_patch_and_repository_and_by_keyboard(opened, world, feed):
    page = opened
    risk = GuardFinding(rule="lockfile-changed", path="uv.lock", line=3, message="pins move")
    _, heal = world.fail()
    world.propose(heal, findings=(risk,))
    feed.tick()
    page.get_by_role("button", name="PP-1", exact=True).click()
    approve = page.get_by_role("button", name="Approve PP-1")

    approve.focus()
    page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Approve PP-1")
    expect(question).to_contain_text("Open a draft pull request on acme/ledger")
    expect(question).to_contain_text(snapshot(world.db, 1).heal.fix.patch.sha256[:12])
    expect(question).to_contain_text("has found a risk. With your approval you override it.")
    expect(question).to_contain_text("lockfile-changed")
    # Enter pressed twice decides nothing.
    page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    expect(approve).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)

    assert snapshot(world.db, 1).heal.state is HealState.AWAITING_APPROVAL


@pytest.mark.browser
@pytest.mark.parametrize(
    ("verb", "label", "state"),
    [
        ("Reject", "Why? (optional)", HealState.REJECTED),
        ("Escalate", "What they should know (optional)", HealState.ESCALATED),
    ],
)
def test_giving_up_a_patch_asks_first_and_takes_a_note(opened, world, feed, verb, label, state):
    page = opened
    _, heal = world.fail()
    world.propose(heal)
    feed.tick()
    page.get_by_role("button", name="PP-1", exact=True).click()
    page.get_by_role("button", name=f"{verb} PP-1").click()
    form = page.get_by_role("dialog")
    assert snapshot(world.db, 1).heal.state is HealState.AWAITING_APPROVAL
    form.get_by_label(label).fill("the tool is wrong")
    form.get_by_role("button", name=verb, exact=True).click()
    expect(form).to_have_count(0)

    found = snapshot(world.db, 1).heal
    assert (found.state, found.decisions[0].text) == (state, "the tool is wrong")


@pytest.mark.browser
def test_a_form_that_is_refused_stays_with_what_was_typed(opened, world, feed):
    page = opened
    _, heal = world.fail()
    world.propose(heal)
    feed.tick()
    page.get_by_role("button", name="PP-1", exact=True).click()
    page.get_by_role("button", name="Reject PP-1").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Why? (optional)").fill("wrong file")
    world.permissions.of["ana"] = Permission.READ
    form.get_by_role("button", name="Reject", exact=True).click()

    expect(form.get_by_role("alert")).to_contain_text("@ana may not reject")
    expect(form.get_by_label("Why? (optional)")).to_have_value("wrong file")
    assert snapshot(world.db, 1).heal.state is HealState.AWAITING_APPROVAL


CAUSE = Diagnosis(
    category=Category.LINT,
    blame=Blame.CHANGE,
    root_cause="F401 unused import.",
    explanation="The commit took away what used it.",
    disproof="Without the line ruff still complains.",
    evidence=(LogLine(3, "money.py:1:8: F401"),),
    suspect_files=(Location("money.py", 1),),
    author="claude-test",
    checks=(BlameCheck(name=BASE_COMMIT, verdict=CheckVerdict.GREEN, detail="green there"),),
    notes=("The log was cut.",),
)


def test_the_detail_has_the_evidence_that_the_thread_has(client, world):
    _, heal = world.fail()
    world.propose(heal, diagnosis=CAUSE)
    signed_in(client, "ana")
    press(client, job=heal, verb="retry", text="keep it")
    world.propose(heal)

    job = client.get(f"/api/jobs/{heal}").json()

    why, proof = job["why"], job["proof"]
    assert (why["category"], why["blame"], why["author"]) == ("lint", "this change", "claude-test")
    assert (why["explanation"], why["disproof"]) == (CAUSE.explanation, CAUSE.disproof)
    assert why["evidence"] == [{"number": 3, "text": "money.py:1:8: F401"}]
    assert why["suspect_files"] == ["money.py:1"]
    assert why["suspect_commit"] == {"sha": f"{1:040x}", "author": "ana", "subject": "Round at the end"}
    assert why["checks"] == [{"name": "base commit", "verdict": "green", "detail": "green there"}]
    assert why["notes"] == ["The log was cut."]
    assert (proof["command"], proof["before"]["verdict"]) == ("ruff check .", "red (exit 1)")
    assert [run["verdict"] for run in proof["after"]] == ["green", "green"]
    assert job["facts"] == [{"text": "reproduced in the sandbox", "worth": 0.5}]
    assert [(one["by"], one["text"]) for one in job["decisions"]] == [("@ana", "keep it")]


def test_what_a_command_printed_is_shown_without_its_secrets():
    token = "ghp_" + "a1B2" * 9
    command = ShellCommand(script="ruff check .")

    def ran(output: str) -> CommandResult:
        return CommandResult(
            command=command, ending=Ending.EXITED, exit_code=1, output=output, seconds=1, engine="docker"
        )

    fix = Fix(patch=Patch(""), author="a", summary="s", proof=Proof(before=ran(f"token={token} is wrong")))

    shown = proven(fix)

    assert "is wrong" in shown.before.output
    assert token not in shown.model_dump_json()


def test_open_counts_what_the_list_shows_as_open_to_who_looks(client, world):
    world.fail()
    world.fail(branch="other")
    world.succeed(branch="other")
    _, hidden = world.fail(branch="secret", private=True)
    world.propose(hidden)

    def seen() -> tuple[int, int, int]:
        figures = client.get("/api/dashboard/figures").json()
        listed = client.get("/api/jobs").json()["jobs"]
        alone = client.get("/api/jobs", params={"open": True}).json()["jobs"]
        assert [job["id"] for job in alone] == [job["id"] for job in listed if job["open"]]
        return figures["open"], figures["waiting"], len(alone)

    assert seen() == (1, 0, 1)
    signed_in(client, "ana")
    assert seen() == (2, 1, 2)


@pytest.mark.browser
def test_what_is_shown_has_an_address_and_says_nothing_twice(opened, world, feed):
    page = opened
    _, first = world.fail()
    world.propose(first, diagnosis=CAUSE)
    _, second = world.fail(branch="other")
    world.succeed(branch="gone")
    world.fail(branch="gone")
    world.succeed(branch="gone")
    feed.tick()
    detail = page.locator("#detail")
    expect(page.locator("#over")).to_contain_text("PP-3")
    expect(page.locator("#open tr:not(.group)")).to_have_count(2)
    expect(page.locator("#figures div").first).to_have_text("open2")
    expect(page.locator("#open")).to_contain_text("F401 unused import")

    page.get_by_role("button", name="PP-1", exact=True).click()
    expect(page).to_have_url(f"{world.url}/#{first}")
    expect(detail).to_contain_text(CAUSE.explanation)
    expect(detail.get_by_text("F401 unused import")).to_have_count(1)
    for told in (
        "this change",
        "0000000 by ana",
        "money.py:1",
        "red (exit 1)",
        "green in 2 of 2 runs",
        "reproduced in the sandbox",
        "Confidence · 90 %",
        "cost $0.00",
    ):
        expect(detail).to_contain_text(told)
    page.get_by_role("button", name="PP-2", exact=True).click()
    expect(page).to_have_url(f"{world.url}/#{second}")
    page.reload()
    expect(detail.get_by_role("heading", level=2)).to_contain_text("PP-2")
    page.go_back()
    expect(detail.get_by_role("heading", level=2)).to_contain_text("PP-1")
    page.go_back()
    expect(detail).to_contain_text("Choose a heal")


@pytest.mark.browser
def test_on_a_phone_nothing_runs_off_the_screen(opened, world, feed):
    page = opened
    page.set_viewport_size({"width": 420, "height": 860})
    _, heal = world.fail(branch="feature/a-branch-whose-name-is-longer-than-the-screen-is-wide-by-far")
    world.propose(heal, diagnosis=CAUSE)
    feed.tick()
    page.get_by_role("button", name="PP-1", exact=True).click()
    page.get_by_role("button", name="Approve PP-1").wait_for()

    # The page draws anew while news come in, and lays itself out after its size has changed.
    wide = """(part) => document.querySelector("#open .cause")?.getBoundingClientRect().width
        > document.querySelector("#open tr:last-child")?.getBoundingClientRect().width * part"""
    page.wait_for_function("document.documentElement.scrollWidth === 420")
    page.wait_for_function(wide, arg=0.9)
    page.set_viewport_size({"width": 1360, "height": 3000})
    # Beside the detail the cause is not squeezed into a column.
    page.wait_for_function(wide, arg=0.7)
    page.wait_for_function("document.querySelector('#detail').getBoundingClientRect().bottom === 3000")
