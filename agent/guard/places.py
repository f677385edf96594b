"""What kind of file a path is. Everything is decided from the path alone, lower case."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_LANGUAGES = {
    "python": (".py", ".pyi", ".pyx"),
    "javascript": (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"),
    "go": (".go",),
    "java": (".java", ".kt", ".kts", ".scala", ".groovy"),
    "rust": (".rs",),
    "c": (".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cs", ".swift", ".m", ".php", ".dart"),
    "hash": (
        *(".yml", ".yaml", ".toml", ".cfg", ".ini", ".conf", ".sh", ".bash", ".zsh", ".mk", ".rb", ".rake"),
        *(
            ".properties",
            ".ex",
            ".exs",
            ".pl",
            ".r",
            ".jl",
            ".tf",
            ".cmake",
            ".bats",
            ".feature",
            ".gitignore",
        ),
    ),
}
_BY_ENDING = {ending: language for language, endings in _LANGUAGES.items() for ending in endings}
_BY_NAME = ("makefile", "dockerfile", "gemfile", "rakefile", "jenkinsfile", "pipfile", "justfile", "procfile")

_TEST_DIRECTORY = re.compile(
    r"(?:^|/)(?:tests?|__tests__|spec|specs|testing|e2e|integration[-_]tests?|unit[-_]?tests?"
    r"|test[-_]suite|cypress|step_?definitions)/"
    # Steps of behave and what stands around them; in a web front end ``features`` are parts of the program.
    r"|(?:^|/)features/(?:steps/[^/]+|environment)\.py$|^features/support/"
)
_TEST_NAME = re.compile(
    # In Python a module named ``arg_spec`` describes arguments.
    r"(?:^|/)(?:test_[^/]*|[^/]*_tests?|tests?|conftest|[^/]*[._-](?:test|cy|e2e)|[^/]*[._-]spec(?!\.pyi?$))"
    r"\.(?:py|pyi|js|jsx|mjs|cjs|ts|tsx|mts|cts|vue|go|rb|exs?|rs|php|dart|sh|bats|cc?|cpp|swift|kt|lua)$"
    r"|(?:^|/)(?:Test[A-Z0-9][^/]*|[^/]*(?:Tests?|IT|Spec|TestCase))\.(?:java|kt|kts|scala"
    r"|groovy|cs|php|swift|m)$"
    r"|\.(?:bats|feature)$"
)
_GO_TEST_NAME = re.compile(
    r"(?:^|/)(?:[_.][^/]*|[^/]*_(?P<platform>aix|android|darwin|dragonfly|freebsd|illumos|ios|js|linux|netbsd|openbsd|plan9|solaris|wasip1|windows|386|amd64|arm|arm64|loong64|mips\w*|ppc64\w*|riscv64|s390x|wasm)_test)\.go$"
)
"""Go reads neither files that start so, nor on other machines those that name a platform."""
_COLLECTED = re.compile(
    r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$|(?:^|/)tests\.py$"
    r"|\.(?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)__tests__/[^/]+\.[cm]?[jt]sx?$"
    r"|_test\.go$|(?:Test|Tests|TestCase|IT|Spec)\.(?:java|kt|groovy|scala|cs|php)$|(?:^|/)Test[^/]*\.java$"
    r"|_spec\.rb$|_test\.(?:rb|exs|dart)$|(?:^|/)tests/[^/]+\.rs$"
)
_EXPECTATION = re.compile(
    r"\.(?:snap|golden|approved(?:\.[a-z]+)?|ambr|snapshot|expected|out\.txt)$"
    r"|(?:^|/)(?:__snapshots__|snapshots?|goldens?|golden_files|testdata|test[-_]data|fixtures?"
    r"|cassettes|expected)/"
)
# Folders that runners pass by unless they are told to look there.
_PASSED_BY = re.compile(r"(?:^|/)\.[^/]+/|(?:^|/)(?:node_modules|site-packages)/")
_PASSED_BY_PYTEST = re.compile(r"(?:^|/)(?:build|dist|venv|_darcs|CVS|\{arch\}|[^/]+\.egg)/")
_PASSED_BY_GO = re.compile(r"(?:^|/)(?:testdata|vendor|_[^/]*)/")
_LOADED = re.compile(
    r"(?:^|/)conftest\.py$|(?:^|/)(?:spec|rails|test)_helper\.(?:rb|exs)$|(?:^|/)tests?/bootstrap\.php$"
    r"|(?:^|/)(?:jest|vitest|mocha|karma|ava)[.-]?setup[^/]*\.[cm]?[jt]sx?$|(?:^|/)setup-?tests?\.[cm]?[jt]sx?$"
    r"|(?:^|/)(?:tests?|__tests__|specs?|e2e)/(?:[^/]+/)*(?:global-?)?(?:setup|teardown|bootstrap|hooks)\.[cm]?[jt]sx?$"
    r"|(?:^|/)cypress/support/[^/]+\.[cm]?[jt]sx?$|(?:^|/)features/support/[^/]+\.(?:rb|[cm]?[jt]s)$"
)
_IN_PLACE_OF_TOOLS = re.compile(
    r"(?:^|/)(?:sitecustomize|usercustomize)\.py$|\.pth$|(?:^|/)(?:pytest|unittest|_pytest)(?:\.py|/__init__\.py)$"
    r"|(?:^|/)(?:jest|mocha|vitest)(?:/index)?\.[cm]?js$|(?:^|/)(?:pytest|py\.test|tox|jest|vitest|mocha)$"
)
_FIXED_NAME = re.compile(r"(?:^|/)(?:(?:gnu)?makefile|justfile|rakefile|taskfile\.ya?ml)$")
_PIPELINE = re.compile(
    r"^\.github/(?!(?:issue_template|pull_request_template|readme|contributing|security)\b)"
    r"|^\.gitlab-ci[^/]*\.ya?ml$|^\.gitlab/(?:ci/|codeowners)|(?:^|/)\.gitlab-ci\.ya?ml$|(?:^"
    r"|/)jenkinsfile[^/]*$"
    r"|^\.(?:circleci|buildkite|teamcity|semaphore|tekton|ci|husky|woodpecker|azure-pipelines"
    r"|concourse|drone|harness|gitea|forgejo)/"
    r"|(?:^|/)\.?(?:travis|appveyor|drone|cirrus|woodpecker|wercker|codeship-[a-z]+|codefresh"
    r"|semaphore|zuul|vela|"
    r"bitbucket-pipelines|azure-pipelines|buildspec|cloudbuild|action|patchpilot"
    r"|pre-commit-config|pre-commit-hooks|"
    r"lefthook|mergify|codecov|screwdriver)[^/]*\.(?:ya?ml|json)$"
    r"|^\.?(?:git-?hooks|githooks)/|^(?:ci|\.ci)/[^/]+\.(?:sh|ya?ml|py|go|js|ts|rb)$|^\.builds?(?:/[^/]+)?\.ya?ml$|(?:^|/)codeowners$|(?:^|/)renovate\.json5?$"
)
_LOCK = re.compile(
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?"
    r"|poetry\.lock|uv\.lock|"
    r"pdm\.lock|pipfile\.lock|pixi\.lock|conda-lock\.yml|cargo\.lock|go\.sum|go\.work\.sum|gemfile\.lock|"
    r"composer\.lock|gradle\.lockfile|mix\.lock|pubspec\.lock|podfile\.lock|packages\.lock\.json"
    r"|flake\.lock|"
    r"deno\.lock|pylock[^/]*\.toml)$"
)
_QUALITY = re.compile(
    r"(?:^|/)(?:pytest\.ini|\.pytest\.ini|tox\.ini|noxfile\.py|mypy\.ini|\.mypy\.ini|\.flake8"
    r"|\.pylintrc|pylintrc|"
    r"\.?ruff\.toml|\.coveragerc|\.bandit|pyrightconfig\.json|\.isort\.cfg|\.pycodestyle"
    r"|\.pydocstyle|\.style\.yapf|"
    r"\.eslintrc[^/]*|eslint\.config\.[a-z]+|\.eslintignore|\.prettierrc[^/]*|\.prettierignore"
    r"|prettier\.config\.[a-z]+|"
    r"biome\.jsonc?|tslint\.json|tsconfig[^/]*\.json|jest\.config\.[a-z]+|jest\.setup\.[a-z]+"
    r"|vitest\.config\.[a-z]+|"
    r"vitest\.workspace\.[a-z]+|karma\.conf\.[a-z]+|playwright\.config\.[a-z]+"
    r"|cypress\.config\.[a-z]+|\.mocharc[^/]*|"
    r"\.nycrc[^/]*|\.c8rc[^/]*|ava\.config\.[a-z]+|\.stylelintrc[^/]*|\.golangci\.(?:ya?ml|toml"
    r"|json)|clippy\.toml|"
    r"\.clippy\.toml|\.?rustfmt\.toml|\.?nextest\.toml|\.rubocop[^/]*\.yml|\.rspec|phpunit[^/]*\.xml[^/]*|"
    r"phpstan[^/]*\.neon[^/]*|"
    r"checkstyle[^/]*\.xml|pmd[^/]*\.xml|spotbugs[^/]*\.xml|detekt[^/]*\.yml|sonar-project\.properties|"
    r"\.editorconfig|\.codeclimate\.yml|\.coveralls\.yml|\.clang-tidy|\.clang-format"
    r"|\.shellcheckrc|\.yamllint[^/]*|"
    r"\.markdownlint[^/]*|\.semgrepignore|\.importlinter|\.lintstagedrc[^/]*|\.luacheckrc"
    r"|analysis_options\.yaml|"
    r"\.swiftlint\.yml|\.credo\.exs|junit-platform\.properties|\.ansible-lint(?:\.ya?ml)?|\.hadolint\.ya?ml|\.tflint\.hcl"
    r"|\.sqlfluff|\.vale\.ini|\.djlintrc|\.?oxlintrc\.json|dprint\.json|psalm[^/]*\.xml[^/]*|\.?phpcs\.xml[^/]*|phpmd\.xml"
    r"|\.php-cs-fixer[^/]*\.php|infection\.json5?|\.pyre_configuration|\.?ty\.toml|pyrefly\.toml|\.?pytype\.cfg|\.scalafmt\.conf"
    r"|scalastyle[^/]*\.xml|\.mega-linter\.ya?ml|\.gitlint|\.?taplo\.toml|\.?commitlintrc[^/]*|\.dependency-cruiser\.[a-z]+"
    r"|cpplint\.cfg|\.clangd|\.erb-lint\.yml|\.erb_lint\.yml|\.reek\.yml|\.haml-lint\.yml|\.hlint\.yaml|revive\.toml"
    r"|\.jscpd\.json|\.ls-lint\.ya?ml|\.cspell[^/]*|cspell[^/]*\.(?:json|ya?ml)|sorbet/config|\.config/nextest\.toml)$"
)
_MIXED = re.compile(
    r"(?:^|/)(?:pyproject\.toml|setup\.cfg|package\.json|cargo\.toml|pom\.xml"
    r"|build\.gradle(?:\.kts)?|composer\.json|"
    r"setup\.py|deno\.jsonc?|hatch\.toml|\.cargo/config(?:\.toml)?)$"
)
_SCRIPT = re.compile(
    r"(?:^|/)(?:gnu)?makefile$|\.mk$|(?:^|/)(?:justfile|rakefile|taskfile\.ya?ml|dockerfile[^/]*"
    r"|docker-compose[^/]*\.ya?ml|"
    r"procfile|gulpfile\.[a-z]+|gruntfile\.[a-z]+|tasks\.py|fabfile\.py|dodo\.py)$|\.(?:sh|bash"
    r"|zsh|ksh|bat|cmd|ps1)$"
    # Scripts often have no ending: those in folders of scripts, and those that are named for what they check.
    r"|(?:^|/)(?:bin|scripts?|tools|ci|hack)/[\w-]+$"
    r"|^(?:[\w-]+[-_])?(?:tests?|check|lint|verify|validate|ci)(?:[-_](?:all|unit|ci|full))?$"
)
_REQUIREMENTS = re.compile(
    r"(?:^|/)(?:[^/]*requirements[^/]*\.(?:txt|in)|requirements/[^/]+\.(?:txt|in)"
    r"|constraints[^/]*\.txt|pipfile|"
    r"pyproject\.toml|setup\.(?:py|cfg)|package\.json|cargo\.toml|gemfile|[^/]*\.gemspec"
    r"|composer\.json|go\.mod|"
    r"environment[^/]*\.ya?ml|pubspec\.yaml|pom\.xml|build\.gradle(?:\.kts)?"
    r"|libs\.versions\.toml|mix\.exs|conanfile\.txt)$"
)
_SOURCES = re.compile(
    r"(?:^|/)(?:\.npmrc|\.yarnrc(?:\.yml)?|\.pypirc|pip\.conf|pip\.ini|\.netrc|\.pnpmfile\.cjs|uv\.toml|"
    r"\.bundle/config|\.m2/settings\.xml|nuget\.config|\.cargo/credentials(?:\.toml)?)$"
)
_VENDORED = re.compile(
    r"(?:^|/)(?:vendor|vendored|_vendor|third[-_]party|node_modules|bower_components"
    r"|site-packages|\.venv|venv)/"
    r"|(?:^|/)dist/|^(?:target|out|_build|build/lib|coverage|htmlcov)/"
    r"|\.min\.(?:js|css)$|\.bundle\.js$|(?:_pb2|_pb2_grpc)\.pyi?$|\.pb\.(?:go|cc|h|swift)$|\.pb\.gw\.go$"
    r"|[._](?:generated|gen)\.[a-z]+$|(?:^|/)zz_generated[^/]*|\.g\.(?:dart|cs)$|\.designer\.cs$"
    r"|(?:^|/)__generated__/"
    r"|(?:^|/)generated/|(?:^|/)patches/[^/]+\.(?:patch|diff)$"
)


def language(path: str) -> str:
    """``python``, ``javascript`` (and TypeScript), ``go``, ``java``, ``rust``, ``c``, ``hash``, ``text``."""
    name = PurePosixPath(path.lower())
    if name.stem in _BY_NAME or name.name in _BY_NAME:
        return "hash"
    return _BY_ENDING.get(name.suffix, "hash" if name.name.startswith(".") else "text")


def is_code(path: str) -> bool:
    """A program in a language that the rules about code know; Ruby is cut into lines like settings are."""
    return language(path) not in {"text", "hash"} or path.lower().endswith((".rb", ".rake"))


def is_test(path: str) -> bool:
    """Code that tests, or that tests share (conftest, files below a test directory)."""
    return bool(
        _TEST_NAME.search(path) or (_TEST_DIRECTORY.search(path.lower()) and language(path) != "text")
    )


def in_test_folder(path: str) -> bool:
    """Below a folder that is named for tests."""
    return bool(_TEST_DIRECTORY.search(path.lower()))


def is_collected(path: str) -> bool:
    """A test runner finds this file by its name."""
    return bool(_COLLECTED.search(path)) and not _GO_TEST_NAME.search(path)


def is_looked_for(path: str) -> bool:
    """Such a file where the runner looks without being told to."""
    return is_collected(path) and not _is_passed_by(path)


def _is_passed_by(path: str) -> bool:
    of_language = {"python": _PASSED_BY_PYTEST, "go": _PASSED_BY_GO}.get(language(path))
    return bool(_PASSED_BY.search(path) or (of_language and of_language.search(path)))


def is_loaded(path: str) -> bool:
    """A test runner loads this file before the tests, by its name or because settings name it."""
    return bool(_LOADED.search(path.lower()))


def is_in_place_of_tools(path: str) -> bool:
    """Every process loads this file, or finds it where it looks for the test runner."""
    return bool(_IN_PLACE_OF_TOOLS.search(path))


def is_found_by_name(path: str) -> bool:
    """Settings and task files: a tool finds them by this name, from the folder that they stand in."""
    return is_quality(path) or is_mixed(path) or bool(_FIXED_NAME.search(path.lower()))


def is_expectation(path: str) -> bool:
    """Data that tests compare with: snapshots, golden files, recorded answers."""
    lowered = path.lower()
    in_tests = bool(_TEST_DIRECTORY.search(lowered)) and language(path) == "text"
    return in_tests or bool(_EXPECTATION.search(lowered) and not _TEST_NAME.search(path))


def is_pipeline(path: str) -> bool:
    """Says what CI runs, or who must agree to changes."""
    return bool(_PIPELINE.search(path.lower()))


def is_lock(path: str) -> bool:
    """A lock file, which only a package manager writes."""
    return bool(_LOCK.search(path.lower()))


def is_quality(path: str) -> bool:
    """Nothing but settings of linters, type checkers, coverage and test runners."""
    return bool(_QUALITY.search(path.lower()))


def is_mixed(path: str) -> bool:
    """A manifest that also holds such settings."""
    return bool(_MIXED.search(path.lower()))


def is_script(path: str) -> bool:
    """Commands, among them those that run the checks."""
    return bool(_SCRIPT.search(path.lower()))


def is_requirements(path: str) -> bool:
    """Says which versions of what are needed."""
    return bool(_REQUIREMENTS.search(path.lower()))


def is_package_source(path: str) -> bool:
    """Says where packages come from, or with which password."""
    return bool(_SOURCES.search(path.lower()))


def is_vendored(path: str) -> bool:
    """Somebody else's code, or code that a tool writes."""
    return bool(_VENDORED.search(path.lower()))
