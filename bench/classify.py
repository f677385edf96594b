"""How often the kind of a failure is told from its log alone: ``python -m bench.classify``."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agent.distil import distil
from bench.corpus import DEFAULT, OURS, Labelled, load

Pair = tuple[str, str]
"""Label and answer."""


def main() -> None:
    """Print the figures of both parts, per category, and what was taken for what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=DEFAULT)
    options = parser.parse_args()
    logs = [log for log in load(options.corpus) if log.category]
    pairs = {log.id: answer(log) for log in logs}
    parts = {
        "all": logs,
        "tuned part": [log for log in logs if log.tuned_on],
        "held-out part": [log for log in logs if not log.tuned_on],
    }
    console = Console(width=140)
    summary = Table(title="category, told from the log alone (an alternative label counts as right)")
    for name in ("", "logs", "right", "macro-F1", "macro-F1, 3 logs or more", "always the commonest"):
        summary.add_column(name, justify="right" if name else "left")
    for name, members in parts.items():
        chosen = [pairs[log.id] for log in members]
        common = Counter(label for label, _ in chosen).most_common(1)[0][1]
        summary.add_row(
            name,
            str(len(chosen)),
            f"{100 * sum(label == told for label, told in chosen) / len(chosen):.1f} %",
            f"{macro_f1(chosen):.3f}",
            f"{macro_f1(chosen, least=3):.3f}",
            f"{100 * common / len(chosen):.1f} %",
        )
    console.print(summary)
    console.print(by_category([pairs[log.id] for log in logs]))


def answer(log: Labelled) -> Pair:
    """The label, and what PatchPilot says in the corpus's words."""
    category = distil([log.read()]).category
    told = OURS.get(category, category.value)
    return log.category, log.category if told in log.also_right else told


def macro_f1(pairs: list[Pair], *, least: int = 1) -> float:
    """Mean F1 over the categories that at least ``least`` logs have."""
    count = Counter(label for label, _ in pairs)
    scores = [f1(pairs, category) for category in count if count[category] >= least]
    return sum(scores) / len(scores) if scores else float("nan")


def f1(pairs: list[Pair], category: str) -> float:
    """Harmonic mean of precision and recall."""
    hit = sum(label == told == category for label, told in pairs)
    wrong = sum((label == category) != (told == category) for label, told in pairs)
    return 2 * hit / (2 * hit + wrong) if hit or wrong else 0.0


def by_category(pairs: list[Pair]) -> Table:
    """One row per category, with the mistakes."""
    table = Table(title="per category")
    for name in ("category", "logs", "right", "F1", "taken for"):
        table.add_column(name, justify="right" if name in {"logs", "right", "F1"} else "left")
    for category, count in Counter(label for label, _ in pairs).most_common():
        mistakes = Counter(told for label, told in pairs if label == category != told)
        right = sum(label == told == category for label, told in pairs)
        taken = ", ".join(f"{told} {times}" for told, times in mistakes.most_common())
        table.add_row(category, str(count), str(right), f"{f1(pairs, category):.2f}", taken)
    return table


if __name__ == "__main__":
    main()
