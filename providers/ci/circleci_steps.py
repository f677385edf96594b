"""The steps of a CircleCI job, one after the other: commands and orbs taken apart, conditions decided."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from patchpilot.text import one_line
from providers.ci import circleci_orbs
from providers.ci.circleci_config import Config, Scope, Wanted, mapping, orb_job, scope_of
from providers.ci.github_expressions import scalar
from providers.ci.github_language import UnknownExpressionError
from providers.ci.recipe import Run, UnusableConfigError

SHELL = "bash -eo pipefail"
"""CircleCI's own on Linux: https://circleci.com/docs/configuration-reference/#default-shell-options"""
_MAX_STEPS = 500
_MAX_VISITS = 10_000
_MAX_DEPTH = 20
_BUILT_IN = {
    "checkout", "setup_remote_docker", "save_cache", "restore_cache", "store_artifacts", "store_test_results",
    "persist_to_workspace", "attach_workspace", "add_ssh_keys", "deploy",
}  # fmt: skip
# What `circleci tests` does where there is only one machine.
_TESTS = """\
circleci() {
  case "$1 $2" in
    "tests glob") shift 2; shopt -s globstar nullglob; local p; for p in "$@"; do printf '%s\\n' $p; done ;;
    "tests split") cat ;;
    "tests run") local p c=""; for p in "$@"; do case "$p" in --command=*) c=${p#--command=} ;; esac
      [ "$c" = next ] && c=$p; [ "$p" = --command ] && c=next; done; bash -eo pipefail -c "$c" ;;
    "step halt") exit 0 ;;
    *) echo "circleci $*: not in this sandbox" >&2; return 127 ;;
  esac
}
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a job; ``unknown`` is the expression that only CircleCI knows."""

    run: Run
    unknown: str = ""
    only_on_failure: bool = False


