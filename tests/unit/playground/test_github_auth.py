"""Real PyGithub meets the playground's rules of who may do what."""

import time

import github
import httpx
import jwt
import pytest


def sign(key, **claims):
    now = int(time.time())
    return jwt.encode({"iat": now - 60, "exp": now + 300, "iss": "4711", **claims}, key, algorithm="RS256")


def get(site, path, token, scheme="Bearer"):
    return httpx.get(f"{site.hub.api_url}{path}", headers={"Authorization": f"{scheme} {token}"})


def test_an_app_finds_its_installation_and_gets_a_token_for_an_hour(github_shared):
    installation = github_shared.app().get_repo_installation("acme", "widget")
    token = github_shared.app().get_access_token(installation.id, {"contents": "read"})

    assert token.permissions == {"contents": "read", "metadata": "read"}
    assert 3500 < token.expires_at.timestamp() - time.time() <= 3600


def test_an_empty_wish_means_all_that_was_granted(github_shared):
    token = github_shared.app().get_access_token(github_shared.app().get_installations()[0].id)

    assert token.permissions["pull_requests"] == "write"


def test_a_permission_beyond_the_granted_is_refused(github_shared):
    with pytest.raises(github.GithubException) as refused:
        github_shared.installation_token({"workflows": "write"})
    assert refused.value.status == 422


@pytest.mark.parametrize(
    "claims",
    [
        lambda now: {"exp": now + 3600},
        lambda now: {"exp": now - 1},
        lambda now: {"iat": now + 900},
        lambda now: {"exp": "soon"},
    ],
    ids=["too far ahead", "over", "not yet", "no number"],
)
def test_a_jwt_with_wrong_times_is_refused(github_shared, claims):
    # The times are taken here: a parameter's would be those of the collection, long past in a long run.
    claims = claims(int(time.time()))
    assert get(github_shared, "/app", sign(github_shared.private_key, **claims)).status_code == 401


def test_a_jwt_of_another_key_or_method_is_refused(github_shared, tmp_path):
    from cryptography.hazmat.primitives.asymmetric import rsa

    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert get(github_shared, "/app", sign(other)).status_code == 401
    plain = jwt.encode({"iss": "4711"}, "secret" * 10, algorithm="HS256")
    assert get(github_shared, "/app", plain).status_code == 401
    assert get(github_shared, "/app", "a.b.c").status_code == 401
    assert get(github_shared, "/app", sign(github_shared.private_key, iss="99")).status_code == 404


def test_an_unknown_token_is_refused(github_shared):
    stranger = github.Github(auth=github.Auth.Token("ghp_wrong"), base_url=github_shared.hub.api_url)
    with pytest.raises(github.BadCredentialsException):
        stranger.get_repo("acme/widget")


def test_a_revoked_installation_token_is_refused(github_site):
    token = github_site.installation_token()
    head = {"Authorization": f"token {token}"}
    assert httpx.delete(f"{github_site.hub.api_url}/installation/token", headers=head).status_code == 204
    assert get(github_site, "/repos/acme/widget", token).status_code == 401


def test_a_private_repository_is_invisible_to_strangers(github_shared):
    github_shared.hub.token_for("eve")
    for client in (github_shared.as_person("eve"), github_shared.as_nobody()):
        with pytest.raises(github.UnknownObjectException):
            client.get_repo("acme/widget")


def test_a_public_repository_is_read_by_anybody_and_written_by_nobody(github_site):
    github_site.hub.create_repository("acme/site", collaborators={"ana": "admin"}, private=False)
    github_site.hub.push("acme/site", "main", author="ana", message="Begin", files={"a": "1"})
    anyone = github_site.as_nobody().get_repo("acme/site")
    assert anyone.get_contents("a").decoded_content == b"1"
    with pytest.raises(github.GithubException) as refused:
        anyone.create_git_ref("refs/heads/x", anyone.get_branch("main").commit.sha)
    assert refused.value.status == 401


def test_a_token_without_the_permission_gets_403_in_githubs_words(github_shared):
    repo = github_shared.as_app({"contents": "read"}).get_repo("acme/widget")
    with pytest.raises(github.GithubException) as refused:
        repo.create_git_ref("refs/heads/x", repo.get_branch("main").commit.sha)
    assert (refused.value.status, refused.value.data["message"]) == (
        403,
        "Resource not accessible by integration",
    )


def test_a_token_for_one_repository_does_not_see_another(github_site):
    other = github_site.hub.create_repository("acme/gadget", collaborators={"ana": "admin"})
    installation = github_site.app().get_installations()[0]
    answer = httpx.post(
        f"{github_site.hub.api_url}/app/installations/{installation.id}/access_tokens",
        headers={"Authorization": f"Bearer {sign(github_site.private_key)}"},
        json={"repository_ids": [other.id], "permissions": {"contents": "read"}},
    )
    token = answer.json()["token"]
    assert [repo["full_name"] for repo in answer.json()["repositories"]] == ["acme/gadget"]
    assert get(github_site, "/repos/acme/gadget", token).status_code == 200
    assert get(github_site, "/repos/acme/widget", token).status_code == 404
    listed = get(github_site, "/installation/repositories", token).json()
    assert [repo["full_name"] for repo in listed["repositories"]] == ["acme/gadget"]


def test_roles_are_told_by_their_new_and_old_names(github_shared):
    repo = github_shared.as_app({"metadata": "read"}).get_repo("acme/widget")
    told = {
        login: (repo.get_collaborator_role_name(login), repo.get_collaborator_permission(login))
        for login in ("ana", "ben", "cleo", "dora")
    }
    assert told == {
        "ana": ("admin", "admin"),
        "ben": ("write", "write"),
        "cleo": ("triage", "read"),
        "dora": ("read", "read"),
    }
    github_shared.hub.token_for("eve")
    assert repo.get_collaborator_permission("eve") == "none"
    with pytest.raises(github.GithubException, match="is not a user"):
        repo.get_collaborator_permission("nobody-at-all")


def test_a_lost_role_counts_at_once(github_site):
    github_site.hub.set_role("acme/widget", "ben", "none")
    with pytest.raises(github.UnknownObjectException):
        github_site.as_person("ben").get_repo("acme/widget")


def test_people_act_by_their_role(github_shared):
    cleo = github_shared.as_person("cleo").get_repo("acme/widget")
    with pytest.raises(github.GithubException) as refused:
        cleo.create_file("x.txt", "Add x", "x")
    assert refused.value.status == 403
    assert github_shared.as_person("ben").get_user().login == "ben"


def test_an_app_may_not_touch_workflows_without_that_permission(github_shared):
    repo = github_shared.as_app().get_repo("acme/widget")
    with pytest.raises(github.GithubException) as refused:
        repo.create_file(".github/workflows/x.yml", "Add", "on: push")
    assert refused.value.status == 403
    element = github.InputGitTreeElement(".github/workflows/x.yml", "100644", "blob", content="on: push")
    with pytest.raises(github.GithubException) as refused:
        repo.create_git_tree([element], repo.get_git_tree("main"))
    assert refused.value.status == 403
