"""What the model is told, as Markdown files beside this one."""

from __future__ import annotations

from importlib.resources import files


def prompt(name: str) -> str:
    """The text of one prompt: ``diagnose``, ``repair`` or ``answer``."""
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
