"""``python -m cli`` is the ``patchpilot`` command, for processes started by path of the interpreter."""

from cli.main import run

run()
