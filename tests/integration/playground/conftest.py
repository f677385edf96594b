"""The page in a real browser, beside a scripted Bolt app and a scripted GitHub."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from fastapi import FastAPI, Request
from playwright.sync_api import Browser, Page
from slack_bolt import App
from slack_bolt.adapter.fastapi import SlackRequestHandler
from slack_sdk import WebClient

from playground.serving import free_port, served
from playground.slack.pace import QUICK
from playground.slack.routes import router as slack_router
from playground.slack.server import Slack
from playground.web.github_view import (
    CheckCard,
    CommentCard,
    CommitCard,
    JobCard,
    PullCard,
    RefusedError,
    RepositoryCard,
    RunCard,
    StepCard,
)
from playground.web.page import router as page_router

SCOPES = [
    "chat:write",
    "commands",
    "app_mentions:read",
    "files:write",
    "im:history",
    "channels:history",
    "users:read",
]
NOW = "2026-11-23T06:30:07Z"
DIFF = """diff --git a/checkout/discount.py b/checkout/discount.py
index 1111111..2222222 100644
--- a/checkout/discount.py
+++ b/checkout/discount.py
@@ -8,7 +8,7 @@ from decimal import ROUND_HALF_UP, Decimal

 def discounted(price: Decimal, percent: int) -> Decimal:
     \"\"\"The price after a discount, to the cent.\"\"\"
-    if percent > 50:
+    if percent >= 50:
         percent = MAXIMUM
     return (price * (100 - percent) / 100).quantize(CENT, ROUND_HALF_UP)
"""
LOG = """2026-11-23T06:30:07.1234567Z ##[group]Run python -m pytest -q
2026-11-23T06:30:07.1234567Z python -m pytest -q
2026-11-23T06:30:07.1234567Z shell: /usr/bin/bash -e {0}
2026-11-23T06:30:07.1234567Z ##[endgroup]
2026-11-23T06:30:08.1234567Z .....F..                                                         [100%]
2026-11-23T06:30:08.1234567Z E       AssertionError: assert Decimal('50.00') == Decimal('60.00')
2026-11-23T06:30:08.1234567Z FAILED tests/test_discount.py::test_half_price_is_capped - AssertionError
2026-11-23T06:30:08.1234567Z <script>alert("not a script")</script>
2026-11-23T06:30:08.1234567Z 1 failed, 7 passed in 0.41s
2026-11-23T06:30:08.2234567Z ##[error]Process completed with exit code 1.
"""
BODY = """## What was wrong

`discounted()` let *exactly* 50 % through: the bound said `>` where the tests say **at least**.

| | before | after |
|---|---|---|
| tests | 1 failed, 7 passed | 8 passed |

<details><summary>Log of the failing run</summary>

```
E  AssertionError: assert Decimal('50.00') == Decimal('60.00')
```

</details>

