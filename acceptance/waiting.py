"""The one way to wait, and the limit of what would block for ever."""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from acceptance.errors import WaitTimeout

T = TypeVar("T")


@dataclass(frozen=True)
class Ready(Generic[T]):
    """What a check returns when the wait is over."""

    value: T


def wait_until(
    description: str,
    check: Callable[[], Ready[T] | str],
    timeout: float,
    *,
    look_at: str = "",
    poll: float = 0.1,
) -> T:
    """Call `check` until it returns Ready, and return its value.

    `check` returns a sentence on the present state while it is worth waiting, and raises Unrecoverable (or any
    other error) when it isn't. `timeout` and `poll` are seconds. Raises WaitTimeout with the last state seen.
    """
    started = time.monotonic()
    while True:
        state = check()
        if isinstance(state, Ready):
            return state.value
        waited = time.monotonic() - started
        if waited >= timeout:
            hint = f"; look at {look_at}" if look_at else ""
            raise WaitTimeout(f"waited {waited:.0f} s for {description}; last state: {state}{hint}")
        time.sleep(poll)


def in_time(description: str, action: Callable[[], T], seconds: float) -> T:
    """Return what the action returns or raises; raises WaitTimeout where it takes longer than so many seconds.

    It is for what has no limit of its own, or one for each piece of an answer; it is left to itself then, in a thread.
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
    try:
        return results.get(timeout=seconds)()
    except queue.Empty:
        raise WaitTimeout(f"{description}: no answer in {seconds:.0f} s") from None


def reraise(error: BaseException) -> NoReturn:
    raise error
