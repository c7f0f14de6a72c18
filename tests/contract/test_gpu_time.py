"""Contract tests: the GPU's time against the CPU's, like for like, on a made-up stack."""

import pytest

from tests.running import run_made_up

IN_TIME = "the_gpu_trains_60_epochs_in_the_time_of_the_cpus_10"


def run(folder, says, *arguments):
    """Run the scenario; `arguments` come after the tutorial's profile."""
    return run_made_up(folder, says, "-k", IN_TIME, "--profile=tutorial", *arguments)


def test_60_epochs_in_less_time_than_10_of_the_cpus_pass(tmp_path, cifar10):
    found = run(tmp_path, {}, f"--cifar10={cifar10}").scenarios()[IN_TIME]
    assert found.outcome == "passed", found.message
    assert found.figures["10 epochs on the CPU"] == "50 s"
    assert found.figures["60 on the GPU"] == "30 s"


@pytest.mark.parametrize(
    ("says", "facts"),
    [
        ({"gpu_epoch_seconds": 1.0}, ["10 epochs on the CPU 50 s", "60 on the GPU 60 s"]),
        ({"gpu_experiment": "2"}, ["{'CPU': '1', 'GPU': '2'}"]),
    ],
)
def test_it_fails_for_each_reason(tmp_path, cifar10, says, facts):
    found = run(tmp_path, says, f"--cifar10={cifar10}").scenarios()[IN_TIME]
    assert found.outcome == "failed"
    for fact in facts:
        assert fact in found.message


@pytest.mark.parametrize("arguments", [["--profile=quick"], ["--data=digits"]])
def test_networks_or_data_that_do_not_compare_skip_with_the_reason(tmp_path, cifar10, arguments):
    data = [] if "--data=digits" in arguments else [f"--cifar10={cifar10}"]
    result = run(tmp_path, {"gpu_epoch_seconds": 1.0}, *data, *arguments)
    assert result.scenarios()[IN_TIME].outcome == "skipped"
    assert "--profile tutorial" in result.output
