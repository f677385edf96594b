"""HTTP: webhooks in, REST API and metrics out."""
