"""C and C++, Go, Rust, Swift: compilers, build systems, their tests and linters."""

from __future__ import annotations

from agent.distil.rules.rule import BLANK, Role, Rule
from patchpilot.failures import Category

_COMPLAINT = (
    r"(?i:\b(?:want(?:ed)?|got|expected|unexpected|error|err|fail(?:ed|ure)?|mismatch|wrong|invalid|missing"
    r"|cannot|could not|unable|must|should|differs?|not|no|nil|panic|timed out|refused|denied)\b|[!<>]=)"
)
"""What a test says when it is not content, unlike what it only logs."""

C_FAMILY = (
    Rule(r"^\[       OK \] ", 2, "googletest", Role.CLEARED, since=r"^\[ RUN      \] "),
    Rule(r"^.+:\d+(?::\d+)?: (?:fatal )?error: ", 86, "gcc", category=Category.BUILD, after=3),
    Rule(r"^.+:\d+:\d+: error:$", 80, "gcc", category=Category.BUILD, after=2),
    Rule(
        r"undefined reference to|Undefined symbols for architecture|unresolved external symbol"
        r"|multiple definition of",
        86,
        "ld",
        category=Category.BUILD,
        before=1,
        after=3,
        stop=BLANK,
    ),
    Rule(
        r"^(?:/\S*/)?(?:ld|collect2|clang|lld|ld\.lld|x86_64\S*ld)(?:\.\w+)?: (?:error|cannot find"
        r"|library not found|linker command|symbol)",
        76,
        "ld",
        category=Category.BUILD,
    ),
    Rule(
        r"\(\d+(?:,\d+)?\) ?: (?:fatal )?error (?:C|LNK|D|RC|U|MIDL)\d+ ?: ",
        88,
        "msbuild",
        category=Category.BUILD,
    ),
    Rule(r"^LINK : fatal error|: fatal error LNK\d+", 86, "msbuild", category=Category.BUILD),
    Rule(r"\[-Werror\b", 82, "gcc", category=Category.BUILD, after=2),
    Rule(
        r"warnings being treated as errors|all warnings being treated as errors",
        60,
        "gcc",
        Role.OUTCOME,
        Category.BUILD,
    ),
    Rule(
        r"^(?:In file included from|.+: In (?:function|member function|constructor|static member))",
        30,
        "gcc",
        Role.DETAIL,
    ),
    Rule(
        r"\[-Wclang-format-violations\]|code should be clang-formatted",
        88,
        "clang-format",
        category=Category.FORMAT,
        after=3,
    ),
    Rule(r"^(?:gmake|g?make|mingw32-make)(?:\[\d+\])?: \*\*\* ", 54, "make", Role.OUTCOME, before=2),
    Rule(
        r"^(?:gmake|g?make)(?:\[\d+\])?: \*\*\* No rule to make target", 86, "make", category=Category.BUILD
    ),
    Rule(r"^\S*[Mm]akefile:\d+: \*\*\* ", 82, "make", category=Category.BUILD),
    Rule(r"recipe for target '[^'\n]+' failed", 44, "make", Role.OUTCOME),
    Rule(r"^ninja: (?:build stopped|error: )", 46, "ninja", Role.OUTCOME),
    # A target is a file or a small word; sentences of other tools begin with a capital.
    Rule(
        r"^FAILED: (?:\[code=\d+\] )?(?:\S*[./]\S*|[a-z][\w-]*)(?: |$)",
        76,
        "ninja",
        Role.OUTCOME,
        Category.BUILD,
        after=2,
    ),
    Rule(
        r"^CMake Error\b",
        86,
        "cmake",
        category=Category.BUILD,
        after=8,
        stop=r"^-- ",
        says=(r"^ {2}\S",),
    ),
    Rule(r"^-- Configuring incomplete", 50, "cmake", Role.OUTCOME, Category.BUILD),
    Rule(
        r"^(?:configure|checking .*): error: |^configure: error|^meson\.build:\d+:\d+: ERROR",
        88,
        "configure",
        category=Category.BUILD,
        after=4,
    ),
    Rule(r"ERROR: Dependency \"?\S+ not found", 92, "meson", category=Category.DEPENDENCY),
    Rule(
        r"^ERROR: Problem encountered|^\S+meson\.build:\d+:\d+: ERROR: ", 86, "meson", category=Category.BUILD
    ),
    Rule(
        r"\*\*\*(?:Failed|Exception|Timeout|Not Run)",
        84,
        "ctest",
        category=Category.TEST,
        after=8,
        stop=r"^\s{0,8}(?:Start {1,3}\d+: |\d+/\d+ Test {1,4}#)|^\d+% tests passed",
        test=r"Test +#\d+: (\S+)",
        says=(rf"^.*{_COMPLAINT}", r"\S"),
    ),
    Rule(
        r"^\s{1,8}\d+ - \S+ \((?:Failed|Timeout|SEGFAULT|Exception|Not Run|Subprocess|BAD)",
        84,
        "ctest",
        Role.LIST,
        Category.TEST,
        test=r"^\s+\d+ - (\S+)",
    ),
    Rule(r"^The following tests FAILED:", 84, "ctest", Role.LIST, Category.TEST, after=10, stop=BLANK),
    Rule(r"^\d+% tests passed, [1-9]\d* tests? failed", 66, "ctest", Role.OUTCOME, Category.TEST),
    Rule(
        r"\[  FAILED  \] \S",
        82,
        "googletest",
        Role.LIST,
        Category.TEST,
        test=r"\[  FAILED  \] ((?:[\w-]+/)?\w+\.[\w./]+)",
    ),
    Rule(
        r"^.+:\d+: Failure$",
        86,
        "googletest",
        category=Category.TEST,
        opened=r"^\[ RUN      \] ",
        after=8,
        stop=r"^\[|^\s*$",
        says=(r"\S",),
    ),
    # The test's name stands above, set in rules.
    Rule(r"^.+:\d+: FAILED:$", 86, "catch2", category=Category.TEST, after=8, stop=r"^-{5,}|^\.{5,}"),
    Rule(
        r"[Aa]ssertion (?:`|'|‘|\(|\").+ failed|^Assertion failed|: Assertion ",
        84,
        "",
        category=Category.TEST,
        before=1,
    ),
    Rule(
        r"\(core dumped\)|[Ss]egmentation fault|\bSIG(?:SEGV|ABRT|BUS|ILL|FPE)\b|^Aborted\b|[Aa]bort trap"
        r"|[Ii]llegal instruction"
        r"|[Bb]us error|terminate called",
        84,
        "",
        category=Category.TEST,
        before=2,
        after=1,
    ),
    Rule(r"^SUMMARY: \w+Sanitizer: ", 94, "sanitizer", category=Category.TEST),
    Rule(
        r"ERROR: (?:Address|Thread|Leak|Memory|UndefinedBehavior)Sanitizer|^\S+:\d+:\d+: runtime error: ",
        88,
        "sanitizer",
        category=Category.TEST,
        after=6,
    ),
    Rule(
        r"^==\d+== (?:Invalid (?:read|write)|Conditional jump|ERROR SUMMARY: [1-9]|\d.*definitely lost)",
        76,
        "valgrind",
        category=Category.TEST,
        after=3,
    ),
    # The libraries doctest and Boost.Test.
    Rule(
        r"^\S+:\d+: (?:FATAL )?ERROR: (?:CHECK|REQUIRE|test case )",
        92,
        "doctest",
        category=Category.TEST,
        before=3,
        after=2,
    ),
    Rule(r"^TEST CASE: {2}\S", 60, "doctest", Role.LIST, Category.TEST, test=r"^TEST CASE: {2}(.+)"),
    Rule(
        r"^\S+\(\d+\): (?:fatal )?error: in \"[^\"\n]+\": ",
        90,
        "boost.test",
        category=Category.TEST,
        test=r"error: in \"([^\"]+)\": ",
    ),
    # Meson: each test that failed, and how many of each kind there were.
    Rule(
        r"^\s{0,4}\d+/\d+ \S.* {2,}(?:FAIL|TIMEOUT|ERROR|UNEXPECTEDPASS) {2,}[\d.]+s\b",
        84,
        "meson",
        Role.LIST,
        Category.TEST,
        after=3,
        test=r"^\s*\d+/\d+ (?:\S+ - )?(\S+)",
    ),
    Rule(r"^(?:Ok|Expected Fail|Unexpected Pass|Skipped): {4,}\d", 2, "meson", Role.MUTE),
    # CTest.
    Rule(
        r"^\s{0,6}(?:Start {1,3}\d+: |\d+/\d+ Test {1,4}#\d+: \S+ \.+ {1,5}Passed )", 2, "ctest", Role.NOISE
    ),
    Rule(
        r"^ERROR: (?:Package '\S+' not resolved|Missing (?:binary|prebuilt package))",
        90,
        "conan",
        category=Category.DEPENDENCY,
        after=2,
    ),
    Rule(
        r"^\S+\.l?hs:\d+:\d+: error:",
        90,
        "ghc",
        category=Category.BUILD,
        after=5,
        stop=BLANK,
        says=(r"^\s+[^\s|]",),
    ),
    Rule(r"^FAIL: \S", 78, "automake", Role.LIST, Category.TEST, test=r"^FAIL: (\S+)"),
    Rule(r"^# (?:FAIL|ERROR): {1,8}[1-9]", 60, "automake", Role.OUTCOME, Category.TEST),
    # Of an action that failed the program's own words follow: https://bazel.build/docs/user-manual
    Rule(
        r"^ERROR: \S+/BUILD(?:\.bazel)?:\d+:\d+: |^ERROR: Analysis of target '",
        72,
        "bazel",
        category=Category.BUILD,
        after=1,
    ),
    Rule(r"^ERROR: \S+/BUILD\S*:\d+", 72, "bazel"),
    Rule(r"^ERROR: //|^FAIL: //|^//\S+ {2,80}(?:FAILED|TIMEOUT)", 80, "bazel"),
    Rule(
        r"^\S+: (?:warning|error): .+(?:,-warnings-as-errors"
        r"|\[(?:modernize|readability|bugprone|performance|cppcoreguidelines|clang-analyzer|misc|google|cert"
        r"|hicpp|llvm|portability|concurrency)-[\w.,-]+)\]$",
        90,
        "clang-tidy",
        category=Category.LINT,
        after=2,
    ),
    Rule(
        r"^\S+: warning: .+ \[[a-z]+(?:-[\w.]+)+(?:,-warnings-as-errors)?\]$",
        50,
        "clang-tidy",
        category=Category.LINT,
    ),
    Rule(
        r"^\s{1,8}test\w+(?:\(\))?, \S",
        86,
        "xctest",
        category=Category.TEST,
        before=1,
        after=6,
        heading=True,
        stop=BLANK,
        test=r"^\s+(test\w+)",
    ),
    Rule(r"Executed \d+ tests?, with [1-9]\d* failures?", 64, "xctest", Role.OUTCOME, Category.TEST),
    Rule(r"^\S+\.swift:\d+:\d+: (?:fatal )?error: ", 88, "swift", category=Category.BUILD, after=3),
    Rule(r"^\*\* (?:TEST|BUILD|ARCHIVE|CLEAN) FAILED \*\*", 52, "xcodebuild", Role.OUTCOME),
    Rule(
        r": error: -\[\w+(?:\.\w+)? \w+\] : ",
        88,
        "xcodebuild",
        category=Category.TEST,
        test=r"-\[([\w.]+ \w+)\]",
    ),
    Rule(
        r"^\S+\.swift:\d+: error: \S+ : ",
        90,
        "xctest",
        category=Category.TEST,
        test=r": error: (\S+) : ",
    ),
    Rule(
        r"^✘ Test \S.* recorded an issue at ",
        90,
        "swift testing",
        category=Category.TEST,
        test=r"^✘ Test (\S.*) recorded an issue at ",
    ),
    Rule(r"^✘ Test .* failed after ", 60, "swift testing", Role.OUTCOME, Category.TEST),
    Rule(r"^\s{0,4}✗ |^\s{0,4}❌ {1,2}\S", 76, ""),
    Rule(
        r"^Test Case .+ failed \(",
        80,
        "xcodebuild",
        Role.LIST,
        Category.TEST,
        # Objective-C's spelling of a method, as the line with what is wrong has it, or Swift's on Linux.
        test=r"Test Case '(?:-\[)?(.+?)\]?' failed",
    ),
    Rule(
        r"^The following build commands failed:|^Testing failed:|^Failing tests:",
        66,
        "xcodebuild",
        Role.LIST,
        after=5,
    ),
    Rule(r"^xcodebuild: error: ", 86, "xcodebuild", category=Category.CONFIG, after=4),
    Rule(
        r"^\S+\.swift:\d+(?::\d+)?: (?:warning|error): [\w ]{3,60} Violation: ",
        90,
        "swiftlint",
        category=Category.LINT,
    ),
    Rule(
        r"^\S+:\d+:\d+: (?:error|warning|style|performance|portability): .+ \[[a-z]+[A-Z]\w*\]$",
        90,
        "cppcheck",
        category=Category.LINT,
        after=2,
    ),
    Rule(r"^\S+\.swift:\d+:\d+: (?:warning|error): .+ \(\w+\)$", 78, "swiftlint", category=Category.LINT),
)

