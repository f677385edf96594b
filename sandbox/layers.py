"""Prepared layers: what a job installs, installed once, with network but without the repository's code.

A layer is named by what decides it: the root file system, the tools' versions, and what the manifests list.
It is made in one step that sees our inputs alone (:mod:`sandbox.recipes`) and appears whole or not at all;
commands get it read-only, without network. Makers of the same layer wait for each other, whatever process
they are in; the layers that were unused for longest go when they take more than ``SANDBOX_LAYERS_GB``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import re
import shlex
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from patchpilot.errors import SandboxUnavailableError
from patchpilot.fixes import Ending, Limits, Preparation, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxSettings, assignments
from patchpilot.text import one_line
from sandbox import inside, machines, recipes, trees
from sandbox.engine import Engine
from sandbox.folders import OwnedFolder, layers_folder
from sandbox.inside import Ended, Job, Layer
from sandbox.recipes import NOTE, PREPARED, Machine, NotPreparedError, Recipe

log = logging.getLogger(__name__)

_FORMAT = "1"
"""Part of every key; another one for layers that are laid out in another way."""
_AGAIN_SECONDS = 600.0
"""What could not be installed is not tried again for this long by the same process."""
_PROCESSES = 256
_WAIT_SECONDS = 0.1
_OUTPUT_BYTES = 4_000_000

# $OUT is the layer. Before each command "place" is unpacked into the folder of the checkout, below its files,
# and "over" above them.
_STEP = """\
umask 022
export OUT={prepared} PLACE={prepared}/place OVER={prepared}/over
export TMPDIR={prepared}/work HOME={prepared}/work/home
mkdir -p "$HOME" "$PLACE" "$OVER" "$OUT/bin"
{exports}
{recipes}
for one in "$PLACE" "$OVER"; do
  cd "$one"
  if [ -n "$(ls -A)" ]; then ls -A | tar -c -f "$one.tar" -T -; fi
done
cd /
chmod -R u+w "$OUT/work" "$PLACE" "$OVER"
rm -rf "$OUT/work" "$PLACE" "$OVER"
"""

_TRUST = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CARGO_HTTP_CAINFO")
_UNREACHED = re.compile(
    r"(?i)connection(?:refused)?error|connection refused|getaddrinfo|ENOTFOUND|ECONNREFUSED|ETIMEDOUT"
    r"|failed to resolve address|failed to connect"
    r"|connect ?timeout|ENETUNREACH|EHOSTUNREACH|ECONNRESET|SOCKET_TIMEOUT|network is unreachable"
    r"|EAI_AGAIN|name resolution|dial tcp|could not resolve (?:host|proxy)|Name or service not known"
    r"|CERTIFICATE_VERIFY_FAILED|self.signed.cert|issuer.cert|ssl (?:peer )?certificate"
    r"|x509: certificate|PKIX path"
)
_UNTRUSTED = re.compile(r"(?i)certificate|self.signed.cert|issuer.cert|PKIX path")
_INDEX = {
    "pip": "PIP_INDEX_URL",
    "uv": "PIP_INDEX_URL",
    "poetry": "PIP_INDEX_URL",
    "npm": "npm_config_registry",
    "pnpm": "npm_config_registry",
    "yarn": "npm_config_registry",
    "go": "GOPROXY",
    "cargo": "CARGO_REGISTRY_MIRROR",
    "maven": "MAVEN_MIRROR",
}
"""The variable that names a manager's index in ``SANDBOX_PREPARE_ENV``."""
_ERROR = re.compile(r"(?i)^(?:error\b|npm (?:err!|error) |err_pnpm|go: |fatal)")


