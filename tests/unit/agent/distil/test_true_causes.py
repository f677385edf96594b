"""What a log holds beside the cause, and what came of it, is not taken for the cause."""

from __future__ import annotations

import pytest

from agent.distil import distil
from patchpilot.failures import Category, DistilledFailure


def _read(text: str) -> DistilledFailure:
    return distil([text.encode()])


def _formatted_otherwise(command: str, path: str = "shop/db.py") -> str:
    return f"""\
##[group]Run {command}
##[endgroup]
--- {path}
+++ {path}
@@ -7,3 +7,3 @@
 def connect():
-    raise ConnectionRefusedError(111,"Connection refused")
+    raise ConnectionRefusedError(111, "Connection refused")
     # FATAL: out of memory

1 file would be reformatted
##[error]Process completed with exit code 1.
"""


def test_the_text_of_a_difference_is_no_message_of_an_error() -> None:
    failure = _read(_formatted_otherwise("ruff format --check --diff ."))

    assert (failure.category, failure.tool) == (Category.FORMAT, "ruff")
    assert failure.cause == "shop/db.py: ruff would format it otherwise"
    assert [place.path for place in failure.files] == ["shop/db.py"]


def test_differences_of_other_files_are_other_failures() -> None:
    here, there = (_formatted_otherwise("yapf --diff -r .", path) for path in ("shop/db.py", "shop/web.py"))

    assert _read(here).tool == "yapf"
    assert _read(here).fingerprint != _read(there).fingerprint


def _stale(path: str) -> str:
    return f"""\
$ git diff --exit-code
diff --git a/{path} b/{path}
index 3f2a9c1..b7e10aa 100644
--- a/{path}
+++ b/{path}
@@ -4 +4 @@ paths:
-  message: Killed
+  message: "OSError: No space left on device"
The client is stale: run make client.
ERROR: Job failed: exit code 1
"""


def test_what_git_shows_of_a_file_does_not_decide_the_category() -> None:
    failure = _read(_stale("api/client.yaml"))

    assert (failure.category, failure.tool) == (Category.LINT, "git")
    assert [place.path for place in failure.files] == ["api/client.yaml"]
    assert not failure.cause.endswith("make client.")
    assert failure.fingerprint != _read(_stale("api/server.yaml")).fingerprint


def test_a_difference_ends_where_its_head_says() -> None:
    log = _stale("api/client.yaml").replace(
        "The client is stale: run make client.", "+ pytest\nE   KeyError: 'sku'"
    )

    assert "E   KeyError: 'sku'" in [line.text for line in _read(log).evidence]


def _chained(sentence: str, last: str, *, first: str = "KeyError: 'DATABASE_URL'") -> str:
    return f"""\
$ python manage.py migrate
Traceback (most recent call last):
  File "shop/settings.py", line 9, in load
    return env["DATABASE_URL"]
{first}

{sentence}

Traceback (most recent call last):
  File "manage.py", line 5, in <module>
    load()
{last}
ERROR: Job failed: exit code 1
"""


DIRECT = "The above exception was the direct cause of the following exception:"
HANDLED = "During handling of the above exception, another exception occurred:"


def test_of_chained_exceptions_the_last_is_told_with_the_first_as_its_reason() -> None:
    failure = _read(_chained(DIRECT, "shop.SetupError: no database"))

    assert failure.cause == "shop.SetupError: no database Caused by: KeyError: 'DATABASE_URL'"


def test_what_was_being_handled_is_not_called_the_cause() -> None:
    failure = _read(_chained(HANDLED, "OSError: settings.ini is not readable"))

    assert failure.cause == "OSError: settings.ini is not readable While handling: KeyError: 'DATABASE_URL'"


def test_another_exception_at_either_end_of_a_chain_is_another_failure() -> None:
    logs = (
        _chained(DIRECT, "RuntimeError: no database"),
        _chained(DIRECT, "RuntimeError: no cache"),
        _chained(DIRECT, "RuntimeError: no database", first="KeyError: 'CACHE_URL'"),
    )

    assert len({_read(log).fingerprint for log in logs}) == len(logs)


def test_the_whole_of_a_longer_chain_is_one_failure() -> None:
    log = _chained(
        DIRECT, f"ValueError: bad\n\n{HANDLED}\n\nTraceback (most recent call last):\nRuntimeError: worse"
    )

    assert _read(log).cause == "RuntimeError: worse While handling: KeyError: 'DATABASE_URL'"


JEST_FAILS = """\
FAIL src/cart.test.js
  ● cart › adds tax

    expect(received).toBe(expected)

    Expected: 12
    Received: 10

      at Object.toBe (src/cart.test.js:7:19)
Tests:       1 failed, 4 passed, 5 total"""


def _behind(prefix: str, text: str) -> str:
    return "".join(f"{prefix}{line}\n" for line in text.splitlines())


BRAIDED = {
    "pnpm, the beginning of one package lost": (
        "$ pnpm -r test\n"
        "packages/web test$ vitest run\n"
        + _behind("packages/api test: ", JEST_FAILS)
        + "packages/web test: Error: Uncaught [Error: boom (as expected)]\n"
        "packages/web test:  Test Files  16 passed (16)\n"
        "packages/api test: Failed\n"
        " ERR_PNPM_RECURSIVE_RUN_FIRST_FAIL  @acme/api@1.0.0 test: `jest`\n"
    ),
    "turbo": (
        "$ turbo run test\n"
        "web:test: > vitest run\n"
        + _behind("api:test: ", JEST_FAILS)
        + "web:test:  Test Files  16 passed (16)\nERROR  api#test: command exited (1)\n"
    ),
    "docker compose": (
        "$ docker compose up\n"
        "web-1  | listening on 8080\n" + _behind("api-1  | ", JEST_FAILS) + "api-1 exited with code 1\n"
    ),
    "nx": (
        "$ npx nx affected -t test\n"
        "✔  nx run core:test (4s)\n"
        "✖  nx run api:test\n"
        "   > nx run api:test\n" + _behind("   ", JEST_FAILS) + "✔  nx run ui:test (11s)\n"
        "✖  1/3 targets failed, including the following:\n- nx run api:test\n"
    ),
}


@pytest.mark.parametrize("runner", BRAIDED)
def test_a_test_is_read_behind_what_a_runner_of_several_puts_before_its_lines(runner: str) -> None:
    failure = _read(f"{BRAIDED[runner]}ERROR: Job failed: exit code 1\n")

    assert (failure.category, failure.tool, failure.tests) == (Category.TEST, "jest", ("cart › adds tax",))
    assert failure.cause.startswith("cart › adds tax: expect(received).toBe(expected) Expected: 12")


def test_jest_names_a_project_before_the_file() -> None:
    failure = _read("$ npx jest\nFAIL api libs/api/src/auth.spec.ts\nERROR: Job failed: exit code 1\n")

    assert (failure.category, failure.tool) == (Category.TEST, "jest")
