"""How busy the GPU is while something runs, by Triton's own metrics."""

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from acceptance.errors import AcceptanceError, Problem
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.gpu_evidence import gpu_metrics
from acceptance.serving.inference import read_metrics

# how often the metrics are read in the time in which they change once
SAMPLES = 4
# utilisation is the share of time in which a kernel ran: by this much it must rise under the GPU predictor's loads
RISE = 0.01
# and this much it may have under the CPU's: an idle GPU has 0, a desktop on it a few percent
IDLE = 0.05

Use = dict[str, float]
"""A utilisation, from 0 to 1, for each GPU that the server sees, by its UUID."""


@dataclass(frozen=True)
class GpuUtilisation:
    """The GPUs' utilisation while each load ran, "cpu"'s and "gpu"'s apart."""

    cpu: list[Use] = field(default_factory=list)
    gpu: list[Use] = field(default_factory=list)

    def under(self, device: str) -> list[Use]:
        return {"cpu": self.cpu, "gpu": self.gpu}[device]

    def own(self, device: str) -> float | None:
        """Return the median of the model's own GPU under the device's loads.

        Triton says nowhere which UUID its GPU 0 has: it is the one that the model's loads raise most.
        """
        seen = dict.fromkeys(uuid for use in self.gpu + self.cpu for uuid in use)
        rises = {uuid: median_use(self.gpu, uuid) - median_use(self.cpu, uuid) for uuid in seen}
        loads = self.under(device)
        return median_use(loads, max(rises, key=lambda uuid: rises[uuid])) if loads else None

    def problem(self) -> Problem | None:
        """Say that the GPU did not work under the GPU predictor's loads alone."""
        cpu, gpu = self.own("cpu"), self.own("gpu")
        if cpu is None or gpu is None:
            return Problem(
                "Triton's metrics have no nv_gpu_utilization: it does not see the GPU",
                "look at its log for DCGM or NVML",
            )
        measured = f"its utilisation was {self.summary()}"
        if cpu > IDLE:
            return Problem(
                f"the GPU was busy under the CPU's loads, over {IDLE:.0%}, which proves nothing; {measured}",
                "see whether others use it: `nvidia-smi`",
            )
        if gpu - cpu < RISE:
            mig = "; a MIG slice reports no utilisation: take a whole GPU" if gpu == 0 else ""
            return Problem(
                f"the GPU did no more under the GPU predictor's loads: it waited, or the CPU computed; {measured}",
                f"look at the server's log for the execution provider, and for what it waits for{mig}",
            )
        return None

    def summary(self) -> str:
        shown = {"GPU": self.own("gpu"), "CPU": self.own("cpu")}
        parts = [f"{use:.1%} under the {name}'s loads" for name, use in shown.items() if use is not None]
        return " and ".join(parts) or "not reported"


def median_use(loads: list[Use], uuid: str) -> float:
    return statistics.median([use[uuid] for use in loads if uuid in use] or [0.0])


def utilisation(text: str) -> Use:
    """Return what a server's metrics say of each GPU; empty where they say nothing."""
    name = "nv_gpu_utilization"
    return {uuid: values[name] for uuid, values in gpu_metrics(text).items() if name in values}


def busiest(samples: list[tuple[float, float]], seconds: float) -> float:
    """Return the highest median of any window so long, of samples (time, utilisation); of all where they are shorter.

    The load is shorter than what was watched: starting and ending it must not dilute it. Its first seconds still show
    what was before: the median leaves them out.
    """
    starts = [at for at, _ in samples if at + seconds <= samples[-1][0]] or [samples[0][0]]
    return max(statistics.median(use for at, use in samples if start <= at <= start + seconds) for start in starts)


@contextlib.contextmanager
def watched(endpoint: Endpoint, uses: list[Use], seconds: float) -> Iterator[None]:
    """Read the endpoint's metrics again and again until the context ends.

    Adds to the list how busy each GPU was in its busiest window of so many seconds.
    """
    samples: dict[str, list[tuple[float, float]]] = {}
    ended = threading.Event()

    def sample() -> None:
        while True:
            with contextlib.suppress(AcceptanceError):  # the load says what became of the server
                for uuid, use in utilisation(read_metrics(endpoint.metrics)).items():
                    samples.setdefault(uuid, []).append((time.monotonic(), use))
            if ended.wait(endpoint.metrics_seconds / SAMPLES):
                return

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if samples:
            uses.append({uuid: busiest(some, seconds) for uuid, some in samples.items()})
