"""A check-up of sign-in with GitHub: the client id, its secret, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator

from patchpilot.checkup import Finding, failed, note, well
from patchpilot.settings import BotSettings
from providers.hosts.github_sign_in import github_sign_in

_ABOUT = "GitHub sign-in"


def findings(settings: BotSettings) -> Iterator[Finding]:
    """Ask GitHub for a token with a code that it never gave: what it refuses says whether it knows us.

    Raises :class:`~patchpilot.errors.PatchPilotError` when GitHub is away.
    https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
    """
    sign_in = github_sign_in(settings)
    if sign_in is None:
        yield note(
            _ABOUT,
            "is off: nobody can link an account by themselves or sign in on the dashboard",
            "set GITHUB_APP_CLIENT_ID and GITHUB_APP_CLIENT_SECRET, or use: patchpilot link",
        )
        return
    callback = f"{settings.public_url.rstrip('/')}/auth/github/callback"
    match sign_in.refusal():
        case "bad_verification_code":
            yield well(_ABOUT, f"GitHub takes the client id and its secret; people come back to {callback}")
        case "redirect_uri_mismatch":
            yield failed(
                _ABOUT,
                f"the App does not send people back to {callback}",
                f"set {callback} as the App's Callback URL, or mend PUBLIC_URL",
            )
        case "incorrect_client_credentials" | "not_found":
            yield failed(
                _ABOUT,
                "GitHub refuses GITHUB_APP_CLIENT_ID with GITHUB_APP_CLIENT_SECRET",
                "copy the client id from the App's settings and generate a new client secret there; both are "
                "of one App",
            )
        case other:
            yield failed(_ABOUT, f"GitHub answers {other!r}", "check the App that GITHUB_APP_CLIENT_ID names")
