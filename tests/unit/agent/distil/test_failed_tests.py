"""Which tests a log names as failed, and which of them the sentence is about."""

from __future__ import annotations

import pytest

from agent.distil import distil
from patchpilot.failures import DistilledFailure


def read(log: str) -> DistilledFailure:
    return distil([log.encode()])


@pytest.mark.parametrize(
    "name",
    [
        "test_a[x y]",
        "test_a[x - y]",
        "test_a[it is [1, 2] or so-3]",
        "test_a[plain]",
        "test_a",
        "test_a[open",
    ],
)
def test_a_test_of_pytest_is_named_with_all_its_parameters(name: str) -> None:
    log = f"""___ {name} ___
E   assert [1] == [2]
=== short test summary info ===
FAILED tests/test_a.py::{name} - assert [1] == [2]
1 failed in 0.1s
"""

    assert read(log).tests == (f"tests/test_a.py::{name}",)


def test_so_it_is_as_it_is_printed_while_the_tests_run_and_in_an_error_of_its_fixture() -> None:
    log = """tests/test_a.py::test_a[x y] FAILED     [ 50%]
[gw0] [ 60%] FAILED tests/test_a.py::test_b[x y]
ERROR tests/test_a.py::test_c[x y] - OSError: no display
2 failed, 1 error in 0.1s
"""

    assert read(log).tests == tuple(f"tests/test_a.py::test_{letter}[x y]" for letter in "abc")


def test_a_module_that_cannot_be_imported_is_no_test() -> None:
    log = """___ ERROR collecting tests/test_new.py ___
ImportError while importing test module '/builds/acme/shop/tests/test_new.py'.
Traceback:
tests/test_new.py:1: in <module>
    import shop.stock
E   ModuleNotFoundError: No module named 'shop.stock'
=== short test summary info ===
ERROR tests/test_new.py
!!! Interrupted: 1 error during collection !!!
"""
    failure = read(log)

    assert failure.tests == ()
    assert [place.path for place in failure.files] == ["tests/test_new.py"]


SUMMARY = """FAILED tests/test_a.py::test_first - AssertionError: the total of all lines is wro...
FAILED tests/test_a.py::test_second - KeyError: 'sku'
2 failed in 0.1s
"""


def test_the_first_failure_is_told_though_the_summary_cuts_it() -> None:
    log = f"""___ test_first ___
E       AssertionError: the total of all lines is wrong by 3
___ test_second ___
E       KeyError: 'sku'
=== short test summary info ===
{SUMMARY}"""

    assert read(log).cause == (
        "tests/test_a.py::test_first - AssertionError: the total of all lines is wrong by 3"
    )


def test_what_is_nowhere_told_in_full_is_left_to_a_line_that_is() -> None:
    log = f"=== short test summary info ===\n{SUMMARY}"

    assert read(log).cause == "tests/test_a.py::test_second - KeyError: 'sku'"


DUMP = """panic: test timed out after 30s

goroutine 17 [running]:
testing.(*M).startAlarm.func1()
\t/usr/local/go/src/testing/testing.go:2241 +0x3c5
created by time.goFunc
\t/usr/local/go/src/time/sleep.go:177 +0x2d

goroutine 1 [chan receive]:
testing.(*T).Run(0xc000007860, {0x525e34?, 0x0?}, 0x52d8f8)
\t/usr/local/go/src/testing/testing.go:1649 +0x3c8
main.main()
\t_testmain.go:49 +0x1aa

goroutine 8 [chan receive]:
testing.(*T).Parallel(0xc000007a00)
\t/usr/local/go/src/testing/testing.go:1420 +0x1ff
example.com/shop/stock.TestWaits(0x0?)
\t/builds/acme/shop/stock/stock_test.go:30 +0x1d

goroutine 9 [select]:
example.com/shop/stock.(*Pool).Get(...)
\t/builds/acme/shop/stock/pool.go:41 +0x85
example.com/shop/stock.TestDrains.func1(0xc000007a00)
\t/builds/acme/shop/stock/stock_test.go:12 +0x25
created by testing.(*T).Run in goroutine 1
\t/usr/local/go/src/testing/testing.go:1742 +0x390

FAIL\texample.com/shop/stock\t30.011s
FAIL
"""


