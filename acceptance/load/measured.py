"""A load that is measured: the server's own count before it, its progress, and the count after it."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from acceptance.busy import busy
from acceptance.errors import AcceptanceError
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.inference import Answered, answered

Progress = Callable[[], str]
Attack = Callable[[Progress], LoadResult]
"""Sends a load to its end; it may ask for the progress meanwhile."""
# how often a load is sent whose requests leave late
MOST_SENT = 3
# where to look costs half a second on a busy machine, so it is for loads that a check may reject
SLOW_SECONDS = 0.1


def measured_load(endpoint: Endpoint, plan: LoadPlan, attack: Attack, busy: Callable[[], str] = busy) -> LoadResult:
    """Send the plan's requests; raises AcceptanceError where another server than the endpoint's answered them.

    A slow or an INVALID load says what the machine is `busy` with. Of an endpoint without metrics nothing is counted.
    """
    before = count(endpoint, "before") if endpoint.metrics else None
    result = attack(lambda: progress(endpoint, plan, before) if before else "load")
    if result.invalid() or result.percentile(99) > SLOW_SECONDS:
        result = replace(result, machine=busy())
    if before and not result.incidents:  # a server that was restarted counts from 0
        check_counted(endpoint, result, before)
    return result


def sent_in_time(send: Callable[[], LoadResult]) -> LoadResult:
    """Send a load, and again where its requests left late: what stalled the machine says nothing about the server.

    The last of MOST_SENT stands as it is.
    """
    result = send()
    while result.left_late and len(result.earlier) + 1 < MOST_SENT:
        earlier = (*result.earlier, "; ".join(result.invalid()))
        result = replace(send(), earlier=earlier)
    return result


def progress(endpoint: Endpoint, plan: LoadPlan, before: Answered) -> str:
    """Return how far a load is by the server's own count; `before` is its count before the load."""
    with contextlib.suppress(AcceptanceError):  # a server that died is found by the next check
        done = answered(endpoint.metrics, endpoint.model) - before
        total = min(done.succeeded + done.failed, plan.requests)
        success = f", {done.succeeded / (done.succeeded + done.failed):.1%} of them well" if total else ""
        return f"load, {total:,} of {plan.requests:,} requests answered{success}"
    return "load, the server's metrics do not answer"


def count(endpoint: Endpoint, when: str) -> Answered:
    """Ask the server for its count; `when`, "before" or "after" the load, is for the error."""
    try:
        return answered(endpoint.metrics, endpoint.model)
    except AcceptanceError as error:
        raise AcceptanceError(f"{endpoint}: its metrics do not answer {when} the load: {error}") from error


def check_counted(endpoint: Endpoint, result: LoadResult, before: Answered) -> None:
    """Raise AcceptanceError where the server counted fewer answers than came back."""
    came_back = int((~result.failed).sum())
    counted = (count(endpoint, "after") - before).succeeded
    if counted < came_back:
        raise AcceptanceError(
            f"{endpoint} counted {counted:,} answers of its model {endpoint.model} during the load and "
            f"{came_back:,} came back: the load went to another server"
        )
