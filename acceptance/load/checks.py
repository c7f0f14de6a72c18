"""What is wrong with loads, by the names that the report has for them: `CPU`, or `CPU 1` and `GPU 1` of the pairs."""

from collections.abc import Mapping

import numpy as np

from acceptance.errors import Problem
from acceptance.load.answers import wrong_answers
from acceptance.load.pairs import GPU_FASTER, PairedLoads
from acceptance.load.result import LoadResult
from acceptance.serving.inference import TUTORIAL_BYTES

Loads = Mapping[str, LoadResult]
# compact JSON of the same image is half as long
SIZE_TOLERANCE = 0.1
LOOK = "look at the latency over time in the report, and at the server's log"


def other_size(loads: Loads) -> Problem | None:
    """Say which load's request is not of the tutorial's size: a shorter one is a lighter load."""
    for name, load in loads.items():
        size = len(load.plan.body)
        if abs(size / TUTORIAL_BYTES - 1) > SIZE_TOLERANCE:
            what = f"{name}: the request is {size} bytes; the tutorial's is {TUTORIAL_BYTES}"
            return Problem(what, "send the tutorial's request")
    return None


def failed_requests(loads: Loads) -> Problem | None:
    for name, load in loads.items():
        if load.success < 1:
            why = "; ".join([load.failures(), *load.incidents])
            return Problem(f"{name}: {load.success:.3%} of {len(load)} requests succeeded: {why}", LOOK, load.machine)
    return None


def wrong_logits(loads: Loads, expected: np.ndarray) -> Problem | None:
    """Say which load's sampled answers are not the expected logits [1, 10]."""
    for name, load in loads.items():
        if problem := wrong_answers(load, expected, name.split()[0].lower()):
            return Problem(f"{name}: {problem.what}", problem.fix)
    return None


def slow_answers(loads: Loads, percent: int, seconds: float) -> Problem | None:
    """Say which load's latency at a percentile is over so many seconds."""
    for name, load in loads.items():
        reached = load.percentile(percent)
        if reached > seconds:
            what = f"{name}: the {percent}th percentile of the latency is {reached * 1000:.0f} ms"
            return Problem(what, LOOK, load.machine)
    return None


def invalid_loads(loads: Loads) -> Problem | None:
    for name, load in loads.items():
        if why := load.invalid():
            what = f"the {name}'s load is INVALID: {'; '.join(why)}"
            return Problem(what, "free the machine, or ask for less with --rate", load.machine)
    return None


def too_few_pairs(pairs: PairedLoads, asked: int) -> Problem | None:
    counted = len(pairs.counted)
    if counted >= asked:
        return None
    return Problem(
        f"{counted} pairs of the {asked} asked for count, of {len(pairs.sent)} sent",
        "; ".join(pairs.invalid()[:3]) or "ask for fewer with --pairs",
    )


def gpu_not_faster(pairs: PairedLoads) -> Problem | None:
    return None if pairs.verdict() == GPU_FASTER else Problem(pairs.summary())
