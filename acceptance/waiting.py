"""The one way to wait, and the limit of what would block for ever."""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from acceptance.busy import busy
from acceptance.errors import Problem, WaitTimeout

T = TypeVar("T")
# a state that is the same for longer than this share of the wait no longer changes
STUCK = 0.3
# how often what may end a wait is looked at
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Ready(Generic[T]):
    """What a check returns when the wait is over."""

    value: T


def pace_of(unchanged: float, waited: float) -> str:
    """Say whether what was waited for so many seconds is slow, or stuck, by how long ago its state changed."""
    if unchanged <= waited * STUCK:
        return indented(f"it is slow rather than stuck: its state changed {unchanged:.0f} s ago; it was still going on")
    return indented(f"it is stuck rather than slow: its state has been the same for {unchanged:.0f} s")


def indented(words: str) -> str:
    return f"    {words}" if words else ""


def wait_until(
    description: str,
    check: Callable[[], Ready[T] | str],
    timeout: float,
    *,
    look_at: str = "",
    poll: float = 0.1,
    busy: Callable[[], str] = busy,
) -> T:
    """Call `check` until it returns Ready, and return its value.

    `check` returns a sentence on the present state while it is worth waiting, and raises Unrecoverable (or any
    other error) when it isn't. `timeout` and `poll` are seconds. Raises WaitTimeout with the last state seen, whether
    that still changed, and what the machine is `busy` with.
    """
    started = changed = time.monotonic()
    last, changes = "", -1
    while True:
        state = check()
        if isinstance(state, Ready):
            return state.value
        now = time.monotonic()
        if state != last:
            changed, last, changes = now, state, changes + 1
        if now - started >= timeout:
            hint = f"; look at {look_at}" if look_at else ""
            what, _, more = f"waited {now - started:.0f} s for {description}; last state: {state}{hint}".partition("\n")
            pace = pace_of(now - changed, now - started) if changes > 0 else ""
            raise WaitTimeout(Problem(what, detail="\n".join(part for part in (more, pace, indented(busy())) if part)))
        time.sleep(poll)


def in_time(
    description: str, action: Callable[[], T], seconds: float, meanwhile: Callable[[], None] = lambda: None
) -> T:
    """Return what the action returns or raises; raises WaitTimeout where it takes longer than so many seconds.

    It is for what has no limit of its own, or one for each piece of an answer; it is left to itself then, in a thread.
    What `meanwhile` raises, which is called every second, ends the wait as well.
    """
    results: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

    def run() -> None:
        try:
            result = action()
        except BaseException as error:
            raised = error
            results.put(lambda: reraise(raised))
        else:
            results.put(lambda: result)

    threading.Thread(target=run, name=description, daemon=True).start()
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        try:
            result = results.get(timeout=min(left, LOOK_SECONDS))
        except queue.Empty:
            meanwhile()
            continue
        return result()
    raise WaitTimeout(f"{description}: no answer in {seconds:.0f} s")


def reraise(error: BaseException) -> NoReturn:
    raise error
