"""``patchpilot heal`` with a person at the terminal, with Claude, with a memory, and interrupted."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.source import Repo
from playground.anthropic import Fault, ScriptedAnthropic, ToolCall, says, uses
from storage.memory import PostgresMemory
from tests.registries import Registry, serving
from tests.signals import HEARS_SIGNALS

pytestmark = pytest.mark.bubblewrap

TEST = "from price import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
GREEN = {"price.py": "def total(prices):\n    return sum(prices)\n", "test_price.py": TEST}
WRONG = {"price.py": "def total(prices):\n    return sum(prices) + 1\n"}
LINT = {"price.py": "import os\n\n\ndef total(prices):\n    return sum(prices)\n"}
PYTEST = ("--", "python", "-m", "pytest", "-q")
FOUND = (
    '{"category": "test", "blame": "this change", "root_cause": "One is added to every sum.", "explanation": '
    '"The sum has + 1.", "evidence": ["E       assert 4 == 3"], "suspect_files": [], "disproof": '
    '"Without the + 1 the test stays red."}'
)
KEY = "sk-ant-test-0123456789"


class Terminal:
    """A person's terminal with the process in it."""

    def __init__(self, words: list[str], folder: Path, **env: str) -> None:
        self.seen = ""
        self.pid, self._door = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            command = [*HEARS_SIGNALS, sys.executable, "-m", "cli", "heal", *words]
            os.execvpe(command[0], command, environment(folder) | env)

    def wait_for(self, text: str) -> None:
        while text not in self.seen:
            assert self._read(), f"the process ended before it said {text!r}:\n{self.seen}"

    def type(self, text: str) -> None:
        os.write(self._door, text.encode())

    def ended(self) -> int:
        while self._read():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self._door)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._door], [], [], 240)
        assert ready, f"nothing was said for minutes:\n{self.seen}"
        try:
            data = os.read(self._door, 4096)
        except OSError:  # Linux ends a pty so
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "SANDBOX_ENGINE": "bubblewrap",
        "FLAKY_RUNS": "2",
        "TERM": "xterm-256color",
        "COLUMNS": "200",
    }


CTRL_C, CTRL_D = "\x03", "\x04"


@pytest.mark.parametrize(
    ("answers", "code", "applied"),
    [("y\n", 0, True), ("n\n", 3, False), ("\n", 3, False), (CTRL_D, 3, False), (CTRL_C, 130, False)],
)
def test_a_person_is_asked_and_the_answer_counts(checkout, sandbox_is_here, tmp_path, answers, code, applied):
    work = checkout(GREEN, LINT)
    before = work.state()
    terminal = Terminal([str(work.path), "--", "ruff", "check", "."], tmp_path)

    terminal.wait_for("[y/N")
    assert work.state() == before
    terminal.type(answers)

    assert terminal.ended() == code, terminal.seen
    assert "Aborted" not in terminal.seen
    assert ("\npatchpilot heal: Interrupted" in terminal.seen) is (code == 130)
    assert ("import os" not in (work.path / "price.py").read_text()) is applied
    assert "\x1b[31m-import os" in terminal.seen


def test_a_try_that_finds_nothing_else_leaves_the_patch_that_was_proven(checkout, sandbox_is_here, tmp_path):
    work = checkout(GREEN, LINT)
    with ScriptedAnthropic([says(FOUND), *[says("Nothing else comes to mind.")] * 4]) as claude:
        terminal = Terminal(
            [str(work.path), "--", "ruff", "check", "."],
            tmp_path,
            ANTHROPIC_API_KEY=KEY,
            ANTHROPIC_BASE_URL=claude.base_url,
        )

        terminal.wait_for("[y/N, or r for another try]")
        terminal.type("r\n")
        terminal.wait_for("What should be different?")
        terminal.type("Keep the import.\n")
        terminal.wait_for("No other patch is proven. Apply the one from before")
        terminal.type("y\n")

        assert terminal.ended() == 0, terminal.seen
    assert "import os" not in (work.path / "price.py").read_text()


def test_without_a_model_no_other_try_is_offered_and_why_is_told_to_whoever_asks_for_one(
    checkout, sandbox_is_here, tmp_path
):
    work = checkout(GREEN, LINT)
    terminal = Terminal([str(work.path), "--", "ruff", "check", "."], tmp_path)
    question = f"Apply it to {work.path}? [y/N]: "

    terminal.wait_for(question)
    terminal.type("r\n")
    terminal.wait_for("There is nothing else to try without a model")
    terminal.type("y\n")

    assert terminal.ended() == 0, terminal.seen
    assert terminal.seen.count(question) == 2
    assert "import os" not in (work.path / "price.py").read_text()


