"""A load: what is to be sent, every request's result, and whether it may be believed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from acceptance.load.limits import REQUESTS_FOR_P99

LATE_SECONDS = 0.010
LATE_SHARE = 0.01
RATE_TOLERANCE = 0.01
# one answer in so many is looked at
SAMPLED = 100


@dataclass(frozen=True)
class LoadPlan:
    """What is asked of the load generator: `rate` requests a second for `duration` seconds of one body.

    The body is JSON where no other `headers` are given.
    """

    rate: int
    duration: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"}, repr=False)
    new_connections: bool = False
    """Each request has a connection of its own, as from a client that is new."""

    @property
    def requests(self) -> int:
        return self.rate * self.duration

    @property
    def most_seconds(self) -> int:
        """How long the generator may take, its start and the last answers included."""
        return self.duration + 60


@dataclass(frozen=True)
class LoadResult:
    """Every request of a load. Arrays [N], in the order of sending.

    `sent`: seconds since the first request; `waited`: seconds from sending to the whole answer; `codes`: HTTP codes,
    0 where there was no answer; `errors`: the generator's words, "" for none.
    Latency counts from the intended time of the constant-rate schedule, so a late generator can't hide a slow server.
    """

    plan: LoadPlan
    sent: np.ndarray = field(repr=False)
    waited: np.ndarray = field(repr=False)
    codes: np.ndarray = field(repr=False)
    errors: list[str] = field(repr=False)
    incidents: tuple[str, ...] = ()
    """What happened to the server during the load; any makes it INVALID."""
    answers: tuple[str, ...] = field(default=(), repr=False)
    """The body of every SAMPLED-th answer, of those that succeeded."""
    machine: str = field(default="", repr=False)
    """What else this machine was busy with when a slow or an INVALID load ended, "" where it wasn't."""
    earlier: tuple[str, ...] = field(default=(), repr=False)
    """Why each load that was sent before this one, in its place, did not count."""

    def __len__(self) -> int:
        return len(self.sent)

    @cached_property
    def late(self) -> np.ndarray:
        """Seconds [N] from the intended time to the sending, never below zero."""
        behind = self.sent - np.arange(len(self)) / self.plan.rate
        return behind - behind.min() if len(self) else behind

    @cached_property
    def latencies(self) -> np.ndarray:
        """Seconds [N] from the intended time to the whole answer."""
        return self.late + self.waited

    def percentile(self, percent: float) -> float:
        """Return the latency in seconds that `percent` of the requests did not exceed (nearest rank)."""
        return float(np.percentile(self.latencies, percent, method="inverted_cdf"))

    @property
    def rate_sent(self) -> float:
        """Requests a second from the first to the last request."""
        span = float(self.sent.max() - self.sent.min()) if len(self) > 1 else 0.0
        return (len(self) - 1) / span if span else 0.0

    @cached_property
    def failed(self) -> np.ndarray:
        """Which requests [N] had an error or no 200."""
        return (self.codes != 200) | np.array([bool(error) for error in self.errors], dtype=bool)

    @property
    def success(self) -> float:
        """The share of requests that succeeded, from 0 to 1."""
        return float(1 - self.failed.mean()) if len(self) else 0.0

    def failures(self) -> str:
        """Return each kind of failure with its count, the most frequent first."""
        kinds: dict[str, int] = {}
        for index in np.flatnonzero(self.failed):
            kind = self.errors[index] or f"HTTP {self.codes[index]}"
            kinds[kind] = kinds.get(kind, 0) + 1
        return "; ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1])[:5])

    def invalid(self) -> list[str]:
        """Return why the figures may not be believed; an empty list is a VALID load."""
        plan, reasons = self.plan, list(self.incidents)
        if len(self) < REQUESTS_FOR_P99:
            reasons.append(f"{len(self)} requests; a 99th percentile takes {REQUESTS_FOR_P99}")
        if len(self) != plan.requests:
            reasons.append(f"{len(self)} requests were sent of the {plan.requests} asked for")
        reasons += self.off_schedule()
        if self.failed.any():
            reasons.append(f"{int(self.failed.sum())} of {len(self)} requests failed: {self.failures()}")
        return reasons

    def off_schedule(self) -> list[str]:
        """Return how the sending missed the plan's times."""
        reasons = []
        if abs(self.rate_sent / self.plan.rate - 1) > RATE_TOLERANCE:
            reasons.append(f"{self.rate_sent:.1f} requests/s were sent instead of {self.plan.rate} within 1 %")
        late = float((self.late > LATE_SECONDS).mean()) if len(self) else 0.0
        if late > LATE_SHARE:
            reasons.append(f"{late:.1%} of the requests left over 10 ms after their intended time; at most 1 % may")
        return reasons

    @property
    def left_late(self) -> bool:
        """Whether the load is INVALID by the sending alone, which says something of the machine, not of the server."""
        off_schedule = self.off_schedule()
        return bool(off_schedule) and self.invalid() == off_schedule

    def figures(self) -> dict[str, str]:
        """Return the load's figures in the tutorial's order, in milliseconds, for people."""
        if not len(self):
            return {"requests": "0"}
        latency = self.latencies * 1000
        figures = {
            "min": latency.min(),
            "mean": latency.mean(),
            **{f"p{percent}": self.percentile(percent) * 1000 for percent in (50, 90, 95, 99)},
            "max": latency.max(),
        }
        return {
            **{name: f"{value:.3f} ms" for name, value in figures.items()},
            # rounded down: no failed request is hidden
            "success": f"{math.floor(self.success * 1e5) / 1e3:.3f}% of {len(self):,}",
            "load took": f"{float((self.sent + self.waited).max()):.1f} s",
            "rate": f"{self.rate_sent:.1f} sent of {self.plan.rate} asked, a second",
            "verdict": "INVALID: " + "; ".join(self.invalid()) if self.invalid() else "VALID",
            **({"sent again": "; ".join(self.earlier)} if self.earlier else {}),
        }
