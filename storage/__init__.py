"""Postgres is the truth: incidents, heals, events, decisions, tasks, effects and memory.

Every function here is one transaction (or, given a session, part of the caller's). SQLAlchemy's and
psycopg's own exceptions end at this border: callers see :mod:`patchpilot.errors`.
"""
