"""Fixers: what a tool can fix, a tool fixes, with the repository's own version and configuration.

Each is a small file with one function that looks at a :class:`~agent.fixers.offers.Scene` and offers what
could be run or edited; :data:`~agent.fixers.table.FIXERS` lists them in the order in which they are tried.
"""
