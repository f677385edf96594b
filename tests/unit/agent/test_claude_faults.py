"""What the network and the API do to an answer, by HTTP to the real client: bounded, paid for, no leak."""

from __future__ import annotations

import gc
import itertools
import json
import logging
import re
import traceback
from dataclasses import replace
from decimal import Decimal

import anthropic
import pytest

from agent import conversation
from agent.calls import Calls, Question
from agent.claude import Claude
from agent.prices import Tokens, cost, price_of
from patchpilot.errors import BudgetExceededError, ConfigurationError, ModelRefusedError, TemporaryError
from patchpilot.fixes import Candidate, GaveUp, Spend
from playground.anthropic import Drip, Fault, Garbage, Reply, Silence, ToolCall, says, uses
from playground.anthropic_cache import PromptCache

MODEL = "claude-sonnet-5-5"
KEY = "sk-ant-api03-notarealkey-0123456789"
EDIT = ToolCall("edit", {"path": "price.py", "old": "/ 10", "new": "/ 100"})
PATIENCE = anthropic.Timeout(0.1)


def sse(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


MALFORMED = {
    "html of a proxy": b"<html><body>502 Bad Gateway</body></html>",
    "nothing": b"",
    "no JSON": sse("message_start", "{oops"),
    "JSON of another shape": sse("message_start", ["a"]),
    "a start without a message": sse("message_start", {"type": "message_start"}),
    "a delta before the start": sse("content_block_delta", {"type": "content_block_delta", "index": 0}),
    "a stop alone": sse("message_stop", {"type": "message_stop"}),
    "bytes that are no text": b"event: message_start\ndata: \xff\xfe\x00\n\n",
    "an unknown event": sse("brand_new", {"type": "brand_new"}),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_stream_is_asked_for_again_and_then_left_to_the_queue(
    claude, brief, budget, waits, desk, body
):
    with claude(Garbage(body), uses(EDIT), says("Done.")) as (model, _):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)
    assert waits == [1.0]

    with claude(*[Garbage(body)] * 4) as (model, _), pytest.raises(TemporaryError):
        model.repair(brief, desk, budget=budget)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_connection_that_is_reset_is_asked_again(claude, brief, budget, waits, desk, after):
    with claude(Reply(text="x" * 400, reset_after=after), uses(EDIT), says("Done.")) as (model, _):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)
    assert waits == [1.0]


def test_a_body_that_hangs_ends_at_the_read_timeout_and_is_paid_for(claude, brief, budget, monkeypatch, desk):
    monkeypatch.setattr("agent.claude._TIMEOUT", PATIENCE)
    with claude(Silence(after=4), uses(EDIT), says("Done.")) as (model, _):
        client = model._calls.client
        # Only the try that hangs is cut short: the answers after it may come as slowly as the machine likes.
        model._calls = replace(model._calls, sleep=lambda _: setattr(client, "timeout", 60.0))
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)
    assert budget.spent.calls == 3


@pytest.mark.parametrize(
    "drip", [Drip(), Drip(piece=b":"), Drip(piece=b"data: x")], ids=["pings", "bytes", "text"]
)
def test_an_answer_that_drips_without_an_event_ends_at_the_deadline(claude, brief, budget, drip, desk):
    with (
        claude(*[drip] * 4, deadline_seconds=0.2) as (model, server),
        pytest.raises(TemporaryError, match="too long"),
    ):
        model.repair(brief, desk, budget=budget)
    assert len(server.requests) == 1


def test_the_deadline_of_one_answer_is_not_the_next_ones(claude, brief, budget, desk):
    with claude(uses(EDIT), says("Done."), deadline_seconds=30) as (model, _):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)
        assert model._calls.body.ends_at is None


def test_an_answer_with_more_room_has_more_time(claude, brief, budget, desk, monkeypatch):
    budget.limit, ends = Decimal(100), []
    monkeypatch.setattr(
        Calls, "_once", lambda *_, deadline, **__: ends.append(deadline) or ModelRefusedError("")
    )

    with claude(deadline_seconds=300) as (model, _):
        model._calls = replace(model._calls, clock=lambda: 0.0)
        for room in (1_000, 16_000, 32_000):
            question = Question(system="s", messages=[{"role": "user", "content": "?"}], max_tokens=room)
            with pytest.raises(ModelRefusedError):
                model._calls.answer(question, budget=budget)

    assert ends == [300.0, 300.0, 600.0]


