"""What secrets look like: a table of shapes, used to redact text and to notice secrets in patches.

Every shape starts at a literal, its *needle*. One pass of an Aho-Corasick automaton finds all needles, and
only there the shape's pattern is tried, so time does not grow with the table. The patterns are linear too:
bounded or possessive quantifiers, and no two neighbours that can match the same characters.

Sources for the prefixes: the token format notes of GitHub
(https://github.blog/engineering/behind-githubs-new-authentication-token-formats/), GitLab
(https://docs.gitlab.com/security/tokens/#token-prefixes), Slack (https://api.slack.com/concepts/token-types)
and the rule set of gitleaks (https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import string
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import ahocorasick

Span = tuple[int, int, str]
"""Start, end and kind of a secret in a text."""

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of secret: what to call it, and how to find it."""

    kind: str
    needles: tuple[str, ...]
    """Where one of these stands, the pattern is tried."""
    pattern: re.Pattern[str]
    """Matched at the needle. Group ``secret`` is the part to hide, if there is one, else all of it."""
    plausible: Callable[[str], bool] = bool
    """Second look at the part to hide, for shapes that ordinary text shares."""
    lead: int = 0
    """How many characters before the needle the pattern starts."""
    edge: bool = False
    """The needle also ends ordinary words, so nothing of a word may stand before it."""


class Finder:
    """Finds secrets of some shapes. With ``fold``, case does not matter and needles are lower case."""

    def __init__(self, shapes: Iterable[Shape], *, fold: bool) -> None:
        self._fold = fold
        self._needles = ahocorasick.Automaton()
        table: dict[str, list[Shape]] = {}
        for shape in shapes:
            for needle in shape.needles:
                table.setdefault(needle, []).append(shape)
        for needle, wanted in table.items():
            self._needles.add_word(needle, (len(needle), tuple(wanted)))
        self._needles.make_automaton()

    def spans(self, text: str, line_starts: Container[int] = ()) -> Iterator[Span]:
        """All secrets of these shapes in ``text``; a word may also start at one of ``line_starts``."""
        done: dict[int, int] = {}
        haystack = _lowered(text) if self._fold else text
        for last, (length, shapes) in self._needles.iter(haystack):
            for shape in shapes:
                start = last + 1 - length - shape.lead
                if start < done.get(id(shape), 0):
                    continue
                if shape.edge and not (start in line_starts or _at_edge(text, start)):
                    continue
                match = shape.pattern.match(text, start)
                group = "secret" if "secret" in shape.pattern.groupindex else 0
                if match and shape.plausible(match.group(group)):
                    done[id(shape)] = match.end()
                    yield (*match.span(group), shape.kind)


_WORD_BEFORE = re.compile(r"[A-Za-z0-9_-]")
_ESCAPE_BEFORE = re.compile(r"(?:\\[nrt]|%[0-9A-Fa-f]{2})")


def _at_edge(text: str, start: int) -> bool:
    # A letter does not count when it belongs to an escape: ``\nsk-…``, ``%3Dsk-…``.
    before = text[max(start - 3, 0) : start]
    return not _WORD_BEFORE.match(before[-1:]) or any(
        _ESCAPE_BEFORE.fullmatch(before[-length:]) for length in (2, 3)
    )


