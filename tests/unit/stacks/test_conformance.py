"""Every stack, real or made up, keeps to the protocol: what it can do, how it is asked, what it raises."""

import contextlib
import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from acceptance.data.batches import Split
from acceptance.data.dataset import Dataset
from acceptance.errors import AcceptanceError, Problem
from acceptance.load.result import LoadPlan
from acceptance.options import read_settings
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.repository import MODEL
from acceptance.settings import Settings
from acceptance.stacks import protocol
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.protocol import HasDocker, HasKServe, HasPods, HasWorkflows, Stack, TargetFacts
from acceptance.stacks.targets import TARGETS, Target
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests.contract import fake_docker, fake_stack
from tests.contract.fakes import Fakes
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.stacks.test_kubernetes import stack_on

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("SABOTAGE", "none at all")  # which it reads when it is imported
    broken_stack = importlib.import_module("tests.sabotage.broken_stack")

MADE_UP = {
    "made-up embedded": fake_stack.pytest_acceptance_targets()["embedded"],
    "made-up docker": fake_docker.pytest_acceptance_targets()["docker"],
    "broken embedded": broken_stack.pytest_acceptance_targets()["embedded"],
}
EVERY: dict[str, Target] = {**TARGETS, **MADE_UP}
# of which those that ask a server: the made-up embedded one answers by itself
ASKING = [name for name in EVERY if name != "made-up embedded"]

CAPABILITIES = (HasPods, HasDocker, HasKServe, HasWorkflows)
NOWHERE = "127.0.0.1:9"
RUN = TrainingRun("", "0", "a run", "FINISHED", Recipe("cpu", "quick", 2), {}, {})
# a predictor that no stack has, and nobody is behind
UNKNOWN = Endpoint("triton-cpu-99", NOWHERE, NOWHERE, NOWHERE, MODEL, "cpu", RUN)


def methods(asked: type) -> list[str]:
    """Return what a protocol asks for."""
    # Python gives every protocol an `__init__`, of typing's own
    return [name for name, one in vars(asked).items() if callable(one) and one.__module__ == asked.__module__]


def parameters(owner: type, method: str) -> list[inspect.Parameter]:
    """Return what it takes, without the types."""
    found = inspect.signature(getattr(owner, method)).parameters.values()
    return [one.replace(annotation=inspect.Parameter.empty) for one in found]


def settings_of(target: str, **given: object) -> Settings:
    return read_settings({"target": target.split()[-1], **given}, list(TARGETS), {})


@contextlib.contextmanager
def new_stack(name: str, folder: Any) -> Iterator[Stack]:
    """Make a stack that has not been entered: it has started nothing."""
    workspace = Workspace(folder, folder)
    stack = EVERY[name].stack()(settings_of(name), workspace, lambda text: None)
    with stack if isinstance(stack, fake_stack.FakeStack) else contextlib.nullcontext():  # it has a socket
        yield stack