<img src=x onerror=alert(1)> <!-- patchpilot:heal=h1 -->
"""


def _steps(state: str) -> tuple[StepCard, ...]:
    return (
        StepCard(name="Set up job", state="success"),
        StepCard(name="Run actions/checkout@v4", state="success"),
        StepCard(name="Run python -m pytest -q", state=state),
    )


def _run(number: int, title: str, state: str, branch: str = "main") -> RunCard:
    return RunCard(
        id=7000 + number,
        name="CI",
        title=title,
        number=number,
        attempt=1,
        event="push",
        branch=branch,
        sha=f"{number}" * 40,
        actor="ben",
        state=state,
        created_at=NOW,
        jobs=(JobCard(id=9000 + number, name="test", state=state, steps=_steps(state)),),
    )


@dataclass
class ScriptedGitHub:
    """One repository whose pull request can be merged and commented on."""

    pull: PullCard = field(
        default_factory=lambda: PullCard(
            number=3,
            title="Cap discounts at exactly 50 % too",
            body=BODY,
            author="patchpilot[bot]",
            bot=True,
            state="open",
            head="patchpilot/heal-h1",
            base="main",
            head_sha="3" * 40,
            created_at=NOW,
            labels=("patchpilot",),
            comments=(
                CommentCard(
                    id=1,
                    author="ana",
                    body="@patchpilot explain",
                    created_at=NOW,
                    reactions=(("eyes", 1), ("rocket", 1)),
                ),
            ),
            checks=(
                CheckCard(name="CI / test", state="success"),
                CheckCard(
                    id=5,
                    name="PatchPilot",
                    state="neutral",
                    app="patchpilot",
                    summary="Reproduced and cured in a sandbox: 1 failed → 8 passed.",
                    actions=(("retry", "Retry", "Try another fix"), ("escalate", "Escalate", "Ask a person")),
                ),
            ),
        )
    )
    acts: list[tuple[object, ...]] = field(default_factory=list)
    listeners: list[object] = field(default_factory=list)

    def repositories(self):
        return (
            RepositoryCard(
                full_name="acme/checkout",
                default_branch="main",
                pulls=(self.pull,),
                runs=(
                    _run(4, "Cap discounts at exactly 50 % too", "success", "patchpilot/heal-h1"),
                    _run(3, "Simplify the discount bound", "failure"),
                    _run(2, "Round half up", "success"),
                ),
                commits=(
                    CommitCard(
                        sha="3" * 40,
                        subject="Simplify the discount bound",
                        author="ben",
                        created_at=NOW,
                        state="failure",
                    ),
                    CommitCard(
                        sha="2" * 40, subject="Round half up", author="ana", created_at=NOW, state="success"
                    ),
                ),
                people=("ana", "ben"),
            ),
            RepositoryCard(
                full_name="acme/ledger",
                default_branch="main",
                private=True,
                runs=(_run(9, "Post entries twice", "in_progress"),),
            ),
            RepositoryCard(full_name="acme/notifier", default_branch="main"),
        )

    def log(self, full_name, job_id):
        return LOG

    def diff(self, full_name, number):
        return DIFF

    def _note(self, *act, **changes):
        if act[-1] == "cleo":
            raise RefusedError(f"cleo may not {act[0]} here: that needs write access")
        self.acts.append(act)
        self.pull = replace(self.pull, **changes)
        for listener in self.listeners:
            listener()

    def merge(self, full_name, number, *, by):
        self._note("merge", number, by, state="merged")

    def close(self, full_name, number, *, by):
        self._note("close", number, by, state="closed")

    def reopen(self, full_name, number, *, by):
        self._note("reopen", number, by, state="open")

    def ready(self, full_name, number, *, by):
        self._note("ready", number, by, state="open")

    def comment(self, full_name, number, text, *, by):
        comment = CommentCard(id=len(self.pull.comments) + 1, author=by, body=text, created_at=NOW)
        self._note("comment", number, text, by, comments=(*self.pull.comments, comment))

    def rerun(self, full_name, run_id, *, by):
        self._note("rerun", run_id, by)

    def press_check(self, full_name, check_id, identifier, *, by):
        self._note("check", check_id, identifier, by)

    def subscribe(self, listener):
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)


@dataclass
class Playground:
    """A running playground with one Bolt app."""

    slack: Slack
    github: ScriptedGitHub
    bolt: App
    client: WebClient
    url: str
    ana: str
    ben: str
    bot: str


@pytest.fixture
def playground() -> Iterator[Playground]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app_port = free_port()
    app_url = f"http://127.0.0.1:{app_port}/slack/events"
    slack = Slack(base_url=url, signing_secret="secret", team_name="Acme", pace=QUICK)
    github = ScriptedGitHub()
    ana = slack.add_user("ana", "Ana Ruiz", email="ana@acme.example")
    ben = slack.add_user("ben", "Ben Okafor", email="ben@acme.example")
    slack.add_user("cleo", "Cleo Lindt", email="cleo@acme.example", is_guest=True)
    bot = slack.install_app(
        app_id="A0PATCH",
        bot_token="xoxb-playground",
        events_url=app_url,
        interactivity_url=app_url,
        commands={"/patchpilot": app_url},
        scopes=SCOPES,
        events=["app_mention", "app_home_opened"],
        bot_real_name="PatchPilot",
    )
    slack.add_channel("ci", members=["ana", "ben", "cleo", bot])
    slack.add_channel("general", members=["ana", "ben", "cleo"])
    slack.add_channel("payments", members=["ana", "ben"], private=True)
    client = WebClient(token="xoxb-playground", base_url=f"{url}/slack/api/")
    web = FastAPI()
    for routes in (page_router(slack, github), slack_router(slack)):
        web.include_router(routes)
    bolt = App(client=client, signing_secret="secret", token_verification_enabled=False)
    handler = SlackRequestHandler(bolt)

    # A server of its own: Bolt's handler blocks its loop while it asks Slack who the token belongs to.
    answering = FastAPI()

    @answering.post("/slack/events")
    async def endpoint(req: Request):
        return await handler.handle(req)

    with served(web, port=port), served(answering, port=app_port):
        yield Playground(slack, github, bolt, client, url, ana, ben, bot)
    slack.close()


@pytest.fixture
def page(browser: Browser, playground: Playground) -> Iterator[Page]:
    """The page, opened by Ana; it must not log errors or open dialogs of the browser's own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC")
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda line: problems.append(line.text) if line.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(playground.url)
    page.get_by_role("status").get_by_text("live").wait_for()
    yield page
    context.close()
    # Chromium itself notes every refusal (409) in the console.
    assert [line for line in problems if "409 (Conflict)" not in line] == []


@pytest.fixture
def eventually():
    """Wait until a look gives something true; fails after a minute."""

    def wait(look):
        deadline = time.monotonic() + 60
        while not (seen := look()):
            assert time.monotonic() < deadline, "nothing happened within a minute"
            time.sleep(0.02)
        return seen

    return wait
