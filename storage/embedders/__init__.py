"""Embedders, one per module; :mod:`storage.embedding` says what they have in common."""
