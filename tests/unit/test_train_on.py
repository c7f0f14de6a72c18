"""A training that is to run on a GPU ends at once where TensorFlow lists none; one for the CPU does not see any."""

import os
import subprocess
import sys

import pytest

from fixtures.stacks.common import CODESET
from fixtures.support.mlflow_local import device_environment


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


def test_the_cpus_training_sees_no_gpu():
    assert device_environment("cpu") == {"CUDA_VISIBLE_DEVICES": "-1"}
