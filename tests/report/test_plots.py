"""The plots: what they show, in words too, and that nothing of one gets into another."""

import dataclasses
import itertools
import math
import re

import pytest

from acceptance.report.plots import PERCENTILES, accuracy, latency, loss, plots
from tests.report.made_up import load, results


def test_each_plot_says_its_figures_in_words():
    words = {plot.title: plot.alt for plot in plots(results())}
    assert "CPU, held out: 29.2% after epoch 1, 73.0% after 2" in words["Accuracy an epoch"]
    assert "threshold of the GPU: 95 % in training" in words["Accuracy an epoch"]
    assert "GPU, in training: 1 after epoch 1, 0.4 after 60" in words["Loss an epoch"]
    assert "CPU: p50 8.0 ms" in words["Latency: how many answers came within"]
    assert (
        "tutorial's GPU: p50 2.7 ms, p90 3.5 ms, p95 4.8 ms, p99 10.5 ms"
        in words["Latency: how many answers came within"]
    )
    assert "GPU: 0 requests failed" in words["Latency over time"]


def test_the_stand_in_is_not_drawn_beside_the_tutorials_points():
    assert not any("tutorial" in plot.alt + plot.svg for plot in plots(results(stand_in=True)))


# in pixels, as DejaVu Sans draws a label
WIDE, HIGH = 14, 6.8
LABEL = re.compile(r'text-anchor: (start|end)[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>(p\d\d)<')


@pytest.mark.parametrize("medians", [{"cpu": 8}, {"cpu": 8, "gpu": 3}, {"cpu": 3, "gpu": 5}, {"cpu": 5, "gpu": 5.01}])
@pytest.mark.parametrize("spread", [0.02, 0.6])
def test_each_loads_percentiles_are_labelled_and_no_two_labels_meet(medians, spread):
    loads = [load(device, ms, spread=spread) for device, ms in medians.items()]
    labels = LABEL.findall(latency(loads, compared=True).svg)
    assert sorted(word for *_, word in labels) == sorted([*PERCENTILES] * len(loads))
    corners = [(float(x) - WIDE * (anchor == "end"), float(y)) for anchor, x, y, _ in labels]
    for one, other in itertools.combinations(corners, 2):
        assert abs(one[0] - other[0]) >= WIDE or abs(one[1] - other[1]) >= HIGH, labels


def test_the_axis_of_accuracy_names_each_line_where_it_is():
    made = results()
    accuracies = {"accuracy": [0.566, 0.722], "val_accuracy": [0.647, 0.732]}  # lines 2.5 points apart
    made.trainings = [dataclasses.replace(made.trainings[0], metrics=accuracies)]
    named = [float(words) for words in re.findall(r">([\d.]+)%<", accuracy(made).svg)]
    assert len(named) > 4
    assert len({round(high - low, 6) for low, high in itertools.pairwise(named)}) == 1, named


def test_an_epoch_without_a_number_is_a_gap_in_its_place():
    made = results()
    whole = loss(made)
    losses = made.trainings[1].metrics["loss"]
    losses[0] = losses[20] = math.nan
    gap = loss(made)
    assert "GPU, in training: 0.99 after epoch 2, 0.4 after 60, no number in 2 of them" in gap.alt
    assert "no number" not in whole.alt
    assert gap.svg.count("M ") == whole.svg.count("M ") + 1


def test_a_run_that_measured_nothing_has_no_plots():
    assert plots(results(trainings=[], loads=[])) == []


def test_ids_differ_and_text_takes_the_pages_colour():
    drawn = plots(results())
    ids = [found for plot in drawn for found in re.findall(r'\bid="([^"]+)"', plot.svg)]
    assert len(ids) == len(set(ids))
    for plot in drawn:
        assert "currentColor" in plot.svg
        assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", plot.svg)
        for used in re.findall(r'(?:url\(|href=")#([^)"]+)', plot.svg):
            assert used in ids
