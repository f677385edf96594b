"""How often the patch guard refuses honest work, and how long it takes.

``python bench/guard.py --corpus DIR`` reads every ``*.jsonl`` in DIR whose rows have a ``patch`` (a unified
diff), and every ``*.diff`` and ``*.patch`` file, and prints what was refused and by which rule.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agent.guard.inspection import DiffError, inspect, is_refused
from patchpilot.fixes import Patch, Severity


def main() -> int:
    """Measure and print; exit 1 when more than ``--limit`` of the patches are refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of honest patches")
    parser.add_argument("--limit", type=float, default=0.02, help="highest share that may be refused")
    options = parser.parse_args()
    refused: list[str] = []
    rules: Counter[str] = Counter()
    seconds: list[float] = []
    for name, diff in _patches(options.corpus):
        start = time.perf_counter()
        try:
            findings = inspect(Patch(diff), read_base=lambda _: None)
        except DiffError as error:
            refused.append(f"{name}: {error}")
            rules["(unusable)"] += 1
            continue
        finally:
            seconds.append(time.perf_counter() - start)
        if is_refused(findings):
            stopped = [found for found in findings if found.severity is not Severity.NOTE]
            rules.update({found.rule for found in stopped})
            refused += [
                f"{name}: {found.rule} {found.path}:{found.line} {found.message}" for found in stopped[:1]
            ]
    if not seconds:
        print(f"no patches in {options.corpus}", file=sys.stderr)
        return 2
    share = len(refused) / len(seconds)
    print("\n".join(refused))
    print(f"\n{'patches':<24}{len(seconds):>10}")
    print(f"{'refused':<24}{len(refused):>10}   {share:.1%} (limit {options.limit:.1%})")
    print(f"{'seconds, median':<24}{statistics.median(seconds):>10.4f}")
    print(f"{'seconds, longest':<24}{max(seconds):>10.4f}")
    for rule, count in rules.most_common():
        print(f"  {rule:<22}{count:>10}")
    return int(share > options.limit)


def _patches(corpus: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(corpus.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if isinstance(row, dict) and isinstance(row.get("patch"), str):
                yield f"{row.get('project', path.stem)} {row.get('bug', row.get('id', ''))}", row["patch"]
    for path in sorted([*corpus.rglob("*.diff"), *corpus.rglob("*.patch")]):
        yield path.name, path.read_text(encoding="utf-8", errors="surrogateescape")


if __name__ == "__main__":
    sys.exit(main())
