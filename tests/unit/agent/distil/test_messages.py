"""Of each tool: another message of the same test is another failure; another day and machine is none."""

from __future__ import annotations

import pytest

from agent.distil import distil

START = "##[group]Run ./check\nshell: /usr/bin/bash -e {0}\n##[endgroup]\n"
END = "##[error]Process completed with exit code 1.\n"
ROOT = "/home/runner/work/shop/shop"

# The log, two messages in its place, and how the cause begins.
TOOLS = {
    "xunit": (
        (
            "[xUnit.net 00:00:00.58]     Shop.CartTests.Total [FAIL]\n  Failed Shop.CartTests.Total [12 ms]\n"
            "  Error Message:\n   {}\n  Stack Trace:\n     at Shop.CartTests.Total() in "
            "{root}/tests/CartTests.cs:line 41\n\n"
            "Failed!  - Failed:     1, Passed:    27, Skipped:     0, Total:    28, Duration: 310 ms\n"
        ),
        ("Assert.Equal() Failure: Values differ", "System.NullReferenceException : Object reference not set"),
        "Shop.CartTests.Total: ",
    ),
    "nunit": (
        (
            "  Failed AddsNumbers [24 ms]\n  Error Message:\n"
            "     {}\n  But was:  the other\n\n  Stack Trace:\n"
            "     at Calc.CalcTests.AddsNumbers() in {root}/CalcTests.cs:line 14\n"
        ),
        ('Expected: "one"', "Expected: not empty"),
        "AddsNumbers: ",
    ),
    "rspec": (
        (
            "Failures:\n\n  1) Invoice adds tax\n     Failure/Error: expect(invoice.total).to eq(121)\n\n"
            "     {}\n     # {root}/spec/invoice_spec.rb:17:in `block'\n\nFinished in 1.02 seconds\n"
            "33 examples, 1 failure\n\nFailed examples:\n\n"
            "rspec ./spec/invoice_spec.rb:15 # Invoice adds tax\n"
        ),
        (
            "NoMethodError:\n       undefined method `rate' for nil",
            "  expected: 121\n            got: nothing",
        ),
        "Invoice adds tax: ",
    ),
    "googletest": (
        (
            "[ RUN      ] Parser.Nested\n{root}/tests/parser_test.cc:31: Failure\n{}\n"
            "[  FAILED  ] Parser.Nested (0 ms)\n[  PASSED  ] 1 test.\n"
        ),
        (
            "Expected equality of these values:\n  parse()\n    Which is: 2",
            "Value of: is_open()\n  Actual: false\nExpected: true",
        ),
        "",
    ),
    "phpunit": (
        (
            "There was 1 failure:\n\n1) App\\CartTest::testEmpty\n{}\n\n{root}/tests/CartTest.php:25\n\n"
            "FAILURES!\nTests: 31, Assertions: 58, Failures: 1.\n"
        ),
        ("TypeError: argument must be of type array", "Failed asserting that false is true."),
        "App\\CartTest::testEmpty: ",
    ),
    "phpstan": (
        (
            " ------ -------------------\n  Line   src/Cart.php\n ------ -------------------\n  12     {}\n"
            " ------ -------------------\n\n [ERROR] Found 1 error\n"
        ),
        ("Method Cart::x() should return int but returns string.", "Call to an undefined method Foo::bar()."),
        "src/Cart.php:12: ",
    ),
    "gradle": (
        (
            "> Task :a:test FAILED\n\nCartTest > adds() FAILED\n    {} at CartTest.java:10\n\n"
            "5 tests completed, 1 failed\n"
        ),
        ("org.opentest4j.AssertionFailedError", "java.lang.NullPointerException"),
        "CartTest > adds(): ",
    ),
    "playwright": (
        (
            "  1) [chromium] › cart.spec.ts:3:5 › adds to cart ───────\n\n    {}\n\n  1 failed\n"
            "    [chromium] › cart.spec.ts:3:5 › adds to cart ───────\n"
        ),
        ("Error: expect(received).toBe(expected)", "TypeError: page.foo is not a function"),
        "[chromium] › cart.spec.ts:3:5 › adds to cart: ",
    ),
    "minitest": (
        (
            "  1) Failure:\nCartTest#test_total [{root}/test/cart_test.rb:12]:\n{}\n\n"
            "1 runs, 1 assertions, 1 failures, 0 errors, 0 skips\n"
        ),
        ('Expected "foo" to include "bar".', "Expected nothing."),
        "CartTest#test_total: ",
    ),
    "rails": (
        (
            "Failure:\nCartTest#test_total [{root}/test/cart_test.rb:12]:\n{}\n\n"
            "bin/rails test test/cart_test.rb:10\n\n1 runs, 1 assertions, 1 failures, 0 errors, 0 skips\n"
        ),
        ('Expected "foo" to include "bar".', "Expected nothing."),
        "CartTest#test_total: ",
    ),
    "unittest": (
        (
            "======================\n"
            "FAIL: test_add (tests.test_calc.CalcTest.test_add)\n----------------------\n"
            'Traceback (most recent call last):\n  File "{root}/tests/test_calc.py", line 7, in test_add\n'
            "    self.check()\n{}\n\n----------------------\nRan 3 tests in 0.001s\n\nFAILED (failures=1)\n"
        ),
        ("AssertionError: the sum is odd", "shop.errors.SoldOut: no apples"),
        "test_add (tests.test_calc.CalcTest.test_add): ",
    ),
    "composer": (
        (
            "Your requirements could not be resolved to an installable set of packages.\n\n"
            "  Problem 1\n    - {}\n"
        ),
        (
            "acme/lib 1.0 requires php ^7.4 -> your php version does not satisfy it.",
            "Root requires foo/bar ^9.",
        ),
        "Your requirements could not be resolved to an installable set of packages: ",
    ),
    "npm, peers": (
        (
            "npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE could not resolve\nnpm ERR! \n"
            "npm ERR! Could not resolve dependency:\nnpm ERR! {}\n"
        ),
        ('peer react@"^17.0.0" from react-x@1.0.0', 'peer vue@"^2.0.0" from vue-x@1.0.0'),
        "npm ERR! code ERESOLVE: ",
    ),
    "npm, unknown package": (
        "npm error code E404\nnpm error 404 Not Found - GET https://packages.example/{} - Not found\n",
        ("foo", "bar"),
        "npm error code E404: ",
    ),
    "terraform": (
        "│ Error: Unsupported argument\n│ \n│   on main.tf line 3:\n│    3:   x = 1\n│ \n│ {}\n╵\n",
        ('An argument named "foo" is not expected here.', 'Blocks of type "bar" are not expected here.'),
        "Error: Unsupported argument: ",
    ),
    "cmake": (
        "CMake Error at CMakeLists.txt:12 (find_package):\n  {}\n",
        ("By not providing Foo.cmake this project has", "Could not find a package Bar"),
        "CMake Error at CMakeLists.txt:12 (find_package): ",
    ),
    "uv": (
        (
            "  × Failed to build `shop==2.9.9`\n  ├─▶ The build backend returned an error\n"
            "  ╰─▶ Call to `build` failed (exit status: 1)\n      {}\n"
        ),
        ("Error: pg_config executable not found.", "gcc: command not found"),
        "Failed to build `shop==2.9.9`: ",
    ),
    "rake": (
        "rake aborted!\n{}\n(See full trace by running task with --trace)\n",
        ("No Rakefile found", "Don't know how to build task 'deploy'"),
        "rake aborted!: ",
    ),
}


