"""Names of files in a message that are no files of the repository: what is not there, and what is code."""

from __future__ import annotations

import re

_NAME = r"[\"'`‘]?[^\s\"'`‘’,;]{1,300}"
_ABSENT = re.compile(
    # What a source includes or imports and nobody finds, in the words of GCC and Clang, of bundlers
    # (webpack, Rollup, Vite, esbuild, Metro), of TypeScript, Node and ESLint, of Sass.
    rf"(?<=fatal error: ){_NAME}(?=[\"'’]?(?::? No such file| file not found))"
    rf"|(?:[Cc]ould not|[Cc]an['’]t|[Cc]annot|[Ff]ailed to|[Uu]nable to) (?:resolve|find)"
    rf" (?:import |module |entry module |path to module |stylesheet to import |dependency )?"
    rf"(?=[\"'`])[\"'`][^\"'`\n]{{1,300}}[\"'`]"
    # https://docs.djangoproject.com/en/stable/topics/templates/, and Jinja's words for the same.
    rf"|\b(?:TemplateDoesNotExist|TemplateNotFound):? {_NAME}"
    # The files in which CMake looks for a package: https://cmake.org/cmake/help/latest/command/find_package.html
    r"|(?<![\w/.])(?:Find\w{1,80}|\w[\w-]{0,80}(?:Config|-config))\.cmake\b(?!:\d)"
    # npm names the two that it would take, of which a repository has one.
    r"|\bor [\"'`]?npm-shrinkwrap\.json"
    # Reports that GitLab's runner and GitHub's action were told to keep.
    r"|^(?:WARNING|ERROR): \S{1,300}: no matching files\b"
    r"|\bNo files were found with the provided path: [^\n]*"
    # Python's own sources in C, Helm's in Go, mypy's once it is compiled, libraries of Dart and Flutter.
    r"|\(_\w{1,20}\.c:\d{1,6}\)|^\w{1,40}\.go:\d{1,6}: \[debug\]"
    r"|\bFile \"mypy/\w{1,60}\.py\", line \d{1,6}, in "
    r"|\bpackage:(?:flutter\w{0,20}|matcher|test|test_api|stack_trace|async|mockito|mocktail|bloc_test)/\S{1,200}"
)
_CODE = re.compile(r"\s{0,12}(?:[>▶]\s{0,6})?\d{1,6} ?[|│] ")
"""The line of the source with its number, as compilers and bundlers quote it."""


def without_absent(text: str) -> str:
    """The text without names that look like a file's of the repository and are none."""
    return "" if _CODE.match(text) else _ABSENT.sub(" ", text)
