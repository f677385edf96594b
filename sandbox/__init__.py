"""Sandboxes for a repository's own commands, which are never trusted.

A workbench (:class:`patchpilot.ports.Workbench`) keeps a private copy of a checkout on this side and runs
each command on a fresh copy of that inside an engine: Docker, or bubblewrap on machines without one. No
network, no host files, hard limits, bounded output, nothing left behind.
"""

from sandbox.bench import limits_of
from sandbox.building import build_sandbox_image
from sandbox.choice import NoWorkbenches, open_workbenches
from sandbox.folders import OwnedFolder
from sandbox.reaper import reap
from sandbox.selftest import Probe, probe

__all__ = [
    "NoWorkbenches",
    "OwnedFolder",
    "Probe",
    "build_sandbox_image",
    "limits_of",
    "open_workbenches",
    "probe",
    "reap",
]
