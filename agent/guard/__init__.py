"""The patch guard: refuses patches that cheat their way to green. Start at :mod:`agent.guard.inspection`."""
