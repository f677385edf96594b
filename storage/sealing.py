"""Secrets that must lie in the database are sealed: whoever reads the database alone can't use them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from patchpilot.errors import PermanentError

_HOW_TO_MAKE: Final = (
    'make one with: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)


class UnreadableSecretError(PermanentError):
    """What is stored was sealed by a key that is not there any more, or was tampered with."""


class Seal:
    """Seals with the first of its keys, opens with any: so keys can be changed one after the other.

    https://cryptography.io/en/latest/fernet/#cryptography.fernet.MultiFernet
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises ``ValueError``, which says nothing of the keys themselves."""
        if not keys:
            raise ValueError(f"there is no key; {_HOW_TO_MAKE}")
        try:
            fernets = [Fernet(key) for key in keys]
        except ValueError:
            raise ValueError(f"one is no key of 32 bytes in URL-safe base64; {_HOW_TO_MAKE}") from None
        self._first = fernets[0]
        self._all = MultiFernet(fernets)

    def close(self, secret: str, *, of: str) -> str:
        """Seal ``secret``. It can be opened again only as that of the same ``of``."""
        return self._first.encrypt(json.dumps([of, secret]).encode()).decode()

    def open(self, sealed: str, *, of: str) -> str:
        """What was sealed. Raises :class:`UnreadableSecretError`."""
        try:
            owner, secret = json.loads(self._all.decrypt(sealed.encode()))
        except (InvalidToken, ValueError):
            raise UnreadableSecretError(f"the secret of {of} can't be opened with the keys at hand") from None
        if owner != of:
            # Somebody who can write to the database has put another's secret here.
            raise UnreadableSecretError(f"the secret of {of} was sealed as another's")
        return str(secret)

    def is_of_first_key(self, sealed: str) -> bool:
        """Whether the first key, which seals, has sealed it."""
        try:
            self._first.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True
