"""Python: ``pip``, ``uv`` and ``poetry`` all end as one virtual environment of wheels."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from patchpilot.fixes import Preparation
from sandbox.recipes.python_locks import Pins, poetry_pins, uv_pins
from sandbox.recipes.python_project import Project, is_installed, read_project, toml
from sandbox.recipes.recipe import PREPARED, Machine, NotPreparedError, Recipe, beside, text_of
from sandbox.recipes.uv_lock import Relocking, relocking

VENV = f"{PREPARED}/python"
_HASH = re.compile(r"--hash[= ]\s*(sha(?:256|384|512):[0-9a-f]{64,128})")
_MAX_FILES = 50
_LOCKS = {"uv": ("uv.lock", uv_pins), "poetry": ("poetry.lock", poetry_pins)}

# The real ones would look for an index before they run anything, and there is none.
_STAND_IN = """\
#!/bin/sh
# Stands in for {tool}: what it manages is installed already, and there is no network to change that.
{by_lock}case "${{1:-}}" in
{run})
  shift
  while [ $# -gt 0 ]; do
    case "$1" in
      --) shift; break ;;
      -m|--module) shift; exec python -m "$@" ;;
      --with|--with=*|--with-requirements|--with-editable)
        echo "{tool}: $1 would install something, which is not possible in this sandbox" >&2; exit 127 ;;
      --python|-p|--extra|--no-extra|--group|--no-group|--only-group) shift 2 ;;
      --package|--env-file|--index|-P|-C) shift 2 ;;
      --directory|--project) cd "$2" || exit 2; shift 2 ;;
      -*) shift ;;
      *) break ;;
    esac
  done
  case "${{1:-}}" in
    "") echo "{tool}: run what?" >&2; exit 2 ;;
    *.py) exec python "$@" ;;
    *) exec "$@" ;;
  esac ;;
sync|install|pip|venv) echo "{tool}: installed beforehand" >&2 ;;
*)
  # Checks of a lock file and the like are the real one's, where the image has it.
  IFS=:
  for folder in $PATH; do
    if [ -x "$folder/{tool}" ] && ! [ "$folder/{tool}" -ef "$0" ]; then exec "$folder/{tool}" "$@"; fi
  done
  echo "{tool}: only 'run' is available in this sandbox" >&2
  exit 127 ;;
esac
"""

# Where the lock file lacked something, the real one says so, with what the index had told it.
_UV_BY_LOCK = """\
real() (
  cache=${TMPDIR:-/tmp}/uv-of-patchpilot
  if ! [ -d "$cache" ]; then
    mkdir -p "$cache.$$" && cp -Rs @PREPARED@/uv/. "$cache.$$/"
    find "$cache.$$" -name '*.lock' -exec rm {} +
    mv "$cache.$$" "$cache"
  fi
  read -r index <@PREPARED@/uv.index
  [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
  export UV_CACHE_DIR="$cache" UV_OFFLINE=1 UV_PYTHON=@PREPARED@/python/bin/python UV_PYTHON_DOWNLOADS=never
  # Without the history a version can't be told from it, and nothing that is locked depends on it.
  export SETUPTOOLS_SCM_PRETEND_VERSION="${SETUPTOOLS_SCM_PRETEND_VERSION:-0}"
  exec @PREPARED@/tools/bin/uv "$@"
)
word= option= value= strict= takes=
for one in "$@"; do
  if [ "$takes" ]; then
    case "$takes" in --project | --directory) option=$takes value=$one ;; esac
    takes=
    continue
  fi
  case "$one" in
    --project | --directory | --python | -p | --extra | --no-extra) takes=$one ;;
    --group | --no-group | --only-group | --package | --env-file | --index | -P | -C) takes=$one ;;
    --with | --with-requirements | --with-editable) takes=$one ;;
    --project=* | --directory=*) option=${one%%=*} value=${one#*=} ;;
    --locked) strict=1 ;;
    -- | -m | --module) break ;;
    -*) ;;
    *) if [ "$word" ]; then break; else word=$one; fi ;;
  esac
