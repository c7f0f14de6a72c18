"""MLflow on this machine: folders that it would take for others, and how many GPUs its processes get."""

from pathlib import Path

import pytest

from acceptance.training.project import device_environment, one_gpu, problems
from tests.unit.problems import assert_problem

CODESET = Path("/a%2Fb/codeset")


@pytest.mark.parametrize("name", ["a%41", "a?b", "a#b"])
def test_a_folder_that_mlflow_would_take_for_another_is_refused(tmp_path, name):
    (problem,) = problems(tmp_path / name, CODESET)
    assert_problem(problem, str(tmp_path / name), f"no path with {name[1]} in it", "TMPDIR")


def test_a_checkout_that_mlflow_would_cut_is_refused(tmp_path):
    (problem,) = problems(tmp_path, Path("/a#b/codeset"))
    assert_problem(problem, "/a#b/codeset", "no path with # in it", "move the checkout")


def test_folders_that_do_are_taken(tmp_path):
    assert problems(tmp_path / "with a space", CODESET) == []


@pytest.mark.parametrize(
    ("visible", "left"),
    [
        (None, "0"),
        ("", "-1"),
        ("3,1", "3"),
        ("GPU-57cd6b41, GPU-8932f937", "GPU-57cd6b41"),
        ("-1", "-1"),
        ("none", "-1"),
    ],
)
def test_processes_of_this_machine_are_left_one_gpu(visible, left):
    given = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert one_gpu(given) == {"CUDA_VISIBLE_DEVICES": left, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_the_cpus_training_sees_no_gpu():
    assert device_environment("cpu") == {"CUDA_VISIBLE_DEVICES": "-1"}
