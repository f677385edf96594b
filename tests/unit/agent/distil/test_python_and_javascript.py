"""What the tools of Python and JavaScript print when they fail, and what a card says of it.

The output is theirs, shortened: of several failures one, of a page of advice a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.distil import distil
from patchpilot.failures import Category

# ruff: noqa: E501 - output as it is printed


@dataclass(frozen=True)
class Case:
    log: str
    category: Category
    tool: str
    cause: str
    tests: tuple[str, ...] = ()


CASES = {
    "pytest tells the last of chained exceptions": Case(
        """\
=================================== FAILURES ===================================
__________________________________ test_load ___________________________________

d = {}

    def load(d):
        try:
>           return d["port"]
E           KeyError: 'port'

tests/test_load.py:3: KeyError

The above exception was the direct cause of the following exception:

    def test_load():
>       load({})

tests/test_load.py:8: AssertionError
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _
>           raise RuntimeError("setting port is missing") from e
E           RuntimeError: setting port is missing

tests/test_load.py:5: RuntimeError
=========================== short test summary info ============================
FAILED tests/test_load.py::test_load - RuntimeError: setting port is missing
========================= 1 failed, 28 passed in 0.92s =========================
""",
        Category.TEST,
        "pytest",
        "tests/test_load.py::test_load - RuntimeError: setting port is missing",
        ("tests/test_load.py::test_load",),
    ),
    "pytest without a traceback": Case(
        """\
=================================== FAILURES ===================================
____________________________________ test_a ____________________________________
async def functions are not natively supported.
You need to install a suitable plugin for your async framework, for example:
  - anyio
=========================== short test summary info ============================
FAILED tests/test_new.py::test_a - Failed: async def functions are not natively supported.
========================= 1 failed, 28 passed in 2.98s =========================
""",
        Category.TEST,
        "pytest",
        "tests/test_new.py::test_a - Failed: async def functions are not natively supported.",
        ("tests/test_new.py::test_a",),
    ),
    "pytest and the values that a mock expected": Case(
        """\
=========================== short test summary info ============================
FAILED tests/test_mail.py::test_sends_mail - AssertionError: expected call not found.
Expected: send('a', to='c')
  Actual: send('a', to='b')
========================= 1 failed, 28 passed in 4.10s =========================
""",
        Category.TEST,
        "pytest",
        (
            "tests/test_mail.py::test_sends_mail - AssertionError: expected call not found. "
            "Expected: send('a', to='c') Actual: send('a', to='b')"
        ),
        ("tests/test_mail.py::test_sends_mail",),
    ),
    "pytest in a narrow terminal": Case(
        """\
tests/test_checkout.py:9: in test_total
    assert total == 35
E   AssertionError: assert Decimal('35.70') == 35
=========================== short test summary info ============================
FAILED tests/test_checkout.py::test_total - AssertionError: as...
========================= 1 failed, 28 passed in 4.10s =========================
""",
        Category.TEST,
        "pytest",
        "AssertionError: assert Decimal('35.70') == 35",
        ("tests/test_checkout.py::test_total",),
    ),
    "pytest on a doctest": Case(
        """\
=================================== FAILURES ===================================
__________________________ [doctest] shop.doc.double ___________________________
004     >>> double(2)
Expected:
    5
Got:
    4

/home/runner/work/shop/shop/shop/doc.py:4: DocTestFailure
=========================== short test summary info ============================
FAILED shop/doc.py::shop.doc.double
============================== 1 failed in 1.78s ===============================
""",
        Category.TEST,
        "pytest",
        "[doctest] shop.doc.double: Expected: 5 Got: 4 (shop/doc.py:4)",
        ("shop/doc.py::shop.doc.double",),
    ),
    "pytest brought down by a plug-in": Case(
        """\
