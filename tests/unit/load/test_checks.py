"""What is found wrong with loads, each for its own reason and by the load's name, and nothing with good ones."""

import dataclasses
import json

import numpy as np
import pytest

from acceptance.load import checks
from acceptance.load.pairs import Pair, PairedLoads
from acceptance.load.result import SAMPLED, LoadPlan, LoadResult
from acceptance.serving.inference import TUTORIAL_BYTES
from tests.unit.problems import assert_problem

EXPECTED = np.eye(10, dtype=np.float32)[[4]]
OUTPUT = {"name": "dense_1", "datatype": "FP32", "shape": [1, 10]}


def load(seconds=0.003, failed=0, rate=600, index=4, incidents=()):
    """Return a load of 1,200 requests that went as planned, but for the changes; each answer is that class."""
    plan, count = LoadPlan(600, 2, b"{}"), 1200
    body = json.dumps({"outputs": [{**OUTPUT, "data": np.eye(10)[index].tolist()}]})
    waited = np.full(count, seconds) + np.arange(count) / 1e9
    codes = np.where(np.arange(count) < failed, 503, 200)
    return LoadResult(
        plan, np.arange(count) / rate, waited, codes, [""] * count, incidents, (body,) * (count // SAMPLED)
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (TUTORIAL_BYTES, []),
        (round(TUTORIAL_BYTES * 1.09), []),
        (round(TUTORIAL_BYTES * 0.91), []),
        (TUTORIAL_BYTES // 2, [str(TUTORIAL_BYTES // 2), str(TUTORIAL_BYTES)]),
        (TUTORIAL_BYTES * 2, [str(TUTORIAL_BYTES * 2)]),
        (0, ["0 bytes"]),
    ],
)
def test_a_request_of_another_size_than_the_tutorials(size, words):
    sent = dataclasses.replace(load(), plan=LoadPlan(600, 2, b" " * size))
    usual = dataclasses.replace(load(), plan=LoadPlan(600, 2, b" " * TUTORIAL_BYTES))
    assert_problem(checks.other_size({"CPU 1": usual, "GPU 1": sent}), *(words and ["GPU 1", *words]))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, []),
        ({"failed": 1}, ["GPU 1", "99.917% of 1200", "1 x HTTP 503"]),
        ({"failed": 1, "incidents": ("pod triton was deleted",)}, ["pod triton was deleted"]),
    ],
)
def test_requests_that_failed(changed, words):
    assert_problem(checks.failed_requests({"CPU 1": load(), "GPU 1": load(**changed)}), *words)


@pytest.mark.parametrize(("index", "words"), [(4, []), (5, ["GPU 1", "12 of the 12", "class 5 instead of 4"])])
def test_answers_that_are_not_the_trained_models(index, words):
    loads = {"CPU 1": load(), "GPU 1": load(index=index)}
    assert_problem(checks.wrong_logits(loads, EXPECTED), *words)


def test_a_gpu_may_round_more_than_a_cpu():
    near = EXPECTED + 0.01
    assert_problem(checks.wrong_logits({"GPU 1": load()}, near))
    assert_problem(checks.wrong_logits({"CPU": load()}, near), "CPU: ", "0.001 is rounding")


@pytest.mark.parametrize(
    ("slow", "words"), [(0.003, []), (0.99, []), (1.5, ["CPU 2", "the 95th percentile", "1500 ms"])]
)
def test_answers_that_take_too_long(slow, words):
    assert_problem(checks.slow_answers({"CPU 1": load(), "CPU 2": load(slow)}, 95, 1), *words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, []),
        ({"rate": 540}, ["the CPU's load is INVALID", "540.0 requests/s", "--rate"]),
        ({"incidents": ("the server was restarted",)}, ["INVALID", "the server was restarted"]),
        ({"failed": 3}, ["3 of 1200 requests failed"]),
    ],
)
def test_loads_that_may_not_be_believed(changed, words):
    assert_problem(checks.invalid_loads({"CPU": load(**changed)}), *words)


def pairs(gpu=0.003, valid=6, invalid=0):
    counted = [Pair(load(0.007 + n / 1e5), load(gpu + n / 1e5), "cpu") for n in range(valid)]
    return PairedLoads(counted + [Pair(load(), load(rate=540), "cpu")] * invalid)


@pytest.mark.parametrize(
    ("found", "asked", "words"),
    [
        (pairs(), 6, []),
        (pairs(invalid=2), 6, []),
        (pairs(), 7, ["6 pairs of the 7", "6 sent", "--pairs"]),
        (pairs(valid=5, invalid=1), 6, ["5 pairs of the 6", "pair 6: the GPU's load is INVALID"]),
    ],
)
def test_pairs_that_are_too_few(found, asked, words):
    assert_problem(checks.too_few_pairs(found, asked), *words)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (pairs(), []),
        (pairs(gpu=0.009), ["CPU faster by 6 pairs"]),
        (pairs(valid=5), ["can't tell", "at least 6 are needed"]),
    ],
)
def test_a_gpu_that_is_not_faster_beyond_doubt(found, words):
    assert_problem(checks.gpu_not_faster(found), *words)


@pytest.mark.parametrize(
    "found",
    [
        lambda loads: checks.failed_requests(loads),
        lambda loads: checks.slow_answers(loads, 99, 0.1),
        lambda loads: checks.invalid_loads(loads),
    ],
    ids=["failed", "slow", "INVALID"],
)
def test_a_rejected_load_says_what_the_machine_was_busy_with(found):
    busy = dataclasses.replace(load(seconds=0.2, failed=1), machine="this machine is busy: a compiler runs")
    assert found({"GPU": busy}).detail == "this machine is busy: a compiler runs"
