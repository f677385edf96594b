"""Names that are used and not imported, and imports that ask the wrong module."""

from __future__ import annotations

import pytest

from agent.fixers.imports import misspelt_import
from agent.fixers.missing_imports import missing_import
from agent.fixers.missing_imports_javascript import missing_import_javascript

SHOP = {
    "shop/__init__.py": "",
    "shop/text.py": "def slugify(title):\n    return title\n\n\nWIDTH = 8\n",
}
NAME_ERROR = "shop/page.py:4: NameError\nE   NameError: name 'slugify' is not defined"


@pytest.mark.parametrize(
    "text",
    [
        NAME_ERROR,
        "shop/page.py:4:12: F821 Undefined name `slugify`",
        "shop/page.py:4:12: F821 undefined name 'slugify'",
        'shop/page.py:4: error: Name "slugify" is not defined  [name-defined]',
        "shop/page.py:4:11: E0602: Undefined variable 'slugify' (undefined-variable)",
    ],
)
def test_a_name_that_one_module_defines_is_imported(text, scene, edits):
    page = "import re\n\n\ndef url(title):\n    return slugify(title)\n"
    given = scene(text=text, files={**SHOP, "shop/page.py": page}, places=["shop/page.py"])

    assert edits(given, missing_import) == {
        "shop/page.py": page.replace("import re\n", "import re\n\nfrom shop.text import slugify\n")
    }


def test_an_import_from_the_same_module_is_extended(scene, edits):
    page = '"""Pages."""\n\nfrom shop.text import WIDTH\n\nurl = slugify("a" * WIDTH)\n'
    given = scene(text=NAME_ERROR, files={**SHOP, "shop/page.py": page})

    assert edits(given, missing_import) == {
        "shop/page.py": page.replace("import WIDTH\n", "import WIDTH, slugify\n")
    }


def test_a_file_that_imports_its_neighbours_relatively_goes_on_so(scene, edits):
    page = "from .prices import net\n\nprint(net, slugify)\n"
    files = {**SHOP, "shop/prices.py": "net = 1\n", "shop/page.py": page}

    assert edits(scene(text=NAME_ERROR, files=files), missing_import) == {
        "shop/page.py": "from .prices import net\nfrom .text import slugify\n\nprint(net, slugify)\n"
    }


def test_the_import_stands_behind_docstring_and_future(scene, edits):
    page = '"""Pages."""\n\nfrom __future__ import annotations\n\nprint(slugify)\n'
    given = scene(text=NAME_ERROR, files={**SHOP, "shop/page.py": page})

    assert edits(given, missing_import)["shop/page.py"] == page.replace(
        "annotations\n", "annotations\n\nfrom shop.text import slugify\n"
    )


@pytest.mark.parametrize(
    "more",
    [
        {"shop/other.py": "def slugify(title):\n    return title\n"},
        {"shop/page.py": "def url(slugify):\n    return slugify\n"},
        {"shop/page.py": "from shop.all import *\n\nprint(slugify)\n"},
        {"shop/page.py": "print('slugify')\n"},
        {"shop/text.py": "from .elsewhere import slugify\n"},
        {"shop/text.py": "from a import slugify\n", "shop/other.py": "from b import slugify\n"},
        {"shop/page.py": "def broken(:\n    slugify\n"},
    ],
    ids=[
        "two definitions",
        "a parameter",
        "a star import",
        "a text",
        "no definition",
        "two imports",
        "no syntax",
    ],
)
def test_nothing_is_imported_on_a_guess(more, scene, edits):
    files = {**SHOP, "shop/page.py": "print(slugify)\n", **more}

    assert edits(scene(text=NAME_ERROR, files=files), missing_import) == {}


def test_a_module_is_imported_where_it_is_used_as_one(scene, edits):
    text = "NameError: name 'json' is not defined. Did you forget to import 'json'?"
    given = scene(text=text, files={"app.py": "def dump(x):\n    return json.dumps(x)\n"})
    own = scene(text="NameError: name 'text' is not defined", files={**SHOP, "app.py": "text.slugify(1)\n"})

    assert edits(given, missing_import) == {
        "app.py": "import json\n\ndef dump(x):\n    return json.dumps(x)\n"
    }
    assert edits(own, missing_import) == {"app.py": "from shop import text\n\ntext.slugify(1)\n"}
    assert edits(scene(text=text, files={"app.py": "print(json)\n"}), missing_import) == {}


def test_tests_do_not_lend_their_names_to_the_code(scene, edits):
    files = {"tests/test_a.py": "def slugify(x):\n    return x\n", "app.py": "print(slugify)\n"}

    assert edits(scene(text=NAME_ERROR, files=files), missing_import) == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from shop.prices import slugify", "from shop.text import slugify"),
        (
            "from shop.prices import net, slugify as s",
            "from shop.prices import net\nfrom shop.text import slugify as s",
        ),
        (
            "from .prices import (\n    net,\n    slugify,\n)",
            "from .prices import net\nfrom shop.text import slugify",
        ),
    ],
)
def test_an_import_from_the_wrong_module_is_redirected(line, expected, scene, edits):
    files = {**SHOP, "shop/prices.py": "net = 1\n", "shop/page.py": f"{line}\n\nprint(1)\n"}
    text = "ImportError: cannot import name 'slugify' from 'shop.prices' (/src/shop/prices.py)"

    assert edits(scene(text=text, files=files), missing_import) == {
        "shop/page.py": f"{expected}\n\nprint(1)\n"
    }


