"""Signs of failure in the output of tools nobody wrote rules for, and look-alikes that are none."""

from __future__ import annotations

from agent.distil.rules.rule import Role, Rule
from patchpilot.failures import Category

_SIGN = Role.SIGN

SIGNS = (
    Rule(
        r"(?i)\btests? (?:have )?(?:fail(?:ed|ure|s)?|timed? ?out)",
        60,
        role=Role.OUTCOME,
        category=Category.TEST,
    ),
    Rule(
        r"(?i)\b(?:build|compilation|compile) (?:failed|failure|error)",
        56,
        role=Role.OUTCOME,
        category=Category.BUILD,
    ),
    Rule(r"(?i)error", 24, role=_SIGN, before=1, after=2),
    Rule(r"(?i)\berrors?\b ?[:!]", 46, role=_SIGN, before=1, after=3),
    Rule(r"(?i)^\W{0,12}(?:error|fatal|failure|failed|fail)\b", 58, role=_SIGN, before=2, after=4),
    Rule(
        r"^\W{0,12}(?:ERROR|FATAL|FAILURE|FAILED|FAIL|CRITICAL|Error|Failure)\b",
        64,
        role=_SIGN,
        before=2,
        after=4,
    ),
    Rule(r"(?i)fail(?:ed|ure|s|ing)?\b", 26, role=_SIGN, before=1, after=1),
    Rule(r"\bFAIL(?:ED|URE|URES|S)?\b", 52, role=_SIGN, before=1, after=3),
    Rule(r"(?i)exception", 26, role=_SIGN, before=1, after=1),
    Rule(r"\b[A-Z]\w+(?:Exception|Error)\b", 46, role=_SIGN, before=1, after=2),
    Rule(r"(?i)\b(?:panic|fatal|abort(?:ed|ing)?|crash(?:ed)?)\b", 44, role=_SIGN, before=1, after=2),
    Rule(
        r"(?i)\b(?:cannot|can't|can not|could ?n[o']t|unable to|does not exist|doesn't exist|not found"
        r"|is missing|was not)\b",
        40,
        role=_SIGN,
        before=1,
        after=1,
    ),
    Rule(
        r"(?i)\b(?:invalid|illegal|unexpected|undefined|unresolved|unknown|mismatch|malformed|unsupported"
        r"|incompatible|corrupt)",
        36,
        role=_SIGN,
    ),
    Rule(
        r"(?i)\b(?:expected|actual|got)\b.*\b(?:but|got|received|was|found)\b",
        50,
        role=_SIGN,
        before=1,
        after=1,
    ),
    Rule(
        r"(?i)^\s{0,12}(?:expected|actual|received|got|left|right|wanted|want|diff)\b ?[:=]",
        52,
        role=_SIGN,
        before=1,
        after=1,
    ),
    Rule(r"(?i)\bassert", 34, role=_SIGN, before=1, after=1),
    Rule(
        r"(?i)\b(?:denied|refused|rejected|forbidden|unauthorized|not allowed|not permitted)\b",
        46,
        role=_SIGN,
    ),
    Rule(r"(?i)\b(?:deprecat|warning|warn)\b", 8, role=_SIGN),
    Rule(r"(?i)\b(?:missing|must be|should be|should not|must not|required)\b", 26, role=_SIGN),
    Rule(
        r"(?i)\b(?:violations?|offenses?|problems?|issues?|vulnerabilit(?:y|ies)|conflicts?)\b",
        34,
        role=_SIGN,
    ),
    Rule(r"^\S*[\w)/-]\.[A-Za-z]\w{0,9}:\d+", 40, role=_SIGN, after=1),
    Rule(r"[\w)/-]\.[A-Za-z]\w{0,9}:\d+:\d+\b", 40, role=_SIGN),
    Rule(r"^[-+]{1,3} ?\S", 10, role=_SIGN),
    Rule(
        r"(?i)\b(?:exit|exited|returned?)\b.*\b(?:code|status|with)\b ?:? ?'?[1-9]", 42, role=_SIGN, before=2
    ),
    Rule(r"✕|✗|✖|✘|❌", 58, role=_SIGN, before=1, after=2),
)

NOISE = (
    Rule(r"\blevel=\"?(?:debug|info|trace)\b|\"level\": ?\"(?:debug|info|trace)\"", 3, role=Role.MUTE),
    Rule(r"^\W*(?:\d[\d:.,TZ+ -]* )?\W*(?:DEBUG|INFO|TRACE)\b", 5, role=Role.NOISE),
    Rule(
        r"(?i)\b0 (?:errors?|failures?|failed|failing|warnings?|problems?|offenses?|issues?)\b",
        4,
        role=Role.NOISE,
    ),
    Rule(r"(?i)(?:errors?|failures?|failed|skipped)[:=] ?0\b", 4, role=Role.NOISE),
    Rule(
        r"(?i)-W(?:no-)?error|--fail-?fast|fail-on|continue-on-error|set -e|ignore-errors|--no-fail",
        4,
        role=Role.NOISE,
    ),
    Rule(r"(?i)\b(?:ok|passed|success|done|succeeded|✓|PASS)\b.{0,6}$", 3, role=Role.NOISE),
    Rule(r"^\s*(?:✓|✔|√|PASS|ok )", 3, role=Role.MUTE),
    Rule(
        r"(?i)^\s*(?:downloading|downloaded|fetching|installing|collecting|unpacking|preparing|selecting"
        r"|setting up|compiling|building|linking|copying"
        r"|creating|adding|extracting|get:\d|hit:\d|requirement already satisfied|processing)\b",
        4,
        role=Role.NOISE,
    ),
    Rule(r"^\[ ?\d{1,3}%\] ", 3, role=Role.NOISE),
    Rule(r"(?i)npm warn|DeprecationWarning|deprecated \S+@", 3, role=Role.NOISE),
)

RULES = SIGNS + NOISE
