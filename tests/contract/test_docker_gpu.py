"""Contract tests: the scenarios about Docker and GPUs on recorded words, passing and failing for each reason."""

import json

import pytest

from tests import docker_recorded
from tests.contract.fakes import Fakes
from tests.prepared import run_prepared
from tests.running import MADE_UP_SECONDS

RUNS = "docker_runs_a_container_for_this_user"
VERSIONS = "the_kernel_and_docker_are_new_enough"
DRIVER = "the_driver_and_the_gpu_are_new_enough"
RUNTIME = "docker_has_the_nvidia_runtime"
SEES = "a_container_sees_the_gpu"
SCENARIOS = (RUNS, VERSIONS, DRIVER, RUNTIME, SEES)


def run(folder, says, *arguments, **variables):
    """Run the scenarios about Docker; `host` names what the machine's own nvidia-smi says."""
    host = says.pop("host", "LISTED")
    listed = getattr(docker_recorded, host)
    path = Fakes(folder / "bin").install(
        *(["nvidia-smi"] if host == "NO_DRIVER" else []),
        gpus=[listed.code, listed.output],
        knows_capability=host != "NO_CAPABILITY",
    )
    return run_prepared(
        folder / "report",
        "--target=docker",
        "--data=digits",
        "-m",
        "docker",
        *arguments,
        plugin="tests.contract.fake_docker",
        timeout=MADE_UP_SECONDS,
        FAKE_DOCKER=json.dumps(says),
        PATH=path,
        **variables,
    )


def outcomes(result):
    return {name: found.outcome for name, found in result.scenarios().items()}


def test_all_pass_where_nothing_is_missing(tmp_path):
    result = run(tmp_path, {})
    assert outcomes(result) == dict.fromkeys(SCENARIOS, "passed"), result.output
    assert result.scenarios()[SEES].figures["the container's GPUs"].startswith("NVIDIA A100-SXM4-40GB, 535.183.01")


@pytest.mark.parametrize(
    ("says", "variables", "failed", "facts"),
    [
        ({"vegeta-version": "NOT_STARTED"}, {}, {RUNS}, ["exec format error"]),
        ({}, {"FAKE_KERNEL": "3.10.0-1160.el7.x86_64"}, {VERSIONS}, ["3.10.0-1160.el7.x86_64", "newer than 3.10"]),
        ({}, {"FAKE_VERSION": "18.09.9"}, {VERSIONS}, ["Docker is 18.09.9", "at least 19.03"]),
        ({"host": "OLD_DRIVER"}, {}, {DRIVER}, ["driver is 418.67"]),
        ({"host": "OLD_GPU"}, {}, {DRIVER}, ["GeForce GTX 580 has 2.0", "at least 3.0"]),
        ({"host": "NO_CAPABILITY"}, {}, {DRIVER}, ["Tesla K80", "does not know its compute capability"]),
        ({"host": "VOLTA"}, {}, {DRIVER}, ["compute capability 7.0", "Triton 25.08-py3"]),
        ({"host": "CONSUMER_GPU"}, {}, {DRIVER}, ["550.54.15", "NVIDIA GeForce RTX 4090", "Triton 25.08-py3"]),
        ({"info": "INFO"}, {}, {RUNTIME}, ["sudo nvidia-ctk runtime configure --runtime=docker"]),
        ({"nvidia-smi": "NO_TOOLKIT"}, {}, {SEES}, ["sudo nvidia-ctk runtime configure --runtime=docker"]),
        ({"nvidia-smi": "NOT_INJECTED"}, {}, {SEES}, ["sudo nvidia-ctk runtime configure --runtime=docker"]),
        ({"nvidia-smi": "NO_DEVICES"}, {}, {SEES}, ["No devices were found"]),
        ({"error": "PERMISSION"}, {}, {RUNS, VERSIONS, RUNTIME, SEES}, ["sudo usermod -aG docker $USER"]),
        ({"error": "NO_SOCKET"}, {}, {RUNS, VERSIONS, RUNTIME, SEES}, ["sudo systemctl start docker"]),
    ],
)
def test_what_is_missing_fails_its_scenario_with_the_fix(tmp_path, says, variables, failed, facts):
    result = run(tmp_path, says, **variables)
    scenarios = result.scenarios()
    assert result.code == 1, result.output
    assert {name for name, outcome in outcomes(result).items() if outcome != "passed"} == failed
    for name in failed:
        assert scenarios[name].outcome == "failed"
        for fact in facts:
            assert fact in scenarios[name].message


def test_a_machine_without_a_gpu_skips_what_is_about_gpus(tmp_path):
    result = run(tmp_path, {"host": "NO_DRIVER"})
    assert result.code == 0, result.output
    assert {name for name, outcome in outcomes(result).items() if outcome == "skipped"} == {DRIVER, RUNTIME, SEES}
    assert "this machine has no NVIDIA driver" in result.output


@pytest.mark.parametrize("demanded", [False, True])
def test_gpus_that_the_user_hid_are_skipped_and_missed_only_where_one_is_demanded(tmp_path, demanded):
    result = run(tmp_path, {}, *(["--require-gpu"] if demanded else []), CUDA_VISIBLE_DEVICES="")
    hit = {name: found for name, found in result.scenarios().items() if found.outcome != "passed"}
    assert set(hit) == {DRIVER, RUNTIME, SEES}
    assert {found.outcome for found in hit.values()} == {"error" if demanded else "skipped"}
    assert all("CUDA_VISIBLE_DEVICES= hides this machine's GPUs" in found.message for found in hit.values())


def test_a_gpu_that_was_demanded_is_missed_where_it_is_missing(tmp_path):
    result = run(tmp_path, {"host": "NOT_LOADED", "info": "INFO", "nvidia-smi": "NO_TOOLKIT"}, "--require-gpu")
    scenarios = result.scenarios()
    assert "sudo modprobe nvidia" in scenarios[DRIVER].message
    assert "no nvidia" in scenarios[RUNTIME].message
    assert "could not select device driver" in scenarios[SEES].message


def test_other_targets_skip_them_and_say_which_runs_them(tmp_path):
    result = run_prepared(tmp_path, "--target=embedded", "--data=digits", "-m", "docker", timeout=MADE_UP_SECONDS)
    assert result.code == 0, result.output
    assert outcomes(result) == dict.fromkeys(SCENARIOS, "skipped")
    assert "runs on --target docker" in result.output
