"""Fixers: what they make of a repository's own commands, and the loop that applies them."""

from __future__ import annotations

import pytest

from agent.fixers.imports import misspelt_import
from agent.fixers.scripts import invocations
from agent.fixers.whitespace import tidy, whitespace
from patchpilot.failures import Category


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("ruff check .", "ruff check --fix ."),
        ("ruff check --no-fix --output-format=github src tests", "ruff check --fix src tests"),
        ("ruff check --output-format github .", "ruff check --fix ."),
        ("uv run --frozen ruff check src", "uv run --frozen ruff check --fix src"),
        ("python -m ruff check .", "python -m ruff check --fix ."),
        ("cd app && ruff check . && pytest", "cd app && ruff check --fix ."),
        ("(cd app; ls) && ruff check .", "ruff check --fix ."),
        ("cd a/b && cd ../c\nruff check .", "cd a/c && ruff check --fix ."),
        ("ruff format --check --diff .", "ruff format ."),
        ("poetry run black --check --diff src/ tests/", "poetry run black src/ tests/"),
        ("isort --check-only --profile black .", "isort --profile black ."),
        ("npx prettier --check 'src/**/*.ts'", "npx prettier --write 'src/**/*.ts'"),
        ('npx prettier --check "src/**/*.{ts,tsx}" *.md', "npx prettier --write 'src/**/*.{ts,tsx}' *.md"),
        ("npx eslint . --max-warnings 0 -f json", "npx eslint --fix . --max-warnings 0"),
        ("./node_modules/.bin/eslint src", "./node_modules/.bin/eslint --fix src"),
        ("biome ci src", "biome check --write src"),
        ('test -z "$(gofmt -l .)"', "gofmt -w ."),
        ("goimports -l -local acme .", "goimports -w -local acme ."),
        ("golangci-lint run ./...", "golangci-lint run --fix ./..."),
        ("cargo fmt --all -- --check", "cargo fmt --all"),
        (
            "cargo clippy --all-targets -- -D warnings",
            "cargo clippy --fix --allow-dirty --allow-staged --allow-no-vcs --all-targets -- -D warnings",
        ),
        (
            "pre-commit run --all-files --show-diff-on-failure --color always",
            "pre-commit run --all-files",
        ),
        ("shfmt -d -i 2 scripts", "shfmt -w -i 2 scripts"),
        ("clang-format --dry-run --Werror src/*.c", "clang-format -i src/*.c"),
        ("terraform fmt -check -recursive", "terraform fmt -recursive"),
        ("bundle exec rubocop --parallel", "bundle exec rubocop --autocorrect"),
        ("./gradlew spotlessCheck --no-daemon", "./gradlew spotlessApply --no-daemon"),
        ("mvn -B spotless:check", "mvn -B spotless:apply"),
        ("mix format --check-formatted", "mix format"),
        ("dprint check", "dprint fmt"),
        ("sqlfluff lint models", "sqlfluff fix --force models"),
        ("npx stylelint 'src/**/*.css'", "npx stylelint --fix 'src/**/*.css'"),
        ("FOO='a b' ruff check \\\n  .", "FOO='a b' ruff check --fix ."),
        ("(ruff check . | tee lint.txt)", "ruff check --fix ."),
    ],
)
def test_the_repositorys_own_call_is_turned_into_one_that_writes(script, expected, scene, offered):
    assert offered(scene(script)) == [expected]


@pytest.mark.parametrize(
    "script",
    [
        "echo ruff check",
        "pytest -q",
        "make test",
        "terraform validate",
        "./gradlew test",
        "mix test",
        "deno test --check",
        "ruff --version",
        "echo 'unclosed",
        "# ruff check .",
        "",
        "x" * 50_000,
    ],
)
def test_what_calls_no_fixable_tool_is_left_alone(script, scene, offered):
    assert offered(scene(script)) == []


@pytest.mark.parametrize(
    ("tool", "category", "expected"),
    [
        ("ruff", Category.LINT, "ruff check --fix ."),
        ("ruff", Category.FORMAT, "ruff format ."),
        ("black", Category.FORMAT, "black ."),
        ("isort", Category.FORMAT, "isort ."),
        ("prettier", Category.FORMAT, "npx --no-install prettier --write ."),
        ("eslint", Category.LINT, "npx --no-install eslint --fix ."),
        ("gofmt", Category.FORMAT, "gofmt -w ."),
        ("rustfmt", Category.FORMAT, "cargo fmt --all"),
    ],
)
def test_a_tool_behind_make_is_known_from_the_log(tool, category, expected, scene, offered):
    assert offered(scene("make lint", tool=tool, category=category)) == [expected]
    assert offered(scene("make lint", tool=tool, category=category, is_failing_step=False)) == []