@contextlib.contextmanager
def entered_stack(name: str, folder: Any) -> Iterator[Any]:
    """Enter a stack that has nothing to start yet: where it needs a cluster, that is made up; no Docker answers."""
    if issubclass(EVERY[name].stack(), KubernetesStack):
        with stack_on(SmallCluster(), folder) as stack:
            yield stack
        return
    for part in ("run", "logs"):
        (folder / part).mkdir()
    workspace = Workspace(folder / "run", folder / "logs")
    with EVERY[name].stack()(settings_of(name), workspace, lambda text: None) as stack:
        yield stack


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine whose programs are made up; it tells what they have been asked for."""
    programs = Fakes(tmp_path / "programs")
    monkeypatch.setenv("PATH", programs.install())
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{NOWHERE}")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return programs


# --- what it can do, and how it is asked


@pytest.mark.parametrize("name", EVERY)
def test_a_stack_has_every_method_with_the_protocols_parameters(name):
    stack = EVERY[name].stack()
    assert len(methods(Stack)) > 10
    for method in methods(Stack):
        asked, taken = parameters(Stack, method), parameters(stack, method)
        if method == "__init__":  # it may take more, but never needs it
            more = taken[len(asked) :]
            assert all(one.default is not inspect.Parameter.empty for one in more), f"{method}{more}"
            taken = taken[: len(asked)]
        assert taken == asked, f"{stack.__name__}.{method}"


def test_the_capabilities_are_all_that_the_protocol_has_besides():
    others = {one for one in vars(protocol).values() if getattr(one, "_is_protocol", False)} - {Stack}
    assert {one for one in others if one.__module__ == protocol.__name__} == set(CAPABILITIES)


@pytest.mark.parametrize("name", EVERY)
def test_a_target_declares_what_its_stack_can_do_besides_and_nothing_else(name):
    stack = EVERY[name].stack()
    able = {capability for capability in CAPABILITIES if issubclass(stack, capability)}
    assert set(EVERY[name].capabilities) == able
    for capability in able:
        for method in methods(capability):
            assert parameters(stack, method) == parameters(capability, method), f"{stack.__name__}.{method}"


def test_a_stack_without_a_method_or_with_other_parameters_would_be_found():
    class Short(TARGETS["embedded"].stack()):  # type: ignore[misc]
        def serve(self, run): ...

        def send_load(self, endpoint, plan, *, seconds=1): ...

    assert parameters(Short, "serve") != parameters(Stack, "serve")
    assert parameters(Short, "send_load") != parameters(Stack, "send_load")
    assert parameters(Short, "stop_serving") == parameters(Stack, "stop_serving")


# --- what it raises


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("method", ["server_log", "served_model"])
def test_what_a_predictor_that_is_not_up_has_is_an_error_that_names_it(name, method, tmp_path):
    with new_stack(name, tmp_path) as stack, pytest.raises(AcceptanceError, match=f"CPU predictor at {NOWHERE}"):
        getattr(stack, method)(UNKNOWN)


@pytest.mark.parametrize("name", EVERY)
def test_a_predictor_that_is_not_up_can_be_stopped_as_often_as_one_likes(name, tmp_path):
    with new_stack(name, tmp_path) as stack:
        for _ in range(2):
            stack.stop_serving(UNKNOWN)


@pytest.mark.parametrize("name", ASKING)
def test_a_load_on_a_server_that_nobody_is_behind_is_an_error_that_names_it(name, tmp_path):
    with new_stack(name, tmp_path) as stack, pytest.raises(AcceptanceError, match=f"CPU predictor at {NOWHERE}"):
        stack.send_load(UNKNOWN, LoadPlan(600, 1, b"{}"))


@pytest.mark.parametrize("name", ASKING)
def test_a_training_without_a_model_can_not_be_served_and_the_error_names_both(name, machine, tmp_path):
    with (
        entered_stack(name, tmp_path) as stack,
        pytest.raises(AcceptanceError, match=r"a run .* logged no model 'onnx'"),
        stack.serve(RUN, "cpu"),
    ):
        pass


@pytest.mark.parametrize("name", EVERY)
def test_of_a_stack_that_has_started_nothing_nothing_died_and_all_can_be_said(name, machine, tmp_path):
    with entered_stack(name, tmp_path) as stack:
        stack.check()
        stack.save_evidence()
        assert isinstance(stack.facts(), TargetFacts)
        assert stack.how_to_reach()


def test_a_training_where_no_docker_answers_is_an_error_that_names_it(machine, tmp_path):
    with entered_stack("docker", tmp_path) as stack, pytest.raises(AcceptanceError, match=f"Docker at tcp://{NOWHERE}"):
        stack.train(RUN.recipe, Dataset(tmp_path, False, Split(np.zeros((0, 32, 32, 3)), np.zeros(0)), ""))


# --- what it does before it starts


@pytest.mark.parametrize("name", EVERY)
def test_asking_what_a_run_needs_and_where_it_will_be_starts_nothing(name, machine, tmp_path):
    stack, before = EVERY[name].stack(), set(psutil.Process().children(recursive=True))
    settings = settings_of(name, **({"kube_context": "no-such-context"} if name == "existing" else {}))
    found = stack.problems(settings)
    assert all(isinstance(problem, Problem) for problem in found)
    assert bool(found) == (name == "existing"), [str(problem) for problem in found]
    if not found:
        assert stack.describe(settings)
    assert set(psutil.Process().children(recursive=True)) <= before
    assert machine.left() == []
    assert [call for call in machine.calls() if "create" in call] == []
    assert list((tmp_path / "tmp").iterdir()) == []
