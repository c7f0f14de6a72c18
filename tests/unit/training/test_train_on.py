"""A training that is to run on a GPU: it ends at once where TensorFlow lists none, and logs which one it had."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from acceptance.paths import CODESET, ROOT
from acceptance.training.project import device_environment
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import read_run


@pytest.mark.parametrize("program", ["train.py", "beyond.py"])
def test_a_gpu_that_was_demanded_and_is_not_there_ends_it_with_the_fix(tmp_path, program):
    answer = subprocess.run(
        [sys.executable, CODESET / program, "--data", tmp_path],
        env={**os.environ, **device_environment("gpu"), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 1
    assert "TRAIN_ON=gpu and CUDA_VISIBLE_DEVICES=-1, which may hide it: TensorFlow" in answer.stderr
    assert "lists no GPU: install tensorflow[and-cuda]==" in answer.stderr


# a driver with three GPUs, in the place of NVIDIA's own module
DRIVER = """
from types import SimpleNamespace

UUIDS = ["GPU-8932f937-d72c", "GPU-57cd6b41-a1b2", "GPU-57cd6b99-0c0d"]

class NVMLError(Exception):
    pass

def nvmlInit():
    pass

nvmlShutdown = nvmlInit

def nvmlDeviceGetCount():
    return len(UUIDS)

def nvmlDeviceGetHandleByIndex(index):
    return index

def nvmlDeviceGetUUID(handle):
    return UUIDS[handle]

def nvmlDeviceGetMemoryInfo(handle):
    return SimpleNamespace(used=1, total=2)

def nvmlDeviceGetUtilizationRates(handle):
    return SimpleNamespace(gpu=[42, 90, 0][handle])

def nvmlDeviceGetPowerUsage(handle):
    return 1

nvmlDeviceGetEnforcedPowerLimit = nvmlDeviceGetPowerUsage
"""
# a run whose training ends when MLflow has seen the driver
TRAINING = """
import sys
import mlflow
from acceptance.training.tracking import EXPERIMENT
from acceptance.waiting import Ready, wait_until
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment(EXPERIMENT)
mlflow.set_system_metrics_sampling_interval(0.1)

def logged():
    names = list(mlflow.get_run(run.info.run_id).data.metrics)
    return Ready(names) if any("gpu" in name for name in names) else str(names)

with mlflow.start_run(run_name="made-up", log_system_metrics=True) as run:
    wait_until("the GPU's metrics", logged, 45)
"""
# which GPU each value of CUDA_VISIBLE_DEVICES makes the trainer's first
NUMBERS = """
import json, os, sys
import train
for visible in json.loads(sys.argv[1]):
    if visible is None:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    else:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
    print("number", train.gpu_number(), os.environ["CUDA_DEVICE_ORDER"])
"""


def with_driver(folder, program, argument):
    """Run a program where the made-up driver is; return what it says."""
    (folder / "pynvml.py").write_text(DRIVER)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CUDA_")}
    answer = subprocess.run(
        [sys.executable, "-c", program, argument],
        cwd=folder,
        env={**inherited, "PYTHONPATH": os.pathsep.join(map(str, (folder, CODESET, ROOT)))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_mlflows_own_monitor_logs_the_metric_by_which_the_gpu_counts_as_busy(tmp_path):
    """MLflow's monitor on a driver that is made up: of its GPUs the one counts that trained, by its number."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with_driver(tmp_path, TRAINING, uri)
    run = read_run(uri, "made-up", Recipe("gpu", "quick", 1))
    assert "system/gpu_1_utilization_percentage" in run.metrics
    for parameters, use in (({}, 42), ({"gpu_number": "0"}, 42), ({"gpu_number": "1"}, 90)):
        logged = dataclasses.replace(run, parameters=parameters).gpu_utilisation
        assert set(logged) == {use}


def test_the_trainer_logs_the_number_of_its_gpu(tmp_path):
    numbers = {None: 0, "": 0, "0,1": 0, "3,1": 3, "GPU-57cd6b99-0c0d,GPU-8932f937-d72c": 2, "GPU-57cd6b41": 1}
    said = with_driver(tmp_path, NUMBERS, json.dumps(list(numbers)))
    assert [line for line in said.splitlines() if line.startswith("number ")] == [
        f"number {number} PCI_BUS_ID" for number in numbers.values()
    ]
