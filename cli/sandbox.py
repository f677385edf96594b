"""``patchpilot sandbox build|probe``."""

from __future__ import annotations

from typing import Final

TOOLS: Final = ("pytest", "ruff")
