"""Rules about code that is not written here: version pins, lock files, vendored files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator

from agent.guard import places
from agent.guard.case import Case, Change, Remark
from agent.guard.lines import LONGEST_LINE, Line
from patchpilot.fixes import Severity

_SPEC = re.compile(
    r"^[\s\-+\"'(,]*(?:require\s+|gem\s+"
    r"|implementation\s+)?[\"']?(?P<name>@?[A-Za-z][\w./@-]*?)[\"']?(?:\[[\w,\s-]*\])?\s*"
    r"(?:[:=]\s*(?:\{.*?version\s*=\s*)?[\"'](?P<quoted>[^\"']*)[\"']|(?P<bare>(?:===?|~=|>=|<="
    r"|!=|<|>|\^|@|v?\d)[^;#\"']*)|,\s*[\"'](?P<gem>[^\"']+)[\"']|(?P<none>(?=[\"';,\s#)\]]|$)))"
)
_ANYTHING = {"*", "", "latest", "x", "next", ">=0", ">= 0", "any", "+", "latest.release", "LATEST", "RELEASE"}
_LOCKS_TO_MANIFESTS = (
    "requirements",
    "package.json",
    "pyproject",
    "cargo.toml",
    "go.mod",
    "gemfile",
    "composer.json",
    "pipfile",
    "pubspec",
)


def pins(case: Case) -> Iterator[Remark]:
    """Version requirements that allow more than before."""
    for change in case.changes:
        if not places.is_requirements(change.path) or places.is_lock(change.path):
            continue
        old, reads = _specs(change.removed), _reading(change.path)
        for name, (version, line) in _specs(change.added).items():
            if name not in old:
                continue
            before = old[name][0]
            if why := _looser(reads(before), reads(version)) or _older(name, before, version):
                what = f"{name} {why}: {before or 'no version'} becomes {version or 'no version'}"
                yield Remark(change.path, line.number, what)
        yield from _conditions(change)
        if change.is_deleted:
            yield from _no_longer_said(case, change)
    yield from _digests(case)


def _no_longer_said(case: Case, change: Change) -> Iterator[Remark]:
    """A list of requirements goes, and with it the versions that nothing else in the patch says."""
    if places.is_mixed(change.path) or _goes_with_its_code(case, change):
        return
    if change.is_unread:
        what = f"the list of requirements goes to {change.diff.moved_to}: its versions aren't known here"
        yield Remark(change.path, 0, what)
        return
    others = [c for c in case.changes if c is not change and places.is_requirements(c.path)]
    kept = {name for other in others for name in _specs(other.added)}
    for name, (version, line) in _specs(change.removed).items():
        if name not in kept and _exactness(version) > 1:
            what = f"{name[:60]} is no longer pinned: the list of requirements goes"
            yield Remark(change.path, line.number, what)
            return


def _goes_with_its_code(case: Case, change: Change) -> bool:
    """The package in the folder goes as a whole."""
    folder = change.path.rpartition("/")[0]
    return bool(folder) and any(
        c.is_deleted and c.is_code and c.path.startswith(f"{folder}/") for c in case.changes
    )


_PLAIN_VERSION = re.compile(r"\d+(?:\.\d+)*(?:[-+][\w.+-]+)?")


def _reading(path: str) -> Callable[[str], str]:
    """How the manifest's tool reads a plain version: Cargo as any compatible one, npm a short one so."""

    def read(version: str) -> str:
        name = path.rsplit("/", 1)[-1].lower()
        parts = re.split(r"[-+]", version)[0].count(".") + 1
        is_range = name == "cargo.toml" or (name == "package.json" and parts < _ALL_PARTS)
        return f"^{version}" if is_range and _PLAIN_VERSION.fullmatch(version) else version

    return read


_ALL_PARTS = 3
"""Numbers of a version that leaves nothing open, as in 1.2.3."""
_CONDITION = re.compile(
    r"[;,]\s*(?:markers\s*=\s*[\"'])?\(*\s*(?:python_(?:full_)?version|sys_platform|platform_\w+|os_name"
    r"|implementation_\w+)\s*(?:[<>=!~]=?|in\b|not\b)[^#]*"
)
_REQUIREMENT = re.compile(r"^\s*[\"']?([A-Za-z][\w.-]*)")


def _conditions(change: Change) -> Iterator[Remark]:
    """A requirement that held everywhere holds on some machines only, or on others."""
    sides = (
        {
            _plain(match[1]): (condition.group() if (condition := _CONDITION.search(line.bare)) else "", line)
            for line in side
            if (match := _REQUIREMENT.match(line.bare))
        }
        for side in (change.removed, change.added)
    )
    old, new = sides
    for name in old.keys() & new.keys():
        before, after = old[name][0], new[name][0]
        if after and "".join(after.split()) != "".join(before.split()):
            what = f"{name[:60]} is installed under another condition: {new[name][1].text.strip()[:80]}"
            yield Remark(change.path, new[name][1].number, what)


