"""Complaints that fail no job as a rule, and lines that say so of the one above."""

from __future__ import annotations

from agent.distil.rules.rule import Role, Rule

RULES = (
    # Build tools ask for a version, and do without: https://git-scm.com/docs/git-describe.
    Rule(
        r"^fatal: No (?:names found|tags can describe|annotated tags can describe)"
        r"|^fatal: not a git repository",
        20,
        "",
        Role.ASIDE,
    ),
    # A clean-up finds nothing to clean up, or no right to: what it follows, or makes room for, goes on.
    Rule(
        r"\bNo such (?:container|network|volume|image): "
        r"|^Failed to remove (?:network|container|volume|image) "
        r"|^(?:rm|rmdir): (?:cannot|failed to) remove |^rm: .{1,200}: No such file or directory$"
        r"|^umount: |(?:^|: )kill: .{0,40}No such process|: no process found$"
        r"|^[Ee]rror response from daemon: network \S+ (?:not found|has active endpoints)",
        20,
        "",
        Role.ASIDE,
    ),
    # News of npm's own version, at whatever end of the output.
    Rule(r"^npm notice", 3, "", Role.NOISE),
    # Of no terminal, where none is.
    Rule(r"^tput: No value for \$TERM|^(?:stdin: is|mesg: ttyname)\b|^stty: ", 6, "", Role.ASIDE),
    # "upload failed, ignoring"; GNU make's "Error 1 (ignored)".
    Rule(
        r"(?i)(?:fail|err|not|unable).{0,120}[,;:.(-] ?"
        r"(?:ignor(?:ing|ed)|continuing|carrying on|moving on|not fatal|non-fatal)\b[^,;:]{0,30}$"
        r"|[Jj]ob will continue unaffected",
        10,
        "",
        Role.ASIDE,
        before=1,
    ),
    # What a test of pytest's printed with -s above its verdict: a traceback that it caught and showed.
    Rule(
        r"\.py::\S.{0,300} PASSED\b",
        3,
        "",
        Role.ASIDE,
        before=40,
        since=r"^Traceback \(most recent call last",
    ),
)
