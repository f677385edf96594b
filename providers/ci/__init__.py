"""CI providers: verify and parse webhooks, read logs, tell what the failing step ran, ask for a rerun."""
