"""All fixers, in the order in which they are tried: fixes first, since what they write may
need formatting."""

from __future__ import annotations

from agent.fixers.cargo import cargo_clippy, cargo_fmt
from agent.fixers.dependencies import missing_dependency
from agent.fixers.formatters import formatters
from agent.fixers.generated import generated
from agent.fixers.go import gofmt, goimports, golangci
from agent.fixers.go_imports import go_imports
from agent.fixers.imports import misspelt_import
from agent.fixers.javascript import biome, eslint, prettier
from agent.fixers.lock_files import lock_file
from agent.fixers.missing_imports import missing_import
from agent.fixers.missing_imports_javascript import missing_import_javascript
from agent.fixers.offers import Fixer
from agent.fixers.pre_commit import pre_commit
from agent.fixers.python_formatters import black, isort
from agent.fixers.ruff import ruff_check, ruff_format
from agent.fixers.snapshots import snapshots
from agent.fixers.whitespace import whitespace

FIXERS: tuple[Fixer, ...] = (
    misspelt_import,
    missing_import,
    missing_import_javascript,
    go_imports,
    missing_dependency,
    lock_file,
    generated,
    ruff_check,
    eslint,
    biome,
    cargo_clippy,
    golangci,
    goimports,
    isort,
    black,
    ruff_format,
    prettier,
    gofmt,
    cargo_fmt,
    formatters,
    pre_commit,
    whitespace,
    snapshots,
)
