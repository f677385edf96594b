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