done
case "${UV_LOCKED:-}" in 1 | true | yes | on) strict=1 ;; esac
if [ -e @PREPARED@/uv.index ]; then
  case "$word" in
    lock) real "$@"; exit ;;
    sync | run | export)
      [ -z "$strict" ] || real lock --locked ${option:+"$option"} ${value:+"$value"} || exit ;;
  esac
fi
if [ "$word" = sync ]; then
  echo "uv: installed beforehand" >&2
  exit 0
fi
""".replace("@PREPARED@", PREPARED)


@dataclass(slots=True)
class _Wishes:
    """Requirements as they are collected."""

    hashed: dict[str, None] = field(default_factory=dict)
    plain: dict[str, None] = field(default_factory=dict)
    constraints: dict[str, None] = field(default_factory=dict)
    projects: list[Project] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    relocking: Relocking | None = None
    prereleases: bool = False

    @property
    def pinned(self) -> bool:
        pinned = re.compile(r"==[^*,]+\s*(;.*)?$")
        if self.relocking:
            return False
        exact = all(pinned.search(line) for line in self.plain)
        return exact or (bool(self.constraints) and all(map(pinned.search, self.constraints)))


def recipe(preparation: Preparation, tree: Path, machine: Machine) -> Recipe:
    """Read the manifests into wheels to install and projects to make importable."""
    version = machine.need("python3")
    wishes = _Wishes()
    if preparation.manager in _LOCKS:
        _from_lock(preparation, tree, machine.markers, wishes)
    else:
        _from_files(preparation, tree, wishes)
    inputs = {
        "hashed": "hashed.txt" if wishes.hashed else "",
        "plain": "plain.txt" if wishes.plain else "",
        "constraints": "constraints.txt" if wishes.constraints else "",
        "prereleases": wishes.prereleases,
        "relock": {"uv": wishes.relocking.uv, "groups": wishes.relocking.groups}
        if wishes.relocking
        else None,
        "projects": [project.as_input() for project in wishes.projects if project.name],
        "stand_ins": {
            "uv": _STAND_IN.format(tool="uv", run="run", by_lock=_UV_BY_LOCK),
            "uvx": '#!/bin/sh\nexec uv run "$@"\n',
            "poetry": _STAND_IN.format(tool="poetry", run="run", by_lock=""),
        },
    }
    script = resources.files(__package__).joinpath("install_python.py").read_bytes()
    return Recipe(
        manager=preparation.manager,
        version=f"Python {version}",
        files={
            "install.json": json.dumps(inputs, sort_keys=True).encode(),
            "install.py": script,
            "hashed.txt": _text(wishes.hashed),
            "plain.txt": _text(wishes.plain),
            "constraints.txt": _text(wishes.constraints),
            **(wishes.relocking.files if wishes.relocking else {}),
        },
        script="python3 -I install.py",
        env={"VIRTUAL_ENV": VENV, "PYTHONPATH": ""},
        path=(f"{PREPARED}/bin", f"{VENV}/bin"),
        pinned=wishes.pinned,
        notes=tuple(wishes.notes),
        local=frozenset({"install.json"}),
    )


def _text(lines: Mapping[str, None]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _from_lock(preparation: Preparation, tree: Path, environment: Mapping[str, str], wishes: _Wishes) -> None:
    name, read = _LOCKS[preparation.manager]
    text = text_of(tree, beside(preparation.workdir, name))
    if text is None:
        # Without a lock file the project itself says what it needs, if not in which version.
        return _add_project(tree, preparation.workdir, (*preparation.groups, "dev", "test"), wishes)
    document = toml(text)
    if not document:
        raise NotPreparedError(f"{beside(preparation.workdir, name)} can't be read as TOML")
    pins: Pins = read(document, environment, preparation.groups)
    wishes.hashed.update(dict.fromkeys(pins.lines))
    wishes.notes.update(dict.fromkeys(pins.notes))
    if preparation.manager == "uv":
        wishes.relocking, why = relocking(tree, preparation.workdir, document, preparation.groups)
        wishes.notes.update(dict.fromkeys([why] if why else []))
    folders = dict.fromkeys([*pins.projects, *(["."] if preparation.manager == "poetry" else [])])
    for folder in folders:
        way = posixpath.normpath(posixpath.join(preparation.workdir, folder))
        if not way.startswith(("..", "/")) and (project := read_project(tree, way)) is not None:
            wishes.projects.append(project)
    return None


def _from_files(preparation: Preparation, tree: Path, wishes: _Wishes) -> None:
    seen: set[str] = set()
    described = {"pyproject.toml", "setup.cfg", "setup.py"}
    for path in preparation.manifests:
        if posixpath.basename(path) in described:
            _add_project(tree, posixpath.dirname(path) or ".", preparation.groups, wishes)
        else:
            limits = "constraint" in posixpath.basename(path).lower()
            _read_requirements(tree, path, wishes, seen, constraints=limits)


def _add_project(tree: Path, folder: str, asked: tuple[str, ...], wishes: _Wishes) -> None:
    project = read_project(tree, folder)
    if project is None:
        if is_installed(tree, folder):
            wishes.notes[
                f"the project in {folder} is not installed, since only its build would tell its name: a "
                "`name` under [project] in its pyproject.toml tells it"
            ] = None
    elif all(project.folder != one.folder for one in wishes.projects):
        wishes.projects.append(project)
        for line in project.wanted(asked):
            _add(line, wishes, wishes.plain)


def _read_requirements(tree: Path, path: str, wishes: _Wishes, seen: set[str], *, constraints: bool) -> None:
    """https://pip.pypa.io/en/stable/reference/requirements-file-format/"""
    text = None if path in seen or len(seen) >= _MAX_FILES else text_of(tree, path)
    seen.add(path)
    if text is None:
        return
    for raw in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if option := _OPTION.match(line):
            way = posixpath.normpath(posixpath.join(posixpath.dirname(path), option[2].strip()))
            if option[1] in {"-e", "--editable"}:
                _local(tree, path, option[2].strip(), wishes)
            elif not way.startswith(("..", "/")):
                limits = constraints or option[1] in {"-c", "--constraint"}
                _read_requirements(tree, way, wishes, seen, constraints=limits)
        elif line.startswith("-"):
            wishes.prereleases |= line == "--pre"
            if line.startswith(_INDEXES):
                wishes.notes["package indexes that the repository names are not used"] = None
        elif line:
            _read_line(tree, path, line, wishes, constraints=constraints)


