"""Maven: plug-ins and dependencies that the poms name, fetched into a local repository, none of them run.

Only the plug-in that fetches runs in that step, of a version of ours, on poms written anew
(:mod:`sandbox.recipes.maven_project`). Parents from a repository are fetched first and looked at, as code
that Maven would load for them is no less a stranger's (``MavenCheck.java``).
"""

from __future__ import annotations

import re
import shlex
from importlib import resources
from pathlib import Path

from patchpilot.fixes import Preparation
from sandbox.recipes import maven_project
from sandbox.recipes.recipe import NOTE, PREPARED, Machine, NotPreparedError, Recipe, beside, text_of
from sandbox.trees import files as all_files

_HOME = f"{PREPARED}/maven"
_FETCHER = "org.apache.maven.plugins:maven-dependency-plugin:3.5.0"
# https://maven.apache.org/guides/mini/guide-maven-ci-friendly.html
_GIVEN = re.compile(r"-D(?:revision|sha1|changelist)=[A-Za-z0-9_.+-]{0,100}")

_EMPTY_ARCHIVE = b"PK\5\6" + bytes(18)

_FETCH = """\
repository={home}/repository
here=$(pwd)
mkdir -p "$repository" {home}/bin "$OUT/work/maven" "$OUT/work/empty"
javac -d "$OUT/work/maven" MavenCheck.java || {{ echo "error: the sandbox has no JDK from 11 on"; exit 1; }}
check() {{ java -cp "$OUT/work/maven" MavenCheck "$@"; }}
check settings "$OUT/work/maven/settings.xml"
# Short runs, mostly of waiting for answers: the second compiler does not pay.
export MAVEN_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC ${{MAVEN_OPTS:-}}"
if [ -f /src/ca.pem ]; then
  check trust /src/ca.pem "$OUT/work/maven/trust"
  MAVEN_OPTS="$MAVEN_OPTS -Djavax.net.ssl.trustStore=$OUT/work/maven/trust"
  MAVEN_OPTS="$MAVEN_OPTS -Djavax.net.ssl.trustStorePassword=changeit"
fi
maven() {{
  mvn -B -q -s "$OUT/work/maven/settings.xml" "-Dmaven.repo.local=$repository" "$@" \\
    >"$OUT/work/maven/log" 2>&1 </dev/null && return
  cat "$OUT/work/maven/log"
  echo "error: $(sed -n 's/^.*\\[ERROR\\] //p' "$OUT/work/maven/log" | head -n 1)"
  return 1
}}
fetch() {{ (cd "$OUT/work/empty"; maven {fetcher}:get "-Dartifact=$1" "-Dtransitive=$2"); }}

waiting={parents}
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
  above=
  for one in $waiting; do
    group=${{one%%:*}} version=${{one##*:}} name=${{one#*:}}
    name=${{name%%:*}}
    fetch "$one:pom" false
    place="$repository/$(echo "$group" | tr . /)/$name/$version/$name-$version.pom"
    found=$(check parent "$place" "$one") || {{ echo "$found"; exit 1; }}
    above="$above $found"
  done
  waiting=$above
  [ -n "$(echo $waiting)" ] || break
done
[ -z "$(echo $waiting)" ] || {{ echo "error: the parents have too many parents"; exit 1; }}

if [ -d stubs ]; then cp -r stubs/. "$repository"; fi
cd "$here/tree/"{folder}
# What commands that build and test never need.
maven $(cat "$here/given") -DexcludeArtifactIds=maven-deploy-plugin,maven-site-plugin {fetcher}:resolve-plugins {fetcher}:resolve
cd "$here"
if [ -d stubs ]; then (cd stubs; find . -type f) | while IFS= read -r one; do rm -f "$repository/$one"; done; fi

# Surefire fetches what runs the tests by the framework that it finds.
has() {{ for one in "$repository/$1"/*/*.jar; do [ -f "$one" ] && return; done; return 1; }}
versions() {{ for one in "$repository/$1"/*/*.jar; do [ -f "$one" ] && basename "$(dirname "$one")"; done | sort -u; }}
also() {{ fetch "$@" || echo "{note}$1 could not be fetched"; }}
surefire=org/apache/maven/surefire
for version in $(versions $surefire/maven-surefire-common); do
  if has junit/junit; then also org.apache.maven.surefire:surefire-junit4:$version true; fi
  if has org/testng/testng; then also org.apache.maven.surefire:surefire-testng:$version true; fi
  if has org/junit/platform/junit-platform-commons; then
    also org.apache.maven.surefire:surefire-junit-platform:$version true
  fi
done
for version in $(versions org/junit/platform/junit-platform-commons); do
  also org.junit.platform:junit-platform-launcher:$version true
done
for version in $(versions org/junit/jupiter/junit-jupiter-api); do
  also org.junit.jupiter:junit-jupiter-engine:$version true
done

# Where something came from must not matter: commands know of no mirror.
find "$repository" -type f \\( -name _remote.repositories -o -name '*.lastUpdated' -o -name resolver-status.properties \\) \\
  -exec rm -f {{}} +
cp mvn {home}/bin/mvn
chmod 755 {home}/bin/mvn
"""  # noqa: E501 - lines of shell

