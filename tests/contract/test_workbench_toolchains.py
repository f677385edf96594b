"""Go and Rust with their real tools: fetched from a proxy and a registry on this machine, built offline."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patchpilot.fixes import Preparation, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, open_workbenches
from sandbox.bench import Benches
from tests.registries import Registry, serving

pytestmark = pytest.mark.bubblewrap


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with serving(Registry()) as served:
        yield served


@pytest.fixture
def opened(registry: Registry, tmp_path: Path) -> Iterator[Callable[[str], Benches]]:
    """Opens bubblewrap, which shows this machine's tools, with an operator's way to the registry."""
    everything: list[Benches] = []

    def open_(env: str) -> Benches:
        benches = open_workbenches(
            SandboxSettings(
                engine=SandboxEngine.BUBBLEWRAP, layers=tmp_path / "layers", prepare_env=env, memory_mb=1024
            )
        )
        assert not isinstance(benches, NoWorkbenches), benches.reason
        everything.append(benches)
        return benches

    yield open_
    for benches in everything:
        benches.close()


def needed(tool: str) -> None:
    """Bubblewrap shows what lies below /usr; .ci/run installs the tools there."""
    if shutil.which(tool, path="/usr/local/bin:/usr/bin") is None:
        pytest.skip(f"this machine has no {tool} below /usr")


def go_module(registry: Registry, path: str, version: str, files: dict[str, str]) -> str:
    """Put a module behind the proxy; returns its lines of go.sum."""
    prefix = f"{path}@{version}/"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(prefix + name, text)
    at = f"/go/{path}/@v/{version}"
    registry.pages[f"{at}.info"] = "application/json", json.dumps({"Version": version}).encode()
    registry.pages[f"{at}.mod"] = "text/plain", files["go.mod"].encode()
    registry.pages[f"{at}.zip"] = "application/zip", buffer.getvalue()
    whole = _h1({prefix + name: text for name, text in files.items()})
    return f"{path} {version} {whole}\n{path} {version}/go.mod {_h1({'go.mod': files['go.mod']})}\n"


def _h1(files: dict[str, str]) -> str:
    """https://go.dev/ref/mod#go-sum-files"""
    lines = (f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items()))
    return f"h1:{base64.b64encode(hashlib.sha256(''.join(lines).encode()).digest()).decode()}"


