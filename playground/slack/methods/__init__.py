"""The Web API's methods, one module per family; ``METHODS`` is the table of all of them."""

from __future__ import annotations

from collections.abc import Mapping

from playground.slack.methods import apps, chat, conversations, files, reactions, users, views
from playground.slack.methods.call import Method

METHODS: Mapping[str, Method] = {
    **apps.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **reactions.METHODS,
    **users.METHODS,
    **views.METHODS,
}
