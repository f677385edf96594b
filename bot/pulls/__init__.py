"""The conversation on pull requests: what people write and press there, and what they see."""
