"""The comparison on two real predictors, both on the CPU: one slowed to twice the latency, and two that are equal."""

import dataclasses

import numpy as np
import pytest

from acceptance.load.limits import LEAST_PAIRS
from acceptance.load.pairs import CANT_TELL, CPU_FASTER, send_pairs
from acceptance.load.result import LoadPlan
from acceptance.options import read_settings
from acceptance.serving import repository
from acceptance.serving.inference import json_request, scale
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests.light_codeset.linear import to_onnx
from tests.sabotage.edit import replace
from tools.bench.servers import open_inference

pytestmark = pytest.mark.alone

# requests/s and seconds: as few requests as a 99th percentile takes, and slower where others use this machine
SHORT, SLOWER = (700, 1), (350, 2)
TRIES = (SHORT, SLOWER, SLOWER)


class SlowedStack(EmbeddedStack):
    """Serves as fast as the real one, until it is told by how many seconds its next predictors are slower."""

    slower_by = 0.0

    def build_models(self, directory, model, device):
        built = super().build_models(directory, model, device)
        if self.slower_by:  # and once or twice a load by 0.3 s, above any noise
            replace(
                built / repository.MODEL / "1" / "model.py",
                "        ends =",
                "        self.count = getattr(self, 'count', 0) + 1\n"
                f"        __import__('time').sleep(0.3 if self.count % 400 == 0 else {self.slower_by})\n"
                "        ends =",
            )
        return built


class Untracked(TrainingRun):
    """A run whose model is linear and comes from nowhere."""

    def download_model(self, name, directory):
        directory.mkdir()
        weights = np.random.default_rng(0).normal(size=(3073, 10)).astype(np.float32)
        (directory / "model.onnx").write_bytes(to_onnx(weights).SerializeToString())
        return directory


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    for name in ("run", "logs"):
        (folder / name).mkdir()
    settings = read_settings({"data": "digits"}, ["embedded"], {})
    workspace = Workspace(folder / "run", folder / "logs")
    with SlowedStack(settings, workspace, lambda text: None) as stack:
        yield stack


@pytest.fixture(scope="module")
def plan():
    pixels = np.zeros((1, 32, 32, 3), np.uint8)
    _, binary = open_inference(json_request(pixels), scale(pixels))  # which a busy machine has time for
    return LoadPlan(*SHORT, binary.body, binary.headers)


@pytest.fixture(scope="module")
def run():
    return Untracked("", "0", "a run", "FINISHED", Recipe("cpu", "quick", 1), {}, {})


@pytest.fixture(scope="module")
def predictor(stack, run, plan):
    """A predictor that is as it should be, and warm."""
    with stack.serve(run, "cpu") as endpoint:
        stack.send_load(endpoint, plan)
        yield endpoint


@pytest.fixture
def slow_predictor(stack, run, plan, predictor):
    """One that takes twice as long as the other, by the other's median."""
    stack.slower_by = stack.send_load(predictor, plan).percentile(50)
    try:
        with stack.serve(run, "cpu") as endpoint:
            yield endpoint
    finally:
        stack.slower_by = 0.0


def sending(stack, endpoints, plan):
    return lambda device: stack.send_load(endpoints[device], plan)


def compare(stack, plan, cpu, gpu, told):
    """Send pairs, the second predictor in the GPU's place, until they have `told` what was asked, or no try is left."""
    endpoints = {"cpu": cpu, "gpu": gpu}
    for rate, seconds in TRIES:
        found = send_pairs(
            sending(stack, endpoints, dataclasses.replace(plan, rate=rate, duration=seconds)), LEAST_PAIRS
        )
        if told(found):
            break
    return found


def test_a_predictor_with_twice_the_latency_is_told_apart(stack, plan, predictor, slow_predictor):
    found = compare(stack, plan, predictor, slow_predictor, lambda found: found.verdict() != CANT_TELL)
    assert found.verdict() == CPU_FASTER, found.summary() + str(found.invalid())
    assert found.ratios()[0].estimate > 1.5, found.summary()


def test_of_two_equal_predictors_it_can_not_tell(stack, run, plan, predictor):
    with stack.serve(run, "cpu") as other:
        stack.send_load(other, plan)
        found = compare(stack, plan, predictor, other, lambda found: len(found.counted) == LEAST_PAIRS)
    assert len(found.counted) == LEAST_PAIRS, found.invalid()
    assert found.verdict() == CANT_TELL, found.summary()
    assert "pairs would tell a difference of 5%" in found.summary()
