"""Maven with its real self: Debian's own repository served as the operator's mirror, tests run offline."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from patchpilot.fixes import Preparation, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.settings import SandboxEngine, SandboxSettings
from sandbox import NoWorkbenches, open_workbenches, recipes
from sandbox.bench import Benches
from tests.registries import Registry, serving

pytestmark = pytest.mark.bubblewrap

DEBIAN = Path("/usr/share/maven-repo")
CHECK = Path(recipes.__file__).with_name("MavenCheck.java")
MAVEN = Preparation(manager="maven", manifests=("pom.xml",))


class Pages(dict[str, tuple[str, bytes]]):
    """Debian's repository of Java below the pages of the test, with the checksums that it lacks."""

    def get(self, path: str, default: Any = None) -> Any:
        name = path.removesuffix(".sha1")
        data = self[name][1] if name in self else _debian(name)
        if data is None:
            return default
        return "application/octet-stream", data if name == path else _sha1(data)


def _debian(name: str) -> bytes | None:
    file = DEBIAN / name.removeprefix("/maven/")
    return file.read_bytes() if file.is_file() else None


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest().encode()


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    needed("mvn")
    with serving(Registry(pages=Pages())) as served:
        yield served


@pytest.fixture
def opened(registry: Registry, tmp_path: Path) -> Iterator[Callable[[], Benches]]:
    """Opens bubblewrap, which shows this machine's Maven, with the mirror as the operator's."""
    everything: list[Benches] = []

    def open_() -> Benches:
        mirror = f"MAVEN_MIRROR={registry.address('bubblewrap')}/maven"
        benches = open_workbenches(
            SandboxSettings(
                engine=SandboxEngine.BUBBLEWRAP,
                layers=tmp_path / "layers",
                prepare_env=mirror,
                memory_mb=2048,
                prepare_seconds=1800,
                timeout_seconds=900,
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
    if tool == "mvn" and not (DEBIAN / "org/apache/maven/plugins/maven-dependency-plugin/3.5.0").is_dir():
        pytest.skip(f"this machine has no plug-ins of Maven in {DEBIAN}")


def pom(name: str, inner: str = "", *, parent: str = "", packaging: str = "jar") -> str:
    group = "" if parent else "<groupId>org.example</groupId><version>1</version>"
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        f"{parent}{group}<artifactId>{name}</artifactId><packaging>{packaging}</packaging>{inner}</project>"
    )


def above(name: str, more: str = "") -> str:
    return (
        f"<parent><groupId>org.example</groupId><artifactId>{name}</artifactId><version>1</version>"
        f"{more}</parent>"
    )


def dependency(group: str, name: str, version: str, scope: str = "compile") -> str:
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>"
        f"<version>{version}</version><scope>{scope}</scope></dependency>"
    )


def plugins() -> str:
    """The newest that Debian has of what builds, tests, packs and installs."""
    chosen = ""
    for name in ("resources", "compiler", "surefire", "jar", "install"):
        folder = DEBIAN / f"org/apache/maven/plugins/maven-{name}-plugin"
        numbers = [tuple(map(int, one.name.split("."))) for one in folder.iterdir() if one.name[0].isdigit()]
        version = ".".join(map(str, max(numbers)))
        chosen += f"<plugin><artifactId>maven-{name}-plugin</artifactId><version>{version}</version></plugin>"
    return f"<build><plugins>{chosen}</plugins></build>"


