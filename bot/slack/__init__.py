"""Slack: the only room that knows Slack's libraries."""
