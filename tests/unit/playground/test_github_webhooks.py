"""What Apps are told, and what can go wrong on the way."""

import hashlib
import hmac
import json
import time

import github
import httpx
import pytest


def test_a_delivery_is_signed_over_its_exact_bytes(github_site):
    github_site.hub.push("acme/widget", "main", author="ana", message="More", files={"a": "1"})
    github_site.hub.drain()
    got = github_site.hooks.events("push")[-1]
    expected = hmac.new(b"hush", got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-hub-signature-256"] == f"sha256={expected}"
    assert got.headers["user-agent"].startswith("GitHub-Hookshot/")
    payload = json.loads(got.body)
    assert payload["repository"]["full_name"] == "acme/widget"
    assert payload["pusher"]["name"] == "ana"
    assert payload["head_commit"]["message"] == "More"


def test_an_app_hears_of_its_installation(github_site):
    github_site.hub.create_repository("umbrella/lab", collaborators={"ana": "admin"})
    github_site.hub.drain()
    payload = json.loads(github_site.hooks.events("installation")[-1].body)
    assert (payload["action"], payload["installation"]["account"]["login"]) == ("created", "umbrella")


def test_a_failed_delivery_is_not_repeated_but_can_be_redelivered_with_its_id(github_site):
    github_site.hub.drain()
    github_site.hooks.answers.append(503)
    github_site.hub.push("acme/widget", "main", author="ana", message="More", files={"a": "1"})
    github_site.hub.drain()
    (failed,) = github_site.hooks.events("push")
    (logged,) = [
        one
        for one in github_site.app().requester.requestJsonAndCheck("GET", "/app/hook/deliveries")[1]
        if one["guid"] == failed.headers["x-github-delivery"]
    ]
    assert (logged["status_code"], logged["redelivery"]) == (503, False)
    github_site.app().requester.requestJsonAndCheck("POST", f"/app/hook/deliveries/{logged['id']}/attempts")
    github_site.hub.drain()
    first, second = github_site.hooks.events("push")
    assert first.headers["x-github-delivery"] == second.headers["x-github-delivery"]
    assert first.body == second.body
    github_site.hub.redeliver(logged["guid"])
    github_site.hub.drain()
    assert len(github_site.hooks.events("push")) == 3
    with pytest.raises(LookupError, match="no delivery"):
        github_site.hub.redeliver("never-sent")


def test_a_delivery_can_arrive_twice(github_site):
    github_site.hub.drain()
    github_site.hub.inject("duplicate_delivery")
    github_site.hub.push("acme/widget", "main", author="ana", message="More", files={"a": "1"})
    github_site.hub.drain()
    first, second = github_site.hooks.events("push")
    assert first.headers["x-github-delivery"] == second.headers["x-github-delivery"]


def test_an_app_hears_only_of_what_it_may_read(github_site):
    public = github_site.hub.core.world.apps[4711].public_key_pem
    github_site.hub.install_app(
        "99",
        public_key_pem=public,
        permissions={"issues": "read"},
        webhook_url=f"{github_site.hub.base_url}/hook",
        slug="other",
    )
    github_site.hub.drain()
    github_site.hooks.got.clear()
    github_site.hub.push("acme/widget", "main", author="ana", message="More", files={"a": "1"})
    github_site.hub.drain()
    targets = [
        one.headers["x-github-hook-installation-target-id"] for one in github_site.hooks.events("push")
    ]
    assert targets == ["4711"]


def test_nobody_listening_is_logged_as_such(github_site):
    github_site.hub.core.world.apps[4711].webhook_url = "http://127.0.0.1:9/hook"
    github_site.hub.push("acme/widget", "main", author="ana", message="More", files={"a": "1"})
    github_site.hub.drain()
    newest = github_site.hub.deliveries()[0]
    assert (newest.status_code, newest.status) == (0, "failed to connect to host")


def test_a_request_can_be_created_and_still_answer_502(github_site):
    github_site.hub.push("acme/widget", "fix", author="ben", message="Fix", files={"a": "1"})
    repo = github_site.as_app().get_repo("acme/widget")
    github_site.hub.inject("done_then_status", method="POST", path="/pulls$", status=502)
    with pytest.raises(github.GithubException) as failed:
        repo.create_pull(base="main", head="fix", title="Fix", body="")
    assert failed.value.status == 502
    assert [pull.number for pull in repo.get_pulls()] == [1]


def test_a_request_can_fail_without_effect_and_only_as_often_as_asked(github_site):
    repo = github_site.as_app().get_repo("acme/widget")
    github_site.hub.inject("status", path="/git/blobs", status=503, times=2)
    for _ in range(2):
        with pytest.raises(github.GithubException) as failed:
            repo.create_git_blob("x", "utf-8")
        assert failed.value.status == 503
    assert repo.create_git_blob("x", "utf-8").sha


def test_the_secondary_rate_limit_says_when_to_come_back(github_site):
    repo = github_site.as_app().get_repo("acme/widget")
    github_site.hub.inject("rate_limit", retry_after=7)
    with pytest.raises(github.RateLimitExceededException) as limited:
        repo.get_branch("main")
    assert limited.value.headers["retry-after"] == "7"


def test_a_slow_answer_holds_up_nobody_else(github_site):
    head = {"Authorization": f"token {github_site.hub.token_for('ana')}"}
    github_site.hub.inject("slow", path="/branches", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{github_site.hub.api_url}/repos/acme/widget/branches", headers=head, timeout=0.2)
    began = time.monotonic()
    assert httpx.get(f"{github_site.hub.api_url}/repos/acme/widget", headers=head).status_code == 200
    assert time.monotonic() - began < 20


def test_a_fault_of_an_unknown_kind_is_refused(github_shared):
    with pytest.raises(ValueError, match="earthquake"):
        github_shared.hub.inject("earthquake")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda hub: hub.create_repository("nameless", collaborators={}),
        lambda hub: hub.create_repository("acme/widget", collaborators={}),
        lambda hub: hub.create_repository("acme/new", collaborators={"ana": "king"}),
        lambda hub: hub.create_repository("acme/..", collaborators={}),
        lambda hub: hub.install_app("x", public_key_pem="", permissions={}),
        lambda hub: hub.install_app("7", public_key_pem="no key", permissions={}),
        lambda hub: hub.push("acme/widget", "a..b", author="ana", message="m", files={}),
        lambda hub: hub.push("acme/widget", "main", author="ana", message="m", files={"../x": "y"}),
        lambda hub: hub.push("acme/widget", "main", author="not a login", message="m", files={"x": "y"}),
        lambda hub: hub.push_history("acme/widget", "main", []),
    ],
)
def test_impossible_set_ups_are_refused_with_a_reason(github_shared, wrong):
    with pytest.raises(ValueError, match=r"\w"):
        wrong(github_shared.hub)


def test_unknown_repositories_are_named_with_those_there_are(github_shared):
    with pytest.raises(LookupError, match="acme/widget"):
        github_shared.hub.push("acme/none", "main", author="ana", message="m", files={"x": "y"})
