"""What a job installs is there for its commands: fetched once, without a line of the repository being run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import docker
import pytest

from patchpilot.fixes import Ending, Preparation, ShellCommand
from patchpilot.ports import Workbench, WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, open_workbenches
from sandbox.bench import Benches
from sandbox.bubblewrap import BubblewrapEngine
from sandbox.docker_engine import LAYER_REPOSITORY
from sandbox.inside import Ended, Job
from tests.registries import Registry, serving

PIP = Preparation(manager="pip", manifests=("requirements.txt",))
NPM = Preparation(manager="npm", manifests=("package-lock.json", "package.json"))
GREETING = {"greeting/__init__.py": "def hello():\n    return 'hi'\n"}


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    with serving(Registry()) as served:
        yield served


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    return tmp_path / "layers"


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(
    request: pytest.FixtureRequest, kind: str, registry: Registry, layers: Path
) -> Iterator[Callable[..., Benches]]:
    """Opens engines with the registry as the operator's, and removes the layers that they made."""
    image = request.getfixturevalue("workbench_image") if kind == "docker" else ""
    everything: list[Benches] = []

    def open_(**more: object) -> Benches:
        here = registry.address(kind)
        host = here.split("/")[2].split(":")[0]
        env = f"PIP_INDEX_URL={here}/simple PIP_TRUSTED_HOST={host} npm_config_registry={here}/npm/"
        given: dict[str, object] = {"image": image, "layers": layers, "prepare_env": env, **more}
        benches = open_workbenches(SandboxSettings(engine=SandboxEngine(kind), **given))
        if isinstance(benches, NoWorkbenches):
            pytest.skip(benches.reason)
        everything.append(benches)
        return benches

    before = _layer_tags() if kind == "docker" else set()
    yield open_
    for benches in everything:
        benches.close()
    if kind == "docker":
        client = docker.from_env()
        for tag in _layer_tags() - before:
            client.images.remove(tag, force=True)
        client.close()


def _layer_tags() -> set[str]:
    client = docker.from_env()
    try:
        return {tag for image in client.images.list(LAYER_REPOSITORY) for tag in image.tags}
    finally:
        client.close()


def python_tree(tmp_path: Path, requirements: str, **files: str) -> Path:
    tree = tmp_path / "python"
    tree.mkdir(parents=True, exist_ok=True)
    (tree / "requirements.txt").write_text(requirements)
    (tree / "test_greeting.py").write_text(
        "import greeting\n\n\ndef test_hello():\n    assert greeting.hello() == 'hi'\n"
    )
    for name, text in files.items():
        (tree / name).write_text(text)
    return tree


def prepared(
    benches: Benches, tree: Path, *preparations: Preparation, manifests: Path | None = None, image: str = ""
) -> AbstractContextManager[Workbench]:
    return benches.open(
        WorkbenchSpec(
            tree=tree, job_id="prepare", preparations=preparations, manifests=manifests, image=image
        )
    )


def sh(script: str) -> ShellCommand:
    return ShellCommand(script=script)


def test_tests_find_what_the_lock_file_names_and_reach_no_network(
    opened: Callable[..., Benches], registry: Registry, kind: str, tmp_path: Path
) -> None:
    digest = registry.wheel("greeting", "1.2.0", GREETING)
    tree = python_tree(tmp_path, f"greeting==1.2.0 --hash={digest}\n")
    with prepared(opened(), tree, PIP) as bench:
        assert bench.unprepared == ""
        tests = bench.run(sh("pytest -q"))
        assert tests.passed, tests.output
        assert "1 passed" in tests.output
        address = registry.address(kind)
        dialled = bench.run(
            sh(f"python -c \"import urllib.request as u; u.urlopen('{address}/', timeout=3)\"")
        )
    assert dialled.failed
    assert "Network is unreachable" in dialled.output or "refused" in dialled.output


