"""Whether the GPU answers faster than the CPU: loads in pairs, and how sure their ratios are.

A pair is one load on each predictor, one right after the other, so that what slows the machine for a while slows both.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from acceptance.load.limits import LEAST_PAIRS
from acceptance.load.result import LoadResult

CONFIDENCE = 0.95
# a difference of 5 % is to be found four times in five by as many pairs as `pairs_needed` asks for
DIFFERENCE, POWER = 0.05, 0.8
# what nobody would notice is no difference
NONE = 0.001
PERCENTS = (50, 99)
RESAMPLES = 2_000
# values: what fits the processor's cache is drawn several times as fast
DRAWN_AT_ONCE = 100_000

GPU_FASTER, CPU_FASTER, CANT_TELL = "GPU faster", "CPU faster", "can't tell"

Send = Callable[[str], LoadResult]
"""Sends the load to the predictor on "cpu" or "gpu"."""


@dataclass(frozen=True)
class Ratio:
    """The GPU's latency over the CPU's at one percentile: the pairs' geometric mean, and its confidence interval."""

    percent: int
    estimate: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """How much more the slower one takes, as a share of the faster one's."""
        return math.exp(abs(math.log(self.estimate))) - 1

    def __str__(self) -> str:
        return f"{self.estimate:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Pair:
    """A load on each, in the order in which they were sent: `first` is "cpu" or "gpu"."""

    cpu: LoadResult
    gpu: LoadResult
    first: str

    def invalid(self) -> list[str]:
        loads = {"CPU": self.cpu, "GPU": self.gpu}
        return [f"the {device}'s load is INVALID: {why}" for device, load in loads.items() for why in load.invalid()]


@dataclass(frozen=True)
class PairedLoads:
    """Every pair that was sent; only those whose two loads are VALID count."""

    sent: list[Pair] = field(repr=False)

    @property
    def counted(self) -> list[Pair]:
        return [pair for pair in self.sent if not pair.invalid()]

    def loads(self) -> dict[str, LoadResult]:
        """Return every load by its name: `CPU 1`, `GPU 1`, `CPU 2`."""
        numbered = enumerate(self.sent, 1)
        return {f"{name} {at}": load for at, pair in numbered for name, load in (("CPU", pair.cpu), ("GPU", pair.gpu))}

    def invalid(self) -> list[str]:
        """Return why pairs do not count, each with its number."""
        return [f"pair {at}: {'; '.join(pair.invalid())}" for at, pair in enumerate(self.sent, 1) if pair.invalid()]

    def logarithms(self, percent: int) -> np.ndarray:
        """Return the logarithm of each counted pair's ratio [pairs] at the percentile."""
        latencies = [(pair.cpu.percentile(percent), pair.gpu.percentile(percent)) for pair in self.counted]
        return np.array([math.log(gpu / cpu) for cpu, gpu in latencies])

    def ratios(self) -> list[Ratio]:
        """Return the ratio at each of PERCENTS; empty where too few pairs count."""
        if len(self.counted) < LEAST_PAIRS:
            return []
        return [ratio(percent, self.logarithms(percent)) for percent in PERCENTS]

    def verdict(self) -> str:
        return verdict(self.ratios())

    def summary(self) -> str:
        """Return the verdict with its ratios, and where it can't tell with the number of pairs that would."""
        ratios = self.ratios()
        if not ratios:
            return f"{CANT_TELL}: {len(self.counted)} pairs of valid loads; at least {LEAST_PAIRS} are needed"
        said = ", ".join(f"{found} at p{found.percent}" for found in ratios)
        told = f"{self.verdict()} by {len(self.counted)} pairs: the GPU's latency over the CPU's is {said}"
        if self.verdict() != CANT_TELL:
            return told
        return f"{told}; {self.what_would_tell(ratios)}"

    def what_would_tell(self, ratios: list[Ratio]) -> str:
        """Return how many pairs would tell, or why no number of them would."""
        if any(found.high < 1 for found in ratios) and any(found.low > 1 for found in ratios):
            return "each is faster at one of them, beyond doubt: no number of pairs would tell which one is at both"
        if slower := [f"p{found.percent}" for found in ratios if found.low > 1]:
            proven = f"the CPU is faster at {' and '.join(slower)}, beyond doubt"
            return f"{proven}: no number of pairs would show the GPU to be faster at both"
        needed = max(pairs_needed(self.logarithms(percent)) for percent in PERCENTS)
        if needed > len(self.counted):
            return f"{needed} pairs would tell a difference of {DIFFERENCE:.0%} (--pairs)"
        unsure = min((found for found in ratios if found.low <= 1 <= found.high), key=lambda found: found.difference)
        enough = f"a difference of {DIFFERENCE:.0%} would have been told"
        if unsure.difference < NONE:
            return f"{enough}, and at p{unsure.percent} there is none: no number of pairs would tell"
        needed = max(len(self.counted) + 1, pairs_needed(self.logarithms(unsure.percent), unsure.difference))
        return f"{enough}; {needed} pairs would tell the {unsure.difference:.1%} at p{unsure.percent} (--pairs)"


