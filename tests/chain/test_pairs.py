"""The comparison on two real predictors, both on the CPU: one slowed to twice the latency, and two that are equal."""

import contextlib

import pytest

from acceptance.data.dataset import Source, prepare
from acceptance.load.pairs import CANT_TELL, CPU_FASTER, LEAST_PAIRS, send_pairs
from acceptance.load.result import LoadPlan
from acceptance.serving import repository
from acceptance.serving.inference import json_request
from acceptance.settings import read_settings
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.protocol import Workspace
from acceptance.training.tracking import Recipe
from tests.sabotage.edit import replace

pytestmark = pytest.mark.alone

RATE, SECONDS = 200, 4


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    for name in ("run", "logs"):
        (folder / name).mkdir()
    settings = read_settings({"data": "digits"}, ["embedded"], {})
    with EmbeddedStack(settings, Workspace(folder / "run", folder / "logs"), lambda text: None) as stack:
        yield stack


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return prepare(Source(), tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def plan(dataset):
    return LoadPlan(RATE, SECONDS, json_request(dataset.held_out.pixels[:1]))


@pytest.fixture(scope="module")
def run(stack, dataset):
    return stack.train(Recipe("cpu", "quick", 1, batch_size=32), dataset)


@pytest.fixture(scope="module")
def predictor(stack, run, plan):
    """A predictor that is as it should be, and warm."""
    with stack.serve(run, "cpu") as endpoint:
        stack.send_load(endpoint, plan)
        yield endpoint


@contextlib.contextmanager
def slowed(load):
    """Have predictors made that take longer by the load's median, and now and then by 0.3 s, above any noise."""
    build = repository.build_repository
    longer = f"(0.3 if self.count % 200 == 0 else {load.percentile(50)})"

    def build_slowed(*arguments):
        built = build(*arguments)
        replace(
            built / repository.MODEL / "1" / "model.py",
            "        ends =",
            "        self.count = getattr(self, 'count', 0) + 1\n"
            f"        __import__('time').sleep({longer})\n"
            "        ends =",
        )
        return built

    repository.build_repository = build_slowed
    try:
        yield
    finally:
        repository.build_repository = build


def compare(stack, plan, cpu, gpu):
    """Send pairs, the second predictor in the GPU's place."""
    endpoints = {"cpu": cpu, "gpu": gpu}
    return send_pairs(lambda device: stack.send_load(endpoints[device], plan), LEAST_PAIRS)


def test_a_predictor_with_twice_the_latency_is_told_apart(stack, run, plan, predictor):
    with slowed(stack.send_load(predictor, plan)), stack.serve(run, "cpu") as slow:
        found = compare(stack, plan, predictor, slow)
    assert found.verdict() == CPU_FASTER, found.words() + str(found.invalid())
    assert found.ratios()[0].estimate > 1.5, found.words()


def test_of_two_equal_predictors_it_can_not_tell(stack, run, plan, predictor):
    with stack.serve(run, "cpu") as other:
        stack.send_load(other, plan)
        found = compare(stack, plan, predictor, other)
    assert len(found.counted) == LEAST_PAIRS, found.invalid()
    assert found.verdict() == CANT_TELL, found.words()
    assert "pairs would tell a difference of 5%" in found.words()
