"""Repositories, branches, collaborators, labels, archives. https://docs.github.com/en/rest/repos"""

from __future__ import annotations

from urllib.parse import quote

from playground.github import shapes
from playground.github.api import Answer, Body, Call, Route
from playground.github.errors import ApiError, invalid, not_found
from playground.github.model import Account, Label, Role
from playground.github.shapes import Json, account, permissions_of

_REPO = "/repos/{owner}/{repo}"


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("GET", _REPO, get_repository, "metadata:read"),
        Route("GET", f"{_REPO}/branches", list_branches, "contents:read"),
        Route("GET", f"{_REPO}/branches/{{branch:path}}", get_branch, "contents:read"),
        Route("GET", f"{_REPO}/tags", list_tags, "contents:read"),
        Route("GET", f"{_REPO}/collaborators", list_collaborators, "metadata:read"),
        Route("GET", f"{_REPO}/collaborators/{{login}}", is_collaborator, "metadata:read"),
        Route("GET", f"{_REPO}/collaborators/{{login}}/permission", get_permission, "metadata:read"),
        Route("GET", f"{_REPO}/labels", list_labels, "issues:read"),
        Route("POST", f"{_REPO}/labels", create_label, "issues:write"),
        Route("GET", f"{_REPO}/labels/{{name}}", get_label, "issues:read"),
        Route("GET", f"{_REPO}/languages", list_languages, "metadata:read"),
        Route("GET", f"{_REPO}/{{kind}}ball/{{ref:path}}", download_archive, "contents:read"),
        Route("GET", f"{_REPO}/{{kind}}ball", download_archive, "contents:read"),
    )


def get_repository(call: Call) -> Answer:
    """A repository."""
    token = call.caller.token
    viewer = token.account if token and token.installation is None else None
    return Answer(shapes.repository(call.core.site, call.repo, viewer=viewer))


def list_branches(call: Call) -> Answer:
    """All branches."""
    return call.listed([_branch(call, name, sha) for name, sha in call.repo.git.branches().items()])


def get_branch(call: Call) -> Answer:
    """One branch with its head commit."""
    name = call.params["branch"]
    sha = call.repo.git.head(name)
    if sha is None:
        raise ApiError(404, "Branch not found")
    commit = shapes.commit(call.core.site, call.repo, call.repo.git.commit(sha), call.core.people())
    return Answer({**_branch(call, name, sha), "commit": commit})


def _branch(call: Call, name: str, sha: str) -> Json:
    api = call.core.site.repo(call.repo)
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{api}/commits/{sha}"},
        "protected": False,
        "protection_url": f"{api}/branches/{quote(name, safe='')}/protection",
    }


def list_tags(call: Call) -> Answer:
    """All tags."""
    api = call.core.site.repo(call.repo)
    tags = call.repo.git.refs("refs/tags/")
    return call.listed(
        [
            {"name": name.removeprefix("refs/tags/"), "commit": {"sha": sha, "url": f"{api}/commits/{sha}"}}
            for name, sha in tags.items()
        ]
    )


def list_collaborators(call: Call) -> Answer:
    """Who works on the repository."""
    listed = []
    for login, role in call.repo.collaborators.items():
        who = call.core.world.find_account(login)
        if who is not None and role:
            listed.append(
                {
                    **account(call.core.site, who),
                    "permissions": permissions_of(role),
                    "role_name": role.label,
                }
            )
    return call.listed(listed)


def is_collaborator(call: Call) -> Answer:
    """204 for a collaborator, else 404."""
    if not call.repo.collaborators.get(call.params["login"].lower(), Role.NONE):
        raise not_found()
    return Answer(status=204)


def get_permission(call: Call) -> Answer:
    """What somebody may do; "none" for an account without access, 404 for a login that does not exist."""
    who: Account | None = call.core.world.find_account(call.params["login"])
    if who is None:
        raise ApiError(404, f"{call.params['login']} is not a user")
    role = call.repo.role(who.login)
    user = {**account(call.core.site, who), "permissions": permissions_of(role), "role_name": role.label}
    return Answer({"permission": role.legacy, "user": user, "role_name": role.label})


class NewLabel(Body):
    """A label to make."""

    name: str
    color: str = "ededed"
    description: str | None = None


def list_labels(call: Call) -> Answer:
    """The repository's labels."""
    return call.listed([shapes.label(call.core.site, call.repo, one) for one in call.repo.labels.values()])


def create_label(call: Call) -> Answer:
    """Make a label."""
    wanted = call.read(NewLabel)
    if wanted.name.lower() in {name.lower() for name in call.repo.labels}:
        raise invalid("Label", "name", code="already_exists")
    label = Label(
        id=call.core.world.ids.next(),
        name=wanted.name,
        color=wanted.color,
        description=wanted.description or "",
    )
    call.repo.labels[label.name] = label
    return Answer(shapes.label(call.core.site, call.repo, label), 201)


def get_label(call: Call) -> Answer:
    """One label."""
    found = call.repo.labels.get(call.params["name"])
    if found is None:
        raise not_found()
    return Answer(shapes.label(call.core.site, call.repo, found))


def list_languages(_call: Call) -> Answer:
    """Bytes of code per language; the playground knows one."""
    return Answer({"Python": 1000})


def download_archive(call: Call) -> Answer:
    """Redirect to a tarball or zipball."""
    kinds = {"tar": ("tar.gz", "application/gzip"), "zip": ("zip", "application/zip")}
    git, ref = call.repo.git, call.params.get("ref") or call.repo.default_branch
    sha = git.resolve(ref)
    if call.params["kind"] not in kinds or sha is None:
        raise not_found()
    form, media = kinds[call.params["kind"]]
    prefix = f"{call.repo.full_name.replace('/', '-')}-{sha[:7]}/"
    location = call.core.offer(lambda: git.archive(sha, form, prefix=prefix), media)
    return Answer(status=302, headers={"Location": location})