def send_pairs(send: Send, pairs: int) -> PairedLoads:
    """Send pairs in turns (CPU, GPU, GPU, CPU, ...) until so many count.

    A pair with an INVALID load is sent again, at most as often as there are pairs, and not where a request failed:
    that is an answer already.
    """
    sent: list[Pair] = []
    found = PairedLoads(sent)
    while len(found.counted) < pairs and len(sent) < 2 * pairs:
        order = ("cpu", "gpu") if len(found.counted) % 2 == 0 else ("gpu", "cpu")
        loads = {device: send(device) for device in order}
        sent.append(Pair(loads["cpu"], loads["gpu"], order[0]))
        if any(load.failed.any() for load in loads.values()):
            break
    return found


def verdict(ratios: Iterable[Ratio]) -> str:
    """Return GPU_FASTER or CPU_FASTER where every interval lies on that side of 1, else CANT_TELL."""
    found = list(ratios)
    if found and all(one.high < 1 for one in found):
        return GPU_FASTER
    return CPU_FASTER if found and all(one.low > 1 for one in found) else CANT_TELL


def ratio(percent: int, logarithms: np.ndarray) -> Ratio:
    """Return the geometric mean of the ratios, given as logarithms [pairs], with its bootstrap-t interval.

    The pairs are drawn again with replacement, and each draw's mean counts in its own standard errors (Efron and
    Tibshirani, An Introduction to the Bootstrap, chapter 12): with six pairs plain percentiles are too narrow. An end
    that lies within Student's interval goes out to it: alone, the bootstrap's miss the truth in 7 % of simulations.
    """
    from scipy import special  # `stats` has the same in words, and takes a second to import

    count, mean = len(logarithms), float(logarithms.mean())
    error = float(logarithms.std(ddof=1)) / math.sqrt(count)
    off, errors = redraw(logarithms - mean)
    varied = errors > 1e-9  # a draw of one pair again and again says nothing
    if not varied.any():
        return Ratio(percent, math.exp(mean), math.exp(mean), math.exp(mean))
    studentised = off[varied] / errors[varied]
    tail = (1 - CONFIDENCE) / 2
    student = float(special.stdtrit(count - 1, 1 - tail))
    low, high = np.quantile(studentised, [tail, 1 - tail])
    low, high = min(low, -student), max(high, student)
    return Ratio(percent, math.exp(mean), math.exp(mean - high * error), math.exp(mean - low * error))


def redraw(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw values [count] whose mean is 0 again, with replacement: the draws' means and standard errors [RESAMPLES]."""
    count, random = len(centred), np.random.default_rng(0)
    means, squares = np.empty(RESAMPLES), np.empty(RESAMPLES)
    rows = max(1, DRAWN_AT_ONCE // count)
    for at in range(0, RESAMPLES, rows):
        part = slice(at, min(at + rows, RESAMPLES))
        drawn = centred.take(random.integers(count, size=(part.stop - at, count)))
        means[part], squares[part] = drawn.mean(axis=1), np.einsum("ij,ij->i", drawn, drawn)
    variances = np.maximum(squares - count * means**2, 0) / (count - 1)
    return means, np.sqrt(variances / count)


def pairs_needed(logarithms: np.ndarray, difference: float = DIFFERENCE) -> int:
    """Return how many pairs would find a difference with POWER, by how much these [pairs] vary.

    A few pairs know their own variance badly, so its upper limit at 80 % counts (Browne, Statistics in Medicine, 1995).
    """
    from scipy import special

    freedom = len(logarithms) - 1
    variance = float(logarithms.var(ddof=1)) * freedom / special.chdtri(freedom, POWER)
    deviations = special.ndtri((1 + CONFIDENCE) / 2) + special.ndtri(POWER)
    return max(LEAST_PAIRS, math.ceil((deviations / math.log1p(difference)) ** 2 * variance) + 1)
