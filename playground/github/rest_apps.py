"""Apps, installations and their tokens, the webhook log; and the accounts behind them.
https://docs.github.com/en/rest/apps"""

from __future__ import annotations

import time

from playground.github import shapes
from playground.github.api import Answer, Body, Call, Route
from playground.github.auth import wider
from playground.github.errors import ApiError, not_found, unprocessable
from playground.github.model import App, Installation, PlaygroundRepo
from playground.github.shapes import Json, moment
from playground.github.webhooks import Delivery


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("GET", "/app", get_app),
        Route("GET", "/app/installations", list_installations),
        Route("GET", "/app/installations/{id}", get_installation),
        Route("POST", "/app/installations/{id}/access_tokens", create_token),
        Route("GET", "/app/hook/config", get_hook),
        Route("GET", "/app/hook/deliveries", list_deliveries),
        Route("GET", "/app/hook/deliveries/{id}", get_delivery),
        Route("POST", "/app/hook/deliveries/{id}/attempts", redeliver),
        Route("GET", "/repos/{owner}/{repo}/installation", get_repository_installation),
        Route("GET", "/orgs/{org}/installation", get_account_installation),
        Route("GET", "/users/{org}/installation", get_account_installation),
        Route("GET", "/installation/repositories", list_installation_repositories),
        Route("DELETE", "/installation/token", revoke_token),
        Route("GET", "/user", get_viewer),
        Route("GET", "/users/{login}", get_user),
        Route("GET", "/orgs/{login}", get_user),
        Route("GET", "/user/repos", list_repositories),
        Route("GET", "/user/{id}", get_user_by_id),
        Route("GET", "/rate_limit", get_rate_limit),
        Route("GET", "/meta", get_meta),
        Route("GET", "/", get_root),
    )


class NewToken(Body):
    """What an installation token is asked for."""

    permissions: dict[str, str] | None = None
    repositories: list[str] | None = None
    repository_ids: list[int] | None = None


def get_app(call: Call) -> Answer:
    """The App that signed the request."""
    return Answer(shapes.app(call.core.site, _app(call)))


def list_installations(call: Call) -> Answer:
    """Where the App is installed."""
    app = _app(call)
    found = [one for one in call.core.world.installations.values() if one.app is app]
    return call.listed([shapes.installation(call.core.site, one) for one in found])


def get_installation(call: Call) -> Answer:
    """One installation of the App."""
    return Answer(shapes.installation(call.core.site, _installation(call)))


def get_repository_installation(call: Call) -> Answer:
    """The App's installation on a repository."""
    app = _app(call)
    for one in call.core.world.installations_on(call.repo.full_name):
        if one.app is app:
            return Answer(shapes.installation(call.core.site, one))
    raise not_found()


def get_account_installation(call: Call) -> Answer:
    """The App's installation on an account."""
    app, login = _app(call), call.params["org"].lower()
    for one in call.core.world.installations.values():
        if one.app is app and one.account.login.lower() == login:
            return Answer(shapes.installation(call.core.site, one))
    raise not_found()


def create_token(call: Call) -> Answer:
    """A token for an installation, no wider than what the App was granted."""
    installation, wanted = _installation(call), call.read(NewToken)
    if wanted.permissions and (beyond := wider(wanted.permissions, installation.app.permissions)):
        message = f"The permissions requested are not granted to this installation: {', '.join(beyond)}"
        raise unprocessable(message)
    chosen = _chosen(call, installation, wanted)
    token = call.core.world.issue_token(
        installation,
        # PyGithub sends an empty object for "no wish": that means all that was granted.
        permissions=wanted.permissions or installation.app.permissions,
        repositories=None if chosen is None else frozenset(repo.full_name.lower() for repo in chosen),
    )
    shape = shapes.installation_token(token)
    if chosen is not None:
        shape["repositories"] = [shapes.repository(call.core.site, repo) for repo in chosen]
    return Answer(shape, 201)


def _chosen(call: Call, installation: Installation, wanted: NewToken) -> list[PlaygroundRepo] | None:
    if wanted.repositories is None and wanted.repository_ids is None:
        return None
    reachable = call.core.world.repositories_of(installation)
    names, ids = set(wanted.repositories or ()), set(wanted.repository_ids or ())
    chosen = [repo for repo in reachable if repo.name in names or repo.id in ids]
    if {repo.name for repo in chosen} < names or {repo.id for repo in chosen} < ids:
        message = (
            "There is at least one repository that does not exist or is not accessible to the parent "
            "installation."
        )
        raise unprocessable(message)
    return chosen


