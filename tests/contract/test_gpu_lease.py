"""Contract tests: whatever needs the one GPU gets it, in whatever order the scenarios run."""

import json
import subprocess
import sys

import pytest

from tests.running import ROOT, SuiteRun, environment

PREDICTOR = "test_triton_sees_the_gpu"
POD = "test_the_cudavectoradd_pod_passes"
TRAINER = "test_the_gpu_model_learns"


@pytest.mark.parametrize("order", [(PREDICTOR, POD, TRAINER), (TRAINER, PREDICTOR, POD)])
def test_the_predictor_frees_the_gpu_for_the_next_and_is_there_again_afterwards(tmp_path, order):
    # the made-up GPU is given to one holder at a time, and refused in the scheduler's words while another has it
    names = (*order, "test_the_models_instance_is_on_the_gpu", "test_the_gpu_answers_faster_than_the_cpu")
    answer = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "tests.contract.fake_stack",
                "--data=digits",
                f"--report={tmp_path}",
            ),
            *(f"features/test_features.py::{name}" for name in names),
        ],
        cwd=ROOT,
        env=environment(FAKE_STACK=json.dumps({})),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    found = SuiteRun(answer.returncode, answer.stdout, tmp_path).scenarios()
    assert [f"test_{name}" for name in found] == list(names), answer.stdout
    assert {scenario.outcome for scenario in found.values()} == {"passed"}, answer.stdout
