"""Loads in pairs: the order, which count, the verdict, and by simulation how often it is wrong."""

from pathlib import Path

import numpy as np
import pytest

from acceptance.load.pairs import (
    CANT_TELL,
    CPU_FASTER,
    DIFFERENCE,
    GPU_FASTER,
    PERCENTS,
    POWER,
    Pair,
    PairedLoads,
    pairs_needed,
    ratio,
    send_pairs,
    verdict,
)
from acceptance.load.result import LoadPlan, LoadResult

RECORDED = Path(__file__).with_name("recorded") / "latencies.csv"


def load(seconds=0.003, rate=600, failed=0, plan_rate=600):
    """Return a load whose latencies spread around so many seconds."""
    plan = LoadPlan(plan_rate, 2, b"{}")
    waited = np.random.default_rng(int(seconds * 1e6)).lognormal(np.log(seconds), 0.2, plan.requests)
    codes = np.where(np.arange(plan.requests) < failed, 503, 200)
    return LoadResult(plan, np.arange(plan.requests) / rate, waited, codes, [""] * plan.requests)


class Predictors:
    """Answers what it is told to, and remembers in which order it was asked."""

    def __init__(self, **loads):
        self.loads, self.asked = loads, []

    def __call__(self, device):
        self.asked.append(device)
        return self.loads[device](self.asked.count(device))


def test_they_take_turns_so_that_neither_is_always_first():
    predictors = Predictors(cpu=lambda n: load(0.007 + n / 1e4), gpu=lambda n: load(0.003 + n / 1e4))
    found = send_pairs(predictors, 6)
    assert predictors.asked == ["cpu", "gpu", "gpu", "cpu"] * 3
    assert len(found.counted) == len(found.sent) == 6
    assert list(found.loads())[:4] == ["CPU 1", "GPU 1", "CPU 2", "GPU 2"]
    assert found.verdict() == GPU_FASTER
    assert "GPU faster by 6 pairs" in found.summary()
    assert "--pairs" not in found.summary()


def test_the_slower_one_in_the_gpus_place_loses():
    found = send_pairs(Predictors(cpu=lambda n: load(0.003 + n / 1e5), gpu=lambda n: load(0.004 + n / 1e5)), 6)
    assert found.verdict() == CPU_FASTER


def test_a_pair_with_an_invalid_load_never_counts_and_is_sent_again():
    predictors = Predictors(
        cpu=lambda n: load(0.007, rate=540 if n == 2 else 600), gpu=lambda n: load(0.003 if n != 2 else 0.9)
    )
    found = send_pairs(predictors, 6)
    assert (len(found.sent), len(found.counted)) == (7, 6)
    assert found.invalid()[0].startswith("pair 2: the CPU's load is INVALID: 540.0 requests/s were sent")
    assert all(pair.gpu.percentile(50) < 0.1 for pair in found.counted)
    # the pair is sent again in its own order
    assert [pair.first for pair in found.sent[:4]] == ["cpu", "gpu", "gpu", "cpu"]


def test_loads_that_are_never_valid_end_and_can_not_tell():
    found = send_pairs(Predictors(cpu=lambda n: load(), gpu=lambda n: load(rate=540)), 6)
    assert (len(found.sent), len(found.counted)) == (12, 0)
    assert found.verdict() == CANT_TELL
    assert "0 pairs of valid loads; at least 6 are needed" in found.summary()


def test_a_request_that_failed_is_not_tried_away():
    found = send_pairs(Predictors(cpu=lambda n: load(), gpu=lambda n: load(failed=n - 1)), 6)
    assert len(found.sent) == 2
    assert found.loads()["GPU 2"].failed.sum() == 1


def test_one_percentile_alone_is_no_verdict():
    faster, unsure = (
        ratio(50, np.log([0.5, 0.52, 0.48, 0.5, 0.51, 0.49])),
        ratio(99, np.log([0.5, 2, 0.6, 1.5, 1, 1.2])),
    )
    assert verdict([faster]) == GPU_FASTER
    assert verdict([faster, unsure]) == CANT_TELL
    assert unsure.low < 1 < unsure.high


def test_more_varied_pairs_need_more_of_them():
    calm = np.log([1.0, 1.02, 0.98, 1.01, 0.99, 1.0])
    assert pairs_needed(calm) < pairs_needed(3 * calm)
    assert pairs_needed(np.zeros(6)) == 6


