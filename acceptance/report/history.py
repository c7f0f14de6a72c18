"""The runs before this one: a line of JSON a run, beside the reports; and what moved since.

A broken line or file never stops a report: it is counted and named in the comparison's notes.
"""

import fcntl
import json
import os
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acceptance.report.results import FAILED, PASSED, Change, Comparison, Results

FILE = "history.jsonl"
VERSION = 1
# how many earlier runs of the same kind count
LATEST = 20
# so many tell how far a figure moves by itself; with fewer, only `least` and `share` are
ENOUGH = 4
# a median absolute deviation of 1 is a standard deviation of 1.4826; three of them are noise
DEVIATIONS = 3 * 1.4826
# no history is so long, and a wrong file may be
MOST_BYTES = 64 << 20
# no accuracy, latency or time is so large, and sums of such numbers stay finite
LARGEST = 1e12


@dataclass(frozen=True)
class KeyFigure:
    """A figure that is compared from run to run.

    Its noise is at least `least`, in its unit, and at least this `share` of what it was before. `whole`: it depends on
    which scenarios ran.
    """

    name: str
    value: float
    unit: str
    higher_is_better: bool
    least: float = 0.0
    share: float = 0.0
    whole: bool = False


@dataclass(frozen=True)
class Earlier:
    """What of an earlier run is compared with this one."""

    started: str
    kind: dict[str, str]
    figures: dict[str, float]
    outcomes: dict[str, str]
    setup: dict[str, float] = field(default_factory=dict)
    """How long what scenarios share took to set up, in seconds."""


@dataclass
class Past:
    """The earlier runs, oldest first, and what of the file could not be read."""

    source: str
    runs: list[Earlier] = field(default_factory=list)
    broken: int = 0
    problem: str = ""


def kind(results: Results) -> dict[str, str]:
    """Return what must be the same for two runs to compare."""
    return {
        "target": results.target,
        "profile": results.profile,
        "data": results.data,
        "load": f"{results.rate}/s for {results.duration} s",
        "machine": results.machine,
        "where": results.location,
        "gpu": results.devices.get("GPU", "") if used_gpu(results) else "",
    }


def used_gpu(results: Results) -> bool:
    return "gpu" in [training.device for training in results.trainings] + [load.device for load in results.loads]


def key_figures(results: Results) -> list[KeyFigure]:
    """Return the figures to compare; `least` and `share` are what two runs on one quiet machine differ by."""
    found = []
    for training in results.trainings:
        device = training.device.upper()
        for metric, words in (("accuracy", "training accuracy"), ("val_accuracy", "held-out accuracy")):
            if training.metrics.get(metric):
                found.append(KeyFigure(f"{device} {words}", training.metrics[metric][-1] * 100, "%", True, least=2.0))
        found.append(KeyFigure(f"{device} training time", training.seconds, "s", False, share=0.2))
    for load in results.loads:
        device = load.device.upper()
        for name, share in (("p50", 0.25), ("p99", 0.5)):
            if name in load.latency_ms and not load.invalid:
                value = load.latency_ms[name]
                found.append(KeyFigure(f"{device} latency {name}", value, "ms", False, share=share))
    if results.verdict == "PASSED":
        found.append(KeyFigure("whole run", results.seconds, "s", False, share=0.2, whole=True))
    return found


def line(results: Results) -> str:
    """Return this run's line of the history."""
    return json.dumps(
        {
            "version": VERSION,
            "started": results.started,
            "kind": kind(results),
            "verdict": results.verdict,
            "figures": {figure.name: figure.value for figure in key_figures(results)},
            "scenarios": {scenario.id: scenario.outcome for scenario in results.scenarios},
            "setup": {span.name: span.seconds for span in results.spans if span.kind == "setup" and not span.failed},
        },
        allow_nan=False,
    )


def append(path: Path, results: Results) -> None:
    """Add this run; a last line that an earlier run left half written is ended first.

    Runs whose reports lie side by side may end at once: they take turns.
    """
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        half_written = False
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            half_written = file.read(1) != b"\n"
        file.write(b"\n" * half_written + line(results).encode() + b"\n")


# --- reading


