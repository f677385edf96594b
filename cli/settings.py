"""``patchpilot settings``: every setting with its default and meaning, as the table in the documentation."""

from __future__ import annotations

import typer


def settings_command() -> None:
    """Print every setting, role by role, as Markdown."""
    typer.echo(markdown(), nl=False)


def markdown() -> str:
    """One table per role. A setting that several roles read stands in each of them."""
    # Loaded here: pydantic would double the start-up time of commands that need no settings.
    from patchpilot.settings import BotSettings, EffectsSettings, WorkerSettings, described  # noqa: PLC0415

    parts = []
    for title, kind in (("bot", BotSettings), ("worker", WorkerSettings), ("effects", EffectsSettings)):
        rows = [
            f"| `{name}` | {_code(default)} | {meaning.replace('``', '`')} |"
            for name, default, meaning in described(kind)
        ]
        parts += [f"### {title}\n", "| setting | default | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _code(default: str) -> str:
    return default if default in {"", "required"} else f"`{default}`"
