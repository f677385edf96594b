"""JavaScript and TypeScript: test runners, compilers, linters, formatters and package managers."""

from __future__ import annotations

from agent.distil.rules.rule import BLANK, Role, Rule
from patchpilot.failures import Category

RUNNERS = (
    Rule(
        r"^\s{0,4}● [^\n]*›",
        86,
        "jest",
        category=Category.TEST,
        after=22,
        stop=r"^\s{0,4}●|^(?:PASS|FAIL) ",
        test=r"● (.*\S)",
        says=(r"\S",),
    ),
    Rule(
        r"^\s{0,4}● \S",
        80,
        "jest",
        category=Category.TEST,
        after=18,
        stop=r"^\s{0,4}●|^(?:PASS|FAIL) ",
        test=r"● (.*\S)",
        # What could not be parsed stands below a page of advice.
        says=(r"^\s+SyntaxError: \S", r"\S"),
    ),
    Rule(r"^\s+SyntaxError: \S+\.\w+: .*\(\d+:\d+\)$", 92, "", category=Category.SYNTAX, after=3),
    Rule(
        r"^No tests? (?:files )?found, exiting with code 1|^Error: No test files found",
        92,
        "",
        category=Category.CONFIG,
        after=6,
        stop=BLANK,
    ),
    Rule(
        r"^Run with `--passWithNoTests`"
        r"|^Error: Can't find a root directory while resolving a config file path",
        90,
        "jest",
        category=Category.CONFIG,
        after=2,
    ),
    Rule(r"^\s{0,4}● (?:Console|Validation Warning|Deprecation Warning)", 10, "jest", Role.MUTE),
    Rule(r"^ {0,2}FAIL {1,2}(?:[\w@./-]+ )?\S+\.[jt]sx?\b", 80, "jest", Role.LIST, Category.TEST),
    Rule(r"Test suite failed to run", 84, "jest", category=Category.TEST, after=8),
    Rule(r"expect\(.*\)\.(?:not\.)?to\w{2,40}", 50, "", Role.DETAIL, after=2),
    Rule(r"^\s{0,12}(?:Expected|Received)\b[^:\n]*:", 66, "jest", Role.DETAIL, after=1),
    Rule(r"^Tests: {1,8}\d+ failed", 62, "jest", Role.OUTCOME, Category.TEST),
    Rule(r"^Test Suites: \d+ failed", 58, "jest", Role.OUTCOME, Category.TEST),
    Rule(
        r"^ › \d+ snapshots? (?:failed|obsolete)|^Snapshot Summary",
        58,
        "jest",
        Role.OUTCOME,
        Category.TEST,
        after=1,
    ),
    Rule(r'Jest: "?\w+"? coverage threshold|ERROR: Coverage for \w+ ', 86, "jest", category=Category.TEST),
    Rule(r"Exceeded timeout of \d+ ?ms|Timeout of \d+ms exceeded", 80, "", category=Category.TEST),
    Rule(r"^\s{0,4}⎯{3,} (?:Failed (?:Tests|Suites)|Unhandled \w+)", 58, "vitest", Role.LIST, Category.TEST),
    Rule(
        r"^ ?FAIL {2}\S.*>",
        88,
        "vitest",
        category=Category.TEST,
        after=10,
        stop=r"⎯{3,}",
        test=r"FAIL  (.*\S)",
        says=(r"^\w*(?:Error|Exception)\b.*: ", r"\S"),
    ),
    # A file that could not be run: https://vitest.dev names it twice.
    Rule(
        r"^ ?FAIL {1,2}\S+ \[ \S+ \]$",
        86,
        "vitest",
        category=Category.TEST,
        after=6,
        stop=r"⎯{3,}",
        says=(r"^\w*(?:Error|Exception)\b.*: ", r"\S"),
    ),
    Rule(r"^\s{0,8}(?:×|✗|✕|✖) \S", 70, "", Role.CAUSE, after=2, stop=BLANK),
    Rule(r"^\s{2,40}✕ ", 70, "jest", Role.LIST, Category.TEST),
    Rule(r"^\s{1,4}Test(?:s| Files) {1,6}\d+ failed", 64, "vitest", Role.OUTCOME, Category.TEST),
    # In the tree of tests, deeper than the list of failures below it.
    Rule(
        r"^\s{4,40}\d{1,4}\) \S.*[^:\s]$",
        60,
        "mocha",
        Role.SIGN,
        test=r"^\s+\d+\) (.*)$",
    ),
    Rule(r"^\s{0,4}\d+ failing\b", 76, "mocha", Role.OUTCOME, Category.TEST, before=2, after=2),
    Rule(r"^\s{0,4}\d+ passing\b", 20, "mocha", Role.OUTCOME),
    Rule(r"^\s*\d{1,4}\) \S", 62, "", after=6, stop=r"^\s*\d{1,4}\) ", role=Role.SIGN),
    Rule(
        r"^\s{2,12}\d{1,4}\) .*:$", 84, "mocha", category=Category.TEST, after=14, stop=r"^\s{2,12}\d{1,4}\) "
    ),
    Rule(
        r"^\s*not ok \d+",
        84,
        "tap",
        category=Category.TEST,
        after=14,
        stop=r"^\s*(?:ok|not ok) \d|^\s*\.\.\.$",
        # Of a suite, whose tests follow in braces, no test.
        test=r"not ok \d+ (?:- )?(.*?[^\s{])(?: # time=\S+)?$",
        says=(
            r"^\s+(?:error|message): \S",
            r"^\s{1,16}\w*Error\b.*: ",
            r"^\s{1,16}(?:expected|diff|wanted): ",
        ),
    ),
    # Node's own runner, as it reports to people: first a tree, then each failure with its place.
    Rule(
        r"^\s{0,40}✖ \S.*\(\d[\d.]*ms\)",
        84,
        "node test",
        category=Category.TEST,
        before=1,
        after=12,
        stop=r"^\s*(?:✖|✔|▶|ℹ) |^test at \S",
        says=(r"^\s+\w*Error\b.*: ", r"^\s+'"),
        test=r"✖ (.*\S) \(\d[\d.]*ms\)",
    ),
    # A file that could not be run: why stands before it.
    Rule(
        r"^\s{0,40}(?:✖ \S+\.[cm]?[jt]sx? \(\d[\d.]*ms\)|not ok \d+ - \S+\.[cm]?[jt]sx?)$",
        86,
        "",
        Role.OUTCOME,
        Category.TEST,
    ),
    Rule(r"^✖ failing tests:$", 66, "node test", Role.OUTCOME, Category.TEST, after=3),
    Rule(r"^test at \S+:\d+:\d+$", 72, "node test", Role.LIST, Category.TEST),
    Rule(r"^\s{1,12}AssertionError(?: \[\w+\])?: \S", 80, "", category=Category.TEST, after=3),
    Rule(
        r"^\s{0,8}✘ \[fail\]: \S",
        82,
        "ava",
        category=Category.TEST,
        test=r"\[fail\]: (.*?\S)(?: Error thrown in test| \(\S+\))?$",
    ),
    Rule(r"^\s{0,8}Difference \(- actual, \+ expected\):$", 70, "ava", Role.DETAIL, before=6, after=8),
    Rule(r"^  Error thrown in test:$", 66, "ava", Role.DETAIL, before=2, after=8),
    Rule(
        r"^  Message:$",
        84,
        "jasmine",
        category=Category.TEST,
        before=1,
        after=6,
        stop=BLANK,
        says=(r"^    \S",),
    ),
    Rule(r"^\d+ specs?, [1-9]\d* failures?", 64, "jasmine", Role.OUTCOME, Category.TEST),
    Rule(r"^ℹ fail [1-9]", 62, "node test", Role.OUTCOME, Category.TEST),
    Rule(r"not ok .*# (?:TODO|SKIP)", 8, "tap", Role.MUTE),
    Rule(r"^# fail {1,4}[1-9]", 64, "tap", Role.OUTCOME, Category.TEST),
    Rule(
        r"^(?:Chrome|Firefox|HeadlessChrome|ChromeHeadless|PhantomJS|Safari|Edge|IE|jsdom)\b.* FAILED$",
        84,
        "karma",
        category=Category.TEST,
        after=8,
    ),
    Rule(
        r"Cannot start (?:Chrome|Firefox|Edge|Safari|Chromium)\w*|Failed to launch the browser process"
        r"|No binary for \w+ browser|session not created: ",
        90,
        "",
        category=Category.INFRASTRUCTURE,
        after=3,
    ),
    Rule(
        r"Executable doesn't exist at |Could not find (?:Chrome|Chromium|Firefox) \(ver",
        90,
        "",
        category=Category.CONFIG,
        after=2,
    ),
    Rule(r"Executed \d+ of \d+ .*\(\d+ FAILED\)", 56, "karma", Role.OUTCOME, Category.TEST),
    Rule(
        # The browser stands in front where several are configured.
        r"^\s{1,6}\d+\) (?:\[[^\]\n]+\] › |\S+\.[cm]?[jt]sx?:\d+:\d+ › )",
        86,
        "playwright",
        category=Category.TEST,
        after=12,
        stop=r"^\s{1,6}\d+\) |^ {1,4}\d+ (?:failed|flaky|passed|skipped)\b",
        says=(r"^\s+\w*Error\b.*: ", r"\S"),
        test=r"^\s+\d+\) (\S.*? › .*?)(?: ─+)?$",
    ),
    Rule(r"^\s{1,4}\d+ failed$", 62, "playwright", Role.OUTCOME, Category.TEST, after=3),
    Rule(r"^\s{1,4}\d+ flaky$", 62, "playwright", Role.OUTCOME, Category.FLAKY, after=3),
    Rule(
        r"^\s{0,8}(?:CypressError: |(?:AssertionError: )?Timed out retrying after )",
        86,
        "cypress",
        category=Category.TEST,
    ),
    # https://docs.cypress.io/app/references/command-line prints its results below Mocha's.
    Rule(
        r"^  \((?:Run Starting|Run Finished|Screenshots|Video)\)$", 70, "cypress", Role.OUTCOME, Category.TEST
    ),
    Rule(
        r"^\s{0,12}[+-] (?:expected|actual|Expected|Received)",
        60,
        "",
        Role.DETAIL,
        after=8,
        stop=r"^\s{1,12}at ",
    ),
)

