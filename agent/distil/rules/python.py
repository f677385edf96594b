"""Python: pytest, unittest, doctest, tox, type checkers, linters, formatters and package installers."""

from __future__ import annotations

from agent.distil.rules.rule import BLANK, Role, Rule
from patchpilot.failures import Category

_ITEM = r"^(?:=|_|-|!){3,}|^(?:FAILED|ERROR) "
_PARAMETERS = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
"""A test's parameters, whose values may hold spaces, dashes and brackets of their own:
https://docs.pytest.org/en/stable/example/parametrize.html#different-options-for-test-ids"""
_ID = rf"[^\s\[]+(?:{_PARAMETERS})?\S*"
"""A test's id, up to the bracket that closes its parameters."""
_OWN_ID = rf"[^\s\[]+::[^\s\[]+(?:{_PARAMETERS})?\S*"

PYTEST = (
    Rule(r"^\S+::\S+.* (?:SKIPPED|XFAIL|PASSED)\b", 3, "pytest", Role.MUTE),
    Rule(r"^=+ test session starts =+", 5, "pytest", Role.TOOL),
    Rule(r"^=+ (?:FAILURES|ERRORS) =+", 45, "pytest", Role.LIST),
    Rule(
        r"^_{3,} ERROR (?:collecting|at (?:setup|teardown) of) ",
        84,
        "pytest",
        category=Category.TEST,
        after=4,
    ),
    Rule(
        r"^_{3,} \[doctest\] \S+ _{3,}$",
        84,
        "pytest",
        category=Category.TEST,
        after=12,
        stop=_ITEM,
        says=(r"^Expected(?: nothing)?:?$", r"^UNEXPECTED EXCEPTION: "),
    ),
    Rule(r"^_{3,} [^_ ].*? _{3,}$", 80, "pytest", category=Category.TEST, after=3, stop=r"^_{3,}|^E "),
    Rule(r"^E   ", 74, "pytest", before=1, after=1, category=Category.TEST),
    Rule(r"^E   +[\w.]*(?:Error|Exception|Failed|Exit|Warning)\b", 84, "pytest", category=Category.TEST),
    Rule(r"^E   +(?:assert|AssertionError)\b", 84, "pytest", category=Category.TEST, after=5, stop=BLANK),
    Rule(r"^>  ", 56, "pytest", Role.DETAIL),
    # Where a frame stands; the innermost names the exception. In the project its path is relative.
    Rule(
        r"^[^/\s]\S*\.py:\d+:(?: in \S+)?$",
        77,
        "pytest",
        Role.DETAIL,
        before=2,
        after=1,
        stop=r"^_ |^$",
    ),
    Rule(r"^\S+\.py:\d+: [A-Z]\w*(?:Error|Exception|Failed|Failure)$", 66, "pytest", Role.DETAIL),
    Rule(
        r"^FAILED [^(\s]",
        86,
        "pytest",
        Role.LIST,
        Category.TEST,
        test=rf"^FAILED ([^(\s]{_ID})",
    ),
    Rule(
        r"^SUBFAILED\S.{0,200} \S+\.py::\S",
        84,
        "pytest",
        Role.LIST,
        Category.TEST,
        test=rf"^SUBFAILED.* ([^\s\[]+\.py::{_ID}) - ",
    ),
    # All that is left of failures where summary and tracebacks are turned off.
    Rule(r"^\S+\.py [.sxX]*[FE][.sxXFE]* +\[ *\d+%\]$", 50, "pytest", Role.LIST, Category.TEST),
    Rule(r"^!{3,} _pytest\.outcomes\.Exit: ", 84, "pytest", category=Category.TEST),
    # Says what was raised in the end, unless it is cut to the width of the terminal.
    Rule(
        r"^(?:FAILED|ERROR) \S+\.py\S*(?:\[.*\])? - .*[^.\s]\.?$",
        90,
        "pytest",
        category=Category.TEST,
        after=3,
        stop=_ITEM,
    ),
    Rule(
        rf"^ERROR \S+(?:\.py|::\S+|::{_ID})(?: - |$)",
        86,
        "pytest",
        Role.LIST,
        Category.TEST,
        # A module that can't be imported holds tests, and is none.
        test=rf"^ERROR ({_OWN_ID})",
    ),
    Rule(
        r"^\S+\.\w+::\S+.* (?:FAILED|ERROR)\b",
        60,
        "pytest",
        Role.LIST,
        Category.TEST,
        test=rf"^({_OWN_ID})",
    ),
    Rule(
        r"^\[gw\d+\].* (?:FAILED|ERROR) ",
        58,
        "pytest",
        Role.LIST,
        Category.TEST,
        test=rf"(?:FAILED|ERROR) ({_ID})",
    ),
    Rule(r"^=+ .*\d (?:failed|errors?)\b.*=$", 70, "pytest", Role.OUTCOME, Category.TEST),
    Rule(r"^\d+ failed(?:, \d+ \w+){0,6} in [\d.]+s", 68, "pytest", Role.OUTCOME, Category.TEST),
    Rule(r"^=+ short test summary info", 40, "pytest", Role.LIST),
    Rule(r"^=* ?no tests ran in [\d.]+s", 84, "pytest", Role.OUTCOME, Category.CONFIG, before=2),
    # No test was left to run, which pytest takes for a failure.
    Rule(
        r"^=* ?\d+ deselected(?:, \d+ warnings?)? in [\d.]+s",
        84,
        "pytest",
        category=Category.CONFIG,
        before=2,
    ),
    Rule(r"^collected 0 items$|^collected .*/ 0 selected$", 62, "pytest", Role.DETAIL),
    Rule(
        r"^ERROR: (?:Unknown config option|.*unknown config|Error: )", 86, "pytest", category=Category.CONFIG
    ),
    Rule(r"^(?:pytest|py\.test|__main__\.py): error: ", 90, "pytest", category=Category.CONFIG, after=2),
    Rule(r"^!{3,} (?:Interrupted|stopping after|xdist\.dsession)", 55, "pytest", Role.OUTCOME, Category.TEST),
    Rule(r"^INTERNALERROR> ", 60, "pytest", Role.DETAIL, Category.TEST),
    Rule(
        r"^INTERNALERROR> (?:\w+\.){0,8}[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt|Failed)(?::|$)",
        92,
        "pytest",
        category=Category.TEST,
    ),
    Rule(
        r"^ImportError while importing test module",
        84,
        "pytest",
        category=Category.DEPENDENCY,
        after=12,
    ),
    # Here no test is named that the exception below could be said of.
    Rule(
        r"^ImportError while loading conftest",
        84,
        "pytest",
        category=Category.DEPENDENCY,
        after=12,
        says=(r"^E   +\w*(?:Error|Exception)\b",),
    ),
    Rule(
        r"^E   +(?:ModuleNotFoundError|ImportError): ", 88, "pytest", category=Category.DEPENDENCY, before=2
    ),
    # Though the command that failed runs tests, none could begin.
    Rule(
        r"^E   +ModuleNotFoundError: No module named ", 100, "pytest", category=Category.DEPENDENCY, before=2
    ),
    Rule(
        r"^E   +(?:SyntaxError|IndentationError|TabError): ", 90, "pytest", category=Category.SYNTAX, before=3
    ),
    Rule(r"^ERROR: (?:not found|file or directory not found): ", 92, "pytest", category=Category.CONFIG),
    Rule(r"^E   +fixture '[^']+' not found", 86, "pytest", category=Category.TEST, after=2),
    Rule(
        r"^(?:FAIL|Coverage failure|ERROR: Coverage failure|FAIL Required test coverage)\b.*(?:coverage"
        r"|total of) ",
        84,
        "coverage",
        category=Category.TEST,
    ),
    Rule(r"^E   +Failed: Timeout \(?>", 88, "pytest", category=Category.TIMEOUT),
    Rule(r"^FAILED \S+ - Failed: Timeout \(?>", 96, "pytest", category=Category.TIMEOUT),
    # Its other method ends the whole run and dumps the stacks of all threads.
    Rule(r"^\S+ \+{5,} Timeout \+{5,}$", 92, "pytest", category=Category.TIMEOUT, test=r"^(\S+::\S+)"),
    Rule(r"^\+{5,} Timeout \+{5,}$", 80, "pytest", Role.OUTCOME, Category.TIMEOUT),
    Rule(r'^\s+File "[^"\n]+", line \d+,? in test_\w+$', 72, "pytest", Role.DETAIL, after=1),
    Rule(r"^worker '\w+' crashed while running '", 88, "pytest", category=Category.TEST),
    Rule(r"Fatal Python error: ", 90, "python", category=Category.TEST, after=6),
)

