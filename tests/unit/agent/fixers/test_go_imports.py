"""Imports of Go files that the compiler complains about."""

from __future__ import annotations

import pytest

from agent.fixers.go_imports import go_imports

BLOCK = 'package shop\n\nimport (\n\t"fmt"\n\t"os"\n\n\t"github.com/spf13/cobra"\n)\n\nvar A = fmt.Sprint()\n'


@pytest.mark.parametrize(
    ("said", "before", "after"),
    [
        ('./a.go:5:2: imported and not used: "os"', BLOCK, BLOCK.replace('\t"os"\n', "")),
        ('a.go:5:2: "os" imported and not used', BLOCK, BLOCK.replace('\t"os"\n', "")),
        ('vet: ./a.go:3:8: "os" imported and not used', 'package shop\n\nimport "os"\n\nvar A = 1\n',
         "package shop\n\nvar A = 1\n"),
        ('a.go:8:2: "github.com/spf13/cobra" imported and not used', BLOCK,
         BLOCK.replace('\n\t"github.com/spf13/cobra"\n', "")),
        ("./a.go:9:1: undefined: strconv", BLOCK + "var B = strconv.Itoa(1)\n",
         BLOCK.replace('"os"\n', '"os"\n\t"strconv"\n') + "var B = strconv.Itoa(1)\n"),
        ("./a.go:9:1: undefined: bufio", BLOCK + "var B = bufio.NewReader(nil)\n",
         BLOCK.replace('\t"fmt"', '\t"bufio"\n\t"fmt"') + "var B = bufio.NewReader(nil)\n"),
        ("./a.go:3:9: undefined: json", "package shop\n\nvar B = json.Valid(nil)\n",
         'package shop\n\nimport "encoding/json"\n\nvar B = json.Valid(nil)\n'),
        ("./a.go:9:1: undefined: rand", BLOCK + "var B = rand.Int()\n", ""),
        ("./a.go:9:1: undefined: strconv", BLOCK + "var B = strconv\n", ""),
        ("./b.go:9:1: undefined: strconv", BLOCK, ""),
    ],
)  # fmt: skip
def test_a_compilers_complaint_about_an_import_is_mended(said, before, after, scene, edits):
    told = edits(scene(text=f"# shop\n{said}\n", files={"a.go": before}), go_imports)

    assert told == ({"a.go": after} if after else {})


def test_a_package_is_imported_as_the_other_files_do(scene, edits):
    files = {
        "go.mod": "module x\n",
        "cmd/a.go": "package a\n\nvar A = rand.Int()\n",
        "b.go": 'package b\n\nimport "math/rand"\n',
    }
    told = edits(scene(text="cmd/a.go:3:9: undefined: rand", files=files), go_imports)

    assert told == {"cmd/a.go": 'package a\n\nimport "math/rand"\n\nvar A = rand.Int()\n'}
