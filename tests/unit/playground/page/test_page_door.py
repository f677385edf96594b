"""Who may use the page, and how it answers bad requests."""

import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from playground.slack.pace import QUICK
from playground.slack.server import Slack
from playground.web import page
from playground.web.github_view import NoGitHub


@pytest.fixture
def slack():
    slack = Slack(base_url="http://testserver", signing_secret="s", pace=QUICK)
    ana = slack.add_user("ana", "Ana Ruiz", email="ana@acme.example")
    slack.add_channel("ci", members=[ana])
    yield slack
    slack.close()


@pytest.fixture
def app(slack):
    app = FastAPI()
    app.include_router(page.router(slack, NoGitHub()))
    return app


@pytest.fixture
def client(app):
    with TestClient(app) as client:
        yield client


def ana(slack):
    return slack.workspace.person("ana").id


def test_the_page_and_its_files_come_with_a_policy_that_forbids_foreign_code(client):
    for path in (
        "/",
        "/static/main.js",
        "/static/page.css",
        "/archives/C1/p1700000000000100",
        "/acme/x/pull/3",
    ):
        response = client.get(path)
        assert response.status_code == 200
        assert "script-src 'self'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/static/nothing.js", "/static/..%2fpage.py", "/static/.hidden", "/playground/files/F404"]
)
def test_what_is_not_there_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_a_person_speaks_through_the_page(client, slack):
    said = {"act": "say", "user": ana(slack), "channel": "ci", "text": "hello #ci"}

    answer = client.post("/playground/act", json=said)

    assert answer.json() == {"ok": True}
    state = client.get("/playground/state").json()["slack"]
    [[message]] = state["messages"].values()
    assert message["text"] == ["hello ", ["span", {"kind": "mention"}, "#ci"]]


def test_another_site_may_not_act_nor_listen(client, slack):
    said = {"act": "say", "user": ana(slack), "channel": "ci", "text": "hello"}
    foreign = {"Origin": "https://evil.example"}

    assert client.post("/playground/act", json=said, headers=foreign).status_code == 403
    assert (
        client.post(
            "/playground/act", content=json.dumps(said), headers={"Content-Type": "text/plain"}
        ).status_code
        == 415
    )
    for headers in (foreign, {}):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/playground/ws", headers=headers):
            pass
    assert slack.messages("ci") == []


def test_another_host_name_and_another_machine_are_refused(app):
    with TestClient(app, base_url="http://rebound.example") as rebound:
        assert rebound.get("/playground/state").status_code == 403
    with TestClient(app, client=("192.0.2.7", 4000)) as remote:
        answer = remote.get("/playground/state")
    assert answer.status_code == 403
    assert "this machine only" in answer.json()["detail"]


def test_an_open_page_hears_of_every_change(client, slack):
    with client.websocket_connect("/playground/ws", headers={"Origin": "http://testserver"}) as socket:
        first = [socket.receive_json() for _ in range(2)]
        slack.say("ana", "ci", "news")
        change = socket.receive_json()

    assert [message["part"] for message in first] == ["slack", "github"]
    assert change["part"] == "slack"
    assert "news" in json.dumps(change["state"]["messages"])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 422, "JSON"),
        (b"{}", 422, "act"),
        (b'{"act": "fly", "user": "U1"}', 422, "act"),
        (b'{"act": "say", "user": "U1", "channel": "ci", "text": "x", "as_root": true}', 422, "as_root"),
        (b'{"act": "say", "user": "U404", "channel": "ci", "text": "x"}', 409, "no person"),
        (b'{"act": "press", "user": "ana", "channel": "ci", "ts": "1.0", "action_id": "a"}', 409, "gone"),
        (b'{"act": "submit", "user": "ana", "view_id": "V404", "values": {}}', 409, "not open"),
        (b'{"act": "merge", "user": "ana", "repo": "acme/x", "number": 3}', 409, "no GitHub here"),
    ],
)
def test_a_bad_act_is_answered_with_what_is_wrong(client, body, status, words):
    answer = client.post("/playground/act", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status
    assert words in answer.text


def test_the_script_never_reads_html_nor_loads_from_elsewhere():
    static = Path(page.__file__).parent / "static"
    for file in static.iterdir():
        text = file.read_text(encoding="utf-8")
        for forbidden in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "@import",
            "cdn",
        ):
            assert forbidden not in text, f"{forbidden} in {file.name}"
        if file.suffix in {".css", ".html"}:
            assert "//" not in text.replace("http://www.w3.org", "")
