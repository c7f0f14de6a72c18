"""What a test has done beside it, in a thread: a fault there ends the test at once, and is what the test fails with."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

JOIN_SECONDS = 10
AGAIN_SECONDS = 1


@contextlib.contextmanager
def beside(act: Callable[[], object]) -> Iterator[None]:
    """Have a thread call the function while the block runs; what it raises is raised, whatever the block does."""
    main, left = threading.get_ident(), threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            failed.append(error)
            # what the block waits for would never come; a signal just before a wait is seen only after it, so again
            while not left.is_set():
                signal.pthread_kill(main, signal.SIGINT)
                left.wait(AGAIN_SECONDS)

    thread = threading.Thread(target=run, daemon=True)
    try:
        try:
            thread.start()
            yield
        finally:
            left.set()
            thread.join(JOIN_SECONDS)
    except BaseException:
        if failed:
            raise failed[0] from None
        raise
    if failed:
        raise failed[0]
    assert not thread.is_alive(), f"the thread beside the test goes on {JOIN_SECONDS} s after it"
