"""The tables keep their form."""

from __future__ import annotations

import re

from agent.distil.linear import compiled
from agent.distil.needles import needles
from agent.distil.rules import RULES, Role, Rule


def test_every_rule_is_well_formed() -> None:
    for rule in RULES:
        check(rule)


def check(rule: Rule) -> None:
    assert 0 < rule.worth <= 100
    compiled(rule.pattern)
    if rule.test:
        assert re.compile(rule.test).groups >= 1
        compiled(rule.test)
    for pattern in (*rule.says, rule.opened):
        compiled(pattern)
    # Patterns are read as bytes, so a class can't hold a character of several.
    assert not re.search(r"(?<!\\)\[[^\]\\]*[^\x00-\x7f][^\]]*\]", rule.pattern), rule.pattern
    assert (rule.role is Role.CLEARED) <= bool(rule.since) <= (rule.role in {Role.CLEARED, Role.ASIDE})


def test_needles_are_parts_of_every_match() -> None:
    assert needles(r"^FAILED \S") == {"\nfailed "}
    assert needles(r"(?:foo|barbaz) x+") == {"foo", "barbaz"}
    assert needles(r"error TS\d+: ") == {"error ts"}
    assert needles(r"^={5,} \w") == {"====="}
    assert needles(r"\d+") == frozenset()


def test_most_rules_wait_for_a_literal() -> None:
    """Those that don't are compiled into the first scan, which makes the start slower."""
    assert sum(not needles(rule.pattern) for rule in RULES) < 12
