"""The HTTP application: probes, webhooks, REST API and metrics."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from patchpilot.heals import HealState
from storage.incidents import snapshot

SECRET = b"webhook-secret"


def signed(body: bytes, *, delivery: str = "d-1", event: str = "workflow_run") -> dict[str, str]:
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest(),
        "Content-Type": "application/json",
    }


@pytest.fixture
def api(world):
    with httpx.Client(base_url=world.url, timeout=60) as client:
        yield client


def decide(api, job: str, **changes) -> httpx.Response:
    request = {"verb": "approve", "login": "ana", "patch_sha256": ""} | changes
    return api.post(f"/api/jobs/{job}/decisions", json=request, headers={"Authorization": "Bearer api-token"})


def test_health_and_readiness_name_each_dependency(api):
    assert api.get("/health").json()["status"] == "ok"

    ready = api.get("/ready").json()

    assert ready["ready"]
    assert set(ready["checks"]) == {"postgres", "schema", "redis", "slack"}


def test_a_redis_that_is_away_is_named_and_webhooks_go_on(world, api):
    from jobs.queues import Queues, connect

    world.parts.queues.__dict__.update(Queues(connect("redis://127.0.0.1:1/0")).__dict__)

    answer = api.get("/ready")

    assert answer.status_code == 200
    assert not answer.json()["ready"]
    assert "REDIS_URL" in answer.json()["checks"]["redis"]["detail"]


def test_the_documentation_lists_the_api(api):
    assert api.get("/api/docs").status_code == 200
    paths = api.get("/api/openapi.json").json()["paths"]
    assert {"/health", "/ready", "/api/jobs", "/api/jobs/{job_id}", "/metrics/prometheus"} <= set(paths)
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    # Pages for people, and what only those call.
    own = ("/auth/", "/dashboard/", "/api/dashboard/", "/favicon.ico")
    calls = [path for path in paths if path != "/" and not path.startswith(own)]
    assert [path for path in calls if f" {path}`" not in page] == []


def test_a_signed_failure_is_accepted_once(world, api):
    samples = Path(__file__).parents[2] / "samples" / "github"
    body = next(
        path
        for path in sorted(samples.rglob("*.json"))
        if "workflow_run" in path.name and "fail" in path.name
    ).read_bytes()

    first = api.post("/api/webhooks/github", content=body, headers=signed(body))
    again = api.post("/api/webhooks/github", content=body, headers=signed(body))

    assert (first.status_code, first.json()["answer"]) == (202, "accepted")
    assert (again.status_code, again.json()["answer"]) == (200, "duplicate")
    assert len(api.get("/api/jobs", headers={"Authorization": "Bearer api-token"}).json()["jobs"]) == 1


def test_what_asks_nothing_of_us_is_answered_with_2xx(api):
    body = json.dumps({"zen": "Design for failure."}).encode()

    assert (
        api.post("/api/webhooks/github", content=body, headers=signed(body, event="ping")).status_code == 202
    )


@pytest.mark.parametrize(
    "change", [{"X-Hub-Signature-256": "sha256=" + "0" * 64}, {"X-Hub-Signature-256": ""}]
)
def test_a_forged_delivery_is_a_401(api, change):
    assert api.post("/api/webhooks/github", content=b"{}", headers=signed(b"{}") | change).status_code == 401


def test_an_unknown_provider_is_a_404_and_no_label_of_its_own(api):
    assert api.post("/api/webhooks/evil", content=b"{}").status_code == 404
    assert "evil" not in api.get("/metrics/prometheus").text


def test_a_job_shows_its_evidence(world, api):
    _, heal = world.fail()
    world.propose(heal)

    job = api.get(f"/api/jobs/{heal}").json()

    assert job["state"] == HealState.AWAITING_APPROVAL
    assert job["reproduced"]
    assert job["cured"]
    assert job["patch"].startswith("diff --git")
    assert {step["attempt"] for step in job["steps"]} == {1}
    assert api.get("/api/jobs/none").status_code == 404
    assert api.get("/api/jobs", params={"limit": 0}).status_code == 422


def test_a_patch_is_a_download_that_no_browser_renders(world, api):
    _, heal = world.fail()
    assert api.get(f"/api/jobs/{heal}/patch").status_code == 404
    world.propose(heal)

    answer = api.get(f"/api/jobs/{heal}/patch")

    assert answer.text == api.get(f"/api/jobs/{heal}").json()["patch"]
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].endswith('.patch"')
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_scoreboard_is_told_by_api_as_by_command(world, api):
    _, heal = world.fail()
    world.propose(heal)

    found = api.get("/api/stats", params={"days": 7}).json()

    assert (found["heals"], found["proposed"], found["landed"], found["known"]) == (1, 1, 0, 0)
    assert isinstance(found["dollars"], float)
    assert api.get("/api/stats", params={"repo": "acme/none"}).json()["heals"] == 0
    assert api.get("/api/stats", params={"repo": "no name"}).status_code == 422
    assert api.get("/api/stats", params={"days": 0}).status_code == 422


def test_a_private_repositorys_scoreboard_is_told_to_who_may_read_it(world, api):
    world.fail(private=True)

    def heals(**more):
        return api.get("/api/stats", params={"repo": "acme/ledger"}, **more).json()["heals"]

    assert heals() == 0
    assert heals(headers={"Authorization": "Bearer wrong"}) == 0
    assert heals(headers={"Authorization": "Bearer api-token"}) == 1


def test_a_decision_by_api_needs_the_token_the_patch_and_the_right(world, api):
    _, heal = world.fail()
    world.propose(heal)
    sha = api.get(f"/api/jobs/{heal}").json()["patch_sha256"]

    unsigned = api.post(f"/api/jobs/{heal}/decisions", json={"verb": "approve", "login": "ana"})
    assert unsigned.status_code == 401
    assert decide(api, heal, patch_sha256="0" * 64).status_code == 409
    assert decide(api, heal, patch_sha256=sha, login="cleo").status_code == 403
    assert decide(api, heal, patch_sha256=sha).status_code == 200
    assert decide(api, heal, patch_sha256=sha).status_code == 409

    assert api.get(f"/api/jobs/{heal}").json()["state"] == HealState.OPENING_PR


def test_the_documentation_knows_the_token_and_what_a_changing_call_answers(api):
    told = api.get("/api/openapi.json").json()
    calls = [
        (told["paths"]["/api/jobs/{job_id}/decisions"]["post"], {"202", "401", "403", "404", "409", "503"}),
        (told["paths"]["/api/commands"]["post"], {"401", "403", "422", "503"}),
    ]

    scheme = told["components"]["securitySchemes"]["API_TOKEN"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for call, statuses in calls:
        assert {"API_TOKEN": []} in call["security"]
        assert statuses <= set(call["responses"])
        assert "API_TOKEN" in call["responses"]["401"]["description"]
    named = [
        one["name"].lower()
        for path in told["paths"].values()
        for call in path.values()
        for one in call.get("parameters", [])
    ]
    assert "authorization" not in named


def test_a_missing_token_and_a_wrong_one_are_told_apart(world, api):
    def refused(**headers: str | bytes) -> tuple[int, str, str]:
        answer = api.post("/api/commands", json={"text": "status", "login": "ana"}, headers=headers)
        return answer.status_code, answer.json()["detail"], answer.headers.get("www-authenticate", "")

    missing = (
        401,
        "this call needs the bot's API_TOKEN; send it as: Authorization: Bearer TOKEN",
        'Bearer realm="PatchPilot"',
    )
    wrong = (
        401,
        "the token that you sent is not the bot's API_TOKEN",
        'Bearer realm="PatchPilot", error="invalid_token"',
    )
    assert refused() == missing
    assert refused(Authorization="Bearer") == missing
    assert refused(Authorization="Basic YTpi") == missing
    assert refused(Authorization="Bearer api-tokem") == wrong
    assert refused(Authorization=b"Bearer \xfc") == wrong
    world.parts.settings.__dict__["api_token"] = SecretStr("")
    assert refused(Authorization="Bearer api-token")[0] == 403


@pytest.mark.browser
def test_a_changing_call_can_be_tried_in_the_documentation(browser, world):
    number, heal = world.fail()
    world.propose(heal)
    page = browser.new_page()
    page.set_default_timeout(45_000)
    page.goto(f"{world.url}/api/docs")
    page.get_by_role("button", name="Authorize").first.click()
    form = page.locator(".modal-ux")
    form.get_by_text("API_TOKEN (http, Bearer)").wait_for()
    form.locator("input").fill("api-token")
    form.get_by_role("button", name="Apply credentials").click()
    form.get_by_role("button", name="Close").last.click()
    call = page.locator("#operations-commands-say_api_commands_post")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.locator("textarea").fill(json.dumps({"text": f"reject PP-{number} wrong file", "login": "ana"}))
    call.get_by_role("button", name="Execute").click()
    call.locator(".live-responses-table .microlight").get_by_text("is rejected").wait_for()
    page.close()

    assert snapshot(world.db, number).heal.state is HealState.REJECTED


def test_a_command_by_api_goes_by_the_same_grammar_and_door(world, api):
    number, heal = world.fail()
    world.propose(heal)
    headers = {"Authorization": "Bearer api-token"}

    def say(text, login="ana", key="", headers=headers):
        body = {"text": text, "login": login, "key": key}
        return api.post("/api/commands", json=body, headers=headers)

    assert say("status", headers={}).status_code == 401
    assert f"PP-{number}" in say("status").json()["text"]
    assert "Did you mean `retry`" in say("rety PP-1").json()["text"]
    assert say(f"reject PP-{number}", login="cleo").json()["ruling"] == "denied"
    assert "names the patch" in say(f"approve PP-{number}").json()["detail"]
    answers = [say(f"reject PP-{number} wrong file", key="once").json() for _ in range(2)]
    assert {(one["ruling"], one["text"]) for one in answers} == {
        ("applied", f"PP-{number} is rejected. Nothing is changed.")
    }
    assert api.get(f"/api/jobs/{heal}").json()["state"] == HealState.REJECTED


def test_metrics_come_from_postgres(world, api):
    _, heal = world.fail()
    world.propose(heal)

    text = api.get("/metrics/prometheus").text
    summary = api.get("/api/metrics/summary").json()

    assert 'patchpilot_jobs{state="awaiting_approval"} 1.0' in text
    assert 'patchpilot_jobs{state="resolved"} 0.0' in text
    assert "patchpilot_postgres_up 1.0" in text
    assert summary["heals_by_state"] == {"awaiting_approval": 1}
    assert summary["incidents_open"] == 1


def test_the_bot_never_loads_the_agent_or_the_sandbox():
    code = (
        "import sys, bot.main; "
        "print([m for m in ('agent', 'sandbox', 'docker', 'anthropic', 'langgraph') if m in sys.modules])"
    )

    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert seen.stdout.strip() == "[]"
