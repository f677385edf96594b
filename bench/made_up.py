"""Made-up failures, as many as one likes, and what each looks like on another day."""

from __future__ import annotations

import random

from patchpilot.failures import Category, DistilledFailure, Location, LogLine

_NOUNS = """
account address agent archive asset balance basket batch billing booking branch bucket budget cache
campaign cart catalog channel charge checkout client cluster column config contract coupon course
credit currency customer dataset deal delivery device digest discount document domain driver email
engine entry event export feature feed file filter folder gateway grant group handler header history
image import index invoice item journal label lead ledger license limit listing location login
market media member message metric migration model module network notice offer order package page
parser partner patch payment period permission plan player point policy price product profile
project proxy quota quote rating receipt record refund region renderer report request resource
review reward role route rule schedule schema scope search section segment session shipment signal
source stage stock storage stream subscription supplier survey tag target task tax team template
tenant thread ticket token topic tracker trade transfer trigger upload user vendor version view
voucher wallet webhook widget window worker workspace zone
""".split()  # noqa: SIM905  # a list of so many strings is hard to read
_VERBS = """
accept add apply archive assign attach build calculate cancel check clone close collect compare
convert copy count create decode delete deliver detect draw drop encode export fetch filter format
group hash import index insert join list load lock map mark merge migrate move normalise notify open
order parse patch print publish purge push query rank read refresh refund reject release remove
rename render replace reserve reset resolve restore retry revoke rotate round save scan schedule
send sign sort start stop store submit sync trim update upload validate verify write
""".split()  # noqa: SIM905  # a list of so many strings is hard to read
_ERRORS = """
AssertionError TypeError ValueError KeyError AttributeError IndexError ImportError TimeoutError
PermissionError ZeroDivisionError UnicodeDecodeError RecursionError LookupError OverflowError
""".split()  # noqa: SIM905  # a list of so many strings is hard to read


def made_up(number: int) -> DistilledFailure:
    """Failure ``number``: a test of some function in some module, with a traceback and a cause."""
    chance = random.Random(number)
    noun, other, third = chance.sample(_NOUNS, 3)
    verb, error = chance.choice(_VERBS), chance.choice(_ERRORS)
    path = f"src/{noun}/{chance.choice(_NOUNS)}_{other}.py"
    test = f"tests/{noun}/test_{other}.py::test_{verb}_{third}_{chance.choice(_NOUNS)}"
    cause = f"{error}: {verb}_{other}() got {chance.randrange(1000)} for {third}_{chance.choice(_NOUNS)}"
    lines = [
        f"FAILED {test} - {cause}",
        f"{path}:{chance.randrange(400)}: in {verb}_{other}",
        f"    return self.{chance.choice(_NOUNS)}.{chance.choice(_VERBS)}({third})",
        f"{path}:{chance.randrange(400)}: {error}",
        f"1 failed, {chance.randrange(900)} passed in {chance.random() * 90:.2f}s",
    ]
    return _failure(cause, test, path, lines, fingerprint=f"m{number}")


def near_duplicate(failure: DistilledFailure, chance: random.Random) -> DistilledFailure:
    """The same cause met on another day, as a log shows it: never the same fingerprint."""

    def renumbered(line: str) -> str:
        return "".join(chance.choice("0123456789") if mark.isdigit() else mark for mark in line)

    lines = [renumbered(line) for line in failure.text.splitlines()]
    chance.shuffle(lines)
    del lines[: chance.randrange(3)]
    test = failure.tests[0] + chance.choice(["", "_again", "[utf-8]", "_for_guests"])
    path = failure.files[0].path
    if chance.random() < 0.5:
        path = path.replace("src/", "lib/")
    cause = renumbered(failure.cause)
    if chance.random() < 0.3:
        cause = cause.replace("got", "received")
    return _failure(cause, test, path, lines, fingerprint=f"q{chance.random()}")


def _failure(cause: str, test: str, path: str, lines: list[str], *, fingerprint: str) -> DistilledFailure:
    return DistilledFailure(
        text="\n".join(lines),
        category=Category.TEST,
        tool="pytest",
        cause=cause,
        fingerprint=fingerprint,
        tests=(test,),
        files=(Location(path),),
        evidence=(LogLine(1, lines[0] if lines else cause),),
    )