@pytest.mark.parametrize(
    "fault",
    [Reply(reset_after=0), Silence(), Garbage(b"<html>"), Garbage(b"")],
    ids=["reset", "silence", "garbage", "nothing"],
)
def test_each_try_that_ends_before_the_answer_begins_is_booked_as_its_whole_prompt(
    claude, brief, budget, monkeypatch, desk, fault
):
    monkeypatch.setattr("agent.claude._TIMEOUT", PATIENCE)
    with claude(*[fault] * 4) as (model, server), pytest.raises(TemporaryError):
        model.repair(brief, desk, budget=budget)
    assert budget.spent.calls == len(server.requests) == 4
    bodies = [
        {name: value for name, value in request.body.items() if name != "stream"}
        for request in server.requests
    ]
    sent = sum(len(json.dumps(body)) for body in bodies)
    assert budget.spent.input_tokens * 2.5 >= sent
    assert (
        budget.spent.dollars == cost(price_of(MODEL), Tokens(cache_write=budget.spent.input_tokens)).dollars
    )


def test_tries_that_end_before_the_answer_begins_use_the_budget_up(claude, brief, budget, desk):
    with claude(*[Reply(reset_after=0)] * 4, max_tokens=1) as (model, server):
        with pytest.raises(TemporaryError):
            model.repair(brief, desk, budget=budget)
        budget.limit = budget.spent.dollars
        with pytest.raises(BudgetExceededError):
            model.repair(brief, desk, budget=budget)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "fault",
    [Fault(status=529), Fault(status=400)],
    ids=["529", "400"],
)
def test_a_request_that_the_api_turned_down_costs_nothing(claude, brief, budget, desk, fault):
    with claude(*[fault] * 4) as (model, _), pytest.raises((TemporaryError, ModelRefusedError)):
        model.repair(brief, desk, budget=budget)
    assert budget.spent == Spend()


def test_a_request_that_was_never_sent_costs_nothing(brief, budget, monkeypatch, desk):
    monkeypatch.setattr("agent.calls.ATTEMPTS", 1)
    model = Claude(api_key=KEY, base_url="http://127.0.0.1:9", model=MODEL)
    with pytest.raises(TemporaryError):
        model.repair(brief, desk, budget=budget)
    assert budget.spent == Spend()


FAULTS = {
    "401": Fault(status=401),
    "400": Fault(status=400),
    "404": Fault(status=404),
    "413": Fault(status=413),
    "429": Fault(status=429, retry_after="900"),
    "500": Fault(status=500),
    "529": Fault(status=529),
    "529 in the stream": Fault(status=529, kind="overloaded_error", in_stream=True),
    "invalid in the stream": Fault(status=400, kind="invalid_request_error", in_stream=True),
    "reset": Reply(text="x" * 400, reset_after=2),
    "cut": Reply(text="x" * 400, cut_after=3),
    "garbage": Garbage(b"<html>"),
    "not JSON": Garbage(sse("message_start", "{")),
    "hang": Silence(after=2),
    "silence": Silence(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_fault_lets_the_key_into_an_error_or_the_log(
    claude, brief, budget, caplog, monkeypatch, desk, fault
):
    monkeypatch.setattr("agent.claude._TIMEOUT", PATIENCE)
    caplog.set_level(logging.DEBUG)
    with claude(*[fault] * 4) as (model, _):
        with pytest.raises((TemporaryError, ConfigurationError, ModelRefusedError)) as caught:
            model.repair(brief, desk, budget=budget)
        logging.getLogger("test").error("as a careless caller logs it", exc_info=caught.value)

    # Not even as a context: what prints it would print the request with its headers.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
    assert KEY not in told + caplog.text


def test_nothing_keeps_the_sdks_error_alive(claude, brief, budget, desk):
    with claude(Fault(status=401)) as (model, _), pytest.raises(ConfigurationError):
        model.repair(brief, desk, budget=budget)
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing).__module__ == "anthropic._exceptions"]


@pytest.mark.parametrize(
    ("message", "setting"),
    [
        ("output_config.effort: Input should be 'low'", "ANTHROPIC_EFFORT"),
        ("thinking.type.adaptive is not supported for this model", "ANTHROPIC_THINKING"),
    ],
)
def test_a_setting_that_the_model_does_not_take_is_named(claude, brief, budget, desk, message, setting):
    with (
        claude(Fault(status=400, message=message)) as (model, _),
        pytest.raises(ConfigurationError, match=setting),
    ):
        model.repair(brief, desk, budget=budget)


