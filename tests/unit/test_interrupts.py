"""An interrupt that strikes where Python drops exceptions still ends the run."""

import signal
import sys
import weakref

import pytest

from fixtures.session import Terminated, deliver_lost_interrupts
from fixtures.support.wait import wait_until


class Pool:
    pass


def drop(error):
    """Raise the error in a finalizer, as a signal does that comes while one runs."""

    def finalize():
        raise error

    pool = Pool()
    weakref.finalize(pool, finalize)
    del pool
    return "dropped"


@pytest.fixture
def dropped(monkeypatch):
    """What Python dropped so far, instead of a warning."""
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_type))
    before = signal.getsignal(signal.SIGTERM)
    deliver_lost_interrupts()
    yield seen
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, Terminated])
def test_an_interrupt_that_a_finalizer_swallowed_comes_again(dropped, error):
    with pytest.raises(error):
        wait_until("the interrupt", lambda: drop(error), 10, poll=20)
    assert dropped == [error]


def test_another_error_of_a_finalizer_ends_nothing(dropped):
    drop(ValueError)
    assert dropped == [ValueError]
    rounds = iter(range(5))
    with pytest.raises(StopIteration):
        wait_until("half a second, in which an interrupt would come", lambda: str(next(rounds)), 10)
