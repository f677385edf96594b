"""Secrets leave no trace in redacted text, and ordinary text is left alone."""

from __future__ import annotations

import base64
import json
import random
import string
import textwrap
import time
import urllib.parse
from collections.abc import Callable

import pytest

from patchpilot.redaction import Redactor

HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"


def some(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choices(alphabet, k=count))


def token_of_each_kind(rng: random.Random) -> dict[str, str]:
    """Put together at run time, so that this file holds nothing that looks like a secret."""
    jwt_head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    return {
        "github": "gh" + rng.choice("pousr") + "_" + some(rng, ALNUM, 36),
        "github fine-grained": "github" + "_pat_" + some(rng, ALNUM, 22) + "_" + some(rng, ALNUM, 59),
        "gitlab": "glp" + "at-" + some(rng, URLSAFE, 20),
        "slack bot": "xo" + f"xb-{rng.randrange(10**11)}-{rng.randrange(10**12)}-" + some(rng, ALNUM, 24),
        "slack app": "xapp-1-A" + some(rng, string.ascii_uppercase, 9) + "-" + some(rng, HEX, 64),
        "anthropic": "sk-" + "ant-api03-" + some(rng, URLSAFE, 93) + "AA",
        "openai": "sk-" + "proj-" + some(rng, ALNUM, 48),
        "openai old": "sk-" + some(rng, ALNUM, 48),
        "aws": "AK" + "IA" + some(rng, string.ascii_uppercase + "234567", 16),
        "google": "AI" + "za" + some(rng, URLSAFE, 35),
        "npm": "np" + "m_" + some(rng, ALNUM, 36),
        "package index": "py" + "pi-AgE" + some(rng, URLSAFE, 120),
        "stripe": "sk" + "_live_" + some(rng, ALNUM, 24),
        "twilio": "S" + "K" + some(rng, HEX, 32),
        "sendgrid": "S" + "G." + some(rng, URLSAFE, 22) + "." + some(rng, URLSAFE, 43),
        "jwt": jwt_head + "." + some(rng, URLSAFE, 60) + "." + some(rng, URLSAFE, 43),
        "azure client": "abc" + "8Q~" + some(rng, ALNUM, 34),
        "docker": "dckr" + "_pat_" + some(rng, URLSAFE, 27),
        "digital ocean": "dop" + "_v1_" + some(rng, HEX, 64),
        "databricks": "da" + "pi" + some(rng, HEX, 32),
    }


KINDS = tuple(token_of_each_kind(random.Random(0)))


def encode(data: str) -> str:
    return base64.b64encode(data.encode()).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: f"token {secret} rejected",
    "base64": lambda secret: f"dump {encode(secret)} end",
    "base64, second alignment": lambda secret: encode(f"={secret};"),
    "base64, third alignment": lambda secret: encode(f"t={secret};"),
    "base64 twice": lambda secret: encode(encode(f'{{"secret":"{secret}"}}')),
    "base64 of UTF-16": lambda secret: base64.b64encode(f"pass {secret}".encode("utf-16-le")).decode(),
    "percent": lambda secret: "https://host.invalid/?q=" + urllib.parse.quote(f"<{secret}>", safe=""),
    "hexadecimal": lambda secret: f"memory: {secret.encode().hex()}",
    "JSON": lambda secret: json.dumps({"line": f"first\n{secret}\nlast"}),
    "reversed": lambda secret: f"{secret[::-1]} done",
    "wrapped": lambda secret: "\n".join(secret[at : at + 20] for at in range(0, len(secret), 20)),
    "base64, wrapped with time stamps": lambda secret: "\n".join(
        f"2026-01-02T03:04:05.1234567Z {line}" for line in textwrap.wrap(encode(f"env={secret} {secret}"), 76)
    ),
}