_CASE_ENDS = r"^\s*$|^={20,}$|^Ran \d"
_RAISED = (
    r"^(?:\w+\.){0,8}[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Timeout|Fault|NotFound|Failed|Failure)(?::|$)",
    r"^(?:\w+\.){0,8}[A-Z]\w*: \S",
)
"""The last line of a traceback."""

UNITTEST = (
    # A module of tests that can't be imported: what it says next is the cause.
    Rule(
        r"^ERROR: [\w.]+ \(unittest\.loader\._FailedTest",
        84,
        "unittest",
        Role.LIST,
        Category.TEST,
        test=r"^ERROR: ([\w.]+) \(",
    ),
    Rule(r"^ImportError: Failed to import test module: ", 40, "unittest", Role.MUTE),
    Rule(
        r"^(?:FAIL|ERROR): \w+ \(",
        86,
        "unittest",
        category=Category.TEST,
        after=4,
        stop=_CASE_ENDS,
        test=r"^(?:FAIL|ERROR): (\w+ \([\w.]+\))",
        says=_RAISED,
    ),
    Rule(
        r"^(?:FAIL|ERROR): [\w.]+(?:\.\w+)+$",
        84,
        "nose",
        category=Category.TEST,
        after=3,
        stop=_CASE_ENDS,
        test=r"^(?:FAIL|ERROR): (\S+)",
        says=_RAISED,
    ),
    Rule(
        r"^FAILED \((?:SKIP=\d+, )?(?:failures|errors|unexpected successes|\w+)=\d",
        68,
        "unittest",
        Role.OUTCOME,
        Category.TEST,
    ),
    Rule(r"^Ran \d+ tests? in ", 34, "unittest", Role.OUTCOME),
    Rule(
        r"^\s{4,12}(?:ASSERT FAILED|Assertion Failed): ",
        88,
        "behave",
        category=Category.TEST,
        before=2,
        after=2,
        stop=BLANK,
    ),
    Rule(r"^(?:Failing|Errored) scenarios:", 80, "behave", Role.OUTCOME, Category.TEST, after=5, stop=BLANK),
    Rule(r"\bos\.environ\[", 66, "python", Role.DETAIL, Category.CONFIG),
    Rule(r"^Failed example:", 78, "doctest", category=Category.TEST, before=2, after=10, stop=r"^\*{5,}"),
    Rule(r"^\s{0,8}Traceback \(most recent call last\):", 62, "python", Role.DETAIL, after=3),
    Rule(r'^\s{0,12}File "[^"\n]+", line \d+', 30, "python", Role.DETAIL, after=1),
    Rule(
        r"^(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Timeout|Fault|NotFound|Failed)(?::|$)",
        78,
        "",
        before=2,
        after=2,
        stop=BLANK,
    ),
    Rule(r"^(?:AssertionError|self\.assert\w)", 80, "", category=Category.TEST, after=4, stop=BLANK),
    Rule(r"^(?:SyntaxError|IndentationError|TabError): ", 86, "python", category=Category.SYNTAX, before=3),
    Rule(
        r"^ImportError: cannot import name .*(?:site|dist)-packages",
        88,
        "python",
        category=Category.DEPENDENCY,
        before=3,
    ),
    Rule(r"^ImportError: cannot import name ", 86, "python", category=Category.BUILD, before=3),
    Rule(r"^(?:ModuleNotFoundError|ImportError): ", 84, "python", category=Category.DEPENDENCY, before=3),
    Rule(r"^\*{3} Error (?:compiling|in) ", 84, "python", category=Category.SYNTAX, after=5),
    Rule(r"^(?:ERROR: InvocationError for command|ERROR:\s+\S+: commands failed)", 52, "tox", Role.OUTCOME),
    Rule(r"^\s*\S+: (?:FAIL|exit) (?:code )?(?:[1-9]|✖)", 50, "tox", Role.OUTCOME),
    Rule(r"^nox > (?:Session|Command) .+ fail", 52, "nox", Role.OUTCOME),
)

