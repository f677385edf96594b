"""With a model key Claude takes part: the real client, a scripted server, everything else as it is."""

from __future__ import annotations

import pytest

from patchpilot.heals import HealState
from playground.anthropic import ScriptedAnthropic, ToolCall, says, uses
from playground.samples import CHECKOUT
from playground.scenarios import SCENARIOS
from playground.stage import Stage

pytestmark = pytest.mark.acceptance

FOUND = (
    '{"category": "test", "blame": "this change", "root_cause": "A basket of exactly 100.00 earns 5 %, as '
    'the threshold itself is left out.", "explanation": "The comparison is > where the tiers begin at the '
    'threshold.", "evidence": ["E       assert 5 == 10"], '
    '"suspect_files": [{"path": "checkout/discounts.py", "line": 14}]}'
)
EDIT = {"path": "checkout/discounts.py", "old": "subtotal > threshold", "new": "subtotal >= threshold"}


def test_claude_repairs_the_bug_and_memory_cures_it_when_it_comes_back(start):
    script = [
        says(FOUND),
        uses(ToolCall("read", {"path": "checkout/discounts.py"}), ToolCall("run_failing_command", {})),
        uses(ToolCall("edit", EDIT)),
        uses(ToolCall("run_failing_command", {})),
        says("Let a tier begin at its threshold."),
        says(FOUND),
    ]
    checkout = next(scenario for scenario in SCENARIOS if scenario.name == "checkout")
    with (
        ScriptedAnthropic(script) as claude,
        start(ANTHROPIC_API_KEY="sk-ant-test-0123456789", ANTHROPIC_BASE_URL=claude.base_url) as home,
    ):
        stage = Stage(town=home.town, scenario="claude", tell=lambda note: None, auto=True)

        checkout.play(stage)

        merged = home.town.github.pull_requests(CHECKOUT.full_name)
        assert [pull.state for pull in merged] == ["merged", "merged"]
        body = home.town.github.pull_request(CHECKOUT.full_name, 1).body
        assert "claude" in body
        assert "sk-ant-test" not in body
        told = [note.text for note in stage.notes]
        assert any("patch by claude:" in text for text in told)
        assert any("patch by memory:" in text for text in told)
        first = stage.job(next(sha for sha in shas(home) if stage.job(sha)["author"].startswith("claude")))
        assert first["state"] == HealState.RESOLVED
        assert first["dollars"] > 0


def shas(home) -> list[str]:
    import httpx

    jobs = httpx.get(f"{home.town.bot_url}/api/jobs").json()["jobs"]
    return [job["commit"] for job in jobs]