def test_where_it_can_not_tell_it_says_how_many_pairs_would():
    pairs = [Pair(load(0.003 + n / 1e4), load(0.003 + (5 - n) / 1e4), "cpu") for n in range(6)]
    found = PairedLoads(pairs)
    needed = max(pairs_needed(found.logarithms(percent)) for percent in PERCENTS)
    assert found.summary().endswith(f"{needed} pairs would tell a difference of 5% (--pairs)")


def pairs_of(p50s, p99s):
    """Return pairs with these ratios at p50 and at p99, one of each a pair."""

    def one(p50, p99):
        cpu, plan = load(), LoadPlan(600, 2, b"{}")
        slow = cpu.waited > np.percentile(cpu.waited, 90)
        waited = cpu.waited * np.where(slow, p99, p50)
        return Pair(cpu, LoadResult(plan, cpu.sent, waited, cpu.codes, cpu.errors), "cpu")

    return PairedLoads([one(*both) for both in zip(p50s, p99s, strict=True)])


def test_where_each_is_faster_at_one_percentile_no_number_of_pairs_would_tell():
    words = pairs_of([0.8, 0.81, 0.79, 0.8, 0.82, 0.8], [1.2, 1.21, 1.19, 1.2, 1.22, 1.2]).summary()
    assert words.startswith(CANT_TELL)
    assert "each is faster at one" in words and "no number of pairs" in words


def test_where_the_gpu_is_slower_at_one_percentile_beyond_doubt_no_more_pairs_are_asked_for():
    words = pairs_of([1.2, 1.21, 1.19, 1.2, 1.22, 1.2], [0.6, 1.7, 0.7, 1.5, 1, 1.2]).summary()
    assert words.startswith(CANT_TELL)
    assert words.endswith(
        "the CPU is faster at p50, beyond doubt: no number of pairs would show the GPU to be faster at both"
    )


def test_where_the_difference_is_smaller_than_5_percent_it_says_how_many_pairs_would_tell_that_one():
    found = pairs_of([0.5] * 6, [1.006, 0.997, 1.004, 0.996, 1.008, 0.998])
    one = found.ratios()[1]
    needed = pairs_needed(found.logarithms(99), one.difference)
    assert needed > len(found.counted)
    for fact in ("5%", f"{needed} pairs", f"{one.difference:.1%} at p99", "(--pairs)"):
        assert fact in found.summary()


def test_where_there_is_no_difference_no_number_of_pairs_would_tell():
    words = pairs_of([0.5] * 6, [1] * 6).summary()
    assert "at p99 there is none" in words and "no number of pairs" in words


@pytest.fixture
def simulated():
    """Make simulated pairs: logarithms [pairs, percentiles] of loads drawn from recorded ones, the GPU's as told."""
    random = np.random.default_rng(7)
    recorded = np.loadtxt(RECORDED, delimiter=",")
    # a load varies by when it ran and by which requests it happened to send
    drawn = [random.choice(row, row.size) for row in recorded for _ in range(100)]
    loads = np.log(np.percentile(drawn, PERCENTS, axis=1, method="inverted_cdf").T)

    def simulate(pairs, faster=0.0):
        cpu, gpu = (loads[random.integers(len(loads), size=pairs)] for _ in range(2))
        return gpu - cpu + np.log(1 - faster)

    return simulate


def told(logarithms):
    return verdict(ratio(percent, logarithms[:, at]) for at, percent in enumerate(PERCENTS))


def test_of_200_simulated_comparisons_of_equals_at_most_5_percent_are_false_alarms(simulated):
    verdicts = [told(simulated(6)) for _ in range(200)]
    assert verdicts.count(CANT_TELL) >= 190


def test_each_percentiles_interval_holds_the_truth_about_as_often_as_it_says(simulated):
    for at, percent in enumerate(PERCENTS):
        found = [ratio(percent, simulated(6)[:, at]) for _ in range(2000)]
        missed = sum(one.low > 1 or one.high < 1 for one in found)
        assert 0.01 * len(found) <= missed <= 0.05 * len(found), f"p{percent}: {missed} of {len(found)}"


def test_a_difference_of_5_percent_is_found_with_as_many_pairs_as_it_asks_for(simulated):
    runs, found = 15, 0
    for _ in range(runs):
        pilot = simulated(6, DIFFERENCE)
        needed = max(pairs_needed(pilot[:, at]) for at in range(len(PERCENTS)))
        found += told(simulated(needed, DIFFERENCE)) == GPU_FASTER
    assert found >= POWER * runs
