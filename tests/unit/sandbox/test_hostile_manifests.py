"""No address, git source or configuration of a repository gets into the step that has network."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from sandbox.recipes import NotPreparedError, Recipe
from tests.unit.sandbox.test_recipes import read

EVIL = "evil.invalid"
SHA512 = "sha512-" + "A" * 86 + "=="
ELSEWHERE = [
    f"http://{EVIL}/a.tgz", f"HTTPS://{EVIL}/a.tgz", f"git+ssh://git@{EVIL}/a.git", f"git+file:///{EVIL}",
    f"git@{EVIL}:a/b.git", f"{EVIL}/repository", f"github:{EVIL}/a", f"gist:{EVIL}",
    f"file:../{EVIL}", f"link:../{EVIL}",
    f"portal:../{EVIL}", f"patch:a@1#{EVIL}", f"exec:./{EVIL}", f"./{EVIL}", f"../{EVIL}",
    f"/{EVIL}", f"~/{EVIL}",
    f"{EVIL}.tgz", f"npm:{EVIL}/a", f"npm:a@http://{EVIL}/", f"npm:a@git+ssh://{EVIL}/a",
    f"npm:a@file:{EVIL}",
    f"workspace:../{EVIL}", f"workspace:http://{EVIL}/", f"jsr:@{EVIL}/a",
    f"catalog:http://{EVIL}", f"1\nhttp://{EVIL}/",
]  # fmt: skip


def says(recipe: Recipe) -> str:
    return "\n".join([recipe.script, *recipe.files, *(data.decode() for data in recipe.files.values())])


@pytest.mark.parametrize("spec", ELSEWHERE)
def test_no_field_of_package_json_brings_an_address(tmp_path: Path, spec: str) -> None:
    fields = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
    package = {
        **{field: {"bad": spec, "good": "^1", f"x@{spec}": "1"} for field in fields},
        "overrides": {"good": {".": spec, "inner": {"inner": spec, "deep": "$good"}}, f"good@{spec}": "1"},
        "resolutions": {"**/bad": spec, "a/b": "npm:c@^2"},
        "workspaces": [f"../{EVIL}", f"http://{EVIL}/", "packages/*"],
        "packageManager": f"pnpm@https://{EVIL}/pnpm.tgz",
        "scripts": {"preinstall": EVIL},
        "config": {"registry": EVIL},
        "publishConfig": {"registry": EVIL},
        "pnpm": {"configDependencies": {"a": EVIL}, "overrides": {"a": spec}},
    }
    npmrc = f"registry=http://{EVIL}/\n"
    recipe = read(tmp_path, "npm", **{"package.json": json.dumps(package), ".npmrc": npmrc})
    assert set(recipe.files) == {"package.json"}
    assert EVIL not in says(recipe)
    kept = json.loads(recipe.files["package.json"])
    assert all(kept[field] == {"good": "^1"} for field in fields)
    assert kept["overrides"] == {"good": {"inner": {"deep": "$good"}}}
    assert kept["resolutions"] == {"a/b": "npm:c@^2"}
    assert "bad is left out (it comes from an address of its own)" in recipe.notes


@pytest.mark.parametrize(
    "entry",
    [
        {"version": f"http://{EVIL}/a.tgz"},
        {"version": f"http://{EVIL}/a.tgz", "resolved": "https://x.invalid/a.tgz", "integrity": SHA512},
        {"version": "1.0.0", "name": f"a@http://{EVIL}/", "integrity": SHA512},
        {"version": "1.0.0", "resolved": f"git+ssh://git@{EVIL}/a.git#1"},
        {"version": "1.0.0", "resolved": f"http://{EVIL}/a.tgz"},
        {"resolved": f"http://{EVIL}/", "link": True},
        {"resolved": f"../../{EVIL}", "link": True},
    ],
)
def test_a_package_of_npm_s_lock_that_only_an_address_names_is_left_out(
    tmp_path: Path, entry: dict[str, object]
) -> None:
    good = {
        "version": "2.0.0", "resolved": f"https://{EVIL}/b.tgz", "integrity": SHA512,
        "peerDependencies": {"c": f"http://{EVIL}/"}, "funding": EVIL, "hasShrinkwrap": True,
    }  # fmt: skip
    root = {"dependencies": {"b": "2"}, "peerDependencies": {"a": f"http://{EVIL}/"}, "x": EVIL}
    packages = {
        "": root,
        "node_modules/a": entry,
        "node_modules/b": good,
        f"node_modules/http://{EVIL}": good,
    }
    lock = json.dumps({"name": f"http://{EVIL}", "packages": packages, "dependencies": {"a": EVIL}})
    recipe = read(tmp_path, "npm", **{"package.json": "{}", "package-lock.json": lock})
    assert EVIL not in says(recipe)
    assert json.loads(recipe.files["package-lock.json"])["packages"] == {
        "": {"dependencies": {"b": "2"}, "peerDependencies": {}},
        "node_modules/b": {"version": "2.0.0", "integrity": SHA512, "peerDependencies": {}},
    }
    assert any(note.startswith("a is left out") for note in recipe.notes)


PNPM = f"""\
lockfileVersion: '9.0'
settings: {{autoInstallPeers: true, registry: http://{EVIL}/}}
importers:
  .:
    dependencies:
      a: {{specifier: ^1, version: 1.0.0(b@2.0.0)(c@1.0.0(d@2.0.0))}}
      gone: {{specifier: 'http://{EVIL}/x.tgz', version: 'http://{EVIL}/x.tgz'}}
packages:
  a@1.0.0: {{resolution: {{integrity: {SHA512}}}, deprecated: {EVIL}}}
snapshots:
  a@1.0.0(b@2.0.0)(c@1.0.0(d@2.0.0)): {{dependencies: {{b: 2.0.0}}}}
"""


def test_pnpm_s_lock_and_workspace_go_in_without_configuration(tmp_path: Path) -> None:
    workspace = (
        f'packages: ["packages/*", "http://{EVIL}/", "../{EVIL}"]\n"registries": {{default: "http://{EVIL}/"}}\n'
        f"configDependencies: {{a: '1+{SHA512}{EVIL}'}}\noverrides: {{a: 'http://{EVIL}/'}}\n"
        f"catalog: {{on: 1.0, bad: 'git+ssh://{EVIL}/a'}}\ncatalogs: {{x: {{c: ^3, bad: 'file:{EVIL}'}}}}\n"
    )
    files = {"package.json": "{}", "pnpm-lock.yaml": PNPM, "pnpm-workspace.yaml": workspace}
    files |= {".npmrc": f"registry=http://{EVIL}/", ".pnpmfile.cjs": EVIL}
    recipe = read(tmp_path, "pnpm", **files)
    assert EVIL not in says(recipe)
    assert json.loads(recipe.files["pnpm-workspace.yaml"]) == {
        "packages": ["packages/*"], "catalog": {"on": "1.0"}, "catalogs": {"x": {"c": "^3"}},
    }  # fmt: skip
    lock = json.loads(recipe.files["pnpm-lock.yaml"])
    assert lock["settings"] == {"autoInstallPeers": True}
    assert lock["importers"]["."]["dependencies"] == {
        "a": {"specifier": "^1", "version": "1.0.0(b@2.0.0)(c@1.0.0(d@2.0.0))"}
    }
    assert lock["packages"] == {"a@1.0.0": {"resolution": {"integrity": SHA512}}}
    assert any("configDependencies" in note and "registries" in note for note in recipe.notes)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f"integrity: {SHA512}", f'integrity: {SHA512}, "tarball": "http://{EVIL}/"', "of its own"),
        (f"integrity: {SHA512}", f"integrity: {SHA512}, 'tar\\\nball': x", "read as YAML|of its own"),
        (f"integrity: {SHA512}", f"type: git, repo: http://{EVIL}/, commit: a", "of its own"),
        (f"integrity: {SHA512}", f"directory: ../{EVIL}, type: directory", "of its own"),
        (f"integrity: {SHA512}", "integrity: no", "of its own"),
        ("version: 1.0.0(b@2.0.0)(c@1.0.0(d@2.0.0))", f"version: 'http://{EVIL}/a.tgz'", "of its own"),
        ("version: 1.0.0(b@2.0.0)(c@1.0.0(d@2.0.0))", f"version: {EVIL}/a/1", "of its own"),
        ("b: 2.0.0", f"b: 'git+ssh://git@{EVIL}/b'", "of its own"),
        ("b: 2.0.0", f"b: 2.0.0(c@http://{EVIL}/)", "of its own"),
        ("b: 2.0.0", f"b: 2.0.0{'(c@1)' * 5000}x", "of its own"),  # for a pattern that tries each split
        ("  a@1.0.0:", f"  'a@http://{EVIL}/a.tgz':", "of its own"),
        ("  a@1.0.0:", f"  {EVIL}/a/b/0123456:", "of its own"),
        ("settings:", f"overrides: {{a: 'http://{EVIL}/'}}\nsettings:", "of its own"),
        ("settings:", f"patchedDependencies: {{a: {{path: {EVIL}}}}}\nsettings:", "patchedDependencies"),
        ("settings:", f"configDependencies: {{a: {EVIL}}}\nsettings:", "configDependencies"),
        ("settings:", f"y: &x {{tarball: {EVIL}}}\nz: *x\nsettings:", "aliases"),
        ("settings:", "---\nsettings:", "of one document"),
        ("lockfileVersion: '9.0'", f"lockfileVersion: http://{EVIL}/", "no lockfileVersion"),
        ("settings:", "? [a]\n: b\nsettings:", "as YAML"),
        ("settings:", "y: !!python/name:os.system x\nsettings:", "has y|as YAML"),
    ],
)  # fmt: skip
def test_a_pnpm_lock_with_an_address_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PNPM
    with pytest.raises(NotPreparedError, match=said):
        read(tmp_path, "pnpm", **{"package.json": "{}", "pnpm-lock.yaml": PNPM.replace(old, new, 1)})


YARN = f"""\
# yarn lockfile v1


"@s/a@^1.0.0", "c@npm:@s/a@1":
  version "1.2.0"
  resolved "https://{EVIL}/evil/path.tgz#{"0" * 40}"
  integrity {SHA512}
  dependencies:
    "@s/b" "^2.0.0 || 3"
    d ">= 1"
"""


def test_yarn_s_packages_lie_where_the_operator_s_registry_has_them(tmp_path: Path) -> None:
    recipe = read(
        tmp_path, "yarn", **{"package.json": "{}", "yarn.lock": YARN, ".yarnrc": f"registry http://{EVIL}/"}
    )
    assert EVIL not in says(recipe)
    text = recipe.files["yarn.lock"].decode()
    assert (
        f'  resolved "https://registry.invalid/@s/a/-/a-1.2.0.tgz#{"0" * 40}"\n  integrity {SHA512}\n' in text
    )
    assert '"@s/a@^1.0.0", "c@npm:@s/a@1":\n  version "1.2.0"\n' in text
    assert '  dependencies:\n    "@s/b" "^2.0.0 || 3"\n    "d" ">= 1"\n' in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  resolved ", '  "resolved" ', "does not write"),
        ("  resolved ", "  resolved: ", "does not write"),
        ("  version ", f'  "resolved" "http://{EVIL}/"\n  version ', "does not write"),
        ("  resolved ", "\tresolved ", "of its own"),
        (f"https://{EVIL}/evil/path.tgz", f"git+ssh://{EVIL}/a", "of its own"),
        (f"https://{EVIL}/evil/path.tgz", f"file:../{EVIL}.tgz", "of its own"),
        ('"1.2.0"', f'"1/../../{EVIL}"', "of its own"),
        ('"1.2.0"', '"1\\u002e2"', "does not write"),
        ("@s/a@^1.0.0", f"a@http://{EVIL}/a.tgz", "of its own"),
        ("c@npm:@s/a@1", f"c@npm:x@http://{EVIL}/", "of its own"),
        ("c@npm:@s/a@1", "c@1", "of its own"),
        ('">= 1"', f'"git://{EVIL}/d"', "of its own"),
        ("  integrity ", "  uid ", "without a hash"),
        ("# yarn lockfile v1", "<<<<<<< HEAD", "does not write"),
        ("# yarn lockfile v1", '"__metadata":\n  version: 8', "yarn 2 or newer"),
        ("# yarn lockfile v1", "{resolved: x}", "does not write"),
    ],
)  # fmt: skip
def test_a_yarn_lock_that_yarn_would_not_write_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in YARN
    with pytest.raises(NotPreparedError, match=said):
        read(tmp_path, "yarn", **{"package.json": "{}", "yarn.lock": YARN.replace(old, new, 1)})


PACKAGE = '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n'
LOCK = 'version = 3\n[[package]]\nname = "a"\nversion = "0.1.0"\n'


@pytest.mark.parametrize(
    "text",
    [
        f'[dependencies]\nb = {{ git = "https://{EVIL}/b" }}',
        f'[dependencies]\nb = {{ "git" = "https://{EVIL}/b", version = "1" }}',
        f'[dependencies.b]\n"g\\u0069t" = "https://{EVIL}/b"',
        f'dependencies.b.git = "https://{EVIL}/b"',
        f'[dev_dependencies]\nb = {{ git = "https://{EVIL}/b" }}',
        f'[build-dependencies]\nb = {{ version = "1", registry-index = "https://{EVIL}/" }}',
        '[dependencies]\nb = { version = "1", registry = "other" }',
        f"[target.'cfg(unix)'.dependencies]\nb = {{ git = 'https://{EVIL}/b' }}",
        f'[workspace.dependencies]\nb = {{ git = "https://{EVIL}/b" }}',
        f'[patch.crates-io]\nb = {{ git = "https://{EVIL}/b" }}',
        '[patch.crates-io]\nb = "1"',
        f'[patch."https://{EVIL}/index"]\nb = {{ path = "b" }}',
        f'[replace]\n"b:1.0.0" = {{ git = "https://{EVIL}/b" }}',
        "[dependencies",
    ],
)
def test_a_rust_manifest_with_a_git_source_or_a_registry_is_refused(tmp_path: Path, text: str) -> None:
    manifest = f"{text}\n{PACKAGE}" if text.startswith("dependencies.") else PACKAGE + text
    with pytest.raises(NotPreparedError, match=r"of its own|\[replace\]|as TOML|no folder"):
        read(tmp_path, "cargo", **{"Cargo.toml": manifest, "Cargo.lock": LOCK})


@pytest.mark.parametrize(
    "line",
    [
        f'source = "git+https://{EVIL}/b#1"',
        f'"source" = "registry+https://{EVIL}/index"',
        f'source = "sparse+https://{EVIL}/"',
        f'dependencies = ["b 1.0.0 (git+https://{EVIL}/b)"]',
        f'replace = "b 1.0.0 (git+https://{EVIL}/b)"',
    ],
)
def test_a_rust_lock_with_another_source_than_the_public_registry_is_refused(
    tmp_path: Path, line: str
) -> None:
    with pytest.raises(NotPreparedError, match="comes from"):
        read(tmp_path, "cargo", **{"Cargo.toml": PACKAGE, "Cargo.lock": f"{LOCK}{line}\n"})


def test_a_rust_workspace_goes_in_without_configuration_and_cargo_reads_it(tmp_path: Path) -> None:
    root = PACKAGE + (
        f'metadata.x = "{EVIL}"\n[workspace]\nmembers = ["m"]\n[workspace.package]\nversion = "0.2.0"\n'
        f'[source.crates-io]\nreplace-with = "{EVIL}"\n[registries.x]\nindex = "https://{EVIL}/"\n'
        f'[[bin]]\nname = "b"\npath = ".cargo/config.toml"\n[profile.release]\nlto = true\n'
        "[target.'cfg(unix)'.dependencies]\nm = { path = \"m\" }\n[features]\nx = []\n"
    )
    member = '[package]\nname = "m"\nversion.workspace = true\nedition = "2021"\n'
    member += '[[bin]]\nname = "\\u00e9\\u007f"\n'
    lock = f'{LOCK}dependencies = ["m"]\n[[package]]\nname = "m"\nversion = "0.2.0"\n'
    files = {"Cargo.toml": root, "m__Cargo.toml": member, "Cargo.lock": lock}
    recipe = read(
        tmp_path / "tree", "cargo", **files, **{".cargo__config.toml": f'[source.x]\nregistry = "{EVIL}"\n'}
    )
    assert EVIL not in says(recipe)
    assert not any(path.startswith(".cargo") for path in recipe.files)
    written = tomllib.loads(recipe.files["m/Cargo.toml"].decode())
    assert written["package"] == tomllib.loads(member)["package"]
    assert written["bin"] == [{"name": "\u00e9\x7f"}]
    assert tomllib.loads(recipe.files["Cargo.lock"].decode()) == tomllib.loads(lock)
    if cargo := shutil.which("cargo"):
        plain = {**files, "Cargo.toml": root.replace(".cargo/config.toml", "src/b.rs")}
        plain["m__Cargo.toml"] = member.partition("[[bin]]")[0]
        recipe = read(tmp_path / "plain", "cargo", **plain)
        for path, data in recipe.files.items():
            place = tmp_path / "written" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        done = subprocess.run(
            [cargo, "fetch", "--locked", "--offline"],
            cwd=tmp_path / "written",
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


def test_a_rust_manifest_elsewhere_in_the_checkout_that_can_not_go_in_is_left_out_and_named(
    tmp_path: Path,
) -> None:
    fixture = f'{PACKAGE}[dependencies]\nb = {{ git = "https://{EVIL}/b" }}\n'
    recipe = read(
        tmp_path, "cargo", **{"Cargo.toml": PACKAGE, "Cargo.lock": LOCK, "tests__x__Cargo.toml": fixture}
    )
    assert "tests/x/Cargo.toml" not in recipe.files
    assert EVIL not in says(recipe)
    assert "tests/x/Cargo.toml is left out" in recipe.notes[0]
