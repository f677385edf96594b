"""Ruby, PHP, .NET, Elixir, Perl, R, TeX, Lua, shell and infrastructure as code."""

from __future__ import annotations

from agent.distil.rules.rule import BLANK, Role, Rule
from patchpilot.failures import Category

RUBY = (
    Rule(
        r"^rspec \S+(?::\d+|\[[\d:,]+\])",
        84,
        "rspec",
        Role.LIST,
        Category.TEST,
        # Where the example stands and what it is called: the line alone moves with every edit above it.
        test=r"^rspec (\S+(?: # \S.*)?)",
    ),
    Rule(
        r"Failure/Error:",
        86,
        "rspec",
        category=Category.TEST,
        before=1,
        after=8,
        stop=r"^\s{0,8}\d+\) |^Finished in ",
        # An exception's class, then its message; what was expected; whatever else a matcher says.
        says=(r"^\s+(?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception)\w*:", r"^\s+expected\b", r"^\s+[^\s#]"),
    ),
    Rule(r"^\d+ examples?, [1-9]\d* failures?", 66, "rspec", Role.OUTCOME, Category.TEST),
    Rule(
        r"^\s{0,8}\d+\) (?:Failure|Error|Skipped):",
        88,
        "minitest",
        category=Category.TEST,
        after=7,
        stop=r"^\s{0,8}\d+\) ",
    ),
    # Below the number, or, as Rails prints it, below "Failure:": the test, then what is wrong with it.
    Rule(
        r"^(?:\w[\w:]*#test_\S+|test_\S+\([\w:]+\))(?: \[[^\]\n]+\])?:$",
        87,
        "minitest",
        category=Category.TEST,
        before=1,
        after=6,
        stop=r"^\s{0,8}\d+\) |^(?:bin/)?rails test |^\d+ (?:runs|tests), ",
        says=(r"\S",),
        test=r"^(\w[\w:]*#test_[^\s:]+|test_[^\s(]+\([\w:]+\))",
    ),
    Rule(r"^\d+ (?:runs|tests), .+[1-9]\d* (?:failures|errors)", 64, "minitest", Role.OUTCOME, Category.TEST),
    Rule(r"^\S+:\d+:\d+: [CRW]: ", 84, "rubocop", category=Category.LINT, after=2),
    Rule(r"^\S+:\d+:\d+: [EF]: ", 92, "rubocop", category=Category.LINT, after=2),
    # --format simple, below the file's name; --format github, as GitHub shows it.
    Rule(r"^[CRWEF]: {1,4}\d+: {1,4}\d+: \S", 86, "rubocop", category=Category.LINT),
    Rule(
        r"^(?:##\[error\]|::error file=[^:]{1,300}::)(?:Layout|Style|Lint|Metrics|Naming|Security|Rails"
        r"|RSpec|Performance|Bundler|Gemspec)/\w+: ",
        88,
        "rubocop",
        category=Category.LINT,
    ),
    Rule(r"^\d+ files? inspected, [1-9]\d* offenses?", 66, "rubocop", Role.OUTCOME, Category.LINT),
    Rule(r"^rake aborted!", 76, "rake", Role.OUTCOME, after=5, says=(r"\S",)),
    Rule(
        r"Gemfile and Gemfile\.lock are out of sync|^Your bundle (?:is locked to|only supports platforms) "
        r"|Bundler could not find compatible versions|Could not find (?:gem|compatible versions .)"
        r"|^Could not find \S+-\d\S* in",
        88,
        "bundler",
        category=Category.DEPENDENCY,
        after=6,
    ),
    Rule(
        r"^\s{0,4}Could not find compatible versions$",
        88,
        "bundler",
        category=Category.DEPENDENCY,
        after=8,
        stop=r"^##\[",
        says=(r"^\s*Because ",),
    ),
    Rule(
        r"An error occurred while installing|Bundler cannot continue"
        r"|Your Ruby version is .+, but your Gemfile",
        86,
        "bundler",
        category=Category.DEPENDENCY,
        after=3,
    ),
    Rule(
        r"^The dependencies in your gemfile changed",
        90,
        "bundler",
        category=Category.DEPENDENCY,
        after=5,
        says=(r"^\* \S",),
    ),
    Rule(
        r"^Confidence: (?:High|Medium|Weak)$",
        88,
        "brakeman",
        category=Category.LINT,
        after=6,
        stop=BLANK,
        says=(r"^Message: ",),
    ),
    Rule(
        r"^Criticality: \w+$",
        88,
        "bundler-audit",
        category=Category.DEPENDENCY,
        before=4,
        after=3,
        stop=BLANK,
        says=(r"^Title: ",),
    ),
    Rule(r"Gem::Ext::BuildError", 80, "bundler", category=Category.DEPENDENCY, after=3),
    Rule(r"^\S+\.rb:\d+:in [`']", 56, "ruby", Role.SIGN),
    Rule(r"\bSyntaxError: \S+\.rb:\d+: ", 90, "ruby", category=Category.SYNTAX, after=2),
    Rule(r"^\S+\.rb:\d+: (?:syntax error|warning: .+syntax)", 86, "ruby", category=Category.SYNTAX),
    Rule(
        r"^(?:\S+: )?(?:undefined (?:local variable or )?method|uninitialized constant"
        r"|cannot load such file)",
        80,
        "ruby",
    ),
    # Cucumber for JavaScript numbers the scenarios that failed.
    Rule(
        r"^\d+\) Scenario: .+ # \S+\.feature:\d+$",
        88,
        "cucumber",
        category=Category.TEST,
        after=12,
        stop=r"^\d+\) Scenario: |^\d+ scenarios? \(",
        test=r"# (\S+\.feature:\d+)$",
        says=(r"^\s+\w*Error\b.*: ", r"^\s+(?:✖|\?) "),
    ),
    # behave and Behat list them, as Cucumber for Ruby does.
    Rule(
        r"^ {2}\S+\.feature:\d+ {2}\S",
        80,
        "behave",
        Role.LIST,
        Category.TEST,
        test=r"^ {2}(\S+\.feature:\d+) ",
    ),
    Rule(r"^ {4}\S+\.feature:\d+$", 80, "behat", Role.LIST, Category.TEST, test=r"^ {4}(\S+\.feature:\d+)$"),
    Rule(r"^--- Failed scenarios:$", 84, "behat", Role.OUTCOME, Category.TEST, after=3),
    Rule(r"^cucumber \S+:\d+", 80, "cucumber", Role.LIST, Category.TEST, test=r"^cucumber (\S+)"),
)

