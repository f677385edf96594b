"""Processes that hear signals although the tests' own may not."""

from __future__ import annotations

HEARS_SIGNALS = ("env", "--default-signal=INT,HUP")
"""In front of a command: what a shell starts in the background ignores SIGINT, and below ``nohup`` SIGHUP,
and hands that on (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_11)."""
