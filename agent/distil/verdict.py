"""From a story to its meaning: category, tool, cause, tests, evidence."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.distil.linear import compiled
from agent.distil.particulars import particulars
from agent.distil.places import places, relative
from agent.distil.rules import Role, Rule
from agent.distil.story import QUIET, Story, script_end
from agent.distil.summaries import first_line, uncut
from agent.distil.titles import first_message, titles
from agent.distil.unfinished import unfinished
from agent.distil.wording import Wording, details, is_name, said, test_id, told, word
from patchpilot.failures import Category

EVIDENCE = 8
RUNNING = 2
"""So many tests that ran when all ended are shown."""
VALUES = 5
"""So many lines of evidence at most are those of one message with its values."""
WORDED = 200
"""Where there are more causes, their lines tell them apart well enough, whatever is said of each."""
TOLD = 3
"""So many rows of a message tell it from others; what follows are values that may change from run to run."""
LEANING = 14.0
"""How much the failing command's name counts, on the scale of worth."""
TESTS = 200
LAST_WORDS = 8
"""So many lines of what a step printed last tell one unknown failure from another."""
TELLING_SIGN = 44
"""From this worth on a mere sign of failure says more than the line that came last."""
_LAST_REACH = 60
_NO_TEST = "Test suite failed to run"
"""Jest says so where it names a test otherwise."""
_ROLE_WEIGHT = {Role.CAUSE: 1.0, Role.LIST: 0.85, Role.OUTCOME: 0.65, Role.DETAIL: 0.6, Role.SIGN: 0.35}
# A step called lint runs formatters and type checkers too; what does not parse is neither checked nor tested.
_FAMILIES = {
    Category.LINT: (Category.LINT, Category.FORMAT, Category.TYPE, Category.SYNTAX),
    Category.FORMAT: (Category.FORMAT, Category.LINT, Category.SYNTAX),
    Category.TYPE: (Category.TYPE, Category.SYNTAX),
    Category.BUILD: (Category.BUILD, Category.SYNTAX),
    Category.TEST: (Category.TEST, Category.SYNTAX, Category.FLAKY),
    # Who installs asks a server first, which may be away or want to know who asks.
    Category.DEPENDENCY: (Category.DEPENDENCY, Category.INFRASTRUCTURE, Category.PERMISSION),
}
_BROKEN = (Category.SYNTAX, Category.TYPE, Category.LINT, Category.BUILD)
_CHECKED = (*_BROKEN, Category.TEST)
# Where two readings are as likely: what ends a step from outside explains it before what happened inside.
_PRECEDENCE = (
    Category.TIMEOUT,
    Category.RESOURCE,
    Category.PERMISSION,
    Category.SYNTAX,
    Category.TYPE,
    Category.FORMAT,
    Category.LINT,
    Category.BUILD,
    Category.DEPENDENCY,
    Category.TEST,
    Category.CONFIG,
    Category.INFRASTRUCTURE,
    Category.FLAKY,
)
_DECORATED = re.compile(
    r"([_=*-])\1{2,}[^\n]*\1{3,}\s*|\s*\d{1,4}\) (?:Failure|Error):\s*|(?:FAILED|ERROR) \S+ - .*\.\.\."
)
"""A title set in a rule, as pytest writes above each failure; minitest numbers them. Or what pytest says of a
test in its summary, cut to the width of the terminal."""
_MARK = re.compile(r"(?:section_|travis_time:|travis_fold:)(?:start|end):|^\[Pipeline\]|^\[Container\] \d")
"""What the CI system writes between the lines of a script, for machines."""
_WORDS = re.compile(r"(?:^|\s)[^\[\]\s]*[A-Za-z]{2}")
"""A word that is more than a level in brackets."""
_OWN_TIME = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d")
"""A date and time that is not the CI system's: those have been taken off."""
_LOGGED = 0.4
"""What is left of a reason that a program only logged."""
_FORMATTER = re.compile(
    r"(?<![\w.-])(gofmt|gofumpt|goimports|(?:terraform|tofu|zig|deno) fmt|shfmt|buildifier|prettier"
    r"|clang-format|swiftformat"
    r"|ruff format|black|yapf|autopep8|isort|rustfmt|cargo fmt"
    r"|google-java-format|ktfmt|scalafmt|stylua|nixfmt|ormolu|ocamlformat|taplo|(?:dart|mix|biome"
    r"|buf) format)(?![\w-])"
)
_NAMED_AFTER = {"ruff format": "ruff", "cargo fmt": "rustfmt"}
"""Formatters that other rules know by the name of the program."""
_PASSED = re.compile(
    r"=* ?\d+ passed(?:, \d+ (?:skipped|deselected|xfailed|xpassed|warnings?))* in [\d.]+s.*"
)
"""pytest's last line on a run without failures."""
_NO_TESTS = re.compile(r"collected 0 items|collected \d+ items? / .{0,60}\b0 selected|NO TESTS RAN")
_BARE_FILE = re.compile(r"[\w@+.~/\\-]{1,200}\.\w{1,10}")
_COUNTED = re.compile(r"\d+ files? would be reformatted\b")
LISTED = 3
"""So many files are named in a sentence."""
COMMAND = 120
"""A command is cut to so many characters."""
_PROGRAM = re.compile(
    r"(?:##\[group\]Run |\$ |\+ |> )?"
    r"(?:sudo |npx (?:--\S+ )?|pnpm (?:exec|dlx) |yarn (?:exec |dlx )|python3? -m |uv run "
    r"|poetry run |bundle exec )?"
    r"(ansible-playbook|aws|az|buf|codecov|commitlint|conan|dart|docker|flutter|gcloud|gh|helm|kubectl|kustomize"
    r"|npm(?= (?:audit|ci|install|publish))|packer|pip|pulumi|pod|podman|serverless|skopeo|terraform|tofu"
    r"|trivy|twine|vercel)"
    r"(?: |$)"
)
"""Programs whose name tells a person something; who runs a script in a shell is told by the script."""
_PROMPT = re.compile(r"^(?:##\[group\]Run |\$ |\+ )")
_HEADING = re.compile(r"=+ (?:FAILURES|ERRORS|short test summary info|warnings summary) =+")
# A package manager echoes the script that it runs: npm and pnpm, yarn, GNU make with a shell's trace.
_SCRIPT = re.compile(r"(?:> \S|\$ \S|\+ \S|error: Recipe `)")
_COMMANDS = tuple(
    (category, re.compile(rf"(?i)(?<![\w.])(?:{words})(?![\w])"))
    for category, words in (
        # Something generated differs from what is committed, whatever made it anew.
        (Category.LINT, r"git (?:-C \S+ )?diff\b.*(?:--exit-code|--quiet)"),
        (
            Category.FORMAT,
            r"fmt|format(?:ting|[-:]check)?|prettier\S*|black|gofmt|rustfmt|spotless\w*|clang-format|isort",
        ),
        (
            Category.LINT,
            (
                r"\S*lint(?:er|ing|s)?|flake8|ruff|rubocop|checkstyle\w*|clippy|shellcheck|codespell"
                r"|pre-commit|standard|tidy|style|vulture|bandit|semgrep|interrogate|cppcheck|luacheck|phpcs"
                r"|credo|detekt|knip|buf|sonar\S*|Invoke-ScriptAnalyzer|addlicense|makemigrations --check"
            ),
        ),
        (Category.TYPE, r"mypy|pyright|tsc|vue-tsc|svelte-check|phpstan|psalm|dialyzer|type-?check\w*"),
        (Category.DEPENDENCY, r"pip-audit|\w+ audit|trivy|osv-scanner|snyk"),
        (
            Category.TEST,
            r"\S*tests?|spec|r?spec|jest|mocha|phpunit|vitest|ctest|tox|nox|nosetests|karma|cypress",
        ),
        (Category.DEPENDENCY, r"install|npm ci|bundle|restore|deps|dependencies"),
        (Category.BUILD, r"build|compile|make|assemble|xcodebuild"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the log says, in typed form; rows point into the story's lines."""

    category: Category
    tool: str
    cause: str
    tests: tuple[str, ...]
    told: tuple[int, ...]
    """The rows that the cause was read from."""
    evidence: tuple[int, ...]
    messages: tuple[str, ...]
    """Texts of the lines that state the cause, for the fingerprint."""


def judge(story: Story, *, step: str = "") -> Verdict:
    """Read the story; ``step`` is the failing step's name where it is known."""
    category = _category(story, step)
    causes = _causes(story, category)
    last = () if causes else _last_words(story)
    cause_row = _telling(story, causes) if causes else _fallback(story, last)
    if category is Category.TEST and cause_row is not None:
        cause_row = first_line(story, first_message(story, cause_row))
    unnamed = _unnamed(story, cause_row, last)
    wording = Wording("", ()) if cause_row is None else uncut(story, cause_row) or word(story, cause_row)
    tool = _tool(story, category)
    # What the CI system itself says of a job is not the command's.
    if cause_row is not None and not story.lines[cause_row].core.startswith("##["):
        tool = tool or _commanded(story)
    if category is Category.FORMAT and not causes:
        tool = _formatter(story) or tool
        shown = _shown(story, tool)
        unnamed = [*shown.rows] if shown else unnamed
        wording = _unformatted(story, last, tool) or shown or wording
    elif category is Category.FORMAT and cause_row is not None:
        wording = _differing(story, cause_row, tool) or wording
    elif cause_row is not None and not causes:
        silent = None if last else _silent(story, cause_row)
        wording = _testless(story, tool) or silent or wording
    running = unfinished(story)
    return Verdict(
        category=category,
        tool=tool,
        cause=wording.sentence,
        tests=_tests(story, running),
        told=wording.rows,
        evidence=_evidence(
            story,
            causes,
            (*(wording.rows if causes else (*wording.rows, *unnamed)), *_where_running(story, running)),
        ),
        messages=_messages(story, [*(causes or unnamed), *_broken_beside(story, category, tool, causes)]),
    )


def _where_running(story: Story, running: Mapping[int, str]) -> list[int]:
    """Rows that say which test ran when all ended, and where it stands."""
    rows = list(running)[:RUNNING]
    return [
        near for row in rows for near in (row, row + 1) if places([story.lines[near].core]) or near == row
    ]


def _telling(story: Story, causes: list[int]) -> int:
    """The best cause that says what went wrong, not only where (``____ test_x ____``)."""
    titled = [row for row in causes[:12] if not _DECORATED.fullmatch(story.lines[row].core)]
    best = next((row for row in titled if said(story, row) is not None), (titled or causes)[0])
    # The line that names a test is the better start of the sentence that both of them make.
    names = (row for row in titled if row != best and is_name(story, row) and said(story, row) == best)
    return next(names, best)


def _messages(story: Story, causes: list[int]) -> tuple[str, ...]:
    """What is said of the causes, and for a name the name too: both tell one failure from another."""
    if len(causes) > WORDED:
        return tuple(story.lines[row].core for row in causes)
    rows: dict[int, None] = {}
    for row in causes:
        rows.update(dict.fromkeys(_with_what_is_said(story, row)))
        # Of a heading that nobody wrote a rule for, what follows may be about anything.
        rows.update(dict.fromkeys(told(story, row)[:TOLD] if is_name(story, row) else ()))
    return (
        *(story.placed(row) for row in rows),
        *(detail for row in rows for detail in (*details(story, row), *particulars(story, row))),
    )


def _broken_beside(story: Story, category: Category, tool: str, causes: Sequence[int]) -> list[int]:
    """Rows by which the tool that states the cause says what else does not compile, parse or pass its checks.

    ESLint reports what it can't parse beside what it finds, and ``go test`` goes on with the other packages.
    """
    if not tool or category not in _CHECKED or len(causes) > WORDED:
        return []
    name, known = tool.split(maxsplit=1)[0], set(causes)
    beside = [
        row
        for row, rules in story.by_row.items()
        if row not in known
        and story.in_failing_step(row)
        and any(
            rule.role is Role.CAUSE
            and rule.category in _BROKEN
            and rule.tool.split(" ")[0] == name
            and not _is_noise(story, row, rule)
            for rule in rules
        )
    ]
    return beside[:WORDED]


def _with_what_is_said(story: Story, row: int) -> tuple[int, ...]:
    """The row that says it, and the row that names what it is said of, where it is another one."""
    spoken = said(story, row)
    if spoken is None:
        return (row,)
    return (spoken, row) if spoken != row and is_name(story, row) else (spoken,)


def _category(story: Story, step: str) -> Category:
    best: dict[Category, float] = defaultdict(float)
    causes: dict[Category, int] = defaultdict(int)
    for row in story.by_row:
        rule = _naming(story, row)
        if rule is None or rule.category is None:
            continue
        strength = min(rule.worth * _ROLE_WEIGHT.get(rule.role, 0.3), story.worth[row])
        logged = _is_logged(story, row, rule)
        share = _LOGGED if logged else 1.0
        weight = share * (strength * _nearness(story, row) + 0.5 * story.gain[row])
        best[rule.category] = max(best[rule.category], weight)
        causes[rule.category] += rule.role is Role.CAUSE and not logged
    if _tests_failed(story):
        # What passed when it was run again is not why the job is red.
        best.pop(Category.FLAKY, None)
    leaning = _leaning(story, step)
    if leaning is not None and (best or not _passed(story)):
        family = _FAMILIES.get(leaning, (leaning,))
        best[max(family, key=lambda member: best[member])] += LEANING
    if not best:
        return Category.UNKNOWN
    score = {
        category: weight + 3 * math.log1p(min(causes[category], 20)) for category, weight in best.items()
    }
    return max(score, key=lambda category: (score[category], -_PRECEDENCE.index(category)))


def _is_logged(story: Story, row: int, rule: Rule) -> bool:
    """Whether a program that ran meanwhile logged the line, with a time of its own, and no tool known to us.

    A server that tests run against logs errors all along, which count where nothing else tells why it failed.
    """
    return not rule.tool and _OWN_TIME.match(story.lines[row].core) is not None


def _tests_failed(story: Story) -> bool:
    """Whether a test runner counts tests that failed in the end."""
    return any(
        rule.tool and rule.role is Role.OUTCOME and rule.category is Category.TEST
        for rules in story.by_row.values()
        for rule in rules
    )


def _passed(story: Story) -> bool:
    """Whether all that the step says in the end is that its tests passed."""
    return any(_PASSED.fullmatch(story.lines[row].core) for row in _last_words(story))


def _naming(story: Story, row: int) -> Rule | None:
    """The rule that says best what kind of failure a line speaks of."""
    rules = [rule for rule in story.by_row[row] if rule.category and not _is_noise(story, row, rule)]
    return max(rules, key=lambda rule: rule.worth, default=None)


def _leaning(story: Story, step: str) -> Category | None:
    """What kind of failure the failing command suggests, before a word of its output is read."""
    for text in [step, *_commands(story)]:
        for category, pattern in _COMMANDS:
            if pattern.search(text):
                return category
    return None


def _commands(story: Story) -> list[str]:
    """Commands that led to the last verdict, innermost first."""
    if not story.steps:
        return []
    start, end = story.steps[-1]
    rows = range(end - 1, max(start, end - 400) - 1, -1)
    own = (row for row in rows if row not in story.afterwards)
    told = [story.lines[row] for row in [*_scripts(story, own), end, start]]
    # Of several jobs that ran at once, none is the one that failed because it ended last.
    several = len({line.job for line in story.lines if line.job}) > 1
    return [line.core[:300] for line in told if not (several and line.job)]


def _scripts(story: Story, rows: Iterable[int]) -> list[int]:
    """The last script that was echoed; of npm's, too, its name above and the command that asked for it."""
    inner: list[int] = []
    for row in rows:
        text = story.lines[row].core
        if not _SCRIPT.match(text) or (text.startswith("> ") and inner and inner[-1] != row + 1):
            continue
        inner.append(row)
        if not text.startswith("> "):
            break
    return inner


def _is_noise(story: Story, row: int, rule: Rule) -> bool:
    return (
        row in story.cleared
        or row in story.aside
        or rule.role in QUIET
        or any(other.role is Role.MUTE for other in story.by_row[row])
    )


def _nearness(story: Story, row: int) -> float:
    """A failing step counts fully, other steps less, clean-ups after the last verdict least."""
    if row > story.end:
        return 0.6
    return 1.0 if story.in_failing_step(row) else 0.7


def _causes(story: Story, category: Category) -> list[int]:
    """Rows that state the cause, best first; of one kind the first, since others may follow from it."""
    stating = {
        row: [
            rule
            for rule in rules
            if rule.role is Role.CAUSE and rule.category is category and not _is_noise(story, row, rule)
        ]
        for row, rules in story.by_row.items()
    }
    stated = {row: rules for row, rules in stating.items() if rules}
    said_aloud = {
        row: rules for row, rules in stated.items() if not all(_is_logged(story, row, rule) for rule in rules)
    }
    return _ranked(story, said_aloud or stated)


def _ranked(story: Story, rows: Mapping[int, Sequence[Rule]]) -> list[int]:
    """Rows, best first; those that one rule knows in the order of the log, as good as the best of them."""
    kinds: dict[int, tuple[int, float]] = {}
    best: dict[tuple[int, float], int] = defaultdict(int)
    for row, rules in rows.items():
        near = _nearness(story, row)
        kind = kinds[row] = (id(max(rules, key=lambda rule: rule.worth)), near)
        best[kind] = max(best[kind], round(story.worth[row] * near / 8))
    return sorted(kinds, key=lambda row: (-best[kinds[row]], row))


def _fallback(story: Story, last: Sequence[int]) -> int | None:
    """Where no rule of the category states the cause: another rule's line or a sign, else the last word."""
    rows = [row for row in story.by_row if story.worth[row] > 0 and not _is_quiet(story, row)]
    told = [row for row in rows if _states(story, row) or _smells(story, row)]
    if last and not told:
        return last[0]
    stating = {row: rules for row in told if (rules := _stating(story, row))}
    if stating:
        # What only belongs to a message does not say it.
        signs = [row for row in told if row not in stating and _smells(story, row, Role.SIGN)]
        told = [*_ranked(story, stating)[:1], *signs]
    if rows:
        return max(told or rows, key=lambda row: (story.worth[row] * _nearness(story, row), -row))
    return story.end if story.lines else None


def _unnamed(story: Story, row: int | None, last: Sequence[int]) -> list[int]:
    """Rows that tell this failure from others where no rule of its category states the cause."""
    if row is None:
        return []
    if _states(story, row):
        return [row]
    # A step that said nothing is told by its command.
    return [row, *(last[:LAST_WORDS] or [story.steps[-1][0]])]


def _states(story: Story, row: int) -> bool:
    """Whether a rule, of whatever category, says that the line tells what is wrong, or what failed."""
    return bool(_stating(story, row))


def _stating(story: Story, row: int) -> list[Rule]:
    """The rules that say so."""
    return [
        rule
        for rule in story.by_row.get(row, ())
        if ((rule.role in {Role.CAUSE, Role.LIST} and not _is_report(story, row)) or rule.says)
        and not _is_noise(story, row, rule)
    ]


def _smells(story: Story, row: int, *roles: Role) -> bool:
    if _is_report(story, row) or not _WORDS.search(story.lines[row].core) or _is_quiet(story, row):
        return False
    return any(
        rule.role in (roles or (Role.SIGN, Role.DETAIL))
        and rule.worth >= TELLING_SIGN
        and not _is_noise(story, row, rule)
        for rule in story.by_row.get(row, ())
    )


def _is_quiet(story: Story, row: int) -> bool:
    """Whether the line is known to tell of no failure, so that signs of one on it mean nothing."""
    rules = story.by_row.get(row, ())
    return any(rule.role in QUIET for rule in rules) and all(
        rule.role in {*QUIET, Role.SIGN} for rule in rules
    )


def _is_report(story: Story, row: int) -> bool:
    """Whether the line only passes on that something failed: a build tool's last line, the CI's verdict."""
    rules = story.by_row.get(row, ())
    causes = [rule for rule in rules if rule.role in {Role.CAUSE, Role.LIST}]
    return any(
        rule.role in {Role.END, Role.OUTCOME}
        # What a tool's own rule says of the line outweighs what anybody's rule says.
        and not any(cause.category or (cause.tool and not rule.tool) for cause in causes)
        for rule in rules
    )


def _last_words(story: Story) -> tuple[int, ...]:
    """What the failing step printed last, newest first, without what is the CI's own or a mere report."""
    if not story.steps:
        return ()
    start, end = story.steps[-1]
    last = script_end(story, end)
    rows: list[int] = []
    for row in range(last, max(start, last - _LAST_REACH) - 1, -1):
        text = story.lines[row].core
        if text.startswith(("##[endgroup]", "##[group]", "##[section]")):
            break
        if _WORDS.search(text) and not _is_report(story, row) and not _is_mute(story, row):
            rows.append(row)
    return tuple(rows)


def _formatter(story: Story) -> str:
    """The formatter that the failing command runs: it only names files, so no rule knows its output."""
    match = next(filter(None, map(_FORMATTER.search, _commands(story))), None)
    return _NAMED_AFTER.get(match[1], match[1]) if match else ""


def _unformatted(story: Story, last: Sequence[int], tool: str) -> Wording | None:
    """What ``gofmt -l`` means by the bare names of files that it prints."""
    rows = [row for row in reversed(last) if _BARE_FILE.fullmatch(story.lines[row].core.strip())]
    if not rows or not tool:
        return None
    return Wording(_otherwise([story.lines[row].core for row in rows], tool), tuple(rows))


def _differing(story: Story, row: int, tool: str) -> Wording | None:
    """Of files that a formatter only counts, their names from the differences that it printed above."""
    return _shown(story, tool) if _COUNTED.match(story.lines[row].core) else None


def _shown(story: Story, tool: str) -> Wording | None:
    """The files whose differences a formatter shows; the last step that failed tells of the failure."""
    rows = {each.path: each.row for each in reversed(story.differences) if each.path}
    rows = {path: row for path, row in rows.items() if story.in_failing_step(row)} or rows
    if not rows or not tool:
        return None
    paths = sorted(rows, key=rows.__getitem__)
    return Wording(_otherwise(paths, tool), tuple(rows[path] for path in paths))


def _otherwise(paths: Sequence[str], tool: str) -> str:
    names = [relative(path.strip()) for path in paths[:LISTED]]
    more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return f"{', '.join(names)}{more}: {tool} would format {'it' if len(paths) == 1 else 'them'} otherwise"


def _testless(story: Story, tool: str) -> Wording | None:
    """A runner that finds no tests fails for that alone; ``collected 0 items`` is how pytest counts them."""
    counted = (row for row, line in enumerate(story.lines) if _NO_TESTS.fullmatch(line.core))
    row = next((row for row in counted if story.in_failing_step(row)), None)
    if row is None or not tool:
        return None
    return Wording(f"{tool} found no tests to run ({story.lines[row].core})", (row,))


def _silent(story: Story, row: int) -> Wording | None:
    """Of a step that printed nothing: which command it was that ended so."""
    if not story.steps or not any(rule.role is Role.END for rule in story.by_row.get(row, ())):
        return None
    command = _PROMPT.sub("", story.lines[story.steps[-1][0]].core).strip()
    text = word(story, row).sentence
    return Wording(f"{command[:COMMAND]}: {text}", (row,)) if command and command not in text else None


def _is_mute(story: Story, row: int) -> bool:
    return (
        row in story.aside
        or bool(_MARK.search(story.lines[row].core))
        or any(rule.role in {*QUIET, Role.SECTION, Role.TOOL} for rule in story.by_row.get(row, ()))
    )


def _tool(story: Story, category: Category) -> str:
    weights: dict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for row, rules in story.by_row.items():
        if row in story.aside:
            continue
        for rule in rules:
            if rule.tool and rule.role not in QUIET:
                match = 1.0 if rule.category is category else 0.3
                # How near the end it stands depends on what else ran at once.
                worth = story.worth[row] - story.gain[row]
                weight = worth * match * _nearness(story, row) * _ROLE_WEIGHT.get(rule.role, 0.3)
                # Of two tools that know a line, the one whose rule is surer wrote it.
                weights[rule.tool] = max(weights[rule.tool], (weight, rule.worth))
    return max(weights, key=lambda tool: (weights[tool], tool), default="")


def _commanded(story: Story) -> str:
    """The program that the failing command calls, where no rule knows what it printed."""
    match = next(filter(None, map(_PROGRAM.match, _commands(story))), None)
    return match[1] if match else ""


def _tests(story: Story, running: Mapping[int, str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    titled = {**titles(story), **running}
    for row in sorted({*story.by_row, *titled}):
        if row in titled and row not in story.cleared:
            found.setdefault(titled[row], None)
        for rule in story.by_row.get(row, ()):
            if (
                rule.test
                and not _is_noise(story, row, rule)
                and (match := compiled(rule.test).search(story.lines[row].core.encode()))
            ):
                found.setdefault(test_id(match.group(1).decode("utf-8", "replace")), None)
        if len(found) >= TESTS:
            break
    # ``test_x`` beside ``test_x (tests.Case.test_x)`` is one test, told by two lines.
    longer = {name.split(" (", 1)[0] for name in found if " (" in name}
    # Maven tells ``Case.test`` in its summary beside ``com.acme.Case.test``.
    longer |= {".".join(name.split(".")[-2:]) for name in map(_unparametrized, found) if name.count(".") > 1}
    # Mocha tells ``suite test`` below the tree in which the test stands by itself.
    whole = titled.values()
    longer |= {name for name in found if any(title.endswith(f" {name}") for title in whole)}
    return tuple(name for name in found if name not in longer and name != _NO_TEST)


def _unparametrized(name: str) -> str:
    return name.split("(", 1)[0].split("[", 1)[0]


def _evidence(story: Story, causes: Sequence[int], worded: Sequence[int]) -> tuple[int, ...]:
    """The few rows without which the failure can't be understood, most telling first."""
    silenced = story.cleared | story.aside
    telling = [
        row
        for row, rules in story.by_row.items()
        if any(rule.role in {Role.CAUSE, Role.LIST} for rule in rules) and row not in silenced
    ]
    others = [row for row in story.by_row if row not in story.aside]
    ranked = sorted(telling or others, key=lambda row: (-story.worth[row], row))
    picked = dict.fromkeys([*causes[:4], *ranked])
    rows = dict.fromkeys(worded[:VALUES])
    for row in picked:
        if len(rows) >= EVIDENCE:
            break
        if story.worth[row] > 0 and not _is_frame(story, row):
            rows.update(dict.fromkeys(_with_what_is_said(story, row)))
    return tuple(rows or picked)[:EVIDENCE]


def _is_frame(story: Story, row: int) -> bool:
    """Whether the line is only a heading of pytest's or the end of a step, which shows no cause."""
    own = any(rule.role is Role.END for rule in story.by_row.get(row, ())) and _is_report(story, row)
    return own or bool(_HEADING.fullmatch(story.lines[row].core.strip()))