class Layers:
    """Makes layers on one engine and keeps them within bounds."""

    def __init__(self, engine: Engine, settings: SandboxSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._folder = layers_folder(settings) / engine.name
        self._machines: dict[tuple[str, bool], Machine] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def lease(self, spec: WorkbenchSpec) -> Iterator[tuple[Layer | None, str]]:
        """The layer for a workbench, made if need be and kept from removal meanwhile.

        With it comes what could not be installed, a sentence for people, empty if nothing was left out.
        """
        if spec.withheld or not spec.preparations:
            yield None, spec.withheld
            return
        if not self._settings.prepare:
            yield None, "Nothing is installed beforehand, because SANDBOX_PREPARE is off."
            return
        with contextlib.ExitStack() as stack:
            try:
                layer, left_out = self._leased(spec, stack)
            except NotPreparedError as error:
                layer, left_out = None, [str(error)]
            yield layer, _sentence(left_out)

    def _leased(self, spec: WorkbenchSpec, stack: contextlib.ExitStack) -> tuple[Layer, list[str]]:
        root = self._engine.root_id(spec.image)
        chosen, left_out = self._recipes(spec, root)
        if not chosen:
            raise NotPreparedError("; ".join(left_out))
        layer = _layer(root, chosen)
        lock = stack.enter_context(self._holding(layer.key))
        if self._engine.has_layer(layer.key):
            notes = self._notes(layer.key)
        else:
            notes = self._made(spec, layer, chosen)
            fcntl.flock(lock, fcntl.LOCK_SH)
            self._prune(keep=layer.key)
        return layer, [*left_out, *(note for one in chosen for note in one.notes), *notes]

    def _recipes(self, spec: WorkbenchSpec, root: str) -> tuple[list[Recipe], list[str]]:
        chosen: list[Recipe] = []
        left_out: list[str] = []
        for one in spec.preparations:
            try:
                chosen.append(self._recipe(spec, one, self._machine(spec, one, root)))
            except NotPreparedError as error:
                left_out.append(f"{one.manager}: {error}")
        return chosen, left_out

    def _recipe(self, spec: WorkbenchSpec, preparation: Preparation, machine: Machine) -> Recipe:
        """The commit's own recipe, as long as it fetches no more and no less than the trusted one does."""
        found = recipes.read(preparation, spec.tree, machine)
        if spec.manifests is not None and not found.fetches_as(
            recipes.read(preparation, spec.manifests, machine)
        ):
            raise NotPreparedError(
                f"the dependencies changed on this branch ({', '.join(preparation.manifests)[:200]}), and "
                "only those of the default branch are fetched; let them in there first, or set "
                "SANDBOX_PREPARE_CHANGED"
            )
        return found

    def _machine(self, spec: WorkbenchSpec, preparation: Preparation, root: str) -> Machine:
        asked = (root, preparation.manager in machines.PYTHON)
        with self._guard:
            if asked not in self._machines:
                self._machines[asked] = machines.describe(self._engine, spec, python=asked[1])
            return self._machines[asked]

    @contextlib.contextmanager
    def _holding(self, key: str) -> Iterator[IO[str]]:
        """Keep the layer: exclusively for whoever has to make it, else shared with all who use it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            place = self._folder / f"{key}.lock"
            file = place.open("a")
        except OSError as error:
            why = f"SANDBOX_LAYERS: {self._folder} can't be written to ({error.strerror})"
            raise NotPreparedError(why) from error
        with file:
            deadline = time.monotonic() + 2 * self._settings.prepare_seconds
            while not self._locked(file, key):
                if time.monotonic() > deadline:
                    raise NotPreparedError("another heal has been installing the same for too long")
                time.sleep(_WAIT_SECONDS)
            place.touch()  # its age says when the layer was last used
            yield file

    def _locked(self, file: IO[str], key: str) -> bool:
        there = self._engine.has_layer(key)
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if there else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if there and not self._engine.has_layer(key):  # removed a moment ago
            fcntl.flock(file, fcntl.LOCK_UN)
            return False
        return True

    def _made(self, spec: WorkbenchSpec, layer: Layer, chosen: Sequence[Recipe]) -> list[str]:
        then, why = self._failed.get(layer.key, (0.0, ""))
        if why and time.monotonic() - then < _AGAIN_SECONDS:
            raise NotPreparedError(why)
        started = time.monotonic()
        with spec.installing(f"Installing what {_listed(spec, chosen)} lists"):
            ended = self._install(spec, layer, chosen)
        output = self._masked(ended.output.decode(errors="replace"))
        why = self._failure(ended, output)
        managers = ", ".join(dict.fromkeys(one.manager for one in chosen))
        log.info(
            "layer prepared" if not why else "layer not prepared",
            extra={
                "action": "layer_prepared",
                "key": layer.key,
                "seconds": round(time.monotonic() - started, 1),
            },
        )
        if why:
            why = f"{managers}: {why}; {_advice(chosen, why)}"
            self._failed[layer.key] = (time.monotonic(), why)
            raise NotPreparedError(why)
        found = [line.removeprefix(NOTE) for line in output.splitlines() if line.startswith(NOTE)]
        notes = [one_line(note, 160) for note in found]
        (self._folder / f"{layer.key}.json").write_text(json.dumps(notes))
        return notes

    def _install(self, spec: WorkbenchSpec, layer: Layer, chosen: Sequence[Recipe]) -> Ended:
        settings = self._settings
        exports = assignments(settings.prepare_env.get_secret_value())
        with OwnedFolder() as owned:
            inputs = owned.path / "inputs"
            inputs.mkdir()
            for number, one in enumerate(chosen):
                for path, data in one.files.items():
                    place = inputs / str(number) / path
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(data)
                (inputs / f"{number}.sh").write_text(one.script)
            if settings.prepare_ca is not None:
                (inputs / "ca.pem").write_bytes(_authorities(settings.prepare_ca))
                exports = dict.fromkeys(_TRUST, "/src/ca.pem") | exports
            step = _STEP.format(
                prepared=PREPARED,
                # Secrets go in over standard input: what stands in a container's settings stays in its image.
                exports="".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items()),
                recipes="".join(f"(cd /src/{number}; . ../{number}.sh)\n" for number in range(len(chosen))),
            )
            tree = owned.path / "inputs.tar"
            with tree.open("wb") as file:
                length = trees.archive(inputs, file, prefix="src")
            command = ShellCommand(script=step, shell="sh -e")  # noqa: S604 - our own field of that name
            job = Job(
                job_id=spec.job_id,
                tree=tree,
                tree_bytes=length,
                tail=inside.step_archive(step),
                folder=".",
                argv=inside.argv_of(command),
                env={},
                limits=Limits(
                    memory_mb=settings.prepare_memory_mb,
                    seconds=settings.prepare_seconds,
                    processes=_PROCESSES,
                    cpus=max(settings.cpus, 1.0),
                    output_bytes=_OUTPUT_BYTES,
                ),
                image=spec.image,
                makes_layer=True,
            )
            return self._engine.make_layer(job, layer.key, max_bytes=int(settings.layer_gb * 10**9))

    def _failure(self, ended: Ended, output: str) -> str:
        """Why no layer came of it, a clause for people; empty if one did."""
        if ended.oversized:
            return f"it takes more than {self._settings.layer_gb:g} GB (SANDBOX_LAYER_GB)"
        match inside.ending_of(ended):
            case Ending.EXITED:
                return "" if ended.exit_code == 0 else _cause(output)
            case Ending.TIMEOUT:
                return f"it took longer than {self._settings.prepare_seconds:g} s (SANDBOX_PREPARE_SECONDS)"
            case Ending.OUT_OF_MEMORY:
                return (
                    f"it needs more than {self._settings.prepare_memory_mb} MiB (SANDBOX_PREPARE_MEMORY_MB)"
                )
            case Ending.OUTPUT_LIMIT:
                return "it printed more than the sandbox takes"
            case _:
                return f"the sandbox itself failed ({one_line(output, 160) or 'no output'})"

    def _masked(self, text: str) -> str:
        for value in assignments(self._settings.prepare_env.get_secret_value()).values():
            user = re.match(r"\w+://([^/@]+)@", value)
            for secret in (value, *(user[1].split(":") if user else ())):
                if len(secret) > 3:  # noqa: PLR2004 - shorter ones would mask ordinary words
                    text = text.replace(secret, "***")
        return text

    def _notes(self, key: str) -> list[str]:
        try:
            found = json.loads((self._folder / f"{key}.json").read_text())
        except (OSError, ValueError):
            return []
        return [str(note) for note in found] if isinstance(found, list) else []

    def _prune(self, *, keep: str) -> None:
        """Remove the layers unused for longest until the rest fits."""
        try:
            found = {one.key: one for one in self._engine.layers()}
        except SandboxUnavailableError:
            return
        most = self._settings.layers_gb * 10**9
        total = sum(one.size for one in found.values())
        for key in sorted(found, key=lambda key: self._used(key, found[key].made)):
            if total <= most:
                return
            if key != keep and self._dropped(key):
                total -= found[key].size

    def _used(self, key: str, made: float) -> float:
        try:
            return (self._folder / f"{key}.lock").stat().st_mtime
        except OSError:
            return made

    def _dropped(self, key: str) -> bool:
        """Remove one, unless somebody holds it."""
        lock = self._folder / f"{key}.lock"
        with lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if not self._engine.drop_layer(key):
                return False
            (self._folder / f"{key}.json").unlink(missing_ok=True)
            log.info("layer removed", extra={"action": "layer_removed", "key": key})
            return True


def _layer(root: str, chosen: Sequence[Recipe]) -> Layer:
    digest = hashlib.sha256()
    for part in (_FORMAT, root, *(_identity(one) for one in chosen)):
        digest.update(hashlib.sha256(part.encode(errors="surrogateescape")).digest())
    env: dict[str, str] = {}
    for one in chosen:
        env |= one.env
    path = tuple(dict.fromkeys(folder for one in chosen for folder in one.path))
    return Layer(key=digest.hexdigest()[:40], env=env, path=path)


def _identity(recipe: Recipe) -> str:
    # What is not pinned is decided by the day, as it was for the job.
    day = "" if recipe.pinned else datetime.now(UTC).date().isoformat()
    files = {path: hashlib.sha256(data).hexdigest() for path, data in recipe.files.items()}
    return json.dumps([recipe.manager, recipe.version, recipe.script, files, day], sort_keys=True)


def _authorities(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise NotPreparedError(f"SANDBOX_PREPARE_CA: {place} can't be read ({error.strerror})") from error


def _cause(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if unreached := next((line for line in reversed(lines) if _UNREACHED.search(line)), ""):
        return f"the package index can't be reached or trusted ({one_line(unreached, 120)})"
    errors = [line for line in lines if _ERROR.search(line)]
    last = errors[-1] if errors else lines[-1] if lines else "no output"
    return one_line(last, 200)


def _listed(spec: WorkbenchSpec, chosen: Sequence[Recipe]) -> str:
    """The files that say what is installed, the telling one of each manager."""
    managers = {one.manager for one in chosen}
    names = dict.fromkeys(one.manifests[0] for one in spec.preparations if one.manager in managers)
    return ", ".join(one_line(name, 80) for name in list(names)[:3])


def _advice(chosen: Sequence[Recipe], why: str) -> str:
    if _UNTRUSTED.search(why):
        return "give the authorities that this network trusts as a PEM file in SANDBOX_PREPARE_CA"
    names = dict.fromkeys(_INDEX[one.manager] for one in chosen if one.manager in _INDEX)
    return (
        f"name an index that has them in SANDBOX_PREPARE_ENV ({', '.join(names)}), or with Docker an image "
        "that has them in SANDBOX_IMAGE or SANDBOX_IMAGES"
    )


def _sentence(left_out: Sequence[str]) -> str:
    if not left_out:
        return ""
    return f"Not all that the job installs could be prepared: {'; '.join(dict.fromkeys(left_out))[:600]}."