@pytest.mark.bubblewrap
@pytest.mark.parametrize("kind", ["bubblewrap"])
def test_a_name_server_is_asked_only_where_dependencies_are_installed(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[bool] = []
    execute = BubblewrapEngine._execute

    def seen(engine: BubblewrapEngine, job: Job, layer: list[str], **more: Any) -> Ended:
        if job.makes_layer:
            shown.append("dns" in Path(layer[layer.index("/etc/nsswitch.conf") - 1]).read_text())
        return execute(engine, job, layer, **more)

    monkeypatch.setattr(BubblewrapEngine, "_execute", seen)
    digest = registry.wheel("named", "1.0", {"named.py": "value = 1\n"})
    with prepared(opened(), python_tree(tmp_path, f"named==1.0 --hash={digest}\n"), PIP) as bench:
        told = bench.run(sh("cat /etc/nsswitch.conf; python -c 'import named'"))

    assert shown == [True]
    assert told.passed, told.output
    assert "dns" not in told.output


def test_a_layer_is_made_once_and_shared_by_those_who_want_the_same(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    digest = registry.wheel("once", "1.0", {"once.py": "value = 1\n"})
    tree = python_tree(tmp_path, f"once==1.0 --hash={digest}\n")
    registry.asked.clear()
    seen: list[str] = []

    def use(benches: Benches) -> None:
        with prepared(benches, tree, PIP) as bench:
            seen.append(bench.run(sh("python -c 'import once; print(once.value)'")).output)

    threads = [threading.Thread(target=use, args=(benches,)) for benches in (opened(), opened())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    use(opened())
    assert seen == ["1\n"] * 3
    assert [path for path in registry.asked if path.endswith(".whl")] == ["/files/once-1.0-py3-none-any.whl"]


def test_no_build_runs_and_what_has_no_wheel_is_named(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    registry.wheel("greeting", "1.2.0", GREETING)
    registry.source("hostile", "1.0", {"setup.py": "raise SystemExit('code of a stranger ran')\n"})
    tree = python_tree(tmp_path, "greeting==1.2.0\nhostile==1.0\n")
    with prepared(opened(), tree, PIP) as bench:
        assert "hostile is left out (no wheel for this Python)" in bench.unprepared
        assert "stranger" not in bench.unprepared
        assert bench.run(sh("pytest -q")).passed


def test_nothing_of_the_repository_but_what_its_manifests_list_goes_in(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    registry.wheel("greeting", "1.2.0", GREETING)
    tree = python_tree(
        tmp_path,
        "--index-url http://attacker.invalid/simple\ngreeting==1.2.0\n-e .\n"
        "other @ http://attacker.invalid/o.whl\n",
        **{
            "setup.py": "open('/opt/prepared/ran', 'w')\n",
            "secret.txt": "a-canary-of-ours\n",
            "pip.conf": "a-canary-of-ours\n",
        },
    )
    registry.asked.clear()
    with prepared(opened(), tree, PIP) as bench:
        assert "other is left out (it comes from an address of its own)" in bench.unprepared
        assert "package indexes that the repository names are not used" in bench.unprepared
        found = bench.run(sh("ls /opt/prepared; grep -rl a-canary-of-ours /opt/prepared || true"))
        assert found.output.split() == ["bin", "python"]
        assert bench.run(sh("pytest -q")).passed
    assert {path.split("/")[2] for path in registry.asked if path.startswith("/simple/")} == {"greeting"}


def test_the_operators_secrets_are_nowhere_in_a_layer(
    opened: Callable[..., Benches], registry: Registry, kind: str, tmp_path: Path
) -> None:
    digest = registry.wheel("greeting", "1.2.0", GREETING)
    tree = python_tree(tmp_path, f"greeting==1.2.0 --hash={digest}\nmissing==9\n")
    here = registry.address(kind)
    host = here.split("/")[2]
    env = f"PIP_INDEX_URL=http://user:canary-key@{host}/simple PIP_TRUSTED_HOST={host.split(':')[0]}"
    with prepared(opened(prepare_env=env), tree, PIP) as bench:
        result = bench.run(sh("grep -r canary-key /opt/prepared /proc/self/environ 2>/dev/null; env"))
        assert "canary-key" not in result.output + bench.unprepared
        assert "greeting" in bench.run(sh("python -m pip list")).output
    if kind == "docker":
        client = docker.from_env()
        assert not any(
            "canary-key" in json.dumps([image.attrs, image.history()])
            for image in client.images.list(LAYER_REPOSITORY)
        )
        client.close()


def test_dependencies_that_a_branch_changed_are_not_fetched(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    registry.wheel("greeting", "1.2.0", GREETING)
    registry.wheel("added", "1.0", {"added.py": ""})
    base = python_tree(tmp_path, "greeting==1.2.0\n")
    head = tmp_path / "head"
    shutil.copytree(base, head)
    (head / "requirements.txt").write_text("greeting==1.2.0\nadded==1.0\n")
    registry.asked.clear()
    with prepared(opened(), head, PIP, manifests=base) as bench:
        assert "the dependencies changed on this branch (requirements.txt)" in bench.unprepared
    assert registry.asked == []
    (head / "requirements.txt").write_text("# only a comment is new\ngreeting==1.2.0\n")
    with prepared(opened(), head, PIP, manifests=base) as bench:
        assert bench.unprepared == ""
        assert bench.run(sh("pytest -q")).passed


def test_a_patch_that_adds_a_dependency_has_nothing_fetched(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    registry.wheel("greeting", "1.2.0", GREETING)
    registry.wheel("added", "1.0", {"added.py": ""})
    tree = python_tree(tmp_path, "greeting==1.2.0\n")
    with prepared(opened(), tree, PIP) as bench:
        registry.asked.clear()
        bench.write_text("requirements.txt", "greeting==1.2.0\nadded==1.0\n")
        assert bench.run(sh("python -c 'import added'")).failed
    assert registry.asked == []


def test_an_index_that_does_not_answer_is_a_reason_and_no_verdict(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    tree = python_tree(tmp_path, "greeting==1.2.0\n", **{"plain.py": "print('runs')\n"})
    env = "PIP_INDEX_URL=http://127.0.0.1:9/simple PIP_RETRIES=0"
    with prepared(opened(prepare_env=env), tree, PIP) as bench:
        assert "could be prepared: pip: the package index can't be reached" in bench.unprepared
        assert bench.run(sh("python plain.py")).passed


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"prepare": False}, "SANDBOX_PREPARE is off"),
        ({"prepare_seconds": 0.01}, "it took longer than 0.01 s"),
        ({"layer_gb": 0.000_01}, "it takes more than 1e-05 GB"),
    ],
)
def test_what_a_limit_or_setting_forbids_is_not_there_and_said(
    opened: Callable[..., Benches],
    registry: Registry,
    tmp_path: Path,
    settings: dict[str, object],
    reason: str,
) -> None:
    registry.wheel("greeting", "1.2.0", GREETING)
    tree = python_tree(tmp_path, "greeting==1.2.0\n")
    benches = opened(**settings)
    before = {one.key for one in benches.stored_layers()}
    with prepared(benches, tree, PIP) as bench:
        assert reason in bench.unprepared
        assert bench.run(sh("python -c 'import greeting'")).failed
    assert {one.key for one in benches.stored_layers()} <= before


def test_the_layers_unused_for_longest_go_first(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path, layers: Path
) -> None:
    registry.wheel("greeting", "1.2.0", GREETING)
    benches = opened(layers_gb=0.000_1)
    keys = []
    for number in range(2):
        tree = python_tree(tmp_path / str(number), f"greeting==1.2.0 ; python_version > '3.{number}'\n")
        with prepared(benches, tree, PIP) as bench:
            assert bench.run(sh("pytest -q")).passed
        keys.append({one.key for one in benches.stored_layers()} if number else set())
    assert len(keys[-1]) == 1


def test_a_project_is_importable_without_its_build(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    registry.wheel("greeting", "1.2.0", GREETING)
    tree = python_tree(tmp_path, "")
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hostile"]\nbuild-backend = "hostile"\n'
        '[project]\nname = "shop-front"\nversion = "3.1"\ndependencies = ["greeting>=1"]\n'
        '[project.scripts]\nshop = "shop.cli:main"\n'
    )
    (tree / "src/shop").mkdir(parents=True)
    (tree / "src/shop/__init__.py").write_text("")
    (tree / "src/shop/cli.py").write_text("import greeting\n\n\ndef main():\n    print(greeting.hello())\n")
    installs = Preparation(manager="pip", manifests=("pyproject.toml",))
    with prepared(opened(), tree, installs) as bench:
        assert bench.unprepared == ""
        version = "import importlib.metadata as m; print(m.version('shop-front'))"
        result = bench.run(sh(f'shop; python -c "{version}"'))
        assert result.output == "hi\n3.1\n"


def test_uv_and_poetry_lock_files_are_read_and_their_run_works(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    digest = registry.wheel("greeting", "1.2.0", GREETING)
    other = registry.wheel("colour", "2.0", {"colour.py": ""})
    benches = opened()
    tree = python_tree(tmp_path, "")
    (tree / "pyproject.toml").write_text('[project]\nname = "widget"\nversion = "1"\n')
    (tree / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "widget"\nversion = "1"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "greeting" }, { name = "colour", marker = "sys_platform == \'win32\'" }]\n'
        '[[package]]\nname = "greeting"\nversion = "1.2.0"\nsource = { registry = "http://x.invalid" }\n'
        f'wheels = [{{ url = "http://attacker.invalid/g.whl", hash = "{digest}" }}]\n'
        '[[package]]\nname = "colour"\nversion = "2.0"\nsource = { registry = "http://x.invalid" }\n'
        f'wheels = [{{ url = "http://attacker.invalid/c.whl", hash = "{other}" }}]\n'
    )
    (tree / "poetry.lock").write_text(
        '[[package]]\nname = "greeting"\nversion = "1.2.0"\noptional = false\ngroups = ["main"]\n'
        f'files = [{{ file = "greeting-1.2.0-py3-none-any.whl", hash = "{digest}" }}]\n'
        '[[package]]\nname = "colour"\nversion = "2.0"\noptional = true\ngroups = ["main"]\n'
        f'files = [{{ file = "colour-2.0-py3-none-any.whl", hash = "{other}" }}]\n'
    )
    for manager in ("uv", "poetry"):
        installs = Preparation(manager=manager, manifests=(f"{manager}.lock", "pyproject.toml"))
        with prepared(benches, tree, installs) as bench:
            assert bench.unprepared == ""
            assert bench.run(sh(f"{manager} run pytest -q")).passed
            assert bench.run(sh("python -c 'import colour'")).failed


UV = Preparation(manager="uv", manifests=("uv.lock", "pyproject.toml"))
UV_PROGRAM = Path(sys.executable).with_name("uv")


@pytest.fixture
def late_uv_tree(kind: str, registry: Registry, tmp_path: Path) -> Path:
    """A project locked by the real uv, that lists one dependency more by now."""
    registry.wheel("greeting", "1.0.0", GREETING)
    registry.wheel("latecomer", "2.5.0", {"latecomer.py": "late = True\n"}, requires=("greeting",))
    registry.program("uv", "9.9.9", UV_PROGRAM)
    tree = tmp_path / "uv"
    tree.mkdir()
    project = '[project]\nname = "shop"\nversion = "1.0.0"\nrequires-python = ">=3.9"\n'
    (tree / "pyproject.toml").write_text(f'{project}dependencies = ["greeting"]\n')
    index = f"{registry.address(kind)}/simple"
    env = {"UV_DEFAULT_INDEX": index, "UV_CACHE_DIR": str(tmp_path / "cache"), "UV_PYTHON": sys.executable}
    command = [str(UV_PROGRAM), "lock", "--no-config"]
    subprocess.run(command, cwd=tree, env=os.environ | env, check=True)
    (tree / "pyproject.toml").write_text(f'{project}dependencies = ["greeting", "latecomer>=2"]\n')
    return tree


def test_a_lock_file_of_uv_that_lacks_something_fails_as_in_ci_and_is_written_without_network(
    opened: Callable[..., Benches], registry: Registry, late_uv_tree: Path
) -> None:
    with prepared(opened(), late_uv_tree, UV) as bench:
        assert bench.unprepared == ""
        assert bench.run(sh("python -c 'import latecomer'")).passed
        for command in ("uv sync --locked", "uv run --locked pytest", "uv lock --check"):
            red = bench.run(sh(command))
            assert red.failed
            assert "The lockfile at `uv.lock` needs to be updated" in red.output
        assert bench.run(sh("uv run echo --locked; uv run -p 3 echo --check")).passed
        elsewhere = bench.run(
            sh("mkdir 'a b'; cp pyproject.toml uv.lock 'a b'; uv sync --locked --project 'a b'")
        )
        assert "The lockfile at `uv.lock` needs to be updated" in elsewhere.output
        asked = len(registry.asked)
        written, change = bench.capture(sh("uv lock --offline"))
        assert written.passed, written.output
        assert change.files == ("uv.lock",)
        bench.apply(change)
        green = bench.run(
            sh("uv lock --check && uv sync --locked && uv run --locked python -c 'import latecomer'")
        )
        assert green.passed, green.output
        assert len(registry.asked) == asked


def test_a_lock_file_of_another_index_is_not_written_anew_with_the_operators_addresses(
    opened: Callable[..., Benches], registry: Registry, kind: str, late_uv_tree: Path
) -> None:
    lock = late_uv_tree / "uv.lock"
    lock.write_text(lock.read_text().replace(registry.address(kind), "https://packages.example.com"))
    with prepared(opened(), late_uv_tree, UV) as bench:
        assert "uv.lock lacks what pyproject.toml lists, and not its own index is asked" in bench.unprepared
        assert bench.run(sh("python -c 'import greeting'")).passed
        assert bench.run(sh("uv lock --check")).exit_code == 127


def node_tree(tmp_path: Path, registry: Registry) -> Path:
    """A package with a lock file, an install script that must not run, and tests in both module systems."""
    integrity = registry.npm(
        "greeting-js",
        "1.0.0",
        {
            "index.js": "exports.hello = () => 'hi'\n",
            "cli.js": "#!/usr/bin/env node\nconsole.log('from bin')\n",
        },
        main="index.js",
        bin={"greet": "cli.js"},
        scripts={"postinstall": "touch ran && exit 3"},
        dependencies={"inner-js": "^2.0.0"},
    )
    inner = registry.npm("inner-js", "2.0.0", {"index.js": "module.exports = 42\n"})
    tree = tmp_path / "node"
    (tree / "packages/part").mkdir(parents=True)
    package = {
        "name": "front",
        "version": "1.0.0",
        "workspaces": ["packages/*"],
        "dependencies": {"greeting-js": "^1.0.0"},
        "scripts": {"preinstall": "exit 3", "test": "node test.cjs && node test.mjs && greet"},
    }
    (tree / "package.json").write_text(json.dumps(package))
    (tree / "packages/part/package.json").write_text(
        json.dumps({"name": "part", "version": "1.0.0", "main": "part.js"})
    )
    (tree / "packages/part/part.js").write_text("module.exports = 'of the checkout'\n")
    lock = {
        "name": "front",
        "lockfileVersion": 3,
        "packages": {
            "": {"name": "front", "workspaces": ["packages/*"], "dependencies": {"greeting-js": "^1.0.0"}},
            "node_modules/greeting-js": {
                "version": "1.0.0",
                "resolved": "http://attacker.invalid/greeting-js-1.0.0.tgz",
                "integrity": integrity,
                "hasInstallScript": True,
                "bin": {"greet": "cli.js"},
                "dependencies": {"inner-js": "^2.0.0"},
            },
            "node_modules/inner-js": {
                "version": "2.0.0",
                "resolved": "http://attacker.invalid/inner-js-2.0.0.tgz",
                "integrity": inner,
            },
            "node_modules/part": {"resolved": "packages/part", "link": True},
            "packages/part": {"name": "part", "version": "1.0.0"},
        },
    }
    (tree / "package-lock.json").write_text(json.dumps(lock))
    (tree / "test.cjs").write_text(
        "const g = require('greeting-js'); if (g.hello() !== 'hi') throw new Error('no');\n"
        "if (require('part') !== 'of the checkout') throw new Error('no part');\n"
    )
    (tree / "test.mjs").write_text(
        "import g from 'greeting-js'; import inner from 'inner-js';\n"
        "import fs from 'node:fs'; fs.mkdirSync('node_modules/.cache');\n"
        "console.log(g.hello(), inner, fs.existsSync('node_modules/greeting-js/ran'));\n"
    )
    return tree


@pytest.fixture
def node_image(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An image with this machine's Node on top of the sandbox's; bubblewrap shows it anyway."""
    node, npm = shutil.which("node"), Path("/usr/lib/node_modules/npm")
    if node is None or not npm.is_dir() or not Path(node).resolve().is_relative_to("/usr"):
        pytest.skip("this machine has no Node below /usr")
    if kind != "docker":
        yield ""
        return
    base = request.getfixturevalue("workbench_image")
    tag = "patchpilot-sandbox:test-node"
    client = docker.from_env()
    container = client.containers.create(base, ["true"])
    try:
        packed = subprocess.run(
            ["tar", "-c", "-C", "/", "-h", str(Path(node).resolve()).lstrip("/"), "usr/lib/node_modules/npm"],
            capture_output=True,
            check=True,
        )
        container.put_archive("/", packed.stdout)
        started = client.containers.get(container.id)
        started.commit("patchpilot-sandbox", "test-node-bare")
        link = "RUN ln -sf ../lib/node_modules/npm/bin/npm-cli.js /usr/bin/npm && node -v && npm -v"
        if str(Path(node).resolve()) != "/usr/bin/node":
            link = f"RUN ln -sf {Path(node).resolve()} /usr/bin/node && " + link.removeprefix("RUN ")
        done = subprocess.run(
            ["docker", "build", "-q", "-t", tag, "-"],
            input=f"FROM patchpilot-sandbox:test-node-bare\nUSER 0\n{link}\nUSER 65534\n",
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"this machine's Node does not run in the sandbox image: {done.stderr[-300:]}")
        yield tag
        client.images.remove(tag, force=True)
        client.images.remove("patchpilot-sandbox:test-node-bare", force=True)
    finally:
        container.remove(force=True)
        client.close()


def test_node_finds_its_modules_at_their_place_and_no_script_of_theirs_ran(
    opened: Callable[..., Benches], registry: Registry, node_image: str, tmp_path: Path
) -> None:
    tree = node_tree(tmp_path, registry)
    with prepared(opened(), tree, NPM, image=node_image) as bench:
        assert bench.unprepared == ""
        tests = bench.run(sh("npm ci && npm test"))
        assert tests.passed, tests.output
        assert "npm: installed beforehand" in tests.output
        assert "hi 42 false" in tests.output
        assert "from bin" in tests.output
        _, changed = bench.capture(sh("echo '// new' >> test.cjs"))
        assert changed.files == ("test.cjs",)


def late_tree(tmp_path: Path, registry: Registry) -> Path:
    """The same, with one dependency that its lock file does not know of."""
    tree = node_tree(tmp_path, registry)
    registry.npm("late-js", "1.2.3", {"index.js": "exports.late = true\n"}, main="index.js")
    package = json.loads((tree / "package.json").read_text())
    package["dependencies"]["late-js"] = "^1.0.0"
    (tree / "package.json").write_text(json.dumps(package))
    return tree


@pytest.mark.parametrize("addresses", [True, False])
def test_a_lock_file_of_npm_that_lacks_something_fails_as_in_ci_and_is_written_without_network(
    opened: Callable[..., Benches], registry: Registry, node_image: str, tmp_path: Path, *, addresses: bool
) -> None:
    tree = late_tree(tmp_path, registry)
    if not addresses:
        lock = json.loads((tree / "package-lock.json").read_text())
        for entry in lock["packages"].values():
            if "integrity" in entry:
                del entry["resolved"]
        (tree / "package-lock.json").write_text(json.dumps(lock))
    with prepared(opened(), tree, NPM, image=node_image) as bench:
        assert bench.unprepared == ""
        # The suite has what the mended lock file will name.
        assert bench.run(sh("node -e \"if (!require('late-js').late) process.exit(1)\"")).passed
        red = bench.run(sh("npm ci --cache .npm --ignore-scripts"))
        assert red.failed
        assert "Missing: late-js@1.2.3 from lock file" in red.output
        asked = len(registry.asked)
        written, change = bench.capture(
            sh("npm install --package-lock-only --offline --ignore-scripts --no-audit --no-fund")
        )
        assert written.passed, written.output
        assert "package-lock.json" in change.files
        bench.apply(change)
        green = bench.run(sh("npm ci --ignore-scripts && npm test"))
        assert green.passed, green.output
        assert len(registry.asked) == asked


def test_no_password_of_the_registry_is_left_where_commands_could_read_it(
    opened: Callable[..., Benches], kind: str, registry: Registry, node_image: str, tmp_path: Path
) -> None:
    tree = late_tree(tmp_path, registry)
    here = registry.address(kind).replace("://", "://reader:pa55word@")
    benches = opened(prepare_env=f"npm_config_registry={here}/npm/")
    with prepared(benches, tree, NPM, image=node_image) as bench:
        assert bench.unprepared == ""
        seen = bench.run(sh("npm config get registry; grep -rl pa55word /opt/prepared /tmp"))
        assert seen.output.splitlines()[0] == f"{registry.address(kind)}/npm/"
        assert "/opt/prepared" not in seen.output


def test_a_manager_whose_files_are_programs_is_not_run(
    opened: Callable[..., Benches], tmp_path: Path
) -> None:
    tree = python_tree(tmp_path, "", **{"build.gradle": ""})
    with prepared(opened(), tree, Preparation(manager="gradle", manifests=("build.gradle",))) as bench:
        assert "gradle runs code of the repository to find out what to fetch" in bench.unprepared
        assert "SANDBOX_IMAGES; docs/operations.md, Java" in bench.unprepared


def test_a_checkout_can_be_replayed_while_its_layer_is_in_use_elsewhere(
    opened: Callable[..., Benches], registry: Registry, tmp_path: Path
) -> None:
    registry.wheel("greeting", "1.2.0", GREETING)
    tree = python_tree(tmp_path, "greeting==1.2.0\n")
    first, second = opened(), opened(layers_gb=0.000_1)
    with prepared(first, tree, PIP) as held:
        with prepared(second, python_tree(tmp_path / "x", "greeting>=1\n"), PIP) as bench:
            assert bench.run(sh("pytest -q")).passed
        assert held.run(sh("pytest -q")).ending is Ending.EXITED
        assert held.run(sh("pytest -q")).passed
