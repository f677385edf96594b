"""Where the tests of a file of code stand by custom, for patches whose failing tests are not known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

from agent.guard import places
from agent.guard.diff import FileDiff

MOST_FILES = 4
"""Changed files of code whose tests are looked for."""
_JS_ENDINGS = ("js", "ts", "jsx", "tsx", "mjs")


def tests_beside(diffs: Sequence[FileDiff], read_base: Callable[[str], str | None]) -> Iterator[str]:
    """Texts of the tests of the files that a patch changes."""
    sources = (diff.old_path for diff in diffs if diff.old_path and places.is_code(diff.old_path))
    for path in islice((path for path in sources if not places.is_test(path)), MOST_FILES):
        for candidate in dict.fromkeys(_candidates(PurePosixPath(path))):
            text = read_base(str(candidate))
            if text is not None:
                yield text


def _candidates(path: PurePosixPath) -> Iterator[PurePosixPath]:
    name = path.stem
    language = places.language(str(path))
    if language == "python":
        yield from (folder / f"test_{name}.py" for folder in _folders(path))
    elif language == "javascript":
        for folder in (*_folders(path), path.parent / "__tests__"):
            for ending in _endings(path):
                yield folder / f"{name}.test.{ending}"
                yield folder / f"{name}.spec.{ending}"
    elif language == "go":
        yield path.with_name(f"{name}_test.go")
    elif language == "java":
        folder = PurePosixPath(str(path.parent).replace("src/main/", "src/test/", 1))
        yield from (folder / f"{name}{end}{path.suffix}" for end in ("Test", "Tests"))
    elif path.suffix in {".php", ".cs"}:
        yield from (folder / f"{name}Test{path.suffix}" for folder in _folders(path))
    elif path.suffix == ".rb":
        yield PurePosixPath("spec", *path.parts[1:-1], f"{name}_spec.rb")


def _folders(path: PurePosixPath) -> Iterator[PurePosixPath]:
    """Beside the file, in a folder of tests below that, and at the same place below one at the top."""
    yield path.parent
    yield path.parent / "tests"
    inner = path.parent.parts
    for top in ("tests", "test", "tests/unit"):
        yield PurePosixPath(top)
        yield from (PurePosixPath(top, *inner[at:]) for at in range(1, len(inner)))


def _endings(path: PurePosixPath) -> Sequence[str]:
    own = path.suffix.lstrip(".")
    return (own, own.removesuffix("x")) if own in _JS_ENDINGS else _JS_ENDINGS[:2]
