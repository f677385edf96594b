"""The ``patchpilot`` command."""
