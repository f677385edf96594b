"""The vocabulary of PatchPilot: domain types, ports, events, command grammar, settings, errors, metrics.

Nothing in this package does I/O, and it imports no other package of the project. One word has one
meaning (``docs/architecture.md`` has the table): a *failure* is one red CI run, an *incident* groups
failures with one cause, a *heal* is one attempt of ours to cure it, a *fix* is a patch with its evidence.
"""

__version__ = "0.1.0"
