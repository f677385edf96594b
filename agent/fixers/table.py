"""All fixers, in the order in which they are tried: fixes first, since what they write may
need formatting."""

from __future__ import annotations

from agent.fixers.cargo import cargo_clippy, cargo_fmt
from agent.fixers.go import gofmt, goimports, golangci
from agent.fixers.imports import misspelt_import
from agent.fixers.javascript import biome, eslint, prettier
from agent.fixers.offers import Fixer
from agent.fixers.pre_commit import pre_commit
from agent.fixers.python_formatters import black, isort
from agent.fixers.ruff import ruff_check, ruff_format
from agent.fixers.whitespace import whitespace

FIXERS: tuple[Fixer, ...] = (
    misspelt_import,
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
    pre_commit,
    whitespace,
)