def revoke_token(call: Call) -> Answer:
    """End the token that asks for it."""
    if call.caller.token is None or call.caller.installation is None:
        raise ApiError(401, "Requires authentication")
    del call.core.world.tokens[call.caller.token.value]
    return Answer(status=204)


def list_installation_repositories(call: Call) -> Answer:
    """What the installation token reaches."""
    if call.caller.installation is None:
        raise ApiError(
            403, "You must authenticate with an installation access token in order to list repositories"
        )
    reachable = [
        repo
        for repo in call.core.world.repositories_of(call.caller.installation)
        if call.caller.may(repo, "metadata", "read")
    ]
    return call.listed([shapes.repository(call.core.site, repo) for repo in reachable], under="repositories")


def list_repositories(call: Call) -> Answer:
    """The repositories that a person works on."""
    login = call.actor.login
    mine = [repo for repo in call.core.world.repositories.values() if login.lower() in repo.collaborators]
    return call.listed([shapes.repository(call.core.site, repo, viewer=call.actor) for repo in mine])


def get_hook(call: Call) -> Answer:
    """Where the App's webhooks go; its secret is never shown."""
    app = _app(call)
    hidden = {"secret": "********"} if app.webhook_secret else {}
    return Answer({"content_type": "json", "insecure_ssl": "0", "url": app.webhook_url, **hidden})


def list_deliveries(call: Call) -> Answer:
    """The log of the App's webhook."""
    return call.listed([_delivery(one) for one in call.core.hooks.log(_app(call))])


def get_delivery(call: Call) -> Answer:
    """One delivery with what was sent and answered."""
    one = _find_delivery(call)
    request = {"headers": one.headers, "payload": one.body.decode()}
    return Answer(
        {**_delivery(one), "request": request, "response": {"headers": {}, "payload": one.response}}
    )


def redeliver(call: Call) -> Answer:
    """Send a delivery again."""
    call.core.hooks.redeliver(_find_delivery(call).id)
    return Answer({}, 202)


def _find_delivery(call: Call) -> Delivery:
    app = _app(call)
    try:
        one = call.core.hooks.find(call.number("id"))
    except LookupError:
        raise not_found() from None
    if one.app is not app:
        raise not_found()
    return one


def _delivery(one: Delivery) -> Json:
    return {
        "id": one.id,
        "guid": one.guid,
        "delivered_at": moment(one.delivered_at),
        "redelivery": one.redelivery,
        "duration": round(one.seconds, 3),
        "status": one.status,
        "status_code": one.status_code or 0,
        "event": one.event,
        "action": one.action or None,
        "installation_id": one.installation_id,
        "repository_id": one.repository_id,
        "throttled_at": None,
    }


def get_viewer(call: Call) -> Answer:
    """Who the token belongs to; an installation is nobody."""
    if call.caller.installation:
        raise ApiError(403, "Resource not accessible by integration")
    return Answer(shapes.full_account(call.core.site, call.actor))


def get_user(call: Call) -> Answer:
    """An account by its login."""
    found = call.core.world.find_account(call.params["login"])
    if found is None:
        raise not_found()
    return Answer(shapes.full_account(call.core.site, found))


def get_user_by_id(call: Call) -> Answer:
    """An account by its number."""
    wanted = call.number("id")
    for account in call.core.world.accounts.values():
        if account.id == wanted:
            return Answer(shapes.full_account(call.core.site, account))
    raise not_found()


def get_rate_limit(_call: Call) -> Answer:
    """The rate limit, which the playground counts but does not enforce."""
    one = {"limit": 5000, "used": 0, "remaining": 5000, "reset": int(time.time()) + 3600}
    resources = {"core": one, "search": one, "graphql": one}
    return Answer({"resources": resources, "rate": one})


def get_meta(_call: Call) -> Answer:
    """About this server."""
    return Answer({"verifiable_password_authentication": False, "installed_version": "playground"})


def get_root(call: Call) -> Answer:
    """Where things are."""
    api = call.core.site.api
    return Answer({"current_user_url": f"{api}/user", "repository_url": f"{api}/repos/{{owner}}/{{repo}}"})


def _app(call: Call) -> App:
    if call.caller.app is None:
        raise ApiError(401, "A JSON web token could not be decoded")
    return call.caller.app


def _installation(call: Call) -> Installation:
    app = _app(call)
    found = call.core.world.installations.get(call.number("id"))
    if found is None or found.app is not app:
        raise not_found()
    return found
