"""Installing by a lock file, also where it lacks what ``package.json`` lists, for which some jobs fail.

Then what the manager would lock is installed, and what it fetched for it stays in the layer. So the job's
``npm ci`` or ``pnpm install`` fails inside as it did in CI, and its own command mends the lock file, both
without network. Else ``npm ci`` has nothing left to do there, and does nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from sandbox.recipes.recipe import PREPARED

# Where it was fetched from, without a password.
_REGISTRY = r"""
  printf '%s\n' "${npm_config_registry:-$(npm config get registry)}" |
    sed -E -e 's|//[^/@]*@|//|' -e '/^https?:\/\/[A-Za-z0-9.:\/_~%-]+$/!s/.*//'
""".strip()

_NPM = """\
if npm ci {options} >$OUT/work/npm.txt 2>&1; then
  cat $OUT/work/npm.txt
elif grep -q EUSAGE $OUT/work/npm.txt; then
  npm install {options}
  # Of a lock file without addresses, npm asks in another way.
  npm install --package-lock-only --omit-lockfile-registry-resolved {options} && npm ci {options}
  mkdir -p $OUT/npm
  cp -R $OUT/work/npm/_cacache $OUT/npm/
  node - $OUT/npm/_cacache/index-v5 <<'EOF'
{unsigned}EOF
  {registry} >$OUT/npm/registry
  echo {folder} >>$OUT/npm/folders
else
  cat $OUT/work/npm.txt
  exit 1
fi
cat >$OUT/bin/npm <<'EOF'
{stand_in}EOF
chmod 755 $OUT/bin/npm
"""

# No password of the registry is for commands to see. A line of the index: a hash, a tab, what was asked for.
_UNSIGNED = r"""
const fs = require('fs'), path = require('path'), crypto = require('crypto')
const unsigned = line => {
  const said = line.slice(line.indexOf('\t') + 1).replace(/\/\/[^\/@"]*@/g, '//')
  return said && crypto.createHash('sha1').update(said).digest('hex') + '\t' + said
}
const walk = folder => {
  for (const one of fs.readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, one.name)
    if (one.isDirectory()) walk(place)
    else fs.writeFileSync(place, fs.readFileSync(place, 'utf8').split('\n').map(unsigned).join('\n'))
  }
}
walk(process.argv[2])
"""

_REAL = """\
real() {
  IFS=:
  for folder in $PATH; do
    if [ -x "$folder/${0##*/}" ] && ! [ "$folder/${0##*/}" -ef "$0" ]; then exec "$folder/${0##*/}" "$@"; fi
  done
  echo "${0##*/}: not found" >&2
  exit 127
}"""

_ARGUMENTS = """\
here=. word= more= takes=
for one in "$@"; do
  if [ "$takes" ]; then
    case "$takes" in @PLACES@) here=$one ;; esac
    takes=
    continue
  fi
  case "$one" in
    --prefix=* | --dir=*) here=${one#*=} ;;
    @PLACES@ | @VALUES@) takes=$one ;;
    @REAL_ONLY@) more=1 ;;
    -*) ;;
    *) if [ "$word" ]; then more=1; else word=$one; fi ;;
  esac
done"""
"""What is asked for, and in which folder; ``more`` where it is more than to install what is listed."""

_NPM_OPTIONS = {
    "@PLACES@": "--prefix -C",
    "@VALUES@": "-w --workspace --cache --loglevel --registry --omit --include --install-strategy"
    " --script-shell --only --userconfig --globalconfig --progress --audit --fund --tag"
    " --fetch-timeout --fetch-retries --maxsockets",
    "@REAL_ONLY@": "--package-lock-only --dry-run -g --global",
}
_PNPM_OPTIONS = {
    "@PLACES@": "-C --dir --prefix",
    "@VALUES@": "--filter -F --reporter --loglevel --store-dir --network-concurrency --child-concurrency"
    " --registry",
    "@REAL_ONLY@": "--lockfile-only -g --global",
}

# npm takes no cache that it can't write to, and ``/tmp`` holds no second copy of one.
_NPM_STAND_IN = """\
#!/bin/sh
# Stands in for npm where it would install: that is done already, and there is no network to do it again.
@REAL@
@ARGUMENTS@
case "$word" in
  ci | clean-install | ic | install-clean) more= ;;
  install | i) ;;
  config) more=1 ;;
  *) real "$@" ;;
esac
if ! grep -qxF "$(cd "$here" 2>/dev/null && pwd)" @PREPARED@/npm/folders 2>/dev/null; then
  if [ "$more" ] || ! [ -d "$here/node_modules" ]; then real "$@"; fi
  echo "npm: installed beforehand" >&2
  exit 0
