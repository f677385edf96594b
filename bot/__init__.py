"""The process that faces people: webhooks, REST API, Slack. It never loads the agent or the sandbox."""