collected 28 items
INTERNALERROR> Traceback (most recent call last):
INTERNALERROR>   File "/opt/venv/lib/python3.11/site-packages/_pytest/main.py", line 333, in wrap_session
INTERNALERROR>     session.exitstatus = doit(config, session) or 0
INTERNALERROR>   File "/home/runner/work/shop/shop/tests/conftest.py", line 5, in pytest_itemcollected
INTERNALERROR>     item.add_marker(item.nosuch)
INTERNALERROR> AttributeError: 'Function' object has no attribute 'nosuch'

============================ no tests ran in 0.02s =============================
""",
        Category.TEST,
        "pytest",
        "AttributeError: 'Function' object has no attribute 'nosuch'",
    ),
    "pytest that cannot load its conftest": Case(
        """\
ImportError while loading conftest '/home/runner/work/shop/shop/tests/conftest.py'.
tests/conftest.py:1: in <module>
    import flask_sqlalchemy_lite
E   ModuleNotFoundError: No module named 'flask_sqlalchemy_lite'
""",
        Category.DEPENDENCY,
        "pytest",
        (
            "ImportError while loading conftest 'tests/conftest.py': ModuleNotFoundError: "
            "No module named 'flask_sqlalchemy_lite' (tests/conftest.py:1)"
        ),
    ),
    "pytest with an option that it does not know": Case(
        """\
ERROR: usage: pytest [options] [file_or_dir] [file_or_dir] [...]
pytest: error: unrecognized arguments: --cov=shop
  inifile: /home/runner/work/shop/shop/pyproject.toml
""",
        Category.CONFIG,
        "pytest",
        "pytest: error: unrecognized arguments: --cov=shop",
    ),
    "pytest with a setting that it does not know": Case(
        """\
collected 28 items

============================ no tests ran in 0.73s =============================
ERROR: Unknown config option: no_such_option
""",
        Category.CONFIG,
        "pytest",
        "ERROR: Unknown config option: no_such_option",
    ),
    "pytest left without tests": Case(
        """\
collected 28 items / 28 deselected / 0 selected

============================ 28 deselected in 0.85s ============================
""",
        Category.CONFIG,
        "pytest",
        "28 deselected in 0.85s",
    ),
    "pytest-timeout by signal": Case(
        """\
    def test_slow_answer():
>       time.sleep(5)
E       Failed: Timeout (>1.0s) from pytest-timeout.

tests/test_new.py:4: Failed
=========================== short test summary info ============================
FAILED tests/test_new.py::test_slow_answer - Failed: Timeout (>1.0s) from pytest-timeout.
=================== 1 failed, 28 passed in 2.10s ==================
""",
        Category.TIMEOUT,
        "pytest",
        "tests/test_new.py::test_slow_answer - Failed: Timeout (>1.0s) from pytest-timeout.",
        ("tests/test_new.py::test_slow_answer",),
    ),
    "pytest-timeout by thread": Case(
        """\
tests/test_cart.py ......................                                [ 75%]
tests/test_new.py::test_slow_answer +++++++++++++++++++++++++++++ Timeout +++++++++++++++++++++++++++++
~~~~~~~~~~~~~~~~~~~~ Stack of MainThread (140693079497600) ~~~~~~~~~~~~~~~~~~~~~
  File "/opt/venv/lib/python3.11/site-packages/_pytest/python.py", line 187, in pytest_pyfunc_call
    result = testfunction(**testargs)
  File "/home/runner/work/shop/shop/tests/test_new.py", line 4, in test_slow_answer
    time.sleep(5)
+++++++++++++++++++++++++++++++++++ Timeout ++++++++++++++++++++++++++++++++++++
""",
        Category.TIMEOUT,
        "pytest",
        "tests/test_new.py::test_slow_answer: timed out",
        ("tests/test_new.py::test_slow_answer",),
    ),
    "pytest-xdist whose worker died": Case(
        """\