CHECKERS = (
    Rule(
        r"^\s{0,8}Error \((?:MYPY|PYREFLY|PYRIGHT|PYRE)\)", 88, "lintrunner", category=Category.TYPE, after=6
    ),
    Rule(
        r"^\s{0,8}(?:Error|Warning) \([A-Z][A-Z0-9_-]+\)", 86, "lintrunner", category=Category.LINT, after=6
    ),
    Rule(r"^>>> Lint for ", 70, "lintrunner", Role.DETAIL),
    Rule(r"^\S+\.pyi?:\d+(?::\d+)?(?::\d+:\d+)?: error: ", 86, "mypy", category=Category.TYPE),
    Rule(
        r"^\S+\.pyi?:\d+(?::\d+)?(?::\d+:\d+)?: error: .*(?:\[syntax\]$|: error: invalid syntax)",
        92,
        "mypy",
        category=Category.SYNTAX,
    ),
    Rule(
        r"^\S+\.pyi?:\d+(?::\d+)?: error: INTERNAL ERROR",
        92,
        "mypy",
        category=Category.TYPE,
        after=12,
        says=(r"^(?:\w+\.){0,8}[A-Z]\w*(?:Error|Exception)(?::|$)",),
    ),
    Rule(r"^(?:usage: )?mypy: (?:error|can't|\S+ is not)", 90, "mypy", category=Category.CONFIG),
    Rule(r"^\S+\.pyi?:\d+(?::\d+)?: note: ", 42, "mypy", Role.DETAIL),
    Rule(r"^Found \d+ errors? in \d+ files?", 66, "mypy", Role.OUTCOME, Category.TYPE),
    Rule(r"^\s{0,4}\S+:\d+:\d+ - error: ", 86, "pyright", category=Category.TYPE),
    Rule(
        r"^[1-9]\d* errors?, \d+ warnings?, \d+ (?:informations?|notes?)",
        64,
        "pyright",
        Role.OUTCOME,
        Category.TYPE,
    ),
    Rule(
        r"^\S+\.(?:py|pyi|ipynb)(?::cell \d+)?:\d+:\d+: [A-Z]{1,4}\d{2,4}\b",
        84,
        "ruff",
        category=Category.LINT,
    ),
    # Pyflakes and pycodestyle write small letters and quotes where Ruff writes capitals and backticks.
    Rule(r"^\S+\.pyi?:\d+:\d+: [A-Z]{1,3}\d{3} [a-z']", 86, "flake8", category=Category.LINT),
    Rule(r"^\S+\.py:\d+:(?:\d+: [CRWEF]\d{4}: | \[[CRWEF]\d{4}\()", 86, "pylint", category=Category.LINT),
    Rule(r"^\*{5,} Module ", 40, "pylint", Role.DETAIL),
    Rule(r"^[A-Z]{1,4}\d{3,4} \[\*\] ", 84, "ruff", category=Category.LINT, after=4, stop=BLANK),
    # What it can't mend itself has no star. Its families by name: https://docs.astral.sh/ruff/rules/
    Rule(
        r"^(?:AIR|ANN|ARG|ASYNC|BLE|COM|CPY|DJ|DOC|DTZ|ERA|EXE|FAST|FBT|FIX|FLY|FURB|ICN|INP|INT|ISC|LOG"
        r"|NPY|PD"
        r"|PERF|PGH|PIE|PL[CERW]|PTH|PT|PYI|RET|RSE|RUF|SIM|SLF|SLOT|TC|TD|TID|TRY|UP|YTT|EM|FA|T1|T2"
        r"|[ABCDEFGINQSW])\d{2,4} [A-Z`']",
        82,
        "ruff",
        category=Category.LINT,
        after=4,
        stop=BLANK,
    ),
    Rule(
        r"^invalid-syntax: |^\S+:\d+:\d+: (?:invalid-syntax|SyntaxError): ",
        98,
        "ruff",
        category=Category.SYNTAX,
        after=4,
        stop=BLANK,
    ),
    Rule(r"^unformatted: File would be reformatted", 96, "ruff", category=Category.FORMAT, after=3),
    Rule(
        r"^\s{0,4}(?:error: )?(?:Cause: )?Failed to load configuration |^ruff failed$",
        80,
        "ruff",
        Role.OUTCOME,
        Category.CONFIG,
        after=8,
        stop=BLANK,
    ),
    Rule(r"^unknown (?:field|variant) `", 92, "", category=Category.CONFIG, before=6),
    Rule(r"^\s{2,8}\d+:\d+ {1,4}[A-Z]{1,4}\d{2,4} ", 84, "ruff", category=Category.LINT, heading=True),
    Rule(r"^\[\*\] \d+ fixable with", 40, "ruff", Role.OUTCOME, Category.LINT),
    Rule(r"^Found \d+ errors?(?: \(\d+ fixed, \d+ remaining\))?\.", 62, "ruff", Role.OUTCOME, Category.LINT),
    Rule(
        r"^error\[(?:invalid-(?:argument-type|assignment|return-type|parameter-default|type-form)"
        r"|unresolved-(?:import|attribute|reference)|possibly-\w+-(?:attribute|import|reference)"
        r"|call-non-callable|missing-argument|unknown-argument|too-many-positional-arguments|not-iterable"
        r"|unsupported-operator|no-matching-overload)\]: ",
        90,
        "ty",
        category=Category.TYPE,
        after=3,
    ),
    Rule(r"^error\[[a-z-]{3,60}\]: ", 84, "ty", category=Category.TYPE, after=3),
    Rule(
        r"(?i)\bcoverage\b.{0,40} (?:is |was )?(?:below|less than|lower than|does not meet|under)\b"
        r".{0,30}\d ?%"
        r"|failed minimum \w+ coverage",
        84,
        "coverage",
        category=Category.TEST,
    ),
    Rule(
        r": unused (?:function|method|class|variable|import|attribute|property) '[^']+' \(\d+% confidence\)",
        86,
        "vulture",
        category=Category.LINT,
    ),
    Rule(r"^Has findings for blocking rules", 80, "semgrep", Role.OUTCOME, Category.LINT),
    Rule(r"^\s{0,8}❯+❱ [\w-]+\.", 84, "semgrep", category=Category.LINT, before=1, after=3),
    Rule(
        r"^(?:Warning|.{1,80}:\d+: Warning), treated as error:", 88, "sphinx", category=Category.LINT, after=4
    ),
    Rule(
        r"^\S+(?::docstring of [\w.]+)?:\d*:? (?:WARNING|ERROR|CRITICAL|SEVERE): \S",
        72,
        "sphinx",
        category=Category.LINT,
    ),
    Rule(r"^WARNING: autodoc: failed to import ", 72, "sphinx", category=Category.LINT, after=9),
    Rule(
        r"^build finished with problems, \d+ warnings? \(with warnings treated as errors\)",
        100,
        "sphinx",
        Role.LIST,
        Category.LINT,
    ),
    Rule(r"^>> Issue: ", 80, "bandit", category=Category.LINT, after=4),
    Rule(r"^(?:\#\#\[error\])?\S+:\d+: \S+ ==> \S", 82, "codespell", category=Category.LINT),
    Rule(r"^would reformat \S", 88, "black", category=Category.FORMAT),
    Rule(r"^Would reformat: \S", 88, "ruff", category=Category.FORMAT),
    Rule(r"^\d+ files? would be (?:reformatted|left unchanged)", 68, "", Role.OUTCOME, Category.FORMAT),
    # All that the formatter of Ruff says below a diff.
    Rule(
        r"^\d+ files? would be reformatted, \d+ files? already formatted",
        58,
        "ruff",
        category=Category.FORMAT,
    ),
    Rule(r"^(?:Oh no!|All done!) 💥|^Oh no! ", 40, "black", Role.OUTCOME, Category.FORMAT),
    Rule(
        r"^error: cannot format |^error: cannot parse: \S+:\d+:\d+$",
        99,
        "black",
        category=Category.SYNTAX,
        after=3,
    ),
    Rule(r"^error: Failed to parse ", 86, "ruff", category=Category.SYNTAX),
    Rule(r"Imports are incorrectly sorted", 88, "isort", category=Category.FORMAT),
    Rule(
        r"\.{3,}(?:\(no files to check\))?Failed$",
        84,
        "pre-commit",
        category=Category.LINT,
        after=3,
        stop=r"\.{3,}(?:Passed|Skipped|Failed)$",
    ),
    Rule(r"^- hook id: ", 62, "pre-commit", Role.DETAIL, after=12, stop=r"\.{3,}(?:Passed|Skipped|Failed)$"),
    Rule(
        r"^- files were modified by this hook",
        84,
        "pre-commit",
        category=Category.FORMAT,
        after=10,
        stop=r"\.{3,}\w+$",
        opened=r"^- hook id: ",
        # Most hooks name the files that they wrote.
        says=(
            r"^(?:Fix(?:ing|ed)|[Rr]e(?:formatt|writ)(?:ing|ed|ten)|Sorting|Formatt(?:ing|ed)) \S",
            r"\.\w{1,8}\b",
        ),
    ),
    Rule(r"^(?:Fixing|Reformatting|Sorting) \S", 40, "pre-commit", Role.DETAIL),
)