def test_effort_and_thinking_are_sent_as_set(claude, brief, budget, desk):
    options = {"effort": "high", "thinking": "adaptive", "max_tokens": 8_000, "max_turns": 3}
    with claude(script=lambda _: uses(ToolCall("list_files", {})), **options) as (model, server):
        outcome = model.repair(brief, desk, budget=budget)
    assert isinstance(outcome, GaveUp)
    assert len(server.requests) == 3
    body = server.requests[0].body
    assert (body["output_config"], body["thinking"], body["max_tokens"]) == (
        {"effort": "high"},
        {"type": "adaptive"},
        8_000,
    )


def test_a_model_without_effort_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="ANTHROPIC_EFFORT"):
        Claude(api_key=KEY, base_url="http://127.0.0.1:9", model="claude-haiku-4-5", effort="low")


def test_results_come_back_in_the_order_of_the_calls_in_one_message(claude, brief, budget, desk):
    import threading

    meet = threading.Barrier(3, timeout=60)

    def read(path: str, *_: int) -> str:
        meet.wait()  # Passes only if all three are read at the same time.
        return f"text of {path}"

    desk.read = read
    calls = [ToolCall("read", {"path": name}) for name in ("a.py", "b.py", "c.py")]
    with claude(uses(*calls, EDIT, ToolCall("diff", {})), says("Done.")) as (model, server):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)

    assert len(server.requests[1].body["messages"]) == 3
    results = server.requests[1].body["messages"][2]["content"]
    said = [result["content"].splitlines()[0] for result in results]
    assert said[:4] == ["text of a.py", "text of b.py", "text of c.py", "edited price.py"]
    assert [result["tool_use_id"] for result in results] == [f"toolu_{number:02d}" for number in range(5)]


def test_a_long_conversation_loses_its_older_results_and_keeps_its_pairs(
    claude, brief, budget, monkeypatch, desk
):
    monkeypatch.setattr(conversation, "LONG_TOKENS", 10_000)
    monkeypatch.setattr(conversation, "_WORTH_CHARACTERS", 20_000)
    desk.read = lambda path, *_: f"{path} " + "x" * 12_000
    turns = [
        Reply(thinking=f"about f{number}", calls=[ToolCall("read", {"path": f"f{number}.py"})])
        for number in range(9)
    ]
    budget.limit = Decimal(10)
    with claude(*turns, uses(EDIT), says("Done."), cache=PromptCache()) as (model, server):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)

    # The server refuses calls without results and thinking whose past has changed: all pairs were whole, and
    # what was thought before results were cleared went with them. The latest results and thoughts are there.
    last = server.requests[-1].body["messages"]
    results = [block for message in last for block in message["content"] if block["type"] == "tool_result"]
    assert len(results) == 10
    cleared = [result["content"] == conversation.CLEARED for result in results]
    assert cleared[0]
    assert not any(cleared[-conversation.KEPT_TURNS :])
    thoughts = re.findall("about f[0-9]", json.dumps(server.requests[-2].body))
    assert "about f8" in thoughts
    assert "about f0" not in thoughts
    sizes = [len(json.dumps(request.body)) for request in server.requests]
    assert max(sizes) < 12_000 * 9
    assert server.requests[-1].body["messages"][0] == server.requests[0].body["messages"][0]


def test_results_are_cleared_seldom_and_many_at_once(claude, brief, budget, desk):
    """Each clearing has the whole prompt written to the cache anew, and costs the thinking so far."""
    desk.read = lambda path, *_: f"{path} " + "x" * 24_000
    turns = [uses(ToolCall("read", {"path": f"f{number}.py"})) for number in range(20)]
    budget.limit = Decimal(10)
    with claude(*turns, uses(EDIT), says("Done."), cache=PromptCache()) as (model, server):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)

    cleared = [json.dumps(request.body).count(conversation.CLEARED) for request in server.requests]
    steps = [after - before for before, after in itertools.pairwise(cleared) if after != before]
    assert steps
    assert min(steps) >= 3
    assert len(steps) <= 5


def test_a_prompt_that_no_longer_fits_is_shortened_and_asked_again(claude, brief, budget, desk):
    desk.read = lambda *_: "x" * 1_000
    look = uses(ToolCall("read", {"path": "a.py"}))
    full = Reply(text="", stop_reason="model_context_window_exceeded")
    with claude(look, look, full, uses(EDIT), says("Done.")) as (model, server):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)
    assert conversation.CLEARED in json.dumps(server.requests[3].body)


