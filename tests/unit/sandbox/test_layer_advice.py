"""What people are told where nothing could be installed."""

from __future__ import annotations

import pytest

from sandbox.layers import _advice, _cause
from sandbox.recipes import Recipe

PIP = Recipe(manager="pip", version="Python 3", files={}, script="")


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: Could not fetch URL x: There was a problem confirming the ssl certificate: HTTPS",
        "npm error code SELF_SIGNED_CERT_IN_CHAIN",
        "npm error code UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "go: x: Get y: tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "warning: spurious network error: [60] SSL peer certificate or SSH remote key was not OK",
        "PKIX path building failed: unable to find valid certification path to requested target",
    ],
)
def test_an_index_that_is_not_trusted_is_told_by_how_to_trust_it(said: str) -> None:
    why = _cause(f"Collecting things\n{said}\n")

    assert "can't be reached or trusted" in why
    assert "SANDBOX_PREPARE_CA" in _advice([PIP], why)


def test_an_index_that_does_not_answer_is_told_by_how_to_name_another() -> None:
    why = _cause("ConnectionRefusedError: [Errno 111] Connection refused\n")

    assert "SANDBOX_PREPARE_CA" not in _advice([PIP], why)
    assert "PIP_INDEX_URL" in _advice([PIP], why)
