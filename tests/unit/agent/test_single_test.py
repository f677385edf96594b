"""One test is run by the failing command's own runner, and a name can't become anything but a name."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.single_test import OneTest, one_test
from patchpilot.fixes import GaveUp, ShellCommand


def alone(script: str, test: str, **files: str) -> str:
    made = one_test(ShellCommand(script=script), test, read_text=lambda path: files.get(path.split(".")[0]))
    return made.command.script.rstrip("\n") if isinstance(made, OneTest) else f"error: {made.reason}"


@pytest.mark.parametrize(
    ("script", "test", "expected"),
    [
        ("pytest -q --cov=src", "tests/test_a.py::test_b", "pytest -q tests/test_a.py::test_b"),
        (
            "uv run pytest tests | tee out",
            "test_a.py::T::test_b[x-1]",
            "uv run pytest -q 'test_a.py::T::test_b[x-1]'",
        ),
        (
            "pip install pytest\npython -m pytest",
            "a.py::b",
            "pip install pytest\npython -m pytest -q a.py::b",
        ),
        (
            "export A=1\ncd app && poetry run pytest \\\n  -x",
            "a.py::b",
            "export A=1\ncd app && poetry run pytest -q a.py::b",
        ),
        (
            "python -m unittest discover -s tests",
            "test_net (tests.test_price.PriceTest.test_net)",
            "python -m unittest tests.test_price.PriceTest.test_net",
        ),
        (
            "python -m unittest",
            "test_net (tests.test_price.PriceTest)",
            "python -m unittest tests.test_price.PriceTest.test_net",
        ),
        ("python3 manage.py test shop", "shop.tests.CartTest", "python3 manage.py test shop.tests.CartTest"),
        (
            "npx jest --ci --coverage",
            "src/a.test.ts::Cart › adds (1.5)",
            "npx jest src/a.test.ts -t 'Cart adds \\(1\\.5\\)'",
        ),
        (
            "npx vitest run",
            "src/a.test.ts > doesn't fail",
            "npx vitest run src/a.test.ts -t 'doesn'\"'\"'t fail'",
        ),
        ("node --test", "adds", "node --test --test-name-pattern adds"),
        ("go test ./...", "TestNet/ten percent", "go test -v -run '^TestNet$/^ten_percent$' ./..."),
        ("go test -race ./...", "./price::TestNet", "go test -v -run '^TestNet$' ./price"),
        (
            "cargo test --offline --release -- --nocapture",
            "price::tests::net",
            "cargo test --offline price::tests::net",
        ),
        ("bundle exec rspec --format doc", "spec/a_spec.rb:12", "bundle exec rspec spec/a_spec.rb:12"),
        ("rspec", "./spec/a_spec.rb:12 # Cart adds", "rspec ./spec/a_spec.rb:12"),
        ("bundle exec rspec", "Cart adds", "bundle exec rspec -e 'Cart adds'"),
        (
            "./gradlew build --offline",
            "com.acme.CartTest.adds",
            "./gradlew test --tests com.acme.CartTest.adds --offline",
        ),
        (
            "mvn -B verify -o -Pci",
            "com.acme.CartTest",
            (
                "mvn -B verify -o -Pci -Dtest=com.acme.CartTest -DfailIfNoTests=false "
                "-Dsurefire.failIfNoSpecifiedTests=false"
            ),
        ),
    ],
)
def test_the_command_is_the_failing_ones_with_one_test(script, test, expected):
    assert alone(script, test) == expected


def test_a_package_script_is_read_to_know_its_runner():
    package = '{"scripts": {"test": "vitest run --coverage"}}'
    assert alone("npm ci\nnpm test", "adds", package=package) == "npm ci\nnpm test -- -t adds"
    assert alone("yarn test", "adds", package='{"scripts": {"test": "mocha"}}') == "yarn test --grep adds"
    assert alone("npm test", "adds", package='{"scripts": {"test": "make"}}').startswith(
        "error: package.json"
    )
    assert alone("npm test", "adds").startswith("error: package.json")


@pytest.mark.parametrize(
    "script", ["make test", "tox -e py311", "ruff check .", "", "# pytest", "pip install pytest"]
)
def test_a_runner_that_is_not_known_is_said_so(script):
    assert alone(script, "a.py::b").startswith("error: the failing command's test runner")


@pytest.mark.parametrize(
    "script", ["if pytest; then exit 1; fi", "out=$(pytest)", "bash -c 'pytest -q'", "! pytest"]
)
def test_a_runner_inside_something_else_is_left_alone(script):
    assert alone(script, "a.py::b").startswith("error: ")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-x",
        "--co",
        "a;b",
        "a`b`",
        "$(id)",
        "a\nb",
        "a|b",
        "a&b",
        "a<b",
        "../../x.py::t",
        "x" * 301,
        "a\\b",
        "a\x00b",
        "${IFS}",
    ],
)
@pytest.mark.parametrize("script", ["pytest", "go test ./...", "cargo test", "npx jest", "mvn test", "rspec"])
def test_what_is_no_test_id_is_refused(script, name):
    assert isinstance(one_test(ShellCommand(script=script), name), GaveUp)


@given(
    st.text(max_size=60),
    st.sampled_from(
        [
            "pytest",
            "npx jest",
            "rspec",
            "go test",
            "cargo test",
            "mvn test",
            "gradle test",
            "python -m unittest",
            "node --test",
        ]
    ),
)
def test_whatever_the_name_the_shell_sees_one_command_and_no_new_option(name, script):
    made = one_test(ShellCommand(script=script), name)
    if isinstance(made, GaveUp):
        return
    line = made.command.script.removesuffix("\n")
    assert "\n" not in line
    ours = {"-q", "-v", "-run", "-t", "-e", "-m", "--tests", "--test", "--test-name-pattern"}
    options = {word.split("=")[0] for word in shlex.split(line) if word.startswith("-")}
    assert options <= ours | {"-Dtest", "-DfailIfNoTests", "-Dsurefire.failIfNoSpecifiedTests"}
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    assert not {";", "&", "&&", "|", "||", "<", ">", "(", ")"} & set(lexer)


def test_a_shell_runs_the_quoted_name_as_one_word():
    script = alone("pytest", "a.py::t[it's (a) 'b' * ~ # !]")
    done = subprocess.run(
        ["bash", "-c", f"pytest() {{ printf '%s|' \"$@\"; }}; {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "-q|a.py::t[it's (a) 'b' * ~ # !]|"
