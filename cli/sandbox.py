"""``patchpilot sandbox build|probe``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from patchpilot.settings import SandboxSettings, load

TOOLS: Final = ("pytest", "ruff")
