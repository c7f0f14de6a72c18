"""What is found wrong with a predictor's answers, each for its own reason, and nothing with right ones."""

import json

import numpy as np
import pytest

from acceptance.data.dataset import CIFAR10_CLASSES as CLASSES
from acceptance.serving import predictions
from acceptance.serving.inference import Answer
from acceptance.serving.predictions import HeldOutAnswers
from tests.unit.problems import assert_problem

DEER = np.eye(10, dtype=np.float32)[4]


def answer(logits):
    logits = np.asarray(logits, np.float32)
    output = {"name": "dense_1", "datatype": "FP32", "shape": list(logits.shape), "data": logits.ravel().tolist()}
    return Answer(200, json.dumps({"outputs": [output]}))


@pytest.mark.parametrize(
    ("logits", "words"),
    [
        ([DEER], []),
        ([DEER, DEER], ["(2, 10)"]),
        ([DEER[:9]], ["(1, 9)"]),
        ([[np.nan] * 10], ["(1, 10)", "nan"]),
        ([[np.inf] * 10], ["(1, 10)", "inf"]),
    ],
)
def test_an_answer_that_is_not_ten_logits(logits, words):
    assert_problem(predictions.not_ten_logits(answer(logits)), *words)


@pytest.mark.parametrize(
    ("expected", "words"), [(4, []), (3, ["the cat landed at index 4 (deer), not 3", "the image in the report"])]
)
def test_a_deer_that_lands_elsewhere(expected, words):
    assert_problem(predictions.wrong_index(DEER, expected, CLASSES), *words)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (DEER, []),
        (DEER + 5e-6, []),
        (DEER + 2e-5, ["gRPC differs from JSON", "2.0"]),
        (np.full(10, np.nan), ["gRPC differs from JSON by up to nan"]),
    ],
)
def test_ways_to_send_an_image_that_give_other_answers(other, words):
    answers = {"JSON": DEER[None], "binary HTTP": DEER[None], "gRPC": other[None]}
    assert_problem(predictions.disagreeing(answers), *words)


def held_out(count=100, **changed):
    """Return answers to so many images that are all as the trained model's, which is right about each."""
    labels = np.arange(count) % 10
    logits = np.eye(10, dtype=np.float32)[labels]
    arrays = {"labels": labels, "served": logits, "trained": logits.copy(), **changed}
    return HeldOutAnswers(**arrays)


def served_with(number, **logits):
    """Return the logits of the right answers, those of the first ones changed."""
    served = held_out().served.copy()
    for index, value in logits.items():
        served[:number, int(index.removeprefix("at"))] = value
    return served


@pytest.mark.parametrize(
    ("count", "words"), [(100, []), (101, []), (99, ["only 99 held-out images", "100 are needed"])]
)
def test_too_few_images_to_compare(count, words):
    assert_problem(predictions.too_few(held_out(count), 100), *words)


@pytest.mark.parametrize(("wrong", "words"), [(0, []), (1, []), (2, ["98.00% of 100 images", "not 99.0 %"])])
def test_images_that_get_another_class_than_from_the_trained_model(wrong, words):
    answers = held_out(served=served_with(wrong, at9=2.0))
    assert_problem(predictions.other_classes(answers, 99.0), *words)


@pytest.mark.parametrize(("apart", "words"), [(0.0, []), (0.0009, []), (0.002, ["up to 0.002"])])
def test_logits_that_are_not_the_trained_models(apart, words):
    answers = held_out(served=held_out().trained + np.float32(apart))
    assert_problem(predictions.other_logits(answers, 0.001), *words)


def test_a_logit_that_is_no_number_is_not_the_trained_models():
    assert_problem(predictions.other_logits(held_out(served=served_with(1, at0=np.nan)), 0.001), "up to nan")


def test_classes_that_are_never_found_at_their_own_index():
    assert_problem(predictions.missing_classes(held_out(), CLASSES))
    assert held_out().found(CLASSES) == dict.fromkeys(CLASSES, 10)
    never = held_out(served=served_with(100, at7=-1.0, at3=-1.0))
    assert_problem(predictions.missing_classes(never, CLASSES), "cat, horse")
    assert never.found(CLASSES)["horse"] == 0


@pytest.mark.parametrize(
    ("now", "words"), [(DEER, []), (DEER + 5e-5, []), (DEER + 0.01, ["the CPU predictor answered", "now"])]
)
def test_a_predictor_that_has_changed_its_mind(now, words):
    assert_problem(predictions.changed("the CPU predictor", DEER[None], now[None]), *words)


def test_an_answer_that_is_no_number_any_more_is_another_one():
    assert_problem(predictions.changed("it", DEER[None], np.full((1, 10), np.nan)), "it answered")
