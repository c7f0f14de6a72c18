"""The HTML report: one file that asks the network for nothing, drawn from the results by page.html."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Any

from acceptance.data.source import STAND_IN
from acceptance.report.plots import Plot
from acceptance.report.results import FAILED, NOT_RUN, PASSED, SKIPPED, Cause, Results, Scenario, Training, slug
from acceptance.report.tables import counted

HERE = Path(__file__).parent
OUTCOMES = (FAILED, PASSED, SKIPPED, NOT_RUN)


@dataclass(frozen=True)
class Evidence:
    """The end of a log or of what a cluster said; `cut` says how much was left out."""

    name: str
    text: str
    cut: str = ""


def render(
    results: Results, plots: Sequence[Plot] = (), evidence: Sequence[Evidence] = (), extras: Sequence[str] = ()
) -> str:
    """Return the page. All of the results is escaped; `extras` is HTML that pytest plugins add."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return template().render(
        results=results,
        plots=plots,
        evidence=evidence,
        extras=extras,
        outcomes=OUTCOMES,
        features=by_feature(results.scenarios),
        # a name with odd characters is no id, and two of them may look alike
        anchors={scenario.id: f"scenario-{number}" for number, scenario in enumerate(results.scenarios, 1)},
        stand_in=STAND_IN,
        bars=waterfall(results),
        side_by_side=side_by_side(results.trainings),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=script,
        # what runs in the page is this script and no other, whatever a log line says
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


@cache
def template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"duration": duration, "logit": logit_width, "slug": slug, "zip": zip, "words": words}
    environment.filters |= {"counted": counted, "says_more": says_more}
    return environment.get_template("page.html")


def by_feature(scenarios: Sequence[Scenario]) -> dict[str, list[Scenario]]:
    found: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        found.setdefault(scenario.feature, []).append(scenario)
    return found


def words(scenario: Scenario) -> str:
    """Return all that a search in the page looks through."""
    steps = [f"{step.keyword} {step.text}" for step in scenario.steps]
    noted = [scenario.figures, *(step.figures for step in scenario.steps)]
    figures = [f"{name}: {value}" for one in noted for name, value in one.items()]
    return " ".join(
        [scenario.feature, scenario.name, *scenario.tags, *steps, *figures, scenario.reason, scenario.error]
    )


def says_more(scenario: Scenario, causes: Sequence[Cause]) -> bool:
    """Say whether a scenario's error holds what isn't said elsewhere: a cause's text stands at its first scenario."""
    said = [cause.text for cause in causes if cause.scenarios[0] != scenario.id]
    return scenario.error not in said


def side_by_side(trainings: Sequence[Training]) -> list[tuple[str, list[str]]]:
    """Return a row a parameter or figure of the runs, each with a cell a run."""
    names = dict.fromkeys(name for run in trainings for name in run.parameters)
    rows = [(name, [run.parameters.get(name, "-") for run in trainings]) for name in names]
    figures: dict[str, Callable[[Training], str]] = {
        "epochs that ran": lambda run: str(run.epochs),
        "time": lambda run: duration(run.seconds),
        "time an epoch": epoch_time,
        "training accuracy": lambda run: last_percent(run, "accuracy"),
        "held-out accuracy": lambda run: last_percent(run, "val_accuracy"),
    }
    return rows + [(name, [figure(run) for run in trainings]) for name, figure in figures.items()]


def epoch_time(run: Training) -> str:
    times = [seconds for seconds in run.metrics.get("epoch_seconds", []) if isfinite(seconds)]
    return duration(fmean(times)) if times else "-"


def last_percent(run: Training, metric: str) -> str:
    return f"{run.metrics[metric][-1]:.1%}" if run.metrics.get(metric) else "-"


def waterfall(results: Results) -> list[dict[str, Any]]:
    """Return the run's parts that took a hundredth of it or more, with their place on it in percent."""
    whole = max([results.seconds, *(span.started + span.seconds for span in results.spans)], default=0.0)
    if not whole:
        return []
    shown = [span for span in results.spans if span.seconds >= whole / 100 or span.kind == "pull"]
    return [
        {
            "span": span,
            "left": f"{span.started / whole:.2%}",
            "width": f"{max(span.seconds / whole, 0.002):.2%}",
        }
        for span in sorted(shown, key=lambda span: (span.started, -span.seconds))
    ]


def duration(seconds: float | None) -> str:
    """Return seconds for people: `0.52 s`, `41 s`, `5 min 02 s`."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def logit_width(value: float, logits: Sequence[float]) -> str:
    """Return the bar of a logit: from the lowest of them to the highest."""
    low, high = min(logits), max(logits)
    return f"{(value - low) / (high - low):.1%}" if high > low else "0%"