_OPTION = re.compile(r"(-r|--requirement|-c|--constraint|-e|--editable)(?:\s+|=)?(\S.*)")
_INDEXES = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links")


def _read_line(tree: Path, path: str, line: str, wishes: _Wishes, *, constraints: bool) -> None:
    if line.startswith((".", "/")) or ("/" in line.split(maxsplit=1)[0] and "@" not in line):
        _local(tree, path, line, wishes)
        return
    hashes = _HASH.findall(line)
    wanted = re.split(r"\s--", line, maxsplit=1)[0].strip()
    if constraints:
        _add(wanted, wishes, wishes.constraints)
    elif hashes:
        _add(wanted, wishes, wishes.hashed, " " + " ".join(f"--hash={one}" for one in hashes))
    else:
        _add(wanted, wishes, wishes.plain)


def _local(tree: Path, path: str, line: str, wishes: _Wishes) -> None:
    place, _, extras = line.split("#", maxsplit=1)[0].strip().partition("[")
    way = posixpath.normpath(posixpath.join(posixpath.dirname(path), place.removeprefix("file:")))
    if way.startswith(("..", "/")) or ":" in place:
        wishes.notes[f"{place[:80]} is left out (it lies outside the checkout)"] = None
        return
    asked = tuple(name.strip() for name in extras.rstrip("] ").split(",") if name.strip())
    # A requirements file is meant from the folder that pip runs in as often as from its own.
    nearest = next((one for one in (way, posixpath.normpath(place)) if read_project(tree, one)), way)
    _add_project(tree, nearest, asked, wishes)


def _add(line: str, wishes: _Wishes, into: dict[str, None], hashes: str = "") -> None:
    try:
        wanted = Requirement(line)
    except InvalidRequirement:
        wishes.notes[f"{line[:80]!r} is left out (it is no requirement)"] = None
        return
    if wanted.url:
        wishes.notes[f"{wanted.name} is left out (it comes from an address of its own)"] = None
        return
    into[f"{wanted}{hashes}"] = None
