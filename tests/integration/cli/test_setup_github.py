"""``patchpilot setup github`` as an operator runs it, with the playground's GitHub behind the browser."""

from __future__ import annotations

import html
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from dotenv import dotenv_values
from fastapi import FastAPI

from patchpilot.settings import BotSettings, EffectsSettings
from playground.github.server import GitHub, router
from playground.serving import free_port, served
from providers.hosts import github_checkup, github_sign_in_checkup
from providers.hosts.github_auth import FOLLOWER, READER, WRITER, reader_access, writer_access
from tests.signals import HEARS_SIGNALS

URL = "https://patchpilot.acme.test"
SECRETS = (
    "GITHUB_PRIVATE_KEY",
    "GITHUB_READER_PRIVATE_KEY",
    "GITHUB_WEBHOOK_SECRET",
    "GITHUB_APP_CLIENT_SECRET",
)


@pytest.fixture
def github(tmp_path) -> Iterator[GitHub]:
    port = free_port()
    with GitHub(tmp_path / "github", base_url=f"http://127.0.0.1:{port}", ci=None) as github:
        github.create_repository("acme/widget", collaborators={"ana": "admin"})
        app = FastAPI()
        app.include_router(router(github))
        with served(app, port=port):
            yield github


class Run:
    """The command at work, and what the browser does meanwhile."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.output = ""
        while "http://127.0.0.1" not in self.output:
            line = process.stdout.readline()
            assert line, f"it ended: {self.output}{process.stderr.read()}"
            self.output += line
        self.page = re.search(r"http://127\.0\.0\.1:\d+/\S+", self.output)[0]
        self.browser = httpx.Client(follow_redirects=True, timeout=30)

    def forms(self) -> dict[str, tuple[str, str]]:
        """Address and manifest of each form, by its button."""
        text = self.browser.get(self.page).text
        found = re.findall(
            r"action='([^']+)'><input type='hidden' name='manifest' value='([^']+)'><button id='(\w+)'", text
        )
        return {kind: (html.unescape(action), html.unescape(filled)) for action, filled, kind in found}

    def consent(self, kind: str) -> tuple[str, str]:
        """Post the form: where GitHub's own page creates the App, and its hidden field."""
        action, filled = self.forms()[kind]
        page = self.browser.post(action, data={"manifest": filled})
        assert page.status_code == 200, page.text
        asked = re.search(r"name='asked' value='(\w+)'", page.text)[1]
        return str(httpx.URL(action).copy_with(path="/settings/apps", query=None)), asked

    def make(self, kind: str) -> httpx.Response:
        """All the way, back on our page."""
        address, asked = self.consent(kind)
        return self.browser.post(address, data={"asked": asked})

    def end(self) -> int:
        rest, errors = self.process.communicate(timeout=60)
        self.output += rest + errors
        return self.process.returncode