COMPILERS = (
    Rule(r"\(\d+,\d+\): error TS\d+: ", 88, "tsc", category=Category.TYPE),
    Rule(r":\d+:\d+ - error TS\d+: ", 88, "tsc", category=Category.TYPE, after=3),
    Rule(r"error TS\d+: ", 84, "tsc", category=Category.TYPE),
    Rule(
        r"error TS(?:10(?:0[235]|09|1[0-2])|11(?:09|2[78]|3[1-6]|6[01])|138[12]|170(?:0[28]|14)): ",
        90,
        "tsc",
        category=Category.SYNTAX,
    ),
    # Of these numbers are complaints about tsconfig.json and the command line.
    Rule(
        r"error TS(?:5\d{3}|6(?:053|059|304|307|310)|1800[23]): ",
        92,
        "tsc",
        category=Category.CONFIG,
        after=2,
    ),
    Rule(
        r"^ERROR in ",
        82,
        "webpack",
        category=Category.BUILD,
        after=8,
        stop=BLANK,
        says=(r"^Module (?:not found|parse failed|build failed)", r"^\s*\[?\w*Error\b|^\s*TS\d+: ", r"\S"),
    ),
    # Rolldown, which Vite builds with.
    Rule(r"^\[[A-Z]+(?:_[A-Z]+){1,4}\] \S", 90, "vite", category=Category.BUILD, after=8, stop=BLANK),
    Rule(r"^\[PARSE_ERROR\] \S", 93, "vite", category=Category.SYNTAX, after=8, stop=BLANK),
    Rule(r"^\[!\] (?:\(.+\) )?\w*Error: ", 86, "rollup", category=Category.BUILD, after=5),
    Rule(r"Module not found: ", 84, "webpack", category=Category.BUILD, after=2),
    Rule(r"Cannot find module '", 82, "node", category=Category.DEPENDENCY, after=2),
    Rule(r"Cannot find package '", 86, "node", category=Category.DEPENDENCY, after=2),
    Rule(r"RollupError: |^error during build:", 82, "vite", category=Category.BUILD, after=5),
    Rule(r"✘ \[ERROR\] ", 86, "esbuild", category=Category.BUILD, after=5),
    # Next.js says so of what the type checker, too, did not take; what was wrong is below.
    Rule(
        r"^\s{0,4}Failed to compile\.?$",
        74,
        "",
        Role.OUTCOME,
        Category.BUILD,
        after=6,
        says=(r"^\s*(?:\w* ?[Ee]rror|Module not found): ", r"^\s*(?:×|x|⨯|Error:) \S"),
    ),
    Rule(
        r"^\s{0,4}(?:Failed to compile .|Compilation failed|Error: Command failed with exit code)",
        74,
        "",
        category=Category.BUILD,
        after=6,
    ),
    Rule(r"^Error: .+ \((?:ts|js)\)$", 88, "svelte-check", category=Category.TYPE, before=1, after=2),
    Rule(r"^svelte-check found [1-9]", 66, "svelte-check", Role.OUTCOME, Category.TYPE),
    Rule(
        r"(?i)^\W{0,4}(?:error: )?(?:failed to load|could not load|error (?:loading|reading|parsing)"
        r"|cannot load|invalid) (?:the )?(?:\w+ )?config(?:uration)?(?: file| from\b| object|:)"
        r"|^● Validation Error:",
        90,
        "",
        category=Category.CONFIG,
        after=4,
    ),
    Rule(r"^\s{0,4}Type error: ", 86, "tsc", category=Category.TYPE, after=8),
    Rule(r"^\s{0,8}> {1,6}\d+ \|", 58, "", Role.DETAIL, before=1, after=2),
    Rule(r"^\s{1,12}\w*Error(?: \[\w+\])?: \S", 78, "", Role.DETAIL, after=3),
    Rule(r"^(?:Uncaught )?\w*Error(?: \[\w+\])?: ", 76, "", before=3, after=3),
    Rule(r"^\s{2,24}at \S.*:\d+:\d+\)?$", 16, "", Role.DETAIL),
    Rule(r"JavaScript heap out of memory", 100, "node", category=Category.RESOURCE),
    Rule(r"UnhandledPromiseRejection|unhandledRejection", 70, "node"),
    # Node shows the line of its own code that reports it.
    Rule(r"^\s+new UnhandledPromiseRejection\(reason\);", 3, "node", Role.MUTE),
    Rule(r"^Node\.js v\d+\.\d+\.\d+$", 40, "node", Role.TOOL),
    Rule(
        r"^It looks like you're trying to use TypeScript but do not have",
        86,
        "next",
        category=Category.DEPENDENCY,
        after=4,
    ),
    Rule(
        r"^Error occurred prerendering page ",
        88,
        "next",
        category=Category.BUILD,
        after=8,
        says=(r"^(?:\[?\w*Error\b.*: )", r"^\s+\w*Error\b.*: "),
    ),
    Rule(
        r"^Export encountered (?:an )?errors? on |^> Build error occurred",
        62,
        "next",
        Role.OUTCOME,
        Category.BUILD,
    ),
    Rule(
        r"^(?:# )?SyntaxError: .*(?:Unexpected token|Unexpected identifier|Unexpected end|missing \)"
        r"|Invalid or unexpected|Unexpected (?:string|number|reserved word|strict mode|eval)"
        r"|Identifier '.+' has already"
        r"|Missing (?:initializer|catch)|Illegal (?:return|break|continue)|await is only valid)",
        88,
        "node",
        category=Category.SYNTAX,
        before=4,
    ),
    Rule(r"^\[\d\d:\d\d:\d\d\] '[^'\n]+' errored after", 66, "gulp", Role.OUTCOME, after=3),
    Rule(r"^(?:Warning: Task .+ failed|Aborted due to warnings)", 56, "grunt", Role.OUTCOME),
)