def test_an_override_alone_is_refused(checkout, heal):
    ran = heal(checkout(GREEN, LINT).path, "--override", "--", "ruff check .")

    assert ran.code == 2
    assert "--override" in ran.err
    assert "goes with --yes" in ran.err


@pytest.mark.parametrize(
    ("suite", "said"), [("nosuch", "nosuch"), ("ruff check --nosuch", "unexpected argument '--nosuch'")]
)
def test_a_suite_that_does_not_exist_is_no_proof(checkout, heal, suite, said):
    ran = heal(checkout(GREEN, LINT).path, "--json", "--yes", "--suite", suite, "--", "ruff check .")

    assert ran.code == 2, ran.out
    assert ran.json["reason"].startswith("--suite is no check of a patch: ")
    assert said in ran.json["reason"]
    assert not ran.json["applied"]


def test_claude_finds_what_no_tool_does_and_the_key_goes_nowhere_else(checkout, heal):
    work = checkout(GREEN, WRONG)
    work.write({".env": "ANTHROPIC_BASE_URL=http://127.0.0.1:9\nHEAL_MAX_DOLLARS=0\n"})
    edit = {"path": "price.py", "old": "sum(prices) + 1", "new": "sum(prices)"}
    script = [
        says(FOUND),
        uses(ToolCall("read", {"path": "price.py"}), ToolCall("run_failing_command", {})),
        uses(ToolCall("edit", edit)),
        uses(ToolCall("run_failing_command", {})),
        says("Do not add one."),
    ]
    with ScriptedAnthropic(script) as claude:
        ran = heal(
            *(work.path, "--json", "--yes", *PYTEST),
            ANTHROPIC_API_KEY=KEY,
            ANTHROPIC_BASE_URL=claude.base_url,
        )

    assert ran.code == 0, ran.out + ran.err
    told = ran.json
    assert told["fix"]["author"].startswith("claude:")
    assert told["diagnosis"]["cause"] == "One is added to every sum."
    assert told["cost"]["dollars"] > 0
    assert told["cost"]["calls"] == len(script)
    assert (work.path / "price.py").read_text() == GREEN["price.py"]
    assert KEY not in ran.out + ran.err


def test_a_model_that_asks_for_hours_ends_the_heal_with_what_was_found(checkout, heal):
    work = checkout({"a.txt": "good\n"}, {"a.txt": "bad\n"})
    hours = Fault(status=429, retry_after="7200")
    with ScriptedAnthropic([hours] * 2) as claude:
        ran = heal(
            *(work.path, "--json", "--yes", "--", "grep good a.txt"),
            ANTHROPIC_API_KEY=KEY,
            ANTHROPIC_BASE_URL=claude.base_url,
        )

    assert ran.code == 1, ran.out + ran.err
    assert "7,200 s to wait, which is longer than this heal may take" in ran.json["reason"]
    assert ran.json["diagnosis"] is not None


def test_the_memory_of_an_installation_cures_what_it_knows(checkout, heal, database, database_url):
    work = checkout(GREEN, WRONG)
    work.git("remote", "add", "origin", "git@github.com:acme/prices.git")
    patch = work.git("diff", "HEAD", "HEAD~1")
    first = heal(work.path, "--json", "--no-memory", *PYTEST, DATABASE_URL=database_url)
    assert first.code == 1
    from agent.distil import distil

    log = "\n".join(line["text"] for line in first.json["diagnosis"]["evidence"])
    failure = distil([log.encode()])
    past = PastFix(
        incident=7,
        fingerprint=failure.fingerprint,
        patch=Patch(patch),
        author="a human",
        outcome=Outcome.HUMAN,
        root_cause="One too many",
        similarity=1.0,
    )
    memory = PostgresMemory(database)
    memory.learn(Repo("github", "acme/prices"), failure, past=past, outcome=Outcome.HUMAN)

    ran = heal(work.path, "--json", "--yes", *PYTEST, DATABASE_URL=database_url)

    assert ran.code == 0, ran.out
    assert ran.json["fix"]["author"] == "memory:PP-7"
    assert (work.path / "price.py").read_text() == GREEN["price.py"]