_DIGEST = re.compile(r"--hash=|@sha256:[0-9a-f]+|\bsha(?:256|512)-[\w+/=]{20,}|\bchecksum\s*=")
_IMAGE = re.compile(r"^\s*(?:FROM|image:|-\s*image:)\s+[\"']?([\w./-]+)(?::([\w.-]+))?")


def _digests(case: Case) -> Iterator[Remark]:
    """Hashes that go, and images without a version."""
    for change in case.changes:
        if places.is_lock(change.path) or change.is_deleted:
            continue
        image_file = "dockerfile" in change.path.lower() or change.path.endswith((".yml", ".yaml"))
        if not (places.is_requirements(change.path) or image_file):
            continue
        lost = [line for line in change.removed if _DIGEST.search(line.text)]
        if lost and not any(_DIGEST.search(line.text) for line in change.added):
            yield Remark(change.path, lost[0].number, "what is downloaded is no longer checked by its hash")
        old = {m[1]: m[2] for line in change.removed if image_file and (m := _IMAGE.match(line.bare))}
        for line in change.added if old else ():
            match = _IMAGE.match(line.bare)
            if match and old.get(match[1], "latest") not in {None, "latest"} and match[2] in {None, "latest"}:
                yield Remark(change.path, line.number, f"the image {match[1][:60]} has no version any more")


_LIST = re.compile(
    r"\b(?:install_requires|dependencies|extras_require|tests_require"
    r"|requires)\b[\"']?\s*[=:].*[\"']"
    # Of TOML: a group or an extra, whatever it is called
    r"|^[\"']?[\w.-]+[\"']?\s*=\s*\[\s*[\"']"
)
_GRADLE = re.compile(r"[\"'](?P<name>[\w.-]+:[\w.-]+):(?P<version>[^\"':@$]+)[\"':@]")
_QUOTED_SPEC = re.compile(r"[\"']([A-Za-z][\w.-]*)(?:\[[^\]]*\])?\s*([<>=~!][^\"';]*|)(?:;[^\"']*)?[\"']")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _specs(lines: tuple[Line, ...]) -> dict[str, tuple[str, Line]]:
    found: dict[str, tuple[str, Line]] = {}
    for line in lines:
        text = re.sub(r"\s#.*", "", line.bare).strip()
        if text.startswith(("#", "//", "[", "<!--")):
            continue
        if match := _GRADLE.search(text):
            found[match["name"].lower()] = match["version"], line
            continue
        if _LIST.search(text):
            found.update((_plain(name), (version, line)) for name, version in _QUOTED_SPEC.findall(text))
            continue
        match = _SPEC.match(text) or re.match(
            r"<(?P<name>version|[\w.-]+\.version)>(?P<quoted>[^<]*)<(?P<bare>)(?P<gem>)", text
        )
        if match:
            version = match["quoted"] if match["quoted"] is not None else match["bare"] or match["gem"] or ""
            name, _, rest = (
                match["name"].partition("@") if not match["name"].startswith("@") else (match["name"], "", "")
            )
            inner = re.match(r"^[A-Za-z][\w.-]*(?:\[[^\]]*\])?\s*([<>=~!].*)$", version)
            found[_plain(name)] = (
                (inner[1] if inner else version or rest).strip().rstrip(",\"'"),
                line,
            )
    return found


def _looser(old: str, new: str) -> str:
    if old == new or old in _ANYTHING:
        return ""
    if new in _ANYTHING:
        return "is no longer pinned"
    before, after = _exactness(old), _exactness(new)
    if after < before or _raised(old, new) or old.count("!=") > new.count("!="):
        return "allows more versions than before"
    if re.search(r"<", old) and not re.search(r"<|==|~=|\^|~", new) and _EXACT not in {before, after}:
        return "has no upper limit any more"
    if re.search(r"(?:git\+|https?://|file:|github:|git@)", new) and not re.search(
        r"(?:git\+|https?://|file:|github:)", old
    ):
        return "comes from another place"
    return ""


_CHECKS = re.compile(
    r"ruff|flake8\S*|mypy|pyright|basedpyright|pylint|bandit|black|isort|eslint\S*|typescript|prettier|stylelint"
    r"|rubocop\S*|phpstan\S*|psalm|checkstyle|spotbugs|ktlint|detekt|golangci-lint|shellcheck\S*"
)
_EXACTLY = re.compile(r"(?:===?|v)?\s*(\d+(?:\.\d+)*)")


def _older(name: str, old: str, new: str) -> str:
    """A checker is put back to a version that knows fewer rules."""
    before, after = _EXACTLY.fullmatch(old.strip()), _EXACTLY.fullmatch(new.strip())
    older = before and after and _numbers(after) < _numbers(before)
    return "is put back to an older version" if older and _CHECKS.fullmatch(name) else ""


_EXACT = 4
_UPPER = re.compile(r"<=?\s*(\d+(?:\.\d+)*)")


def _raised(old: str, new: str) -> bool:
    """The same limit, but higher."""
    before, after = _UPPER.search(old), _UPPER.search(new)
    return bool(before and after) and _numbers(after) > _numbers(before)