def test_shell_text_is_quoted_so_that_nothing_new_runs():
    [call] = [call for call in invocations("ruff check 'a; rm -rf b' $(echo x)") if call.tool == "ruff check"]

    assert "'a; rm -rf b'" in call.text


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("bisct", "bisect"), ("calender", "calendar"), ("requets", "requests"), ("dataclass", "")],
)
def test_a_slip_in_a_name_that_is_known_elsewhere_is_corrected(wrong, right, scene, edits):
    files = {"app.py": f"import {wrong}\n", "other.py": "import requests\n"}
    told = edits(scene(text=f"No module named '{wrong}'", files=files), misspelt_import)

    assert told == ({"app.py": f"import {right}\n"} if right else {})


@pytest.mark.parametrize("package", ["ujson", "orjson", "json5", "tomli", "urllib3", "requesst"])
def test_a_package_that_is_named_after_another_is_no_slip(package, scene, edits):
    files = {
        "app.py": f"from {package} import loads\n",
        "other.py": "import requests\n",
        "requirements.txt": "requesst\n",
    }
    assert edits(scene(text=f"No module named '{package}'", files=files), misspelt_import) == {}


def test_a_misspelt_import_of_a_local_module_is_corrected_everywhere(scene, edits):
    files = {
        "shop/__init__.py": "",
        "shop/pricing.py": "X = 1\n",
        "app.py": "from shop.pricng import X\nimport shop.pricng as p\n",
        "other.py": "text = 'shop.pricng'\n",
    }
    given = scene(text="ModuleNotFoundError: No module named 'shop.pricng'", files=files)

    assert edits(given, misspelt_import) == {
        "app.py": "from shop.pricing import X\nimport shop.pricing as p\n"
    }


def test_two_letters_in_each_others_place_are_a_slip_in_a_short_name_too(scene, edits):
    files = {"shop.py": "def order(): ...\n", "test_shop.py": "from shpo import order\n"}

    assert edits(scene(text="No module named 'shpo'", files=files), misspelt_import) == {
        "test_shop.py": "from shop import order\n"
    }


def test_what_is_imported_whole_is_called_by_its_right_name_below_too(scene, edits):
    files = {
        "shop/__init__.py": "",
        "shop/pricing.py": "X = 1\n",
        "a.py": "import jsn\n\n\ndef dump(x):\n    # jsn\n    return 'ü', jsn.dumps(x), jsn.dumps('jsn')\n",
        "b.py": "import jsn as j\n\nprint(j.dumps(1))\n",
        "c.py": "import shop.pricng\n\nprint(shop.pricng.X)\n",
    }

    assert edits(scene(text="No module named 'jsn'", files=files), misspelt_import) == {
        "a.py": files["a.py"].replace("import jsn", "import json").replace("jsn.dumps", "json.dumps"),
        "b.py": "import json as j\n\nprint(j.dumps(1))\n",
    }
    assert edits(scene(text="No module named 'shop.pricng'", files=files), misspelt_import) == {
        "c.py": "import shop.pricing\n\nprint(shop.pricing.X)\n"
    }


@pytest.mark.parametrize(
    "below",
    [
        "def total(order):\n    return order.price\n",
        "class Cart:\n    order: int = 0\n\n\nprint(order.RATE)\n",
        "for orders in order.ALL:\n    print(orders)\n",
        "try:\n    pass\nexcept ValueError as order:\n    print(order)\n",
    ],
    ids=["a parameter", "a field", "the right name is another's", "an error"],
)
def test_what_is_called_like_the_misspelt_module_and_is_not_it_keeps_its_name(below, scene, edits):
    files = {"orders.py": "RATE = 2\n", "app.py": f"import order\n\n\n{below}"}

    assert edits(scene(text="No module named 'order'", files=files), misspelt_import) == {
        "app.py": f"import orders\n\n\n{below}"
    }


def test_what_is_taken_from_a_misspelt_module_keeps_its_name(scene, edits):
    files = {
        "orders.py": "orders = [1]\n",
        "app.py": "from order import orders\n\nfor order in orders: ...\n",
    }

    assert edits(scene(text="No module named 'order'", files=files), misspelt_import) == {
        "app.py": "from orders import orders\n\nfor order in orders: ...\n"
    }


def test_a_package_is_called_by_its_right_name_where_a_part_of_it_was_imported(scene, edits):
    files = {
        "shop/__init__.py": "",
        "shop/pricing.py": "X = 1\n",
        "app.py": "import shpo.pricing\n\nprint(shpo.pricing.X)\n",
    }

    assert edits(scene(text="No module named 'shpo'", files=files), misspelt_import) == {
        "app.py": "import shop.pricing\n\nprint(shop.pricing.X)\n"
    }


def test_two_letters_alone_are_another_package(scene, edits):
    files = {"qr.py": "", "worker.py": "import rq\n"}

    assert edits(scene(text="No module named 'rq'", files=files), misspelt_import) == {}