@contextmanager
def running(github: GitHub, out, *options: str) -> Iterator[Run]:
    process = subprocess.Popen(
        [*HEARS_SIGNALS, sys.executable, "-m", "cli", "setup", "github", str(out), "--url", URL,
         "--api-url", github.api_url, *options],
        env={"PATH": os.environ["PATH"], "HOME": "/tmp", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        run = Run(process)
        yield run
        run.browser.close()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def levels(found) -> dict[str, str]:
    return {one.about: one.level.value for one in found}


def test_both_apps_are_made_as_they_are_and_what_is_written_works(github, tmp_path):
    out = tmp_path / "github.env"
    with running(github, out) as run:
        assert "Made: patchpilot" in run.make("writer").text
        assert "That is all" in run.make("reader").text
        assert run.end() == 0, run.output

    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    written = dotenv_values(out)
    assert not [name for name in SECRETS if not written[name] or written[name] in run.output]
    assert "BEGIN" not in run.output
    apps = {app.slug: app for app in github.core.world.apps.values()}
    assert apps["patchpilot"].webhook_url == f"{URL}/api/webhooks/github"
    assert apps["patchpilot"].webhook_secret == written["GITHUB_WEBHOOK_SECRET"]
    assert apps["patchpilot-reader"].callback_url == f"{URL}/auth/github/callback"
    assert f"{github.base_url}/apps/patchpilot/installations/new" in run.output

    for app in apps.values():
        github.core.world.install(app, github.core.world.find_account("acme"), None)
    plain = {name.lower(): value for name, value in written.items()}
    base = {"database_url": "postgresql://nowhere/x", "redis_url": "redis://nowhere"}
    effects = EffectsSettings(_env_file=None, **base | plain)
    bot = BotSettings(_env_file=None, slack_bot_token="x", slack_signing_secret="y", **base | plain)
    needs = {**FOLLOWER, **WRITER}
    webhook = f"{URL}/api/webhooks/github"
    looks = [
        *github_checkup.findings(writer_access(effects), who="w", needs=needs, webhook_url=webhook),
        *github_checkup.findings(reader_access(bot), who="r", needs=READER),
        *github_sign_in_checkup.findings(bot),
    ]
    assert set(levels(looks).values()) <= {"well", "note"}, looks


def test_a_shell_reads_the_file_too(github, tmp_path):
    out = tmp_path / "github.env"
    with running(github, out, "--only", "writer") as run:
        run.make("writer")
        assert run.end() == 0, run.output

    said = subprocess.run(
        ["sh", "-c", f'. {out}; printf %s "$GITHUB_PRIVATE_KEY"'], capture_output=True, text=True, check=True
    ).stdout
    assert said == dotenv_values(out)["GITHUB_PRIVATE_KEY"]
    assert "GITHUB_READER_APP_ID" not in dotenv_values(out)


def test_an_organisations_app_is_asked_for_at_the_organisation(github, tmp_path):
    with running(github, tmp_path / "x.env", "--organisation", "acme") as run:
        action, _ = run.forms()["writer"]
        assert httpx.URL(action).path == "/organizations/acme/settings/apps/new"
        assert "Made: patchpilot" in run.make("writer").text


def test_a_code_that_came_from_elsewhere_is_not_taken(github, tmp_path):
    with running(github, tmp_path / "x.env") as run:
        address, asked = run.consent("writer")
        back = run.browser.post(address, data={"asked": asked}, follow_redirects=False).headers["location"]
        forged = re.sub(r"state=[^&]+", "state=forged", back)

        assert run.browser.get(forged).status_code == 404
        assert run.browser.get(run.page, headers={"Host": "evil.test"}).status_code == 404
        assert run.browser.get(re.sub(r"/[^/]+/$", "/guessed/", run.page)).status_code == 404
        assert "Made: patchpilot" in run.browser.get(back).text
        # The same address again changes nothing.
        assert "Made: patchpilot" in run.browser.get(back).text


def test_a_code_that_github_does_not_know_is_explained_and_the_form_still_works(github, tmp_path):
    with running(github, tmp_path / "x.env") as run:
        address, asked = run.consent("reader")
        back = run.browser.post(address, data={"asked": asked}, follow_redirects=False).headers["location"]
        for code in ("used-up", "../../user", ""):
            page = run.browser.get(re.sub(r"code=[^&]*", f"code={code}", back))
            assert page.status_code == 502
            assert "code" in page.text
        assert "Made: patchpilot-reader" in run.browser.get(back).text


def test_half_of_it_is_kept_and_the_rest_named(github, tmp_path):
    out = tmp_path / "x.env"
    with running(github, out, "--minutes", "0.1") as run:
        run.make("writer")
        code = run.end()

    assert code == 2
    assert "the reader App was not made" in run.output
    assert dotenv_values(out)["GITHUB_APP_ID"]


def test_nothing_made_leaves_no_file(github, tmp_path):
    out = tmp_path / "x.env"
    with running(github, out, "--minutes", "0.02") as run:
        assert run.end() == 2

    assert "no App was made" in run.output
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--url", "patchpilot.acme.test"], "no address such as"),
        (["--url", URL, "--organisation", "a/b"], "no name of an organisation"),
    ],
)
def test_what_can_not_be_used_is_named_before_anything_is_made(tmp_path, options, says):
    out = tmp_path / "x.env"
    done = subprocess.run(
        [sys.executable, "-m", "cli", "setup", "github", str(out), *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert says in done.stderr
    assert not out.exists()


def test_a_file_that_is_there_is_left_as_it_is(tmp_path):
    out = tmp_path / "x.env"
    out.write_text("MINE=1\n")
    done = subprocess.run(
        [sys.executable, "-m", "cli", "setup", "github", str(out), "--url", URL],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, "is there already" in done.stderr) == (2, True)
    assert out.read_text() == "MINE=1\n"


@pytest.mark.browser
def test_two_buttons_in_a_browser_are_all_it_takes(github, tmp_path, browser):
    out = tmp_path / "github.env"
    with running(github, out) as run:
        page = browser.new_page()
        problems: list[str] = []
        ours = httpx.URL(run.page).netloc.decode()
        # What GitHub's own pages lack is not ours.
        page.on(
            "console",
            lambda one: (
                problems.append(one.text) if one.type == "error" and ours in one.location["url"] else None
            ),
        )
        page.goto(run.page)
        page.get_by_text("first the one that writes, then the one that only reads").wait_for()
        # By its words, in their order: the one whose turn it is stands out.
        buttons = page.get_by_role("button").all_inner_texts()
        assert buttons == ["1. Make the App that writes", "2. Make the App that only reads"]
        assert page.locator("#reader").get_attribute("class") == "later"
        header = page.locator("header").evaluate("one => getComputedStyle(one).backgroundColor")
        assert header == "rgb(15, 38, 33)"
        for name in buttons:
            page.get_by_role("button", name=name).click()
            page.get_by_role("button", name="Create GitHub App").click()
        page.get_by_text("That is all").wait_for()
        assert page.get_by_role("link", name="Install it").count() == 2
        assert problems == []
        page.close()
        assert run.end() == 0, run.output

    assert {app.slug for app in github.core.world.apps.values()} == {"patchpilot", "patchpilot-reader"}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whoever_ends_it_may_run_it_again(github, tmp_path, ending):
    out = tmp_path / "github.env"
    with running(github, out) as run:
        assert out.exists()
        run.process.send_signal(ending)
        assert run.end() == 2

    assert "run this again" in run.output
    assert not out.exists()


def refused(out, *options: str) -> str:
    """What is said, where it ends with exit code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "setup", "github", str(out), "--url", URL, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert not out.exists()
    return done.stderr


def test_a_port_that_was_asked_for_is_taken_or_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert f"port {port} is taken" in refused(tmp_path / "g.env", "--port", str(port))


def test_an_address_of_no_api_is_refused(tmp_path):
    assert "https://HOST/api/v3" in refused(tmp_path / "g.env", "--api-url", "foo")
