"""What the page shows of GitHub: the cards as JSON, with every body already a node tree."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from playground.web import markdown
from playground.web.github_view import GitHubView, PullCard, RepositoryCard


def github_state(github: GitHubView) -> list[dict[str, Any]]:
    """All repositories as the page needs them."""
    return [_repository(card) for card in github.repositories()]


def _repository(card: RepositoryCard) -> dict[str, Any]:
    state = asdict(card)
    state["pulls"] = [_pull(pull) for pull in card.pulls]
    return state


def _pull(card: PullCard) -> dict[str, Any]:
    state = asdict(card)
    state["body"] = markdown.nodes(card.body)
    for comment, shown in zip(card.comments, state["comments"], strict=True):
        shown["body"] = markdown.nodes(comment.body)
    for check, shown in zip(card.checks, state["checks"], strict=True):
        shown["summary"] = markdown.nodes(check.summary)
    return state