@pytest.mark.parametrize("name", ["requests", "shop.pricing", "numpy.linalg"])
def test_a_missing_dependency_is_no_misspelt_import(name, scene, edits):
    files = {"shop/__init__.py": "", "shop/pricing.py": "", "app.py": f"import {name}\n"}

    assert edits(scene(text=f"No module named '{name}'", files=files), misspelt_import) == {}


def test_two_modules_that_may_be_meant_are_left_to_people(scene, edits):
    files = {"pkg/item_a.py": "", "pkg/item_b.py": "", "app.py": "import pkg.item_c\n"}

    assert edits(scene(text="No module named 'pkg.item_c'", files=files), misspelt_import) == {}


def test_a_misspelt_relative_import_of_javascript_is_corrected(scene, edits):
    files = {"src/app.js": "const h = require('./helprs');\n", "src/helpers.js": ""}
    given = scene(text="Error: Cannot find module './helprs'", files=files)

    assert edits(given, misspelt_import) == {"src/app.js": "const h = require('./helpers');\n"}


def test_a_file_that_only_speaks_of_the_misspelt_path_holds_nothing_up(scene, edits):
    files = {
        "src/main.js": "import {a} from './utls.js';\n",
        "src/utils.js": "export const a = 1;\n",
        "test/other.js": "// mentions './utls.js' in a comment\n",
    }
    given = scene(text="Cannot find module './utls.js'", files=files)

    assert edits(given, misspelt_import) == {"src/main.js": "import {a} from './utils.js';\n"}


def test_white_space_is_tidied_in_the_files_that_the_log_names(scene, edits):
    files = {"a.py": "x = 1  \n\n\n", "b.py": "y = 2  \n", "c.md": "line  \nnext"}
    given = scene(text="a.py:1: trailing whitespace.", files=files, places=["a.py", "c.md", "gone.py"])

    assert edits(given, whitespace) == {"a.py": "x = 1\n", "c.md": "line  \nnext\n"}
    assert edits(scene(text="E501", files=files, places=["a.py"]), whitespace) == {}


@pytest.mark.parametrize("said", ["trailing whitespace: docs/c.md", "docs/c.md:1: trailing whitespace."])
def test_white_space_in_prose_is_trimmed_where_the_check_complains_of_it(scene, edits, said):
    files = {"docs/c.md": "line  \nnext\n", "c.md": "line  \nnext\n", "a.snap": "x  \n"}
    given = scene(text=f"{said}\na.snap: trailing whitespace", files=files, places=list(files))

    assert edits(given, whitespace) == {"docs/c.md": "line\nnext\n"}


@pytest.mark.parametrize(
    ("text", "ending", "expected"),
    [
        ("a\r\nb \r\n", None, "a\r\nb\r\n"),
        ("a\r\nb\n", "\n", "a\nb\n"),
        ("a\nb\r\n", "\r\n", "a\r\nb\r\n"),
        ("a", None, "a\n"),
        ("", None, ""),
        ("\n\n", None, ""),
    ],
)
def test_line_endings_change_only_when_they_are_complained_about(text, ending, expected):
    assert tidy(text, trims=True, ending=ending) == expected


EDITORCONFIG = """root = true

[*]
end_of_line = lf
insert_final_newline = true

[*.{bat,cmd}]
end_of_line = crlf

[docs/**.md]
trim_trailing_whitespace = true

[*.raw]
trim_trailing_whitespace = false
insert_final_newline = false
"""


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "a \r\nb\n", "a\nb\n"),
        ("run.bat", "a\nb\r\n", "a\r\nb\r\n"),
        ("docs/deep/a.md", "a \n", "a\n"),
        ("a.md", "a \r\n", "a \n"),
        ("a.raw", "a \r\nb", "a \nb"),
        ("win/a.txt", "a\n", "a\r\n"),
        ("a.bin.txt", "a \r\n", None),
    ],
)
def test_the_repositorys_own_rules_for_line_ends_hold(path, before, after, scene, edits):
    files = {
        path: before,
        ".editorconfig": EDITORCONFIG,
        ".gitattributes": "*.bin.txt -text\n# *.py binary\n",
        "win/.gitattributes": "*.txt text eol=crlf\n",
    }
    given = scene(text=f"{path}: wrong line ending (CRLF)", files=files, places=[path])

    assert edits(given, whitespace) == ({path: after} if after is not None else {})


@pytest.mark.parametrize(
    "text", ["[", "x", "[*\n=\n", "[*.{a,{b,c}}]\nend_of_line = lf\n", "[{" + "," * 500 + "}]\na=b"]
)
def test_a_strange_editorconfig_is_no_crash(text, scene, edits):
    given = scene(text="trailing whitespace", files={"a.py": "x \n", ".editorconfig": text}, places=["a.py"])

    assert edits(given, whitespace) == {"a.py": "x\n"}