def write(tree: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def publish(registry: Registry, name: str, text: str) -> None:
    """Put a parent into the repository."""
    registry.pages[f"/maven/org/example/{name}/1/{name}-1.pom"] = "text/xml", text.encode()


def test_maven_tests_and_installs_offline_with_what_the_poms_name(
    opened: Callable[[], Benches], registry: Registry, tmp_path: Path
) -> None:
    publish(registry, "house", pom("house", plugins(), packaging="pom", parent=above("manor")))
    settings = "<properties><maven.compiler.release>17</maven.compiler.release></properties>"
    publish(registry, "manor", pom("manor", settings, packaging="pom"))
    junit = dependency("junit", "junit", "4.13.2", "test")
    core = dependency("org.example", "core", "${project.version}")
    tree = write(
        tmp_path / "tree",
        {
            "pom.xml": pom(
                "shop",
                "<modules><module>core</module><module>web</module></modules>",
                parent=above("house", "<relativePath/>"),
                packaging="pom",
            ),
            "core/pom.xml": pom("core", parent=above("shop")),
            "core/src/main/java/core/Core.java": "package core;\n\npublic class Core {\n"
            '  public static String hello() { return "hi"; }\n}\n',
            "web/pom.xml": pom("web", f"<dependencies>{core}{junit}</dependencies>", parent=above("shop")),
            "web/src/test/java/web/WebTest.java": "package web;\n\nimport static org.junit.Assert.*;\n\n"
            "public class WebTest {\n  @org.junit.Test public void greets() {\n"
            '    assertEquals("hi", core.Core.hello());\n  }\n}\n',
            "mvnw": "#!/bin/sh\necho it would download a Maven\nexit 3\n",
        },
    )
    (tree / "mvnw").chmod(0o755)
    with opened().open(WorkbenchSpec(tree=tree, job_id="maven", preparations=(MAVEN,))) as bench:
        assert bench.unprepared == ""
        registry.asked.clear()
        result, changed = bench.capture(ShellCommand(script="./mvnw -B install && echo new >note.txt"))
        assert result.passed, result.output
        assert "Tests run: 1, Failures: 0" in result.output
        assert "note.txt" in changed.files
        assert "mvnw" not in changed.files
    assert registry.asked == []


def test_a_parent_from_the_repository_that_brings_code_is_refused_before_it_runs(
    opened: Callable[[], Benches], registry: Registry, tmp_path: Path
) -> None:
    extension = "<groupId>org.example</groupId><artifactId>hostile</artifactId><version>1</version>"
    build = f"<build><extensions><extension>{extension}</extension></extensions></build>"
    publish(registry, "attic", pom("attic", build, packaging="pom"))
    publish(registry, "cellar", pom("cellar", packaging="pom", parent=above("attic")))
    tree = write(tmp_path / "tree", {"pom.xml": pom("shop", parent=above("cellar"))})
    registry.asked.clear()
    with opened().open(WorkbenchSpec(tree=tree, job_id="maven", preparations=(MAVEN,))) as bench:
        assert "maven: error: the parent org.example:attic:1 has build extensions" in bench.unprepared
    assert any("attic-1.pom" in path for path in registry.asked)
    assert not any("hostile" in path for path in registry.asked)


def check(*words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    needed("javac")
    given = {"PATH": "/usr/local/bin:/usr/bin:/bin", **env}
    command = ["java", str(CHECK), *map(str, words)]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (("<build><plugins><plugin><artifactId>a</artifactId><extensions>true</extensions></plugin></plugins>"
         "</build>"), "has build extensions"),
        (("<profiles><profile><activation><jdk>[8,)</jdk></activation><build><extensions><extension>"
         "<artifactId>a</artifactId></extension></extensions></build></profile></profiles>"),
         "has build extensions"),
        (("<build><pluginManagement><plugins><plugin><artifactId>maven-dependency-plugin</artifactId>"
         "<dependencies><dependency/></dependencies></plugin></plugins></pluginManagement></build>"),
         "adds code to the plug-in"),
        (("<build><plugins><plugin><artifactId>${name}</artifactId><dependencies><dependency/></dependencies>"
         "</plugin></plugins></build>"), "adds code to the plug-in"),
        ("<repositories><repository><id>central</id></repository></repositories>", "another repository"),
        ("<parent><groupId>g</groupId><artifactId>$(id)</artifactId><version>1</version></parent>",
         "no plain name and version"),
        ("<build>", "can't be read"),
    ],
)  # fmt: skip
def test_what_makes_maven_load_code_of_a_parent_s(tmp_path: Path, inner: str, said: str) -> None:
    place = tmp_path / "parent.pom"
    place.write_text(f"<project>{inner}</project>")
    done = check("parent", place, "g:parent:1")
    assert done.returncode == 1
    assert said in done.stdout


def test_an_ordinary_parent_tells_its_own_parent(tmp_path: Path) -> None:
    inner = (
        "<parent><groupId>g</groupId><artifactId>above</artifactId><version>2</version></parent><build>"
        "<plugins><plugin><artifactId>a</artifactId><extensions>false</extensions><configuration><extensions>"
        "x</extensions></configuration></plugin></plugins></build><profiles><profile><id>release</id><build>"
        "<plugins><plugin><extensions>true</extensions></plugin></plugins></build></profile></profiles>"
    )
    place = tmp_path / "parent.pom"
    place.write_text(f"<project>{inner}</project>")
    done = check("parent", place, "g:parent:1")
    assert (done.returncode, done.stdout) == (0, "g:above:2\n"), done.stderr


def test_the_mirror_is_asked_for_everything_with_the_operator_s_login(tmp_path: Path) -> None:
    place = tmp_path / "settings.xml"
    done = check(
        "settings", place, MAVEN_MIRROR="https://us%40er:p<w+d@mirror.example/maven".replace("<", "%3C")
    )
    assert done.returncode == 0, done.stderr
    root = ET.fromstring(place.read_text())
    assert root.findtext("mirrors/mirror/url") == "https://mirror.example/maven"
    assert root.findtext("mirrors/mirror/mirrorOf") == "*"
    assert root.findtext("mirrors/mirror/id") == root.findtext("servers/server/id")
    assert root.findtext("servers/server/username") == "us@er"
    assert root.findtext("servers/server/password") == "p<w+d"
    assert check("settings", place).returncode == 0
    assert ET.fromstring(place.read_text()).findtext("mirrors/mirror/mirrorOf") == "*,!central"


@pytest.mark.parametrize("address", ["mirror.example", "file:///etc", "https://u:canary@", "https://x y/"])
def test_what_is_no_address_of_a_mirror_is_refused_unseen(tmp_path: Path, address: str) -> None:
    done = check("settings", tmp_path / "settings.xml", MAVEN_MIRROR=address)
    assert done.returncode == 1
    assert done.stdout == "error: MAVEN_MIRROR is no address of a repository: https://HOST/PATH\n"


def test_the_operator_s_authorities_are_put_where_java_looks(tmp_path: Path) -> None:
    authorities = Path("/etc/ssl/certs/ca-certificates.crt")
    first = authorities.read_text().split("-----END CERTIFICATE-----")[:2]
    (tmp_path / "ca.pem").write_text("".join(f"{one}-----END CERTIFICATE-----\n" for one in first))
    done = check("trust", tmp_path / "ca.pem", tmp_path / "store")
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        ["keytool", "-list", "-keystore", tmp_path / "store", "-storepass", "changeit"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.count("trustedCertEntry") == 2
