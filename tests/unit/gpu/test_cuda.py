"""Which CUDA base image a driver gets, and which it can't run."""

import pytest

from acceptance.errors import BadSetting
from acceptance.gpu import cuda
from tests.unit.problems import assert_problem


@pytest.mark.parametrize(
    ("driver", "base"),
    [
        ("11.8", "11.8.0-base-ubuntu22.04"),
        ("12.0", "11.8.0-base-ubuntu22.04"),
        ("12.2", "12.2.2-base-ubuntu22.04"),
        ("12.8", "12.8.1-base-ubuntu22.04"),
        ("12.10", "12.9.1-base-ubuntu22.04"),  # as numbers, not as text
        ("13.0", "13.0.2-base-ubuntu22.04"),
        ("14.1", "13.0.2-base-ubuntu22.04"),
    ],
)
def test_the_base_is_the_newest_that_is_not_newer_than_the_driver(driver, base):
    assert cuda.base_for(driver) == base


@pytest.mark.parametrize("driver", ["11.7", "9.0", ""])
def test_a_driver_older_than_every_base_is_named_with_the_fix(driver):
    with pytest.raises(BadSetting, match=f"CUDA version is {driver or 'unknown'}; .* is for 11.8"):
        cuda.base_for(driver)


@pytest.mark.parametrize(
    ("built_on", "driver", "wrong"),
    [("12.2.2", "12.2", False), ("12.2.2", "12.4", False), ("12.4.1", "12.2", True), ("13.0.2", "12.9", True)],
)
def test_an_image_is_too_new_where_its_cuda_is_newer_than_the_drivers(built_on, driver, wrong):
    words = f"node:1 is built on CUDA {built_on}, which is too new" if wrong else ""
    assert_problem(cuda.too_new("node:1", built_on, driver), words)


def test_the_bases_are_in_order():
    versions = [tuple(map(int, base.split("."))) for base in cuda.BASES]
    assert versions == sorted(versions)