[gw1] node down: Not properly terminated
replacing crashed worker gw1
=================================== FAILURES ===================================
______________________________ tests/test_new.py _______________________________
[gw1] linux -- Python 3.11.7 /opt/venv/bin/python3
worker 'gw1' crashed while running 'tests/test_new.py::test_native'
=========================== short test summary info ============================
FAILED tests/test_new.py::test_native
========================= 1 failed, 28 passed in 4.36s =========================
""",
        Category.TEST,
        "pytest",
        "worker 'gw1' crashed while running 'tests/test_new.py::test_native'",
        ("tests/test_new.py::test_native",),
    ),
    "mypy where it is wrapped": Case(
        """\
shop/api.py:5:12: error: Incompatible return value type (got "Decimal",
expected "int")  [return-value]
            return cart.total()
                   ^~~~~~~~~~~~
Found 1 error in 1 file (checked 6 source files)
""",
        Category.TYPE,
        "mypy",
        (
            'shop/api.py:5:12: error: Incompatible return value type (got "Decimal", '
            'expected "int") [return-value]'
        ),
    ),
    "mypy on what is no Python": Case(
        """\
shop/bad.py:1: error: Expected a parameter or the end of the parameter list  [syntax]
Found 1 error in 1 file (errors prevented further checking)
""",
        Category.SYNTAX,
        "mypy",
        "shop/bad.py:1: error: Expected a parameter or the end of the parameter list [syntax]",
    ),
    "mypy told nothing to check": Case(
        """\
usage: mypy [-h] [-v] [-V] [more options; see below]
            [-m MODULE] [-p PACKAGE] [files ...]
mypy: error: Missing target module, package, files, or command.
""",
        Category.CONFIG,
        "mypy",
        "mypy: error: Missing target module, package, files, or command.",
    ),
    "flake8 is not ruff": Case(
        """\
shop/bad.py:1:1: F401 'os' imported but unused
shop/bad.py:5:10: E741 ambiguous variable name 'l'
shop/bad.py:16:1: E302 expected 2 blank lines, found 1
""",
        Category.LINT,
        "flake8",
        "shop/bad.py:1:1: F401 'os' imported but unused",
    ),
    "ruff by file": Case(
        """\
shop/bad.py:
   1:8  F401 [*] `os` imported but unused
   6:5  F841 Local variable `unused` is assigned to but never used

Found 2 errors.
""",
        Category.LINT,
        "ruff",
        "shop/bad.py:1:8 F401 [*] `os` imported but unused",
    ),
    "ruff on what is no Python, amid other findings": Case(
        """\
F401 [*] `shop.cart.Cart` imported but unused
 --> tests/test_cart.py:5:23
  |
5 | from shop.cart import Cart, Item
  |                       ^^^^

invalid-syntax: Expected a parameter or the end of the parameter list
 --> shop/bad.py:1:7
  |