def crate(registry: Registry, index: Path, name: str, version: str, source: str) -> str:
    """Put a crate into the registry, whose index is a git repository; returns its checksum."""
    files = {
        "Cargo.toml": f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n',
        "src/lib.rs": source,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    entry = {"name": name, "vers": version, "deps": [], "cksum": digest, "features": {}, "yanked": False}
    write(
        index,
        {
            "config.json": json.dumps({"dl": f"{registry.address('bubblewrap')}/crates"}),
            f"{name[:2]}/{name[2:4]}/{name}": json.dumps(entry) + "\n",
        },
    )
    _git(index, "add", "--all")
    _git(index, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", f"Add {name}")
    registry.pages[f"/crates/{name}/{version}/download"] = "application/gzip", data
    return digest


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """An empty index of crates, and its address: cargo of any version reads it by git's own protocol."""
    folder = tmp_path / "index"
    folder.mkdir()
    _git(folder, "init", "-q", "--initial-branch=master")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "git",
        "daemon",
        f"--base-path={tmp_path}",
        "--export-all",
        "--listen=127.0.0.1",
        f"--port={port}",
    ]
    with subprocess.Popen([*words, "--reuseaddr", str(folder)], start_new_session=True) as daemon:
        while daemon.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
        yield folder, f"git://127.0.0.1:{port}/index"
        os.killpg(daemon.pid, signal.SIGTERM)


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def write(tree: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def test_go_tests_offline_with_the_modules_that_go_sum_names(
    opened: Callable[[str], Benches], registry: Registry, tmp_path: Path
) -> None:
    needed("go")
    greeting = go_module(
        registry,
        "example.org/greeting",
        "v1.2.0",
        {
            "go.mod": "module example.org/greeting\n\ngo 1.18\n",
            "greeting.go": 'package greeting\n\nfunc Hello() string { return "hi" }\n',
        },
    )
    tree = write(
        tmp_path / "tree",
        {
            "go.mod": "module example.org/shop\n\ngo 1.18\n\nrequire example.org/greeting v1.2.0\n",
            "go.sum": greeting,
            "shop_test.go": 'package shop\n\nimport (\n\t"testing"\n\n\t"example.org/greeting"\n)\n\n'
            'func TestHello(t *testing.T) {\n\tif greeting.Hello() != "hi" {\n\t\tt.Fatal("no")\n\t}\n}\n',
        },
    )
    go = Preparation(manager="go", manifests=("go.sum", "go.mod"))
    spec = WorkbenchSpec(tree=tree, job_id="go", preparations=(go,))
    with opened(f"GOPROXY={registry.address('bubblewrap')}/go").open(spec) as bench:
        assert bench.unprepared == ""
        registry.asked.clear()
        tests = bench.run(ShellCommand(script="go vet ./... && go test ./..."))
        assert tests.passed, tests.output
        assert "ok" in tests.output
        unknown = bench.run(ShellCommand(script="go get example.org/other@v1.0.0"))
    assert unknown.failed
    assert "disabled by GOPROXY=off" in unknown.output
    assert registry.asked == []


def test_cargo_tests_offline_with_the_crates_that_the_lock_file_names(
    opened: Callable[[str], Benches], registry: Registry, index: tuple[Path, str], tmp_path: Path
) -> None:
    needed("cargo")
    digest = crate(registry, index[0], "greeting", "1.2.0", 'pub fn hello() -> &\'static str { "hi" }\n')
    manifest = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\nbuild = "build.rs"\n'
    lock = (
        'version = 3\n\n[[package]]\nname = "greeting"\nversion = "1.2.0"\n'
        f'source = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "{digest}"\n\n'
        '[[package]]\nname = "shop"\nversion = "0.1.0"\ndependencies = [\n "greeting",\n]\n'
    )
    tree = write(
        tmp_path / "tree",
        {
            "Cargo.toml": f'{manifest}\n[dependencies]\ngreeting = "1.2"\n',
            "Cargo.lock": lock,
            "build.rs": 'fn main() { println!("cargo:rustc-env=BUILT=yes"); }\n',
            "src/lib.rs": '#[test]\nfn says_hi() {\n    assert_eq!(greeting::hello(), "hi");\n'
            '    assert_eq!(env!("BUILT"), "yes");\n}\n',
        },
    )
    cargo = Preparation(manager="cargo", manifests=("Cargo.lock", "Cargo.toml"))
    spec = WorkbenchSpec(tree=tree, job_id="cargo", preparations=(cargo,))
    with opened(f"CARGO_REGISTRY_MIRROR={index[1]}").open(spec) as bench:
        assert bench.unprepared == ""
        assert registry.asked == ["/crates/greeting/1.2.0/download"]
        registry.asked.clear()
        tests = bench.run(ShellCommand(script="cargo test --locked"))
        assert tests.passed, tests.output
        assert "1 passed" in tests.output
    assert registry.asked == []


def test_a_lock_file_of_cargo_that_lacks_something_fails_as_in_ci_and_is_written_without_network(
    opened: Callable[[str], Benches], registry: Registry, index: tuple[Path, str], tmp_path: Path
) -> None:
    needed("cargo")
    crate(registry, index[0], "latecomer", "2.5.0", "pub const LATE: bool = true;\n")
    manifest = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'
    tree = write(
        tmp_path / "tree",
        {
            "Cargo.toml": f'{manifest}\n[dependencies]\nlatecomer = "2"\n',
            "Cargo.lock": 'version = 3\n\n[[package]]\nname = "shop"\nversion = "0.1.0"\n',
            "src/lib.rs": "#[test]\nfn is_late() {\n    assert!(latecomer::LATE);\n}\n",
        },
    )
    cargo = Preparation(manager="cargo", manifests=("Cargo.lock", "Cargo.toml"))
    spec = WorkbenchSpec(tree=tree, job_id="cargo", preparations=(cargo,))
    with opened(f"CARGO_REGISTRY_MIRROR={index[1]}").open(spec) as bench:
        assert bench.unprepared == ""
        registry.asked.clear()
        red = bench.run(ShellCommand(script="cargo test --locked"))
        assert red.failed
        assert "--locked was passed" in red.output
        written, change = bench.capture(ShellCommand(script="cargo update --workspace --offline"))
        assert written.passed, written.output
        assert change.files == ("Cargo.lock",)
        bench.apply(change)
        green = bench.run(ShellCommand(script="cargo test --locked"))
        assert green.passed, green.output
    assert registry.asked == []


def test_what_go_sum_lacks_fails_as_in_ci_and_is_written_without_network(
    opened: Callable[[str], Benches], registry: Registry, tmp_path: Path
) -> None:
    needed("go")
    for name, more in (("deeper", ""), ("late", "\nrequire example.org/deeper v1.0.0\n")):
        uses = 'import _ "example.org/deeper"\n' if more else ""
        module = {
            "go.mod": f"module example.org/{name}\n\ngo 1.18\n{more}",
            f"{name}.go": f"package {name}\n\n{uses}const Late = true\n",
        }
        if more:
            module["late_test.go"] = 'package late\n\nimport _ "example.org/unheard/of"\n'
        go_module(registry, f"example.org/{name}", "v1.0.0", module)
    tree = write(
        tmp_path / "tree",
        {
            "go.mod": "module example.org/shop\n\ngo 1.18\n\nrequire example.org/late v1.0.0\n\n"
            "require example.org/deeper v1.0.0 // indirect\n",
            "go.sum": "",
            "shop.go": 'package shop\n\nimport "example.org/late"\n\nvar Late = late.Late\n',
        },
    )
    go = Preparation(manager="go", manifests=("go.sum", "go.mod"))
    spec = WorkbenchSpec(tree=tree, job_id="go", preparations=(go,))
    env = f"GOPROXY={registry.address('bubblewrap')}/go GONOSUMDB=example.org"
    with opened(env).open(spec) as bench:
        assert bench.unprepared == ""
        red = bench.run(ShellCommand(script="go build ./..."))
        assert red.failed
        assert "missing go.sum entry" in red.output
        tidy = "GOFLAGS=-mod=mod GOPROXY=off GOSUMDB=off go mod tidy"
        written, change = bench.capture(ShellCommand(script=f"{tidy} || {tidy} -e"))
        assert written.passed, written.output
        assert change.files == ("go.sum",)
        bench.apply(change)
        green = bench.run(ShellCommand(script="go build ./..."))
        assert green.passed, green.output
