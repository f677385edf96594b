"""What the check of a payload found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One limit that a payload broke."""

    rule: str
    pointer: str
    """Where, as a JSON pointer."""
    detail: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.pointer or '/'}: {self.detail}"


@dataclass(slots=True)
class Findings:
    """What a payload's check found."""

    mended: list[Finding] = field(default_factory=list)
    """Cut or left out in the returned copy."""
    broken: list[Finding] = field(default_factory=list)
    """Nothing that may be sent."""

    def mend(self, rule: str, pointer: str, detail: str) -> None:
        """Note something that the copy no longer has."""
        self.mended.append(Finding(rule=rule, pointer=pointer, detail=detail))

    def refuse(self, rule: str, pointer: str, detail: str) -> None:
        """Note something that can't be mended."""
        self.broken.append(Finding(rule=rule, pointer=pointer, detail=detail))
