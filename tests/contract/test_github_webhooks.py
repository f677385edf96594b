"""GitHub's webhooks, good and forged, on payloads of GitHub's own shape."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchpilot.errors import ConfigurationError, ForgeryError, MalformedPayloadError
from patchpilot.failures import (
    CheckActionRequested,
    CommentWritten,
    CommitsReverted,
    ForkPullRequestMoved,
    PullRequestClosed,
    ReviewWritten,
    RunFinished,
)
from patchpilot.source import HostUser, Repo, RunRef
from providers.ci.github_webhooks import MAX_BODY_BYTES, GitHubWebhooks

SAMPLES = Path(__file__).parents[1] / "samples" / "github" / "webhooks"
SECRET = "It's a Secret to Everybody"
HOOKS = GitHubWebhooks(SECRET)


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


def headers(body: bytes, event: str = "workflow_run", **more: str) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": f"sha256={digest}",
        "Content-Type": "application/json",
        **more,
    }


def parse(name: str) -> Any:
    body = sample(name)
    return HOOKS.parse(headers(body, name.partition(".")[0]), body)


def changed(name: str, change: Callable[[dict[str, Any]], object]) -> Any:
    payload = json.loads(sample(name))
    change(payload)
    body = json.dumps(payload).encode()
    return HOOKS.parse(headers(body, name.partition(".")[0]), body)


def test_the_signature_is_the_one_that_github_documents() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    body = b"Hello, World!"
    documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert headers(body)["X-Hub-Signature-256"] == documented
    assert HOOKS.parse(headers(body, "ping"), body) is None


def test_a_failed_run_is_reported_with_everything_that_is_needed() -> None:
    event = parse("workflow_run.failed")

    assert isinstance(event, RunFinished)
    assert event.run == RunRef(
        provider="github_actions",
        repo=Repo("github", "acme/widget"),
        run_id="11928374655",
        attempt=2,
        url="https://github.com/acme/widget/actions/runs/11928374655",
    )
    assert (event.workflow, event.workflow_path) == ("CI", ".github/workflows/ci.yml")
    assert (event.branch, event.default_branch, event.author) == ("main", "main", "ana")
    assert event.head_sha == "7f3c1b2a9d8e4f5061728394a5b6c7d8e9f00112"
    assert event.commit_subject == "Round the discount half up"
    assert event.delivery_id == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert not event.succeeded
    assert not event.from_fork
    assert event.pull_request is None


@pytest.mark.parametrize(
    ("address", "author", "told"),
    [
        ("Carl@Acme.test", "ana", "carl@acme.test"),
        ("4711+Carl-V@users.noreply.github.com", "Carl-V", ""),
        ("49699333+dependabot[bot]@users.noreply.github.com", "dependabot[bot]", ""),
        ("carl@users.noreply.ghe.acme.test", "carl", ""),
        ("<carl>", "ana", ""),
        (None, "ana", ""),
    ],
)
def test_who_wrote_the_commit_of_a_run_is_told_from_who_pushed_it(
    address: str | None, author: str, told: str
) -> None:
    def merged(body: dict[str, Any]) -> None:
        body["workflow_run"]["head_commit"]["author"] = {"name": "Carl V", "email": address}

    event = changed("workflow_run.failed", merged)

    assert (event.author, event.author_address, event.pusher) == (author, told, "ana")


@pytest.mark.parametrize(("name", "succeeded"), [("succeeded", True), ("timed_out", False)])
def test_other_conclusions_say_red_or_green(name: str, succeeded: bool) -> None:
    assert parse(f"workflow_run.{name}").succeeded is succeeded


@pytest.mark.parametrize(
    "conclusion", ["cancelled", "skipped", "neutral", "stale", "action_required", None, "new"]
)
def test_a_run_that_says_nothing_about_the_code_is_ignored(conclusion: str | None) -> None:
    assert (
        changed("workflow_run.failed", lambda body: body["workflow_run"].update(conclusion=conclusion))
        is None
    )


def test_a_run_that_only_starts_or_has_no_branch_is_ignored() -> None:
    assert changed("workflow_run.failed", lambda body: body.update(action="in_progress")) is None
    assert changed("workflow_run.failed", lambda body: body["workflow_run"].update(head_branch=None)) is None


def test_a_startup_failure_is_red() -> None:
    event = changed(
        "workflow_run.failed", lambda body: body["workflow_run"].update(conclusion="startup_failure")
    )
    assert not event.succeeded


def test_the_pull_request_of_a_run_is_named() -> None:
    assert parse("workflow_run.pull_request").pull_request == 41


def test_a_fork_is_recognised_also_when_it_was_deleted() -> None:
    assert parse("workflow_run.fork").from_fork
    assert changed(
        "workflow_run.failed", lambda body: body["workflow_run"].update(head_repository=None)
    ).from_fork


def test_the_branch_behind_the_path_of_a_reusable_run_is_dropped() -> None:
    path = ".github/workflows/ci.yml@refs/heads/main"
    event = changed("workflow_run.failed", lambda body: body["workflow_run"].update(path=path))
    assert event.workflow_path == ".github/workflows/ci.yml"


def test_a_merged_pull_request_names_its_merge_commit() -> None:
    assert parse("pull_request.merged") == PullRequestClosed(
        delivery_id="72d3162e-cc78-11e3-81ab-4c9367dc0958",
        repo=Repo("github", "acme/widget"),
        number=42,
        branch="patchpilot/fix/pp-12-0a1b2c3d-1",
        head_sha="b" * 40,  # type: ignore[arg-type]
        merged=True,
        merge_sha="a" * 40,  # type: ignore[arg-type]
        by="ana",
        base_branch="main",
    )


def pushed(ref: str, *messages: str) -> CommitsReverted | None:
    def fill(body: dict[str, Any]) -> None:
        body |= {"ref": ref, "commits": [{"message": message} for message in messages]}

    body = json.loads(sample("pull_request.merged"))
    fill(body)
    return HOOKS.parse(headers(raw := json.dumps(body).encode(), "push"), raw)  # type: ignore[return-value]


def test_a_push_is_heard_only_for_what_it_takes_back() -> None:
    found = pushed("refs/heads/main", "Work", f'Revert "x"\n\nThis reverts commit {"a" * 40}.')
    assert found is not None
    assert (found.branch, found.reverts.commits, found.by) == ("main", ("a" * 40,), "ana")
    assert pushed("refs/heads/main", "Work") is None
    assert pushed("refs/tags/v1", f"This reverts commit {'a' * 40}.") is None


def test_a_push_is_heard_for_whose_addresses_its_commits_carry() -> None:
    body = json.loads(sample("pull_request.merged"))
    authors: list[Any] = [
        {"name": "Ana", "email": "Ana@Acme.test", "username": "ana"},
        {"name": "Ana", "email": "ana@acme.test", "username": "ana"},
        {"name": "Nobody", "email": "nobody@acme.test"},
        {"name": "Hidden", "email": "1+ben@users.noreply.github.com", "username": "ben"},
        {"name": "Odd", "email": None, "username": None},
        {"name": "Hostile", "email": "x@acme.test", "username": "<@U1> you"},
        None,
    ]
    body |= {"ref": "refs/heads/main", "commits": [{"message": "Work", "author": one} for one in authors]}
    raw = json.dumps(body).encode()
    found = HOOKS.parse(headers(raw, "push"), raw)

    assert isinstance(found, CommitsReverted)
    assert found.addresses == (("ana@acme.test", "ana"),)


@pytest.mark.parametrize(
    ("state", "approved"), [("approved", True), ("changes_requested", False), ("commented", None)]
)
def test_a_review_is_heard_if_it_decides_something(state: str, approved: bool | None) -> None:
    body = json.loads(sample("pull_request.merged"))
    body |= {"action": "submitted"}
    body["review"] = {"state": state, "body": "Say\nwhy", "user": body["sender"], "html_url": "javascript:x"}
    raw = json.dumps(body).encode()
    found = HOOKS.parse(headers(raw, "pull_request_review"), raw)
    if approved is None:
        assert found is None
        return
    assert isinstance(found, ReviewWritten)
    assert (found.approved, found.by, found.text, found.url) == (approved, "ana", "Say why", "")


def test_the_test_merge_of_an_unmerged_pull_request_means_nothing() -> None:
    event = parse("pull_request.closed")
    assert not event.merged
    assert event.merge_sha is None


@pytest.mark.parametrize("action", ["opened", "reopened", "synchronize"])
def test_the_head_of_a_forks_pull_request_is_known_because_its_runs_name_none(action: str) -> None:
    body = json.loads(sample("pull_request.merged"))
    body["action"] = action

    def parsed(repo: object) -> object:
        body["pull_request"]["head"]["repo"] = repo
        raw = json.dumps(body).encode()
        return HOOKS.parse(headers(raw, "pull_request"), raw)

    pull = body["pull_request"]
    for fork in ({"id": body["repository"]["id"] + 1, "full_name": "stranger/fork"}, None):
        moved = parsed(fork)
        assert isinstance(moved, ForkPullRequestMoved)
        assert (moved.number, moved.head_sha) == (pull["number"], pull["head"]["sha"])
    assert parsed({"id": body["repository"]["id"], "full_name": body["repository"]["full_name"]}) is None


def test_a_comment_on_a_pull_request_is_heard() -> None:
    event = parse("issue_comment.person")
    assert isinstance(event, CommentWritten)
    assert event.author == HostUser(host="github", login="ana", id=583231)
    assert (event.number, event.comment_id, event.body) == (41, 2506001, "@patchpilot fix please\n")
    assert not event.author_is_bot


def test_a_comment_on_a_line_of_a_pull_request_is_heard() -> None:
    event = parse("pull_request_review_comment.person")
    assert isinstance(event, CommentWritten)
    assert event.author == HostUser(host="github", login="ana", id=583231)
    assert (event.number, event.comment_id, event.body) == (41, 2506002, "@patchpilot explain\n")
    assert changed("pull_request_review_comment.person", lambda body: body.update(action="edited")) is None


def test_bots_and_apps_are_marked() -> None:
    assert parse("issue_comment.bot").author_is_bot
    app = {"performed_via_github_app": {"id": 7}}
    assert changed("issue_comment.person", lambda body: body["comment"].update(app)).author_is_bot


def test_comments_on_issues_and_edits_are_ignored() -> None:
    assert parse("issue_comment.issue") is None
    assert changed("issue_comment.person", lambda body: body.update(action="edited")) is None


def test_a_pressed_check_run_button_is_heard() -> None:
    event = parse("check_run.requested_action")
    assert event == CheckActionRequested(
        delivery_id="72d3162e-cc78-11e3-81ab-4c9367dc0958",
        repo=Repo("github", "acme/widget"),
        external_id="heal-0a1b2c3d",
        action="approve",
        by=HostUser(host="github", login="ana", id=583231),
    )
    assert changed("check_run.requested_action", lambda body: body.update(action="completed")) is None


@pytest.mark.parametrize("event", ["ping", "fork", "installation", "star", "workflow_job"])
def test_deliveries_that_say_nothing_are_none(event: str) -> None:
    body = sample("ping")
    assert HOOKS.parse(headers(body, event), body) is None


def test_header_names_have_no_case() -> None:
    body = sample("workflow_run.failed")
    lower = {key.lower(): value for key, value in headers(body).items()}
    assert HOOKS.parse(lower, body) is not None


# --- forged -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_an_empty_secret_stops_the_start(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="GITHUB_WEBHOOK_SECRET"):
        GitHubWebhooks(secret)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        "0" * 64,
        "sha256=" + "ü" * 64,
        "sha256=" + "0" * 63,
    ],
)
def test_a_missing_or_wrong_signature_is_a_forgery(signature: str) -> None:
    body = sample("workflow_run.failed")
    with pytest.raises(ForgeryError):
        HOOKS.parse(headers(body) | {"X-Hub-Signature-256": signature}, body)


def test_no_signature_header_at_all_is_a_forgery() -> None:
    body = sample("workflow_run.failed")
    given_headers = headers(body)
    del given_headers["X-Hub-Signature-256"]
    with pytest.raises(ForgeryError):
        HOOKS.parse(given_headers, body)


def test_one_changed_byte_is_a_forgery() -> None:
    body = sample("workflow_run.failed")
    with pytest.raises(ForgeryError):
        HOOKS.parse(headers(body), body.replace(b"main", b"mean", 1))


def test_another_secret_is_a_forgery() -> None:
    body = sample("workflow_run.failed")
    with pytest.raises(ForgeryError):
        GitHubWebhooks("other").parse(headers(body), body)


def test_an_oversized_body_is_refused_before_it_is_read() -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    with pytest.raises(MalformedPayloadError, match="25 MB"):
        HOOKS.parse({}, body)


# --- malformed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body"),
        (b"{", "the body"),
        (b"[]", "the body"),
        (b"null", "the body"),
        (b'"x"', "the body"),
        (b"\xff\xfe", "the body"),
        (b"[" * 100_000, "the body"),
        (b'{"action": "completed"}', "workflow_run"),
        (b'{"action": 3}', "action"),
    ],
)
def test_a_signed_body_of_another_shape_names_the_field(body: bytes, says: str) -> None:
    with pytest.raises(MalformedPayloadError, match=says):
        HOOKS.parse(headers(body), body)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("workflow_run.head_sha", "main"),
        ("workflow_run.head_sha", None),
        ("workflow_run.id", "eleven"),
        ("workflow_run.id", -1),
        ("workflow_run.head_branch", "a\nb"),
        ("workflow_run.run_attempt", 0),
        ("repository.full_name", "../../etc"),
        ("repository.full_name", "no-slash"),
        ("repository", []),
        ("workflow_run.updated_at", "yesterday"),
    ],
)
def test_a_field_of_the_wrong_kind_is_malformed(path: str, value: object) -> None:
    def change(body: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for part in way:
            body = body[part]
        body[last] = value

    with pytest.raises(MalformedPayloadError):
        changed("workflow_run.failed", change)


@pytest.mark.parametrize("missing", ["X-GitHub-Event", "X-GitHub-Delivery"])
def test_a_missing_header_is_named(missing: str) -> None:
    body = sample("workflow_run.failed")
    given_headers = headers(body)
    del given_headers[missing]
    with pytest.raises(MalformedPayloadError, match=missing):
        HOOKS.parse(given_headers, body)


def test_a_form_encoded_delivery_says_which_setting_to_change() -> None:
    body = b"payload=%7B%7D"
    with pytest.raises(MalformedPayloadError, match="application/json"):
        HOOKS.parse(headers(body, **{"Content-Type": "application/x-www-form-urlencoded"}), body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.sampled_from(["workflow_run", "pull_request", "issue_comment", "check_run", "ping", "x"])


@given(st.binary(max_size=300), EVENTS)
def test_signed_noise_never_crashes(body: bytes, event: str) -> None:
    with contextlib.suppress(MalformedPayloadError):
        HOOKS.parse(headers(body, event), body)


@given(st.data())
def test_samples_with_any_value_replaced_never_crash(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(path.stem for path in SAMPLES.glob("*.json"))))
    payload = json.loads(sample(name))
    place = payload
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JSON)
        break
    body = json.dumps(payload).encode()
    with contextlib.suppress(MalformedPayloadError):
        HOOKS.parse(headers(body, name.partition(".")[0]), body)


@given(st.text(max_size=100), st.binary(max_size=100))
def test_an_unsigned_request_is_always_a_forgery(signature: str, body: bytes) -> None:
    with pytest.raises(ForgeryError):
        HOOKS.parse({"X-Hub-Signature-256": signature, "X-GitHub-Event": "push"}, body)
