"""The nodes of the healing graph, one module each.

A node may be killed anywhere and run again from its start, so each is idempotent: what it learnt lives in
the journal, and doing it twice has the effect of doing it once.
"""