fi
# The lock file lacked something: npm itself says so, with what was fetched for it.
cache=${TMPDIR:-/tmp}/npm-of-patchpilot
if ! [ -d "$cache" ]; then
  # Packages are only read; to what it was told of them, npm adds.
  mkdir -p "$cache.$$/_cacache" && cp -Rs @PREPARED@/npm/_cacache/content-v2 "$cache.$$/_cacache/"
  cp -R @PREPARED@/npm/_cacache/index-v5 "$cache.$$/_cacache/"
  chmod -R u+w "$cache.$$/_cacache/index-v5"
  mv "$cache.$$" "$cache"
fi
count=$#
while [ "$count" -gt 0 ]; do
  case "$1" in
    --cache) shift; [ "$count" -gt 1 ] && shift; count=$((count - 2)) ;;
    --cache=*) shift; count=$((count - 1)) ;;
    *) set -- "$@" "$1"; shift; count=$((count - 1)) ;;
  esac
done
unset NPM_CONFIG_CACHE NPM_CONFIG_REGISTRY
export npm_config_cache="$cache"
read -r registry <@PREPARED@/npm/registry
[ -z "$registry" ] || export npm_config_registry="$registry"
real "$@"
"""

_PNPM = """\
if pnpm install --frozen-lockfile {options} >$OUT/work/pnpm.txt 2>&1; then
  cat $OUT/work/pnpm.txt
elif grep -q ERR_PNPM_OUTDATED_LOCKFILE $OUT/work/pnpm.txt; then
  pnpm install --no-frozen-lockfile {options} --cache-dir $OUT/pnpm
  {registry} >$OUT/pnpm/registry
  echo {folder} >>$OUT/pnpm/folders
else
  cat $OUT/work/pnpm.txt
  exit 1
fi
cat >$OUT/bin/pnpm <<'EOF'
{stand_in}EOF
chmod 755 $OUT/bin/pnpm
"""

_PNPM_STAND_IN = """\
#!/bin/sh
# Stands in for pnpm where it would install: that is done already, and there is no network to do it again.
@REAL@
@ARGUMENTS@
folder=$(cd "$here" 2>/dev/null && pwd)
lacks=
if grep -qxF "$folder" @PREPARED@/pnpm/folders 2>/dev/null; then
  lacks=1
  read -r registry <@PREPARED@/pnpm/registry
  [ -z "$registry" ] || export npm_config_registry="$registry"
  export npm_config_store_dir=@PREPARED@/store npm_config_cache_dir=@PREPARED@/pnpm
fi
case "$word" in
  install | i) ;;
  *) more=1 ;;
esac
if [ -z "$more" ] && [ -d "$here/node_modules" ]; then
  if [ -z "$lacks" ]; then
    echo "pnpm: installed beforehand" >&2
    exit 0
  fi
  # What was shown there beforehand can't be written to.
  find "$here" -name node_modules -type d -prune | while IFS= read -r place; do
    for one in "$place/.pnpm" "$place"/* "$place"/@*/*; do
      case "$(readlink "$one")" in
        @PREPARED@/*/.pnpm | */.pnpm/*) rm -rf "$place"; break ;;
      esac
    done
  done
fi
real "$@"
"""


def npm_ci(folder: str, options: str) -> str:
    """A script for ``sh -e`` that installs, in a folder with both files; npm's cache is ``$OUT/work/npm``.

    ``folder`` is the one that it stands for, relative to the checkout.
    """
    return _filled(_NPM, _stand_in(_NPM_STAND_IN, _NPM_OPTIONS), folder, options)


def pnpm_install(folder: str, options: str) -> str:
    """The same for pnpm, whose store is ``$OUT/store``."""
    return _filled(_PNPM, _stand_in(_PNPM_STAND_IN, _PNPM_OPTIONS), folder, options)


def _stand_in(text: str, options: Mapping[str, str]) -> str:
    arguments = _ARGUMENTS
    for mark, names in options.items():
        arguments = arguments.replace(mark, names.replace(" ", " | "))
    return text.replace("@REAL@", _REAL).replace("@ARGUMENTS@", arguments).replace("@PREPARED@", PREPARED)


def _filled(script: str, stand_in: str, folder: str, options: str) -> str:
    return script.format(
        folder=shlex.quote("/src" if folder in {"", "."} else f"/src/{folder}"),
        options=options,
        registry=_REGISTRY,
        unsigned=_UNSIGNED,
        stand_in=stand_in,
    )