PHP = (
    Rule(
        r"^There (?:was|were) \d+ (?:failure|error|risky|warning)s?:",
        62,
        "phpunit",
        Role.OUTCOME,
        Category.TEST,
    ),
    Rule(
        r"^\d+\) \S+::\S",
        88,
        "phpunit",
        category=Category.TEST,
        after=8,
        stop=r"^\d+\) |^--$|^(?:FAILURES|ERRORS)!$",
        test=r"^\d+\) (\S+(?: with data set (?:\"[^\"]*\"|#\d+))?)",
        says=(r"^Failed asserting that", r"\S"),
    ),
    # --testdox: the test in words, then a box.
    Rule(
        r"^\s{1,4}✘ [^\s\[]",
        88,
        "phpunit",
        category=Category.TEST,
        after=8,
        stop=r"^\s{0,4}[✘✔] |^\s*$",
        test=r"^\s*✘ (.+)",
        says=(r"^\s+├ Failed asserting", r"^\s+├ \S"),
    ),
    Rule(
        r"^\s{1,4}FAILED {2}\S.* > ",
        88,
        "pest",
        category=Category.TEST,
        after=8,
        stop=r"^\s{1,4}FAILED {2}",
        # The kind of the exception stands at the end of the line.
        test=r"FAILED {2}(\S+ > \S+(?: \S+)*)",
        says=(r"\S",),
    ),
    # Symfony's console, and so Composer: what is wrong stands in a box below the place that threw.
    Rule(
        r"^(?:\s{0,4})In \S+\.php line \d+:$",
        84,
        "php",
        after=5,
        says=(r"^\s{2,6}\S",),
    ),
    Rule(r"^\s{0,4}Failed asserting that", 86, "phpunit", category=Category.TEST, after=6, stop=r"^\d+\) "),
    # Whoever runs PHPUnit's assertions below a step of a scenario.
    Rule(r"^\s{5,12}Failed asserting that", 86, "", category=Category.TEST, before=1, after=2, stop=BLANK),
    Rule(r"^(?:FAILURES|ERRORS)!$", 50, "phpunit", Role.OUTCOME, Category.TEST),
    Rule(r"^Tests: \d+, Assertions: \d+, ", 60, "phpunit", Role.OUTCOME, Category.TEST),
    Rule(r"PHP (?:Fatal|Recoverable fatal) error: |^Fatal error: ", 86, "php", after=3),
    Rule(r"(?:PHP )?Parse error: ", 90, "php", category=Category.SYNTAX, after=1),
    Rule(
        r"^FILE: \S",
        86,
        "phpcs",
        category=Category.LINT,
        after=6,
        stop=BLANK,
        says=(r"^\s{0,6}\d+ \| ERROR ", r"^\s{0,6}\d+ \| WARNING "),
    ),
    Rule(r"^\s{0,6}\d+ \| ERROR {1,4}\| ", 84, "phpcs", Role.LIST, Category.LINT),
    Rule(r"^FOUND \d+ ERRORS? ", 66, "phpcs", Role.OUTCOME, Category.LINT),
    Rule(r"^ \[ERROR\] Found \d+ errors?", 70, "phpstan", Role.OUTCOME, Category.TYPE),
    Rule(
        r"^ {1,2}Line {3,}\S",
        88,
        "phpstan",
        category=Category.TYPE,
        after=14,
        stop=BLANK,
        says=(r"^ {1,2}:?\d+ {2,}\S",),
    ),
    Rule(r"^Could not authenticate against ", 92, "composer", category=Category.PERMISSION),
    Rule(r"^(?:ERROR|INFO): \w+ - \S+\.php:\d+:\d+ - ", 90, "psalm", category=Category.TYPE, after=1),
    Rule(
        r"does not contain valid JSON|does not match the expected JSON schema",
        90,
        "composer",
        category=Category.CONFIG,
        after=2,
    ),
    Rule(
        r"Your requirements could not be resolved to an installable set",
        88,
        "composer",
        category=Category.DEPENDENCY,
        after=8,
        says=(r"^\s+- \S",),
    ),
    Rule(
        r"^\s{0,8}Problem \d+$",
        80,
        "composer",
        category=Category.DEPENDENCY,
        after=4,
        stop=r"^\s{0,8}Problem \d+$",
        says=(r"^\s+- \S",),
    ),
    Rule(r"^ {2,3}\d+\) \S+\.php(?: \(|$)", 84, "php-cs-fixer", category=Category.FORMAT),
)