@dataclass(slots=True)
class Steps:
    """A job taken apart."""

    config: Config
    wanted: Wanted
    image: str = ""
    services: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Steps that can't be known here, for people."""
    steps: list[Step] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    shell: str = SHELL
    home: str = "~/project"
    root: str = "~/project"
    """Where the job works, and where the checkout lies."""
    visits: int = 0
    """Entries looked at: commands that call commands must not multiply."""

    def __post_init__(self) -> None:
        body, space = self.config.element("jobs", self.wanted.key, "")
        body = body if body is not None else orb_job(self.config, self.wanted)
        if body is None:
            raise UnusableConfigError(
                f"Job {one_line(self.wanted.shown)!r} comes from an orb that PatchPilot does not know."
            )
        scope = scope_of(self.config, body, self.wanted.args)
        self._surroundings(body, scope, space)
        before, after = (self.wanted.args.get(key) for key in ("pre-steps", "post-steps"))
        outer = Scope(self.config.pipeline)
        self._walk(before, outer, "", 0)
        self._walk(body.get("steps"), scope, space, 0)
        self._walk(after, outer, "", 0)

    def _surroundings(self, body: Mapping[str, object], scope: Scope, space: str) -> None:
        """Image, folder, shell and variables, from the executor and then from the job itself."""
        named = _filled(body.get("executor"), scope)
        if named:
            name = scalar(mapping(named).get("name")) if isinstance(named, Mapping) else scalar(named)
            args = {key: _filled(value, scope) for key, value in mapping(named).items()}
            executor, home = self.config.element("executors", name, space)
            if executor is not None:
                self._machine(executor, scope_of(self.config, executor, args))
            elif isinstance(orb := self.config.orb(home), str):
                if orb.startswith(("circleci/windows", "circleci/macos")):
                    self._machine({"macos": {}}, scope)
                self.image = circleci_orbs.image(orb, {key: scalar(value) for key, value in args.items()})
        self._machine(body, scope)
        self.root = self.home

    def _machine(self, body: Mapping[str, object], scope: Scope) -> None:
        if "macos" in body or "windows" in scalar(mapping(body.get("machine")).get("image")):
            raise UnusableConfigError(
                f"Job {one_line(self.wanted.shown)!r} runs on macOS or Windows; the sandbox is Linux."
            )
        listed = body.get("docker")
        if isinstance(listed, list) and listed:
            images = [scalar(_filled(mapping(one).get("image"), scope)) for one in listed]
            self.image, self.services = images[0], [one_line(name, 60) for name in images[1:]]
            self.env |= self._environment(mapping(listed[0]).get("environment"), scope)
        self.home = scalar(_filled(body.get("working_directory"), scope)) or self.home
        self.shell = scalar(_filled(body.get("shell"), scope)) or self.shell
        self.env |= self._environment(body.get("environment"), scope)

    def _environment(self, named: object, scope: Scope) -> dict[str, str]:
        entries = named if isinstance(named, list) else [named]
        found: dict[str, str] = {}
        for entry in entries:
            pairs = mapping(entry).items()
            if isinstance(entry, str) and "=" in entry:
                pairs = dict([entry.split("=", 1)]).items()
            for key, value in pairs:
                try:
                    found[scalar(key)] = scope.text(value)
                except UnknownExpressionError:
                    self.left_out.append(f"variable {one_line(scalar(key), 60)}")
        return found

    def _walk(self, steps: object, scope: Scope, space: str, depth: int) -> None:
        listed = _filled(steps, scope)
        if depth > _MAX_DEPTH:
            raise UnusableConfigError(f"The commands of {self.config.path} call each other in a circle.")
        for entry in listed if isinstance(listed, list) else []:
            self.visits += 1
            if len(self.steps) + len(self.left_out) >= _MAX_STEPS or self.visits > _MAX_VISITS:
                raise UnusableConfigError(
                    f"Job {one_line(self.wanted.shown)!r} has too many steps to be read."
                )
            step = _filled(entry, scope)
            if isinstance(step, list):
                self._walk(step, scope, space, depth + 1)
            elif isinstance(step, Mapping):
                for name, value in step.items():
                    self._step(scalar(name), value, scope, space, depth)
            else:
                self._step(scalar(step), None, scope, space, depth)

    def _step(self, name: str, value: object, scope: Scope, space: str, depth: int) -> None:
        match name:
            case "run":
                self.steps.append(self._run(value, scope))
            case "when" | "unless":
                self._conditional(name, mapping(value), scope, space, depth)
            case "steps":
                self._walk(value, scope, space, depth + 1)
            case "checkout":
                path = scalar(_filled(mapping(value).get("path"), scope))
                self.root = _joined(self.home, path) if path else self.home
            case _ if name not in _BUILT_IN and name:
                self._command(name, mapping(value), scope, space, depth)

    def _conditional(
        self, name: str, rule: Mapping[str, object], scope: Scope, space: str, depth: int
    ) -> None:
        try:
            holds = scope.holds(rule.get("condition"))
        except UnknownExpressionError as error:
            self.left_out.append(f"steps under a condition on {one_line(str(error), 60)}")
            return
        if holds == (name == "when"):
            self._walk(rule.get("steps"), scope, space, depth + 1)

    def _command(self, name: str, given: Mapping[str, object], scope: Scope, space: str, depth: int) -> None:
        args = {key: _filled(value, scope) for key, value in given.items()}
        body, home = self.config.element("commands", name, space)
        if body is not None:
            self._walk(body.get("steps"), scope_of(self.config, body, args), home, depth + 1)
            return
        orb = self.config.orb(home)
        words = {key: scalar(value) for key, value in args.items()}
        known = circleci_orbs.command(orb, name.partition("/")[2], words) if isinstance(orb, str) else None
        if known is None:
            self.left_out.append(f"step {one_line(name, 60)}")
        else:
            self._walk(known, Scope(), "", depth + 1)

    def _run(self, value: object, scope: Scope) -> Step:
        body = value if isinstance(value, Mapping) else {"command": value}
        try:
            script = scope.text(body.get("command"))
            title = scope.text(body.get("name")) or one_line(script)
            folder = self._folder(scope.text(body.get("working_directory")), title)
            shell = _shell(scope.text(body.get("shell")) or self.shell, title)
        except UnknownExpressionError as error:
            script = scalar(body.get("command"))
            title = scalar(body.get("name")) or one_line(script)
            return Step(Run(title=title, script=script, dependable=False), unknown=str(error))
        except UnusableConfigError as error:
            return Step(Run(title=title, script=script, dependable=False), unknown=str(error))
        if "circleci " in script and shell.startswith("bash"):
            script = _TESTS + script
        when, background = scalar(body.get("when")), bool(body.get("background"))
        env = {**self._built_in(), **self.env, **self._environment(body.get("environment"), scope)}
        run = Run(
            title=title,
            script=script,
            env=env,
            folder=folder,
            shell=shell,
            dependable=when in {"", "on_success"} and not background,
            background=background,
        )
        return Step(run, only_on_failure=when == "on_fail")

    def _built_in(self) -> dict[str, str]:
        return {
            "CI": "true",
            "CIRCLECI": "true",
            "CIRCLE_JOB": self.wanted.shown,
            "CIRCLE_NODE_INDEX": "0",
            "CIRCLE_NODE_TOTAL": "1",
            "BASH_ENV": "/tmp/.patchpilot-bash-env",  # noqa: S108 - the sandbox's own
        }

    def _folder(self, written: str, title: str) -> str:
        place = _joined(self.home, written) if written else _plain(self.home)
        way = posixpath.relpath(place, _plain(self.root))
        if way.startswith("..") or "$" in way:
            raise UnusableConfigError(f"Step {one_line(title, 60)!r} runs in {one_line(written, 80)!r}, "
                                      "which is not known to be in the repository.")  # fmt: skip
        return way

    def ordered(self) -> Iterator[Run]:
        """The commands that are known."""
        return (step.run for step in self.steps if not step.unknown)


def _filled(value: object, scope: Scope) -> object:
    """With expressions filled in; a value with an unknown one stays as it is written."""
    try:
        return scope.fill(value)
    except UnknownExpressionError:
        return value


def _plain(path: str) -> str:
    """One way of writing a folder: CircleCI's home has several names."""
    path = re.sub(r"^(?:~|\$HOME|\$\{HOME\}|/home/circleci|/root)(?=/|$)", "/~", path)
    path = re.sub(r"^\$\{?CIRCLE_WORKING_DIRECTORY\}?(?=/|$)", "/~/project", path)
    return posixpath.normpath(path if path.startswith("/") else f"/~/{path}")


def _joined(home: str, step: str) -> str:
    absolute = step.startswith(("/", "~", "$HOME", "${HOME", "$CIRCLE_W", "${CIRCLE_W"))
    return _plain(step) if absolute else posixpath.normpath(posixpath.join(_plain(home), step))


def _shell(written: str, title: str) -> str:
    word = re.sub(r"^(?:#!\s*)?(?:/usr/bin/env\s+|(?:/usr)?/bin/)", "", written.strip())
    if word.partition(" ")[0].removesuffix(".exe") in {"powershell", "pwsh", "cmd"}:
        raise UnusableConfigError(f"Step {one_line(title, 60)!r} runs in {word[:40]}; the sandbox is Linux.")
    return word or SHELL