CHECKERS = (
    Rule(
        r"^ESLint couldn't find |^(?:Error|TypeError): .*(?:eslint|ESLint) config|^Invalid option '--"
        r"|^Cannot read config file: |^ESLint: \d.*configuration|^ConfigError: Config "
        r"|^TypeError: Key \"\w+\": ",
        90,
        "eslint",
        category=Category.CONFIG,
        after=4,
    ),
    Rule(r"^ESLint: \d+\.\d+\.\d+$|^Oops! Something went wrong! :\($", 60, "eslint", Role.OUTCOME),
    Rule(r"^\s{1,8}\d+:\d+\s{1,8}error\s", 84, "eslint", category=Category.LINT, heading=True),
    Rule(
        r"^\s{1,8}\d+:\d+\s{1,8}error\s{1,8}Parsing error: "
        r"(?:Unexpected|Unterminated|Invalid|Missing|Identifier|.+ expected)",
        92,
        "eslint",
        category=Category.SYNTAX,
        heading=True,
    ),
    Rule(r"^\s{1,8}\d+:\d+\s{1,8}warning\s", 22, "eslint", Role.SIGN),
    Rule(
        r"^Unused (?:files|dependencies|devDependencies|exports|exported types) \(\d+\)",
        84,
        "knip",
        category=Category.LINT,
        after=4,
    ),
    Rule(r"^ESLint found too many warnings \(maximum: \d+\)", 80, "eslint", category=Category.LINT),
    Rule(r"^✖ \d+ problems? \(", 70, "eslint", Role.OUTCOME, Category.LINT),
    Rule(r"^\s{1,8}\d+:\d+\s{1,8}(?:✖|×)", 84, "stylelint", category=Category.LINT, heading=True),
    Rule(r"^\s{1,8}\S+\.[cm]?[jt]sx?:\d+:\d+: ", 78, "standard", category=Category.LINT),
    Rule(r"^(?:standard|xo|semistandard): ", 70, "standard", Role.OUTCOME, Category.LINT),
    Rule(r"^\S+: line \d+, col \d+, (?:Error|Warning)", 84, "eslint", category=Category.LINT),
    Rule(
        r"^\S+:\d+:\d+: .+ \[Error(?:/[\w@/-]{1,80})?\]$",
        88,
        "eslint",
        category=Category.LINT,
    ),
    Rule(r"^\[warn\] \S+\.\w{1,8}$", 86, "prettier", category=Category.FORMAT),
    Rule(
        r"Code style issues (?:found|fixed)|^\s{0,4}Run Prettier (?:with --write )?to fix",
        84,
        "prettier",
        category=Category.FORMAT,
    ),
    Rule(
        r"^This project uses prettier to format|Forgot to run Prettier",
        84,
        "prettier",
        category=Category.FORMAT,
        after=12,
        stop=r"^(?:error|npm) ",
    ),
    Rule(r"^\[error\] \S+: SyntaxError", 88, "prettier", category=Category.SYNTAX, after=6),
    Rule(
        r"^\S+:\d+:\d+ (?:lint|assist|format)/\S+ ",
        84,
        "biome",
        category=Category.LINT,
        after=8,
        stop=r"━{3,}",
        says=(r"^\s+[×✖!] \S",),
    ),
    Rule(
        r"^\S+:\d+:\d+ parse ━{3,}", 90, "biome", category=Category.SYNTAX, after=8, says=(r"^\s+[×✖!] \S",)
    ),
    Rule(r"^\S+ format ━{3,}", 84, "biome", category=Category.FORMAT, after=8),
    Rule(r"^Found \d+ (?:errors?|warnings?)\.", 60, "biome", Role.OUTCOME, Category.LINT),
    Rule(r"^(?:ERROR|WARNING): \S+\.[jt]sx?[:\[] ?\d+[,:] ?\d+", 80, "tslint", category=Category.LINT),
)

