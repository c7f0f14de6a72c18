"""A training that is to run on a GPU ends at once where TensorFlow lists none; one for the CPU does not see any."""

import os
import subprocess
import sys
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from acceptance.paths import CODESET
from acceptance.training.project import device_environment, one_gpu
from acceptance.training.tracking import Recipe, TrainingRun


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
    assert "TRAIN_ON=gpu: TensorFlow" in answer.stderr
    assert "lists no GPU: install tensorflow[and-cuda]==" in answer.stderr


def test_mlflows_own_monitor_logs_the_metric_by_which_the_gpu_counts_as_busy(monkeypatch):
    """MLflow's monitor on a driver that is made up: of its two GPUs the one counts that trained, by its number."""
    from mlflow.system_metrics.metrics import gpu_monitor
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    driver = Mock(NVMLError=OSError)
    driver.nvmlDeviceGetCount.return_value = 2
    driver.nvmlDeviceGetHandleByIndex.side_effect = lambda index: index
    driver.nvmlDeviceGetMemoryInfo.return_value = SimpleNamespace(used=1, total=2)
    driver.nvmlDeviceGetUtilizationRates.side_effect = lambda index: SimpleNamespace(gpu=[42, 90][index])
    driver.nvmlDeviceGetPowerUsage.return_value = driver.nvmlDeviceGetEnforcedPowerLimit.return_value = 1
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.setattr(gpu_monitor, "pynvml", driver, raising=False)
    monitor = SystemMetricsMonitor("made-up", tracking_uri="http://127.0.0.1:9")
    monitor.mlflow_logger = Mock()
    monitor.collect_metrics()
    monitor.publish_metrics(monitor.aggregate_metrics())
    (logged, _), _ = monitor.mlflow_logger.record_metrics.call_args
    metrics = {name: [value] for name, value in reversed(logged.items())}
    assert "system/gpu_1_utilization_percentage" in metrics
    for trained, use in (({}, 42), ({"gpu_number": "0"}, 42), ({"gpu_number": "1"}, 90)):
        run = TrainingRun("", "", "", "FINISHED", Recipe("gpu", "quick", 1), trained, metrics)
        assert run.gpu_utilisation == [use]


# a driver with three GPUs, by their UUIDs
DRIVER = """
import train
train.pynvml.nvmlInit = train.pynvml.nvmlShutdown = lambda: None
train.pynvml.nvmlDeviceGetCount = lambda: 3
train.pynvml.nvmlDeviceGetHandleByIndex = lambda index: index
train.pynvml.nvmlDeviceGetUUID = ["GPU-8932f937-d72c", "GPU-57cd6b41-a1b2", "GPU-57cd6b99-0c0d"].__getitem__
"""


@pytest.mark.parametrize(
    ("visible", "number"),
    [(None, 0), ("", 0), ("0,1", 0), ("3,1", 3), ("GPU-57cd6b99-0c0d,GPU-8932f937-d72c", 2), ("GPU-57cd6b41", 1)],
)
def test_the_trainer_logs_the_number_of_its_gpu(visible, number):
    environment = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"}
    program = f"{DRIVER}print('number', train.gpu_number(), train.os.environ['CUDA_DEVICE_ORDER'])"
    given = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=CODESET,
        env={**environment, **given},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"number {number} PCI_BUS_ID" in answer.stdout, answer.stderr


@pytest.mark.parametrize(
    ("visible", "left"),
    [(None, "0"), ("", "0"), ("3,1", "3"), ("GPU-57cd6b41, GPU-8932f937", "GPU-57cd6b41"), ("-1", "-1")],
)
def test_processes_of_this_machine_are_left_one_gpu(visible, left):
    given = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert one_gpu(given) == {"CUDA_VISIBLE_DEVICES": left, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_the_cpus_training_sees_no_gpu():
    assert device_environment("cpu") == {"CUDA_VISIBLE_DEVICES": "-1"}
