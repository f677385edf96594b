"""Fill a budget of bytes by worth and print what was chosen in order, gaps marked."""

from __future__ import annotations

from collections.abc import Sequence

from agent.distil.lines import Line

FLOOR = 4.0
"""Lines worth less are left out although there is room: they only distract."""
LINE_BYTES = 600
"""A kept line is cut to this many bytes, so that one long line can't crowd out the others."""
GAP_BYTES = 34
"""Room for one mark of a gap, at most."""
ROUNDS = 4


def choose(lines: Sequence[Line], worth: Sequence[float], *, max_bytes: int, total_lines: int) -> list[int]:
    """Rows to keep, in order; printed with :func:`render` they stay within ``max_bytes``."""
    ranked = sorted(
        (row for row, value in enumerate(worth) if value > FLOOR), key=lambda row: (-worth[row], row)
    )
    chosen: set[int] = set()
    # Gaps are reckoned at their greatest size, so what they really take leaves room for another round.
    for _ in range(ROUNDS):
        printed = len(render(lines, sorted(chosen), total_lines=total_lines).encode())
        if not _fill(chosen, ranked, lines, max_bytes - printed - (0 if chosen else GAP_BYTES)):
            break
    return sorted(chosen)


def _fill(chosen: set[int], ranked: Sequence[int], lines: Sequence[Line], left: int) -> bool:
    """Add what fits into ``left`` bytes, best first; says whether anything did."""
    before = len(chosen)
    for row in ranked:
        if row in chosen:
            continue
        cost = _size(lines[row]) + GAP_BYTES * (1 - (row - 1 in chosen) - (row + 1 in chosen))
        if cost <= left:
            chosen.add(row)
            left -= cost
        elif left < GAP_BYTES:
            break
    return len(chosen) > before


def render(lines: Sequence[Line], rows: Sequence[int], *, total_lines: int) -> str:
    """The chosen lines, with a mark wherever lines of the log are missing."""
    printed: list[str] = []
    last = 0
    before = -1
    for row in rows:
        line = lines[row]
        gap = line.number - last - 1
        if row == before + 1:
            pass  # lines between the two, if any, were empty ones of a double-spaced log
        elif row == before + 2 and not lines[row - 1].text:
            printed.append("")
        elif gap > 0:
            printed.append(_gap(gap))
        printed.append(shown(line.text))
        last, before = line.number, row
    if total_lines > last:
        printed.append(_gap(total_lines - last))
    return "\n".join(printed)


def shown(text: str) -> str:
    """A line as it is printed: cut in its middle, because a message starts or ends it."""
    data = text.encode()
    if len(data) <= LINE_BYTES:
        return text
    head, tail = data[: LINE_BYTES - 160], data[-140:]
    return f"{head.decode('utf-8', 'ignore')} … {tail.decode('utf-8', 'ignore')}"


def _size(line: Line) -> int:
    return min(len(line.text.encode()), LINE_BYTES) + 1


def _gap(count: int) -> str:
    return f"… {count:,} {'line' if count == 1 else 'lines'} left out …"