GO = (
    Rule(r"^\s*--- (?:PASS|SKIP): ", 2, "go test", Role.CLEARED, since=r"^\s*=== (?:RUN|CONT|NAME) "),
    Rule(r"^=== (?:RUN|PAUSE|CONT|NAME) ", 2, "go test", Role.NOISE),
    Rule(r"^ok  \t\S", 2, "go test", Role.NOISE),
    Rule(
        r"\[FAIL\] .*\[It\]",
        84,
        "ginkgo",
        Role.LIST,
        Category.TEST,
        after=1,
        test=r"\[FAIL\] (.+)",
    ),
    Rule(
        r"^• \[(?:FAILED|PANICKED|TIMEDOUT)\]|^• Failure ",
        84,
        "ginkgo",
        Role.OUTCOME,
        Category.TEST,
        after=4,
    ),
    Rule(
        r"^\s*\[(?:FAILED|PANICKED|TIMEDOUT)\] \S",
        84,
        "ginkgo",
        category=Category.TEST,
        before=1,
        after=10,
        stop=r"^-{5,}",
    ),
    Rule(r"^Summarizing \d+ Failures?:", 78, "ginkgo", Role.LIST, Category.TEST, after=5),
    Rule(r"^Ran \d+ of \d+ Specs in ", 60, "ginkgo", Role.OUTCOME),
    Rule(
        r"^\s{0,12}--- FAIL: ",
        88,
        "go test",
        category=Category.TEST,
        after=10,
        stop=r"^\s{0,12}--- (?:PASS|FAIL|SKIP)|^=== |^(?:ok|FAIL)\b",
        test=r"--- FAIL: (\S+)",
        says=(
            # testify and the like; a panic; a comparison; whatever else the test printed.
            r"^\s+Error:\s+\S",
            r"^\s*panic: ",
            rf"^\s+\S+\.go:\d+: .*{_COMPLAINT}",
            r"^\s+\S+\.go:\d+: \S",
            # An example, whose output differs.
            r"^got:$",
        ),
        opened=r"^\s*=== (?:RUN|NAME|CONT) ",
    ),
    Rule(r"^FAIL\t\S", 64, "go test", Role.OUTCOME, Category.TEST),
    Rule(r"^FAIL$", 24, "go test", Role.OUTCOME),
    Rule(r"^FAIL\t.+\[(?:build|setup) failed\]", 74, "go test", Role.OUTCOME, Category.BUILD),
    Rule(r"^\s{1,16}\S+_test\.go:\d+: ", 56, "go test", Role.SIGN, after=2),
    Rule(
        r"^panic: |^fatal error: (?:all goroutines are asleep|concurrent map|stack overflow"
        r"|unexpected signal|runtime: |sync: )",
        86,
        "go",
        category=Category.TEST,
        after=10,
    ),
    Rule(r"^panic: .+ \[recovered(?:, repanicked)?\]$", 86, "go test", category=Category.TEST),
    Rule(
        r"^panic: test timed out after",
        93,
        "go test",
        category=Category.TIMEOUT,
        after=6,
        stop=BLANK,
        says=(r"^\t{1,2}(?:Test|Fuzz|Example)\S* \(",),
    ),
    Rule(r"^\t{1,2}(?:Test|Fuzz|Example)\S* \(\d[\dhms.]*\)$", 70, "go test", Role.LIST, test=r"^\t+(\S+)"),
    # gotestsum's own report; the package stands before the test.
    Rule(
        r"^=== FAIL: \S+ \S",
        88,
        "go test",
        category=Category.TEST,
        after=10,
        stop=r"^=== |^DONE ",
        test=r"^=== FAIL: \S+ (\S+)",
        says=(rf"^\s+\S+\.go:\d+: .*{_COMPLAINT}", r"^\s+\S+\.go:\d+: \S"),
    ),
    Rule(r"^\s{1,12}Error(?: Trace)?:\s", 78, "go test", Role.DETAIL, after=6, stop=BLANK),
    Rule(r"^(?:vet: )?(?:\./)?\S+\.go:\d+:\d+: \S", 84, "go build", category=Category.BUILD),
    Rule(
        r"^\S+\.go:\d+:\d+: (?:\S+ format %|\S+ (?:call has|arg list ends)|.*(?:passes|copies) lock"
        r"|struct field (?:tag|\w+ repeats)|result of \S+ call not used|unreachable code|possible misuse of"
        r"|composite literal uses unkeyed|self-assignment of|the cancel function|loop variable \w+ captured"
        r"|non-constant format string|\S+ is a func value, not called)",
        90,
        "go vet",
        category=Category.LINT,
    ),
    Rule(r"^\S+\.go:\d+:\d+: .+ \((?:SA|ST|S|U|QF)\d{4}\)$", 92, "staticcheck", category=Category.LINT),
    Rule(
        r"^Vulnerability #\d+: ",
        90,
        "govulncheck",
        category=Category.DEPENDENCY,
        after=8,
        stop=r"^Vulnerability #",
        says=(r"^ {2,}\S",),
    ),
    Rule(r"^Your code is affected by [1-9]", 70, "govulncheck", Role.OUTCOME, Category.DEPENDENCY),
    Rule(r"^(?:\./)?\S+\.go:\d+:\d+: syntax error: ", 90, "go build", category=Category.SYNTAX),
    Rule(
        r"^diff (?:-u )?\S+\.go\.orig \S+\.go$",
        88,
        "gofmt",
        category=Category.FORMAT,
        after=12,
        stop=r"^diff |^##\[",
    ),
    Rule(
        r"^(?:##\[error\]|\s{0,4}Error: )?\S+\.go:\d+(?::\d+)?: .+ \([\w-]{2,30}\)$",
        88,
        "golangci-lint",
        category=Category.LINT,
        after=2,
    ),
    Rule(
        r"^level=error msg=\".{0,80}(?:context loading failed|no go files to analyze|can't load config)"
        r"|^Error: can't load config",
        88,
        "golangci-lint",
        category=Category.CONFIG,
        after=1,
    ),
    Rule(r"^\d+ issues:|^level=error ", 60, "golangci-lint", Role.OUTCOME, Category.LINT),
    Rule(
        r"^go: .*(?:unknown revision|no matching versions|requires go >= |invalid version|missing go\.sum"
        r"|reading "
        r"|updates to go\.(?:mod|sum) needed)",
        88,
        "go",
        category=Category.DEPENDENCY,
    ),
    Rule(
        r"(?:cannot find (?:package|module providing package)|no required module provides package"
        r"|missing go\.sum entry"
        r"|is not in (?:std|GOROOT))",
        86,
        "go",
        category=Category.DEPENDENCY,
    ),
    Rule(
        r"^WARNING: DATA RACE",
        88,
        "go test",
        category=Category.TEST,
        after=8,
        stop=r"^={5,}$",
        says=(r"^(?:Read|Write) at ",),
    ),
    Rule(r"^exit status [1-9]\d{0,2}$", 30, "", Role.OUTCOME),
    Rule(r"^# [\w.-]+(?:/[\w.-]+)+(?: \[.+\])?$", 40, "go build", Role.DETAIL),
)

