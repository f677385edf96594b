"""RQ queues and tasks, and the wiring of the processes that work on them.

The bot imports :mod:`jobs.queues` and :mod:`jobs.dispatch` only; tasks are named by dotted path, so that the
agent and the sandbox are loaded in the worker and nowhere else.
"""