def leaks(secret: str, output: str) -> bool:
    """Whether a third of the secret, in any of these forms, is still there."""
    piece = max(len(secret) // 3, 8)
    flat = "".join(output.split())
    for form in (
        secret,
        secret[::-1],
        secret.encode().hex(),
        encode(secret).rstrip("="),
        json.dumps(secret)[1:-1],
    ):
        size = max(piece, len(form) // 3)
        if any(form[at : at + size] in flat for at in range(len(form) - size + 1)):
            return True
    return False


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_500_unknown_tokens_leak_in_no_encoding(encoding: str) -> None:
    rng = random.Random(encoding)
    redact = Redactor()
    leaked = []
    for _ in range(500 // len(KINDS)):
        for kind, secret in token_of_each_kind(rng).items():
            output = redact(f"before\n{ENCODINGS[encoding](secret)}\nafter")
            if leaks(secret, output) or "[redacted" not in output:
                leaked.append((kind, secret, output))

    assert leaked == []


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_500_known_values_leak_in_no_encoding(encoding: str) -> None:
    rng = random.Random(encoding)
    alphabet = string.ascii_letters + string.digits + "!#$%&*+-/:=?@^_~\"'\\äß"
    leaked = []
    for _ in range(500):
        secret = "p" + some(rng, alphabet, rng.randrange(10, 40)) + "q"
        output = Redactor([secret])(f"before\n{ENCODINGS[encoding](secret)}\nafter")
        if leaks(secret, output) or "[redacted" not in output:
            leaked.append((secret, output))

    assert leaked == []


def private_key(rng: random.Random) -> str:
    body = "\n".join(textwrap.wrap(some(rng, ALNUM + "+/", 1600), 64))
    return "-----BEGIN RSA PRIV" + f"ATE KEY-----\n{body}\n-----END RSA PRIV" + "ATE KEY-----"


@pytest.mark.parametrize("form", ["plain", "escaped", "json", "cut off", "stamped", "base64"])
def test_private_keys_go_in_every_form_and_lines_stay_counted(form: str) -> None:
    key = private_key(random.Random(form))
    text = {
        "plain": key,
        "escaped": key.replace("\n", "\\n"),
        "json": json.dumps({"type": "service_account", "private_key": key}),
        "cut off": key[:900],
        "stamped": "\n".join(f"2026-01-02T03:04:05.1234567Z {line}" for line in key.splitlines()),
        "base64": encode(key),
    }[form]

    output = Redactor()(f"one\n{text}\nlast line")

    assert not any(line in output for line in key.splitlines()[1:10])
    assert output.count("\n") == text.count("\n") + 2
    assert output.endswith("last line")


def test_every_line_of_a_known_key_file_is_known_by_itself() -> None:
    key = private_key(random.Random(1))

    output = Redactor([key])(f"line seven is {key.splitlines()[7]}, really")

    assert output == "line seven is [redacted: known secret], really"


IN_CONTEXT = {
    "assignment": "PASSWORD=tr0ub4dor&3x",
    "yaml": "  client_secret: 9fK2mQ7xLp0Zr4Wt",
    "json": '{"access_token": "aZ81kfPq0LmX2", "n": 1}',
    "flag": "deploy --api-token Zk39vQm1xP77a --verbose",
    "address": "postgresql://app:s3cr3tPw@db.invalid/app",
    "token address": "git clone https://a8f3k2m9q1x7z4w6b5n0@git.invalid/x",
    "basic header": "> Authorization: Basic " + encode("aladdin:opensesame"),
    "bearer header": 'curl -H "authorization: Bearer 8d7f6a5s4d3f2g1h0jkl"',
    "aws secret": "aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzzKEY",
    "azure connection": "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=" + "aB3/" * 21 + "ab==;",
    "docker auth": '{"auths":{"r.invalid":{"auth":"' + encode("bob:hunter22") + '"}}}',
}


@pytest.mark.parametrize("name", IN_CONTEXT)
def test_values_beside_telling_words_are_redacted_and_the_words_stay(name: str) -> None:
    line = IN_CONTEXT[name]

    output = Redactor()(line)

    assert "[redacted: " in output
    start = output.index("[redacted: ")
    assert line.startswith(output[:start])
    assert line[start : start + 10] not in output


BENIGN = [
    # lock files, hashes, identifiers
    "HEAD is now at 3b18e512dba79e4c8300dd08aeb37f8e728b8dad Fix the token parser",
    '      "integrity": "sha512-Wm5Ej5jSmyZUSwrxBMGmVqu0mSGN8n2b0G6a5TX4dHcAFkBHmDAYR9pPjWdG3iN5kvC0n==",',
    "    --hash=sha256:2b5f3a4e4f2d7b1c9a8e6d5c4b3a29180f7e6d5c4b3a2918f0e7d6c5b4a39281",
    "Digest: sha256:9b4f5c1f2e3d4c5b6a798897a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7",
    "request id 6f1c2b3a-4d5e-6f70-8192-a3b4c5d6e7f8 took 20 ms",
    '  File "/usr/lib/python3.11/site-packages/jwt/api_jwt.py", line 210, in decode_complete',
    "tests/test_token.py::test_password_reset[secret-key-2] FAILED",
    "E       AssertionError: assert 'token' == 'tokens'",
    "token: ***",
    "AUTHORIZATION: basic ***",
    "password: ${{ secrets.DEPLOY_PASSWORD }}",
    "export TOKEN=$CI_JOB_TOKEN",
    "const token = getToken(request.headers)",
    "password: str = Field(min_length=12)",
    "mock_secret_key = settings.SECRET_KEY",
    "tokenizer=BertTokenizerFast.from_pretrained('bert-base-uncased')",
    "Cache restored from key: Linux-node-modules-7a1f52398e6bef20fc0fcccfbd46f6b99d3b1169",
    "go.sum: golang.org/x/sys v0.12.0 h1:CM0HF96J0hcLAwsHPJZjfdNzs0gftsLfgKt57wWHJ0o=",
    "class sk-learn-compatible-estimator-checks-for-everyone",
    "    at Object.<anonymous> (/home/runner/work/app/src/auth/secret.test.ts:14:22)",
    "ssh://git@github.invalid/acme/widget.git",
    "https://github.invalid/acme/widget@v2.1.0",
    "+ docker login -u AWS --password-stdin 123456789012.dkr.ecr.invalid",
    "    (version=3) token_count=12345678 secret_santa=no",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgG=",
    "ok  \tgithub.invalid/acme/widget/internal/passwords\t0.412s",
    "0000000000001139 T _ZNSt8ios_base4InitC1Ev@@GLIBCXX_3.4",
    "drwxr-xr-x 2 root root 4096 Nov 23 06:43 .secrets",
    # code in diffs and stack traces
    "    token=request.context.client.token,",
    "+    api_key = self._client._api_key",
    "        self._tokens = self._all_tokens[level]",
    "    password: NotRequired[Optional[str]]",
    "    def __init__(self, workspace_secrets: AsyncWorkspaceSecretsResource) -> None:",
    "  private_key: Ed25519PrivateKey | Ed448PrivateKey",
]


@pytest.mark.parametrize("line", BENIGN)
def test_ordinary_lines_survive(line: str) -> None:
    assert Redactor()(line) == line


def test_many_generated_ordinary_lines_survive() -> None:
    rng = random.Random(7)
    makers = [
        lambda: f"commit {some(rng, HEX, 40)}",
        lambda: f"sha256:{some(rng, HEX, 64)}",
        lambda: f'"integrity": "sha512-{encode(some(rng, ALNUM, 64))[:86]}=="',
        lambda: f"h1:{base64.b64encode(rng.randbytes(32)).decode()}",
        lambda: "-".join(some(rng, HEX, n) for n in (8, 4, 4, 4, 12)),
        lambda: f"    at {some(rng, ALNUM, 12)} (/app/{some(rng, string.ascii_lowercase, 30)}.js:1:2)",
        lambda: f"  size={rng.randrange(10**9)} digest={base64.b32encode(rng.randbytes(20)).decode()}",
    ]
    lines = [rng.choice(makers)() for _ in range(5_000)]

    output = Redactor()("\n".join(lines)).split("\n")

    altered = sum(before != after for before, after in zip(lines, output, strict=True))
    assert altered <= len(lines) * 0.001


def test_redacting_twice_changes_nothing_more() -> None:
    redact = Redactor(["hunter22secret"])
    text = "\n".join(
        [*IN_CONTEXT.values(), *token_of_each_kind(random.Random(3)).values(), "pw hunter22secret"]
    )

    once = redact(text)

    assert redact(once) == once


def test_short_known_values_are_ignored() -> None:
    assert Redactor(["", "abc", "admin"])("abc admin") == "abc admin"


@pytest.mark.parametrize(
    "hostile",
    [
        "eyJ" * 40_000,
        "eyJaaaaaaaa." * 10_000,
        "-----BEGIN PRIV" + "ATE KEY-----" * 8_000,
        ("-----BEGIN RSA PRIV" + "ATE KEY-----\n") * 3_000,
        "password=" * 12_000,
        "://a:" * 20_000,
        "https://" * 12_000,
        "a" * 100_000,
        "A" * 56 + "\n" + ("A" * 60 + "\n") * 1_600,
        "%41" * 33_000,
        "%4" * 50_000,
        " " * 100_000,
        "\n" * 100_000,
        "sk-" * 33_000,
        "authorization: bearer " * 4_500,
        "=" * 100_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_hostile_text_costs_no_more_than_its_length(hostile: str) -> None:
    redact = Redactor(["known-secret-value"])
    half = hostile[: len(hostile) // 2]

    def cost(text: str) -> float:
        start = time.process_time()
        redact(text)
        return time.process_time() - start

    # Quadratic work would take four times as long for twice the text and seconds for these lengths.
    assert min(cost(hostile) for _ in range(2)) < 8 * min(cost(half) for _ in range(2)) + 0.2