def test_the_database_of_the_application_itself_is_left_alone(checkout, heal, empty_database_url):
    work = checkout(GREEN, LINT)

    ran = heal(work.path, "--json", "--no-apply", "--", "ruff check .", DATABASE_URL=empty_database_url)

    assert ran.code == 0
    assert any("DATABASE_URL is left alone" in note for note in ran.json["notes"])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(checkout, sandbox_is_here, tmp_path, how):
    work = checkout(GREEN)
    before = work.state()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [
            *HEARS_SIGNALS,
            sys.executable,
            "-m",
            "cli",
            "heal",
            str(work.path),
            "--",
            "echo started; sleep 250",
        ],
        cwd=tmp_path,
        env=environment(tmp_path) | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "Running the command" not in process.stderr.readline():
        assert process.poll() is None
    while not list(scratch.glob("patchpilot-sandbox-*/tree-*.tar")):
        time.sleep(0.05)
    process.send_signal(how)
    out, err = process.communicate(timeout=120)

    assert process.returncode == 130, err
    assert "Interrupted" in out + err
    assert "broken off after" in err
    assert "Traceback" not in err
    assert list(scratch.iterdir()) == []
    assert work.state() == before


def test_what_a_killed_heal_left_is_cleared_away_by_the_next(checkout, heal, tmp_path):
    work = checkout(GREEN, LINT)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "heal", str(work.path), "--quiet", "--", "sleep 250"],
        cwd=tmp_path,
        env=environment(tmp_path) | {"TMPDIR": str(scratch)},
    ) as killed:
        while not list(scratch.glob("patchpilot-sandbox-*/tree-*.tar")):
            assert killed.poll() is None
            time.sleep(0.05)
        killed.kill()
    left = list(scratch.iterdir())
    for folder in left:
        os.utime(folder, (0, 0))

    ran = heal(work.path, "--no-apply", "--", "ruff check .", TMPDIR=str(scratch))

    assert ran.code == 0, ran.out + ran.err
    assert left
    assert not any(folder.exists() for folder in left)


def test_without_a_command_the_workflows_job_is_what_is_healed(checkout, heal):
    steps = "      - run: pip install ruff==0.5.0\n      - run: ruff check .\n"
    workflow = f"on: push\njobs:\n  lint:\n    runs-on: ubuntu-latest\n    steps:\n{steps}"
    work = checkout({**GREEN, ".github/workflows/ci.yml": workflow}, LINT)

    ran = heal(work.path, "--json", "--no-apply", "--job", "lint", "--step", "Run ruff check .")

    assert ran.code == 0, ran.out + ran.err
    assert ran.json["command"] == "ruff check ."
    assert "ci.yml" in ran.json["source"]
    [told] = [note for note in ran.json["notes"] if "ruff==0.5.0" in note]
    assert "the sandbox's own tools ran instead" in told


LOCKED = {
    "package.json": '{"name": "shop", "version": "1.0.0", '
    '"scripts": {"lint": "eslint .", "test": "node t.js"}, "devDependencies": {"eslint": "9.0.0"}}\n',
    "package-lock.json": '{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, '
    '"packages": {"": {"name": "shop", "version": "1.0.0", "devDependencies": {"eslint": "9.0.0"}}, '
    '"node_modules/eslint": {"version": "9.0.0", "dev": true, "bin": {"eslint": "bin/eslint.js"}}}}\n',
    ".gitignore": "node_modules\n",
    "t.js": "",
}
NOBODY = (
    "npm_config_registry=http://127.0.0.1:9/ npm_config_fetch_retries=0 "
    "PIP_INDEX_URL=http://127.0.0.1:9/ PIP_RETRIES=0"
)


def test_a_lock_file_of_npm_that_lacks_a_dependency_is_mended_with_the_addresses_it_has(
    checkout, heal, tmp_path
):
    with serving(Registry()) as registry:
        one = registry.npm("one-js", "1.0.0", {"index.js": "module.exports = 1\n"})
        registry.npm("late-js", "1.2.3", {"index.js": "module.exports = 2\n"})
        package = {"name": "shop", "version": "1.0.0", "dependencies": {"one-js": "^1.0.0"}}
        locked = {
            "version": "1.0.0",
            "resolved": "https://packages.example.com/one-js/-/one-js-1.0.0.tgz",
            "integrity": one,
        }
        lock = {
            **{key: package[key] for key in ("name", "version")},
            "lockfileVersion": 3,
            "requires": True,
            "packages": {"": package, "node_modules/one-js": locked},
        }
        files = {
            "package.json": json.dumps(package, indent=2) + "\n",
            "package-lock.json": json.dumps(lock, indent=2) + "\n",
            ".npmrc": "registry=https://packages.example.com/\n",
        }
        wanted = {**package, "dependencies": {"late-js": "^1.0.0", "one-js": "^1.0.0"}}
        work = checkout(files, {"package.json": json.dumps(wanted, indent=2) + "\n"})

        ran = heal(
            *(work.path, "--json", "--yes", "--override", "--", "npm ci"),
            SANDBOX_PREPARE_ENV=f"npm_config_registry={registry.address('bubblewrap')}/npm/",
            SANDBOX_LAYERS=str(tmp_path / "layers"),
        )

    assert ran.code == 0, ran.out + ran.err
    fix = ran.json["fix"]
    assert fix["author"] == "fixer:npm install"
    assert "Missing: late-js@1.2.3 from lock file" in fix["proof"]["before"]["output"]
    assert [finding["rule"] for finding in fix["findings"]] == ["lock-file"]
    there = json.loads((work.path / "package-lock.json").read_text())["packages"]
    assert there["node_modules/one-js"] == locked
    late = there["node_modules/late-js"]["resolved"]
    assert late == "https://packages.example.com/late-js/-/late-js-1.2.3.tgz"


