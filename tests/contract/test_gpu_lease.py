"""Contract tests: whatever needs the one GPU gets it, in whatever order the scenarios run."""

import json
import subprocess
import sys

import pytest

from acceptance.paths import ROOT
from tests.running import MADE_UP_SECONDS
from tools.suite_run import environment, read_scenarios

PREDICTOR = "test_triton_sees_the_gpu"
POD = "test_the_cudavectoradd_pod_passes"
BEYOND = "test_the_second_recipe_reaches_96__on_heldout_images"
TRAINER = "test_the_gpu_model_learns"


@pytest.mark.parametrize("order", [(PREDICTOR, POD, TRAINER), (TRAINER, PREDICTOR, POD), (PREDICTOR, BEYOND)])
def test_the_predictor_frees_the_gpu_for_the_next_and_is_there_again_afterwards(tmp_path, cifar10, order):
    # the made-up GPU is given to one holder at a time, and refused in the scheduler's words while another has it
    data = f"--cifar10={cifar10}" if BEYOND in order else "--data=digits"
    names = (*order, "test_the_models_instance_is_on_the_gpu")
    if BEYOND not in order:  # that made-up data has no deer to send
        names += ("test_the_gpu_answers_faster_than_the_cpu",)
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.contract.fake_stack", data, f"--report={tmp_path}"),
            *(f"features/test_features.py::{name}" for name in names),
        ],
        cwd=ROOT,
        env=environment(FAKE_STACK=json.dumps({})),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=MADE_UP_SECONDS,
        check=False,
    )
    found = read_scenarios(tmp_path)
    assert [f"test_{name}" for name in found] == list(names), answer.stdout
    assert {scenario.outcome for scenario in found.values()} == {"passed"}, answer.stdout
