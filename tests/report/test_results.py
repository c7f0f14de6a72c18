"""The results: the verdict, results.json and its schema, and a file that is written whole or not at all."""

import base64
import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from acceptance.data.batches import Split
from acceptance.data.dataset import CIFAR10_CLASSES, Dataset
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.options import read_settings
from acceptance.report import measured
from acceptance.report import results as shape
from acceptance.report.history import Past, compare, earlier, line
from acceptance.report.page import render, side_by_side, waterfall, words
from acceptance.report.plots import plots
from acceptance.report.record import Record
from acceptance.report.results import FAILED, NOT_RUN, PASSED, SKIPPED, Span, redacted
from acceptance.serving.inference import Answer, json_request
from acceptance.serving.predictions import HeldOutAnswers
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests.report.made_up import load, results, scenario

SCHEMA = json.loads((Path(shape.__file__).with_name("results.schema.json")).read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize(
    ("outcomes", "interrupted", "verdict"),
    [
        ([PASSED, SKIPPED], "", "PASSED"),
        ([PASSED, FAILED], "", "FAILED"),
        ([SKIPPED, NOT_RUN], "", "NOTHING CHECKED"),
        ([], "", "NOTHING CHECKED"),
        ([PASSED, FAILED], "interrupted", "INTERRUPTED"),
    ],
)
def test_the_verdict_is_the_scenarios(outcomes, interrupted, verdict):
    made = results(scenarios=0)
    made.scenarios = [scenario(number, outcome) for number, outcome in enumerate(outcomes)]
    made.finish(1.0, interrupted)
    assert made.verdict == verdict
    for outcome in set(outcomes):
        assert f"{outcomes.count(outcome)} {outcome}" in made.why


def test_a_run_that_never_finished_says_so():
    assert shape.Results("", "", "", "", 0, 0, "").verdict == "DID NOT FINISH"


def test_results_json_is_what_its_schema_says():
    made = results()
    made.comparison = compare(made, Past("here", [found for found in [earlier(json.loads(line(made)))] if found]))
    VALIDATOR.validate(json.loads(made.as_json()))


def test_the_schema_is_that_of_the_files_version():
    assert SCHEMA["properties"]["version"] == {"const": shape.VERSION}
    assert SCHEMA["title"].endswith(f"version {shape.VERSION}")


@pytest.mark.parametrize(
    "wrong", [{"verdict": "FINE"}, {"version": shape.VERSION - 1}, {"seconds": "long"}, {"more": 1}, {"loads": [{}]}]
)
def test_the_schema_refuses_anything_else(wrong):
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**json.loads(results().as_json()), **wrong})


def test_a_load_keeps_its_percentiles_and_its_seconds():
    made = load("cpu", 8, count=1200)
    assert made.latency_ms["p50"] == pytest.approx(8, rel=0.1)
    assert made.curve[0][1] == made.latency_ms["min"]
    assert made.curve[-1] == (100.0, made.latency_ms["max"])
    assert [second["second"] for second in made.seconds] == [0, 1]
    assert made.success == 1
    assert made.invalid == []


def test_a_load_without_any_answer_has_no_latency():
    nothing = LoadResult(LoadPlan(600, 10, b""), np.array([]), np.array([]), np.array([]), [])
    made = measured.load("cpu", nothing)
    assert (made.curve, made.seconds, made.latency_ms, made.success) == ([], [], {}, 0)
    VALIDATOR.validate(json.loads(results(loads=[made]).as_json()))


@pytest.mark.parametrize(
    ("logged", "kept"),
    [
        ([3.0, np.nan, np.inf, 1.0], [3.0, None, None, 1.0]),
        ([np.nan, 2.0], [None, 2.0]),
        ([3.0, 2.0, np.nan, np.nan], [3.0, 2.0]),
        ([np.nan, np.nan], []),
    ],
)
def test_epochs_without_a_number_keep_their_places_and_none_is_last(logged, kept):
    metrics = {"loss": logged, "accuracy": [0.5] * len(logged), "system/gpu_0_utilization_percentage": [9.0]}
    run = TrainingRun("", "", "", "FINISHED", Recipe("gpu", "quick", len(logged)), {}, metrics)
    found = json.loads(results(trainings=[measured.training(run)]).as_json())
    VALIDATOR.validate(found)
    assert found["trainings"][0]["metrics"] == {"loss": kept, "accuracy": [0.5] * len(logged)}


@pytest.mark.parametrize("losses", [[3.0, np.nan, 1.0], []])
def test_a_page_of_epochs_without_a_number_is_drawn(losses):
    made = results()
    for one in made.trainings:
        one.metrics |= {"loss": losses, "epoch_seconds": losses}
    rows = dict(side_by_side(made.trainings))
    assert rows["time an epoch"] == (["2.00 s"] * 2 if losses else ["-"] * 2)
    assert "<svg" in render(made, plots(made))


def test_the_words_to_filter_by_have_the_figures_values():
    made = scenario(0, PASSED)
    made.steps[1].figures["landed at"] = "index 4 (deer)"
    made.figures["data"] = "STAND-IN DATA"
    assert "landed at: index 4 (deer)" in words(made)
    assert "STAND-IN DATA" in words(made)


