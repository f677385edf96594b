"""What a root file system has of the tools that install things, asked of it once, without network."""

from __future__ import annotations

import json
import os
from pathlib import Path

from patchpilot.fixes import Limits, ShellCommand
from patchpilot.ports import WorkbenchSpec
from sandbox import inside
from sandbox.engine import Engine
from sandbox.inside import Job
from sandbox.recipes import Machine

PYTHON = frozenset({"pip", "uv", "poetry"})
_TOOLS = ("node", "npm", "pnpm", "yarn", "go", "cargo", "mvn")

# https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
_MARKERS = """\
import json, os, platform, sys
i = sys.implementation
print("markers " + json.dumps({
    "implementation_name": i.name,
    "implementation_version": "%d.%d.%d" % i.version[:3],
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": "",
    "python_full_version": platform.python_version(),
    "python_version": "%d.%d" % sys.version_info[:2],
    "sys_platform": sys.platform,
}))
"""
_LIST_TOOLS = f"""\
for tool in {" ".join(_TOOLS)}; do
  command -v $tool >/dev/null || continue
  if [ $tool = go ]; then words=$(timeout 20 go version); else words=$(timeout 20 $tool --version 2>/dev/null); fi || continue
  echo "$tool $(echo $words | tr '\\n' ' ')"
done
"""  # noqa: E501 - one line of shell


def describe(engine: Engine, spec: WorkbenchSpec, *, python: bool) -> Machine:
    """Ask for Python and its markers, or for the tools of all other languages.

    Raises :class:`~patchpilot.errors.SandboxUnavailableError` when the engine fails.
    """
    script, shell = (_MARKERS, "python3 -I") if python else (_LIST_TOOLS, "sh")
    command = ShellCommand(script=script, shell=shell)
    job = Job(
        job_id=spec.job_id,
        tree=Path(os.devnull),
        tree_bytes=0,
        tail=inside.step_archive(script),
        folder=".",
        argv=inside.argv_of(command),
        env={},
        limits=Limits(seconds=120, memory_mb=max(spec.limits.memory_mb, 256)),
        image=spec.image,
    )
    return _read(engine.execute(job).output.decode(errors="replace"))


def _read(output: str) -> Machine:
    tools: dict[str, str] = {}
    for line in output.splitlines():
        name, _, rest = line.partition(" ")
        if name == "markers":
            markers = {key: str(value) for key, value in json.loads(rest).items()}
            return Machine(tools={"python3": markers["python_full_version"]}, markers=markers)
        if name in _TOOLS:
            tools[name] = rest.strip()[:100]
    return Machine(tools=tools)
