"""Pull requests, conversations and checks through real PyGithub."""

import json

import github
import httpx
import pytest


def branch(site, name="fix", text="fixed\n"):
    return site.hub.push("acme/widget", name, author="ben", message="Fix it", files={"a.txt": text})


def opened(site, *, draft=False):
    branch(site)
    repo = site.as_app().get_repo("acme/widget")
    return repo.create_pull(base="main", head="fix", title="Fix it", body="Cause: …", draft=draft)


def actions(site, event):
    site.hub.drain()
    return [json.loads(one.body)["action"] for one in site.hooks.events(event)]


def test_a_draft_is_opened_marked_ready_and_merged(github_site):
    pull = opened(github_site, draft=True)
    assert (pull.number, pull.draft, pull.state, pull.user.login) == (1, True, "open", "patchpilot[bot]")
    assert (pull.changed_files, pull.additions, pull.commits, pull.mergeable) == (1, 1, 1, True)
    with pytest.raises(github.GithubException, match="draft"):
        pull.merge()
    pull.mark_ready_for_review()
    assert pull.draft is False
    merged = pull.merge(merge_method="squash")
    repo = github_site.as_person("ana").get_repo("acme/widget")
    again = repo.get_pull(1)
    assert (again.merged, again.state, again.merge_commit_sha) == (True, "closed", merged.sha)
    assert again.merged_by.login == "patchpilot[bot]"
    assert repo.get_branch("main").commit.sha == merged.sha
    assert repo.get_commit(merged.sha).commit.message == "Fix it (#1)"
    assert actions(github_site, "pull_request") == ["opened", "ready_for_review", "closed"]


def test_a_person_merges_a_draft_with_one_act(github_site):
    pull = opened(github_site, draft=True)
    sha = github_site.hub.merge("acme/widget", pull.number, by="ana")
    github_site.hub.drain()
    payload = json.loads(github_site.hooks.events("pull_request")[-1].body)
    assert payload["action"] == "closed"
    assert payload["pull_request"]["merged"] is True
    assert payload["pull_request"]["merge_commit_sha"] == sha
    assert payload["sender"]["login"] == "ana"
    assert payload["installation"]["id"] == github_site.app().get_installations()[0].id
    commit = github_site.as_person("ana").get_repo("acme/widget").get_commit(sha)
    assert len(commit.parents) == 2


def test_one_pair_of_branches_has_one_open_pull_request(github_site):
    pull = opened(github_site)
    repo = github_site.as_app().get_repo("acme/widget")
    with pytest.raises(github.GithubException) as refused:
        repo.create_pull(base="main", head="fix", title="Again", body="")
    assert refused.value.status == 422
    assert refused.value.data["errors"][0]["message"] == "A pull request already exists for acme:fix."
    assert [one.number for one in repo.get_pulls(head="acme:fix")] == [1]
    assert list(repo.get_pulls(head="acme:other")) == []
    pull.edit(state="closed")
    assert repo.create_pull(base="main", head="fix", title="Again", body="").number == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"title": "x", "base": "main", "head": "gone"}, 422),
        ({"title": "x", "base": "gone", "head": "fix"}, 422),
        ({"title": "x", "base": "main", "head": "main"}, 422),
        ({"title": 1, "base": "main", "head": "fix"}, 422),
        ({"base": "main", "head": "fix"}, 422),
        ({"title": "x", "base": "main", "head": "fix", "body": "y" * 65_537}, 422),
        ([], 400),
        ("text", 400),
    ],
)
def test_impossible_pull_requests_are_refused(github_shared, body, status):
    token = github_shared.installation_token()
    url = f"{github_shared.hub.api_url}/repos/acme/widget/pulls"
    answer = httpx.post(url, headers={"Authorization": f"token {token}"}, json=body)
    assert answer.status_code == status
    assert set(answer.json()) >= {"message", "documentation_url"}


def test_files_commits_and_diff_of_a_pull_request(github_site):
    pull = opened(github_site)
    assert [(file.filename, file.status, file.patch) for file in pull.get_files()] == [
        ("a.txt", "added", "@@ -0,0 +1 @@\n+fixed")
    ]
    assert [one.commit.message for one in pull.get_commits()] == ["Fix it"]
    assert github_site.hub.diff("acme/widget", 1).endswith("+fixed\n")