_DOTNET_SAYS = (
    r"^(?:\[xUnit\.net [\d:.]+\])?\s+(?:Assert\.\S|Assert\w+ failed|(?:[A-Z]\w*\.){1,8}\w+Exception : "
    r"|Expected\b|But was\b|Did not expect |Test method \S+ threw )"
)
"""What an assertion of xUnit, NUnit, MSTest or FluentAssertions, or an exception, says."""

DOTNET = (
    Rule(r": error (?:CS|FS|BC|MSB|NETSDK|CA|SA|IDE|AD|RZ|XA)\d+ ?: ", 88, "dotnet", category=Category.BUILD),
    Rule(
        r": (?:error|warning) (?:WHITESPACE|FINALNEWLINE|ENDOFLINE|CHARSET|IMPORTS): ",
        88,
        "dotnet format",
        category=Category.FORMAT,
    ),
    Rule(r": error NU\d+ ?: ", 88, "nuget", category=Category.DEPENDENCY),
    Rule(
        r"Unable to load the service index for source|^.+NuGet\.targets\(\d+,\d+\): error : ",
        86,
        "nuget",
        category=Category.INFRASTRUCTURE,
        after=1,
    ),
    Rule(
        r"Response status code does not indicate success: 40[13]\b",
        94,
        "nuget",
        category=Category.PERMISSION,
        before=1,
    ),
    Rule(
        r"^\s{1,8}Failed \S.* \[[<\d]",
        86,
        "dotnet test",
        category=Category.TEST,
        after=8,
        stop=r"^\s{1,8}(?:Failed|Passed|Skipped) \S.* \[|^\[xUnit",
        test=r"^\s+Failed (\S.*) \[",
        says=(_DOTNET_SAYS, r"^ {3}\S"),
    ),
    Rule(r"^\s{0,8}Error Message:", 78, "dotnet test", Role.DETAIL, before=1, after=6, stop=r"Stack Trace:"),
    Rule(
        r"\[xUnit\.net [\d:.]+\].+\[FAIL\]",
        84,
        "xunit",
        category=Category.TEST,
        after=6,
        stop=r"^\[xUnit\.net [\d:.]+\].+\[FAIL\]|^\s{1,8}(?:Failed|Passed) \S.* \[",
        test=r"\]\s+(\S.*) \[FAIL\]",
        says=(_DOTNET_SAYS,),
    ),
    Rule(
        r"^(?:Failed! {1,3}- Failed: |Test Run Failed|Total tests: \d+.*Failed: [1-9])",
        60,
        "dotnet test",
        Role.OUTCOME,
        Category.TEST,
    ),
    Rule(r"^\s{0,8}\d+\) (?:Failed|Error|Invalid) : ", 86, "nunit", category=Category.TEST, after=8),
    Rule(r"^Build FAILED\.", 50, "dotnet", Role.OUTCOME),
    Rule(
        r"^The active test run was aborted\. Reason: ",
        90,
        "dotnet test",
        category=Category.TEST,
        after=2,
    ),
    Rule(
        r"The specified inactivity time of \d+ \w+ has elapsed", 92, "dotnet test", category=Category.TIMEOUT
    ),
    Rule(r"^\s{0,8}\[-\] \S", 84, "pester", category=Category.TEST, after=4),
    Rule(r"^At \S.*:\d+ char:\d+", 58, "powershell", Role.DETAIL, before=1, after=3),
    Rule(r"\+ (?:CategoryInfo|FullyQualifiedErrorId) {1,10}: ", 48, "powershell", Role.DETAIL),
    # What is not there is said below the line that calls it.
    Rule(
        r"^(?: {1,8}\| )?The term '[^'\n]+' is not recognized as",
        84,
        "powershell",
        category=Category.CONFIG,
        before=4,
    ),
    Rule(
        r"^(?:ParserError|MethodInvocationException|Write-Error|ObjectNotFound): ", 80, "powershell", after=5
    ),
)

