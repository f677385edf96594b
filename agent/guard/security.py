"""The rule about security that is switched off: a certificate, a signature or a host key goes unread."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Line, Statement

_OFF = r"(?:[Ff]alse|0|no|off|None|\"0\"|'0'|\"false\"|'false'|\"no\"|'no')(?![\w.])"
_IN_CODE = re.compile(
    rf"\b(?:verify_ssl|ssl_verify|verify_certs?|tls_verify|check_hostname|verify_hostname|validate_certs)\s*=\s*{_OFF}"
    rf"|\.verify\s*=\s*False\b|\bverify_(?:signature|peer(?:_name)?)[\"']?\s*(?:=>|[:=])\s*{_OFF}"
    r"|\bCERT_NONE\b|\bVERIFY_NONE\b|\bNoopHostnameVerifier\b|\bALLOW_ALL_HOSTNAME_VERIFIER\b|\bTrustAll\w*"
    r"|\bAutoAddPolicy\b|\bcsrf_exempt\b|\bskip_before_action\s+:verify_authenticity_token\b"
    r"|\bInsecureSkipVerify\s*[:=]\s*true\b|\bInsecureIgnoreHostKey\b|\bdanger_accept_invalid_\w+\s*\(\s*true\b"
    r"|\bDangerousAcceptAnyServerCertificateValidator\b|CertificateValidationCallback\s*\+?=.*\btrue\b"
    r"|\b(?:rejectUnauthorized|strictSSL|strictSsl)[\"']?\s*[:=]\s*false\b"
    r"|\bcheckServerTrusted\s*\([^()]*\)\s*(?:throws\s+\w+\s*)?\{\s*\}"
    r"|\b[sS]et(?:Default)?HostnameVerifier\s*\(.*->\s*true\b|\bbadCertificateCallback\s*=.*\btrue\b"
    rf"|\bCURLOPT_SSL_VERIFY(?:PEER|HOST)\s*(?:,|=>)\s*{_OFF}"
)
# In the arguments of a request ``verify`` is about its certificate; elsewhere it may be about anything.
_ARGUMENT = re.compile(r"(?:^|[(,])\s*verify\s*=\s*False\b")
_ASKS = re.compile(
    r"\b(?:requests|httpx|aiohttp|https?)\b|\b(?:Async)?(?:Client|Session)\s*\("
    r"|\.(?:get|post|put|patch|delete|head|options|request|stream)\s*\(|\b(?:[sS]ession|[cC]lient)\.(?:send|fetch)\s*\("
)
_OF_THE_PROCESS = re.compile(
    r"\bNODE_TLS_REJECT_UNAUTHORIZED\b.{0,8}[=:].{0,4}0|\bPYTHONHTTPSVERIFY\b.{0,8}[=:].{0,4}0"
    r"|\b_create_unverified_context\b|\b_create_default_https_context\s*="
)
_IN_COMMANDS = re.compile(
    r"\bcurl\b(?:[^|;&]|(?<=[^\s|;&])[|;&](?=[^\s|;&])){0,300}\s(?:-(?=[a-zA-Z]{0,20}k)[a-zA-Z]++|--insecure|--proxy-insecure)(?=\s|$|[\"',])|--no-check-certificates?\b"
    r"|\bhttp\.(?:https?://\S+\.)?sslverify[\s=\"',]+(?:false|0|no|off)\b|\bGIT_SSL_NO_VERIFY\b|--trusted-host\b"
    r"|\bstrict-ssl[\"']?[\s=:,\"']+false\b|\bSTRICT_SSL[\s=:\"']+(?:false|0)|\bssl_verify[\s=:\"']+(?:false|no)\b"
    r"|\bssl-verify[\s=:\"']+(?:false|no)\b|--no-verify-ssl\b|--insecure-skip-tls-verify\b|--tls-verify=false"
    r"|\bStrictHostKeyChecking[\s=\"']+(?:no|off)\b|--no-gpg-checks?\b|--nogpgcheck\b|\bgpgcheck\s*=\s*0"
    r"|--allow-unauthenticated\b|\[[^\]]*trusted=yes|\bGOINSECURE\b|\bGONOSUM(?:DB|CHECK)\b|\bGOSUMDB\W{1,3}off\b"
    r"|\bsecure-http[\s=:,\"']+false\b|\bvalidate_certs\s*:\s*(?:false|no)\b|\binsecure_skip_verify\s*[:=]\s*true\b",
    re.IGNORECASE,
)
_DECLARES = re.compile(r"^\s*(?:async\s+)?def\b|^\s*(?:if|elif|assert|while)\b")


def switched_off(case: Case) -> Iterator[Remark]:
    """Checks of certificates, signatures, host keys and origins that no longer take place."""
    for change in case.changes:
        if change.language == "text" or change.same_code:
            continue
        had = Counter(kind for _, kind in _switches(change, change.removed, change.old_statements))
        for line, kind in _switches(change, change.added, change.new_statements):
            if had[kind] > 0:
                had[kind] -= 1
            else:
                yield Remark(
                    change.path, line.number, f"a security check is switched off: {line.text.strip()[:80]}"
                )


def _switches(change: Change, lines: Iterable[Line], side: Iterable[Statement]) -> Iterator[tuple[Line, str]]:
    """The changed lines that switch a check off, with the words by which they do."""
    # A test may say of the code how it behaves without the check.
    in_code = change.is_code and not change.is_test
    for line in lines:
        found = _OF_THE_PROCESS.search(line.bare) or _IN_COMMANDS.search(line.bare)
        if found is None and in_code and not _DECLARES.match(line.code):
            found = _IN_CODE.search(line.bare)
        if found is not None:
            yield line, "".join(found.group().split())
    for statement in side if in_code else ():
        if statement.changed and _ASKS.search(statement.code) and not _DECLARES.match(statement.code):
            for line in statement.lines:
                if line.changed and _ARGUMENT.search(line.code):
                    yield line, "verify=False"
