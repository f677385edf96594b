"""What tests that passed printed is no failure; what others printed between their lines may be one."""

from __future__ import annotations

from agent.distil import distil
from patchpilot.failures import Category

END = "##[error]Process completed with exit code 1.\n"
COMPILER = "src/Shop/Cart.cs(42,13): error CS0103: The name 'discont' does not exist [src/Shop/Shop.csproj]\n"


def test_a_test_that_passed_does_not_clear_what_another_printed() -> None:
    log = "=== RUN   TestUnfinished\n" + COMPILER + "--- PASS: TestOther (0.00s)\n" + END

    failure = distil([log.encode()])

    assert failure.category is Category.BUILD
    assert "error CS0103" in failure.cause


def test_the_end_of_a_test_whose_beginning_is_not_told_clears_nothing() -> None:
    log = "Running on linux\n" + COMPILER + "--- PASS: TestOther (0.00s)\n" + END

    assert distil([log.encode()]).category is Category.BUILD


def test_each_of_tests_that_run_at_once_is_cleared_by_its_own_end() -> None:
    log = (
        "=== RUN   TestA\n=== PAUSE TestA\n=== RUN   TestB\n=== PAUSE TestB\n"
        "=== CONT  TestA\n    a_test.go:3: error: connection refused\n"
        "=== CONT  TestB\n    b_test.go:9: got 2, want 3\n"
        "--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\n"
    )

    failure = distil([log.encode()])

    assert failure.category is Category.TEST
    assert [f"{place.path}:{place.line}" for place in failure.files] == ["b_test.go:9"]


def test_a_test_that_passed_does_not_clear_the_verdict_on_a_step_before_it() -> None:
    limit = (
        "##[error]The job running on runner ci 12 has exceeded the maximum execution time of 60 minutes.\n"
    )
    log = (
        "##[group]Run ./e2e\n##[endgroup]\n=== RUN   TestBoot\n" + limit + "##[group]Run ./report\n"
        "##[endgroup]\n--- PASS: TestBoot (1.00s)\n"
    )

    failure = distil([log.encode()])

    assert failure.category is Category.TIMEOUT
    assert "exceeded the maximum execution time" in failure.cause


def test_googletest_clears_a_test_by_its_own_name() -> None:
    log = (
        "[ RUN      ] Cart.Hangs\nsrc/cart.cpp:9:3: error: 'taxx' was not declared in this scope\n"
        "[       OK ] Cart.Adds (0 ms)\n" + END
    )

    failure = distil([log.encode()])

    assert failure.category is Category.BUILD


def test_of_a_test_that_began_in_a_part_passed_over_the_rest_is_cleared() -> None:
    dull = "".join(f"    step {n}: compared {n * 7} rows of table t{n % 13}\n" for n in range(30_000))
    log = (
        "=== RUN   TestLong\n" + dull + "    long_test.go:9: error: connection refused\n"
        "--- PASS: TestLong (9.00s)\n=== RUN   TestTotal\n    price_test.go:33: got 2, want 3\n"
        "--- FAIL: TestTotal (0.00s)\nFAIL\n" + END
    )

    failure = distil([log.encode()])

    assert failure.tests == ("TestTotal",)
    assert [line.text for line in failure.evidence if "refused" in line.text] == []


def test_lines_that_say_that_something_passed_take_no_room_though_they_stand_near_the_end() -> None:
    passed = "".join(f"tests/unit/test_io.py::test_error_{n}_is_raised PASSED [ {n}%]\n" for n in range(30))
    log = "##[group]Run ./check\n##[endgroup]\nthe ledger of March differs\n" + passed + END

    text = distil([log.encode()], max_bytes=400).text

    assert "the ledger of March differs" in text
    assert "PASSED" not in text


def test_what_an_error_lends_to_its_neighbours_a_test_that_passed_does_not_get() -> None:
    passed = "ok - should not fail\n" * 3
    both = "".join(f"Error: no such row {n}\n{passed}" for n in range(4))
    log = "##[group]Run ./check\n##[endgroup]\n" + both + END

    text = distil([log.encode()]).text

    assert "Error: no such row 3" in text
    assert "should not fail" not in text


def test_what_the_cause_was_read_from_is_shown_however_much_else_there_is() -> None:
    noise = "".join(f"Error: simulated {'abcdefgh'[n % 8] * (n % 7 + 1)} thrown\n" for n in range(300))
    log = (
        noise + "=== RUN   TestTotal\n    price_test.go:33: got 2, want 3\n--- FAIL: TestTotal (0.00s)\n"
        "FAIL\tshop/price\t0.4s\n" + noise + END
    )

    failure = distil([log.encode()], max_bytes=1500)

    assert failure.cause == "TestTotal: price_test.go:33: got 2, want 3"
    assert "--- FAIL: TestTotal" in failure.text
    assert "price_test.go:33: got 2, want 3" in failure.text
