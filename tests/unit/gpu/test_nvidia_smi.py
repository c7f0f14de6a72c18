"""What nvidia-smi says, and what is wrong with it."""

import pytest

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
        (recorded.OLD_GPU, "GeForce GTX 580 has 2.0; a compute capability of at least 3.0 is needed"),
        (recorded.NO_CAPABILITY, "Tesla K80: this nvidia-smi does not know its compute capability"),
        (recorded.NO_DEVICES, "there is no GPU"),
    ],
)
def test_the_compute_capability(answer, words):
    assert_problem(nvidia_smi.low_capability(nvidia_smi.gpus(answer.output), "3.0"), words)
