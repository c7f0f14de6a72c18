"""Waiting: values, time-outs that say what was last seen, and states that can't get better."""

import queue
import threading
from collections.abc import Iterator

import pytest

from acceptance.errors import Unrecoverable, WaitTimeout
from acceptance.waiting import Ready, in_time, wait_until


def test_it_returns_the_value_once_it_is_ready():
    states: Iterator[str | Ready[int]] = iter(["starting", "loading", Ready(42)])
    assert wait_until("the answer", lambda: next(states), 5, poll=0) == 42


def test_a_time_out_names_what_was_awaited_the_last_state_and_what_to_look_at():
    with pytest.raises(WaitTimeout) as caught:
        wait_until("the pod to run", lambda: "Pending", 0.05, look_at="its events", poll=0.01)
    message = str(caught.value)
    assert "the pod to run" in message
    assert "last state: Pending" in message
    assert "look at its events" in message


def test_what_still_changed_was_slow_rather_than_stuck():
    steps = iter(range(10_000))
    with pytest.raises(WaitTimeout) as caught:
        wait_until("a training", lambda: f"step {next(steps)}", 0.1, poll=0.01)
    assert "slow rather than stuck" in str(caught.value)
    assert "slow" not in caught.value.problem.what


def test_what_no_longer_changed_was_stuck():
    steps = iter([1, 2])
    with pytest.raises(WaitTimeout) as caught:
        wait_until("a training", lambda: f"step {next(steps, 3)}", 0.5, poll=0.01)
    assert "stuck rather than slow" in str(caught.value)


def test_what_never_began_is_neither():
    with pytest.raises(WaitTimeout) as caught:
        wait_until("a pod", lambda: "Pending", 0.05, poll=0.01, busy=lambda: "")
    assert str(caught.value) == caught.value.problem.what


def test_a_time_out_says_what_the_machine_is_busy_with():
    with pytest.raises(WaitTimeout, match=r"\n    two trainings"):
        wait_until("a pod", lambda: "Pending\nof many words", 0.05, poll=0.01, busy=lambda: "two trainings")


def test_a_state_that_cannot_recover_ends_the_wait_at_once():
    asked = []

    def broken():
        asked.append("why")
        raise Unrecoverable("the image does not exist")

    with pytest.raises(Unrecoverable, match="does not exist"):
        wait_until("the pod to run", broken, 60)
    assert len(asked) == 1


def test_what_never_returns_is_left_after_its_seconds():
    never = threading.Event()
    with pytest.raises(WaitTimeout, match=r"asking the oracle.*0 s"):
        in_time("asking the oracle", never.wait, 0.1)
    never.set()


def test_what_returns_or_raises_in_time_does_so():
    assert in_time("adding", lambda: 2 + 2, 10) == 4
    with pytest.raises(ZeroDivisionError):
        in_time("dividing", lambda: 1 // 0, 10)


def test_what_happens_meanwhile_ends_the_wait():
    def died():
        raise ZeroDivisionError

    never = threading.Event()
    with pytest.raises(ZeroDivisionError):
        in_time("asking the oracle", never.wait, 60, died)
    never.set()


def test_an_empty_queue_of_the_actions_own_is_raised():
    with pytest.raises(queue.Empty):
        in_time("looking", queue.Queue().get_nowait, 10)