1 | def f(:
  |       ^

Found 2 errors.
""",
        Category.SYNTAX,
        "ruff",
        "invalid-syntax: Expected a parameter or the end of the parameter list (shop/bad.py:1)",
    ),
    "ruff format": Case(
        """\
unformatted: File would be reformatted
  --> shop/bad.py:12:11
   |
11 |         pass
   -     print("a very long line")
12 +     print(
   |

1 file would be reformatted, 10 files already formatted
""",
        Category.FORMAT,
        "ruff",
        "unformatted: File would be reformatted (shop/bad.py:12)",
    ),
    "ruff format --diff": Case(
        """\
--- shop/inventory.py
+++ shop/inventory.py
@@ -1,4 +1,5 @@
 \"\"\"Stock.\"\"\"
+
 import logging

1 file would be reformatted, 10 files already formatted
""",
        Category.FORMAT,
        "ruff",
        "shop/inventory.py: ruff would format it otherwise",
    ),
    "black on what is no Python, amid other findings": Case(
        """\
error: cannot parse: /home/runner/work/shop/shop/shop/bad.py:1:6
    def f(:
         ^
ParseError: bad input
would reformat /home/runner/work/shop/shop/shop/inventory.py

Oh no! 💥 💔 💥
1 file would be reformatted, 7 files would be left unchanged, 1 file would fail to reformat.
""",
        Category.SYNTAX,
        "black",
        "error: cannot parse: shop/bad.py:1:6",
    ),
    "sphinx that goes on after a warning": Case(
        """\
reading sources... [100%] index
/home/runner/work/shop/shop/docs/index.rst:4: WARNING: toctree contains reference to nonexisting document 'usage'
generating indices... genindex done
build finished with problems, 1 warning (with warnings treated as errors).
""",
        Category.LINT,
        "sphinx",
        "docs/index.rst:4: WARNING: toctree contains reference to nonexisting document 'usage'",
    ),
    "pip that cannot build": Case(
        """\
Building wheels for collected packages: ext
  Building wheel for ext (pyproject.toml): finished with status 'error'
  error: subprocess-exited-with-error

  × Building wheel for ext (pyproject.toml) did not run successfully.
  │ exit code: 1
  ╰─> [10 lines of output]
      running build_ext
      building 'ext' extension
      ext.c:2:10: fatal error: libpq-fe.h: No such file or directory
          2 | #include <libpq-fe.h>
            |          ^~~~~~~~~~~~
      compilation terminated.
      error: command '/usr/bin/gcc' failed with exit code 1
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for ext
ERROR: Could not build wheels for ext, which is required to install pyproject.toml-based projects
""",
        Category.DEPENDENCY,
        "pip",
        (
            "Building wheel for ext (pyproject.toml) did not run successfully: "
            "ext.c:2:10: fatal error: libpq-fe.h: No such file or directory"
        ),
    ),
    "pip that lists all versions": Case(
        "ERROR: Could not find a version that satisfies the requirement requests==2.99.1 (from versions: "
        + ", ".join(f"2.{minor}.0" for minor in range(30))
        + ")\nERROR: No matching distribution found for requests==2.99.1\n",
        Category.DEPENDENCY,
        "pip",
        (
            "ERROR: Could not find a version that satisfies the requirement requests==2.99.1 "
            "(from versions: 2.0.0, …, 2.29.0)"
        ),
    ),
    "pip check": Case(
        "requests 2.31.0 has requirement urllib3<3,>=1.21.1, but you have urllib3 1.20.\n",
        Category.DEPENDENCY,
        "pip",
        "requests 2.31.0 has requirement urllib3<3,>=1.21.1, but you have urllib3 1.20.",
    ),
    "uv and a sentence of many lines": Case(
        """\
error: No solution found when resolving dependencies
  cause: Because only requests<=2.34.2 is available and your project depends
         on requests>=99, we can conclude that your project's requirements are
         unsatisfiable.
""",
        Category.DEPENDENCY,
        "uv",
        (
            "error: No solution found when resolving dependencies: Because only requests<=2.34.2 is available "
            "and your project depends on requests>=99, we can conclude that your project's requirements are "
            "unsatisfiable."
        ),
    ),
    "uv that cannot build": Case(
        """\
error: Failed to build `shop @ file:///home/runner/work/shop/shop`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.get_requires_for_build_wheel` failed
         (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 1, in <module>
         RuntimeError: shop needs libshop >= 2; found none

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Category.DEPENDENCY,
        "uv",
        "error: Failed to build `shop @ /home/runner/work/shop/shop`: "
        "RuntimeError: shop needs libshop >= 2; found none",
    ),
    "pipenv whose lock is old": Case(
        """\
Your Pipfile.lock
(0000000000000000000000000000000000000000000000000000000000000000) is out of
date. Expected:
(f6b59b30dec3c37c8c253105c9e253e787eba7cc810ff670e0247f3b2c96d878).
[DeployException]:   File "/opt/venv/bin/pipenv", line 8, in <module>
[DeployException]:       raise exceptions.DeployException
ERROR:: Aborting deploy
""",
        Category.DEPENDENCY,
        "pipenv",
        (
            "Your Pipfile.lock (0000000000000000000000000000000000000000000000000000000000000000) is out of date. "
            "Expected: (f6b59b30dec3c37c8c253105c9e253e787eba7cc810ff670e0247f3b2c96d878)."
        ),
    ),
    "jest that cannot parse": Case(
        """\
FAIL test/cart.test.js
  ● Test suite failed to run

    Jest encountered an unexpected token

    Jest failed to parse a file. This happens e.g. when your code or its dependencies use non-standard syntax.

    Details:

    SyntaxError: /home/runner/work/shop/shop/test/cart.test.js: Unexpected token (1:11)

    > 1 | const x = {;
        |            ^

Test Suites: 1 failed, 6 passed, 7 total
""",
        Category.SYNTAX,
        "jest",
        "SyntaxError: test/cart.test.js: Unexpected token (1:11)",
    ),
    "jest left without tests": Case(
        """\
No tests found, exiting with code 1
Run with `--passWithNoTests` to exit with code 0
In /home/runner/work/shop/shop
  7 files checked.
Pattern: nothing - 0 matches
""",
        Category.CONFIG,
        "jest",
        "No tests found, exiting with code 1",
    ),
    "jest and what a test printed": Case(
        """\
FAIL test/cart.test.js
  ● Console

    console.error
      Error: bad item (expected)

  ● Cart › adds up

    RangeError: quantity must be positive, got -1

      at Cart.add (src/cart.js:4:34)

Tests:       1 failed, 50 passed, 51 total
""",
        Category.TEST,
        "jest",
        "Cart › adds up: RangeError: quantity must be positive, got -1 (src/cart.js:4)",
        ("Cart › adds up",),
    ),
    "mocha": Case(
        """\
  50 passing (21ms)
  1 failing

  1) Cart
       total
         adds up all items:

      AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

6 !== 7

      + expected - actual

      -6
      +7

      at Context.<anonymous> (test/cart.test.js:9:14)
""",
        Category.TEST,
        "mocha",
        (
            "Cart total adds up all items: AssertionError [ERR_ASSERTION]: "
            "Expected values to be strictly equal: 6 !== 7"
        ),
        ("Cart total adds up all items",),
    ),
    "ava": Case(
        """\
  ✘ [fail]: total is right
  ✘ [fail]: throws Error thrown in test
  ✔ fine
  ─

  total is right

  test/t.test.js:2

   2: test('total is right', t => { t.is(1, 2); });

  Difference (- actual, + expected):

  - 1
  + 2
""",
        Category.TEST,
        "ava",
        "✘ [fail]: total is right",
        ("total is right", "throws"),
    ),
    "esbuild": Case(
        """\
✘ [ERROR] Could not resolve "./gone"

    src/index.js:2:17:
      2 │ import gone from './gone';
        ╵                  ~~~~~~~~

1 error
""",
        Category.BUILD,
        "esbuild",
        '✘ [ERROR] Could not resolve "./gone"',
    ),
    "jasmine": Case(
        """\
Failures:
1) Cart is fetched
  Message:
    Error: connect ECONNREFUSED 127.0.0.1:5432
  Stack:
        at UserContext.<anonymous> (/home/runner/work/shop/shop/spec/cart.spec.js:16:55)

6 specs, 1 failure
Finished in 0.044 seconds
""",
        Category.TEST,
        "jasmine",
        "Cart is fetched: connect ECONNREFUSED 127.0.0.1:5432 (spec/cart.spec.js:16)",
        ("Cart is fetched",),
    ),
    "tsc on what is no TypeScript": Case(
        "src/api.ts(2,10): error TS1005: ':' expected.\nsrc/api.ts(3,1): error TS1005: '}' expected.\n",
        Category.SYNTAX,
        "tsc",
        "src/api.ts(2,10): error TS1005: ':' expected.",
    ),
    "eslint with a setting that it does not know": Case(
        """\
Oops! Something went wrong! :(

ESLint: 9.39.5

TypeError: Key "rules": Key "eqeqeqeq": Could not find "eqeqeqeq" in plugin "@".
    at throwRuleNotFoundError (/opt/app/node_modules/eslint/lib/config/config.js:100:16)
""",
        Category.CONFIG,
        "eslint",
        'TypeError: Key "rules": Key "eqeqeqeq": Could not find "eqeqeqeq" in plugin "@".',
    ),
    "biome format": Case(
        """\
src/bad.js format ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━

  × Formatter would have printed the following content:

    1   │ - var·a·=·1
      1 │ + var·a·=·1;

Checked 2 files in 71ms. No fixes applied.
Found 1 error.
""",
        Category.FORMAT,
        "biome",
        "src/bad.js: Biome would format it otherwise",
    ),
    "webpack": Case(
        """\
ERROR in ./src/index.js 2:0-26
Module not found: Error: Can't resolve './gone' in '/home/runner/work/shop/shop/src'

webpack 5.113.0 compiled with 1 error in 785 ms
""",
        Category.BUILD,
        "webpack",
        "ERROR in ./src/index.js 2:0-26: Module not found: Error: Can't resolve './gone' in 'src'",
    ),
    "vite": Case(
        """\
✗ Build failed in 359ms
error during build:
Build failed with 1 error:

[UNRESOLVED_IMPORT] Could not resolve './gone' in src/index.js
   ╭─[ src/index.js:2:18 ]
   │
 2 │ import gone from './gone';
   │                  ────┬───
""",
        Category.BUILD,
        "vite",
        "[UNRESOLVED_IMPORT] Could not resolve './gone' in src/index.js",
    ),
    "node without a package": Case(
        """\
node:internal/modules/esm/resolve:873
  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);

Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'left-pad-nope' imported from /home/runner/work/shop/shop/m.mjs
    at packageResolve (node:internal/modules/esm/resolve:873:9)
""",
        Category.DEPENDENCY,
        "node",
        "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'left-pad-nope' imported from m.mjs",
    ),
    "npm and a package that is not there": Case(
        """\
npm error code E404
npm error 404 Not Found - GET https://registry.example.com/left-pad-nope
npm error 404
npm error 404  The requested resource 'left-pad-nope@1.0.0' could not be found or you do not have permission to access it.
npm error A complete log of this run can be found in: /root/.npm/_logs/2026-11-30-debug-0.log
""",
        Category.DEPENDENCY,
        "npm",
        (
            "npm error 404 The requested resource 'left-pad-nope@1.0.0' could not be found or you do not have "
            "permission to access it."
        ),
    ),
    "pnpm": Case(
        """\
Error: ERR_PNPM_NO_LOCKFILE

  × installing dependencies
  ╰─▶ Headless installation requires a pnpm-lock.yaml file, but none was
      found. Run `pnpm install` without --frozen-lockfile to create one.

""",
        Category.DEPENDENCY,
        "pnpm",
        (
            "Error: ERR_PNPM_NO_LOCKFILE: Headless installation requires a pnpm-lock.yaml file, but none was "
            "found. Run `pnpm install` without --frozen-lockfile to create one."
        ),
    ),
    "yarn and a script that is not there": Case(
        'yarn run v1.22.22\nerror Command "buidl" not found.\n',
        Category.CONFIG,
        "yarn",
        'error Command "buidl" not found.',
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_card_says_what_an_expert_would(case: Case):
    failure = distil([case.log.encode()])

    assert (failure.category, failure.tool) == (case.category, case.tool)
    assert failure.cause == case.cause
    assert failure.tests == case.tests


CI = """\
2026-05-05T10:00:00.0000000Z ##[group]Run npm ci
2026-05-05T10:00:00.1000000Z ##[endgroup]
2026-05-05T10:00:01.0000000Z added 512 packages, and audited 513 packages in 9s
2026-05-05T10:00:01.0000000Z
2026-05-05T10:00:01.0000000Z 3 vulnerabilities (2 moderate, 1 high)
2026-05-05T10:00:02.0000000Z ##[group]Run {command}
2026-05-05T10:00:02.1000000Z ##[endgroup]
{output}2026-05-05T10:00:09.0000000Z ##[error]Process completed with exit code 1.
2026-05-05T10:00:09.1000000Z Post job cleanup.
"""


@pytest.mark.parametrize(
    ("command", "output", "category", "cause"),
    [
        # What does not parse is neither checked nor tested nor built, whatever the command is called.
        (
            "ruff check .",
            (
                "F401 [*] `os` imported but unused\n --> shop/a.py:1:8\n\n"
                "invalid-syntax: Expected a parameter\n --> shop/bad.py:1:7\n\nFound 2 errors.\n"
            ),
            Category.SYNTAX,
            "invalid-syntax: Expected a parameter (shop/bad.py:1)",
        ),
        (
            "vite build",
            "error during build:\nBuild failed with 1 error:\n\n[PARSE_ERROR] Unexpected token\n",
            Category.SYNTAX,
            "[PARSE_ERROR] Unexpected token",
        ),
        # Nor does a test begin that lacks what it imports.
        (
            "pytest",
            (
                "_______ ERROR collecting tests/test_new.py _______\n"
                "ImportError while importing test module '/home/runner/work/shop/shop/tests/test_new.py'.\n"
                "tests/test_new.py:1: in <module>\n    import redis_om\n"
                "E   ModuleNotFoundError: No module named 'redis_om'\n"
                "====== short test summary info ======\nERROR tests/test_new.py\n====== 1 error in 0.47s ======\n"
            ),
            Category.DEPENDENCY,
            "ModuleNotFoundError: No module named 'redis_om'",
        ),
        # What npm says of an installation that succeeded is the cause of nothing.
        (
            "pytest",
            "!!!!!!!!! _pytest.outcomes.Exit: database is not there !!!!!!!!!\n====== 22 passed in 0.47s ======\n",
            Category.TEST,
            "_pytest.outcomes.Exit: database is not there",
        ),
        (
            "eslint --max-warnings 0 src",
            (
                "src/b.js\n  1:5  warning  'q' is never reassigned  prefer-const\n\n"
                "✖ 1 problem (0 errors, 1 warning)\n\nESLint found too many warnings (maximum: 0).\n"
            ),
            Category.LINT,
            "ESLint found too many warnings (maximum: 0).",
        ),
    ],
)
def test_neither_the_command_nor_an_earlier_step_misleads(command, output, category, cause):
    stamped = "".join(f"2026-05-05T10:00:05.0000000Z {line}\n" for line in output.splitlines())
    failure = distil([CI.format(command=command, output=stamped).encode()])

    assert (failure.category, failure.cause) == (category, cause)


def test_artifacts_that_a_failed_job_did_not_write_are_no_cause():
    log = (
        "section_start:1714550012:step_script\r\x1b[0KExecuting\n$ ./check\nthe queue is not empty\n"
        "section_end:1714550099:step_script\r\x1b[0K\n"
        "section_start:1714550099:upload_artifacts_on_failure\r\x1b[0K\n"
        "WARNING: report.xml: no matching files. Ensure that the artifact path is relative\n"
        "ERROR: No files to upload\nERROR: Job failed: exit code 1\n"
    )

    assert distil([log.encode()]).cause == "the queue is not empty"


def test_of_like_messages_the_first_is_told():
    errors = [
        f"src/api.ts({line},3): error TS2339: Property 'p{line}' does not exist." for line in range(1, 9)
    ]

    assert distil(["\n".join(errors).encode()]).cause == errors[0]


@pytest.mark.parametrize(
    ("log", "files"),
    [
        # A call is no file, and neither is a function of Node's own.
        (
            'AssertionError: response.json() != {}\n  File "orders/tests.py", line 8, in test_show\n',
            ["orders/tests.py:8"],
        ),
        (
            "Error: no\n    at load (boom.js:2:3)\n    at Module._extensions..js (node:internal/x:1689:10)\n",
            ["boom.js:2"],
        ),
        ("ERROR    shop.inventory:inventory.py:22 could not take 3 of tea\n", ["shop/inventory.py:22"]),
        ("ERROR    root:inventory.py:22 could not take 3 of tea\n", []),
    ],
)
def test_only_files_are_places(log, files):
    failure = distil([log.encode()])

    assert [f"{place.path}:{place.line}" for place in failure.files] == files


def test_versions_that_were_released_since_change_no_fingerprint():
    log = (
        "ERROR: Could not find a version that satisfies the requirement shop==9 (from versions: 1.0, 1.1{})\n"
    )

    assert distil([log.format("").encode()]).fingerprint == distil([log.format(", 1.2").encode()]).fingerprint


def test_the_frame_of_the_project_outlasts_those_of_libraries():
    frames = "".join(
        f"/opt/venv/lib/python3.11/site-packages/urllib3/pool.py:{line}: in urlopen\n    return self.send({line})\n"
        f"E       urllib3.exceptions.Error{'ABCDEFGHIJ'[line % 10]}: " + "x" * 60 + "\n"
        for line in range(60)
    )
    log = (
        "____________________________ test_api ____________________________\n\n    def test_api():\n"
        f'>       requests.get("http://localhost:9/api")\n\ntests/test_new.py:4: \n{frames}'
        "=================== short test summary info ====================\n"
        "FAILED tests/test_new.py::test_api - requests.exceptions.ConnectionError: refused\n"
    )

    assert "tests/test_new.py:4:" in distil([log.encode()], max_bytes=1500).text


def test_jenkins_closes_its_steps_before_it_says_that_one_failed():
    log = (
        "[Pipeline] Start of Pipeline\n[Pipeline] sh\n+ make check\nthe queue is not empty\n[Pipeline] }\n"
        "[Pipeline] // stage\n[Pipeline] }\n[Pipeline] // node\n[Pipeline] End of Pipeline\n"
        "ERROR: script returned exit code 1\nFinished: FAILURE\n"
    )

    assert distil([log.encode()]).cause == "the queue is not empty"


def test_what_tests_print_is_worth_less_than_what_fails():
    log = """\
FAIL test/cart.test.js
  ● Console

    console.error
      Error: bad item (expected)

      at Object.error (test/cart.test.js:4:53)

  ● Cart › adds up

    quantity must be positive

    > 4 |   add(item) {
        |   ^
      5 |     push(item);

      at Cart.add (src/cart.js:4:34)
      at Object.add (test/cart.test.js:14:48)

Tests:       1 failed, 50 passed, 51 total
"""
    text = distil([log.encode()], max_bytes=300).text

    assert "at Object.add (test/cart.test.js:14:48)" in text
    assert "bad item" not in text


def test_subtests_are_tests_too():
    log = "SUBFAILED(i=1) tests/test_new.py::T::test_evens - AssertionError: 1 != 0\n1 failed, 3 passed in 0.1s\n"

    assert distil([log.encode()]).tests == ("tests/test_new.py::T::test_evens",)


def test_the_line_of_progress_names_the_file_where_nothing_else_does():
    log = (
        "tests/test_cart.py ......                 [ 40%]\ntests/test_checkout.py .FF..FF             [100%]\n\n"
        "========================= 4 failed, 9 passed in 1.40s =========================\n"
    )

    assert [place.path for place in distil([log.encode()]).files] == ["tests/test_checkout.py"]
