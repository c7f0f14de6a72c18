"""The tutorial's claims, each bound to the scenario that checks it.

The tutorial's figures are those of its own screenshots and its load generator's table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from acceptance.data.source import LABEL
from acceptance.load.limits import TUTORIAL_RATE, pair_seconds, usual_seconds
from acceptance.report.results import FAILED, NOT_RUN, PASSED, Claim, Load, Results, Scenario, Training


@dataclass(frozen=True)
class Stated:
    """A claim as the tutorial makes it; `measured` gives this run's figure, "" where there is none."""

    claim: str
    tutorial: str
    scenario: str
    measured: Callable[[Results, Scenario], str]
    on_data: bool = True
    """Whether the figure depends on the data set."""
    otherwise: Callable[[Results], str] = lambda results: ""
    """What the run was asked for instead of the claim; "" where it was the claim."""


def training_of(results: Results, device: str) -> Training | None:
    return next((one for one in results.trainings if one.device == device), None)


def load_of(results: Results, device: str) -> Load | None:
    return next((one for one in results.loads if one.device == device), None)


def accuracies(device: str, first: str, second: str) -> Callable[[Results, Scenario], str]:
    words = {"accuracy": "in training", "val_accuracy": "held out"}

    def measured(results: Results, scenario: Scenario) -> str:
        found = training_of(results, device)
        if not found:
            return ""
        said = [f"{found.metrics[name][-1]:.1%} {words[name]}" for name in (first, second) if found.metrics.get(name)]
        return f"{', '.join(said)} after {found.epochs} epochs" if said else ""

    return measured


def pod_said(results: Results, scenario: Scenario) -> str:
    return "Test PASSED" if scenario.outcome == PASSED else ""


def landed(results: Results, scenario: Scenario) -> str:
    return next((step.figures["landed at"] for step in scenario.steps if "landed at" in step.figures), "")


def trained_in(results: Results, scenario: Scenario) -> str:
    figures = {name: value for step in scenario.steps for name, value in step.figures.items()}
    cpu, gpu = figures.get("10 epochs on the CPU"), figures.get("60 on the GPU")
    return f"60 epochs on the GPU in {gpu}, 10 on the CPU in {cpu}" if cpu and gpu else ""


def taken(results: Results, scenario: Scenario) -> str:
    found = load_of(results, "cpu")
    if not found or not found.latency_ms:
        return ""
    figures = found.latency_ms
    return (
        f"{answered(found)} at {found.rate}/s for {found.duration} s, "
        f"p50 {figures['p50']:.1f} ms, p99 {figures['p99']:.1f} ms{doubt(found)}"
    )


def answered(load: Load) -> str:
    """Say how many requests were answered; no rounding hides a failed one."""
    failed = round((1 - load.success) * load.requests)
    return f"{failed:,} of {load.requests:,} failed" if failed else f"all {load.requests:,}"


def doubt(load: Load) -> str:
    return ", INVALID" if load.invalid else ""


def faster(results: Results, scenario: Scenario) -> str:
    pairs = results.pairs
    if not pairs:
        return ""
    counted = [pair.latency_ms for pair in pairs.pairs if not pair.invalid]
    said = []
    for ratio in pairs.ratios:
        name = f"p{ratio['percent']:.0f}"
        gpu, cpu = (median(latency[f"{device} {name}"] for latency in counted) for device in ("gpu", "cpu"))
        said.append(
            f"{name} {gpu:.1f} against {cpu:.1f} ms, x {ratio['estimate']:.2f} "
            f"({ratio['low']:.2f} to {ratio['high']:.2f})"
        )
    seconds = pair_seconds(results.duration)
    return "; ".join([f"{pairs.verdict} by {len(counted)} pairs of loads of {seconds} s", *said])


def tutorials_load(results: Results) -> str:
    rate = [f"{results.rate}/s"] if results.rate != TUTORIAL_RATE else []
    # a shorter load is no claim's
    short = results.duration < usual_seconds("quick", results.stand_in)
    duration = [f"{results.duration} s"] if short else []
    return f"asked for {' for '.join(rate + duration)}" if rate or duration else ""


def tutorials_deer(results: Results) -> str:
    if results.request:
        return f"asked with {results.request}'s own request"
    return "" if results.expect_index == 4 else f"asked for index {results.expect_index}"


CLAIMS = (
    Stated("A pod computes on the cluster's GPU", "Test PASSED", "The cuda-vector-add pod passes", pod_said, False),
    Stated(
        "The CPU model reaches about 70% on held-out images",
        "71.5% held out, 78.5% in training after 10 epochs",
        "The CPU model learns",
        accuracies("cpu", "val_accuracy", "accuracy"),
    ),
    Stated(
        "The GPU model reaches about 96% on the images it was trained on",
        "96.4% in training, 69.1% held out after 60 epochs",
        "The GPU model learns",
        accuracies("gpu", "accuracy", "val_accuracy"),
    ),
    Stated(
        "The GPU trains 60 epochs in the time of the CPU's 10",
        "about 96% in the same time",
        "The GPU trains 60 epochs in the time of the CPU's 10",
        trained_in,
    ),
    Stated(
        "Served by Triton, the deer lands at index 4",
        "index 4",
        "The deer lands at index 4",
        landed,
        otherwise=tutorials_deer,
    ),
    Stated(
        "The CPU predictor takes 600 requests a second",
        "all 36,000 at 600/s for 60 s, p50 7.2 ms, p99 205.6 ms",
        "The CPU predictor takes the tutorial's load",
        taken,
        otherwise=tutorials_load,
    ),
    Stated(
        "The GPU answers faster than the CPU",
        "one load each: p50 2.7 against 7.2 ms, p99 10.5 against 205.6 ms",
        "The GPU answers faster than the CPU",
        faster,
        otherwise=tutorials_load,
    ),
)

# milliseconds, from the tutorial's table: 600 requests a second for 60 s
TUTORIAL_LATENCY = {
    "cpu": {"min": 3.328, "p50": 7.209, "p90": 26.135, "p95": 54.551, "p99": 205.604, "max": 307.993},
    "gpu": {"min": 1.974, "p50": 2.697, "p90": 3.542, "p95": 4.762, "p99": 10.532, "max": 72.138},
}


def claims(results: Results) -> list[Claim]:
    """Return the claims with this run's figures; a claim whose scenario wasn't chosen is "not run"."""
    by_name = {scenario.name: scenario for scenario in results.scenarios}
    found = []
    for stated in CLAIMS:
        scenario = by_name.get(stated.scenario)
        measured = stated.measured(results, scenario) if scenario else ""
        verdict = scenario.outcome if scenario else NOT_RUN
        otherwise = stated.otherwise(results)
        if otherwise and verdict in (PASSED, FAILED):
            measured = ": ".join(part for part in (otherwise, measured) if part)
            verdict = NOT_RUN if verdict == PASSED else verdict
        causes = list(scenario.causes) if scenario else []
        if not measured and scenario and scenario.reason and not causes:
            measured = scenario.reason
        elif measured and results.stand_in and stated.on_data:
            measured = f"{measured} ({LABEL})"
        found.append(Claim(stated.claim, stated.tutorial, measured or "-", verdict, stated.scenario, causes))
    return found