def test_a_misspelt_name_in_an_import_is_corrected_throughout(scene, edits):
    page = "from shop.text import slugfy\n\nprint(slugfy(1), 'slugfy')\n"
    text = "ImportError: cannot import name 'slugfy' from 'shop.text' (/src/shop/text.py)"

    assert edits(scene(text=text, files={**SHOP, "shop/page.py": page}), missing_import) == {
        "shop/page.py": "from shop.text import slugify\n\nprint(slugify(1), 'slugfy')\n"
    }


def test_a_module_that_is_not_of_the_repository_is_left_alone(scene, edits):
    files = {**SHOP, "app.py": "from django import slugify\n"}
    text = "ImportError: cannot import name 'slugify' from 'django' (/usr/lib/django/__init__.py)"

    assert edits(scene(text=text, files=files), missing_import) == {}


def test_a_package_that_was_left_out_in_front_is_put_there(scene, edits):
    files = {**SHOP, "app.py": "import text\nfrom text import slugify\n"}

    assert edits(scene(text="No module named 'text'", files=files), misspelt_import) == {
        "app.py": "from shop import text\nfrom shop.text import slugify\n"
    }


@pytest.mark.parametrize(
    ("elsewhere", "name", "before", "after"),
    [
        ("import os\nfrom pathlib import Path\n", "Path", "import re\nimport sys\n\nimport attr\n",
         "import re\nimport sys\nfrom pathlib import Path\n\nimport attr\n"),
        ("import numpy as np\n", "np", "import re\n\nfrom . import text\n",
         "import re\n\nimport numpy as np\n\nfrom . import text\n"),
        ("from typing import Any, Final\n", "Any", "from typing import Final\n",
         "from typing import Any, Final\n"),
    ],
)  # fmt: skip
def test_a_name_is_imported_as_the_other_files_import_it(elsewhere, name, before, after, scene, edits):
    files = {**SHOP, "shop/text.py": elsewhere, "shop/page.py": f"{before}\nprint({name})\n"}
    text = f"E   NameError: name '{name}' is not defined"

    assert edits(scene(text=text, files=files), missing_import) == {
        "shop/page.py": f"{after}\nprint({name})\n"
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from types import FrameType\n\nfrom .typing import ExcInfo\n",
         "import sys\nfrom types import FrameType\n\nfrom .typing import ExcInfo\n"),
        ("import traceback\nimport os\n", "import traceback\nimport os\nimport sys\n"),
        ("from .typing import ExcInfo\n", "import sys\n\nfrom .typing import ExcInfo\n"),
        ("import attr\n\nfrom shop import text\n", "import sys\n\nimport attr\n\nfrom shop import text\n"),
        ("from __future__ import annotations\n\nimport attr\n",
         "from __future__ import annotations\n\nimport sys\n\nimport attr\n"),
    ],
)  # fmt: skip
def test_an_import_goes_among_its_like_in_their_order(before, after, scene, edits):
    files = {**SHOP, "shop/page.py": f"{before}\nprint(sys.path)\n"}
    text = "E   NameError: name 'sys' is not defined"

    assert edits(scene(text=text, files=files), missing_import) == {
        "shop/page.py": f"{after}\nprint(sys.path)\n"
    }


TS = {"src/text.ts": "export function slugify(title: string) {\n  return title;\n}\n"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("slugify(1);\n", 'import { slugify } from "./text";\nslugify(1);\n'),
        (
            "import { x } from '../x.js'\n\nslugify(1)\n",
            "import { x } from '../x.js'\nimport { slugify } from '../text.js'\n\nslugify(1)\n",
        ),
    ],
)
def test_an_export_of_one_module_is_imported_in_the_files_own_way(before, after, scene, edits):
    place = "src/deep/page.ts" if ".." in before else "src/page.ts"
    given = scene(
        text=f"{place}:1:1 - error TS2304: Cannot find name 'slugify'.",
        files={**TS, place: before},
        places=[place],
    )

    assert edits(given, missing_import_javascript) == {place: after}


def test_an_undefined_name_is_read_from_nodes_own_test_runner(scene, edits):
    text = "  failureType: 'testCodeFailure'\n  error: 'slugify is not defined'\n  name: 'ReferenceError'"
    files = {"src/text.js": "export function slugify() {}\n", "src/page.js": "slugify(1);\n"}

    assert edits(scene(text=text, files=files, places=["src/page.js"]), missing_import_javascript) == {
        "src/page.js": 'import { slugify } from "./text.js";\nslugify(1);\n'
    }


@pytest.mark.parametrize(
    "more",
    [
        {"src/other.ts": "export const slugify = 1;\n"},
        {"src/page.ts": "import { slugify } from 'lib';\nslugify(1);\n"},
        {"src/text.ts": "function slugify() {}\n"},
    ],
    ids=["two exports", "an import", "no export"],
)
def test_nothing_is_imported_on_a_guess_in_javascript(more, scene, edits):
    files = {**TS, "src/page.ts": "slugify(1);\n", **more}
    given = scene(text="ReferenceError: slugify is not defined", files=files, places=["src/page.ts"])

    assert edits(given, missing_import_javascript) == {}