@pytest.mark.parametrize("command", ["npm run lint", "npx eslint ."])
def test_packages_that_cannot_be_installed_are_told_with_what_to_do(checkout, heal, tmp_path, command):
    work = checkout(LOCKED)
    (work.path / "node_modules").mkdir()
    env = {"SANDBOX_PREPARE_ENV": NOBODY, "SANDBOX_LAYERS": str(tmp_path / "layers")}

    ran = heal(work.path, "--", command, **env)

    assert ran.code == 2, ran.out + ran.err
    assert "Installing what package-lock.json lists ..." in ran.err
    assert "could be prepared: npm: the package index can't be reached" in ran.out
    assert "ECONNREFUSED" in ran.out
    assert "SANDBOX_PREPARE_ENV (npm_config_registry)" in ran.out
    assert "--include node_modules" in ran.out
    told = heal(work.path, "--json", "--", command, **env).json
    assert "SANDBOX_PREPARE_ENV (npm_config_registry)" in told["reason"]


def test_packages_of_the_checkout_are_taken_along_and_nothing_is_installed(checkout, heal, tmp_path):
    work = checkout(LOCKED)
    place = work.path / "node_modules/.bin/eslint"
    place.parent.mkdir(parents=True)
    place.write_text("#!/bin/sh\necho 'no-var is not allowed here'\nexit 1\n")
    place.chmod(0o755)

    ran = heal(
        *(work.path, "--json", "--include", "node_modules", "--", "npm run lint"),
        SANDBOX_PREPARE_ENV=NOBODY,
        SANDBOX_LAYERS=str(tmp_path / "layers"),
    )

    assert ran.code == 1, ran.out + ran.err
    assert "Installing" not in ran.err
    assert any("node_modules of the checkout" in note for note in ran.json["notes"])


def test_python_packages_that_cannot_be_installed_are_told_even_where_the_command_runs(
    checkout, heal, tmp_path
):
    work = checkout(
        {
            "requirements.txt": "nowhere-to-be-had==1.0\n",
            "test_a.py": "def test_a():\n    assert 1 == 2\n",
        }
    )

    ran = heal(
        *(work.path, "--", "python -m pytest -q"),
        SANDBOX_PREPARE_ENV=NOBODY,
        SANDBOX_LAYERS=str(tmp_path / "layers"),
    )

    assert ran.code == 1, ran.out + ran.err
    assert "Installing what requirements.txt lists ..." in ran.err
    assert "could be prepared: pip: the package index can't be reached" in ran.out
    assert "SANDBOX_PREPARE_ENV (PIP_INDEX_URL)" in ran.out


def test_a_module_that_could_not_be_installed_is_no_failure_of_the_code(checkout, heal, tmp_path):
    work = checkout(
        {"requirements.txt": "nowhere-to-be-had==1.0\n", "test_a.py": "import nowhere_to_be_had\n"}
    )

    ran = heal(
        *(work.path, "--json", "--", "python -m pytest -q"),
        SANDBOX_PREPARE_ENV=NOBODY,
        SANDBOX_LAYERS=str(tmp_path / "layers"),
    )

    assert ran.code == 2, ran.out + ran.err
    assert "No module named 'nowhere_to_be_had'" in ran.json["reason"]
    assert "could be prepared: pip: the package index can't be reached" in ran.json["reason"]


def test_a_test_that_looks_for_the_network_is_no_failure_of_the_code(checkout, heal):
    asks = "import socket\n\ndef test_a():\n    socket.create_connection(('example.invalid', 80))\n"
    work = checkout({"test_a.py": asks})

    ran = heal(work.path, "--json", "--", "python -m pytest -q")

    assert ran.code == 2, ran.out + ran.err
    assert "the sandbox, which has no network" in ran.json["reason"]