def _numbers(match: re.Match[str] | None) -> list[int]:
    return [int(part) for part in match[1].split(".")] if match else []


def _exactness(version: str) -> int:
    """4 for one version, 3 for one patch line, 2 for compatible ones, 1 for a lower limit, 0 for anything."""
    text = version.strip()
    if text in _ANYTHING:
        return 0
    if (
        text.startswith("~=")
        or re.match(r"~>?\s*\d+\.\d+\.\d", text)
        or (text.startswith("~") and not text.startswith("~>"))
    ):
        return 3
    if re.search(r"==[^*]*\*|\.x\b|\.\*", text):
        return 3
    is_open = text.endswith(".+")  # of Gradle
    if text.startswith(("==", "=", "v")) or (not is_open and re.fullmatch(r"\d[\w.+-]*", text)):
        return _EXACT
    if text.startswith(("^", "~>")) or "<" in text or is_open:
        return 2
    return 1


def locks(case: Case) -> Iterator[Remark]:
    """Lock files, which a package manager writes and nobody reads."""
    for change in case.changes:
        if any(places.is_lock(path) for path in (change.diff.old_path, change.diff.new_path) if path):
            together = any(
                other is not change
                and any(name in other.path.lower() for name in _LOCKS_TO_MANIFESTS)
                and not places.is_lock(other.path)
                for other in case.changes
            )
            what = "a lock file changes" if together else "a lock file changes, but no manifest does"
            yield Remark(change.path, 0, what, Severity.NOTE if together and _follows(case, change) else None)


_VERSION_IN_LOCK = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+(?:[-+][\w.+-]+)?)(?![\w])")
_HASH = re.compile(r"(?<![\w+/])(?:h1:|sha\d+[-:])?[\w+/]{27,}+={0,2}+(?![\w+/=])")
_HOST = re.compile(r"\b[a-z+]+://[^/\s\"']+")


def _follows(case: Case, lock: Change) -> bool:
    """The lock file says what the manifests of the patch say: the same versions, each with its own new hash.

    A manifest may name a range, which the lock's version then has to begin with.
    """
    if lock.is_new or lock.is_deleted or not lock.removed:
        return False
    manifests = [c for c in case.changes if places.is_requirements(c.path) and not places.is_lock(c.path)]
    asked, dropped = (
        {version for c in manifests for line in side(c) for version in _NUMBERS.findall(line.text)}
        for side in (_added_to, _removed_from)
    )
    old, new = ("\n".join(line.text[:LONGEST_LINE] for line in side) for side in (lock.removed, lock.added))
    had, has = (Counter(_VERSION_IN_LOCK.findall(text)) for text in (old, new))
    came, went = has - had, had - has
    hashes = [Counter(_HASH.findall(text)) for text in (old, new)]
    return (
        bool(came)
        and came.total() == went.total()
        and all(_begins(version, asked) for version in came)
        and all(_begins(version, dropped) for version in went)
        and {*_HOST.findall(new)} <= {*_HOST.findall(old)}
        and len(lock.added) == len(lock.removed)
        and not (hashes[0] & hashes[1]) - _unchanged_manifests(new)
        and hashes[0].total() == hashes[1].total()
        and _names(old) == _names(new)
    )


_GO_MANIFEST = re.compile(r"/go\.mod\s+(h1:\S+)")


def _unchanged_manifests(text: str) -> Counter[str]:
    """Hashes of manifests of Go modules, which need not change from one version to the next."""
    return Counter(_GO_MANIFEST.findall(text))


_NUMBERS = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+(?:[-+][\w.+-]+)?)")


def _added_to(change: Change) -> tuple[Line, ...]:
    return change.added


def _removed_from(change: Change) -> tuple[Line, ...]:
    return change.removed


def _begins(version: str, asked: Collection[str]) -> bool:
    # A wheel's name goes on with the Python that it is for.
    return any(version == one or version.startswith((f"{one}.", f"{one}-py", f"{one}-cp")) for one in asked)


def _names(text: str) -> Counter[str]:
    """The words of a lock file but for versions and hashes."""
    plain = _HASH.sub("", _VERSION_IN_LOCK.sub("", text))
    return Counter(re.findall(r"[A-Za-z@][\w@./:-]*", plain))


_GENERATED = re.compile(
    r"(?i)\bcode generated\b.*\bdo not edit\b|@generated\b|\bauto-?generated\b.*\b(?:do not"
    r"|don't)\b|\bthis file (?:is|was) (?:auto-?)?generated\b|\bdo not edit (?:this file|by hand"
    r"|manually|directly)\b"
    r"|\bgenerated by the protocol buffer compiler\b|<auto-generated"
)


def vendored(case: Case) -> Iterator[Remark]:
    """Somebody else's code, or code that a tool writes, edited by hand."""
    for change in case.changes:
        if places.is_vendored(change.path):
            yield Remark(change.path, 0, "vendored or generated code: change its origin instead")
        elif any(
            _GENERATED.search(line.text[:LONGEST_LINE]) for line in (change.before or change.after)[:30]
        ):
            yield Remark(change.path, 0, "a tool writes this file: change its input instead")