SCRIPTED = (
    Rule(
        r"^\s{1,4}(?:\d+\) test |\d+\) doctest |\d+\) property )",
        88,
        "exunit",
        category=Category.TEST,
        after=14,
        stop=r"^\s{1,4}\d+\) (?:test|doctest) ",
        test=r"^\s+\d+\) (.*)",
        says=(r"^\s+\*\* \(", r"^\s+(?:Assertion|Expected|match|code:)", r"^\s+\S"),
    ),
    Rule(r"\*\* \((?:[A-Z]\w*\.?){1,6}\) ", 84, "elixir", after=4, stop=BLANK),
    Rule(
        r"\*\* \((?:CompileError|SyntaxError|TokenMissingError)\)",
        84,
        "elixir",
        category=Category.BUILD,
        after=4,
    ),
    Rule(r"^== Compilation error in file", 80, "elixir", Role.OUTCOME, Category.BUILD, after=4),
    Rule(r"^ {4}error: \S", 90, "elixir", category=Category.BUILD, after=7, stop=BLANK),
    Rule(
        r"\*\* \(Mix\) mix format failed",
        90,
        "mix format",
        category=Category.FORMAT,
        after=5,
        says=(r"^\s+\* \S",),
    ),
    Rule(
        r"^\d\d:\d\d \+\d+(?: ~\d+)? -\d+: .+ \[E\]$",
        88,
        "dart test",
        category=Category.TEST,
        after=8,
        stop=r"^\d\d:\d\d \+\d",
        test=r": (?:\S+\.dart: )?([^:]+) \[E\]$",
        says=(r"^\s+Expected", r"^\s+\S"),
    ),
    Rule(
        r"^\d+ (?:tests?|doctests?|properties), .*?[1-9]\d* failures?",
        64,
        "exunit",
        Role.OUTCOME,
        Category.TEST,
    ),
    Rule(
        r"^#\s{1,8}Failed test",
        86,
        "perl",
        category=Category.TEST,
        after=6,
        stop=r"^#\s{1,8}Failed test|^# Looks like",
        test=r"Failed test '(.+)'",
        says=(r"^#\s+got:", r"^#\s+at \S"),
    ),
    Rule(
        r"^# \(in test file \S+, line \d+\)$",
        90,
        "bats",
        category=Category.TEST,
        before=1,
        after=3,
        stop=r"^(?:not )?ok ",
        says=(r"^# {1,4}`.+' failed",),
    ),
    Rule(r"^# Looks like you (?:failed|planned)", 60, "perl", Role.OUTCOME, Category.TEST),
    Rule(r"^Result: FAIL$", 52, "prove", Role.OUTCOME, Category.TEST),
    Rule(r"^Test Summary Report", 60, "prove", Role.LIST, Category.TEST, after=8),
    Rule(
        r"(?:Wstat: [1-9]|Failed tests?: {1,3}\d|Dubious, test returned)",
        76,
        "prove",
        Role.LIST,
        Category.TEST,
    ),
    Rule(r" at \S+\.p[lm] line \d+\.$", 70, "perl"),
    Rule(r"^Error in \S.*(?: ?: ?|:$)", 80, "R", before=1, after=5),
    Rule(r"^Error ?:(?: |$)", 80, "", before=1, after=5),
    Rule(
        r"^\* checking .+\.\.\. ?(?:\[[^\]]+\] ?)?(?:ERROR|WARNING|NOTE)",
        76,
        "R CMD check",
        after=8,
        stop=r"^\* ",
    ),
    Rule(
        r"^(?:──|--|══|==) (?:\d+\. )?(?:Failure|Error|FAILURE)\b",
        86,
        "testthat",
        category=Category.TEST,
        after=9,
    ),
    Rule(r"^\d+\. (?:Failure|Error): ", 86, "testthat", category=Category.TEST, after=6),
    Rule(r"^\[ FAIL [1-9]", 62, "testthat", Role.OUTCOME, Category.TEST),
    Rule(r"^Execution halted", 48, "R", Role.OUTCOME, before=3),
    Rule(
        r"^ERROR: dependenc(?:y|ies) .+ (?:is|are) not available|^ERROR: dependency ",
        86,
        "R",
        category=Category.DEPENDENCY,
    ),
    Rule(
        r"^(?:Status: \d+ ERROR|WARNING: There (?:was|were) \d+|ERROR: package installation failed)",
        62,
        "R CMD check",
        Role.OUTCOME,
    ),
    Rule(r"^! \S", 80, "latex", after=4),
    Rule(r"(?:LaTeX|Package \w+) Error: ", 84, "latex", category=Category.BUILD, after=3),
    Rule(r"^(?:lua\S{0,8}: |\S+\.lua:\d+: |fail: |stack traceback:)", 72, "lua", after=6, stop=BLANK),
    Rule(
        r"^(?:Failure|Error) → |^\d+ successes / [1-9]\d* failure",
        80,
        "busted",
        category=Category.TEST,
        after=4,
    ),
    Rule(
        r"^\s{0,8}FAILED {1,4}\d+/\d+|^Test \S+ (?:condition|backtrace):|^\s{1,8}FAILED {1,3}\S",
        80,
        "ert",
        category=Category.TEST,
        after=3,
    ),
    Rule(
        r"^(?:Symbol's (?:value|function definition) |Wrong type argument|Debugger entered--"
        r"|Cannot open load file)",
        80,
        "emacs",
        after=8,
    ),
    Rule(
        r"^Found errors in \w+\(\):|^Caught exception in \w+\(\)", 82, "vim", category=Category.TEST, after=4
    ),
    Rule(r"^thread '[^'\n]+' panicked", 86, "rust", after=3),
)

