"""Turns what the stacks return into the results' plain figures."""

import base64
import io
import json
import math
from collections.abc import Sequence

import numpy as np

from acceptance.load.gpu_utilisation import GpuUtilisation
from acceptance.load.pairs import PERCENTS as COMPARED
from acceptance.load.pairs import PairedLoads
from acceptance.load.result import LoadResult
from acceptance.report.results import Load, Pair, Pairs, SentImage, Training
from acceptance.training.tracking import TrainingRun

PERCENTS = [*range(0, 99), *(99 + tenth / 10 for tenth in range(10)), 99.95, 100.0]


def training(run: TrainingRun) -> Training:
    return Training(
        device=run.recipe.device,
        name=run.name,
        run_id=run.run_id,
        profile=run.recipe.profile,
        epochs=run.epochs_run,
        seconds=run.seconds,
        devices=run.devices,
        # MLflow's system metrics are no epochs'
        metrics={name: by_epoch(values) for name, values in run.metrics.items() if not name.startswith("system/")},
        parameters=dict(run.parameters),
    )


def by_epoch(values: Sequence[float]) -> list[float]:
    """Return the values up to the last that is a number, NaN in the place of those before it that are none."""
    numbers = [value if math.isfinite(value) else math.nan for value in values]
    while numbers and math.isnan(numbers[-1]):
        numbers.pop()
    return numbers


def load(device: str, result: LoadResult) -> Load:
    """Sum up a load; one without any request has no latencies."""
    plan = result.plan
    latency = result.latencies * 1000
    some = len(result) > 0
    curve = np.percentile(latency, PERCENTS, method="inverted_cdf").tolist() if some else []
    named = {"min": 0.0, "p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    figures = {name: result.percentile(at) * 1000 for name, at in named.items() if some}
    if some:
        figures["mean"] = float(latency.mean())
    return Load(
        device=device,
        rate=plan.rate,
        duration=plan.duration,
        requests=len(result),
        success=result.success,
        invalid=result.invalid(),
        latency_ms=figures,
        curve=list(zip(map(float, PERCENTS), curve, strict=False)),
        seconds=over_time(result) if some else [],
    )


def pairs(paired: PairedLoads, use: GpuUtilisation) -> Pairs:
    """Sum up the pairs, those that do not count as well; a load without any request has no latencies."""
    return Pairs(
        verdict=paired.verdict(),
        words=paired.summary(),
        gpu_use=use.summary(),
        pairs=[
            Pair(
                first=pair.first,
                latency_ms={
                    f"{device} p{percent}": load.percentile(percent) * 1000
                    for device, load in (("cpu", pair.cpu), ("gpu", pair.gpu))
                    for percent in COMPARED
                    if len(load)
                },
                invalid="; ".join(pair.invalid()),
            )
            for pair in paired.sent
        ],
        ratios=[
            {"percent": float(one.percent), "estimate": one.estimate, "low": one.low, "high": one.high}
            for one in paired.ratios()
        ],
    )


def over_time(result: LoadResult) -> list[dict[str, float]]:
    """Return p50, p99, the slowest (ms) and the failures of each second, by the time that requests were due."""
    due = (np.arange(len(result)) / result.plan.rate).astype(int)
    latency = result.latencies * 1000
    seconds = []
    for second in np.unique(due):
        these = due == second
        p50, p99 = np.percentile(latency[these], [50, 99], method="inverted_cdf")
        seconds.append(
            {
                "second": float(second),
                "p50": float(p50),
                "p99": float(p99),
                "max": float(latency[these].max()),
                "failed": float(result.failed[these].sum()),
            }
        )
    return seconds


def sent_pixels(body: bytes) -> np.ndarray | None:
    """Return the one image of a V2 JSON request as uint8 [32, 32, 3], or None where it isn't one of this size."""
    try:
        (tensor,) = json.loads(body)["inputs"]
        scaled = np.array(tensor["data"], np.float64).reshape(tensor["shape"])
    except (ValueError, KeyError, TypeError):
        return None
    if scaled.shape != (1, 32, 32, 3) or not np.isfinite(scaled).all():
        return None
    return (scaled[0] * 255).round().clip(0, 255).astype(np.uint8)


def image(title: str, pixels: np.ndarray, expected: int, classes: Sequence[str], logits: np.ndarray) -> SentImage:
    """Keep a uint8 image [32, 32, 3] and its logits [10]."""
    from PIL import Image

    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG", optimize=True)
    return SentImage(
        title=title,
        expected=expected,
        classes=list(classes),
        logits=[float(value) for value in logits],
        png=base64.b64encode(png.getvalue()).decode(),
    )
