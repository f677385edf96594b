"""Whether a module that is not there is one of the repository's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.distil import distil
from agent.own_modules import own_import
from agent.rules import by_rules
from patchpilot.failures import Category

TREE = ("src/shop/__init__.py", "src/shop/price.py", "services/mail/outbox/queue.py", "web/index.js")
PYTEST = "ERROR collecting test_x.py\nE   {}\nERROR test_x.py\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in TREE:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("said", "folder", "category"),
    [
        ("ModuleNotFoundError: No module named 'shop.prices'", ".", Category.BUILD),
        ("ModuleNotFoundError: No module named 'shop.orders'", ".", Category.BUILD),
        ("ModuleNotFoundError: No module named 'outbox.queues'", "services/mail", Category.BUILD),
        (
            "ImportError: cannot import name 'net' from 'shop.price' (/src/src/shop/price.py)",
            ".",
            Category.BUILD,
        ),
        ("ModuleNotFoundError: No module named 'requests'", ".", Category.DEPENDENCY),
        ("ModuleNotFoundError: No module named 'numpy.typing'", ".", Category.DEPENDENCY),
        ("ModuleNotFoundError: No module named 'shop'", ".", Category.DEPENDENCY),
        (
            "ImportError: cannot import name 'x' from 'jinja2' (/x/dist-packages/jinja2/__init__.py)",
            ".",
            Category.DEPENDENCY,
        ),
    ],
)
def test_the_tree_tells_an_own_module_from_a_dependency(tree, said, folder, category):
    failure = distil([PYTEST.format(said).encode()], step="pytest -q")

    diagnosis = own_import(by_rules(failure, None), failure, tree, folder)

    assert failure.category is Category.DEPENDENCY
    assert diagnosis.category is category
    assert ("own repository" in diagnosis.explanation) == (category is Category.BUILD)
    assert said in diagnosis.root_cause


def test_what_a_whole_file_of_node_tests_could_not_import_is_its_cause(tree):
    log = (
        "TAP version 13\n"
        "# Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/src/web/slug.js' imported from /src/web/a.js\n"
        "# Subtest: /src/web/index.test.js\n"
        "not ok 1 - /src/web/index.test.js\n"
        "  ---\n  failureType: 'testCodeFailure'\n  error: 'test failed'\n  ...\n1..1\n# fail 1\n"
    )
    failure = distil([log.encode()], step="npm test")

    diagnosis = own_import(by_rules(failure, None), failure, tree, ".")

    assert diagnosis.category is Category.BUILD
    assert diagnosis.root_cause.startswith(
        "web/index.test.js: Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/src/web/slug.js'"
    )
