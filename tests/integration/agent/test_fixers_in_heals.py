"""Whole heals by fixers that need a person's word or git: real PostgreSQL, real sandbox."""

from __future__ import annotations

import pytest

from patchpilot.commands import Verb
from patchpilot.fixes import ReplayPlan, Severity, ShellCommand
from patchpilot.heals import HealState

pytestmark = pytest.mark.bubblewrap

CONFTEST = """import pathlib

import pytest


def pytest_addoption(parser):
    parser.addoption("--snapshot-update", action="store_true")


@pytest.fixture
def golden(request):
    file = pathlib.Path("goldens/page.html")
    if request.config.getoption("--snapshot-update"):
        return lambda text: file.write_text(text)
    return lambda text: text == file.read_text() or pytest.fail(f"{text!r} is not what {file} has")
"""
PAGE = {
    "conftest.py": CONFTEST,
    "page.py": "def page():\n    return '<h1>New</h1>'\n",
    "test_page.py": "from page import page\n\n\ndef test_page(golden):\n    golden(page())\n",
    "goldens/page.html": "<h1>Old</h1>",
}
PAGE_LOG = """##[group]Run python -m pytest -q
python -m pytest -q
##[endgroup]
F                                                                        [100%]
=================================== FAILURES ===================================
__________________________________ test_page ___________________________________
E   Failed: '<h1>New</h1>' is not what goldens/page.html has

conftest.py:16: Failed
=========================== short test summary info ============================
FAILED test_page.py::test_page - Failed: '<h1>New</h1>' is not what goldens/page.html has
1 failed in 0.02s
##[error]Process completed with exit code 1.
"""
API = {
    "Makefile": "api.json: model.py\n\tpython gen.py\n.PHONY: api.json\n",
    "model.py": 'FIELDS = ["id", "name"]\n',
    "gen.py": "import json, model\nprint(json.dumps(model.FIELDS), file=open('api.json', 'w'))\n",
    "api.json": '["id"]\n',
}
API_LOG = """##[group]Run make api.json
make api.json
git diff --exit-code
##[endgroup]
python gen.py
diff --git a/api.json b/api.json
index 0e1b4ab..9d4ae5b 100644
--- a/api.json
+++ b/api.json
@@ -1 +1 @@
-["id"]
+["id", "name"]
##[error]Process completed with exit code 1.
"""


def test_a_golden_file_waits_for_the_persons_word_and_then_for_a_named_override(case, one_run):
    plan = ReplayPlan(failing=ShellCommand(script="python -m pytest -q"))
    heal = case(one_run(PAGE_LOG, plan, PAGE))

    assert heal.advance().state is HealState.ESCALATED

    heal.decide(Verb.RETRY, "the new title is right, please update the golden files")
    after = heal.advance()

    assert after.state is HealState.AWAITING_APPROVAL, after.reason
    assert after.fix.author == "fixer:snapshots"
    assert after.fix.patch.files == ("goldens/page.html",)
    assert [(found.rule, found.severity) for found in after.fix.findings] == [
        ("expected-file", Severity.OVERRIDE)
    ]


def test_a_generated_file_out_of_date_is_generated_by_the_failing_check_itself(case, one_run):
    plan = ReplayPlan(failing=ShellCommand(script="make api.json\ngit diff --exit-code\n"))
    heal = case(one_run(API_LOG, plan, API)).advance()

    assert heal.state is HealState.AWAITING_APPROVAL, heal.reason
    assert heal.fix.author == "fixer:generate"
    assert heal.fix.patch.files == ("api.json",)
    assert heal.fix.proof.cured
    assert heal.fix.findings == ()
