"""The report's plots as inline SVG, drawn by matplotlib: no pixels, and the page's own text colour."""

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from acceptance.report.claims import TUTORIAL_LATENCY
from acceptance.report.results import Load, Results, Training

# at least 3:1 against the page's white and its dark background, and told apart by line style too
COLOURS = {"cpu": "#2f6fde", "gpu": "#15893f"}
THRESHOLDS = {"cpu": (0.70, "70 % held out"), "gpu": (0.95, "95 % in training")}
# more epochs than these are a line without its points
MARKED = 15
# stands for the page's text colour until the SVG is written
INK = "#0f0e0d"
SIZE = (5.2, 3.1)
PERCENTILES = ("p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class Plot:
    """An image with its title and what it shows, in words."""

    title: str
    svg: str
    alt: str


def plots(results: Results) -> list[Plot]:
    """Return the plots that the run has figures for."""
    found = []
    if any(one.metrics.get("accuracy") for one in results.trainings):
        found += [accuracy(results), loss(results)]
    loads = [one for one in results.loads if one.curve]
    if loads:
        found += [latency(loads, compared=not results.stand_in), over_time(loads)]
    return found


@contextmanager
def canvas(name: str, show: Callable[[str], None]) -> Iterator[Any]:
    """Give axes to draw on, and hand the SVG to `show`; every id in it begins with the name."""
    import matplotlib
    from matplotlib.figure import Figure

    ink = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
    style: dict[Any, Any] = {
        **dict.fromkeys(ink, INK),
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": "sans-serif",
        "font.size": 9,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.2, linewidth=0.6)
        yield axes
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    # the page's own font, and an image to a screen reader: its words are the plot's alt text
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    show(svg.replace(INK, "currentColor").replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))


def accuracy(results: Results) -> Plot:
    drawn: list[str] = []
    with canvas("accuracy", drawn.append) as axes:
        said = draw_epochs(axes, results.trainings, "accuracy", "{:.1%}")
        for one in results.trainings:
            least, words = THRESHOLDS[one.device]
            label = f"{one.device.upper()}: {words}"
            axes.axhline(least, color=COLOURS[one.device], linewidth=1, linestyle=":", label=label)
            said.append(f"threshold of the {label}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value * 100:.3g}%")
    return Plot("Accuracy an epoch", drawn[0], "; ".join(said))


def loss(results: Results) -> Plot:
    drawn: list[str] = []
    with canvas("loss", drawn.append) as axes:
        said = draw_epochs(axes, results.trainings, "loss", "{:.3g}")
    return Plot("Loss an epoch", drawn[0], "; ".join(said))


def draw_epochs(axes: Any, trainings: Sequence[Training], metric: str, form: str) -> list[str]:
    """Draw a metric in training and held out for each device; return it in words."""
    from matplotlib.ticker import MaxNLocator

    said = []
    for one in trainings:
        for name, words, line in ((metric, "in training", "--"), (f"val_{metric}", "held out", "-")):
            values = one.metrics.get(name, [])
            if not values:
                continue
            label, marker = f"{one.device.upper()}, {words}", "o" if len(values) <= MARKED else ""
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, line, color=COLOURS[one.device], label=label, marker=marker, markersize=3)
            known = [epoch for epoch in epochs if math.isfinite(values[epoch - 1])]
            first, last = (form.format(values[epoch - 1]) for epoch in (known[0], known[-1]))
            lost = f", no number in {len(values) - len(known)} of them" if len(known) < len(values) else ""
            said.append(f"{label}: {first} after epoch {known[0]}, {last} after {known[-1]}{lost}")
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return said


def logarithmic(axis: Any) -> None:
    """Label a log axis at 1, 2, 5, 10, ... in plain numbers: most loads lie within two powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def latency(loads: list[Load], compared: bool) -> Plot:
    """Draw which share of the answers came within which time; the tutorial's points beside them where they compare."""
    drawn: list[str] = []
    said = []
    with canvas("latency", drawn.append) as axes:
        for one in loads:
            colour, name = COLOURS[one.device], named(one)
            axes.plot([ms for _, ms in one.curve], [share for share, _ in one.curve], color=colour, label=name)
            for word in PERCENTILES:
                axes.plot(one.latency_ms[word], float(word[1:]), "o", color=colour, markersize=4)
            said.append(f"{name}: " + ", ".join(f"{word} {one.latency_ms[word]:.1f} ms" for word in PERCENTILES))
            if compared:
                stated = TUTORIAL_LATENCY[one.device]
                points = [(stated[word], float(word[1:])) for word in PERCENTILES]
                label = f"tutorial's {one.device.upper()}"
                axes.plot(*zip(*points, strict=True), "x", color=colour, markersize=6, label=label)
                said.append(f"{label}: " + ", ".join(f"{word} {stated[word]:.1f} ms" for word in PERCENTILES))
        label_percentiles(axes, loads)
        axes.set_xscale("log")
        logarithmic(axes.xaxis)
        axes.set_xlabel("latency in milliseconds (log scale)")
        axes.set_ylabel("share of the requests, %")
    return Plot("Latency: how many answers came within", drawn[0], "; ".join(said))


def label_percentiles(axes: Any, loads: list[Load]) -> None:
    """Label each dot: the slowest load's below right and the others' above left, so that no two labels meet."""
    for word in PERCENTILES:
        times = sorted(one.latency_ms[word] for one in loads)
        for ms in times:
            offset, side = ((4, -10), "left") if ms == times[-1] else ((-4, 4), "right")
            axes.annotate(word, (ms, float(word[1:])), offset, textcoords="offset points", fontsize=7, ha=side)


def named(load: Load) -> str:
    return f"{load.device.upper()}{' (INVALID)' if load.invalid else ''}"


def over_time(loads: list[Load]) -> Plot:
    drawn: list[str] = []
    said = []
    with canvas("over-time", drawn.append) as axes:
        for one in loads:
            at = [second["second"] for second in one.seconds]
            for word, line in (("p50", "-"), ("p99", "--")):
                values = [second[word] for second in one.seconds]
                axes.plot(at, values, line, color=COLOURS[one.device], label=f"{named(one)} {word}")
                worst = max(range(len(values)), key=values.__getitem__)
                said.append(f"{named(one)} {word}: at most {values[worst]:.1f} ms, in second {at[worst]:.0f}")
            failed = sum(second["failed"] for second in one.seconds)
            said.append(f"{one.device.upper()}: {failed:.0f} requests failed")
        axes.set_yscale("log")
        logarithmic(axes.yaxis)
        axes.set_xlabel("second of the load")
        axes.set_ylabel("latency in milliseconds (log scale)")
    return Plot("Latency over time", drawn[0], "; ".join(said))