# The real one would ask the network first, and write to a repository that is read-only here.
_STAND_IN = f"""\
#!/bin/sh
# Stands in for Maven's own: offline, with what was fetched beforehand and room for what gets installed.
repository=${{HOME:-/tmp/home}}/.m2/repository
if [ ! -d "$repository" ]; then
  mkdir -p "$repository"
  cp -rs {_HOME}/repository/. "$repository"
fi
old=$IFS
IFS=:
for folder in $PATH; do
  if [ -x "$folder/mvn" ] && ! [ "$folder/mvn" -ef "$0" ]; then
    IFS=$old
    exec "$folder/mvn" -o "$@" "-Dmaven.repo.local=$repository"
  fi
done
echo "mvn: there is none in this sandbox" >&2
exit 127
"""
_WRAPPER = """\
#!/bin/sh
# Stands in for the wrapper, which would download a Maven: the one of the sandbox.
exec mvn "$@"
"""


def recipe(preparation: Preparation, tree: Path, machine: Machine) -> Recipe:
    """Read the poms into what is fetched for them.

    Dependencies come from Maven's own central repository or all from the operator's ``MAVEN_MIRROR``.
    """
    version = machine.need("mvn")
    folder = preparation.workdir
    if _above(tree, folder, ".mvn/extensions.xml"):
        raise NotPreparedError(
            ".mvn/extensions.xml names code that Maven loads before anything else, so nothing is prepared; "
            "use an image that has the dependencies already (SANDBOX_IMAGES)"
        )
    given = [
        word
        for path in _above(tree, folder, ".mvn/maven.config")
        for word in (text_of(tree, path) or "").split()
        if _GIVEN.fullmatch(word)
    ]
    reactor = maven_project.read(
        tree, folder, {name: value for name, _, value in (word[2:].partition("=") for word in given)}
    )
    script = _FETCH.format(
        home=_HOME,
        fetcher=_FETCHER,
        note=NOTE,
        parents=shlex.quote(" ".join(reactor.parents)),
        folder=shlex.quote(folder),
    )
    for path in _above(tree, folder, "mvnw"):
        place = f'"$OVER/"{shlex.quote(path)}'
        script += f'mkdir -p "$(dirname {place})"\ncp mvnw {place}\nchmod 755 {place}\n'
    return Recipe(
        manager="maven",
        version=version,
        files={
            **{f"tree/{path}": data for path, data in reactor.poms.items()},
            **{f"stubs/{path}": _EMPTY_ARCHIVE for path in reactor.stubs},
            "given": " ".join(given).encode(),
            "MavenCheck.java": resources.files(__package__).joinpath("MavenCheck.java").read_bytes(),
            "mvn": _STAND_IN.encode(),
            "mvnw": _WRAPPER.encode(),
        },
        script=script,
        path=(f"{_HOME}/bin",),
        pinned=reactor.pinned,
        notes=tuple(reactor.notes),
    )


def _above(tree: Path, folder: str, name: str) -> list[str]:
    """Where a file of that name is, in the folder or in one above it."""
    places = [folder]
    while places[-1] not in {"", "."}:
        places.append(str(Path(places[-1]).parent))
    wanted = [beside(place, name) for place in places]
    there = set(all_files(tree))
    return [path for path in wanted if path in there]