_BUILD_SAYS = (
    r"^\s+(?:\S+: )?(?:fatal )?[Ee]rror: \S|^\s+(?:\w+\.){0,8}\w+Error: \S|command not found",
    r"^\s*╰─▶ \S|^\s+cause: \S",
)
"""What went wrong while a package was built, in the output of its build that is set in."""

PACKAGES = (
    # Known weaknesses in what a project depends on, whoever looks for them.
    Rule(r"^Found \d+ known vulnerabilit", 84, "pip-audit", category=Category.DEPENDENCY, after=4),
    Rule(
        r"^(?:│|\|) .{0,80}\b(?:CVE-\d{4}|GHSA-\w{4})-|advisories/GHSA-\w{4}-|^ID: {1,12}RUSTSEC-\d",
        72,
        "",
        Role.LIST,
        Category.DEPENDENCY,
    ),
    Rule(r"^error: resolution-too-deep", 86, "pip", category=Category.DEPENDENCY, after=4),
    Rule(
        r"due to an (?:OSError|EnvironmentError): HTTPS?ConnectionPool",
        92,
        "pip",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(r"Max retries exceeded with url", 84, "", category=Category.INFRASTRUCTURE),
    Rule(
        r"(?i)^\s*ERROR: (?:Could not find a version|No matching distribution|Cannot install"
        r"|Ignored the following|Package '[^']+' requires|Invalid requirement|In --require-hashes"
        r"|THESE PACKAGES DO NOT MATCH|Could not install packages)",
        88,
        "pip",
        category=Category.DEPENDENCY,
        after=4,
        stop=BLANK,
    ),
    # Passes on that a build failed, whose output says why.
    Rule(
        r"(?i)^\s*ERROR: (?:Failed building wheel|Could not build wheels|Failed to build)",
        76,
        "pip",
        category=Category.DEPENDENCY,
        after=4,
        stop=BLANK,
    ),
    Rule(r"^ERROR: ResolutionImpossible", 60, "pip", Role.OUTCOME, Category.DEPENDENCY),
    Rule(r"^ERROR: Could not open requirements file", 88, "pip", category=Category.CONFIG),
    Rule(r"^\s*The conflict is caused by:", 86, "pip", category=Category.DEPENDENCY, after=5),
    Rule(r"^\s*error: subprocess-exited-with-error", 76, "pip", category=Category.DEPENDENCY, after=8),
    Rule(
        r"error: metadata-generation-failed|error: legacy-install-failure",
        74,
        "pip",
        category=Category.DEPENDENCY,
        after=2,
    ),
    Rule(r"^\s*(?:×|x) No solution found", 88, "uv", category=Category.DEPENDENCY, after=8),
    Rule(
        r"^\s*(?:×|x) Failed to (?:build|download|fetch|resolve|read|prepare)",
        88,
        "uv",
        category=Category.DEPENDENCY,
        after=8,
        says=_BUILD_SAYS,
    ),
    Rule(
        r"^\s*(?:×|x) .+ did not run successfully\.$",
        88,
        "pip",
        category=Category.DEPENDENCY,
        after=40,
        stop=r"\[end of output\]",
        says=_BUILD_SAYS,
    ),
    # uv 0.9 draws no tree any more.
    Rule(
        r"^error: No solution found",
        88,
        "uv",
        category=Category.DEPENDENCY,
        after=6,
        says=(r"^\s+cause: \S",),
    ),
    Rule(
        r"^error: Failed to (?:build|prepare) ",
        88,
        "uv",
        category=Category.DEPENDENCY,
        after=30,
        stop=r"^hint: ",
        says=_BUILD_SAYS,
    ),
    Rule(r"^error: Failed to spawn: ", 88, "uv", category=Category.CONFIG, after=2),
    Rule(
        r"^\S+ \S+ has requirement .+, but you have \S+ \S+\.$",
        88,
        "pip",
        category=Category.DEPENDENCY,
    ),
    # An installation that succeeds warns in the same words.
    Rule(r"^\S+ \S+ requires \S+, which is not installed\.$", 50, "pip", category=Category.DEPENDENCY),
    Rule(r"^\s*(?:├|╰)─▶ ", 84, "", category=Category.DEPENDENCY, after=3, stop=BLANK),
    Rule(
        r"^\s*Because .+ (?:depends on|requires|there (?:is|are) no|were not found)",
        84,
        "uv",
        category=Category.DEPENDENCY,
        after=3,
        stop=BLANK,
    ),
    Rule(
        r"we can conclude that .+(?:cannot be used|unsatisfiable|are incompatible)",
        80,
        "uv",
        category=Category.DEPENDENCY,
    ),
    Rule(r"^Package \S+ \(\S+\) not found\.$", 86, "poetry", category=Category.DEPENDENCY),
    Rule(
        r"^\s{0,4}(?:- )?Either \[project\.\w+\] or \[tool\.poetry\."
        r"|^The fields \[.+\] are required in package mode",
        88,
        "poetry",
        category=Category.CONFIG,
    ),
    # Poetry says all of it in one line, and what follows from it.
    Rule(r"^Because .+, version solving failed\.$", 95, "poetry", category=Category.DEPENDENCY),
    Rule(
        r"^The currently activated Python version \S+ is not supported by the project"
        r"|^Current Python version .+ is not allowed by the project",
        88,
        "poetry",
        category=Category.CONFIG,
        after=3,
    ),
    Rule(
        r"^\s{0,4}Hash for .+ not found in known hashes", 90, "poetry", category=Category.DEPENDENCY, before=4
    ),
    Rule(r"(?i)version solving failed", 92, "poetry", category=Category.DEPENDENCY, before=4),
    Rule(
        r"changed significantly since poetry\.lock|poetry\.lock is not up to date",
        90,
        "poetry",
        category=Category.DEPENDENCY,
    ),
    Rule(
        r"^error: (?:The lockfile at|Unable to find lockfile|Failed to (?:fetch|download|prepare|install"
        r"|resolve))",
        88,
        "uv",
        category=Category.DEPENDENCY,
        after=5,
    ),
    # Whatever the package manager: a lock file is older than what it locks, and may not be renewed.
    Rule(
        r"(?i)lock ?file\b.{0,80}(?:needs to be updated|can'?t be updated|cannot be updated"
        r"|out of (?:date|sync)"
        r"|not (?:up[- ]to[- ]date|in sync)|would have been modified|does(?:n't| not) (?:match|satisfy))",
        88,
        "",
        category=Category.DEPENDENCY,
        after=3,
    ),
    Rule(r"^error: Error while fetching ", 88, "uv", category=Category.INFRASTRUCTURE, after=3),
    Rule(r"^Your Pipfile\.lock\b", 88, "pipenv", category=Category.DEPENDENCY, after=4),
    Rule(r"^ERROR:: Aborting deploy", 60, "pipenv", Role.OUTCOME, Category.DEPENDENCY),
    Rule(r"^\s{0,8}Caused by: ", 76, "", after=1),
    Rule(
        r"^error: The requested interpreter resolved to Python .+ incompatible with",
        90,
        "uv",
        category=Category.CONFIG,
    ),
    Rule(r"(?i)^error: no (?:interpreter|virtual environment) found", 86, "uv", category=Category.CONFIG),
    Rule(
        r"(?i)^\s*(?:CondaError|PackagesNotFoundError|ResolvePackageNotFound|UnsatisfiableError"
        r"|LibMambaUnsatisfiableError)",
        88,
        "conda",
        category=Category.DEPENDENCY,
        after=6,
    ),
    Rule(r"requires a different Python: ", 86, "pip", category=Category.DEPENDENCY),
)

RULES = PYTEST + UNITTEST + CHECKERS + PACKAGES