def test_new_commits_update_the_pull_request_and_a_deleted_branch_closes_it(github_site):
    pull = opened(github_site)
    sha = branch(github_site, text="better\n")
    assert pull.raw_data["head"]["sha"] != sha
    pull.update()
    assert pull.head.sha == sha
    github_site.hub.delete_branch("acme/widget", "fix", by="ben")
    pull.update()
    assert pull.state == "closed"
    assert actions(github_site, "pull_request") == ["opened", "synchronize", "closed"]


def test_a_conflict_is_told_and_not_merged(github_site):
    github_site.hub.push("acme/widget", "main", author="ana", message="Add", files={"a.txt": "one\n"})
    pull = opened(github_site)
    assert pull.mergeable is True
    github_site.hub.push("acme/widget", "main", author="ana", message="Edit", files={"a.txt": "two\n"})
    pull.update()
    assert (pull.mergeable, pull.mergeable_state) == (False, "dirty")
    with pytest.raises(github.GithubException, match="not mergeable"):
        pull.merge()


def test_a_rebase_puts_the_commits_on_top_of_the_base(github_site):
    pull = opened(github_site)
    branch(github_site, text="fixed twice\n")
    github_site.hub.push("acme/widget", "main", author="ana", message="Elsewhere", files={"b.txt": "b\n"})
    pull.merge(merge_method="rebase")
    history = github_site.as_person("ana").get_repo("acme/widget").get_commits()
    assert [one.commit.message for one in history] == ["Fix it", "Fix it", "Elsewhere", "Begin"]


def test_the_head_asked_for_must_be_the_head(github_site):
    pull = opened(github_site)
    with pytest.raises(github.GithubException) as refused:
        pull.merge(sha="0" * 40)
    assert refused.value.status == 409


def test_addresses_for_people_lead_to_the_page(github_site):
    opened(github_site)
    repo = github_site.as_person("ana").get_repo("acme/widget")
    answer = httpx.get(repo.get_pull(1).html_url)
    assert (answer.status_code, answer.headers["location"]) == (302, "/#/github/acme/widget/pull/1")
    assert httpx.get(f"{github_site.hub.base_url}/acme/none/pull/1").status_code == 404


def test_people_without_the_right_can_neither_merge_nor_close(github_site):
    from playground.github.errors import ApiError

    opened(github_site)
    for act in (github_site.hub.merge, github_site.hub.close_pull_request):
        with pytest.raises(ApiError, match="dora may not do that"):
            act("acme/widget", 1, by="dora")
    with pytest.raises(LookupError, match="no pull request #9"):
        github_site.hub.merge("acme/widget", 9, by="ana")


def test_comments_are_written_edited_reacted_to_and_deleted(github_site):
    pull = opened(github_site)
    comment = pull.create_issue_comment("Working on it <!-- marker -->")
    comment.edit("Done <!-- marker -->")
    comment.create_reaction("rocket")
    comment.create_reaction("rocket")
    (found,) = pull.get_issue_comments()
    assert (found.body, found.user.type) == ("Done <!-- marker -->", "Bot")
    assert found.raw_data["performed_via_github_app"]["id"] == 4711
    assert [one.content for one in found.get_reactions()] == ["rocket"]
    assert actions(github_site, "issue_comment") == ["created", "edited"]
    comment.delete()
    assert list(pull.get_issue_comments()) == []


def test_a_persons_comment_reaches_the_app(github_site):
    opened(github_site)
    github_site.hub.comment("acme/widget", 1, by="cleo", body="@patchpilot explain")
    github_site.hub.drain()
    payload = json.loads(github_site.hooks.events("issue_comment")[-1].body)
    assert payload["comment"]["body"] == "@patchpilot explain"
    assert payload["comment"]["user"] == payload["sender"]
    assert payload["sender"]["type"] == "User"
    assert payload["issue"]["pull_request"]["url"].endswith("/pulls/1")
    with pytest.raises(ValueError, match="empty"):
        github_site.hub.comment("acme/widget", 1, by="cleo", body="  ")