SHELL = (
    Rule(
        r"command not found|: not found$|^\S*(?:sh|bash)(?::| \d+:) .{0,200}: {1,2}not found\b",
        82,
        "shell",
        category=Category.CONFIG,
        before=2,
        after=1,
    ),
    Rule(r"No such file or directory", 64, "shell", before=1),
    Rule(
        r"^\S*(?:sh|bash|zsh|functions|\.sh)?: ?(?:line \d+: ?)?.*: (?:Permission denied"
        r"|No such file or directory|Is a directory)$",
        66,
        "shell",
        category=Category.CONFIG,
        before=1,
    ),
    Rule(
        r"syntax error near unexpected token|unexpected end of file|syntax error: unexpected"
        r"|unterminated quoted string",
        86,
        "shell",
        category=Category.SYNTAX,
        after=1,
    ),
    Rule(
        r"unbound variable$|: parameter (?:not set|null or not set)|bad substitution|parameter not set",
        84,
        "shell",
        category=Category.CONFIG,
    ),
    Rule(
        r"cannot execute binary file|[Ee]xec format error|error while loading shared libraries"
        r"|version `[A-Z]+_[\d.]+' not found"
        r"|bad interpreter",
        88,
        "shell",
        category=Category.CONFIG,
    ),
    # Symfony's console writes so of a file that ends in php.
    Rule(
        r"^In \S*(?:[^\sp]|[^\sh]p) line \d+:",
        84,
        "shellcheck",
        category=Category.LINT,
        after=5,
        stop=BLANK,
        says=(r"\^-* SC\d{4} ",),
    ),
    Rule(r"\bSC\d{4}\b", 70, "shellcheck", category=Category.LINT),
    Rule(r"\bDL\d{4}\b", 74, "hadolint", category=Category.LINT),
    Rule(
        r"^\s{1,4}\d+:\d+ {2,}error {2,}.+ {2}\([a-z-]+\)$|^\S+\.ya?ml:\d+:\d+: \[error\] .+ \([a-z-]+\)$"
        r"|^##\[error\]\d+:\d+ \[[a-z-]+\] ",
        92,
        "yamllint",
        category=Category.LINT,
        heading=True,
    ),
    Rule(
        r"^\s{1,4}\d+:\d+ {2,}warning {2,}.+ {2}\([a-z-]+\)$"
        r"|^\S+\.ya?ml:\d+:\d+: \[warning\] .+ \([a-z-]+\)$",
        66,
        "yamllint",
        category=Category.LINT,
        heading=True,
    ),
    Rule(
        r"^\.github/workflows/\S+:\d+:\d+: .+ \[[a-z-]+\]$",
        90,
        "actionlint",
        category=Category.LINT,
        after=3,
    ),
    Rule(r"\bMD\d{3}\b(?:/[\w-]+)?", 80, "markdownlint", category=Category.LINT),
    Rule(
        r"^Error from server \((?:NotFound|BadRequest|Invalid|AlreadyExists)\)|^error: error validating ",
        84,
        "kubectl",
        category=Category.CONFIG,
    ),
    Rule(
        r"^│ Error: |^Error: (?:Unsupported|Invalid|Missing|Reference to undeclared) ",
        84,
        "terraform",
        category=Category.CONFIG,
        after=6,
        stop=r"^╵|^│? ?(?:Error|Warning): ",
        says=(r"^(?:│ )?[A-Z]\w*[ '].*\S",),
    ),
    Rule(r"^fatal: \[[^\]\n]+\]: (?:FAILED|UNREACHABLE)!", 86, "ansible", category=Category.CONFIG, before=2),
    Rule(r"^Error: (?:INSTALLATION|UPGRADE) FAILED", 84, "helm", category=Category.CONFIG),
    Rule(
        r"(?:mapping values are not allowed|found character .+ that cannot start|did not find expected"
        r"|YAMLException|yaml: line \d+)",
        82,
        "yaml",
        category=Category.CONFIG,
        before=2,
        after=2,
    ),
    Rule(
        r"(?i)(?:unrecognized (?:option|argument)s?|invalid option|no such option|unknown (?:option|flag"
        r"|command|switch|shorthand)|flag provided but not defined"
        r"|illegal option|unknown arguments?)\b",
        80,
        "",
        category=Category.CONFIG,
        before=1,
        after=1,
    ),
    Rule(
        r"(?i)environment variable .*(?:not set|required|missing|undefined)|missing required (?:env|config"
        r"|sett|secret|variable|option)",
        74,
        "",
        category=Category.CONFIG,
    ),
    Rule(r"(?i)is required but|must be set|is not set\b", 50, "", Role.SIGN, Category.CONFIG),
    Rule(r"^(?:diff --git |--- a/|\+\+\+ b/)", 34, "git", Role.DETAIL),
    # Where nothing worse is said: files are not what the repository holds once a job has run its tools.
    Rule(
        r"^diff --git a/\S",
        60,
        "git",
        category=Category.LINT,
        after=12,
        stop=r"^diff --git |^##\[",
        says=(r"^@@ ",),
    ),
)

