"""The plots: what they show, in words too, and that nothing of one gets into another."""

import re

from fixtures.support.report.plots import plots
from tests.report.made_up import results


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
