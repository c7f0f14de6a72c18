"""What nvidia-smi says, and what is wrong with it."""

import pytest

from acceptance.errors import Problem
from acceptance.gpu import nvidia_smi
from acceptance.gpu.nvidia_smi import Gpu
from tests import docker_recorded as recorded
from tests.unit.problems import assert_problem


@pytest.mark.parametrize(
    ("version", "parts"), [("20.10.24+dfsg1", (20, 10, 24)), ("3.10.0-1160.el7", (3, 10, 0)), ("", ()), ("dev", ())]
)
def test_the_numbers_of_a_version(version, parts):
    assert nvidia_smi.numbers(version) == parts


def test_the_gpus_of_a_list():
    assert nvidia_smi.gpus(recorded.LISTED.output) == [
        Gpu("NVIDIA A100-SXM4-40GB", "535.183.01", "8.0"),
        Gpu("Tesla T4", "535.183.01", "7.5"),
    ]
    assert nvidia_smi.gpus(recorded.NO_CAPABILITY.output) == [Gpu("Tesla K80", "470.256.02", "")]
    assert nvidia_smi.no_gpu(recorded.LISTED) is None


@pytest.mark.parametrize(
    ("visible", "hides"),
    [
        ("-1", True),
        ("", True),
        (" ", True),
        ("-1,0", True),
        ("none", True),
        ("0", False),
        ("1,-1", False),
        ("GPU-57cd6b41", False),
        ("MIG-57cd6b41", False),
        (None, False),
    ],
)
def test_gpus_that_the_user_hid(visible, hides):
    given = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    words = (f"CUDA_VISIBLE_DEVICES={visible} hides this machine's GPUs", "unset it") if hides else ()
    assert_problem(nvidia_smi.hidden(given), *words)


@pytest.mark.parametrize(
    ("visible", "name"),
    [(None, "A100"), ("0", "A100"), ("1,0", "T4"), ("GPU-57cd6b41", "A100")],
)
def test_the_gpu_that_the_user_names_first(visible, name):
    given = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert nvidia_smi.first_visible([Gpu("A100"), Gpu("T4")], given) == Gpu(name)


def test_a_number_that_no_gpu_has_is_named_with_those_that_there_are():
    problem = nvidia_smi.first_visible([Gpu("A100"), Gpu("T4")], {"CUDA_VISIBLE_DEVICES": "2"})
    assert isinstance(problem, Problem)
    assert_problem(problem, "CUDA_VISIBLE_DEVICES=2", "0 (A100), 1 (T4)", "name one of them")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (recorded.LISTED, ""),
        (recorded.OLD_DRIVER, "the NVIDIA driver is 418.67 (Tesla V100-SXM2-16GB); it must be at least 418.81.07"),
        (recorded.NO_DEVICES, "the NVIDIA driver is not there"),
    ],
)
def test_the_driver(answer, words):
    assert_problem(nvidia_smi.old_driver(nvidia_smi.gpus(answer.output), "418.81.07"), words)


@pytest.mark.parametrize(
    ("said", "needs"),
    [
        ("requirement error: unsatisfied condition: cuda>=12.5, please update your driver", "cuda>=12.5"),
        ("requirements not met: unsatisfied condition: cuda>=13.0 (cuda=12.4)", "cuda>=13.0"),
        ("No devices were found", ""),
    ],
)
def test_an_image_that_asks_for_more_than_the_driver_has(said, needs):
    words = f"too old for image cuda:1: it asks for {needs}, the driver has 12.4: install" if needs else ""
    assert_problem(nvidia_smi.refused(said, "image cuda:1", "12.4"), words)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (recorded.LISTED, ""),
        (recorded.OLD_GPU, "GeForce GTX 580 has 2.0; a compute capability of at least 3.0"),
        (recorded.NO_CAPABILITY, "Tesla K80: this nvidia-smi does not know"),
        (recorded.NO_DEVICES, "there is no GPU"),
    ],
)
def test_the_compute_capability(answer, words):
    assert_problem(nvidia_smi.low_capability(nvidia_smi.gpus(answer.output), "3.0"), words)