def read(path: Path) -> Past:
    """Return the runs of a history file or of one results.json; never raises for what is in it."""
    past = Past(str(path))
    try:
        if path.stat().st_size > MOST_BYTES:
            past.problem = f"it is {path.stat().st_size >> 20} MiB long; at most {MOST_BYTES >> 20} MiB are read"
            return past
        with path.open(encoding="utf-8", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # another run may be adding itself
            text = file.read()
    except OSError as error:
        past.problem = f"it can't be read ({error.strerror or error})"
        return past
    for entry in entries(text):
        run = earlier(entry)
        if run:
            past.runs.append(run)
        else:
            past.broken += 1
    return past


def entries(text: str) -> Iterator[Any]:
    """Yield each JSON value: the one of a results.json, or one a line; None for what is none."""
    whole = parse(text)
    if whole is not None:
        yield whole
        return
    for row in text.split("\n"):
        if row.strip():
            yield parse(row)


def parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def earlier(entry: Any) -> Earlier | None:
    """Return the run of a history line or of a results.json, or None where it is neither."""
    if not isinstance(entry, dict):
        return None
    if "location" in entry:
        entry = from_results(entry)
    described, figures, outcomes = (entry.get(name) for name in ("kind", "figures", "scenarios"))
    if entry.get("version") != VERSION or not all(isinstance(part, dict) for part in (described, figures, outcomes)):
        return None
    return Earlier(
        started=str(entry.get("started", "")),
        kind={str(name): str(value) for name, value in described.items()},
        figures=numbers(figures),
        outcomes={str(name): str(value) for name, value in outcomes.items()},
        # what was written before there was any has none
        setup=numbers(entry.get("setup")),
    )


def numbers(found: Any) -> dict[str, float]:
    """Return what of a mapping is a number; of anything else, nothing."""
    if not isinstance(found, dict):
        return {}
    return {str(name): float(value) for name, value in found.items() if is_number(value)}


def is_number(value: object) -> bool:
    """Say whether it is a number that some run can have come to."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def from_results(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the history line of a results.json, as far as it is one."""
    from acceptance.report import results as shape

    try:
        rebuilt = Results(
            **{
                **entry,
                "scenarios": [shape.Scenario(**one) for one in entry["scenarios"]],
                "trainings": [shape.Training(**one) for one in entry["trainings"]],
                "loads": [shape.Load(**one) for one in entry["loads"]],
                "spans": [shape.Span(**one) for one in entry.get("spans", [])],
            }
        )
        parsed = json.loads(line(rebuilt))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


# --- comparing


def compare(results: Results, past: Past) -> Comparison:
    """Say what moved beyond its noise since the latest runs of the same kind, and which failures are new."""
    ours = kind(results)
    every = [run for run in past.runs if run.kind == ours]
    alike = every[-LATEST:]
    found = Comparison(past.source, len(alike))
    if past.problem:
        found.notes.append(f"{past.source}: {past.problem}")
    if past.broken:
        found.notes.append(f"{past.source}: {past.broken} entries are no runs of a version that is known; left out")
    others = len(past.runs) - len(every)
    if others:
        found.notes.append(f"{others} runs of another target, profile, data set, load or machine are left out")
    if not alike:
        return found
    ran = passed({scenario.id: scenario.outcome for scenario in results.scenarios})
    for figure in key_figures(results):
        same = [run for run in alike if not figure.whole or passed(run.outcomes) == ran]
        before = [run.figures[figure.name] for run in same if figure.name in run.figures]
        if before:
            found.changes.append(change(figure, before))
    for scenario in results.scenarios:
        known = [run.outcomes[scenario.id] for run in alike if run.outcomes.get(scenario.id) in (PASSED, FAILED)]
        if scenario.outcome == FAILED and known and known[-1] == PASSED:
            found.new_failures.append(scenario.id)
        if scenario.outcome == PASSED and known and known[-1] == FAILED:
            found.fixed.append(scenario.id)
    return found


def usual(results: Results, past: Past) -> dict[str, float]:
    """Return how long the setup of what scenarios share took in the latest runs of the same kind: medians, seconds.

    Before the run nobody knows whether it will use a GPU, so that counts for nothing.
    """
    ours = {**kind(results), "gpu": ""}
    alike = [run for run in past.runs if {**run.kind, "gpu": ""} == ours][-LATEST:]
    names = {name for run in alike for name in run.setup}
    return {name: statistics.median(run.setup[name] for run in alike if name in run.setup) for name in names}


def passed(outcomes: Mapping[str, str]) -> set[str]:
    return {scenario for scenario, outcome in outcomes.items() if outcome == PASSED}


def change(figure: KeyFigure, before: list[float]) -> Change:
    """Return how a figure compares with the median of the earlier ones."""
    median = statistics.median(before)
    noise = max(figure.least, figure.share * abs(median))
    if len(before) >= ENOUGH:
        noise = max(noise, DEVIATIONS * statistics.median(abs(value - median) for value in before))
    moved = figure.value - median
    direction = "same"
    if abs(moved) > noise:
        direction = "better" if (moved > 0) == figure.higher_is_better else "worse"
    arrow = "→" if direction == "same" else "↑" if moved > 0 else "↓"
    words = {"same": "within its noise", "better": "better", "worse": "worse"}[direction]
    return Change(
        name=figure.name,
        unit=figure.unit,
        now=figure.value,
        before=median,
        noise=noise,
        runs=len(before),
        direction=direction,
        words=f"{arrow} {words}",
    )
