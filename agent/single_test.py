"""The command that runs one test alone, made from the failing command's own runner.

The model names a test; it never writes a command. The name may hold only characters that test ids have, is
quoted for the shell and can't be an option. What stands before the runner in the failing command (``cd app
&&``, ``uv run``, variables) is kept, since without it the runner may not start; what stands behind it is not.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from patchpilot.fixes import GaveUp, ShellCommand

MAX_NAME = 300
"""Characters of a test's name."""

_NAME = re.compile(r"[\w./:(\[@'\"#~^][\w ./:()\[\]@'\"#~^,+=*?!%>›-]*")
_KEYWORD = re.compile(r"(?:^|[;&|\s])(?:if|then|else|elif|while|until|for|case|do|function|time|!)(?:\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTest:
    """A command for one test, and how to see that it ran: most runners are green when nothing matched."""

    command: ShellCommand
    ran: re.Pattern[str]
    """Found in the output when at least one test was run."""


def one_test(
    failing: ShellCommand, test: str, *, read_text: Callable[[str], str | None] = lambda _: None
) -> OneTest | GaveUp:
    """The command for ``test``, or why there is none, in words for the model.

    ``read_text`` reads a file of the checkout, ``None`` if there is none: ``npm test`` says which runner it
    is only in ``package.json``.
    """
    name = test.strip()
    if (
        len(name) > MAX_NAME
        or not _NAME.fullmatch(name)
        or ".." in name.split("::", maxsplit=1)[0].split("/")
    ):
        return GaveUp(
            "that is no test id: letters, digits, spaces and ./:-_()[]@'\"#,+=*?!%> only, not beginning with "
            "a dash. Leave parameters out if they hold other characters"
        )
    lines = failing.script.replace("\\\n", " ").splitlines()
    for number in reversed(range(len(lines))):
        found = _runner_in(lines[number])
        if found is None:
            continue
        runner, call = found
        if not _keeps_its_meaning(lines[number][: call.start("call")]):
            break
        built = _RUNNERS[runner](_Call.of(call, lines[number]), name, _package(failing, read_text))
        if isinstance(built, GaveUp):
            return built
        line, ran = built
        kept = [*lines[:number], lines[number][: call.start("call")] + line]
        command = replace(failing, script="\n".join(kept) + "\n")
        return OneTest(command=command, ran=re.compile(ran, re.MULTILINE))
    return GaveUp("the failing command's test runner is not one that runs one test here; run_failing_command")


@dataclass(frozen=True, slots=True)
class _Call:
    """The runner as it is called, and the words that follow it in the same command."""

    words: str
    behind: tuple[str, ...]

    @classmethod
    def of(cls, found: re.Match[str], line: str) -> _Call:
        rest = re.split(r"[;&|<>#]", line[found.end("call") :], maxsplit=1)[0]
        return cls(found["call"], tuple(rest.split()))

    def keeping(self, option: str) -> str:
        """The call with those of its options that match; every other word goes."""
        kept = [word for word in self.behind if re.fullmatch(option, word)]
        return " ".join([self.words, *kept])


_Built = tuple[str, str] | GaveUp
_Build = Callable[[_Call, str, str], _Built]

_PATTERNS: dict[str, str] = {
    "unittest": r"(?P<call>[\w./-]*python[\d.]*\s+(?:-m\s+unittest|[\w./-]*manage\.py\s+test))",
    "pytest": r"(?P<call>(?:[\w./-]*python[\d.]*\s+-m\s+)?(?:[\w./-]*/)?(?:pytest|py\.test))",
    "vitest": r"(?P<call>(?:[\w./-]*/)?vitest(?:\s+run)?)",
    "jest": r"(?P<call>(?:[\w./-]*/)?jest)",
    "mocha": r"(?P<call>(?:[\w./-]*/)?mocha)",
    "node": r"(?P<call>node\s+--test)",
    "script": r"(?P<call>(?:npm|yarn|pnpm)\s+(?:run\s+)?(?:test|t)(?::\w+)?)",
    "go": r"(?P<call>(?:[\w./-]*/)?go\s+test)",
    "cargo": r"(?P<call>cargo\s+(?:\+\w+\s+)?test)",
    "maven": r"(?P<call>(?:\./)?mvnw?(?:\s+-[\w.=:/-]+)*\s+(?:clean\s+)?(?:test|verify|install|package))",
    "gradle": (
        r"(?P<call>(?:(?:\./)?gradlew|gradle)(?:\s+-[\w.=:/-]+)*\s+(?:clean\s+)?(?::?[\w:]*:)?(?:test|check|build))"
    ),
    "rspec": r"(?P<call>(?:[\w./-]*/)?rspec)",
}
_COMPILED = {
    name: re.compile(rf"(?:^|[\s;&(]){pattern}(?=$|[\s;&|<>])") for name, pattern in _PATTERNS.items()
}


def _runner_in(line: str) -> tuple[str, re.Match[str]] | None:
    if line.lstrip().startswith("#"):
        return None
    for name, pattern in _COMPILED.items():
        found = pattern.search(line)
        if found is not None and not re.search(
            r"\b(?:install|add|which)\s+(?:\S+\s+)*$", line[: found.start("call")]
        ):
            return name, found
    return None


def _keeps_its_meaning(before: str) -> bool:
    """What stands in front can be followed by another end of the line: nothing open, nothing conditional."""
    if any(mark in before for mark in "`({|<>"):
        return False
    try:
        shlex.split(before)
    except ValueError:
        return False
    return not _KEYWORD.search(before)


def _pytest(call: _Call, name: str, _: str) -> _Built:
    return f"{call.words} -q {shlex.quote(name)}", r"[1-9]\d* (?:passed|failed|error|xfailed|xpassed)"


def _unittest(call: _Call, name: str, _: str) -> _Built:
    # As the log names it: ``test_net (tests.test_price.PriceTest.test_net)``.
    said = re.fullmatch(r"(\w+) \(([\w.]+)\)", name)
    dotted = name.replace("::", ".")
    if said:
        dotted = said[2] if said[2].endswith(f".{said[1]}") else f"{said[2]}.{said[1]}"
    if not re.fullmatch(r"[\w.]+", dotted):
        return GaveUp("unittest wants a dotted name such as tests.test_price.PriceTest.test_net")
    return f"{call.words} {dotted}", r"^Ran [1-9]"


def _in_javascript(flag: str) -> _Build:
    def build(call: _Call, name: str, _: str) -> _Built:
        path, title = _path_and_title(name)
        words = [call.words, shlex.quote(path) if path else ""]
        words += [flag, shlex.quote(_literal(title))] if title else []
        return " ".join(
            filter(None, words)
        ), r"[1-9]\d* (?:passed|failed|passing|failing)|(?:tests|pass|fail) [1-9]"

    return build


def _package_script(call: _Call, name: str, package: str) -> _Built:
    script = re.search(r'"test(?::\w+)?"\s*:\s*"([^"]*)"', package)
    runner = script and re.search(r"\b(vitest|jest|mocha|react-scripts test|node --test)\b", script[1])
    if not runner:
        return GaveUp(
            "package.json's test script is not jest, vitest, mocha or node --test; run_failing_command"
        )
    flag = _JAVASCRIPT_FLAGS.get(runner[1], "-t")
    separator = "" if call.words.startswith("yarn") else " --"
    return _in_javascript(flag)(_Call(call.words + separator, ()), name, package)


_JAVASCRIPT_FLAGS = {"mocha": "--grep", "node --test": "--test-name-pattern"}


def _go(call: _Call, name: str, _: str) -> _Built:
    package, _separator, test = name.rpartition("::")
    if not package and re.fullmatch(r"[\w./-]+\.Test\w*", name):
        package, _separator, test = name.rpartition(".")
    if not re.fullmatch(r"(?:Test|Example|Fuzz)\w*(?:/.+)?", test):
        return GaveUp("go wants TestName, TestName/subtest or ./package::TestName")
    wanted = "/".join(f"^{_literal(part.replace(' ', '_'))}$" for part in test.split("/"))
    return f"{call.words} -v -run {shlex.quote(wanted)} {shlex.quote(package or './...')}", r"^=== RUN"


def _cargo(call: _Call, name: str, _: str) -> _Built:
    if not re.fullmatch(r"[\w:]+", name):
        return GaveUp("cargo wants a test's name such as price::tests::rounds_up")
    kept = call.keeping(r"--(?:offline|locked|frozen|all-features|no-default-features|workspace|lib|all)")
    return f"{kept} {name}", r"running [1-9]"


def _maven(call: _Call, name: str, _: str) -> _Built:
    wanted = _java(name, "#")
    if wanted is None:
        return GaveUp("maven wants Class#method or package.Class#method")
    kept = call.keeping(r"-o|-q|-B|-e|--offline|--batch-mode|-[DP][\w.=:,/-]+")
    quiet = "-DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false"
    return f"{kept} -Dtest={shlex.quote(wanted)} {quiet}", r"Tests run: [1-9]"


def _gradle(call: _Call, name: str, _: str) -> _Built:
    wanted = _java(name, ".")
    if wanted is None:
        return GaveUp("gradle wants Class.method or package.Class.method")
    kept = call.keeping(r"--(?:offline|no-daemon|stacktrace|console=\w+)|-[DP][\w.=:,/-]+")
    task = re.sub(r"(?:check|build)$", "test", kept.split(" --")[0])
    rest = kept[len(kept.split(" --")[0]) :]
    # Gradle itself fails when no test matches, and says nothing of those that pass.
    return f"{task} --tests {shlex.quote(wanted)}{rest}", r""


def _java(name: str, separator: str) -> str | None:
    found = re.fullmatch(r"([\w.]+?)(?:(?:#|::)(\w+)(?:\(\))?)?", name.removesuffix("()"))
    if not found:
        return None
    # Only a small letter behind a class's dot is a method: com.acme.CartTest is a class.
    method = found[2] or ""
    dotted = re.fullmatch(r"(.*\b[A-Z]\w*)\.([a-z]\w*)", found[1])
    owner, method = (dotted[1], dotted[2]) if dotted and not method else (found[1], method)
    return f"{owner}{separator}{method}" if method else owner


def _rspec(call: _Call, name: str, _: str) -> _Built:
    # RSpec's own list tells the place, and behind a sign what stands there.
    where = re.fullmatch(r"([\w./-]+_spec\.rb(?:[:\[][\d:,\]]+)?)(?: # .+)?", name)
    words = shlex.quote(where[1]) if where else f"-e {shlex.quote(name)}"
    return f"{call.words} {words}", r"[1-9]\d* examples?"


_RUNNERS: dict[str, _Build] = {
    "unittest": _unittest,
    "pytest": _pytest,
    "vitest": _in_javascript("-t"),
    "jest": _in_javascript("-t"),
    "mocha": _in_javascript("--grep"),
    "node": _in_javascript("--test-name-pattern"),
    "script": _package_script,
    "go": _go,
    "cargo": _cargo,
    "maven": _maven,
    "gradle": _gradle,
    "rspec": _rspec,
}


def _path_and_title(name: str) -> tuple[str, str]:
    """``src/a.test.ts::adds`` or ``src/a.test.ts > Cart > adds``; describe blocks are joined by spaces."""
    parts = [part.strip() for part in re.split(r"::| [>›] ", name) if part.strip()]
    path = parts.pop(0) if parts and re.fullmatch(r"[\w./@()\[\]-]+\.[cm]?[jt]sx?", parts[0]) else ""
    return path, " ".join(parts)


def _literal(text: str) -> str:
    """``text`` as a regular expression of JavaScript or Go that matches it alone."""
    return re.sub(r"[.*+?^${}()|\[\]\\]", r"\\\g<0>", text)


def _package(failing: ShellCommand, read_text: Callable[[str], str | None]) -> str:
    for path in _package_paths(failing):
        text = read_text(path)
        if text is not None:
            return text
    return ""


def _package_paths(failing: ShellCommand) -> Iterator[str]:
    moved = re.search(r"(?:^|[\s;&])cd\s+([\w./-]+)", failing.script)
    for folder in ((moved[1] if moved else ""), failing.workdir):
        yield f"{folder.strip('/')}/package.json".removeprefix("./").lstrip("/")
    yield "package.json"