@pytest.mark.parametrize("logits", [[np.nan] + [0.0] * 9, [np.inf] * 10, [1.0] * 5])
def test_an_answer_that_is_not_ten_numbers_has_no_bars(logits):
    record = Record(read_settings({}, ["embedded"], {}))
    pixels = np.zeros((32, 32, 3), np.uint8)
    record.image("held-out image 1", pixels, 4, "abcdefghij", np.arange(10.0))
    record.image("the deer", pixels, 4, "abcdefghij", np.array(logits))
    assert [image.title for image in record.results.images] == ["held-out image 1"]
    record.image("the deer", pixels, 4, "abcdefghij", np.arange(10.0))
    assert record.results.images[0].title == "the deer"


IMAGE = np.random.default_rng(3).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
DATASET = Dataset(Path("a-copy"), False, Split(IMAGE, np.array([4])), "digest")


def answer(logits):
    output = {"name": "dense_1", "datatype": "FP32", "shape": [1, 10], "data": logits.tolist()}
    return Answer(200, json.dumps({"outputs": [output]}))


def pixels_of(image):
    return np.array(Image.open(io.BytesIO(base64.b64decode(image.png))))


@pytest.mark.parametrize(
    ("given", "title", "expected"),
    [
        ({}, "the deer", 4),
        ({"request": __file__, "expect_index": "7"}, "the image in test_results.py", 7),
    ],
)
def test_the_image_that_was_sent_is_shown_before_those_of_the_classes(given, title, expected):
    record = Record(read_settings(given, ["embedded"], {}))
    record.image("held-out image 1", IMAGE[0], 1, CIFAR10_CLASSES, np.arange(10.0))
    record.sent(json_request(IMAGE), DATASET, answer(np.arange(10.0)))
    shown, _ = record.results.images
    assert (shown.title, shown.expected, shown.logits[9]) == (title, expected, 9)
    assert (pixels_of(shown) == IMAGE[0]).all()
    assert record.results.request == (Path(given["request"]).name if given else "")


def test_the_answer_that_came_last_is_the_one_that_is_shown():
    record = Record(read_settings({}, ["embedded"], {}))
    for last in (9, 5):
        record.sent(json_request(IMAGE), DATASET, answer(np.roll(np.arange(10.0), last - 9)))
    assert [int(np.argmax(shown.logits)) for shown in record.results.images] == [5]
    record.sent(json_request(IMAGE), DATASET, Answer(503, "busy"))
    assert record.results.images == []


def test_the_first_image_of_each_class_is_shown_with_what_came_back():
    labels = np.array([7, 3, 3, 7])
    images = np.stack([np.full((32, 32, 3), value, np.uint8) for value in range(4)])
    served = np.arange(40.0).reshape(4, 10)
    record = Record(read_settings({}, ["embedded"], {}))
    record.held_out(images, HeldOutAnswers(labels, served, served), CIFAR10_CLASSES)
    shown = record.results.images
    assert [(one.title, one.expected, one.logits[0]) for one in shown] == [
        ("held-out image 1: cat", 3, 10.0),
        ("held-out image 0: horse", 7, 0.0),
    ]
    assert [int(pixels_of(one).max()) for one in shown] == [1, 0]


TENSOR = json.loads(json_request(IMAGE))["inputs"][0]


def test_an_image_in_one_long_row_is_shown_as_well():
    flat = {**TENSOR, "data": np.ravel(TENSOR["data"]).tolist()}
    assert (measured.sent_pixels(json.dumps({"inputs": [flat]}).encode()) == IMAGE[0]).all()


@pytest.mark.parametrize(
    "request_body",
    [
        b"",
        b"\xff",
        b"[]",
        json.dumps({"inputs": []}).encode(),
        json.dumps({"inputs": [TENSOR, TENSOR]}).encode(),
        json.dumps({"inputs": [{**TENSOR, "shape": [1, 32, 32]}]}).encode(),
        json.dumps({"inputs": [{**TENSOR, "data": [None] * 3072}]}).encode(),
        json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "data": [1, 2, 3, 4]}]}).encode(),
    ],
)
def test_a_request_without_one_image_of_that_size_shows_none(request_body):
    record = Record(read_settings({}, ["embedded"], {}))
    record.sent(request_body, DATASET, answer(np.arange(10.0)))
    assert record.results.images == []


def test_every_text_but_images_is_redacted():
    made = results(4)
    made.loads[0].invalid = ["hush"]
    made.images[0].png = made.versions["Triton"] = made.scenarios[0].steps[0].figures["x"] = made.notes = "hush"
    clean = redacted(made, lambda text: text.replace("hush", "-"))
    assert clean.images[0].png == "hush"
    clean.images[0].png = ""
    assert "hush" not in clean.as_json()
    assert redacted(made, lambda text: text) == made


def test_the_waterfall_leaves_out_what_took_no_time_but_no_pull():
    made = results(seconds=1000.0)
    made.spans = [
        Span("stack", "setup", 0, 9.9),
        Span("cpu run", "setup", 10, 500),
        Span("triton", "pull", 2, 5),
        Span("mlflow", "pull", 1, 3),
    ]
    bars = [(bar["span"].name, bar["left"], bar["width"]) for bar in waterfall(made)]
    assert bars == [("mlflow", "0.10%", "0.30%"), ("triton", "0.20%", "0.50%"), ("cpu run", "1.00%", "50.00%")]
    assert waterfall(results(seconds=0.0, spans=[])) == []
