"""The answers of a load that were kept, against the trained model's."""

import json

import numpy as np
import pytest

from acceptance.load.answers import wrong_answers
from acceptance.load.result import LoadPlan, LoadResult
from tests.unit.problems import assert_problem

EXPECTED = np.array([[0, 1, 2, 3, 9, 5, 6, 7, 8, 4]], dtype=np.float32)


def answer(logits, shape=(1, 10)):
    output = {"name": "dense_1", "shape": list(shape), "datatype": "FP32", "data": np.ravel(logits).tolist()}
    return json.dumps({"outputs": [output]})


def load(*answers):
    return LoadResult(LoadPlan(1, 1, b""), np.zeros(1), np.zeros(1), np.full(1, 200), [""], answers=answers)


def test_answers_within_rounding_are_right():
    assert_problem(wrong_answers(load(answer(EXPECTED), answer(EXPECTED + 0.0005)), EXPECTED, "cpu"))
    assert_problem(wrong_answers(load(answer(EXPECTED + 0.02)), EXPECTED, "gpu"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (answer(np.roll(EXPECTED, 1)), "class 5 instead of 4"),
        (answer(EXPECTED + 0.02), "up to 0.02 from the trained model's, where at most 0.001"),
        (answer(np.full((1, 10), np.nan)), "nan"),
        (answer(np.zeros((2, 10)), (2, 10)), "[[0.0"),
        ("", "no dense_1 in the answer"),
        ('{"error": "out of memory"}', "out of memory"),
    ],
)
def test_one_wrong_answer_among_right_ones_is_found(text, words):
    problem = wrong_answers(load(answer(EXPECTED), text), EXPECTED, "cpu")
    assert_problem(problem, "1 of the 2 answers", words)


def test_a_load_without_answers_proves_nothing():
    assert_problem(wrong_answers(load(), EXPECTED, "gpu"), "no answer of 1 requests was kept")
