"""Results that no run has come to: for pages, tables and files that a real run takes too long for."""

import dataclasses

import numpy as np

from acceptance.data.dataset import CIFAR10_CLASSES
from acceptance.errors import AcceptanceError
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.report import measured
from acceptance.report.causes import Causes, number
from acceptance.report.claims import claims
from acceptance.report.results import (
    FAILED,
    NOT_RUN,
    PASSED,
    SKIPPED,
    Pair,
    Pairs,
    Results,
    Scenario,
    Span,
    Step,
    Training,
)

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)>\"'&"
OUTCOMES = (PASSED, FAILED, SKIPPED, NOT_RUN)


def load(device, median_ms, count=6000, rate=600, spread=0.6):
    waited = np.random.default_rng(1).lognormal(np.log(median_ms / 1000), spread, count)
    plan = LoadPlan(rate, count // rate, b"")
    return measured.load(device, LoadResult(plan, np.arange(count) / rate, waited, np.full(count, 200), [""] * count))


def pairs():
    """Return seven pairs of which the first does not count."""
    latencies = {"cpu p50": 7.2, "gpu p50": 2.7, "cpu p99": 205.6, "gpu p99": 10.5}
    return Pairs(
        verdict="GPU faster",
        words="GPU faster by 6 pairs",
        gpu_use="35.0% under the GPU's loads and 0.0% under the CPU's loads",
        pairs=[
            Pair("cpu", latencies, f"the CPU's load is INVALID {HOSTILE}"),
            *(Pair("gpu", latencies) for _ in range(6)),
        ],
        ratios=[
            {"percent": 50.0, "estimate": 0.375, "low": 0.36, "high": 0.39},
            {"percent": 99.0, "estimate": 0.051, "low": 0.02, "high": 0.2},
        ],
    )


def training(device, epochs, held_out):
    rising = np.linspace(0.4, 1, epochs).tolist()
    metrics = {
        "accuracy": rising,
        "val_accuracy": [value * held_out for value in rising],
        "loss": rising[::-1],
        "val_loss": rising[::-1],
    }
    return Training(device, "a run", "0" * 32, "quick", epochs, 100.0, [device.upper()], metrics)


def scenario(number, outcome):
    return Scenario(
        id=f"features/test_features.py::test_{number}",
        feature=f"Feature {number // 20}",
        name=f"Scenario {number} {HOSTILE}",
        uri=f"features/{number // 20}.feature",
        line=number + 2,
        feature_line=1,
        tags=["gpu"],
        steps=[
            Step("Given", "something", PASSED, 0.1, {"a figure": HOSTILE}),
            Step("Then", "it is so", outcome, 1.0 if outcome in (PASSED, FAILED) else None),
        ],
        outcome=outcome,
        reason=f"nowhere a GPU {HOSTILE}" if outcome == SKIPPED else "",
        error=f"it is not so\n{HOSTILE}" if outcome == FAILED else "",
        started=float(number),
        seconds=1.1 if outcome in (PASSED, FAILED) else None,
    )


def with_causes(made):
    """Put what failed and what was skipped under a cause each, as the suite's hooks do while it runs."""
    causes = Causes(made.causes)
    for one in made.scenarios:
        if one.outcome == FAILED:
            causes.note(one, FAILED, one.error, AcceptanceError(one.error))
        elif one.outcome == SKIPPED:
            causes.note(one, SKIPPED, one.reason, AcceptanceError(one.reason))
    made.claims = claims(made)
    number(made)
    return made


def results(scenarios=8, stand_in=False, **changes):
    """Return a run of so many scenarios that pass, fail, are skipped and never run in turn."""
    made = Results(
        started="2026-01-02T03:04:05+00:00",
        target="embedded",
        profile="quick",
        location="nowhere",
        rate=600,
        duration=10,
        machine="made up, 2 cores",
        data="CIFAR-10",
        stand_in=stand_in,
        devices={"GPU": "none: made up"},
        versions={"suite": "0.1.0", "Triton": "2.51.0"},
    )
    made.scenarios = [scenario(number, OUTCOMES[number % 4]) for number in range(scenarios)]
    made.trainings = [training("cpu", 2, 0.73), training("gpu", 60, 0.69)]
    made.loads = [load("cpu", 8), load("gpu", 3)]
    made.pairs = pairs()
    pixels = np.random.default_rng(2).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    made.images = [measured.image("the deer", pixels, 4, CIFAR10_CLASSES, np.arange(10.0))]
    made.spans = [Span("stack", "setup", 0, 3), Span("triton", "pull", 1, 30), Span("a scenario", "scenario", 3, 90)]
    made.finish(100.0)
    with_causes(made)
    return dataclasses.replace(made, **changes)