def log(template: str, message: str, *, root: str = ROOT, stamp: str = "") -> bytes:
    text = START + template.replace("{root}", root).replace("{}", message) + END
    return "".join(f"{stamp}{line}\n" for line in text.splitlines()).encode()


@pytest.mark.parametrize("tool", TOOLS)
def test_another_message_is_another_failure(tool: str) -> None:
    template, messages, begin = TOOLS[tool]
    one, two = (distil([log(template, message)]) for message in messages)

    assert one.fingerprint != two.fingerprint
    for failure, message in zip((one, two), messages, strict=True):
        said = message.splitlines()[0].strip().removeprefix("Error: ")
        assert failure.cause.startswith(begin)
        assert said in failure.cause
        assert any(said in line.text for line in failure.evidence)


@pytest.mark.parametrize("tool", TOOLS)
def test_another_day_and_machine_is_the_same_failure(tool: str) -> None:
    template, (message, _), _ = TOOLS[tool]
    there = log(
        template.replace("12 ms", "31 ms").replace("00:00:00.58", "00:00:01.77").replace("1.02 s", "7.5 s"),
        message,
        root="/builds/acme/shop",
        stamp="2027-11-12T13:14:15.7654321Z ",
    )

    assert distil([there]).fingerprint == distil([log(template, message)]).fingerprint
