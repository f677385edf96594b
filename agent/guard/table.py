"""The rules of the patch guard.

A finding of severity *refuse* stops the patch. *Override* stops it too, unless a named person with the right
overrides it. *Note* is only shown. A rule gives a note instead of its own severity where the thing is new:
a new test that is skipped takes nothing away.
"""

from __future__ import annotations

from agent.guard import (
    additions,
    answers,
    assertions,
    builds,
    collection,
    comparisons,
    dependencies,
    evasion,
    hidden,
    origins,
    reach,
    security,
    settings,
    smuggling,
    softening,
    standins,
    subjects,
    swallowing,
    tree,
)
from agent.guard.case import Rule
from patchpilot.fixes import Severity

_R, _O = Severity.REFUSE, Severity.OVERRIDE
_ALL, _CODE = "every file", "Python, JavaScript, TypeScript, Go, Java, Kotlin, Rust, C#, Ruby, PHP"

RULES: tuple[Rule, ...] = (
    Rule(
        "unsafe-path",
        _R,
        _ALL,
        "a path leaves the checkout, reaches into .git or is ambiguous",
        tree.unsafe_paths,
    ),
    Rule("ambiguous-diff", _R, _ALL, "the diff says two things at once", tree.doubts),
    Rule("symlink", _R, _ALL, "a symbolic link is added, changed or removed", tree.symlinks),
    Rule("submodule", _R, _ALL, "a submodule is added, moved or removed", tree.submodules),
    Rule("file-mode", _O, _ALL, "permissions of an existing file change", tree.modes),
    Rule("binary", _R, _ALL, "content that can't be read in a diff", tree.binaries),
    Rule("git-metadata", _R, _ALL, ".gitattributes, .gitmodules and the like", tree.metadata),
    Rule("too-large", _O, _ALL, "more than 400 changed lines", tree.size),
    Rule("secret", _R, _ALL, "a key, token or password is added", hidden.secrets),
    Rule("hidden-text", _R, _ALL, "invisible or reordering characters, mixed alphabets", hidden.hidden_text),
    Rule("test-deleted", _R, _CODE, "a test file or a test is deleted", collection.deleted),
    Rule("test-uncollected", _R, _CODE, "a test stays, but no runner finds it", collection.uncollected),
    Rule("test-skipped", _R, _CODE, "a test that ran is skipped or expected to fail", collection.skipped),
    Rule("test-header", _O, _CODE, "an existing test's signature or decorators change", collection.headed),
    Rule("test-focused", _R, "JavaScript, TypeScript, Ruby, Go", "one test singled out", collection.focused),
    Rule("tests-narrowed", _R, _ALL, "options leave tests out of the run", collection.narrowed),
    Rule("assertion-removed", _R, _CODE, "an assertion is taken out of a test", assertions.removed),
    Rule("assertion-weakened", _R, _CODE, "an assertion accepts more than before", assertions.weakened),
    Rule("tolerance-widened", _R, _CODE, "a tolerance grows", assertions.widened),
    Rule(
        "assertion-unreached",
        _R,
        _CODE,
        "an assertion is put behind a condition or a return",
        reach.unreached,
    ),
    Rule(
        "expectation-edited", _O, _CODE, "an expected value or an input of a test changes", assertions.edited
    ),
    Rule("expected-file", _O, _ALL, "a snapshot, golden file or recording changes", assertions.expectations),
    Rule("subject-mocked", _R, _CODE, "an existing test runs on a stand-in", standins.mocked),
    Rule(
        "subject-replaced",
        _R,
        "Python, JavaScript, TypeScript, Go, Java, Rust",
        "an existing test calls something else by the same name",
        subjects.replaced,
    ),
    Rule("error-swallowed", _O, _CODE, "an error is dropped, caught or not", swallowing.errors),
    Rule("error-softened", _O, _CODE, "an error becomes a remark or a fixed answer", softening.softened),
    Rule("type-loosened", _O, "Python, TypeScript", "a known type becomes anything", softening.loosened),
    Rule("exit-forced", _R, _CODE, "the run ends with success early", swallowing.exits),
    Rule(
        "exit-code-dropped",
        _R,
        "shell, make, YAML, manifests",
        "a command's failure no longer counts",
        swallowing.shell,
    ),
    Rule("runner-bent", _R, _CODE, "hooks or replacements that decide outcomes", swallowing.hooks),
    Rule("warnings-off", _O, _CODE, "warnings are switched off", swallowing.warnings),
    Rule(
        "suppression",
        _O,
        _CODE,
        "noqa, type: ignore, eslint-disable, nolint and the like",
        settings.suppressions,
    ),
    Rule(
        "check-relaxed",
        _O,
        "settings files",
        "settings of a linter, type checker, coverage or runner",
        settings.relaxed,
    ),
    Rule("build-relaxed", _O, "build files, ignore lists", "less is built, run or looked at", builds.relaxed),
    Rule("check-command", _O, "scripts", "a command that runs checks is changed", settings.commands),
    Rule("pipeline-edited", _R, "CI definitions", "what CI runs, or who must agree", settings.pipelines),
    Rule("failure-allowed", _R, "YAML, Groovy", "a failing step would not count", settings.allowed_failures),
    Rule("pin-loosened", _O, "manifests", "a version requirement allows more", dependencies.pins),
    Rule("dependency-added", _O, "manifests", "a package that was not needed before", additions.added),
    Rule("lock-file", _O, "lock files", "a lock file changes", dependencies.locks),
    Rule("package-source", _R, "manifests, scripts", "where packages come from", origins.sources),
    Rule("vendored", _O, _ALL, "vendored or generated code is edited", dependencies.vendored),
    Rule("test-detected", _R, _CODE, "code asks whether it is being tested", evasion.detection),
    Rule("always-equal", _R, _CODE, "a comparison always has the same answer", comparisons.always_equal),
    Rule(
        "security-off",
        _O,
        _ALL,
        "a certificate, a signature or a host key goes unread",
        security.switched_off,
    ),
    Rule("retry-added", _O, _CODE, "a test is repeated or delayed", evasion.retries),
    Rule("hidden-code", _R, _CODE, "decoded, downloaded or composed code runs", smuggling.smuggled),
    Rule("answer-written-down", _O, _CODE, "an answer does not depend on the input", answers.written_down),
    Rule("input-special-cased", _O, _CODE, "an answer is written down for one input", evasion.special_cases),
)
