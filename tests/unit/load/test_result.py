"""A load's figures, from the intended time, and every reason not to believe them."""

import numpy as np
import pytest

from acceptance.load.result import LoadPlan, LoadResult


def load(rate=600, duration=10, count=None, waited=0.003, **changes):
    """Return a load that went as planned, but for the changes."""
    plan = LoadPlan(rate, duration, b"{}")
    count = plan.requests if count is None else count
    arrays = {
        "sent": np.arange(count) / rate,
        "waited": np.full(count, waited),
        "codes": np.full(count, 200),
        "errors": [""] * count,
        **changes,
    }
    return LoadResult(plan, **arrays)


def test_a_load_as_planned_is_valid():
    result = load()
    assert result.invalid() == []
    assert result.success == 1
    assert result.rate_sent == pytest.approx(600)
    assert result.percentile(99) == pytest.approx(0.003)


def test_percentiles_are_nearest_ranks():
    result = load(rate=100, duration=10, waited=np.arange(1, 1001) / 1000)
    assert [result.percentile(percent) for percent in (50, 90, 99)] == pytest.approx([0.5, 0.9, 0.99])


def test_a_generator_that_stalls_is_charged_to_the_latency():
    """Coordinated omission: 300 requests that left late must not look fast."""
    sent = np.arange(6000) / 600
    sent[3000:3300] = sent[3300]
    result = load(sent=sent)
    assert result.late.max() == pytest.approx(0.5)
    assert result.latencies.max() == pytest.approx(0.503)
    assert any("10 ms after" in reason for reason in result.invalid())


def test_one_early_request_does_not_make_the_others_early():
    assert load(sent=np.arange(6000) / 600 + np.where(np.arange(6000) == 0, 0.002, 0)).late.min() == 0


def test_too_few_requests_are_invalid():
    assert any("662" in reason for reason in load(rate=60, duration=10).invalid())


def test_a_load_cut_short_is_invalid():
    assert any("3000 requests were sent of the 6000" in reason for reason in load(count=3000).invalid())


def test_another_rate_than_asked_is_invalid():
    assert any("588.2 requests/s" in reason for reason in load(sent=np.arange(6000) / 588.2).invalid())


def test_one_failure_in_a_thousand_is_invalid_and_named():
    codes = np.where(np.arange(6000) % 1000 == 7, 500, 200)
    result = load(codes=codes)
    assert result.success == pytest.approx(0.999)
    assert any("6 of 6000 requests failed: 6 x HTTP 500" in reason for reason in result.invalid())


def test_an_answer_that_never_came_is_a_failure_in_the_generators_words():
    errors = ["connection refused" if index < 2 else "" for index in range(6000)]
    result = load(errors=errors, codes=np.where(np.arange(6000) < 2, 0, 200))
    assert result.failures() == "2 x connection refused"


@pytest.mark.parametrize("count", [0, 1])
def test_a_load_of_nothing_is_invalid_and_does_not_crash(count):
    result = load(count=count)
    assert result.invalid()
    assert result.rate_sent == 0
    assert result.figures()


def test_the_figures_are_the_tutorials_columns_and_a_verdict():
    figures = load(codes=np.where(np.arange(6000) == 5, 503, 200)).figures()
    assert {"min", "mean", "p50", "p90", "p95", "p99", "max", "success", "rate"} <= set(figures)
    assert figures["verdict"].startswith("INVALID: 1 of 6000")
    assert load().figures()["verdict"] == "VALID"