def test_labels_reviewers_and_reviews(github_site):
    pull = opened(github_site)
    pull.add_to_labels("bug", "patchpilot")
    pull.set_labels("patchpilot")
    assert [label.name for label in pull.get_labels()] == ["patchpilot"]
    pull.create_review_request(reviewers=["ana"])
    with pytest.raises(github.GithubException) as refused:
        pull.create_review_request(reviewers=["stranger"])
    assert refused.value.status == 422
    assert [who.login for who in pull.get_review_requests()[0]] == ["ana"]
    by_ana = github_site.as_person("ana").get_repo("acme/widget").get_pull(1)
    by_ana.create_review(body="Good", event="APPROVE")
    assert [(one.user.login, one.state) for one in pull.get_reviews()] == [("ana", "APPROVED")]
    with pytest.raises(github.GithubException, match="your own"):
        pull.create_review(event="APPROVE")
    commit = pull.get_commits()[0]
    pull.create_review_comment("```suggestion\nok\n```", commit, "a.txt", line=1)
    assert [one.path for one in pull.get_review_comments()] == ["a.txt"]


def test_a_check_run_with_buttons_tells_its_app_of_a_click(github_site):
    pull = opened(github_site)
    repo = github_site.as_app().get_repo("acme/widget")
    check = repo.create_check_run(
        "PatchPilot",
        pull.head.sha,
        status="completed",
        conclusion="neutral",
        external_id="heal-7",
        output={"title": "Fix proposed", "summary": "See the thread"},
        actions=[{"label": "Retry", "description": "Try again", "identifier": "retry"}],
    )
    assert check.app.slug == "patchpilot"
    github_site.hub.request_action("acme/widget", check.id, "retry", by="ben")
    github_site.hub.drain()
    payload = json.loads(github_site.hooks.events("check_run")[-1].body)
    assert payload["action"] == "requested_action"
    assert payload["requested_action"] == {"identifier": "retry"}
    assert payload["check_run"]["external_id"] == "heal-7"
    with pytest.raises(LookupError, match="no action"):
        github_site.hub.request_action("acme/widget", check.id, "dance", by="ben")
    check.edit(output={"title": "Retried", "summary": "On it"}, status="in_progress")
    (listed,) = repo.get_commit(pull.head.sha).get_check_runs(check_name="PatchPilot")
    assert (listed.output.title, listed.status, listed.conclusion) == ("Retried", "in_progress", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"actions": [{"label": "x", "description": "y", "identifier": str(n)} for n in range(4)]},
        {"actions": [{"label": "x" * 21, "description": "y", "identifier": "z"}]},
        {"actions": [{"label": "x", "description": "y" * 41, "identifier": "z"}]},
        {"output": {"title": "t", "summary": "s" * 65_536}},
        {"status": "completed"},
        {"conclusion": "wonderful"},
        {"head_sha": "0" * 40},
        {"started_at": "yesterday"},
    ],
)
def test_a_check_run_past_the_limits_is_refused(github_shared, wrong):
    body = {"name": "PatchPilot", "head_sha": github_shared.hub.branch_head("acme/widget"), **wrong}
    answer = httpx.post(
        f"{github_shared.hub.api_url}/repos/acme/widget/check-runs",
        headers={"Authorization": f"token {github_shared.installation_token()}"},
        json=body,
    )
    assert answer.status_code == 422


def test_only_apps_write_check_runs(github_shared):
    repo = github_shared.as_person("ana").get_repo("acme/widget")
    with pytest.raises(github.GithubException) as refused:
        repo.create_check_run("mine", github_shared.hub.branch_head("acme/widget"))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "path", ["/nothing", "/repos/acme/widget/nothing", "/repos/acme/none", "/repos/acme"]
)
def test_unknown_addresses_are_404_in_json(github_shared, path):
    head = {"Authorization": f"token {github_shared.hub.token_for('ana')}"}
    answer = httpx.get(f"{github_shared.hub.api_url}{path}", headers=head)
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


def test_broken_json_is_400_and_limits_are_shown(github_shared):
    head = {"Authorization": f"token {github_shared.installation_token()}"}
    url = f"{github_shared.hub.api_url}/repos/acme/widget/pulls"
    answer = httpx.post(url, headers=head, content=b'{"title": ')
    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")
    assert answer.headers["x-ratelimit-limit"] == "5000"
    assert int(answer.headers["x-ratelimit-remaining"]) < 5000