_NPM_LOG = r"A complete log of this run"
_NPM_SAYS = (
    r"^npm (?:ERR!|error) (?:\w*Error: |4\d\d |network \S+ \S+ failed|Unable |need auth )",
    r"^npm (?:ERR!|error) (?:network |request )",
)
"""What npm says below a code, among other things."""

PACKAGES = (
    Rule(
        r"npm (?:ERR!|error) (?:code )?(?:ERESOLVE|E404|ETARGET|EINTEGRITY|EUSAGE|EBADENGINE|ENOVERSIONS"
        r"|EJSONPARSE|EUNSUPPORTEDPROTOCOL)\b",
        88,
        "npm",
        category=Category.DEPENDENCY,
        after=8,
        stop=r"A complete log of this run",
        says=(
            r"^npm (?:ERR!|error) (?:peer|peerOptional|dev|prod|optional) \S+ from ",
            r"^npm (?:ERR!|error) (?:404|notarget|notsup|JSON\.parse) \S",
            r"^npm (?:ERR!|error) [^c\s]",
        ),
    ),
    Rule(
        r"npm (?:ERR!|error) .*(?:unable to resolve dependency tree|could not resolve|peer dep"
        r"|conflicting peer)",
        86,
        "npm",
        category=Category.DEPENDENCY,
        after=5,
    ),
    Rule(
        r"npm (?:ERR!|error) .*(?:Missing: .+ from lock file|`npm ci` can only install"
        r"|.*No matching version found)",
        90,
        "npm",
        category=Category.DEPENDENCY,
    ),
    # Whoever may not see a package is told the same; far more often it is not there.
    Rule(
        r"npm (?:ERR!|error) 404 .*(?:could not be found or you do not have permission"
        r"|is not in this registry)",
        94,
        "npm",
        category=Category.DEPENDENCY,
    ),
    Rule(r"npm (?:ERR!|error) [Mm]issing script", 90, "npm", category=Category.CONFIG),
    # What `npm init` writes for the script.
    Rule(r"^Error: no test specified$", 90, "npm", category=Category.CONFIG),
    # https://semantic-release.org/support/troubleshooting/
    Rule(
        r"\bE(?:INVALID|NO)(?:NPM|GH|GL)TOKEN\b",
        90,
        "semantic-release",
        category=Category.PERMISSION,
        after=2,
    ),
    Rule(r"\[semantic-release\] › ✘ ", 74, "semantic-release", Role.OUTCOME),
    Rule(r"^✖ {2,}\S.* \[[a-z]+-[a-z-]+\]$", 84, "commitlint", category=Category.LINT),
    Rule(
        r"npm (?:ERR!|error) (?:code )?(?:ECONNRESET|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ECONNREFUSED"
        r"|ERR_SOCKET_TIMEOUT)",
        88,
        "npm",
        category=Category.INFRASTRUCTURE,
        after=3,
        stop=_NPM_LOG,
        says=_NPM_SAYS,
    ),
    Rule(
        r"npm (?:ERR!|error) (?:code )?(?:EACCES|EPERM|E401|E403|ENEEDAUTH)",
        86,
        "npm",
        category=Category.PERMISSION,
        after=3,
        stop=_NPM_LOG,
        says=_NPM_SAYS,
    ),
    Rule(
        r"npm (?:ERR!|error) code ELIFECYCLE|npm (?:ERR!|error) Test failed|npm (?:ERR!"
        r"|error) (?:Exit status|errno|Lifecycle)",
        34,
        "npm",
        Role.MUTE,
    ),
    Rule(r"^npm (?:ERR!|error) ", 40, "npm", Role.OUTCOME),
    Rule(r"npm (?:ERR!|error) A complete log of this run|npm (?:ERR!|error) {1,5}/", 8, "npm", Role.MUTE),
    Rule(r"^error Command failed with exit code|^info Visit https://yarnpkg", 38, "yarn", Role.OUTCOME),
    Rule(r"^error Command \"\S+\" not found\.$", 88, "yarn", category=Category.CONFIG),
    Rule(
        r"^error (?:Your lockfile needs|Couldn't find|An unexpected error occurred|Found incompatible"
        r"|\S+: The engine|Integrity check)",
        88,
        "yarn",
        category=Category.DEPENDENCY,
        after=2,
    ),
    Rule(
        r"^➤ YN(?:0028|0035|0041|0009|0002|0060|0086|0082|0001): ", 80, "yarn", category=Category.DEPENDENCY
    ),
    Rule(
        r"ERR_PNPM_(?:OUTDATED|NO_MATCHING|PEER|FETCH|LOCKFILE|BROKEN|FROZEN|UNSUPPORTED|TARBALL"
        r"|NO_LOCKFILE|META)\w*",
        88,
        "pnpm",
        category=Category.DEPENDENCY,
        after=4,
    ),
    Rule(r"ERR_PNPM_(?:NO_SCRIPT|NO_IMPORTER|BAD_)\w*", 90, "pnpm", category=Category.CONFIG, after=2),
    Rule(r"ERR_PNPM_(?:AUDIT)\w*", 88, "pnpm", category=Category.DEPENDENCY, after=4),
    # Since its tenth version it says below the code what is wrong, as a chain of causes.
    Rule(
        r"^Error: ERR_PNPM_(?:OUTDATED|NO_MATCHING|PEER|FETCH|LOCKFILE|BROKEN|FROZEN|UNSUPPORTED|TARBALL"
        r"|NO_LOCKFILE|META)\w*$",
        92,
        "pnpm",
        category=Category.DEPENDENCY,
        after=8,
        says=(r"^\s*╰─▶ \S", r"^\s+× \S"),
    ),
    Rule(r"^\s+× Command \"\S+\" not found$", 90, "pnpm", category=Category.CONFIG, before=2),
    Rule(
        r"ERR_PNPM_RECURSIVE_RUN_FIRST_FAIL|ELIFECYCLE|\"pnpm recursive run\" failed in ",
        46,
        "pnpm",
        Role.OUTCOME,
    ),
    Rule(r"^\s{0,4}ERROR: \"?[\w:-]+\"? exited with [1-9]", 42, "npm-run-all", Role.OUTCOME),
    Rule(r"^\s{0,4}(?:[1-9]\d* vulnerabilities|Severity: )", 40, "", Role.DETAIL),
    Rule(r"(?:ERROR|Failed): {0,2}\S+#\w+: command .+ exited \(", 50, "turbo", Role.OUTCOME),
    Rule(r"^\[err_pnpm|^ERR_MODULE_NOT_FOUND|code: 'MODULE_NOT_FOUND'", 66, "node", Role.DETAIL),
)

RULES = RUNNERS + COMPILERS + CHECKERS + PACKAGES
