"""``patchpilot setup github``: both GitHub Apps made from their manifests, their settings written to a file.

GitHub makes an App from a manifest only through a form in a browser that is signed in there. So a page on
this machine holds the two forms; GitHub sends the browser back with a code that buys the App's secrets once.
"""

from __future__ import annotations

import enum
import hmac
import json
import os
import secrets
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self
from urllib.parse import urlsplit

import typer

from patchpilot.errors import PatchPilotError, PermanentError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

    from providers.hosts.github_manifest import MadeApp

KeepApp = Callable[[str, "MadeApp"], None]
"""Keeps an App, given which of the two it is."""
_KINDS: Final = ("writer", "reader")


_NOTHING: Final = "<section class='card'><h1>There is nothing here</h1></section>"


class Only(enum.StrEnum):
    """One of the two Apps."""

    WRITER = "writer"
    READER = "reader"


_SAYS: Final = {
    "writer": "It writes branches and pull requests; held by the effects role.",
    "reader": "Its read-only twin, with which people sign in; held by the bot and the workers.",
}
_RIGHTS: Final = {"writer": "writes", "reader": "only reads"}


def setup_github_command(
    out: Annotated[Path, typer.Argument(help="File for the settings; it must not be there yet.")],
    *,
    url: Annotated[str, typer.Option(help="Where GitHub and people will reach the bot (PUBLIC_URL).")],
    organisation: Annotated[
        str, typer.Option("--organisation", "--organization", help="Whose Apps these are; yours by default.")
    ] = "",
    api_url: Annotated[
        str, typer.Option(envvar="GITHUB_API_URL", help="https://HOST/api/v3 for GitHub Enterprise Server.")
    ] = "https://api.github.com",
    only: Annotated[Only | None, typer.Option(help="Make just this one; both by default.")] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Of the page on this machine; any free one by default.")
    ] = 0,
    minutes: Annotated[float, typer.Option(help="How long to wait for the browser.", min=0.01)] = 60.0,
) -> None:
    """Make both GitHub Apps in the browser and write their settings to a file that only you can read.

    Opens a page on this machine; from another one, forward its port: ssh -L PORT:127.0.0.1:PORT. No secret
    is printed.
    """
    from playground.serving import free_port, served  # noqa: PLC0415 - keeps the other commands quick to start
    from providers.hosts.github_manifest import form_address  # noqa: PLC0415

    url = url.rstrip("/")
    _check(url)
    form_address(api_url, organisation=organisation, state="")
    number = free_port(port)
    if port and number != port:
        raise PermanentError(f"port {port} is taken on this machine; choose another with --port")
    # Ended by whatever means, nothing half-made stays behind.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupted)
    with _settings_file(out, public_url=url, api_url=api_url) as file:
        page = SetupPage(
            public_url=url,
            organisation=organisation,
            api_url=api_url,
            port=number,
            keep=file.add,
            kinds=(only.value,) if only else _KINDS,
        )
        try:
            with served(page.app(), port=number):
                typer.echo(f"Open this in a browser that is signed in on GitHub:\n\n  {page.address}\n")
                page.done.wait(minutes * 60)
        except KeyboardInterrupt:
            typer.echo("Ended.")
        finally:
            if not page.made:
                out.unlink(missing_ok=True)
    _report(page, out)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query
    except ValueError:
        good = False
    if not good:
        raise PermanentError(f"--url {url!r} is no address such as https://patchpilot.example.com")


def _report(page: SetupPage, out: Path) -> None:
    for kind, app in page.made.items():
        typer.echo(f"{kind}: {app.slug} (id {app.id}). Install it: {app.page}/installations/new")
    if not page.made:
        raise PermanentError("no App was made, so no file was written; run this again")
    typer.echo(f"Their settings are in {out}, which only you can read.")
    writer = page.made.get(Only.WRITER)
    if writer is not None and not writer.webhook_secret:
        typer.echo("GitHub gave no webhook secret: set one on the App's page and as GITHUB_WEBHOOK_SECRET.")
    if page.missing:
        kind = page.missing[0]
        raise PermanentError(f"the {kind} App was not made: run this again for it, with --only {kind}")
    typer.echo("Then: patchpilot doctor")