def _lowered(text: str) -> str:
    # str.lower() may change the length of non-ASCII text, and with it the places.
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def entropy(text: str) -> float:
    """Shannon entropy of the characters, in bits per character."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


_LONG, _SHORT, _ENOUGH = 20, 8, 64
_LONG_ENTROPY, _SHORT_ENTROPY = 3.2, 2.7
"""Bits per character. English words and identifiers stay below, keys and generated passwords above."""
_VERSION = re.compile(r"[<>=~^v]{0,3}\d+(?:\.\w+)*")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NOT_A_VALUE = ("[redacted", "$", "{", "<", "***", "%(", "/", "./", "../", "~/", "http")


# Code beside such a word: ``token=request.client.token``, ``passwords[index]``, ``key2_path``.
_CODE = re.compile(r"[\w.]*[.\[\]_:][\w.\[\]:-]*|[A-Za-z]+")
_SHORT_NUMBERS = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=[A-Za-z]{2}))\d{1,4}(?![A-Za-z0-9])|(?<=[a-z])\d{1,5}(?=[A-Z][a-z]{2})"
)


def _looks_like_code(value: str) -> bool:
    """Words put together by dots, underscores and brackets, with at most a short number behind a word."""
    value = value.rstrip(")]};:,.?!")
    if not _CODE.fullmatch(_SHORT_NUMBERS.sub("", value)) or re.search(r"\d", _SHORT_NUMBERS.sub("", value)):
        return False
    changes = len(re.findall(r"[a-z][A-Z]|[A-Z][a-z]", value))
    # In names a capital starts a word; in random letters every second one is a capital.
    return changes < len(value) / 3 or not value.isalnum()


def random_looking(value: str) -> bool:
    """Whether a value beside a word like *password* is probably a real one, not a name or a placeholder."""
    value = value[:_ENOUGH]
    if value.startswith(_NOT_A_VALUE) or "(" in value or _VERSION.fullmatch(value) or _DATE.match(value):
        return False
    if _looks_like_code(value):
        return False
    classes = sum(bool(re.search(kind, value)) for kind in (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]"))
    if len(value) >= _LONG:
        return classes > 1 and entropy(value) >= _LONG_ENTROPY
    mixed = re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    return len(value) >= _SHORT and bool(mixed) and entropy(value) >= _SHORT_ENTROPY


def _dense(value: str) -> bool:
    """A key has a long run of letters and digits; ``sk-folding-cube-animation`` has none."""
    return any(re.search(r"\d", run) for run in re.findall(r"[A-Za-z0-9_]{16,}", value))


def _user_and_password(value: str) -> bool:
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii()


def _not_masked(value: str) -> bool:
    return not value.startswith(("*", "$", "{", "<", "%(", "[redacted"))


def _token(kind: str, *needles: str, body: str, plausible: Callable[[str], bool] = bool) -> Shape:
    """A token known by its own first characters: a needle, then ``body``."""
    return Shape(kind, needles, re.compile(f"(?:{'|'.join(map(re.escape, needles))}){body}"), plausible)


def _word(kind: str, needle: str, body: str, plausible: Callable[[str], bool] = bool) -> Shape:
    """The same for needles that also end ordinary words."""
    return Shape(kind, (needle,), re.compile(re.escape(needle) + body), plausible, edge=True)


def _context(kind: str, *needles: str, pattern: str, plausible: Callable[[str], bool] = bool) -> Shape:
    """A value known by what stands before it."""
    return Shape(kind, needles, re.compile(pattern, re.IGNORECASE), plausible)


TOKENS: tuple[Shape, ...] = (
    _token("github token", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", body=r"[A-Za-z0-9]{36,255}+"),
    _token("github token", "github_pat_", body=r"[A-Za-z0-9_]{22,255}+"),
    _token(
        "gitlab token",
        *(f"gl{kind}-" for kind in "pat dt rt cbt ptt ft imt agent soat ffct oas".split()),  # noqa: SIM905 - reads as a table
        body=r"[A-Za-z0-9_.-]{20,300}+",
    ),
    _token("slack token", *(f"xox{kind}-" for kind in "abceoprs"), body=r"[A-Za-z0-9-]{10,250}+"),
    _token("slack token", "xapp-", body=r"\d-[A-Za-z0-9-]{10,250}+"),
    _token(
        "slack webhook", "hooks.slack.com/", body=r"(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,200}+"
    ),
    _token("api key", "sk-ant-", "sk-proj-", "sk-svcacct-", "sk-or-v1-", body=r"[A-Za-z0-9_-]{16,250}+"),
    _word("api key", "sk-", r"[A-Za-z0-9_-]{20,250}+", _dense),
    _word("api key", "gsk_", r"[A-Za-z0-9]{32,80}+"),
    _word("api key", "hf_", r"[A-Za-z0-9]{32,80}+"),
    _word("api key", "pplx-", r"[A-Za-z0-9]{32,80}+"),
    _token("aws access key", "AKIA", "ASIA", "ABIA", "ACCA", body=r"[A-Z0-9]{16}(?![A-Z0-9])"),
    _token("google api key", "AIza", body=r"[0-9A-Za-z_-]{35}"),
    _token("google token", "ya29.", "GOCSPX-", body=r"[0-9A-Za-z_-]{20,300}+"),
    Shape(
        "azure client secret",
        ("Q~",),
        re.compile(r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
        lead=4,
        edge=True,
    ),
    _token("npm token", "npm_", body=r"[A-Za-z0-9]{36}"),
    _token("package index token", "pypi-Ag", body=r"[A-Za-z0-9_-]{40,400}+"),
    _token("package index token", "rubygems_", body=r"[0-9a-f]{40,64}+"),
    _token(
        "stripe key",
        *("".join(parts) for parts in product("srp", ["k_live_", "k_test_", "k_prod_"])),
        body=r"[0-9A-Za-z]{10,200}+",
    ),
    _token("webhook secret", "whsec_", body=r"[A-Za-z0-9+/]{24,100}+={0,2}"),
    _word("twilio key", "SK", r"[0-9a-f]{32}"),
    _word("twilio key", "AC", r"[0-9a-f]{32}"),
    _token("sendgrid key", "SG.", body=r"[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}+"),
    _word("mailgun key", "key-", r"[0-9a-f]{32}"),
    _word("jwt", "eyJ", r"[A-Za-z0-9_-]{8,4000}+\.[A-Za-z0-9_-]{8,8000}+(?:\.[A-Za-z0-9_-]{8,4000}+)?"),
    _token("docker token", "dckr_pat_", "dckr_oat_", body=r"[A-Za-z0-9_-]{20,100}+"),
    _token("cloud token", "dop_v1_", "doo_v1_", "dor_v1_", body=r"[0-9a-f]{64}"),
    _word("vault token", "hvs.", r"[A-Za-z0-9_-]{20,300}+"),
    _word("vault token", "hvb.", r"[A-Za-z0-9_-]{20,300}+"),
    _token("databricks token", "dapi", body=r"[0-9a-f]{32}(?:-\d)?"),
    _token("shopify token", *(f"shp{kind}_" for kind in ("at", "ca", "pa", "ss")), body=r"[0-9a-fA-F]{32}"),
    _token("atlassian token", "ATATT3", body=r"[A-Za-z0-9_=-]{60,300}+"),
    _token("grafana token", "glsa_", "glc_", body=r"[A-Za-z0-9+/=_]{32,300}+"),
    _token("telegram token", ":AA", body=r"(?<=\d{8}:AA)[A-Za-z0-9_-]{33}"),
    _token("age key", "AGE-SECRET-KEY-1", body=r"[0-9A-Za-z]{50,70}+"),
    _token("linear key", "lin_api_", body=r"[A-Za-z0-9]{32,64}+"),
    _token("sentry token", "sntrys_", "sntryu_", body=r"[A-Za-z0-9+/=_-]{32,400}+"),
    _token("new relic key", "NRAK-", body=r"[A-Z0-9]{27}"),
    _token("circleci token", "CCIPAT_", body=r"[A-Za-z0-9_]{20,120}+"),
)
"""Recognisable by themselves, wherever they stand; also looked for reversed and across line ends."""

_WORDS = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "_auth"),
    *(
        f"{what}{sign}key"
        for what, sign in product(
            ("api", "access", "private", "signing", "encryption", "account", "auth", "secret"), ("", "_", "-")
        )
    ),
)
_WORD = rf"(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})s?"
_NAME = rf"{_WORD}(?:[_-][a-z0-9_]{{0,30}}+)?"
_VALUE = r"(?P<secret>[^\s\"'`,;&<>]{8,300}+)"

CONTEXTS: tuple[Shape, ...] = (
    _context(
        "azure key",
        *("accountkey=", "sharedaccesskey=", "?sig=", "&sig="),
        pattern=r"[?&a-z]{4,15}=(?P<secret>[A-Za-z0-9+/%]{30,120}+={0,2})",
    ),
    _context(
        "aws secret key",
        *("secret_access_key", "secretaccesskey", "secret_key", "secretkey"),
        pattern=r"[a-z_]{9,17}[\"'\s:=>]{1,8}+(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        plausible=lambda value: not re.fullmatch(r"[0-9a-f]{40}", value),
    ),
    _context(
        "password in address",
        "://",
        pattern=r"://[^\s/:@\"'<>\[\]]{0,100}+:(?P<secret>[^\s/@\"'<>]{2,300}+)@",
        plausible=_not_masked,
    ),
    _context(
        "token in address", "://", pattern=r"://(?P<secret>[A-Za-z0-9_-]{20,300}+)@", plausible=random_looking
    ),
    _context(
        "authorization header",
        "authorization",
        pattern=r"authorization[\"']{0,2}\s{0,3}[:=]\s{0,3}[\"']{0,2}"
        r"(?:(?:bearer|basic|token|digest|bot|apikey)\s{1,3})?(?P<secret>[^\s\"',*\[]{8,4000}+)",
        plausible=_not_masked,
    ),
    _context(
        "bearer token",
        "bearer",
        pattern=r"bearer\s{1,3}(?P<secret>[A-Za-z0-9._~+/-]{16,4000}+={0,2})",
        plausible=random_looking,
    ),
    _context(
        "registry password",
        *('"auth"', "'auth'"),
        pattern=r"[\"']auth[\"']\s{0,3}:\s{0,3}[\"'](?P<secret>[A-Za-z0-9+/]{8,400}+={0,2})[\"']",
        plausible=_user_and_password,
    ),
    _context(
        "secret value",
        *_WORDS,
        pattern=_NAME + r"[\"']{0,2}[ \t]{0,3}(?::|=>?|:=)[ \t]{0,3}[\"'`]?" + _VALUE,
        plausible=random_looking,
    ),
    _context(
        "secret value", *_WORDS, pattern=rf"(?<=-){_WORD}[ \t]{{1,3}}[\"']?{_VALUE}", plausible=random_looking
    ),
)
"""Recognisable only by what stands beside them."""
