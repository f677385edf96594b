"""The rule about code that a reader of the patch does not get to see: decoded, downloaded, sent away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.guard.case import Case, Remark

_RUNS = re.compile(
    r"(?:\bexec|\beval|\bcompile|\bnew\s+Function|(?<!\.)\bFunction|\bvm\.run\w*|\bloadstring"
    r"|\bpickle\.loads|\bmarshal\.loads|\binstance_eval|\bclass_eval|\bos\.system|\bsubprocess\.\w+"
    r"|\bchild_process\.\w+|\bexecSync|\bexec\.Command|\bRuntime\.getRuntime\(\)\.exec)\s*\("
)
_HIDDEN = re.compile(
    r"(?:\bb(?:ase)?64\w*|\bb\d\ddecode|\bfromhex|\bunhexlify|\brot_?13|\bzlib\.decompress|\batob\s*\("
    r"|[\"']base64[\"']|\bfromCharCode|\bdecodeURIComponent|\bDecodeString|\bgetDecoder|\bchr\s*\([^)]*\)\s*\+"
    r"|\burlopen|\burlretrieve|\brequests\.(?:get|post)|\bhttpx\.\w+|\bfetch\s*\(|\bhttp\.Get|\bcodecs\.decode)"
)
_SENDS = re.compile(
    r"(?:\burlopen|\brequests\.(?:get|post|put)|\bhttpx\.\w+|\bfetch|\bhttp\.(?:Get|Post)|\bsocket\.\w+|\baxios\.\w+"
    r"|\bcurl|\bwget|\bnc)\b"
)
_SECRETS = re.compile(
    r"\bos\.environ\b(?!\s*[.\[])|\bdict\(\s*os\.environ|\bJSON\.stringify\(\s*process\.env\s*\)|\bos\.Environ\(\)"
    r"|\$\(env\)|`env`|\bprintenv\b|(?:^|[\s;&|(])env\s*\||\.ssh/|\.aws/|\.netrc|/etc/passwd|id_rsa"
)
_COMPOSED = re.compile(
    r"\bgetattr\s*\(\s*(?:__builtins__|builtins|os|sys|subprocess|importlib)\s*,\s*[\"'][^\"']*[\"']\s*\+"
    r"|\b__import__\s*\(\s*(?:[\"'][^\"']*[\"']\s*\+|chr\b|\w+\s*\[)"
    r"|\bglobal(?:This)?\s*\[\s*[\"'][^\"']*[\"']\s*\+"
)


_LINKNAME = re.compile(r"^//go:linkname\b|^//go:embed\b.*_test")


def smuggled(case: Case) -> Iterator[Remark]:
    """Code that is decoded, downloaded or composed before it runs, and secrets that are sent away."""
    for change in case.changes:
        if change.language == "text" or change.same_code:
            continue
        had = {"".join(line.text.split()) for line in change.removed}
        for line in change.added:
            if "".join(line.text.split()) in had:
                continue
            if _LINKNAME.search(line.comment):
                yield Remark(
                    change.path, line.number, f"another body is put under a name: {line.comment[:80]}"
                )
            if (_RUNS.search(line.bare) and _HIDDEN.search(line.bare)) or _COMPOSED.search(line.bare):
                what = "code that can't be read here is run"
            elif _SENDS.search(line.bare) and _SECRETS.search(line.bare):
                what = "the environment or a secret is sent away"
            else:
                continue
            yield Remark(change.path, line.number, f"{what}: {line.text.strip()[:80]}")
