"""Which files of the repository a log names, and which names are none."""

from __future__ import annotations

import pytest

from agent.distil import distil
from agent.distil.places import places

LINES = {
    "a source of one letter, with its line": ("b.c:2:41: error: expected ';' before '}' token", ["b.c:2"]),
    "one in which the linker finds a reference": (
        "/usr/bin/ld: m.c:(.text+0x5): undefined reference to `zz'",
        ["m.c:0"],
    ),
    "no line, and too short to be a name": ("calls a.c and b.h", []),
    "what GCC does not find": (
        "a/lexer.c:2:10: fatal error: words.h: No such file or directory",
        ["a/lexer.c:2"],
    ),
    "what Clang does not find": ("lexer.cc:2:10: fatal error: 'words.h' file not found", ["lexer.cc:2"]),
    "what Rollup does not find": (
        '[!] RollupError: Could not resolve "./words.js" from "src/index.js"',
        ["src/index.js:0"],
    ),
    "what webpack does not find": (
        "Module not found: Error: Can't resolve './words.css' in 'src/pages/cart.js'",
        ["src/pages/cart.js:0"],
    ),
    "what TypeScript does not find": (
        "src/cart.ts(1,2): error TS2307: Cannot find module './words.json' or its type declarations.",
        ["src/cart.ts:1"],
    ),
    "a template that is not there": (
        "django.template.exceptions.TemplateDoesNotExist: orders/list.html",
        [],
    ),
    "modules for CMake that nobody wrote": (
        'By not providing "FindWords.cmake" or one of wordsConfig.cmake, words-config.cmake',
        [],
    ),
    "a module for CMake in which something is wrong": (
        "CMake Error at cmake/FindWords.cmake:12 (message):",
        ["cmake/FindWords.cmake:12"],
    ),
    "the other lock file": ("your package-lock.json or npm-shrinkwrap.json are out", ["package-lock.json:0"]),
    "a report for GitLab": ("WARNING: report.xml: no matching files. Ensure that it", []),
    "Python's own source": ("certificate verify failed (_ssl.c:1006)", []),
    "Helm's own source": ("history.go:56: [debug] getting history for release shop", []),
    "code quoted with its number": ("   > 3 | import './words.css'", []),
    "code that looks something up": ('    item.cfg["db"]', []),
    "a frame of Dart": ("  test/cart_test.dart 14:7   main.<fn>", ["test/cart_test.dart:14"]),
    "a frame of a library of Flutter": ("  package:flutter_test/src/widget_tester.dart 480:18  expect", []),
    "a frame below webpack": (
        "    at Context.eval (webpack://shop/./cypress/e2e/cart.cy.ts:21:7)",
        ["cypress/e2e/cart.cy.ts:21"],
    ),
    "the two sides of a difference": (
        "diff --git a/api/schema.json b/api/schema.json",
        ["api/schema.json:0"],
    ),
    "one side of it": ("+++ b/api/schema.json", ["api/schema.json:0"]),
    "webpack's own place": ("ERROR in ./src/index.js 7:0-28", ["src/index.js:7"]),
}


@pytest.mark.parametrize(("line", "named"), LINES.values(), ids=LINES)
def test_a_line_names(line: str, named: list[str]) -> None:
    assert [f"{place.path}:{place.line}" for place in places([line])] == named


def test_the_bare_name_of_a_test_file_is_not_told_beside_its_path() -> None:
    found = places(["Running: cart.cy.ts", "at cypress/e2e/cart.cy.ts:21:7", "Makefile and package.json"])

    assert [place.path for place in found] == ["cypress/e2e/cart.cy.ts", "package.json"]


TRACEBACK = """ERROR: test_list (orders.tests.OrderTests.test_list)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/builds/acme/shop/orders/tests.py", line 21, in test_list
    response = self.client.get("/orders/")
  File "/usr/lib/python3.11/site-packages/django/test/client.py", line 927, in get
    response = super().get(path)
  File "/builds/acme/shop/orders/views.py", line 9, in index
    return render(request, "orders/list.html")
django.template.exceptions.TemplateDoesNotExist: orders/list.html

----------------------------------------------------------------------
Ran 3 tests in 0.012s

FAILED (errors=1)
"""


def test_all_frames_of_the_project_are_places_to_look_at() -> None:
    found = {(place.path, place.line) for place in distil([TRACEBACK.encode()]).files}

    assert found == {("orders/tests.py", 21), ("orders/views.py", 9)}


GO = """--- FAIL: TestGet (0.00s)
    stock_test.go:4: Get(a) = 1, want 2
FAIL
FAIL\t{package}\t0.003s
ok  \tgithub.com/acme/shop/api\t0.010s
"""


@pytest.mark.parametrize(
    ("above", "package", "path"),
    [
        ("", "github.com/acme/shop/internal/stock", "internal/stock/stock_test.go"),
        ("", "github.com/acme/shop/v2/stock", "stock/stock_test.go"),
        ("", "github.com/acme/shop", "stock_test.go"),
        (
            "# go.acme.example/shop/api\napi/api.go:3:2: undefined: x\n",
            "go.acme.example/shop/stock",
            "stock/stock_test.go",
        ),
        ("", "go.acme.example/shop/stock", "stock_test.go"),
    ],
    ids=["hosted", "hosted, version two", "at the root", "told by another package", "unknown"],
)
def test_a_file_of_go_s_tests_stands_in_its_package(above: str, package: str, path: str) -> None:
    log = above + GO.format(package=package)
    files = distil([log.encode()]).files

    assert [place.path for place in files if "stock" in place.path] == [path]