@dataclass
class SetupPage:
    """The page with the two forms, for one run: its address, and each form's way back, can't be guessed."""

    public_url: str
    organisation: str
    api_url: str
    port: int
    keep: KeepApp
    kinds: tuple[str, ...] = _KINDS
    made: dict[str, MadeApp] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    states: dict[str, str] = field(default_factory=lambda: {one: secrets.token_urlsafe(24) for one in _KINDS})
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def missing(self) -> list[str]:
        """Those that are still to be made."""
        return [kind for kind in self.kinds if kind not in self.made]

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/{self.key}/"

    def app(self) -> Starlette:
        """What is served."""
        from starlette.applications import Starlette  # noqa: PLC0415 - as above
        from starlette.responses import HTMLResponse, Response  # noqa: PLC0415
        from starlette.routing import Route  # noqa: PLC0415

        from bot.web.pages import ASSETS, HEADERS, document, static  # noqa: PLC0415

        home = f"/{self.key}/"

        def shown(text: str, status: int = 200) -> HTMLResponse:
            page = document("PatchPilot on GitHub", text, assets=f"{home}assets", home=home)
            return HTMLResponse(page, status_code=status, headers=HEADERS)

        def asset(request: Request) -> Response:
            name = str(request.path_params["name"])
            if not self._ours(request) or name not in ASSETS:
                return shown(_NOTHING, 404)
            # Kept for the last page, which is shown when this ends.
            headers = HEADERS | {"Cache-Control": "private, max-age=600"}
            return Response(static(name), media_type=ASSETS[name], headers=headers)

        def forms(request: Request) -> HTMLResponse:
            return shown(self._forms()) if self._ours(request) else shown(_NOTHING, 404)

        def come_back(request: Request) -> HTMLResponse:
            kind, asked = str(request.path_params["kind"]), request.query_params
            wanted = self.states.get(kind, "")
            same = bool(wanted) and hmac.compare_digest(asked.get("state", "").encode(), wanted.encode())
            if not (self._ours(request) and same):
                return shown(_NOTHING, 404)
            try:
                self._finish(kind, asked.get("code", ""))
            except PatchPilotError as error:
                text = f"<h1>The App was not made</h1><p>{escape(str(error))}.</p>"
                again = f"<p><a class='button' href='{home}'>Back, to try again</a></p>"
                return shown(f"<section class='card'>{text}{again}</section>", 502)
            return shown(self._forms())

        routes = [
            Route("/{key}/", forms),
            Route("/{key}/assets/{name}", asset),
            Route("/{key}/{kind}", come_back),
        ]
        return Starlette(routes=routes)

    def _ours(self, request: Request) -> bool:
        # A name that another site has pointed at this machine is not ours.
        same = request.headers.get("host", "") == f"127.0.0.1:{self.port}"
        return same and hmac.compare_digest(str(request.path_params["key"]).encode(), self.key.encode())

    def _finish(self, kind: str, code: str) -> None:
        from providers.hosts.github_manifest import made_app  # noqa: PLC0415 - as above

        with self.lock:
            if kind not in self.missing:
                return
            found = made_app(self.api_url, code)
            self.keep(kind, found)
            self.made[kind] = found
        if not self.missing:
            # The browser is to see that it worked before this ends.
            threading.Timer(1.0, self.done.set).start()

    def _forms(self) -> str:
        if not self.missing:
            install = "Install each on the repositories it is for" if len(self.kinds) > 1 else "Install it"
            told = f"That is all. {install}; this page is not needed any more."
        elif len(self.kinds) > 1:
            told = (
                "Two Apps, made one after the other: first the one that writes, then the one that only "
                "reads. GitHub asks you to confirm each, and sends you back here."
            )
        else:
            told = "GitHub asks you to confirm, and sends you back here."
        start = f"<section class='card'><h1>PatchPilot on GitHub</h1><p>{told}</p></section>"
        return start + "".join(self._card(number, kind) for number, kind in enumerate(self.kinds, 1))

    def _card(self, number: int, kind: str) -> str:
        from providers.hosts.github_manifest import READER, WRITER, form_address, manifest  # noqa: PLC0415

        name = WRITER if kind == "writer" else READER
        called = f"{'PatchPilot' if kind == 'writer' else 'PatchPilot Reader'}, which {_RIGHTS[kind]}"
        step = f"{number}. " if len(self.kinds) > 1 else ""
        title = f"<h2>{step}{escape(called)}</h2><p>{escape(_SAYS[kind])}</p>"
        app = self.made.get(kind)
        if app is not None:
            install = escape(f"{app.page}/installations/new")
            done = (
                f"<p>✓ Made: {escape(app.slug)}.</p><p><a class='button' href='{install}'>Install it</a></p>"
            )
            return f"<section class='card'>{title}{done}</section>"
        back = f"{self.address}{kind}"
        filled = json.dumps(manifest(name, public_url=self.public_url, redirect_url=back))
        action = form_address(self.api_url, organisation=self.organisation, state=self.states[kind])
        # The one whose turn it is stands out.
        later = "" if kind == self.missing[0] else " class='later'"
        return (
            f"<section class='card'>{title}<form method='post' action='{escape(action)}'>"
            f"<input type='hidden' name='manifest' value='{escape(filled)}'>"
            f"<button id='{kind}'{later}>{step}Make the App that {_RIGHTS[kind]}</button></form></section>"
        )