def test_a_prompt_that_the_api_finds_too_long_is_shortened_and_asked_again(claude, brief, budget, desk):
    desk.read = lambda *_: "x" * 1_000
    look = Reply(thinking="hm", calls=[ToolCall("read", {"path": "a.py"})])
    long = Fault(status=400, message="prompt is too long: 1000001 tokens > 1000000 maximum")
    with claude(look, look, long, uses(EDIT), says("Done.")) as (model, server):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)
    assert conversation.CLEARED in json.dumps(server.requests[3].body)


def test_thinking_that_the_api_does_not_take_back_is_left_out_once(claude, brief, budget, desk):
    """As from a gateway that rewrites requests: whatever the reason, the repair goes on without it."""
    foreign = Reply(thinking="hm", signature="of.another", calls=[ToolCall("read", {"path": "a.py"})])
    with claude(foreign, Reply(thinking="aha", calls=[EDIT]), says("Done.")) as (model, server):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)
    assert "hm" not in [block.get("thinking") for block in server.requests[1].body["messages"][1]["content"]]
    assert server.requests[2].body["messages"][3]["content"][0]["thinking"] == "aha"


def test_an_answer_of_nothing_but_thinking_keeps_its_turn(claude, brief, budget, desk):
    silent = Reply(thinking="hm", signature="of.another")
    with claude(silent, uses(EDIT), says("Done.")) as (model, server):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)
    turns = [message["role"] for message in server.requests[1].body["messages"]]
    assert turns == ["user", "assistant", "user"]


def test_a_prompt_of_one_turn_that_is_too_long_is_refused(claude, brief, budget, desk):
    with (
        claude(Fault(status=400, message="prompt is too long: 9 tokens > 8 maximum")) as (model, _),
        pytest.raises(ModelRefusedError, match="prompt is too long"),
    ):
        model.repair(brief, desk, budget=budget)


def test_what_was_sent_before_is_read_from_the_cache_and_paid_for_as_such(claude, brief, budget, desk):
    desk.read = lambda *_: "y" * 8_000
    look = uses(*[ToolCall("read", {"path": f"{number}.py"}) for number in range(15)])
    budget.limit = Decimal(10)
    cache = PromptCache()
    with claude(look, look, uses(EDIT), says("Done."), cache=cache) as (model, server):
        assert isinstance(model.repair(brief, desk, budget=budget), Candidate)

    again = PromptCache()
    counted = [again.usage(request.body) for request in server.requests]
    assert counted[0]["cache_read_input_tokens"] == 0
    for before, after in itertools.pairwise(counted):
        # Although a turn has more blocks than the API looks back, all of the turn before is read.
        had = before["cache_read_input_tokens"] + before["cache_creation_input_tokens"]
        assert after["cache_read_input_tokens"] >= had
    assert all(usage["input_tokens"] == 0 for usage in counted)
    price = price_of(MODEL)
    expected = Spend()
    for usage in counted:
        expected += cost(
            price,
            Tokens(
                cache_read=usage["cache_read_input_tokens"],
                cache_write=usage["cache_creation_input_tokens"],
                output=100,
            ),
        )
    assert budget.spent == expected
    plain = sum(sum(usage.values()) for usage in counted) * price.input / 1_000_000
    assert budget.spent.dollars < plain


def test_the_budgets_end_in_the_middle_stops_before_the_call(claude, brief, budget, desk):
    budget.limit = Decimal("0.40")
    with claude(script=lambda _: Reply(calls=[EDIT], input_tokens=60_000)) as (model, server):
        with pytest.raises(BudgetExceededError):
            model.repair(brief, desk, budget=budget)
        spent = budget.spent.dollars
    assert spent <= budget.limit
    assert budget.spent.calls == len(server.requests)
    # What it had changed by then is there for the partial result.
    assert "100" in desk.diff()


def test_people_are_told_what_is_done_in_our_words_and_redacted(claude, brief, budget, desk):
    token = "ghp_" + "a1B2" * 9
    told: list[str] = []
    turns = [
        uses(ToolCall("read", {"path": f"src/{token}.py"}), ToolCall("run_failing_command", {})),
        uses(EDIT, text=f"I, the model, say {token}"),
        uses(ToolCall("run_failing_command", {}), ToolCall("run_test", {"test": "test_price.py::test_net"})),
        says("Done."),
    ]
    with claude(*turns) as (model, _):
        model.repair(brief, desk, budget=budget, tell=told.append)

    assert "editing price.py (failing command so far: red)" in told
    assert "running test_price.py::test_net (failing command so far: red → green)" in told
    assert token not in " ".join(told)
    assert "the model, say" not in " ".join(told)
