"""A check-up of the model: does the key open it, and is its price known?"""

from __future__ import annotations

from collections.abc import Iterator

import anthropic

from agent.prices import price_of
from patchpilot.checkup import Finding, failed, note, well
from patchpilot.errors import ConfigurationError
from patchpilot.settings import WorkerSettings

_SECONDS = 20.0


def findings(settings: WorkerSettings) -> Iterator[Finding]:
    """Ask Anthropic's API about the model; costs nothing.

    https://platform.claude.com/docs/en/api/models/retrieve
    """
    try:
        price_of(settings.anthropic_model)
    except ConfigurationError as error:
        yield failed(
            "model", str(error), "set ANTHROPIC_MODEL to one with a known price: budgets fail closed"
        )
        return
    key = settings.anthropic_api_key.get_secret_value().strip()
    if not key:
        yield note(
            "model",
            "no ANTHROPIC_API_KEY: PatchPilot heals by the repositories' own tools and its memory alone",
            "set ANTHROPIC_API_KEY for the worker to have Claude repair what they can't",
        )
        return
    yield _reached(settings, key)


def _reached(settings: WorkerSettings, key: str) -> Finding:
    name = settings.anthropic_model
    try:
        with anthropic.Anthropic(
            api_key=key, base_url=settings.anthropic_base_url, max_retries=0, timeout=_SECONDS
        ) as client:
            client.models.retrieve(name)
    except anthropic.AuthenticationError:
        return failed("model", "Anthropic refuses the key", "make a new key and set ANTHROPIC_API_KEY")
    except anthropic.PermissionDeniedError:
        return failed("model", f"the key may not use {name}", "give its workspace access to the model")
    except anthropic.NotFoundError:
        return failed(
            "model", f"there is no model {name!r} for this key", "set ANTHROPIC_MODEL to one that it has"
        )
    except anthropic.APIError as error:
        # Never the error itself: it carries the request with its key.
        return failed(
            "model",
            f"the API does not answer as it should ({type(error).__name__})",
            "check ANTHROPIC_BASE_URL and that the worker's machine reaches it",
        )
    return well("model", f"{name} is there for this key, its price is known")
