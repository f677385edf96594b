"""Apps from a manifest, as the playground's GitHub makes them."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import httpx
import pytest

from playground.github import app_manifests

GOOD = {
    "name": "Helper",
    "url": "https://helper.test",
    "redirect_url": "http://127.0.0.1:1/back?from=github",
    "hook_attributes": {"url": "https://helper.test/hook"},
    "default_permissions": {"contents": "read"},
    "default_events": ["push"],
}


def asked(hub, manifest: object, place: str = "/settings/apps/new") -> httpx.Response:
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    return httpx.post(f"{hub.base_url}{place}?state=s", data={"manifest": text})


def created(hub, manifest: object = GOOD) -> httpx.Response:
    key = re.search(r"name='asked' value='(\w+)'", asked(hub, manifest).text)[1]
    return httpx.post(f"{hub.base_url}/settings/apps", data={"asked": key})


def converted(hub, code: str) -> httpx.Response:
    return httpx.post(f"{hub.api_url}/app-manifests/{code}/conversions")


def code_of(answer: httpx.Response) -> str:
    return httpx.URL(answer.headers["location"]).params["code"]


def test_a_code_buys_the_apps_secrets_once(github_site):
    back = created(github_site.hub)
    where = httpx.URL(back.headers["location"])
    assert (where.params["state"], where.params["from"]) == ("s", "github")

    made = converted(github_site.hub, code_of(back))

    assert made.status_code == 201
    assert made.json()["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert all(made.json()[name] for name in ("id", "client_id", "client_secret", "webhook_secret"))
    assert converted(github_site.hub, code_of(back)).status_code == 404


def test_a_code_ends_after_an_hour(github_site, monkeypatch):
    code = code_of(created(github_site.hub))
    later = app_manifests.now() + timedelta(minutes=61)
    monkeypatch.setattr(app_manifests, "now", lambda: later)

    assert converted(github_site.hub, code).status_code == 404


@pytest.mark.parametrize(
    "changed", [{"name": "x" * 35}, {"redirect_url": "javascript:1"}, {"hook_attributes": {}}, {"url": None}]
)
def test_a_manifest_that_can_not_be_used_is_refused(github_site, changed):
    assert asked(github_site.hub, GOOD | changed).status_code == 422


def test_no_json_an_unknown_organisation_and_a_taken_name_are_refused(github_site):
    assert asked(github_site.hub, "{").status_code == 422
    assert asked(github_site.hub, GOOD, "/organizations/nobody/settings/apps/new").status_code == 404
    created(github_site.hub)
    assert created(github_site.hub).status_code == 422