def test_where_go_lists_no_running_tests_its_stacks_tell_them() -> None:
    failure = read(DUMP)

    assert failure.tests == ("TestDrains",)
    assert ("stock/stock_test.go", 12) in {(place.path, place.line) for place in failure.files}
    assert failure.fingerprint != read(DUMP.replace("TestDrains", "TestFills")).fingerprint


def test_of_a_goroutine_that_panics_the_test_that_began_it_is_told() -> None:
    log = DUMP.replace("panic: test timed out after 30s", "fatal error: concurrent map writes")

    assert read(log).tests == ("TestDrains",)


CRASH = """[ RUN      ] Parser.ReadsNothing
[       OK ] Parser.ReadsNothing (0 ms)
[ RUN      ] Parser.ReadsDeep
==77==ERROR: AddressSanitizer: stack-overflow on address 0x7ffc (pc 0x55aa bp 0x7ffc sp 0x7ffb T0)
    #0 0x55aa in parse src/parser.cc:88:12
SUMMARY: AddressSanitizer: stack-overflow src/parser.cc:88:12 in parse
"""


def test_the_test_in_which_a_program_dies_is_named() -> None:
    assert read(CRASH).tests == ("Parser.ReadsDeep",)


def test_a_test_that_ended_is_not() -> None:
    log = CRASH.replace("==77==", "[       OK ] Parser.ReadsDeep (3 ms)\n==77==")

    assert read(log).tests == ()


@pytest.mark.parametrize("name", ["-[ShopTests.CartTests testTotal]", "CartTests.testTotal"])
def test_a_test_of_xcode_is_named_once(name: str) -> None:
    log = f"""Test Case '{name}' started.
/Users/runner/work/shop/shop/Tests/CartTests.swift:14: error: {name} : XCTAssertEqual failed: ("3") is not
Test Case '{name}' failed (0.041 seconds).
Executed 12 tests, with 1 failure (0 unexpected) in 0.102 (0.110) seconds
"""

    assert read(log).tests == (name.strip("-[]"),)


RSPEC = """Failures:

  1) Cart adds a line
     Failure/Error: expect(cart.total).to eq(25)

       expected: 25
            got: 20
     # ./spec/cart_spec.rb:18:in `block (2 levels) in <top (required)>'

22 examples, 1 failure

rspec ./spec/cart_spec.rb:17 # Cart adds a line
"""


def test_an_example_of_rspec_is_told_by_its_words() -> None:
    assert read(RSPEC).tests == ("./spec/cart_spec.rb:17 # Cart adds a line",)


def test_an_example_that_moved_is_the_same_and_one_of_another_name_is_not() -> None:
    moved = RSPEC.replace("rb:17", "rb:27").replace("rb:18", "rb:28")
    other = RSPEC.replace("adds a line", "counts a line")

    assert read(moved).fingerprint == read(RSPEC).fingerprint != read(other).fingerprint


@pytest.mark.parametrize("root", ["/home/runner/work/shop/shop/", "/src/", "/builds/acme/shop/"])
def test_a_test_that_is_a_file_is_named_as_the_repository_knows_it(root: str) -> None:
    log = f"""TAP version 13
# Error: Cannot find module './prcie'
# Subtest: {root}lib/price.test.js
not ok 1 - {root}lib/price.test.js
  ---
  error: 'test failed'
  ...
# Subtest: GET /src/price answers
not ok 2 - GET /src/price answers
# fail 2
"""

    assert read(log).tests == ("lib/price.test.js", "GET /src/price answers")