LINKS = (
    Rule(r"^\s{0,8}(?:error|warning|info) - \S+:\d+:\d+ - ", 84, "dart", category=Category.LINT),
    Rule(r":\d+:\d+ - Unknown word \(", 84, "cspell", category=Category.LINT),
    Rule(r"^Found \d+ not formatted files?", 84, "dprint", category=Category.FORMAT),
    Rule(
        r"A compatible \.NET SDK was not found|: bad option: -",
        88,
        "",
        category=Category.CONFIG,
        after=3,
    ),
    Rule(r"^PS[A-Z]\w+ {1,40}(?:Error|Warning|Information)\b", 84, "powershell", category=Category.LINT),
    Rule(r"^\S+\.proto:\d+:\d+:", 84, "buf", category=Category.LINT),
    Rule(r"^┃ \[[RFWCD]\] ", 84, "credo", category=Category.LINT, after=1),
    Rule(
        r"(?i)\b(?:ImproperlyConfigured|Config(?:uration)?(?:Error|Exception)|InvalidConfiguration)\b",
        86,
        "",
        category=Category.CONFIG,
        after=1,
    ),
    Rule(r"(?i)(?:dead|broken) links?", 72, "link checker", category=Category.LINT, after=2),
    Rule(
        r"^\[(?:4\d\d|5\d\d|0)\] https?://|^\s{0,8}(?:\[✖\]|✖) https?://|https?://\S+ (?:→|->|=>"
        r"|-) ?(?:Status: )?[45]\d\d",
        82,
        "link checker",
        category=Category.LINT,
    ),
    Rule(r"^Issues :-\(|^Links: |^> (?:Links|Dupes)", 66, "link checker", category=Category.LINT, after=4),
    Rule(r"^\s{0,8}\d+\. \[L\d+\] \d+ ", 82, "link checker", category=Category.LINT),
    Rule(r"^\S+:\d+: (?:error|warning): |^\S+:\d+:\d+: (?:warning|style|error)\b", 62, ""),
    Rule(r"^\S+:\d+:\d*:? ?[A-Z]{2,10}\d{2,5}\b", 76, "", category=Category.LINT),
    Rule(
        r"(?i)\b(?:trailing (?:white)?space|line too long|missing (?:final |trailing )?newline"
        r"|no newline at end|(?:is|are|being) (?:not |never )used|not being used|unused (?:variable|import))",
        54,
        "",
        Role.SIGN,
        Category.LINT,
    ),
    Rule(
        r"(?i)\b(?:lint(?:er|ing)?|style ?check|code style) (?:failed|errors?|violations?|failures?)",
        66,
        "",
        Role.OUTCOME,
        Category.LINT,
    ),
)

RULES = RUBY + PHP + DOTNET + SCRIPTED + SHELL + LINKS
