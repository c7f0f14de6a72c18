"""What is found wrong with a tracked run, each for its own reason, and nothing with one that is right."""

import dataclasses
import math

import pytest

from acceptance.training import checks
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests.unit.problems import assert_problem

DIGEST = "c32a1d4a"
CPU, GPU = Recipe("cpu", "tutorial", epochs=3), Recipe("gpu", "tutorial", epochs=3)
LOG = "look at the trainer's log"
USE = "system/gpu_0_utilization_percentage"


def run(recipe=CPU, metrics=None, parameters=None, **changes):
    """Return a run that is right in all, but for the changes."""
    per_epoch = {
        "accuracy": [0.4, 0.6, 0.78],
        "loss": [2.0, 1.0, 0.5],
        "val_accuracy": [0.4, 0.6, 0.71],
        "val_loss": [2.0, 1.5, 1.4],
        "epoch_seconds": [180.0, 182.0, 184.0],
    }
    devices = "CPU" if recipe.device == "cpu" else "CPU,GPU:NVIDIA H100"
    right = TrainingRun(
        tracking_uri="",
        run_id="0af7",
        name="run-1",
        status="FINISHED",
        recipe=recipe,
        parameters={**recipe.parameters, "data_digest": DIGEST, "devices": devices, **(parameters or {})},
        metrics={**per_epoch, **(metrics or {})},
        seconds=600.0,
        experiment="1",
    )
    return dataclasses.replace(right, **changes)


@pytest.mark.parametrize(
    ("reached", "percent", "words"),
    [(0.7, 70, []), (0.999, 70, []), (0.6999, 70, ["70.0% held out, not 70 %"]), (0.1, 95, ["10.0% held out", "95 %"])],
)
def test_an_accuracy_below_what_it_should_reach(reached, percent, words):
    assert_problem(checks.low_accuracy(run(), reached, percent, "held out"), *words)


@pytest.mark.parametrize(("logged", "wrong"), [(0.71, False), (1.0, False), (0.0, True), (1.5, True), (math.nan, True)])
def test_a_held_out_accuracy_that_is_none(logged, wrong):
    found = checks.no_accuracy(run(metrics={"val_accuracy": [logged]}))
    assert_problem(found, *(["run-1", f"logged {logged}", LOG] if wrong else []))


@pytest.mark.parametrize(("epochs", "words"), [(3, []), (2, ["2 epochs of the 3"]), (4, ["4 epochs of the 3"])])
def test_other_epochs_than_were_asked_for(epochs, words):
    assert_problem(checks.wrong_epochs(run(metrics={"accuracy": [0.5] * epochs})), *words)


@pytest.mark.parametrize(
    ("changed", "digest", "words"),
    [
        ({}, DIGEST, []),
        ({"status": "FAILED"}, DIGEST, ["is FAILED in MLflow"]),
        ({"status": "RUNNING"}, DIGEST, ["is RUNNING in MLflow"]),
        ({"parameters": {"epochs": "2"}}, DIGEST, ["'epochs': '2'", "asked for was"]),
        ({"parameters": {"seed": "7"}}, DIGEST, ["'seed': '7'"]),
        ({}, "another", ["'data_digest': 'another'", DIGEST]),
    ],
)
def test_other_parameters_or_another_data_set(changed, digest, words):
    assert_problem(checks.wrong_parameters(run(**changed), digest), *words)


@pytest.mark.parametrize("metric", ["accuracy", "loss", "val_accuracy", "val_loss", "epoch_seconds"])
def test_a_metric_that_lacks_an_epoch(metric):
    assert_problem(checks.missing_metrics(run()))
    assert_problem(checks.missing_metrics(run(metrics={metric: [0.5, 0.5]})), f"'{metric}': 2", "3 epochs")
    assert_problem(checks.missing_metrics(run(metrics={metric: []})), f"'{metric}': 0")


@pytest.mark.parametrize(
    ("devices", "device", "wrong"),
    [
        ("CPU", "CPU", False),
        ("CPU,GPU:NVIDIA H100", "GPU", False),
        ("CPU,GPU:NVIDIA H100", "CPU", True),
        ("CPU", "GPU", True),
        ("", "CPU", True),
        ("GPU:NVIDIA H100", "GPU", True),
    ],
)
def test_another_device_than_was_to_train(devices, device, wrong):
    found = checks.wrong_device(run(parameters={"devices": devices}), device)
    assert_problem(found, *([f"the {device} was to train it", str(devices.split(","))] if wrong else []))


class Logged(TrainingRun):
    """A run whose models are in a folder; `signed` are those with a signature."""

    signed: tuple[str, ...] = ("keras", "onnx")

    def download_model(self, name, directory):
        directory.mkdir()
        signature = "signature: {}\n" if name in self.signed else ""
        (directory / "MLmodel").write_text(f"flavors: {{}}\n{signature}")
        return directory


class LoggedWithoutOnnx(Logged):
    signed = ("keras",)


def test_a_model_without_a_signature(tmp_path):
    fields = {field.name: getattr(run(), field.name) for field in dataclasses.fields(TrainingRun)}
    for name, logged in (("a", Logged(**fields)), ("b", LoggedWithoutOnnx(**fields))):
        (tmp_path / name).mkdir()
        words = [] if name == "a" else ["model onnx has no signature", "flavors: {}"]
        assert_problem(checks.missing_models(logged, tmp_path / name), *words)


def test_runs_that_do_not_stand_beside_each_other():
    assert_problem(checks.different_experiments({"CPU": run(), "GPU": run(GPU)}))
    found = checks.different_experiments({"CPU": run(), "GPU": run(GPU, experiment="2")})
    assert_problem(found, "different experiments", "'CPU': '1'", "'GPU': '2'")


@pytest.mark.parametrize(
    ("seconds", "words"), [(5.0, []), (30.0, []), (31.0, ["the GPU 31.0 s and the CPU 180.0 s", "1860 s", "1800 s"])]
)
def test_a_gpu_that_trains_longer_than_the_cpu(seconds, words):
    cpu, gpu = run(metrics={"epoch_seconds": [180.0] * 3}), run(GPU, metrics={"epoch_seconds": [seconds] * 3})
    assert_problem(checks.slow_gpu(cpu, gpu, 60, 10), *words)
    assert checks.epoch_times(cpu, gpu, 60, 10) == {"10 epochs on the CPU": 1800.0, "60 on the GPU": 60 * seconds}


@pytest.mark.parametrize(("seconds", "words"), [(299.0, []), (300.0, []), (301.0, ["301 s", "not 5 min"])])
def test_a_training_that_takes_too_long(seconds, words):
    assert_problem(checks.slow_training(run(seconds=seconds), 5), *words)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ([0.0] + [42.0] * 9, []),
        ([0.0] * 5 + [50.0] * 5, []),
        ([0.0] * 10, ["at most 0 % busy", "trained elsewhere"]),
        ([4.0] * 10, ["at most 4 % busy"]),
        # what a neighbour did for a moment
        ([0.0] * 19 + [90.0], ["at most 0 % busy"]),
        ([], ["logged no GPU utilisation", "psutil and nvidia-ml-py"]),
    ],
)
def test_a_gpu_that_was_idle(use, words):
    assert_problem(checks.idle_gpu(run(GPU, metrics={USE: use} if use else {})), *words)


def test_how_busy_a_gpu_was_is_told():
    assert checks.utilisation(run(GPU)) == "not logged"
    told = checks.utilisation(run(GPU, metrics={USE: [0.0, 40.0, 50.0]}))
    assert told == "40 % (median of 3), 48 % at the 90th percentile"
