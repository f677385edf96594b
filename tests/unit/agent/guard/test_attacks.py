"""Every attack is refused by the rule that it names; without that rule, it would go through."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from agent.guard.inspection import inspect, is_refused
from agent.guard.table import RULES
from patchpilot.fixes import Patch, Severity


def rules_against(sample: Any, *, known: bool, without: str = "") -> set[str]:
    findings = inspect(
        Patch(sample.diff),
        read_base=sample.read if known else lambda _: None,
        failing_tests=sample.failing,
        waived={without},
    )
    return {finding.rule for finding in findings if finding.severity is not Severity.NOTE}


@pytest.mark.parametrize("known", [True, False], ids=["with the repository", "from the diff alone"])
def test_the_attack_is_refused_by_the_rule_it_names(attack: Any, known: bool) -> None:
    # Some are told from honest work only with the whole file.
    assert attack.rule in rules_against(attack, known=known or attack.needs_base)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("src/a.js", "const a = await load();\n", "const a = await load().catch(() => ({}));\n"),
        ("lib/a.rb", "n = Integer(x)\n", "n = Integer(x) rescue nil\n"),
    ],
)
def test_a_dropped_error_is_told_of_once(make_diff: Any, path: str, before: str, after: str) -> None:
    findings = inspect(Patch(make_diff(path, before, after)), read_base={path: before}.get)

    assert [finding.rule for finding in findings] == ["error-swallowed"]


def test_there_are_at_least_120_attacks_and_each_has_its_own_name(attacks: list[Any]) -> None:
    names = Counter((attack.rule, attack.name) for attack in attacks)

    assert sum(names.values()) >= 120
    assert max(names.values()) == 1


def test_without_its_rule_an_attack_of_each_rule_goes_through(attacks: list[Any]) -> None:
    through = defaultdict(list)
    for attack in attacks:
        if not rules_against(attack, known=True, without=attack.rule):
            through[attack.rule].append(attack.name)

    assert {rule.id for rule in RULES} - through.keys() == set()


def test_findings_name_rule_file_and_line(attack: Any) -> None:
    findings = inspect(Patch(attack.diff), read_base=attack.read, failing_tests=attack.failing)

    assert is_refused(findings)
    for finding in findings:
        assert finding.path
        assert finding.line >= 0
        assert finding.message