class SettingsFile:
    """A new file with mode 0600, written anew with each App, so that nothing is lost if this ends early."""

    def __init__(self, descriptor: int, *, public_url: str, api_url: str) -> None:
        self._descriptor = descriptor
        self._lines = [
            "# Written by patchpilot setup github. Give each role only its own (patchpilot settings).",
            f"PUBLIC_URL={_quoted(public_url)}",
            f"GITHUB_API_URL={_quoted(api_url)}",
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def add(self, kind: str, app: MadeApp) -> None:
        """Write an App's settings."""
        values = _writer(app) if kind == "writer" else _reader(app)
        self._lines += [f"# {app.slug}", *(f"{name}={_quoted(value)}" for name, value in values.items())]
        content = ("\n".join(self._lines) + "\n").encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.truncate(self._descriptor, 0)
        while content:
            content = content[os.write(self._descriptor, content) :]
        os.fsync(self._descriptor)


def _settings_file(out: Path, *, public_url: str, api_url: str) -> SettingsFile:
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        text = f"{out} is there already; name a file that is not, as nothing is overwritten"
        raise PermanentError(text) from None
    except OSError as error:
        text = f"{str(out)!r} can't be written ({error.strerror}); name a file in a folder of yours"
        raise PermanentError(text) from error
    return SettingsFile(descriptor, public_url=public_url, api_url=api_url)


def _writer(app: MadeApp) -> dict[str, str]:
    return {
        "GITHUB_APP_ID": str(app.id),
        "GITHUB_PRIVATE_KEY": app.pem,
        "GITHUB_WEBHOOK_SECRET": app.webhook_secret,
    }


def _reader(app: MadeApp) -> dict[str, str]:
    return {
        "GITHUB_READER_APP_ID": str(app.id),
        "GITHUB_READER_PRIVATE_KEY": app.pem,
        "GITHUB_APP_CLIENT_ID": app.client_id,
        "GITHUB_APP_CLIENT_SECRET": app.client_secret,
    }


def _quoted(value: str) -> str:
    """On one line and literal: so a shell, Compose and a ``.env`` agree.

    The settings read a key's line breaks written as backslash and n.
    """
    one_line = value.strip().replace("\n", "\\n")
    if "'" in one_line or "\r" in one_line:
        raise PermanentError("GitHub gave a value with a quotation mark; such a file can't be written")
    return f"'{one_line}'"
