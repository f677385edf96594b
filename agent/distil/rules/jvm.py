"""Java and its family: maven, gradle, ant, sbt, leiningen, JUnit, and their linters."""

from __future__ import annotations

from agent.distil.rules.rule import BLANK, Role, Rule
from patchpilot.failures import Category

MAVEN = (
    Rule(r"^\[ERROR\] ", 54, "maven", Role.SIGN),
    Rule(r"^\[ERROR\] COMPILATION ERROR", 74, "maven", category=Category.BUILD, after=6),
    Rule(
        r"^\[ERROR\] \S+\.(?:java|kt|scala|groovy):\[?\d+",
        88,
        "maven",
        category=Category.BUILD,
        after=3,
        stop=r"^\[INFO\]",
    ),
    Rule(r"^\[ERROR\] Failed to execute goal", 72, "maven", Role.OUTCOME),
    Rule(
        r"^\[(?:ERROR|FATAL)\] {1,8}(?:Non-parseable|Malformed|Non-readable) POM "
        r"|^\[ERROR\] {1,8}'[\w.]{3,60}' .{0,200}(?:is missing|must be)",
        92,
        "maven",
        category=Category.CONFIG,
        after=1,
    ),
    Rule(
        r"Fatal error compiling: (?:error: )?(?:release version|invalid (?:target|source) release"
        r"|invalid flag)",
        92,
        "maven",
        category=Category.CONFIG,
    ),
    Rule(
        r"^(?:\[ERROR\] )?The forked VM terminated without ",
        90,
        "maven",
        category=Category.TEST,
        after=8,
    ),
    Rule(r"^(?:\[ERROR\] )?Process Exit Code: 137$", 94, "maven", category=Category.RESOURCE, before=5),
    Rule(
        r"^\[ERROR\] {2,8}\S+[.:#>]\S*:\d+",
        84,
        "maven",
        Role.LIST,
        Category.TEST,
        test=r"^\[ERROR\]\s+([\w$.]+[.#]\w+)",
    ),
    Rule(
        r"<<< (?:FAILURE|ERROR)!",
        86,
        "maven",
        category=Category.TEST,
        after=3,
        stop=r"^\[\w+\]|<<< (?:FAILURE|ERROR)!",
        test=r"^(?:\[ERROR\]\s+)?(\S+\(?[\w.$]*\)?)(?:\s+--)?\s+Time elapsed",
        says=(r"^(?:\w+\.)*\w*(?:Error|Exception|Failure|Failed)\b",),
    ),
    Rule(
        r"^(?:\[\w+\] )?Tests run: \d+, +(?:Failures: [1-9]|Failures: \d+, +Errors: [1-9])",
        62,
        "maven",
        Role.OUTCOME,
        Category.TEST,
    ),
    # Mocha, RSpec and many others say so too, without the bracket.
    Rule(r"^(?:Failures|Errors):", 80, "", Role.LIST, Category.TEST, after=4, stop=BLANK),
    Rule(
        r"^\[(?:ERROR|WARNING)\] (?:Failures|Errors):|^(?:\[ERROR\] )?(?:Failed tests|Tests in error):",
        80,
        "maven",
        Role.LIST,
        Category.TEST,
        after=4,
        stop=BLANK,
    ),
    Rule(r"BUILD FAILURE$", 36, "maven", Role.OUTCOME),
    Rule(
        r"Could not resolve dependencies for project|or one of its dependencies could not be resolved"
        r"|Could not find artifact "
        r"|The following artifacts could not be resolved"
        r"|Non-resolvable (?:parent|import) POM|Could not transfer artifact",
        88,
        "maven",
        category=Category.DEPENDENCY,
    ),
    Rule(
        r"(?:Could not transfer artifact|Failed to deploy artifacts?:) .{0,600}(?:status code: 40[13]\b"
        r"|40[13] (?:Unauthorized|Forbidden)|Not authorized)",
        94,
        "maven",
        category=Category.PERMISSION,
    ),
    Rule(
        r"^\[ERROR\] (?:To see the full|Re-run Maven|For more information|-> \[Help|After correcting"
        r"|\[Help 1\]|$)",
        6,
        "maven",
        Role.NOISE,
    ),
    Rule(
        r"^\[ERROR\] .*\.java:\[?\d+.* \[\w+\]$|^\[(?:ERROR|WARN)\] .*\.java:\d+(?::\d+)?: .*\[\w+\]",
        84,
        "checkstyle",
        category=Category.LINT,
    ),
    Rule(
        r"^\[(?:ERROR|WARN(?:ING)?)\] \S+:\[\d+(?:,\d+)?\] \(\w+\) \w+: ",
        90,
        "checkstyle",
        category=Category.LINT,
    ),
    # The plugin whose goal failed says what kind of work went wrong.
    Rule(
        r"Failed to execute goal \S*:\S*(?:checkstyle|pmd|spotbugs|errorprone|animal-sniffer|apache-rat)",
        80,
        "maven",
        Role.OUTCOME,
        Category.LINT,
    ),
    Rule(
        r"Failed to execute goal \S*:\S*(?:spotless|formatter|fmt|sortpom|impsort)\S*plugin",
        80,
        "maven",
        Role.OUTCOME,
        Category.FORMAT,
    ),
    Rule(r"Failed to execute goal \S*:maven-compiler-plugin", 80, "maven", Role.OUTCOME, Category.BUILD),
    Rule(
        r"Failed to execute goal \S*:maven-(?:surefire|failsafe)-plugin",
        80,
        "maven",
        Role.OUTCOME,
        Category.TEST,
    ),
    Rule(
        r"^\[(?:WARNING|ERROR)\] Rule violated for (?:bundle|package|class|method) ",
        88,
        "jacoco",
        category=Category.TEST,
    ),
    Rule(r"Failed to execute goal \S*:jacoco-maven-plugin", 80, "jacoco", Role.OUTCOME, Category.TEST),
    Rule(r"(?i)quality gate (?:status: )?(?:has )?failed", 86, "sonar", category=Category.LINT),
    Rule(
        r"^\[ERROR\] Rule \d+: \S+ failed with message:",
        86,
        "maven",
        category=Category.CONFIG,
        after=2,
    ),
    Rule(
        r"Failed to execute goal \S*:maven-enforcer-plugin",
        86,
        "maven",
        Role.OUTCOME,
        Category.CONFIG,
        after=2,
    ),
    Rule(
        r"Could not transfer artifact .{0,900}(?:\b50[0234]\b|timed out|Connection (?:reset|refused)"
        r"|[Uu]nknown host|UnknownHost|Connect to )",
        92,
        "maven",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(
        r"You have \d+ (?:Checkstyle|PMD) violations?|There (?:is|are) \d+ errors? reported by Checkstyle",
        86,
        "checkstyle",
        Role.OUTCOME,
        Category.LINT,
    ),
    Rule(
        r"(?:files|file) had format violations|Formatting violations found|is not formatted properly"
        r"|not properly formatted",
        88,
        "spotless",
        category=Category.FORMAT,
        after=8,
    ),
    Rule(r"(?:spotlessApply|spotless:apply|Run `format`)", 66, "spotless", Role.DETAIL, Category.FORMAT),
)

GRADLE = (
    Rule(r"^> Task \S+ FAILED", 80, "gradle", Role.OUTCOME, after=3, stop=r"^> Task "),
    Rule(r"^:\S+ FAILED$", 76, "gradle", Role.OUTCOME),
    Rule(r"^\* What went wrong:", 78, "gradle", after=9, stop=r"^\* Try:"),
    Rule(
        r"Gradle build daemon disappeared unexpectedly"
        r"|Gradle Test Executor \d+' finished with non-zero exit value 137",
        88,
        "gradle",
        category=Category.RESOURCE,
    ),
    Rule(r"^Execution failed for task", 76, "gradle", Role.OUTCOME, after=6, stop=r"^\* Try:"),
    Rule(r"^FAILURE: Build (?:failed|completed)", 50, "gradle", Role.OUTCOME),
    Rule(r"^BUILD FAILED\b", 46, "gradle", Role.OUTCOME),
    Rule(
        r"^\S.* > .+ FAILED$",
        88,
        "gradle",
        category=Category.TEST,
        after=8,
        stop=r"^\s*$|^\S.* > .+ [A-Z_]{4,}$|^> Task ",
        test=r"^(\S.* > .*) FAILED$",
        says=(r"^\s+(?:\w+\.)*\w*(?:Error|Exception|Failure)\b", r"^\s+\S"),
    ),
    Rule(r"^\d+ tests? completed, \d+ failed", 72, "gradle", Role.OUTCOME, Category.TEST),
    Rule(
        r"Could not resolve all (?:files|dependencies|artifacts|task dependencies)",
        84,
        "gradle",
        Role.OUTCOME,
        Category.DEPENDENCY,
        after=4,
    ),
    Rule(
        r"^\s*> (?:Could not (?:find|download) \S|Could not resolve [\w.-]+:|No matching (?:variant"
        r"|configuration) of )",
        86,
        "gradle",
        category=Category.DEPENDENCY,
        after=4,
    ),
    # Below "Could not resolve"; says more.
    Rule(
        r"^\s*> (?:No matching (?:variant|configuration) of |Could not (?:GET|HEAD) "
        r"|Could not find [\w.-]+:)",
        90,
        "gradle",
        category=Category.DEPENDENCY,
        before=1,
        after=4,
    ),
    Rule(
        r"Could not find method \w+\(\)|Could not (?:get|set) unknown property"
        r"|^\s*> startup failed:$|Could not compile (?:build|settings) file",
        90,
        "gradle",
        category=Category.CONFIG,
        after=3,
    ),
    Rule(r"^A problem occurred evaluating", 80, "gradle", Role.OUTCOME, Category.CONFIG, after=3),
    Rule(
        r"Unsupported class file major version \d|UnsupportedClassVersionError",
        94,
        "java",
        category=Category.CONFIG,
        before=1,
    ),
    Rule(r"^> Timeout has been exceeded$", 92, "gradle", category=Category.TIMEOUT, before=2),
    Rule(r"^\[ant:checkstyle\] \[(?:ERROR|WARN)\] ", 90, "checkstyle", category=Category.LINT),
    Rule(r"^Plugin \[id: .+ was not found", 90, "gradle", category=Category.DEPENDENCY, after=4),
    Rule(r"^e: \S", 88, "kotlin", category=Category.BUILD),
    # Gradle repeats below what went wrong, set in, what the compiler printed.
    Rule(
        r"^\s{0,4}\S+\.(?:java|kt|groovy|scala):\d+: error: ",
        88,
        "javac",
        category=Category.BUILD,
        after=3,
    ),
    Rule(r"^\d+ errors?$", 56, "javac", Role.OUTCOME),
    Rule(r"^\S+\.kts?:\d+:\d+:? \S", 82, "ktlint", category=Category.LINT),
    Rule(r"^\S+\.kts?:\d+:\d+: .+ \[[A-Z]\w+\]$", 88, "detekt", category=Category.LINT),
    Rule(
        r"^\S+\.(?:xml|java|kts?|gradle|properties):\d+: Error: .+ \[\w+\]$",
        90,
        "android lint",
        category=Category.LINT,
        after=2,
    ),
    Rule(r":\d+:\d+: Lint error|^Lint found \d+ errors?", 84, "lint", category=Category.LINT),
    Rule(
        r"Execution failed for task '[^'\n]*(?:checkstyle|ktlint|spotless|detekt|pmd|spotbugs|lint|format)",
        76,
        "gradle",
        Role.OUTCOME,
        Category.LINT,
    ),
    Rule(r"^\* Try:|^> Run with --|^\* Get more help", 6, "gradle", Role.MUTE),
)

OTHERS = (
    Rule(r"^\S*build\.xml:\d+: ", 78, "ant", Role.OUTCOME, after=3, stop=BLANK),
    Rule(
        r"^(?:\[junit\] )?Testcase: .+(?:FAILED|Caused an ERROR)|Caused an ERROR$",
        84,
        "ant",
        category=Category.TEST,
        after=4,
    ),
    Rule(r"^(?:\[junit\] )?Testcase: ", 34, "ant", Role.SIGN),
    Rule(r"^(?:\[junit\] )?(?:TEST|Test) \S+ FAILED", 82, "ant", category=Category.TEST),
    Rule(r"took .+ FAILED: ", 86, "ant", category=Category.TEST, before=1),
    Rule(r"^\[error\] \S+\.(?:scala|java):\d+(?::\d+)?: ", 88, "sbt", category=Category.BUILD, after=3),
    Rule(r"^\[error\] ", 56, "sbt", Role.SIGN),
    Rule(
        r"\*\*\* FAILED \*\*\*",
        84,
        "scalatest",
        category=Category.TEST,
        after=3,
        stop=r"\*\*\* FAILED \*\*\*|^(?:\[info\] )?- ",
        test=r"- (.+) \*\*\* FAILED",
        says=(r"^(?:\[info\])? {2,}\S",),
    ),
    Rule(
        r"^(?:FAIL|ERROR) in \(",
        86,
        "lein",
        category=Category.TEST,
        after=9,
        stop=BLANK,
        test=r"in \(([^)]+)\)",
    ),
    Rule(r"^\d+ failures, \d+ errors\.", 62, "lein", Role.OUTCOME, Category.TEST),
    Rule(r'^Exception in thread "', 82, "java", after=4),
    Rule(
        r"^(?:\s{0,12}Caused by: )?(?:[a-z][\w$]*\.){1,8}[A-Z][\w$]*(?:Exception|Error|Failure|Failed)\b",
        78,
        "",
        after=2,
        stop=BLANK,
        before=1,
    ),
    Rule(r"^Caused by: ", 72, "", after=1),
    Rule(r"^\s{1,12}at (?:[\w$]+\.){1,12}[\w$<>]+\(", 18, "", Role.DETAIL),
    Rule(
        r"(?:ComparisonFailure|AssertionFailedError|AssertionError|AssertionFailure): ",
        84,
        "",
        category=Category.TEST,
    ),
    Rule(r"expected: ?<.*> but was: ?<", 84, "", category=Category.TEST),
    Rule(
        r"java\.lang\.OutOfMemoryError|GC overhead limit exceeded|Java heap space",
        90,
        "java",
        category=Category.RESOURCE,
    ),
    Rule(
        r"(?:├─|└─) .*(?:\[X\]|✘) ",
        78,
        "junit",
        category=Category.TEST,
        test=r"─ (\S+\(.*\)) (?:\[X\]|✘) ",
    ),
    Rule(
        r"(?:UnknownHostException|SocketTimeoutException|ConnectException|SSLHandshakeException)\b",
        74,
        "java",
        Role.SIGN,
        Category.INFRASTRUCTURE,
    ),
)

RULES = MAVEN + GRADLE + OTHERS
