"""Manifests read as data: what goes into the installing step, and what never does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from patchpilot.fixes import Preparation
from patchpilot.settings import assignments
from sandbox import recipes
from sandbox.recipes import Machine, NotPreparedError, Recipe
from sandbox.recipes.node import _registry
from sandbox.recipes.python import _STAND_IN

MACHINE = Machine(
    tools={
        "python3": "3.11.2", "node": "v20", "npm": "10", "pnpm": "9", "yarn": "1.22.22", "go": "go1.22",
        "cargo": "cargo 1.80", "mvn": "Apache Maven 3.9.9 Java version: 21",
    },
    markers={"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux"},
)  # fmt: skip
SHA256 = "sha256:" + "a" * 64


def read(tree: Path, manager: str, **files: str) -> Recipe:
    for name, text in files.items():
        place = tree / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return recipes.read(Preparation(manager=manager, manifests=tuple(files)), tree, MACHINE)


def test_a_requirements_file_keeps_names_versions_and_hashes_only(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("flask>=3 ; python_version > '3.8'  # why\n")
    (tmp_path / "constraints.txt").write_text("werkzeug==3.0.1\n")
    text = (
        f"-r more.txt\n-c constraints.txt\n-r ../outside.txt\n-f http://x.invalid/\n"
        f"attrs==24.1 \\\n  --hash={SHA256}\n"
        "git+https://x.invalid/y.git\nname @ file:///etc/passwd\n-e ../other\n$(touch /tmp/x)\n"
    )
    recipe = read(tmp_path, "pip", **{"requirements.txt": text})
    assert recipe.files["plain.txt"] == b'flask>=3; python_version > "3.8"\n'
    assert recipe.files["hashed.txt"] == f"attrs==24.1 --hash={SHA256}\n".encode()
    assert recipe.files["constraints.txt"] == b"werkzeug==3.0.1\n"
    assert not any(b"x.invalid" in data or b"passwd" in data for data in recipe.files.values())
    assert len(recipe.notes) >= 4


def test_a_new_version_of_the_project_fetches_the_same(tmp_path: Path) -> None:
    text = '[project]\nname = "a"\nversion = "1"\ndependencies = ["flask"]\n'
    one = read(tmp_path, "pip", **{"pyproject.toml": text})
    other = read(tmp_path, "pip", **{"pyproject.toml": text.replace('"1"', '"2"')})
    third = read(tmp_path, "pip", **{"pyproject.toml": text.replace("flask", "django")})
    assert one.fetches_as(other)
    assert not one.fetches_as(third)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ('"^2.31"', "a<3,>=2.31"),
        ('"^0.3.1"', "a<0.4,>=0.3.1"),
        ('"~1.4"', "a<1.5,>=1.4"),
        ('"~1"', "a<2,>=1"),
        ('"1.2"', "a==1.2"),
        ('">=1,<3"', "a<3,>=1"),
        ('"*"', "a"),
        ('"^1 || ^2"', "a"),
        ("{version = '^1', extras = ['x']}", "a[x]<2,>=1"),
        ("{version = '1', optional = true}", ""),
        ("{git = 'https://x.invalid/a'}", ""),
    ],
)
def test_what_poetry_calls_a_version_is_read_where_no_lock_file_is_there(
    said: str, line: str, tmp_path: Path
) -> None:
    text = f'[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\npython = "^3.9"\na = {said}\n'
    recipe = read(tmp_path, "pip", **{"pyproject.toml": text})
    assert recipe.files["plain.txt"].decode().strip() == line


def test_the_groups_of_poetry_and_pdm_are_known_by_their_names(tmp_path: Path) -> None:
    text = (
        '[project]\nname = "x"\n[tool.poetry.group.test.dependencies]\na = "^1"\n'
        '[tool.poetry.dev-dependencies]\nb = "*"\n[tool.pdm.dev-dependencies]\nlint = ["c"]\n'
    )
    (tmp_path / "pyproject.toml").write_text(text)
    asked = Preparation(manager="pip", manifests=("pyproject.toml",), groups=("test", "dev", "lint"))
    recipe = recipes.read(asked, tmp_path, MACHINE)
    assert sorted(recipe.files["plain.txt"].decode().split()) == ["a<2,>=1", "b", "c"]


SETTINGS = '[tool.pytest.ini_options]\npythonpath = ["."]\n'


@pytest.mark.parametrize(
    ("files", "installed"),
    [
        ({"pyproject.toml": SETTINGS}, False),
        ({"setup.cfg": "[flake8]\nmax-line-length = 100\n"}, False),
        ({"pyproject.toml": SETTINGS, "setup.cfg": "[options]\npackages = find:\n"}, True),
        ({"pyproject.toml": SETTINGS + '[build-system]\nrequires = ["setuptools"]\n'}, True),
        ({"setup.py": "from setuptools import setup\nsetup(**told())\n"}, True),
    ],
)
def test_settings_of_tools_are_no_project_that_is_missed(
    files: dict[str, str], installed: bool, tmp_path: Path
) -> None:
    notes = read(tmp_path, "pip", **files).notes
    assert any("only its build would tell its name" in note for note in notes) is installed
    assert bool(notes) is installed


def test_groups_are_installed_also_where_no_project_is(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(SETTINGS + '[dependency-groups]\ntest = ["pytest-mock"]\n')
    asked = Preparation(manager="pip", manifests=("pyproject.toml",), groups=("test",))
    recipe = recipes.read(asked, tmp_path, MACHINE)
    assert recipe.files["plain.txt"] == b"pytest-mock\n"
    assert json.loads(recipe.files["install.json"])["projects"] == []


def test_package_json_goes_in_without_scripts_and_addresses(tmp_path: Path) -> None:
    package = {"name": "a", "scripts": {"preinstall": "x"}, "dependencies": {"b": "^1", "c": "github:x/c"}}
    recipe = read(tmp_path, "npm", **{"package.json": json.dumps(package)})
    assert json.loads(recipe.files["package.json"]) == {"name": "a", "dependencies": {"b": "^1"}}
    assert recipe.notes == ("c is left out (it comes from an address of its own)",)
    assert not recipe.pinned


@pytest.mark.parametrize(
    ("manager", "files", "said"),
    [
        ("npm", {"package.json": "[]"}, "holds no object"),
        ("npm", {"package.json": "{}", "package-lock.json": '{"dependencies": {}}'}, "is of version 1"),
        ("pnpm", {"package.json": "{}"}, "there is no pnpm-lock.yaml"),
        ("pnpm", {"package.json": "{}", "pnpm-lock.yaml": "x: {tarball: http://x.invalid/}"}, "has x"),
        ("yarn", {"package.json": "{}", "yarn.lock": "__metadata:\n"}, "yarn 2 or newer"),
        ("yarn", {"package.json": "{}", "yarn.lock": 'a@1:\n  resolved "git+ssh://x.in/a"\n'}, "of its own"),
        ("cargo", {"Cargo.toml": ""}, "there is no Cargo.lock"),
        ("cargo", {"Cargo.lock": '[[package]]\nname = "a"\nsource = "git+https://x.in"\n'}, "not a registry"),
        ("go", {"go.sum": ""}, "go.mod is not there"),
        ("uv", {"uv.lock": "{"}, "can't be read as TOML"),
        ("gradle", {"build.gradle": ""}, "runs code of the repository"),
    ],
)  # fmt: skip
def test_what_can_not_be_installed_safely_is_refused_with_a_reason(
    tmp_path: Path, manager: str, files: dict[str, str], said: str
) -> None:
    with pytest.raises(NotPreparedError, match=said):
        read(tmp_path, manager, **files)


def test_rust_manifests_go_in_with_empty_sources(tmp_path: Path) -> None:
    manifest = '[package]\nname = "a"\nversion = "0.1.0"\n[[bin]]\nname = "tool"\n'
    recipe = read(
        tmp_path, "cargo", **{"Cargo.toml": manifest, "Cargo.lock": "version = 3\n", "src__lib.rs": "secret"}
    )
    assert recipe.files["src/lib.rs"] == recipe.files["src/bin/tool.rs"] == b""
    assert recipe.env["CARGO_NET_OFFLINE"] == "true"


def test_go_modules_never_come_straight_from_a_repository(tmp_path: Path) -> None:
    recipe = read(tmp_path, "go", **{"go.mod": "module a\n", "go.sum": ""})
    assert "GOVCS='*:off'" in recipe.script
    assert recipe.env["GOPROXY"] == "off"


@pytest.mark.parametrize("manager", sorted(recipes.READERS))
def test_a_missing_tool_names_the_setting_that_brings_it(tmp_path: Path, manager: str) -> None:
    (tmp_path / "go.mod").write_text("module a\n")
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "a"\n')
    (tmp_path / "Cargo.lock").write_text("version = 3\n")
    with pytest.raises(NotPreparedError, match="SANDBOX_IMAGES"):
        recipes.read(Preparation(manager=manager, manifests=()), tmp_path, Machine())


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("flask\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "requirements.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(NotPreparedError, match="symbolic link"):
        recipes.read(Preparation(manager="pip", manifests=("requirements.txt",)), tree, MACHINE)


@pytest.mark.parametrize("text", ["A", "1A=b", "A='b"])
def test_variables_for_the_step_that_are_none_are_refused_unseen(text: str) -> None:
    with pytest.raises(ValueError, match=r"no NAME=value|without its partner"):
        assignments(text)


def test_what_the_stand_in_does_not_do_is_the_real_tool_s(tmp_path: Path) -> None:
    for folder, text in (
        ("prepared", _STAND_IN.format(tool="uv", run="run", by_lock="")),
        ("image", REAL_UV),
    ):
        (tmp_path / folder).mkdir()
        place = tmp_path / folder / "uv"
        place.write_text(text)
        place.chmod(0o755)

    def uv(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["uv", *arguments], env={"PATH": path}, capture_output=True, text=True, check=False
        )

    both = f"{tmp_path}/prepared:{tmp_path}/image:/usr/bin:/bin"
    assert uv("lock", "--check", path=both).stdout == "the real one: lock --check\n"
    assert uv("sync", path=both).stderr == "uv: installed beforehand\n"
    assert uv("run", "echo", "ran", path=both).stdout == "ran\n"
    alone = uv("lock", path=f"{tmp_path}/prepared:/usr/bin:/bin")
    assert (alone.returncode, "only 'run' is available" in alone.stderr) == (127, True)


REAL_UV = '#!/bin/sh\necho "the real one: $*"\n'


def test_the_lock_file_of_yarn_names_the_operators_registry(tmp_path: Path) -> None:
    text = (
        'a@^1:\n  version "1.0.0"\n  resolved "https://elsewhere.invalid/a/-/a-1.0.0.tgz#'
        f'{"0" * 40}"\n  integrity sha512-{"A" * 86}==\n'
    )
    recipe = read(tmp_path, "yarn", **{"package.json": "{}", "yarn.lock": text})
    (tmp_path / "yarn.lock").write_bytes(recipe.files["yarn.lock"])
    env = {"PATH": "/usr/bin:/bin", "npm_config_registry": "http://ours.invalid/npm/"}
    subprocess.run(["sh", "-ec", _registry("yarn")], cwd=tmp_path, env=env, check=True)
    assert '  resolved "http://ours.invalid/npm/a/-/a-1.0.0.tgz#' in (tmp_path / "yarn.lock").read_text()


POM = "<project xmlns='http://maven.apache.org/POM/4.0.0'>{}<artifactId>a</artifactId></project>"
EXTENSION = "<extensions><extension><groupId>g</groupId><artifactId>x</artifactId></extension></extensions>"
AS_EXTENSION = "<plugin><artifactId>x</artifactId><extensions>true</extensions></plugin>"


def maven(tree: Path, **files: str) -> Recipe:
    return read(
        tree, "maven", **{name.replace("_pom", "__pom") + ".xml": text for name, text in files.items()}
    )


def test_poms_go_in_without_what_plug_ins_do_and_where_things_come_from(tmp_path: Path) -> None:
    inner = (
        "<properties><v>1</v></properties><modules><module>core</module></modules><dependencies><dependency>"
        "<groupId>g</groupId><artifactId>b</artifactId><version>${v}</version><systemPath>/x</systemPath>"
        "</dependency></dependencies><repositories><repository><url>http://x.invalid</url></repository>"
        "</repositories><build><directory>/x</directory><plugins><plugin><artifactId>p</artifactId>"
        "<configuration><annotationProcessorPaths><path><groupId>g</groupId><artifactId>processor</artifactId>"
        "<version>3</version></path></annotationProcessorPaths></configuration><executions/></plugin></plugins>"
        f"</build><profiles><profile><id>release</id><build>{EXTENSION}</build></profile></profiles>"
    )
    recipe = maven(tmp_path, pom=POM.format(inner), core_pom=POM.format(""), other_pom=POM.format(""))
    assert set(recipe.files) == {
        "tree/pom.xml", "tree/core/pom.xml", "MavenCheck.java", "mvn", "mvnw", "given",
    }  # fmt: skip
    written = recipe.files["tree/pom.xml"].decode()
    for kept in ("<v>1</v>", "<module>core</module>", "<version>${v}</version>", "<artifactId>processor<"):
        assert kept in written
    for gone in ("invalid", "systemPath", "configuration", "executions", "directory", "extension"):
        assert gone not in written
    assert recipe.notes == ("repositories that the pom names are not used (MAVEN_MIRROR)",)
    assert recipe.pinned


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (f"<build>{EXTENSION}</build>", "pom.xml has build extensions"),
        (f"<build><plugins>{AS_EXTENSION}</plugins></build>", "uses x as an extension"),
        (
            f"<build><pluginManagement><plugins>{AS_EXTENSION}</plugins></pluginManagement></build>",
            "uses x as",
        ),
        (
            "<parent><groupId>g</groupId><artifactId>p</artifactId><version>[1,)</version></parent>",
            "no plain",
        ),
        ("<build>", "can't be read as XML"),
    ],
)
def test_a_pom_that_makes_maven_load_code_is_refused(tmp_path: Path, inner: str, said: str) -> None:
    with pytest.raises(NotPreparedError, match=re.escape(said)):
        maven(tmp_path, pom=POM.format(inner))


def test_extensions_of_maven_s_core_and_a_document_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotPreparedError, match="declares a document type"):
        maven(tmp_path / "a", pom="<!DOCTYPE project []><project/>")
    with pytest.raises(NotPreparedError, match=r"\.mvn/extensions\.xml names code"):
        read(tmp_path / "b", "maven", **{"pom.xml": POM.format(""), ".mvn__extensions.xml": "<extensions/>"})


def test_nothing_is_added_to_the_plug_in_that_fetches(tmp_path: Path) -> None:
    plugin = (
        "<plugin><artifactId>{}</artifactId><dependencies><dependency><artifactId>evil</artifactId>"
        "</dependency></dependencies></plugin>"
    )
    both = plugin.format("maven-dependency-plugin") + plugin.format("${name}")
    recipe = maven(tmp_path, pom=POM.format(f"<build><plugins>{both}</plugins></build>"))
    assert b"evil" not in recipe.files["tree/pom.xml"]
    assert len(recipe.notes) == 2


def test_a_parent_that_lies_there_counts_only_if_it_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    named = "<groupId>g</groupId>{}<version>1</version>"
    parent = f"<parent>{named.format('<artifactId>a</artifactId>')}</parent>"
    here = maven(
        tmp_path / "same",
        pom=POM.format("<groupId>g</groupId><version>1</version><modules><module>core</module></modules>"),
        core_pom=POM.format(parent),
    )
    assert "waiting=''" in here.script
    elsewhere = maven(
        tmp_path / "other",
        pom=POM.format(
            "<groupId>other</groupId><version>1</version><modules><module>core</module></modules>"
        ),
        core_pom=POM.format(parent),
    )
    assert "waiting=g:a:1" in elsewhere.script


def test_modules_stand_in_for_each_other_by_an_empty_archive(tmp_path: Path) -> None:
    core = (
        "<dependencies><dependency><groupId>${project.groupId}</groupId><artifactId>core</artifactId>%s"
        "</dependency></dependencies>"
    )
    named = "<groupId>org.x</groupId><version>${v}</version><properties><v>1.2</v></properties>"
    modules = "<modules><module>core</module><module>web</module></modules>"
    parent = "<parent><groupId>org.x</groupId><artifactId>a</artifactId><version>${v}</version></parent>"
    recipe = maven(
        tmp_path,
        pom=POM.format(named + modules + core % "<type>test-jar</type>"),
        core_pom=POM.replace("<artifactId>a<", "<artifactId>core<").format(parent),
        web_pom=POM.replace("<artifactId>a<", "<artifactId>web<").format(parent + core % ""),
    )
    stubs = {path for path in recipe.files if path.startswith("stubs/")}
    assert stubs == {"stubs/org/x/core/1.2/core-1.2.jar", "stubs/org/x/core/1.2/core-1.2-tests.jar"}


def test_the_wrapper_is_stood_in_for_where_it_lies_and_only_a_revision_is_given(tmp_path: Path) -> None:
    config = "-Drevision=2\n-Dmaven.ext.class.path=x.jar\n-s settings.xml\n-Dchangelist=$(id)\n"
    recipe = read(
        tmp_path, "maven", **{"pom.xml": POM.format(""), "mvnw": "#!/bin/sh\n", ".mvn__maven.config": config}
    )
    assert 'cp mvnw "$OVER/"mvnw' in recipe.script
    assert recipe.files["given"] == b"-Drevision=2"


@pytest.mark.parametrize(
    ("manager", "words", "expected"),
    [
        ("npm", "ci", "npm: installed beforehand"),
        ("npm", "--prefix web ci", "npm: installed beforehand"),
        ("npm", "ci --prefix=web --cache .npm", "npm: installed beforehand"),
        ("npm", "install -C web --no-audit", "npm: installed beforehand"),
        ("npm", "ci -w x --only production --unheard-of 3", "npm: installed beforehand"),
        ("npm", "-w x ci", "npm: installed beforehand"),
        ("npm", "install -g turbo", "the real one: install -g turbo"),
        ("npm", "install a@>=4\u00a0<5", "the real one: install a@>=4\u00a0<5"),
        ("npm", "--prefix bare ci", "the real one: --prefix bare ci"),
        ("npm", "i left-pad", "the real one: i left-pad"),
        ("npm", "install --package-lock-only", "the real one: install --package-lock-only"),
        ("npm", "run ci", "the real one: run ci"),
        ("npm", "config get registry", "the real one: config get registry"),
        ("npm", "", "the real one:"),
        ("pnpm", "install --frozen-lockfile", "pnpm: installed beforehand"),
        ("pnpm", "-C web i", "pnpm: installed beforehand"),
        ("pnpm", "install --reporter append-only", "pnpm: installed beforehand"),
        ("pnpm", "--prefix web --filter x install", "pnpm: installed beforehand"),
        ("pnpm", "-C bare i", "the real one: -C bare i"),
        ("pnpm", "install --lockfile-only", "the real one: install --lockfile-only"),
        ("pnpm", "i left-pad", "the real one: i left-pad"),
        ("pnpm", "test", "the real one: test"),
    ],
)
def test_what_is_installed_already_is_not_installed_again(
    tmp_path: Path, manager: str, words: str, expected: str
) -> None:
    lock = (
        {"package-lock.json": '{"packages": {}}'}
        if manager == "npm"
        else {"pnpm-lock.yaml": "lockfileVersion: '9.0'"}
    )
    script = read(tmp_path, manager, **{"package.json": "{}"}, **lock).script
    stand_in = script.split(f"cat >$OUT/bin/{manager} <<'EOF'\n", 1)[1].split("EOF\n", 1)[0]
    for folder, text in (("prepared", stand_in), ("image", REAL_UV)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / manager).write_text(text)
        (tmp_path / folder / manager).chmod(0o755)
    for folder in ("node_modules", "web/node_modules", "bare"):
        (tmp_path / folder).mkdir(parents=True)
    ran = subprocess.run(
        [manager, *(word.replace("\u00a0", " ") for word in words.split(" ") if word)],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}/prepared:{tmp_path}/image:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ran.stdout + ran.stderr).strip() == expected.replace("\u00a0", " ")