RUST = (
    Rule(
        r"^error: failed to run custom build command",
        94,
        "cargo",
        category=Category.BUILD,
        after=6,
        stop=r"^(?:error|warning): ",
        says=(r"panicked at ", r"^ {2}(?:error|fatal)\b", r"^ {2}process didn't exit successfully"),
    ),
    Rule(r"^error\[E\d{4}\]: ", 88, "cargo", category=Category.BUILD, after=9, stop=BLANK),
    Rule(r"^\S+\.rs:\d+:\d+: error(?:\[E\d{4}\])?: ", 88, "cargo", category=Category.BUILD),
    Rule(
        r"^\s{0,8}--> \S*Cargo\.toml:\d+:\d+$", 88, "cargo", Role.DETAIL, Category.CONFIG, before=1, after=4
    ),
    Rule(r"^error: \S", 78, "", after=6, stop=BLANK),
    Rule(r"^\s{0,8}--> \S+\.rs:\d+:\d+", 72, "cargo", Role.DETAIL, Category.BUILD, before=1, after=2),
    Rule(r"^\s{0,8}--> \S+:\d+:\d+", 70, "", Role.DETAIL, before=1, after=2),
    Rule(r"^\s+= (?:help|note): ", 44, "cargo", Role.DETAIL),
    # A lint of the compiler's own that was made an error, as `cargo clippy -- -D warnings` does.
    Rule(r"= note: `-D [\w-]+` implied by `-D warnings`", 62, "clippy", Role.OUTCOME, Category.LINT),
    Rule(
        r"^(?:warning: build failed|error: could not compile|error: aborting due to|error: build failed"
        r"|error: test failed)",
        54,
        "cargo",
        Role.OUTCOME,
    ),
    Rule(r"^error: process didn't exit successfully", 56, "cargo", Role.OUTCOME),
    Rule(
        r"^test .+ \.\.\. FAILED",
        84,
        "cargo test",
        Role.LIST,
        Category.TEST,
        test=r"^test (\S+(?: - .+ \(line \d+\))?)",
    ),
    Rule(
        r"^---- .+ stdout ----",
        88,
        "cargo test",
        category=Category.TEST,
        after=7,
        stop=r"^note: (?:run with|[Ss]ome details)",
        test=r"^---- (\S+(?: - .+ \(line \d+\))?)",
        says=(r"panicked at ", r"^Error: ", r"\S"),
    ),
    Rule(r"panicked at ", 86, "cargo test", category=Category.TEST, after=3, stop=BLANK),
    Rule(r"^test result: FAILED", 62, "cargo test", Role.OUTCOME, Category.TEST),
    Rule(r"^failures:$", 54, "cargo test", Role.LIST, Category.TEST, after=5),
    Rule(
        r"^\s{1,8}(?:FAIL|SIGABRT|SIGSEGV|TIMEOUT) \[ {1,6}[\d.]+s\]",
        80,
        "nextest",
        Role.LIST,
        Category.TEST,
        test=r"s\] .*?(\S+)$",
    ),
    Rule(r"^Diff in \S", 88, "rustfmt", category=Category.FORMAT, after=9, stop=r"^Diff in "),
    # Below each finding; what is wrong stands above.
    Rule(r"`-D clippy::|#\[(?:deny|warn)\(clippy::|rust-clippy/", 90, "clippy", Role.OUTCOME, Category.LINT),
    Rule(
        r"^error: failed to (?:select a version|resolve patches|load source|get|download|parse lock|update"
        r"|fetch `|query)",
        88,
        "cargo",
        category=Category.DEPENDENCY,
        after=8,
    ),
    Rule(
        r"^error: (?:failed to parse manifest|could not find `Cargo\.toml`|no matching package"
        r"|the lock file|package `[^`]+` (?:cannot|requires|does not|depends)|cannot update the lock file)",
        88,
        "cargo",
        category=Category.DEPENDENCY,
        after=6,
    ),
    Rule(
        r"^error: linking with ",
        88,
        "cargo",
        category=Category.BUILD,
        after=8,
        stop=BLANK,
        says=(r"undefined reference to|ld(?:\.\w{2,6})?: (?:cannot find|unable to find|symbol)|LNK\d{4}",),
    ),
    Rule(
        r"^Crate: {4,6}\S",
        88,
        "cargo audit",
        category=Category.DEPENDENCY,
        after=7,
        stop=BLANK,
        says=(r"^Title: ",),
    ),
    Rule(r"^error\[[a-z][a-z-]{2,40}\]: ", 86, "cargo-deny", category=Category.LINT, after=6),
    Rule(
        r"^error: toolchain '|^error: component |^error: could not download",
        86,
        "rustup",
        category=Category.INFRASTRUCTURE,
        after=3,
    ),
    Rule(r"^tidy error: ", 86, "tidy", category=Category.LINT),
)

RULES = C_FAMILY + GO + RUST
